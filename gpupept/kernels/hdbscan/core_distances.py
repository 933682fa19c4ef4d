"""Squared core distances: the distance of each point to its k-th nearest other point.

Selecting the k-th neighbour costs more than computing distances, so the work is arranged to make the
selection cheap. Points are brought into kd order in blocks of 16, only blocks whose bounding box can
hold a neighbour are looked at, and the k-th smallest distance is bracketed by the triangle inequality
from the core distance of the previous point, which lies close by.
"""

from __future__ import annotations

import numpy as np
from numba import njit

BLOCK = 16
# Coordinates of padding points: their squared distance to anything overflows to infinity.
FAR = 1e300
# A bracket taken from a rounded distance is widened by this relative amount to stay a bracket.
SLACK = 1e-9
LARGEST = np.finfo(np.float64).max
INFINITE_BITS = np.int64(0x7FF0000000000000)


@njit(nogil=True, cache=True)
def _part(keys, order, low, high, middle):
    """Partition order[low:high] so that position `middle` holds its value in sorted order."""
    high -= 1
    while low < high:
        pivot = keys[order[(low + high) >> 1]]
        i, j = low, high
        while i <= j:
            while keys[order[i]] < pivot:
                i += 1
            while keys[order[j]] > pivot:
                j -= 1
            if i <= j:
                order[i], order[j] = order[j], order[i]
                i += 1
                j -= 1
        if middle <= j:
            high = j
        elif middle >= i:
            low = i
        else:
            return


@njit(nogil=True, cache=True)
def _widest_axis(xyz, order, low, high):
    best, axis = -1.0, 0
    for a in range(3):
        smallest = largest = xyz[a, order[low]]
        for i in range(low + 1, high):
            value = xyz[a, order[i]]
            smallest = min(smallest, value)
            largest = max(largest, value)
        if largest - smallest > best:
            best, axis = largest - smallest, a
    return axis


@njit(nogil=True, cache=True)
def _kd_order(xyz, n, order):
    """Fill order[:n] so that every run of BLOCK points is one leaf of a kd tree."""
    for i in range(n):
        order[i] = i
    stack = np.empty((64, 2), np.int64)
    stack[0, 0], stack[0, 1] = 0, n
    depth = 1
    while depth:
        depth -= 1
        low, high = stack[depth, 0], stack[depth, 1]
        blocks = (high - low + BLOCK - 1) // BLOCK
        if blocks < 2:
            continue
        middle = low + (blocks >> 1) * BLOCK
        _part(xyz[_widest_axis(xyz, order, low, high)], order, low, high, middle)
        stack[depth, 0], stack[depth, 1] = low, middle
        stack[depth + 1, 0], stack[depth + 1, 1] = middle, high
        depth += 2


@njit(nogil=True, cache=True)
def kd_blocks(xyz, n, order, points, boxes):
    """Bring xyz (3, >= n) into kd order, padded to whole blocks; bounding box of each block.

    ``points[:, i]`` is point ``order[i]``; ``boxes`` holds the lower and upper corner of each block.
    """
    _kd_order(xyz, n, order)
    blocks = (n + BLOCK - 1) // BLOCK
    for a in range(3):
        for i in range(n):
            points[a, i] = xyz[a, order[i]]
        for i in range(n, blocks * BLOCK):
            points[a, i] = FAR
        for b in range(blocks):
            smallest = largest = points[a, b * BLOCK]
            for i in range(b * BLOCK + 1, min(n, b * BLOCK + BLOCK)):
                smallest = min(smallest, points[a, i])
                largest = max(largest, points[a, i])
            boxes[a, b] = smallest
            boxes[3 + a, b] = largest


@njit(nogil=True, cache=True)
def _gather(points, boxes, blocks, x, y, z, limit, near, picked, found):
    """Squared distances to all points of the blocks that reach within `limit`; their number."""
    for b in range(blocks):
        dx = max(max(boxes[0, b] - x, x - boxes[3, b]), 0.0)
        dy = max(max(boxes[1, b] - y, y - boxes[4, b]), 0.0)
        dz = max(max(boxes[2, b] - z, z - boxes[5, b]), 0.0)
        near[b] = dx * dx + dy * dy + dz * dz
    listed = 0
    for b in range(blocks):
        picked[listed] = b
        listed += near[b] <= limit
    for pick in range(listed):
        start = picked[pick] * BLOCK
        for i in range(BLOCK):
            dx = points[0, start + i] - x
            dy = points[1, start + i] - y
            dz = points[2, start + i] - z
            found[pick * BLOCK + i] = dx * dx + dy * dy + dz * dz
    return listed * BLOCK


@njit(nogil=True, cache=True)
def _count_within(bits, n, limit):
    count = 0
    for i in range(n):
        count += bits[i] <= limit
    return count


@njit(nogil=True, cache=True)
def _largest_within(bits, n, limit):
    largest = np.int64(-1)
    for i in range(n):
        value = bits[i] if bits[i] <= limit else np.int64(-1)
        largest = value if value > largest else largest
    return largest


@njit(nogil=True, cache=True)
def _smallest_above(bits, n, limit):
    smallest = INFINITE_BITS
    for i in range(n):
        value = bits[i] if bits[i] > limit else INFINITE_BITS
        smallest = value if value < smallest else smallest
    return smallest


@njit(nogil=True, cache=True)
def _select(bits, n, rank, low, high, limit, limit_bits):
    """Bits of the `rank`-th smallest of bits[:n] (from 1), most likely between `low` and `high`.

    Values up to a limit are counted; a limit just below or at the wanted value ends the search. The
    number of points within a distance grows about as its cube, which gives the second limit, and two
    counts give the next ones. After a few steps (ties) distinct values are walked one by one. `limit`
    and `limit_bits` are one number seen as float64 and as int64.
    """
    below = above = -1
    lowest = np.int64(-1)
    limit[0] = 0.5 * (low + high)
    for step in range(12):
        count = _count_within(bits, n, limit_bits[0])
        if count == rank:
            return _largest_within(bits, n, limit_bits[0])
        if count == rank - 1:
            return _smallest_above(bits, n, limit_bits[0])
        if count < rank:
            lowest, low, below = limit_bits[0], limit[0], count
        else:
            high, above = limit[0], count
        if below >= 0 and above >= 0:
            guess = low + (high - low) * (rank - 0.5 - below) / (above - below)
        else:
            guess = limit[0] * (rank / max(count, 1)) ** (2.0 / 3.0)
        limit[0] = min(max(guess, low), high) if step % 4 < 3 else 0.5 * (low + high)
    while True:
        lowest = _smallest_above(bits, n, lowest)
        if lowest == INFINITE_BITS or _count_within(bits, n, lowest) >= rank:
            return lowest


@njit(nogil=True, cache=True)
def _bracket(points, reach, i):
    """Bounds on the squared core distance of point i from points shortly before it in kd order."""
    low, high = 0.0, np.inf
    for j in range(max(0, i - BLOCK), i):
        dx = points[0, j] - points[0, i]
        dy = points[1, j] - points[1, i]
        dz = points[2, j] - points[2, i]
        step = np.sqrt(dx * dx + dy * dy + dz * dz)
        low = max(low, reach[j] - step)
        high = min(high, reach[j] + step)
    if high == np.inf:
        return 0.0, LARGEST
    return (low * (1.0 - SLACK)) ** 2, (high * (1.0 + SLACK)) ** 2


@njit(nogil=True, cache=True)
def core_distances(n, k, order, points, boxes, near, found, core):
    """Fill core[:n] (in kd order) with the squared distance to the k-th nearest other point.

    `order`, `points` and `boxes` come from `kd_blocks`; `near`, `found` are scratch; 1 <= k < n. The bit
    patterns of squared distances, read as integers, order as the distances do and compare faster.
    """
    blocks = (n + BLOCK - 1) // BLOCK
    bits = found.view(np.int64)
    limit = np.empty(1, np.float64)
    limit_bits = limit.view(np.int64)
    core_bits = core.view(np.int64)
    reach = np.empty(n, np.float64)
    picked = np.empty(blocks + 1, np.int64)
    for i in range(n):
        low, high = _bracket(points, reach, i)
        x, y, z = points[0, i], points[1, i], points[2, i]
        count = _gather(points, boxes, blocks, x, y, z, high, near, picked, found)
        core_bits[i] = _select(bits, count, k + 1, low, high, limit, limit_bits)
        reach[i] = np.sqrt(core[i])
