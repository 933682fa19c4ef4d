"""Minpoints in plain Python: the least-squares point of every combination of lines."""

from __future__ import annotations

from itertools import combinations
from typing import NamedTuple

import numpy as np
from oracle.triangulation import least_squares_point, squared_distances, usable


class Result(NamedTuple):
    """Rows t, x, y, z and lines, in order of time; how near a decision was, and how badly determined."""

    rows: np.ndarray
    margin: float
    condition: float


def minpoints(lines, count, max_distance, cutoffs):
    lines = np.asarray(lines, dtype=float)
    good = np.nonzero(usable(lines))[0].tolist()
    box = np.asarray(cutoffs, dtype=float).reshape(3, 2)
    rows, margin, worst = [], np.inf, 1.0
    for chosen in combinations(good, count):
        points = lines[chosen, 1:4]
        directions = lines[chosen, 4:7] - points
        directions = directions / np.abs(directions).max(axis=1, keepdims=True)
        directions = directions / np.linalg.norm(directions, axis=1, keepdims=True)
        x, condition = least_squares_point(points, directions)
        worst = max(worst, condition)
        if x is None:
            continue
        distances = np.sqrt(squared_distances(x, points, directions))
        near = [abs(distances.max() - max_distance), np.abs(x[:, None] - box).min()]
        margin = min(margin, *near)
        if distances.max() <= max_distance and (box[:, 0] <= x).all() and (x <= box[:, 1]).all():
            rows.append([lines[list(chosen), 0].sum() / count, *x, *chosen])
    rows.sort(key=lambda row: (row[0], row[4:]))
    return Result(np.array(rows).reshape(-1, 4 + count), margin, worst)
