"""Joining pieces of trajectories, piece by piece and pair by pair."""

from __future__ import annotations

import math

import numpy as np


def reconnect(points, tmax, dmax, label, num_points, signatures):
    """List of pieces with their new labels, then the rows that are no piece, if there are any."""
    points = points[np.argsort(points[:, 0], kind="stable")]
    values = points[:, label]
    labels = sorted({v for v in values.tolist() if v != -1 and not math.isnan(v)})
    pieces = [points[values == value].copy() for value in labels]
    pieces.sort(key=lambda piece: (math.isnan(piece[0, 0]), piece[0, 0]))
    pairs = []
    for i, earlier in enumerate(pieces):
        for j, later in enumerate(pieces):
            cost = pair_cost(earlier, later, tmax, dmax, num_points, signatures)
            if cost is not None:
                pairs.append((cost, i, j))
    continues = {}
    for _, i, j in sorted(pairs):
        if j not in continues and i not in continues.values():
            continues[j] = i
    firsts = [first_of(i, continues) for i in range(len(pieces))]
    kept = sorted({pieces[i][0, label] for i in firsts})
    numbers = [float(kept.index(pieces[i][0, label])) for i in firsts]
    for piece, number in zip(pieces, numbers, strict=True):
        piece[:, label] = number
    rest = points[(values == -1) | np.isnan(values)]
    return pieces + ([rest] if len(rest) or not pieces else [])


def first_of(piece, continues):
    while piece in continues:
        piece = continues[piece]
    return piece


def pair_cost(earlier, later, tmax, dmax, num_points, signatures):
    """None if the pair is not allowed."""
    gap = later[0, 0] - earlier[-1, 0]
    if not (gap > 0 and gap < tmax):
        return None
    apart = later[:num_points].mean(axis=0) - earlier[-num_points:].mean(axis=0)
    costs = []
    distance = np.hypot(np.hypot(apart[1], apart[2]), apart[3])
    for difference, limit in [(distance, dmax)] + [(abs(apart[c]), s) for c, s in signatures]:
        if not difference < limit:
            return None
        costs.append(difference / limit)
    return float(np.mean(costs))
