"""A figure of plane subplots: limits, linked time axes, and growing by rows and columns."""

from __future__ import annotations

import itertools
import logging
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Self

from gpupept.plots.enlarge import axis_number, move_contents
from gpupept.plots.formatting import format_fig
from gpupept.plots.ranges import Limits, coordinate, equal_ranges, finite_span, own_range
from gpupept.plots.subplots import SubplotFigure, subplot_name

logger = logging.getLogger(__name__)

Cell = tuple[int, int]

_FIXED_SHAPE = frozenset(
    (
        "specs",
        "row_heights",
        "column_widths",
        "row_titles",
        "column_titles",
        "row_width",
        "column_width",
        "insets",
    )
)
_PADDING = 1.1


class PlaneFigure(SubplotFigure):
    """Rows x columns of x, y subplots, some of which may show coordinates against time."""

    _axes: ClassVar[tuple[str, ...]] = ("x", "y")

    def __init__(
        self,
        rows: int,
        cols: int,
        limits: Mapping[str, Any],
        subplot_titles: Sequence[str] | None,
        options: dict[str, Any],
    ) -> None:
        self._options = options
        self._timeseries: set[Cell] = set()
        super().__init__(rows, cols, limits, subplot_titles)

    def create_figure(self, **kwargs: Any) -> Any:
        """Return a new, empty figure of this layout, limits included; `fig` stays as it is.

        Parameters
        ----------
        **kwargs
            Further arguments of `plotly.subplots.make_subplots`, besides those of the constructor.

        Returns
        -------
        plotly.graph_objects.Figure
            With axis titles in mm, and in each subplot one scale for both axes.
        """
        from plotly.subplots import make_subplots

        titled = any(title.strip() for title in self._titles[self._cols :])
        gap = 0.15 if titled else 0.08  # holds tick labels, an axis title and the next title
        options = {
            "horizontal_spacing": min(0.05, 0.5 / self._cols),
            "vertical_spacing": min(gap, 0.5 / self._rows),
            **self._options,
            **kwargs,
        }
        fig = make_subplots(
            rows=self._rows, cols=self._cols, subplot_titles=self._titles, **options
        )
        fig.update_layout(showlegend=False, margin={"l": 0, "r": 0, "b": 30, "t": 30})
        for axis, update in (("x", fig.update_xaxes), ("y", fig.update_yaxes)):
            update(range=self._limit(axis), title={"text": f"<i>{axis}</i> (mm)"})
        for number in self._cell_numbers(fig).values():
            fig.layout[subplot_name("yaxis", number)].update(
                scaleanchor=subplot_name("x", number), scaleratio=1
            )
        return format_fig(fig, size=20)

    def add_trace(self, trace: Any, row: int = 1, col: int = 1) -> Self:
        """Add a Plotly trace to a subplot.

        Parameters
        ----------
        trace : Plotly trace
            For example what `points_trace` returns; a list of traces is accepted too.
        row, col : int, default 1
            Place of the subplot, counted from 1.

        Raises
        ------
        ValueError
            If there is no such subplot.
        """
        super().add_trace(trace, row, col)
        if (row, col) in self._timeseries:
            self._apply_limits()
        return self

    def equalise_separate(self) -> Self:
        """Set the limits of all x axes to the range of all x, and those of all y axes likewise.

        Subplots of a timeseries keep one range for the time and one for each coordinate. Does
        nothing while there are no data, or a trace, such as an image, has no x or y.
        """
        return self._equalise(self._separate_ranges(), follow_data=False)

    def _number(self, row: int, col: int) -> int:
        super()._number(row, col)
        numbers = self._cell_numbers(self._fig)
        if (row, col) not in numbers:
            raise ValueError(f"row, col: there are no x, y axes at ({row}, {col})")
        return numbers[row, col]

    def _numbers(self) -> list[int]:
        return list(self._cell_numbers(self._fig).values())

    def _cell_numbers(self, fig: Any) -> dict[Cell, int]:
        """Find the number of the axes of each cell, as options may leave cells empty."""
        cells = itertools.product(range(1, self._rows + 1), range(1, self._cols + 1))
        axes = {cell: getattr(fig.get_subplot(*cell), "xaxis", None) for cell in cells}
        return {
            cell: int(axis.plotly_name.removeprefix("xaxis") or 1)
            for cell, axis in axes.items()
            if axis is not None
        }

    def _layout_axis(self, fig: Any, number: int, axis: str) -> Any:
        return fig.layout[subplot_name(f"{axis}axis", number)]

    def _domain(self, number: int) -> tuple[Any, Any]:
        axes = [self._layout_axis(self._fig, number, axis) for axis in self._axes]
        return axes[0].domain or (0.0, 1.0), axes[1].domain or (0.0, 1.0)

    def _set_width(self, number: int, left: float, right: float) -> None:
        self._layout_axis(self._fig, number, "x").domain = (left, right)

    def _held(self, number: int) -> list[Any]:
        name = subplot_name("x", number)
        return [trace for trace in self._fig.data if (trace.xaxis or "x") == name]

    def _note_place(self, number: int) -> dict[str, Any]:
        refs = {f"{axis}ref": f"{subplot_name(axis, number)} domain" for axis in self._axes}
        return {**refs, "x": 0, "y": 1, "yanchor": "top"}

    def _traces(self, cells: set[Cell], inside: bool) -> list[Any]:
        """Traces in (or, not inside, outside) the given subplots."""
        names = {subplot_name("x", self._number(*cell)) for cell in cells}
        return [trace for trace in self._fig.data if ((trace.xaxis or "x") in names) == inside]

    def _plane_spans(self) -> dict[str, tuple[float, float] | None]:
        traces = self._traces(self._timeseries, inside=False)
        spans: dict[str, tuple[float, float] | None] = {}
        for axis in self._axes:
            values = [coordinate(trace, axis) for trace in traces]
            known = [each for each in values if each is not None]
            if len(known) < len(values):
                return {}
            spans[axis] = finite_span(known)
        return spans

    def _data_ranges(self) -> dict[str, Limits]:
        return equal_ranges(self._plane_spans())

    def _separate_ranges(self) -> dict[str, Limits]:
        ranges = {axis: own_range(span) for axis, span in self._plane_spans().items()}
        return {axis: limits for axis, limits in ranges.items() if limits is not None}

    def _apply_limits(self) -> None:
        super()._apply_limits()
        for axis, limits in self._limits.items():
            if limits is None:
                self._fit_timeseries(axis)

    def _fit_timeseries(self, axis: str) -> None:
        """Fit the time axes to all times, and each coordinate's axis to that coordinate."""
        for cell in self._timeseries:
            held = self._timeseries if axis == "x" else {cell}
            values = [coordinate(trace, axis) for trace in self._traces(held, inside=True)]
            span = finite_span(each for each in values if each is not None)
            limits = own_range(span, _PADDING)
            self._layout_axis(self._fig, self._number(*cell), axis).range = limits

    def _enlarge(self, rows: int, cols: int) -> None:
        """Give the figure at least so many rows and columns, keeping its contents."""
        shape = (self._rows, self._cols)
        wanted = (max(rows, shape[0]), max(cols, shape[1]))
        if wanted == shape:
            return
        fixed = sorted(_FIXED_SHAPE.intersection(self._options))
        if fixed:
            raise ValueError(
                f"rows_cols: the figure has {shape[0]} x {shape[1]} subplots and cannot be "
                f"enlarged to {wanted[0]} x {wanted[1]} because it was made with "
                f"{', '.join(fixed)}; make it with enough rows and columns"
            )
        old = self._fig
        former = {number: self._colour_bar_place(number) for number in self._numbers()}
        self._rows, self._cols = wanted
        self._titles = ["  "] * (self._rows * self._cols)
        self._fig = move_contents(old, self.create_figure(), shape, self._cols)
        for trace, before in zip(self._fig.data, old.data, strict=True):
            place = former[axis_number(before.xaxis)]
            self._place_colour_bar(trace, axis_number(trace.xaxis), place)
        if old.data:
            logger.info("figure enlarged from %s to %s subplots", shape, wanted)
