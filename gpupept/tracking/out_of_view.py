"""Removing rows measured while the tracer was hardly in view."""

from __future__ import annotations

from typing import Any

import numpy as np

from gpupept.backend import array_namespace
from gpupept.base import BatchReducer, IterableSamples
from gpupept.base.samples import whole_number
from gpupept.kernels.rows import take_rows
from gpupept.tracking.stack import stacked_container

ROWS_AT_ONCE = 2**22


class OutOfViewFilter(BatchReducer):
    """Remove rows that are far from others in time, as when the tracer leaves the field of view.

    Parameters
    ----------
    max_time : float, default 200
        A row is kept if its k-th nearest other row in time, before or after it, is nearer than this
        (ms).
    k : int, default 5
        Which neighbour to look at.

    Raises
    ------
    ValueError
        If `max_time` is negative or not a number, or `k` is less than 1.

    Notes
    -----
    Reducer signature: ``PointData -> OutOfViewFilter -> PointData`` and ``LineData ->
    OutOfViewFilter -> LineData``: all rows kept, however they were divided into samples, in one
    sample in order of time (those of equal time in the order given), with all columns and
    attributes. Rows whose time is not finite are removed.

    Examples
    --------
    >>> import numpy as np
    >>> import gpupept
    >>> from gpupept.tracking import OutOfViewFilter
    >>> points = np.zeros((5, 4))
    >>> points[:, 0] = [0, 1, 2, 500, 900]
    >>> OutOfViewFilter(max_time=10, k=2).fit(gpupept.PointData(points))["t"]
    array([0., 1., 2.])
    """

    def __init__(self, max_time: float = 200.0, k: int = 5) -> None:
        self.max_time = float(max_time)
        self.k = whole_number("k", k)
        if not self.max_time >= 0.0:
            raise ValueError(f"max_time must be zero or more (ms), found {max_time!r}")
        if self.k < 1:
            raise ValueError(f"k must be at least 1, found {k!r}")

    def fit_all(self, samples: Any) -> IterableSamples:
        """Remove the rows.

        Parameters
        ----------
        samples : PointData, LineData, list of them, or (N, 4 or more) array
            All rows; the first column is the time (ms).

        Returns
        -------
        PointData or LineData
            See the notes of the class.

        Raises
        ------
        TypeError, ValueError
            If the samples are something else.
        """
        stacked = stacked_container(samples)
        data = stacked.data
        xp = array_namespace(data)
        times = data[:, 0]
        order = xp.lexsort(xp.stack([times]))  # stable, NaN last
        rows = order[_near_others(times[order], self.max_time, self.k)]
        return type(stacked).from_batch(
            take_rows(data, rows), columns=stacked.columns, attrs=stacked.with_samples().attrs
        )


def _near_others(times: Any, max_time: float, k: int) -> Any:
    """Whether the k-th nearest other time is nearer than `max_time`, for (N,) rising times, NaN last."""
    xp = array_namespace(times)
    near = xp.zeros(len(times), dtype=bool)
    if len(times) > k:
        for first in range(0, len(times), ROWS_AT_ONCE):
            end = min(first + ROWS_AT_ONCE, len(times))
            rows = xp.arange(first, end, dtype=np.int64)
            with np.errstate(invalid="ignore"):
                near[first:end] = _have_near(times, rows, max_time, k)
    return near


def _have_near(times: Any, rows: Any, max_time: float, k: int) -> Any:
    """Tell the same of some rows.

    The k nearest rows and the row itself are k + 1 rows in a row, of which `before` are earlier. With
    more of them earlier, the first is farther and the last is nearer, so the best division is where
    the first gets as far as the last: it is found by halving.
    """
    xp = array_namespace(times)
    own = times[rows]
    low = xp.maximum(rows + (k + 1 - len(times)), 0)
    least, high = low, xp.minimum(rows, k)
    for _ in range(k.bit_length()):
        middle = (low + high) // 2
        # NaN, later than all, is never reached.
        far = own - times[rows - middle] >= times[rows - middle + k] - own
        high = xp.where(far, middle, high)
        low = xp.where(far | (low >= high), low, middle + 1)
    found = xp.zeros(len(rows), dtype=bool)
    for before in (high, xp.maximum(high - 1, least)):
        first, last = times[rows - before], times[rows - before + k]
        found |= (own - first < max_time) & (last - own < max_time)
    return found
