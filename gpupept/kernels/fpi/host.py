"""Peaks of many grids on the CPU: one grid per thread at a time."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable
from typing import Any

import numpy as np

from gpupept.kernels.fpi.search import (
    Rule,
    Scratch,
    mean_times,
    new_scratch,
    search_grids,
    search_lines,
)
from gpupept.kernels.threads import run_ranges
from gpupept.kernels.traverse import line_columns
from gpupept.kernels.traverse.batch import Grids
from gpupept.kernels.traverse.lines import new_scratch as new_line_scratch

__all__ = ["Rule", "mean_times", "peaks_of_grids", "peaks_of_lines"]

CELLS_PER_LINE = 1000  # that are cleared and searched in the time in which a line is followed
ROOM = 1024  # peaks, at least, that are written before more room is made


def peaks_of_grids(
    values: np.ndarray, offsets: np.ndarray, shapes: np.ndarray, rule: Rule
) -> tuple[np.ndarray, np.ndarray]:
    """See `gpupept.kernels.fpi.peaks_of_grids`."""
    largest = tuple(shapes.max(axis=0, initial=0).tolist())
    sizes = np.zeros(len(shapes), dtype=np.int64)
    parts: dict[int, np.ndarray] = {}
    own = _PerThread(lambda: (new_scratch(largest, rule.reach, values.dtype),))

    def task(begin: int, end: int) -> None:
        (scratch,) = own.made()

        def search(first: int, places: np.ndarray) -> tuple[int, int]:
            step: tuple[int, int] = search_grids(
                first, end, values, offsets, shapes, rule, scratch, places, sizes
            )
            return step

        _collect(search, begin, end, scratch, parts)

    run_ranges(task, np.diff(offsets))
    return _joined(parts), sizes


def peaks_of_lines(
    lines: np.ndarray, samples: np.ndarray, grids: Grids, rule: Rule
) -> tuple[np.ndarray, np.ndarray, int]:
    """See `gpupept.kernels.fpi.peaks_of_lines`."""
    shape = tuple(grids.counts.tolist())
    sizes, skipped = np.zeros((2, len(samples)), dtype=np.int64)
    columns = line_columns(3)
    parts: dict[int, np.ndarray] = {}
    own = _PerThread(
        lambda: (
            np.empty(math.prod(shape), dtype=np.uint32),
            new_line_scratch(grids, 0),
            new_scratch(shape, rule.reach, np.dtype(np.uint32)),
        )
    )

    def task(begin: int, end: int) -> None:
        cells, line_scratch, scratch = own.made()

        def search(first: int, places: np.ndarray) -> tuple[int, int]:
            step: tuple[int, int] = search_lines(
                first,
                end,
                lines,
                columns,
                samples,
                grids,
                line_scratch,
                cells,
                rule,
                scratch,
                places,
                sizes,
                skipped,
            )
            return step

        _collect(search, begin, end, scratch, parts)

    run_ranges(task, samples[:, 1] - samples[:, 0] + math.prod(shape) / CELLS_PER_LINE)
    return _joined(parts), sizes, int(skipped.sum())


class _PerThread(threading.local):
    """What each thread makes for itself, once."""

    def __init__(self, make: Callable[[], tuple[Any, ...]]) -> None:
        self._make = make
        self._made: tuple[Any, ...] | None = None

    def made(self) -> tuple[Any, ...]:
        """Make it, or return what this thread has made."""
        if self._made is None:
            self._made = self._make()
        return self._made


def _collect(
    search: Callable[[int, np.ndarray], tuple[int, int]],
    begin: int,
    end: int,
    scratch: Scratch,
    parts: dict[int, np.ndarray],
) -> None:
    """Search grids ``begin .. end - 1``, making room for their peaks; note them by the first grid."""
    while begin < end:
        places = np.empty((max(ROOM, len(scratch.found)), 6))
        after, count = search(begin, places)
        parts[begin] = places[:count].copy()
        begin = after


def _joined(parts: dict[int, np.ndarray]) -> np.ndarray:
    return np.concatenate([np.empty((0, 6)), *(parts[begin] for begin in sorted(parts))])
