"""Grouping the rows of samples by label with dictionaries."""

from __future__ import annotations

import math


def groups(labels, samples, noise):
    """For each sample, the lists of rows of its groups."""
    grouped = []
    for start, stop in samples:
        members = {}
        for row in range(start, stop):
            label = float(labels[row])
            if not math.isnan(label) and (noise or label != -1.0):
                members.setdefault(label, []).append(row)
        grouped.append([members[label] for label in sorted(members)])
    return grouped
