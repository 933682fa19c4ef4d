"""HDBSCAN of one large cloud of points with RAPIDS cuML: the one place that imports it.

cuML is optional. What to know about it:

- importing it imports cuDF and makes CuPy allocate through RMM, whose default allocates from the
  driver each time; so a pooled memory resource is set first, unless the user has set another;
- it works on the per-thread default stream, not CuPy's, so both sides are synchronised;
- it computes in float32, so coordinates are taken relative to the centre of the cloud;
- `min_samples` excludes the point itself, as in scikit-learn-contrib/hdbscan, and is at most 1023;
- on ties its result can differ from run to run.
"""

from __future__ import annotations

import functools
import importlib
from typing import Any

import numpy as np

from gpupept.backend.devices import probe
from gpupept.backend.errors import GPUUnavailableError
from gpupept.backend.namespace import cupy_module, is_device_array

MAX_MIN_SAMPLES = 1023
_INSTALL = (
    "install it with `pip install gpupept[rapids-cuda12]` or `pip install gpupept[rapids-cuda13]`"
)


def cuml_hdbscan(
    points: Any, min_cluster_size: int, min_samples: int, allow_single_cluster: bool
) -> tuple[Any, Any]:
    """Cluster one cloud of points on a GPU with cuML's HDBSCAN, by excess of mass.

    Parameters
    ----------
    points : (n, d) cupy.ndarray
        Coordinates of n >= 2 points, finite.
    min_cluster_size : int
        Smallest number of points that is a cluster, at least 2.
    min_samples : int
        Neighbours, not counting the point itself, that set a core distance; 1 to min(1023, n).
    allow_single_cluster : bool
        Whether all points may be one cluster.

    Returns
    -------
    labels : (n,) cupy.ndarray of int64
        Cluster of each point, -1 for noise.
    probabilities : (n,) cupy.ndarray of float64
        Strength with which each point belongs to its cluster.

    Raises
    ------
    GPUUnavailableError
        If cuML cannot be imported; the message names what to install.
    TypeError
        If `points` is not on a GPU.
    ValueError
        If an argument is out of the range above.

    References
    ----------
    .. [1] RAPIDS cuML, ``cuml.cluster.HDBSCAN``.
    """
    _check(points, min_cluster_size, min_samples)
    cupy = cupy_module()
    with cupy.cuda.Device(int(points.device.id)) as device:
        model_class = _hdbscan_class(int(device.id))
        relative = (points - points.mean(axis=0)).astype(np.float32)
        model = model_class(
            min_cluster_size=int(min_cluster_size),
            min_samples=int(min_samples),
            allow_single_cluster=bool(allow_single_cluster),
            cluster_selection_method="eom",
            output_type="cupy",
        )
        device.synchronize()
        model.fit(cupy.ascontiguousarray(relative))
        device.synchronize()
        return model.labels_.astype(np.int64), model.probabilities_.astype(np.float64)


def _check(points: Any, min_cluster_size: int, min_samples: int) -> None:
    if not is_device_array(points):
        raise TypeError(
            f"points must be a CuPy array on a GPU for cuML, found {type(points).__name__}; "
            "move it with to_device first"
        )
    if points.ndim != 2 or points.shape[0] < 2 or points.shape[1] < 1:
        raise ValueError(
            f"points must have at least two rows and a column for cuML, found shape {points.shape}"
        )
    if min_cluster_size < 2:
        raise ValueError(f"min_cluster_size must be at least 2, found {min_cluster_size}")
    largest = min(MAX_MIN_SAMPLES, points.shape[0])
    if not 1 <= min_samples <= largest:
        raise ValueError(
            f"min_samples must be 1 to {largest} (cuML takes no more than {MAX_MIN_SAMPLES} and no "
            f"more than there are points), found {min_samples}"
        )
    if not bool(cupy_module().isfinite(points).all()):
        raise ValueError("points must be finite, found NaN or infinite coordinates")


def cuml_available(device: int = 0) -> bool:
    """Tell whether `cuml_hdbscan` can run on the GPU of this number.

    Parameters
    ----------
    device : int
        Number of the GPU.

    Returns
    -------
    bool
        Whether there is a GPU and cuML can be imported.
    """
    if not probe().usable:
        return False
    try:
        with cupy_module().cuda.Device(device):
            _hdbscan_class(device)
    except GPUUnavailableError:
        return False
    return True


@functools.cache
def _hdbscan_class(device: int) -> Any:
    """Return cuML's class, having set a pooled memory resource on the current device."""
    try:
        _use_pool(importlib.import_module("rmm"))
        return importlib.import_module("cuml.cluster").HDBSCAN
    except Exception as error:  # a broken CUDA installation surfaces as any kind of exception
        detail = " ".join(str(error).split())
        missing = isinstance(error, ModuleNotFoundError) and error.name in ("rmm", "cuml")
        found = "is not installed" if missing else f"cannot be imported ({detail})"
        raise GPUUnavailableError(
            f'engine "cuml" needs RAPIDS cuML, which {found}; {_INSTALL}'
        ) from (error)


def _use_pool(rmm: Any) -> None:
    """Pool device memory, unless something other than RMM's plain default is set already."""
    if type(rmm.mr.get_current_device_resource()) is rmm.mr.CudaMemoryResource:
        rmm.mr.set_current_device_resource(rmm.mr.CudaAsyncMemoryResource())
