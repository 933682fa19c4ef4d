"""Minpoints on the GPU: launches the kernels of `cuda_kernels/minpoints_*.cu`."""

from __future__ import annotations

import functools
from typing import NamedTuple

import numpy as np

from gpupept.backend import KernelSpec, array_namespace, device_of, to_device, to_host
from gpupept.kernels import Array
from gpupept.kernels.minpoints import (
    MOST_COMBINATIONS,
    Layout,
    check_combinations,
    combinations_at_most,
)
from gpupept.kernels.rows import row_owners, take_rows

# As in the sources.
THREADS = 128
TABLE_COLUMNS = 8
MOST_LINES_OF_POINT = 64  # of a combination: threads keep all of them

_PLACES = (
    ("first_line", "int64*"),
    ("first_word", "int64*"),
    ("sample_count", "int64"),
)
_PAIRS = (
    ("table", "float64*"),
    ("line_count", "int64"),
    *_PLACES,
    ("bits", "uint64*"),
    ("pairs", "int64*"),
    ("pair_count", "int64"),
    ("distance", "float64"),
    ("cutoffs", "float64*"),
)

PREPARE = KernelSpec(
    "minpoints_pairs",
    "prepare_lines",
    (
        ("lines", "float64*"),
        ("columns", "int64"),
        ("samples", "int64*"),
        ("first_line", "int64*"),
        ("sample_count", "int64"),
        ("line_count", "int64"),
        ("table", "float64*"),
    ),
)
FIND_NEAR = KernelSpec(
    "minpoints_pairs",
    "find_near",
    (
        ("table", "float64*"),
        ("line_count", "int64"),
        *_PLACES,
        ("word_count", "int64"),
        ("distance", "float64"),
        ("bits", "uint64*"),
        ("counts", "int64*"),
    ),
)
LIST_PAIRS = KernelSpec(
    "minpoints_pairs",
    "list_pairs",
    (
        ("bits", "uint64*"),
        ("first_pair", "int64*"),
        ("word_count", "int64"),
        ("pairs", "int64*"),
    ),
)


class _Kernels(NamedTuple):
    """Kernels for combinations of one number of lines, which threads keep in registers."""

    probe: KernelSpec
    points_per_pair: KernelSpec
    write: KernelSpec


@functools.cache
def _kernels(num_lines: int) -> _Kernels:
    if num_lines > MOST_LINES_OF_POINT:
        raise ValueError(
            f"num_lines must be at most {MOST_LINES_OF_POINT} on a GPU, found {num_lines}; use "
            ".to('cpu')"
        )
    further = {
        "probe_pairs": (("ways", "float64*"),),
        "count_points": (("counts", "int64*"),),
        "write_points": (("first_point", "int64*"), ("width", "int64"), ("points", "float64*")),
    }
    return _Kernels(
        *(
            KernelSpec("minpoints_points", name, (*_PAIRS, *more), {"LINES": num_lines})
            for name, more in further.items()
        )
    )


class _Pairs:
    """Lines of all samples on the GPU, and the pairs of them that may be near each other."""

    def __init__(self, lines: Array, samples: np.ndarray, layout: Layout, distance: float) -> None:
        xp = array_namespace(lines)
        self.distance = distance
        count = len(samples)
        tables = to_device(np.concatenate([np.ravel(samples), *layout]), device_of(lines))
        self.first_line = tables[2 * count : 3 * count + 1]
        self.first_word = tables[3 * count + 1 :]
        self.samples, self.lines = count, int(layout.first_line[-1])
        words = int(layout.first_word[-1])
        self.table = xp.empty((TABLE_COLUMNS, self.lines), dtype=np.float64)
        self.bits = xp.empty(words, dtype=np.uint64)
        self.first_pair = xp.zeros(words + 1, dtype=np.int64)
        PREPARE.launch(
            -(-self.lines // THREADS),
            THREADS,
            *(lines, lines.shape[1], tables[: 2 * count], self.first_line, count, self.lines),
            self.table,
        )
        FIND_NEAR.launch(
            -(-words // THREADS),
            THREADS,
            *(self.table, self.lines, self.first_line, self.first_word, count, words, distance),
            *(self.bits, self.first_pair[1:]),
        )
        self.first_pair = xp.cumsum(self.first_pair)
        self.pairs = xp.empty(int(to_host(self.first_pair[-1:])[0]), dtype=np.int64)
        LIST_PAIRS.launch(
            -(-words // THREADS), THREADS, self.bits, self.first_pair, words, self.pairs
        )

    def launch(self, kernel: KernelSpec, cutoffs: Array, *further: object) -> None:
        """Run a kernel with one thread for each pair."""
        kernel.launch(
            -(-len(self.pairs) // THREADS),
            THREADS,
            *(self.table, self.lines, self.first_line, self.first_word, self.samples, self.bits),
            *(self.pairs, len(self.pairs), self.distance, cutoffs, *further),
        )

    def offsets(self, per_pair: Array) -> tuple[Array, np.ndarray]:
        """Offsets of each pair from numbers per pair, and of each sample, on the host."""
        xp = array_namespace(per_pair)
        offsets = xp.zeros(len(per_pair) + 1, dtype=per_pair.dtype)
        xp.cumsum(per_pair, out=offsets[1:])
        return offsets, to_host(offsets[self.first_pair[self.first_word]])

    def estimates(self, num_lines: int) -> np.ndarray:
        """Estimated combinations of each sample, (S,) float64."""
        xp = array_namespace(self.table)
        ways = xp.empty(len(self.pairs), dtype=np.float64)
        boxes = xp.empty((self.samples, 6), dtype=np.float64)  # not used
        self.launch(_kernels(num_lines).probe, boxes, ways)
        found: np.ndarray = np.diff(self.offsets(ways)[1])
        return found


def estimate_on_device(
    lines: Array, samples: np.ndarray, layout: Layout, num_lines: int, distance: float
) -> np.ndarray:
    """See `gpupept.kernels.minpoints.expected_combinations`."""
    return _Pairs(lines, samples, layout, distance).estimates(num_lines)


def minpoints_on_device(
    lines: Array,
    samples: np.ndarray,
    cutoffs: Array,
    layout: Layout,
    num_lines: int,
    distance: float,
    width: int,
) -> tuple[Array, np.ndarray]:
    """See `gpupept.kernels.minpoints.minpoints`."""
    xp = array_namespace(lines, cutoffs)
    if not layout.first_line[-1]:
        return xp.empty((0, width), dtype=np.float64), np.zeros(len(samples), dtype=np.int64)
    kernels = _kernels(num_lines)
    pairs = _Pairs(lines, samples, layout, distance)
    if combinations_at_most(np.diff(layout.first_line), num_lines).max() > MOST_COMBINATIONS:
        check_combinations(pairs.estimates(num_lines), num_lines)
    counts = xp.empty(len(pairs.pairs), dtype=np.int64)
    pairs.launch(kernels.points_per_pair, cutoffs, counts)
    first_point, offsets = pairs.offsets(counts)
    sizes = np.diff(offsets)
    points = xp.empty((int(offsets[-1]), width), dtype=np.float64)
    pairs.launch(kernels.write, cutoffs, first_point, width, points)
    owners = row_owners(sizes, device_of(lines)).astype(np.float64)
    # `lexsort` is stable on both devices, so rows of equal time stay in order of their lines.
    return take_rows(points, xp.lexsort(xp.stack([points[:, 0], owners]))), sizes
