"""Cutpoints on the GPU: launches the kernels of `cuda_kernels/cutpoints_*.cu`."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from gpupept.backend import KernelSpec, array_namespace, device_of, to_device, to_host
from gpupept.kernels import Array

# As in the sources.
TILE = 64  # lines along one side of a tile of pairs
WORDS = 2 * TILE  # that hold one bit for each pair of a tile
BOX_THREADS = 128
TEST_WARPS = 4
MOST_THREADS = 512  # of a block that sorts the cutpoints of a sample
SHARE = 7  # cutpoints that each of them sorts in shared memory
PAIR_BYTES = 16

_LINES = (("lines", "float64*"), ("columns", "int64"), ("samples", "int64*"))

CUTOFFS = KernelSpec("cutpoints_lines", "default_cutoffs", (*_LINES, ("cutoffs", "float64*")))
PREPARE = KernelSpec(
    "cutpoints_lines",
    "prepare_lines",
    (
        *_LINES,
        ("first_line", "int64*"),
        ("distance", "float64"),
        ("prepared", "float32*"),
        ("limits", "float32*"),
    ),
)
TEST = KernelSpec(
    "cutpoints_pairs",
    "test_pairs",
    (
        *_LINES,
        ("first_line", "int64*"),
        ("first_tile", "int64*"),
        ("sample_count", "int64"),
        ("tile_count", "int64"),
        ("cutoffs", "float64*"),
        ("distance", "float64"),
        ("prepared", "float32*"),
        ("limits", "float32*"),
        ("words", "uint32*"),
        ("sizes", "int64*"),
    ),
)
TEST_PLACES = KernelSpec(
    "cutpoints_places",
    "test_places",
    (
        *_LINES,
        ("first_line", "int64*"),
        ("first_tile", "int64*"),
        ("sample_count", "int64"),
        ("tile_count", "int64"),
        ("cutoffs", "float64*"),
        ("distances", "float64*"),
        ("places", "float64*"),
        ("words", "uint32*"),
        ("sizes", "int64*"),
    ),
)
WRITE = KernelSpec(
    "cutpoints_points",
    "write_points",
    (
        *_LINES,
        ("first_tile", "int64*"),
        ("words", "uint32*"),
        ("first_point", "int64*"),
        ("pairs", "int64*?"),
        ("spare", "int64*?"),
        ("points", "float64*"),
        ("point_columns", "int32"),
    ),
)


class _Plan(NamedTuple):
    """Tables on the GPU, and the totals of their offsets."""

    samples: Array  # (2 S,) row ranges
    first_line: Array  # (S + 1,) offsets of the samples' lines when laid one after another
    first_tile: Array  # (S + 1,) offsets of the samples' tiles
    line_count: int
    tile_count: int


def cutoffs_on_device(lines: Array, samples: np.ndarray, cutoffs: Array) -> None:
    """Fill `cutoffs`; see `gpupept.kernels.cutpoints.default_cutoffs`."""
    table = to_device(np.ascontiguousarray(samples, dtype=np.int64), device_of(lines))
    CUTOFFS.launch(len(samples), BOX_THREADS, lines, lines.shape[1], table, cutoffs)


def cutpoints_on_device(
    lines: Array,
    samples: np.ndarray,
    cutoffs: Array,
    max_distance: float,
    append_indices: bool,
) -> tuple[Array, np.ndarray]:
    """See `gpupept.kernels.cutpoints.cutpoints`."""
    plan = _plan(samples, device_of(lines))
    words, counts = _find_pairs(lines, plan, cutoffs, float(max_distance))
    return _write(lines, plan, words, counts, append_indices)


def cutpoints_near_places_on_device(
    lines: Array,
    samples: np.ndarray,
    cutoffs: Array,
    places: Array,
    distances: np.ndarray,
    append_indices: bool,
) -> tuple[Array, np.ndarray]:
    """See `gpupept.kernels.cutpoints.cutpoints_near_places`."""
    xp = array_namespace(lines, cutoffs, places)
    plan = _plan(samples, device_of(lines))
    words = xp.empty((plan.tile_count, WORDS), dtype=np.uint32)
    counts = xp.zeros(len(samples), dtype=np.int64)
    TEST_PLACES.launch(
        -(-plan.tile_count // TEST_WARPS),
        32 * TEST_WARPS,
        *(lines, lines.shape[1], plan.samples, plan.first_line, plan.first_tile, len(samples)),
        *(plan.tile_count, cutoffs, to_device(distances, device_of(lines)), places, words, counts),
    )
    return _write(lines, plan, words, counts, append_indices)


def _write(
    lines: Array, plan: _Plan, words: Array, counts: Array, append_indices: bool
) -> tuple[Array, np.ndarray]:
    """Write the cutpoints of the pairs whose bits are set, in order of time."""
    xp = array_namespace(lines)
    first_point = xp.zeros(len(counts) + 1, dtype=np.int64)
    xp.cumsum(counts, out=first_point[1:])
    offsets = to_host(first_point)  # the one synchronisation
    sizes = np.diff(offsets)
    columns = 6 if append_indices else 4
    points = xp.empty((int(offsets[-1]), columns), dtype=np.float64)
    pairs = spare = None
    threads = 32 * -(-int(sizes.max(initial=0)) // (32 * SHARE))
    if threads > MOST_THREADS:
        threads = MOST_THREADS
        pairs, spare = xp.empty((2, 2 * len(points)), dtype=np.int64)
    WRITE.launch(
        len(counts),
        threads,
        lines,
        lines.shape[1],
        plan.samples,
        plan.first_tile,
        words,
        first_point,
        pairs,
        spare,
        points,
        columns,
        shared_bytes=threads * SHARE * PAIR_BYTES,
    )
    return points, sizes


def _plan(samples: np.ndarray, device: str) -> _Plan:
    """Lay out lines and tiles and copy the tables to the GPU in one piece."""
    count = len(samples)
    lengths = samples[:, 1] - samples[:, 0]
    sides = -(-lengths // TILE)
    tiles = np.where(lengths > 1, sides * (sides + 1) // 2, 0)
    first_line = np.concatenate([[0], np.cumsum(lengths)])
    first_tile = np.concatenate([[0], np.cumsum(tiles)])
    table = to_device(
        np.concatenate([np.ravel(samples), first_line, first_tile]).astype(np.int64), device
    )
    return _Plan(
        table[: 2 * count],
        table[2 * count : 3 * count + 1],
        table[3 * count + 1 :],
        int(first_line[-1]),
        int(first_tile[-1]),
    )


def _find_pairs(lines: Array, plan: _Plan, cutoffs: Array, distance: float) -> tuple[Array, Array]:
    """One bit per pair of lines, set where they have a cutpoint, and how many each sample has."""
    xp = array_namespace(lines)
    samples = len(plan.samples) // 2
    prepared = xp.empty((plan.line_count, 8), dtype=np.float32)
    limits = xp.empty((samples, 2), dtype=np.float32)
    words = xp.empty((plan.tile_count, WORDS), dtype=np.uint32)
    counts = xp.zeros(samples, dtype=np.int64)
    columns = lines.shape[1]
    PREPARE.launch(
        samples,
        BOX_THREADS,
        lines,
        columns,
        plan.samples,
        plan.first_line,
        distance,
        prepared,
        limits,
    )
    TEST.launch(
        -(-plan.tile_count // TEST_WARPS),
        32 * TEST_WARPS,
        lines,
        columns,
        plan.samples,
        plan.first_line,
        plan.first_tile,
        samples,
        plan.tile_count,
        cutoffs,
        distance,
        prepared,
        limits,
        words,
        counts,
    )
    return words, counts
