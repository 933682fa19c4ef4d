"""Area of a capsule in a rectangle and volume in a box, by quadrature of slices."""

from __future__ import annotations

import itertools
import math

import numpy as np

_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(32)
_FEW_NODES, _FEW_WEIGHTS = np.polynomial.legendre.leggauss(8)


def _chord(x, a, b, r):
    """Where vertical lines enter and leave the capsule: the union of two discs and a rectangle."""
    low, high = np.full(len(x), np.inf), np.full(len(x), -np.inf)
    for centre in (a, b):
        half = np.sqrt(np.maximum(r**2 - (x - centre[0]) ** 2, 0.0))
        inside = np.abs(x - centre[0]) < r
        low = np.where(inside, np.minimum(low, centre[1] - half), low)
        high = np.where(inside, np.maximum(high, centre[1] + half), high)
    for start, end in itertools.pairwise(_rectangle(a, b, r)):
        if start[0] == end[0]:
            continue
        part = (x - start[0]) / (end[0] - start[0])
        y = start[1] + part * (end[1] - start[1])
        on = (part >= 0.0) & (part <= 1.0)
        low, high = np.where(on, np.minimum(low, y), low), np.where(on, np.maximum(high, y), high)
    return low, high


def _rectangle(a, b, r):
    """Corners of the strip between the discs, the first one again at the end."""
    length = math.dist(a, b)
    if length == 0.0:
        return np.array([a, a])
    normal = r * np.array([a[1] - b[1], b[0] - a[0]]) / length
    return np.array([a + normal, b + normal, b - normal, a - normal, a + normal])


def area(a, b, r, low, high):
    """Area of the capsule from `a` to `b` in the rectangle from `low` to `high`."""
    a, b = np.asarray(a, float), np.asarray(b, float)
    marks = [low[0], high[0]]
    for centre in (a, b):
        marks += [centre[0] - r, centre[0] + r]
        for y in (low[1], high[1]):
            half = math.sqrt(max(r**2 - (y - centre[1]) ** 2, 0.0))
            marks += [centre[0] - half, centre[0] + half]
    corners = _rectangle(a, b, r)
    marks += list(corners[:, 0])
    for start, end in itertools.pairwise(corners):
        for y in (low[1], high[1]):
            if start[1] != end[1]:
                marks.append(start[0] + (y - start[1]) / (end[1] - start[1]) * (end[0] - start[0]))
    marks = np.unique(np.clip(marks, low[0], high[0]))
    total = 0.0
    for first, last in itertools.pairwise(marks):
        # Outlines end upright, like square roots; in this variable they are smooth.
        x = 0.5 * (first + last) + 0.5 * (last - first) * np.sin(0.5 * np.pi * _NODES)
        weights = 0.25 * np.pi * (last - first) * np.cos(0.5 * np.pi * _NODES) * _WEIGHTS
        bottom, top = _chord(x, a, b, r)
        width = np.minimum(top, high[1]) - np.maximum(bottom, low[1])
        total += float((weights * np.maximum(width, 0.0)).sum())
    return total


def volume(a, b, r, low, high, panels=16):
    """Volume of the capsule from `a` to `b` in the box from `low` to `high`; to some 1e-6 of the box.

    Of slices across the axis, which are discs, in the box, of which slices are polygons.
    """
    a, b = np.asarray(a, float), np.asarray(b, float)
    length = math.dist(a, b)
    d = (b - a) / length if length else np.array([0.36, 0.48, 0.8])
    corners = np.array(list(itertools.product(*zip(low, high, strict=True)))) - a
    heights = corners @ d
    marks = np.unique(np.clip([*heights, -r, 0.0, length, length + r], -r, length + r))
    total = 0.0
    for first, last in itertools.pairwise(marks):
        edges = 0.5 * (first + last) - 0.5 * (last - first) * np.cos(
            np.pi * np.linspace(0, 1, panels)
        )
        for start, end in itertools.pairwise(edges):
            for node, weight in zip(_FEW_NODES, _FEW_WEIGHTS, strict=True):
                u = 0.5 * (start + end) + 0.5 * (end - start) * node
                beyond = max(-u, u - length, 0.0)
                slice_ = _slice(corners, heights, u, d)
                radius = math.sqrt(max(r**2 - beyond**2, 0.0))
                total += 0.5 * (end - start) * weight * _disc_in_polygon(slice_, radius)
    return total


def _slice(corners, heights, u, d):
    """Corners of the slice of a box at a height, around its middle, in coordinates across the axis."""
    points = []
    for i, j in itertools.combinations(range(8), 2):
        if (i ^ j).bit_count() == 1 and (heights[i] - u) * (heights[j] - u) < 0.0:
            part = (u - heights[i]) / (heights[j] - heights[i])
            points.append(corners[i] + part * (corners[j] - corners[i]))
    if len(points) < 3:
        return np.empty((0, 2))
    e = np.cross(d, np.eye(3)[np.argmin(np.abs(d))])
    e /= np.linalg.norm(e)
    flat = np.array(points) @ np.column_stack([e, np.cross(d, e)])
    angles = np.arctan2(*(flat - flat.mean(axis=0)).T[::-1])
    return flat[np.argsort(angles)]


def _disc_in_polygon(polygon, r):
    """Area of a convex polygon in the disc around the origin, by the parts of each of its edges."""
    total = 0.0
    for p, q in zip(polygon, np.roll(polygon, -1, axis=0), strict=True):
        step = q - p
        c = p @ p - r * r
        half, square = p @ step, step @ step
        root = half * half - square * c
        cuts = [0.0, 1.0]
        if square and root > 0.0:
            cuts += [t for t in (-half + math.sqrt(root) * np.array([-1, 1])) / square if 0 < t < 1]
        for s, t in itertools.pairwise(sorted(cuts)):
            first, last = p + s * step, p + t * step
            cross, middle = first[0] * last[1] - first[1] * last[0], 0.5 * (first + last)
            inside = middle @ middle <= r * r
            total += 0.5 * (cross if inside else r * r * math.atan2(cross, first @ last))
    return total
