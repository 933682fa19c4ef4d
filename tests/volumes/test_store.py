"""Stores: what is written is read, in any parts; geometry; statistics; what is refused."""

from __future__ import annotations

import json
import os
import pickle
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zarr
from hypothesis import given, settings
from hypothesis import strategies as st

import gpupept
from gpupept.backend import to_host
from gpupept.images import image_statistics
from gpupept.volumes import VolumeStore
from gpupept.volumes.planning import slab_ranges

LIMITS = ([0.0, 10.0], [-3.0, 4.0], [0.0, 5.0])
SHAPE = (11, 7, 9)


@pytest.fixture
def values() -> np.ndarray:
    return np.random.default_rng(3).normal(size=SHAPE)


@pytest.fixture
def store(tmp_path: Path, values: np.ndarray) -> VolumeStore:
    made = VolumeStore.create(
        tmp_path / "v.zarr", SHAPE, *LIMITS, chunks=(3, 4, 5), attrs={"run": 7}
    )
    made.write(0, values)
    return made


def test_a_store_is_what_was_written(store: VolumeStore, values: np.ndarray) -> None:
    opened = VolumeStore.open(store.path)
    assert opened.shape == SHAPE
    assert opened.chunks == (3, 4, 5)
    assert opened.dtype == np.float64
    assert opened.nbytes == values.nbytes
    assert opened.ndim == 3
    assert opened.attrs == {"run": 7}
    for found, expected in zip((opened.xlim, opened.ylim, opened.zlim), LIMITS, strict=True):
        assert found.tolist() == expected
    assert np.array_equal(opened.voxel_size, [10 / 11, 1.0, 5 / 9])
    assert [len(edges) for edges in opened.grids] == [12, 8, 10]
    assert np.array_equal(opened[...], values)
    assert np.array_equal(opened[2:5, 3, ::2], values[2:5, 3, ::2])
    assert pickle.loads(pickle.dumps(opened)).checksum() == store.checksum()
    assert "VolumeStore" in repr(opened)
    assert "(11, 7, 9)" in repr(opened)


def test_other_programs_find_a_plain_array_with_its_geometry(store: VolumeStore) -> None:
    facts = json.loads((store.path / "zarr.json").read_text())
    assert facts["zarr_format"] == 3
    assert facts["node_type"] == "array"
    assert facts["dimension_names"] == ["x", "y", "z"]
    attributes = facts["attributes"]
    assert attributes["units"] == "mm"
    assert attributes["axes"] == ["x", "y", "z"]
    assert attributes["ylim"] == [-3.0, 4.0]
    assert attributes["gpupept_version"] == gpupept.__version__
    assert np.array_equal(zarr.open_array(str(store.path), mode="r")[...], store[...])


def test_limits_survive_to_the_last_bit(tmp_path: Path) -> None:
    limits = [[0.1, 0.1 + 2**-40], [-1e-300, 1 / 3], [1e17, 1.1e17]]
    VolumeStore.create(tmp_path / "v.zarr", (2, 2, 2), *limits)
    assert VolumeStore.open(tmp_path / "v.zarr").limits.tolist() == limits


@pytest.mark.parametrize("dtype", ["bool", "int8", "uint16", "int64", "uint64", "float32", ">f8"])
def test_every_dtype_is_kept(tmp_path: Path, dtype: str) -> None:
    values = (np.arange(24).reshape(4, 3, 2) % 7).astype(dtype)
    store = VolumeStore.create(tmp_path / "v.zarr", (4, 3, 2), *LIMITS, dtype=dtype)
    store.write(0, values)
    assert np.array_equal(VolumeStore.open(store.path)[...], values)
    assert store.statistics().total == values.sum()


def test_pixels(tmp_path: Path) -> None:
    store = VolumeStore.create(tmp_path / "p.zarr", (5, 6), *LIMITS[:2], dtype="uint32")
    store.write(1, np.full((2, 6), 3, np.uint32))
    pixels = store.voxels((slice(1, 4),))
    assert isinstance(pixels, gpupept.Pixels)
    assert pixels.xlim.tolist() == [2.0, 8.0]
    assert pixels.ylim.tolist() == LIMITS[1]
    assert float(pixels.sum()) == 36.0
    with pytest.raises(AttributeError, match="zlim"):
        _ = store.zlim


def test_a_box_of_voxels_has_its_own_limits(
    device: Any, store: VolumeStore, values: np.ndarray
) -> None:
    box = store.voxels((slice(2, 5), slice(None), slice(-4, None)), device=device.name)
    assert isinstance(box, gpupept.Voxels)
    assert np.array_equal(to_host(box.array), values[2:5, :, 5:])
    edges = store.grids
    assert box.xlim.tolist() == [edges[0][2], edges[0][5]]
    assert box.ylim.tolist() == LIMITS[1]
    assert box.zlim.tolist() == [edges[2][5], 5.0]
    assert box.attrs == {"run": 7}
    whole = store.voxels()
    assert whole.zlim.tolist() == LIMITS[2]
    assert whole.dtype == np.float64


@pytest.mark.parametrize(
    "region", [(slice(3, 3),), (0,), (slice(0, 4, 2),), (slice(None),) * 4, slice(20, 30)]
)
def test_what_is_no_box_is_refused(store: VolumeStore, region: Any) -> None:
    with pytest.raises(ValueError, match="region must be"):
        store.voxels(region)


@given(layers=st.integers(1, 12))
@settings(max_examples=12)
def test_slabs_hold_every_layer_once(layers: int) -> None:
    ranges = slab_ranges([(0, 5), (7, 19)], layers)
    assert [i for a, b in ranges for i in range(a, b)] == [*range(5), *range(7, 19)]
    assert all(0 < b - a <= layers for a, b in ranges)


def _least(store: VolumeStore) -> int:
    with pytest.raises(ValueError, match="too little") as caught:
        list(store.slabs(1))
    return int(str(caught.value).split("takes ")[1].split()[0])


def test_slabs_keep_their_budget(store: VolumeStore, values: np.ndarray) -> None:
    least = _least(store)
    for memory, thickest in ((least, 1), (least + 8 * 2 * 63 * 4, 3), ("1GB", 11)):
        slabs = list(store.slabs(memory))
        assert max(len(slab) for _, slab in slabs) == thickest
        assert [first for first, _ in slabs] == list(range(0, 11, thickest))
        assert np.array_equal(np.concatenate([slab for _, slab in slabs]), values)
    with pytest.raises(ValueError, match=f"it takes {least} bytes"):
        list(store.slabs(least - 1))


def test_the_checksum_is_that_of_the_values_and_nothing_else(
    tmp_path: Path, store: VolumeStore, values: np.ndarray
) -> None:
    expected = store.checksum()
    assert store.checksum(_least(store)) == expected
    other = VolumeStore.create(tmp_path / "w.zarr", SHAPE, *LIMITS, chunks=(11, 1, 2))
    assert other.checksum() != expected
    for layer in range(11):
        other.write(layer, values[layer : layer + 1])
    assert other.checksum() == expected
    moved = VolumeStore.create(tmp_path / "m.zarr", SHAPE, LIMITS[0], LIMITS[1], [0, 5.5])
    moved.write(0, values)
    assert moved.checksum() != expected
    values[10, 6, 8] = np.nextafter(values[10, 6, 8], 2)
    other.write(10, values[10:])
    assert other.checksum() != expected


def _compare(found: Any, values: np.ndarray) -> None:
    expected = image_statistics(values, nan_policy="omit", histogram=False)
    assert (found.n, found.n_nan) == (expected.n, expected.n_nan)
    assert (found.minimum, found.maximum) == (expected.minimum, expected.maximum)
    for name in ("mean_value", "variance", "standarddev", "skewness", "kurtosis"):
        a, b = getattr(found, name), getattr(expected, name)
        assert a == pytest.approx(b, rel=1e-9, abs=1e-12, nan_ok=True), name
    assert found.nonzero == np.count_nonzero(np.nan_to_num(values))
    assert found.total == pytest.approx(float(np.nansum(values)), rel=1e-12, nan_ok=True)


def test_statistics_are_those_of_an_array_in_memory(store: VolumeStore, values: np.ndarray) -> None:
    _compare(store.statistics(), values)
    values[3] = np.nan
    values[4] = 0.0
    store.write(0, values)
    _compare(store.statistics(), values)


@pytest.mark.parametrize("fill", [0.0, 5.0, np.inf])
def test_statistics_of_special_values(store: VolumeStore, fill: float) -> None:
    values = np.full(SHAPE, fill)
    store.write(0, values)
    _compare(store.statistics(), values)


def test_statistics_without_a_number(store: VolumeStore) -> None:
    store.write(0, np.full(SHAPE, np.nan))
    found = store.statistics()
    assert (found.n, found.n_nan, found.nonzero) == (0, 693, 0)
    assert np.isnan([found.minimum, found.mean_value, found.variance]).all()


def test_statistics_do_not_depend_on_the_memory(tmp_path: Path) -> None:
    shape = (9, 301, 411)  # several blocks, which do not end with layers
    store = VolumeStore.create(tmp_path / "v.zarr", shape, *LIMITS, chunks=(2, 301, 411))
    values = np.random.default_rng(1).gamma(2.0, size=shape)
    store.write(0, values)
    found = store.statistics("1GB")
    assert store.statistics(_least(store)) == found
    _compare(found, values)


def test_sums_of_large_integers_are_exact(tmp_path: Path) -> None:
    store = VolumeStore.create(tmp_path / "v.zarr", (2, 2, 2), *LIMITS, dtype="uint32")
    store.write(0, np.full((2, 2, 2), 2**32 - 1, np.uint32))
    assert store.statistics().total == 8 * (2**32 - 1)


@pytest.mark.parametrize(
    ("first", "wrong"),
    [
        (0, np.zeros((2, 7, 8))),
        (0, np.zeros((2, 7, 9), np.float32)),
        (10, np.zeros((2, 7, 9))),
        (-1, np.zeros((2, 7, 9))),
        (0, np.zeros((0, 7, 9))),
        (0, np.zeros(5)),
    ],
)
def test_what_are_no_layers_is_not_written(store: VolumeStore, first: int, wrong: Any) -> None:
    before = store.checksum()
    with pytest.raises(ValueError, match="values must be"):
        store.write(first, wrong)
    assert store.checksum() == before


def test_a_store_opened_for_reading_is_not_written(store: VolumeStore, values: np.ndarray) -> None:
    with pytest.raises(ValueError, match="opened for reading"):
        VolumeStore.open(store.path).write(0, values)
    VolumeStore.open(store.path, mode="r+").write(0, values + 1)
    assert np.array_equal(store[...], values + 1)
    with pytest.raises(ValueError, match="mode must be"):
        VolumeStore.open(store.path, mode="w")


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"shape": (2, -3, 2)}, ValueError, "shape must be 3 numbers"),
        ({"shape": (2, 3)}, ValueError, "shape must be 3 numbers"),
        ({"shape": (2, 3, 2**22)}, ValueError, "shape must be 3 numbers"),
        ({"shape": (2, 2**17, 2**17)}, ValueError, "cells in a layer"),
        ({"ylim": [4, 4]}, ValueError, "ylim must be"),
        ({"zlim": [4, 3]}, ValueError, "zlim must be"),
        ({"xlim": [np.nan, 3]}, ValueError, "xlim must be"),
        ({"dtype": complex}, TypeError, "dtype must be"),
        ({"dtype": "U3"}, TypeError, "dtype must be"),
        ({"chunks": (0, 1, 1)}, ValueError, "chunks must be"),
        ({"attrs": {"a": object()}}, TypeError, "attrs must be"),
        ({"attrs": {"a": np.nan}}, TypeError, "attrs must be"),
    ],
)
def test_bad_arguments_leave_nothing(
    tmp_path: Path, change: dict[str, Any], error: type[Exception], message: str
) -> None:
    arguments = {"shape": (2, 3, 4), "xlim": [0, 1], "ylim": [0, 1], "zlim": [0, 1]} | change
    with pytest.raises(error, match=message):
        VolumeStore.create(tmp_path / "v.zarr", **arguments)
    assert not list(tmp_path.iterdir())


def test_nothing_is_overwritten(store: VolumeStore) -> None:
    with pytest.raises(FileExistsError, match="exists already"):
        VolumeStore.create(store.path, (2, 2, 2), *LIMITS)
    assert store.shape == SHAPE


def test_what_is_no_volume_is_not_opened(tmp_path: Path, store: VolumeStore) -> None:
    with pytest.raises(FileNotFoundError, match="there is no volume"):
        VolumeStore.open(tmp_path / "absent.zarr")
    (tmp_path / "begun.zarr.partial").mkdir()
    with pytest.raises(FileNotFoundError, match="an unfinished volume"):
        VolumeStore.open(tmp_path / "begun.zarr")
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_text("{}")
    (tmp_path / "text").mkdir()
    (tmp_path / "text" / "zarr.json").write_text("not JSON")
    for name in ("folder", "file", "text"):
        with pytest.raises(ValueError, match="not a Zarr"):
            VolumeStore.open(tmp_path / name)
    zarr.create_array(str(tmp_path / "foreign.zarr"), shape=(3, 3, 3), dtype="f4")
    with pytest.raises(ValueError, match="not a volume of gpupept"):
        VolumeStore.open(tmp_path / "foreign.zarr")
    zarr.create_group(str(tmp_path / "group.zarr"))
    with pytest.raises(ValueError, match="not a Zarr"):
        VolumeStore.open(tmp_path / "group.zarr")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"gpupept_format": 99}, "format 99"),
        ({"xlim": [3, 2]}, "damaged"),
        ({"attrs": 3}, "damaged"),
        ({"zlim": None}, "damaged"),
    ],
)
def test_damaged_attributes_are_told(
    store: VolumeStore, change: dict[str, Any], message: str
) -> None:
    path = store.path / "zarr.json"
    facts = json.loads(path.read_text())
    facts["attributes"].update(change)
    path.write_text(json.dumps(facts))
    with pytest.raises(ValueError, match=message):
        VolumeStore.open(store.path)


def test_a_link_to_a_store_is_one(tmp_path: Path, store: VolumeStore) -> None:
    os.symlink(store.path, tmp_path / "link.zarr")
    assert VolumeStore.open(tmp_path / "link.zarr").checksum() == store.checksum()
    shutil.rmtree(store.path)
    with pytest.raises(FileExistsError):
        VolumeStore.create(tmp_path / "link.zarr", (2, 2, 2), *LIMITS)


def test_chunks_that_are_all_zero_have_no_file(tmp_path: Path) -> None:
    store = VolumeStore.create(tmp_path / "v.zarr", (8, 4, 4), *LIMITS, chunks=(2, 4, 4))
    store.write(2, np.ones((2, 4, 4)))
    files = store.chunk_files(0, 8)
    assert [path.exists() for path in files] == [False, True, False, False]
    store.write(2, np.zeros((2, 4, 4)))
    assert not any(path.exists() for path in files)
