"""The report of what was found and what would be used."""

from __future__ import annotations

import io

import gpupept
from gpupept.backend import versions_report


def facts(text):
    assert text.endswith("\n")
    width = text.index(" ", 8) if "  " in text else 0
    assert width
    return dict(line.split("  ", 1) for line in text.splitlines())


def test_without_a_gpu(machine, monkeypatch):
    machine("no driver")
    monkeypatch.setenv("GPUPEPT_MEMORY", "2GiB")
    monkeypatch.delenv("NUMBA_CACHE_DIR", raising=False)
    found = {name: value.strip() for name, value in facts(versions_report()).items()}
    assert found["gpupept"] == gpupept.__version__
    assert found["cupy"] == "14.2.0"
    assert found["CUDA"] == "driver none, runtime 13.2"
    assert "cudaErrorInsufficientDriver" in found["GPU"]
    assert found['device "auto"'] == "cpu"
    assert found["default device"] == "where the data is"
    assert found["memory budget"] == "2.0 GiB on cpu"
    assert found["CUDA sources"].endswith("cuda_kernels")
    for name in ("Python", "system", "processor", "numpy", "numba", "scipy", "pandas", "pyarrow"):
        assert found[name]
    assert found["Numba cache"]
    monkeypatch.setenv("NUMBA_CACHE_DIR", "/somewhere")
    assert "/somewhere (NUMBA_CACHE_DIR)" in versions_report()


def test_with_a_gpu(fake_gpu):
    text = versions_report()
    assert "cuda:0" in text
    assert "Host shim, sm_9.0, 16.0 GiB" in text
    assert "GiB on cpu" in text
    assert "2.0 GiB on cuda:0" in text
    assert "none:" not in text


def test_settings_that_are_wrong_are_reported_not_raised(machine, monkeypatch):
    machine("no cupy")
    monkeypatch.setenv("GPUPEPT_BACKEND", "tpu")
    monkeypatch.setenv("GPUPEPT_MEMORY", "much")
    monkeypatch.setenv("GPUPEPT_KERNEL_DIR", "/nowhere/at/all")
    text = versions_report()
    for part in ("'tpu'", "'much'", "/nowhere/at/all", "CuPy is not installed"):
        assert part in text


def test_show_versions(capsys):
    gpupept.show_versions()
    printed = capsys.readouterr().out
    stream = io.StringIO()
    gpupept.show_versions(stream)
    assert stream.getvalue().splitlines()[:3] == printed.splitlines()[:3]
