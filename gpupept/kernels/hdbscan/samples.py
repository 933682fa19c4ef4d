"""HDBSCAN of many samples on the CPU: the stages of one sample, run over ranges of samples."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

from gpupept.kernels.hdbscan import LARGEST_COORDINATE
from gpupept.kernels.hdbscan.condense import condense, dendrogram, label, select, select_leaves
from gpupept.kernels.hdbscan.core_distances import BLOCK, core_distances, kd_blocks
from gpupept.kernels.hdbscan.spanning_tree import spanning_tree


class Scratch(NamedTuple):
    """Working arrays of one thread, long enough for its largest sample."""

    xyz: np.ndarray
    kd_points: np.ndarray
    boxes: np.ndarray
    points: np.ndarray
    indices: np.ndarray
    links: np.ndarray
    nodes: np.ndarray
    fallen: np.ndarray
    children: np.ndarray
    tree: np.ndarray


@njit(nogil=True, cache=True)
def _scratch(largest):
    length = (largest // BLOCK + 2) * BLOCK
    return Scratch(
        np.empty((3, length), np.float64),
        np.empty((3, length), np.float64),
        np.empty((6, length // BLOCK), np.float64),
        np.empty((5, length), np.float64),
        np.empty((6, length), np.int64),
        np.empty((2, length), np.int32),
        np.empty((4, 2 * length), np.int64),
        np.empty(2 * length, np.float64),
        np.empty((length, 2), np.int64),
        np.empty((3, length), np.float64),
    )


@njit(nogil=True, cache=True)
def _usable_points(points, start, stop, xyz, member):
    """Copy the usable points to `xyz` and their rows, counted from `start`, to `member`."""
    n = 0
    for i in range(start, stop):
        usable = True
        for a in range(3):
            usable &= abs(points[i, a]) <= LARGEST_COORDINATE
            xyz[a, n] = points[i, a]
        member[n] = i - start
        n += usable
    return n


@njit(nogil=True, cache=True)
def _tree(n, k, scratch, core, edges, weights):
    """Core distances and spanning tree of the n points in ``scratch.xyz``."""
    order, parent, index = scratch.indices[0], scratch.links[0], scratch.links[1]
    near, found, kd_core = scratch.points[0], scratch.points[1], scratch.points[2]
    kd_blocks(scratch.xyz, n, order, scratch.kd_points, scratch.boxes)
    core_distances(n, k, order, scratch.kd_points, scratch.boxes, near, found, kd_core)
    for i in range(n):
        core[order[i]] = scratch.points[3, order[i]] = kd_core[i]
    key = scratch.points[4]
    spanning_tree(scratch.xyz, scratch.points[3], n, key, parent, index, edges, weights)


@njit(nogil=True, cache=True)
def _flatten(n, least, single, leaves, scratch, edges, weights, labels, probabilities, persistence):
    """Labels, probabilities and persistence from the spanning tree; the number of clusters."""
    order, parent, chosen, number = (
        scratch.indices[1],
        scratch.indices[2],
        scratch.indices[3],
        scratch.indices[4],
    )
    above, first, size, alive = (
        scratch.nodes[0],
        scratch.nodes[1],
        scratch.nodes[2],
        scratch.nodes[3],
    )
    children, fallen, tree = scratch.children, scratch.fallen, scratch.tree
    dendrogram(edges, weights, n, order, above, first, size, children)
    clusters = condense(weights, order, n, children, size, least, alive, fallen, tree, parent)
    if leaves:
        select_leaves(clusters, parent, single, chosen)
    else:
        select(clusters, parent, tree[1], single, scratch.points[0], chosen)
    return label(
        n, clusters, alive, fallen, tree, chosen, number, labels, probabilities, persistence
    )


@njit(nogil=True, cache=True)
def cluster_samples(
    begin, end, points, offsets, min_samples, min_cluster_size, single, leaves,
    labels, probabilities, persistence, found, core, weights,
):  # fmt: skip
    """Cluster samples ``begin .. end - 1``; see `gpupept.kernels.hdbscan.hdbscan` for the arguments."""
    largest = 1
    for s in range(begin, end):
        largest = max(largest, offsets[s + 1] - offsets[s])
    scratch = _scratch(largest)
    edges = np.empty((largest, 2), np.int64)
    lengths = np.empty(largest, np.float64)
    member = scratch.indices[5]
    sample_labels, strengths = np.empty(largest, np.int64), np.empty(largest, np.float64)
    sample_core = np.empty(largest, np.float64)
    for s in range(begin, end):
        start, stop = offsets[s], offsets[s + 1]
        labels[start:stop] = -1
        probabilities[start:stop] = persistence[start:stop] = 0.0
        core[start:stop] = weights[start:stop] = np.nan
        found[s] = 0
        n = _usable_points(points, start, stop, scratch.xyz, member)
        if n < 2:
            continue
        k = max(1, min(n - 1, min_samples[s]))
        _tree(n, k, scratch, sample_core, edges, lengths)
        least = max(2, min_cluster_size[s])
        found[s] = _flatten(
            n, least, single, leaves, scratch, edges, lengths,
            sample_labels, strengths, persistence[start:stop],
        )  # fmt: skip
        weights[start : start + n - 1] = lengths[: n - 1]
        for i in range(n):
            row = start + member[i]
            labels[row], probabilities[row], core[row] = (
                sample_labels[i],
                strengths[i],
                sample_core[i],
            )
