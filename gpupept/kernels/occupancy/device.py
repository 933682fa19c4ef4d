"""Adding shapes to cells on the GPU: launches the kernel of `cuda_kernels/occupancy.cu`."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from gpupept.backend import KernelSpec, array_namespace, device_of, memory_budget, to_device
from gpupept.kernels import Array
from gpupept.kernels.occupancy import Shapes, measures

THREADS = 128  # a warp of these for each shape; as in the source
_LARGEST_SUM = 61  # binary digits of a sum in units

_ARGUMENTS = (
    ("segments", "float64*"),
    ("radii", "float64*"),
    ("tails", "bool*"),
    ("weights", "float64*"),
    ("count", "int64"),
    ("sums", "int64"),
    ("edges", "float64*"),
    ("counts", "int64*"),
    ("first_layer", "int64"),
    ("last_layer", "int64"),
    ("units", "float64*"),
    ("target", "uint64*"),
)
SPREAD = {
    dimensions: KernelSpec("occupancy", "spread", _ARGUMENTS, {"DIMENSIONS": dimensions})
    for dimensions in (2, 3)
}


def spread_on_device(
    cells: Array, shapes: Shapes, weights: Array, edges: Sequence[np.ndarray]
) -> None:
    """See `gpupept.kernels.occupancy.spread`."""
    xp, device = array_namespace(cells), device_of(cells)
    three = [*edges, np.array([0.0, 1.0])][:3]
    counts = np.array([len(axis) - 1 for axis in three], dtype=np.int64)
    grid = tuple(to_device(table, device) for table in (np.concatenate(three), counts))
    units = _units(shapes, weights, edges)
    count, sums = weights.shape
    for first, last in _slabs(cells):
        part = cells[:, first:last]
        target = xp.zeros(part.size, dtype=np.uint64)
        SPREAD[len(edges)].launch(
            -(-count * 32 // THREADS),
            THREADS,
            shapes.segments,
            shapes.radii,
            shapes.tails,
            weights,
            count,
            sums,
            *grid,
            first,
            last,
            units,
            target,
        )
        added = target.view(np.int64).reshape(sums, -1) / units[:, None]
        part += added.reshape(part.shape)


def _units(shapes: Shapes, weights: Array, edges: Sequence[np.ndarray]) -> Array:
    """Units that make 1 in each of the sums: a power of two with which no sum is too large."""
    xp = array_namespace(weights)
    cell = math.prod(float(axis[-1] - axis[0]) / (len(axis) - 1) for axis in edges)
    whole = shapes._replace(
        tails=xp.zeros_like(shapes.tails)
    )  # rounding counts where little is left
    largest = xp.minimum(measures(whole), cell)
    bounds = (xp.abs(weights) * largest[:, None]).sum(axis=0)
    exponents = _LARGEST_SUM - xp.frexp(bounds)[1]
    return xp.ldexp(xp.ones(len(bounds)), xp.clip(exponents, -1000, 1000))


def _slabs(cells: Array) -> list[tuple[int, int]]:
    """Ranges of layers whose sums fit the memory budget."""
    layers = cells.shape[1]
    per_layer = 16 * cells.size // layers
    longest = max(1, memory_budget(device_of(cells)) // max(per_layer, 1))
    number = -(-layers // longest)
    return list(pairwise(layers * i // number for i in range(number + 1)))
