"""Values and points of pixels and voxels, in both layouts, on every device."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import gpupept
from gpupept.backend import MixedDevicesError
from gpupept.grids import (
    Array2D,
    Array3D,
    ArrayException,
    Grid2D,
    Grid2DIrregular,
    Grid2DIterate,
    Grid3D,
    Grid3DIterate,
    GridException,
    Mask2D,
    Mask3D,
    OverSamplingIterate,
    ValuesIrregular,
)

MASKS = hnp.arrays(bool, hnp.array_shapes(min_dims=2, max_dims=2, max_side=5))


@given(mask=MASKS, sub_size=st.integers(1, 3), seed=st.integers(0, 99))
def test_layouts(device, mask, sub_size, seed):
    plane = Mask2D(device.asarray(mask), (2.0, 0.5), sub_size)
    rng = np.random.default_rng(seed)
    values = rng.normal(size=plane.sub_pixels_in_mask)
    array = Array2D(device.asarray(values), plane)
    native = array.native.get()
    assert native.shape == plane.sub_shape_native
    masked = np.repeat(np.repeat(mask, sub_size, 0), sub_size, 1)
    assert (native[masked] == 0).all()
    for k, place in enumerate(device.to_host(plane.sub_mask_index_for_sub_mask_1d_index)):
        assert native[tuple(place)] == values[k]
    np.testing.assert_array_equal(array.native.slim.get(), values)
    np.testing.assert_array_equal(array.native.native.get(), native)
    blocks = values.reshape(-1, sub_size**2)
    np.testing.assert_allclose(array.binned.get(), blocks.sum(1) / sub_size**2, atol=1e-15)
    np.testing.assert_array_equal(array.native.binned.get(), array.binned.get())
    grid = Grid2D.from_mask(plane)
    np.testing.assert_array_equal(Grid2D(grid.native, plane).get(), grid.get())
    np.testing.assert_allclose(
        grid.binned.get(), plane.mask_sub_1.masked_grid.get(), rtol=0, atol=1e-12
    )


def test_arithmetic_keeps_the_mask(device):
    array = Array2D(device.asarray(np.array([1.0, 2.0, 3.0])), small_mask(device))
    assert isinstance(array * 2 + array, Array2D)
    assert (array * 2 + array).mask is array.mask
    assert (array + 1).native.get().tolist() == [[2.0, 0.0], [3.0, 4.0]]
    assert isinstance(array[:2], type(array.array))
    assert float(array.sum()) == 6.0
    elsewhere = Array2D(array.array, small_mask(device)._like(array.mask.array, 1))
    assert isinstance(array + elsewhere, Array2D)
    moved = Mask2D(array.mask.array, 1.0, origin=(1.0, 0.0))
    assert not isinstance(array + Array2D(array.array, moved), Array2D)


def small_mask(device=None):
    mask = np.array([[False, True], [False, False]])
    return Mask2D(mask if device is None else device.asarray(mask), 1.0)


@pytest.mark.parametrize("values", [[1.0, 2.0], np.ones((2, 3)), np.ones((3, 1))])
def test_values_that_do_not_fit(values):
    with pytest.raises(ArrayException, match=r"array must have shape \(3,\) \(slim\) or \(2, 2\)"):
        Array2D.manual_mask(values, small_mask())


@pytest.mark.parametrize("points", [[[1.0, 2.0]], np.ones((3, 3)), np.ones((2, 2, 3)), [1.0] * 3])
def test_points_that_do_not_fit(points):
    with pytest.raises(GridException, match=r"grid must have shape \(3, 2\) \(slim\)"):
        Grid2D(points, small_mask())


def test_constructors_of_arrays():
    expected = Array2D.manual_native([[1.0, 2.0], [3.0, 4.0]], 1.0, origin=(1.0, 0.0))
    slim = Array2D.manual_slim([1.0, 2.0, 3.0, 4.0], (2, 2), 1.0, origin=(1.0, 0.0))
    np.testing.assert_array_equal(slim.array, expected.array)
    assert slim.mask.is_same_as(expected.mask)
    assert slim.extent == [-1.0, 1.0, 0.0, 2.0]
    fine = Array2D.manual_native(np.arange(16.0).reshape(4, 4), 1.0, sub_size=2)
    assert fine.array[:5].tolist() == [0.0, 1.0, 4.0, 5.0, 2.0]
    assert Array2D.zeros((2, 3), 1.0, sub_size=2).shape == (24,)
    assert Array2D.ones((2, 3), 1.0).sum() == 6.0
    with pytest.raises(ArrayException, match="multiples of the sub size 2"):
        Array2D.manual_native(np.ones((3, 4)), 1.0, sub_size=2)
    with pytest.raises(ArrayException, match="array must have one axis"):
        Array2D.manual_slim(np.ones((2, 2)), (2, 2), 1.0)
    assert Array2D([True, False, True], small_mask()).dtype == np.float64
    with pytest.raises(TypeError, match="real numbers"):
        Array2D([1j, 2, 3], small_mask())


def test_constructors_of_grids():
    uniform = Grid2D.uniform((2, 3), (1.0, 2.0), sub_size=2, origin=(1.0, -1.0))
    y, x = uniform.array.T
    native = uniform.native.array
    made = [
        Grid2D.manual_slim(uniform.array, (2, 3), (1.0, 2.0), 2, (1.0, -1.0)),
        Grid2D.manual_native(native, (1.0, 2.0), 2, (1.0, -1.0)),
        Grid2D.manual(native, None, (1.0, 2.0), 2, (1.0, -1.0)),
        Grid2D.manual(uniform.array, (2, 3), (1.0, 2.0), 2, (1.0, -1.0)),
        Grid2D.manual_yx_1d(y, x, (2, 3), (1.0, 2.0), 2, (1.0, -1.0)),
        Grid2D.manual_yx_2d(native[..., 0], native[..., 1], (1.0, 2.0), 2, (1.0, -1.0)),
        Grid2D.manual_mask(uniform.array, uniform.mask),
        uniform.unmasked_grid,
    ]
    for grid in made:
        np.testing.assert_array_equal(grid.array, uniform.array)
        assert grid.mask.is_same_as(uniform.mask)
    for call, message in (
        (lambda: Grid2D.manual(uniform.array), "shape_native must be given"),
        (lambda: Grid2D.manual_native(native[:3], 1.0, 2), "multiples of the sub size 2"),
        (lambda: Grid2D.manual_slim([1.0, 2.0], (1, 1), 1.0), "grid must have two axes"),
        (lambda: Grid2D.manual_yx_1d([1.0], [1.0, 2.0], (1, 1), 1.0), "the same shape"),
        (lambda: Grid2D([[0, 0]], Mask2D([[False]], 1), "fine"), "over_sampling must be"),
    ):
        with pytest.raises((GridException, TypeError), match=message):
            call()
    with pytest.raises(GridException, match="must have sub size 1, found 2"):
        Grid2D.from_mask(uniform.mask, OverSamplingIterate())


def test_bounding_boxes():
    edges = Grid2D.bounding_box([0.0, 4.0, -3.0, 3.0], (4, 3))
    assert edges.mask.extent == [-3.0, 3.0, 0.0, 4.0]
    centres = Grid2D.bounding_box([0.0, 4.0, -3.0, 3.0], (5, 3), buffer_around_corners=True)
    assert centres.extent == [-3.0, 3.0, 0.0, 4.0]
    assert centres.pixel_scales == (1.0, 3.0)
    with pytest.raises(GridException, match="rising limits"):
        Grid2D.bounding_box([4.0, 0.0, -3.0, 3.0], (4, 3))
    with pytest.raises(GridException, match="at least two pixels"):
        Grid2D.bounding_box([0.0, 4.0, -3.0, 3.0], (1, 3), buffer_around_corners=True)


def test_extremes_are_those_of_the_points(device):
    mask = Mask2D(device.asarray(np.array([[True, False, False]])), (2.0, 1.0))
    grid = Grid2D.from_mask(mask)
    assert grid.extent == [0.0, 1.0, 0.0, 0.0]
    assert grid.extent_with_buffer(0.5) == [-0.5, 1.5, -0.5, 0.5]
    assert grid.shape_native_scaled == (0.0, 1.0)
    assert (grid.scaled_minima, grid.scaled_maxima) == ((0.0, 0.0), (0.0, 1.0))
    empty = Grid2D.from_mask(Mask2D([[True]], 1.0))
    with pytest.raises(GridException, match="no points"):
        _ = empty.extent


def test_other_coordinates(device):
    grid = Grid2D.uniform((1, 2), 1.0).to(device.name)
    assert device.to_host(grid.flipped).tolist() == [[-0.5, 0.0], [0.5, 0.0]]
    seconds = Grid2D.manual_slim([[648000.0, 0.0]], (1, 1), 1.0).to(device.name)
    assert device.to_host(seconds.in_radians)[0] == pytest.approx([np.pi, 0.0])
    assert grid.distances_to_coordinate((0.0, 0.5)).get().tolist() == [1.0, 0.0]
    assert grid.total_pixels == 2
    assert isinstance(grid.values_from(device.asarray(np.ones(2))), ValuesIrregular)
    with pytest.raises(GridException, match="2 points, but 3 values"):
        grid.values_from([1.0, 2.0, 3.0])
    with pytest.raises(GridException, match="deflection_grid must have shape"):
        grid.grid_via_deflection_grid_from(device.asarray(np.ones((3, 2))))


def test_structures(device):
    grid = Grid2D.uniform((2, 2), 1.0, sub_size=2).to(device.name)
    values = grid.structure_2d_from(grid.array[:, 0])
    vectors, more = grid.structure_2d_list_from([grid.array, grid.array[:, 1]])
    assert [type(part) for part in (values, vectors, more)] == [Array2D, Grid2D, Array2D]
    assert values.mask is grid.mask
    with pytest.raises(GridException, match=r"found \(3,\)"):
        grid.structure_2d_from(device.asarray(np.ones(3)))


def test_points_near_others_are_masked(device):
    grid = Grid2D.uniform((3, 3), 1.0, sub_size=2).to(device.name)
    found = grid.grid_with_coordinates_within_distance_removed([(1.0, 1.0), (0.0, 0.0)], 0.5)
    assert found.mask.get().astype(int).tolist() == [[0, 0, 1], [0, 1, 0], [0, 0, 0]]
    np.testing.assert_array_equal(found.get(), Grid2D.from_mask(found.mask).get())


def test_relocation_without_a_border(device):
    empty = Grid2D.from_mask(Mask2D(device.asarray(np.ones((2, 2), bool)), 1.0))
    points = device.asarray(np.array([[5.0, 5.0]]))
    assert empty.relocated_grid_from(points).get().tolist() == [[5.0, 5.0]]
    grid = Grid2D.uniform((3, 3), 1.0).to(device.name)
    moved = grid.relocated_grid_from(device.asarray(np.array([[5.0, 0.0], [0.2, 0.1]])))
    np.testing.assert_allclose(moved.get(), [[1.0, 0.0], [0.2, 0.1]], atol=1e-12)
    assert isinstance(grid.relocated_grid_from(grid), Grid2D)


def test_padding_and_trimming(device):
    array = Array2D.manual_native(np.arange(1.0, 13.0).reshape(3, 4), 1.0).to(device.name)
    padded = array.padded_before_convolution_from((3, 5))
    assert padded.shape_native == (5, 8)
    np.testing.assert_array_equal(padded.native.get()[1:-1, 2:-2], array.native.get())
    back = padded.trimmed_after_convolution_from((3, 5))
    np.testing.assert_array_equal(back.get(), array.get())
    assert array.resized_from((1, 1), pad_value=7.0).get().tolist() == [7.0]
    with pytest.raises(ArrayException, match="must be odd"):
        array.padded_before_convolution_from((2, 3))
    with pytest.raises(ArrayException, match="nothing is left"):
        array.trimmed_after_convolution_from((5, 1))
    with pytest.raises(ArrayException, match="sub size 1 change their shape, found 2"):
        Array2D.ones((2, 2), 1.0, sub_size=2).resized_from((3, 3))
    with pytest.raises(GridException, match="must be odd"):
        Grid2D.uniform((3, 3), 1.0).padded_grid_from((4, 3))


@pytest.mark.parametrize("shape", [(3, 4), (5, 8), (4, 3), (1, 9), (2, 2)])
def test_pixels_stay_where_they_are(device, shape):
    mask = np.zeros((3, 4), bool)
    mask[0, 1] = mask[2, 3] = True
    plane = Mask2D(device.asarray(mask), (2.0, 0.5), origin=(1.0, -1.0))
    grid = Grid2D.from_mask(plane)
    found = grid.resized_from(shape)
    np.testing.assert_allclose(found.get(), Grid2D.from_mask(found.mask).get(), atol=1e-12)
    moved = grid.grid_via_deflection_grid_from(0.1 * grid.array).resized_from(shape)
    both = {tuple(point) for point in np.round(grid.get() * 0.9, 9)}
    either = both | {tuple(point) for point in np.round(found.get(), 9)}
    assert {tuple(point) for point in np.round(moved.get(), 9)} <= either
    if min(np.array(shape) - (3, 4)) >= 0:
        assert both <= {tuple(point) for point in np.round(moved.get(), 9)}


def test_padding_and_trimming_of_grids(device):
    grid = Grid2D.uniform((3, 4), 1.0, origin=(1.0, 0.0)).to(device.name)
    padded = grid.padded_before_convolution_from((3, 5))
    np.testing.assert_allclose(padded.get(), grid.padded_grid_from((3, 5)).get(), atol=1e-12)
    np.testing.assert_array_equal(padded.trimmed_after_convolution_from((3, 5)).get(), grid.get())
    with pytest.raises(GridException, match="nothing is left"):
        grid.trimmed_after_convolution_from((5, 5))
    with pytest.raises(GridException, match="must be odd"):
        grid.padded_before_convolution_from((2, 2))
    with pytest.raises(GridException, match="sub size 1 change their shape, found 2"):
        Grid2D.uniform((3, 4), 1.0, sub_size=2).resized_from((5, 5))


def test_zooming(device):
    mask = np.ones((5, 6), bool)
    mask[1, 2:5] = False
    array = Array2D(device.asarray(np.array([1.0, 2.0, 3.0])), Mask2D(device.asarray(mask), 1.0))
    assert array.mask.zoom_region == [0, 3, 2, 5]
    zoomed = array.zoomed_around_mask(buffer=1)
    assert zoomed.shape_native == (5, 5)
    assert zoomed.native.get()[2].tolist() == [0.0, 1.0, 2.0, 3.0, 0.0]
    pixels = zoomed.mask.grid_pixel_centres_from(array.mask.masked_grid.array)
    assert device.to_host(pixels).tolist() == [[2, 1], [2, 2], [2, 3]]
    with pytest.raises(ArrayException, match="every pixel is masked"):
        Array2D(np.empty(0), Mask2D([[True]], 1.0)).zoomed_around_mask()


@given(values=hnp.arrays(float, hnp.array_shapes(min_dims=2, max_dims=2, max_side=5)))
def test_pixels_there_and_back(device, values):
    values = np.nan_to_num(values)
    pixels = gpupept.Pixels(device.asarray(values), [-1, 4], [2, 2.7])
    array = Array2D.from_pixels(pixels)
    columns, rows = values.shape
    native = array.native.get()
    for i, j in np.ndindex(rows, columns):
        assert native[i, j] == values[j, rows - 1 - i]
    back = array.to_pixels(like=pixels)
    np.testing.assert_array_equal(back.get(), values)
    assert isinstance(back * 0.5 + pixels * 0.5, gpupept.Pixels)
    np.testing.assert_allclose(array.to_pixels().ylim, [2, 2.7], rtol=1e-14)
    with pytest.raises(ArrayException, match="like must have"):
        array.to_pixels(like=gpupept.Pixels(np.ones((7, 7)), [0, 1], [0, 1]))


def test_points_of_pixels_are_where_pixels_are(device):
    pixels = gpupept.Pixels(device.asarray(np.zeros((3, 2))), [0, 6], [10, 30])
    grid = Grid2D.from_pixels(pixels)
    expected = [[x, y] for y in (25.0, 15.0) for x in (1.0, 3.0, 5.0)]
    np.testing.assert_allclose(device.to_host(grid.flipped), expected)
    with pytest.raises(ArrayException):
        Array2D.from_pixels(pixels, small_mask(device))


def test_voxels_there_and_back(device):
    values = np.arange(24.0).reshape(2, 3, 4)
    voxels = gpupept.Voxels(device.asarray(values), [0, 2], [0, 3], [-1, 1])
    np.testing.assert_array_equal(Array3D.from_voxels(voxels).to_voxels().get(), values)
    fine = Array3D.from_voxels(voxels, Mask3D.from_voxels(voxels, lambda v: v > 5))
    back = fine.to_voxels(fill=-2.0).get()
    np.testing.assert_array_equal(back, np.where(values > 5, values, -2.0))
    mask = Mask3D.from_voxels(voxels, sub_size=2)
    grid = Grid3D.from_mask(mask)
    assert grid.native.shape == (4, 6, 8, 3)
    np.testing.assert_allclose(grid.binned.get(), Grid3D.from_voxels(voxels).get(), atol=1e-12)
    cells = np.floor(voxels.from_physical(grid.get(), corner=True)).astype(int)
    expected = device.to_host(mask.native_index_for_slim_index)
    np.testing.assert_array_equal(cells[::8], expected)
    assert isinstance(grid.structure_3d_from(grid.array[:, 0]), Array3D)
    with pytest.raises(ArrayException, match=r"array must have shape \(24,\)"):
        Array3D(np.ones(3), Mask3D.from_voxels(voxels.to("cpu")))


def test_irregular_points(device):
    points = Grid2DIrregular(device.asarray(np.array([[0.0, 1.0], [3.0, 4.0]])))
    assert points.in_list == [(0.0, 1.0), (3.0, 4.0)]
    assert points.squared_distances_to_coordinate((0.0, 0.0)).in_list == [1.0, 25.0]
    assert points.grid_via_deflection_grid_from(points.array).get().tolist() == [[0, 0], [0, 0]]
    wrapped = points.structure_2d_list_from([points.array, points.array[:, 0]])
    assert [type(part) for part in wrapped] == [Grid2DIrregular, ValuesIrregular]
    assert Grid2DIrregular((1.0, 2.0)).in_list == [(1.0, 2.0)]
    assert Grid2DIrregular([]).shape == (0, 2)
    for wrong in ([[1.0, 2.0, 3.0]], [1.0, 2.0, 3.0]):
        with pytest.raises(GridException, match=r"grid must have shape \(n, 2\)"):
            Grid2DIrregular(wrong)
    with pytest.raises(GridException, match="values must have one axis"):
        ValuesIrregular([[1.0]])
    with pytest.raises(GridException, match="result must have shape"):
        points.structure_2d_from(device.asarray(np.ones(3)))


def test_devices_are_not_mixed(gpu_device):
    values = gpu_device.asarray(np.ones(3))
    with pytest.raises(MixedDevicesError):
        Array2D(values, small_mask())
    array = Array2D([1.0, 2.0, 3.0], small_mask(gpu_device))
    assert array.device.startswith("cuda")
    with pytest.raises(TypeError, match="does not become a NumPy array"):
        np.asarray(array)
    home = array.to("cpu")
    assert (home.device, home.mask.device) == ("cpu", "cpu")
    assert home.to("cpu") is home
    grid = Grid2DIterate.uniform((2, 2), 1.0).to(gpu_device.name)
    with pytest.raises(MixedDevicesError):
        grid.iterated_result_from(lambda points: np.ones(len(points)))
    made = Array2D.manual_slim(gpu_device.asarray(np.ones(4)), (2, 2), 1.0)
    assert made.mask.device.startswith("cuda")


@pytest.mark.parametrize(
    "thing",
    [
        Array2D([1.0, 2.0, 3.0], small_mask()),
        Grid2D.from_mask(small_mask()),
        Grid2DIterate.from_mask(small_mask(), 0.9, [2, 3], rule="symmetric"),
        Grid3DIterate.from_mask(Mask3D(np.zeros((1, 1, 2)), [0, 1], [0, 1], [0, 1]), 0.9),
        Grid2DIrregular([(1.0, 2.0)]),
    ],
    ids=lambda thing: type(thing).__name__,
)
def test_saving(tmp_path, thing):
    for name in ("thing.npz", "thing.pickle"):
        thing.save(tmp_path / name)
        again = type(thing).load(tmp_path / name)
        np.testing.assert_array_equal(again.array, thing.array)
    if isinstance(thing, Grid2DIterate | Grid3DIterate):
        assert vars(again.over_sampling) == vars(thing.over_sampling)
        assert isinstance(thing.native, type(thing))
    if hasattr(thing, "mask"):
        assert again.mask.is_same_as(thing.mask)
        thing.save(tmp_path, "other")
        assert (tmp_path / "other.npz").exists()
        np.testing.assert_array_equal(
            type(thing).load(tmp_path, filename="other").array, thing.array
        )
