"""Windowed components by walking from point to linked point."""

from __future__ import annotations

import numpy as np


def are_linked(earlier, later, distance, interval):
    if not (np.isfinite(earlier[:4]).all() and np.isfinite(later[:4]).all()):
        return False
    dx, dy, dz = (float(later[k]) - float(earlier[k]) for k in (1, 2, 3))
    near = dx * dx + dy * dy + dz * dz < distance * distance
    return near and float(later[0]) - float(earlier[0]) <= interval


def components(points, window, distance, interval=np.inf):
    """Smallest row of the component of each row."""
    rows = len(points)
    links = [[] for _ in range(rows)]
    for i in range(rows):
        for j in range(i + 1, min(rows, i + window + 1)):
            if are_linked(points[i], points[j], distance, interval):
                links[i].append(j)
                links[j].append(i)
    first = np.full(rows, -1, dtype=np.int64)
    for start in range(rows):
        to_visit = [start] if first[start] < 0 else []
        while to_visit:
            row = to_visit.pop()
            if first[row] < 0:
                first[row] = start
                to_visit += links[row]
    return first
