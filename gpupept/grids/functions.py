"""Functions of points that positron emission particle tracking needs averages of.

Each makes a function that takes (n, D) arrays of points, mm, on either device. `cell_averages` averages
them over `gpupept.Pixels` and `gpupept.Voxels`. Efficiencies in space are those of `gpupept.scanners`,
whose classes also tell where the field of view ends.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from gpupept.backend import array_namespace
from gpupept.grids.checks import as_array
from gpupept.grids.function_sources import BALL, PLATES_2D, RESPONSE
from gpupept.grids.point_function import PointFunction
from gpupept.kernels import Array
from gpupept.kernels.efficiency import planes_efficiency as planes_kernel
from gpupept.kernels.efficiency import ring_efficiency as ring_kernel


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
    y = xp.where(inside, y, 0.0)
    low = xp.maximum((-w - x) / (h - y), (x - w) / (h + y))
    high = xp.minimum((w - x) / (h - y), (x + w) / (h + y))
    found = xp.maximum(xp.arctan(high) - xp.arctan(low), 0.0) / np.pi
    return xp.where(inside, found, 0.0)


class EfficiencyFunction:
    """Geometric efficiency at points, as `gpupept.kernels.efficiency` works it out.

    Parameters
    ----------
    kernel : callable
        ``planes_efficiency`` or ``ring_efficiency`` of `gpupept.kernels.efficiency`.
    parameters : (P,) float64
        What the kernel takes.
    """

    def __init__(self, kernel: Callable[[Array, np.ndarray], Array], parameters: Any) -> None:
        self.kernel, self.parameters = kernel, np.asarray(parameters, dtype=np.float64)

    def __call__(self, points: Any) -> Array:
        """Evaluate the efficiency.

        Parameters
        ----------
        points : (n, 3) array_like
            Places x, y, z, mm.

        Returns
        -------
        (n,) float64 array
            From 0 to 1, where the points are.

        Raises
        ------
        ValueError
            If points do not have three coordinates.
        """
        table = as_array(points, "points")
        if table.ndim != 2 or table.shape[1] != 3:
            raise ValueError(f"points must have shape (n, 3), found {tuple(table.shape)}")
        xp = array_namespace(table)
        return self.kernel(xp.ascontiguousarray(table, dtype=np.float64), self.parameters)


def dual_plate_efficiency(h: float, wx: float, wy: float) -> EfficiencyFunction:
    """Geometric efficiency of a camera with two equal rectangular heads around the origin.

    The same as `gpupept.scanners.ADACGeometricEfficiency` with limits ``[-h, h]``, ``[-wx, wx]`` and
    ``[-wy, wy]``.

    Parameters
    ----------
    h : float
        Distance of each head from the middle, along z, mm.
    wx, wy : float
        Half the widths of the heads, along x and y, mm.

    Returns
    -------
    EfficiencyFunction
        Of (x, y, z): the fraction of isotropic lines through the point that hit both heads.

    Raises
    ------
    ValueError
        If a length is not above zero.

    See Also
    --------
    gpupept.scanners.sensitivity_map : averages that know where the field of view ends.

    Examples
    --------
    >>> from gpupept.grids.functions import dual_plate_efficiency
    >>> efficiency = dual_plate_efficiency(250, 250, 250)([[0.0, 0.0, 0.0]])
    >>> round(float(efficiency[0]), 12)  # two of the six sides of a cube
    0.333333333333
    """
    _check_lengths(h=h, wx=wx, wy=wy)
    head = [-wx, wx, -wy, wy]
    return EfficiencyFunction(planes_kernel, [-h, h, *head, *head])


def ring_efficiency(radius: float, half_length: float) -> EfficiencyFunction:
    """Geometric efficiency of a cylindrical scanner around the origin.

    The same as `gpupept.scanners.RingGeometricEfficiency` with ``zlim=[-half_length, half_length]``.

    Parameters
    ----------
    radius : float
        Radius of the cylinder around z, mm.
    half_length : float
        Half its length along z, mm.

    Returns
    -------
    EfficiencyFunction
        Of (x, y, z): the fraction of isotropic lines through the point that hit the cylinder at both ends;
        zero outside the cylinder.

    Raises
    ------
    ValueError
        If a length is not above zero.

    See Also
    --------
    gpupept.scanners.sensitivity_map : averages that know where the field of view ends.

    Examples
    --------
    >>> from gpupept.grids.functions import ring_efficiency
    >>> round(float(ring_efficiency(400, 300)([[0.0, 0.0, 0.0]])[0]), 12)
    0.6
    """
    _check_lengths(radius=radius, half_length=half_length)
    return EfficiencyFunction(ring_kernel, [radius, 0.0, 0.0, -half_length, half_length])


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
