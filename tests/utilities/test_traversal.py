"""`traverse2d` and `traverse3d`: they add in place, and check what they are given."""

from __future__ import annotations

import logging

import numpy as np
import pytest
from oracle import traverse as oracle

from gpupept import LineData, Voxels
from gpupept.backend import MixedDevicesError
from gpupept.utilities import traverse2d, traverse3d

EDGES = [np.linspace(0, 1, 4), np.linspace(-1, 1, 6), np.linspace(5, 9, 3)]


def lines_of(count, axes=3):
    rng = np.random.default_rng(0)
    low, high = np.array([(axis[0], axis[-1]) for axis in EDGES[:axes] * 2]).T
    return np.hstack([np.zeros((count, 1)), rng.uniform(low - 0.5, high + 0.5, (count, 2 * axes))])


def expected(lines, axes=3):
    ends = lines[:, 1 : 1 + axes], lines[:, 1 + axes : 1 + 2 * axes]
    return oracle.total(*ends, EDGES[:axes])


@pytest.mark.parametrize("dtype", [np.uint32, np.float32, np.float64])
def test_what_is_there_is_added_to(device, dtype):
    lines = lines_of(30)
    voxels = device.asarray(np.full((3, 5, 2), 4, dtype))
    assert traverse3d(voxels, device.asarray(lines), *EDGES) is None
    np.testing.assert_array_equal(device.to_host(voxels), expected(lines) + 4)
    flat = lines_of(30, 2)
    pixels = device.asarray(np.zeros((3, 5), dtype))
    assert traverse2d(pixels, device.asarray(flat), *EDGES[:2]) is None
    np.testing.assert_array_equal(device.to_host(pixels), expected(flat, 2))


def test_what_can_be_given(device):
    lines = lines_of(20)
    wide = np.hstack([lines, lines])
    grids = [axis.tolist() for axis in EDGES]
    for given in (wide, lines.astype(np.float32), LineData(lines)):
        voxels = device.asarray(np.zeros((3, 5, 2)))
        given = given.to(device.name) if isinstance(given, LineData) else device.asarray(given)
        traverse3d(voxels, given, *grids)
        rows = device.to_host(given.data if isinstance(given, LineData) else given)
        np.testing.assert_array_equal(device.to_host(voxels), expected(rows.astype(float)))


def test_lists_and_views_and_voxels():
    lines = lines_of(20)
    large = np.zeros((5, 6, 4))
    traverse3d(large[::2, 1:, ::2], lines.tolist(), *EDGES)
    np.testing.assert_array_equal(large[::2, 1:, ::2], expected(lines))
    assert large.sum() == expected(lines).sum()
    grid = Voxels.zeros((3, 5, 2), *[[axis[0], axis[-1]] for axis in EDGES])
    traverse3d(grid, lines, *grid.voxel_grids)
    np.testing.assert_array_equal(grid.array, expected(lines))


def test_lines_that_are_not_finite_are_reported(caplog):
    lines, voxels = lines_of(4), np.zeros((3, 5, 2))
    lines[1, 2] = np.inf
    with caplog.at_level(logging.WARNING):
        traverse3d(voxels, lines, *EDGES)
    assert "1 of 4 lines were left out" in caplog.text
    np.testing.assert_array_equal(voxels, expected(np.delete(lines, 1, axis=0)))


@pytest.mark.parametrize(
    ("cells", "error"),
    [
        ([[[1.0]]], TypeError),
        (np.zeros((3, 5)), ValueError),
        (np.zeros((3, 5, 3)), ValueError),
        (np.zeros((0, 5, 2)), ValueError),
        (np.zeros((3, 5, 2), int), ValueError),
        (np.zeros((3, 5, 2), ">f8"), ValueError),
        (np.zeros((3, 5, 2), bool), ValueError),
        (np.broadcast_to(0.0, (3, 5, 2)), ValueError),
    ],
)
def test_wrong_cells(cells, error):
    with pytest.raises(error, match=r"voxels|grid_z"):
        traverse3d(cells, lines_of(2), *EDGES)


@pytest.mark.parametrize(
    "lines",
    [np.zeros((3, 6)), np.zeros(7), 5, "x", [["a"] * 7], [[1], [1, 2]], np.zeros((2, 7), complex)],
)
def test_wrong_lines(lines):
    voxels = np.zeros((3, 5, 2))
    with pytest.raises(ValueError, match="lines"):
        traverse3d(voxels, lines, *EDGES)
    assert not voxels.any()


@pytest.mark.parametrize(
    "grid",
    [
        np.linspace(0, 1, 3),
        np.linspace(1, 0, 4),
        np.array([0.0, 0.1, 0.5, 1.0]),
        np.array([0.0, 0.5, 0.5, 1.0]),
        np.array([0.0, np.nan, 0.5, 1.0]),
        np.array([0.0, 1.0, 2.0, np.inf]),
        np.array([-1e308, -1e307, 1e307, 1e308]),
        np.zeros((4, 1)),
        "abcd",
        None,
    ],
)
def test_wrong_grids(grid):
    with pytest.raises(ValueError, match="grid_x"):
        traverse3d(np.zeros((3, 5, 2)), lines_of(2), grid, *EDGES[1:])
    with pytest.raises(ValueError, match="grid_x"):
        traverse2d(np.zeros((3, 5)), lines_of(2, 2), grid, EDGES[1])


def test_grids_of_single_precision_are_equal_enough():
    edges = [axis.astype(np.float32) for axis in EDGES]
    voxels, lines = np.zeros((3, 5, 2)), lines_of(50)
    traverse3d(voxels, lines, *edges)
    ends = lines[:, 1:4], lines[:, 4:7]
    np.testing.assert_array_equal(
        voxels, oracle.total(*ends, [axis.astype(float) for axis in edges])
    )


def test_devices_do_not_mix(gpu_device):
    with pytest.raises(MixedDevicesError, match="one device"):
        traverse3d(np.zeros((3, 5, 2)), gpu_device.asarray(lines_of(2)), *EDGES)
    with pytest.raises(MixedDevicesError, match="one device"):
        traverse3d(gpu_device.asarray(np.zeros((3, 5, 2))), lines_of(2), *EDGES)
