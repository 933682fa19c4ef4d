"""Windowed components by walking from point to linked point."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np


def are_linked(earlier, later, distance, interval):
    if not (np.isfinite(earlier[:4]).all() and np.isfinite(later[:4]).all()):
        return False
    with np.errstate(over="ignore"):
        steps = (later[1:4] - earlier[1:4]).tolist()
        return is_near(*steps, distance) and float(later[0] - earlier[0]) <= interval


def is_near(dx, dy, dz, distance):
    """In floating point, exactly where its squares would overflow or vanish."""
    if distance == 0.0 or 1e-140 < distance < 1e140:
        return dx * dx + dy * dy + dz * dz < distance * distance
    if not math.isfinite(dx + dy + dz) or math.isinf(distance):
        return all(map(math.isfinite, (dx, dy, dz)))
    return Fraction(dx) ** 2 + Fraction(dy) ** 2 + Fraction(dz) ** 2 < Fraction(distance) ** 2


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
