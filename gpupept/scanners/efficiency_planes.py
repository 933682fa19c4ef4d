"""Geometric efficiency of scanners with two parallel heads."""

from __future__ import annotations

from typing import Any, Self

import numpy as np

from gpupept.backend import array_namespace
from gpupept.base.grid_inputs import check_limits
from gpupept.kernels import Array
from gpupept.kernels.efficiency import planes_efficiency
from gpupept.scanners.efficiency import FieldOfView, GeometricEfficiency

_XLIM, _YLIM = (111.78, 491.78), (46.78, 556.78)
_WIDEST = 1e100  # of the ratio of lengths, whose square must be a number


class TwoPlanesGeometricEfficiency(GeometricEfficiency):
    r"""Geometric efficiency of two rectangular detectors in parallel planes across z.

    The rectangles need be neither equal nor opposite each other.

    Parameters
    ----------
    zlim : (2,) array_like
        Places of the lower and of the upper plane along z, mm.
    lower_xlim, lower_ylim : (2,) array_like
        Limits of the detector in the lower plane, mm.
    upper_xlim, upper_ylim : (2,) array_like
        Limits of the detector in the upper plane, mm.

    Raises
    ------
    ValueError
        If limits are not two ascending finite numbers.

    Notes
    -----
    The lines through a point that meet both rectangles have slopes x / z from :math:`a_0` to :math:`a_1`
    and y / z from :math:`b_0` to :math:`b_1`. They fill a solid angle that is a sum over the corners of
    that rectangle of :math:`\pm \arctan(a b / \sqrt{1 + a^2 + b^2})`; of all lines this is the part that is
    left after dividing by :math:`2 \pi`.

    Examples
    --------
    Two opposite sides of a cube, seen from its middle, are a third of all directions:

    >>> from gpupept.scanners import TwoPlanesGeometricEfficiency
    >>> cube = TwoPlanesGeometricEfficiency([-1, 1], [-1, 1], [-1, 1], [-1, 1], [-1, 1])
    >>> round(cube.eg(0, 0, 0), 12)
    0.333333333333
    """

    def __init__(
        self, zlim: Any, lower_xlim: Any, lower_ylim: Any, upper_xlim: Any, upper_ylim: Any
    ) -> None:
        self.zlim = check_limits(zlim, "zlim")
        self.lower_xlim = check_limits(lower_xlim, "lower_xlim")
        self.lower_ylim = check_limits(lower_ylim, "lower_ylim")
        self.upper_xlim = check_limits(upper_xlim, "upper_xlim")
        self.upper_ylim = check_limits(upper_ylim, "upper_ylim")
        _check_ratio(self.parameters)

    @classmethod
    def _restored(cls, state: dict[str, Any]) -> Self:
        return cls(**state)

    @property
    def parameters(self) -> np.ndarray:
        """The (10,) parameters of `gpupept.kernels.efficiency.planes_efficiency`."""
        lower = (self.lower_xlim, self.lower_ylim)
        return np.concatenate([self.zlim, *lower, self.upper_xlim, self.upper_ylim])

    def _at(self, points: Array) -> Array:
        return planes_efficiency(points, self.parameters)

    def field_of_view(self, lower: list[Array], upper: list[Array]) -> FieldOfView:
        """Tell which boxes are in the field of view, see `GeometricEfficiency.field_of_view`."""
        return planes_in_view(self.parameters, lower, upper)


class ADACGeometricEfficiency(GeometricEfficiency):
    r"""Geometric efficiency of two equal rectangular detectors opposite each other.

    The y axis points upwards and z is across the two detectors. The default limits are the active area of
    the ADAC Forte of the University of Birmingham.

    Parameters
    ----------
    separation : float or (2,) array_like
        Distance of the detectors, mm, of which one is at z = 0; or the places of both along z.
    xlim, ylim : (2,) array_like
        Limits of the active area of both detectors, mm.

    Attributes
    ----------
    xlim, ylim, zlim : (2,) float64 arrays
        Limits of the field of view, mm.

    Raises
    ------
    ValueError
        If the separation is not above zero, or limits are not two ascending finite numbers.

    See Also
    --------
    TwoPlanesGeometricEfficiency : detectors of different sizes or places.
    RingGeometricEfficiency : a cylinder of detectors.
    sensitivity_map : averages over pixels or voxels.

    Notes
    -----
    Guida's two integrals have a closed form, which is used here,

    .. math:: G = \frac{1}{2 \pi} \sum_{m, \tau} \arcsin \frac{1}{\sqrt{(1 + m^2) (1 + \tau^2)}},

    with his two values each of m and :math:`\tau`. It is positive on the faces of the detectors, and zero
    on the side walls of the volume between them and beyond it.

    References
    ----------
    A. Guida, "Positron emission particle tracking applied to solid-liquid mixing in mechanically
    agitated vessels", PhD thesis, University of Birmingham, 2010.

    Examples
    --------
    >>> from gpupept.scanners import ADACGeometricEfficiency
    >>> geom = ADACGeometricEfficiency([-10, 510])
    >>> geom([250, 260], 250, 250).round(8)
    array([0.18669302, 0.19730517])
    >>> geom([[250, 250, 250], [0, 0, 0]]).round(8)
    array([0.18669302, 0.        ])
    """

    def __init__(self, separation: Any, xlim: Any = _XLIM, ylim: Any = _YLIM) -> None:
        if np.ndim(separation) == 0:
            _check_separation(separation)
            separation = [0.0, separation]
        self.zlim = check_limits(separation, "separation")
        self.xlim, self.ylim = check_limits(xlim, "xlim"), check_limits(ylim, "ylim")
        _check_ratio(self.parameters)

    @classmethod
    def _restored(cls, state: dict[str, Any]) -> Self:
        return cls(state["zlim"], state["xlim"], state["ylim"])

    @property
    def parameters(self) -> np.ndarray:
        """The (10,) parameters of `gpupept.kernels.efficiency.planes_efficiency`."""
        return np.concatenate([self.zlim, self.xlim, self.ylim, self.xlim, self.ylim])

    def _at(self, points: Array) -> Array:
        return planes_efficiency(points, self.parameters)

    def field_of_view(self, lower: list[Array], upper: list[Array]) -> FieldOfView:
        """Tell which boxes are in the field of view, see `GeometricEfficiency.field_of_view`."""
        return planes_in_view(self.parameters, lower, upper)

    def __repr__(self) -> str:
        return f"{type(self).__name__}(xlim={self.xlim}, ylim={self.ylim}, zlim={self.zlim})"


def planes_in_view(parameters: np.ndarray, lower: list[Array], upper: list[Array]) -> FieldOfView:
    """Tell which boxes the lines between two rectangles go through.

    All places on such lines fill a convex volume, whose limits along x and y change linearly along z. The
    slope of the efficiency changes where a line can touch opposite edges of both rectangles.
    """
    xp = array_namespace(*lower, *upper)
    bottom, top = (float(value) for value in parameters[:2])
    shares = [(xp.clip(z, bottom, top) - bottom) / (top - bottom) for z in (lower[2], upper[2])]

    def between(start: float, end: float) -> tuple[Array, Array]:
        ends = [start + share * (end - start) for share in shares]
        return xp.minimum(*ends), xp.maximum(*ends)

    some = (upper[2] >= bottom) & (lower[2] <= top)
    whole = (lower[2] >= bottom) & (upper[2] <= top)
    smooth = True
    for axis in range(2):
        low0, high0 = parameters[2 + 2 * axis : 4 + 2 * axis].tolist()
        low1, high1 = parameters[6 + 2 * axis : 8 + 2 * axis].tolist()
        (least, start), (end, most) = between(low0, low1), between(high0, high1)
        some = some & (upper[axis] > least) & (lower[axis] < most)
        whole = whole & (lower[axis] >= start) & (upper[axis] <= end)
        for first, last in (between(low0, high1), between(high0, low1)):
            smooth = smooth & ((upper[axis] <= first) | (lower[axis] >= last))
    return FieldOfView(some, whole, smooth)


def _check_separation(value: Any) -> None:
    if not isinstance(value, (int, float, np.number)) or not 0.0 < float(value) < np.inf:
        raise ValueError(
            "separation must be a finite distance above zero (mm) or the two places of the detectors, "
            f"found {value!r}"
        )


def _check_ratio(parameters: np.ndarray) -> None:
    widest, distance = np.abs(parameters[2:]).max(), parameters[1] - parameters[0]
    if not widest < _WIDEST * distance:
        raise ValueError(
            f"limits of detectors must not be {_WIDEST:g} times their distance or more, found "
            f"{widest:g} mm at {distance:g} mm"
        )
