"""Functions of points that positron emission particle tracking needs averages of.

Each makes a `PointFunction`, which takes (n, D) arrays of points, mm, on either device. `cell_averages`
averages them over `gpupept.Pixels` and `gpupept.Voxels`.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from gpupept.backend import array_namespace
from gpupept.grids.function_sources import BALL, PLATES, PLATES_2D, RESPONSE, RING
from gpupept.grids.point_function import PointFunction
from gpupept.kernels import Array

_DIRECTIONS = 64  # around the axis of a ring, half a turn


def dual_plate_efficiency_2d(h: float, w: float) -> PointFunction:
    """Geometric efficiency of two parallel plates, in a plane.

    Parameters
    ----------
    h : float
        Distance of each plate from the middle, along y, mm.
    w : float
        Half the width of the plates, along x, mm.

    Returns
    -------
    PointFunction
        Of (y, x): the fraction of lines through the point that hit both plates.

    Raises
    ------
    ValueError
        If a length is not above zero.

    Examples
    --------
    >>> from gpupept.grids.functions import dual_plate_efficiency_2d
    >>> dual_plate_efficiency_2d(1.0, 1.0)([[0.0, 0.0], [0.0, 1.0]]).tolist()
    [0.5, 0.0]
    """
    _check_lengths(h=h, w=w)
    return PointFunction(_plates_2d, (h, w), array=_plates_2d_array, source=PLATES_2D)


def _plates_2d(y, x, h, w):  # type: ignore[no-untyped-def]
    if not abs(y) < h:
        return 0.0
    low = max((-w - x) / (h - y), (x - w) / (h + y))
    high = min((w - x) / (h - y), (x + w) / (h + y))
    return max(0.0, math.atan(high) - math.atan(low)) / math.pi


def _plates_2d_array(points: Array, h: float, w: float) -> Array:
    xp = array_namespace(points)
    y, x = points[:, 0], points[:, 1]
    inside = abs(y) < h
    low, high = _slopes(xp, xp.where(inside, y, 0.0), x, h, w)
    found = xp.maximum(xp.arctan(high) - xp.arctan(low), 0.0) / np.pi
    return xp.where(inside, found, 0.0)


def _slopes(xp: Any, along: Array, across: Array, h: float, w: float) -> tuple[Array, Array]:
    """Slopes between which a line through a point hits two parallel strips."""
    above, below = h - along, h + along
    low = xp.maximum((-w - across) / above, (across - w) / below)
    high = xp.minimum((w - across) / above, (across + w) / below)
    return low, high


def dual_plate_efficiency(h: float, wx: float, wy: float) -> PointFunction:
    """Geometric efficiency of a camera with two parallel rectangular heads.

    Parameters
    ----------
    h : float
        Distance of each head from the middle, along z, mm.
    wx, wy : float
        Half the widths of the heads, along x and y, mm.

    Returns
    -------
    PointFunction
        Of (x, y, z): the fraction of isotropic lines through the point that hit both heads.

    Raises
    ------
    ValueError
        If a length is not above zero.

    Notes
    -----
    A line through the point hits both heads if its slopes in x and in y lie in intervals, so the lines fill
    a rectangular pyramid, whose solid angle has a closed form.

    Examples
    --------
    >>> from gpupept.grids.functions import dual_plate_efficiency
    >>> efficiency = dual_plate_efficiency(250, 250, 250)([[0.0, 0.0, 0.0]])
    >>> round(float(efficiency[0]), 12)  # two of the six sides of a cube
    0.333333333333
    """
    _check_lengths(h=h, wx=wx, wy=wy)
    return PointFunction(_plates, (h, wx, wy), array=_plates_array, source=PLATES)


def _plates(x, y, z, h, wx, wy):  # type: ignore[no-untyped-def]
    if not abs(z) < h:
        return 0.0
    above, below = h - z, h + z
    a0, a1 = max((-wx - x) / above, (x - wx) / below), min((wx - x) / above, (x + wx) / below)
    b0, b1 = max((-wy - y) / above, (y - wy) / below), min((wy - y) / above, (y + wy) / below)
    if not (a0 < a1 and b0 < b1):
        return 0.0
    a2, b2, c2, d2 = a0 * a0, b0 * b0, a1 * a1, b1 * b1
    solid = math.atan(a1 * b1 / math.sqrt(1.0 + c2 + d2)) - math.atan(
        a0 * b1 / math.sqrt(1.0 + a2 + d2)
    )
    solid += math.atan(a0 * b0 / math.sqrt(1.0 + a2 + b2)) - math.atan(
        a1 * b0 / math.sqrt(1.0 + c2 + b2)
    )
    return solid / (2.0 * math.pi)


def _plates_array(points: Array, h: float, wx: float, wy: float) -> Array:
    xp = array_namespace(points)
    x, y, z = points[:, 0], points[:, 1], points[:, 2]
    inside = abs(z) < h
    z = xp.where(inside, z, 0.0)
    (a0, a1), (b0, b1) = _slopes(xp, z, x, h, wx), _slopes(xp, z, y, h, wy)
    solid = _corner(xp, a1, b1) - _corner(xp, a0, b1) + _corner(xp, a0, b0) - _corner(xp, a1, b0)
    return xp.where(inside & (a0 < a1) & (b0 < b1), solid / (2.0 * np.pi), 0.0)


def _corner(xp: Any, a: Array, b: Array) -> Array:
    """Solid angle of a rectangle with one corner straight ahead, a and b wide at a distance of 1."""
    return xp.arctan(a * b / xp.sqrt(1.0 + a * a + b * b))


def ring_efficiency(radius: float, half_length: float) -> PointFunction:
    """Geometric efficiency of a cylindrical scanner.

    Parameters
    ----------
    radius : float
        Radius of the cylinder around z, mm.
    half_length : float
        Half its length along z, mm.

    Returns
    -------
    PointFunction
        Of (x, y, z): the fraction of isotropic lines through the point that hit the cylinder at both ends;
        zero outside the cylinder.

    Raises
    ------
    ValueError
        If a length is not above zero.

    Notes
    -----
    Exact along z; around z the mean over 64 planes through the point, which is good to about 1e-3 or better
    and exact on the axis.

    Examples
    --------
    >>> from gpupept.grids.functions import ring_efficiency
    >>> round(float(ring_efficiency(400, 300)([[0.0, 0.0, 0.0]])[0]), 12)
    0.6
    """
    _check_lengths(radius=radius, half_length=half_length)
    return PointFunction(_ring, (radius, half_length), array=_ring_array, source=RING)


def _ring(x, y, z, radius, half_length):  # type: ignore[no-untyped-def]
    missing = radius * radius - x * x - y * y
    if not (missing > 0.0 and abs(z) < half_length):
        return 0.0
    total = 0.0
    for k in range(64):
        turn = math.pi * (k + 0.5) / 64.0
        along = x * math.cos(turn) + y * math.sin(turn)
        reach = math.sqrt(along * along + missing)
        ahead, behind = reach - along, reach + along
        high = min((half_length - z) / ahead, (half_length + z) / behind)
        low = max((-half_length - z) / ahead, (z - half_length) / behind)
        total += high / math.sqrt(1.0 + high * high) - low / math.sqrt(1.0 + low * low)
    return total / 128.0


def _ring_array(points: Array, radius: float, half_length: float) -> Array:
    xp = array_namespace(points)
    x, y, z = points[:, 0], points[:, 1], points[:, 2]
    missing = radius * radius - x * x - y * y
    inside = (missing > 0.0) & (abs(z) < half_length)
    missing = xp.where(inside, missing, 1.0)
    total = xp.zeros(len(points))
    for k in range(_DIRECTIONS):
        turn = math.pi * (k + 0.5) / _DIRECTIONS
        along = x * math.cos(turn) + y * math.sin(turn)
        reach = xp.sqrt(along * along + missing)
        ahead, behind = reach - along, reach + along
        high = xp.minimum((half_length - z) / ahead, (half_length + z) / behind)
        low = xp.maximum((-half_length - z) / ahead, (z - half_length) / behind)
        total += high / xp.sqrt(1.0 + high * high) - low / xp.sqrt(1.0 + low * low)
    return xp.where(inside, total / (2 * _DIRECTIONS), 0.0)


def ball_indicator(radius: float, centre: Any = (0.0, 0.0, 0.0)) -> PointFunction:
    """One inside a ball and zero outside: its averages are the parts of voxels that a tracer fills.

    Parameters
    ----------
    radius : float
        Radius of the tracer, mm.
    centre : (float, float, float)
        Its place (x, y, z), mm.

    Returns
    -------
    PointFunction
        Of (x, y, z).

    Raises
    ------
    ValueError
        If the radius is not above zero, or the centre is not three numbers.
    """
    _check_lengths(radius=radius)
    return PointFunction(_ball, (radius, *_three(centre)), array=_ball_array, source=BALL)


def _ball(x, y, z, radius, cx, cy, cz):  # type: ignore[no-untyped-def]
    squared = (x - cx) ** 2 + (y - cy) ** 2 + (z - cz) ** 2
    return 1.0 if squared <= radius * radius else 0.0


def _ball_array(points: Array, radius: float, *centre: float) -> Array:
    squared = sum((points[:, axis] - value) ** 2 for axis, value in enumerate(centre))
    inside: Any = squared <= radius * radius
    return inside.astype(np.float64)


def detector_response(
    sigma: float, tof_sigma: float | None = None, direction: Any = (1.0, 0.0, 0.0)
) -> PointFunction:
    """Density of the place of a tracer on a line of response: a Gaussian around zero.

    Parameters
    ----------
    sigma : float
        Standard deviation, mm, across the line; also along it without `tof_sigma`.
    tof_sigma : float, optional
        Standard deviation along the line, mm, from the difference of the times of flight.
    direction : (float, float, float)
        Direction of the line.

    Returns
    -------
    PointFunction
        Of (x, y, z), mm^-3; it integrates to one.

    Raises
    ------
    ValueError
        If a deviation is not above zero, or the direction is zero.
    """
    along = sigma if tof_sigma is None else tof_sigma
    _check_lengths(sigma=sigma, tof_sigma=along)
    axis = np.array(_three(direction))
    length = float(np.sqrt((axis**2).sum()))
    if length == 0.0:
        raise ValueError(f"direction must not be zero, found {direction!r}")
    return PointFunction(
        _response, (sigma, along, *(axis / length)), array=_response_array, source=RESPONSE
    )


def _response(x, y, z, sigma, tof_sigma, ux, uy, uz):  # type: ignore[no-untyped-def]
    along = x * ux + y * uy + z * uz
    across = x * x + y * y + z * z - along * along
    exponent = across / (2.0 * sigma * sigma) + along * along / (2.0 * tof_sigma * tof_sigma)
    return math.exp(-exponent) / ((2.0 * math.pi) ** 1.5 * sigma * sigma * tof_sigma)


def _response_array(points: Array, sigma: float, tof_sigma: float, *axis: float) -> Array:
    xp = array_namespace(points)
    along: Any = sum(points[:, k] * value for k, value in enumerate(axis))
    across = (points**2).sum(axis=1) - along * along
    exponent = across / (2.0 * sigma * sigma) + along * along / (2.0 * tof_sigma * tof_sigma)
    return xp.exp(-exponent) / ((2.0 * np.pi) ** 1.5 * sigma * sigma * tof_sigma)


def _check_lengths(**lengths: float) -> None:
    for name, value in lengths.items():
        if not isinstance(value, (int, float, np.number)) or not 0.0 < float(value) < math.inf:
            raise ValueError(f"{name} must be a finite length above zero (mm), found {value!r}")


def _three(value: Any) -> tuple[float, float, float]:
    numbers = np.asarray(value, dtype=np.float64).ravel()
    if numbers.shape != (3,) or not np.isfinite(numbers).all():
        raise ValueError(f"a place or direction must be three finite numbers, found {value!r}")
    x, y, z = numbers.tolist()
    return x, y, z
