"""How far tracked positions are from where the tracers really were."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from gpupept.backend import to_host
from gpupept.base import PointData
from gpupept.simulation.paths import FloatArray, positions


@dataclass(frozen=True)
class LocationErrors:
    """Errors of tracked positions.

    Attributes
    ----------
    differences : (N, 3) float64 array
        Tracked minus true position in mm.
    tracers : (N,) int64 array
        The tracer that each position was compared with.
    tracer_count : int
        How many tracers there were.
    """

    differences: FloatArray
    tracers: np.ndarray
    tracer_count: int

    @property
    def distances(self) -> FloatArray:
        """Distance of each position from the truth, (N,), in mm."""
        distances: FloatArray = np.linalg.norm(self.differences, axis=1)
        return distances

    @property
    def mean(self) -> float:
        """Mean distance in mm; NaN without positions."""
        return float(self.distances.mean()) if len(self.differences) else float("nan")

    @property
    def spread(self) -> float:
        """Root of the summed variances of the absolute errors along x, y and z, in mm."""
        if not len(self.differences):
            return float("nan")
        return float(np.sqrt(np.abs(self.differences).var(axis=0).sum()))

    @property
    def found(self) -> int:
        """How many of the tracers have a position."""
        return len(np.unique(self.tracers))

    def percentile(self, percent: float) -> float:
        """Compute the distance in mm that so many percent of the positions do not exceed.

        Parameters
        ----------
        percent : float
            From 0 to 100; 50 gives the median.

        Returns
        -------
        float
            NaN without positions.
        """
        return float(np.percentile(self.distances, percent)) if len(self.differences) else np.nan


def location_errors(points: Any, paths: Sequence[Any]) -> LocationErrors:
    """Compare tracked positions with the truth at the same times.

    A trajectory, that is, all positions of one label, is compared with the tracer that most of them
    are nearest to, so that jumps to another tracer count as errors. Positions without a column
    ``label``, and those labelled -1, are compared with the nearest tracer each.

    Parameters
    ----------
    points : PointData or (N, 4 or more) array
        Columns ``t, x, y, z`` in ms and mm, on any device.
    paths : sequence
        The truth: for each tracer a function from times (ms) to positions (mm), or rows ``t, x, y,
        z`` to interpolate between.

    Returns
    -------
    LocationErrors
        In the order of the points.

    Raises
    ------
    ValueError
        If there is no path, or the points are no points.

    Examples
    --------
    >>> from gpupept.simulation import location_errors
    >>> truth = [[0, 0, 0, 0], [10, 10, 0, 0]]
    >>> location_errors([[5, 5, 3, 4]], [truth]).mean
    5.0
    """
    table = points if isinstance(points, PointData) else PointData(points)
    rows = to_host(table.data)
    known = positions(paths, rows[:, 0])
    differences = rows[None, :, 1:4] - known
    nearest = np.linalg.norm(differences, axis=2).argmin(axis=0)
    if "label" in table.columns:
        labels = rows[:, list(table.columns).index("label")].astype(np.int64)
        nearest = _by_trajectory(nearest, labels, len(known))
    chosen = differences[nearest, np.arange(len(rows))]
    return LocationErrors(chosen, nearest, len(known))


def _by_trajectory(nearest: np.ndarray, labels: np.ndarray, tracers: int) -> np.ndarray:
    """Give the positions of a label the tracer that most of them are nearest to."""
    kept = labels >= 0
    votes = np.zeros((labels.max(initial=-1) + 1, tracers), dtype=np.int64)
    np.add.at(votes, (labels[kept], nearest[kept]), 1)
    result = nearest.copy()
    result[kept] = votes.argmax(axis=1)[labels[kept]]
    return result
