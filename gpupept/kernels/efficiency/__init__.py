"""Geometric efficiency: the share of back-to-back photon pairs of which both photons meet a detector."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

import numpy as np

from gpupept.backend import array_namespace, is_device_array
from gpupept.kernels import Array
from gpupept.kernels.threads import run_ranges

_BLOCK_HOST = 2**13  # points whose intermediate arrays stay in the cache of a core
_BLOCK_DEVICE = 2**22
_TINY = 1e-300  # stands for a distance of zero, from which a slope has no limit


def planes_efficiency(points: Array, parameters: np.ndarray) -> Array:
    """Geometric efficiency of two rectangles, each in a plane across z.

    A line through a point is given by its slopes, how far it goes along x and y for each step along z. It
    meets both rectangles if each slope is in an interval. The lines of a rectangle of slopes fill a solid
    angle that is a sum over its corners (a, b) of ``atan(a b / sqrt(1 + a^2 + b^2))``.

    Array operations are faster here than compiled loops, since they work out several arc tangents at once.

    Parameters
    ----------
    points : (N, 3) float64
        Places x, y, z, mm.
    parameters : (10,) float64, on the host
        ``z0, z1``, then ``xlow, xhigh, ylow, yhigh`` of the plane at z0 and those of the plane at z1. All
        finite and ascending.

    Returns
    -------
    (N,) float64, where the points are
        0 where no line meets both, which includes all places beyond the planes; NaN for a point with NaN.
    """
    xp = array_namespace(points)
    found = xp.empty(len(points))
    length = _BLOCK_DEVICE if is_device_array(points) else _BLOCK_HOST
    starts = list(range(0, len(points), length))
    bounds = list(pairwise([*starts, len(points)]))
    limits = [float(value) for value in parameters]

    def task(begin: int, end: int) -> None:
        for first, last in bounds[begin:end]:
            found[first:last] = _planes_block(xp, points[first:last], limits)

    if is_device_array(points):
        task(0, len(bounds))
    else:
        run_ranges(task, np.ones(len(bounds)))
    return found


def _planes_block(xp: Any, points: Array, limits: list[float]) -> Array:
    x, y, z = (points[:, axis] for axis in range(3))
    with np.errstate(all="ignore"):
        below, above = z - limits[0], limits[1] - z
        between = (below >= 0.0) & (above >= 0.0)
        below, above = xp.maximum(below, _TINY), xp.maximum(above, _TINY)
        xlow, xhigh = _slopes(xp, x, below, above, limits[2:4], limits[6:8])
        ylow, yhigh = _slopes(xp, y, below, above, limits[4:6], limits[8:10])
        some = between & (xlow < xhigh) & (ylow < yhigh)
        angle = _corner(xp, xhigh, yhigh) - _corner(xp, xlow, yhigh)
        angle -= _corner(xp, xhigh, ylow) - _corner(xp, xlow, ylow)
        share = xp.where(some, xp.maximum(angle, 0.0) / (2.0 * math.pi), 0.0)
        return xp.where(xp.isnan(points).any(axis=1), math.nan, share)


def _slopes(
    xp: Any, place: Array, below: Array, above: Array, lower: list[float], upper: list[float]
) -> tuple[Array, Array]:
    """Interval of slopes of the lines that meet both planes."""
    least = xp.maximum((place - lower[1]) / below, (upper[0] - place) / above)
    most = xp.minimum((place - lower[0]) / below, (upper[1] - place) / above)
    return least, most


def _corner(xp: Any, a: Array, b: Array) -> Array:
    """Solid angle of the slopes from 0 to a and from 0 to b."""
    return xp.arctan(a * b / xp.sqrt(1.0 + a * a + b * b))


def ring_efficiency(points: Array, parameters: np.ndarray) -> Array:
    """Geometric efficiency of a cylinder along z.

    Seen along the axis of a cylinder of radius 1, a line through a point at the distance r from the axis
    meets it at the distances d and (1 - r^2) / d on both sides. Tilted, it leaves the cylinder first at one
    end or at the other; which of them depends on the direction phi, and changes once. So the share is the
    sum of an integral of ``c / sqrt(c^2 + d^2)`` over phi for each end, where c is the distance from it.
    In the angle that belongs to the place on the circle these are incomplete elliptic integrals of the
    first and third kind. They are worked out in the symmetric forms of Carlson, with positive terms only.

    Parameters
    ----------
    points : (N, 3) float64, C-contiguous
        Places x, y, z, mm.
    parameters : (5,) float64, on the host
        Radius, x and y of the axis, lowest and highest z. All finite.

    Returns
    -------
    (N,) float64, where the points are
        0 outside the cylinder and on its ends; on its wall the value just inside. NaN for a point with NaN.
    """
    xp = array_namespace(points)
    found = xp.empty(len(points))
    values = [float(value) for value in parameters]
    if is_device_array(points):
        from gpupept.kernels.efficiency.device import ring_on_device

        ring_on_device(points, values, found)
        return found
    from gpupept.kernels.efficiency.samples import fill_ring

    bounds = [*range(0, len(points), _BLOCK_HOST), len(points)]

    def task(begin: int, end: int) -> None:
        fill_ring(bounds[begin], bounds[end], points, *values, found)

    run_ranges(task, np.ones(len(bounds) - 1))
    return found
