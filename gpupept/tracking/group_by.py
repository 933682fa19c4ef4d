"""Splitting a whole data set by the values of a column."""

from __future__ import annotations

from typing import Any

import numpy as np

from gpupept.backend import array_namespace, is_device_array
from gpupept.base import BatchReducer, IterableSamples
from gpupept.kernels.grouping import group_by_label
from gpupept.kernels.rows import take_rows
from gpupept.tracking.stack import Stack


class GroupBy(BatchReducer):
    """Stack all samples and split them by the values of a column, such as the label of a trajectory.

    Parameters
    ----------
    column : str or int
        Name of the column, or its number (negative counts from the end).

    Notes
    -----
    Reducer signature: the result is a container with one sample per distinct value, in rising
    order; rows whose value is NaN form the last sample. Every row is in it once, however the rows
    were divided into samples, and rows keep their order. If there are no
    rows, there is one empty sample. For arrays, a list of arrays.

    Examples
    --------
    >>> import gpupept
    >>> from gpupept.tracking import GroupBy
    >>> points = gpupept.PointData(
    ...     [[0, 1, 1, 1, 1], [1, 2, 2, 2, 0], [2, 3, 3, 3, 1]], columns=["t", "x", "y", "z", "label"]
    ... )
    >>> [trajectory["t"].tolist() for trajectory in GroupBy("label").fit(points)]
    [[1.0], [0.0, 2.0]]
    """

    def __init__(self, column: str | int) -> None:
        self.column = column

    def fit_all(self, samples: Any) -> Any:
        """Split the samples.

        Parameters
        ----------
        samples : container, list of containers or array
            All samples.

        Returns
        -------
        LineData or PointData, or list of arrays
            See the notes of the class.

        Raises
        ------
        ValueError
            If there is no such column.
        TypeError
            If the samples are arrays and the column is a name, or the samples are neither.
        """
        stacked = Stack().fit(samples)
        if isinstance(stacked, list):  # of containers, from a list of lists
            stacked = Stack().fit(stacked)
        if isinstance(stacked, IterableSamples):
            return self._split_container(stacked)
        if not isinstance(stacked, np.ndarray) and not is_device_array(stacked):
            raise TypeError(
                f"samples must be LineData, PointData or arrays, found {type(samples).__name__}"
            )
        if isinstance(self.column, str) and not _is_number(self.column):
            raise TypeError(
                f"arrays have no column names; column must be a number, found {self.column!r}"
            )
        rows, sizes = _grouped(stacked, self._number([], stacked.shape[1]))
        groups = np.split(np.arange(len(rows)), np.cumsum(sizes)[:-1])
        return [
            stacked[rows[group[0] : group[-1] + 1]] if len(group) else stacked[:0]
            for group in groups
        ]

    def _split_container(self, stacked: IterableSamples) -> IterableSamples:
        data = stacked.data
        rows, sizes = _grouped(data, self._number(list(stacked.columns), data.shape[1]))
        attrs = stacked.with_samples().attrs
        return type(stacked).from_batch(
            take_rows(data, rows), sizes=sizes, columns=stacked.columns, attrs=attrs
        )

    def _number(self, names: list[str], width: int) -> int:
        if isinstance(self.column, str) and self.column in names:
            return names.index(self.column)
        if not _is_number(self.column) or not -width <= int(self.column) < width:
            raise ValueError(f"column {self.column!r} is not one of {names or width} columns")
        return int(self.column)


class SplitAll(GroupBy):
    """The same as `GroupBy`, under its older name.

    Examples
    --------
    >>> import gpupept
    >>> from gpupept.tracking import SplitAll
    >>> len(SplitAll("x").fit(gpupept.PointData([[0, 1, 1, 1], [1, 2, 2, 2]])))
    2
    """


def _is_number(column: Any) -> bool:
    try:
        int(column)
    except (OverflowError, TypeError, ValueError):
        return False
    return True


def _grouped(data: Any, column: int) -> tuple[Any, np.ndarray]:
    """Row numbers, group after group, and the sizes of the groups; one empty group without rows."""
    xp = array_namespace(data)
    if not len(data):
        return xp.empty(0, dtype=np.int64), np.zeros(1, dtype=np.int64)
    _, number = xp.unique(data[:, column], return_inverse=True)
    ranges = np.array([[0, len(data)]])
    groups = group_by_label(number.reshape(-1).astype(np.float64), ranges, noise=True)
    return groups.rows, groups.sizes
