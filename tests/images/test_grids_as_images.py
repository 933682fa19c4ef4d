"""Pixels and Voxels have the statistics of images, and are mapped cell by cell."""

from __future__ import annotations

import numpy as np
import pytest

import gpupept
from gpupept.images import ImageArray, crop_image, normalize_data
from gpupept.mapreduce import (
    ImageMapReduceConfig,
    ImageMapReduceTask,
    RasteriseLinesMapper,
    map_reduce,
)

NAMES = ("mean_value", "median", "variance", "standarddev", "skewness", "kurtosis", "minimum")


def grid_of(device, axes, dtype=float):
    rng = np.random.default_rng(0)
    if axes == 2:
        values = rng.poisson(2.0, size=(12, 9)).astype(dtype)
        return gpupept.Pixels(device.asarray(values), [0, 6], [-1, 2], dtype=dtype), values
    values = rng.poisson(2.0, size=(12, 9, 7)).astype(dtype)
    return gpupept.Voxels(device.asarray(values), [0, 6], [-1, 2], [3, 10], dtype=dtype), values


@pytest.mark.parametrize("axes", [2, 3])
@pytest.mark.parametrize("dtype", [float, np.uint32])
def test_statistics(device, axes, dtype, tmp_path):
    grid, values = grid_of(device, axes, dtype)
    plain = ImageArray(values)
    for name in (*NAMES, "maximum"):
        assert getattr(grid, name) == pytest.approx(getattr(plain, name), rel=1e-12)
    np.testing.assert_array_equal(grid.histogram[0], plain.histogram[0])
    assert grid.describe(tmp_path, "grid")["mean"] == grid.mean_value
    found = grid.calculate_statistics(mask=grid > 3)
    assert found.maximum == 3


@pytest.mark.parametrize("axes", [2, 3])
def test_never_out_of_date(device, axes):
    grid, _ = grid_of(device, axes)
    before = grid.mean_value
    grid += 1
    assert grid.mean_value == pytest.approx(before + 1)
    grid[...] = 4.0
    assert (grid.mean_value, grid.variance) == (4.0, 0.0)
    assert (grid * 2).maximum == 8.0
    rows = np.random.default_rng(1).uniform(0, 5, size=(20, 1 + 2 * axes))
    grid.add_lines(device.asarray(rows))
    assert grid.maximum > 4.0


def test_drawn_in_mm(device):
    voxels, values = grid_of(device, 3)
    figure = voxels.visualize((0, 8, 6))
    panel = figure.data[2]
    np.testing.assert_array_equal(panel.z, values[:, :, 6].T)
    np.testing.assert_allclose(panel.x, np.arange(0.25, 6, 0.5))
    assert figure.layout.annotations[1].text == "y slice 8 (1.83333 mm)"
    assert figure.layout.xaxis3.title.text == "x (mm)"


@pytest.mark.parametrize("axes", [2, 3])
def test_cropped_and_normalised(device, axes):
    grid, values = grid_of(device, axes)
    ranges = ((2, 8), (0, 9), (3, 4))[:axes]
    block = crop_image(grid, *ranges)
    assert type(block) is type(grid)
    index = tuple(slice(*pair) for pair in ranges)
    np.testing.assert_array_equal(block.get(), values[index])
    for found, whole, pair in zip(block._grids(), grid._grids(), ranges, strict=True):
        np.testing.assert_allclose(found, whole[pair[0] : pair[1] + 1], atol=1e-12)
    bright = normalize_data(grid, (0, 1))
    assert type(bright) is type(grid)
    assert (bright.minimum, bright.maximum) == (0.0, 1.0)


@pytest.mark.parametrize("axes", [2, 3])
def test_mapped_cell_by_cell(device, axes):
    grid, values = grid_of(device, axes, np.uint32)
    doubled = map_reduce(grid, lambda part: part * 2, cell=5)
    assert type(doubled) is type(grid)
    np.testing.assert_array_equal(doubled.get(), values * 2)
    np.testing.assert_array_equal(doubled.xlim, grid.xlim)


@pytest.mark.parametrize("axes", [2, 3])
def test_lines_counted_cell_by_cell(device, axes):
    grid, _ = grid_of(device, axes)
    grid[...] = 0.0
    rows = device.asarray(np.random.default_rng(1).uniform(-2, 9, size=(50, 1 + 2 * axes)))
    config = ImageMapReduceConfig(cellSizeX=4, gridStepX=4, adjustGridOption="none")
    config.reducer.reduceOperation = "copy"
    task = ImageMapReduceTask(config, mapper=RasteriseLinesMapper(rows, grid))
    found = task.run(grid).exposure.image.array
    grid.add_lines(rows)
    np.testing.assert_array_equal(device.to_host(found), grid.get())
