"""Windowed components on the CPU: union-find in which the smallest row is always the root."""

from __future__ import annotations

import numpy as np
from numba import njit


@njit(nogil=True, cache=True)
def _root(first, row):
    while first[row] != row:
        first[row] = first[first[row]]
        row = first[row]
    return row


@njit(nogil=True, cache=True)
def link_rows(points, window, distance, interval, first):
    """Turn `first`, each row its own component, into the components."""
    rows = len(points)
    squared = distance * distance
    for i in range(rows):
        for j in range(i + 1, min(rows, i + window + 1)):
            dx = points[j, 1] - points[i, 1]
            dy = points[j, 2] - points[i, 2]
            dz = points[j, 3] - points[i, 3]
            if not dx * dx + dy * dy + dz * dz < squared:
                continue
            elapsed = points[j, 0] - points[i, 0]
            if elapsed <= interval and np.isfinite(points[i, 0]) and np.isfinite(points[j, 0]):
                a, b = _root(first, i), _root(first, j)
                first[max(a, b)] = min(a, b)
    for row in range(rows):
        first[row] = _root(first, row)
