"""Removing columns."""

from __future__ import annotations

import re
from typing import Any

from gpupept.backend import array_namespace
from gpupept.base import BatchFilter, IterableSamples
from gpupept.kernels.rows import flatten


class Remove(BatchFilter):
    """Remove columns.

    Parameters
    ----------
    *columns : str, int, or list of them
        Names, in which ``*`` stands for any run of letters, digits and underscores, or numbers;
        negative ones count from the end. What does not exist is ignored.

    Raises
    ------
    TypeError
        If a column is neither a name nor a number.

    Notes
    -----
    Filter signature: ``LineData -> Remove -> LineData`` and ``PointData -> Remove -> PointData``;
    attributes are kept. What is left must have the columns that such data needs, 7 or 4, else a
    ValueError is raised when fitting; if one of these is removed, the next takes its place.

    Examples
    --------
    >>> import numpy as np
    >>> import gpupept
    >>> from gpupept.tracking import Remove
    >>> points = gpupept.PointData(
    ...     np.zeros((2, 7)), columns=["t", "x", "y", "z", "line_index1", "line_index2", "error"]
    ... )
    >>> Remove(["line_index*", -1]).fit_sample(points).columns
    ['t', 'x', 'y', 'z']
    """

    def __init__(self, *columns: Any) -> None:
        self.columns = columns

    @property
    def columns(self) -> tuple[str | int, ...]:
        """Names and numbers of the columns to remove; setting them replaces all."""
        return self._columns

    @columns.setter
    def columns(self, columns: Any) -> None:
        self._columns = tuple(_flat(columns))

    def fit_batch(self, samples: IterableSamples) -> IterableSamples:
        """Remove the columns of all samples; see `BatchFilter.fit_batch`."""
        names = list(samples.columns)
        removed = {i for column in self.columns for i in _matches(column, names)}
        kept = [i for i in range(len(names)) if i not in removed]
        data, sizes = flatten(samples.data, samples.row_ranges)
        xp = array_namespace(data)
        return type(samples).from_batch(
            xp.ascontiguousarray(data[:, kept]),
            sizes=sizes,
            columns=[names[i] for i in kept],
            attrs=samples.attrs,
        )


def _flat(columns: Any) -> list[str | int]:
    """One list of names and numbers, of nested ones."""
    if isinstance(columns, list | tuple):
        return [item for part in columns for item in _flat(part)]
    if isinstance(columns, str):
        return [columns]
    if isinstance(columns, bool) or not hasattr(columns, "__index__"):
        raise TypeError(
            f"columns must be names or numbers, found {columns!r} ({type(columns).__name__})"
        )
    return [int(columns)]


def _matches(column: str | int, names: list[str]) -> list[int]:
    """Numbers of the columns that a name, or number, stands for."""
    if isinstance(column, str):
        pattern = re.compile(r"\w*".join(re.escape(part) for part in column.split("*")))
        return [i for i, name in enumerate(names) if pattern.fullmatch(name)]
    return [column % len(names)] if -len(names) <= column < len(names) else []
