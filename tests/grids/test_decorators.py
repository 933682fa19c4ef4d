"""Methods that take grids of any kind."""

from __future__ import annotations

import numpy as np
import pytest
from oracle import grid_functions as functions

import gpupept
from gpupept.grids import (
    Array2D,
    Array3D,
    Grid2D,
    Grid2DIrregular,
    Grid2DIterate,
    Grid3DIterate,
    Mask2D,
    OverSamplingUniform,
    ValuesIrregular,
    grid_2d_to_structure,
    grid_2d_to_structure_list,
    over_sample,
)


class Model:
    factor = 2.0

    @grid_2d_to_structure
    def values(self, grid, shift=0.0):
        return self.factor * functions.gauss(grid) + shift

    @grid_2d_to_structure_list
    def several(self, grid):
        return [functions.gauss(grid), functions.iso(grid)]

    @over_sample
    def averaged(self, grid, shift=0.0):
        return self.factor * functions.gauss(grid) + shift

    @over_sample
    def averages(self, grid):
        return [functions.gauss(grid), functions.iso(grid)]


@pytest.fixture
def mask(device):
    return Mask2D.circular((7, 7), 1.5, 0.5, sub_size=2).to(device.name)


def test_plain_grids_give_a_value_at_each_point(mask):
    grid = Grid2D.from_mask(mask)
    found = Model().values(grid, shift=1.0)
    assert isinstance(found, Array2D)
    assert found.sub_size == 2
    expected = 2 * functions.gauss(grid.get()) + 1
    np.testing.assert_allclose(found.get(), expected, rtol=1e-14)
    native = Model().values(grid.native, shift=1.0)
    np.testing.assert_array_equal(native.get(), found.get())
    parts = Model().several(grid)
    assert [type(part) for part in parts] == [Array2D, Grid2D]
    binned = Model().averaged(grid, 1.0)
    np.testing.assert_allclose(binned.get(), found.binned.get(), rtol=1e-14)
    assert [part.sub_size for part in Model().averages(grid)] == [1, 1]


def test_grids_with_over_sampling_give_averages(mask):
    grid = Grid2DIterate.from_mask(mask, 0.999)
    expected = grid.iterated_result_from(lambda p: 2 * functions.gauss(p) + 1)
    for method in (Model().values, Model().averaged):
        found, info = method(grid, shift=1.0, return_info=True)
        np.testing.assert_array_equal(found.get(), expected.get())
        assert info.n_evaluations > len(grid)
    assert [type(part) for part in Model().several(grid)] == [Array2D, Grid2D]
    uniform = Grid2D.from_mask(mask.mask_sub_1, OverSamplingUniform(2))
    means = Model().values(Grid2D.from_mask(mask)).binned
    np.testing.assert_allclose(Model().values(uniform).get(), means.get(), rtol=1e-13)


def test_other_points(device):
    points = device.asarray(np.array([[0.0, 1.0], [3.0, 4.0]]))
    bare = Model().values(points)
    assert isinstance(bare, type(points))
    wrapped = Model().values(Grid2DIrregular(points))
    assert isinstance(wrapped, ValuesIrregular)
    np.testing.assert_array_equal(wrapped.get(), device.to_host(bare))
    parts = Model().several(Grid2DIrregular(points))
    assert [type(part) for part in parts] == [ValuesIrregular, Grid2DIrregular]


def test_voxels():
    class Space:
        @grid_2d_to_structure
        def values(self, grid):
            return functions.gauss3(grid)

    voxels = gpupept.Voxels.zeros((3, 3, 3), [-5, 5], [-5, 5], [-5, 5])
    found = Space().values(Grid3DIterate.from_voxels(voxels, fractional_accuracy=0.99))
    assert isinstance(found, Array3D)
