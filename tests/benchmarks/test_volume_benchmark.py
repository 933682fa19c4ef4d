"""The benchmark of volumes, on few lines and a small grid."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks import harness, volume
from benchmarks.volume_check import direct_counts, sample_voxels, values_at

pytest.importorskip("zarr")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "lors.csv"
    path.write_text("".join(f"{i} {i} {i + 1} {9 - i} {i % 4}\n" for i in range(10)))
    return path


def test_everything_is_measured_and_compared(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(harness, "RESULTS", tmp_path)
    arguments = ["--file", str(file), "--skiprows", "0", "--runs", "24:64MB", "--samples", "500"]
    assert volume.main([*arguments, "--kills", "1", "--out", "small"]) == 0
    text = (tmp_path / "small.md").read_text()
    assert "| 24^3 | 0.1 MB of uint32 |" in text
    assert "Of 500 sampled voxels" in text
    assert ", 0 differ from the count" in text
    assert "the same checksum" in text
    assert "10 lines of lors.csv" in text


def test_a_wrong_count_is_found(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    lines = rng.uniform(0, 10, (50, 7))
    limits = {"xlim": [0, 10], "ylim": [0, 10], "zlim": [0, 10]}
    store = volume.gpupept.voxelize(
        lines, (20, 20, 20), tmp_path / "v.zarr", progress=False, **limits
    )
    positions = sample_voxels(lines, store, 1000, seed=1)
    assert len(np.unique(positions)) == 1000
    found, expected = values_at(store, positions, "1GB"), direct_counts(lines, store, positions)
    assert np.array_equal(found, expected)
    assert 300 < np.count_nonzero(expected) < 1000
    changed = volume.VolumeStore.open(store.path, mode="r+")
    changed.write(0, store[...] + np.uint32(1))
    assert (values_at(changed, positions, "1GB") != expected).all()


def test_what_is_not_understood(capsys: pytest.CaptureFixture[str]) -> None:
    for arguments in (["--runs", "many:2GB"], ["--runs", "5:plenty"], ["--file", "nowhere.csv"]):
        with pytest.raises(SystemExit):
            volume.main(arguments)
    assert "nowhere.csv" in capsys.readouterr().err
