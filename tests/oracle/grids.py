"""Adaptive averages and masks, cell by cell in plain Python."""

from __future__ import annotations

import math

import numpy as np


def sub_points(centre, steps, size):
    """Centres of the sub-cells of one cell, the last axis fastest."""
    axes = len(centre)
    return np.array(
        [
            [centre[k] + steps[k] * ((index[k] + 0.5) / size - 0.5) for k in range(axes)]
            for index in np.ndindex((size,) * axes)
        ]
    )


def agree(lower, upper, fraction, difference, rule, zero_rule):
    """Tell whether two means agree; numbers or vectors."""
    vector = np.ndim(lower) > 0
    pairs = list(zip(np.atleast_1d(lower).tolist(), np.atleast_1d(upper).tolist(), strict=True))
    return all(_pair_agrees(a, b, vector, fraction, difference, rule, zero_rule) for a, b in pairs)


def _pair_agrees(low, high, vector, fraction, difference, rule, zero_rule):
    if not math.isfinite(high):
        return False
    if difference is not None and not abs(low - high) <= difference:
        return False
    return fraction is None or _ratio(low, high, vector, rule, zero_rule) >= fraction


def _ratio(low, high, vector, rule, zero_rule):
    if low == high == 0.0 and (vector or rule == "symmetric" or zero_rule == "accept"):
        return 1.0
    if rule == "symmetric":
        same = (low > 0 and high > 0) or (low < 0 and high < 0)
        return min(abs(low), abs(high)) / max(abs(low), abs(high)) if same else 0.0
    if vector and high == 0.0:
        return 1.0
    if not vector and (high == 0.0 or not low > 0):
        return 0.0
    found = low / high
    return 1.0 / found if found > 1.0 else found


def iterate(function, centres, steps, sub_steps, fraction, difference, rule, zero_rule, exit_zero):
    """Averages, sub sizes, convergence and number of evaluations."""
    first = [function(np.array([centre]))[0] for centre in centres]
    count = len(centres)
    if exit_zero and not np.any(first):
        return np.array(first, float), np.ones(count, int), np.ones(count, bool), count
    values, sizes, converged = [], [], []
    for centre, lower in zip(centres, first, strict=True):
        for size in sub_steps:
            upper = function(sub_points(centre, steps, size)).mean(axis=0)
            count += size ** len(steps)
            last = size == sub_steps[-1]
            if last or agree(lower, upper, fraction, difference, rule, zero_rule):
                break
            lower = upper
        values.append(upper)
        sizes.append(size)
        converged.append(not last)
    return np.array(values), np.array(sizes), np.array(converged), count


def edge(mask, i, j):
    """Whether an unmasked pixel has a masked neighbour or lies at the side of the array."""
    rows, columns = mask.shape
    if mask[i, j]:
        return False
    around = [(i + a, j + b) for a in (-1, 0, 1) for b in (-1, 0, 1)]
    inside = [(a, b) for a, b in around if 0 <= a < rows and 0 <= b < columns]
    return len(inside) < 9 or any(mask[place] for place in inside)


def border(mask, i, j):
    """Whether an edge pixel sees the outside in one of four directions."""
    ways = (mask[:i, j], mask[i + 1 :, j], mask[i, :j], mask[i, j + 1 :])
    return edge(mask, i, j) and any(way.all() for way in ways)


def near(mask, i, j, reach):
    """Whether an unmasked pixel lies within a window around a pixel."""
    a, b = reach
    window = mask[max(0, i - a) : i + a + 1, max(0, j - b) : j + b + 1]
    return not window.all()
