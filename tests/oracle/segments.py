"""Centroids of one segment, with sums that do not round."""

from __future__ import annotations

import math

import numpy as np


def _sum(values):
    return math.fsum(values) if np.isfinite(values).all() else float(np.sum(values))


def centroid(rows, weights):
    """Weighted (mean of every column, standard deviation of the distances, total weight)."""
    total = _sum(weights)
    if total == 0.0:
        return np.full(rows.shape[1], np.nan), np.nan, total
    mean = np.array([_sum(weights * column) for column in rows.T]) / total
    apart = np.sqrt(((rows[:, 1:4] - mean[1:4]) ** 2).sum(axis=1))
    typical = _sum(weights * apart) / total
    return mean, np.sqrt(_sum(weights * (apart - typical) ** 2) / total), total
