"""Two-dimensional figures: points and lines in a plane, images, and coordinates against time."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any, Self

from gpupept.backend import to_host
from gpupept.plots.inputs import Table, plane_line_rows, plane_point_table, point_table
from gpupept.plots.plane_figure import Cell, PlaneFigure
from gpupept.plots.thinning import thinning_stride
from gpupept.plots.traces import Colours, flat_kind, line_trace, merged, point_traces


class PlotlyGrapher2D(PlaneFigure):
    """Interactive figures in a plane, in one or more subplots.

    Parameters
    ----------
    rows, cols : int, default 1
        Number of rows and columns of subplots.
    xlim, ylim : pair of float, optional
        Axis limits of all subplots; automatic when not given.
    subplot_titles : sequence of str, optional
        Titles, row by row; missing ones are blank.
    **kwargs
        Further arguments of `plotly.subplots.make_subplots`.

    Attributes
    ----------
    fig : plotly.graph_objects.Figure
        The figure; its ``xaxis``, ``xaxis2``, ... belong to the subplots, row by row.
    xlim, ylim : list of float or None
        Axis limits of all subplots; None is automatic. Can be set.

    Raises
    ------
    ValueError
        If `rows` or `cols` is smaller than 1, a limit is not a pair of numbers, or there are more
        titles than subplots.

    See Also
    --------
    PlotlyGrapher : Figures in three dimensions.

    Examples
    --------
    >>> import numpy as np
    >>> from gpupept.plots import PlotlyGrapher2D
    >>> lines = np.random.default_rng(0).uniform(size=(100, 5))  # columns t, x1, y1, x2, y2
    >>> points = np.random.default_rng(0).uniform(size=(100, 3))  # columns t, x, y
    >>> grapher = PlotlyGrapher2D().add_lines(lines).add_points(points)

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
        subplot_titles: Sequence[str] | None = ("  ",),
        **kwargs: Any,
    ) -> None:
        super().__init__(rows, cols, {"x": xlim, "y": ylim}, subplot_titles, kwargs)

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

        Draws every row; see `add_points` for the parameters. The default `size` differs.

        Returns
        -------
        plotly.graph_objects.Scatter or list of it
            A list when the colours follow a column with at most ten different values. Above 20 000
            points it is a `plotly.graph_objects.Scattergl`, drawn by the graphics card.

        Examples
        --------
        >>> import numpy as np
        >>> from gpupept.plots import PlotlyGrapher2D
        >>> points = np.array([[0.0, 1.0, 2.0, 7.0], [1.0, 3.0, 4.0, 8.0]])
        >>> len(PlotlyGrapher2D.points_trace(points))
        2
        """
        colours = Colours(color, opacity, colorbar, colorbar_col, colorscale, colorbar_title)
        return _plane_points(plane_point_table(points), size, colours, kwargs)

    def add_points(
        self,
        points: Any,
        row: int = 1,
        col: int = 1,
        size: Any = 6.0,
        color: Any = None,
        opacity: float = 0.8,
        colorbar: bool = True,
        colorbar_col: int | str = -1,
        colorscale: Any = "Magma",
        colorbar_title: str | None = None,
        max_points: int | None = 500_000,
        **kwargs: Any,
    ) -> Self:
        """Draw points in the plane, coloured by one of their columns.

        If that column has at most ten different values, such as trajectory labels, each value is a
        trace with its own distinct colour; points whose value is NaN are then not drawn, which is
        logged. Otherwise the colours are a continuous scale.

        Parameters
        ----------
        points : (N, C >= 3) array-like or PointData
            Columns ``t, x, y, ...`` in ms and mm, on either device; of a `PointData` the x and y
            are drawn.
        row, col : int, default 1
            Place of the subplot, counted from 1.
        size : float or (N,) array-like, default 6.0
            Marker size in pixels.
        color, opacity, colorbar, colorbar_col, colorscale, colorbar_title, max_points
            As in `PlotlyGrapher.add_points`.
        **kwargs
            Further attributes of `plotly.graph_objects.Scatter`.

        Raises
        ------
        ValueError
            If there are fewer than 3 columns, no column `colorbar_col`, or no such subplot.

        Examples
        --------
        >>> import numpy as np
        >>> from gpupept.plots import PlotlyGrapher2D
        >>> points = np.random.default_rng(0).uniform(size=(10, 3))
        >>> grapher = PlotlyGrapher2D().add_points(points, color="crimson")
        """
        self._number(row, col)
        table = plane_point_table(points)
        colours = Colours(color, opacity, colorbar, colorbar_col, colorscale, colorbar_title)
        stride = thinning_stride(len(table.rows), max_points)
        self.add_trace(_plane_points(table, size, colours, kwargs, stride), row, col)
        self._note_thinning(stride, len(table.rows), "points", row, col)
        return self

    @staticmethod
    def lines_trace(
        lines: Any, width: float = 2.0, color: Any = None, opacity: float = 0.6, **kwargs: Any
    ) -> Any:
        """Return the Plotly trace that `add_lines` would add.

        Draws every line; see `add_lines` for the parameters.

        Returns
        -------
        plotly.graph_objects.Scatter
            With three vertices per line: its two points and a gap (NaN). Above 20 000 lines it is a
            `plotly.graph_objects.Scattergl`, drawn by the graphics card.

        Examples
        --------
        >>> import numpy as np
        >>> from gpupept.plots import PlotlyGrapher2D
        >>> trace = PlotlyGrapher2D.lines_trace(np.arange(10.0).reshape(2, 5))
        >>> [float(x) for x in trace.x]
        [1.0, 3.0, nan, 6.0, 8.0, nan]
        """
        rows = plane_line_rows(lines)
        ends = {axis: (rows[:, 1 + i], rows[:, 3 + i]) for i, axis in enumerate("xy")}
        line = {"width": width, "color": color}
        return line_trace(flat_kind(len(rows)), ends, line, opacity, kwargs)

    def add_lines(
        self,
        lines: Any,
        row: int = 1,
        col: int = 1,
        width: float = 2.0,
        color: Any = None,
        opacity: float = 0.6,
        max_lines: int | None = 200_000,
        **kwargs: Any,
    ) -> Self:
        """Draw lines in the plane between their two points.

        Parameters
        ----------
        lines : (N, C >= 5) array-like or LineData
            Columns ``t, x1, y1, x2, y2, ...`` in ms and mm, on either device; a `LineData` is
            projected on the xy plane.
        row, col : int, default 1
            Place of the subplot, counted from 1.
        width : float, default 2.0
            Line width in pixels.
        color : str, optional
            One colour, as in CSS.
        opacity : float, default 0.6
            From 0, transparent, to 1.
        max_lines : int or None, default 200_000
            Draw at most this many lines, evenly taken, and say so in the figure; None draws all.
        **kwargs
            Further attributes of `plotly.graph_objects.Scatter`.

        Raises
        ------
        ValueError
            If there are fewer than 5 columns, or no such subplot.

        Examples
        --------
        >>> import numpy as np
        >>> from gpupept.plots import PlotlyGrapher2D
        >>> lines = np.random.default_rng(0).uniform(size=(100, 5))
        >>> grapher = PlotlyGrapher2D().add_lines(lines, color="grey")
        """
        self._number(row, col)
        rows = plane_line_rows(lines)
        stride = thinning_stride(len(rows), max_lines, "max_lines")
        self.add_trace(self.lines_trace(rows[::stride], width, color, opacity, **kwargs), row, col)
        self._note_thinning(stride, len(rows), "lines", row, col)
        return self

    @staticmethod
    def timeseries_trace(
        points: Any,
        size: Any = 6.0,
        color: Any = None,
        opacity: float = 0.8,
        colorbar: bool = True,
        colorbar_col: int | str = -1,
        colorscale: Any = "Magma",
        colorbar_title: str | None = None,
        **kwargs: Any,
    ) -> list[Any]:
        """Return the Plotly traces that `add_timeseries` would add.

        Draws every row; see `add_timeseries` for the parameters.

        Returns
        -------
        list
            For x, y and z against t: a `plotly.graph_objects.Scatter`, or a list of them when the
            colours follow a column with at most ten different values. Above 20 000 points they are
            `plotly.graph_objects.Scattergl`.

        Examples
        --------
        >>> import numpy as np
        >>> from gpupept.plots import PlotlyGrapher2D
        >>> points = np.random.default_rng(0).uniform(size=(100, 4))
        >>> len(PlotlyGrapher2D.timeseries_trace(points))
        3
        """
        colours = Colours(color, opacity, colorbar, colorbar_col, colorscale, colorbar_title)
        return _timeseries(point_table(points), size, colours, kwargs)

    def add_timeseries(
        self,
        points: Any,
        rows_cols: Sequence[Cell] = ((1, 1), (2, 1), (3, 1)),
        size: Any = 6.0,
        color: Any = None,
        opacity: float = 0.8,
        colorbar: bool = True,
        colorbar_col: int | str = -1,
        colorscale: Any = "Magma",
        colorbar_title: str | None = None,
        max_points: int | None = 500_000,
        **kwargs: Any,
    ) -> Self:
        """Draw x, y and z against time in three subplots.

        A figure with too few rows or columns is enlarged; what it shows already stays in its row
        and column (`fig` is then a new object). The time axes are linked, each coordinate has a
        range of its own, and the scales of the two axes are not tied in these subplots. A
        trajectory has the same colour in all three.

        Parameters
        ----------
        points : PointData or (N, C >= 4) array-like
            Columns ``t, x, y, z, ...`` in ms and mm, on either device; or anything else `PointData`
            can be made of, and what `SplitLabels` returns.
        rows_cols : three pairs of int
            Row and column of the subplots for x, y and z, counted from 1.
        size : float or (N,) array-like, default 6.0
            Marker size in pixels.
        color, opacity, colorbar, colorbar_col, colorscale, colorbar_title, max_points
            As in `PlotlyGrapher.add_points`.
        **kwargs
            Further attributes of `plotly.graph_objects.Scatter`.

        Raises
        ------
        ValueError
            If there are fewer than 4 columns, no column `colorbar_col`, `rows_cols` is not three
            pairs of positive numbers, or the figure needs more rows or columns but was made with
            options that fix its shape, such as ``row_heights``.

        Examples
        --------
        >>> import numpy as np
        >>> from gpupept.plots import PlotlyGrapher2D
        >>> points = np.random.default_rng(0).uniform(size=(100, 4))
        >>> grapher = PlotlyGrapher2D().add_timeseries(points)
        >>> grapher.fig.layout.yaxis3.title.text
        'z (mm)'
        """
        cells = _check_cells(rows_cols)
        table = point_table(points)
        colours = Colours(color, opacity, colorbar, colorbar_col, colorscale, colorbar_title)
        stride = thinning_stride(len(table.rows), max_points)
        traces = _timeseries(table, size, colours, kwargs, stride)
        self._make_timeseries(cells)
        for cell, trace in zip(cells, traces, strict=True):
            self.add_trace(self._with_colours(trace, cell), *cell)
        self._note_thinning(stride, len(table.rows), "points", *cells[0])
        return self

    def add_image(self, image: Any, row: int = 1, col: int = 1, **kwargs: Any) -> Self:
        """Draw a colour image.

        Parameters
        ----------
        image : (H, W, 3) or (H, W, 4) array-like
            Red, green and blue from 0 to 255, and optionally opacity from 0 to 1; the first row is
            at the top.
        row, col : int, default 1
            Place of the subplot, counted from 1.
        **kwargs
            Further attributes of `plotly.graph_objects.Image`, such as ``x0``, ``dx``, ``y0``,
            ``dy`` in mm.

        Raises
        ------
        ValueError
            If the image has another shape, or there is no such subplot.

        Examples
        --------
        >>> import numpy as np
        >>> from gpupept.plots import PlotlyGrapher2D
        >>> grapher = PlotlyGrapher2D().add_image(np.zeros((4, 6, 3)), dx=2.5, dy=2.5)
        """
        self._number(row, col)
        pixels = to_host(image)
        if pixels.ndim != 3 or pixels.shape[2] not in (3, 4):
            raise ValueError(
                f"image: expected (height, width, 3 or 4) colour values, found shape {pixels.shape}"
            )
        import plotly.graph_objects as go

        model = "rgb" if pixels.shape[2] == 3 else "rgba"
        return self.add_trace(go.Image(**{"z": pixels, "colormodel": model, **kwargs}), row, col)


def _check_cells(rows_cols: Any) -> list[Cell]:
    try:
        cells = [(operator.index(row), operator.index(col)) for row, col in rows_cols]
    except (TypeError, ValueError):
        cells = []
    if len(cells) != 3 or min(min(cell) for cell in cells) < 1:
        raise ValueError(
            "rows_cols: expected three (row, column) pairs counted from 1, for x, y and z, "
            f"found {rows_cols!r}"
        )
    return cells


def _plane_points(
    table: Table, size: Any, colours: Colours, options: dict[str, Any], stride: int = 1
) -> Any:
    coordinates = {"x": table.rows[:, 1], "y": table.rows[:, 2]}
    kind = flat_kind(len(table.rows) // stride)
    return point_traces(kind, coordinates, table, size, colours, options, stride)


def _timeseries(
    table: Table, size: Any, colours: Colours, options: dict[str, Any], stride: int = 1
) -> list[Any]:
    kind = flat_kind(len(table.rows) // stride)
    traces = []
    for position, column in enumerate((1, 2, 3)):
        coordinates = {"x": table.rows[:, 0], "y": table.rows[:, column]}
        repeated = {} if position == 0 else {"marker": {"showscale": False}}
        drawn = point_traces(
            kind, coordinates, table, size, colours, merged(repeated, options), stride
        )
        traces.append(drawn)
    return traces
