"""Points nearest to lines, step by step in plain Python: one line is added or left out at a time."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

PARALLEL = 1e-14


class Result(NamedTuple):
    """Location t, x, y, z, error (None: no point) and lines used.

    `margin` tells how near a decision was (mm), and `condition` how well the points were determined.
    """

    location: np.ndarray | None
    used: np.ndarray
    margin: float
    condition: float


def usable(lines):
    rows = lines[:, :7]
    with np.errstate(invalid="ignore"):
        return (np.abs(rows) <= 1e100).all(axis=1) & (rows[:, 1:4] != rows[:, 4:7]).any(axis=1)


def _geometry(lines):
    points, directions = lines[:, 1:4], lines[:, 4:7] - lines[:, 1:4]
    directions = directions / np.abs(directions).max(axis=1, keepdims=True)
    return points, directions / np.linalg.norm(directions, axis=1, keepdims=True)


def least_squares_point(points, directions):
    """Point nearest to lines, or None; and how badly it, or that there is none, is determined."""
    projections = np.eye(3) - directions[:, :, None] * directions[:, None, :]
    matrix = projections.sum(axis=0)
    if np.linalg.det(matrix) <= PARALLEL * len(points) ** 3:
        return None, 1.0 if np.linalg.eigvalsh(matrix)[0] < 1e-15 * len(points) else np.inf
    right = np.einsum("kij,kj->i", projections, points)
    return np.linalg.solve(matrix, right), np.linalg.cond(matrix)


def squared_distances(x, points, directions):
    apart = x - points
    along = (apart * directions).sum(axis=1, keepdims=True)
    return ((apart - along * directions) ** 2).sum(axis=1)


def _gap(distances, chosen):
    """Difference of the nearest line left out and the farthest chosen."""
    if chosen.all() or not chosen.any():
        return np.inf
    return abs(distances[~chosen].min() - distances[chosen].max())


def birmingham(lines, fraction):
    """One sample by the Birmingham method."""
    good = np.nonzero(usable(lines))[0]
    everything = np.zeros(len(lines), dtype=int)
    final = int(len(good) * fraction)
    if final < 2:
        return Result(None, everything, np.inf, 1.0)
    points, directions = _geometry(lines[good])
    used = np.ones(len(good), dtype=bool)
    margin, worst = np.inf, 1.0
    while True:
        number = int(used.sum())
        x, condition = least_squares_point(points[used], directions[used])
        worst = max(worst, condition)
        if x is None:
            return Result(None, everything, margin, worst)
        squares = squared_distances(x, points, directions)
        error = np.sqrt(squares[used].sum() / number)
        if number == final:
            everything[good[used]] = 1
            time = lines[good[used], 0].sum() / number
            return Result(np.array([time, *x, error]), everything, margin, worst)
        limit = 1.5 * error
        margin = min(margin, np.abs(np.sqrt(squares) - limit).min())
        used = np.sqrt(squares) <= limit
        while used.sum() < final:
            used[np.argmin(np.where(used, np.inf, squares))] = True
        while used.sum() >= number:
            used[np.argmax(np.where(used, squares, -1.0))] = False
        margin = min(margin, _gap(np.sqrt(squares), used))


def trimmed(lines, remove, iterations):
    """One sample by least squares of the lines nearest to the point before."""
    good = np.nonzero(usable(lines))[0]
    everything = np.zeros(len(lines), dtype=int)
    if len(good) < 2:
        return Result(None, everything, np.inf, 1.0)
    points, directions = _geometry(lines[good])
    used = np.ones(len(good), dtype=bool)
    margin, worst = np.inf, 1.0
    for step in range(iterations + 1):
        x, condition = least_squares_point(points[used], directions[used])
        worst = max(worst, condition)
        if x is None:
            return Result(None, everything, margin, worst)
        squares = squared_distances(x, points, directions)
        if step < iterations:
            number = max(2, int(len(good) * (1.0 - remove * (step + 1))))
            used[:] = False
            used[np.argsort(squares, kind="stable")[:number]] = True
            margin = min(margin, _gap(np.sqrt(squares), used))
    everything[good[used]] = 1
    error = np.sqrt(squares[used].mean())
    return Result(np.array([lines[good, 0].mean(), *x, error]), everything, margin, worst)
