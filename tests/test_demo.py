"""The demonstration finds both tracers, where they are; the report; compiling beforehand."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gpupept import LineData, PointData
from gpupept.cli import main
from gpupept.demo import Demonstration, run_demo
from gpupept.report import (
    facts_text,
    report_page,
    run_facts,
    trajectory_illustrations,
)
from gpupept.tracking.recipes import Stage, TrackingRun
from gpupept.warmup import warm_up

CHECKOUT = Path(__file__).resolve().parent.parent
COLUMNS = ["t", "x", "y", "z", "label"]


@pytest.fixture(scope="module")
def demonstration() -> Demonstration:
    return run_demo(lors=40_000)


def test_both_tracers_are_found(demonstration: Demonstration) -> None:
    assert demonstration.run.trajectory_sizes() == {0: 735, 1: 735}
    errors = demonstration.errors
    assert (errors.found, errors.tracer_count) == (2, 2)
    assert errors.mean < 0.7
    assert errors.percentile(50) < 0.7
    assert errors.percentile(95) < 1.1
    assert errors.distances.max() < 3.0


def test_circles_and_speeds(demonstration: Demonstration) -> None:
    assert sorted(demonstration.rotations) == [0, 1]
    for tracer, radius in enumerate((85.0, 86.0)):
        found = demonstration.rotations[tracer]
        # Positions are means over an arc of about 13 degrees, so the circle is a little too small.
        assert radius - 0.8 < found.radius < radius
        assert found.rpm == pytest.approx(42, abs=0.05)
        assert np.all(np.abs(found.centre - [190, 255, 356]) < [0.3, 0.3, 0.6])
        assert found.in_plane < 0.2
        assert found.out_of_plane < 0.6


@pytest.mark.parametrize("seed", [1, 2])
def test_other_seeds(seed: int) -> None:
    again = run_demo(lors=12_000, seed=seed)
    assert again.errors.found == 2
    assert again.errors.mean < 0.9


def test_seed_decides_everything() -> None:
    one, same, other = (run_demo(lors=8_000, seed=seed) for seed in (5, 5, 6))
    assert one.run.trajectories.points.tobytes() == same.run.trajectories.points.tobytes()
    assert one.run.trajectories.points.tobytes() != other.run.trajectories.points.tobytes()


def test_a_short_arc_gives_no_circle() -> None:
    short = run_demo(lors=5_000)
    assert short.errors.found == 2
    assert short.rotations == {}


def test_too_few_lors() -> None:
    with pytest.raises(ValueError, match="300 LoRs are fewer than the 400"):
        run_demo(lors=300)


def test_command(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], demonstration: Demonstration
) -> None:
    page = tmp_path / "demo.html"
    assert main(["demo", "--lors", "40000", "--html", str(page), "--quiet"]) == 0
    shown = capsys.readouterr()
    assert shown.err == ""
    compared = facts_text(demonstration.facts()[-1:])
    rows = [line.split() for line in compared.splitlines()]
    assert all(row in [line.split() for line in shown.out.splitlines()] for row in rows)
    for name in (
        "tracers found",
        "mean 3D error",
        "median 3D error",
        "95 %",
        "tracer 1 at 86 mm",
    ):
        assert name in shown.out
    assert [path.name for path in tmp_path.iterdir()] == ["demo.html"]


def test_command_warns_when_a_tracer_is_missed(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gpupept.demo.peptml_pipeline", missing_pipeline)
    assert main(["demo", "--lors", "4000", "--quiet"]) == 0
    shown = capsys.readouterr()
    assert "gpupept: warning: not all tracers were found" in shown.err
    assert re.search(r"tracers found +0 of 2", shown.out)
    assert re.search(r"mean 3D error +nan mm", shown.out)


def missing_pipeline(max_tracers: int) -> Any:
    from gpupept.tracking.recipes import peptml_pipeline

    return peptml_pipeline(max_tracers, max_distance=0.0)


def test_output_directory_is_checked_first(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gpupept.demo.rotating_tracers", None)
    assert main(["demo", "--html", str(tmp_path / "absent" / "demo.html")]) == 1
    assert "the output directory does not exist" in capsys.readouterr().err


class Outline(HTMLParser):
    """Counts tags that are opened and closed, and collects text outside of scripts."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[str] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.seen.append(tag)
        if tag != "meta":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "script" not in self.open and "style" not in self.open:
            self.text += data


def test_page_of_the_demonstration(demonstration: Demonstration) -> None:
    page = demonstration.page()
    outline = Outline(page)
    assert outline.open == []
    assert outline.seen.count("figure") == 4
    assert outline.seen.count("table") == 4
    for text in ("Two rotating tracers", "Against the truth", "735", "Coordinates against time"):
        assert text in outline.text
    assert 'src="http' not in page
    assert page == demonstration.page()


def test_text_from_outside_is_escaped() -> None:
    page = report_page("<script>alert(1)</script>", "a & b", [("<i>", [("<b>", "<u>")])], [])
    assert "<script>alert" not in page
    for escaped in ("&lt;script&gt;alert(1)", "a &amp; b", "&lt;i&gt;", "&lt;b&gt;", "&lt;u&gt;"):
        assert escaped in page
    assert Outline(page).open == []


def test_dollar_signs_are_only_text() -> None:
    assert "$title of $$1" in report_page("$title of $$1", "", [], [])


def points(labels: Any) -> PointData:
    labels = np.asarray(labels, dtype=float)
    place = np.arange(float(len(labels)))
    return PointData(np.column_stack([place] * 4 + [labels]), columns=COLUMNS)


def test_illustrations_of_trajectories_and_noise() -> None:
    space, plane = trajectory_illustrations(points([0, 1, -1, 0, 1, -1]))
    assert [list(trace.x) for trace in space.figure.data] == [[0, 3], [1, 4], [2, 5]]
    assert space.figure.data[2].marker.color == "lightgrey"
    assert len(plane.figure.data) == 9
    assert space.wide


@pytest.mark.parametrize("labels", [[], [-1, -1], [0], [0] * 30, list(range(30))])
def test_illustrations_of_whatever_was_found(labels: list[int]) -> None:
    lines = LineData(np.arange(70.0).reshape(10, 7), sample_size=4)
    pictures = trajectory_illustrations(points(labels), lines)
    assert [each.title for each in pictures] == [
        "One sample",
        "Trajectories",
        "Coordinates against time",
    ]
    assert len(pictures[0].figure.data[0].x) == 3 * 4
    assert Outline(report_page("Title", "", [], pictures)).open == []


def test_true_paths_are_drawn() -> None:
    truth = np.array([[0.0, 1, 2, 3], [9.0, 4, 5, 6]])
    space, plane = trajectory_illustrations(points([0, 0]), paths=[truth])
    assert list(space.figure.data[-1].y) == [2, 5]
    assert [list(trace.y) for trace in plane.figure.data[-3:]] == [[1, 4], [2, 5], [3, 6]]
    assert "true paths" in space.caption


def run_of(labels: Any) -> TrackingRun:
    stages = (Stage("first pass", 0.5, 8), Stage("separation", 0.25, len(labels)))
    return TrackingRun(3_000, 12, "cuda:1", stages, points(labels))


def test_facts_of_a_run() -> None:
    facts = {title: dict(rows) for title, rows in run_facts(run_of([0, 0, 1, -1]), 3, 0.25)}
    assert facts["Data"] == {
        "LoRs read": "3,000",
        "records skipped": "3",
        "samples": "12",
        "device": "cuda:1",
    }
    assert facts["Positions"] == {
        "first pass": "8",
        "trajectories": "2",
        "trajectory 0": "2",
        "trajectory 1": "1",
        "noise": "1",
    }
    assert facts["Time"] == {
        "reading": "0.250 s",
        "first pass": "0.500 s",
        "separation": "0.250 s",
        "total": "1.000 s",
        "tracking, LoR/s": "4,000",
    }


def test_many_trajectories_are_summed_up() -> None:
    labels = np.repeat(np.arange(25), 2)
    positions = dict(run_facts(run_of(labels))[1][1])
    assert positions["trajectories"] == "25"
    assert "trajectory 19" in positions
    assert "trajectory 20" not in positions
    assert positions["5 more trajectories"] == "10"


def test_empty_table() -> None:
    assert facts_text([]) == ""
    assert facts_text([("Nothing", [])]) == "Nothing\n"


def test_warm_up_on_a_device(device: Any) -> None:
    if device.kind == "shim":
        pytest.skip("the simulated GPU is too slow for every kernel; its own tests run them")
    reported: list[Any] = []
    steps = warm_up(device.name, reported.append)
    assert reported == steps
    assert steps[0].name == "scanner files"
    assert all(step.seconds >= 0 for step in steps)


COUNT_COMPILED = """
import pathlib, sys
from gpupept.cli import main
from gpupept.demo import run_demo
cache = pathlib.Path(sys.argv[1])
compiled = lambda: {path.name for path in cache.rglob("*.nbc")}
assert compiled() == set()
assert main(["warmup", "--device", "cpu"]) == 0
ready = compiled()
run_demo(lors=3000)
print("later:", sorted(compiled() - ready))
kernels = [m for n, m in sys.modules.items() if n.startswith("gpupept.kernels.")]
print("sources:", *(module.__file__ for module in kernels), sep="|")
print("compiled:", *sorted({name.split("-")[0] for name in ready}))
"""
DECORATED = re.compile(r"^@(?:numba\.)?njit.*\n(?:@.*\n)*def (\w+)", re.MULTILINE)


@pytest.mark.slow
def test_warm_up_compiles_everything(tmp_path: Path) -> None:
    environment = os.environ | {"NUMBA_CACHE_DIR": str(tmp_path), "PYTHONPATH": str(CHECKOUT)}
    result = subprocess.run(
        [sys.executable, "-c", COUNT_COMPILED, str(tmp_path)],
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    found = dict(line.split(":", 1) for line in result.stdout.splitlines() if ":" in line)
    assert found["later"].strip() == "[]"
    wanted = {
        f"{path.stem}.{name}"
        for path in map(Path, found["sources"].strip("|").split("|"))
        for name in DECORATED.findall(path.read_text())
    }
    assert len(wanted) > 20
    assert wanted - set(found["compiled"].split()) == set()
