"""The average of a quantity where a tracer was."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from gpupept.base import Pixels, Voxels
from gpupept.kernels import Array
from gpupept.kernels.occupancy import Shapes
from gpupept.processing.reducers import (
    GridReducer,
    Trajectories,
    averages,
    check_empty,
    value_weights,
)


class _DynamicProbability(GridReducer):
    column: str | int
    empty: float

    def _weighted(self, trajectories: Trajectories) -> tuple[Shapes, Array]:
        return trajectories.shapes, value_weights(trajectories)

    def _results(self, sums: Array, trajectories: Trajectories) -> list[Array]:
        return averages(sums, trajectories, self.empty)


class DynamicProbability2D(_DynamicProbability):
    """Average of a column over all pixels that the tracer covers.

    Parameters
    ----------
    diameter : float
        Diameter of the tracer, mm.
    column : str or int
        Name or number of the column to average.
    dimensions : str or (2,) sequence of int, default "xy"
        What the axes of the grid are: two letters of "xyz", or two column numbers.
    resolution : (2,) sequence of int, default (512, 512)
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
    Reducer signature: ``PointData -> DynamicProbability2D -> Pixels``. The value of a pixel is the mean
    over steps of the column where the step starts, weighted by the area that the step covers of
    the pixel. Each sample is one trajectory; positions where a coordinate or the column is not finite
    part it. Areas are exact. A pixel of which less than some 1e-12 is covered gets a value within the
    range of the column, but its digits may differ between devices.

    The crescents of a straight track cover it once. Where the column changes much within a diameter of
    travel, the two shapes give different averages, since a capsule also counts where the tracer is
    at the end of the step.

    Examples
    --------
    >>> import gpupept
    >>> from gpupept.processing import DynamicProbability2D
    >>> rows = [[0, 0, 0, 0, 7], [1, 5, 0, 0, 7], [2, 5, 9, 0, 7]]
    >>> track = gpupept.PointData(rows, columns=["t", "x", "y", "z", "speed"])
    >>> reducer = DynamicProbability2D(1.0, "speed", resolution=(20, 30), verbose=False)
    >>> sorted(set(reducer.fit(track).pixels.ravel().tolist()))
    [0.0, 7.0]
    """

    _axes: ClassVar[int] = 2

    def __init__(
        self,
        diameter: float,
        column: str | int,
        dimensions: str | Sequence[int] = "xy",
        resolution: Sequence[int] = (512, 512),
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
        self.column = column
        self.empty = check_empty(empty)

    def fit(self, samples: Any) -> Pixels:
        """Average the column.

        Parameters
        ----------
        samples : PointData, list of PointData, or (N, 4 or more) array
            Trajectories, each sample one; columns ``t, x, y, z, ...`` (ms, mm).

        Returns
        -------
        Pixels
            Averages, on the device of the samples.

        Raises
        ------
        TypeError, ValueError
            If the samples are not points, there is no such column, or limits cannot be taken from
            the positions.
        """
        grid: Pixels = self._grids(samples, [self.column])[0]
        return grid


class DynamicProbability3D(_DynamicProbability):
    """Average of a column over all voxels that the tracer covers.

    Parameters
    ----------
    diameter : float
        Diameter of the tracer, mm.
    column : str or int
        Name or number of the column to average.
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
    Reducer signature: ``PointData -> DynamicProbability3D -> Voxels``. The value of a voxel is the mean
    over steps of the column where the step starts, weighted by the volume that the step covers of
    the voxel. Each sample is one trajectory; positions where a coordinate or the column is not finite
    part it. Volumes are exact. A voxel of which less than some 1e-12 is covered gets a value within the
    range of the column, but its digits may differ between devices.

    The crescents of a straight track cover it once. Where the column changes much within a diameter of
    travel, the two shapes give different averages, since a capsule also counts where the tracer is
    at the end of the step.

    Examples
    --------
    >>> import gpupept
    >>> from gpupept.processing import DynamicProbability3D
    >>> rows = [[0, 0, 0, 0, 7], [1, 5, 0, 0, 7], [2, 5, 9, 3, 7]]
    >>> track = gpupept.PointData(rows, columns=["t", "x", "y", "z", "speed"])
    >>> reducer = DynamicProbability3D(1.0, "speed", resolution=(9, 9, 9), verbose=False)
    >>> sorted(set(reducer.fit(track).voxels.ravel().tolist()))
    [0.0, 7.0]
    """

    _axes: ClassVar[int] = 3

    def __init__(
        self,
        diameter: float,
        column: str | int,
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
        self.column = column
        self.empty = check_empty(empty)

    def fit(self, samples: Any) -> Voxels:
        """Average the column.

        Parameters
        ----------
        samples : PointData, list of PointData, or (N, 4 or more) array
            Trajectories, each sample one; columns ``t, x, y, z, ...`` (ms, mm).

        Returns
        -------
        Voxels
            Averages, on the device of the samples.

        Raises
        ------
        TypeError, ValueError
            If the samples are not points, there is no such column, or limits cannot be taken from
            the positions.
        """
        grid: Voxels = self._grids(samples, [self.column])[0]
        return grid
