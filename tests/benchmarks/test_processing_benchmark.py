"""The benchmark of grids of trajectories, on few positions."""

from __future__ import annotations

import dataclasses
import sys
from pathlib import Path

import numpy as np
import pytest

import gpupept
from benchmarks import gridding, harness, processing
from benchmarks.harness import Missing, Sample
from benchmarks.peer import Started
from benchmarks.protocol import Peer
from benchmarks.stages import Target

STAND_IN = """
import dataclasses, gpupept
from benchmarks import gridding
from benchmarks.peer_worker import Worker
for name, case in gridding.CASES.items():
    gridding.CASES[name] = dataclasses.replace(case, rows=20, cells=10)
Worker(gpupept).serve()
"""


@pytest.fixture(autouse=True)
def small_cases(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, case in gridding.CASES.items():
        small = dataclasses.replace(case, rows=20, cells=10)
        monkeypatch.setitem(gridding.CASES, name, small)


def test_ratios() -> None:
    name = next(iter(gridding.CASES))
    sides = {"gpupept": {name: Sample((1.0, 2.0))}, "pept": {name: Sample((3.0, 6.0))}}
    assert processing.table(sides, [name]).splitlines()[2].endswith("| 3.00x (3.00 - 3.00) |")
    sides["pept"] = {name: Missing("failed: x")}
    assert processing.table(sides, [name]).splitlines()[2].endswith("| failed | - |")


def test_positions_stay_in_the_box() -> None:
    walk = gridding.random_walk(5_000)
    assert walk.shape == (5_000, len(gridding.COLUMNS))
    assert walk[:, 1:4].min() >= 0.0
    assert walk[:, 1:4].max() <= gridding.SIDE
    assert np.abs(np.diff(walk[:, 1:4], axis=0)).max() < 6.0


def test_side_by_side(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    worker = Started(Peer([sys.executable, "-c", STAND_IN]), "stand-in 1", Missing(""))
    monkeypatch.setattr(processing, "start_peer", lambda python: worker)
    monkeypatch.setattr(harness, "RESULTS", tmp_path)
    assert processing.main(["--repeats", "2", "--out", "small"]) == 0
    capsys.readouterr()
    text = (tmp_path / "small.md").read_text()
    rows = [line for line in text.splitlines() if line.startswith("| ")][2:]
    assert [row.split(" | ")[0] for row in rows] == [f"| {name}" for name in gridding.CASES]
    visited = [line.partition(": ")[2] for line in text.splitlines() if "cells visited" in line]
    assert len(visited) == 2
    assert visited[0] == visited[1]


def test_unknown_cases_and_devices(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for arguments in (["--device", "abacus"], ["--cases", "average; nothing"]):
        with pytest.raises(SystemExit):
            processing.main(arguments)
    capsys.readouterr()
    with pytest.raises(ValueError, match="case must be one of"):
        gridding.Gridder(gpupept, str(tmp_path / "none.npy"), Target()).run("nothing")
