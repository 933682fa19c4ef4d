"""Where tracers are in planes across an axis, as a series of figures."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from gpupept.backend import array_namespace, to_host
from gpupept.base import PointData
from gpupept.base.samples import is_number
from gpupept.executors import Executor
from gpupept.kernels import Array
from gpupept.plots import PlotlyGrapher2D
from gpupept.plots.ranges import finite_span, own_range
from gpupept.processing.frames import FrameReducer
from gpupept.processing.grids import AXES
from gpupept.processing.passes import (
    Planes,
    check_distance,
    check_divisions,
    fitting,
    logger,
    nearest_positions,
)
from gpupept.processing.reducers import column_number

_ROOM = 1.1  # 5 % on both sides
_STYLE = {"size": 15, "marker_colorscale": "Magma"}


class SpatialProjections(FrameReducer):
    """Positions of all passes near planes across an axis, one figure for each plane.

    Parameters
    ----------
    directory : path or None
        Where pictures of the figures are written, which needs the extra ``export``; None writes nothing.
    start, end : float
        Coordinate of the first and of the last plane, mm.
    dimension : {"x", "y", "z"} or {1, 2, 3}, default "x"
        The axis, or the number of its column.
    num_divisions : int, default 500
        Number of planes, at least 1.
    max_distance : float, default 10
        A pass is shown if it comes nearer than this to the plane, mm.
    colorbar_col : str or int, default -1
        Name or number of the column that colours the positions; the last one by default.
    height, width : int, default 1000
        Size of the pictures in the files, in pixels.
    prefix : str, default "frame"
        The files are called ``<prefix>0000.png`` and so on.
    **kwargs
        ``xlim`` and ``ylim`` of the figures, and further arguments of
        `gpupept.plots.PlotlyGrapher2D.add_points`.

    Attributes
    ----------
    divisions : (num_divisions,) float64
        Coordinate of each plane in the last fit, mm; None before a fit, as the following.
    projections : list of (n, 5) float64
        For each plane the positions nearest to it, of the passes that come near enough, in their order:
        columns ``t, x, y, z`` (ms, mm) and the one that colours them.

    Raises
    ------
    ValueError
        If an argument is not as described; from `fit` if there is no such column.
    TypeError
        From `fit`, if the trajectories are not points.
    ImportError
        From `fit`, if there is a directory and Kaleido is not installed; the attributes are set.

    Notes
    -----
    Reducer signature: ``PointData -> SpatialProjections -> list of (n, 5) arrays``, each sample one pass.
    Of positions that are equally near the first counts; those that are not finite do not. `figures` draws
    the figures, `export` writes them, and `gpupept.plots.make_video` makes a video.

    Examples
    --------
    >>> import gpupept
    >>> from gpupept.processing import SpatialProjections
    >>> rows = [[t, 10 * t, y, -y] for y in (1, 2) for t in range(3)]
    >>> passes = gpupept.PointData(rows, sample_size=3)
    >>> slices = SpatialProjections(None, 0, 20, num_divisions=3).fit(passes, verbose=False)
    >>> slices[2].tolist()
    [[2.0, 20.0, 1.0, -1.0, -1.0], [2.0, 20.0, 2.0, -2.0, -2.0]]
    """

    def __init__(
        self,
        directory: Any,
        start: float,
        end: float,
        dimension: str | int = "x",
        num_divisions: int = 500,
        max_distance: float = 10,
        colorbar_col: str | int = -1,
        height: int = 1000,
        width: int = 1000,
        prefix: str = "frame",
        **kwargs: Any,
    ) -> None:
        super().__init__(directory, height, width, prefix)
        self.start, self.end = _check_coordinate(start, "start"), _check_coordinate(end, "end")
        self.dimension = _check_dimension(dimension)
        self.num_divisions = check_divisions(num_divisions, 1)
        self.max_distance = check_distance(max_distance)
        self.colorbar_col = colorbar_col
        self.kwargs = kwargs
        self.divisions: np.ndarray | None = None
        self.projections: list[Array] | None = None
        self._colour_name = ""

    def fit(
        self,
        trajectories: Any,
        executor: Executor = "joblib",
        max_workers: int | None = None,
        verbose: bool = True,
    ) -> list[Array]:
        """Find the positions, and write pictures of them if there is a directory.

        Parameters
        ----------
        trajectories : PointData, list of PointData, or (N, 4 or more) array
            Each sample one pass; columns ``t, x, y, z, ...`` (ms, mm).
        executor : str, class or instance, default "joblib"
            Checked, and of no influence: all passes are treated at once.
        max_workers : int, optional
            Threads, on the CPU; every core by default. They do not influence the result.
        verbose : bool, default True
            Log how long it took.

        Returns
        -------
        list of (n, 5) float64
            The attribute `projections`, on the device of the trajectories.

        Raises
        ------
        TypeError, ValueError, ImportError
            See the class.
        """
        divisions = np.linspace(self.start, self.end, self.num_divisions)
        with fitting(type(self).__name__, trajectories, executor, max_workers, verbose) as points:
            column = column_number(points, self.colorbar_col, "colorbar_col")
            projections = self._projections(points, column, divisions)
        self._colour_name = str(list(points.columns)[column])
        self.divisions, self.projections = divisions, projections
        if empty := sum(not len(each) for each in projections):
            logger.warning("%d of %d planes have no pass near them", empty, len(projections))
        self._export_if_asked()
        return projections

    def _projections(self, points: PointData, column: int, divisions: np.ndarray) -> list[Array]:
        xp = array_namespace(points.data)
        table = xp.ascontiguousarray(points.data[:, [0, 1, 2, 3, column]])
        axis = np.eye(3)[self.dimension - 1]
        planes = Planes(divisions[:, None] * axis, np.tile(axis, (len(divisions), 1)))
        found = []
        for block in planes.blocks(len(points.row_ranges)):
            rows, distances = nearest_positions(points, block)
            kept = distances < self.max_distance
            found += [table[rows[:, k][kept[:, k]]] for k in range(len(block.points))]
        return found

    def figures(self) -> Iterator[Any]:
        """Draw the projections of the last fit, with the same limits and colours.

        Yields
        ------
        plotly.graph_objects.Figure
            One for each plane, with its coordinate as the title.

        Raises
        ------
        ValueError
            If nothing was fitted yet.
        """
        tables = [to_host(table) for table in self._fitted(self.projections)]
        across, up = (axis for axis in range(3) if axis != self.dimension - 1)
        options = {**_STYLE, **self._colours(tables), **self.kwargs}
        xlim, ylim = (
            options.pop(name, own_range(finite_span(table[:, 1 + axis] for table in tables), _ROOM))
            for name, axis in (("xlim", across), ("ylim", up))
        )
        for table, place in zip(tables, self._fitted(self.divisions), strict=True):
            grapher = PlotlyGrapher2D(xlim=xlim, ylim=ylim)
            plane = table[:, [0, 1 + across, 1 + up, 4]]
            grapher.add_points(plane, colorbar_title=self._colour_name, **options)
            grapher.xlabel(f"<i>{AXES[across]}</i> (mm)").ylabel(f"<i>{AXES[up]}</i> (mm)")
            title = f"<i>{AXES[self.dimension - 1]}</i> = {place:.4g} mm"
            yield grapher.fig.update_layout(title={"text": title}, margin={"t": 80})

    def _colours(self, tables: list[np.ndarray]) -> dict[str, float]:
        """Range of the colours of all figures."""
        span = finite_span(table[:, 4] for table in tables)
        return {} if span is None else {"marker_cmin": span[0], "marker_cmax": span[1]}


def _check_coordinate(value: Any, name: str) -> float:
    if not is_number(value) or not np.isfinite(float(value)):
        raise ValueError(f"{name} must be a finite coordinate (mm), found {value!r}")
    return float(value)


def _check_dimension(dimension: Any) -> int:
    """Return the number of the column of the axis."""
    if isinstance(dimension, str) and len(dimension) == 1 and dimension in AXES:
        return 1 + AXES.index(dimension)
    if is_number(dimension) and dimension in (1, 2, 3):
        return int(dimension)
    raise ValueError(f'dimension must be "x", "y", "z", 1, 2 or 3, found {dimension!r}')
