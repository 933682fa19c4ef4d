"""Coordinates against time, in subplots of a plane figure."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any, Self

from gpupept.base.thinning import thinning_stride
from gpupept.plots.inputs import Table, point_table
from gpupept.plots.plane_figure import Cell, PlaneFigure
from gpupept.plots.subplots import marks, subplot_name
from gpupept.plots.traces import Colours, flat_kind, merged, point_traces


class TimeseriesFigure(PlaneFigure):
    """A figure of plane subplots of which some may show x, y and z against t."""

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
        colours = Colours(
            color, opacity, colorbar, colorbar_col, colorscale, colorbar_title, named=True
        )
        stride = thinning_stride(len(table.rows), max_points)
        traces = _timeseries(table, size, colours, kwargs, stride)
        self._make_timeseries(cells)
        for cell, trace in zip(cells, traces, strict=True):
            self._add_groups(trace, *cell)
        drawn = marks(traces[0])
        self._note_thinning(drawn, len(table.rows), max_points, "max_points", *cells[0])
        return self

    def _make_timeseries(self, cells: Sequence[Cell]) -> None:
        """Turn subplots, made if they are not there, into those of x, y and z against time."""
        self._enlarge(max(row for row, _ in cells), max(col for _, col in cells))
        self._timeseries.update(cells)
        for cell in cells:
            number = self._number(*cell)
            names = [name for name, place in zip("xyz", cells, strict=True) if place == cell]
            value = self._layout_axis(self._fig, number, "y")
            value.update(title={"text": f"{', '.join(names)} (mm)"}, scaleanchor=None)
            self._layout_axis(self._fig, number, "x").title.text = "t (ms)"
        for row, col in self._timeseries:
            if (row + 1, col) in self._timeseries:  # whose tick labels serve this one too
                axis = self._layout_axis(self._fig, self._number(row, col), "x")
                axis.showticklabels = False
        first, *others = sorted(self._number(*cell) for cell in self._timeseries)
        for number in others:  # zooming into one time axis zooms into all
            self._layout_axis(self._fig, number, "x").matches = subplot_name("x", first)


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
