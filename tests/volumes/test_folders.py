"""Folders under a fixed temporary name: kills, other processes, names of other formats."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import gpupept
from gpupept.mapreduce import map_reduce
from gpupept.volumes import VolumeStore, import_volume
from gpupept.volumes.folders import atomic_folder

LIMITS = ([0.0, 4.0], [0.0, 3.0], [0.0, 2.0])
_KILLED = """
import os, signal, sys
import numpy as np
import gpupept
from gpupept.mapreduce import map_reduce

def kill(part):
    os.kill(os.getpid(), signal.SIGKILL)

voxels = gpupept.Voxels.zeros((4, 3, 2), [0, 4], [0, 3], [0, 2])
map_reduce(voxels, kill, out=sys.argv[1])
"""


@pytest.fixture
def voxels() -> gpupept.Voxels:
    return gpupept.Voxels(np.arange(24.0).reshape(4, 3, 2), *LIMITS)


@pytest.mark.skipif(os.name != "posix", reason="needs signals")
def test_what_a_kill_leaves_is_visible_and_replaced(tmp_path: Path, voxels: gpupept.Voxels) -> None:
    out = tmp_path / "out.zarr"
    run = subprocess.run([sys.executable, "-c", _KILLED, str(out)], check=False)
    assert run.returncode == -signal.SIGKILL
    assert [path.name for path in tmp_path.iterdir()] == ["out.zarr.partial"]
    found = map_reduce(voxels, np.square, out=out)
    assert np.array_equal(found[...], voxels.array**2)
    assert [path.name for path in tmp_path.iterdir()] == ["out.zarr"]


def test_a_store_that_was_being_replaced_is_put_back(tmp_path: Path) -> None:
    store = VolumeStore.create(tmp_path / "v.zarr", (4, 3, 2), *LIMITS)
    (tmp_path / "v.zarr.partial").mkdir()
    store.path.rename(tmp_path / "v.zarr.partial" / "replaced.zarr")
    with (
        pytest.raises(FileExistsError, match="exists already"),
        atomic_folder(tmp_path / "v.zarr"),
    ):
        pass
    assert VolumeStore.open(store.path).shape == (4, 3, 2)
    assert [path.name for path in tmp_path.iterdir()] == ["v.zarr"]


def test_only_one_makes_a_folder(tmp_path: Path) -> None:
    path = tmp_path / "v.zarr"
    with atomic_folder(path) as folder:
        folder.mkdir()
        second = atomic_folder(path)
        with pytest.raises(BlockingIOError, match=f"another process .{os.getpid()}"):
            second.__enter__()
    assert [each.name for each in tmp_path.iterdir()] == ["v.zarr"]


def test_an_unfinished_volume_of_voxelize_is_kept(tmp_path: Path, voxels: gpupept.Voxels) -> None:
    journal = tmp_path / "v.zarr.partial" / "journal.jsonl"
    journal.parent.mkdir()
    journal.write_text("{}")
    with pytest.raises(FileExistsError, match=r"journal\.jsonl.*voxelize did not finish"):
        map_reduce(voxels, np.square, out=tmp_path / "v.zarr")
    assert journal.exists()


@pytest.mark.parametrize("name", ["smooth.nii", "v", "v.zarr.gz", "v.ome.zarr"])
def test_names_of_other_formats(tmp_path: Path, voxels: gpupept.Voxels, name: str) -> None:
    lines = [[0, 0, 0, 0, 4, 3, 2]]
    volume = tmp_path / "v.npz"
    voxels.save(volume)
    with pytest.raises(ValueError, match=r"must end with \.zarr.*export_volume"):
        map_reduce(voxels, np.square, out=tmp_path / name)
    with pytest.raises(ValueError, match=r"must end with \.zarr.*export_volume"):
        gpupept.voxelize(lines, (2, 2, 2), tmp_path / name)
    with pytest.raises(ValueError, match=r"must end with \.zarr.*export_volume"):
        import_volume(volume, store=tmp_path / name)
    assert [path.name for path in tmp_path.iterdir()] == ["v.npz"]


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="needs /proc")
def test_a_folder_that_takes_no_folders_is_not_called_missing(voxels: gpupept.Voxels) -> None:
    with pytest.raises(PermissionError, match="cannot be written to"):
        map_reduce(voxels, np.square, out="/proc/v.zarr")
    with pytest.raises(PermissionError, match="cannot be written to"):
        gpupept.save("/proc/v.npz", voxels)


def test_a_folder_that_cannot_be_replaced_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "v.zarr"
    target.mkdir()
    (target / "zarr.json").write_text("old")
    real = Path.rename

    def rename(self: Path, other: Any) -> Path:
        if self.name == "volume.zarr":
            raise OSError("no")
        return real(self, other)

    monkeypatch.setattr(Path, "rename", rename)
    with pytest.raises(OSError, match="no"), atomic_folder(target, overwrite=True) as folder:
        folder.mkdir()
    assert os.listdir(tmp_path) == ["v.zarr"]
    assert (target / "zarr.json").read_text() == "old"
