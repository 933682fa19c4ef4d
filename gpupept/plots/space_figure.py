"""A figure of three-dimensional subplots."""

from __future__ import annotations

from typing import Any, ClassVar, Self

from gpupept.plots.formatting import format_fig
from gpupept.plots.ranges import Limits, coordinate, equal_ranges, finite_span, own_range
from gpupept.plots.subplots import SubplotFigure, subplot_name


class SpaceFigure(SubplotFigure):
    """Rows x columns of scenes with x, y and z axes, y upwards."""

    _axes: ClassVar[tuple[str, ...]] = ("x", "y", "z")

    def create_figure(self) -> Any:
        """Return a new, empty figure of this layout, limits included; `fig` stays as it is.

        Returns
        -------
        plotly.graph_objects.Figure
            With one scene per subplot: y upwards, equal aspect, axis titles in mm.
        """
        from plotly.subplots import make_subplots

        fig = make_subplots(
            rows=self._rows,
            cols=self._cols,
            specs=[[{"type": "scatter3d"}] * self._cols] * self._rows,
            horizontal_spacing=min(0.005, 0.5 / self._cols),
            vertical_spacing=min(0.05, 0.5 / self._rows),
            subplot_titles=self._titles,
        )
        fig.update_layout(showlegend=False, margin={"l": 0, "r": 0, "b": 30, "t": 30})
        axes = {
            f"{axis}axis": {
                "range": self._limit(axis),
                "title": {"text": f"<i>{axis}</i> (mm)"},
                "nticks": 6 if max(self._rows, self._cols) > 1 else None,  # more would overlap
            }
            for axis in self._axes
        }
        fig.update_scenes(
            aspectmode="manual",
            aspectratio={"x": 1, "y": 1, "z": 1},
            camera={"up": {"x": 0, "y": 1, "z": 0}, "eye": {"x": 1.5, "y": 1.5, "z": 1.5}},
            **axes,
        )
        return format_fig(fig, size=15)

    @property
    def zlim(self) -> Limits | None:
        """Limits of the z axes of all subplots in mm; None is automatic."""
        return self._limit("z")

    @zlim.setter
    def zlim(self, limits: Any) -> None:
        self._set_limit("z", limits)

    def zlabel(self, label: str, row: int = 1, col: int = 1) -> Self:
        """Set the title of the z axis of one subplot; see `xlabel`."""
        return self._set_label("z", label, row, col)

    def _layout_axis(self, fig: Any, number: int, axis: str) -> Any:
        return fig.layout[subplot_name("scene", number)][f"{axis}axis"]

    def _domain(self, number: int) -> tuple[Any, Any]:
        domain = self._fig.layout[subplot_name("scene", number)].domain
        return domain.x or (0.0, 1.0), domain.y or (0.0, 1.0)

    def _set_width(self, number: int, left: float, right: float) -> None:
        self._fig.layout[subplot_name("scene", number)].domain.x = (left, right)

    def _note_place(self, number: int) -> dict[str, Any]:
        (left, _), (_, top) = self._domain(number)
        return {"xref": "paper", "yref": "paper", "x": left, "y": top, "yanchor": "top"}

    def _data_ranges(self) -> dict[str, Limits]:
        coordinates = [[coordinate(trace, axis) for axis in self._axes] for trace in self._fig.data]
        drawn = [
            [values for values in triple if values is not None]
            for triple in coordinates
            if all(values is not None for values in triple)
        ]
        spans = {
            axis: finite_span(triple[i] for triple in drawn) for i, axis in enumerate(self._axes)
        }
        if any(trace.type != "surface" for trace in self._fig.data):
            return equal_ranges(spans)
        heights = own_range(spans.pop("z"))  # of surfaces: values of pixels, no lengths
        ranges = equal_ranges(spans)
        return ranges | {"z": heights} if ranges and heights else {}
