"""Cutpoints of lines of response."""

from __future__ import annotations

from typing import Any

import numpy as np

from gpupept.base import LineData, PerSample, PointData
from gpupept.kernels.cutpoints import cutpoints
from gpupept.tracking.line_points import LinePoints, distance_limit, probed_ranges

# Share of the pairs of lines that is taken to give a cutpoint at least, for planning memory; it is
# measured on the first lines of a few samples.
LEAST_SHARE = 0.01
PROBED_SAMPLES, PROBED_LINES = 5, 200
BYTES_PER_CUTPOINT = 120
BYTES_PER_LINE = 80


class Cutpoints(LinePoints):
    """Transform lines of response into cutpoints, the points where two of them nearly meet.

    A cutpoint is the mid-point of the shortest segment between two (infinite) lines. Close to a
    tracer they are dense, which is what `HDBSCAN` looks for. Lines that are not finite, parallel or of
    no length give none.

    Parameters
    ----------
    max_distance : float
        Only lines that pass each other nearer than this (mm) give a cutpoint.
    cutoffs : (6,) array_like, optional
        ``[xmin, xmax, ymin, ymax, zmin, zmax]`` (mm): only cutpoints strictly inside are kept. By
        default the bounding box of both end points of all lines of a sample.
    append_indices : bool, default False
        Append columns ``line_index1, line_index2``: the rows of the two lines in their sample; the
        sample itself is then kept in the attribute ``_lines``.

    Raises
    ------
    ValueError
        If `max_distance` is negative or not a number, or `cutoffs` are not six values.

    Notes
    -----
    Filter signature: ``LineData -> Cutpoints -> PointData`` with columns ``t, x, y, z``; the time is the
    mean of the times of the two lines, and rows are in order of time. The attributes ``_max_distance``
    and ``_cutoffs`` of each sample say what was used.

    References
    ----------
    A. L. Nicusan, C. R. K. Windows-Yule, *Positron emission particle tracking using machine learning*,
    Rev. Sci. Instrum. 91, 013329 (2020).

    Examples
    --------
    >>> import gpupept
    >>> from gpupept.tracking import Cutpoints
    >>> lines = gpupept.LineData([[1, -1, 0, 0, 1, 0, 0], [3, 0, -1, 0.2, 0, 1, 0.2]])
    >>> Cutpoints(max_distance=0.5, cutoffs=[-1, 1, -1, 1, -1, 1]).fit_sample(lines).points
    array([[2. , 0. , 0. , 0.1]])
    """

    def __init__(
        self, max_distance: float, cutoffs: Any = None, append_indices: bool = False
    ) -> None:
        super().__init__(cutoffs, append_indices)
        self.max_distance = max_distance

    @property
    def max_distance(self) -> float:
        """Largest distance (mm) between two lines that give a cutpoint."""
        return self._max_distance

    @max_distance.setter
    def max_distance(self, max_distance: float) -> None:
        self._max_distance = distance_limit(max_distance)

    def batch_bytes(self, samples: LineData) -> np.ndarray:
        """Estimate the memory per sample; see `BatchFilter.batch_bytes`."""
        ranges = samples.row_ranges
        lines = (ranges[:, 1] - ranges[:, 0]).astype(np.float64)
        pairs = self._expected_share(samples) * lines * lines / 2
        bytes_needed: np.ndarray = (pairs * BYTES_PER_CUTPOINT + lines * BYTES_PER_LINE).astype(
            np.int64
        )
        return bytes_needed

    def _expected_share(self, samples: LineData) -> float:
        """Estimate the share of pairs that give a cutpoint from a few samples."""
        chosen = probed_ranges(samples.row_ranges, PROBED_SAMPLES, PROBED_LINES)
        limits = self.limits(samples, chosen)
        _, found = cutpoints(samples.data, chosen, limits, self.max_distance)
        lines = chosen[:, 1] - chosen[:, 0]
        shares = 2 * found / np.maximum(lines * (lines - 1), 1)
        return max(LEAST_SHARE, 1.5 * float(shares.max(initial=0.0)))

    def fit_batch(self, samples: LineData) -> PointData:
        """Find the cutpoints of every sample; see `BatchFilter.fit_batch`."""
        ranges, lines = samples.row_ranges, samples.data
        limits = self.limits(samples, ranges)
        points, sizes = cutpoints(lines, ranges, limits, self.max_distance, self.append_indices)
        columns = ["t", "x", "y", "z"]
        attrs: dict[str, Any] = {"_max_distance": self.max_distance, "_cutoffs": PerSample(limits)}
        if self.append_indices:
            columns += ["line_index1", "line_index2"]
            attrs["_lines"] = PerSample(samples)
        return PointData.from_batch(points, sizes=sizes, columns=columns, attrs=attrs)
