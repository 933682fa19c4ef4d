"""Removing points measured while the tracer did not move."""

from __future__ import annotations

from typing import Any

import numpy as np

from gpupept.backend import array_namespace, device_of, to_device, to_host
from gpupept.base import BatchReducer, PointData
from gpupept.base.samples import adaptive_window_samples
from gpupept.base.windows import NO_LIMIT
from gpupept.kernels.rows import consecutive, kept_sizes, range_rows, row_owners, take_rows
from gpupept.kernels.segments import segment_centroids
from gpupept.kernels.segments.reductions import segment_quantiles
from gpupept.tracking.stack import stacked_points


class RemoveStatic(BatchReducer):
    """Remove points of times in which the tracer did not move.

    Parameters
    ----------
    time_window : float
        Time (ms) of the consecutive windows that are looked at; each starts at a point.
    max_distance : float
        A window moves if its points are farther than this (mm) from their mean position.
    quantile : float, default 0.9
        The share of the points, 0 to 1, that may be nearer: their distances have this quantile.

    Raises
    ------
    ValueError
        If `time_window` is not positive, `max_distance` is negative, or `quantile` is not from 0 to 1.

    Notes
    -----
    Reducer signature: ``PointData -> RemoveStatic -> PointData``: all points, however they were
    divided into samples and in their order, of the windows that move and whose neighbours move
    too, in one sample. If only one window moves, it is kept. The first and the last window have one
    neighbour. Columns and attributes are kept. Positions that are not finite tell nothing about
    movement; they stay with their window.

    Examples
    --------
    >>> import numpy as np
    >>> import gpupept
    >>> from gpupept.tracking import RemoveStatic
    >>> t = np.arange(100.0)
    >>> points = np.column_stack([t, np.maximum(t - 50, 0), 0 * t, 0 * t])
    >>> RemoveStatic(time_window=9, max_distance=1).fit(points)["t"][[0, -1]]
    array([60., 99.])
    """

    def __init__(self, time_window: float, max_distance: float, quantile: float = 0.9) -> None:
        self.time_window = float(time_window)
        self.max_distance = float(max_distance)
        self.quantile = float(quantile)
        if not self.time_window > 0.0:
            raise ValueError(f"time_window must be positive (ms), found {time_window!r}")
        if not self.max_distance >= 0.0:
            raise ValueError(f"max_distance must be zero or more (mm), found {max_distance!r}")
        if not 0.0 <= self.quantile <= 1.0:
            raise ValueError(f"quantile must be from 0 to 1, found {quantile!r}")

    def fit_all(self, samples: Any) -> PointData:
        """Remove the points.

        Parameters
        ----------
        samples : PointData, list of PointData, or (N, 4 or more) array
            All points in order of time; columns ``t, x, y, z, ...`` (ms, mm).

        Returns
        -------
        PointData
            See the notes of the class.

        Raises
        ------
        TypeError, ValueError
            If the samples are not points.
        """
        points = stacked_points(samples)
        times = to_host(points.data[:, 0])
        windows = adaptive_window_samples(times, self.time_window, 0.0, NO_LIMIT)
        kept = windows[_among_moving(self._moves(points.data, windows))]
        rows = to_device(range_rows(kept), points.device)
        return PointData.from_batch(
            take_rows(points.data, rows),
            columns=points.columns,
            attrs=points.with_samples().attrs,
        )

    def _moves(self, data: Any, windows: np.ndarray) -> np.ndarray:
        """Whether each of consecutive windows moves."""
        xp = array_namespace(data)
        finite = xp.flatnonzero(xp.isfinite(data[:, 1:4]).all(axis=1))
        sizes = kept_sizes(finite, windows[:, 1] - windows[:, 0])
        rows = take_rows(data, finite, [0, 1, 2, 3])
        means = segment_centroids(rows, consecutive(sizes)).means
        owners = row_owners(sizes, device_of(data))
        apart = rows[: len(owners), 1:4] - means[owners, 1:4]
        distances = xp.sqrt((apart**2).sum(axis=1))
        moving: np.ndarray = to_host(
            segment_quantiles(distances, sizes, self.quantile) > self.max_distance
        )
        return moving


def _among_moving(moves: np.ndarray) -> np.ndarray:
    """Windows that move and have no neighbour that does not; the only one that moves, if so."""
    if np.count_nonzero(moves) == 1:
        return moves
    before, after = np.append(True, moves)[:-1], np.append(moves, True)[1:]
    found: np.ndarray = moves & before & after
    return found
