"""Joining the pieces of trajectories that were lost for a while."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from gpupept.backend import array_namespace, device_of, plan_chunks, to_device, to_host
from gpupept.base import BatchReducer, PointData
from gpupept.base.samples import whole_number
from gpupept.kernels.grouping import group_by_label
from gpupept.kernels.matching import choose_pairs
from gpupept.kernels.rows import consecutive, range_rows, take_rows
from gpupept.kernels.segments import segment_centroids
from gpupept.tracking.columns import column_number
from gpupept.tracking.segregate import in_order_of_time
from gpupept.tracking.stack import stacked_points

_PAIRS_AT_ONCE = 1 << 20


class Reconnect(BatchReducer):
    """Join pieces of trajectories where one starts soon after, and close to where, another ended.

    A tracer that was out of view, or too slow or too fast for a while, leaves several pieces with
    labels of their own, for example by `Segregate`. Signatures, such as the size of a tracer's
    clusters, help to tell tracers apart.

    Parameters
    ----------
    tmax : float
        A piece starts less than this time (ms) after the end of the one that it continues.
    dmax : float
        It starts less than this distance (mm) from there.
    column : str or int, default "label"
        Column of labels: its name, or its number (negative counts from the end).
    num_points : int, default 10
        Number of points at the end of one piece, and at the start of the other, whose mean
        positions and signatures are compared.
    **signatures : float
        For columns by name: the difference between the pieces is less than this.

    Raises
    ------
    ValueError
        If a limit is negative or not a number, or `num_points` is less than 1.

    Notes
    -----
    Reducer signature: ``PointData -> Reconnect -> PointData``: one sample for each piece, in order of
    their starts, with new labels 0, 1, ... in the rising order of the labels of the pieces that
    trajectories start with. `GroupBy` makes one sample of each trajectory. Within a piece, rows are
    in order of time. Rows labelled -1 (noise) or NaN are no piece: with their labels unchanged they
    form one more sample at the end, if there are any. Without rows there is one empty sample.
    Attributes are kept.

    A piece is continued by one other at most and continues one other at most. Among the pairs
    allowed, the one of least cost is chosen, then the one of least cost among those left, and so
    on; of equal costs, that of the piece that starts first. The cost is the average of the distance and
    the differences of signatures, each divided by its limit. Pieces whose ends are not finite
    are not joined.

    Examples
    --------
    >>> import numpy as np
    >>> import gpupept
    >>> from gpupept.tracking import Reconnect
    >>> t = np.r_[0.0:20.0, 50.0:70.0]
    >>> label = np.repeat([0.0, 1.0], 20)
    >>> points = gpupept.PointData(
    ...     np.column_stack([t, t, t, t, label]), columns=["t", "x", "y", "z", "label"]
    ... )
    >>> joined = Reconnect(tmax=100, dmax=100).fit(points)
    >>> len(joined), np.unique(joined["label"]).tolist()
    (2, [0.0])
    """

    def __init__(
        self,
        tmax: float,
        dmax: float,
        column: str | int = "label",
        num_points: int = 10,
        **signatures: float,
    ) -> None:
        self.tmax = float(tmax)
        self.dmax = float(dmax)
        self.column = column
        self.num_points = whole_number("num_points", num_points)
        self.signatures = {name: float(limit) for name, limit in signatures.items()}
        if self.num_points < 1:
            raise ValueError(f"num_points must be at least 1, found {num_points!r}")
        for name, limit in {"tmax": self.tmax, "dmax": self.dmax, **self.signatures}.items():
            if not limit >= 0.0:
                raise ValueError(f"{name} must be zero or more, found {limit!r}")

    def fit_all(self, samples: Any) -> PointData:
        """Join the pieces.

        Parameters
        ----------
        samples : PointData, list of PointData, or (N, 5 or more) array
            All points; columns ``t, x, y, z, ...`` (ms, mm), a column of labels among them.

        Returns
        -------
        PointData
            See the notes of the class.

        Raises
        ------
        TypeError
            If the samples are not points.
        ValueError
            If the column of labels, or of a signature, is not there.
        """
        points = stacked_points(samples)
        columns = list(points.columns)
        label = column_number(str(self.column), columns)
        limits = {column_number(name, columns): limit for name, limit in self.signatures.items()}
        data, sizes, noise = _in_pieces(points.data, label)
        pieces = _described(data, sizes, label, self.num_points)
        first, second, costs = self._candidates(pieces, limits)
        best = np.lexsort((second, first, costs))
        predecessors = choose_pairs(first[best], second[best], len(sizes))
        labels = _new_labels(predecessors, pieces.labels)
        data[: len(data) - noise, label] = _of_rows(labels, sizes, device_of(data))
        return PointData.from_batch(
            data,
            sizes=np.append(sizes, noise) if noise or not len(sizes) else sizes,
            columns=columns,
            attrs=points.with_samples().attrs,
        )

    def _candidates(
        self, pieces: _Pieces, limits: dict[int, float]
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Pairs of pieces that may be joined, the earlier first, and what each would cost."""
        low = np.searchsorted(pieces.starts, pieces.stops, side="right")
        latest = pieces.stops + self.tmax
        high = np.maximum(np.searchsorted(pieces.starts, latest, side="right"), low)
        found = [_no_pairs()]
        for begin, end in plan_chunks(high - low, _PAIRS_AT_ONCE):
            later = np.stack([low[begin:end], high[begin:end]], axis=1)
            first = np.repeat(np.arange(begin, end), later[:, 1] - later[:, 0])
            second = range_rows(later)
            with np.errstate(invalid="ignore", over="ignore"):
                found.append(self._allowed(pieces, limits, first, second))
        first, second, costs = (np.concatenate(parts) for parts in zip(*found, strict=True))
        return first, second, costs

    def _allowed(
        self, pieces: _Pieces, limits: dict[int, float], first: np.ndarray, second: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Those of the pairs that keep to all limits, and their costs."""
        near = pieces.starts[second] - pieces.stops[first] < self.tmax
        x, y, z = (pieces.heads[second, 1:4] - pieces.tails[first, 1:4]).T
        differences = [(np.hypot(np.hypot(x, y), z), self.dmax)]
        for column, limit in limits.items():
            apart = np.abs(pieces.heads[second, column] - pieces.tails[first, column])
            differences.append((apart, limit))
        for difference, limit in differences:
            near &= difference < limit
        costs = [difference[near] / limit for difference, limit in differences]
        return first[near], second[near], np.mean(costs, axis=0)


class _Pieces(NamedTuple):
    """What is compared of P pieces, in order of their starts; on the host."""

    starts: np.ndarray  # (P,) times of the first and last rows
    stops: np.ndarray
    labels: np.ndarray  # (P,)
    heads: np.ndarray  # (P, C) means of the first and last rows
    tails: np.ndarray


def _no_pairs() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    nothing = np.empty(0, dtype=np.int64)
    return nothing, nothing, np.empty(0)


def _in_pieces(rows: Any, label: int) -> tuple[Any, np.ndarray, int]:
    """Copy of the rows, piece after piece, the sizes of the pieces, and how many rows follow."""
    xp = array_namespace(rows)
    rows = in_order_of_time(rows)
    labels = xp.ascontiguousarray(rows[:, label])
    groups = group_by_label(labels, np.array([[0, len(rows)]]))
    noise = xp.nonzero(xp.isnan(labels) | (labels == -1))[0]
    ranges = consecutive(groups.sizes)
    device = device_of(rows)
    starts = to_host(rows[:, 0][groups.rows[to_device(ranges[:, 0], device)]])
    order = np.argsort(starts, kind="stable")
    chosen = groups.rows[to_device(range_rows(ranges[order]), device)]
    return take_rows(rows, xp.concatenate([chosen, noise])), groups.sizes[order], len(noise)


def _described(data: Any, sizes: np.ndarray, label: int, num_points: int) -> _Pieces:
    begins, ends = consecutive(sizes).T
    length = np.minimum(sizes, num_points)
    heads, tails = np.stack([begins, begins + length], 1), np.stack([ends - length, ends], 1)
    means = to_host(segment_centroids(data, np.concatenate([heads, tails])).means)
    outermost = to_device(np.concatenate([begins, ends - 1]), device_of(data))
    times = to_host(data[:, 0][outermost])
    labels = to_host(data[:, label][outermost[: len(sizes)]])
    count = len(sizes)
    return _Pieces(times[:count], times[count:], labels, means[:count], means[count:])


def _new_labels(predecessors: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Rank, for each piece, the label of the piece that its chain starts with."""
    starts = np.where(predecessors < 0, np.arange(len(labels)), predecessors)
    while (starts[starts] != starts).any():
        starts = starts[starts]
    return np.unique(labels[starts], return_inverse=True)[1].reshape(-1).astype(np.float64)


def _of_rows(values: np.ndarray, sizes: np.ndarray, device: str) -> Any:
    """Value of each row, given those of the pieces."""
    ends = to_device(np.cumsum(sizes), device)
    xp = array_namespace(ends)
    row = xp.arange(int(sizes.sum()), dtype=np.int64)
    return to_device(values, device)[xp.searchsorted(ends, row, side="right")]
