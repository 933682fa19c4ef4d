"""Minpoints of lines of response."""

from __future__ import annotations

from typing import Any

import numpy as np

from gpupept.base import LineData, PerSample, PointData
from gpupept.kernels.minpoints import (
    check_num_lines,
    combinations_at_most,
    expected_combinations,
    minpoints,
)
from gpupept.tracking.line_points import LinePoints, distance_limit, probed_ranges

# Samples, and their first lines, by which memory is planned.
PROBED_SAMPLES, PROBED_LINES = 5, 100
BYTES_PER_LINE = 160
BITS_PER_PAIR = 16  # words of bits, and how many are set
BYTES_PER_NUMBER = (
    32  # of a row of the result: found, brought into order, and twice as many at times
)


class Minpoints(LinePoints):
    """Transform lines of response into minpoints, the points nearest to several lines.

    For every combination of `num_lines` lines of a sample, the point with the least sum of squared
    distances from these (infinite) lines is a minpoint if it is near all of them. Lines that are not
    finite or of no length take no part; lines that are all parallel have no such point.

    Parameters
    ----------
    num_lines : int
        Lines of a combination, at least 2. For pairs minpoints are cutpoints.
    max_distance : float
        Largest distance (mm) of a minpoint from each of its lines, itself included; half of that
        which `Cutpoints` takes, the distance of two lines from each other.
    cutoffs : (6,) array_like, optional
        ``[xmin, xmax, ymin, ymax, zmin, zmax]`` (mm): only minpoints inside, or on the border, are
        kept. By default the bounding box of both end points of all lines of a sample.
    append_indices : bool, default False
        Append columns ``line_index1 .. line_index<num_lines>``: the rows of the lines in their sample,
        rising; the sample itself is then kept in the attribute ``_lines``.

    Raises
    ------
    ValueError
        If `num_lines` is below 2, `max_distance` is negative or not a number, or `cutoffs` are not
        six values. When fitting: if a sample has more than 30 000 lines, or about more than 1e9
        combinations of lines that are near each other; on a GPU also if `num_lines` is above 64.
    TypeError
        If `num_lines` is not a whole number.

    Notes
    -----
    Filter signature: ``LineData -> Minpoints -> PointData`` with columns ``t, x, y, z``; the time is the
    mean of the times of the lines, and rows are in order of time, those of equal time in lexicographic
    order of their lines. The attributes ``_num_lines``, ``_max_distance`` and ``_cutoffs`` of each
    sample say what was used. Only combinations of lines that are pairwise near each other are worked
    out, so the effort depends on how many there are, less on how many lines.

    References
    ----------
    A. L. Nicusan, C. R. K. Windows-Yule, *Positron emission particle tracking using machine learning*,
    Rev. Sci. Instrum. 91, 013329 (2020).

    Examples
    --------
    >>> import gpupept
    >>> from gpupept.tracking import Minpoints
    >>> lines = gpupept.LineData(
    ...     [[1, -9, 2, 3, 9, 2, 3], [2, 1, -9, 3, 1, 9, 3], [3, 1, 2, -9, 1, 2, 9], [4, 0, 9, 9, 9, 9, 9]]
    ... )
    >>> Minpoints(num_lines=3, max_distance=0.5).fit_sample(lines).points
    array([[2., 1., 2., 3.]])
    """

    def __init__(
        self,
        num_lines: int,
        max_distance: float,
        cutoffs: Any = None,
        append_indices: bool = False,
    ) -> None:
        super().__init__(cutoffs, append_indices)
        self.num_lines = num_lines
        self.max_distance = max_distance

    @property
    def num_lines(self) -> int:
        """Lines of a combination."""
        return self._num_lines

    @num_lines.setter
    def num_lines(self, num_lines: int) -> None:
        self._num_lines = check_num_lines(num_lines)

    @property
    def max_distance(self) -> float:
        """Largest distance (mm) of a point from its lines."""
        return self._max_distance

    @max_distance.setter
    def max_distance(self, max_distance: float) -> None:
        self._max_distance = distance_limit(max_distance)

    def batch_bytes(self, samples: LineData) -> np.ndarray:
        """Estimate the memory per sample; see `BatchFilter.batch_bytes`."""
        ranges = samples.row_ranges
        lines = (ranges[:, 1] - ranges[:, 0]).astype(np.float64)
        columns = 4 + self.num_lines * self.append_indices
        expected = self._expected_share(samples) * combinations_at_most(lines, self.num_lines)
        needed = expected * columns * BYTES_PER_NUMBER
        needed += lines * (BYTES_PER_LINE + lines * BITS_PER_PAIR / 8)
        bytes_needed: np.ndarray = np.minimum(needed, 2.0**60).astype(np.int64)
        return bytes_needed

    def _expected_share(self, samples: LineData) -> float:
        """Estimate the share of combinations that are worked out from a few samples."""
        chosen = probed_ranges(samples.row_ranges, PROBED_SAMPLES, PROBED_LINES)
        found = expected_combinations(samples.data, chosen, self.num_lines, self.max_distance)
        most = combinations_at_most(chosen[:, 1] - chosen[:, 0], self.num_lines)
        return min(1.0, 1.5 * float((found / np.maximum(most, 1.0)).max(initial=0.0)))

    def fit_batch(self, samples: LineData) -> PointData:
        """Find the minpoints of every sample; see `BatchFilter.fit_batch`."""
        ranges, count = samples.row_ranges, self.num_lines
        limits = self.limits(samples, ranges)
        points, sizes = minpoints(
            samples.data, ranges, limits, count, self.max_distance, self.append_indices
        )
        columns = ["t", "x", "y", "z"]
        attrs: dict[str, Any] = {
            "_num_lines": count,
            "_max_distance": self.max_distance,
            "_cutoffs": PerSample(limits),
        }
        if self.append_indices:
            columns += [f"line_index{number}" for number in range(1, count + 1)]
            attrs["_lines"] = PerSample(samples)
        return PointData.from_batch(points, sizes=sizes, columns=columns, attrs=attrs)
