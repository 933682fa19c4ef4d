"""Discs and balls in the cells of a grid."""

from __future__ import annotations

import logging
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from gpupept.backend import array_namespace, common_device, device_of, device_scope, to_device
from gpupept.base import Pixels, Voxels
from gpupept.base.grid_inputs import check_counts, timed
from gpupept.base.inputs import is_on_device
from gpupept.kernels import Array
from gpupept.kernels.occupancy import Shapes
from gpupept.processing.grids import (
    AXES,
    as_grid,
    check_all_limits,
    check_table,
    fill_limits,
    spread_over,
)

logger = logging.getLogger("gpupept.processing")

_MARGIN = 0.01  # of a limit


def circles2d(
    positions: Any,
    number_of_pixels: Any,
    radii: Any = 0.0,
    xlim: Any = None,
    ylim: Any = None,
    verbose: bool = True,
) -> Pixels:
    """Add up the areas of discs in each pixel.

    Parameters
    ----------
    positions : (P, 2) array_like
        Centres ``x, y`` of the discs (mm), on either device. Those that are not finite are left out,
        and a warning says how many.
    number_of_pixels : (2,) sequence of int
        Pixels along each axis, at least 2.
    radii : float or (P,) array_like, default 0
        Radius of all discs or of each (mm). A disc without radius counts 1 in the pixel where its
        centre is.
    xlim, ylim : (2,) array_like, optional
        Limits, mm. By default from ``min - r`` to ``max + r`` with the largest radius r, and 1 % of
        each limit further.
    verbose : bool, default True
        Log how long it took.

    Returns
    -------
    Pixels
        Area (mm^2) of the discs in each pixel, where they overlap added up; of radius 0, their number.
        On the device of the positions. What is outside the limits is left out.

    Raises
    ------
    ValueError
        If an argument does not have the right shape, a radius is negative, limits are not ascending,
        or they cannot be taken from the positions.
    MixedDevicesError
        If positions and radii are on different devices.

    Notes
    -----
    Areas are exact but for rounding, about 1e-15 of a pixel times the radius in pixels.

    Examples
    --------
    >>> import numpy as np
    >>> from gpupept.processing import circles2d
    >>> pixels = circles2d([[0, 0], [5, 5]], (20, 20), radii=2.0, verbose=False)
    >>> bool(np.isclose(pixels.sum(), 2 * np.pi * 2.0**2))
    True
    """
    with timed(verbose, "Discs added to Pixels"):
        grid: Pixels = _add_balls(
            positions, number_of_pixels, "number_of_pixels", radii, (xlim, ylim)
        )
    return grid


def spheres3d(
    positions: Any,
    number_of_voxels: Any,
    radii: Any = 0.0,
    xlim: Any = None,
    ylim: Any = None,
    zlim: Any = None,
    verbose: bool = True,
) -> Voxels:
    """Add up the volumes of balls in each voxel.

    Parameters
    ----------
    positions : (P, 3) array_like
        Centres ``x, y, z`` of the balls (mm), on either device. Those that are not finite are left
        out, and a warning says how many.
    number_of_voxels : (3,) sequence of int
        Voxels along each axis, at least 2.
    radii : float or (P,) array_like, default 0
        Radius of all balls or of each (mm). A ball without radius counts 1 in the voxel where its
        centre is.
    xlim, ylim, zlim : (2,) array_like, optional
        Limits, mm; by default as for `circles2d`.
    verbose : bool, default True
        Log how long it took.

    Returns
    -------
    Voxels
        Volume (mm^3) of the balls in each voxel, where they overlap added up; of radius 0, their
        number. On the device of the positions. What is outside the limits is left out.

    Raises
    ------
    ValueError
        If an argument does not have the right shape, a radius is negative, limits are not ascending,
        or they cannot be taken from the positions.
    MixedDevicesError
        If positions and radii are on different devices.

    Notes
    -----
    Volumes are exact but for rounding, about 1e-15 of a voxel times the cube of the radius in voxels.

    Examples
    --------
    >>> import numpy as np
    >>> from gpupept.processing import spheres3d
    >>> voxels = spheres3d([[0, 0, 0], [5, 5, 5]], (9, 9, 9), radii=2.0, verbose=False)
    >>> bool(np.isclose(voxels.sum(), 2 * 4 / 3 * np.pi * 2.0**3))
    True
    """
    with timed(verbose, "Balls added to Voxels"):
        grid: Voxels = _add_balls(
            positions, number_of_voxels, "number_of_voxels", radii, (xlim, ylim, zlim)
        )
    return grid


def _add_balls(
    positions: Any, number: Any, number_name: str, radii: Any, limits: Sequence[Any]
) -> Any:
    centres = check_table(positions, "positions", AXES[: len(limits)])
    counts = check_counts(number, number_name, len(limits), 2)
    sizes = _check_radii(radii, centres)
    given = check_all_limits(limits)
    with device_scope(device_of(centres)):
        xp = array_namespace(centres)
        largest = float(xp.where(xp.isfinite(sizes), sizes, 0.0).max()) if len(sizes) else 0.0
        filled = fill_limits(given, centres, lambda low, high: _widened(low, high, largest))
        finite = xp.isfinite(centres).all(axis=1) & xp.isfinite(sizes)
        if (skipped := len(centres) - int(finite.sum())) > 0:
            logger.warning("%d of %d positions were left out, not finite", skipped, len(centres))
        solid = finite & (sizes > 0.0)
        ends, r = centres[solid], sizes[solid]
        shapes = Shapes(xp.concatenate([ends, ends], axis=1), r, xp.zeros(len(r), dtype=bool))
        cells = spread_over(counts, filled, shapes, xp.ones((len(r), 1)))[0]
        cells += _counted(centres[finite & (sizes == 0.0)], counts, filled)
        return as_grid(cells, filled)


def _check_radii(radii: Any, centres: Array) -> Array:
    """Radius of each ball; NaN is fine."""
    xp = array_namespace(centres)
    if is_on_device(radii):
        common_device(radii, centres)
    try:
        values = to_device(xp.asarray(radii, dtype=np.float64), device_of(centres))
    except (TypeError, ValueError) as error:
        raise ValueError(f"radii must be a number or one for each position, found {radii!r}") from (
            error
        )
    if values.shape not in ((), (len(centres),)):
        raise ValueError(
            f"radii must be a number or one for each of {len(centres)} positions, found shape "
            f"{tuple(values.shape)}"
        )
    if bool((values < 0.0).any()):
        raise ValueError(f"radii must not be negative, found {float(values.min())}")
    return xp.ascontiguousarray(xp.broadcast_to(values, (len(centres),)))


def _widened(low: float, high: float, radius: float) -> tuple[float, float]:
    low, high = low - radius, high + radius
    return low - _MARGIN * abs(low), high + _MARGIN * abs(high)


def _counted(points: Array, counts: tuple[int, ...], limits: Sequence[np.ndarray]) -> Array:
    """Count the points in each cell; those on an upper limit are in the last cell."""
    xp = array_namespace(points)
    place = xp.zeros(len(points), dtype=np.int64)
    inside = xp.ones(len(points), dtype=bool)
    for axis, (count, (low, high)) in enumerate(zip(counts, limits, strict=True)):
        values = points[:, axis]
        within = (values >= low) & (values <= high)
        cell = xp.floor((xp.where(within, values, low) - low) / ((high - low) / count))
        place = place * count + xp.minimum(cell, count - 1).astype(np.int64)
        inside &= within
    found = xp.bincount(place[inside], minlength=math.prod(counts))
    return found.reshape(counts)
