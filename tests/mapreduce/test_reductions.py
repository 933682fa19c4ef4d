"""Cells and reductions against plain Python, and what the task refuses."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from oracle import mapreduce as oracle

from gpupept.backend import array_namespace
from gpupept.images import ImageArray
from gpupept.mapreduce import (
    Box,
    CoaddPsf,
    Exposure,
    GaussianPsf,
    ImageMapper,
    ImageMapReduceConfig,
    ImageMapReduceTask,
    ImageReducer,
    ImageReducerConfig,
    Mask,
    Struct,
    map_reduce,
)

OPERATIONS = ("copy", "sum", "average", "weighted", "max", "min")


class Pass(ImageMapper):
    def run(self, subExposure, expandedSubExposure, fullBBox, **kwargs):
        return Struct(subExposure=subExposure)


class Noisy(ImageMapper):
    """Multiplies by a number of each cell, with some NaN."""

    def run(self, subExposure, expandedSubExposure, fullBBox, **kwargs):
        result = subExposure.clone()
        low, size = subExposure.getBBox().getMin(), subExposure.image.array.size
        result.image.array *= 1 + sum(low) % 5
        if result.variance is not None:
            result.variance.array += low[0]
        if result.mask is not None:
            result.mask.array |= 1 << (low[0] % 3)
        if size > 3:
            result.image.array[(0,) * len(low)] = np.nan
        return Struct(subExposure=result)


def configured(option="none", cell=(5, 4, 6), step=(4, 4, 5), border=(2, 1, 3), **reducer):
    config = ImageMapReduceConfig(adjustGridOption=option, scaleByFwhm=False)
    for axis, *sizes in zip("XYZ", cell, step, border, strict=True):
        for name, size in zip(("cellSize", "gridStep", "borderSize"), sizes, strict=True):
            setattr(config, name + axis, size)
    config.reducer.update(**reducer)
    return config


sizes = st.integers(1, 9)


@settings(max_examples=150)
@given(
    st.sampled_from(["spacing", "size", "none"]),
    st.lists(
        st.tuples(st.integers(1, 40), sizes, sizes, st.integers(0, 6)), min_size=2, max_size=3
    ),
    st.tuples(st.integers(-50, 50), st.integers(-50, 50), st.integers(-50, 50)),
)
def test_cells(option, axes, origin):
    lengths, cell, step, border = zip(*axes, strict=True)
    three = [(*each, 1)[:3] for each in (cell, step)] + [(*border, 0)[:3]]
    config = configured(option, *three)
    origin = origin[: len(lengths)]
    task = ImageMapReduceTask(config, mapper=Pass())
    task.generateGrid(Exposure(np.zeros(lengths), xy0=origin))
    expected = oracle.cells(option, lengths, cell, step, border)
    for place, boxes in enumerate((task.boxes0, task.boxes1)):
        found = [(list(b.getMin()), list(b.getEnd())) for b in boxes]
        shifted = [
            tuple([n + o for n, o in zip(end, origin, strict=True)] for end in pair[place])
            for pair in expected
        ]
        assert found == [tuple(pair) for pair in shifted]


@settings(max_examples=100)
@given(
    st.tuples(st.integers(2, 30), st.integers(2, 30)),
    st.tuples(sizes, sizes),
    st.tuples(st.integers(0, 4), st.integers(0, 4)),
)
def test_even_cells(lengths, cell, border):
    config = configured("none", (*cell, 1), (*cell, 1), (*border, 0))
    task = ImageMapReduceTask(config, mapper=Pass())
    try:
        task.generateGrid(np.zeros(lengths), forceEvenSized=True)
    except RuntimeError:
        assert any(n % 2 for n in lengths), "a cell fills an axis of odd length"
        return
    for box in (*task.boxes0, *task.boxes1):
        assert all(n % 2 == 0 for n in box.getDimensions())
        assert Box((0, 0), lengths).contains(box)


@pytest.mark.parametrize("independent", [False, True])
@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize("shape", [(13, 11), (9, 7, 8)], ids=str)
def test_put_together(device, shape, operation, independent):
    rng = np.random.default_rng(1)
    image, variance = rng.normal(size=shape), rng.random(shape) + 0.1
    image[tuple(n // 2 for n in shape)] = variance[(1,) * len(shape)] = np.nan
    mask = (rng.random(shape) < 0.1).astype(np.int32) * 32
    rule = "independent" if independent else "correlated"
    config = configured(reduceOperation=operation, variance=rule)
    task = ImageMapReduceTask(config, mapper=Noisy())
    whole = Exposure(*map(device.asarray, (image, variance, mask)))
    found = task.run(whole).exposure
    patches = []
    for result in task._runMapper(Exposure(image, variance, mask)):
        part = result.subExposure
        patches.append((part.getBBox().getMin(), *part._arrays()))
    bad = found.mask.getPlaneBitMask(config.reducer.badMaskPlanes)
    expected = oracle.reduced(shape, patches, operation, independent, mask, bad)
    for array, values in zip(found._arrays(), expected, strict=True):
        np.testing.assert_allclose(device.to_host(array), values, rtol=1e-12, atol=1e-12)
    assert found.device.startswith(device.name)
    np.testing.assert_array_equal(device.to_host(whole.image.array), image, "left as it was")
    np.testing.assert_array_equal(device.to_host(whole.mask.array), mask)


@settings(max_examples=60)
@given(st.data())
def test_any_boxes_in_any_order(data):
    """Boxes from outside: overlapping, far apart, in any order, over gaps."""
    width, height = data.draw(st.integers(2, 25)), data.draw(st.integers(2, 6))
    place = st.tuples(st.integers(0, width - 1), st.integers(0, height - 1))
    boxes = []
    for _ in range(data.draw(st.integers(0, 6))):
        (a, b), (c, d) = data.draw(place), data.draw(place)
        boxes.append(Box((min(a, c), min(b, d)), (max(a, c) + 1, max(b, d) + 1)))
    operation = data.draw(st.sampled_from(OPERATIONS))
    rng = np.random.default_rng(0)
    image, variance = rng.normal(size=(2, width, height)) ** 2
    mask = np.zeros((width, height), dtype=np.int64)
    task = ImageMapReduceTask(configured(reduceOperation=operation), mapper=Noisy())
    task.boxes0 = task.boxes1 = boxes
    parts = [r.subExposure for r in task._runMapper(Exposure(image, variance, mask))]
    patches = [(part.getBBox().getMin(), *part._arrays()) for part in parts]
    found = task.run(Exposure(image, variance, mask)).exposure
    bad = found.mask.getPlaneBitMask(["INVALID_MAPREDUCE", "BAD", "NO_DATA"])
    expected = oracle.reduced((width, height), patches, operation, False, mask, bad)
    for array, values in zip(found._arrays(), expected, strict=True):
        np.testing.assert_allclose(array, values, rtol=1e-12, atol=1e-12)


def test_adding_a_constant(device):
    """Whatever the grid and operation: every value is that of the input and the constant."""

    class Add(ImageMapper):
        def run(self, subExposure, expandedSubExposure, fullBBox, **kwargs):
            return Struct(subExposure=subExposure.like(subExposure.image.array + 5))

    image = np.arange(30.0 * 17).reshape(30, 17)
    for option in ("spacing", "size", "none"):
        for operation in ("copy", "average", "weighted", "max", "min"):
            config = configured(option, reduceOperation=operation)
            found = ImageMapReduceTask(config, mapper=Add()).run(device.asarray(image)).exposure
            np.testing.assert_allclose(device.to_host(found.image.array), image + 5, rtol=1e-12)


def test_weighted_cells_have_no_seams():
    image = np.random.default_rng(0).random((40, 40))
    results = {}
    for operation in ("copy", "weighted"):
        config = configured("none", (16, 16, 1), (8, 8, 1), (0, 0, 0), reduceOperation=operation)

        class Level(ImageMapper):
            def run(self, subExposure, expandedSubExposure, fullBBox, **kwargs):
                x, y = subExposure.getBBox().getMin()
                value = np.full(subExposure.image.array.shape, float((x + y) % 3))
                return Struct(subExposure=subExposure.like(value))

        found = ImageMapReduceTask(config, mapper=Level()).run(image).exposure.image.array
        results[operation] = np.abs(np.diff(found, axis=0)).max()
    assert results["weighted"] < 0.5 * results["copy"]


def test_types_of_results(device):
    for dtype, expected in ((np.float32, np.float32), (np.uint32, np.float64), (bool, np.float64)):
        array = device.asarray(np.ones((12, 12), dtype=dtype))
        found = ImageMapReduceTask(configured(), mapper=Pass()).run(array).exposure
        assert found.image.array.dtype == expected
        assert (device.to_host(found.image.array) == 1).all()
        assert found.variance is None
        assert found.mask is None


def test_infinities_are_values(device):
    """An infinity beside a variance of zero is as valid as any value."""
    image, variance = np.ones((12, 12)), np.ones((12, 12))
    image[3, 3], variance[3, 3] = np.inf, 0.0
    whole = Exposure(device.asarray(image), device.asarray(variance))
    found = ImageMapReduceTask(configured(), mapper=Pass()).run(whole).exposure
    assert device.to_host(found.image.array)[3, 3] == np.inf


def test_planes_asked_for():
    config = configured("none", (3, 3, 1), (6, 6, 1), (0, 0, 0))
    config.reducer.badMaskPlanes = ["MINE", "SAT"]
    mask = Mask(np.zeros((12, 12), dtype=np.int32))
    found = ImageMapReduceTask(config, mapper=Pass()).run(Exposure(np.ones((12, 12)), mask=mask))
    result = found.exposure
    assert mask.getMaskPlane("MINE") == 9
    holes = np.isnan(result.image.array)
    assert holes.any()
    np.testing.assert_array_equal(result.mask.array, np.where(holes, 2 | 1 << 9, 0))


# ---- none, coaddPsf


def test_results_as_they_are():
    class Number(ImageMapper):
        def run(self, subExposure, expandedSubExposure, fullBBox, **kwargs):
            return float(subExposure.image.array.sum())

    config = configured(reduceOperation="none")
    task = ImageMapReduceTask(config, mapper=Number())
    results = task.run(np.ones((12, 12))).result
    assert results == [float(box.getArea()) for box in task.boxes0]


def test_inputs_with_results():
    config = configured()
    config.returnSubImages = True
    config.reducer.reduceOperation = "none"
    task = ImageMapReduceTask(config, mapper=Pass())
    image = np.random.default_rng(0).random((12, 12))
    for number, result in enumerate(task.run(image).result):
        assert result.inputSubExposure.getBBox() == task.boxes0[number]
        assert result.inputExpandedSubExposure.getBBox() == task.boxes1[number]
        index = task.boxes1[number].slices((0, 0))
        np.testing.assert_array_equal(result.inputExpandedSubExposure.image.array, image[index])


class Blur(ImageMapper):
    """Gives each cell a point-spread function."""

    def run(self, subExposure, expandedSubExposure, fullBBox, **kwargs):
        result = subExposure.clone()
        result.setPsf(GaussianPsf(1.0 + subExposure.getBBox().getMin()[0] / 10))
        return Struct(subExposure=result)


@pytest.mark.parametrize("operation", ["coaddPsf", "sum", "average"])
def test_point_spread_functions_are_put_together(operation):
    config = configured(reduceOperation=operation)
    found = ImageMapReduceTask(config, mapper=Blur()).run(np.ones((12, 12)))
    psf = found.result if operation == "coaddPsf" else found.exposure.getPsf()
    assert isinstance(psf, CoaddPsf)
    np.testing.assert_allclose(psf.computeKernelImage((0, 0)), GaussianPsf(1.0).kernel)
    assert psf.computeKernelImage((11, 0)).shape != psf.computeKernelImage((0, 0)).shape


def test_point_spread_function_of_copies_is_that_of_the_input():
    config = configured(reduceOperation="copy")
    own = GaussianPsf(3.0)
    found = ImageMapReduceTask(config, mapper=Blur()).run(Exposure(np.ones((12, 12)), psf=own))
    assert found.exposure.getPsf() is own


def test_no_point_spread_functions():
    config = configured(reduceOperation="coaddPsf")
    with pytest.raises(ValueError, match="cells without: 9 of 9"):
        ImageMapReduceTask(config, mapper=Pass()).run(np.ones((12, 12)))


# ---- The reducer by itself


def test_reducer_alone():
    image = np.arange(16.0).reshape(4, 4)
    whole = Exposure(image)
    boxes = [Box((2, 0), (4, 4)), Box((0, 0), (3, 4))]
    results = [Struct(subExposure=whole.Factory(whole, box)) for box in boxes]
    found = ImageReducer(ImageReducerConfig(reduceOperation="sum")).run(results, whole)
    expected = image.copy()
    expected[2] *= 2
    np.testing.assert_array_equal(found.exposure.image.array, expected)
    with pytest.raises(ValueError, match="2 results of the mapper for 1 boxes"):
        ImageReducer().run(results, whole, boxes=[boxes[0]])


# ---- What is refused


@pytest.mark.parametrize("wrong", [3.0, Struct(mean=1.0), Struct(subExposure=np.ones((2, 2)))])
def test_results_that_are_no_exposures(wrong):
    class Wrong(ImageMapper):
        calls = 0

        def run(self, subExposure, expandedSubExposure, fullBBox, **kwargs):
            Wrong.calls += 1
            return wrong

    with pytest.raises(TypeError, match='reduceOperation = "none"'):
        ImageMapReduceTask(configured(), mapper=Wrong()).run(np.ones((40, 40)))
    assert Wrong.calls == 1, "the first result tells"


def test_cells_elsewhere():
    class Elsewhere(ImageMapper):
        def run(self, subExposure, expandedSubExposure, fullBBox, **kwargs):
            return Struct(subExposure=subExposure.like(subExposure.image.array, xy0=(30, 30)))

    with pytest.raises(ValueError, match="not within the expanded cell"):
        ImageMapReduceTask(configured(), mapper=Elsewhere()).run(np.ones((40, 40)))


def test_expanded_cells_may_be_returned():
    class Wide(ImageMapper):
        def run(self, subExposure, expandedSubExposure, fullBBox, **kwargs):
            return Struct(subExposure=expandedSubExposure)

    image = np.random.default_rng(0).random((20, 20))
    found = ImageMapReduceTask(configured(), mapper=Wide()).run(image).exposure
    np.testing.assert_allclose(found.image.array, image)


def test_different_numbers_of_boxes():
    task = ImageMapReduceTask(configured(), mapper=Pass())
    image = np.ones((20, 20))
    task.generateGrid(image)
    task.boxes0.pop()
    for call in (task.run, task._runMapper):
        with pytest.raises(ValueError, match="boxes0 and boxes1 must be as many"):
            call(image)
    task.boxes0 = task.boxes0[:3]
    with pytest.raises(ValueError, match="found 3 and"):
        task.run(image)


def test_boxes_follow_what_they_are_made_of():
    task = ImageMapReduceTask(configured(), mapper=Pass())
    task.run(np.ones((20, 20)))
    first = task.boxes0
    task.run(np.ones((20, 20)))
    assert task.boxes0 is first
    task.run(np.ones((30, 20)))
    assert len(task.boxes0) > len(first)
    task.config.cellSizeX = task.config.gridStepX = 20
    task.run(np.ones((30, 20)))
    assert len(task.boxes0) < len(first)
    task.run(np.ones((30, 20)), forceEvenSized=True)
    assert all(n % 2 == 0 for box in task.boxes0 for n in box.getDimensions())
    task.boxes0 = task.boxes1 = [Box((0, 0), (2, 2))]
    task.run(np.ones((30, 20)))
    assert len(task.boxes0) == 1, "from outside"


def test_wrong_grids():
    config = ImageMapReduceConfig(cellCentroidsX=[1, 2], cellCentroidsY=[1])
    with pytest.raises(ValueError, match="cellCentroidsX 2, cellCentroidsY 1"):
        ImageMapReduceTask(config, mapper=Pass()).run(np.ones((20, 20)))
    config = ImageMapReduceConfig(cellCentroidsX=[1, 2])
    with pytest.raises(ValueError, match="cellCentroidsY None"):
        ImageMapReduceTask(config, mapper=Pass()).run(np.ones((20, 20)))
    for name in ("cellSizeY", "gridStepX"):
        with pytest.raises(ValueError, match=f"{name} must be at least one element"):
            ImageMapReduceTask(ImageMapReduceConfig(**{name: 0.4}), mapper=Pass()).run(
                np.ones((20, 20))
            )
    small = Exposure(np.ones((20, 20)), psf=GaussianPsf(0.01))
    with pytest.raises(ValueError, match="after scaling"):
        ImageMapReduceTask(mapper=Pass()).run(small)


def test_nothing_to_map():
    found = ImageMapReduceTask(configured(), mapper=Pass()).run(np.ones((1, 1))).exposure
    assert np.isnan(found.image.array).all(), "a single element is no cell"
    empty = ImageMapReduceTask(configured(), mapper=Pass()).run(np.ones((0, 5))).exposure
    assert empty.image.array.shape == (0, 5)


# ---- In one call


@pytest.mark.parametrize("cell", [4, (5, 3), 100])
def test_one_call(device, cell):
    image = np.random.default_rng(0).random((11, 9))
    array = device.asarray(image)
    for reduce in ("copy", "sum", "average"):
        found = map_reduce(array, lambda part: part * 2, cell=cell, border=1, reduce=reduce)
        np.testing.assert_array_equal(device.to_host(found), image * 2)
    parts = map_reduce(array, lambda part: part, cell=cell, border=2, reduce="none")
    assert sum(part.size for part in parts) == image.size


def test_one_call_gives_what_it_was_given(device):
    volume = device.asarray(np.random.default_rng(0).random((5, 6, 7)))
    image = map_reduce(ImageArray(volume), array_namespace(volume).sqrt, cell=4)
    assert type(image) is ImageArray
    np.testing.assert_allclose(device.to_host(image.array) ** 2, device.to_host(volume))
    exposure = map_reduce(Exposure(volume, xy0=(1, 2, 3)), array_namespace(volume).sqrt, cell=4)
    assert exposure.getXY0() == (1, 2, 3)


def test_one_call_wrong():
    with pytest.raises(ValueError, match="cell: expected 2 numbers"):
        map_reduce(np.ones((4, 4)), np.sqrt, cell=(2, 2, 2))
    with pytest.raises(ValueError, match=r"function must return an array of shape \(4, 4\)"):
        map_reduce(np.ones((4, 4)), lambda part: part[1:], cell=4)
    with pytest.raises(TypeError, match="callable"):
        map_reduce(np.ones((4, 4)), 3)


@pytest.mark.parametrize("dtype", [complex, str])
def test_cells_that_hold_no_real_numbers(dtype):
    with pytest.raises(TypeError, match="cells must hold real numbers"):
        map_reduce(np.ones((4, 4)), lambda part: part.astype(dtype), cell=2)


def test_sizes_that_are_not_whole():
    with pytest.raises(ValueError, match="cell: expected 2 numbers"):
        map_reduce(np.ones((4, 4)), np.negative, cell=2.5)
