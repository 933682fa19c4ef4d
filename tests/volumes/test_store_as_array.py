"""A store where an array is expected: it is read, if it fits; what is no store is named."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from gpupept import Voxels
from gpupept.backend import set_memory_budget
from gpupept.images import ImageArray
from gpupept.volumes import VolumeStore, export_volume

LIMITS = ([0.0, 4.0], [0.0, 3.0], [0.0, 2.0])
VALUES = np.arange(24, dtype=np.uint32).reshape(4, 3, 2)


@pytest.fixture
def store(tmp_path: Path) -> VolumeStore:
    made = VolumeStore.create(tmp_path / "v.zarr", VALUES.shape, *LIMITS, dtype=VALUES.dtype)
    made.write(0, VALUES)
    return made


@pytest.fixture
def small_budget() -> Iterator[None]:
    set_memory_budget(VALUES.nbytes - 1)
    yield
    set_memory_budget(None)


def test_a_store_becomes_an_array(store: VolumeStore) -> None:
    assert np.array_equal(np.asarray(store), VALUES)
    assert np.asarray(store, dtype=np.float32).dtype == np.float32
    assert np.max(store) == 23
    assert len(store) == 4
    assert ImageArray(store).maximum == 23
    assert np.array_equal(Voxels(store, *LIMITS).array, VALUES)


def test_one_that_is_too_large_does_not(store: VolumeStore, small_budget: None) -> None:
    with pytest.raises(MemoryError, match=r"store\[\.\.\.\].*voxels\(region\).*statistics\(\)"):
        np.asarray(store)


def test_the_array_is_always_a_copy(store: VolumeStore) -> None:
    with pytest.raises(ValueError, match="a copy"):
        store.__array__(copy=False)


def test_ome_zarr_is_told_from_a_store(store: VolumeStore, tmp_path: Path) -> None:
    for version in ("0.5", "0.4"):
        path = export_volume(store, tmp_path / f"{version}.ome.zarr", version=version)
        with pytest.raises(ValueError, match=r"is OME-Zarr.*import_volume"):
            VolumeStore.open(path)


def test_an_unfinished_volume_is_not_called_damaged(tmp_path: Path) -> None:
    (tmp_path / "v.zarr.partial").mkdir()
    with pytest.raises(ValueError, match="unfinished volume: run what makes it again"):
        VolumeStore.open(tmp_path / "v.zarr.partial")
    with pytest.raises(FileNotFoundError, match=r"v\.zarr\.partial is an unfinished volume"):
        VolumeStore.open(tmp_path / "v.zarr")
