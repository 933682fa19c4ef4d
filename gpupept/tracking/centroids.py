"""Centroids of clusters: the positions of the tracers."""

from __future__ import annotations

from typing import Any

import numpy as np

from gpupept.backend import array_namespace, to_host
from gpupept.base import BatchFilter, IterableSamples, PointData, SampleGroups
from gpupept.base.per_sample import take_samples
from gpupept.kernels import Array
from gpupept.kernels.rows import consecutive
from gpupept.kernels.segments import Centroids as SegmentCentroids
from gpupept.kernels.segments import segment_centroids
from gpupept.tracking.columns import append_columns


class Centroids(BatchFilter):
    """Reduce each cluster of a sample to its centroid.

    Parameters
    ----------
    error : bool, default False
        Append a column ``error``: the standard deviation (ddof 0) of the distances (mm) between
        the points and their centroid. It is their spread, not their root mean square.
    cluster_size : bool, default False
        Append a column ``cluster_size``: the number of points, or the sum of their weights.
    weight : bool, default True
        Weight the points by the column ``weight``, if there is one, and leave the column out.

    Notes
    -----
    Filter signature: ``PointData -> Centroids -> PointData`` (one row) and ``list[PointData] ->
    Centroids -> PointData`` (one row per element that is not empty). A row is the mean of all
    columns; those appended replace others of their names. Attributes whose names start with an
    underscore are dropped.

    Examples
    --------
    >>> import gpupept
    >>> from gpupept.tracking import Centroids
    >>> cluster = gpupept.PointData([[0, 1, 2, 3], [2, 3, 2, 3]])
    >>> Centroids(cluster_size=True).fit_sample(cluster).points
    array([[1., 2., 2., 3., 2.]])
    """

    _sample_type = PointData
    _takes_groups = True

    def __init__(
        self, error: bool = False, cluster_size: bool = False, weight: bool = True
    ) -> None:
        self.error = bool(error)
        self.cluster_size = bool(cluster_size)
        self.weight = bool(weight)

    def fit_batch(self, samples: IterableSamples | SampleGroups) -> PointData:
        """Reduce every sample; see `BatchFilter.fit_batch`."""
        clusters, owners, first = clusters_and_owners(samples)
        names = list(clusters.columns)
        weighted = names.index("weight") if self.weight and "weight" in names else -1
        ranges = clusters.row_ranges
        result = segment_centroids(clusters.data, ranges, weighted)
        kept = ranges[:, 1] > ranges[:, 0]
        if weighted >= 0:
            kept &= to_host(result.totals) != 0.0
        rows, columns = self._rows(result, kept, names, weighted)
        attrs = take_samples(clusters.extra_attrs(), first)
        sizes = np.bincount(owners[kept], minlength=len(samples))
        return PointData.from_batch(rows, sizes=sizes, columns=columns, attrs=attrs)

    def _rows(
        self, result: SegmentCentroids, kept: np.ndarray, names: list[str], weighted: int
    ) -> tuple[Array, list[str]]:
        """Rows of the centroids that exist, and the names of their columns."""
        xp = array_namespace(result.means)
        chosen = xp.asarray(np.nonzero(kept)[0])
        columns = [i for i in range(len(names)) if i != weighted]
        added = {}
        if self.error:
            added["error"] = result.spreads[chosen]
        if self.cluster_size:
            added["cluster_size"] = result.totals[chosen]
        means = result.means[chosen][:, columns]
        labels = [names[i] for i in columns]
        return append_columns(means, labels, list(added.values()), list(added))


def clusters_and_owners(
    samples: IterableSamples | SampleGroups,
) -> tuple[Any, np.ndarray, np.ndarray]:
    """Find the container of all clusters and the samples that these belong to.

    Parameters
    ----------
    samples : container or SampleGroups
        A container has one cluster per sample.

    Returns
    -------
    clusters : container
        All clusters, as its samples.
    owners : (K,) int64 array
        The sample that each cluster belongs to, rising.
    first : (S,) int64 array
        First cluster of each sample.

    Raises
    ------
    ValueError
        If a sample is an empty list.
    """
    if not isinstance(samples, SampleGroups):
        return samples, np.arange(len(samples)), np.arange(len(samples))
    table = samples.groups_indices
    counts = table[:, 1] - table[:, 0]
    if (counts == 0).any():
        raise ValueError(f"sample {int(np.argmin(counts))} is an empty list of clusters")
    clusters = samples.members
    if not (table == consecutive(counts)).all() or counts.sum() != len(clusters):
        samples = samples[:]
        clusters, table = samples.members, samples.groups_indices
    return clusters, np.repeat(np.arange(len(counts)), counts), table[:, 0]
