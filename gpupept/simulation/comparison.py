"""How far tracked positions are from where the tracers really were."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from gpupept.backend import to_host
from gpupept.base import PointData
from gpupept.simulation.paths import FloatArray, positions


@dataclass(frozen=True)
class LocationErrors:
    """Errors of tracked positions.

    Attributes
    ----------
    differences : (N, 3) float64 array
        Tracked minus true position in mm.
    tracers : (N,) int64 array
        The tracer that each position was compared with.
    tracer_count : int
        How many tracers there were.
    """

    differences: FloatArray
    tracers: np.ndarray
    tracer_count: int

    @property
    def distances(self) -> FloatArray:
        """Distance of each position from the truth, (N,), in mm."""
        distances: FloatArray = np.linalg.norm(self.differences, axis=1)
        return distances

    @property
    def mean(self) -> float:
        """Mean distance in mm; NaN without positions."""
        return float(self.distances.mean()) if len(self.differences) else float("nan")

    @property
    def spread(self) -> float:
        """Root of the summed variances of the absolute errors along x, y and z, in mm."""
        if not len(self.differences):
            return float("nan")
        return float(np.sqrt(np.abs(self.differences).var(axis=0).sum()))

    @property
    def rms(self) -> float:
        """Root mean square distance in mm; NaN without positions."""
        return float(np.sqrt((self.distances**2).mean())) if len(self.differences) else np.nan

    @property
    def bias(self) -> FloatArray:
        """Mean difference along x, y and z, (3,), in mm; NaN without positions."""
        if not len(self.differences):
            return np.full(3, np.nan)
        bias: FloatArray = self.differences.mean(axis=0)
        return bias

    @property
    def axis_rms(self) -> FloatArray:
        """Root mean square difference along x, y and z, (3,), in mm; NaN without positions."""
        if not len(self.differences):
            return np.full(3, np.nan)
        rms: FloatArray = np.sqrt((self.differences**2).mean(axis=0))
        return rms

    @property
    def found(self) -> int:
        """How many of the tracers have a position."""
        return len(np.unique(self.tracers))

    def percentile(self, percent: float) -> float:
        """Compute the distance in mm that so many percent of the positions do not exceed.

        Parameters
        ----------
        percent : float
            From 0 to 100; 50 gives the median.

        Returns
        -------
        float
            NaN without positions.
        """
        return float(np.percentile(self.distances, percent)) if len(self.differences) else np.nan


@dataclass(frozen=True)
class TrajectoryErrors(LocationErrors):
    """Errors of trajectories: of their N positions, and of how they are linked.

    Attributes
    ----------
    differences, tracers, tracer_count
        As of `LocationErrors`; the tracer of a position is that of its trajectory.
    trajectories : (N,) int64 array
        Number of the trajectory of each position, from 0, in rising order of labels.
    nearest : (N,) int64 array
        The tracer nearest to each position.
    owners : (K,) int64 array
        The tracer of each trajectory: that which most of its positions are nearest to.
    medians : (K,) float64 array
        Median distance of each trajectory from its tracer, in mm.
    reach : float
        Trajectories with a larger median (mm) are false.
    linked_steps : int
        Steps between successive positions of a trajectory that are nearest to the same tracer.
    switches : int
        Steps between those that are nearest to different tracers.
    noise : int
        Positions without a trajectory: labelled negative or NaN, and left out.
    skipped : int
        Positions that are not finite, and left out.
    """

    trajectories: np.ndarray
    nearest: np.ndarray
    owners: np.ndarray
    medians: FloatArray
    reach: float
    linked_steps: int
    switches: int
    noise: int
    skipped: int

    @property
    def purity(self) -> float:
        """Share of the positions that are nearest to the tracer of their trajectory; NaN without."""
        return float((self.nearest == self.tracers).mean()) if len(self.nearest) else float("nan")

    @property
    def fragments(self) -> np.ndarray:
        """How many trajectories each tracer has, (tracer_count,), the false ones left out."""
        return np.bincount(self.owners[self.medians <= self.reach], minlength=self.tracer_count)

    @property
    def found(self) -> int:
        """How many of the tracers have a trajectory that is not false."""
        return int((self.fragments > 0).sum())

    @property
    def missed(self) -> int:
        """How many of the tracers have none."""
        return self.tracer_count - self.found

    @property
    def false_trajectories(self) -> int:
        """How many trajectories are farther from their tracer than `reach`."""
        return int((self.medians > self.reach).sum())


def location_errors(points: Any, paths: PointData | Sequence[Any]) -> LocationErrors:
    """Compare tracked positions with the truth at the same times.

    A trajectory, that is, all positions of one label, is compared with the tracer that most of them
    are nearest to, so that jumps to another tracer count as errors. Positions without a column
    ``label``, and those labelled -1, are compared with the nearest tracer each.

    Parameters
    ----------
    points : PointData or (N, 4 or more) array
        Columns ``t, x, y, z`` in ms and mm, on any device.
    paths : sequence or PointData
        The truth: for each tracer a function from times (ms) to positions (mm), or rows ``t, x, y,
        z`` (a table or PointData) to interpolate between. Of one PointData, each label from 0 is a
        tracer, or each sample if it has no column ``label``.

    Returns
    -------
    LocationErrors
        In the order of the points.

    Raises
    ------
    ValueError
        If there is no path, or the points are no points.

    Examples
    --------
    >>> from gpupept.simulation import location_errors
    >>> truth = [[0, 0, 0, 0], [10, 10, 0, 0]]
    >>> location_errors([[5, 5, 3, 4]], [truth]).mean
    5.0
    """
    table = points if isinstance(points, PointData) else PointData(points)
    differences, nearest = _from_nearest(to_host(table.data)[:, :4], paths)
    labels = _labels(table)
    if labels is not None:
        kept = labels >= 0
        numbers = np.unique(labels[kept], return_inverse=True)[1].reshape(-1)
        nearest[kept] = _owners(numbers, nearest[kept], len(differences))[numbers]
    chosen = differences[nearest, np.arange(len(nearest))]
    return LocationErrors(chosen, nearest, len(differences))


def trajectory_errors(
    points: Any, paths: PointData | Sequence[Any], reach: float = np.inf
) -> TrajectoryErrors:
    """Compare trajectories with the truth: their positions, and which tracers they follow.

    Parameters
    ----------
    points : PointData
        Columns ``t, x, y, z`` in ms and mm, and ``label``, the trajectory; in any order, on any
        device.
    paths : sequence or PointData
        The truth, see `location_errors`.
    reach : float, default infinity
        Median distance (mm) from its tracer beyond which a trajectory is false: it follows none.

    Returns
    -------
    TrajectoryErrors
        Of the positions that are finite and have a label, in the order of the points.

    Raises
    ------
    ValueError
        If there is no path or no column ``label``, the points are no points, or `reach` is negative
        or NaN.

    Examples
    --------
    >>> import gpupept
    >>> from gpupept.simulation import trajectory_errors
    >>> points = gpupept.PointData(
    ...     [[0, 0, 0, 0, 7], [1, 0, 0, 1, 7], [2, 9, 0, 0, 7]],
    ...     columns=["t", "x", "y", "z", "label"],
    ... )
    >>> errors = trajectory_errors(points, [[[0, 0, 0, 0]], [[0, 9, 0, 0]]])
    >>> errors.switches, errors.missed, round(errors.purity, 3)
    (1, 1, 0.667)
    """
    if not reach >= 0.0:
        raise ValueError(f"reach must be zero or more, found {reach!r}")
    table = points if isinstance(points, PointData) else PointData(points)
    labels = _labels(table)
    if labels is None:
        raise ValueError(f"points need a column 'label'; the columns are {list(table.columns)}")
    rows = to_host(table.data)[:, :4]
    finite = np.isfinite(rows).all(axis=1)
    kept = finite & (labels >= 0)
    rows, labels = rows[kept], labels[kept]
    differences, nearest = _from_nearest(rows, paths)
    numbers = np.unique(labels, return_inverse=True)[1].reshape(-1).astype(np.int64)
    owners = _owners(numbers, nearest, len(differences))
    chosen = differences[owners[numbers], np.arange(len(rows))]
    linked, switches = _steps(rows[:, 0], numbers, nearest)
    return TrajectoryErrors(
        differences=chosen,
        tracers=owners[numbers],
        tracer_count=len(differences),
        trajectories=numbers,
        nearest=nearest,
        owners=owners,
        medians=_medians(np.linalg.norm(chosen, axis=1), numbers),
        reach=float(reach),
        linked_steps=linked,
        switches=switches,
        noise=int((finite & ~kept).sum()),
        skipped=int((~finite).sum()),
    )


def _labels(points: PointData) -> FloatArray | None:
    """Label of each row, if there is a column of them."""
    if "label" not in points.columns:
        return None
    labels: FloatArray = to_host(points.data)[:, list(points.columns).index("label")]
    return labels


def _from_nearest(
    rows: FloatArray, paths: PointData | Sequence[Any]
) -> tuple[FloatArray, np.ndarray]:
    """Differences from all T tracers, (T, N, 3), and the nearest of them, (N,)."""
    differences = rows[None, :, 1:4] - positions(_as_paths(paths), rows[:, 0])
    return differences, np.linalg.norm(differences, axis=2).argmin(axis=0)


def _as_paths(paths: PointData | Sequence[Any]) -> list[Any]:
    """One path for each tracer: of PointData, for each label from 0 or for each sample."""
    if isinstance(paths, PointData):
        labels, rows = _labels(paths), to_host(paths.data)
        if labels is not None:
            return [rows[labels == label] for label in np.unique(labels[labels >= 0])]
    return [to_host(path.data) if isinstance(path, PointData) else path for path in paths]


def _owners(numbers: np.ndarray, nearest: np.ndarray, tracers: int) -> np.ndarray:
    """Tracer that most of the positions of each trajectory are nearest to."""
    votes = np.zeros((numbers.max(initial=-1) + 1, tracers), dtype=np.int64)
    np.add.at(votes, (numbers, nearest), 1)
    owners: np.ndarray = votes.argmax(axis=1)
    return owners


def _steps(times: FloatArray, numbers: np.ndarray, nearest: np.ndarray) -> tuple[int, int]:
    """Count steps of trajectories with the same nearest tracer before and after, and the others."""
    order = np.lexsort((times, numbers))
    within = np.diff(numbers[order]) == 0
    changed = np.diff(nearest[order]) != 0
    return int((within & ~changed).sum()), int((within & changed).sum())


def _medians(distances: FloatArray, numbers: np.ndarray) -> FloatArray:
    """Median distance of each trajectory."""
    order = np.lexsort((distances, numbers))
    sizes = np.bincount(numbers)
    first = np.cumsum(sizes) - sizes
    low, high = order[first + (sizes - 1) // 2], order[first + sizes // 2]
    medians: FloatArray = (distances[low] + distances[high]) / 2
    return medians
