"""Averages of vectors, such as velocities, where tracers were."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from gpupept.kernels import Array
from gpupept.kernels.occupancy import Shapes
from gpupept.processing.reducers import (
    GridReducer,
    Trajectories,
    averages,
    check_columns,
    check_empty,
    value_weights,
)
from gpupept.processing.vector_grid import VectorGrid2D, VectorGrid3D


class _VectorField(GridReducer):
    columns: list[str | int]
    empty: float

    def _weighted(self, trajectories: Trajectories) -> tuple[Shapes, Array]:
        return trajectories.shapes, value_weights(trajectories)

    def _results(self, sums: Array, trajectories: Trajectories) -> list[Array]:
        return averages(sums, trajectories, self.empty)


class VectorField2D(_VectorField):
    """Average of a vector over all pixels that the tracer covers.

    Parameters
    ----------
    diameter : float
        Diameter of the tracer, mm.
    columns : (2,) sequence of str or int
        Names or numbers of the columns with the components; by default velocities.
    dimensions : str or (2,) sequence of int, default "xy"
        What the axes of the grid are: two letters of "xyz", or two column numbers.
    resolution : (2,) sequence of int, default (50, 50)
        Pixels along each axis, at least 2.
    xlim, ylim : (2,) array_like, optional
        Limits along the first and second axis, mm; by default half a diameter beyond all positions. What
        is outside is left out.
    max_workers : int, optional
        Threads, on the CPU; every core by default. They do not influence the result.
    verbose : bool, default True
        Log how long it took.
    shape : {"crescent", "capsule"}, default "crescent"
        What a step covers: all that the tracer touches, or that without the disc around the end of the
        step, except for the last step of a trajectory.
    empty : float, default 0
        Value of pixels that were never visited; NaN for example.

    Raises
    ------
    ValueError
        If an argument is not as described; from `fit` if there is no such column, or limits cannot be
        taken from the positions.

    Notes
    -----
    Reducer signature: ``PointData -> VectorField2D -> VectorGrid2D``. Each component is averaged as by
    `gpupept.processing.DynamicProbability2D`, on the same grid; the areas are found only once. Positions
    where a coordinate or one of the columns is not finite part a trajectory.

    Examples
    --------
    >>> import gpupept
    >>> from gpupept.processing import VectorField2D
    >>> rows = [[0, 0, 0, 0, 5, 1], [1, 5, 1, 0, 5, 1], [2, 10, 2, 0, 5, 1]]
    >>> track = gpupept.PointData(rows, columns=["t", "x", "y", "z", "vx", "vy"])
    >>> field = VectorField2D(1.0, resolution=(20, 10), verbose=False).fit(track)
    >>> float(field.xpixels.max()), float(field.ypixels.max())
    (5.0, 1.0)
    """

    _axes: ClassVar[int] = 2

    def __init__(
        self,
        diameter: float,
        columns: Sequence[str | int] = ("vx", "vy"),
        dimensions: str | Sequence[int] = "xy",
        resolution: Sequence[int] = (50, 50),
        xlim: Any = None,
        ylim: Any = None,
        max_workers: int | None = None,
        verbose: bool = True,
        *,
        shape: str = "crescent",
        empty: float = 0.0,
    ) -> None:
        super().__init__(
            diameter, dimensions, resolution, (xlim, ylim), max_workers, verbose, shape
        )
        self.columns = check_columns(columns, 2)
        self.empty = check_empty(empty)

    def fit(self, samples: Any) -> VectorGrid2D:
        """Average the vectors.

        Parameters
        ----------
        samples : PointData, list of PointData, or (N, 4 or more) array
            Trajectories, each sample one; columns ``t, x, y, z, ...`` (ms, mm).

        Returns
        -------
        VectorGrid2D
            Averages of each component, on the device of the samples.

        Raises
        ------
        TypeError, ValueError
            If the samples are not points, there is no such column, or limits cannot be taken from
            the positions.
        """
        return VectorGrid2D(*self._grids(samples, self.columns))


class VectorField3D(_VectorField):
    """Average of a vector over all voxels that the tracer covers.

    Parameters
    ----------
    diameter : float
        Diameter of the tracer, mm.
    columns : (3,) sequence of str or int
        Names or numbers of the columns with the components; by default velocities.
    dimensions : str or (3,) sequence of int, default "xyz"
        What the axes of the grid are: three letters of "xyz", or three column numbers.
    resolution : (3,) sequence of int, default (50, 50, 50)
        Voxels along each axis, at least 2.
    xlim, ylim, zlim : (2,) array_like, optional
        Limits along the axes, mm; by default half a diameter beyond all positions. What is outside is left
        out.
    max_workers : int, optional
        Threads, on the CPU; every core by default. They do not influence the result.
    verbose : bool, default True
        Log how long it took.
    shape : {"crescent", "capsule"}, default "crescent"
        What a step covers: all that the tracer touches, or that without the ball around the end of the
        step, except for the last step of a trajectory.
    empty : float, default 0
        Value of voxels that were never visited; NaN for example.

    Raises
    ------
    ValueError
        If an argument is not as described; from `fit` if there is no such column, or limits cannot be
        taken from the positions.

    Notes
    -----
    Reducer signature: ``PointData -> VectorField3D -> VectorGrid3D``. Each component is averaged as by
    `gpupept.processing.DynamicProbability3D`, on the same grid; the volumes are found only once. Positions
    where a coordinate or one of the columns is not finite part a trajectory.

    Examples
    --------
    >>> import gpupept
    >>> from gpupept.processing import VectorField3D
    >>> rows = [[0, 0, 0, 0, 5, 1, 2], [1, 5, 1, 2, 5, 1, 2], [2, 10, 2, 4, 5, 1, 2]]
    >>> track = gpupept.PointData(rows, columns=["t", "x", "y", "z", "vx", "vy", "vz"])
    >>> field = VectorField3D(1.0, resolution=(9, 9, 9), verbose=False).fit(track)
    >>> float(field.xvoxels.max()), float(field.zvoxels.max())
    (5.0, 2.0)
    """

    _axes: ClassVar[int] = 3

    def __init__(
        self,
        diameter: float,
        columns: Sequence[str | int] = ("vx", "vy", "vz"),
        dimensions: str | Sequence[int] = "xyz",
        resolution: Sequence[int] = (50, 50, 50),
        xlim: Any = None,
        ylim: Any = None,
        zlim: Any = None,
        max_workers: int | None = None,
        verbose: bool = True,
        *,
        shape: str = "crescent",
        empty: float = 0.0,
    ) -> None:
        super().__init__(
            diameter, dimensions, resolution, (xlim, ylim, zlim), max_workers, verbose, shape
        )
        self.columns = check_columns(columns, 3)
        self.empty = check_empty(empty)

    def fit(self, samples: Any) -> VectorGrid3D:
        """Average the vectors.

        Parameters
        ----------
        samples : PointData, list of PointData, or (N, 4 or more) array
            Trajectories, each sample one; columns ``t, x, y, z, ...`` (ms, mm).

        Returns
        -------
        VectorGrid3D
            Averages of each component, on the device of the samples.

        Raises
        ------
        TypeError, ValueError
            If the samples are not points, there is no such column, or limits cannot be taken from
            the positions.
        """
        return VectorGrid3D(*self._grids(samples, self.columns))
