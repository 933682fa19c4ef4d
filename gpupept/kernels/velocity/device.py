"""Velocities on the GPU: launches the kernel of `cuda_kernels/velocity.cu`."""

from __future__ import annotations

import functools

import numpy as np

from gpupept.backend import KernelSpec, device_of, to_device
from gpupept.kernels import Array

THREADS = 128  # as in the source


@functools.cache
def velocity_kernel(degree: int) -> KernelSpec:
    """Return the kernel for polynomials of a degree, whose coefficients it keeps in registers."""
    return KernelSpec(
        "velocity",
        "local_velocities",
        (
            ("points", "float64*"),
            ("columns", "int64"),
            ("offsets", "int64*"),
            ("samples", "int64"),
            ("window", "int64"),
            ("velocities", "float64*"),
        ),
        {"DEGREE": degree},
    )


def velocities_on_device(
    points: Array, offsets: np.ndarray, window: int, degree: int, velocities: Array
) -> None:
    """Fill `velocities`; see `gpupept.kernels.velocity.local_velocities`."""
    velocity_kernel(degree).launch(
        -(-len(points) // THREADS),
        THREADS,
        points,
        points.shape[1],
        to_device(offsets, device_of(points)),
        len(offsets) - 1,
        window,
        velocities,
    )
