"""Means of a function over cells, on sub-grids that are refined cell by cell; functions compiled by Numba.

A function of one point takes its coordinates, and parameters, as separate numbers. It is compiled into
the loops, so the first call with a function takes a second or two and later ones none; results do not
depend on the number of threads.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from gpupept.backend import array_namespace
from gpupept.kernels import Array
from gpupept.kernels.threads import run_ranges


class Rules(NamedTuple):
    """When means over two sub-grids agree, see `gpupept.grids.acceptance.accepted`; NaN for None."""

    fractional_accuracy: float
    absolute_accuracy: float
    symmetric: bool
    accept_zeros: bool


NO_TEST = Rules(float("nan"), float("nan"), False, False)


class Refined(NamedTuple):
    """Result of `refine_cells`.

    Attributes
    ----------
    values : (N,) float64, where the centres are, as the others
        Means.
    sub_sizes : (N,) int16
        Sub-cells along each side.
    converged : (N,) bool
        False where the last sub-grid was taken without a test.
    errors : (N,) float64
        Difference of the last two levels where it was, else 0.
    """

    values: Array
    sub_sizes: Array
    converged: Array
    errors: Array


def compile_scalar(function: Callable[..., Any]) -> Any:
    """Compile a function of separate numbers; one that Numba has compiled already stays as it is.

    Division by zero gives infinity or NaN, as with arrays.
    """
    if hasattr(function, "py_func"):
        return function
    from numba import njit

    return njit(nogil=True, error_model="numpy")(function)


def refine_cells_on_device(
    source: str,
    parameters: tuple[float, ...],
    centres: Array,
    steps: tuple[float, ...],
    sub_steps: list[int],
    rules: Rules,
    lower: Array,
) -> Refined:
    """Average a function given as CUDA source over cells on a GPU; see `refine_cells`.

    Parameters
    ----------
    source : str
        CUDA C++ statements that return the value at ``(y, x)`` or ``(x, y, z)``; parameters are ``p[0]``,
        ...
    parameters, centres, steps, sub_steps, rules, lower
        As of `refine_cells`, arrays on the GPU.
    """
    from gpupept.kernels.subgrids.device import refine_on_device

    xp, count = array_namespace(centres), len(centres)
    found = Refined(
        lower.astype(np.float64), xp.ones(count, np.int16), xp.zeros(count, bool), xp.zeros(count)
    )
    refine_on_device(source, parameters, centres, steps, sub_steps, rules, found)
    return found


def means_at_points(function: Any, parameters: tuple[float, ...], points: Array) -> Array:
    """Evaluate a compiled function.

    Parameters
    ----------
    function : compiled function
        Of D coordinates and the parameters.
    parameters : tuple of float
        The parameters.
    points : (n, D) float64, D = 2 or 3
        The points.

    Returns
    -------
    (n,) float64
        Values.
    """
    # The mean over one sub-cell; the same loops, so that a function is compiled into them only once.
    steps = (0.0,) * points.shape[1]
    return refine_cells(
        function, parameters, points, steps, [1], NO_TEST, np.zeros(len(points))
    ).values


def refine_cells(
    function: Any,
    parameters: tuple[float, ...],
    centres: np.ndarray,
    steps: tuple[float, ...],
    sub_steps: list[int],
    rules: Rules,
    lower: np.ndarray,
) -> Refined:
    """Average a compiled function over cells.

    Parameters
    ----------
    function : compiled function
        Of D coordinates and the parameters.
    parameters : tuple of float
        The parameters.
    centres : (N, D) float64, D = 2 or 3
        Centres of the cells.
    steps : D floats
        From one cell to the next along each axis.
    sub_steps : list of int
        Sub-cells along each side, level by level.
    rules : Rules
        When two levels agree.
    lower : (N,) float64
        Values at the centres.
    """
    from gpupept.kernels.subgrids.compiled import mean_of, refine

    centres = np.ascontiguousarray(centres)
    count = len(centres)
    found = Refined(lower.copy(), np.ones(count, np.int16), np.zeros(count, bool), np.zeros(count))
    sizes, mean = np.array(sub_steps, dtype=np.int64), mean_of(centres.shape[1])
    sides = np.array(steps, dtype=np.float64)

    def task(begin: int, end: int) -> None:
        refine(begin, end, mean, function, parameters, centres, sides, sizes, *rules, *found)

    run_ranges(task, np.ones(count))
    return found
