"""Masks of pixels and voxels."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from oracle import grids as oracle

import gpupept
from gpupept.grids import GridException, Mask2D, Mask3D, MaskException
from gpupept.grids.mask_borders import dilated, resized

MASKS = hnp.arrays(bool, hnp.array_shapes(min_dims=2, max_dims=2, max_side=7))


def _brute(mask, test):
    return np.array([[test(i, j) for j in range(mask.shape[1])] for i in range(mask.shape[0])])


@given(mask=MASKS)
def test_edges_and_borders_are_those_of_the_oracle(mask):
    found = Mask2D(mask, 1.0)
    expected = _brute(mask, lambda i, j: oracle.edge(mask, i, j))
    np.testing.assert_array_equal(~found.edge_mask.array, expected)
    expected = _brute(mask, lambda i, j: oracle.border(mask, i, j))
    np.testing.assert_array_equal(~found.border_mask.array, expected)
    assert len(found.sub_border_slim_indexes) == expected.sum()
    slim = found.edge_slim_indexes
    unmasked = found.native_index_for_slim_index[slim]
    np.testing.assert_array_equal(
        unmasked, found.edge_mask.native_index_for_slim_index.reshape(-1, 2)
    )


@given(mask=MASKS, reach=st.tuples(st.integers(0, 4), st.integers(0, 4)))
def test_dilation_is_that_of_the_oracle(mask, reach):
    expected = _brute(mask, lambda i, j: oracle.near(mask, i, j, reach))
    np.testing.assert_array_equal(dilated(~mask, reach), expected)


@given(mask=MASKS, kernel=st.tuples(*[st.sampled_from([1, 3, 5])] * 2))
def test_blurring_masks(mask, kernel):
    reach = [size // 2 for size in kernel]
    rows, columns = np.nonzero(~mask)
    leaves = len(rows) and (
        min(rows.min(), mask.shape[0] - 1 - rows.max()) < reach[0]
        or min(columns.min(), mask.shape[1] - 1 - columns.max()) < reach[1]
    )
    found = Mask2D(mask, 1.0)
    if leaves:
        with pytest.raises(MaskException, match="allow_padding"):
            found.blurring_mask_from(kernel)
        padded = found.blurring_mask_from(kernel, allow_padding=True)
        assert padded.shape == tuple(n + k - 1 for n, k in zip(mask.shape, kernel, strict=True))
        mask = np.pad(mask, [(r, r) for r in reach], constant_values=True)
    else:
        padded = found.blurring_mask_from(kernel, allow_padding=True)
    expected = _brute(mask, lambda i, j: mask[i, j] and oracle.near(mask, i, j, reach))
    np.testing.assert_array_equal(~padded.array, expected)
    assert padded.pixels_in_mask == expected.sum()


@given(mask=MASKS, shape=st.tuples(st.integers(1, 9), st.integers(1, 9)))
def test_resizing_keeps_the_middle(mask, shape):
    values = np.arange(mask.size).reshape(mask.shape)
    found = resized(values, shape, -1)
    for k in np.ndindex(shape):
        old = [n // 2 - m // 2 + i for n, m, i in zip(mask.shape, shape, k, strict=True)]
        inside = all(0 <= i < n for i, n in zip(old, mask.shape, strict=True))
        assert found[k] == (values[tuple(old)] if inside else -1)


@pytest.mark.parametrize("shape", [(3, 3), (1, 4)])
def test_a_mask_of_everything(device, shape):
    mask = Mask2D(device.asarray(np.ones(shape, bool)), 1.0, sub_size=2)
    assert mask.is_all_true
    assert not mask.is_all_false
    assert mask.pixels_in_mask == mask.sub_pixels_in_mask == 0
    assert mask.masked_grid.shape == (0, 2)
    assert len(mask.sub_border_slim_indexes) == 0
    assert mask.blurring_mask_from((1, 1)).is_all_true
    for name in ("mask_centre", "zoom_region", "zoom_centre"):
        with pytest.raises(MaskException, match="every pixel is masked"):
            getattr(mask, name)


@pytest.mark.parametrize(
    ("mask", "options", "message"),
    [
        ([True, False], {}, "mask must have 2 axes"),
        (np.zeros((2, 0), bool), {}, "at least one cell"),
        ([[False]], {"pixel_scales": 0.0}, "pixel_scales must be above zero"),
        ([[False]], {"pixel_scales": (1.0, -1.0)}, "pixel_scales must be above zero"),
        ([[False]], {"pixel_scales": np.nan}, "pixel_scales must be 2 finite numbers"),
        ([[False]], {"pixel_scales": (1, 2, 3)}, "pixel_scales must be 2 finite numbers"),
        ([[False]], {"pixel_scales": "wide"}, "pixel_scales must be 2 numbers"),
        ([[False]], {"origin": (0.0, np.inf)}, "origin must be 2 finite numbers"),
        ([[False]], {"origin": 1.0}, "origin must be 2 finite numbers"),
        ([[False]], {"sub_size": 0}, "sub_size must be from 1"),
        ([[False]], {"sub_size": 1.5}, "sub_size must be a whole number"),
        ([[False], [True, True]], {}, "mask cannot be made an array"),
    ],
)
def test_what_is_not_a_mask(mask, options, message):
    with pytest.raises(ValueError, match=message):
        Mask2D(mask, **{"pixel_scales": 1.0, **options})


def test_masks_of_text_are_refused():
    with pytest.raises(TypeError, match="mask must hold real numbers"):
        Mask2D([["a"]], 1.0)


def test_whole_numbers_are_scales_and_the_callers_array_stays_his():
    array = np.zeros((2, 3), bool)
    mask = Mask2D(array, 2)
    assert mask.pixel_scales == (2.0, 2.0)
    assert mask.pixel_scale == 2.0
    array[:] = True
    assert mask.is_all_false
    with pytest.raises(MaskException, match="no single scale"):
        _ = Mask2D(array, (1, 2)).pixel_scale


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda m: m.blurring_mask_from((2, 3)), "kernel_shape_native must be odd"),
        (lambda m: m.blurring_mask_from((3, 0)), "kernel_shape_native must be 2 whole numbers"),
        (lambda m: m.blurring_mask_from(3), "kernel_shape_native must be 2 whole numbers"),
        (lambda m: m.resized_mask_from((0, 3)), "new_shape must be 2 whole numbers"),
        (lambda m: Mask2D.unmasked((2.5, 3), 1.0), "shape_native must be 2 whole numbers"),
        (lambda m: Mask2D.circular((3, 3), -1.0, 1.0), "radius must be a finite number"),
        (lambda m: Mask2D.circular_annular((3, 3), 1, np.inf, 1), "outer_radius must be"),
        (lambda m: Mask2D.elliptical((3, 3), 1, 0.0, 0, 1), "axis_ratio must be above zero"),
        (lambda m: Mask2D.from_pixel_coordinates((3, 3), [(3, 0)], 1), r"found \[3, 0\]"),
        (lambda m: Mask2D.from_pixel_coordinates((3, 3), [(0.5, 0)], 1), "whole numbers"),
        (lambda m: Mask2D.from_pixel_coordinates((3, 3), [(0, 0)], 1, buffer=-1), "buffer"),
    ],
)
def test_what_masks_cannot_do(call, message):
    with pytest.raises(MaskException, match=message):
        call(Mask2D.circular((7, 7), 1.0, 1.0))


def test_points_outside_are_in_no_pixel_of_the_array(device):
    mask = Mask2D(device.asarray(np.zeros((2, 2), bool)), 1.0)
    points = device.asarray(np.array([[1.2, -1.2], [-5.0, 5.0], [0.5, 0.5]]))
    pixels = device.to_host(mask.grid_pixel_centres_from(points))
    assert pixels.tolist() == [[-1, -1], [6, 6], [0, 1]]
    with pytest.raises(GridException, match="1 of 2 points are not finite"):
        mask.grid_pixel_indexes_from([[0.0, 0.0], [np.nan, 0.0]])
    with pytest.raises(ValueError, match="grid_scaled_2d must have shape"):
        mask.grid_pixels_from([1.0, 2.0])
    assert mask.pixel_coordinates_2d_from((0.4, -0.4)) == (0, 0)
    assert mask.scaled_coordinates_2d_from((1, 0)) == (-0.5, -0.5)


def test_masks_act_like_arrays():
    one = Mask2D([[True, False]], 1.0)
    other = Mask2D([[False, True]], 1.0)
    assert isinstance(one | other, Mask2D)
    assert (one | other).is_all_true
    assert isinstance(~one, Mask2D)
    assert isinstance(one.astype(int), np.ndarray)
    assert isinstance(one[0], np.ndarray)
    elsewhere = Mask2D([[False, True]], 1.0, origin=(1.0, 0.0))
    assert not isinstance(one | elsewhere, Mask2D)


@pytest.mark.parametrize("sub_size", [1, 3])
def test_pixels_are_turned(sub_size, device):
    values = np.arange(6.0).reshape(2, 3)
    pixels = gpupept.Pixels(device.asarray(values), xlim=[0, 4], ylim=[3, 9])
    mask = Mask2D.from_pixels(pixels, lambda array: array != 3, sub_size)
    assert mask.pixel_scales == (2.0, 2.0)
    assert mask.origin == (6.0, 2.0)
    assert mask.sub_size == sub_size
    native = mask.get()
    for i, j in np.ndindex(3, 2):
        assert native[i, j] == (values[j, 2 - i] == 3)
    with pytest.raises(MaskException, match="condition must return an array of shape"):
        Mask2D.from_pixels(pixels, lambda array: True)


def test_voxels(device):
    values = device.asarray(np.arange(24.0).reshape(2, 3, 4))
    voxels = gpupept.Voxels(values, [0, 2], [0, 3], [-1, 1])
    mask = Mask3D.from_voxels(voxels, lambda array: array >= 4)
    assert mask.pixels_in_mask == 20
    assert mask.pixel_scales == (1.0, 1.0, 0.5)
    assert device.to_host(mask.native_index_for_slim_index)[0].tolist() == [0, 1, 0]
    assert Mask3D.from_voxels(voxels).is_all_false
    with pytest.raises(MaskException, match="mask must have 3 axes"):
        Mask3D([[True]], [0, 1], [0, 1], [0, 1])
    with pytest.raises(ValueError, match="zlim"):
        Mask3D(np.zeros((1, 1, 1)), [0, 1], [0, 1], [1, 0])
    with pytest.raises(MaskException, match="condition must return"):
        Mask3D.from_voxels(voxels, lambda array: array[0] > 0)


@pytest.mark.parametrize("kind", ["plane", "space"])
def test_saving(tmp_path, kind):
    if kind == "plane":
        mask = Mask2D.circular((5, 6), 2.0, (1.0, 0.5), sub_size=3, origin=(1.0, 2.0))
    else:
        mask = Mask3D(np.eye(3)[None] > 0, [0, 1], [0, 3], [0, 9], sub_size=2)
    mask.save(tmp_path / "mask.npz")
    again = type(mask).load(tmp_path / "mask.npz")
    assert again.is_same_as(mask)
    assert again.sub_size == mask.sub_size
