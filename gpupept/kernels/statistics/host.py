"""Statistics on the CPU: runs the compiled functions of `blocks` on threads."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np

from gpupept.kernels.statistics import Moments, pieces
from gpupept.kernels.statistics.blocks import (
    BLOCK,
    count_around,
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
_SAMPLE = 16384  # elements that tell about where a rank is
_WIDENED = 16  # blocks that are converted to a wider type at a time, to stay in the cache
_INT64 = np.iinfo(np.int64)
_Key = tuple[Any, Any, Any]  # shift, fold, flip: how bits become keys


class _Part(NamedTuple):
    """Elements of a type that the compiled functions take."""

    first: int  # number of its first block
    values: np.ndarray
    bits: np.ndarray
    excluded: np.ndarray


class _Piece:
    """A vector of elements, in blocks."""

    def __init__(self, values: np.ndarray, excluded: np.ndarray | None) -> None:
        self.values = values
        self.excluded = np.empty(0, dtype=bool) if excluded is None else excluded
        self.blocks = -(-len(values) // BLOCK)
        self._type = _working_type(values.dtype)
        self._bits = np.dtype(np.int32 if self._type.itemsize == 4 else np.int64).type
        limits = np.iinfo(self._bits)
        fold = self._bits(limits.max if self._type.kind == "f" else 0)
        flip = self._bits(limits.min if self._type.kind == "u" else 0)
        self.key: _Key = (self._bits(8 * self._type.itemsize - 1), fold, flip)

    def parts(self, begin: int, end: int) -> Iterator[_Part]:
        """Yield elements of blocks ``begin .. end - 1``."""
        step = end - begin if self._type == self.values.dtype else _WIDENED
        for first in range(begin, end, max(step, 1)):
            place = slice(first * BLOCK, min(end, first + step) * BLOCK)
            values = self.values[place].astype(self._type, copy=False)
            yield _Part(first, values, values.view(self._bits), self.excluded[place])

    def run(self, task: Callable[[_Part], object]) -> None:
        """Call ``task(part)`` for parts that hold each element once."""

        def of_range(begin: int, end: int) -> None:
            for part in self.parts(begin, end):
                task(part)

        run_ranges(of_range, np.ones(self.blocks))

    def sample(self) -> _Part:
        """Return some elements from all over the piece."""
        step = max(1, len(self.values) // _SAMPLE)
        values = self.values[::step].astype(self._type)
        return _Part(0, values, values.view(self._bits), self.excluded[::step])


def _working_type(dtype: np.dtype[Any]) -> np.dtype[Any]:
    if dtype in (np.float32, np.float64, np.uint64):
        return dtype
    return np.dtype(np.float32) if dtype.kind == "f" else np.dtype(np.int64)


def _pieces(values: np.ndarray, excluded: np.ndarray | None) -> Iterator[_Piece]:
    for piece, skipped in pieces(values, excluded):
        yield _Piece(piece, skipped)


def moments_on_host(values: np.ndarray, excluded: np.ndarray | None, scale: float) -> Moments:
    """See `gpupept.kernels.statistics.moments`."""
    rows, low, high, nans = [np.zeros((1, 5))], _INT64.max, _INT64.min, 0
    for piece in _pieces(values, excluded):
        found, keys = np.zeros((piece.blocks, 5)), np.empty((piece.blocks, 2), dtype=np.int64)
        nan_counts = np.zeros(piece.blocks, dtype=np.int64)
        _moments_of(piece, scale, (found, keys, nan_counts))
        rows.append(found)
        low = min(low, int(keys[:, 0].min(initial=_INT64.max)))
        high = max(high, int(keys[:, 1].max(initial=_INT64.min)))
        nans += int(nan_counts.sum())
    states = np.concatenate(rows)
    merge_blocks(states)
    count, mean, m2, m3, m4 = states[0].tolist()
    return Moments(int(count), nans, mean, m2, m3, m4, scale, low, high)


def _moments_of(piece: _Piece, scale: float, results: tuple[np.ndarray, ...]) -> None:
    def task(part: _Part) -> None:
        blocks = -(-len(part.values) // BLOCK)
        own = (result[part.first : part.first + blocks] for result in results)
        moments_of_blocks(*part[1:], scale, *piece.key, *own)

    piece.run(task)


class _Search:
    """The search for the element of a rank in a range of keys, which is narrowed."""

    def __init__(self, values: np.ndarray, excluded: np.ndarray | None, found: Moments) -> None:
        self._pieces = list(_pieces(values, excluded)) if _is_light(values) else None
        self._values, self._excluded = values, excluded
        self.rank, self.inside = (found.n - 1) // 2, found.n
        self.low, self.high = found.low, found.high

    def pieces(self) -> Iterator[_Piece]:
        """Yield pieces of the elements, copied anew where they have to be."""
        yield from self._pieces or _pieces(self._values, self._excluded)

    def _to(self, low: int, high: int, before: int, inside: int) -> None:
        self.rank, self.inside = self.rank - before, inside
        self.low, self.high = low, high

    def guess(self) -> None:
        """Narrow to the keys between two of a sample, or to one side of them."""
        sample = self._sample()
        if not len(sample):
            return
        near = len(sample) * (self.rank + 0.5) / self.inside
        slack = 2.0 * math.sqrt(len(sample))
        a = int(sample[max(0, int(near - slack))])
        b = int(sample[min(len(sample) - 1, int(near + slack))])
        counts, lock = np.zeros(2, dtype=np.int64), threading.Lock()
        for piece in self.pieces():

            def task(part: _Part, key: _Key = piece.key) -> None:
                own = count_around(*part[2:], *key, self.low, a, b)
                with lock:
                    np.add(counts, own, out=counts)

            piece.run(task)
        below, between = counts.tolist()
        if self.rank < below:
            self._to(self.low, a - 1, 0, below)
        elif self.rank < below + between:
            self._to(a, b, below, between)
        else:
            self._to(b + 1, self.high, below + between, self.inside - below - between)

    def _sample(self) -> np.ndarray:
        piece = next(self.pieces())
        part, taken = piece.sample(), np.empty(2 * _SAMPLE, dtype=np.int64)
        count = take_keys(*part[2:], *piece.key, self.low, self.high, taken)
        return np.sort(taken[:count])

    def narrow(self) -> None:
        """Narrow to one bin of a histogram of the keys."""
        width = max(0, (self.high - self.low).bit_length() - _DIGIT)
        bins = ((self.high - self.low) >> width) + 1
        counts = _count(
            self.pieces(), bins, count_keys, lambda part: part[2:], (self.low, self.high, width)
        )
        totals = np.cumsum(counts)
        place = int(np.searchsorted(totals, self.rank, side="right"))
        low = self.low + (place << width)
        before = int(totals[place] - counts[place])
        self._to(low, min(self.high, low + (1 << width) - 1), before, int(counts[place]))

    def take(self) -> np.ndarray:
        """Return all keys of the range, in any order."""
        found: list[np.ndarray] = []
        for piece in self.pieces():

            def task(part: _Part, key: _Key = piece.key) -> None:
                taken = np.empty(
                    len(part.values), dtype=np.int64
                )  # pages are used as they are filled
                count = take_keys(*part[2:], *key, self.low, self.high, taken)
                found.append(taken[:count].copy())

            piece.run(task)
        return np.concatenate(found)

    def next_key(self, low: int, high: int) -> int:
        """Return the smallest key in (low, high]."""
        smallest: list[int] = []
        for piece in self.pieces():

            def task(part: _Part, key: _Key = piece.key) -> None:
                smallest.append(first_key_above(*part[2:], *key, low, high))

            piece.run(task)
        return int(min(smallest))


def _is_light(values: np.ndarray) -> bool:
    """Whether the pieces of an array are views of it."""
    return bool(np.shares_memory(next(pieces(values, None))[0], values)) if values.size else True


def middle_keys_on_host(
    values: np.ndarray, excluded: np.ndarray | None, found: Moments
) -> tuple[int, int]:
    """See `gpupept.kernels.statistics.middle_keys`.

    The range of keys that holds the lower rank is narrowed, first to about where a sample has it, until
    few keys are left or one.
    """
    search = _Search(values, excluded, found)
    few = max(_FEW, found.n // 16)
    if search.inside > few and search.low < search.high:
        search.guess()
    while search.low < search.high and search.inside > few:
        search.narrow()
    lower, not_above = search.low, search.inside
    if search.low < search.high:
        keys = search.take()
        lower = int(np.partition(keys, search.rank)[search.rank])
        not_above = int((keys <= lower).sum())
    if found.n % 2 or search.rank + 1 < not_above:
        return lower, lower
    return lower, search.next_key(lower, found.high)


def _count(
    found: Iterator[_Piece], bins: int, function: Any, arguments: Any, further: tuple[Any, ...]
) -> np.ndarray:
    """Add the counts of all parts."""
    counts, lock = np.zeros(bins, dtype=np.int64), threading.Lock()
    for piece in found:
        key = piece.key if function is count_keys else ()

        def task(part: _Part, key: tuple[Any, ...] = key) -> None:
            own = np.zeros(bins, dtype=np.int64)
            function(*arguments(part), *key, *further, own)
            with lock:
                np.add(counts, own, out=counts)

        piece.run(task)
    return counts


def count_values_on_host(
    values: np.ndarray, excluded: np.ndarray | None, edges: np.ndarray
) -> np.ndarray:
    """See `gpupept.kernels.statistics.count_values`."""
    found = _pieces(values, excluded)
    return _count(found, len(edges) - 1, count_values, lambda p: (p.values, p.excluded), (edges,))


def count_integers_on_host(
    values: np.ndarray, excluded: np.ndarray | None, low: int, bins: int
) -> np.ndarray:
    """See `gpupept.kernels.statistics.count_integers`."""
    found = _pieces(values, excluded)
    return _count(found, bins, count_keys, lambda part: part[2:], (low, low + bins - 1, 0))
