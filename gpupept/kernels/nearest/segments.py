"""Nearest rows of segments on the CPU."""

from __future__ import annotations

import numpy as np
from numba import njit


@njit(nogil=True, cache=True)
def nearest_of_pairs(begin, end, positions, segments, planes, rows, distances):
    """Fill entries ``begin .. end - 1`` of the result of `gpupept.kernels.nearest.nearest_rows`.

    Entries are numbered segment after segment, plane after plane.
    """
    count = planes.shape[1]
    for pair in range(begin, end):
        g, k = pair // count, pair % count
        best, nearest = np.inf, -1
        for row in range(segments[g, 0], segments[g, 1]):
            distance = 0.0
            for d in range(positions.shape[1]):
                distance += (positions[row, d] - planes[0, k, d]) * planes[1, k, d]
            distance = abs(distance)
            if distance < best:  # false for NaN, and for the first of rows equally near
                best, nearest = distance, row
        rows[g, k] = nearest
        distances[g, k] = best
