"""Grouping by label on the CPU: counting sort for cluster numbers, merge sort for other labels."""

from __future__ import annotations

import numpy as np
from numba import njit


@njit(nogil=True, cache=True)
def _counted_order(labels, start, stop, noise, slots, order, ends):
    """Order rows whose labels are whole numbers from -1 to their count; (rows kept, groups), or (-1, 0)."""
    limit = min(stop - start, len(slots) - 2)
    for row in range(start, stop):
        label = labels[row]
        if not (label >= -1.0 and label < limit and label == np.floor(label)):
            return -1, 0
    slots[: limit + 2] = 0
    lowest = 0 if noise else 1
    for row in range(start, stop):
        slots[int(labels[row]) + 1] += 1
    kept = groups = 0
    for slot in range(lowest, limit + 1):
        if slots[slot]:
            kept, slots[slot] = kept + slots[slot], kept
            ends[groups] = kept
            groups += 1
    for row in range(start, stop):
        slot = int(labels[row]) + 1
        if slot >= lowest:
            order[slots[slot]] = row
            slots[slot] += 1
    return kept, groups


@njit(nogil=True, cache=True)
def _sorted_order(labels, start, stop, noise, order, ends):
    """Order rows with any labels; (rows kept, groups)."""
    kept = groups = 0
    for i in np.argsort(labels[start:stop], kind="mergesort"):
        label = labels[start + i]
        if np.isnan(label) or (label == -1.0 and not noise):
            continue
        if kept and label != labels[order[kept - 1]]:
            groups += 1
        order[kept] = start + i
        kept += 1
        ends[groups] = kept
    return kept, groups + (kept > 0)


@njit(nogil=True, cache=True)
def group_samples(begin, end, labels, samples, offsets, noise, order, ends, kept, per_sample):
    """Order the rows of samples ``begin .. end - 1`` at the front of each one's share of `order`."""
    largest = 1
    for s in range(begin, end):
        largest = max(largest, samples[s, 1] - samples[s, 0])
    slots = np.empty(largest + 2, np.int64)
    for s in range(begin, end):
        start, stop = samples[s, 0], samples[s, 1]
        rows, stops = order[offsets[s] : offsets[s + 1]], ends[offsets[s] : offsets[s + 1]]
        kept[s], per_sample[s] = _counted_order(labels, start, stop, noise, slots, rows, stops)
        if kept[s] < 0:
            kept[s], per_sample[s] = _sorted_order(labels, start, stop, noise, rows, stops)


@njit(nogil=True, cache=True)
def collect_groups(order, ends, offsets, kept, per_sample, rows, sizes):
    """Close the gaps between the samples; group ends become sizes."""
    row = group = 0
    for s in range(len(kept)):
        rows[row : row + kept[s]] = order[offsets[s] : offsets[s] + kept[s]]
        row += kept[s]
        before = 0
        for g in range(per_sample[s]):
            sizes[group] = ends[offsets[s] + g] - before
            before = ends[offsets[s] + g]
            group += 1
