"""Methods that take grids of any kind and give back what belongs to the grid."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from gpupept.grids.cell_structure import CellStructure
from gpupept.grids.irregular import Grid2DIrregular
from gpupept.grids.point_grid import PointGrid


def grid_2d_to_structure(func: Callable[..., Any]) -> Callable[..., Any]:
    """Let a method of points take any grid, and wrap what it returns.

    Parameters
    ----------
    func : callable
        ``func(self, points, ...)``, given an (n, D) array; returns (n,) values, (n, D) vectors or a list of
        them.

    Returns
    -------
    callable
        The same method for: a grid with over-sampling, such as `Grid2DIterate`, over whose cells it is
        averaged; any other grid, which gives a value at each of its points; a `Grid2DIrregular`; and a bare
        array, whose result is returned as it is. Further arguments are passed on in every case.

    Examples
    --------
    >>> import numpy as np
    >>> from gpupept.grids import Grid2D, Grid2DIterate, grid_2d_to_structure
    >>> class Blob:
    ...     width = 0.5
    ...     @grid_2d_to_structure
    ...     def density(self, grid, scale=1.0):
    ...         return scale * np.exp(-(grid**2).sum(axis=1) / self.width**2)
    >>> at_centre = Blob().density(Grid2D.uniform((1, 1), 1.0), scale=2.0)
    >>> mean = Blob().density(Grid2DIterate.uniform((1, 1), 1.0), scale=2.0)
    >>> at_centre.array.tolist(), mean.array.round(3).tolist()
    ([2.0], [1.117])
    """

    @functools.wraps(func)
    def method(self: Any, grid: Any, *args: Any, **kwargs: Any) -> Any:
        if isinstance(grid, PointGrid) and grid.over_sampling is not None:
            return grid.result_from(func, self, *args, **kwargs)
        if isinstance(grid, PointGrid):
            return _wrapped(grid._structure_from, func(self, grid._slim_array, *args, **kwargs))
        if isinstance(grid, Grid2DIrregular):
            return _wrapped(grid.structure_2d_from, func(self, grid.array, *args, **kwargs))
        return func(self, grid, *args, **kwargs)

    return method


def grid_2d_to_structure_list(func: Callable[..., Any]) -> Callable[..., Any]:
    """Let a method that returns a list take any grid; see `grid_2d_to_structure`.

    On a grid that refines, a cell is settled when all elements of the list are.
    """
    return grid_2d_to_structure(func)


def over_sample(func: Callable[..., Any]) -> Callable[..., Any]:
    """Average a method of points over cells, whatever the grid.

    As `grid_2d_to_structure`, but a grid without over-sampling and with several points in each cell gives
    the means over these.
    """
    method = grid_2d_to_structure(func)

    @functools.wraps(func)
    def averaged(self: Any, grid: Any, *args: Any, **kwargs: Any) -> Any:
        found = method(self, grid, *args, **kwargs)
        if isinstance(found, list):
            return [_binned(part) for part in found]
        return _binned(found)

    return averaged


def _binned(found: Any) -> Any:
    return found.binned if isinstance(found, CellStructure) else found


def _wrapped(wrap: Callable[[Any], Any], found: Any) -> Any:
    return [wrap(part) for part in found] if isinstance(found, list | tuple) else wrap(found)
