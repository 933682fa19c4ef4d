"""Nearest rows of segments on the GPU: launches the kernel of `cuda_kernels/nearest.cu`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from gpupept.backend import KernelSpec, device_of, to_device
from gpupept.kernels import Array

if TYPE_CHECKING:
    from gpupept.kernels.nearest import Nearest

WARPS = 8  # of a block, each with a segment and a plane; as in the source

NEAREST = KernelSpec(
    "nearest",
    "nearest_rows",
    (
        ("positions", "float64*"),
        ("dimensions", "int64"),
        ("segments", "int64*"),
        ("planes", "float64*"),
        ("plane_count", "int64"),
        ("pairs", "int64"),
        ("rows", "int64*"),
        ("distances", "float64*"),
    ),
)


def nearest_on_device(
    positions: Array, segments: np.ndarray, planes: np.ndarray, result: Nearest
) -> None:
    """Fill `result`; see `gpupept.kernels.nearest.nearest_rows`."""
    pairs, device = result.rows.size, device_of(positions)
    NEAREST.launch(
        -(-pairs // WARPS),
        32 * WARPS,
        positions,
        positions.shape[1],
        to_device(segments, device),
        to_device(planes, device),
        planes.shape[1],
        pairs,
        result.rows,
        result.distances,
    )
