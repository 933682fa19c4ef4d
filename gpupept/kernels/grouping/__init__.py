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
    xp = array_namespace(labels)
    lengths = samples[:, 1] - samples[:, 0]
    device = device_of(labels)
    sample = to_device(np.repeat(np.arange(len(samples)), lengths), device)
    within = np.arange(lengths.sum()) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    rows = to_device(within + np.repeat(samples[:, 0], lengths), device)
    label = labels[rows]
    kept = ~xp.isnan(label) if noise else ~xp.isnan(label) & (label != -1)
    rows, label, sample = rows[kept], label[kept], sample[kept]
    order = xp.lexsort(xp.stack([label, sample.astype(np.float64)]))
    rows, label, sample = rows[order], label[order], sample[order]
    fresh = xp.ones(len(rows), dtype=bool)
    fresh[1:] = (label[1:] != label[:-1]) | (sample[1:] != sample[:-1])
    starts = to_host(xp.nonzero(fresh)[0])
    sizes = np.diff(np.append(starts, len(rows))).astype(np.int64)
    owners = to_host(sample[fresh])
    return Groups(rows, sizes, np.bincount(owners, minlength=len(samples)).astype(np.int64))
