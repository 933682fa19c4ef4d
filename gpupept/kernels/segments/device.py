"""Centroids of segments on the GPU: launches the kernel of `cuda_kernels/segments.cu`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from gpupept.backend import KernelSpec, device_of, to_device
from gpupept.kernels import Array

if TYPE_CHECKING:
    from gpupept.kernels.segments import Centroids

WARPS = 8  # of a block, each with a segment of its own; as in the source

CENTROIDS = KernelSpec(
    "segments",
    "segment_centroids",
    (
        ("data", "float64*"),
        ("columns", "int64"),
        ("segments", "int64*"),
        ("count", "int64"),
        ("weight_column", "int64"),
        ("means", "float64*"),
        ("spreads", "float64*"),
        ("totals", "float64*"),
    ),
)


def centroids_on_device(
    data: Array, segments: np.ndarray, weight_column: int, result: Centroids
) -> None:
    """Fill `result`; see `gpupept.kernels.segments.segment_centroids`."""
    count = len(segments)
    CENTROIDS.launch(
        -(-count // WARPS),
        32 * WARPS,
        data,
        data.shape[1],
        to_device(np.ascontiguousarray(segments, dtype=np.int64), device_of(data)),
        count,
        weight_column,
        result.means,
        result.spreads,
        result.totals,
    )
