"""The benchmark of algorithms that locate tracers, on a few simulated LoRs."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

import gpupept
from benchmarks import harness, locating, locators, targets
from benchmarks.harness import Missing, Sample
from benchmarks.peer import Started
from benchmarks.protocol import Peer
from benchmarks.simulated import write_rotating_tracers
from benchmarks.stages import Target

STAND_IN = """
import gpupept, gpupept.scanners, gpupept.tracking
from benchmarks.peer_worker import Worker
Worker(gpupept).serve()
"""


def test_ratios_stand_beside_what_they_must_be() -> None:
    name = locators.BIRMINGHAM
    sides = {
        "gpupept": {name: Sample((1.0, 2.0, 3.0)), "new": Sample((1.0,))},
        "pept sequential": {name: Sample((9.0, 10.0, 11.0)), "new": Missing("failed: x")},
    }
    rows = locating.table(sides, [name, "new"], on_gpu=False).splitlines()[2:]
    assert rows[0].endswith("| 5.00x (3.67 - 9.00) | - | 4x / 10x (sequential) | must met |")
    assert rows[1].endswith("| failed | not run | - | - | - | - |")
    bounds = locating.bound_table({"gpupept": {name: Sample((0.15e-3,))}}, [name, "new"])
    assert bounds.splitlines()[2:] == [
        f"| {name} | 150 us (150 - 150) | 100 us | 200 us | yes |",
    ]


def test_every_target_is_of_a_case() -> None:
    assert set(targets.LOCATING) <= set(locators.CASES)
    assert set(targets.LOCATING_H200) <= set(locators.CASES)


def test_every_case_runs(tmp_path: Path) -> None:
    lines = gpupept.simulation.rotating_tracers(2_000, sample_size=400).lines.lines
    np.save(tmp_path / "lines.npy", lines)
    locator = locators.Locator(gpupept, str(tmp_path / "lines.npy"), Target())
    for name in locators.CASES:
        outcome = locator.run(name)
        assert outcome.seconds[name] > 0
        assert outcome.counts[name] > 0
    with pytest.raises(ValueError, match="case must be one of"):
        locator.run("dowsing")


def test_locating_side_by_side(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "lors.csv"
    write_rotating_tracers(file, lors=1_000, header_lines=2)
    worker = Started(Peer([sys.executable, "-c", STAND_IN]), "stand-in 1", Missing(""))
    monkeypatch.setattr(locating, "start_peer", lambda python: worker)
    monkeypatch.setattr(harness, "RESULTS", tmp_path)
    arguments = ["--file", str(file), "--skiprows", "2", "--repeats", "2", "--out", "small"]
    assert locating.main([*arguments, "--cases", locators.BIRMINGHAM]) == 0
    capsys.readouterr()
    text = (tmp_path / "small.md").read_text()
    rows = [line for line in text.splitlines() if line.startswith("| ")][2:]
    assert [row.split(" | ")[0] for row in rows] == [f"| {locators.BIRMINGHAM}"]
    assert "failed" not in text
    assert "not run" not in text
    for side in ("gpupept", "pept sequential", "pept joblib"):
        assert f"rows made by {side}: 7 ({locators.BIRMINGHAM})" in text


def test_what_pept_lacks_is_not_asked_of_it(tmp_path: Path) -> None:
    lines = gpupept.simulation.rotating_tracers(1_000, sample_size=400).lines.lines
    np.save(tmp_path / "lines.npy", lines)
    peer = Peer([sys.executable, "-c", "raise SystemExit"])
    compared = locating.Sides(tmp_path / "lines.npy", Target(), peer, ["sequential"])
    measured = harness.take_turns(compared.sides(), [locators.PEPT_EM], 1)
    assert isinstance(measured["gpupept"][locators.PEPT_EM], Sample)
    assert harness.failures(measured) == []
    assert measured["pept sequential"] == {}
    assert "not run" in locating.table(measured, [locators.PEPT_EM], on_gpu=False)


def test_unknown_cases_and_files(capsys: pytest.CaptureFixture[str]) -> None:
    for arguments in (["--cases", "dowsing"], ["--file", "nowhere.csv"]):
        with pytest.raises(SystemExit):
            locating.main(arguments)
    assert "nowhere.csv" in capsys.readouterr().err
