"""HDBSCAN of one point cloud or of many at once, on a GPU or a CPU.

Cuts a hierarchy of density levels where clusters are most stable (R. J. G. B. Campello, D. Moulavi,
J. Sander, *Density-based clustering based on hierarchical density estimates*, 2013).
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from gpupept.backend import (
    GPUUnavailableError,
    array_namespace,
    cuml_hdbscan,
    device_of,
    is_device_array,
    resolve_device,
    to_device,
    to_host,
)
from gpupept.backend.cuml import MAX_MIN_SAMPLES, cuml_available
from gpupept.kernels import Array
from gpupept.kernels import hdbscan as batched

_log = logging.getLogger("gpupept")

ENGINES = ("auto", "batched", "cuml", "hdbscan")
# On a GPU, clouds larger than this are faster in cuML than in the batched kernels.
LARGE_CLOUD = 50_000

__all__ = ["ENGINES", "Clustering", "cluster_batch", "hdbscan"]


@dataclass(frozen=True)
class Clustering:
    """Clusters found by `hdbscan`.

    Attributes
    ----------
    labels : (N,) int64 array
        Cluster number within its cloud, from 0; -1 for noise and for points that are not finite.
    probabilities : (N,) float64 array
        Strength of the membership, 0 for noise to 1.
    n_clusters : (S,) int64 NumPy array
        Number of clusters per cloud.
    persistence : (sum of n_clusters,) float64 NumPy array
        Stability of each cluster, cloud after cloud; NaN where the engine does not tell.
    """

    labels: Array
    probabilities: Array
    n_clusters: np.ndarray
    persistence: np.ndarray


def hdbscan(
    points: Any,
    offsets: Any = None,
    *,
    min_cluster_size: Any,
    min_samples: Any = None,
    allow_single_cluster: bool = False,
    engine: str = "auto",
    device: str | None = None,
) -> Clustering:
    """Cluster one cloud of points, or many at once.

    Parameters
    ----------
    points : (N, 3) array_like
        Positions (mm). A NumPy array is clustered on the CPU, a CuPy array on its GPU. Points that
        are not finite are noise.
    offsets : (S + 1,) array_like of int, optional
        Cloud s holds rows ``offsets[s] .. offsets[s + 1] - 1``, from 0 to N in all; clouds may be
        empty. By default there is one cloud.
    min_cluster_size : int or (S,) array_like of int
        Fewest points of a cluster, at least 2; per cloud if an array.
    min_samples : int or (S,) array_like of int, optional
        Number of neighbours, the point itself not counted, that defines its core distance;
        `min_cluster_size` by default. Limited to the points there are, less one.
    allow_single_cluster : bool, default False
        Whether all points of a cloud may form one cluster, even one of fewer points than
        `min_cluster_size`.
    engine : {"auto", "batched", "cuml", "hdbscan"}, default "auto"
        ``"batched"``: exact, deterministic, all clouds in one call. ``"cuml"``: one cloud per
        call on a GPU in single precision (extras ``rapids-cuda12``, ``rapids-cuda13``).
        ``"hdbscan"``: one cloud per call of that package on the CPU (extra ``hdbscan``).
        ``"auto"``: batched, but cuML where it is installed for clouds of more than 50 000 points
        on a GPU.
    device : {"auto", "cpu", "cuda", "cuda:N"}, optional
        Where to compute; by default where the points are.

    Returns
    -------
    Clustering
        Arrays on the device of the computation.

    Raises
    ------
    ValueError
        If the points are not an (N, 3) table, offsets do not divide them, or a number is out of
        range.
    GPUUnavailableError
        If a GPU or cuML is asked for and cannot be used.

    Examples
    --------
    >>> import numpy as np
    >>> from gpupept.clustering import hdbscan
    >>> rng = np.random.default_rng(0)
    >>> points = np.concatenate([rng.normal(0, 1, (50, 3)), rng.normal(20, 1, (50, 3))])
    >>> result = hdbscan(points, min_cluster_size=10)
    >>> result.n_clusters.tolist(), np.bincount(result.labels).tolist()
    ([2], [50, 50])
    """
    points = _as_positions(points)
    points = to_device(points, resolve_device(device, points))
    table = _as_offsets(offsets, len(points))
    clouds = len(table) - 1
    sizes = _per_cloud(min_cluster_size, clouds, "min_cluster_size", 2)
    samples = sizes if min_samples is None else _per_cloud(min_samples, clouds, "min_samples", 1)
    found = cluster_batch(points, table, samples, sizes, allow_single_cluster, engine)
    counts = to_host(found.found)
    return Clustering(found.labels, found.probabilities, counts, _persistence(found, table, counts))


def cluster_batch(
    points: Array,
    offsets: np.ndarray,
    min_samples: np.ndarray,
    min_cluster_size: np.ndarray,
    single: bool,
    engine: str,
) -> batched.Clusters:
    """Send the clouds to the engine asked for; see `gpupept.kernels.hdbscan.hdbscan`."""
    if engine not in ENGINES:
        raise ValueError(f"engine must be one of {', '.join(ENGINES)}, found {engine!r}")
    if engine == "auto":
        large = _suit_cuml(points, offsets, min_samples)
        if large.any():
            return _shared_out(large, points, offsets, min_samples, min_cluster_size, single)
    if engine == "cuml":
        return _one_by_one(
            _cuml_for(points), points, offsets, min_samples, min_cluster_size, single
        )
    if engine == "hdbscan":
        return _one_by_one(
            _package_for(points), points, offsets, min_samples, min_cluster_size, single
        )
    return batched.hdbscan(points, offsets, min_samples, min_cluster_size, single)


def _suit_cuml(points: Array, offsets: np.ndarray, min_samples: np.ndarray) -> np.ndarray:
    """Which clouds cuML clusters faster, if it is there, (S,) bool."""
    large: np.ndarray = (np.diff(offsets) > LARGE_CLOUD) & (min_samples <= MAX_MIN_SAMPLES)
    if not is_device_array(points) or not large.any():
        return np.zeros_like(large)
    if not cuml_available(int(points.device.id)):
        return np.zeros_like(large)
    _log.info("clustering %d clouds of more than %d points with cuML", large.sum(), LARGE_CLOUD)
    return large


def _shared_out(
    large: np.ndarray,
    points: Array,
    offsets: np.ndarray,
    min_samples: np.ndarray,
    min_cluster_size: np.ndarray,
    single: bool,
) -> batched.Clusters:
    """Cluster large clouds with cuML and the runs of clouds between them batched.

    The size of a cloud alone decides, so that a result does not depend on the batch it is in.
    """
    xp = array_namespace(points)
    bounds = [0, *(np.flatnonzero(np.diff(large)) + 1).tolist(), len(large)]
    parts = [
        cluster_batch(
            points[offsets[a] : offsets[b]],
            offsets[a : b + 1] - offsets[a],
            min_samples[a:b],
            min_cluster_size[a:b],
            single,
            "cuml" if large[a] else "batched",
        )
        for a, b in pairwise(bounds)
    ]
    return batched.Clusters(*(xp.concatenate(field) for field in zip(*parts, strict=True)))


def _one_by_one(
    run: Any,
    points: Array,
    offsets: np.ndarray,
    min_samples: np.ndarray,
    min_cluster_size: np.ndarray,
    single: bool,
) -> batched.Clusters:
    """Cluster cloud after cloud with an engine that takes one per call."""
    xp = array_namespace(points)
    labels = xp.full(len(points), -1, dtype=np.int64)
    probabilities, unknown = xp.zeros(len(points)), xp.full(len(points), np.nan)
    found = np.zeros(len(offsets) - 1, dtype=np.int64)
    usable = (abs(points) <= batched.LARGEST_COORDINATE).all(axis=1)
    for s, (start, stop) in enumerate(pairwise(offsets.tolist())):
        rows = start + xp.nonzero(usable[start:stop])[0]
        if len(rows) < 2:
            continue
        neighbours = int(min(min_samples[s], len(rows) - 1))
        labels[rows], probabilities[rows] = run(
            points[rows], int(min_cluster_size[s]), neighbours, single
        )
        found[s] = int(labels[rows].max()) + 1
    counts = to_device(found, device_of(points))
    return batched.Clusters(labels, probabilities, unknown, counts, unknown, unknown)


def _cuml_for(points: Array) -> Any:
    """Choose cuML as the function that clusters one cloud."""
    if is_device_array(points):
        return cuml_hdbscan
    if not cuml_available():
        raise GPUUnavailableError(
            "engine 'cuml' needs RAPIDS cuML and a GPU: `pip install gpupept[rapids-cuda12]` or "
            "`pip install gpupept[rapids-cuda13]`, then .to('cuda')"
        )
    raise ValueError(
        "engine 'cuml' runs on a GPU, but the points are on the CPU; use .to('cuda') or another "
        "engine"
    )


def _package_for(points: Array) -> Any:
    """Choose the package hdbscan as the function that clusters one cloud."""
    if is_device_array(points):
        raise ValueError(
            f"engine 'hdbscan' runs on the CPU, but the points are on {device_of(points)}; use "
            ".to('cpu') or another engine"
        )
    try:
        from hdbscan import HDBSCAN as Package
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            "engine 'hdbscan' needs the package hdbscan: `pip install gpupept[hdbscan]`"
        ) from error

    def run(points: Array, size: int, neighbours: int, single: bool) -> tuple[Array, Array]:
        model = Package(
            min_cluster_size=size,
            min_samples=neighbours,
            allow_single_cluster=single,
            approx_min_span_tree=False,
        ).fit(points)
        return model.labels_, model.probabilities_

    return run


def _as_positions(points: Any) -> Array:
    if hasattr(points, "samples_indices"):
        raise TypeError(
            f"points must be an (N, 3) table of positions, found {type(points).__name__}; give its "
            "columns x, y and z, such as points.data[:, 1:4]"
        )
    xp = array_namespace(points)
    table = xp.asarray(points)
    if table.dtype.kind not in "buif":
        raise ValueError(f"points must hold real numbers, found dtype {table.dtype}")
    table = xp.ascontiguousarray(table, dtype=np.float64)
    if table.ndim != 2 or table.shape[1] != 3:
        raise ValueError(f"points must be an (N, 3) table of positions, found shape {table.shape}")
    return table


def _as_offsets(offsets: Any, rows: int) -> np.ndarray:
    if offsets is None:
        return np.array([0, rows], dtype=np.int64)
    table = to_host(offsets)
    if table.dtype.kind not in "iu" or table.ndim != 1:
        raise ValueError(f"offsets must be a list of whole numbers, found {offsets!r}")
    table = np.ascontiguousarray(table, dtype=np.int64)
    if not len(table) or table[0] != 0 or table[-1] != rows:
        raise ValueError(
            f"offsets must rise from 0 to the {rows} rows of points, found {offsets!r}"
        )
    if (np.diff(table) < 0).any():
        raise ValueError(f"offsets must not fall, found {offsets!r}")
    return table


def _per_cloud(value: Any, clouds: int, name: str, least: int) -> np.ndarray:
    numbers = to_host(value)
    if not numbers.size and clouds == 0:
        return np.empty(0, dtype=np.int64)
    if numbers.dtype.kind not in "iu" or numbers.ndim > 1:
        raise ValueError(f"{name} must be a whole number, or one per cloud, found {value!r}")
    if numbers.ndim == 1 and len(numbers) != clouds:
        raise ValueError(f"{name} has {len(numbers)} values for {clouds} clouds")
    if (numbers < least).any():
        raise ValueError(f"{name} must be at least {least}, found {value!r}")
    return np.ascontiguousarray(np.broadcast_to(numbers, clouds), dtype=np.int64)


def _persistence(found: batched.Clusters, offsets: np.ndarray, counts: np.ndarray) -> np.ndarray:
    from gpupept.kernels.rows import range_rows

    rows = range_rows(np.stack([offsets[:-1], offsets[:-1] + counts], axis=1))
    values = found.persistence
    chosen: np.ndarray = to_host(values[to_device(rows, device_of(values))])
    return chosen
