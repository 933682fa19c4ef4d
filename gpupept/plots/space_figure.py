"""A figure of three-dimensional subplots."""

from __future__ import annotations

from typing import Any, ClassVar, Self

import numpy as np

from gpupept.plots.formatting import format_fig
from gpupept.plots.ranges import Limits, coordinate, equal_ranges, finite_span, own_range
from gpupept.plots.subplots import SubplotFigure, subplot_name

_FIGURE_ASPECT = 1.9  # width by height, about that of a browser window
_NEAR = 1.5  # distance of the camera along each axis, for a scene as large as the figure


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
        several = max(self._rows, self._cols) > 1  # more or larger numbers would overlap
        ticks = {"nticks": 6, "tickfont": {"size": 10}} if several else {}
        axes = {
            f"{axis}axis": {
                "range": self._limit(axis),
                "title": {"text": f"<i>{axis}</i> (mm)"},
                **ticks,
            }
            for axis in self._axes
        }
        fig.update_scenes(
            aspectmode="manual",
            aspectratio={"x": 1, "y": 1, "z": 1},
            camera={"up": {"x": 0, "y": 1, "z": 0}},
            **axes,
        )
        for number in self._numbers():
            scene = fig.layout[subplot_name("scene", number)]
            scene.camera.eye = _eye(scene.domain)
        format_fig(fig, size=15)
        if several:
            fig.update_scenes({f"{axis}axis": {"title": {"font": {"size": 12}}} for axis in "xyz"})
        return fig

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
        scene = self._fig.layout[subplot_name("scene", number)]
        untouched = scene.camera.eye.to_plotly_json() == _eye(scene.domain)
        scene.domain.x = (left, right)
        if untouched:
            scene.camera.eye = _eye(scene.domain)

    def _held(self, number: int) -> list[Any]:
        name = subplot_name("scene", number)
        return [trace for trace in self._fig.data if (trace.scene or "scene") == name]

    def _note_place(self, number: int) -> dict[str, Any]:
        (left, _), (_, top) = self._domain(number)
        return {"xref": "paper", "yref": "paper", "x": left, "y": top, "yanchor": "top"}

    def _data_ranges(self) -> dict[str, Limits]:
        spans = self._spans(self._fig.data)
        if all(map(_shows_values, self._fig.data)):
            heights = own_range(_heights(self._fig.data))
            ranges = equal_ranges({axis: spans[axis] for axis in "xy"})
            return ranges | {"z": heights} if ranges and heights else {}
        return equal_ranges(spans)

    def _spans(self, traces: Any) -> dict[str, tuple[float, float] | None]:
        """Extent of the data along each axis in mm; the heights of pixels are no lengths."""
        coordinates = [[coordinate(trace, axis) for axis in self._axes] for trace in traces]
        drawn = [
            triple if not _shows_values(trace) else [*triple[:2], np.empty(0)]
            for trace, triple in zip(traces, coordinates, strict=True)
            if all(values is not None for values in triple)
        ]
        return {
            axis: finite_span(values for each in drawn if (values := each[i]) is not None)
            for i, axis in enumerate(self._axes)
        }

    def _apply_limits(self) -> None:
        super()._apply_limits()
        if "z" not in self._equalised:
            return
        for number in self._numbers():
            traces = self._held(number)
            heights = own_range(_heights(traces)) if all(map(_shows_values, traces)) else None
            if heights is not None:
                self._layout_axis(self._fig, number, "z").range = heights


def _shows_values(trace: Any) -> bool:
    """Whether a trace is a surface over pixels, which is as high as their values."""
    if trace.type != "surface":
        return False
    x = trace.x  # of other surfaces given for each point, with heights in mm
    return "shape" not in x if isinstance(x, dict) else np.ndim(x) < 2


def _heights(traces: Any) -> tuple[float, float] | None:
    values = [coordinate(trace, "z") for trace in traces]
    return finite_span(each for each in values if each is not None)


def _eye(domain: Any) -> dict[str, float]:
    """Place of the camera from which a whole cube with its labels is seen in part of a figure."""
    left, right = domain.x or (0.0, 1.0)
    bottom, top = domain.y or (0.0, 1.0)
    aspect = _FIGURE_ASPECT * (right - left) / (top - bottom)
    labels = 0.25 / (top - bottom) + 0.04 / (right - left) - 0.29  # are as large in a small scene
    away = round(_NEAR * max(1.0, 1.05 / aspect) * (1 + labels), 3)
    return {"x": away, "y": away, "z": away}
