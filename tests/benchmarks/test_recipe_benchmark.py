"""The benchmark of the recipe, on a few simulated LoRs."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import gpupept
from benchmarks import harness, recipe, stages, targets
from benchmarks.harness import Missing, Sample
from benchmarks.peer import Started, start_peer
from benchmarks.protocol import Peer
from benchmarks.recipe_report import bound_table, found, rate_cell, ratio_table
from benchmarks.simulated import write_rotating_tracers
from benchmarks.stages import Outcome, Recipe, Settings, Target

# gpupept has pept's names, so it can stand in for pept where that is not installed.
STAND_IN = """
import gpupept, gpupept.scanners, gpupept.tracking
from benchmarks.peer_worker import Worker
Worker(gpupept).serve()
"""


def table_rows(text: str) -> dict[str, list[str]]:
    """Cells of a Markdown table by those of the first column."""
    lines = [line for line in text.splitlines() if line.startswith("| ")]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return {row[0]: row[1:] for row in rows}


def measured(factor: float) -> dict[str, Sample | Missing]:
    return {stage: Sample((0.5 * factor, factor, 2 * factor)) for stage in stages.STAGES}


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("data") / "simulated.csv"
    write_rotating_tracers(path, lors=4_000, header_lines=16)
    return path


def test_ratios_stand_beside_what_they_must_be() -> None:
    sides = {
        "gpupept": measured(0.01),
        "pept sequential": measured(0.2),
        "pept joblib": measured(0.1),
    }
    rows = table_rows(ratio_table(sides, lors=1_000))
    assert list(rows) == ["stage", "---", *stages.STAGES, "real time"]
    first = rows["HDBSCAN first pass"]
    assert first[0] == "10.0 ms (5.00 - 20.0)"
    assert first[3:5] == ["20.0x (20.0 - 20.0)", "10.0x (10.0 - 10.0)"]
    assert first[5:] == ["8x / 25x (joblib)", "must met"]
    assert rows["cutpoints"][5:] == ["5x / 15x (sequential)", "goal met"]
    assert rows["second pass"][6] == "MISSED"
    assert rows["whole recipe"][6] == "must met"
    assert rows["segregate"][5:] == ["-", "-"]
    assert rows["real time"][0] == "100 000 LoR/s (50 000 - 200 000)"
    assert rows["real time"][6] == "must met"


def test_without_pept_there_is_no_number_of_it() -> None:
    rows = table_rows(ratio_table({"gpupept": measured(0.01)}, lors=1_000))
    for stage in stages.STAGES:
        assert rows[stage][1:5] == ["not run", "not run", "-", "-"]
        assert rows[stage][6] in ("-", "not run")
    assert rows["real time"][1:3] == ["not run", "not run"]


def test_both_kinds_of_whole_recipe_fail_together() -> None:
    sides = {"gpupept": {stages.WHOLE: Missing("failed: x")}}
    assert found(sides, "gpupept", stages.WHOLE_WITHOUT_READING) == Missing("failed: x")
    assert found(sides, "pept joblib", stages.WHOLE) is None
    rows = table_rows(ratio_table(sides, lors=1))
    assert rows[stages.WHOLE_WITHOUT_READING][0] == rows[stages.WHOLE][0] == "failed"


def test_bounds_stand_beside_times_on_a_gpu() -> None:
    times = {stages.FIRST_PASS: Sample((0.0024,)), stages.CUTPOINTS: Sample((0.00038,))}
    rows = table_rows(bound_table({"gpupept": times}, counted_for_this=True))
    assert rows[stages.FIRST_PASS] == [
        "2.40 ms (2.40 - 2.40)",
        "800 us",
        "3.00 ms",
        "3.00x",
        "goal met",
    ]
    assert rows[stages.CUTPOINTS][3:] == ["5.00x", "goal missed"]
    assert rows[stages.WHOLE_WITHOUT_READING] == ["not run", "1.30 ms", "8.00 ms", "-", "not run"]
    other = table_rows(bound_table({"gpupept": times}, counted_for_this=False))
    assert other[stages.FIRST_PASS][1:] == ["-"] * 4


def test_on_a_gpu_the_bars_of_a_cpu_do_not_count() -> None:
    sides = {"gpupept": measured(1e-4), "pept joblib": measured(1.0)}
    rows = table_rows(ratio_table(sides, lors=1_100, on_gpu=True))
    assert all(rows[stage][5:] == ["-", "-"] for stage in stages.STAGES)
    assert rows["real time"][5:] == ["- / 10 000 000 LoR/s", "goal met"]
    slower = table_rows(ratio_table(sides, lors=900, on_gpu=True))
    assert slower["real time"][6] == "goal missed"


def test_rates_are_the_inverse_of_times() -> None:
    assert rate_cell(80_000, Sample((1.0, 2.0, 0.5))) == "80 000 LoR/s (40 000 - 160 000)"
    assert rate_cell(80_000, Missing("no Python")) == "not run"


def test_targets_name_stages_that_exist() -> None:
    assert set(targets.RATIOS) | set(targets.H200) <= set(stages.STAGES)
    assert all(target.must <= target.goal for target in targets.RATIOS.values())
    assert all(bound.least <= bound.goal for bound in targets.H200.values())


def test_stages_need_those_before_them(file: Path) -> None:
    run = Recipe(gpupept, str(file), Settings(), Target())
    with pytest.raises(ValueError, match="'cutpoints' needs the result of 'read file'"):
        run.run(stages.CUTPOINTS)
    with pytest.raises(ValueError, match="stage must be one of"):
        run.run("lunch")


def test_stages_one_by_one_are_the_whole_recipe(file: Path) -> None:
    waited: list[int] = []
    target = Target(calls=2, wait=lambda: waited.append(1))
    run = Recipe(gpupept, str(file), Settings(sample_size=200, overlap=100), target)
    outcomes: dict[str, Outcome] = {stage: run.run(stage) for stage in stages.RUNS}
    assert outcomes[stages.READ].counts == {"LoRs": 4_000, "samples": 39}
    assert outcomes[stages.WHOLE].counts == outcomes[stages.SEGREGATE].counts
    assert outcomes[stages.SEGREGATE].counts["trajectories"] == 2
    assert 0 < outcomes[stages.SPLIT].counts["first-pass positions"] <= 2 * 39
    assert list(outcomes[stages.FIRST_PASS].seconds) == [stages.FIRST_PASS]
    whole = outcomes[stages.WHOLE].seconds
    assert 0 < whole[stages.WHOLE_WITHOUT_READING] < whole[stages.WHOLE]
    # Before and after each of two calls, for six stages, and reading and the rest of a whole recipe.
    assert len(waited) == 2 * 2 * 8


def test_counts_take_lists_of_containers_too() -> None:
    samples = [gpupept.PointData(np.zeros((n, 4))) for n in (2, 0, 3)]
    assert stages.count(stages.CUTPOINTS, samples) == {"cutpoints": 5}
    assert stages.count(stages.FIRST_PASS, samples) == {}


def test_side_by_side(
    file: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    worker = Started(Peer([sys.executable, "-c", STAND_IN]), "stand-in 1", Missing(""))
    monkeypatch.setattr(recipe, "start_peer", lambda python: worker)
    monkeypatch.setattr(harness, "RESULTS", tmp_path)
    arguments = ["--file", str(file), "--rows", "800", "--repeats", "1", "--out", "small"]
    assert recipe.main([*arguments, "--executors", "sequential"]) == 0
    text = (tmp_path / "small.md").read_text()
    assert capsys.readouterr().out == text + "\n"
    rows = table_rows(text)
    for stage in stages.STAGES:
        assert rows[stage][0][0].isdigit()
        assert rows[stage][1][0].isdigit()
        assert rows[stage][2] == "not run"  # joblib was not asked for
        assert "x (" in rows[stage][3]
    made = {line.partition(": ")[0]: line.partition(": ")[2] for line in text.splitlines()}
    assert made["- made by gpupept"] == made["- made by pept sequential"]
    assert made["- pept side"] == "stand-in 1"
    assert str(file.parent) not in text


def test_without_a_peer(
    file: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.delenv(harness.PEER_VARIABLE, raising=False)
    monkeypatch.setattr(harness, "RESULTS", tmp_path)
    assert recipe.main(["--file", str(file), "--rows", "400", "--repeats", "1"]) == 0
    text = (tmp_path / "recipe.md").read_text()
    assert "- pept side: not run: no Python with pept was given" in text
    assert table_rows(text)["whole recipe"][1:5] == ["not run", "not run", "-", "-"]
    assert "On the GPU" not in text
    capsys.readouterr()


def test_a_peer_that_cannot_read_the_file_is_told(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = "from benchmarks.peer_worker import Worker; Worker(None).serve()"
    worker = Started(Peer([sys.executable, "-c", broken]), "broken 1", Missing(""))
    monkeypatch.setattr(recipe, "start_peer", lambda python: worker)
    monkeypatch.setattr(harness, "RESULTS", tmp_path)
    recipe.main(["--file", str(file), "--rows", "400", "--repeats", "1"])
    text = (tmp_path / "recipe.md").read_text()
    assert "- pept joblib: AttributeError: 'NoneType'" in text
    assert table_rows(text)["cutpoints"][1:3] == ["not run", "not run"]
    capsys.readouterr()


def test_on_a_simulated_gpu(
    fake_gpu: Any,
    file: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(
        recipe, "settings", lambda options: Settings(sample_size=80, overlap=0, rows=320)
    )
    monkeypatch.setattr(recipe, "start_peer", lambda python: start_peer(None))
    monkeypatch.setattr(harness, "RESULTS", tmp_path)
    recipe.main(["--file", str(file), "--device", "cuda", "--calls", "1", "--repeats", "1"])
    capsys.readouterr()
    text = (tmp_path / "recipe.md").read_text()
    assert "- gpupept: on cuda, the lines resident there" in text
    ratios, bounds = text.split("On the GPU, beside bounds counted for one H200")
    assert table_rows(ratios)["whole recipe"][0][0].isdigit()
    assert table_rows(bounds)["cutpoints"][0] == table_rows(ratios)["cutpoints"][0]
    assert "so none here" in bounds


def test_lines_are_brought_to_the_gpu(fake_gpu: Any) -> None:
    target = recipe.own_target("cuda", workers=2, calls=3)
    lines = gpupept.LineData(np.zeros((3, 7)))
    assert target.place(lines).device == "cuda:0"
    target.wait()
    assert target.calls == 3


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--file", "no such file"], "there is no file 'no such file'"),
        (["--device", "tpu"], "expected cpu, cuda or cuda:N, found 'tpu'"),
        (["--executors", "dask"], "expected sequential, joblib or both"),
        (["--workers", "0"], "whole number above zero"),
    ],
)
def test_bad_options(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as exit_:
        recipe.main(arguments)
    assert exit_.value.code == 2
    assert message in capsys.readouterr().err


def test_the_measured_file_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "data" / targets.FILE
    path.parent.mkdir()
    path.touch()
    monkeypatch.setenv("GPUPEPT_SHARED", str(tmp_path))
    assert recipe.find_file() == path


def test_a_file_is_simulated_when_there_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recipe, "find_file", lambda: None)
    monkeypatch.setattr("benchmarks.simulated.LORS", 500)
    options = recipe.argument_parser().parse_args(["--skiprows", "3"])
    path, name = recipe.input_file(options, tmp_path)
    assert name.startswith("simulated")
    lines = gpupept.scanners.parallel_screens(path, 712, skiprows=3)
    truth = gpupept.simulation.rotating_tracers(500).lines.lines
    assert np.abs(lines.lines - truth).max() <= 0.0501
