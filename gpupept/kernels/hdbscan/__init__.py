"""Exact HDBSCAN of many point clouds at once.

Semantics: R. J. G. B. Campello, D. Moulavi, J. Sander (2013), with excess-of-mass selection, and the
conventions of the package hdbscan 0.8.44 (`min_samples` does not count the point itself; ties between
the stability of a cluster and of its descendants keep the cluster). Mutual-reachability distances tie
all the time; here the spanning tree starts at the first point, equal edges are taken in the order of the
points, and edges of equal length merge in the order in which they joined the tree, so labels are the
same on every device, for every batch and in every run.
"""

from __future__ import annotations

from types import ModuleType
from typing import NamedTuple

import numpy as np

from gpupept.backend import array_namespace, device_of, device_scope, is_device_array
from gpupept.kernels import Array
from gpupept.kernels.threads import run_ranges

# Squares of larger coordinates leave the range of numbers; such points count as non-finite.
LARGEST_COORDINATE = 1e150


class Clusters(NamedTuple):
    """Result of `hdbscan`; arrays live where the points live.

    Attributes
    ----------
    labels : (M,) int64
        Cluster number within the sample from 0, or -1 for noise.
    probabilities : (M,) float64
        Membership strength from 0 (noise) to 1.
    persistence : (M,) float64
        Of sample s, ``persistence[offsets[s] : offsets[s] + found[s]]``: one value per cluster.
    found : (S,) int64
        Number of clusters per sample.
    core : (M,) float64
        Squared core distances (mm^2); NaN for unusable points.
    weights : (M,) float64
        Squared edge lengths of the spanning trees (mm^2), n - 1 per sample of n usable points, in the
        order in which the edges joined; NaN elsewhere.
    """

    labels: Array
    probabilities: Array
    persistence: Array
    found: Array
    core: Array
    weights: Array


def hdbscan(
    points: Array,
    offsets: np.ndarray,
    min_samples: np.ndarray,
    min_cluster_size: np.ndarray,
    single: bool = False,
    leaves: bool = False,
) -> Clusters:
    """Cluster every sample of a ragged batch.

    Parameters
    ----------
    points : (M, 3) float64, C-contiguous
        Positions (mm), the samples one after another. Points with a coordinate that is not finite or
        beyond 1e150 in magnitude are left out and labelled -1.
    offsets : (S + 1,) int64, on the host
        Sample s holds rows ``offsets[s] .. offsets[s + 1] - 1``; samples may be empty.
    min_samples, min_cluster_size : (S,) int64, on the host
        Neighbours that define the core distance, taken as from 1 to n - 1, and the smallest cluster,
        taken as at least 2.
    single : bool
        Whether a sample may be one single cluster.
    leaves : bool
        Select the clusters that do not split, instead of those with the largest excess of mass.
    """
    xp = array_namespace(points)
    if is_device_array(points):
        from gpupept.kernels.hdbscan.device import cluster_on_device

        with device_scope(device_of(points)):
            result = _empty_result(xp, len(points), len(offsets) - 1)
            cluster_on_device(
                points, offsets, min_samples, min_cluster_size, single, leaves, result
            )
        return result
    from gpupept.kernels.hdbscan.samples import cluster_samples

    result = _empty_result(xp, len(points), len(offsets) - 1)

    def task(begin: int, end: int) -> None:
        cluster_samples(
            begin,
            end,
            points,
            offsets,
            min_samples,
            min_cluster_size,
            bool(single),
            bool(leaves),
            *result,
        )

    run_ranges(task, np.diff(offsets).astype(np.float64) ** 2)
    return result


def _empty_result(xp: ModuleType, points: int, samples: int) -> Clusters:
    return Clusters(
        xp.empty(points, dtype=np.int64),
        xp.empty(points, dtype=np.float64),
        xp.empty(points, dtype=np.float64),
        xp.empty(samples, dtype=np.int64),
        xp.empty(points, dtype=np.float64),
        xp.empty(points, dtype=np.float64),
    )
