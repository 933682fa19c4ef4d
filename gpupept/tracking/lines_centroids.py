"""Points nearest to clusters of lines."""

from __future__ import annotations

from typing import Any

import numpy as np

from gpupept.backend import array_namespace
from gpupept.base import BatchFilter, LineData, PointData, SampleGroups
from gpupept.base.batch_filter import sample_bytes
from gpupept.base.inputs import as_table
from gpupept.base.per_sample import take_samples
from gpupept.kernels import Array
from gpupept.kernels.triangulation import trimmed_points
from gpupept.tracking.birmingham import determined_points
from gpupept.tracking.centroids import clusters_and_owners


class LinesCentroids(BatchFilter):
    """Reduce lines to the point nearest to them, leaving out the farthest lines step by step.

    The first point is that nearest to all N lines in the sense of least squares. Then `iterations`
    times the nearest lines alone are used, of which there are ``N * remove`` fewer each time, but two
    at least. Lines that are not finite or of no length do not count.

    Parameters
    ----------
    remove : float, default 0.1
        Fraction of the lines, 0 to 1, that is left out in addition in each step.
    iterations : int, default 6
        Number of steps; 0 uses all lines.

    Raises
    ------
    ValueError
        If `remove` is not a fraction, or `iterations` is negative.

    Notes
    -----
    Filter signature: ``LineData -> LinesCentroids -> PointData`` (at most one row) and
    ``list[LineData] -> LinesCentroids -> PointData`` (at most one row per element, such as the lines of
    a cluster, see `SplitLabels`). Columns are ``t, x, y, z`` (ms, mm); the time is the mean over all N
    lines. There is no row where no point is determined: for fewer than two lines, or parallel ones.

    Examples
    --------
    >>> import gpupept
    >>> from gpupept.tracking import LinesCentroids
    >>> lines = gpupept.LineData([[1, -9, 2, 3, 9, 2, 3], [2, 1, -9, 3.5, 1, 9, 3.5]])
    >>> LinesCentroids().fit_sample([lines]).points
    array([[1.5 , 1.  , 2.  , 3.25]])
    """

    _sample_type = LineData
    _takes_groups = True

    def __init__(self, remove: float = 0.1, iterations: int = 6) -> None:
        self.remove = float(remove)
        self.iterations = int(iterations)
        if not 0.0 <= self.remove <= 1.0:
            raise ValueError(f"remove must be a fraction between 0 and 1, found {remove!r}")
        if self.iterations < 0:
            raise ValueError(f"iterations must be zero or more, found {iterations!r}")

    def batch_bytes(self, samples: LineData | SampleGroups) -> np.ndarray:
        """Estimate the memory per sample; see `BatchFilter.batch_bytes`."""
        return 256 + 4 * sample_bytes(samples)

    def fit_batch(self, samples: LineData | SampleGroups) -> PointData:
        """Reduce every sample; see `BatchFilter.fit_batch`."""
        clusters, owners, first = clusters_and_owners(samples)
        points, _ = trimmed_points(clusters.data, clusters.row_ranges, self.remove, self.iterations)
        attrs = take_samples(clusters.extra_attrs(), first)
        return determined_points(points, owners, len(samples), attrs)

    def predict(self, lines: Any) -> Array:
        """Reduce lines given as a plain array.

        Parameters
        ----------
        lines : (N, 7 or more) array
            Rows ``t, x1, y1, z1, x2, y2, z2`` (ms, mm).

        Returns
        -------
        (4,) float64 array
            ``t, x, y, z``; NaN if no point is determined.
        """
        rows = _wide_table(lines, "lines")
        return trimmed_points(rows, _all_rows(rows), self.remove, self.iterations).points[0, :4]

    @staticmethod
    def centroid(lors: Any) -> Array:
        """Find the point nearest to lines in the sense of least squares.

        Parameters
        ----------
        lors : (N, 7 or more) array
            Rows ``t, x, y, z, ux, uy, uz``: time, a point of the line (mm), its unit direction.

        Returns
        -------
        (3,) float64 array
            The point (mm); NaN if it is not determined.

        Examples
        --------
        >>> from gpupept.tracking import LinesCentroids
        >>> LinesCentroids.centroid([[0, -1, 2, 3, 1, 0, 0], [0, 4, -5, 3, 0, 1, 0]])
        array([4., 2., 3.])
        """
        table = _wide_table(lors, "lors")
        xp = array_namespace(table)
        ends = table[:, 1:4] + table[:, 4:7]
        rows = xp.ascontiguousarray(xp.concatenate([table[:, :4], ends], axis=1))
        return trimmed_points(rows, _all_rows(rows), 0.0, 0).points[0, 1:4]

    @staticmethod
    def distance_matrix(x: Any, lors: Any) -> Array:
        """Square the distances of lines from a point.

        Parameters
        ----------
        x : (3,) array
            The point (mm).
        lors : (N, 7 or more) array
            As of `centroid`.

        Returns
        -------
        (N,) float64 array
            Squared distances (mm^2).
        """
        table = _wide_table(lors, "lors")
        xp = array_namespace(table)
        apart = xp.asarray(x, dtype=np.float64) - table[:, 1:4]
        directions = table[:, 4:7]
        along = (apart * directions).sum(axis=1)[:, None]
        return ((apart - along * directions) ** 2).sum(axis=1)


def _wide_table(value: Any, name: str) -> Array:
    table = as_table(value, name)
    if table.shape[1] < 7:
        raise ValueError(f"{name} must have at least 7 columns, found shape {tuple(table.shape)}")
    return table


def _all_rows(table: Array) -> np.ndarray:
    return np.array([[0, len(table)]])
