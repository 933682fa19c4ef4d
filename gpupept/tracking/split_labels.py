"""Splitting samples into their clusters."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from gpupept.backend import array_namespace, device_of, to_device, to_host
from gpupept.base import BatchFilter, IterableSamples, LineData, PerSample, SampleGroups
from gpupept.base.batch_filter import as_batch
from gpupept.base.per_sample import take_samples
from gpupept.kernels.grouping import group_by_label
from gpupept.kernels.rows import consecutive, take_rows


class SplitLabels(BatchFilter):
    """Split each sample into one container per label, leaving out noise.

    Parameters
    ----------
    remove_labels : bool, default True
        Remove the column ``label`` from the clusters.
    extract_lines : bool, default False
        Return the lines that gave the points of each cluster instead, from the attribute
        ``_lines`` of the sample and its columns that start with ``line_index`` (see `Cutpoints`).
    noise : bool, default False
        Keep the rows labelled -1 as a cluster too, the first one.

    Notes
    -----
    Filter signature: ``PointData -> SplitLabels -> list[PointData]`` and alike for `LineData`;
    for a whole batch `gpupept.base.SampleGroups`, a sequence of such lists. Clusters are in
    rising order of label and keep all attributes; ``_lines`` is narrowed to the lines of the
    cluster. A sample without clusters gives one empty container. Rows labelled NaN belong to no
    cluster.

    Examples
    --------
    >>> import gpupept
    >>> from gpupept.tracking import SplitLabels
    >>> points = gpupept.PointData(
    ...     [[0, 1, 1, 1, 1], [1, 2, 2, 2, 0], [2, 3, 3, 3, -1], [3, 4, 4, 4, 1]],
    ...     columns=["t", "x", "y", "z", "label"],
    ... )
    >>> [cluster["t"].tolist() for cluster in SplitLabels().fit_sample(points)]
    [[1.0], [0.0, 3.0]]
    """

    def __init__(
        self, remove_labels: bool = True, extract_lines: bool = False, noise: bool = False
    ) -> None:
        self.remove_labels = bool(remove_labels)
        self.extract_lines = bool(extract_lines)
        self.noise = bool(noise)

    def fit_batch(self, samples: IterableSamples) -> SampleGroups:
        """Split every sample; see `BatchFilter.fit_batch`."""
        column = _label_column(samples)
        xp = array_namespace(samples.data)
        labels = xp.ascontiguousarray(samples.data[:, column])
        groups = group_by_label(labels, samples.row_ranges, self.noise)
        sizes, members = _with_empty_ones(groups.sizes, groups.per_sample)
        table = consecutive(members)
        owners = np.repeat(np.arange(len(samples)), members)
        lines = _cluster_lines(samples, groups.rows, sizes, owners, self.extract_lines)
        if self.extract_lines and lines is not None:
            return SampleGroups(lines, table)
        names = list(samples.columns)
        kept = [i for i in range(len(names)) if not (self.remove_labels and i == column)]
        attrs = take_samples(samples.attrs, owners)
        if lines is not None:
            attrs["_lines"] = PerSample(lines)
        clusters = type(samples).from_batch(
            take_rows(samples.data, groups.rows, kept),
            sizes=sizes,
            columns=[names[i] for i in kept],
            attrs=attrs,
        )
        return SampleGroups(clusters, table)


def _label_column(samples: IterableSamples) -> int:
    names = list(samples.columns)
    if "label" not in names:
        raise ValueError(f"samples need a column 'label' to split by, found {names}")
    return names.index("label")


def _with_empty_ones(sizes: np.ndarray, per_sample: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Give each sample without clusters an empty one: (sizes of clusters, clusters per sample)."""
    before = np.cumsum(per_sample) - per_sample
    filled: np.ndarray = np.insert(sizes, before[per_sample == 0], 0)
    return filled, np.maximum(per_sample, 1)


def _cluster_lines(
    samples: IterableSamples, rows: Any, sizes: np.ndarray, owners: np.ndarray, wanted: bool
) -> LineData | None:
    """Lines that gave the points of each cluster, one sample per cluster; None if not known."""
    lines = samples.attrs.get("_lines")
    if lines is None:
        if wanted:
            raise ValueError(
                "extract_lines needs the attribute '_lines'; use Cutpoints(..., append_indices=True)"
            )
        return None
    columns = [i for i, name in enumerate(samples.columns) if name.startswith("line_index")]
    if not columns:
        warnings.warn(
            "samples have the attribute '_lines' but no columns starting with 'line_index', so the "
            "lines of a cluster are not known",
            RuntimeWarning,
            stacklevel=4,
        )
        return None
    source, ranges, per_sample = _line_ranges(lines, len(samples))
    indices = take_rows(samples.data, rows, columns)
    numbers, counts = _distinct_lines(indices, sizes, ranges[owners])
    attrs = take_samples(source.attrs, owners) if per_sample else source.with_samples().attrs
    return type(source).from_batch(
        take_rows(source.data, numbers), sizes=counts, columns=source.columns, attrs=attrs
    )


def _line_ranges(lines: Any, samples: int) -> tuple[LineData, np.ndarray, bool]:
    """Container of the lines, rows that belong to each sample, whether it has as many samples."""
    per_sample = isinstance(lines, PerSample)
    source = as_batch(lines.values, LineData) if per_sample else lines
    if not isinstance(source, LineData):
        raise TypeError(f"attribute '_lines' must be LineData, found {lines!r}")
    if per_sample:
        return source, source.row_ranges, True
    return source, np.repeat([[0, len(source.data)]], samples, axis=0), False


def _distinct_lines(indices: Any, sizes: np.ndarray, ranges: np.ndarray) -> tuple[Any, np.ndarray]:
    """Rows of the distinct lines of each cluster in rising order, and their number."""
    xp = array_namespace(indices)
    device = device_of(indices)
    longest = int((ranges[:, 1] - ranges[:, 0]).max(initial=0))
    cluster = to_device(np.repeat(np.arange(len(sizes)), sizes), device)
    available = to_device(np.repeat(ranges[:, 1] - ranges[:, 0], sizes), device)
    if not bool(((indices >= 0) & (indices < available[:, None])).all()):
        raise ValueError(
            "columns 'line_index...' point outside the lines in the attribute '_lines'; were the "
            "samples redefined after the cutpoints were found?"
        )
    keys = xp.unique(cluster[:, None] * longest + indices.astype(np.int64))
    owner = keys // max(longest, 1)
    starts = to_device(np.ascontiguousarray(ranges[:, 0]), device)
    counts = to_host(xp.bincount(owner, minlength=len(sizes))).astype(np.int64)
    return keys - owner * longest + starts[owner], counts
