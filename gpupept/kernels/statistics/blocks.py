"""Moments, ranks and histograms on the CPU, over blocks of elements.

A chunk stays in the first-level cache, so the passes over it cost one pass over memory. Chunks are
merged in order within their block, blocks by a fixed tree: a result depends on the elements alone.
"""

from __future__ import annotations

import numpy as np
from numba import njit

BLOCK = 65536  # elements
_CHUNK = 1024
_LAST = np.int64(np.iinfo(np.int64).max)
_FIRST = np.int64(np.iinfo(np.int64).min)
_SUMS = {"reassoc", "nsz"}  # lets sums vectorise; a width of vectors is part of the machine


@njit(nogil=True, cache=True, fastmath=_SUMS)
def _scaled(values, scale, chunk):
    total = 0.0
    for i in range(len(values)):
        value = np.float64(values[i]) * scale
        chunk[i] = value
        total += value
    return total


@njit(nogil=True, cache=True, fastmath=_SUMS)
def _powers(chunk, mean):
    first, second, third, fourth = 0.0, 0.0, 0.0, 0.0
    for i in range(len(chunk)):
        apart = chunk[i] - mean
        square = apart * apart
        first += apart
        second += square
        third += square * apart
        fourth += square * square
    return first, second, third, fourth


@njit(nogil=True, cache=True)
def _extremes(bits, shift, fold, flip):
    low, high = _LAST, _FIRST
    for i in range(len(bits)):
        key = np.int64(bits[i] ^ ((bits[i] >> shift) & fold) ^ flip)
        low, high = min(low, key), max(high, key)
    return low, high


@njit(nogil=True, cache=True)
def _valid(values, bits, excluded, scale, shift, fold, flip, chunk):
    """Collect the elements that count; their number, the number of NaN, and the extreme keys."""
    count, nans, low, high = 0, 0, _LAST, _FIRST
    for i in range(len(values)):
        if len(excluded) > 0 and excluded[i]:
            continue
        if values[i] != values[i]:
            nans += 1
            continue
        chunk[count] = np.float64(values[i]) * scale
        count += 1
        key = np.int64(bits[i] ^ ((bits[i] >> shift) & fold) ^ flip)
        low, high = min(low, key), max(high, key)
    return count, nans, low, high


@njit(nogil=True, cache=True)
def _about_mean(count, mean, sums):
    """Mean and central moments from the sums of powers about a rounded mean."""
    first, second, third, fourth = sums
    e = first / count
    return (
        np.float64(count),
        mean + e,
        second - e * first,
        third - 3.0 * e * second + 2.0 * e * e * first,
        fourth - 4.0 * e * third + 6.0 * e * e * second - 3.0 * e * e * e * first,
    )


@njit(nogil=True, cache=True)
def merged(a, b):
    """Join the moments (n, mean, M2, M3, M4) of two sets."""
    if a[0] == 0.0:
        return b
    if b[0] == 0.0:
        return a
    n = a[0] + b[0]
    d = b[1] - a[1]
    u, v = a[0] / n, b[0] / n
    second = d * d * u * b[0]
    return (
        n,
        a[1] + d * v,
        a[2] + b[2] + second,
        a[3] + b[3] + second * d * (u - v) + 3.0 * d * (u * b[2] - v * a[2]),
        a[4]
        + b[4]
        + second * d * d * (u * u - u * v + v * v)
        + 6.0 * d * d * (u * u * b[2] + v * v * a[2])
        + 4.0 * d * (u * b[3] - v * a[3]),
    )


@njit(nogil=True, cache=True)
def moments_of_blocks(values, bits, excluded, scale, shift, fold, flip, moments, keys, nans):
    """Moments (B, 5), extreme keys (B, 2) and NaN counts (B,) of the blocks of a vector."""
    chunk = np.empty(_CHUNK)
    for block in range(len(moments)):
        state = (0.0, 0.0, 0.0, 0.0, 0.0)
        low, high = _LAST, _FIRST
        stop = min(len(values), (block + 1) * BLOCK)
        for start in range(block * BLOCK, stop, _CHUNK):
            last = min(stop, start + _CHUNK)
            x, b, count = values[start:last], bits[start:last], last - start
            total = np.nan
            if len(excluded) == 0:
                total = _scaled(x, scale, chunk)
                first, final = _extremes(b, shift, fold, flip)
            if total != total:
                skipped = excluded[start:last]
                count, found, first, final = _valid(x, b, skipped, scale, shift, fold, flip, chunk)
                nans[block] += found
                total = chunk[:count].sum()
            if count == 0:
                continue
            mean = total / count
            sums = _powers(chunk[:count], mean)
            state = merged(state, _about_mean(count, mean, sums))
            low, high = min(low, first), max(high, final)
        for k in range(5):
            moments[block, k] = state[k]
        keys[block, 0], keys[block, 1] = low, high


@njit(nogil=True, cache=True)
def merge_blocks(moments):
    """Merge rows of (B, 5) moments pairwise, level by level; the result is the first row."""
    step = 1
    while step < len(moments):
        for i in range(0, len(moments) - step, 2 * step):
            a, b = moments[i], moments[i + step]
            joined = merged((a[0], a[1], a[2], a[3], a[4]), (b[0], b[1], b[2], b[3], b[4]))
            for k in range(5):
                moments[i, k] = joined[k]
        step *= 2


@njit(nogil=True, cache=True)
def count_keys(bits, excluded, shift, fold, flip, low, high, width, counts):
    """Count the keys in [low, high] in bins of 2^width keys."""
    for i in range(len(bits)):
        key = np.int64(bits[i] ^ ((bits[i] >> shift) & fold) ^ flip)
        if key < low or key > high or (len(excluded) > 0 and excluded[i]):
            continue
        counts[np.int64((np.uint64(key) - np.uint64(low)) >> np.uint64(width))] += 1


@njit(nogil=True, cache=True)
def _count_up_to(bits, shift, fold, flip, key):
    """Count keys that are not above one; the loop vectorises."""
    count = np.int64(0)
    for i in range(len(bits)):
        count += np.int64(np.int64(bits[i] ^ ((bits[i] >> shift) & fold) ^ flip) <= key)
    return count


@njit(nogil=True, cache=True)
def count_around(bits, excluded, shift, fold, flip, low, a, b):
    """Count the keys in [low, a) and in [a, b]."""
    counts = np.zeros(2, dtype=np.int64)
    if len(excluded) == 0:
        for start in range(0, len(bits), _CHUNK):
            chunk = bits[start : min(len(bits), start + _CHUNK)]
            before = _count_up_to(chunk, shift, fold, flip, low - 1) if low > _FIRST else 0
            below = _count_up_to(chunk, shift, fold, flip, a - 1) if a > _FIRST else 0
            counts[0] += below - before
            counts[1] += _count_up_to(chunk, shift, fold, flip, b) - below
        return counts
    for i in range(len(bits)):
        key = np.int64(bits[i] ^ ((bits[i] >> shift) & fold) ^ flip)
        if not excluded[i]:
            counts[0] += low <= key < a
            counts[1] += a <= key <= b
    return counts


@njit(nogil=True, cache=True)
def take_keys(bits, excluded, shift, fold, flip, low, high, taken):
    """Copy the keys in [low, high] to `taken`; the number of them."""
    count = 0
    for i in range(len(bits)):
        key = np.int64(bits[i] ^ ((bits[i] >> shift) & fold) ^ flip)
        if key < low or key > high or (len(excluded) > 0 and excluded[i]):
            continue
        taken[count] = key
        count += 1
    return count


@njit(nogil=True, cache=True)
def first_key_above(bits, excluded, shift, fold, flip, low, high):
    """Smallest key in (low, high], or the largest int64."""
    smallest = _LAST
    for i in range(len(bits)):
        key = np.int64(bits[i] ^ ((bits[i] >> shift) & fold) ^ flip)
        if low < key <= high and not (len(excluded) > 0 and excluded[i]):
            smallest = min(smallest, key)
    return smallest


@njit(nogil=True, cache=True)
def _place(x, low, per_half, edges):
    bins = len(edges) - 1
    place = (0.5 * x - 0.5 * low) * per_half
    k = np.int64(place) if place < bins else bins - 1
    while k > 0 and x < edges[k]:
        k -= 1
    while k < bins - 1 and x >= edges[k + 1]:
        k += 1
    return k


@njit(nogil=True, cache=True)
def count_values(values, excluded, edges, counts):
    """Count elements in the bins between ascending, evenly spaced edges."""
    bins = len(edges) - 1
    low, high = edges[0], edges[bins]
    # Halves, so that the difference of finite edges cannot overflow.
    half = 0.5 * high - 0.5 * low
    per_half = bins / half if half > 0.0 else np.inf
    last, run = np.nan, 0  # of equal elements, which are many in images
    for i in range(len(values)):
        x = np.float64(values[i])
        if x == last and len(excluded) == 0:
            run += 1
            continue
        if not (low <= x <= high) or (len(excluded) > 0 and excluded[i]):
            continue
        if run > 0:
            counts[_place(last, low, per_half, edges)] += run
        last, run = x, 1
    if run > 0:
        counts[_place(last, low, per_half, edges)] += run
