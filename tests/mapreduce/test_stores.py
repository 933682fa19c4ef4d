"""Volumes larger than memory: read from stores, filtered cell by cell, written to stores."""

from __future__ import annotations

import threading
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import gpupept
from gpupept.mapreduce import (
    Exposure,
    FunctionMapper,
    GaussianFilterMapper,
    ImageMapper,
    ImageMapReduceConfig,
    ImageMapReduceTask,
    MedianFilterMapper,
    RasteriseLinesMapper,
    StatisticsMapper,
    Struct,
    map_reduce,
)
from gpupept.mapreduce.accumulation import Accumulation, Output, window_bytes
from gpupept.mapreduce.mappers.filters import FilterMapper
from gpupept.volumes import VolumeStore

pytest.importorskip("zarr", minversion="3")

LIMITS = ([-3.0, 10.0], [2.0, 3.0], [0.0, 5.0])


def make(
    path: Path, shape: tuple[int, ...] = (40, 22, 27), dtype: Any = "f4", **options: Any
) -> VolumeStore:
    limits = LIMITS[: len(shape)]
    store = VolumeStore.create(path, shape, *limits, dtype=dtype, **options)
    values = np.random.default_rng(0).gamma(2.0, 50.0, shape)
    store.write(0, values.astype(dtype))
    return store


@pytest.fixture
def store(tmp_path: Path) -> VolumeStore:
    return make(tmp_path / "v.zarr", chunks=(7, 8, 9), attrs={"run": 3, "total": 9})


MAPPERS = {
    "gaussian": lambda: GaussianFilterMapper(sigma=1.1),
    "mirrored": lambda: GaussianFilterMapper(sigma=0.7, mode="symmetric"),
    "median": lambda: MedianFilterMapper(size=3),
    "function": lambda: np.sqrt,
}


@pytest.mark.parametrize("name", MAPPERS)
def test_the_same_as_in_memory_bit_for_bit(tmp_path: Path, store: Any, name: str) -> None:
    voxels = store.voxels()
    whole = map_reduce(voxels, MAPPERS[name](), cell=voxels.shape)
    for number, options in enumerate(
        (
            {"memory": "2MB", "n_workers": 1},
            {"memory": "1200kB", "n_workers": 3},
            {"cell": (9, 22, 10), "n_workers": 2},
            {"cell": 8},
            {"cell": (40, 22, 27)},
            {},
        )
    ):
        out = tmp_path / f"{number}.zarr"
        found = map_reduce(store, MAPPERS[name](), out=out, **options)
        assert isinstance(found, VolumeStore)
        assert (found.path, found.dtype) == (out, np.float32)
        assert found[:].tobytes() == whole.array.tobytes()
        np.testing.assert_array_equal(found.limits, LIMITS)
        assert found.attrs == {"run": 3}
    again = map_reduce(store, MAPPERS[name](), memory="2MB")  # into memory
    assert isinstance(again, gpupept.Voxels)
    assert again.array.tobytes() == whole.array.tobytes()
    np.testing.assert_array_equal([again.xlim, again.ylim, again.zlim], LIMITS)


@given(
    shape=st.tuples(*[st.integers(2, 14)] * 3),
    chunks=st.tuples(*[st.integers(1, 6)] * 3),
    cell=st.tuples(*[st.integers(1, 9)] * 3),
    deep=st.integers(1, 20),
    operation=st.sampled_from(["copy", "average", "sum"]),
)
@settings(max_examples=15)
def test_any_chunks_and_cells(
    tmp_path_factory: Any, shape: Any, chunks: Any, cell: Any, deep: int, operation: str
) -> None:
    folder = tmp_path_factory.mktemp("any")
    given_store = make(folder / "v.zarr", shape, "u2", chunks=chunks)
    mapper = GaussianFilterMapper(sigma=0.5)
    expected = mapper.filtered(given_store[:])
    out = VolumeStore.create(folder / "out.zarr", shape, *LIMITS, dtype="f8", chunks=(deep, 3, 3))
    found = map_reduce(given_store, mapper, cell, reduce=operation, out=out)
    assert found is out
    np.testing.assert_array_equal(out[:], expected)


@pytest.mark.parametrize("operation", ["copy", "average"])
def test_memory_is_bounded(tmp_path: Path, operation: str) -> None:
    """A volume of 3 MB is filtered in 1.5 MB, and the output is not held either."""
    shape = (320, 48, 48)
    store = VolumeStore.create(tmp_path / "v.zarr", shape, *LIMITS, dtype="f4", chunks=(8, 16, 16))
    for first in range(0, 320, 64):
        store.write(first, np.full((64, 48, 48), first, dtype="f4"))
    mapper = GaussianFilterMapper(sigma=0.4)
    map_reduce(store.voxels((slice(0, 20),)), mapper, out=tmp_path / "first.zarr")  # imports
    tracemalloc.start()
    try:
        out = tmp_path / "out.zarr"
        found = map_reduce(store, mapper, reduce=operation, out=out, memory="1500kB", n_workers=2)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 1.7e6
    np.testing.assert_array_equal(found[:], mapper.filtered(store[:]).astype("f4"))


def test_each_chunk_of_the_output_is_written_once(store: Any) -> None:
    class Log:
        """Like a Zarr array with chunks of ten rows."""

        def __init__(self, shape: Any) -> None:
            self.values = np.zeros(shape)
            self.shape, self.dtype, self.chunks = shape, self.values.dtype, (10, 11, 9)
            self.rows: list[tuple[int, int]] = []

        def __getitem__(self, index: Any) -> Any:
            return self.values[index]

        def __setitem__(self, index: Any, part: Any) -> None:
            self.rows.append((index[0].start, index[0].stop))
            self.values[index] = part

    config = ImageMapReduceConfig(adjustGridOption="none", scaleByFwhm=False)
    for axis in "XYZ":
        config.update(**{f"cellSize{axis}": 12, f"gridStep{axis}": 12, f"borderSize{axis}": 4})
    config.reducer.reduceOperation = "average"
    mapper = GaussianFilterMapper(sigma=1.0)
    out = Log(store.shape)
    ImageMapReduceTask(config, mapper=mapper).run(store, out=out)
    assert out.rows == [(0, 10), (10, 20), (20, 30), (30, 40)]
    np.testing.assert_array_equal(out.values, mapper.filtered(store[:]))
    wide = Log(store.shape)
    wide.chunks = (20, 11, 9)  # deeper than a cell: not waited for
    ImageMapReduceTask(config, mapper=mapper).run(store, out=wide)
    assert wide.rows == [(0, 12), (12, 24), (24, 36), (36, 40)]


def test_layers_that_are_held(store: Any) -> None:
    """Sums are kept of the layers only that cells to come may still change."""
    exposure = Exposure(store)
    task = ImageMapReduceTask(
        ImageMapReduceConfig(
            adjustGridOption="none",
            scaleByFwhm=False,
            **{n + a: 8 for n in ("cellSize", "gridStep") for a in "XYZ"},
        ),
        mapper=FunctionMapper(np.sqrt),
    )
    task.generateGrid(exposure)
    output = Output(np.empty(store.shape, dtype="f4"), None, None, 0)
    layer = 22 * 27
    for operation, element in (("copy", 4), ("sum", 8), ("average", 16)):
        sums = Accumulation(exposure, task.boxes0, operation, False, output, "cpu")
        held = [array for array in (sums._image, sums._weight) if array is not None]
        assert sum(array.nbytes for array in held) == 8 * layer * element
        assert window_bytes(exposure, task.boxes0, operation, output.image) == 8 * layer * element


def test_an_exposure_of_a_store_knows_where_it_lies(store: Any) -> None:
    exposure = Exposure(store)
    assert exposure.container is store
    np.testing.assert_array_equal(exposure.limits, LIMITS)
    assert exposure.getDimensions() == store.shape
    np.testing.assert_array_equal(Exposure(store.voxels()).limits, LIMITS)
    assert Exposure(np.zeros((3, 3))).limits is None
    part = exposure.Factory(exposure, exposure.getBBox().grow(-3))
    np.testing.assert_array_equal(part.image.array, store[3:-3, 3:-3, 3:-3])


def test_pixels_and_other_axes(tmp_path: Path) -> None:
    pixels = make(tmp_path / "p.zarr", (31, 17), "u4", chunks=(5, 5))
    mapper = GaussianFilterMapper(sigma=0.8)
    expected = mapper.filtered(pixels[:])
    found = map_reduce(pixels, mapper, out=tmp_path / "out.zarr", memory="10MB")
    assert (found.ndim, found.dtype) == (2, np.float64)
    np.testing.assert_array_equal(found[:], expected)
    assert isinstance(map_reduce(pixels, mapper), gpupept.Pixels)
    turned = Exposure.from_yx(pixels)
    found = map_reduce(turned, mapper, cell=6, out=tmp_path / "turned.zarr")
    assert isinstance(found, Exposure)
    np.testing.assert_array_equal(found.container[:], expected)


def test_voxels_into_a_store(tmp_path: Path, store: Any) -> None:
    mapper = GaussianFilterMapper(sigma=1.1)
    found = map_reduce(store.voxels(), mapper, cell=11, out=tmp_path / "out.zarr")
    assert found.attrs == {"run": 3}
    np.testing.assert_array_equal(found[:], mapper.filtered(store[:]).astype("f4"))
    with pytest.raises(ValueError, match="an image that knows where it lies"):
        map_reduce(store[:], mapper, cell=11, out=tmp_path / "plain.zarr")
    assert not (tmp_path / "plain.zarr").exists()


def test_masks_and_variances(tmp_path: Path, store: Any) -> None:
    mask = np.zeros(store.shape, dtype=np.int32)
    mask[3] = 4
    variance = np.full(store.shape, 2.0)
    exposure = Exposure(store, variance=variance, mask=mask)
    task = ImageMapReduceTask(mapper=FunctionMapper(np.sqrt))
    expected = task.run(Exposure(store[:], variance=variance, mask=mask)).exposure
    found = task.run(exposure, out=tmp_path / "out.zarr").exposure
    np.testing.assert_array_equal(found.container[:], expected.image.array)
    np.testing.assert_array_equal(found.variance.array, expected.variance.array)
    np.testing.assert_array_equal(found.mask.array, expected.mask.array)


@pytest.mark.parametrize("accumulate", ["auto", "host", "device"])
def test_cells_of_a_store_on_a_gpu(
    fake_gpu: Any, tmp_path: Path, store: Any, accumulate: str
) -> None:
    mapper = GaussianFilterMapper(sigma=0.5)
    expected = mapper.filtered(store[:]).astype("f4")
    options = {"device": "cuda", "accumulate": accumulate, "max_device_bytes": "1500kB"}
    found = map_reduce(store, mapper, out=tmp_path / "out.zarr", memory="20MB", **options)
    np.testing.assert_allclose(found[:], expected, rtol=1e-6)


def test_measurements_of_a_store(store: Any) -> None:
    parts = map_reduce(store, StatisticsMapper(), cell=(10, 22, 27), reduce="none")
    assert [part.box.getWidth() for part in parts] == [10] * 4
    assert max(part.statistics.maximum for part in parts) == float(store[:].max())
    plain = map_reduce(store, np.sqrt, cell=20, reduce="none")
    np.testing.assert_array_equal(plain[0], np.sqrt(store[:20, :20, :20]))
    with pytest.raises(ValueError, match=r'reduce operation "none" gives no image'):
        map_reduce(store, np.sqrt, reduce="none", out="nowhere.zarr")
    assert not Path("nowhere.zarr").exists()


def test_lines_into_a_store(tmp_path: Path) -> None:
    lines = np.random.default_rng(1).uniform(-10, 15, (50, 7))
    store = VolumeStore.create(tmp_path / "v.zarr", (12, 5, 6), *LIMITS)
    mapper = RasteriseLinesMapper(lines, limits=store)
    found = map_reduce(store, mapper, cell=(5, 5, 6), out=tmp_path / "counts.zarr")
    expected = gpupept.Voxels.from_lines(lines, (12, 5, 6), *LIMITS, verbose=False)
    np.testing.assert_array_equal(found[:], expected.array)


# ---- What goes wrong


class Fails(ImageMapper):
    def run(self, subExposure: Any, expandedSubExposure: Any, fullBBox: Any, **kwargs: Any) -> Any:
        if subExposure.getBBox().getMin()[0] > 10:
            raise ValueError("too dark")
        return Struct(subExposure=subExposure)


def test_stores_are_made_whole_or_not_at_all(tmp_path: Path, store: Any) -> None:
    with pytest.raises(ValueError, match="too dark"):
        map_reduce(store, Fails(), cell=8, out=tmp_path / "out.zarr")
    assert [each.name for each in tmp_path.iterdir()] == ["v.zarr"]
    map_reduce(store, np.sqrt, out=tmp_path / "out.zarr")
    with pytest.raises(FileExistsError, match="overwrite=True"):
        map_reduce(store, np.sqrt, out=tmp_path / "out.zarr")
    found = map_reduce(store, np.square, out=tmp_path / "out.zarr", overwrite=True)
    np.testing.assert_array_equal(found[:], np.square(store[:]))
    assert sorted(each.name for each in tmp_path.iterdir()) == ["out.zarr", "v.zarr"]


def test_too_little_memory(tmp_path: Path, store: Any) -> None:
    with pytest.raises(ValueError, match=r"memory of 9000 bytes is too little .* at least \d+"):
        map_reduce(store, np.sqrt, memory=9000, out=tmp_path / "out.zarr")
    with pytest.raises(ValueError, match="cell or memory decides"):
        map_reduce(store, np.sqrt, cell=8, memory="1MB")
    for wrong in ((1, 2), (1, 2, -1), (1, 2, 0.5)):
        with pytest.raises(ValueError, match="border: expected 3 numbers"):
            map_reduce(store, np.sqrt, border=wrong)


def test_filters_must_define_what_they_do() -> None:
    with pytest.raises(TypeError, match="filtered"):
        FilterMapper({})  # type: ignore[abstract]


def test_mappers_not_safe_for_threads_have_one(store: Any) -> None:
    names = set()

    class Thread(ImageMapper):
        def run(self, subExposure: Any, expanded: Any, fullBBox: Any, **kwargs: Any) -> Any:
            names.add(threading.current_thread().name)
            return Struct(subExposure=subExposure)

    map_reduce(store, Thread(), memory="5MB", n_workers=4)
    assert names == {threading.current_thread().name}


def test_the_image_is_no_output(tmp_path: Path, store: Any) -> None:
    again = VolumeStore.open(store.path, mode="r+")
    values = store[:]
    for image, out in ((store, again), (store, store), (values, values), (values, values[:, :, :])):
        with pytest.raises(ValueError, match="out must be another array"):
            map_reduce(image, np.sqrt, cell=8, out=out)
    np.testing.assert_array_equal(again[:], values)
    replaced = map_reduce(store, np.sqrt, out=store.path, overwrite=True)  # made beside it first
    np.testing.assert_array_equal(replaced[:], np.sqrt(values))
