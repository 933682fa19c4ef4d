"""The artificial cluster, one sample at a time in plain NumPy."""

from __future__ import annotations

import numpy as np


def positions(points, added, normals):
    """Positions of a sample (N, 4 or more) and then `added` artificial ones."""
    xyz = points[:, 1:4]
    centre, deviation = np.full(3, np.nan), np.full(3, np.nan)
    for axis in range(3):
        finite = xyz[np.isfinite(xyz[:, axis]), axis]
        if len(finite):
            with np.errstate(over="ignore", invalid="ignore"):
                lower, upper = np.quantile(finite, [0.25, 0.75])
                centre[axis] = upper + 1.5 * (upper - lower)
                deviation[axis] = 0.3 * (upper - lower)
    with np.errstate(over="ignore", invalid="ignore"):
        return np.concatenate([xyz, centre + deviation * normals[:added]])


def discard(labels, real, strict):
    """Labels of the first `real` points, clusters that are artificial removed."""
    artificial = labels[real:]
    numbers = {-1: -1}
    kept = 0
    for label in np.unique(labels[labels >= 0]).tolist():
        strangers = int((artificial == label).sum())
        members = int((labels == label).sum())
        is_artificial = strangers > 0 if strict else 2 * strangers >= members
        numbers[label] = -1 if is_artificial else kept
        kept += not is_artificial
    return np.array([numbers[label] for label in labels[:real].tolist()], dtype=np.int64)
