"""Geometric efficiency of scanners that are rings or cylinders of detectors."""

from __future__ import annotations

from typing import Any, Self

import numpy as np

from gpupept.backend import array_namespace
from gpupept.base.grid_inputs import check_limits
from gpupept.kernels import Array
from gpupept.kernels.efficiency import ring_efficiency
from gpupept.scanners.efficiency import FieldOfView, GeometricEfficiency


class RingGeometricEfficiency(GeometricEfficiency):
    r"""Geometric efficiency of a cylinder of detectors around an axis along z.

    Parameters
    ----------
    radius : float
        Radius of the cylinder, mm.
    axial_length : float, optional
        Its length along z, mm, with its middle at z = 0.
    zlim : (2,) array_like, optional
        Where it begins and ends along z, mm; instead of `axial_length`.
    center : (2,) array_like, default (0, 0)
        Place x, y of its axis, mm.

    Raises
    ------
    ValueError
        If a length is not above zero, limits are not two ascending finite numbers, or not exactly one of
        `axial_length` and `zlim` is given.

    See Also
    --------
    ADACGeometricEfficiency : two parallel detectors.
    sensitivity_map : averages over pixels or voxels.

    Notes
    -----
    On the axis, at the distance c from the nearer end, the efficiency is :math:`c / \sqrt{c^2 + R^2}`. At a
    distance r from it the efficiency is

    .. math:: \frac{1}{\pi} \int_0^\pi \min \left( \frac{c_2}{\sqrt{c_2^2 + d^2}},
              \frac{c_1}{\sqrt{c_1^2 + (R^2 - r^2)^2 / d^2}} \right) \mathrm{d}\varphi

    where :math:`c_1, c_2` are the distances from the ends and :math:`d` is the distance of the wall in the
    direction :math:`\varphi` across the axis. The minimum changes once, so it is a sum of incomplete
    elliptic integrals of the first and third kind, accurate to about 1e-14 of the value.

    References
    ----------
    B. C. Carlson, "Numerical computation of real or complex elliptic integrals", Numerical Algorithms 10,
    13-26, 1995.

    Examples
    --------
    >>> from gpupept.scanners import RingGeometricEfficiency
    >>> geom = RingGeometricEfficiency(400, axial_length=600)
    >>> geom([0, 100, 200, 500], 0, 0).round(6)
    array([0.6     , 0.549749, 0.519709, 0.      ])
    """

    def __init__(
        self, radius: float, axial_length: Any = None, zlim: Any = None, center: Any = (0.0, 0.0)
    ) -> None:
        if (axial_length is None) == (zlim is None):
            raise ValueError("exactly one of axial_length and zlim must be given")
        if axial_length is not None:
            half = _check_length(axial_length, "axial_length") / 2.0
            zlim = [-half, half]
        self.radius = _check_length(radius, "radius")
        self.zlim = check_limits(zlim, "zlim")
        self.center = _check_center(center)

    @classmethod
    def _restored(cls, state: dict[str, Any]) -> Self:
        return cls(**state)

    @property
    def parameters(self) -> np.ndarray:
        """The (5,) parameters of `gpupept.kernels.efficiency.ring_efficiency`."""
        return np.array([self.radius, *self.center, *self.zlim])

    def _at(self, points: Array) -> Array:
        return ring_efficiency(points, self.parameters)

    def field_of_view(self, lower: list[Array], upper: list[Array]) -> FieldOfView:
        """Tell which boxes are in the cylinder, see `GeometricEfficiency.field_of_view`.

        In the middle of the axis the efficiency has a peak, near which boxes do not count as smooth.
        """
        xp = array_namespace(*lower, *upper)
        bottom, top = self.zlim.tolist()
        nearest: Any = 0.0
        farthest: Any = 0.0
        smooth: Any = False
        for axis, middle in enumerate([*self.center.tolist(), (bottom + top) / 2.0]):
            low, high = lower[axis] - middle, upper[axis] - middle
            smooth = smooth | (low > high - low) | (-high > high - low)
            if axis < 2:
                nearest = nearest + xp.maximum(xp.maximum(low, -high), 0.0) ** 2
                farthest = farthest + xp.maximum(abs(low), abs(high)) ** 2
        some = (nearest <= self.radius**2) & (upper[2] > bottom) & (lower[2] < top)
        whole = (farthest <= self.radius**2) & (lower[2] >= bottom) & (upper[2] <= top)
        return FieldOfView(some, whole, smooth)

    def __repr__(self) -> str:
        zlim, center = self.zlim.tolist(), self.center.tolist()
        return f"{type(self).__name__}(radius={self.radius}, zlim={zlim}, center={center})"


def _check_length(value: Any, name: str) -> float:
    if not isinstance(value, (int, float, np.number)) or not 0.0 < float(value) < np.inf:
        raise ValueError(f"{name} must be a finite length above zero (mm), found {value!r}")
    return float(value)


def _check_center(value: Any) -> np.ndarray:
    try:
        place = np.asarray(value, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise ValueError(f"center must be two numbers x, y (mm), found {value!r}") from error
    if place.shape != (2,) or not np.isfinite(place).all():
        raise ValueError(f"center must be two finite numbers x, y (mm), found {value!r}")
    return place
