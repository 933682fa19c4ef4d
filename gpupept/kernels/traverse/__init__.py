"""Lines through a grid of cells: which cells each goes through, and how far.

A line is the segment from P to Q, P + T (Q - P) with T from 0 to 1. It begins in the cell that holds P
or, if P is outside the grid, in the one where it comes in; then it goes on through the planes between
cells in the order in which it crosses them (J. Amanatides, A. Woo, *A fast voxel traversal algorithm
for ray tracing*, Eurographics 1987). Exactly:

- Cell i of an axis holds ``edge[i] <= x < edge[i + 1]``; where the line comes in or begins, the last
  one holds the upper face of the grid too for a line that goes down along the axis.
- A plane is crossed at T = (edge - P) / (Q - P). Planes with T <= 1 are crossed, also when the line
  ends there or, going down, begins there. Of planes of different axes crossed at the same T that of the
  later axis comes first.
- The line ends where it leaves the grid. A line that never is in a cell so defined, and one that
  is not finite, is in none.

Every comparison of two T is decided exactly, from the coordinates and edges as they are given, so
results are the same on every device and however lines and cells are divided among threads.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from gpupept.backend import is_device_array
from gpupept.kernels import Array

LARGEST_AXIS = 2**21  # cells
LARGEST_LAYER = 2**32  # cells
# Of a cell, mm: products of smaller sizes are not exact, larger ones overflow.
SMALLEST_SIZE, LARGEST_SIZE = 1e-140, 1e300
_ROUNDING = 2.0**-53


def traverse(
    cells: Array,
    lines: Array,
    edges: Sequence[np.ndarray],
    first_layer: int = 0,
    weights: Array | None = None,
    lengths: bool = False,
) -> int:
    """Add lines to the cells they go through.

    Parameters
    ----------
    cells : (layers, ny) or (layers, ny, nz) uint32, float32 or float64, C-contiguous
        What is added to: cells ``first_layer .. first_layer + layers - 1`` along the first axis and all
        along the others. Whole numbers are added in one go to each cell; for float32 so are sums.
    lines : (N, C) float64, where the cells are
        Rows ``t, x1, y1, x2, y2`` for two axes, ``t, x1, y1, z1, x2, y2, z2`` for three (mm); further
        columns are ignored.
    edges : sequence of (n + 1,) float64, on the host
        Edges of the cells of the whole grid along each axis (mm), ascending and equally spaced (but
        for rounding); at most 2^21 cells, and at most 2^32 in a layer.
    first_layer : int
        Where along the first axis `cells` begins.
    weights : (N,) float64, where the cells are, optional
        What a line adds to each of its cells; 1 by default.
    lengths : bool
        Multiply by the length (mm) of the line in the cell.

    Returns
    -------
    int
        How many lines were skipped because they, or their weights, are not finite.

    Raises
    ------
    ValueError
        If there are more cells than that along an axis or in a layer, or cells are not from 1e-140 to
        1e300 mm large.

    Notes
    -----
    Counts are exact. Weights and lengths are summed up in float64: on the CPU for each cell in the order
    of the lines; on a GPU as whole multiples of a small unit (2^-60 of the largest sum that the lines
    can give), so that results do not depend on an order there either.
    """
    counts = [len(axis) - 1 for axis in edges]
    if max(counts) > LARGEST_AXIS or math.prod(counts[1:]) > LARGEST_LAYER:
        raise ValueError(
            "lines can be followed through at most 2^21 cells along an axis and 2^32 across the first, "
            f"found {' x '.join(map(str, counts))}"
        )
    if is_device_array(cells):
        from gpupept.kernels.traverse.device import add_on_device

        return add_on_device(cells, lines, edges, first_layer, weights, lengths)
    from gpupept.kernels.traverse.exact import Grid
    from gpupept.kernels.traverse.host import Task, add_on_host

    columns = line_columns(len(edges))
    own_weights = np.empty(0) if weights is None else weights
    layers = cells if cells.ndim == 3 else cells[:, :, None]
    grid = Grid(*describe_grid(edges))
    return add_on_host(Task(lines, columns, grid, first_layer, layers, own_weights, lengths))


def line_columns(dimensions: int) -> np.ndarray:
    """Columns of x, y, z of both ends of a line; -1 for z in a plane."""
    if dimensions == 2:
        return np.array([1, 2, -1, 3, 4, -1], dtype=np.int64)
    return np.arange(1, 7, dtype=np.int64)


def describe_grid(
    edges: Sequence[np.ndarray],
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Arrays of a `gpupept.kernels.traverse.exact.Grid`; a plane becomes one cell thick."""
    three = [*edges, np.array([0.0, 1.0])][:3]
    axes = np.concatenate([describe_axes(axis[None]) for axis in three])
    counts = np.array([len(axis) - 1 for axis in three], dtype=np.int64)
    begins = np.concatenate([[0], np.cumsum(counts + 1)[:2]])
    return axes, np.concatenate(three), begins, counts


def describe_axes(edges: np.ndarray) -> np.ndarray:
    """One axis of G grids: its edges (G, n + 1) to rows (G, 5) of the array `axes` of a `Grid`."""
    first, last, count = edges[:, 0], edges[:, -1], edges.shape[1] - 1
    with np.errstate(over="ignore"):
        size = (last - first) / count
    if not ((size >= SMALLEST_SIZE) & (size <= LARGEST_SIZE)).all():
        raise ValueError(
            f"cells must be {SMALLEST_SIZE:g} to {LARGEST_SIZE:g} mm large, found limits so near to "
            "each other, or so far apart, that they are not"
        )
    per_size = 1.0 / size
    even = first[:, None] + size[:, None] * np.arange(count + 1)
    uneven = np.abs(edges - even).max(axis=1) * per_size
    rounding = 16.0 * _ROUNDING * (np.maximum(np.abs(first), np.abs(last)) * per_size + count)
    return np.stack([first, last, size, per_size, uneven + rounding], axis=1)
