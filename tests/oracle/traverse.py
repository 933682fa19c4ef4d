"""Which cells of a grid a line goes through, straight from the definition.

`exact_cells` follows one line in rational arithmetic. `cells_of_lines` does the same for many: it walks
them all at once in floating point and gives up those where a comparison is closer than rounding errors
can be (see `_MARGIN`), which `exact_cells` then follows. So its result is exact too.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction

import numpy as np

# A parameter T = (edge - P) / (Q - P) in floating point is wrong by four roundings of 2^-53 relative to
# itself, a place P + T (Q - P) by four relative to |P| + |Q|. The margin is ten times as much.
_MARGIN = 40 * 2.0**-53


def exact_cells(
    start: Sequence[float], end: Sequence[float], edges: Sequence[np.ndarray]
) -> list[tuple[int, ...]]:
    """Cells in the order in which the line is in them."""
    if not (np.isfinite(start).all() and np.isfinite(end).all()):
        return []
    planes = [[Fraction(float(x)) for x in axis] for axis in edges]
    p, q = [Fraction(float(x)) for x in start], [Fraction(float(x)) for x in end]
    v = [b - a for a, b in zip(p, q, strict=True)]
    entry = _entry(p, v, planes)
    if entry is None:
        return []
    cell = _start_cell(p, v, planes, entry)
    return [] if cell is None else _walk(cell, p, v, planes)


def _entry(p: list, v: list, planes: list) -> Fraction | None:
    """T where the line enters the closed box, 0 if it starts there, None if it never does."""
    if all(axis[0] <= x <= axis[-1] for x, axis in zip(p, planes, strict=True)):
        return Fraction(0)
    first, last = [], []
    for x, along, axis in zip(p, v, planes, strict=True):
        if along == 0:
            if not axis[0] <= x <= axis[-1]:
                return None
            continue
        one, other = (axis[0] - x) / along, (axis[-1] - x) / along
        first.append(min(one, other))
        last.append(max(one, other))
    entry = max(first, default=Fraction(2))
    return entry if 0 <= entry <= 1 and entry <= min(last) else None


def _start_cell(p: list, v: list, planes: list, entry: Fraction) -> list[int] | None:
    cell = []
    for x, along, axis in zip(p, v, planes, strict=True):
        place, count = x + entry * along, len(axis) - 1
        if place == axis[-1]:
            if along >= 0:
                return None
            cell.append(count - 1)
        else:
            cell.append(max(k for k in range(count) if axis[k] <= place))
    return cell


def _walk(cell: list[int], p: list, v: list, planes: list) -> list[tuple[int, ...]]:
    dimensions = range(len(p))

    def crossing(d: int) -> Fraction | float:
        if v[d] == 0:
            return float("inf")
        return (planes[d][cell[d] + (1 if v[d] > 0 else 0)] - p[d]) / v[d]

    times = [crossing(d) for d in dimensions]
    cells = []
    while True:
        cells.append(tuple(cell))
        earliest = min(times)
        d = max(i for i in dimensions if times[i] == earliest)
        if earliest > 1:
            return cells
        cell[d] += 1 if v[d] > 0 else -1
        if not 0 <= cell[d] < len(planes[d]) - 1:
            return cells
        times[d] = crossing(d)


def cells_of_lines(
    starts: np.ndarray, ends: np.ndarray, edges: Sequence[np.ndarray]
) -> tuple[np.ndarray, np.ndarray]:
    """Cells of all lines, in no particular order.

    Returns
    -------
    numbers : (K,) int64
        Line of each entry.
    cells : (K,) int64
        Cell of each entry, as a position in the flattened grid.
    """
    shape = tuple(len(axis) - 1 for axis in edges)
    numbers, cells, doubtful = _walk_together(starts, ends, edges)
    for i in np.flatnonzero(doubtful):
        found = exact_cells(starts[i], ends[i], edges)
        if found:
            numbers.append(np.full(len(found), i))
            cells.append(np.ravel_multi_index(np.transpose(found), shape))
    if not numbers:
        return np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64)
    return np.concatenate(numbers), np.concatenate(cells)


def total(
    starts: np.ndarray,
    ends: np.ndarray,
    edges: Sequence[np.ndarray],
    weights: np.ndarray | None = None,
) -> np.ndarray:
    """Sum over the lines of their weights (1) in each cell."""
    shape = tuple(len(axis) - 1 for axis in edges)
    numbers, cells = cells_of_lines(starts, ends, edges)
    share = None if weights is None else weights[numbers]
    return np.bincount(cells, share, int(np.prod(shape))).reshape(shape)


def _walk_together(
    starts: np.ndarray, ends: np.ndarray, edges: Sequence[np.ndarray]
) -> tuple[list[np.ndarray], list[np.ndarray], np.ndarray]:
    shape = np.array([len(axis) - 1 for axis in edges])
    low, high = np.array([axis[0] for axis in edges]), np.array([axis[-1] for axis in edges])
    with np.errstate(all="ignore"):
        v = ends - starts
        within = ((starts >= low) & (starts <= high)).all(axis=1)
        simple = ((starts > low) & (starts < high)).all(axis=1)
        simple &= (np.abs(v) < 1e100).all(axis=1) & ((np.abs(v) > 1e-100) | (v == 0)).all(axis=1)
        cell, entering, doubtful = _enter(starts, v, edges, low, high)
    cell[simple] = np.stack(
        [
            np.searchsorted(axis, starts[simple, d], side="right") - 1
            for d, axis in enumerate(edges)
        ],
        axis=1,
    )
    doubtful = ~simple & (doubtful | within)
    rows = np.flatnonzero((simple | entering) & ~doubtful)
    numbers: list[np.ndarray] = []
    cells: list[np.ndarray] = []
    while len(rows):
        numbers.append(rows)
        cells.append(np.ravel_multi_index(tuple(cell[rows].T), tuple(shape)))
        times = _times(starts[rows], v[rows], cell[rows], edges)
        order = np.sort(times, axis=1)
        first, second = order[:, 0], order[:, 1]
        margin = _MARGIN * np.maximum(1.0, np.where(np.isfinite(second), second, 1.0))
        unsure = (second <= first + margin) & (first <= 1.0 + _MARGIN)
        unsure |= np.abs(first - 1.0) <= _MARGIN
        doubtful[rows[unsure]] = True
        axis = np.argmin(times, axis=1)
        cell[rows, axis] += np.sign(v[rows, axis]).astype(np.int64)
        inside = ((cell[rows] >= 0) & (cell[rows] < shape)).all(axis=1)
        rows = rows[inside & (first <= 1.0) & ~unsure]
    # What was listed of lines that became doubtful later is listed again.
    kept = [~doubtful[n] for n in numbers]
    numbers = [n[k] for n, k in zip(numbers, kept, strict=True)]
    return numbers, [c[k] for c, k in zip(cells, kept, strict=True)], doubtful


def _enter(
    starts: np.ndarray,
    v: np.ndarray,
    edges: Sequence[np.ndarray],
    low: np.ndarray,
    high: np.ndarray,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """First cells of lines from outside: the cells, which lines have one, and which are doubtful."""
    one, other = (low - starts) / v, (high - starts) / v
    first = np.sort(np.minimum(one, other), axis=1)
    entry = first[:, -1]
    last = np.maximum(one, other).min(axis=1)
    clear = np.isfinite(one).all(axis=1) & np.isfinite(other).all(axis=1)
    clear &= (np.abs(v) < 1e100).all(axis=1) & (np.abs(v) > 1e-100).all(axis=1)
    size = _MARGIN * np.maximum(1.0, np.abs(np.stack([entry, last, first[:, -2]])).max(axis=0))
    clear &= (np.abs(entry - last) > size) & (np.abs(entry - first[:, -2]) > size)
    clear &= (np.abs(entry) > size) & (np.abs(entry - 1.0) > size)
    hits = clear & (entry > 0) & (entry < 1) & (entry < last)
    axis = np.argmax(np.minimum(one, other), axis=1)
    place = starts + entry[:, None] * v
    cell = np.zeros(starts.shape, dtype=np.int64)
    for d, planes in enumerate(edges):
        spread = _MARGIN * (np.abs(starts[:, d]) + np.abs(v[:, d]) + np.abs(planes).max())
        found = np.searchsorted(planes, place[:, d], side="right") - 1
        nearest = np.abs(place[:, d, None] - planes).min(axis=1)
        through = axis == d
        clear &= through | (nearest > spread) | ~hits
        cell[:, d] = np.where(through, np.where(v[:, d] > 0, 0, len(planes) - 2), found)
    cell = np.clip(cell, 0, [len(planes) - 2 for planes in edges])
    return cell, hits & clear, ~clear


def _times(
    starts: np.ndarray, v: np.ndarray, cell: np.ndarray, edges: Sequence[np.ndarray]
) -> np.ndarray:
    ahead = cell + (v > 0)
    planes = np.stack([axis[ahead[:, d]] for d, axis in enumerate(edges)], axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(v == 0, np.inf, (planes - starts) / v)


def exact_lengths(
    start: Sequence[float], end: Sequence[float], edges: Sequence[np.ndarray]
) -> dict[tuple[int, ...], float]:
    """Length of the line in each of its cells."""
    whole = math.hypot(*(float(Fraction(b) - Fraction(a)) for a, b in zip(start, end, strict=True)))
    lengths = {}
    for cell in exact_cells(start, end, edges):
        enter, leave = Fraction(0), Fraction(1)
        for a, b, axis, k in zip(start, end, edges, cell, strict=True):
            if a != b:
                times = [
                    (Fraction(float(x)) - Fraction(a)) / (Fraction(b) - Fraction(a))
                    for x in axis[k : k + 2]
                ]
                enter, leave = max(enter, min(times)), min(leave, max(times))
        lengths[cell] = float(max(leave - enter, Fraction(0))) * whole
    return lengths
