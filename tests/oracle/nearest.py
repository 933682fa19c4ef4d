"""The row of each segment nearest to each plane, by trying all."""

from __future__ import annotations

import math


def nearest_rows(positions, segments, points, axes):
    """Rows and distances, a list of (row, distance) for each segment."""
    return [
        [_nearest(positions, range(start, stop), p, a) for p, a in zip(points, axes, strict=True)]
        for start, stop in segments
    ]


def _nearest(positions, rows, point, axis):
    best = (-1, math.inf)
    for row in rows:
        apart = 0.0
        for x, p, a in zip(positions[row].tolist(), point.tolist(), axis.tolist(), strict=True):
            apart += (x - p) * a
        if abs(apart) < best[1]:
            best = (row, abs(apart))
    return best
