"""The benchmark of the traversal, on few lines and small grids."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from benchmarks import harness, traversal
from benchmarks.harness import Missing, Sample
from benchmarks.peer import Started
from benchmarks.protocol import Peer

STAND_IN = """
import gpupept, gpupept.scanners
from benchmarks.peer_worker import Worker
Worker(gpupept).serve()
"""


def test_ratios_stand_beside_what_they_must_be() -> None:
    sides = {
        "gpupept": {"100^3": Sample((1.0, 2.0)), "300^3": Sample((1.0,)), "7^3": Sample((1.0,))},
        "pept": {"100^3": Sample((3.0, 6.0)), "300^3": Missing("failed: x"), "7^3": Sample((9.0,))},
    }
    rows = traversal.table(sides, [100, 300, 7], on_gpu=False).splitlines()[2:]
    assert rows[0].endswith("| 3.00x (3.00 - 3.00) | 2x / 4x | must met |")
    assert rows[1].endswith("| failed | - | 2x / 4x | not run |")
    assert rows[2].endswith("| 9.00x (9.00 - 9.00) | - | - |")
    assert traversal.table(sides, [100], on_gpu=True).splitlines()[2].endswith("| - | - |")
    bounds = traversal.bound_table({"gpupept": {"100^3": Sample((0.25e-3,))}}, [100, 300])
    assert bounds.splitlines()[2:] == ["| 100^3 | 250 us (250 - 250) | 90.0 us | 300 us | yes |"]


def test_traversal_side_by_side(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "lors.csv"
    file.write_text("".join(f"{i} {i} {i + 1} {9 - i} {i % 4}\n" for i in range(10)))
    worker = Started(Peer([sys.executable, "-c", STAND_IN]), "stand-in 1", Missing(""))
    monkeypatch.setattr(traversal, "start_peer", lambda python: worker)
    monkeypatch.setattr(harness, "RESULTS", tmp_path)
    arguments = ["--file", str(file), "--skiprows", "0", "--sizes", "4,6", "--repeats", "2"]
    assert traversal.main([*arguments, "--out", "small"]) == 0
    capsys.readouterr()
    text = (tmp_path / "small.md").read_text()
    rows = [line for line in text.splitlines() if line.startswith("| ")][2:]
    assert [row.split(" | ")[0] for row in rows] == ["| 4^3", "| 6^3"]
    assert "10 lines of lors.csv" in text
    sums = {
        line.partition(": ")[0]: line.partition(": ")[2]
        for line in text.splitlines()
        if line.startswith("- sum of")
    }
    assert sums["- sum of gpupept"] == sums["- sum of pept"] == sums["- sum of gpupept, uint32"]


def test_unknown_devices_and_files(capsys: pytest.CaptureFixture[str]) -> None:
    for arguments in (["--device", "abacus"], ["--file", "nowhere.csv"], ["--sizes", "4,x"]):
        with pytest.raises(SystemExit):
            traversal.main(arguments)
    assert "nowhere.csv" in capsys.readouterr().err
