"""The arithmetic, the tables and the files of the benchmarks."""

from __future__ import annotations

import argparse
import math
import statistics
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks import harness, machine
from benchmarks.harness import Missing, Sample
from gpupept.backend import devices
from gpupept.backend.devices import GPU, DeviceReport

TIMES = st.lists(st.floats(1e-6, 1e4), min_size=1, max_size=9)


@given(TIMES, st.floats(0.01, 100))
def test_ratios_are_those_of_single_rounds(times: list[float], factor: float) -> None:
    mine, other = Sample(tuple(times)), Sample(tuple(factor * t for t in times))
    assert other.ratio_to(mine).values == pytest.approx([factor] * len(times))
    assert harness.ratio(mine, other) == other.ratio_to(mine)
    assert mine.median == statistics.median(times)


def test_a_ratio_cell_has_the_ratio_of_medians_and_the_range_of_rounds() -> None:
    own, other = Sample((1.0, 2.0, 4.0)), Sample((8.0, 10.0, 12.0))
    assert harness.ratio_cell(own, other) == "5.00x (3.00 - 8.00)"


def test_measurements_that_cannot_be_paired() -> None:
    with pytest.raises(ValueError, match="2 measurements with 1"):
        Sample((1.0, 2.0)).ratio_to(Sample((1.0,)))
    assert harness.ratio(Sample((1.0,)), Sample((1.0, 2.0))) is None
    with pytest.raises(ValueError, match="nothing was measured"):
        Sample(())


@pytest.mark.parametrize("absent", [None, Missing("no Python"), Missing("failed: oops")])
def test_what_was_not_measured_has_no_number(absent: Missing | None) -> None:
    cells = [
        harness.time_cell(absent),
        harness.ratio_cell(absent, Sample((1.0,))),
        harness.ratio_cell(Sample((1.0,)), absent),
    ]
    assert cells[1:] == ["-", "-"]
    assert cells[0] == ("failed" if absent and absent.reason.startswith("failed") else "not run")
    assert not any(character.isdigit() for character in "".join(cells))


def test_a_time_cell_has_one_unit() -> None:
    assert harness.time_cell(Sample((0.9, 1.5, 2.0))) == "1.50 s (0.900 - 2.00)"
    assert harness.time_cell(Sample((0.0123,))) == "12.3 ms (12.3 - 12.3)"
    assert harness.time_cell(Sample((2.5e-5,))) == "25.0 us (25.0 - 25.0)"


@given(st.floats(1e-5, 1e9))
def test_digits_keeps_three(value: float) -> None:
    text = harness.digits(value)
    assert float(text) == pytest.approx(value, rel=0.00501)
    assert "e" not in text
    assert len(text.replace(".", "").lstrip("0")) >= 3


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.0, "0 us"), (9.996e-4, "1.00 ms"), (0.99949, "999 ms"), (0.9996, "1.00 s"), (60, "60.0 s")],
)
def test_duration(seconds: float, text: str) -> None:
    assert harness.duration(seconds) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (25.0, "goal met"),
        (24.99, "must met"),
        (8, "must met"),
        (7.999, "MISSED"),
        (None, "not run"),
    ],
)
def test_verdict(value: float | None, text: str) -> None:
    assert harness.verdict(value, 8, 25) == text


def test_sides_take_turns() -> None:
    calls: list[str] = []

    def side(name: str) -> harness.Side:
        def work(piece: str) -> dict[str, float]:
            calls.append(name + piece)
            return {piece: float(len(calls))}

        return work

    found = harness.take_turns({"A": side("A"), "B": side("B")}, ["1", "2"], repeats=2)
    assert calls == ["A1", "B1", "A2", "B2"] * 2
    assert found["A"] == {"1": Sample((1.0, 5.0)), "2": Sample((3.0, 7.0))}
    assert found["B"] == {"1": Sample((2.0, 6.0)), "2": Sample((4.0, 8.0))}


def test_a_side_that_fails_is_told_and_not_called_again() -> None:
    calls = 0

    def broken(piece: str) -> dict[str, float]:
        nonlocal calls
        calls += 1
        if calls == 2:
            raise RuntimeError("no memory")
        return {piece: 1.0}

    told: list[str] = []
    sides = {"broken": broken, "sound": lambda piece: {piece: 2.0}}
    found = harness.take_turns(sides, ["work"], 3, told.append)
    assert calls == 2
    assert found["broken"]["work"] == Missing("failed: no memory")
    assert found["sound"]["work"] == Sample((2.0, 2.0, 2.0))
    assert sum("no memory" in text for text in told) == 1
    assert harness.failures(found) == ["Not measured:\n\n- broken, work: failed: no memory\n"]
    assert harness.failures({"sound": found["sound"]}) == []


def test_no_round_is_an_error() -> None:
    with pytest.raises(ValueError, match="at least 1, found 0"):
        harness.take_turns({}, [], 0)


def test_one_piece_of_work_may_time_several_things() -> None:
    sides = {"A": lambda piece: {piece: 3.0, "part": 2.0}}
    found = harness.take_turns(sides, ["whole"], 2)
    assert found["A"] == {"whole": Sample((3.0, 3.0)), "part": Sample((2.0, 2.0))}


def test_markdown_table() -> None:
    text = harness.markdown_table(["a", "b"], [["x", "1"], ["y|z", "2"]])
    assert text == "| a | b |\n| --- | ---: |\n| x | 1 |\n| y\\|z | 2 |\n"
    with pytest.raises(ValueError, match="expected 2 cells, found 1"):
        harness.markdown_table(["a", "b"], [["x"]])


def test_document() -> None:
    text = harness.document("Title", [("date", "today")], ["| a |\n"])
    assert text == "# Title\n\n- date: today\n\n| a |\n"


@pytest.mark.parametrize("name", ["", "../up", "a/b", "/root", ".hidden", "a b", "a\\b"])
def test_results_have_plain_names(name: str) -> None:
    with pytest.raises(ValueError, match="name of results"):
        harness.result_path(name)


def test_results_are_written_and_replaced(tmp_path: Path) -> None:
    folder = tmp_path / "new"
    for text in ("first", "second"):
        path = harness.write_results(text, "run-1", folder)
    assert path == folder / "run-1.md"
    assert path.read_text() == "second"
    assert [entry.name for entry in folder.iterdir()] == ["run-1.md"]


def test_the_record_of_the_command_has_no_folders() -> None:
    arguments = ["--peer-python", "/some/where/python", "--file=/data/my run.csv", "--repeats", "3"]
    shown = harness.shown_command("benchmarks.recipe", arguments)
    assert shown == (
        "python -m benchmarks.recipe --peer-python python '--file=my run.csv' --repeats 3"
    )


def test_options(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(harness.PEER_VARIABLE, "chosen")
    parser = argparse.ArgumentParser()
    harness.common_options(parser, "name")
    options = parser.parse_args([])
    assert (options.repeats, options.peer_python, options.out) == (5, "chosen", "name")
    for wrong in (["--repeats", "0"], ["--repeats", "x"], ["--out", "a/b"]):
        with pytest.raises(SystemExit):
            parser.parse_args(wrong)
    assert "whole number above zero, found '0'" in capsys.readouterr().err


def test_the_machine_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    assert f"{machine.usable_cores()} cores usable" in machine.hardware()
    assert machine.processor() in machine.hardware("cpu")
    report = DeviceReport("14.0", "13.0", "13.0", (GPU(0, "Big GPU", "9.0", 140 * 2**30),), True)
    monkeypatch.setattr("gpupept.backend.probe", lambda: report)
    assert "Big GPU (sm_90, 140 GiB, driver for CUDA 13.0)" in machine.hardware("cuda:0")
    assert "Big GPU" not in machine.hardware("cpu")
    assert devices.probe is not None


def test_versions() -> None:
    text = machine.package_versions(["numpy", "no-such-package"])
    assert text.startswith("gpupept ")
    assert "numpy " in text
    assert "no-such-package" not in text


def test_a_ratio_to_nothing_is_infinite() -> None:
    assert math.isinf(Sample((1.0,)).ratio_to(Sample((0.0,))).values[0])
