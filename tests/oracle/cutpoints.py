"""Cutpoints in plain Python: the published formula for every pair, in floating point and exactly."""

from __future__ import annotations

import math
from fractions import Fraction


def default_cutoffs(lines):
    """Smallest and largest coordinate per axis over both ends of the finite lines."""
    finite = [line for line in lines if all(math.isfinite(value) for value in line[:7])]
    if not finite:
        return [math.nan] * 6
    limits = []
    for axis in range(3):
        values = [line[1 + axis] for line in finite] + [line[4 + axis] for line in finite]
        limits += [min(values), max(values)]
    return limits


def cutpoints(lines, max_distance, cutoffs):
    """Rows t, x, y, z, i, j in order of time, those of equal time in order of (i, j)."""
    lines = [[float(value) for value in line[:7]] for line in lines]
    usable = [all(math.isfinite(value) for value in line) for line in lines]
    rows = []
    for i in range(len(lines)):
        for j in range(i + 1, len(lines)):
            if not (usable[i] and usable[j]):
                continue
            row = _cutpoint(lines[i], lines[j], max_distance, cutoffs)
            if row is not None:
                rows.append((*row, i, j))
    return sorted(rows, key=lambda row: (row[0], row[4], row[5]))


def _dot(a, b):
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]


def _cutpoint(first, second, max_distance, cutoffs):
    p, q = first[1:4], second[1:4]
    u = [second_end - end for end, second_end in zip(p, first[4:7], strict=True)]
    r = [second_end - end for end, second_end in zip(q, second[4:7], strict=True)]
    w = [q[k] - p[k] for k in range(3)]
    a, b, c, d, e = _dot(u, u), _dot(u, r), _dot(r, r), _dot(u, w), _dot(r, w)
    determinant = b * b - a * c
    if not abs(determinant) > 1e-14 * (a * c):
        return None
    s = (b * e - c * d) / determinant
    t = (a * e - b * d) / determinant
    near = [p[k] + s * u[k] for k in range(3)]
    other = [q[k] + t * r[k] for k in range(3)]
    gap = [near[k] - other[k] for k in range(3)]
    middle = [(near[k] + other[k]) / 2.0 for k in range(3)]
    inside = all(cutoffs[2 * k] < middle[k] < cutoffs[2 * k + 1] for k in range(3))
    if not (inside and _dot(gap, gap) < max_distance * max_distance):
        return None
    return ((first[0] + second[0]) / 2.0, *middle)


def exact_meeting(first, second):
    """Squared distance of two lines that are not parallel, and its mid-point, without rounding.

    The closest points are where the connecting segment is orthogonal to both lines; solved here from
    that condition with Cramer's rule.
    """
    p, q = ([Fraction(float(v)) for v in line[1:4]] for line in (first, second))
    u = [Fraction(float(first[4 + k])) - p[k] for k in range(3)]
    r = [Fraction(float(second[4 + k])) - q[k] for k in range(3)]
    w = [q[k] - p[k] for k in range(3)]
    # s u.u - t u.r = u.w and s u.r - t r.r = r.w
    uu, ur, rr, uw, rw = _dot(u, u), _dot(u, r), _dot(r, r), _dot(u, w), _dot(r, w)
    determinant = ur * ur - uu * rr
    s = (ur * rw - rr * uw) / determinant
    t = (uu * rw - ur * uw) / determinant
    gap = [w[k] + t * r[k] - s * u[k] for k in range(3)]
    assert _dot(gap, u) == 0
    assert _dot(gap, r) == 0
    return _dot(gap, gap), [p[k] + s * u[k] + gap[k] / 2 for k in range(3)]
