"""Adding lines to a grid on the CPU: which thread does what.

Counts of small grids: every thread counts a part of the lines in cells of its own. Otherwise every
thread has layers of its own and follows all lines through them, so that whatever is added to a cell is
added in the order of the lines. Either way results do not depend on the threads.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import NamedTuple, TypeVar

import numpy as np

from gpupept.kernels.threads import thread_count
from gpupept.kernels.traverse.exact import FIRST, PER_SIZE, Grid
from gpupept.kernels.traverse.lines import count_lines, new_scratch, weigh_lines

_OWN_BYTES = 32 * 2**20  # of all threads together, for cells of their own
_SLAB_BYTES = 256 * 2**20  # of the cells of layers that are added to the grid in the end
_SLABS_PER_THREAD = 2
_SAMPLED_LINES = 4096


_T = TypeVar("_T")


class Task(NamedTuple):
    """Lines, and the grid they are added to.

    Attributes
    ----------
    lines : (N, C) float64
        The lines.
    columns : (6,) int64
        Columns of both ends, see `gpupept.kernels.traverse.lines.count_lines`.
    grid : Grid
        The whole grid.
    first_layer : int
        The layer along the first axis that `cells` begins with.
    cells : (layers, ny, nz) uint32, float32 or float64, C-contiguous
        What is added to.
    weights : (N,) or (0,) float64
        A factor for each line; none: 1.
    measure : bool
        Add lengths.
    """

    lines: np.ndarray
    columns: np.ndarray
    grid: Grid
    first_layer: int
    cells: np.ndarray
    weights: np.ndarray
    measure: bool


def add_on_host(task: Task) -> int:
    """Add the lines; return how many were skipped because they are not finite."""
    if not len(task.lines) or not task.cells.size:
        return 0
    if len(task.weights) or task.measure:
        return _in_slabs(task, np.float64, _weigh)
    threads = min(thread_count(), len(task.lines))
    if task.cells.size * 4 * threads <= _OWN_BYTES:
        return _in_parts(task, threads)
    return _in_slabs(task, np.uint32, _count)


def _count(task: Task, begin: int, end: int, first: int, last: int, target: np.ndarray) -> int:
    scratch = new_scratch(task.grid, first)
    skipped: int = count_lines(
        begin, end, task.lines, task.columns, task.grid, scratch, first, last, target
    )
    return skipped


def _weigh(task: Task, begin: int, end: int, first: int, last: int, target: np.ndarray) -> int:
    scratch = new_scratch(task.grid, first)
    skipped: int = weigh_lines(
        begin,
        end,
        task.lines,
        task.columns,
        task.weights,
        task.measure,
        task.grid,
        scratch,
        first,
        last,
        target,
    )
    return skipped


def _in_parts(task: Task, threads: int) -> int:
    """Count a part of the lines in each thread, then add the counts up."""
    bounds = [len(task.lines) * i // threads for i in range(threads + 1)]
    first, last = task.first_layer, task.first_layer + len(task.cells)

    def part(begin: int, end: int) -> tuple[np.ndarray, int]:
        own = np.zeros(task.cells.size, dtype=np.uint32)
        return own, _count(task, begin, end, first, last, own)

    results = _run(part, list(pairwise(bounds)), threads)
    total = results[0][0]
    for counts, _ in results[1:]:
        total += counts
    task.cells.reshape(-1)[...] += total
    return sum(skipped for _, skipped in results)


def _in_slabs(
    task: Task, kind: type[np.generic], add: Callable[[Task, int, int, int, int, np.ndarray], int]
) -> int:
    """Add all lines to some layers in each thread."""
    in_place = task.cells.dtype == kind
    threads = thread_count()

    def slab(first: int, last: int) -> int:
        begin = task.first_layer
        layers = task.cells[first - begin : last - begin].reshape(-1)
        target = layers if in_place else np.zeros(layers.size, dtype=kind)
        skipped = add(task, 0, len(task.lines), first, last, target)
        if not in_place:
            layers += target
        return skipped

    skipped = _run(slab, _slabs(task, threads, np.dtype(kind).itemsize), threads)
    return skipped[0]


def _run(job: Callable[[int, int], _T], ranges: list[tuple[int, int]], threads: int) -> list[_T]:
    if threads == 1 or len(ranges) == 1:
        return [job(*limits) for limits in ranges]
    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(job, *zip(*ranges, strict=True)))


def _slabs(task: Task, threads: int, itemsize: int) -> list[tuple[int, int]]:
    """Ranges of layers that take about equally long."""
    layers = len(task.cells)
    size = task.cells.size * itemsize
    number = max(threads * _SLABS_PER_THREAD if threads > 1 else 1, -(-size // _SLAB_BYTES))
    work = np.cumsum(_work_of_layers(task))
    marks = work[-1] * np.arange(1, number) / number
    bounds = [0, *(np.searchsorted(work, marks) + 1).tolist(), layers]
    longest = max(1, layers * _SLAB_BYTES // size)
    slabs = []
    for begin, end in pairwise(sorted(set(bounds))):
        parts = -(-(end - begin) // longest)
        cuts = [begin + (end - begin) * i // parts for i in range(parts + 1)]
        slabs += [(a + task.first_layer, b + task.first_layer) for a, b in pairwise(cuts)]
    return slabs


def _work_of_layers(task: Task) -> np.ndarray:
    """Estimate of the work in each layer, from some of the lines."""
    axes, layers = task.grid.axes, len(task.cells)
    some = task.lines[:: max(1, len(task.lines) // _SAMPLED_LINES)]
    ends = some[:, task.columns[[0, 3]]]
    ends = ends[np.isfinite(ends).all(axis=1)]
    with np.errstate(over="ignore"):
        cells = (np.sort(ends, axis=1) - axes[0, FIRST]) * axes[0, PER_SIZE] - task.first_layer
    cells = cells[(cells[:, 1] >= 0) & (cells[:, 0] < layers)]
    begin, end = np.clip(cells, 0, layers - 1).astype(np.int64).T
    share = 1.0 / (end - begin + 1)
    change = np.bincount(begin, share, layers + 1) - np.bincount(end + 1, share, layers + 1)
    return np.maximum(np.cumsum(change[:layers]), 0.0) + 0.01 * (len(begin) + 1) / layers
