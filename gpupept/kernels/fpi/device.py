"""Peaks of many grids on the GPU: launches the kernels of `cuda_kernels/fpi_*.cu`."""

from __future__ import annotations

import numpy as np

from gpupept.backend import KernelSpec, array_namespace, device_of, to_device, to_host
from gpupept.kernels import Array
from gpupept.kernels.traverse.batch import Grids, traverse_batch

# As in the sources.
SEARCH_THREADS = 256
BLOCK_THREADS = 256
REFINE_THREADS = 128

ROWS_PER_BLOCK = 64  # of cells, at most, that are searched one after the other
MOST_BLOCKS = 1024  # for one grid
MOST_GRIDS = 65535  # in one launch


_TABLE, _REACH = ("table", "int64*"), ("reach", "int32")
_LISTED = (("cells", "int64*"), ("owners", "int64*"))


def _for_both(family: str, name: str, *arguments: tuple[str, str]) -> tuple[KernelSpec, KernelSpec]:
    """Kernel for grids of uint32, and the one for grids of float64, which are its first argument."""
    counts, numbers = (
        KernelSpec(family, name, (("values", f"{kind}*"), *arguments), {"VALUE": value})
        for kind, value in (("uint32", "unsigned"), ("float64", "double"))
    )
    return counts, numbers


LARGEST, LARGEST_NUMBER = _for_both(
    "fpi_search", "largest_inside", _TABLE, _REACH, ("largest", "uint64*")
)
MARK, MARK_NUMBERS = _for_both(
    "fpi_search",
    "mark_highest",
    _TABLE,
    _REACH,
    ("ratio", "float64"),
    ("least", "float64"),
    ("largest", "uint64*"),
    ("words", "uint32*"),
)
SETTLE, SETTLE_NUMBERS = _for_both(
    "fpi_peaks",
    "settle_ties",
    _TABLE,
    _REACH,
    ("open", "uint32*"),
    ("peaks", "uint32*"),
    ("sizes", "int64*"),
)
LIST = KernelSpec(
    "fpi_peaks",
    "list_peaks",
    (_TABLE, ("peaks", "uint32*"), ("first_peak", "int64*"), *_LISTED),
    {"VALUE": "unsigned"},
)
REFINE, REFINE_NUMBERS = _for_both(
    "fpi_refine", "refine_peaks", _TABLE, *_LISTED, ("count", "int64"), ("places", "float64*")
)


def peaks_on_device(
    values: Array, offsets: np.ndarray, shapes: np.ndarray, reach: int, ratio: float, least: float
) -> tuple[Array, np.ndarray]:
    """See `gpupept.kernels.fpi.peaks_of_grids`."""
    parts, sizes = [], []
    for begin in range(0, max(len(shapes), 1), MOST_GRIDS):
        end = min(begin + MOST_GRIDS, len(shapes))
        chosen = values[offsets[begin] : offsets[end]]
        table = (offsets[begin : end + 1] - offsets[begin], shapes[begin:end])
        places, counts = _peaks(chosen, *table, reach, ratio, least)
        parts.append(places)
        sizes.append(counts)
    xp = array_namespace(values)
    return (parts[0] if len(parts) == 1 else xp.concatenate(parts)), np.concatenate(sizes)


def _peaks(
    values: Array, offsets: np.ndarray, shapes: np.ndarray, reach: int, ratio: float, least: float
) -> tuple[Array, np.ndarray]:
    xp, number = array_namespace(values), len(shapes)
    if not number:
        return xp.empty((0, 6), dtype=np.float64), np.zeros(0, dtype=np.int64)
    words = shapes[:, 0] * shapes[:, 1] * -(-shapes[:, 2] // 32)
    first_word = np.concatenate([[0], np.cumsum(words)])
    columns = [offsets[:-1, None], first_word[:-1, None], shapes]
    table = np.concatenate(columns, axis=1).astype(np.int64).reshape(-1)
    table = to_device(table, device_of(values))
    open_cells, peaks = xp.zeros((2, int(first_word[-1])), dtype=np.uint32)
    counts = xp.zeros(number, dtype=np.int64)
    _mark(values, table, shapes, reach, ratio, least, open_cells)
    settle = SETTLE if values.dtype == np.uint32 else SETTLE_NUMBERS
    settle.launch(number, BLOCK_THREADS, values, table, reach, open_cells, peaks, counts)
    first_peak = xp.zeros(number + 1, dtype=np.int64)
    xp.cumsum(counts, out=first_peak[1:])
    ends = to_host(first_peak)  # the one synchronisation
    return _places(values, table, peaks, first_peak, number, int(ends[-1])), np.diff(ends)


def _mark(
    values: Array,
    table: Array,
    shapes: np.ndarray,
    reach: int,
    ratio: float,
    least: float,
    words: Array,
) -> None:
    """Set the bits of the cells that no cell within reach is larger than."""
    xp, number = array_namespace(values), len(shapes)
    counting = values.dtype == np.uint32
    largest = xp.full(number, _order_of_minus_one(), dtype=np.uint64)
    rows = int((shapes[:, 0] * shapes[:, 1]).max())
    grid = (min(MOST_BLOCKS, -(-rows // ROWS_PER_BLOCK)), number)
    find = LARGEST if counting else LARGEST_NUMBER
    find.launch(grid, SEARCH_THREADS, values, table, reach, largest)
    mark = MARK if counting else MARK_NUMBERS
    mark.launch(grid, SEARCH_THREADS, values, table, reach, ratio, least, largest, words)


def _places(
    values: Array, table: Array, peaks: Array, first_peak: Array, number: int, total: int
) -> Array:
    """Places and widths (total, 6) of the peaks whose bits are set."""
    xp = array_namespace(values)
    cells, owners = xp.empty((2, total), dtype=np.int64)
    places = xp.empty((total, 6), dtype=np.float64)
    LIST.launch(number, BLOCK_THREADS, table, peaks, first_peak, cells, owners)
    refine = REFINE if values.dtype == np.uint32 else REFINE_NUMBERS
    blocks = -(-3 * total // REFINE_THREADS)
    refine.launch(blocks, REFINE_THREADS, values, table, cells, owners, total, places)
    return places


def _order_of_minus_one() -> int:
    """Key of -1, as `order_of` in the source gives it."""
    return int(~np.array(-1.0).view(np.uint64))


def peaks_of_lines_on_device(
    lines: Array, samples: np.ndarray, grids: Grids, reach: int, ratio: float, least: float
) -> tuple[Array, np.ndarray, int]:
    """See `gpupept.kernels.fpi.peaks_of_lines`."""
    xp, number = array_namespace(lines), len(samples)
    cells = xp.zeros((number, *grids.counts.tolist()), dtype=np.uint32)
    skipped = traverse_batch(cells, lines, samples, grids)
    size = int(np.prod(grids.counts))
    offsets, shapes = np.arange(number + 1) * size, np.tile(grids.counts, (number, 1))
    places, sizes = peaks_on_device(cells.reshape(-1), offsets, shapes, reach, ratio, least)
    return places, sizes, skipped
