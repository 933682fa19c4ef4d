"""Grids around positions: limits, cells, and what is made of them in the end."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from gpupept.backend import array_namespace, device_of, to_host
from gpupept.base import Pixels, Voxels
from gpupept.base.grid_inputs import check_limits, new_cells
from gpupept.base.inputs import as_table
from gpupept.kernels import Array
from gpupept.kernels.occupancy import Shapes, spread

AXES = "xyz"


def check_table(value: Any, name: str, columns: Sequence[str], least_rows: int = 0) -> Array:
    """Table with exactly the columns named."""
    table = as_table(value, name)
    if table.shape[1] != len(columns) or len(table) < least_rows:
        rows = f" and at least {least_rows} rows" if least_rows else ""
        raise ValueError(
            f"{name} must have {len(columns)} columns ({', '.join(columns)}){rows}, found shape "
            f"{tuple(table.shape)}"
        )
    return table


def check_all_limits(limits: Sequence[Any]) -> list[np.ndarray | None]:
    """Limits along each axis, checked where they are given."""
    return [
        None if limit is None else check_limits(limit, f"{axis}lim")
        for axis, limit in zip(AXES, limits, strict=False)
    ]


def fill_limits(
    limits: Sequence[np.ndarray | None],
    positions: Array,
    widen: Callable[[float, float], tuple[float, float]],
) -> list[np.ndarray]:
    """Take limits that are not given from the positions.

    Parameters
    ----------
    limits : sequence of (2,) array or None
        Limits along each axis, mm.
    positions : (N, D) float64
        Positions, mm; coordinates that are not finite do not count.
    widen : callable
        Given the lowest and highest coordinate, returns the limits.

    Returns
    -------
    list of (2,) float64
        Limits along each axis.

    Raises
    ------
    ValueError
        If there are no positions to take them from, or they have no extent.
    """
    return [
        _range(positions[:, d], AXES[d], widen) if limit is None else limit
        for d, limit in enumerate(limits)
    ]


def _range(
    values: Array, axis: str, widen: Callable[[float, float], tuple[float, float]]
) -> np.ndarray:
    xp = array_namespace(values)
    finite = values[xp.isfinite(values)]
    if not len(finite):
        raise ValueError(
            f"{axis}lim must be given, since there are no finite positions to take it from"
        )
    low, high = widen(float(finite.min()), float(finite.max()))
    if not low < high:
        raise ValueError(f"{axis}lim must be given, since all positions have {axis} = {low:g}")
    return check_limits([low, high], f"{axis}lim")


def spread_over(
    counts: tuple[int, ...], limits: Sequence[np.ndarray], shapes: Shapes, weights: Array
) -> Array:
    """Sum up what shapes cover of each cell, times their weights.

    Parameters
    ----------
    counts : tuple of D ints
        Number of cells along each axis.
    limits : sequence of (2,) float64
        Limits along each axis, mm.
    shapes : Shapes
        The shapes.
    weights : (N, K) float64, where the shapes are
        What each counts for in each of K sums.

    Returns
    -------
    (K, *counts) float64, where the shapes are
    """
    xp = array_namespace(shapes.segments)
    cells = new_cells((weights.shape[1], *counts), np.float64, device_of(shapes.segments))
    edges = [
        np.linspace(float(low), float(high), count + 1)
        for (low, high), count in zip(limits, counts, strict=True)
    ]
    spread(cells, shapes, xp.ascontiguousarray(weights), edges)
    return cells


def as_grid(cells: Array, limits: Sequence[np.ndarray]) -> Any:
    """`Pixels` or `Voxels` of some values."""
    return (Pixels if cells.ndim == 2 else Voxels)(cells, *limits)


def positive_number(value: Any, name: str, unit: str = "mm") -> float:
    """Finite number greater than zero."""
    try:
        number = float(to_host(value))
    except (TypeError, ValueError) as error:
        raise ValueError(f"{name} must be a number ({unit}), found {value!r}") from error
    if not 0.0 < number < np.inf:
        raise ValueError(f"{name} must be finite and greater than 0 {unit}, found {value!r}")
    return number
