"""Circles through the positions of rotating tracers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from gpupept.backend import to_host
from gpupept.base import PointData
from gpupept.simulation.paths import FloatArray

_MS_PER_MINUTE = 60_000.0


@dataclass(frozen=True)
class Rotation:
    """A circle fitted to positions, and how fast they go round it.

    Attributes
    ----------
    radius : float
        In mm.
    centre, normal : (3,) float64 array
        Centre of the circle (mm) and the unit vector about which positions turn anticlockwise.
    rpm : float
        Turns per minute.
    in_plane, out_of_plane : float
        Root mean square distances of the positions from the circle within its plane, and from the
        plane, in mm.
    """

    radius: float
    centre: FloatArray
    normal: FloatArray
    rpm: float
    in_plane: float
    out_of_plane: float


def fit_rotation(points: Any) -> Rotation:
    """Fit a circle, traversed at constant speed, to positions of one tracer.

    The plane is that of least squares; the circle in it minimises the squares of the differences
    between squared distances from the centre and the squared radius.

    Parameters
    ----------
    points : PointData or (N, 4 or more) array
        Columns ``t, x, y, z`` in ms and mm; more than two positions per turn.

    Returns
    -------
    Rotation
        The circle.

    Raises
    ------
    ValueError
        If there are fewer than three positions that are finite.

    References
    ----------
    I. Kasa, *A circle fitting procedure and its error analysis*, IEEE Trans. Instrum. Meas. 25, 8
    (1976).

    Examples
    --------
    >>> import numpy as np
    >>> from gpupept.simulation import CircularPath, fit_rotation
    >>> t = np.arange(0.0, 1000.0, 10.0)
    >>> positions = CircularPath(radius=85, rpm=42, centre=(190, 255, 356))(t)
    >>> rotation = fit_rotation(np.column_stack([t, positions]))
    >>> round(rotation.radius, 6), round(rotation.rpm, 6)
    (85.0, 42.0)
    """
    table = points if isinstance(points, PointData) else PointData(points)
    rows = to_host(table.data)[:, :4]
    rows = rows[np.isfinite(rows).all(axis=1)]
    if len(rows) < 3:
        raise ValueError(f"points must hold at least three finite positions, found {len(rows)}")
    rows = rows[np.argsort(rows[:, 0], kind="stable")]
    mean = rows[:, 1:].mean(axis=0)
    axes = np.linalg.svd(rows[:, 1:] - mean, full_matrices=False)[2]
    flat = (rows[:, 1:] - mean) @ axes.T
    middle, radius = _fit_circle(flat[:, :2])
    spokes = flat[:, :2] - middle
    speed = _angular_speed(rows[:, 0], spokes)
    return Rotation(
        radius=radius,
        centre=mean + middle @ axes[:2],
        normal=np.cross(axes[0], axes[1]) * (1 if speed >= 0 else -1),
        rpm=abs(speed) * _MS_PER_MINUTE / (2 * np.pi),
        in_plane=float(np.sqrt(((np.linalg.norm(spokes, axis=1) - radius) ** 2).mean())),
        out_of_plane=float(np.sqrt((flat[:, 2] ** 2).mean())),
    )


def _fit_circle(flat: FloatArray) -> tuple[FloatArray, float]:
    """Centre and radius of a circle in a plane by linear least squares."""
    terms = np.column_stack([2 * flat, np.ones(len(flat))])
    solution = np.linalg.lstsq(terms, (flat**2).sum(axis=1), rcond=None)[0]
    middle = solution[:2]
    return middle, float(np.sqrt(max(solution[2] + middle @ middle, 0.0)))


def _angular_speed(times: FloatArray, spokes: FloatArray) -> float:
    """Slope of the angle in radians per ms; 0 for positions of one moment."""
    angles = np.unwrap(np.arctan2(spokes[:, 1], spokes[:, 0]))
    since = times - times.mean()
    square = float(since @ since)
    return float(since @ angles) / square if square > 0 else 0.0
