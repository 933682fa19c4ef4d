"""Choosing the time window that gives samples of a wanted size."""

from __future__ import annotations

import math
import warnings
from typing import Any

import numpy as np

from gpupept.backend import to_host
from gpupept.base import AdaptiveWindow, BatchReducer, IterableSamples
from gpupept.base.samples import adaptive_window_samples, ascending_times, whole_number
from gpupept.base.windows import NO_LIMIT
from gpupept.tracking.stack import stacked_container

MOST_STEPS = 200
RESOLUTION = 1e-12  # of the window, relative
NEARBY = (0.8, 1.25, 181)  # times the window: from, to, how many
TOLERATED = 0.1  # share of the wanted size by which the median may miss it without a warning


class OptimizeWindow(BatchReducer):
    """Cut data into samples by time so that they typically have a wanted number of rows.

    Parameters
    ----------
    ideal_elems : int
        The wanted median number of rows.
    overlap : float, default 0
        Overlap of samples, as a share of the time window, from 0 to less than 1.
    low, high : float, default 0.3 and 3
        Samples with fewer than ``low * ideal_elems`` or more than ``high * ideal_elems`` rows, as in
        gaps and bursts, do not count.

    Raises
    ------
    ValueError
        If an argument is out of range. When fitted, if there are no two different finite times.

    Warns
    -----
    RuntimeWarning
        If no window comes within a tenth of the wanted number, as with a clock too coarse.

    Notes
    -----
    Reducer signature: ``PointData -> OptimizeWindow -> PointData`` and ``LineData -> OptimizeWindow
    -> LineData``: all rows with ``sample_size = AdaptiveWindow(window, ideal_elems)`` and ``overlap =
    AdaptiveWindow(overlap * window)``; the rows are shared with the data given.

    The longer the window the more rows samples have, so the window is found by halving, starting at
    the time that the wanted number of typical steps takes. Several windows can give the same median;
    the search ends at the first that gives the wanted one.

    Examples
    --------
    >>> import numpy as np
    >>> import gpupept
    >>> from gpupept.tracking import OptimizeWindow
    >>> points = np.zeros((1000, 4))
    >>> points[:, 0] = 0.5 * np.arange(1000)
    >>> samples = OptimizeWindow(50).fit(gpupept.PointData(points))
    >>> len(samples), len(samples[0].points)
    (20, 50)
    """

    def __init__(
        self, ideal_elems: int, overlap: float = 0.0, low: float = 0.3, high: float = 3
    ) -> None:
        self.ideal_elems = whole_number("ideal_elems", ideal_elems)
        self.overlap, self.low, self.high = float(overlap), float(low), float(high)
        if self.ideal_elems < 1:
            raise ValueError(f"ideal_elems must be at least 1, found {ideal_elems!r}")
        if not 0.0 <= self.overlap < 1.0:
            raise ValueError(f"overlap must be from 0 to less than 1, found {overlap!r}")
        if not 0.0 <= self.low <= 1.0 <= self.high:
            raise ValueError(
                f"low must be from 0 to 1 and high at least 1, found {low!r} and {high!r}"
            )

    def fit_all(self, samples: Any) -> IterableSamples:
        """Define the samples anew.

        Parameters
        ----------
        samples : PointData, LineData, list of them, or (N, 4 or more) array
            All rows in order of time; the first column is the time (ms).

        Returns
        -------
        PointData or LineData
            See the notes of the class.

        Raises
        ------
        TypeError, ValueError
            If the samples are something else, or there are no two different times.
        """
        stacked = stacked_container(samples)
        times = ascending_times(to_host(stacked.data[:, 0]))
        if not len(times) or times[0] == times[-1]:
            raise ValueError(
                f"a time window needs data at two different times at least, found {len(times)} rows "
                "with finite times, all equal"
            )
        window, median = self._search(times)
        if abs(median - self.ideal_elems) > max(1.0, TOLERATED * self.ideal_elems):
            warnings.warn(
                f"no time window gives a median of {self.ideal_elems} rows; the nearest found is "
                f"{median:g}, with {window:g} ms",
                RuntimeWarning,
                stacklevel=2,
            )
        return stacked.with_samples(
            sample_size=AdaptiveWindow(window, self.ideal_elems),
            overlap=AdaptiveWindow(window * self.overlap),
        )

    def _search(self, times: np.ndarray) -> tuple[float, float]:
        """Window whose median is nearest to the wanted one, and that median."""
        span = float(times[-1] - times[0])
        window = min(span, self.ideal_elems * _typical_step(times))
        low, high, best = 0.0, math.inf, (window, math.inf)
        for _ in range(MOST_STEPS):
            median = self._median(times, window)
            best = self._nearer(best, (window, median))
            if median == self.ideal_elems:
                return best
            if median < self.ideal_elems:
                low = window
            else:
                high = window
            if low >= span or high * (1.0 - RESOLUTION) <= low:
                break
            window = min(2.0 * low, span) if high == math.inf else (low + high) / 2.0
        # Longer windows may have smaller medians, by chance: try some around.
        for window in best[0] * np.linspace(*NEARBY) if abs(best[1] - self.ideal_elems) > 1 else ():
            best = self._nearer(best, (float(window), self._median(times, window)))
        return best

    def _nearer(self, *found: tuple[float, float]) -> tuple[float, float]:
        """Window, of some with their medians, whose median is nearest; the first of equals."""
        return min(found, key=lambda item: abs(item[1] - self.ideal_elems))

    def _median(self, times: np.ndarray, window: float) -> float:
        """Median number of rows of the samples that count; of all, if none does."""
        if not window > 0.0:
            return 1.0
        table = adaptive_window_samples(times, window, window * self.overlap, NO_LIMIT)
        counts = table[:, 1] - table[:, 0]
        usual = (counts >= self.low * self.ideal_elems) & (counts <= self.high * self.ideal_elems)
        return float(np.median(counts[usual] if usual.any() else counts))


def _typical_step(times: np.ndarray) -> float:
    """Time between rows: the median, or where that is zero the first quantile that is not."""
    steps = np.diff(times)
    for quantile in np.quantile(steps, [0.5, 0.8, 0.9, 0.95, 0.99, 0.999]).tolist():
        if quantile > 0.0:
            return float(quantile)
    return float(steps.mean())
