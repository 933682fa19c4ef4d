"""Windowed components on the GPU: launches the kernels of `cuda_kernels/components.cu`."""

from __future__ import annotations

from gpupept.backend import KernelSpec
from gpupept.kernels import Array

THREADS = 256  # as in the source

LINK = KernelSpec(
    "components",
    "link_rows",
    (
        ("points", "float64*"),
        ("columns", "int64"),
        ("rows", "int64"),
        ("window", "int64"),
        ("distance", "float64"),
        ("interval", "float64"),
        ("scale", "float64"),
        ("first", "int64*"),
    ),
)
ROOTS = KernelSpec("components", "point_to_roots", (("rows", "int64"), ("first", "int64*")))


def link_on_device(
    points: Array, window: int, distance: float, interval: float, scale: float, first: Array
) -> None:
    """Turn `first`, each row its own component, into the components."""
    rows = len(points)
    grid = -(-rows // THREADS)
    LINK.launch(
        grid,
        THREADS,
        points,
        points.shape[1],
        rows,
        window,
        distance,
        interval,
        scale,
        first,
    )
    ROOTS.launch(grid, THREADS, rows, first)
