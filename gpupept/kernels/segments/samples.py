"""Centroids and quantiles of segments on the CPU."""

from __future__ import annotations

import numpy as np
from numba import njit


@njit(nogil=True, cache=True)
def centroids_of_segments(begin, end, data, segments, weight_column, means, spreads, totals):
    """Fill rows ``begin .. end - 1`` of the result of `gpupept.kernels.segments.segment_centroids`."""
    columns = data.shape[1]
    for g in range(begin, end):
        start, stop = segments[g, 0], segments[g, 1]
        total = 0.0
        means[g, :] = 0.0
        for row in range(start, stop):
            weight = data[row, weight_column] if weight_column >= 0 else 1.0
            total += weight
            for column in range(columns):
                means[g, column] += weight * data[row, column]
        totals[g] = total
        if total == 0.0:
            means[g, :] = np.nan
            spreads[g] = np.nan
            continue
        for column in range(columns):
            means[g, column] /= total
        spreads[g] = _spread(data, start, stop, weight_column, means[g], total)


@njit(nogil=True, cache=True)
def _distance(point, centre):
    return np.sqrt(
        (point[1] - centre[1]) ** 2 + (point[2] - centre[2]) ** 2 + (point[3] - centre[3]) ** 2
    )


@njit(nogil=True, cache=True)
def _spread(data, start, stop, weight_column, centre, total):
    mean = 0.0
    for row in range(start, stop):
        weight = data[row, weight_column] if weight_column >= 0 else 1.0
        mean += weight * _distance(data[row], centre)
    mean /= total
    variance = 0.0
    for row in range(start, stop):
        weight = data[row, weight_column] if weight_column >= 0 else 1.0
        variance += weight * (_distance(data[row], centre) - mean) ** 2
    return np.sqrt(variance / total)


@njit(nogil=True, cache=True)
def quantiles_of_segments(begin, end, values, segments, fraction, found):
    """Fill ``found[begin:end]``, the result of `gpupept.kernels.segments.reductions.segment_quantiles`."""
    for g in range(begin, end):
        size = segments[g, 1] - segments[g, 0]
        found[g] = np.nan
        if not size:
            continue
        rising = np.sort(values[segments[g, 0] : segments[g, 1]])
        if np.isnan(rising[-1]):
            continue
        position = fraction * (size - 1)
        rank = int(position)
        share = position - rank
        below, above = rising[rank], rising[min(rank + 1, size - 1)]
        # Interpolating from the nearer end is how NumPy rounds; infinite values have no distance.
        step = above - below
        if share == 0.0 or above == below:
            found[g] = below
        elif not np.isfinite(step):
            found[g] = below * (1.0 - share) + above * share
        elif share >= 0.5:
            found[g] = above - step * (1.0 - share)
        else:
            found[g] = below + step * share
