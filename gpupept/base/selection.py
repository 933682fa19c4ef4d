"""Choosing samples, and rows, of a container."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import numpy as np

from gpupept.backend import is_device_array, to_host

if TYPE_CHECKING:
    from gpupept.base.iterable_samples import IterableSamples

Container = TypeVar("Container", bound="IterableSamples")


class RowSelector(Generic[Container]):
    """Indexes the rows of a container instead of its samples: ``container.select[:100]``."""

    __slots__ = ("_container",)

    def __init__(self, container: Container) -> None:
        self._container = container

    def __getitem__(self, rows: Any) -> Container:
        return self._container._select_rows(rows)

    def __repr__(self) -> str:
        return f"row selection ({type(self._container).__name__})"


def sample_numbers(key: Any, count: int) -> np.ndarray:
    """Turn an index that chooses several samples into their numbers.

    Parameters
    ----------
    key : slice, iterable of int, or (S,) bool mask
        The choice; negative numbers count from the end.
    count : int
        Number of samples S.

    Returns
    -------
    (K,) int64 array
        Numbers from 0 to S - 1, in the order of the choice.

    Raises
    ------
    IndexError
        If the key is neither, a mask has another length, or a number is out of range.
    """
    if isinstance(key, slice):
        return np.arange(*key.indices(count), dtype=np.int64)
    if not isinstance(key, Iterable) and not is_device_array(key):
        raise IndexError(
            "samples are chosen by an integer, a slice, a list of integers or a boolean mask, and "
            f"columns by name; found {key!r} ({type(key).__name__})"
        )
    numbers = to_host(key) if hasattr(key, "dtype") else np.asarray(list(key))
    if numbers.ndim == 1 and numbers.dtype == bool:
        if len(numbers) != count:
            raise IndexError(f"the mask has {len(numbers)} elements for {count} samples")
        return np.flatnonzero(numbers)
    if numbers.size == 0:
        return np.empty(0, dtype=np.int64)
    if numbers.ndim != 1 or numbers.dtype.kind not in "iu":
        raise IndexError(
            f"samples are chosen by a list of integers or a boolean mask, found {key!r}"
        )
    bad = (numbers < -count) | (numbers >= count)
    if bad.any():
        raise IndexError(f"sample {numbers[bad][0]} is out of range for {count} samples")
    return np.where(numbers < 0, numbers + count, numbers).astype(np.int64)


def union_of_samples(table: np.ndarray, rows: int) -> tuple[np.ndarray, np.ndarray]:
    """Find the rows that any of some samples holds, and where the samples are among them.

    Parameters
    ----------
    table : (K, 2) int64 array
        Row ranges of the chosen samples, within the rows, in any order.
    rows : int
        Number of rows N.

    Returns
    -------
    kept : (R,) int64 array
        The rows in at least one sample, ascending, each once.
    table : (K, 2) int64 array
        The row ranges among the kept rows.
    """
    # +1 where a sample starts and -1 where it ends; the running sum is the number of samples there.
    changes = np.bincount(table[:, 0], minlength=rows + 1) - np.bincount(
        table[:, 1], minlength=rows + 1
    )
    kept = np.cumsum(changes[:rows]) > 0
    before = np.concatenate([[0], np.cumsum(kept)])
    return np.flatnonzero(kept), before[table]
