"""What the geometric efficiencies of all scanners share: at which places they are asked for."""

from __future__ import annotations

import abc
from typing import Any, NamedTuple

import numpy as np

from gpupept.backend import array_namespace, common_device, device_of, device_scope, to_device
from gpupept.base import LineData, PEPTObject, Pixels, PointData, Voxels
from gpupept.base.inputs import as_table, is_on_device
from gpupept.kernels import Array

_POINTS_AT_ONCE = 2**22  # of a grid, so that their coordinates take little memory beside its values


class FieldOfView(NamedTuple):
    """What is known about the efficiency in each of many boxes.

    Attributes
    ----------
    some : bool array
        False for boxes in which it is zero everywhere.
    whole : bool array
        True for boxes in which it is nowhere zero.
    smooth : bool array
        False for boxes with a place where its slope changes at once.
    """

    some: Array
    whole: Array
    smooth: Array


class GeometricEfficiency(PEPTObject, abc.ABC):
    """Share of the back-to-back photon pairs from a point of which both photons meet a detector.

    A subclass says what a scanner looks like; called with places it tells the efficiency there, from 0
    to 1. Beyond the field of view it is 0.
    """

    @abc.abstractmethod
    def _at(self, points: Array) -> Array:
        """Efficiency at (N, 3) float64 C-contiguous points, where they are."""

    @abc.abstractmethod
    def field_of_view(self, lower: list[Array], upper: list[Array]) -> FieldOfView:
        """Tell which boxes are in the field of view, where the efficiency is above zero.

        Parameters
        ----------
        lower, upper : three float64 arrays
            Coordinates of opposite corners, mm; they broadcast.

        Returns
        -------
        FieldOfView
            A value for each box, of the shape to which the corners broadcast.
        """

    def __call__(self, x: Any, y: Any = None, z: Any = None) -> Any:
        """Work out the efficiency at places.

        Parameters
        ----------
        x : float, array_like, PointData, Voxels or Pixels
            Coordinates along x, mm, if `y` and `z` are given. Otherwise all places: rows x, y, z of an
            (N, 3) array, points, or the centres of voxels. Of pixels the centres at the height `z`.
        y, z : float or array_like, optional
            Coordinates along y and z, mm; x, y and z broadcast.

        Returns
        -------
        float64 array, Voxels or Pixels
            From 0 to 1, on the device of the places: of the shape to which x, y and z broadcast, (N,) for
            rows and points, a grid with the same limits for a grid. NaN for a place with NaN.

        Raises
        ------
        ValueError
            If shapes do not fit.
        TypeError
            If there are no real numbers, or `y` is given without `z`, or the other way round.
        """
        if isinstance(x, Voxels | Pixels):
            return self._on_grid(x, y, z)
        if y is None and z is None:
            return self._at(_rows(x))
        if y is None or z is None:
            raise TypeError("y and z must both be given with x; or give (N, 3) rows x, y, z alone")
        return self._on_arrays([x, y, z])

    def eg(self, x: float, y: float, z: float) -> float:
        """Work out the efficiency at one place.

        Parameters
        ----------
        x, y, z : float
            Its coordinates, mm.

        Returns
        -------
        float
            From 0 to 1.

        Raises
        ------
        ValueError
            If there is more than one place.
        """
        found = self(x, y, z)
        if found.size != 1:
            raise ValueError(
                f"x, y, z must be one place, found {found.size}; call the object instead"
            )
        return float(found.reshape(()))

    def _on_arrays(self, places: list[Any]) -> Array:
        arrays = [_numbers(place, name) for place, name in zip(places, "xyz", strict=True)]
        # Numbers may go with arrays on any device.
        placed = [array for array in arrays if array.ndim or is_on_device(array)]
        xp = array_namespace(*placed)
        with device_scope(common_device(*placed) or "cpu"):
            shape = np.broadcast_shapes(*(array.shape for array in arrays))
            points = xp.empty((*shape, 3))
            for axis, array in enumerate(arrays):
                points[..., axis] = array if array.ndim else float(array)
            return self._at(points.reshape(-1, 3)).reshape(shape)

    def _on_grid(self, grid: Any, y: Any, z: Any) -> Any:
        axes = [_centres(edges) for edges in grid_edges(grid)]
        flat = isinstance(grid, Pixels)
        if y is not None or (z is None) == flat:
            raise TypeError(
                "voxels must be given alone, and pixels with z, the height (mm) they are at"
            )
        if flat:
            axes.append(np.array([check_height(z)]))
        device = device_of(grid.array)
        with device_scope(device):
            found = array_namespace(grid.array).empty(tuple(len(axis) for axis in axes))
            x, y, z = (to_device(axis, device) for axis in axes)
            rows = max(1, _POINTS_AT_ONCE // (len(y) * len(z)))
            for first in range(0, len(x), rows):
                some = x[first : first + rows, None, None]
                found[first : first + rows] = self._on_arrays([some, y[:, None], z])
        return grid.copy(found.reshape(grid.shape))


def grid_edges(grid: Any) -> list[np.ndarray]:
    """Edges of the cells of pixels or voxels along each axis, mm."""
    edges: list[np.ndarray] = grid.pixel_grids if isinstance(grid, Pixels) else grid.voxel_grids
    return edges


def check_height(z: Any) -> float:
    """One finite number, the z of a plane of pixels."""
    if np.ndim(z) or not np.isfinite(z):
        raise ValueError(f"z must be one finite number (mm), the height of the pixels, found {z!r}")
    return float(z)


def _centres(edges: np.ndarray) -> np.ndarray:
    centres: np.ndarray = (edges[:-1] + edges[1:]) / 2.0
    return centres


def _rows(value: Any) -> Array:
    if isinstance(value, LineData):
        raise TypeError("efficiencies belong to points, found LineData; give PointData")
    if isinstance(value, PointData):
        points = value.points[:, 1:4]
        return array_namespace(points).ascontiguousarray(points)
    table = as_table(value, "x")
    if table.shape[1] != 3:
        raise ValueError(
            f"x must have 3 columns x, y, z when y and z are not given, found shape {table.shape}"
        )
    return table


def _numbers(value: Any, name: str) -> Array:
    if is_on_device(value):
        array: Any = to_device(value, "cuda")
    else:
        try:
            array = np.asarray(value)
        except ValueError as error:
            raise ValueError(f"{name} cannot be made an array of numbers: {error}") from error
    if array.dtype.kind not in "buif":
        raise TypeError(f"{name} must hold real numbers, found dtype {array.dtype}")
    return array
