"""The command voxelize: what it makes and prints, messages and exit statuses."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import gpupept
from gpupept.backend import probe
from gpupept.cli import main
from gpupept.simulation import rotating_tracers
from gpupept.volumes import VolumeStore, locking, making
from gpupept.volumes.store import partial_path

CPU = ["--device", "cpu", "--quiet"]


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Text file with a header and LoRs."""
    path = tmp_path_factory.mktemp("measured") / "run.csv"
    lors = rotating_tracers(lors=500).lines.lines[:, [0, 1, 2, 4, 5]]
    np.savetxt(path, lors, fmt="%.6f", header="Run 7\nt x1 y1 x2 y2", comments="")
    return path


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "vol.zarr"


def command(file: Path | str, out: Path, *options: str) -> list[str]:
    words = ["voxelize", str(file), "--separation", "712", "--voxels", "20", "30", "40"]
    return [*words, "--out", str(out), *CPU, *options]


def expected(measured: Path, **options: Any) -> gpupept.Voxels:
    lines = gpupept.scanners.parallel_screens(measured, 712, verbose=False)
    return gpupept.Voxels.from_lines(lines, (20, 30, 40), verbose=False, **options)


def test_counts_and_figures(measured: Path, out: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(command(measured, out, "--checksum")) == 0
    store, voxels = VolumeStore.open(out), expected(measured, dtype="uint32")
    assert store.dtype == np.uint32
    assert store[...].tobytes() == voxels.array.tobytes()
    shown = capsys.readouterr()
    assert shown.err == ""
    found = dict(
        re.split(r"\s{2,}", line.strip()) for line in shown.out.splitlines() if "  " in line.strip()
    )
    assert found["LoRs read"] == "500"
    assert found["LoRs not finite"] == "0"
    assert found["voxels"] == "20 x 30 x 40"
    assert found["LoRs through voxels, sum"] == f"{int(voxels.sum()):,}"
    assert found["voxels not zero"] == f"{np.count_nonzero(voxels.array):,}"
    assert found["largest value"] == str(int(voxels.max()))
    assert found["values"] == "0.1 MB of uint32"
    assert f"checksum {store.checksum()}" in shown.out
    assert f"written to {out}" in shown.out


def test_lengths_between_limits(
    measured: Path, out: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    limits = {"xlim": [-100.0, 300.0], "ylim": [10.0, 300.0], "zlim": [200.0, 500.5]}
    words = [word for name, pair in limits.items() for word in (f"--{name}", *map(str, pair))]
    assert main(command(measured, out, "--lengths", *words, "--chunks", "5", "6", "7")) == 0
    store, voxels = VolumeStore.open(out), expected(measured, lengths=True, **limits)
    assert store.chunks == (5, 6, 7)
    assert store.dtype == np.float64
    assert store[...].tobytes() == voxels.array.tobytes()
    assert "sum of lengths, mm" in capsys.readouterr().out


def test_progress_is_shown(measured: Path, out: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = [word for word in command(measured, out, "--dtype", "float32") if word != "--quiet"]
    assert main(words) == 0
    assert VolumeStore.open(out).dtype == np.float32
    err = capsys.readouterr().err
    assert "reading" in err
    assert "voxelizing: 100%" in err


def fails(words: list[str], capsys: pytest.CaptureFixture[str], message: str) -> None:
    """Check that a command fails with one line about it."""
    assert main(words) == 1
    shown = capsys.readouterr()
    assert shown.out == ""
    assert re.fullmatch(f"gpupept: error: .*{message}.*\n", shown.err), shown.err


def test_what_exists_is_kept_unless_told(
    measured: Path, out: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(command(measured, out)) == 0
    before = VolumeStore.open(out).checksum()
    capsys.readouterr()
    fails(command(measured, out, "--lengths"), capsys, "exists already.*--overwrite")
    assert VolumeStore.open(out).checksum() == before
    assert main(command(measured, out, "--lengths", "--overwrite")) == 0
    assert VolumeStore.open(out).dtype == np.float64


def test_bad_input_is_one_line(
    measured: Path, out: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fails(command("absent.csv", out), capsys, "there is no file 'absent.csv'")
    fails(command(measured, out.parent / "no" / "v.zarr"), capsys, "directory does not exist: .*no")
    fails(command(measured, out, "--xlim", "3", "2"), capsys, "xlim must be a lower")
    fails(command(measured, out, "--memory", "1kB"), capsys, "too little.*memory=[0-9]+ or more")
    fails(
        command(measured, out, "--lengths", "--dtype", "uint32"), capsys, "--lengths needs a float"
    )
    out.parent.joinpath("empty.csv").write_text("")
    fails(command(out.parent / "empty.csv", out), capsys, "")
    assert not out.exists()
    assert not partial_path(out).exists()


@pytest.mark.skipif(probe().usable, reason="this machine has a GPU")
def test_no_gpu(measured: Path, out: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fails([*command(measured, out), "--device", "cuda"], capsys, "")


@pytest.mark.parametrize(
    "words",
    [
        ["--voxels", "5", "5"],
        ["--voxels", "5", "-5", "5"],
        ["--out", "vol.npz"],
        ["--dtype", "int8"],
        ["--xlim", "3"],
    ],
)
def test_words_that_are_not_understood(measured: Path, out: Path, words: list[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main([*command(measured, out), *words])
    assert caught.value.code == 2


def test_without_zarr(
    measured: Path, out: Path, capsys: pytest.CaptureFixture[str], monkeypatch: Any
) -> None:
    monkeypatch.setitem(sys.modules, "zarr", None)
    fails(command(measured, out), capsys, r"gpupept\[io\]")


def test_interrupted_it_goes_on(
    measured: Path, out: Path, capsys: pytest.CaptureFixture[str], monkeypatch: Any
) -> None:
    def interrupted(*_: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(making, "traverse", interrupted)
        assert main(command(measured, out)) == 130
    assert "interrupted" in capsys.readouterr().err
    assert not out.exists()
    assert partial_path(out).exists()
    fails(command(measured, out, "--lengths"), capsys, "unfinished volume.*--restart")
    assert main(command(measured, out, "--lengths", "--restart")) == 0
    assert os.listdir(out.parent) == ["vol.zarr"]


def test_a_second_process_is_refused(
    measured: Path, out: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with locking.locked(partial_path(out)):
        fails(command(measured, out), capsys, f"another process \\({os.getpid()}\\) is making")


def test_lines_that_are_not_finite_are_told(
    tmp_path: Path, out: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "run.csv"
    file.write_text("0 1 2 3 4\n1 -1.7e308 2 1.7e308 4\n2 5 6 1 2\n")
    assert main(command(file, out, "--xlim", "0", "9")) == 0
    shown = capsys.readouterr()
    assert "1 of 3 lines were left out" in shown.err
    assert re.search(r"LoRs not finite\s+1\n", shown.out)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--xlim", "5", "5"], "--xlim must be"),
        (["--memory", "1000"], "memory of 1000 bytes is too little"),
        (["--chunks", "20", "30", "40", "--memory", "100kB"], "too little"),
        (["--out", "absent/vol.zarr"], "directory does not exist"),
    ],
)
def test_what_cannot_be_made_is_found_before_reading(
    tmp_path: Path, out: Path, words: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "unreadable.csv"
    file.write_text("no numbers")
    fails(command(file, out, *words), capsys, message)
    assert [path.name for path in tmp_path.iterdir()] == ["unreadable.csv"]


def test_least_number_of_voxels(
    measured: Path, out: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for number in ("-4", "1"):
        with pytest.raises(SystemExit):
            main(command(measured, out, "--voxels", number, "9", "9"))
        assert f"at least 2, not '{number}'" in capsys.readouterr().err


def test_a_grid_beside_the_lines_is_told(
    measured: Path, out: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(command(measured, out, "--xlim", "9000", "9001")) == 0
    err = capsys.readouterr().err
    assert "sum of all values is 0" in err
    assert "of 9000 to 9001" in err


def test_an_interrupt_says_how_to_go_on(
    measured: Path, out: Path, capsys: pytest.CaptureFixture[str], monkeypatch: Any
) -> None:
    def interrupt(*_: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(making.Maker, "make", interrupt)
        assert main(command(measured, out)) == 130
    assert capsys.readouterr().err == "gpupept: interrupted: run the same command again to go on\n"
    assert main(command(measured, out)) == 0


def test_weights_that_are_not_finite_are_named(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    lines = np.arange(14.0).reshape(2, 7)
    options: Any = {"weights": [np.nan, 1.0]}
    gpupept.voxelize(lines, (2, 2, 2), tmp_path / "v.zarr", progress=False, **options)
    gpupept.Voxels.from_lines(lines, (2, 2, 2), verbose=False, **options)
    told = [record.getMessage() for record in caplog.records]
    assert len(told) == 2
    assert all(
        "1 of 2 lines" in each and "or their weights are not finite" in each for each in told
    )
