"""Tracking filters, rule by rule, in plain Python and NumPy on one sample."""

from __future__ import annotations

import math

import numpy as np
from oracle.components import components
from oracle.cutpoints import cutpoints as all_cutpoints
from oracle.cutpoints import default_cutoffs


def cutpoints(lines, max_distance, cutoffs=None):
    """Rows t, x, y, z, i, j in order of time; cutoffs by default those of the sample."""
    cutoffs = default_cutoffs(lines) if cutoffs is None else cutoffs
    return np.array(all_cutpoints(lines, max_distance, cutoffs), dtype=float).reshape(-1, 6)


def artificial_count(rows, true_fraction, max_tracers):
    return int(rows * true_fraction / max_tracers)


def smallest_cluster(rows, true_fraction, max_tracers):
    added = artificial_count(rows, true_fraction, max_tracers)
    least = int(true_fraction * (rows + added) / (max_tracers + 1))
    return max(2, min(least, rows))


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
    """Points in order of time with the number of their trajectory, in the order of their starts."""
    points = points[np.argsort(points[:, 0], kind="stable")]
    first = components(points, window, cut_distance, max_time_interval).tolist()
    finite = np.isfinite(points[:, :4]).all(axis=1)
    large = [
        row for row in sorted(set(first)) if finite[row] and first.count(row) >= min_trajectory_size
    ]
    labels = [float(large.index(row)) if row in large else -1.0 for row in first]
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
