"""Means over sub-grids on the GPU: launches `cuda_kernels/subgrids.cu` with the source of a function."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from gpupept.backend import KernelSpec, array_namespace, device_of, to_device
from gpupept.kernels import Array

if TYPE_CHECKING:
    from gpupept.kernels.subgrids import Refined, Rules

WARPS = 8  # of a block, each with a cell of its own; as in the source
_COORDINATES = {2: "double y, double x", 3: "double x, double y, double z"}


@lru_cache(maxsize=256)
def refine_kernel(body: str, axes: int) -> KernelSpec:
    """Kernel for a function, compiled when it is launched.

    Parameters
    ----------
    body : str
        CUDA C++ statements that return the value at ``(y, x)`` or ``(x, y, z)`` with parameters ``p[0]``,
        ...
    axes : int
        2 or 3.
    """
    function = f"__device__ double value_at({_COORDINATES[axes]}, const double *p)"
    return KernelSpec(
        "subgrids",
        "refine_cells",
        (
            ("centres", "float64*"),
            ("count", "int64"),
            ("steps", "float64*"),
            ("parameters", "float64*"),
            ("sub_steps", "int64*"),
            ("levels", "int32"),
            ("fractional_accuracy", "float64"),
            ("absolute_accuracy", "float64"),
            ("symmetric", "int32"),
            ("accept_zeros", "int32"),
            ("values", "float64*"),
            ("sub_sizes", "int16*"),
            ("converged", "bool*"),
            ("errors", "float64*"),
        ),
        defines={"DIMENSIONS": axes},
        appended=f'#line 1 "source of a point function"\n{function} {{\n{body}\n}}\n',
    )


def refine_on_device(
    body: str,
    parameters: tuple[float, ...],
    centres: Array,
    steps: tuple[float, ...],
    sub_steps: list[int],
    rules: Rules,
    found: Refined,
) -> None:
    """Fill the result of `gpupept.kernels.subgrids.refine_cells_on_device`."""
    device, count = device_of(centres), len(centres)
    xp = array_namespace(centres)
    numbers = np.array([*parameters, 0.0])  # never empty
    refine_kernel(body, centres.shape[1]).launch(
        -(-count // WARPS),
        32 * WARPS,
        xp.ascontiguousarray(centres),
        count,
        to_device(np.array(steps, dtype=np.float64), device),
        to_device(numbers, device),
        to_device(np.array(sub_steps, dtype=np.int64), device),
        len(sub_steps),
        rules.fractional_accuracy,
        rules.absolute_accuracy,
        int(rules.symmetric),
        int(rules.accept_zeros),
        *found,
    )
