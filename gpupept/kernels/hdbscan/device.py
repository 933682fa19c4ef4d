"""HDBSCAN of many samples on a GPU: what is launched, with how many threads and how much memory.

One block of threads works on one sample, except for core distances, where warps share the points of
all samples. Samples of similar size are launched together, so that small ones do not take the shared
memory of large ones; those too large for shared memory are worked on in global memory. Nothing waits
for the GPU.
"""

from __future__ import annotations

from itertools import pairwise
from types import ModuleType
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from gpupept.backend import KernelSpec, array_namespace, device_of, shared_memory_limit
from gpupept.kernels import Array

if TYPE_CHECKING:
    from gpupept.kernels.hdbscan import Clusters

# As in cuda_kernels/common/hdbscan.cuh and hdbscan_core.cu.
LEAF, RUN, WARPS = 16, 64, 8
# Shared memory of a block: bytes per point for sorting and for the spanning tree, and what kernels
# declare themselves.
SORT_BYTES, TREE_BYTES, STATIC_BYTES = 12, 44, 4096
# Sample sizes at which groups end, beside those at which shared memory does.
GROUP_SIZES = (128, 512, 2048)
POINTS_PER_THREAD = 8
LARGEST_SAMPLE = 2**28  # places in the trees over a sample are 32-bit numbers

_SAMPLES = (("offsets", "int64*"), ("members", "int64*"))
_LIMIT = (("usable", "int32*"), ("shared_points", "int64"))
_COORDINATES = (("coordinates", "float64*"), ("total", "int64"))
_BOXES = (("boxes", "float64*"), ("leaves", "int64"))
_SORTED = (("keys", "int64*"), ("rows", "int32*"))
_LABELS = (("labels", "int64*"), ("probabilities", "float64*"), ("persistence", "float64*"))
_MERGES = (("parts", "int32*"), ("begins", "int32*"))

ORDER_POINTS = KernelSpec(
    "hdbscan_order",
    "order_points",
    (
        *(("points", "float64*"), *_SAMPLES, ("shared_points", "int64"), *_COORDINATES, *_BOXES),
        *(*_SORTED, ("usable", "int32*"), *_LABELS, ("found", "int64*")),
        *(("core", "float64*"), ("weights", "float64*")),
    ),
)
CORE_DISTANCES = KernelSpec(
    "hdbscan_core",
    "core_distances",
    (
        *(*_COORDINATES, *_BOXES, ("rows", "int32*"), ("usable", "int32*"), ("offsets", "int64*")),
        *(("samples", "int64"), ("min_samples", "int64*"), ("core_bits", "int64*")),
        ("core", "float64*"),
    ),
)
SPANNING_TREE = KernelSpec(
    "hdbscan_tree",
    "spanning_tree",
    (
        *(*_SAMPLES, *_LIMIT, *_COORDINATES, ("core_bits", "int64*"), *_SORTED),
        *(("joined", "int32*"), ("weights", "float64*")),
    ),
)
FIND_MERGES = KernelSpec(
    "hdbscan_merges",
    "find_merges",
    (
        *(*_SAMPLES, *_LIMIT, ("weights", "float64*"), ("joined", "int32*"), *_SORTED),
        *(("highest", "int32*"), ("lowest", "int32*"), ("density", "float64*"), *_MERGES),
    ),
)
FIND_CLUSTERS = KernelSpec(
    "hdbscan_clusters",
    "find_clusters",
    (
        *(*_SAMPLES, ("usable", "int32*"), ("min_cluster_size", "int64*")),
        *(("single", "bool"), ("leaves", "bool")),
        *(("density", "float64*"), *_MERGES, ("joined", "int32*"), ("alive", "int32*")),
        *((name, "float64*") for name in ("birth", "stability", "densest", "below")),
        *((name, "int32*") for name in ("parent", "chosen", "number", "fallen")),
        *(*_LABELS, ("found", "int64*")),
    ),
)


class Group(NamedTuple):
    """Samples ``members[first:last]``, the largest of `largest` points, launched together."""

    first: int
    last: int
    largest: int

    @property
    def threads(self) -> int:
        """Threads of a block: a power of two."""
        wanted = max(1, self.largest // POINTS_PER_THREAD)
        return int(min(1024, max(32, 1 << (wanted - 1).bit_length())))

    def shared_points(self, bytes_per_point: int, limit: int) -> int:
        """Points of a sample that fit shared memory, 0 if the largest sample's do not."""
        return self.largest if self.largest * bytes_per_point <= limit else 0


def group_samples(sizes: np.ndarray, limit: int) -> tuple[np.ndarray, list[Group]]:
    """Order the samples by size, the largest first, and divide them into groups.

    Parameters
    ----------
    sizes : (S,) int64
        Points per sample.
    limit : int
        Bytes of shared memory that a kernel can ask for.

    Returns
    -------
    members : (S,) int64
        Numbers of the samples.
    groups : list of Group
        In each, the shared memory of each kernel holds either all samples or none.
    """
    members = np.argsort(-sizes, kind="stable").astype(np.int64)
    ends = np.sort([*GROUP_SIZES, limit // TREE_BYTES, limit // SORT_BYTES])
    number = np.searchsorted(ends, sizes[members])
    bounds = [0, *(np.flatnonzero(np.diff(number)) + 1), len(members)] if len(members) else []
    groups = [Group(int(a), int(b), int(sizes[members[a]])) for a, b in pairwise(bounds)]
    return members, groups


class _Workspace:
    """Global memory in which the stages leave what later ones need."""

    def __init__(self, xp: ModuleType, points: int, samples: int) -> None:
        self.total = points
        self.leaves = points // LEAF + samples
        self.coordinates = xp.empty((3, points), dtype=np.float64)
        self.boxes = xp.empty((6, self.leaves), dtype=np.float64)
        self.core_bits = xp.empty(points, dtype=np.int64)
        self.keys = xp.empty(points, dtype=np.int64)
        self.usable = xp.empty(samples, dtype=np.int32)
        self.rows = xp.empty(points, dtype=np.int32)
        self.joined = xp.empty(points, dtype=np.int32)
        self.highest = xp.empty((4, points), dtype=np.int32)
        self.lowest = xp.empty((4, points), dtype=np.int32)
        self.parts = xp.empty((points, 4), dtype=np.int32)
        self.begins = xp.empty((points, 2), dtype=np.int32)


def cluster_on_device(
    points: Array,
    offsets: np.ndarray,
    min_samples: np.ndarray,
    min_cluster_size: np.ndarray,
    single: bool,
    leaves: bool,
    result: Clusters,
) -> None:
    """Fill `result`; see `gpupept.kernels.hdbscan.hdbscan` for the arguments.

    Raises
    ------
    ValueError
        If a sample has more points than the kernels can count.
    """
    sizes = np.diff(offsets)
    if sizes.max(initial=0) > LARGEST_SAMPLE:
        raise ValueError(
            f"a sample can have {LARGEST_SAMPLE} points at most on a GPU, found {sizes.max()}; "
            "use smaller samples"
        )
    xp = array_namespace(points)
    limit = shared_memory_limit(device_of(points)) - STATIC_BYTES
    members, groups = group_samples(sizes, limit)
    work = _Workspace(xp, len(points), len(sizes))
    starts, order = xp.asarray(offsets), xp.asarray(members)
    for group in groups:
        _launch_order(group, limit, points, starts, order, work, result)
    _launch_core(int(offsets[-1]), starts, xp.asarray(min_samples), work, result)
    least = xp.asarray(min_cluster_size)
    for group in groups:
        _launch_tree(group, limit, starts, order, work, result)
        _launch_merges(group, limit, starts, order, work, result)
        _launch_clusters(group, starts, order, least, (single, leaves), work, result)


def _launch_order(
    group: Group,
    limit: int,
    points: Array,
    offsets: Array,
    members: Array,
    work: _Workspace,
    result: Clusters,
) -> None:
    shared = group.shared_points(SORT_BYTES, limit)
    ORDER_POINTS.launch(
        group.last - group.first,
        group.threads,
        *(points, offsets, members[group.first : group.last], shared),
        *(work.coordinates, work.total, work.boxes, work.leaves, work.keys, work.rows),
        *(work.usable, *result),
        shared_bytes=shared * SORT_BYTES,
    )


def _launch_core(
    last_row: int, offsets: Array, min_samples: Array, work: _Workspace, result: Clusters
) -> None:
    samples = len(min_samples)
    runs = last_row // RUN + samples
    CORE_DISTANCES.launch(
        -(-runs // WARPS) if samples else 0,
        32 * WARPS,
        *(work.coordinates, work.total, work.boxes, work.leaves, work.rows, work.usable),
        *(offsets, samples, min_samples, work.core_bits, result.core),
    )


def _launch_tree(
    group: Group, limit: int, offsets: Array, members: Array, work: _Workspace, result: Clusters
) -> None:
    shared = group.shared_points(TREE_BYTES, limit)
    SPANNING_TREE.launch(
        group.last - group.first,
        group.threads,
        *(offsets, members[group.first : group.last], work.usable, shared),
        *(work.coordinates, work.total, work.core_bits, work.keys, work.rows),
        *(work.joined, result.weights),
        shared_bytes=shared * TREE_BYTES,
    )


def _launch_merges(
    group: Group, limit: int, offsets: Array, members: Array, work: _Workspace, result: Clusters
) -> None:
    shared = group.shared_points(SORT_BYTES, limit)
    FIND_MERGES.launch(
        group.last - group.first,
        group.threads,
        *(offsets, members[group.first : group.last], work.usable, shared),
        *(result.weights, work.joined, work.keys, work.rows, work.highest, work.lowest),
        *(work.coordinates[0], work.parts, work.begins),
        shared_bytes=shared * SORT_BYTES,
    )


def _launch_clusters(
    group: Group,
    offsets: Array,
    members: Array,
    min_cluster_size: Array,
    selection: tuple[bool, bool],
    work: _Workspace,
    result: Clusters,
) -> None:
    """Tables of clusters take the place of what is no longer needed."""
    density, birth, stability = work.coordinates
    densest, below = work.core_bits.view(np.float64), work.keys.view(np.float64)
    FIND_CLUSTERS.launch(
        group.last - group.first,
        group.threads,
        *(offsets, members[group.first : group.last], work.usable, min_cluster_size),
        *map(bool, selection),
        *(density, work.parts, work.begins, work.joined, work.rows),
        *(birth, stability, densest, below, *work.highest),
        *(result.labels, result.probabilities, result.persistence, result.found),
    )
