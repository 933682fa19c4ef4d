"""Cutpoints of lines of response whose times of flight are known."""

from __future__ import annotations

from typing import Any

import numpy as np

from gpupept.backend import array_namespace, device_of, to_device, to_host
from gpupept.base import LineData, PerSample, PointData
from gpupept.base.batch_filter import as_batch
from gpupept.kernels import Array
from gpupept.kernels.cutpoints import cutpoints_near_places
from gpupept.kernels.rows import flatten, row_owners, take_rows
from gpupept.kernels.segments.reductions import reduce_segments
from gpupept.tracking.line_points import LinePoints, distance_limit

BYTES_PER_PAIR = 120
BYTES_PER_LINE = 400
MOST_LINES = 100_000  # of a sample; all pairs of more take minutes


class CutpointsToF(LinePoints):
    """Transform lines of response with times of flight into cutpoints of those that belong together.

    Two lines give a cutpoint, the mid-point of the shortest segment between them, if their points from the
    times of flight are near each other; how far apart the lines pass does not matter.

    Parameters
    ----------
    max_distance : float, optional
        Largest distance (mm) of two points, itself excluded. By default the largest standard deviation of
        the points of a sample along an axis, but at most twice the attribute ``spatial_resolution`` of the
        points if they have it.
    cutoffs : (6,) array_like, optional
        See `Cutpoints`.
    append_indices : bool, default False
        See `Cutpoints`.
    cutpoints_only : bool, default False
        Leave out the points from the times of flight, which otherwise follow the cutpoints of each sample.

    Raises
    ------
    ValueError
        If `max_distance` is negative or not a number, or `cutoffs` are not six values. When fitting: if
        there is not one point for each line, or a sample has more than 100 000 lines.
    AttributeError
        When fitting: if the lines do not have the attribute ``tof`` that `TimeOfFlight` gives them.

    Notes
    -----
    Filter signature: ``LineData -> CutpointsToF -> PointData`` with columns ``t, x, y, z``, and with
    `append_indices` ``line_index1, line_index2``, both the row of its line for a point from a time of
    flight. Lines without such a point (NaN) take no part. The result has the attributes of the points and
    ``_max_distance`` and ``_cutoffs``, and with `append_indices` ``_lines``.

    References
    ----------
    A. L. Nicusan, C. R. K. Windows-Yule, *Positron emission particle tracking using machine learning*,
    Rev. Sci. Instrum. 91, 013329 (2020).

    Examples
    --------
    >>> import gpupept
    >>> from gpupept.tracking import CutpointsToF, TimeOfFlight
    >>> lines = gpupept.LineData([[0, -9, 0, 0, 9, 0, 0, 0], [0, 0, -9, 2, 0, 9, 2, 0]])
    >>> located = TimeOfFlight().fit_sample(lines)
    >>> CutpointsToF(max_distance=3, cutpoints_only=True).fit_sample(located).points[:, 1:]
    array([[0., 0., 1.]])
    """

    def __init__(
        self,
        max_distance: float | None = None,
        cutoffs: Any = None,
        append_indices: bool = False,
        cutpoints_only: bool = False,
    ) -> None:
        super().__init__(cutoffs, append_indices)
        self.max_distance = max_distance
        self.cutpoints_only = cutpoints_only

    @property
    def max_distance(self) -> float | None:
        """Largest distance (mm) of two points, or None for that of each sample."""
        return self._max_distance

    @max_distance.setter
    def max_distance(self, max_distance: float | None) -> None:
        self._max_distance = None if max_distance is None else distance_limit(max_distance)

    @property
    def cutpoints_only(self) -> bool:
        """Whether the points from the times of flight are left out."""
        return self._cutpoints_only

    @cutpoints_only.setter
    def cutpoints_only(self, cutpoints_only: bool) -> None:
        self._cutpoints_only = bool(cutpoints_only)

    def batch_bytes(self, samples: LineData) -> np.ndarray:
        """Estimate the memory per sample, if all lines meet; see `BatchFilter.batch_bytes`."""
        ranges = samples.row_ranges
        lines = ranges[:, 1] - ranges[:, 0]
        needed: np.ndarray = lines * (lines * BYTES_PER_PAIR // 2 + BYTES_PER_LINE)
        return needed

    def fit_batch(self, samples: LineData) -> PointData:
        """Find the cutpoints of every sample; see `BatchFilter.fit_batch`."""
        ranges = samples.row_ranges
        sizes = ranges[:, 1] - ranges[:, 0]
        if sizes.max(initial=0) > MOST_LINES:
            raise ValueError(
                f"a sample must have at most {MOST_LINES} lines, found {sizes.max()}: set a smaller "
                "sample_size"
            )
        located, attrs = _points_of_lines(samples, sizes)
        distances = self._distances(located, sizes, attrs)
        limits = self.limits(samples, ranges)
        xp = array_namespace(located)
        places = xp.ascontiguousarray(located[:, 1:4])
        points, counts = cutpoints_near_places(
            samples.data, ranges, limits, places, distances, self.append_indices
        )
        if not self.cutpoints_only:
            points, counts = _followed_by(points, counts, located, sizes)
        given = self.max_distance
        attrs["_max_distance"] = PerSample(distances) if given is None else given
        attrs["_cutoffs"] = PerSample(limits)
        columns = ["t", "x", "y", "z"]
        if self.append_indices:
            columns += ["line_index1", "line_index2"]
            attrs["_lines"] = PerSample(samples)
        return PointData.from_batch(points, sizes=counts, columns=columns, attrs=attrs)

    def _distances(self, located: Array, sizes: np.ndarray, attrs: dict[str, Any]) -> np.ndarray:
        """Largest distance (mm) in each sample, (S,) float64."""
        if self.max_distance is not None:
            return np.full(len(sizes), self.max_distance)
        found, counts = _located_only(located, sizes)
        spreads = [to_host(reduce_segments("std", found[:, axis], counts)) for axis in (1, 2, 3)]
        distances: np.ndarray = np.max(spreads, axis=0)
        resolution = attrs.get("spatial_resolution")
        if resolution is None:
            return distances
        values = list(resolution) if isinstance(resolution, PerSample) else resolution
        limited: np.ndarray = np.minimum(2.0 * np.asarray(values, dtype=np.float64), distances)
        return limited


def _points_of_lines(samples: LineData, sizes: np.ndarray) -> tuple[Array, dict[str, Any]]:
    """Points from the times of flight, a row for each line of all samples, and their attributes."""
    tof = samples.attrs.get("tof")
    if tof is None:
        raise AttributeError("lines must have the attribute 'tof': use TimeOfFlight() before")
    source = as_batch(tof.values, PointData) if isinstance(tof, PerSample) else tof
    if not isinstance(source, PointData):
        raise TypeError(f"attribute 'tof' must be PointData, found {source!r}")
    if not isinstance(tof, PerSample):
        # Points of lines that were divided into samples afterwards.
        same = len(source.data) == len(samples.data)
        ranges = samples.row_ranges if same else np.array([[0, len(source.data)]])
    else:
        ranges = source.row_ranges
    if not np.array_equal(ranges[:, 1] - ranges[:, 0], sizes):
        raise ValueError(
            "attribute 'tof' must have one point for each line: use TimeOfFlight() once the lines are "
            "divided into samples"
        )
    return flatten(source.data, ranges)[0], dict(source.attrs)


def _located_only(located: Array, sizes: np.ndarray) -> tuple[Array, np.ndarray]:
    """Rows that are finite, and how many each sample has."""
    xp = array_namespace(located)
    finite = xp.isfinite(located[:, :4]).all(axis=1)
    owners = np.repeat(np.arange(len(sizes)), sizes)[to_host(finite)]
    return located[finite], np.bincount(owners, minlength=len(sizes))


def _followed_by(
    points: Array, counts: np.ndarray, located: Array, sizes: np.ndarray
) -> tuple[Array, np.ndarray]:
    """Cutpoints of each sample and after them its points from times of flight, with their lines."""
    xp = array_namespace(points)
    device = device_of(points)
    starts = np.repeat(np.cumsum(sizes) - sizes, sizes)
    table = xp.empty((len(located), points.shape[1]), dtype=np.float64)
    table[:, :4] = located[:, :4]
    table[:, 4:] = to_device((np.arange(len(starts)) - starts).astype(np.float64), device)[:, None]
    found, further = _located_only(table, sizes)
    owners = xp.concatenate([row_owners(counts, device), row_owners(further, device)])
    order = xp.lexsort(xp.stack([owners]))  # stable on both devices
    return take_rows(xp.concatenate([points, found]), order), counts + further
