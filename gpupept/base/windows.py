"""Samples defined by time instead of by a number of rows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

NO_LIMIT = int(np.iinfo(np.int64).max)


@dataclass(slots=True)
class TimeWindow:
    """A sample size, or an overlap, given as a fixed span of time.

    Used as `sample_size`, it cuts the data into windows that start at the first time ``t0`` and
    then every ``window - overlap``; a window holds the rows with ``start <= t < start + window``.
    Only windows that end before the last time are kept, and none without rows.

    Parameters
    ----------
    window : float
        Length in ms; as an overlap, the time shared by consecutive windows (negative: the gap).
        Checked where it is used: it must not be negative as a sample size.

    Examples
    --------
    >>> import numpy as np
    >>> import gpupept
    >>> rows = np.zeros((10, 7))
    >>> rows[:, 0] = np.arange(10)
    >>> lines = gpupept.LineData(rows, sample_size=gpupept.TimeWindow(4.0))
    >>> lines.samples_indices.tolist()
    [[0, 4], [4, 8]]
    """

    window: float


class AdaptiveWindow:
    """A sample size given as a span of time anchored at data rows, with a largest number of rows.

    Each sample starts at a row; it holds the rows up to `window` later, but at most `max_elems`.
    Gaps in the data are skipped and the last sample is kept even when it is incomplete.

    Parameters
    ----------
    window : float
        Length in ms; as an overlap, the time shared by consecutive samples (only `window` counts).
    max_elems : int, optional
        Largest number of rows in a sample; no limit by default.

    Examples
    --------
    >>> import numpy as np
    >>> import gpupept
    >>> rows = np.zeros((6, 7))
    >>> rows[:, 0] = [0, 1, 2, 50, 51, 52]
    >>> lines = gpupept.LineData(rows, sample_size=gpupept.AdaptiveWindow(10.0, max_elems=2))
    >>> lines.samples_indices.tolist()
    [[0, 2], [2, 3], [3, 5], [5, 6]]
    """

    __slots__ = ("max_elems", "window")

    def __init__(self, window: float, max_elems: int = NO_LIMIT) -> None:
        self.window = float(window)
        self.max_elems = int(max_elems)

    def __repr__(self) -> str:
        limit = "" if self.max_elems == NO_LIMIT else f", max_elems={self.max_elems}"
        return f"AdaptiveWindow(window={self.window}{limit})"
