"""Row ranges of samples that span a time and hold at most a number of rows.

A sample that starts at row p, with time ``T = t[p]``, ends before the first row i > p with
``t[i] > T + window`` or ``i - p >= max_rows``; when there is none it holds all remaining rows and is
the last. The next sample starts at the first row i > p with ``t[i] > T + step``, but not after the end
of this one. Each start depends on the one before, so this runs on one CPU core; every sample costs two
binary searches.
"""

from __future__ import annotations

import numba
import numpy as np


def adaptive_windows(times: np.ndarray, window: float, step: float, max_rows: int) -> np.ndarray:
    """Cut ascending times into samples.

    Parameters
    ----------
    times : (N,) float64 array
        Ascending times, ms.
    window : float
        Time span of a sample, both ends included, ms.
    step : float
        Time from the start of a sample to the start of the next, ms; positive.
    max_rows : int
        Largest number of rows of a sample; at least 1.

    Returns
    -------
    (S, 2) int64 array
        First row and row after the last of each sample; no samples for N = 0.
    """
    count = _walk(times, window, step, max_rows, np.empty((0, 2), dtype=np.int64))
    table = np.empty((count, 2), dtype=np.int64)
    _walk(times, window, step, max_rows, table)
    return table


@numba.njit(cache=True, nogil=True)
def _walk(times, window, step, max_rows, table):  # type: ignore[no-untyped-def]
    """Fill as much of the table as there is and return the number of samples."""
    rows, start, count = len(times), 0, 0
    while start < rows:
        end = _first_after(times, times[start] + window, start + 1)
        if end - start > max_rows:
            end = start + max_rows
        if count < len(table):
            table[count, 0] = start
            table[count, 1] = end
        count += 1
        if end >= rows:
            break
        start = min(end, _first_after(times, times[start] + step, start + 1))
    return count


@numba.njit(cache=True, nogil=True)
def _first_after(times, limit, first):  # type: ignore[no-untyped-def]
    """First row from `first` on with a time above the limit, found by doubling then halving."""
    rows, low, reach = len(times), first, 1
    while low + reach <= rows and not times[low + reach - 1] > limit:
        low += reach
        reach *= 2
    high = min(low + reach - 1, rows)
    while low < high:
        middle = (low + high) // 2
        if times[middle] > limit:
            high = middle
        else:
            low = middle + 1
    return low
