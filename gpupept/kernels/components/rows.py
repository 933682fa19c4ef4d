"""Windowed components on the CPU: union-find in which the smallest row is always the root.

Blocks of rows are linked independently, so that threads can share the work, then across their
borders. Most rows of a window are linked already or too far away; vector instructions see that for
many rows at once.
"""

from __future__ import annotations

import numpy as np
from numba import njit

_GROUP = 64  # rows looked at together


@njit(nogil=True, cache=True)
def columns_of_rows(begin, end, points, columns):
    """Fill columns t, x, y, z of rows ``begin .. end - 1``; NaN for rows that are not finite."""
    for row in range(begin, end):
        finite = True
        for column in range(4):
            finite = finite and np.isfinite(points[row, column])
        for column in range(4):
            columns[column, row] = points[row, column] if finite else np.nan


@njit(nogil=True, cache=True)
def link_block(begin, end, columns, window, distance, interval, scale, first):
    """Link rows ``begin .. end - 1`` with each other."""
    low = begin
    for row in range(begin, end):
        low = _in_reach(max(low, row - window), row, row, columns, interval)
        _link(low, row, row, columns, distance, interval, scale, first)


@njit(nogil=True, cache=True)
def link_border(border, end, columns, window, distance, interval, scale, first):
    """Link rows before `border` with those after it, up to ``end - 1``."""
    low = 0
    for row in range(border, min(end, border + window)):
        low = _in_reach(max(low, row - window), border, row, columns, interval)
        _link(low, border, row, columns, distance, interval, scale, first)


@njit(nogil=True, cache=True)
def point_to_roots(first):
    """Name each row by the root of its component."""
    for row in range(len(first)):
        first[row] = first[first[row]]  # of a smaller row, done before


@njit(nogil=True, cache=True)
def _in_reach(low, high, row, columns, interval):
    """First of the rows ``low .. high`` that is not too long before a row, nor before later ones."""
    while low < high and columns[0, row] - columns[0, low] > interval:
        low += 1
    return low


@njit(nogil=True, cache=True)
def _root(first, row):
    while first[row] != row:
        first[row] = first[first[row]]
        row = first[row]
    return row


@njit(nogil=True, cache=True)
def _link(low, high, row, columns, distance, interval, scale, first):
    """Link a row with rows ``low .. high - 1`` before it."""
    t, x, y, z = columns[0], columns[1], columns[2], columns[3]
    here = x[row], y[row], z[row], scale, (distance * scale) ** 2
    root, stop = _root(first, row), high
    while stop > low:
        start = max(low, stop - _GROUP)
        links = _count_links(np.uint64(start), np.uint64(stop), x, y, z, here, first, root)
        while links > 0:
            stop -= 1
            if first[stop] == root or not _is_near(x[stop], y[stop], z[stop], here):
                continue
            links -= 1
            if t[row] - t[stop] <= interval:
                other = _root(first, stop)
                first[max(root, other)] = root = min(root, other)
                first[stop] = root
                break  # most of the others are linked to the same component
        else:
            stop = start


@njit(nogil=True, cache=True)
def _count_links(start, stop, x, y, z, here, first, root):
    """Count the rows that are near and not known to be linked.

    Without branches, and with unsigned numbers, which cannot count from the end of an array: both
    keep the compiler from using vector instructions.
    """
    links = 0
    for k in range(start, stop):
        links += _is_near(x[k], y[k], z[k], here) & (first[k] != root)
    return links


@njit(nogil=True, cache=True)
def _is_near(x, y, z, here):
    px, py, pz, scale, squared = here
    dx, dy, dz = (px - x) * scale, (py - y) * scale, (pz - z) * scale
    return dx * dx + dy * dy + dz * dz < squared
