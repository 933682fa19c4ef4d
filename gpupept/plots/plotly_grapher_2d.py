"""Two-dimensional figures: points and lines in a plane, images, and coordinates against time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

from gpupept.base import Pixels, Voxels
from gpupept.base.grid_traces import pixels_heatmap
from gpupept.base.thinning import block_factors, thinning_stride
from gpupept.plots.images import colour_cells, image_place, image_trace
from gpupept.plots.inputs import Table, check_grid, plane_line_rows, plane_point_table
from gpupept.plots.subplots import marks
from gpupept.plots.timeseries import TimeseriesFigure
from gpupept.plots.traces import Colours, flat_kind, line_trace, point_traces


class PlotlyGrapher2D(TimeseriesFigure):
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
        """Draw points in the plane, coloured by one of their columns as `PlotlyGrapher.add_points` does.

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
        colours = Colours(
            color, opacity, colorbar, colorbar_col, colorscale, colorbar_title, named=True
        )
        stride = thinning_stride(len(table.rows), max_points)
        traces = _plane_points(table, size, colours, kwargs, stride)
        self._add_groups(traces, row, col)
        self._note_thinning(marks(traces), len(table.rows), max_points, "max_points", row, col)
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
        drawn = rows[::stride]
        self.add_trace(self.lines_trace(drawn, width, color, opacity, **kwargs), row, col)
        self._note_thinning(len(drawn), len(rows), max_lines, "max_lines", row, col)
        return self

    def add_pixels(
        self,
        pixels: Pixels,
        row: int = 1,
        col: int = 1,
        colorscale: Any = "Magma",
        transpose: bool = True,
        xgap: float = 0.0,
        ygap: float = 0.0,
        max_pixels: int | None = 1_000_000,
        **kwargs: Any,
    ) -> Self:
        """Draw pixels as a heat map.

        Parameters
        ----------
        pixels : Pixels
            On either device.
        row, col : int, default 1
            Place of the subplot, counted from 1.
        colorscale : str or list, default "Magma"
            Plotly colour scale, such as "Viridis" or "Cividis".
        transpose : bool, default True
            Draw the x of the pixels horizontally; else their y, and change the axis titles.
        xgap, ygap : float, default 0
            Gaps between pixels, in pixels of the screen.
        max_pixels : int or None, default 1_000_000
            Of more pixels, draw the means of blocks and say so in the figure; None draws all.
        **kwargs
            Further attributes of `plotly.graph_objects.Heatmap`, such as ``zmin`` or
            ``colorbar_title_text``.

        Raises
        ------
        TypeError
            If `pixels` are not `Pixels`: bare arrays do not tell where their pixels lie.
        ValueError
            If there is no such subplot.

        See Also
        --------
        PlotlyGrapher.add_pixels : The same as a surface.

        Examples
        --------
        >>> import numpy as np
        >>> import gpupept as pept
        >>> from gpupept.plots import PlotlyGrapher2D
        >>> pixels = pept.Pixels(np.arange(12).reshape(3, 4), [0, 60], [0, 80])
        >>> grapher = PlotlyGrapher2D().add_pixels(pixels, colorbar_title_text="counts")
        """
        self._number(row, col)
        check_grid(pixels, Pixels, "pixels")
        factors = block_factors(pixels.shape, max_pixels)
        options = {"colorscale": colorscale, "xgap": xgap, "ygap": ygap, **kwargs}
        self.add_trace(pixels_heatmap(pixels, transpose, factors, options), row, col)
        self._note_blocks(factors, pixels.shape, max_pixels, row, col)
        if not transpose:
            self.xlabel("<i>y</i> (mm)", row, col).ylabel("<i>x</i> (mm)", row, col)
        return self

    def add_image(
        self,
        image: Any,
        row: int = 1,
        col: int = 1,
        max_pixels: int | None = 1_000_000,
        **kwargs: Any,
    ) -> Self:
        """Draw a colour image.

        Parameters
        ----------
        image : (H, W, 3 or 4) array-like, or (W, H, 3 or 4) Voxels
            Red, green and blue from 0 to 255, and optionally opacity from 0 to 1. The first row of
            an array is at the top. `Voxels` lie where their limits along x and y say, x to the
            right and y upwards.
        row, col : int, default 1
            Place of the subplot, counted from 1.
        max_pixels : int or None, default 1_000_000
            Of more pixels, draw so many, evenly taken, and say so in the figure; None draws all.
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
        number = self._number(row, col)
        cells = colour_cells(image)
        factors = block_factors(cells.shape[:2], max_pixels)
        trace = image_trace(cells, factors, image_place(image) | kwargs)
        self.add_trace(trace, row, col)
        if isinstance(image, Voxels) and self.ylim is None:
            self._layout_axis(self._fig, number, "y").autorange = True  # upwards
        count = cells.shape[0] * cells.shape[1]
        drawn = len(trace.z) * len(trace.z[0])
        self._note_thinning(drawn, count, max_pixels, "max_pixels", row, col)
        return self


def _plane_points(
    table: Table, size: Any, colours: Colours, options: dict[str, Any], stride: int = 1
) -> Any:
    coordinates = {"x": table.rows[:, 1], "y": table.rows[:, 2]}
    kind = flat_kind(len(table.rows) // stride)
    return point_traces(kind, coordinates, table, size, colours, options, stride)
