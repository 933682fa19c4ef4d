"""The cells a line goes through, as at most three arithmetic progressions, on the CPU.

Each plane that a line crosses inside the grid leads to one cell, so the cells are the first one and one
for each crossing, wherever in the order it is. The crossings of axis `a` are equally far apart, and so
are the places along the other two axes where they happen: those are kept as integers in units of 2^-40
of a cell, so that a crossing costs two additions and two shifts. Where such a place is so near to a
plane that rounding may have moved it across, `compare_crossings` decides.
"""

from __future__ import annotations

import math

from gpupept.kernels.traverse.compiled import compiled, inlined
from gpupept.kernels.traverse.exact import (
    DOUBT,
    FIRST,
    HIGH,
    LAST,
    LOW,
    ORIGIN,
    PER_SIZE,
    SIZE,
    SLACK,
    SPEED,
    P,
    Q,
    R,
    V,
    compare_crossings,
    two_product,
    two_sum,
)

BITS = 40  # after the point in a place
ONE = 1 << BITS
LARGEST = 1 << 21  # cells along an axis
_UNIT = float(ONE)
_ENTRY_ERROR = 2.0**-98  # of the point of entry, relative to the coordinates
_DOUBTFUL = 0.25  # of a cell: places less certain than this are not used
_INSIDE = 3  # in the place of the axis of entry, for lines that start inside
_NONE = 3  # in the place of the axis of exit, for lines that end inside

# Rows of the array `cells`, one column per axis: direction, first and last cell, number of crossings.
SIGN, START, FINAL, COUNT = range(4)
# Rows of the array `places`: place of the first crossing of an axis along the next axis (side 0) and
# the one after it (side 1), what is added for each further crossing, and twice the uncertainty, which
# is added to the place once.
PLACE, STEP, TWICE = range(3)
OUTSIDE, SKIPPED = 0, -1


@inlined
def _cell_of(x, grid, d):
    """Last edge of an axis that is not above x: -1 below the grid, the count from its end on."""
    begin, count = grid.begins[d], grid.counts[d]
    cells = (x - grid.axes[d, FIRST]) * grid.axes[d, PER_SIZE]
    i = int(min(max(cells, 0.0), count - 1.0))
    while i >= 0 and x < grid.edges[begin + i]:
        i -= 1
    while i < count and x >= grid.edges[begin + i + 1]:
        i += 1
    return i


@compiled
def _cell_at(line, terms, grid, d, a, edge, tie):
    """Cell along axis `d` once a plane of axis `a` is crossed, exactly.

    `tie` tells whether planes of `d` that are crossed at the same time count as crossed. The result
    is -1 or the number of cells where the line is outside the grid.
    """
    # Planes are crossed in order; plane `low` is below the place (or none), plane `high` is not.
    begin = grid.begins[d]
    low, high = -1, grid.counts[d] + 1
    while high - low > 1:
        middle = (low + high) // 2
        order = compare_crossings(line, terms, d, grid.edges[begin + middle], a, edge)
        crossed = order < 0 or (order == 0 and tie)
        if crossed == (line[V, d] > 0.0):
            low = middle
        else:
            high = middle
    return low


@inlined
def _entry(line, terms, grid):
    """Axis through whose face a line comes in, _INSIDE, or -1 if it never reaches the box."""
    axes = grid.axes
    entry, face = _INSIDE, 0.0
    for d in range(3):
        p, q, low, high = line[P, d], line[Q, d], axes[d, FIRST], axes[d, LAST]
        if low <= p <= high:
            continue
        edge = low if p < low else high
        if (q < edge) == (p < edge) and q != edge:
            return -1
        if entry == _INSIDE or compare_crossings(line, terms, d, edge, entry, face) > 0:
            entry, face = d, edge
    return entry


@inlined
def _face_of_entry(line, axes, entry):
    return axes[entry, FIRST] if line[V, entry] > 0.0 else axes[entry, LAST]


@inlined
def _find_start(line, terms, cells, grid, entry):
    """Write the first cell; False if there is none."""
    face = _face_of_entry(line, grid.axes, entry) if entry != _INSIDE else 0.0
    for d in range(3):
        v, count = line[V, d], grid.counts[d]
        if entry == _INSIDE or v == 0.0:
            cell = _cell_of(line[P, d], grid, d)
        elif d == entry:
            cell = 0 if v > 0.0 else count
        else:
            cell = _cell_at(line, terms, grid, d, entry, face, v > 0.0)
        if cell == count and v < 0.0:
            cell = count - 1  # the upper face belongs to the last cell for lines going down
        if cell < 0 or cell >= count:
            return False
        cells[START, d] = cell
    return True


@inlined
def _find_origin(line, grid, entry):
    """Write where the line enters the grid, with twice the digits, and how fast it goes on."""
    for d in range(3):
        line[HIGH, d], line[LOW, d] = line[P, d], 0.0
        line[DOUBT, d] = grid.axes[d, SLACK]
    if entry != _INSIDE:
        _find_point_of_entry(line, grid, entry)
    for d in range(3):
        per_size = grid.axes[d, PER_SIZE]
        line[ORIGIN, d] = ((line[HIGH, d] - grid.axes[d, FIRST]) + line[LOW, d]) * per_size
        line[SPEED, d] = line[V, d] * per_size


@compiled
def _find_point_of_entry(line, grid, entry):
    face = _face_of_entry(line, grid.axes, entry)
    near, near_rest = two_sum(face, -line[P, entry])
    whole, whole_rest = two_sum(line[Q, entry], -line[P, entry])
    for d in range(3):
        along, along_rest = two_sum(line[Q, d], -line[P, d])
        product, rest = two_product(near, along)
        rest += near * along_rest + near_rest * along
        moved = product / whole
        back, back_rest = two_product(moved, whole)
        moved_rest = (((product - back) - back_rest) + rest - moved * whole_rest) / whole
        high, low = two_sum(line[P, d], moved)
        line[HIGH, d], line[LOW, d] = two_sum(high, low + moved_rest)
        size = abs(line[P, d]) + abs(line[Q, d])
        line[DOUBT, d] += _ENTRY_ERROR * size * grid.axes[d, PER_SIZE]
    line[HIGH, entry], line[LOW, entry] = face, 0.0


@inlined
def _exit(line, terms, grid):
    """Axis through whose face a line goes out first (of several the last), or _NONE, and the face."""
    leaving, face = _NONE, 0.0
    for d in range(3):
        q, v = line[Q, d], line[V, d]
        edge = grid.axes[d, LAST] if v > 0.0 else grid.axes[d, FIRST]
        if v == 0.0 or (q < edge if v > 0.0 else q > edge):
            continue
        if leaving == _NONE or (compare_crossings(line, terms, d, edge, leaving, face) <= 0):
            leaving, face = d, edge
    return leaving, face


@inlined
def _final_cell(line, terms, cells, grid, d, leaving, face):
    """Last cell along an axis."""
    v, count = line[V, d], grid.counts[d]
    if v == 0.0:
        return cells[START, d]
    if leaving == _NONE:
        cell = _cell_of(line[Q, d], grid, d)
        # A plane in which a line ends is crossed.
        return cell - 1 if v < 0.0 and grid.edges[grid.begins[d] + cell] == line[Q, d] else cell
    if d == leaving:
        return count - 1 if v > 0.0 else 0
    time = ((face - line[HIGH, leaving]) - line[LOW, leaving]) * line[R, leaving]
    place = line[ORIGIN, d] + time * line[SPEED, d]
    within, doubt = place - math.floor(place), line[DOUBT, d]
    if 0.0 < place < count and doubt < within < 1.0 - doubt:
        return int(place)
    return _cell_at(line, terms, grid, d, leaving, face, d > leaving)


@inlined
def find_cells(line, terms, cells, grid):
    """Find the first cell of a line and the crossings along each axis.

    Parameters
    ----------
    line : (9, 3) float64
        Rows P and Q are given, the others are written.
    terms : (16,) float64
        Scratch.
    cells : (4, 3) int64
        Written.
    grid : Grid
        The grid.

    Returns
    -------
    int
        Number of cells; OUTSIDE if the line goes through none, SKIPPED if it is not finite.
    """
    for d in range(3):
        v = line[Q, d] - line[P, d]
        if not abs(v) < math.inf:
            return SKIPPED
        line[V, d] = v
        line[R, d] = 1.0 / v if v != 0.0 else math.inf
    entry = _entry(line, terms, grid)
    if entry < 0 or not _find_start(line, terms, cells, grid, entry):
        return OUTSIDE
    _find_origin(line, grid, entry)
    leaving, face = _exit(line, terms, grid)
    number = 1
    for d in range(3):
        start = cells[START, d]
        sign = 1 if line[V, d] > 0.0 else -1
        final = _final_cell(line, terms, cells, grid, d, leaving, face)
        count = max((min(max(final, 0), grid.counts[d] - 1) - start) * sign, 0)
        cells[SIGN, d], cells[COUNT, d], cells[FINAL, d] = sign, count, start + sign * count
        number += count
    return number


@inlined
def place_crossings(line, cells, places, grid):
    """Write where along the other two axes the crossings of each axis are.

    Parameters
    ----------
    line, cells, grid : arrays
        From `find_cells`.
    places : (3, 3, 2) int64
        Written: PLACE, STEP and TWICE, by axis and by side. Where the uncertainty is ONE nothing but
        `crossed_cell` knows the place.
    """
    for a in range(3):
        count = cells[COUNT, a]
        if count == 0:
            continue
        k = grid.begins[a] + cells[START, a] + (1 if cells[SIGN, a] > 0 else 0)
        time = ((grid.edges[k] - line[HIGH, a]) - line[LOW, a]) * line[R, a]
        between = grid.axes[a, SIZE] * abs(line[R, a])
        slack = 2.0 * grid.axes[a, SLACK]
        for side in range(2):
            b = (a + 1 + side) % 3
            if cells[COUNT, b] == 0:
                places[PLACE, a, side] = (cells[START, b] << BITS) + ONE // 2
                places[STEP, a, side] = places[TWICE, a, side] = 0
                continue
            place = line[ORIGIN, b] + time * line[SPEED, b]
            step = between * line[SPEED, b]
            doubt = line[DOUBT, b] + slack * abs(step) + (count + 4) / _UNIT
            places[PLACE, a, side] = places[STEP, a, side] = 0
            places[TWICE, a, side] = ONE
            if doubt < _DOUBTFUL and abs(place) + count * abs(step) < 2.0 * LARGEST:
                twice = int(2.0 * doubt * _UNIT) + 2
                start = int(place * _UNIT) + twice // 2
                add = int(step * _UNIT)
                last = start + (count - 1) * add
                low = min(cells[START, b], cells[FINAL, b]) << BITS
                high = ((max(cells[START, b], cells[FINAL, b]) + 1) << BITS) + twice
                if low <= min(start, last) and max(start, last) < high:
                    places[PLACE, a, side], places[STEP, a, side] = start, add
                    places[TWICE, a, side] = twice


@compiled
def crossed_cell(line, terms, cells, places, grid, a, j, side):
    """Cell along another axis after crossing number `j` of axis `a`, exactly."""
    b = (a + 1 + side) % 3
    place, twice = places[PLACE, a, side] + j * places[STEP, a, side], places[TWICE, a, side]
    cell = place >> BITS
    if (place & (ONE - 1)) >= twice:
        return cell
    edge = grid.edges[grid.begins[a] + cells[START, a] + (1 + j if cells[SIGN, a] > 0 else -j)]
    if twice < ONE:
        other = grid.edges[grid.begins[b] + cell]
        order = compare_crossings(line, terms, b, other, a, edge)
        crossed = order < 0 or (order == 0 and b > a)
        if crossed != (cells[SIGN, b] > 0):
            cell -= 1
    else:
        cell = _cell_at(line, terms, grid, b, a, edge, b > a)
    low = min(cells[START, b], cells[FINAL, b])
    high = max(cells[START, b], cells[FINAL, b])
    return min(max(cell, low), high)
