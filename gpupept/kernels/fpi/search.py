"""Finding the peaks of a grid on the CPU, in the order of the cells."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

from gpupept.kernels.fpi.refine import refine_peak
from gpupept.kernels.traverse.exact import Grid
from gpupept.kernels.traverse.lines import FIRST_LAYER, count_lines


class Rule(NamedTuple):
    """Which cells are peaks; see `gpupept.kernels.fpi`."""

    reach: int
    ratio: float
    least: float


class Scratch(NamedTuple):
    """What searching one grid needs.

    Attributes
    ----------
    peaks : (cells,) uint8
        Marks the peaks of the grid searched; zero in between.
    layers : (nx,) dtype of the values
        Bound of the values of each layer within the interior.
    known : (nx,) bool
        Whether those of its rows are known.
    rows : (nx ny,) dtype of the values
        Largest value of each row of cells within the interior.
    found : (peaks,) int64
        The peaks' cells.
    lowest : () dtype of the values
        No value is below it.
    """

    peaks: np.ndarray
    layers: np.ndarray
    known: np.ndarray
    rows: np.ndarray
    found: np.ndarray
    lowest: np.ndarray


def most_peaks(shape: tuple[int, ...], reach: int) -> int:
    """Bound of the number of peaks: no two are within reach of each other."""
    bound = 1
    for count in shape:
        bound *= -(-max(count - 2 * reach, 0) // (reach + 1))
    return bound


def new_scratch(shape: tuple[int, ...], reach: int, dtype: np.dtype) -> Scratch:
    """Make the arrays for one thread and grids of up to this shape."""
    lowest = np.zeros(1, dtype) if dtype.kind == "u" else np.full(1, -np.inf, dtype)
    nx, ny, nz = shape
    return Scratch(
        np.zeros(nx * ny * nz, dtype=np.uint8),
        np.empty(nx, dtype=dtype),
        np.empty(nx, dtype=np.bool_),
        np.empty(nx * ny, dtype=dtype),
        np.empty(most_peaks(shape, reach), dtype=np.int64),
        lowest,
    )


@njit(nogil=True, cache=True)
def _largest(values, most):
    """Return the largest of contiguous values, at least `most`; what is not a number is passed by."""
    for i in range(len(values)):  # vectorised, unlike a loop over the values
        most = values[i] if values[i] > most else most
    return most


@njit(nogil=True, cache=True)
def _largest_of_rows(values, shape, i, reach, scratch):
    """Write the largest value of each row of the interior of a layer; return that of all."""
    _, ny, nz = shape
    largest = scratch.lowest[0]
    for j in range(reach, ny - reach):
        row = (i * ny + j) * nz
        most = _largest(values[row + reach : row + nz - reach], scratch.lowest[0])
        scratch.rows[i * ny + j] = most
        largest = max(largest, most)
    return largest


@njit(nogil=True, cache=True)
def _largest_inside(values, shape, reach, scratch):
    """Return the largest value of the interior, at least -1; note what layers and rows hold at most.

    Whole layers are looked at first, which is faster than row by row.
    """
    nx, ny, nz = shape
    largest = -1.0
    for i in range(reach, nx - reach):
        begin, end = (i * ny + reach) * nz, ((i + 1) * ny - reach) * nz
        bound = _largest(values[begin:end], scratch.lowest[0])
        scratch.layers[i] = bound
        scratch.known[i] = bound > largest
        if scratch.known[i]:
            largest = max(largest, float(_largest_of_rows(values, shape, i, reach, scratch)))
    return largest


@njit(nogil=True, cache=True)
def _is_peak(values, ny, nz, cell, reach, peaks):
    """Tell whether no cell of the cube around is larger, and none as large is a peak."""
    value = values[cell]
    layer = ny * nz
    if (
        values[cell - 1] > value
        or values[cell + 1] > value
        or values[cell - nz] > value
        or values[cell + nz] > value
        or values[cell - layer] > value
        or values[cell + layer] > value
    ):
        return False
    tied = False
    for a in range(-reach, reach + 1):
        for b in range(-reach, reach + 1):
            middle = cell + a * layer + b * nz
            for other in range(middle - reach, middle + reach + 1):
                if values[other] > value:
                    return False
                tied |= values[other] == value and peaks[other] != 0
    return not tied


@njit(nogil=True, cache=True)
def _search_row(values, shape, row, least, rule, scratch, count):
    """Note the peaks of a row of cells after `count` others; return how many there are now."""
    _, ny, nz = shape
    for cell in range(row * nz + rule.reach, (row + 1) * nz - rule.reach):
        if not (values[cell] >= least and values[cell] > rule.least):
            continue
        if _is_peak(values, ny, nz, cell, rule.reach, scratch.peaks):
            scratch.peaks[cell] = 1
            scratch.found[count] = cell
            count += 1
    return count


@njit(nogil=True, cache=True)
def find_peaks(values, shape, rule, scratch):
    """Write the peaks of a grid to `scratch.found`, in the order of the cells; return how many."""
    nx, ny, nz = shape
    reach, count = rule.reach, 0
    if min(nx, ny, nz) <= 2 * reach:
        return 0
    least = rule.ratio * _largest_inside(values, shape, reach, scratch)
    for i in range(reach, nx - reach):
        if not (scratch.layers[i] >= least and scratch.layers[i] > rule.least):
            continue
        if not scratch.known[i]:
            _largest_of_rows(values, shape, i, reach, scratch)
        for j in range(reach, ny - reach):
            row = i * ny + j
            if scratch.rows[row] >= least and scratch.rows[row] > rule.least:
                count = _search_row(values, shape, row, least, rule, scratch, count)
    for k in range(count):
        scratch.peaks[scratch.found[k]] = 0
    return count


@njit(nogil=True, cache=True)
def _refine_peaks(values, shape, scratch, count, places):
    for k in range(count):
        refine_peak(values, shape, scratch.found[k], places[k])


@njit(nogil=True, cache=True)
def search_grids(begin, end, values, offsets, shapes, rule, scratch, places, sizes):
    """Find the peaks of grids until there is no room for those of another.

    Parameters
    ----------
    begin, end : int
        Range of grids.
    values, offsets, shapes : arrays
        As for `gpupept.kernels.fpi.peaks_of_grids`.
    rule : Rule
        What is a peak.
    scratch : Scratch
        For the largest of the grids.
    places : (rows, 6) float64
        Written: place and width of each peak.
    sizes : (S,) int64
        Written: number of peaks of each grid.

    Returns
    -------
    next : int
        The grid to go on with.
    count : int
        Number of peaks written.
    """
    count = 0
    for s in range(begin, end):
        if count + len(scratch.found) > len(places):
            return s, count
        shape = (shapes[s, 0], shapes[s, 1], shapes[s, 2])
        grid = values[offsets[s] : offsets[s + 1]]
        sizes[s] = find_peaks(grid, shape, rule, scratch)
        _refine_peaks(grid, shape, scratch, sizes[s], places[count:])
        count += sizes[s]
    return end, count


@njit(nogil=True, cache=True)
def search_lines(
    begin,
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
):
    """Count the lines of one sample after the other in `cells`, and find the peaks there.

    Parameters
    ----------
    begin, end, rule, scratch, places, sizes
        As for `search_grids`.
    lines, columns, samples, grids, line_scratch, skipped
        As for `gpupept.kernels.traverse.lines.count_samples`.
    cells : (cells,) uint32
        Room for one grid.

    Returns
    -------
    next, count : int
        As by `search_grids`.
    """
    count = 0
    shape = (grids.counts[0], grids.counts[1], grids.counts[2])
    for s in range(begin, end):
        if count + len(scratch.found) > len(places):
            return s, count
        cells[:] = 0
        grid = Grid(grids.axes[s], grids.edges[s], grids.begins, grids.counts)
        first, last = samples[s, 0], samples[s, 1]
        skipped[s] = count_lines(
            first, last, lines, columns, grid, line_scratch, FIRST_LAYER, shape[0], cells
        )
        sizes[s] = find_peaks(cells, shape, rule, scratch)
        _refine_peaks(cells, shape, scratch, sizes[s], places[count:])
        count += sizes[s]
    return end, count


@njit(nogil=True, cache=True)
def mean_times(lines, samples, times):
    """Write the mean of the finite times of each sample, NaN where there is none."""
    for s in range(len(samples)):
        total, count = 0.0, 0
        for row in range(samples[s, 0], samples[s, 1]):
            if np.isfinite(lines[row, 0]):
                total += lines[row, 0]
                count += 1
        times[s] = total / count if count else np.nan
