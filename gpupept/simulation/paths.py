"""Where simulated tracers are, as functions of time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

FloatArray: TypeAlias = NDArray[np.float64]
Path: TypeAlias = Callable[[FloatArray], FloatArray]

_MS_PER_MINUTE = 60_000.0


@dataclass(frozen=True)
class CircularPath:
    """A tracer that goes round a circle at a constant speed, in a plane parallel to the screens.

    Parameters
    ----------
    radius : float
        In mm.
    rpm : float
        Turns per minute, anticlockwise from x to y; negative for clockwise.
    centre : (float, float, float)
        Centre ``x, y, z`` in mm.
    phase : float, default 0
        Angle from the x axis at time 0, in radians.

    Examples
    --------
    >>> import numpy as np
    >>> from gpupept.simulation import CircularPath
    >>> path = CircularPath(radius=10, rpm=60, centre=(100, 100, 300))
    >>> path(np.array([0.0, 250.0])).round(9)  # ms
    array([[110., 100., 300.],
           [100., 110., 300.]])
    """

    radius: float
    rpm: float
    centre: tuple[float, float, float]
    phase: float = 0.0

    def __call__(self, times: ArrayLike) -> FloatArray:
        """Positions ``x, y, z`` (mm) at the times (ms): an (N,) array gives an (N, 3) array."""
        angles = self.phase + 2 * np.pi * self.rpm / _MS_PER_MINUTE * np.asarray(times, np.float64)
        x, y, z = self.centre
        circle = [x + self.radius * np.cos(angles), y + self.radius * np.sin(angles)]
        return np.stack([*circle, np.full_like(angles, z)], axis=-1)


@dataclass(frozen=True)
class SampledPath:
    """A tracer known at some times, on straight lines between them and at rest before and after.

    Parameters
    ----------
    rows : (N, 4 or more) array_like
        Columns ``t, x, y, z`` in ms and mm, in order of time; at least one row.

    Raises
    ------
    ValueError
        If the rows are not such a table, not finite, or not in order of time.

    Examples
    --------
    >>> import numpy as np
    >>> from gpupept.simulation import SampledPath
    >>> SampledPath([[0, 0, 0, 0], [10, 2, 4, 6]])(np.array([5.0]))
    array([[1., 2., 3.]])
    """

    rows: Any

    def __post_init__(self) -> None:
        rows = np.asarray(self.rows, dtype=np.float64)
        if rows.ndim != 2 or rows.shape[1] < 4 or not len(rows):
            raise ValueError(
                f"rows must be a table of t, x, y, z with at least one row, found shape {rows.shape}"
            )
        if not np.isfinite(rows[:, :4]).all() or (np.diff(rows[:, 0]) < 0).any():
            raise ValueError("rows must be finite and in order of time")
        object.__setattr__(self, "rows", rows)

    def __call__(self, times: ArrayLike) -> FloatArray:
        """Positions ``x, y, z`` (mm) at the times (ms): an (N,) array gives an (N, 3) array."""
        moments = np.asarray(times, dtype=np.float64)
        known = self.rows[:, 0]
        return np.stack([np.interp(moments, known, self.rows[:, i]) for i in (1, 2, 3)], axis=-1)


def as_path(path: Any) -> Path:
    """Return a path given as a function of time, or as a table of rows ``t, x, y, z``.

    Parameters
    ----------
    path : callable or (N, 4 or more) array_like
        What is called as ``path(times)``, or what `SampledPath` takes.

    Returns
    -------
    callable
        From (N,) times (ms) to (N, 3) positions (mm).

    Raises
    ------
    ValueError
        If a table is not one.

    Examples
    --------
    >>> import numpy as np
    >>> from gpupept.simulation.paths import as_path
    >>> as_path([[0, 1, 2, 3]])(np.array([7.0]))
    array([[1., 2., 3.]])
    """
    known: Path = path if callable(path) else SampledPath(path)
    return known


def positions(paths: Any, times: ArrayLike) -> FloatArray:
    """Positions of several tracers at the same times.

    Parameters
    ----------
    paths : sequence of T paths
        See `as_path`.
    times : (N,) array_like
        In ms.

    Returns
    -------
    (T, N, 3) float64 array
        In mm.

    Raises
    ------
    ValueError
        If there is no path, or one does not give (N, 3) positions.

    Examples
    --------
    >>> from gpupept.simulation.paths import positions
    >>> positions([[[0, 1, 2, 3]], [[0, 4, 5, 6]]], [0.0, 1.0]).shape
    (2, 2, 3)
    """
    moments = np.asarray(times, dtype=np.float64)
    places = [np.asarray(as_path(path)(moments), dtype=np.float64) for path in paths]
    if not places:
        raise ValueError("paths must hold at least one path")
    for number, place in enumerate(places):
        if place.shape != (*moments.shape, 3):
            raise ValueError(
                f"paths[{number}] must give positions of shape {(*moments.shape, 3)} for "
                f"{moments.shape} times, found shape {place.shape}"
            )
    return np.stack(places)
