"""Measures of trajectories: how far apart two sets of them are, and the circles they run on."""

from __future__ import annotations

import numpy as np


def pair_by_distance(found, expected):
    """Pair each trajectory (rows t, x, y, z, label) with the nearest of the others, one to one."""
    pairs, free = [], sorted(set(expected[:, 4]))
    for label in sorted(set(found[:, 4])):
        mine = found[found[:, 4] == label]
        nearest = min(free, key=lambda other: np.median(distances(mine, expected, other)))
        free.remove(nearest)
        pairs.append((mine, expected[expected[:, 4] == nearest]))
    return pairs


def differences(mine, theirs):
    """Positions less those of the other trajectory, interpolated linearly to the same times."""
    inside = (mine[:, 0] >= theirs[0, 0]) & (mine[:, 0] <= theirs[-1, 0])
    mine = mine[inside]
    there = [np.interp(mine[:, 0], theirs[:, 0], theirs[:, column]) for column in (1, 2, 3)]
    return mine[:, 1:4] - np.column_stack(there)


def distances(mine, expected, label):
    return np.linalg.norm(differences(mine, expected[expected[:, 4] == label]), axis=1)


def circle_radius(positions):
    """Radius of the circle that fits positions in space: best plane, then least squares in it."""
    centred = positions - positions.mean(axis=0)
    plane = centred @ np.linalg.svd(centred, full_matrices=False)[2][:2].T
    table = np.column_stack([2 * plane, np.ones(len(plane))])
    (a, b, c), *_ = np.linalg.lstsq(table, (plane**2).sum(axis=1), rcond=None)
    return float(np.sqrt(c + a * a + b * b))
