"""Statistics on the CPU: runs the compiled functions of `blocks` on threads."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np

from gpupept.kernels.statistics import Moments, pieces
from gpupept.kernels.statistics.blocks import (
    BLOCK,
    count_keys,
    count_values,
    first_key_above,
    merge_blocks,
    moments_of_blocks,
    take_keys,
)
from gpupept.kernels.threads import run_ranges

_DIGIT = 12  # bits of a key found in one pass; the counts fit the first-level cache
_FEW = 65536  # candidates for a rank that are taken out and ordered; more of many elements
_NOTHING = np.empty(0, dtype=bool)
_INT64 = np.iinfo(np.int64)


class _Elements(NamedTuple):
    """Elements of one type that the compiled functions take, and how their bits become keys."""

    values: np.ndarray
    bits: np.ndarray
    excluded: np.ndarray
    key: tuple[Any, Any, Any]  # shift, fold, flip


def _elements(values: np.ndarray, excluded: np.ndarray | None) -> Iterator[_Elements]:
    for piece, skipped in pieces(values, excluded):
        mask = _NOTHING if skipped is None else skipped
        wide = _working_type(piece.dtype)
        if wide == piece.dtype:
            yield _as_elements(piece, mask)
            continue
        for a in range(0, len(piece), 16 * BLOCK):  # widened bit by bit, to stay in the cache
            part = slice(a, a + 16 * BLOCK)
            yield _as_elements(piece[part].astype(wide), mask[part])


def _working_type(dtype: np.dtype[Any]) -> np.dtype[Any]:
    if dtype in (np.float32, np.float64, np.uint64):
        return dtype
    return np.dtype(np.float32) if dtype.kind == "f" else np.dtype(np.int64)


def _as_elements(values: np.ndarray, excluded: np.ndarray) -> _Elements:
    integer = np.dtype(np.int32 if values.itemsize == 4 else np.int64).type
    largest = np.iinfo(integer).max
    fold = integer(largest if values.dtype.kind == "f" else 0)
    flip = integer(np.iinfo(integer).min if values.dtype.kind == "u" else 0)
    key = (integer(8 * values.itemsize - 1), fold, flip)
    return _Elements(values, values.view(integer), excluded, key)


def _run(elements: _Elements, task: Callable[[int, int], object]) -> None:
    """Call ``task(first, last)`` for ranges of blocks."""
    run_ranges(task, np.ones(-(-len(elements.values) // BLOCK)))


def moments_on_host(values: np.ndarray, excluded: np.ndarray | None, scale: float) -> Moments:
    """See `gpupept.kernels.statistics.moments`."""
    rows, low, high, nans = [np.zeros((1, 5))], _INT64.max, _INT64.min, 0
    for elements in _elements(values, excluded):
        blocks = -(-len(elements.values) // BLOCK)
        found, keys = np.zeros((blocks, 5)), np.empty((blocks, 2), dtype=np.int64)
        nan_counts = np.zeros(blocks, dtype=np.int64)

        def task(
            begin: int,
            end: int,
            elements: _Elements = elements,
            results: tuple[np.ndarray, ...] = (found, keys, nan_counts),
        ) -> None:
            moments_of_blocks(begin, end, *elements[:3], scale, *elements.key, *results)

        _run(elements, task)
        rows.append(found)
        low = min(low, int(keys[:, 0].min(initial=_INT64.max)))
        high = max(high, int(keys[:, 1].max(initial=_INT64.min)))
        nans += int(nan_counts.sum())
    states = np.concatenate(rows)
    merge_blocks(states)
    count, mean, m2, m3, m4 = states[0].tolist()
    return Moments(int(count), nans, mean, m2, m3, m4, scale, low, high)


def _count(
    values: np.ndarray, excluded: np.ndarray | None, bins: int, function: Any, arguments: Any
) -> np.ndarray:
    """Add the counts that `function` finds in ranges of elements."""
    counts, lock = np.zeros(bins, dtype=np.int64), threading.Lock()
    for elements in _elements(values, excluded):
        given = arguments(elements)

        def task(begin: int, end: int, given: Any = given, n: int = len(elements.values)) -> None:
            own = np.zeros(bins, dtype=np.int64)
            function(begin * BLOCK, min(end * BLOCK, n), *given, own)
            with lock:
                np.add(counts, own, out=counts)

        _run(elements, task)
    return counts


def _count_keys(
    values: np.ndarray, excluded: np.ndarray | None, low: int, high: int, width: int, bins: int
) -> np.ndarray:
    return _count(
        values,
        excluded,
        bins,
        count_keys,
        lambda e: (e.bits, e.excluded, *e.key, low, high, width),
    )


def count_values_on_host(
    values: np.ndarray, excluded: np.ndarray | None, edges: np.ndarray
) -> np.ndarray:
    """See `gpupept.kernels.statistics.count_values`."""
    return _count(
        values, excluded, len(edges) - 1, count_values, lambda e: (e.values, e.excluded, edges)
    )


def count_integers_on_host(
    values: np.ndarray, excluded: np.ndarray | None, low: int, bins: int
) -> np.ndarray:
    """See `gpupept.kernels.statistics.count_integers`."""
    return _count_keys(values, excluded, low, low + bins - 1, 0, bins)


def middle_keys_on_host(
    values: np.ndarray, excluded: np.ndarray | None, found: Moments
) -> tuple[int, int]:
    """See `gpupept.kernels.statistics.middle_keys`.

    The range of keys that holds the lower rank is narrowed by counting, until few are left.
    """
    rank, low, high, inside = (found.n - 1) // 2, found.low, found.high, found.n
    while low < high and inside > max(_FEW, found.n // 16):
        width = max(0, (high - low).bit_length() - _DIGIT)
        bins = ((high - low) >> width) + 1
        counts = _count_keys(values, excluded, low, high, width, bins)
        totals = np.cumsum(counts)
        place = int(np.searchsorted(totals, rank, side="right"))
        rank -= int(totals[place] - counts[place])
        inside = int(counts[place])
        low += place << width
        high = min(high, low + (1 << width) - 1)
    keys = _taken(values, excluded, low, high, inside) if low < high else None
    lower = low if keys is None else int(np.partition(keys, rank)[rank])
    if found.n % 2:
        return lower, lower
    not_above = inside if keys is None else int((keys <= lower).sum())
    if rank + 1 < not_above:
        return lower, lower
    return lower, _next_key(values, excluded, lower, found.high)


def _taken(
    values: np.ndarray, excluded: np.ndarray | None, low: int, high: int, inside: int
) -> np.ndarray:
    keys, count = np.empty(inside, dtype=np.int64), 0
    for e in _elements(values, excluded):
        count += take_keys(e.bits, e.excluded, *e.key, low, high, keys[count:])
    return keys


def _next_key(values: np.ndarray, excluded: np.ndarray | None, low: int, high: int) -> int:
    smallest: list[int] = []
    for e in _elements(values, excluded):

        def task(begin: int, end: int, e: _Elements = e) -> None:
            stop = min(end * BLOCK, len(e.values))
            smallest.append(
                first_key_above(begin * BLOCK, stop, e.bits, e.excluded, *e.key, low, high)
            )

        _run(e, task)
    return int(min(smallest))
