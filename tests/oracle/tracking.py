"""Tracking filters, rule by rule, in plain Python and NumPy on one sample."""

from __future__ import annotations

import math
from collections import defaultdict

import numpy as np


def default_cutoffs(lines):
    """Smallest and largest coordinate per axis over both ends of the finite lines."""
    finite = [line for line in lines if np.isfinite(line[:7]).all()]
    if not finite:
        return [math.nan] * 6
    limits = []
    for axis in range(3):
        values = [line[1 + axis] for line in finite] + [line[4 + axis] for line in finite]
        limits += [min(values), max(values)]
    return limits


def cutpoints(lines, max_distance, cutoffs=None):
    """Rows t, x, y, z, i, j in order of time, then of (i, j)."""
    cutoffs = default_cutoffs(lines) if cutoffs is None else cutoffs
    rows = []
    for i in range(len(lines)):
        for j in range(i + 1, len(lines)):
            row = _cutpoint(lines[i], lines[j], max_distance, cutoffs)
            if row is not None:
                rows.append([*row, i, j])
    rows.sort(key=lambda row: row[0])
    return np.array(rows, dtype=float).reshape(len(rows), 6)


def _cutpoint(first, second, max_distance, cutoffs):
    if not (np.isfinite(first[:7]).all() and np.isfinite(second[:7]).all()):
        return None
    p, u = first[1:4], first[4:7] - first[1:4]
    q, r = second[1:4], second[4:7] - second[1:4]
    a, b, c = u @ u, u @ r, r @ r
    d, e = u @ (q - p), r @ (q - p)
    determinant = b * b - a * c
    if abs(determinant) <= 1e-14 * a * c:
        return None
    near = p + (b * e - c * d) / determinant * u
    other = q + (a * e - b * d) / determinant * r
    middle = (near + other) / 2
    if not (near - other) @ (near - other) < max_distance**2:
        return None
    if not all(cutoffs[2 * k] < middle[k] < cutoffs[2 * k + 1] for k in range(3)):
        return None
    return [(first[0] + second[0]) / 2, *middle]


def artificial_count(rows, true_fraction, max_tracers):
    return int(rows * true_fraction / max_tracers)


def smallest_cluster(rows, true_fraction, max_tracers):
    added = artificial_count(rows, true_fraction, max_tracers)
    least = int(true_fraction * (rows + added) / (max_tracers + 1))
    return max(2, min(least, rows))


def artificial_cloud(points, normals):
    """Artificial points: Tukey's upper fence and 0.3 interquartile ranges, per axis."""
    cloud = np.empty((len(normals), 3))
    for axis in range(3):
        values = points[:, 1 + axis][np.isfinite(points[:, 1 + axis])]
        lower, upper = np.quantile(values, [0.25, 0.75]) if len(values) else (math.nan, math.nan)
        spread = upper - lower
        cloud[:, axis] = upper + 1.5 * spread + 0.3 * spread * normals[:, axis]
    return cloud


def discard(labels, artificial, strict):
    """Labels of the real points once the clusters that are artificial are gone."""
    members, strangers = defaultdict(int), defaultdict(int)
    for label in labels:
        members[label] += 1
    for label in artificial:
        members[label] += 1
        strangers[label] += 1
    kept = [
        label
        for label in sorted(members)
        if label != -1
        and (strangers[label] == 0 if strict else 2 * strangers[label] < members[label])
    ]
    return [kept.index(label) if label in kept else -1 for label in labels]


def split_labels(table, column, remove=True, noise=False):
    """One array per label in rising order; one empty array if there is none."""
    labels = sorted({row[column] for row in table if not math.isnan(row[column])})
    kept = [i for i in range(table.shape[1]) if not (remove and i == column)]
    chosen = [label for label in labels if label != -1 or noise]
    if not chosen:
        return [table[:0, kept]]
    return [table[[row[column] == label for row in table]][:, kept] for label in chosen]


def group_by(table, column):
    """One array per distinct value in rising order, rows with NaN last."""
    if not len(table):
        return [table]
    values = sorted({row[column] for row in table if not math.isnan(row[column])})
    groups = [table[[row[column] == value for row in table]] for value in values]
    lost = table[[math.isnan(row[column]) for row in table]]
    return groups + [lost] * bool(len(lost))


def centroids(clusters, error=False, cluster_size=False, weight=None):
    """One row per cluster that is not empty; `weight` is the number of the column of weights."""
    rows = []
    for cluster in clusters:
        weights = np.ones(len(cluster)) if weight is None else cluster[:, weight]
        total = weights.sum()
        if not len(cluster) or total == 0:
            continue
        mean = (weights[:, None] * cluster).sum(axis=0) / total
        distances = np.sqrt(((cluster[:, 1:4] - mean[1:4]) ** 2).sum(axis=1))
        middle = (weights * distances).sum() / total
        spread = math.sqrt((weights * (distances - middle) ** 2).sum() / total)
        row = [value for i, value in enumerate(mean) if i != weight]
        rows.append(row + [spread] * error + [total] * cluster_size)
    return rows


def segregate(points, window, cut_distance, min_trajectory_size=5, max_time_interval=math.inf):
    """Points in order of time with the number of their trajectory, found by walking the links."""
    points = points[np.argsort(points[:, 0], kind="stable")]
    finite = np.isfinite(points[:, :4]).all(axis=1)
    links = defaultdict(list)
    for i in range(len(points)):
        for j in range(i + 1, min(len(points), i + window + 1)):
            if not (finite[i] and finite[j]):
                continue
            near = math.dist(points[i, 1:4], points[j, 1:4]) < cut_distance
            if near and points[j, 0] - points[i, 0] <= max_time_interval:
                links[i].append(j)
                links[j].append(i)
    labels, number = [-1.0] * len(points), 0
    seen = set()
    for start in range(len(points)):
        if start in seen or not finite[start]:
            continue
        found, waiting = set(), [start]
        while waiting:
            row = waiting.pop()
            if row not in found:
                found.add(row)
                waiting += links[row]
        seen |= found
        if len(found) >= min_trajectory_size:
            for row in found:
                labels[row] = float(number)
            number += 1
    return np.column_stack([points, labels])


def same_partition(labels, expected):
    """Number of points left over when clusters are matched one to one, and whether their number agrees."""
    labels, expected = np.asarray(labels, dtype=int), np.asarray(expected, dtype=int)
    common = np.zeros((labels.max(initial=-1) + 1, expected.max(initial=-1) + 1), dtype=int)
    both = (labels >= 0) & (expected >= 0)
    np.add.at(common, (labels[both], expected[both]), 1)
    matched = int(((labels == -1) & (expected == -1)).sum())
    left = common.copy()
    while left.size and left.max() > 0:
        a, b = np.unravel_index(left.argmax(), left.shape)
        matched += int(left[a, b])
        left[a, :] = left[:, b] = 0
    return len(labels) - matched, common.shape[0] == common.shape[1]
