"""Plotly traces of points and lines, with the colour rules common to two and three dimensions.

Colours are given, or follow a column of the data: up to ten different values become one trace each,
so that Plotly's ten distinct default colours tell them apart; more values share one trace with a
continuous colour scale.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gpupept.plots.inputs import FloatArray, Table

logger = logging.getLogger(__name__)

MAX_GROUPS = 10
"""Largest number of different colour values that are drawn as one trace each."""

MAX_SVG_ROWS = 20_000
"""Browsers draw more marks than this fluently only through WebGL."""

_PER_POINT = frozenset(
    (
        "array",
        "arrayminus",
        "color",
        "customdata",
        "hovertext",
        "ids",
        "opacity",
        "size",
        "symbol",
        "text",
        "textposition",
    )
)

Rows = NDArray[np.int64] | slice


@dataclass(frozen=True)
class Colours:
    """The colour arguments of a plot method, under the names they have there."""

    color: Any
    opacity: float
    colorbar: bool
    colorbar_col: int | str
    colorscale: Any
    colorbar_title: str | None
    named: bool = False
    """Whether each trace of a colour value is named after it."""

    @property
    def from_column(self) -> bool:
        """Whether the data decide the colours."""
        return self.color is None and self.colorbar

    def scale(self, color: Any) -> dict[str, Any]:
        """Colour scale of a marker or line, and the colour bar if there are numbers to explain."""
        scale: dict[str, Any] = {"colorscale": self.colorscale}
        if self.colorbar_title is not None and color is not None and not isinstance(color, str):
            scale["colorbar"] = {"title": {"text": self.colorbar_title}}
        return scale


def colour_groups(values: FloatArray) -> FloatArray | None:
    """Return the different values, ascending, NaN last, if there are at most ten, else None."""
    unique = np.unique(values)
    return unique if len(unique) <= MAX_GROUPS else None


def point_traces(
    kind: str,
    coordinates: dict[str, FloatArray],
    table: Table,
    size: Any,
    colours: Colours,
    options: dict[str, Any],
    stride: int = 1,
) -> Any:
    """Return the marker trace of some points, or a list with one trace per colour value.

    Parameters
    ----------
    kind : str
        Name of the Plotly trace class.
    coordinates : dict of str to (N,) ndarray
        Which values lie along which axis.
    table : Table
        The N rows, for the colour column.
    size : float or array-like
        Marker size.
    colours : Colours
        Colour arguments.
    options : dict
        Further attributes of the traces; those given per point must have N values.
    stride : int
        Draw one of every `stride` rows (of each colour value).
    """
    count = len(table.rows)

    def trace(color: Any, chosen: Rows, name: str | None = None) -> Any:
        marker = {"size": size, "opacity": colours.opacity, "color": color, **colours.scale(color)}
        common = {"mode": "markers", "marker": marker, "name": name}
        look = _select(merged(common, options), chosen, count)
        drawn = {axis: _finite(values[chosen]) for axis, values in coordinates.items()}
        return _trace(kind, {**drawn, **look})

    everything = slice(None, None, stride)
    if not colours.from_column:
        return trace(colours.color, everything)
    values = table.column(colours.colorbar_col)
    groups = colour_groups(values)
    if groups is None:
        return trace(values, everything)
    _report_unlabelled(values, colours.colorbar_col)
    title = table.name(colours.colorbar_col)
    names = [f"{title} {value:.10g}" if colours.named else None for value in groups]
    rows = [np.flatnonzero(values == value)[::stride] for value in groups]
    return [trace(None, chosen, name) for chosen, name in zip(rows, names, strict=True)]


def line_trace(
    kind: str,
    ends: dict[str, tuple[FloatArray, FloatArray]],
    line: dict[str, Any],
    opacity: float,
    options: dict[str, Any],
) -> Any:
    """Return one trace of separate lines: per line its two ends and a gap.

    Parameters
    ----------
    kind : str
        Name of the Plotly trace class.
    ends : dict of str to pair of (N,) ndarray
        First and second end of the lines along each axis.
    line : dict
        Width and colour.
    opacity : float
        Opacity of the trace.
    options : dict
        Further attributes of the trace.
    """
    coordinates = {axis: _with_gaps(*pair) for axis, pair in ends.items()}
    attributes = {**coordinates, "mode": "lines", "line": line, "opacity": opacity}
    return _trace(kind, merged(attributes, options))


def vertex_colours(table: Table, colours: Colours, stride: int) -> Any:
    """Colour of the three vertices of every line drawn: as given, or the line's column value.

    A sequence given as `color` has one value per line or three.
    """
    count = len(table.rows)
    if colours.from_column:
        return np.repeat(table.column(colours.colorbar_col)[::stride], 3)
    if _has_rows(colours.color, count):
        return np.repeat(np.asarray(colours.color)[::stride], 3)
    if _has_rows(colours.color, 3 * count):
        return np.asarray(colours.color).reshape(count, 3)[::stride].ravel()
    return colours.color


def flat_kind(count: int) -> str:
    """Trace class for so many marks in a plane."""
    return "Scatter" if count <= MAX_SVG_ROWS else "Scattergl"


def merged(attributes: Mapping[str, Any], options: Mapping[str, Any]) -> dict[str, Any]:
    """Attributes overridden by options, nested dictionaries key by key."""
    result = dict(attributes)
    for name, value in options.items():
        inner = result.get(name)
        if isinstance(inner, dict) and isinstance(value, dict):
            result[name] = merged(inner, value)
        else:
            result[name] = value
    return result


def _select(attributes: dict[str, Any], rows: Rows, count: int) -> dict[str, Any]:
    """Keep the chosen rows of every attribute that is given per point."""
    chosen = dict(attributes)
    for name, value in attributes.items():
        if isinstance(value, dict):
            chosen[name] = _select(value, rows, count)
        elif name in _PER_POINT and _has_rows(value, count):
            chosen[name] = np.asarray(value)[rows]
    return chosen


def _has_rows(value: Any, count: int) -> bool:
    return not isinstance(value, str) and hasattr(value, "__len__") and len(value) == count


def _finite(values: FloatArray) -> FloatArray:
    """Infinite coordinates cannot be drawn: leave a gap, as for NaN."""
    return np.where(np.isinf(values), np.nan, values)


def _with_gaps(first: FloatArray, second: FloatArray) -> FloatArray:
    vertices = np.full((len(first), 3), np.nan)
    vertices[:, 0] = first
    vertices[:, 1] = second
    return _finite(vertices.ravel())


def _report_unlabelled(values: FloatArray, column: int | str) -> None:
    missing = int(np.count_nonzero(np.isnan(values)))
    if missing:
        logger.warning(
            "%d of %d points are NaN in colour column %r and are not drawn; "
            "pass color= or colorbar=False to draw them",
            missing,
            len(values),
            column,
        )


def _trace(kind: str, attributes: dict[str, Any]) -> Any:
    import plotly.graph_objects as go

    return getattr(go, kind)(**attributes)
