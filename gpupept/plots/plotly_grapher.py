"""Three-dimensional figures of lines, points, pixels and voxels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

from gpupept.base import PEPTObject
from gpupept.base.thinning import thinning_stride
from gpupept.plots.grid_figure import GridFigure
from gpupept.plots.inputs import Table, line_table, point_table
from gpupept.plots.subplots import marks
from gpupept.plots.traces import Colours, line_trace, point_traces, vertex_colours


class PlotlyGrapher(GridFigure, PEPTObject):
    """Interactive 3D figures of lines of response, points, pixels and voxels, in one or more subplots.

    The y axis points upwards, so that the vertical detectors of a PEPT scanner lie in the xy plane.

    Parameters
    ----------
    rows, cols : int, default 1
        Number of rows and columns of subplots.
    xlim, ylim, zlim : pair of float, optional
        Axis limits of all subplots in mm; automatic when not given.
    subplot_titles : sequence of str, optional
        Titles, row by row; missing ones are blank.

    Attributes
    ----------
    fig : plotly.graph_objects.Figure
        The figure; its ``scene``, ``scene2``, ... are the subplots, row by row.
    xlim, ylim, zlim : list of float or None
        Axis limits of all subplots in mm; None is automatic. Can be set.

    Raises
    ------
    ValueError
        If `rows` or `cols` is smaller than 1, a limit is not a pair of numbers, or there are more
        titles than subplots.

    See Also
    --------
    PlotlyGrapher2D : Figures in a plane, and coordinates against time.

    Examples
    --------
    Lines and points side by side:

    >>> import numpy as np
    >>> import gpupept as pept
    >>> from gpupept.plots import PlotlyGrapher
    >>> lines = pept.LineData(np.arange(70.0).reshape(10, 7))
    >>> points = pept.PointData(np.arange(40.0).reshape(10, 4))
    >>> grapher = PlotlyGrapher(cols=2, subplot_titles=["lines", "points"])
    >>> grapher = grapher.add_lines(lines).add_points(points, col=2)

    Then ``grapher.show()``, or as a web page:

    >>> import pathlib, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     grapher.to_html(pathlib.Path(folder) / "figure.html")
    """

    def __init__(
        self,
        rows: int = 1,
        cols: int = 1,
        xlim: Any = None,
        ylim: Any = None,
        zlim: Any = None,
        subplot_titles: Sequence[str] | None = ("  ",),
    ) -> None:
        super().__init__(rows, cols, {"x": xlim, "y": ylim, "z": zlim}, subplot_titles)

    @staticmethod
    def points_trace(
        points: Any,
        size: Any = 2.0,
        color: Any = None,
        opacity: float = 0.8,
        colorbar: bool = True,
        colorbar_col: int | str = -1,
        colorscale: Any = "Magma",
        colorbar_title: str | None = None,
        **kwargs: Any,
    ) -> Any:
        """Return the Plotly trace, or list of traces, that `add_points` would add.

        Draws every row; see `add_points` for the parameters.

        Returns
        -------
        plotly.graph_objects.Scatter3d or list of it
            A list when the colours follow a column with at most ten different values.

        Examples
        --------
        >>> import numpy as np
        >>> from gpupept.plots import PlotlyGrapher
        >>> points = np.random.default_rng(0).uniform(size=(100, 4))
        >>> PlotlyGrapher.points_trace(points, color="black").mode
        'markers'
        """
        colours = Colours(color, opacity, colorbar, colorbar_col, colorscale, colorbar_title)
        return _points(point_table(points), size, colours, kwargs)

    def add_points(
        self,
        points: Any,
        row: int = 1,
        col: int = 1,
        size: Any = 2.0,
        color: Any = None,
        opacity: float = 0.8,
        colorbar: bool = True,
        colorbar_col: int | str = -1,
        colorscale: Any = "Magma",
        colorbar_title: str | None = None,
        max_points: int | None = 500_000,
        **kwargs: Any,
    ) -> Self:
        """Draw points, coloured by one of their columns.

        If that column has at most ten different values, such as trajectory labels, each value is a
        trace with a name, such as "label 0", and its own distinct colour, the same in all subplots;
        points whose value is NaN are then not drawn, which is logged. Otherwise the colours are a
        continuous scale.

        Parameters
        ----------
        points : PointData or (N, C >= 4) array-like
            Columns ``t, x, y, z, ...`` in ms and mm, on either device; or anything else `PointData`
            can be made of, and what `SplitLabels` returns.
        row, col : int, default 1
            Place of the subplot, counted from 1.
        size : float or (N,) array-like, default 2.0
            Marker size in pixels.
        color : str or (N,) array-like, optional
            One colour, as in CSS, or a value per point; overrides `colorbar`.
        opacity : float, default 0.8
            From 0, transparent, to 1.
        colorbar : bool, default True
            Colour by the column `colorbar_col`.
        colorbar_col : int or str, default -1
            Position or name of that column.
        colorscale : str or list, default "Magma"
            Plotly colour scale, such as "Viridis" or "Cividis".
        colorbar_title : str, optional
            Show a colour bar with this title beside a continuous scale.
        max_points : int or None, default 500_000
            Draw at most about this many points, evenly taken, and say so in the figure; None draws
            all.
        **kwargs
            Further attributes of `plotly.graph_objects.Scatter3d`.

        Raises
        ------
        ValueError
            If there are fewer than 4 columns, no column `colorbar_col`, or no such subplot.

        Examples
        --------
        >>> import numpy as np
        >>> from gpupept.plots import PlotlyGrapher
        >>> points = np.random.default_rng(0).uniform(size=(1000, 5))
        >>> grapher = PlotlyGrapher().add_points(points, colorbar_title="error (mm)")
        """
        self._number(row, col)
        table = point_table(points)
        colours = Colours(
            color, opacity, colorbar, colorbar_col, colorscale, colorbar_title, named=True
        )
        stride = thinning_stride(len(table.rows), max_points)
        traces = _points(table, size, colours, kwargs, stride)
        self._add_groups(traces, row, col)
        self._note_thinning(marks(traces), len(table.rows), max_points, "max_points", row, col)
        return self

    @staticmethod
    def lines_trace(
        lines: Any,
        width: float = 2.0,
        color: Any = None,
        opacity: float = 0.6,
        colorbar: bool = True,
        colorbar_col: int | str = 0,
        colorscale: Any = "Magma",
        colorbar_title: str | None = None,
        **kwargs: Any,
    ) -> Any:
        """Return the Plotly trace that `add_lines` would add.

        Draws every line; see `add_lines` for the parameters.

        Returns
        -------
        plotly.graph_objects.Scatter3d
            With three vertices per line: its two points and a gap (NaN).

        Examples
        --------
        >>> import numpy as np
        >>> from gpupept.plots import PlotlyGrapher
        >>> trace = PlotlyGrapher.lines_trace(np.arange(14.0).reshape(2, 7))
        >>> [float(x) for x in trace.x]
        [1.0, 4.0, nan, 8.0, 11.0, nan]
        """
        colours = Colours(color, opacity, colorbar, colorbar_col, colorscale, colorbar_title)
        return _lines(line_table(lines), width, colours, kwargs)

    def add_lines(
        self,
        lines: Any,
        row: int = 1,
        col: int = 1,
        width: float = 2.0,
        color: Any = None,
        opacity: float = 0.6,
        colorbar: bool = True,
        colorbar_col: int | str = 0,
        colorscale: Any = "Magma",
        colorbar_title: str | None = None,
        max_lines: int | None = 200_000,
        **kwargs: Any,
    ) -> Self:
        """Draw lines of response between their two points, coloured by one of their columns.

        Parameters
        ----------
        lines : LineData or (N, C >= 7) array-like
            Columns ``t, x1, y1, z1, x2, y2, z2, ...`` in ms and mm, on either device; or anything
            else `LineData` can be made of.
        row, col : int, default 1
            Place of the subplot, counted from 1.
        width : float, default 2.0
            Line width in pixels.
        color : str or array-like, optional
            One colour, as in CSS, or a value per line; overrides `colorbar`.
        opacity : float, default 0.6
            From 0, transparent, to 1.
        colorbar : bool, default True
            Colour by the column `colorbar_col`.
        colorbar_col : int or str, default 0
            Position or name of that column; the first is the time.
        colorscale : str or list, default "Magma"
            Plotly colour scale, such as "Viridis" or "Cividis".
        colorbar_title : str, optional
            Show a colour bar with this title.
        max_lines : int or None, default 200_000
            Draw at most this many lines, evenly taken, and say so in the figure; None draws all.
        **kwargs
            Further attributes of `plotly.graph_objects.Scatter3d`.

        Raises
        ------
        ValueError
            If there are fewer than 7 columns, no column `colorbar_col`, or no such subplot.

        Examples
        --------
        >>> import numpy as np
        >>> from gpupept.plots import PlotlyGrapher
        >>> lines = np.random.default_rng(0).uniform(size=(100, 7))
        >>> grapher = PlotlyGrapher().add_lines(lines, colorscale="Viridis")
        """
        self._number(row, col)
        table = line_table(lines)
        stride = thinning_stride(len(table.rows), max_lines, "max_lines")
        colours = Colours(color, opacity, colorbar, colorbar_col, colorscale, colorbar_title)
        self.add_trace(_lines(table, width, colours, kwargs, stride), row, col)
        drawn = len(table.rows[::stride])
        self._note_thinning(drawn, len(table.rows), max_lines, "max_lines", row, col)
        return self

    def _saved_state(self) -> dict[str, Any]:
        limits = {f"{axis}lim": self._limits[axis] for axis in self._axes}
        return {
            "arguments": {"rows": self._rows, "cols": self._cols, **limits},
            "equalised": self._equalised,
            "follow_data": self._follow_data,
            "figure": self._fig.to_plotly_json(),
        }

    @classmethod
    def _restored(cls, state: dict[str, Any]) -> Self:
        new = cls(**state["arguments"])
        new._equalised = state["equalised"]
        new._follow_data = state["follow_data"]
        new._fig.add_traces(state["figure"]["data"])
        new._fig.layout = state["figure"]["layout"]
        return new


def _points(
    table: Table, size: Any, colours: Colours, options: dict[str, Any], stride: int = 1
) -> Any:
    coordinates = {axis: table.rows[:, 1 + i] for i, axis in enumerate("xyz")}
    return point_traces("Scatter3d", coordinates, table, size, colours, options, stride)


def _lines(
    table: Table, width: float, colours: Colours, options: dict[str, Any], stride: int = 1
) -> Any:
    rows = table.rows[::stride]
    ends = {axis: (rows[:, 1 + i], rows[:, 4 + i]) for i, axis in enumerate("xyz")}
    color = vertex_colours(table, colours, stride)
    line = {"width": width, "color": color, **colours.scale(color)}
    return line_trace("Scatter3d", ends, line, colours.opacity, options)
