"""Bring the rows of each sample together by label."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from gpupept.backend import array_namespace, device_of, is_device_array, to_device, to_host
from gpupept.kernels import Array
from gpupept.kernels.threads import run_ranges


class Groups(NamedTuple):
    """Result of `group_by_label`.

    Attributes
    ----------
    rows : (K,) int64, where the labels are
        Row numbers, group after group, in their original order within a group.
    sizes : (G,) int64, on the host
        Number of rows of each group.
    per_sample : (S,) int64, on the host
        Number of groups of each sample.
    """

    rows: Array
    sizes: np.ndarray
    per_sample: np.ndarray


def group_by_label(labels: Array, samples: np.ndarray, noise: bool = False) -> Groups:
    """Group the rows of each sample by label, in rising order of label.

    Parameters
    ----------
    labels : (R,) float64
        Label of each row; rows labelled NaN belong to no group.
    samples : (S, 2) int64, on the host
        Row range of each sample; ranges may overlap and may be empty.
    noise : bool
        Whether rows labelled -1 form a group too.
    """
    if is_device_array(labels):
        return _group_on_device(labels, samples, noise)
    from gpupept.kernels.grouping.samples import collect_groups, group_samples

    lengths = samples[:, 1] - samples[:, 0]
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    order, ends = np.empty(offsets[-1], np.int64), np.empty(offsets[-1], np.int64)
    kept, per_sample = np.zeros(len(samples), np.int64), np.zeros(len(samples), np.int64)

    def task(begin: int, end: int) -> None:
        group_samples(
            begin, end, labels, samples, offsets, bool(noise), order, ends, kept, per_sample
        )

    run_ranges(task, lengths)
    rows = np.empty(kept.sum(), np.int64)
    sizes = np.empty(per_sample.sum(), np.int64)
    collect_groups(order, ends, offsets, kept, per_sample, rows, sizes)
    return Groups(rows, sizes, per_sample)


def _group_on_device(labels: Array, samples: np.ndarray, noise: bool) -> Groups:
    """Sort by (sample, label); two small copies to the host: how many groups, and their starts."""
    xp = array_namespace(labels)
    count = len(samples)
    lengths = samples[:, 1] - samples[:, 0]
    total = int(lengths.sum())
    if total == 0:
        return Groups(xp.empty(0, np.int64), np.empty(0, np.int64), np.zeros(count, np.int64))
    before = np.cumsum(lengths) - lengths
    table = to_device(np.stack([before, samples[:, 0] - before]), device_of(labels))
    place = xp.arange(total, dtype=np.int64)
    sample = xp.searchsorted(table[0], place, side="right") - 1
    rows = place + table[1][sample]
    label = labels[rows]
    dropped = xp.isnan(label) if noise else xp.isnan(label) | (label == -1)
    sample = xp.where(dropped, count, sample)  # so that they come last
    label = xp.where(dropped, 0.0, label)
    order = xp.lexsort(xp.stack([label, sample.astype(np.float64)]))
    rows, label, sample = rows[order], label[order], sample[order]
    fresh = xp.ones(total, dtype=bool)
    fresh[1:] = (label[1:] != label[:-1]) | (sample[1:] != sample[:-1])
    starts = xp.nonzero(fresh)[0]
    begins, owners = to_host(xp.stack([starts, sample[starts]]))
    sizes = np.diff(np.append(begins, total))[owners < count].astype(np.int64)
    per_sample = np.bincount(owners[owners < count], minlength=count).astype(np.int64)
    return Groups(rows[: int(sizes.sum())], sizes, per_sample)
