"""How long a moving disc or ball is in each cell of a grid."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from gpupept.backend import array_namespace, device_of, device_scope
from gpupept.base import Pixels, Voxels
from gpupept.base.grid_inputs import check_counts, timed
from gpupept.kernels.occupancy import Shapes, measures
from gpupept.processing.grids import (
    AXES,
    as_grid,
    check_all_limits,
    check_table,
    fill_limits,
    positive_number,
    spread_over,
)
from gpupept.processing.steps import find_steps


def occupancy2d(
    points: Any,
    number_of_pixels: Any,
    radius: float,
    xlim: Any = None,
    ylim: Any = None,
    omit_last: bool = False,
    verbose: bool = True,
) -> Pixels:
    """Residence time of one moving disc in each pixel.

    Between two positions the disc sweeps a capsule, the convex hull of both discs. The time between
    them is shared out among the pixels in proportion to the area of the capsule in each.

    Parameters
    ----------
    points : (P, 3) array_like
        Rows ``t, x, y`` (ms, mm) in order of time, at least two, on either device. A row that is not
        finite parts the trajectory, and a warning says how many belong to no step.
    number_of_pixels : (2,) sequence of int
        Pixels along each axis, at least 2.
    radius : float
        Radius of the disc, mm; greater than 0.
    xlim, ylim : (2,) array_like, optional
        Limits, mm; by default from ``min - radius`` to ``max + radius``. What is outside is left out.
    omit_last : bool, default False
        Leave the last disc out of the last capsule, without adding its time elsewhere; for a
        trajectory that is treated piece by piece.
    verbose : bool, default True
        Log how long it took.

    Returns
    -------
    Pixels
        Time in each pixel, ms. With everything inside the limits they add up to the duration. On the
        device of the points.

    Raises
    ------
    ValueError
        If an argument does not have the right shape, the radius is not greater than 0, times decrease,
        limits are not ascending, or they cannot be taken from the points.

    Notes
    -----
    Areas are exact but for rounding, about 1e-15 of a pixel times the radius in pixels.

    Examples
    --------
    >>> from gpupept.processing import occupancy2d
    >>> track = [[0, 0, 0], [1, 5, 0], [3, 5, 10]]
    >>> pixels = occupancy2d(track, (30, 40), radius=1.0, verbose=False)
    >>> round(float(pixels.sum()), 9)
    3.0
    """
    with timed(verbose, "Occupancy of Pixels found"):
        grid: Pixels = _occupancy(
            points, number_of_pixels, "number_of_pixels", radius, (xlim, ylim), omit_last
        )
    return grid


def occupancy3d(
    points: Any,
    number_of_voxels: Any,
    radius: float,
    xlim: Any = None,
    ylim: Any = None,
    zlim: Any = None,
    omit_last: bool = False,
    verbose: bool = True,
) -> Voxels:
    """Residence time of one moving ball in each voxel.

    The same as `occupancy2d` in three dimensions, with the volume of the capsule in each voxel.

    Parameters
    ----------
    points : (P, 4) array_like
        Rows ``t, x, y, z`` (ms, mm) in order of time, at least two, on either device. A row that is not
        finite parts the trajectory, and a warning says how many belong to no step.
    number_of_voxels : (3,) sequence of int
        Voxels along each axis, at least 2.
    radius : float
        Radius of the ball, mm; greater than 0.
    xlim, ylim, zlim : (2,) array_like, optional
        Limits, mm; by default from ``min - radius`` to ``max + radius``. What is outside is left out.
    omit_last : bool, default False
        Leave the last ball out of the last capsule, without adding its time elsewhere.
    verbose : bool, default True
        Log how long it took.

    Returns
    -------
    Voxels
        Time in each voxel, ms. With everything inside the limits they add up to the duration. On the
        device of the points.

    Raises
    ------
    ValueError
        If an argument does not have the right shape, the radius is not greater than 0, times decrease,
        limits are not ascending, or they cannot be taken from the points.

    Notes
    -----
    Volumes are exact but for rounding: of a voxel, about 1e-14 times the cube of the radius in voxels, and
    at most 1e-7 times its power 1.5 for a step almost, but not quite, parallel to a face of voxels.

    Examples
    --------
    >>> from gpupept.processing import occupancy3d
    >>> track = [[0, 0, 0, 0], [1, 5, 0, 0], [3, 5, 10, 4]]
    >>> voxels = occupancy3d(track, (8, 12, 6), radius=1.0, verbose=False)
    >>> round(float(voxels.sum()), 9)
    3.0
    """
    with timed(verbose, "Occupancy of Voxels found"):
        grid: Voxels = _occupancy(
            points, number_of_voxels, "number_of_voxels", radius, (xlim, ylim, zlim), omit_last
        )
    return grid


def _occupancy(
    points: Any,
    number: Any,
    number_name: str,
    radius: Any,
    limits: Sequence[Any],
    omit_last: bool,
) -> Any:
    table = check_table(points, "points", ["t", *AXES[: len(limits)]], least_rows=2)
    counts = check_counts(number, number_name, len(limits), 2)
    r = positive_number(radius, "radius")
    given = check_all_limits(limits)
    with device_scope(device_of(table)):
        xp = array_namespace(table)
        positions = xp.ascontiguousarray(table[:, 1:])
        filled = fill_limits(given, positions, lambda low, high: (low - r, high + r))
        steps = find_steps(table, np.array([len(table)]))
        radii = xp.full(len(steps.starts), r)
        whole = xp.zeros(len(radii), dtype=bool)
        shapes = Shapes(steps.segments(positions), radii, whole)
        times = table[steps.starts + 1, 0] - table[steps.starts, 0]
        if bool((times < 0.0).any()):
            row = int(steps.starts[int(xp.argmax(times < 0.0))])
            raise ValueError(
                f"points must be in order of time, found that row {row + 1} is before row {row}; "
                "sort them by their first column"
            )
        weights = times / measures(shapes)
        if omit_last and len(radii):
            whole[-1] = True
        return as_grid(spread_over(counts, filled, shapes, weights[:, None])[0], filled)
