"""Geometric efficiency of rings on the GPU: launches the kernel of `cuda_kernels/efficiency.cu`."""

from __future__ import annotations

from gpupept.backend import KernelSpec
from gpupept.kernels import Array

THREADS = 256  # of a block, each with a point of its own; as in the source

RING = KernelSpec(
    "efficiency",
    "ring_efficiency",
    (
        ("points", "float64*"),
        ("count", "int64"),
        ("radius", "float64"),
        ("centre_x", "float64"),
        ("centre_y", "float64"),
        ("bottom", "float64"),
        ("top", "float64"),
        ("found", "float64*"),
    ),
)


def ring_on_device(points: Array, parameters: list[float], found: Array) -> None:
    """Fill `found`; see `gpupept.kernels.efficiency.ring_efficiency`."""
    count = len(points)
    blocks = -(-count // THREADS)
    RING.launch(blocks, THREADS, points, count, *parameters, found)
