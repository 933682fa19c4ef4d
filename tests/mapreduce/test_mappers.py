"""Ready-made mappers: by cells as on the whole image, and as SciPy or plain Python have it."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy import ndimage

from gpupept.base import LineData
from gpupept.images import image_statistics
from gpupept.mapreduce import (
    ConvolveMapper,
    Exposure,
    FieldValidationError,
    FunctionMapper,
    GaussianFilterMapper,
    ImageMapReduceConfig,
    ImageMapReduceTask,
    LocalMaximaMapper,
    MedianFilterMapper,
    RasteriseLinesMapper,
    RichardsonLucyMapper,
    StatisticsMapper,
    ThresholdMapper,
)

# Names of the same continuation in SciPy.
SCIPY = {"constant": "constant", "edge": "nearest", "symmetric": "reflect", "reflect": "mirror"}


def task_of(mapper, ndim, operation="copy", cell=7, border=None):
    config = ImageMapReduceConfig(adjustGridOption="none", scaleByFwhm=False)
    halo = mapper.halo if border is None else border
    widths = (halo,) * ndim if isinstance(halo, int) else halo
    for axis, width in zip("XYZ", widths, strict=False):
        for name, size in (("cellSize", cell), ("gridStep", cell), ("borderSize", width)):
            setattr(config, name + axis, size)
    config.reducer.reduceOperation = operation
    return ImageMapReduceTask(config, mapper=mapper)


def by_cells(device, mapper, image, cell=7):
    task = task_of(mapper, image.ndim, cell=cell)
    return device.to_host(task.run(device.asarray(image)).exposure.image.array)


@pytest.fixture(params=[(25, 23), (16, 15, 17)], ids=["2D", "3D"])
def image(request):
    return np.random.default_rng(0).gamma(2.0, size=request.param)


@pytest.mark.parametrize("mode", SCIPY)
def test_gaussian(device, image, mode):
    mapper = GaussianFilterMapper(sigma=0.8, truncate=3.0, mode=mode)
    assert mapper.halo == 3
    expected = ndimage.gaussian_filter(image, 0.8, mode=SCIPY[mode], radius=3)
    np.testing.assert_allclose(by_cells(device, mapper, image), expected, rtol=1e-12)


@pytest.mark.parametrize("mode", SCIPY)
def test_convolve(device, image, mode):
    kernel = np.random.default_rng(1).normal(size=(3, 5, 1)[: image.ndim])
    expected = ndimage.convolve(image, kernel, mode=SCIPY[mode])
    found = by_cells(device, ConvolveMapper(kernel, mode), image)
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-12)


def test_convolve_on_the_other_axes(device):
    image = np.random.default_rng(0).random((20, 25))
    kernel = np.random.default_rng(1).random((1, 5))  # along x of [y, x]
    config = ImageMapReduceConfig(borderSizeX=2, borderSizeY=0)
    config.reducer.reduceOperation = "copy"
    task = ImageMapReduceTask(config, mapper=ConvolveMapper(kernel))
    found = task.run(Exposure.from_yx(device.asarray(image))).exposure.image.array
    expected = ndimage.convolve(image, kernel, mode="constant")
    np.testing.assert_allclose(device.to_host(found), expected)
    with pytest.raises(ValueError, match="borderSize"):
        task.run(Exposure(device.asarray(image)))


@pytest.mark.parametrize("mode", SCIPY)
def test_median(device, image, mode, monkeypatch):
    monkeypatch.setattr("gpupept.mapreduce.mappers.filters._MOST_WINDOWS", 3000)
    expected = ndimage.median_filter(image, 3, mode=SCIPY[mode])
    np.testing.assert_array_equal(by_cells(device, MedianFilterMapper(3, mode), image), expected)


def test_threshold(device, image):
    expected = np.where((image < 0.5) | (image > 2.0), -1.0, image)
    found = by_cells(device, ThresholdMapper(lower=0.5, upper=2.0, fill=-1.0), image)
    np.testing.assert_array_equal(found, expected)
    counts = (image * 10).astype(np.uint8)
    found = by_cells(device, ThresholdMapper(lower=9), counts)
    np.testing.assert_array_equal(found, np.where(counts < 9, 0, counts))


def test_thresholded_to_nothing(device):
    image = np.arange(400.0).reshape(20, 20)
    found = by_cells(device, ThresholdMapper(upper=200, fill=np.nan), image)
    assert np.isnan(found[10, 1:]).all()
    assert np.isfinite(found[:10]).all()


def test_function(device, image):
    found = by_cells(device, FunctionMapper(lambda part: part**2, halo=2), image)
    np.testing.assert_array_equal(found, image**2)


def test_variance_and_mask_are_handed_on(device):
    rng = np.random.default_rng(0)
    arrays = (rng.random((20, 20)), rng.random((20, 20)), rng.integers(0, 9, (20, 20)))
    whole = Exposure(*map(device.asarray, arrays))
    found = task_of(GaussianFilterMapper(sigma=0.5), 2).run(whole).exposure
    np.testing.assert_array_equal(device.to_host(found.variance.array), arrays[1])
    np.testing.assert_array_equal(device.to_host(found.mask.array), arrays[2])


def test_statistics(device, image):
    image[2, 3] = np.nan
    task = task_of(StatisticsMapper(histogram=True), image.ndim, "none")
    results = task.run(device.asarray(image)).result
    assert len(results) == len(task.boxes0)
    for result, box in zip(results, task.boxes0, strict=True):
        expected = image_statistics(image[box.slices((0,) * image.ndim)], nan_policy="omit")
        assert result.box == box
        assert result.statistics.n == expected.n
        np.testing.assert_allclose(
            list(result.statistics.as_dict().values()),
            list(expected.as_dict().values()),
            rtol=1e-12,
        )
        assert result.statistics.histogram[0].sum() == expected.n


def test_statistics_without_flagged_elements(device):
    image, mask = np.arange(400.0).reshape(20, 20), np.zeros((20, 20), dtype=np.int32)
    mask[:7, :7] = 1
    mask[8, 0] = 2 | 1
    whole = Exposure(device.asarray(image), mask=device.asarray(mask))
    task = task_of(StatisticsMapper(maskPlanes=["BAD"]), 2, "none")
    results = task.run(whole).result
    assert results[0].statistics is None
    numbers = {result.box.getMin(): result.statistics.n for result in results[1:]}
    assert numbers[(7, 0)] == 48
    assert numbers[(7, 7)] == 49


def local_maxima(image, size, threshold):
    """Places of maxima, neighbour by neighbour."""
    reach, found = size // 2, []
    for place in np.ndindex(image.shape):
        value = image[place]
        if np.isnan(value) or not value > threshold:
            continue
        largest = True
        for offset in itertools.product(range(-reach, reach + 1), repeat=image.ndim):
            other = tuple(a + b for a, b in zip(place, offset, strict=True))
            inside = all(0 <= k < n for k, n in zip(other, image.shape, strict=True))
            if not any(offset) or not inside or np.isnan(image[other]):
                continue
            before = offset < (0,) * image.ndim
            largest &= bool(value > image[other] if before else value >= image[other])
        if largest:
            found.append(place)
    return found


@pytest.mark.parametrize(("size", "threshold"), [(3, None), (5, 1.0), (1, 3.0)])
def test_local_maxima(device, image, size, threshold):
    image = np.round(image, 1)  # some are equal
    image[1, 2] = np.nan
    image[3, 5] = image[3, 6] = 90.0
    task = task_of(LocalMaximaMapper(size, threshold), image.ndim, "none")
    results = task.run(device.asarray(image)).result
    places = [tuple(p) for result in results for p in result.positions.tolist()]
    values = [v for result in results for v in result.values.tolist()]
    limit = -np.inf if threshold is None else threshold
    assert sorted(places) == local_maxima(image, size, limit)
    assert values == [image[place] for place in places]


def test_local_maxima_on_the_other_axes(device):
    image = np.zeros((20, 30))
    image[4, 17] = 1.0
    whole = Exposure.from_yx(device.asarray(image), xy0=(100, 200))
    results = task_of(LocalMaximaMapper(threshold=0.5), 2, "none").run(whole).result
    found = np.concatenate([result.positions for result in results])
    assert found.tolist() == [[117, 204]]


def test_deconvolution(device):
    sharp = np.zeros((30, 28))
    sharp[8, 9], sharp[20, 15] = 100.0, 50.0
    kernel = np.outer([1, 2, 1], [1, 3, 1]).astype(float)
    blurred = ndimage.convolve(sharp, kernel / kernel.sum(), mode="nearest")
    mapper = RichardsonLucyMapper(kernel, iterations=4)
    found = by_cells(device, mapper, blurred, cell=9)
    estimate, weights = np.ones(sharp.shape), kernel / kernel.sum()
    for _ in range(4):
        modelled = ndimage.convolve(estimate, weights, mode="nearest")
        ratio = np.where(modelled > 0, blurred / np.where(modelled > 0, modelled, 1), 0)
        estimate = estimate * ndimage.correlate(ratio, weights, mode="nearest")
    np.testing.assert_allclose(found, estimate, rtol=1e-9, atol=1e-9)
    assert found[8, 9] > 1.5 * blurred[8, 9]
    assert RichardsonLucyMapper(kernel, iterations=50, halo=6).halo == 6


def test_configured_from_above():
    config = ImageMapReduceConfig(adjustGridOption="none", borderSizeX=4, borderSizeY=4)
    config.mapper.retarget(GaussianFilterMapper)
    config.mapper.sigma = 1.0
    config.reducer.reduceOperation = "copy"
    image = np.random.default_rng(0).random((20, 20))
    found = ImageMapReduceTask(config).run(image).exposure.image.array
    np.testing.assert_allclose(found, ndimage.gaussian_filter(image, 1.0, mode="constant"))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: GaussianFilterMapper(sigma=0), "sigma"),
        (lambda: GaussianFilterMapper(mode="wrap"), "mode"),
        (lambda: MedianFilterMapper(size=4), "size"),
        (lambda: MedianFilterMapper(size=-3), "size"),
        (lambda: ConvolveMapper(np.ones((2, 3))), "odd size"),
        (lambda: ConvolveMapper(np.full((3, 3), np.nan)), "finite"),
        (lambda: ConvolveMapper(), "found None"),
        (lambda: RichardsonLucyMapper(-np.ones((3, 3))), "negative"),
        (lambda: RichardsonLucyMapper(np.ones((3, 3)), iterations=0), "iterations"),
        (lambda: StatisticsMapper(nan_policy="ignore"), "nan_policy"),
        (lambda: ThresholdMapper(lower="low"), "lower"),
    ],
)
def test_wrong_parameters(make, message):
    with pytest.raises(ValueError, match=message):
        make()
    assert issubclass(FieldValidationError, ValueError)


def test_kernels_with_the_wrong_axes():
    with pytest.raises(ValueError, match="ConvolveMapper is for 2 axes, found an image with 3"):
        task_of(ConvolveMapper(np.ones((3, 3))), 3, border=1).run(np.zeros((9, 9, 9)))


# ---- Lines


def counted(lines, edges):
    """Counts of lines by many points on each; only for lines that avoid corners."""
    shape = tuple(len(axis) - 1 for axis in edges)
    total, axes = np.zeros(shape), len(edges)
    for row in lines:
        start, end = row[1 : 1 + axes], row[1 + axes : 1 + 2 * axes]
        points = start + np.linspace(0, 1, 20_001)[:, None] * (end - start)
        cells = np.stack([np.searchsorted(e, x) - 1 for e, x in zip(edges, points.T, strict=True)])
        inside = np.all([(k >= 0) & (k < n) for k, n in zip(cells, shape, strict=True)], axis=0)
        for cell in set(map(tuple, cells[:, inside].T.tolist())):
            total[cell] += 1
    return total


@pytest.mark.parametrize("shape", [(12, 9), (7, 8, 9)], ids=["2D", "3D"])
def test_lines(device, shape):
    axes = len(shape)
    lines = np.random.default_rng(3).uniform(-9, 9, size=(6, 1 + 2 * axes))
    limits = [(-6.0, 6.0), (-5.0, 4.0), (-7.0, 7.0)][:axes]
    edges = [np.linspace(*ends, n + 1) for ends, n in zip(limits, shape, strict=True)]
    mapper = RasteriseLinesMapper(lines, limits)
    for cell in (100, 4):
        task = task_of(mapper, axes, cell=cell)
        found = task.run(device.asarray(np.zeros(shape))).exposure.image.array
        np.testing.assert_array_equal(device.to_host(found), counted(lines, edges))
    turned = task_of(mapper, axes, cell=5).run(Exposure.from_yx(np.zeros(shape[::-1])))
    np.testing.assert_array_equal(turned.exposure.image.array.T, counted(lines, edges))


def test_lengths_of_lines():
    lines = np.array([[0.0, -5, 0.5, 0.5, 5, 0.5, 0.5], [1.0, 0.5, 0.5, 0.5, 0.5, 0.5, np.nan]])
    mapper = RasteriseLinesMapper(lines, [(-5, 5), (-2, 2), (-2, 2)], lengths=True)
    found = task_of(mapper, 3, cell=5).run(np.zeros((5, 4, 4))).exposure.image.array
    np.testing.assert_allclose(found[:, 2, 2], 2.0)
    np.testing.assert_allclose(found.sum(), 10.0)


def test_lines_of_a_container():
    lines = LineData(np.array([[0.0, -5, 0.5, 0.5, 5, 0.5, 0.5]]))
    mapper = RasteriseLinesMapper(lines, [(-5, 5), (-2, 2), (-2, 2)])
    assert task_of(mapper, 3).run(np.zeros((5, 4, 4))).exposure.image.array.sum() == 5


@pytest.mark.parametrize(
    ("lines", "limits", "message"),
    [
        (None, [(0, 1)] * 3, "found None"),
        (np.zeros(7), [(0, 1)] * 3, "rows of a table"),
        (np.zeros((2, 5)), [(0, 1)] * 3, "at least 7 columns"),
        (np.zeros((2, 7)), None, "two or three pairs"),
        (np.zeros((2, 7)), [(0, 1), (2, 1)], "ascending"),
        (np.zeros((2, 7)), [(0, 1), (2, np.inf)], "finite"),
    ],
)
def test_wrong_lines(lines, limits, message):
    with pytest.raises(ValueError, match=message):
        RasteriseLinesMapper(lines, limits)
    mapper = RasteriseLinesMapper(np.zeros((0, 7)), [(0, 1)] * 2)
    with pytest.raises(ValueError, match="expected 3 axes"):
        task_of(mapper, 3).run(np.zeros((9, 9, 9)))
