"""How long tracers are where."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from gpupept.base import Pixels, Voxels
from gpupept.kernels import Array
from gpupept.kernels.occupancy import Shapes, measures
from gpupept.processing.reducers import GridReducer, Trajectories, without_short_tails

_SHORT = 1e-3  # radii: of a step this short the crescent is too thin


class _ResidenceDistribution(GridReducer):
    column: str | int

    def _weighted(self, trajectories: Trajectories) -> tuple[Shapes, Array]:
        shapes = without_short_tails(trajectories.shapes, _SHORT)
        starts, values = trajectories.steps.starts, trajectories.values
        return shapes, (values[starts + 1] - values[starts]) / measures(shapes)[:, None]

    def _results(self, sums: Array, trajectories: Trajectories) -> list[Array]:
        return list(sums)


class ResidenceDistribution2D(_ResidenceDistribution):
    """Time that tracers spend in each pixel, or what they gain there of another column.

    Parameters
    ----------
    diameter : float
        Diameter of the tracer, mm.
    column : str or int, default "t"
        Name or number of the column whose differences are shared out.
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

    Raises
    ------
    ValueError
        If an argument is not as described; from `fit` if there is no such column, or limits cannot be
        taken from the positions.

    Notes
    -----
    Reducer signature: ``PointData -> ResidenceDistribution2D -> Pixels``. The difference of the column
    between the end and the start of a step is shared out among the pixels in proportion to the area that
    the step covers of each. So with everything inside the limits the sum of the grid is that of all
    differences: with time, the duration of all trajectories together, also with tracers at rest. Each
    sample is one trajectory; positions where a coordinate or the column is not finite part it.
    Areas are exact. Crescents of steps shorter than 1/1000 of the radius are replaced by capsules.

    Examples
    --------
    >>> import gpupept
    >>> from gpupept.processing import ResidenceDistribution2D
    >>> track = gpupept.PointData([[0, 0, 0, 0], [1, 5, 0, 0], [3, 5, 9, 0]])
    >>> pixels = ResidenceDistribution2D(1.0, resolution=(20, 30), verbose=False).fit(track)
    >>> round(float(pixels.sum()), 9)
    3.0
    """

    _axes: ClassVar[int] = 2

    def __init__(
        self,
        diameter: float,
        column: str | int = "t",
        dimensions: str | Sequence[int] = "xy",
        resolution: Sequence[int] = (512, 512),
        xlim: Any = None,
        ylim: Any = None,
        max_workers: int | None = None,
        verbose: bool = True,
        *,
        shape: str = "crescent",
    ) -> None:
        super().__init__(
            diameter, dimensions, resolution, (xlim, ylim), max_workers, verbose, shape
        )
        self.column = column

    def fit(self, samples: Any) -> Pixels:
        """Share out the differences of the column.

        Parameters
        ----------
        samples : PointData, list of PointData, or (N, 4 or more) array
            Trajectories, each sample one; columns ``t, x, y, z, ...`` (ms, mm).

        Returns
        -------
        Pixels
            What is gained in each pixel (ms for time), on the device of the samples.

        Raises
        ------
        TypeError, ValueError
            If the samples are not points, there is no such column, or limits cannot be taken from
            the positions.
        """
        grid: Pixels = self._grids(samples, [self.column])[0]
        return grid


class ResidenceDistribution3D(_ResidenceDistribution):
    """Time that tracers spend in each voxel, or what they gain there of another column.

    Parameters
    ----------
    diameter : float
        Diameter of the tracer, mm.
    column : str or int, default "t"
        Name or number of the column whose differences are shared out.
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

    Raises
    ------
    ValueError
        If an argument is not as described; from `fit` if there is no such column, or limits cannot be
        taken from the positions.

    Notes
    -----
    Reducer signature: ``PointData -> ResidenceDistribution3D -> Voxels``. The difference of the column
    between the end and the start of a step is shared out among the voxels in proportion to the volume that
    the step covers of each. So with everything inside the limits the sum of the grid is that of all
    differences: with time, the duration of all trajectories together, also with tracers at rest. Each
    sample is one trajectory; positions where a coordinate or the column is not finite part it.
    Volumes are exact. Crescents of steps shorter than 1/1000 of the radius are replaced by capsules.

    Examples
    --------
    >>> import gpupept
    >>> from gpupept.processing import ResidenceDistribution3D
    >>> track = gpupept.PointData([[0, 0, 0, 0], [1, 5, 0, 0], [3, 5, 9, 4]])
    >>> voxels = ResidenceDistribution3D(1.0, resolution=(9, 9, 9), verbose=False).fit(track)
    >>> round(float(voxels.sum()), 9)
    3.0
    """

    _axes: ClassVar[int] = 3

    def __init__(
        self,
        diameter: float,
        column: str | int = "t",
        dimensions: str | Sequence[int] = "xyz",
        resolution: Sequence[int] = (50, 50, 50),
        xlim: Any = None,
        ylim: Any = None,
        zlim: Any = None,
        max_workers: int | None = None,
        verbose: bool = True,
        *,
        shape: str = "crescent",
    ) -> None:
        super().__init__(
            diameter, dimensions, resolution, (xlim, ylim, zlim), max_workers, verbose, shape
        )
        self.column = column

    def fit(self, samples: Any) -> Voxels:
        """Share out the differences of the column.

        Parameters
        ----------
        samples : PointData, list of PointData, or (N, 4 or more) array
            Trajectories, each sample one; columns ``t, x, y, z, ...`` (ms, mm).

        Returns
        -------
        Voxels
            What is gained in each voxel (ms for time), on the device of the samples.

        Raises
        ------
        TypeError, ValueError
            If the samples are not points, there is no such column, or limits cannot be taken from
            the positions.
        """
        grid: Voxels = self._grids(samples, [self.column])[0]
        return grid
