"""Generic and space transformers, rule by rule, in plain Python and NumPy on one sample."""

from __future__ import annotations

import math

import numpy as np


def reduction(function, values, fraction=0.5):
    """One value of a sample, as NumPy has it; NaN for what an empty sample has not."""
    values = np.asarray(values)
    if function in ("sum", "any", "all"):
        return getattr(np, function)(values)
    if not len(values):
        return math.nan
    if function == "quantile":
        return np.quantile(values, fraction)
    return getattr(np, function)(values)


def interpolate(rows, step, nearest=False):
    """Rows at ``t0, t0 + step, ...`` before the last time; columns of rows of equal time are averaged."""
    rows = rows[np.isfinite(rows[:, 0])]
    times = sorted(set(rows[:, 0].tolist()))
    known = [[t, *rows[rows[:, 0] == t, 1:].mean(axis=0)] for t in times]
    made = []
    while len(times) > 1 and times[0] + len(made) * step < times[-1]:
        t = times[0] + len(made) * step
        after = next(i for i, other in enumerate(times) if other > t)
        low, high = np.array(known[after - 1]), np.array(known[after])
        values = low + (t - low[0]) / (high[0] - low[0]) * (high - low)
        if nearest:
            values = high if t > low[0] / 2 + high[0] / 2 else low
        made.append([t, *values[1:]])
    return np.array(made).reshape(len(made), rows.shape[1])


def out_of_view(rows, max_time, k):
    """Rows in order of time whose k-th nearest other row in time is nearer than `max_time`."""
    rows = rows[np.argsort(rows[:, 0], kind="stable")]
    kept = []
    for i, t in enumerate(rows[:, 0]):
        others = [abs(other - t) for j, other in enumerate(rows[:, 0]) if j != i]
        others = sorted(d for d in others if math.isfinite(t) and not math.isnan(d))
        if len(others) >= k and others[k - 1] < max_time:
            kept.append(i)
    return rows[kept]


def windows(times, window):
    """Ranges of rows: each window starts at a row and ends before the first one later than `window`."""
    found, start = [], 0
    while start < len(times):
        end = start + 1
        while end < len(times) and times[end] <= times[start] + window:
            end += 1
        found.append((start, end))
        start = end
    return found


def remove_static(rows, window, distance, quantile):
    """Rows of the windows that move and whose neighbours move; rows are finite, in order of time."""
    ranges, moves = windows(rows[:, 0], window), []
    for first, end in ranges:
        xyz = rows[first:end, 1:4]
        apart = np.sqrt(((xyz - xyz.mean(axis=0)) ** 2).sum(axis=1))
        moves.append(np.quantile(apart, quantile) > distance)
    if sum(moves) == 1:
        kept = [moves.index(True)]
    else:
        last = len(moves) - 1
        kept = [
            i
            for i, moving in enumerate(moves)
            if moving and (i == 0 or moves[i - 1]) and (i == last or moves[i + 1])
        ]
    return rows[[row for i in kept for row in range(*ranges[i])]]
