"""The benchmark of the readers, on small files."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

import gpupept
from benchmarks import harness, readers
from benchmarks.harness import Missing, Sample
from benchmarks.peer import Started
from benchmarks.protocol import Peer

STAND_IN = """
import gpupept, gpupept.scanners
from benchmarks.peer_worker import Worker
Worker(gpupept).serve()
"""
NAMES = ["parallel_screens, text", "adac_forte, .da01"]


def test_text_files_have_the_size_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "lors.csv"
    readers.write_text_lors(path, 1_000_000)
    assert 1_000_000 <= path.stat().st_size <= 2_000_000
    rows = np.loadtxt(path.read_text().splitlines()[:100])
    assert rows.shape == (100, 5)
    assert (np.diff(rows[:, 0]) >= 0).all()


def test_list_mode_has_the_size_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "run.da01"
    readers.write_list_mode(path, 240_000)
    assert path.stat().st_size == pytest.approx(240_000, rel=0.05)
    assert len(gpupept.scanners.adac_forte(path, verbose=False).lines) == 10_000


def test_rates_stand_beside_what_they_must_be() -> None:
    sides = {
        "gpupept": {name: Sample((1.0, 2.0, 4.0)) for name in NAMES},
        "pept": {name: Sample((4.0, 8.0, 16.0)) for name in NAMES},
    }
    text = readers.table(sides, dict.fromkeys(NAMES, 300.0))
    assert text.splitlines()[2:] == [
        "| parallel_screens, text | 300 MB | 150 MB/s (75.0 - 300) | 37.5 MB/s (18.8 - 75.0) "
        "| 4.00x (4.00 - 4.00) | - | - |",
        "| adac_forte, .da01 | 300 MB | 150 MB/s (75.0 - 300) | 37.5 MB/s (18.8 - 75.0) "
        "| 4.00x (4.00 - 4.00) | 100 MB/s | must met |",
    ]
    slow = readers.table({"gpupept": {NAMES[1]: Sample((2.0,))}}, {NAMES[1]: 199.0})
    assert slow.splitlines()[2].endswith("| not run | - | 100 MB/s | MISSED |")
    assert readers.rate_cell(Missing("failed: x"), 1.0) == "failed"


def test_readers_side_by_side(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    worker = Started(Peer([sys.executable, "-c", STAND_IN]), "stand-in 1", Missing(""))
    monkeypatch.setattr(readers, "start_peer", lambda python: worker)
    monkeypatch.setattr(harness, "RESULTS", tmp_path)
    assert readers.main(["--megabytes", "1", "--repeats", "1", "--out", "small"]) == 0
    capsys.readouterr()
    text = (tmp_path / "small.md").read_text()
    rows = [line for line in text.splitlines() if line.startswith("| ")][2:]
    assert [row.split(" | ")[0] for row in rows] == [f"| {name}" for name in NAMES]
    assert all(row.count("MB/s (") == 2 for row in rows)
    own, other = (
        line.partition(": ")[2] for line in text.splitlines() if line.startswith("- LoRs read by")
    )
    assert own == other
