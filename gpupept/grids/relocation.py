"""Points moved onto the border of a mask, and points along a ray."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from gpupept.backend import array_namespace, device_of, to_device
from gpupept.kernels import Array

_PAIRS = 2**22  # distances between points and border points that are held at a time


def relocated(points: Array, border: Array) -> Array:
    """Move points that lie outside a border towards its middle, onto the border.

    A point further from the mean of the border points than the closest of them is compared with the
    border point nearest to it, and drawn in to its distance if it lies further out.

    Parameters
    ----------
    points : (n, 2) float64
        The points.
    border : (m, 2) float64
        Points of the border; without any, nothing moves.

    Returns
    -------
    (n, 2) float64 array
        A copy.
    """
    xp = array_namespace(points, border)
    moved = points.copy()
    if not len(border) or not len(points):
        return moved
    middle = border.mean(axis=0)
    radii = xp.sqrt(((border - middle) ** 2).sum(axis=1))
    distances = xp.sqrt(((points - middle) ** 2).sum(axis=1))
    outer = xp.flatnonzero(distances > radii.min())
    step = max(1, _PAIRS // len(border))
    for first in range(0, len(outer), step):
        rows = outer[first : first + step]
        apart = ((points[rows, None, :] - border[None]) ** 2).sum(axis=2)
        factor = radii[xp.argmin(apart, axis=1)] / distances[rows]
        drawn = middle + factor[:, None] * (points[rows] - middle)
        moved[rows] = xp.where((factor < 1.0)[:, None], drawn, points[rows])
    return moved


def radial_points(
    extent: Sequence[float],
    pixel_scales: Sequence[float],
    sub_size: int,
    centre: Sequence[float],
    angle: float,
    like: Array,
) -> Array:
    """Points from a centre to the furthest side of a region.

    Parameters
    ----------
    extent : [x_min, x_max, y_min, y_max]
        The region.
    pixel_scales : (y, x)
        The one along the axis of the furthest side, over the sub size, is the distance between points.
    sub_size : int
        Sub-pixels along each side of a pixel.
    centre : (y, x)
        The first point.
    angle : float
        Direction from +x, in degrees.
    like : array
        Where the points are to be.

    Returns
    -------
    (n, 2) float64 array
        Points (y, x).
    """
    x_min, x_max, y_min, y_max = extent
    y, x = centre
    vertical, horizontal = max(abs(y_max - y), abs(y_min - y)), max(abs(x_max - x), abs(x_min - x))
    longest = max(vertical, horizontal)
    scale = pixel_scales[0] if vertical == longest else pixel_scales[1]
    count = sub_size * int(longest / scale) + 1
    radii = np.arange(count) * scale / sub_size
    turn = math.radians(angle)
    points = np.stack([y - radii * math.sin(turn), x + radii * math.cos(turn)], axis=1)
    return to_device(points, device_of(like))
