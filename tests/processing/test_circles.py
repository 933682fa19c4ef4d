"""Discs and balls in grids, on every device, against quadrature and golden vectors."""

from __future__ import annotations

import json
import logging

import numpy as np
import pytest
from oracle import occupancy as oracle

from gpupept import Pixels, Voxels
from gpupept.processing import circles2d, spheres3d


def discs(device, positions, number, **options):
    grid = circles2d(device.asarray(np.array(positions, float)), number, verbose=False, **options)
    assert isinstance(grid, Pixels)
    return grid, device.to_host(grid.pixels)


def test_golden_areas(device, golden):
    archive = golden("processing_occupancy")
    for case in json.loads(str(archive["index_json"])):
        name = case["name"]
        if not name.startswith("circles2d/"):
            continue
        xlim, ylim = archive[f"{name}/xlim"], archive[f"{name}/ylim"]
        limits = {} if case["auto_limits"] else {"xlim": xlim, "ylim": ylim}
        radii = archive[f"{name}/radii"]
        radii = device.asarray(radii) if radii.ndim else float(radii)
        positions = archive[f"{name}/positions"]
        grid, found = discs(device, positions, case["number_of_pixels"], radii=radii, **limits)
        np.testing.assert_array_equal(grid.xlim, xlim)
        np.testing.assert_array_equal(grid.ylim, ylim)
        if f"{name}/exact" in archive:
            area = float(np.prod(grid.pixel_size))
            np.testing.assert_allclose(found, archive[f"{name}/exact"], atol=1e-6 * area)
        else:
            np.testing.assert_array_equal(found, archive[f"{name}/pept_0_4_1"])


def test_overlapping_discs_add_up(device):
    centres, radii = [[0.2, 0.1], [0.5, 0.4], [0.5, 0.4]], [0.6, 0.3, 0.3]
    grid, found = discs(
        device, centres, (4, 3), radii=device.asarray(radii), xlim=[0, 2], ylim=[0, 1]
    )
    for (i, j), area in np.ndenumerate(found):
        low = [grid.pixel_grids[0][i], grid.pixel_grids[1][j]]
        high = [grid.pixel_grids[0][i + 1], grid.pixel_grids[1][j + 1]]
        expected = [oracle.area(c, c, r, low, high) for c, r in zip(centres, radii, strict=True)]
        assert area == pytest.approx(sum(expected), abs=1e-9)


def test_balls_have_their_volumes(device):
    positions = device.asarray(np.array([[0.0, 0, 0], [3, 1, 2], [3, 1, 2]]))
    grid = spheres3d(positions, (9, 8, 7), device.asarray([1.0, 0.5, 0.0]), verbose=False)
    assert isinstance(grid, Voxels)
    found = device.to_host(grid.voxels)
    assert found.sum() == pytest.approx(4 / 3 * np.pi * (1 + 0.125) + 1, rel=1e-12)
    eighth = spheres3d(positions[:1], (2, 2, 2), 1.0, [0, 1], [0, 1], [0, 1], verbose=False)
    assert float(eighth.sum()) == pytest.approx(np.pi / 6, rel=1e-12)


def test_points_are_counted_in_the_cell_they_are_in(device):
    points = [[0, 0], [1, 1], [2, 2], [0.999, 2], [2.001, 1], [-1e-9, 1], [1, 0]]
    _, found = discs(device, points, (2, 2), xlim=[0, 2], ylim=[0, 2])
    np.testing.assert_array_equal(found, [[1, 1], [1, 2]])


def test_limits_are_a_hundredth_wider_than_the_discs():
    grid = circles2d([[10.0, -4.0], [20.0, 4.0]], (2, 2), radii=[1.0, 2.0], verbose=False)
    np.testing.assert_allclose(grid.xlim, [8 * 0.99, 22 * 1.01])
    np.testing.assert_allclose(grid.ylim, [-6 * 1.01, 6 * 1.01])


def test_positions_that_are_not_finite_are_reported(device, caplog):
    bad = [[np.nan, 1.0], [1.0, np.inf], [1.0, 1.0]]
    with caplog.at_level(logging.WARNING, "gpupept.processing"):
        _, found = discs(device, bad, (2, 2), radii=0.5, xlim=[0, 2], ylim=[0, 2])
    assert found.sum() == pytest.approx(np.pi / 4)
    assert "2 of 3 positions" in caplog.text


def test_no_positions_give_an_empty_grid(device):
    _, found = discs(device, np.empty((0, 2)), (3, 2), radii=1.0, xlim=[0, 1], ylim=[0, 1])
    np.testing.assert_array_equal(found, np.zeros((3, 2)))


GOOD = {"positions": [[0.0, 0.0], [1.0, 2.0]], "number_of_pixels": (3, 3), "radii": 1.0}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"positions": [[0.0, 0.0, 0.0]]}, "positions must have 2 columns"),
        ({"number_of_pixels": (3, 1)}, "number_of_pixels must be 2 numbers from 2"),
        ({"number_of_pixels": (3, 3, 3)}, "number_of_pixels"),
        ({"radii": [1.0, 2.0, 3.0]}, "radii must be a number or one for each of 2"),
        ({"radii": -1.0}, "radii must not be negative"),
        ({"radii": "wide"}, "radii must be a number"),
        ({"xlim": [1.0, 0.0]}, "xlim must be a lower and a larger"),
        ({"ylim": [1.0]}, "ylim must be a lower"),
        ({"positions": np.empty((0, 2))}, "xlim must be given"),
        ({"positions": [[0.0, 1.0]], "radii": 0.0}, "all positions have x = 0"),
    ],
)
def test_errors_name_the_argument(change, message):
    with pytest.raises(ValueError, match=message):
        circles2d(**(GOOD | change))
