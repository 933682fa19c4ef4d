"""Adding lines to a grid on the GPU: launches the kernels of `cuda_kernels/traverse_*.cu`."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from gpupept.backend import KernelSpec, array_namespace, device_of, memory_budget, to_device
from gpupept.kernels import Array

if TYPE_CHECKING:
    from gpupept.kernels.traverse.batch import Grids

# As in the source.
THREADS = 128
PLAN_WORDS = 42

_CHUNK = 131072  # lines whose plans are there at a time
_LARGEST_SUM = 61  # binary digits of a sum in units

_LINES = (
    ("lines", "float64*"),
    ("columns", "int64"),
    ("begin", "int64"),
    ("count", "int64"),
    ("dimensions", "int32"),
)
_GRID = (
    ("axes", "float64*"),
    ("edges", "float64*"),
    ("begins", "int64*"),
    ("counts", "int64*"),
    ("first_layer", "int64"),
)

PLAN = KernelSpec(
    "traverse_lines",
    "plan_lines",
    (
        *_LINES,
        ("weights", "float64*?"),
        *_GRID,
        ("last_layer", "int64"),
        ("plans", "int64*"),
        ("skipped", "uint64*"),
    ),
)


def _stages(name: str, arguments: tuple[tuple[str, str], ...]) -> tuple[KernelSpec, KernelSpec]:
    """Kernel for the cells that a plan is sure of, and the one for the others."""
    sure, unsure = (
        KernelSpec("traverse_cells", name, arguments, {"SETTLE": settle}) for settle in (0, 1)
    )
    return sure, unsure


COUNT, COUNT_REST = _stages(
    "count_cells", (*_LINES, *_GRID, ("plans", "int64*"), ("target", "uint32*"))
)
WEIGH, WEIGH_REST = _stages(
    "weigh_cells",
    (
        *_LINES,
        ("weights", "float64*?"),
        *_GRID,
        ("plans", "int64*"),
        ("measure", "int32"),
        ("units", "float64"),
        ("target", "uint64*"),
    ),
)


_SAMPLES = (
    ("lines", "float64*"),
    ("columns", "int64"),
    ("samples", "int64*"),
    ("first_line", "int64*"),
    ("sample_count", "int64"),
    ("begin", "int64"),
    ("count", "int64"),
    *_GRID[:-1],
    ("plans", "int64*"),
)
PLAN_SAMPLES = KernelSpec("traverse_lines", "plan_samples", (*_SAMPLES, ("skipped", "uint64*")))
COUNT_SAMPLES, COUNT_SAMPLES_REST = _stages("count_samples", (*_SAMPLES, ("target", "uint32*")))


class _Work(NamedTuple):
    """What is added, and the description of the grid on the GPU."""

    lines: Array
    dimensions: int
    weights: Array | None
    measure: bool
    grid: tuple[Array, ...]
    units: float  # that make 1, for sums of weights and lengths


def add_on_device(
    cells: Array,
    lines: Array,
    edges: Sequence[np.ndarray],
    first_layer: int,
    weights: Array | None,
    lengths: bool,
) -> int:
    """See `gpupept.kernels.traverse.traverse`."""
    from gpupept.kernels.traverse import describe_grid

    xp = array_namespace(cells, lines, weights)
    if not len(lines) or not cells.size:
        return 0
    axes, all_edges, begins, counts = describe_grid(edges)
    device = device_of(cells)
    tables = (np.ravel(axes), all_edges, begins, counts)
    grid = tuple(to_device(np.ascontiguousarray(table), device) for table in tables)
    units = _units(len(lines), axes, weights, lengths)
    work = _Work(lines, len(edges), weights, lengths, grid, units)
    skipped = xp.zeros(1, dtype=np.uint64)
    counting = weights is None and not lengths
    for begin, end in _slabs(cells, 4 if counting else 8):
        layers = cells[begin:end].reshape(-1)
        first = first_layer + begin
        skipped[0] = 0
        if counting:
            in_place = layers.dtype == np.uint32
            target = layers if in_place else xp.zeros(layers.size, dtype=np.uint32)
            _add(work, first, first + end - begin, target, skipped)
            if not in_place:
                layers += target
        else:
            target = xp.zeros(layers.size, dtype=np.uint64)
            _add(work, first, first + end - begin, target, skipped)
            layers += target.view(np.int64) * (1.0 / work.units)
    return int(skipped[0])


def _add(work: _Work, first: int, last: int, target: Array, skipped: Array) -> None:
    """Add all lines to the layers ``first .. last - 1``, whose cells are `target`."""
    xp = array_namespace(target)
    number = len(work.lines)
    plans = xp.empty(min(number, _CHUNK) * PLAN_WORDS, dtype=np.int64)
    for begin in range(0, number, _CHUNK):
        count = min(_CHUNK, number - begin)
        lines = (work.lines, work.lines.shape[1], begin, count, work.dimensions)
        blocks = -(-count // THREADS)
        PLAN.launch(blocks, THREADS, *lines, work.weights, *work.grid, first, last, plans, skipped)
        grid = (*work.grid, first, plans)
        if target.dtype == np.uint32:
            for kernel in (COUNT, COUNT_REST):
                kernel.launch(32 * blocks, THREADS, *lines, *grid, target)
        else:
            for kernel in (WEIGH, WEIGH_REST):
                kernel.launch(
                    32 * blocks,
                    THREADS,
                    *lines,
                    work.weights,
                    *grid,
                    int(work.measure),
                    work.units,
                    target,
                )


def count_batch_on_device(cells: Array, lines: Array, samples: np.ndarray, grids: Grids) -> int:
    """See `gpupept.kernels.traverse.batch.traverse_batch`."""
    xp, device = array_namespace(cells, lines), device_of(cells)
    first_line = np.concatenate([[0], np.cumsum(samples[:, 1] - samples[:, 0])])
    number = int(first_line[-1])
    if not number:
        return 0
    tables = [
        to_device(np.ascontiguousarray(np.ravel(table)), device)
        for table in (samples.astype(np.int64), first_line.astype(np.int64), *grids)
    ]
    plans = xp.empty(min(number, _CHUNK) * PLAN_WORDS, dtype=np.int64)
    skipped = xp.zeros(1, dtype=np.uint64)
    for begin in range(0, number, _CHUNK):
        count = min(_CHUNK, number - begin)
        chunk = (lines, lines.shape[1], *tables[:2], len(samples), begin, count, *tables[2:], plans)
        blocks = -(-count // THREADS)
        PLAN_SAMPLES.launch(blocks, THREADS, *chunk, skipped)
        for kernel in (COUNT_SAMPLES, COUNT_SAMPLES_REST):
            kernel.launch(32 * blocks, THREADS, *chunk, cells.reshape(-1))
    return int(skipped[0])


def _slabs(cells: Array, itemsize: int) -> list[tuple[int, int]]:
    """Ranges of layers whose sums fit the memory budget."""
    layers = len(cells)
    if cells.dtype == np.uint32:
        return [(0, layers)]
    per_layer = itemsize * cells.size // layers
    longest = max(1, memory_budget(device_of(cells)) // max(per_layer, 1))
    number = -(-layers // longest)
    bounds = [layers * i // number for i in range(number + 1)]
    return list(pairwise(bounds))


def _units(number: int, axes: np.ndarray, weights: Array | None, lengths: bool) -> float:
    """Units that make 1: a power of two with which no sum is too large."""
    largest = 1.0
    if weights is not None:
        xp = array_namespace(weights)
        largest = float(xp.where(xp.isfinite(weights), xp.abs(weights), 0.0).max())
    first, last, size = axes[:, 0], axes[:, 1], axes[:, 2]
    bound = largest * number
    if lengths:
        bound = max(bound * math.hypot(*size), largest * math.hypot(*(last - first)))
    return 2.0 ** (_LARGEST_SUM - math.frexp(bound)[1]) if 0.0 < bound < math.inf else 1.0
