"""Exchanging columns."""

from __future__ import annotations

import re
from typing import Any

import numpy as np

from gpupept.backend import to_device
from gpupept.base import BatchFilter, IterableSamples
from gpupept.base.selection import union_of_samples
from gpupept.kernels.rows import flatten
from gpupept.tracking.columns import column_number


class Swap(BatchFilter):
    """Exchange the values of columns; the names stay where they are.

    Parameters
    ----------
    *swaps : str
        Two columns each, ``"y, z"``, by name or by number in quotes, ``"'1', '-1'"``. They are
        swapped in order.
    inplace : bool, default True
        Exchange the values in the container given, in all rows that are in a sample, and return
        it. Otherwise, and always for a list of samples, they are exchanged in a copy.

    Raises
    ------
    ValueError
        If a swap is not two columns; when fitted, if there is no such column, or if the samples are
        read-only and are to be changed in place.
    TypeError
        If a swap is not a string.

    Notes
    -----
    Filter signature: ``LineData -> Swap -> LineData`` and ``PointData -> Swap -> PointData``. A
    pipeline with this filter works on a copy of what it is given, which stays as it is.

    Examples
    --------
    >>> import gpupept
    >>> from gpupept.tracking import Swap
    >>> points = gpupept.PointData([[0, 1, 2, 3], [1, 4, 5, 6]])
    >>> Swap("y, z", inplace=False).fit_sample(points).points
    array([[0., 1., 3., 2.],
           [1., 4., 6., 5.]])
    """

    def __init__(self, *swaps: str, inplace: bool = True) -> None:
        self.swaps = swaps
        self.inplace = bool(inplace)

    @property
    def swaps(self) -> tuple[str, ...]:
        """The swaps, in order."""
        return self._swaps

    @swaps.setter
    def swaps(self, swaps: Any) -> None:
        given = (swaps,) if isinstance(swaps, str) else tuple(swaps)
        for swap in given:
            _two_columns(swap)
        self._swaps = given

    def batch_bytes(self, samples: Any) -> np.ndarray:
        """Estimate the memory; in place there is none, and no row may be in two chunks."""
        if self.inplace:
            return np.zeros(len(samples), dtype=np.int64)
        return super().batch_bytes(samples)

    def batch_of(self, samples: Any) -> Any:
        """Make a batch, of its own if it is made of a list; see `BatchFilter.batch_of`."""
        batch = super().batch_of(samples)
        return batch if batch is samples else self._own(batch)

    def suited(self, batch: Any) -> Any:
        """Join lists in a batch to samples of their own; see `BatchFilter.suited`."""
        found = super().suited(batch)
        return found if found is batch else self._own(found)

    def _own(self, batch: Any) -> Any:
        if self.inplace and isinstance(batch, IterableSamples):
            return batch.with_rows(batch.data.copy())
        return batch

    def fit_sample(self, sample: Any) -> Any:
        """Swap the columns of a sample, which is returned itself if that is done in place."""
        found = super().fit_sample(sample)
        return sample if self.inplace and isinstance(sample, IterableSamples) else found

    def fit_batch(self, samples: IterableSamples) -> IterableSamples:
        """Swap the columns of all samples; see `BatchFilter.fit_batch`."""
        order = self._order(list(samples.columns))
        if self.inplace:
            _reorder(samples.data, samples.row_ranges, order, samples.device)
            return samples
        data, sizes = flatten(samples.data, samples.row_ranges)
        return type(samples).from_batch(
            data[:, order], sizes=sizes, columns=samples.columns, attrs=samples.attrs
        )

    def _order(self, names: list[str]) -> list[int]:
        """Which column comes to each place."""
        order = list(range(len(names)))
        for swap in self.swaps:
            first, second = (column_number(key, names) for key in _two_columns(swap))
            order[first], order[second] = order[second], order[first]
        return order


def _two_columns(swap: Any) -> tuple[str, str]:
    if not isinstance(swap, str):
        raise TypeError(f"a swap must be a string like 'y, z', found {type(swap).__name__}")
    parts = [part.strip() for part in swap.split(",")]
    keys = [part[1:-1] if re.fullmatch(r"'[^']*'", part) else part for part in parts]
    if len(keys) != 2 or not all(keys):
        raise ValueError(f"a swap must be two columns like 'y, z', found {swap!r}")
    return keys[0], keys[1]


def _reorder(data: Any, ranges: np.ndarray, order: list[int], device: str) -> None:
    """Bring columns to their places, in the rows that are in any sample."""
    rows, _ = union_of_samples(ranges, len(data))
    places = [i for i, column in enumerate(order) if i != column]
    if not places or not len(rows):
        return
    if isinstance(data, np.ndarray) and not data.flags.writeable:
        raise ValueError("the samples are read-only; swap their columns with inplace=False")
    sources = [order[i] for i in places]
    if rows[-1] - rows[0] == len(rows) - 1:
        part = data[rows[0] : rows[-1] + 1]
        part[:, places] = part[:, sources]
        return
    chosen = to_device(rows, device)
    moved = data[chosen]
    moved[:, places] = moved[:, sources]
    data[chosen] = moved
