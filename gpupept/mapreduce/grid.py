"""Cells: the boxes into which an exposure is divided, and the same with borders around them."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from gpupept.mapreduce.box import Box
from gpupept.mapreduce.psf import FWHM_OF_SIGMA, determinant_radius

_AXES = "XYZ"


class AxisGrid(NamedTuple):
    """How one axis is divided: sizes of cells, steps and borders in whole elements."""

    cell: int
    step: int
    border: int


class Intervals(NamedTuple):
    """Cells along one axis: their first elements and ends, without and with border."""

    low: np.ndarray
    high: np.ndarray
    low1: np.ndarray
    high1: np.ndarray


def make_grid(
    config: Any, box: Box, psf: Any, force_even: bool = False
) -> tuple[list[Box], list[Box]]:
    """Divide an exposure into cells.

    Parameters
    ----------
    config : ImageMapReduceConfig
        How.
    box : Box
        The exposure.
    psf : object or None
        Its point-spread function, by whose width sizes are multiplied if the configuration says so.
    force_even : bool
        Whether to make every cell an even number of elements long along each axis.

    Returns
    -------
    boxes0, boxes1 : list of Box
        The cells, and the cells with their borders, clipped to the exposure. Cells of no more than
        one element are left out. x varies slowest.

    Raises
    ------
    ValueError
        If a cell or step is smaller than an element, or lists of centres differ in length.
    RuntimeError
        If a cell cannot be made even.
    """
    centroids = _centroids(config, box.ndim)
    factor = FWHM_OF_SIGMA * determinant_radius(psf) if psf and config.scaleByFwhm else 1.0
    axes = []
    for axis in range(box.ndim):
        size = box.getDimensions()[axis]
        if centroids is not None:
            grid = AxisGrid(*(int(value) for value in _values(config, axis)))
            _check_sizes(grid, axis, 1.0)
            centres, cell = np.asarray(centroids[axis], dtype=np.float64), grid.cell
        else:
            grid = AxisGrid(*(int(np.rint(value * factor)) for value in _values(config, axis)))
            _check_sizes(grid, axis, factor)
            centres, cell = _centres(config.adjustGridOption, size, grid)
        axes.append(_intervals(centres, cell, grid.border, size, force_even))
    places = _places(axes, outer=centroids is None)
    return _boxes(axes, places, box.getMin())


def tiles(box: Box, cell: Sequence[int], border: Sequence[int]) -> tuple[list[Box], list[Box]]:
    """Divide an exposure into cells that neither overlap nor leave anything out.

    Parameters
    ----------
    box : Box
        The exposure.
    cell, border : sequence of int
        Elements of a cell and of its border along each axis.

    Returns
    -------
    boxes0, boxes1 : list of Box
        The cells, and the cells with their borders, clipped to the exposure. x varies slowest.
    """
    sides = zip(box.getMin(), box.getEnd(), cell, strict=True)
    corners = itertools.product(*(range(begin, end, size) for begin, end, size in sides))
    boxes0 = [Box.sized(corner, cell).clip(box) for corner in corners]
    return boxes0, [each.grow(tuple(border)).clip(box) for each in boxes0]


def _values(config: Any, axis: int) -> tuple[float, float, float]:
    """Size, step and border along an axis."""
    names = ("cellSize", "gridStep", "borderSize")
    size, step, border = (getattr(config, name + _AXES[axis]) for name in names)
    return size, step, border


def _centroids(config: Any, ndim: int) -> list[list[float]] | None:
    """Centres given by the user along each axis, or None."""
    given = [getattr(config, f"cellCentroids{axis}") for axis in _AXES[:ndim]]
    if all(values is None for values in given):
        return None
    lengths = {None if values is None else len(values) for values in given}
    if len(lengths) > 1:
        found = ", ".join(
            f"cellCentroids{axis} {'None' if values is None else len(values)}"
            for axis, values in zip(_AXES, given, strict=False)
        )
        raise ValueError(f"centroids of cells must be as many along each axis, found {found}")
    return given


def _check_sizes(grid: AxisGrid, axis: int, factor: float) -> None:
    for name, value in (("cellSize", grid.cell), ("gridStep", grid.step)):
        if value < 1:
            scaled = f" after scaling by {factor:g}" if factor != 1.0 else ""
            raise ValueError(
                f"{name}{_AXES[axis]} must be at least one element{scaled}, found {value}"
            )


def _centres(option: str, size: int, grid: AxisGrid) -> tuple[np.ndarray, int]:
    """Centres of cells along an axis, relative to its first element, and the length of a cell."""
    cell, step = grid.cell, grid.step
    if option == "spacing":
        return np.linspace(cell // 2, size - cell // 2, size // cell + 1), cell
    if option == "size":  # one element longer than the step, so that there is no gap
        return np.arange(step // 2, size + step // 2, step, dtype=np.float64), step + 1
    return np.arange(cell // 2, size + cell // 2, step, dtype=np.float64), cell


def _intervals(
    centres: np.ndarray, cell: int, border: int, size: int, force_even: bool
) -> Intervals:
    """Clip the cells about some centres to 0 .. size."""
    first = np.floor(centres).astype(np.int64) - cell // 2
    ends: list[np.ndarray] = []
    for wider in (0, border):
        low = np.clip(first - wider, 0, size)
        high = np.clip(first + cell + wider, 0, size)
        high = np.maximum(low, high)
        ends += _even(low, high, size) if force_even else (low, high)
    return Intervals(*ends)


def _even(low: np.ndarray, high: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Make odd intervals longer by one, at the end or, where that is the last, at the beginning."""
    high = np.where((high - low) % 2 == 1, np.minimum(high + 1, size), high)
    low = np.where((high - low) % 2 == 1, np.maximum(low - 1, 0), low)
    odd = (high - low) % 2 == 1
    if odd.any():
        raise RuntimeError(
            f"cells cannot be made even: {int(odd.sum())} fill the whole axis of {size} elements"
        )
    return low, high


def _places(axes: Sequence[Intervals], outer: bool) -> list[np.ndarray]:
    """Numbers of the intervals of each cell along each axis."""
    counts = [len(axis.low) for axis in axes]
    if not outer:
        return [np.arange(counts[0])] * len(axes)
    return [part.ravel() for part in np.meshgrid(*map(np.arange, counts), indexing="ij")]


def _boxes(
    axes: Sequence[Intervals], places: list[np.ndarray], origin: tuple[int, ...]
) -> tuple[list[Box], list[Box]]:
    pairs: list[tuple[np.ndarray, np.ndarray]] = []
    for first, last in ((0, 1), (2, 3)):
        low = np.stack([axis[first][k] for axis, k in zip(axes, places, strict=True)], axis=1)
        high = np.stack([axis[last][k] for axis, k in zip(axes, places, strict=True)], axis=1)
        pairs.append((low, high))
    kept = np.logical_and.reduce([np.prod(high - low, axis=1) > 1 for low, high in pairs])
    start = np.asarray(origin)
    boxes0, boxes1 = (
        list(map(Box, (low[kept] + start).tolist(), (high[kept] + start).tolist()))
        for low, high in pairs
    )
    return boxes0, boxes1
