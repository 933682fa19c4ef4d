"""The artificial cluster on the CPU."""

from __future__ import annotations

import numpy as np
from numba import njit

FENCE = 1.5  # interquartile ranges from the upper quartile to the centre
SPREAD = 0.3  # interquartile ranges per standard deviation


@njit(nogil=True, cache=True)
def _put_in_place(values, n, rank):
    """Rearrange values[:n] so that values[rank] is as if sorted, nothing larger before it."""
    low, high = 0, n - 1
    while low < high:
        pivot = values[(low + high) >> 1]
        i, j = low, high
        while i <= j:
            while values[i] < pivot:
                i += 1
            while values[j] > pivot:
                j -= 1
            if i <= j:
                values[i], values[j] = values[j], values[i]
                i += 1
                j -= 1
        if rank <= j:
            high = j
        elif rank >= i:
            low = i
        else:
            return


@njit(nogil=True, cache=True)
def _quantile(values, n, fraction):
    """Linear interpolation between the two nearest of values[:n] in rising order; rearranges them."""
    position = fraction * (n - 1)
    rank = int(position)
    share = position - rank
    _put_in_place(values, n, rank)
    below = above = values[rank]
    if rank + 1 < n:
        above = values[rank + 1 : n].min()
    # Interpolating from the nearer end is how NumPy rounds.
    if share >= 0.5:
        return above - (above - below) * (1.0 - share)
    return below + (above - below) * share


@njit(nogil=True, cache=True)
def add_to_samples(begin, end, points, samples, offsets, normals, positions):
    """Fill the rows of `positions` that belong to samples ``begin .. end - 1``."""
    largest = 1
    for s in range(begin, end):
        largest = max(largest, samples[s, 1] - samples[s, 0])
    values = np.empty(largest, np.float64)
    for s in range(begin, end):
        start, size = samples[s, 0], samples[s, 1] - samples[s, 0]
        first = offsets[s]
        for axis in range(3):
            n = 0
            for i in range(size):
                value = points[start + i, 1 + axis]
                positions[first + i, axis] = value
                values[n] = value + 0.0  # one kind of zero, so that no order of equals shows
                n += np.isfinite(value)
            centre = deviation = np.nan
            if n:
                lower, upper = _quantile(values, n, 0.25), _quantile(values, n, 0.75)
                centre = upper + FENCE * (upper - lower)
                deviation = SPREAD * (upper - lower)
            for i in range(first + size, offsets[s + 1]):
                positions[i, axis] = centre + deviation * normals[i - first - size, axis]


@njit(nogil=True, cache=True)
def discard_from_samples(begin, end, labels, offsets, starts, strict, kept):
    """Fill the rows of `kept` that belong to samples ``begin .. end - 1``."""
    largest = 1
    for s in range(begin, end):
        largest = max(largest, offsets[s + 1] - offsets[s])
    members, artificial = np.empty(largest, np.int64), np.empty(largest, np.int64)
    number = np.empty(largest, np.int64)
    for s in range(begin, end):
        first, size = offsets[s], starts[s + 1] - starts[s]
        rows = offsets[s + 1] - first
        members[:rows] = artificial[:rows] = 0
        for i in range(rows):
            label = labels[first + i]
            if label >= 0:
                members[label] += 1
                artificial[label] += i >= size
        found = 0
        for label in range(rows):
            number[label] = -1
            limit = 1 if strict else (members[label] + 1) // 2
            if members[label] and artificial[label] < limit:
                number[label] = found
                found += 1
        for i in range(size):
            label = labels[first + i]
            kept[starts[s] + i] = number[label] if label >= 0 else -1
