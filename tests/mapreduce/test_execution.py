"""Threads, streams, memory and outputs: none of them changes a result."""

from __future__ import annotations

import logging
import threading
import time

import numpy as np
import pytest
from cuda_host import fake_cupy

from gpupept.backend import to_host
from gpupept.mapreduce import (
    Box,
    Exposure,
    FunctionMapper,
    GaussianFilterMapper,
    ImageMapper,
    ImageMapReduceConfig,
    ImageMapReduceTask,
    Struct,
    autoCell,
    map_reduce,
)


class Level(ImageMapper):
    """Adds the number of the cell; the first cells take longest."""

    threadSafe = True

    def run(self, subExposure, expandedSubExposure, fullBBox, **kwargs):
        place = subExposure.getBBox().getMin()
        if place == (0,) * len(place):
            time.sleep(0.05)
        image = subExposure.image.array
        return Struct(subExposure=subExposure.like(image + 100.0 * place[0] + place[1]))


def overlapping(operation, **values):
    config = ImageMapReduceConfig(adjustGridOption="none", scaleByFwhm=False, **values)
    for axis in "XYZ":
        for name, size in (("cellSize", 9), ("gridStep", 6), ("borderSize", 2)):
            setattr(config, name + axis, size)
    config.reducer.reduceOperation = operation
    return config


@pytest.fixture
def image():
    return np.random.default_rng(0).random((31, 20))


@pytest.mark.parametrize("operation", ["copy", "average", "weighted", "sum"])
def test_threads_change_nothing(image, operation):
    task = ImageMapReduceTask(overlapping(operation), mapper=Level())
    one = task.run(image, n_workers=1).exposure.image.array
    for workers in (2, 5, None):
        again = task.run(image, n_workers=workers).exposure.image.array
        assert again.tobytes() == one.tobytes()


@pytest.mark.parametrize("operation", ["copy", "average", "sum"])
@pytest.mark.parametrize("accumulate", ["auto", "device", "host"])
def test_streams_change_nothing(fake_gpu, image, operation, accumulate):
    """Cells of an image on the host, copied to a GPU one by one."""
    task = ImageMapReduceTask(overlapping(operation), mapper=Level())
    expected = task.run(image).exposure.image.array
    for streams in (1, 2, 4):
        found = task.run(image, device="cuda", n_streams=streams, accumulate=accumulate).exposure
        assert isinstance(found.image.array, np.ndarray), "where the image was"
        np.testing.assert_array_equal(found.image.array, expected)


@pytest.mark.parametrize("moved", [False, True])
def test_another_device(image, moved):
    task = ImageMapReduceTask(overlapping("average"), mapper=Level())
    expected = task.run(image).exposure.image.array
    with fake_cupy.installed(devices=2) as cupy:
        with cupy.cuda.Device(1):
            array = cupy.asarray(image) if moved else image
        found = task.run(array, device=None if moved else "cuda:1").exposure
        assert found.device == ("cuda:1" if moved else "cpu")
        np.testing.assert_array_equal(to_host(found.image.array), expected)


def test_cells_are_on_the_device(fake_gpu, image):
    found = []

    class Where(ImageMapper):
        def run(self, subExposure, expandedSubExposure, fullBBox, **kwargs):
            found.append((subExposure.device, expandedSubExposure.device))
            shared = np.shares_memory(
                subExposure.image.array._host, expandedSubExposure.image.array._host
            )
            return Struct(subExposure=subExposure, shared=shared)

    config = overlapping("none")
    results = ImageMapReduceTask(config, mapper=Where()).run(image, device="gpu").result
    assert set(found) == {("cuda:0", "cuda:0")}
    assert all(result.shared for result in results), "a cell is copied once"


def test_volume_larger_than_the_memory_of_the_device(fake_gpu):
    volume = np.random.default_rng(0).random((40, 36, 44)).astype(np.float32)
    budget = volume.nbytes // 4
    mapper = GaussianFilterMapper(sigma=0.5)
    cell = autoCell(volume.shape, 2, budget, bytes_per_voxel=36, n_streams=1, align=4)
    assert max(cell) < 36
    config = ImageMapReduceConfig(adjustGridOption="none")
    for axis, size in zip("XYZ", cell, strict=True):
        for name in ("cellSize", "gridStep"):
            setattr(config, name + axis, size)
        setattr(config, f"borderSize{axis}", 2)
    config.reducer.reduceOperation = "copy"
    task = ImageMapReduceTask(config, mapper=mapper)
    found = task.run(volume, device="cuda", max_device_bytes=budget).exposure.image.array
    np.testing.assert_array_equal(found, mapper.filtered(volume).astype(np.float32))
    with pytest.raises(ValueError, match="autoCell"):
        task.run(volume, device="cuda", max_device_bytes=budget // 4)


def test_cells_are_read_and_written_by_parts(tmp_path):
    """A volume on disk: no more than a few cells in memory."""

    class Store:
        """Like a Zarr array: read and written by slices."""

        def __init__(self, values):
            self.values, self.largest = values, 0
            self.shape, self.dtype = values.shape, values.dtype

        def __getitem__(self, index):
            part = self.values[index]
            self.largest = max(self.largest, part.size)
            return part.copy()

        def __setitem__(self, index, part):
            self.largest = max(self.largest, part.size)
            self.values[index] = part

    values = np.random.default_rng(0).random((60, 20, 18))
    mapper = GaussianFilterMapper(sigma=0.5)
    expected = ImageMapReduceTask(overlapping("average"), mapper=mapper).run(values).exposure
    given, out = Store(values), Store(np.zeros(values.shape))
    task = ImageMapReduceTask(overlapping("average"), mapper=mapper)
    found = task.run(given, out=out).exposure
    assert found.image.array is out
    np.testing.assert_array_equal(out.values, expected.image.array)
    assert given.largest == 13**3
    assert out.largest <= 13 * 20 * 18
    np.testing.assert_allclose(out.values, mapper.filtered(values), rtol=1e-12)
    disk = np.memmap(tmp_path / "volume", dtype=np.float32, mode="w+", shape=values.shape)
    task.run(np.asarray(values), out=disk)
    np.testing.assert_allclose(disk, expected.image.array, rtol=1e-6)


def test_little_memory_for_sums():
    from gpupept.mapreduce.accumulation import window_bytes

    exposure = Exposure(np.broadcast_to(np.float32(1), (2048, 2048, 2048)))
    boxes = [Box((x, 0, 0), (x + 68, 2048, 2048)) for x in range(0, 2048 - 68, 64)]
    assert window_bytes(exposure, boxes) <= 2 * 8 * 72 * 2048**2
    shuffled = [boxes[k] for k in np.random.default_rng(0).permutation(len(boxes))]
    assert window_bytes(exposure, shuffled) > 8 * 2 * 1000 * 2048**2


@pytest.mark.parametrize(
    "out", [np.zeros((3, 3)), np.zeros((31, 20), dtype=int)], ids=["shape", "dtype"]
)
def test_wrong_outputs(image, out):
    with pytest.raises(ValueError, match="out: expected shape"):
        ImageMapReduceTask(overlapping("copy"), mapper=Level()).run(image, out=out)


def test_wrong_choices(image):
    task = ImageMapReduceTask(overlapping("copy"), mapper=Level())
    for choice in ({"n_workers": 0}, {"n_streams": -1}, {"n_workers": 1.5}, {"accumulate": "x"}):
        with pytest.raises(ValueError, match=next(iter(choice))):
            task.run(image, **choice)


def test_only_safe_mappers_have_threads(image):
    names = set()

    class Thread(ImageMapper):
        def run(self, subExposure, expandedSubExposure, fullBBox, **kwargs):
            names.add(threading.current_thread().name)
            return Struct(subExposure=subExposure)

    ImageMapReduceTask(overlapping("copy"), mapper=Thread()).run(image)
    assert names == {threading.current_thread().name}


# ---- Errors of mappers


class Fails(ImageMapper):
    threadSafe = True
    error = ValueError("too dark")

    def run(self, subExposure, expandedSubExposure, fullBBox, **kwargs):
        if subExposure.getBBox().contains((13, 13)):
            raise self.error
        return Struct(subExposure=subExposure)


@pytest.mark.parametrize("workers", [1, 3])
def test_errors_tell_the_cell(image, workers):
    task = ImageMapReduceTask(overlapping("copy"), mapper=Fails())
    place = r"in cell 5, Box\(minimum=\(6, 6\), end=\(15, 15\)\): too dark"
    with pytest.raises(ValueError, match=place):
        task.run(image, n_workers=workers)


def test_errors_that_cannot_be_made_again(image):
    class Odd(Exception):
        def __init__(self, a, b):
            super().__init__(a, b)

    mapper = Fails()
    mapper.error = Odd(1, 2)
    with pytest.raises(RuntimeError, match=r"Odd in cell 5, Box.*\(1, 2\)") as caught:
        ImageMapReduceTask(overlapping("copy"), mapper=mapper).run(image)
    assert caught.value.__cause__ is mapper.error


@pytest.mark.parametrize("operation", ["copy", "average", "sum", "none"])
def test_cells_left_out(image, caplog, operation):
    config = overlapping(operation, onError="skip")
    whole = Exposure(image, mask=np.zeros(image.shape, dtype=np.int32))
    with caplog.at_level(logging.WARNING):
        found = ImageMapReduceTask(config, mapper=Fails()).run(whole)
    assert "cell 5," in caplog.text
    assert "too dark" in caplog.text
    if operation == "none":
        assert [i for i, r in enumerate(found.result) if "error" in r.getDict()] == [5, 6, 9, 10]
        return
    array, bits = found.exposure.image.array, found.exposure.mask.array
    assert bits[13, 13] == found.exposure.mask.getPlaneBitMask(config.reducer.badMaskPlanes)
    assert array[13, 13] == 0 if operation == "sum" else np.isnan(array[13, 13])
    assert array[0, 0] == image[0, 0]
    assert bits[0, 0] == 0


def test_inputs_are_not_changed(image):
    def spoil(part):
        part[...] = 0
        return part

    before = image.copy()
    with pytest.raises(ValueError, match="read-only"):
        map_reduce(image, spoil, cell=8)
    np.testing.assert_array_equal(image, before)

    class Spoil(ImageMapper):
        def run(self, subExposure, expandedSubExposure, fullBBox, **kwargs):
            subExposure.image.array[...] = 0
            return Struct(subExposure=subExposure)

    task = ImageMapReduceTask(overlapping("copy"), mapper=Spoil())
    task._runMapper(image, doClone=True)
    np.testing.assert_array_equal(image, before)


def test_borders_narrower_than_the_reach(image):
    for mapper in (GaussianFilterMapper(sigma=2.0), FunctionMapper(np.sqrt, halo=3)):
        with pytest.raises(ValueError, match="borderSize must be at least"):
            ImageMapReduceTask(overlapping("copy"), mapper=mapper).run(image)


def test_further_arguments_reach_the_mapper(image):
    class Kwargs(ImageMapper):
        def run(self, subExposure, expandedSubExposure, fullBBox, **kwargs):
            return Struct(given=kwargs, full=fullBBox)

    results = ImageMapReduceTask(overlapping("none"), mapper=Kwargs()).run(image, amount=3).result
    assert results[0].given == {"amount": 3}
    assert results[0].full == Box((0, 0), (31, 20))


def test_progress(image, capsys):
    task = ImageMapReduceTask(overlapping("copy"), mapper=Level())
    task.run(image, progress=True)
    assert "cells: 100%" in capsys.readouterr().err
    task.run(image)
    assert not capsys.readouterr().err


def test_boxes_are_drawn(image):
    task = ImageMapReduceTask(overlapping("copy"), mapper=Level())
    with pytest.raises(ValueError, match="no boxes"):
        task.plotBoxes(Box((0, 0), (31, 20)))
    task.generateGrid(image)
    figure = task.plotBoxes(Box((0, 0), (31, 20)), skip=2)
    assert [trace.name for trace in figure.data] == ["exposure", "cells", "borders"]
    assert len(figure.data[1].x) == 6 * len(task.boxes0[::2])
    np.testing.assert_array_equal(figure.data[0].x[:5], [0, 31, 31, 0, 0])


# ---- autoCell


@pytest.mark.parametrize("shape", [(100, 90), (64, 64, 64), (3000, 10, 500)])
@pytest.mark.parametrize("budget", ["1MB", 300_000, "4GB"])
@pytest.mark.parametrize("border", [0, 3])
def test_cells_that_fit(shape, budget, border):
    from gpupept.backend import parse_size

    cell = autoCell(shape, border, budget, bytes_per_voxel=10, n_streams=2, align=4)

    def needed(sizes):
        return 20 * np.prod([min(c + 2 * border, n) for c, n in zip(sizes, shape, strict=True)])

    assert needed(cell) <= parse_size(budget)
    for axis, (length, size) in enumerate(zip(cell, shape, strict=True)):
        assert length == size or length % 4 == 0
        if length < size:
            longer = (*cell[:axis], min(length + 4, size), *cell[axis + 1 :])
            assert needed(longer) > parse_size(budget), "as large as can be"


def test_no_cell_fits():
    with pytest.raises(ValueError, match="must hold 2 cells of at least"):
        autoCell((100, 100, 100), 8, 1000)
