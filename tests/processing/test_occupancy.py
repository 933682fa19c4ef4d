"""Residence times of moving discs and balls, on every device."""

from __future__ import annotations

import json
import logging

import numpy as np
import pytest

from gpupept.processing import occupancy2d, occupancy3d


def test_golden_residence_times(device, golden):
    archive = golden("processing_occupancy")
    for case in json.loads(str(archive["index_json"])):
        name = case["name"]
        if not name.startswith("occupancy2d/"):
            continue
        xlim, ylim = (archive[f"{name}/{axis}lim"].astype(float) for axis in "xy")
        points = device.asarray(archive[f"{name}/points"])
        options = (case["number_of_pixels"], case["radius"])
        grid = occupancy2d(points, *options, xlim, ylim, verbose=False)
        exact = archive[f"{name}/exact_pill_time"]
        np.testing.assert_allclose(device.to_host(grid.pixels), exact, atol=1e-4 * exact.max())
        if case["auto_limits"]:
            grid = occupancy2d(points, *options, verbose=False)
            np.testing.assert_allclose(grid.xlim, xlim, rtol=1e-6)
            np.testing.assert_allclose(grid.ylim, ylim, rtol=1e-6)


def walk(rows, axes, seed=0):
    rng = np.random.default_rng(seed)
    times = np.cumsum(rng.uniform(0.5, 2.0, rows))
    return np.column_stack([times, np.cumsum(rng.normal(size=(rows, axes)), axis=0)])


@pytest.mark.parametrize(
    ("occupancy", "number"), [(occupancy2d, (40, 30)), (occupancy3d, (9, 8, 7))]
)
@pytest.mark.parametrize("radius", [0.05, 1.0, 6.0])
def test_times_add_up_to_the_duration(device, occupancy, number, radius):
    points = walk(12, len(number))
    points[4, 1:] = points[5, 1:]  # at rest
    points[8, 1] = points[7, 1]  # along an axis
    grid = occupancy(device.asarray(points), number, radius, verbose=False)
    assert float(grid.sum()) == pytest.approx(points[-1, 0] - points[0, 0], rel=1e-9)


@pytest.mark.parametrize(
    ("occupancy", "number"), [(occupancy2d, (20, 20)), (occupancy3d, (8, 8, 8))]
)
def test_omit_last_leaves_the_last_disc_out(device, occupancy, number):
    points = walk(4, len(number))
    step = np.linalg.norm(points[3, 1:] - points[2, 1:])
    swept, ball = (2 * step, np.pi) if len(number) == 2 else (np.pi * step, 4 / 3 * np.pi)
    missing = (points[3, 0] - points[2, 0]) * ball / (swept + ball)
    whole = occupancy(device.asarray(points), number, 1.0, verbose=False)
    part = occupancy(device.asarray(points), number, 1.0, omit_last=True, verbose=False)
    assert float((whole - part).sum()) == pytest.approx(missing, rel=1e-9)


def test_rows_that_are_not_finite_part_the_trajectory(device, caplog):
    points = walk(9, 2)
    points[3, 0] = np.nan
    points[7, 2] = np.inf  # leaves the last row without a neighbour
    with caplog.at_level(logging.WARNING, "gpupept.processing"):
        grid = occupancy2d(device.asarray(points), (30, 30), 0.5, verbose=False)
    steps = np.diff(points[:, 0])
    assert float(grid.sum()) == pytest.approx(steps[:2].sum() + steps[4:6].sum(), rel=1e-12)
    assert "3 of 9 positions" in caplog.text


def test_a_million_rows(caplog):
    points = walk(1_000_000, 2)
    points[:, 1:] = np.column_stack([np.cos(points[:, 0] / 1e3), np.sin(points[:, 0] / 1e3)])
    grid = occupancy2d(points, (10, 10), 0.01, verbose=False)
    assert float(grid.sum()) == pytest.approx(points[-1, 0] - points[0, 0], rel=1e-9)


GOOD = {"points": [[0.0, 0.0, 0.0], [1.0, 2.0, 3.0]], "number_of_pixels": (3, 3), "radius": 1.0}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"points": [[0.0, 0.0, 0.0]]}, "points must have 3 columns .* at least 2 rows"),
        ({"points": [[0.0, 0.0], [1.0, 1.0]]}, "points must have 3 columns"),
        ({"radius": 0.0}, "radius must be finite and greater than 0"),
        ({"radius": np.nan}, "radius must be finite"),
        ({"radius": None}, "radius must be a number"),
        ({"number_of_pixels": 5}, "number_of_pixels"),
        ({"ylim": [2.0, 2.0]}, "ylim must be a lower"),
        ({"points": np.full((3, 3), np.nan)}, "xlim must be given"),
    ],
)
def test_errors_name_the_argument(change, message):
    with pytest.raises(ValueError, match=message):
        occupancy2d(**(GOOD | change))


def test_times_that_decrease_are_refused(device):
    rows = device.asarray(np.array([[0.0, 1.0, 1.0], [2.0, 3.0, 1.0], [1.0, 2.0, 2.0]]))
    with pytest.raises(ValueError, match="row 2 is before row 1"):
        occupancy2d(rows, (4, 4), 0.5, verbose=False)
