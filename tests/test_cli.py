"""The command: results, exit statuses, messages, and that nothing is half-written."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import gpupept as pept
from gpupept.backend import probe
from gpupept.cli import main
from gpupept.scanners import write_adac_forte
from gpupept.simulation import rotating_tracers

CHECKOUT = Path(__file__).resolve().parent.parent
RECIPE = ["--max-tracers", "2", "--quiet"]
needs_no_gpu = pytest.mark.skipif(probe().usable, reason="this machine has a GPU")


@pytest.fixture(scope="module")
def lors() -> np.ndarray:
    """Rows t, x1, y1, x2, y2 of two rotating tracers."""
    return rotating_tracers(lors=9_000).lines.lines[:, [0, 1, 2, 4, 5]]


@pytest.fixture(scope="module")
def measured(lors: np.ndarray, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Text file with a header."""
    path = tmp_path_factory.mktemp("measured") / "run.csv"
    np.savetxt(path, lors, fmt="%.6f", header="Two tracers, run 7\nt x1 y1 x2 y2", comments="")
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where outputs go; empty."""
    path = tmp_path / "results"
    path.mkdir()
    return path


def track(file: Path | str, out: Path, *options: str) -> int:
    return main(["track", str(file), "--separation", "712", "--out", str(out), *RECIPE, *options])


def figures(text: str) -> dict[str, str]:
    """Values of a printed table by their names."""
    rows = [re.split(r"\s{2,}", line.strip()) for line in text.splitlines()]
    return {row[0]: row[1] for row in rows if len(row) == 2}


def test_track_writes_everything_and_prints_the_figures(
    measured: Path, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, csv, page = folder / "t.parquet", folder / "t.csv", folder / "report.html"
    command = ["track", str(measured), "--scanner", "parallel-screens", "--separation", "712"]
    command += ["--max-tracers", "2", "--sample-size", "400", "--overlap", "300"]
    assert main([*command, "--out", str(out), "--csv", str(csv), "--html", str(page)]) == 0
    shown = capsys.readouterr()
    found = figures(shown.out)
    assert found["LoRs read"] == "9,000"
    assert found["records skipped"] == "0"
    assert found["samples"] == "87"
    assert found["first pass"] in ("174",) or found["first pass"].endswith(" s")
    assert found["trajectories"] == "2"
    assert found["trajectory 0"] == found["trajectory 1"] == "115"
    assert found["noise"] == "0"
    for stage in ("reading", "second pass", "separation", "total"):
        assert re.fullmatch(r"[\d.]+ s", found[stage])
    assert int(found["tracking, LoR/s"].replace(",", "")) > 0
    for path in (out, csv, page):
        assert f"written to {path}" in shown.out
    assert "reading" in shown.err
    assert "second pass: 100%" in shown.err

    trajectories = pept.load(out)
    assert list(trajectories.columns) == ["t", "x", "y", "z", "label"]
    assert trajectories.points.shape == (230, 5)
    assert (pept.read_csv(csv) == trajectories.points).all()
    text = page.read_text(encoding="utf-8")
    assert text.startswith("<!DOCTYPE html>")
    assert text.rstrip().endswith("</html>")
    assert "run.csv" in text
    assert "9,000" in text
    assert sorted(p.name for p in folder.iterdir()) == ["report.html", "t.csv", "t.parquet"]


def test_positions_per_pass_are_printed(
    measured: Path, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert track(measured, folder / "t.npz") == 0
    out = capsys.readouterr().out
    positions = out[out.index("Positions") : out.index("Time")]
    assert figures(positions)["first pass"] == "174"
    assert figures(positions)["second pass"] == "230"


def test_track_is_the_library(measured: Path, folder: Path) -> None:
    assert track(measured, folder / "t.npz") == 0
    lines = pept.scanners.parallel_screens(measured, 712, sample_size=400, overlap=300)
    pipeline = pept.tracking.recipes.peptml_pipeline(max_tracers=2)
    expected = pipeline.fit(lines, verbose=False)
    assert pept.load(folder / "t.npz").points.tobytes() == expected.points.tobytes()


def test_outputs_do_not_depend_on_run_memory_or_workers(measured: Path, folder: Path) -> None:
    variants: dict[str, list[str]] = {
        "one": [],
        "again": [],
        "small": ["--memory", "100kB"],
        "alone": ["--max-workers", "1"],
    }
    for name, options in variants.items():
        csv = folder / f"{name}.csv"
        assert track(measured, folder / f"{name}.parquet", "--csv", str(csv), *options) == 0
    for suffix in ("parquet", "csv"):
        contents = {(folder / f"{name}.{suffix}").read_bytes() for name in variants}
        assert len(contents) == 1


@pytest.mark.parametrize("suffix", [".parquet", ".npz", ".csv", ".pickle", ".CSV"])
def test_suffix_decides_the_format(suffix: str, measured: Path, folder: Path) -> None:
    out = folder / f"t{suffix}"
    assert track(measured, out, "--nrows", "5000") == 0
    if suffix.lower() == ".csv":
        assert out.read_text().startswith("# t x y z label\n")
        assert pept.read_csv(out).shape[1] == 5
    else:
        assert pept.load(out).points.shape[1] == 5


def test_recipe_options_arrive(
    measured: Path, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = {
        "sample-size": 300,
        "overlap": 0,
        "second-sample-size": 20,
        "second-overlap": 0,
        "max-distance": 0.3,
        "true-fraction": 0.2,
        "second-true-fraction": 0.5,
        "segregate-window": 30,
        "cut-distance": 60.0,
        "min-trajectory-size": 2,
    }
    options = [word for name, value in given.items() for word in (f"--{name}", str(value))]
    assert track(measured, folder / "t.npz", *options) == 0
    assert figures(capsys.readouterr().out)["samples"] == "30"
    lines = pept.scanners.parallel_screens(measured, 712, sample_size=300)
    pipeline = pept.tracking.recipes.peptml_pipeline(
        2,
        max_distance=0.3,
        true_fraction=0.2,
        second_true_fraction=0.5,
        second_sample_size=20,
        second_overlap=0,
        segregate_window=30,
        cut_distance=60.0,
        min_trajectory_size=2,
    )
    expected = pipeline.fit(lines, verbose=False)
    assert len(expected.points)
    assert pept.load(folder / "t.npz").points.tobytes() == expected.points.tobytes()


def test_overlap_follows_a_sample_size_of_ones_own(
    measured: Path, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert track(measured, folder / "t.npz", "--sample-size", "200") == 0
    assert figures(capsys.readouterr().out)["samples"] == str((9_000 - 200) // 50 + 1)


@pytest.mark.parametrize(("sep", "character"), [(",", ","), (r"\t", "\t"), (";", ";")])
def test_other_separators(
    sep: str, character: str, lors: np.ndarray, folder: Path, capsys: Any
) -> None:
    file = folder.parent / "run.csv"
    np.savetxt(file, lors[:1_000], delimiter=character)
    assert track(file, folder / "t.npz", "--sep", sep) == 0
    assert figures(capsys.readouterr().out)["LoRs read"] == "1,000"


def test_adac_forte_files(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = rotating_tracers(lors=6_000).lines.lines
    lines[:, [3, 6]] = -10, 510
    path = folder.parent / "run.da01"
    write_adac_forte(lines, path)
    command = ["track", str(path), "--scanner", "adac-forte", *RECIPE]
    assert main([*command, "--out", str(folder / "t.npz")]) == 0
    found = figures(capsys.readouterr().out)
    assert found["LoRs read"] == "6,000"
    assert int(found["trajectories"]) >= 1


def test_real_measurement(shared: Path, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = shared / "data" / "sample_2p_42rpm.csv"
    assert track(file, folder / "t.npz", "--skiprows", "16") == 0
    found = figures(capsys.readouterr().out)
    assert found["LoRs read"] == "79,999"
    assert found["samples"] == "796"
    assert found["trajectory 0"] == found["trajectory 1"] == "1,533"
    assert found["noise"] == "0"
    points = pept.load(folder / "t.npz")
    for label, radius in ((0, 86.06), (1, 85.14)):
        rotation = pept.simulation.fit_rotation(points.points[points["label"] == label])
        assert rotation.radius == pytest.approx(radius, abs=0.05)
        assert rotation.rpm == pytest.approx(42.32, abs=0.1)
        assert rotation.in_plane < 0.35
        assert rotation.out_of_plane < 0.75


def test_incomplete_last_line_is_counted(
    measured: Path, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cut = folder.parent / "cut.csv"
    cut.write_bytes(measured.read_bytes()[:-20])
    assert track(cut, folder / "t.npz") == 0
    shown = capsys.readouterr()
    assert figures(shown.out)["LoRs read"] == "8,999"
    assert figures(shown.out)["records skipped"] == "1"
    assert re.fullmatch(r"gpupept: warning: .*line 9002: left out the incomplete.*\n", shown.err)


def write_rows(path: Path, rows: Any) -> Path:
    np.savetxt(path, np.asarray(rows, dtype=float), fmt="%.6f")
    return path


def without_tracers(kind: str, lors: np.ndarray) -> np.ndarray:
    rows = lors[:2_000].copy()
    if kind == "identical":
        rows[:] = rows[0]
    elif kind == "parallel":
        rows[:, 3:5] = rows[:, 1:3]
    elif kind == "infinite":
        rows[:, 2] = np.inf
    elif kind == "one":
        rows = rows[:1]
    return rows


@pytest.mark.parametrize("kind", ["identical", "parallel", "infinite", "one"])
def test_no_trajectory_is_a_warning(
    kind: str, lors: np.ndarray, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = write_rows(folder.parent / "lors.csv", without_tracers(kind, lors))
    options = ["--sample-size", "1", "--overlap", "0"] if kind == "one" else []
    assert track(file, folder / "t.npz", *options, "--html", str(folder / "t.html")) == 0
    shown = capsys.readouterr()
    assert "gpupept: warning: no trajectory was found\n" in shown.err
    assert ("infinite" in shown.err) == (kind == "infinite")
    assert figures(shown.out)["trajectories"] == "0"
    assert pept.load(folder / "t.npz").points.shape == (0, 5)
    assert (folder / "t.html").read_text(encoding="utf-8").rstrip().endswith("</html>")


Make = Callable[[Path, np.ndarray], list[str]]


def text_file(content: str) -> Make:
    def make(place: Path, _: np.ndarray) -> list[str]:
        (place / "input").write_text(content)
        return []

    return make


def rows_file(change: Callable[[np.ndarray], Any], *options: str) -> Make:
    def make(place: Path, lors: np.ndarray) -> list[str]:
        write_rows(place / "input", change(lors[:1_000].copy()))
        return list(options)

    return make


def options_only(*options: str) -> Make:
    return rows_file(lambda rows: rows, *options)


def text_in_numbers(place: Path, lors: np.ndarray) -> list[str]:
    text = write_rows(place / "input", lors[:1_000]).read_text().splitlines()
    text[500] = "1.0 2.0 three 4.0 5.0"
    (place / "input").write_text("\n".join(text))
    return []


def missing_file(place: Path, lors: np.ndarray) -> list[str]:
    return []


def directory(place: Path, lors: np.ndarray) -> list[str]:
    (place / "input").mkdir()
    return []


BAD_INPUT: dict[str, tuple[Make, str]] = {
    "missing file": (missing_file, r"there is no file '.*input'"),
    "directory": (directory, r"'.*input' is a directory"),
    "empty file": (text_file(""), r"input: the file is empty"),
    "header only": (text_file("Two tracers\nseparated by 712 mm\n"), r"input: expected rows"),
    "wrong columns": (rows_file(lambda r: r[:, :4]), r"input: .*at least 5 numbers.*found 4 col"),
    "text in numbers": (text_in_numbers, r"input: line 501: 'three' is not a number"),
    "missing values": (text_file("1 2 3 4 5\n2 nan 3 4 5\n3 1 2 3 4\n"), r"line 2: .*nan"),
    "too few LoRs": (rows_file(lambda r: r[:399]), r"the 399 LoRs are fewer than the 400 of one"),
    "one LoR": (rows_file(lambda r: r[:1]), r"the 1 LoRs are fewer than"),
    "no separator": (text_file("1,2,3,4,5\n2,3,4,5,6\n"), r"expected rows.*sep=','"),
    "overlap": (options_only("--overlap", "400"), r"--overlap must be less than --sample-size \(4"),
    "second overlap": (options_only("--second-overlap", "60"), r"second_overlap .* \(60\)"),
    "device": (options_only("--device", "gpu"), r"device must be .*found 'gpu'"),
    "memory": (options_only("--memory", "plenty"), r"like \"2GB\".*found 'plenty'"),
    "fraction": (options_only("--true-fraction", "1.5"), r"true_fraction .*found 1.5"),
    "distance": (options_only("--max-distance", "nan"), r"max_distance .*found nan"),
    "separation": (options_only("--separation", "-1"), r"screen_separation.*-1"),
    "skips everything": (
        options_only("--skiprows", "5000"),
        r"no rows of numbers|no columns|empty",
    ),
    "scanner options": (
        options_only("--scanner", "adac-forte"),
        r"--separation: not for --scanner adac-forte",
    ),
}


@pytest.mark.parametrize("case", BAD_INPUT)
def test_bad_input_is_one_clear_line(
    case: str, lors: np.ndarray, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    make, message = BAD_INPUT[case]
    options = make(folder.parent, lors)
    file = folder.parent / "input"
    assert track(file, folder / "t.parquet", "--html", str(folder / "t.html"), *options) == 1
    shown = capsys.readouterr()
    assert shown.out == ""
    assert re.fullmatch(rf"gpupept: error: .*(?:{message}).*\n", shown.err), shown.err
    assert list(folder.iterdir()) == []


@needs_no_gpu
@pytest.mark.parametrize("command", ["track", "demo", "warmup"])
def test_a_gpu_that_is_not_there(
    command: str, measured: Path, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    if command == "track":
        assert track(measured, folder / "t.npz", "--device", "cuda") == 1
    else:
        assert main([command, "--device", "cuda"]) == 1
    shown = capsys.readouterr()
    assert shown.out == ""
    assert re.fullmatch(r"gpupept: error: device 'cuda' cannot be used: .*install.*\n", shown.err)
    assert list(folder.iterdir()) == []


def test_memory_of_the_environment_is_checked_first(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GPUPEPT_MEMORY", "plenty")
    assert track("absent.csv", folder / "t.npz") == 1
    assert "environment variable GPUPEPT_MEMORY" in capsys.readouterr().err


@needs_no_gpu
def test_auto_falls_back_and_says_so(
    measured: Path, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from gpupept.backend import forget_probes

    forget_probes()
    assert track(measured, folder / "a.npz", "--device", "auto") == 0
    assert 'warning: device "auto": using the CPU' in capsys.readouterr().err
    assert track(measured, folder / "b.npz") == 0
    assert capsys.readouterr().err == ""


def test_on_a_gpu(fake_gpu: Any, lors: np.ndarray, folder: Path, capsys: Any) -> None:
    file = write_rows(folder.parent / "input", lors[:1_200])
    found = []
    for options, expected in (
        (["--device", "cuda"], "cuda:0"),
        ([], "cuda:0"),
        (["--device", "cpu"], "cpu"),
    ):
        assert track(file, folder / "t.npz", "--second-sample-size", "8", *options) == 0
        assert figures(capsys.readouterr().out)["device"] == expected
        found.append(pept.load(folder / "t.npz").points)
    assert len(found[0]) > 10
    assert found[0].tobytes() == found[1].tobytes()
    assert np.allclose(found[0], found[2], rtol=0, atol=1e-6)


def test_adac_forte_without_lors(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = folder.parent / "run.da01"
    write_adac_forte(np.empty((0, 7)), path, separation=712)
    assert main(["track", str(path), "--scanner", "adac-forte", "--out", f"{folder}/t.npz"]) == 1
    assert capsys.readouterr().err.endswith("run.da01: there is no line of response\n")
    (folder.parent / "cut.da01").write_bytes(path.read_bytes()[:100])
    command = ["track", str(folder.parent / "cut.da01"), "--scanner", "adac-forte"]
    assert main([*command, "--out", f"{folder}/t.npz"]) == 1
    assert "cut.da01: byte 100" in capsys.readouterr().err
    assert list(folder.iterdir()) == []


def test_parallel_screens_need_their_separation(
    measured: Path, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["track", str(measured), "--out", f"{folder}/t.npz"]) == 1
    assert capsys.readouterr().err.startswith(
        "gpupept: error: --scanner parallel-screens needs --s"
    )


BAD_OUTPUT: dict[str, tuple[str, str, str]] = {
    "missing directory": ("--out", "absent/t.npz", "output directory does not exist: .*absent"),
    "directory is a file": ("--out", "earlier.txt/t.npz", "output directory is a file: .*earlier"),
    "output is a directory": ("--out", "folder.npz", "output file is a directory: .*folder.npz"),
    "missing page directory": ("--html", "absent/t.html", "output directory does not exist"),
    "missing text directory": ("--csv", "absent/t.csv", "output directory does not exist"),
    "two outputs of one name": ("--csv", "out.npz", "out.npz is the input, or is given for two"),
}


@pytest.mark.parametrize("case", BAD_OUTPUT)
def test_outputs_are_checked_before_the_work(
    case: str,
    measured: Path,
    folder: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    option, name, message = BAD_OUTPUT[case]
    (folder / "earlier.txt").write_text("kept")
    (folder / "folder.npz").mkdir()

    def read(*_: Any, **__: Any) -> None:
        raise AssertionError("the file was read although the output cannot be written")

    monkeypatch.setattr("gpupept.scanners.parallel_screens", read)
    outputs = {"--out": "out.npz", option: name}
    command = ["track", str(measured), "--separation", "712"]
    for key, value in outputs.items():
        command += [key, str(folder / value)]
    assert main(command) == 1
    shown = capsys.readouterr()
    assert shown.out == ""
    assert re.fullmatch(rf"gpupept: error: .*{message}.*\n", shown.err), shown.err
    assert sorted(path.name for path in folder.iterdir()) == ["earlier.txt", "folder.npz"]
    assert (folder / "earlier.txt").read_text() == "kept"


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may write anywhere")
def test_read_only_directory(
    measured: Path, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder.chmod(0o500)
    try:
        assert track(measured, folder / "t.npz") == 1
    finally:
        folder.chmod(0o700)
    assert "the output directory cannot be written to" in capsys.readouterr().err
    assert list(folder.iterdir()) == []


def test_directory_that_refuses_new_files(
    measured: Path,
    folder: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    opened = Path.open

    def refuse(path: Path, mode: str = "r", *args: Any, **kwargs: Any) -> Any:
        if "x" in mode:
            raise PermissionError(13, "Permission denied", str(path))
        return opened(path, mode, *args, **kwargs)

    monkeypatch.setattr(Path, "open", refuse)
    assert track(measured, folder / "t.npz") == 1
    expected = f"gpupept: error: the output directory cannot be written to: {folder}\n"
    assert capsys.readouterr().err == expected


def test_the_input_is_not_overwritten(
    lors: np.ndarray, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = write_rows(folder / "input.csv", lors[:1_000])
    before = file.read_bytes()
    for options in (["--out", str(file)], ["--out", f"{folder}/t.npz", "--csv", str(file)]):
        assert main(["track", str(file), "--separation", "712", *options]) == 1
        assert "input.csv is the input" in capsys.readouterr().err
    assert file.read_bytes() == before


def fail_to_write(*_: Any, **__: Any) -> None:
    raise OSError(28, "No space left on device")


@pytest.mark.parametrize("broken", ["os.replace", "gpupept.PointData.to_csv", "report"])
def test_nothing_is_half_written(
    broken: str,
    measured: Path,
    folder: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (folder / "t.npz").write_text("earlier")
    if broken == "report":
        monkeypatch.setattr("gpupept.report.report_page", fail_to_write)
    else:
        monkeypatch.setattr(broken, fail_to_write)
    outputs = ["--csv", f"{folder}/t.csv", "--html", f"{folder}/t.html"]
    assert track(measured, folder / "t.npz", *outputs) == 1
    shown = capsys.readouterr()
    assert shown.err == "gpupept: error: No space left on device\n"
    assert shown.out == ""
    assert [path.name for path in folder.iterdir()] == ["t.npz"]
    assert (folder / "t.npz").read_text() == "earlier"


def interrupt(*_: Any, **__: Any) -> None:
    raise KeyboardInterrupt


def test_interrupted(
    measured: Path,
    folder: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("gpupept.tracking.recipes.run_pipeline", interrupt)
    assert track(measured, folder / "t.npz") == 130
    assert capsys.readouterr().err == "gpupept: interrupted\n"
    assert list(folder.iterdir()) == []


def test_no_memory(
    measured: Path, folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: Any
) -> None:
    def exhaust(*_: Any, **__: Any) -> None:
        raise MemoryError

    monkeypatch.setattr("gpupept.tracking.recipes.run_pipeline", exhaust)
    assert track(measured, folder / "t.npz") == 1
    assert capsys.readouterr().err == "gpupept: error: not enough memory\n"


def test_defects_are_not_dressed_up_as_bad_input(
    measured: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def defect(*_: Any, **__: Any) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("gpupept.tracking.recipes.run_pipeline", defect)
    with pytest.raises(ZeroDivisionError):
        track(measured, folder / "t.npz")


def test_debug_shows_the_traceback(folder: Path) -> None:
    with pytest.raises(FileNotFoundError, match="absent"):
        track("absent.csv", folder / "t.npz", "--debug")


def test_log_and_warnings_are_as_before_afterwards(folder: Path) -> None:
    import logging
    import warnings

    logger = logging.getLogger("gpupept")
    before = (logger.level, logger.propagate, list(logger.handlers), warnings.showwarning)
    track("absent.csv", folder / "t.npz")
    assert (logger.level, logger.propagate, list(logger.handlers), warnings.showwarning) == before


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "required: COMMAND"),
        (["fly"], "invalid choice: 'fly'"),
        (["track"], "required: FILE, --out"),
        (["track", "a.csv"], "required: --out"),
        (["track", "a.csv", "--out", "t.txt"], r"'t.txt' must end with one of .parquet, .npz"),
        (["track", "a.csv", "--out", "t"], r"'t' must end with one of"),
        (["track", "a.csv", "--out", "t.npz", "--scanner", "mri"], "invalid choice: 'mri'"),
        (["track", "a.csv", "--out", "t.npz", "--max-tracers", "0"], "at least 1, not '0'"),
        (["track", "a.csv", "--out", "t.npz", "--sample-size", "many"], "at least 1, not 'many'"),
        (["track", "a.csv", "--out", "t.npz", "--max-workers", "-2"], "at least 1, not '-2'"),
        (["track", "a.csv", "--out", "t.npz", "--separation", "wide"], "invalid float value"),
        (["track", "a.csv", "--out", "t.npz", "--sep", ""], "one character, .*not ''"),
        (["track", "a.csv", "--out", "t.npz", "--sep", "ab"], "one character, .*not 'ab'"),
        (["demo", "--lors", "5", "--seconds", "1"], "not allowed with argument"),
        (["info", "--device", "cpu"], "unrecognized arguments"),
    ],
)
def test_usage_errors(words: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        main(words)
    assert stop.value.code == 2
    assert re.search(message, capsys.readouterr().err)


@pytest.mark.parametrize("words", [["--help"], ["track", "--help"], ["demo", "--help"]])
def test_help(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        main(words)
    assert stop.value.code == 0
    shown = capsys.readouterr()
    assert shown.err == ""
    assert "usage: gpupept" in shown.out
    assert "SUPPRESS" not in shown.out


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        main(["--version"])
    assert (stop.value.code, capsys.readouterr().out) == (0, f"gpupept {pept.__version__}\n")


def test_info(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["info"]) == 0
    assert capsys.readouterr().out.splitlines()[0].split() == ["gpupept", pept.__version__]


def command(*words: str, **options: Any) -> subprocess.Popen[str]:
    environment = os.environ | {"PYTHONPATH": str(CHECKOUT), "PYTHONUNBUFFERED": "1"}
    return subprocess.Popen(
        [sys.executable, "-m", "gpupept", *words],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **options,
    )


def test_as_a_process(measured: Path, folder: Path) -> None:
    process = command(
        "track", str(measured), "--separation", "712", *RECIPE, "--out", "t.csv", cwd=folder
    )
    out, err = process.communicate(timeout=120)
    assert (process.returncode, err) == (0, "")
    assert figures(out)["trajectories"] == "2"
    assert pept.read_csv(folder / "t.csv").shape == (230, 5)


def test_bad_input_as_a_process(folder: Path) -> None:
    process = command("track", "absent.csv", "--separation", "712", "--out", "t.csv", cwd=folder)
    out, err = process.communicate(timeout=120)
    assert (process.returncode, out) == (1, "")
    assert err == "gpupept: error: there is no file 'absent.csv'\n"
    assert list(folder.iterdir()) == []


def test_reader_of_the_output_goes_away() -> None:
    process = command("info")
    assert process.stdout is not None
    process.stdout.close()
    assert process.stderr is not None
    assert process.stderr.read() == ""
    assert process.wait(timeout=60) == 1
    process.stderr.close()


@pytest.mark.skipif(os.name != "posix", reason="sends SIGINT")
def test_control_c_as_a_process(folder: Path) -> None:
    process = command("demo", "--lors", "400000", "--html", "demo.html", cwd=folder)
    assert process.stderr is not None
    shown = ""
    while "first pass" not in shown:
        letter = process.stderr.read(1)
        assert letter, f"the demonstration ended early: {shown}"
        shown += letter
    time.sleep(0.2)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=120)
    assert process.returncode == 130
    assert out == ""
    assert err.endswith("gpupept: interrupted\n")
    assert "Traceback" not in err
    assert list(folder.iterdir()) == []


def test_more_tracers_than_expected_are_pointed_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = rotating_tracers(lors=8000).lines.data
    np.savetxt(tmp_path / "run.csv", lines[:, [0, 1, 2, 4, 5]])
    command = ["track", str(tmp_path / "run.csv"), "--separation", "712", "--quiet"]
    command += ["--sample-size", "400", "--overlap", "0", "--device", "cpu"]
    assert main([*command, "--out", str(tmp_path / "one.npz")]) == 0
    assert "try --max-tracers 2" in capsys.readouterr().err
    assert main([*command, "--max-tracers", "2", "--out", str(tmp_path / "two.npz")]) == 0
    assert "--max-tracers" not in capsys.readouterr().err
