"""Expectation maximisation in the space of lines, frame by frame and component by component."""

from __future__ import annotations

import numpy as np

MOST_CANDIDATES, MOST_LINES = 128, 2048


def usable(lines):
    rows = lines[:, :7]
    with np.errstate(invalid="ignore"):
        return (np.abs(rows) <= 1e100).all(axis=1) & (rows[:, 1:4] != rows[:, 4:7]).any(axis=1)


def times(lines):
    """Number of lines that count, mean and standard deviation of their times."""
    moments = lines[usable(lines), 0]
    if not len(moments):
        return np.array([0.0, 0.0, 1.0])
    return np.array([len(moments), moments.mean(), moments.std() or 1.0])


def geometry(lines):
    """A point of each line and the matrix that projects across it."""
    rows = lines[usable(lines)]
    directions = rows[:, 4:7] - rows[:, 1:4]
    directions = directions / np.abs(directions).max(axis=1, keepdims=True)
    directions = directions / np.linalg.norm(directions, axis=1, keepdims=True)
    return rows[:, 1:4], np.eye(3) - directions[:, :, None] * directions[:, None, :]


def _powers(lines, order):
    """Powers of the times from their mean, (N, order + 1)."""
    moments = lines[usable(lines), 0]
    return (moments - moments.mean())[:, None] ** np.arange(order + 1)


def squares(lines, path):
    """Squared distance of each line from a path at its time."""
    points, projections = geometry(lines)
    places = _powers(lines, len(path) // 3 - 1) @ path.reshape(-1, 3)
    return (np.einsum("nij,nj->ni", projections, places - points) ** 2).sum(axis=1)


def densities(lines, table, area):
    """What each component, and in the first column the outliers, add to the density of each line."""
    parts = [np.full(usable(lines).sum(), max(1.0 - table[:, -1].sum(), 1e-12) / area)]
    for *path, square, weight in table:
        if weight > 0.0:
            exponent = -squares(lines, np.array(path)) / (2 * square)
            parts.append(weight * np.exp(exponent) / (2 * np.pi * square))
        else:
            parts.append(np.zeros_like(parts[0]))
    return np.column_stack(parts)


def likelihood(lines, table, area):
    """Log-likelihood of a frame."""
    return np.log(densities(lines, table, area).sum(axis=1)).sum()


def step(lines, table, area, floor):
    """Components after one step, and the mean times of their lines from that of the frame."""
    parts = densities(lines, table, area)
    shares = (parts / parts.sum(axis=1, keepdims=True))[:, 1:]
    points, projections = geometry(lines)
    order = (table.shape[1] - 2) // 3 - 1
    powers, scale = _powers(lines, order), times(lines)[2]
    new, delays = table.copy(), np.zeros(len(table))
    for k, w in enumerate(shares.T):
        if not table[k, -1] > 0.0:
            continue
        # Design matrix of the lines: projections times powers, in units that make columns alike.
        units = scale ** -np.arange(order + 1.0)
        design = np.einsum("nm,nij->nimj", powers * units, projections)
        design = design.reshape(3 * len(w), -1) * np.sqrt(w).repeat(3)[:, None]
        goal = (np.einsum("nij,nj->ni", projections, points) * np.sqrt(w)[:, None]).ravel()
        path = np.linalg.lstsq(design, goal, rcond=None)[0].reshape(-1, 3) * units[:, None]
        new[k, :-2] = path.ravel()
        square = (w * squares(lines, new[k, :-2])).sum() / (2 * w.sum())
        new[k, -2:] = max(square, floor**2), w.mean()
        delays[k] = (w * (lines[usable(lines), 0] - times(lines)[1])).sum() / w.sum()
    return new, delays


def _distances(place, points, projections):
    return np.linalg.norm(np.einsum("nij,nj->ni", projections, place - points), axis=1)


def _meeting(first, second):
    """Nearest points of two lines, or None for parallel ones."""
    p, u = first[1:4], first[4:7] - first[1:4]
    q, v = second[1:4], second[4:7] - second[1:4]
    u, v = u / np.linalg.norm(u), v / np.linalg.norm(v)
    if not 1.0 - (u @ v) ** 2 > 1e-12:
        return None
    a, b = np.linalg.lstsq(np.column_stack([u, -v]), q - p, rcond=None)[0]
    return p + a * u, q + b * v


def seeds(lines, draws, taken, count, reach):
    """Places that many lines pass, (count, 4)."""
    found = np.zeros((count, 4))
    good, candidates = usable(lines), []
    for one, other in (draws * len(lines)).astype(int) if len(lines) else ():
        if good[one] and good[other] and len(candidates) < MOST_CANDIDATES:
            meeting = _meeting(lines[one], lines[other])
            if meeting and np.linalg.norm(meeting[0] - meeting[1]) <= reach:
                candidates.append((meeting[0] + meeting[1]) / 2)
    stride = 1 + (max(len(lines), 1) - 1) // MOST_LINES
    points, projections = geometry(lines[::stride])
    left = np.ones(len(points))
    for place in taken:
        if not np.isnan(place[0]):
            left *= np.minimum(1.0, (_distances(place, points, projections) / reach) ** 2)
    for k in range(count):
        near = [
            np.maximum(1.0 - (_distances(c, points, projections) / reach) ** 2, 0.0) ** 2
            for c in candidates
        ]
        scores = [(left * share).sum() for share in near]
        if scores and max(scores) > 0.0:
            best = int(np.argmax(scores))
            found[k] = [*candidates[best], scores[best] * stride]
            left *= np.minimum(
                1.0, (_distances(candidates[best], points, projections) / reach) ** 2
            )
    return found
