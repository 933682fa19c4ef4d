"""What all reducers share that turn trajectories into grids."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar, NamedTuple

import numpy as np

from gpupept.backend import array_namespace, device_of, device_scope
from gpupept.base import PointData, Reducer
from gpupept.base.grid_inputs import check_counts, timed
from gpupept.base.samples import is_number, whole_number
from gpupept.kernels import Array
from gpupept.kernels.occupancy import Shapes, lengths
from gpupept.kernels.rows import flatten
from gpupept.kernels.threads import use_threads
from gpupept.processing.grids import (
    AXES,
    as_grid,
    check_all_limits,
    fill_limits,
    positive_number,
    spread_over,
)
from gpupept.processing.steps import Steps, find_steps
from gpupept.tracking.stack import stacked_points

_SHAPES = ("crescent", "capsule")


class Trajectories(NamedTuple):
    """Trajectories as steps, with what is known at each position."""

    values: Array
    """(R, K) float64: values at each row."""
    steps: Steps
    """The steps."""
    shapes: Shapes
    """What each step covers."""
    limits: list[np.ndarray]
    """Limits of the grid along each axis."""


class GridReducer(Reducer):
    """Base of reducers that spread the steps of trajectories over a grid.

    Parameters
    ----------
    diameter : float
        Diameter of the tracer, mm.
    dimensions : str or sequence of int
        What the axes of the grid are.
    resolution : sequence of int
        Cells along each axis.
    limits : sequence
        Limits along each axis, or None.
    max_workers : int or None
        Threads.
    verbose : bool
        Log how long it took.
    shape : str
        What a step covers.
    """

    _axes: ClassVar[int]

    def __init__(
        self,
        diameter: float,
        dimensions: str | Sequence[int],
        resolution: Sequence[int],
        limits: Sequence[Any],
        max_workers: int | None,
        verbose: bool,
        shape: str,
    ) -> None:
        self.diameter = positive_number(diameter, "diameter")
        self.dimensions = dimensions
        self._columns = _check_dimensions(dimensions, self._axes)
        self.resolution = check_counts(resolution, "resolution", self._axes, 2)
        for axis, limit in zip(AXES, check_all_limits(limits), strict=False):
            setattr(self, f"{axis}lim", limit)
        self.max_workers = _check_workers(max_workers)
        self.verbose = bool(verbose)
        if shape not in _SHAPES:
            raise ValueError(f"shape must be one of {', '.join(_SHAPES)}, found {shape!r}")
        self.shape = shape

    def _grids(self, samples: Any, columns: Sequence[str | int]) -> list[Any]:
        """Spread the steps of all samples and return a grid, or several, of what comes out."""
        points = stacked_points(samples)
        with (
            timed(self.verbose, f"{type(self).__name__} made"),
            use_threads(self.max_workers),
            device_scope(device_of(points.data)),
        ):
            trajectories = self._trajectories(points, columns)
            shapes, weights = self._weighted(trajectories)
            sums = spread_over(self.resolution, trajectories.limits, shapes, weights)
            return [
                as_grid(cells, trajectories.limits) for cells in self._results(sums, trajectories)
            ]

    def _trajectories(self, points: PointData, columns: Sequence[str | int]) -> Trajectories:
        numbers = [column_number(points, column, "column") for column in columns]
        for number in self._columns:
            column_number(points, number, "dimensions")
        xp = array_namespace(points.data)
        used = xp.ascontiguousarray(points.data[:, [*self._columns, *numbers]])
        rows, sizes = flatten(used, points.row_ranges)
        positions = xp.ascontiguousarray(rows[:, : self._axes])
        r = 0.5 * self.diameter
        given = [getattr(self, f"{axis}lim") for axis in AXES[: self._axes]]
        limits = fill_limits(given, positions, lambda low, high: (low - r, high + r))
        steps = find_steps(rows, sizes)
        segments = steps.segments(positions)
        tails = ~steps.last & (self.shape == "crescent")
        shapes = Shapes(segments, xp.full(len(segments), r), tails)
        return Trajectories(rows[:, self._axes :], steps, shapes, limits)

    @abstractmethod
    def _weighted(self, trajectories: Trajectories) -> tuple[Shapes, Array]:
        """Shapes, and their weights (N, K) in each of the sums."""

    @abstractmethod
    def _results(self, sums: Array, trajectories: Trajectories) -> list[Array]:
        """Values of the grids, of the sums (K, *resolution)."""


def averages(sums: Array, trajectories: Trajectories, empty: float) -> list[Array]:
    """Average value of the steps in each cell, of the coverage and the sums of values times it.

    Parameters
    ----------
    sums : (1 + K, *resolution) float64
        Coverage, and sums.
    trajectories : Trajectories
        With K values.
    empty : float
        For cells without coverage.
    """
    xp = array_namespace(sums)
    visited = sums[0] > 0.0
    coverage = xp.where(visited, sums[0], 1.0)
    values = trajectories.values[trajectories.steps.starts]
    results = []
    for k, total in enumerate(sums[1:]):
        average = total / coverage
        if len(
            values
        ):  # no average is beyond its values; with hardly any coverage rounding matters
            average = xp.clip(average, values[:, k].min(), values[:, k].max())
        results.append(xp.where(visited, average, empty))
    return results


def value_weights(trajectories: Trajectories) -> Array:
    """Weights for `averages`: 1, and the values at the start of each step."""
    xp = array_namespace(trajectories.values)
    values = trajectories.values[trajectories.steps.starts]
    return xp.concatenate([xp.ones((len(values), 1)), values], axis=1)


def without_short_tails(shapes: Shapes, least: float) -> Shapes:
    """Take the disc or ball at the end away only of steps that are longer, in radii."""
    long_enough = lengths(shapes.segments) >= least * shapes.radii
    return shapes._replace(tails=shapes.tails & long_enough)


def column_number(points: PointData, column: Any, name: str) -> int:
    """Find the number of a column given by name or number; a ValueError names the argument."""
    names, width = list(points.columns), points.data.shape[1]
    if isinstance(column, str) and column in names:
        return names.index(column)
    if not is_number(column) or not -width <= int(column) < width:
        raise ValueError(f"{name}: {column!r} is not one of the columns {names}")
    return int(column)


def check_columns(columns: Any, number: int) -> list[str | int]:
    """List of as many columns."""
    if isinstance(columns, str) or not hasattr(columns, "__len__") or len(columns) != number:
        raise ValueError(f"columns must be {number} names or numbers, found {columns!r}")
    return list(columns)


def check_empty(empty: Any) -> float:
    """Value of cells that were never visited."""
    if not is_number(empty):
        raise ValueError(f"empty must be a number, such as 0 or NaN, found {empty!r}")
    return float(empty)


def _check_dimensions(dimensions: Any, axes: int) -> list[int]:
    if isinstance(dimensions, str):
        if len(dimensions) == axes and set(dimensions) <= set(AXES):
            return [1 + AXES.index(letter) for letter in dimensions]
    elif _are_whole(dimensions, axes):
        return [int(number) for number in dimensions]
    raise ValueError(
        f'dimensions must be {axes} letters of "xyz" or {axes} column numbers, found {dimensions!r}'
    )


def _are_whole(numbers: Any, count: int) -> bool:
    if not hasattr(numbers, "__len__") or len(numbers) != count:
        return False
    return all(is_number(number) and int(number) == number for number in numbers)


def _check_workers(max_workers: Any) -> int | None:
    if max_workers is None:
        return None
    if not is_number(max_workers) or whole_number("max_workers", max_workers) < 1:
        raise ValueError(f"max_workers must be at least 1, or None, found {max_workers!r}")
    return int(max_workers)
