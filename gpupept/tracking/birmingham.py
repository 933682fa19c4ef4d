"""The Birmingham method: one tracer per sample of lines of response."""

from __future__ import annotations

from typing import Any

import numpy as np

from gpupept.backend import array_namespace, to_host
from gpupept.base import BatchFilter, LineData, LineDataFilter, PerSample, PointData
from gpupept.kernels import Array
from gpupept.kernels.rows import flatten
from gpupept.kernels.triangulation import birmingham_points
from gpupept.tracking.columns import append_columns

BYTES_PER_LINE = 160  # while a sample is worked on
MOST_LINES = 100_000  # of a sample; leaving them out one by one already takes a minute


class BirminghamMethod(BatchFilter, LineDataFilter):
    """Locate one tracer in each sample of lines of response (LoRs).

    The point nearest to all lines, in the sense of least squares, is found again and again, each time
    without the lines that lie farther from it than 1.5 times the root mean square distance, until the
    fraction `fopt` of the lines is left. Lines that are not finite or of no length do not count.

    Parameters
    ----------
    fopt : float, default 0.5
        Fraction of the lines of a sample that locate the tracer in the end, above 0 and at most 1.
    get_used : bool, default False
        Keep the lines of each sample in the attribute ``_lines``, with a further column ``used``: 1
        for the lines that located the tracer, 0 for the others.

    Raises
    ------
    ValueError
        If `fopt` is not above 0 and at most 1.

    Notes
    -----
    Filter signature: ``LineData -> BirminghamMethod -> PointData`` with columns ``t, x, y, z, error``
    (ms, mm), one row per sample: the mean time of the lines used, the position, and the root mean
    square distance of these lines from it. There is no row where no position is determined: where
    fewer than two lines are left, or all of them are parallel.

    A round leaves out at least one line, and looks at all lines: samples of some hundreds of lines
    take a few dozen rounds, but where distances are spread evenly the time grows with the square of
    the number of lines. A sample of more than 100 000 lines is refused unless `fopt` is 1.

    References
    ----------
    D. J. Parker, C. J. Broadbent, P. Fowles, M. R. Hawkesworth, P. McNeil, *Positron emission particle
    tracking - a technique for studying flow within engineering equipment*, Nucl. Instrum. Methods A
    326, 592 (1993).

    Examples
    --------
    >>> import gpupept
    >>> from gpupept.tracking import BirminghamMethod
    >>> lines = gpupept.LineData(
    ...     [[1, -9, 2, 3, 9, 2, 3], [2, 1, -9, 3, 1, 9, 3], [3, 1, 2, -9, 1, 2, 9], [4, 0, 9, 9, 9, 9, 9]]
    ... )
    >>> BirminghamMethod(fopt=0.75).fit_sample(lines).points
    array([[2., 1., 2., 3., 0.]])
    """

    _sample_type = LineData

    def __init__(self, fopt: float = 0.5, get_used: bool = False) -> None:
        self.fopt = fopt
        self.get_used = get_used

    @property
    def fopt(self) -> float:
        """Fraction of the lines that locate the tracer."""
        return self._fopt

    @fopt.setter
    def fopt(self, fopt: float) -> None:
        value = float(fopt)
        if not 0.0 < value <= 1.0:
            raise ValueError(f"fopt must be above 0 and at most 1, found {fopt!r}")
        self._fopt = value

    @property
    def get_used(self) -> bool:
        """Whether the lines are kept, with a column that tells which were used."""
        return self._get_used

    @get_used.setter
    def get_used(self, get_used: bool) -> None:
        self._get_used = bool(get_used)

    def batch_bytes(self, samples: LineData) -> np.ndarray:
        """Estimate the memory per sample; see `BatchFilter.batch_bytes`."""
        ranges = samples.row_ranges
        kept = 16 * (samples.data.shape[1] + 1) if self.get_used else 0
        needed: np.ndarray = 256 + (ranges[:, 1] - ranges[:, 0]) * (BYTES_PER_LINE + kept)
        return needed

    def fit_batch(self, samples: LineData) -> PointData:
        """Locate the tracer of every sample; see `BatchFilter.fit_batch`."""
        ranges = samples.row_ranges
        if self.fopt < 1.0:
            _check_sizes(ranges)
        points, used = birmingham_points(samples.data, ranges, self.fopt)
        attrs = samples.extra_attrs()
        if self.get_used:
            attrs["_lines"] = PerSample(_with_used(samples, ranges, used))
        return determined_points(points, np.arange(len(samples)), len(samples), attrs, "error")


def determined_points(
    points: Array, owners: np.ndarray, count: int, attrs: dict[str, Any], *further: str
) -> PointData:
    """Points that are determined, as samples.

    Parameters
    ----------
    points : (K, 4 or more) float64
        Rows ``t, x, y, z, ...``; x is NaN where no point is determined.
    owners : (K,) int64, on the host
        The sample of each, rising.
    count : int
        Number of samples.
    attrs : dict
        Attributes of the result.
    *further : str
        Names of the columns after these four.
    """
    xp = array_namespace(points)
    found = ~xp.isnan(points[:, 1])
    sizes = np.bincount(owners[to_host(found)], minlength=count)
    columns = ["t", "x", "y", "z", *further]
    rows = xp.ascontiguousarray(points[found][:, : len(columns)])
    return PointData.from_batch(rows, sizes=sizes, columns=columns, attrs=attrs)


def _check_sizes(ranges: np.ndarray) -> None:
    sizes = ranges[:, 1] - ranges[:, 0]
    largest = int(sizes.max(initial=0))
    if largest > MOST_LINES:
        raise ValueError(
            f"a sample must have at most {MOST_LINES} lines, found {largest}: set a smaller sample_size"
        )


def _with_used(samples: LineData, ranges: np.ndarray, used: Array) -> LineData:
    """Copy the lines of all samples and append the column ``used``."""
    rows, sizes = flatten(samples.data, ranges)
    marked, columns = append_columns(rows, samples.columns, [used], ["used"])
    lines: LineData = LineData.from_batch(
        marked, sizes=sizes, columns=columns, attrs=dict(samples.attrs)
    )
    return lines
