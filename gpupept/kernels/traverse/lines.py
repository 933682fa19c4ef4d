"""Adding lines to some layers of a grid, on the CPU."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from gpupept.kernels.traverse.compiled import compiled, inlined
from gpupept.kernels.traverse.exact import HIGH, LOW, SIZE, Grid, P, Q, R, V
from gpupept.kernels.traverse.plan import (
    BITS,
    COUNT,
    ONE,
    OUTSIDE,
    PLACE,
    SIGN,
    SKIPPED,
    START,
    STEP,
    TWICE,
    crossed_cell,
    find_cells,
    place_crossings,
)

if TYPE_CHECKING:
    from gpupept.kernels.traverse.batch import Grids

_U = np.uint64
_FRACTION, _SHIFT, _TOP = np.uint64(ONE - 1), np.uint64(BITS), np.uint64(63)
FIRST_LAYER = np.int64(0)  # a plain 0 would be a type of its own, for which all is compiled again
BEGIN, END = range(
    2
)  # rows of the array `ranges`: those crossings of each axis that lead to the layers


class Scratch(NamedTuple):
    """What following one line needs."""

    line: np.ndarray
    terms: np.ndarray
    cells: np.ndarray
    places: np.ndarray
    ranges: np.ndarray
    strides: np.ndarray
    found: np.ndarray
    lengths: np.ndarray


def new_scratch(grid: Grid | Grids, first_layer: int) -> Scratch:
    """Make the arrays for one thread; `found` holds places in the layers from `first_layer` on."""
    _, ny, nz = grid.counts.tolist()
    return Scratch(
        np.empty((9, 3)),
        np.empty(16),
        np.empty((4, 3), dtype=np.int64),
        np.zeros((3, 3, 2), dtype=np.int64),
        np.empty((2, 3), dtype=np.int64),
        np.array([ny * nz, nz, 1, first_layer * ny * nz], dtype=np.int64),
        np.empty(int(grid.counts.sum()) + 1, dtype=np.uint32),
        np.empty(int(grid.counts.sum()) + 1),
    )


@compiled
def _crossings_until(scratch, grid, j, side):
    """How many planes of axis 1 + side are crossed before crossing `j` of axis 0."""
    line, terms, cells, places = scratch.line, scratch.terms, scratch.cells, scratch.places
    cell = crossed_cell(line, terms, cells, places, grid, 0, j, side)
    return (cell - cells[START, 1 + side]) * cells[SIGN, 1 + side]


@inlined
def _choose_layers(scratch, grid, first_layer, last_layer):
    """Write which crossings lead to cells of the layers; False if no cell is there."""
    cells, ranges = scratch.cells, scratch.ranges
    start, count = cells[START, 0], cells[COUNT, 0]
    if cells[SIGN, 0] > 0:
        begin, end = first_layer - start - 1, last_layer - start - 1
    else:
        begin, end = start - last_layer, start - first_layer
    if begin >= count or end < 0:
        return False
    ranges[BEGIN, 0], ranges[END, 0] = max(begin, 0), min(end, count)
    for side in range(2):
        ranges[BEGIN, 1 + side], ranges[END, 1 + side] = 0, cells[COUNT, 1 + side]
        if begin >= 0:
            ranges[BEGIN, 1 + side] = _crossings_until(scratch, grid, begin, side)
        if end < count:
            ranges[END, 1 + side] = _crossings_until(scratch, grid, end, side)
    return True


@inlined
def _read_line(i, lines, columns, scratch, grid, first_layer, last_layer):
    """Find the cells of a line in the layers: their number, OUTSIDE or SKIPPED."""
    line = scratch.line
    length = 0.0  # finite for a line that is
    for d in range(3):
        begin, end = columns[d], columns[3 + d]
        line[P, d] = lines[i, begin] if begin >= 0 else 0.5
        line[Q, d] = lines[i, end] if end >= 0 else 0.5
        length += abs(line[Q, d] - line[P, d])
    low, high = grid.edges[first_layer], grid.edges[last_layer]
    beside = max(line[P, 0], line[Q, 0]) < low or min(line[P, 0], line[Q, 0]) > high
    if beside and length < math.inf:
        return OUTSIDE
    number = find_cells(line, scratch.terms, scratch.cells, grid)
    if number <= 0:
        return number
    place_crossings(line, scratch.cells, scratch.places, grid)
    return number if _choose_layers(scratch, grid, first_layer, last_layer) else 0


@inlined
def _first_cell(cells, strides):
    cell = cells[START, 0] * strides[0] + cells[START, 1] * strides[1] + cells[START, 2]
    return cell - strides[3]


@inlined
def _list_crossings(scratch, a, known):
    """Write which cells of the layers are behind the crossings of an axis; False if one is in doubt."""
    cells, places, strides, found = scratch.cells, scratch.places, scratch.strides, scratch.found
    begin, count = scratch.ranges[BEGIN, a], scratch.ranges[END, a] - scratch.ranges[BEGIN, a]
    sign = cells[SIGN, a]
    own = _U((cells[START, a] + sign * (begin + 1)) * strides[a] - strides[3])
    add = _U(sign * strides[a])
    stride_b, stride_c = _U(strides[(a + 1) % 3]), _U(strides[(a + 2) % 3])
    step_b, step_c = _U(places[STEP, a, 0]), _U(places[STEP, a, 1])
    place_b = _U(places[PLACE, a, 0]) + _U(begin) * step_b
    place_c = _U(places[PLACE, a, 1]) + _U(begin) * step_c
    twice_b, twice_c = _U(places[TWICE, a, 0]), _U(places[TWICE, a, 1])
    listed = found[known : known + count]
    doubts = _U(0)  # its sign is set where a place less its doubt is below a plane
    for j in range(count):
        doubts |= ((place_b & _FRACTION) - twice_b) | ((place_c & _FRACTION) - twice_c)
        listed[j] = own + (place_b >> _SHIFT) * stride_b + (place_c >> _SHIFT) * stride_c
        own += add
        place_b += step_b
        place_c += step_c
    return doubts >> _TOP == _U(0)


@compiled
def _settle_doubts(scratch, grid, a, known):
    """Write those cells again whose places are in doubt."""
    line, terms, cells, places = scratch.line, scratch.terms, scratch.cells, scratch.places
    begin = scratch.ranges[BEGIN, a]
    for j in range(begin, scratch.ranges[END, a]):
        for side in range(2):
            place = places[PLACE, a, side] + j * places[STEP, a, side]
            if (place & (ONE - 1)) < places[TWICE, a, side]:
                cell = crossed_cell(line, terms, cells, places, grid, a, j, side)
                moved = cell - (place >> BITS)
                scratch.found[known + j - begin] += moved * scratch.strides[(a + 1 + side) % 3]


@inlined
def _list_cells(scratch, grid, first_layer, last_layer):
    """Write all cells of a line in the layers, each once; return how many."""
    known = 0
    if first_layer <= scratch.cells[START, 0] < last_layer:
        scratch.found[0] = _first_cell(scratch.cells, scratch.strides)
        known = 1
    for a in range(3):
        more = scratch.ranges[END, a] - scratch.ranges[BEGIN, a]
        if more > 0:
            if not _list_crossings(scratch, a, known):
                _settle_doubts(scratch, grid, a, known)
            known += more
    return known


@inlined
def _time(clock, edge):
    """When a line is at a plane, from where it enters the grid on."""
    return ((edge - clock[0]) - clock[1]) * clock[2]


@inlined
def _clock(line, d):
    """Make what `_time` needs for an axis; for a line along its planes the time is infinite."""
    if line[V, d] == 0.0:
        return 0.0, -math.inf, 1.0
    return line[HIGH, d], line[LOW, d], line[R, d]


@inlined
def _planes_ahead(cells, grid, d):
    """Where the edges are through which a line leaves the cells of an axis, less the cells."""
    return grid.begins[d] + (1 if cells[SIGN, d] > 0 else 0)


@inlined
def _end_of_line(line):
    """Length of a line, and when it ends."""
    longest = 0
    for d in range(1, 3):
        longest = d if abs(line[V, d]) > abs(line[V, longest]) else longest
    largest, squares = abs(line[V, longest]), 0.0
    if largest == 0.0:
        return 0.0, 0.0
    for d in range(3):
        squares += (line[V, d] / largest) ** 2
    return largest * math.sqrt(squares), _time(_clock(line, longest), line[Q, longest])


@inlined
def _longest_piece(grid):
    """Give a length that no line has in a cell, but for rounding."""
    squares = 0.0
    for d in range(3):
        squares += grid.axes[d, SIZE] ** 2
    return math.sqrt(squares) * (1.0 + 1e-9)


@inlined
def _length(time, whole, longest):
    """Length of a line in a cell; of lines of 1e20 times the grid's size, something possible."""
    length = time * whole
    return min(length, longest) if length > 0.0 else 0.0


@inlined
def _measure_cells(scratch, grid, first_layer, last_layer):
    """Write the length of the line in each of the cells that `_list_cells` writes."""
    line, terms, cells, places = scratch.line, scratch.terms, scratch.cells, scratch.places
    edges, lengths = grid.edges, scratch.lengths
    whole, end = _end_of_line(line)
    longest = _longest_piece(grid)
    known = 0
    if first_layer <= cells[START, 0] < last_layer:
        leave = end
        for d in range(3):
            edge = edges[_planes_ahead(cells, grid, d) + cells[START, d]]
            leave = min(leave, _time(_clock(line, d), edge))
        lengths[0] = _length(leave, whole, longest)
        known = 1
    for a in range(3):
        b, c = (a + 1) % 3, (a + 2) % 3
        clock_a, clock_b, clock_c = _clock(line, a), _clock(line, b), _clock(line, c)
        ahead_b, ahead_c = _planes_ahead(cells, grid, b), _planes_ahead(cells, grid, c)
        sign, begin = cells[SIGN, a], scratch.ranges[BEGIN, a]
        ahead_a = _planes_ahead(cells, grid, a) + cells[START, a] + sign * (begin + 1)
        step_b, step_c = places[STEP, a, 0], places[STEP, a, 1]
        place_b = places[PLACE, a, 0] + begin * step_b
        place_c = places[PLACE, a, 1] + begin * step_c
        twice_b, twice_c = places[TWICE, a, 0], places[TWICE, a, 1]
        for j in range(begin, scratch.ranges[END, a]):
            cell_b, cell_c = place_b >> BITS, place_c >> BITS
            if (place_b & (ONE - 1)) < twice_b:
                cell_b = crossed_cell(line, terms, cells, places, grid, a, j, 0)
            if (place_c & (ONE - 1)) < twice_c:
                cell_c = crossed_cell(line, terms, cells, places, grid, a, j, 1)
            enter = _time(clock_a, edges[ahead_a - sign])
            leave = min(end, _time(clock_a, edges[ahead_a]))
            leave = min(leave, _time(clock_b, edges[ahead_b + cell_b]))
            leave = min(leave, _time(clock_c, edges[ahead_c + cell_c]))
            lengths[known] = _length(leave - enter, whole, longest)
            known += 1
            ahead_a += sign
            place_b += step_b
            place_c += step_c


@compiled
def count_lines(begin, end, lines, columns, grid, scratch, first_layer, last_layer, target):
    """Add one to each cell of some layers that a line goes through.

    Parameters
    ----------
    begin, end : int
        Range of lines.
    lines : (N, C) float64
        The lines.
    columns : (6,) int64
        Columns of x, y, z of both ends; -1 for the middle of an axis with one cell from 0 to 1.
    grid : Grid
        The grid.
    scratch : Scratch
        Made for `first_layer`.
    first_layer, last_layer : int
        Cells ``first_layer .. last_layer - 1`` along the first axis are those of `target`.
    target : (cells,) uint32
        Cells of the layers, in C order; at most 2^32.

    Returns
    -------
    int
        Number of lines that are not finite.
    """
    skipped = 0
    found = scratch.found
    for i in range(begin, end):
        number = _read_line(i, lines, columns, scratch, grid, first_layer, last_layer)
        if number <= 0:
            skipped += number == SKIPPED
            continue
        for j in range(_list_cells(scratch, grid, first_layer, last_layer)):
            target[found[j]] += 1
    return skipped


@compiled
def count_samples(begin, end, lines, columns, samples, grids, scratch, cells, skipped):
    """Count the lines of some samples in a grid for each.

    Parameters
    ----------
    begin, end : int
        Range of samples.
    lines, columns, scratch : object
        As for `count_lines`; `scratch` for cells from layer 0 on.
    samples : (S, 2) int64
        Row range of each sample.
    grids : Grids
        See `gpupept.kernels.traverse.batch.Grids`.
    cells : (S, cells) uint32
        Written: added to the counts, in C order.
    skipped : (S,) int64
        Written: number of lines that are not finite.
    """
    for s in range(begin, end):
        grid = Grid(grids.axes[s], grids.edges[s], grids.begins, grids.counts)
        skipped[s] = count_lines(
            samples[s, 0],
            samples[s, 1],
            lines,
            columns,
            grid,
            scratch,
            FIRST_LAYER,
            grids.counts[0],
            cells[s],
        )


@compiled
def weigh_lines(
    begin, end, lines, columns, weights, measure, grid, scratch, first_layer, last_layer, target
):
    """Add the weight of each line, and its length if asked for, to the cells it goes through.

    Parameters
    ----------
    begin, end, lines, columns, grid, scratch, first_layer, last_layer : object
        As for `count_lines`.
    weights : (N,) or (0,) float64
        A factor for each line; none: 1.
    measure : bool
        Multiply by the length (mm) of the line in the cell.
    target : (cells,) float64
        Cells of the layers, in C order. Lines are added in order.

    Returns
    -------
    int
        Number of lines that are not finite, or whose weight is not.
    """
    skipped = 0
    found, lengths = scratch.found, scratch.lengths
    for i in range(begin, end):
        weight = weights[i] if len(weights) else 1.0
        if not abs(weight) < math.inf:
            skipped += 1
            continue
        number = _read_line(i, lines, columns, scratch, grid, first_layer, last_layer)
        if number <= 0:
            skipped += number == SKIPPED
            continue
        number = _list_cells(scratch, grid, first_layer, last_layer)
        if measure:
            _measure_cells(scratch, grid, first_layer, last_layer)
            for j in range(number):
                target[found[j]] += weight * lengths[j]
        else:
            for j in range(number):
                target[found[j]] += weight
    return skipped
