"""Points that lie anywhere, and their values."""

from __future__ import annotations

from typing import Any, Self

import numpy as np

from gpupept.backend import array_namespace, device_of, to_device
from gpupept.base.array_container import ArrayContainer
from gpupept.grids.checks import as_array, as_points, check_numbers
from gpupept.grids.errors import GridException
from gpupept.kernels import Array


class ValuesIrregular(ArrayContainer):
    """A value for each of a list of points.

    Parameters
    ----------
    values : (n,) array_like
        The values.

    Raises
    ------
    GridException
        If they do not have one axis.
    """

    def __init__(self, values: Any) -> None:
        self._array = as_array(values, "values")
        if self._array.ndim != 1:
            raise GridException(f"values must have one axis, found shape {tuple(self.shape)}")

    @property
    def values(self) -> Array:
        """The values; the same as `array`."""
        return self._array

    @property
    def in_list(self) -> list[float]:
        """The values as a list."""
        found: list[float] = self._array.tolist()
        return found


class Grid2DIrregular(ArrayContainer):
    """A list of points (y, x) that need not lie on a grid.

    Parameters
    ----------
    grid : (n, 2) array_like
        The points; one point may be given alone.

    Raises
    ------
    GridException
        If the points are not pairs.

    Examples
    --------
    >>> from gpupept.grids import Grid2DIrregular
    >>> points = Grid2DIrregular([(0.0, 1.0), (3.0, 4.0)])
    >>> points.structure_2d_from(points.distances_to_coordinate((0.0, 0.0))).in_list
    [1.0, 5.0]
    """

    def __init__(self, grid: Any) -> None:
        array = as_array(grid, "grid")
        array = array.reshape(-1, 2) if array.size in (0, 2) else array
        try:
            self._array = as_points(array, "grid", 2)
        except ValueError as error:
            raise GridException(str(error)) from error

    @property
    def in_list(self) -> list[tuple[float, float]]:
        """The points as a list of (y, x)."""
        return [(y, x) for y, x in self._array.tolist()]

    def squared_distances_to_coordinate(self, coordinate: Any = (0.0, 0.0)) -> ValuesIrregular:
        """Squared distance of each point from one (y, x)."""
        return ValuesIrregular(squared_distances(self._array, coordinate))

    def distances_to_coordinate(self, coordinate: Any = (0.0, 0.0)) -> ValuesIrregular:
        """Distance of each point from one (y, x)."""
        xp = array_namespace(self._array)
        return ValuesIrregular(xp.sqrt(squared_distances(self._array, coordinate)))

    def grid_via_deflection_grid_from(self, deflection_grid: Any) -> Self:
        """Subtract one (y, x) from each point."""
        return type(self)(deflected(self._array, deflection_grid))

    def values_from(self, array_slim: Any) -> ValuesIrregular:
        """Make values of these points.

        Raises
        ------
        GridException
            If there are not as many values as points.
        """
        values = ValuesIrregular(array_slim)
        if len(values) != len(self):
            raise GridException(f"there are {len(self)} points, but {len(values)} values")
        return values

    def structure_2d_from(self, result: Any) -> ValuesIrregular | Grid2DIrregular:
        """Wrap what a function returned for these points: values, or again points.

        Raises
        ------
        GridException
            If it is neither (n,) nor (n, 2).
        """
        array = as_array(result, "result", self.device)
        if array.shape == (len(self),):
            return ValuesIrregular(array)
        if array.shape == (len(self), 2):
            return Grid2DIrregular(array)
        raise GridException(
            f"result must have shape ({len(self)},) or ({len(self)}, 2), found {tuple(array.shape)}"
        )

    def structure_2d_list_from(self, result_list: Any) -> list[ValuesIrregular | Grid2DIrregular]:
        """Wrap each of a list of results, see `structure_2d_from`."""
        return [self.structure_2d_from(result) for result in result_list]


def squared_distances(points: Array, coordinate: Any) -> Array:
    """Squared distance of each point from one."""
    axes = points.shape[-1]
    centre = to_device(np.array(check_numbers(coordinate, "coordinate", axes)), device_of(points))
    return ((points - centre) ** 2).sum(axis=-1)


def deflected(points: Array, deflection_grid: Any) -> Array:
    """Points less deflections.

    Raises
    ------
    GridException
        If there is not a deflection for each point.
    """
    shifts = as_array(deflection_grid, "deflection_grid", device_of(points))
    if shifts.shape != points.shape:
        raise GridException(
            f"deflection_grid must have shape {tuple(points.shape)}, as the grid has, found "
            f"{tuple(shifts.shape)}"
        )
    return points - shifts
