"""Probing for GPUs, choosing a device, and the errors when there is none."""

from __future__ import annotations

import logging
import pickle
import subprocess
import sys

import numpy as np
import pytest
from cuda_host import fake_cupy

import gpupept
from gpupept.backend import (
    BackendError,
    GPUUnavailableError,
    KernelCompileError,
    MixedDevicesError,
    array_namespace,
    common_device,
    cupy_module,
    current_backend,
    device_of,
    is_device_array,
    memory_budget,
    probe,
    resolve_device,
    to_device,
    to_host,
    use_backend,
)

STATES = {
    "no cupy": "CuPy is not installed",
    "broken cupy": "importing it fails .ImportError: libcublas.so.13",
    "no driver": "finds no usable NVIDIA GPU .no driver, runtime 13.2: cudaErrorInsufficientDriver",
}


def test_import_is_light():
    """Importing the backend imports NumPy and nothing else that is heavy."""
    heavy = {"cupy", "numba", "scipy", "pandas", "pyarrow", "plotly", "cuml", "tqdm", "joblib"}
    code = f"import gpupept.backend, sys; print({heavy!r} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
    assert not done.stderr


@pytest.mark.parametrize("state", STATES)
def test_without_a_gpu(machine, state):
    machine(state)
    report = probe()
    assert not report.usable
    assert report.devices == ()
    with pytest.raises(GPUUnavailableError, match=STATES[state]) as error:
        resolve_device("cuda")
    assert "gpupept[cuda12]" in str(error.value), "what to install"
    assert isinstance(error.value, BackendError)
    with pytest.raises(GPUUnavailableError, match=STATES[state]):
        to_device(np.zeros(2), "cuda:0")
    with pytest.raises(GPUUnavailableError, match=STATES[state]):
        use_backend("cuda")
    assert current_backend() is None
    assert resolve_device(None, np.zeros(2)) == "cpu"
    assert array_namespace(np.zeros(2)) is np
    assert "none" in gpupept.backend.versions_report()


@pytest.mark.parametrize("state", ["no cupy", "broken cupy"])
def test_cupy_module_raises_when_it_cannot_be_imported(machine, state):
    machine(state)
    with pytest.raises(GPUUnavailableError, match=STATES[state]):
        cupy_module()


def test_cupy_without_driver_is_a_module(machine):
    assert machine("no driver") is cupy_module()
    assert probe().cupy_version == "14.2.0"
    assert probe().runtime_version == "13.2"
    assert probe().driver_version is None


def test_no_device_is_not_usable():
    with fake_cupy.installed(devices=0):
        assert not probe().usable
        assert "this machine has no NVIDIA GPU" in probe().reason


def test_probe_with_devices():
    with fake_cupy.installed(devices=2):
        report = probe()
        assert report.usable
        assert report.reason == ""
        assert [gpu.id for gpu in report.devices] == [0, 1]
        assert report.devices[0].compute_capability == "9.0"
        assert report.devices[0].total_memory == 16 * 2**30
        assert (report.driver_version, report.runtime_version) == ("13.0", "13.0")
        assert probe() is report, "probing is done once"


@pytest.mark.parametrize(
    "name", ["gpu", "CUDA", "cuda:", "cuda:x", "cuda:-1", " cpu", "", "cpu:0", "auto\n"]
)
def test_unknown_device(name):
    with pytest.raises(ValueError, match=r"device must be .*cuda:N.*found"):
        resolve_device(name)
    with pytest.raises(ValueError, match="name must be"):
        use_backend(name)


@pytest.mark.parametrize("name", [0, np.zeros(2), b"cpu"])
def test_device_is_a_string(name):
    with pytest.raises(TypeError, match="device must be a string"):
        resolve_device(name)


def test_device_number_that_does_not_exist(fake_gpu):
    assert resolve_device("cuda") == "cuda:0"
    assert resolve_device("cuda:0") == "cuda:0"
    with pytest.raises(GPUUnavailableError, match=r"'cuda:1' does not exist.*1 GPU"):
        resolve_device("cuda:1")


def test_cuda_is_the_current_device():
    with fake_cupy.installed(devices=2) as cupy, cupy.cuda.Device(1):
        assert resolve_device("cuda") == "cuda:1"
        assert device_of(to_device(np.zeros(1), "cuda")) == "cuda:1"
        there = to_device(np.zeros(1), "cuda:0")
        assert device_of(there) == "cuda:0"
        assert to_device(there, "cuda") is there, "on a GPU already"
        assert resolve_device("cuda", there, None) == "cuda:0"
        assert resolve_device("auto", there, np.zeros(1)) == "cuda:0"
        assert resolve_device("cuda:1", there) == "cuda:1"


def test_auto_falls_back_and_says_so_once(machine, caplog):
    machine("no driver")
    with caplog.at_level(logging.INFO, logger="gpupept"):
        assert [resolve_device("auto") for _ in range(3)] == ["cpu"] * 3
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert "cudaErrorInsufficientDriver" in record.getMessage()


def test_auto_uses_a_gpu(fake_gpu, caplog):
    with caplog.at_level(logging.INFO, logger="gpupept"):
        assert [resolve_device("auto") for _ in range(3)] == ["cuda:0"] * 3
    assert [r.levelno for r in caplog.records] == [logging.INFO]


def test_the_data_decides(fake_gpu):
    host, there = np.zeros(2), fake_gpu.zeros(2)
    assert resolve_device(None) == "cpu"
    assert resolve_device(None, host, None, 3) == "cpu"
    assert resolve_device(None, None, there, 2.5) == "cuda:0"
    with pytest.raises(MixedDevicesError, match="found them on cpu, cuda:0"):
        resolve_device(None, host, there)
    assert resolve_device("cpu", host, there) == "cpu", "asked for: nothing is mixed silently"


def test_default_device(fake_gpu, monkeypatch):
    there = fake_gpu.zeros(2)
    monkeypatch.setenv("GPUPEPT_BACKEND", "cuda")
    assert current_backend() == "cuda"
    assert resolve_device(None, np.zeros(2)) == "cuda:0"
    with use_backend("cpu"):
        assert resolve_device(None, there) == "cpu"
        with use_backend("auto"):
            assert current_backend() == "auto"
            assert resolve_device(None) == "cuda:0"
        assert current_backend() == "cpu"
        assert resolve_device("cuda") == "cuda:0", "an argument comes first"
    assert current_backend() == "cuda"
    monkeypatch.setenv("GPUPEPT_BACKEND", " ")
    assert current_backend() is None
    monkeypatch.setenv("GPUPEPT_BACKEND", "tpu")
    with pytest.raises(ValueError, match=r"environment variable GPUPEPT_BACKEND.*'tpu'"):
        current_backend()


def test_use_backend_is_a_plain_call_too(machine):
    machine("no cupy")
    use_backend("cpu")
    assert current_backend() == "cpu"
    gpupept.use_backend(None)
    assert current_backend() is None


def test_use_backend_ends_with_an_error(machine):
    machine("no cupy")
    with pytest.raises(KeyError), use_backend("cpu"):
        raise KeyError
    assert current_backend() is None


def test_moving_keeps_what_is_there(device):
    host = np.arange(6.0).reshape(2, 3)[:, ::-1]
    there = device.asarray(host)
    assert device.asarray(there) is there
    assert is_device_array(there) == (device.name == "cuda")
    assert device_of(there).partition(":")[0] == device.name
    back = to_host(there)
    assert type(back) is np.ndarray
    np.testing.assert_array_equal(back, host)
    assert device_of(to_device(there, "cpu")) == "cpu"
    np.testing.assert_array_equal(device.to_host(device.asarray([1, 2])), [1, 2])


def test_namespace(device):
    there = device.asarray(np.arange(3))
    xp = array_namespace(None, there, 2)
    assert xp.__name__ == ("numpy" if device.name == "cpu" else "cupy")
    total = (xp.ones(3, dtype=xp.int64) * there).sum()
    assert device_of(total).partition(":")[0] == device.name or device.name == "cpu"
    assert int(total) == 3
    if device.name == "cuda":
        with pytest.raises(MixedDevicesError) as error:
            array_namespace(there, np.zeros(1))
        assert isinstance(error.value, TypeError)
    assert common_device(None, 3, "text") is None


def test_device_memory(device):
    name = "cpu" if device.name == "cpu" else device_of(device.asarray(np.zeros(1)))
    assert 2**20 < memory_budget(name) < 2**50


def test_errors_cross_process_borders():
    error = KernelCompileError("a.cu", "sm_90", ("-DX",), "line 3: no")
    again = pickle.loads(pickle.dumps(error))
    assert str(again) == str(error)
    assert (again.source, again.architecture, again.options, again.log) == (
        error.source,
        error.architecture,
        error.options,
        error.log,
    )
    for part in ("a.cu", "sm_90", "-DX", "line 3: no"):
        assert part in str(error)


def test_a_backend_can_be_entered_again():
    backend = use_backend("cpu")
    for _ in range(2):
        with backend:
            assert current_backend() == "cpu"
        assert current_backend() is None
