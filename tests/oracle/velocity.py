"""Slopes of polynomials fitted to sliding windows, in exact arithmetic."""

from __future__ import annotations

from fractions import Fraction

import numpy as np


def velocities(points, window, degree):
    """Velocity at each row t, x, y, z, ... of one sample."""
    rows, half = len(points), (window - 1) // 2
    result = np.full((rows, 3), np.nan)
    if rows <= window:
        return result
    for i in range(rows):
        if i <= half:
            chosen = points[:window]
        elif i < rows - half:
            chosen = points[i - half : i + half + 1]
        else:
            chosen = points[rows - 1 - 2 * half :]
        if np.isfinite(chosen[:, :4]).all():
            result[i] = slopes(chosen, points[i, 0], degree)
    return result


def slopes(points, moment, degree):
    """Slopes of the polynomials of least squares at a moment, of no higher degree than is determined."""
    times = [Fraction(float(t)) - Fraction(float(moment)) for t in points[:, 0]]
    degree = min(degree, len(set(times)) - 1)
    if degree < 1:
        return [np.nan] * 3
    powers = [[t**j for j in range(degree + 1)] for t in times]
    matrix = [
        [sum(p[j] * p[k] for p in powers) for k in range(degree + 1)] for j in range(degree + 1)
    ]
    found = []
    for axis in (1, 2, 3):
        values = [Fraction(float(value)) for value in points[:, axis]]
        right = [
            sum(p[j] * v for p, v in zip(powers, values, strict=True)) for j in range(degree + 1)
        ]
        found.append(float(solve(matrix, right)[1]))
    return found


def solve(matrix, right):
    """Gauss's elimination with exact numbers; the matrix is positive definite."""
    rows = [[*row, value] for row, value in zip(matrix, right, strict=True)]
    for i, pivot in enumerate(rows):
        for other in rows[i + 1 :]:
            factor = other[i] / pivot[i]
            for k in range(i, len(pivot)):
                other[k] -= factor * pivot[k]
    solution = [Fraction(0)] * len(rows)
    for i in reversed(range(len(rows))):
        known = sum(rows[i][k] * solution[k] for k in range(i + 1, len(rows)))
        solution[i] = (rows[i][-1] - known) / rows[i][i]
    return solution
