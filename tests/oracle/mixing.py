"""Measures of mixing, pass by pass and plane by plane."""

from __future__ import annotations

import math

import numpy as np


def nearest(rows, point, axis, columns=(1, 2, 3)):
    """Row of one pass nearest to a plane, and how near; (None, inf) without finite rows."""
    best = (None, math.inf)
    for row in rows:
        apart = 0.0
        for c, p, a in zip(columns, point, axis, strict=True):
            apart += (float(row[c]) - float(p)) * float(a)
        if abs(apart) < best[1]:
            best = (row, abs(apart))
    return best


def crossings(passes, p1, p2, max_distance):
    """For each pass its rows at both planes, or None if it misses one."""
    axis = (p2 - p1) / np.linalg.norm(p2 - p1)
    found = []
    for rows in passes:
        (start, before), (end, after) = nearest(rows, p1, axis), nearest(rows, p2, axis)
        near = before < max_distance and after < max_distance
        found.append((start, end) if near else None)
    return found


def deviations(passes, p1, p2, max_distance):
    """Deviation of each pass, NaN if it misses a plane."""
    return [
        math.nan if pair is None else abs(math.dist(pair[1][1:4], p2) - math.dist(pair[0][1:4], p1))
        for pair in crossings(passes, p1, p2, max_distance)
    ]


def lacey(passes, p1, p2, max_distance, limits, counts):
    """Red and blue passes in each cell, with the bases y, z."""
    cells = np.zeros((2, *counts), dtype=int)
    for pair in crossings(passes, p1, p2, max_distance):
        if pair is not None:
            colour = 0 if pair[0][2] - p1[1] < 0 else 1
            ends = (pair[1][2] - p2[1], pair[1][3] - p2[2])
            place = [
                math.floor((x - low) / ((high - low) / n))
                for x, (low, high), n in zip(ends, limits, counts, strict=True)
            ]
            if all(0 <= i < n for i, n in zip(place, counts, strict=True)):
                cells[colour, place[0], place[1]] += 1
    return cells


def autocorrelation(passes, lag, signals, lags, max_distance, normalize):
    """Correlation at each lag, and how many passes contribute."""
    sums, counts = np.zeros(len(lags)), np.zeros(len(lags), dtype=int)
    for rows in passes:
        first, apart = nearest(rows, [lags[0]], [1.0], [lag])
        if first is None or apart > max_distance:
            continue
        for k, place in enumerate(lags):
            row, apart = nearest(rows, [place], [1.0], [lag])
            if apart <= max_distance:
                with np.errstate(all="ignore"):
                    term = (first[signals] * row[signals]).sum()
                    term /= (first[signals] ** 2).sum() if normalize else 1.0
                if np.isfinite(term):
                    sums[k] += term
                    counts[k] += 1
    return np.array([s / c if c else math.nan for s, c in zip(sums, counts, strict=True)]), counts


def projections(passes, dimension, places, max_distance):
    """For each plane the rows nearest to it of the passes that come near."""
    axis = np.eye(3)[dimension - 1]
    found = []
    for place in places:
        pairs = [nearest(rows, place * axis, axis) for rows in passes]
        kept = [row for row, apart in pairs if apart < max_distance]
        found.append(np.array([row[[0, 1, 2, 3, -1]] for row in kept]).reshape(-1, 5))
    return found
