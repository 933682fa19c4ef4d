"""Move the contents of a figure of plane subplots to a figure with more rows or columns."""

from __future__ import annotations

import re
from typing import Any

from gpupept.plots.subplots import subplot_name

_POSITION = ("anchor", "domain")
_REFERENCE = re.compile(r"^([xy])(\d*)( domain)?$")
_DRAWINGS = ("annotations", "shapes", "images")


def move_contents(old: Any, new: Any, old_shape: tuple[int, int], new_cols: int) -> Any:
    """Copy traces, axes and layout of one figure into the same rows and columns of a larger one.

    Parameters
    ----------
    old, new : plotly.graph_objects.Figure
        Figures of x, y subplots; both start with one annotation per subplot, its title.
    old_shape : pair of int
        Rows and columns of `old`.
    new_cols : int
        Columns of `new`, at least as many.

    Returns
    -------
    plotly.graph_objects.Figure
        `new`, changed in place.
    """
    rows, cols = old_shape
    places = [(row, col) for row in range(1, rows + 1) for col in range(1, cols + 1)]
    numbers = {
        (row - 1) * cols + col: (row - 1) * new_cols + col for row, col in places
    }  # of the subplots, before and after
    layout = old.layout.to_plotly_json()
    _move_layout(layout, new)
    new.layout.template = old.layout.template
    for before, after in numbers.items():
        for letter in "xy":
            _move_axis(layout, new, f"{letter}axis", before, after, numbers)
        new.layout.annotations[after - 1].text = old.layout.annotations[before - 1].text
    for trace in old.data:
        row, col = places[axis_number(trace.xaxis) - 1]
        new.add_trace(trace, row=row, col=col)
    _move_drawings(layout, new, len(places), numbers)
    return new


def axis_number(reference: str | None) -> int:
    """Return the number of the axis called "x", "y3", ...; None is the first."""
    digits = (reference or "x")[1:]
    return int(digits) if digits else 1


def _renamed(reference: Any, numbers: dict[int, int]) -> Any:
    """Return the new name of an axis that another part of the figure refers to."""
    found = _REFERENCE.match(reference) if isinstance(reference, str) else None
    if found is None:
        return reference
    letter, digits, domain = found.groups()
    number = int(digits or 1)
    return subplot_name(letter, numbers.get(number, number)) + (domain or "")


def _move_layout(layout: dict[str, Any], new: Any) -> None:
    kept = {
        name: value
        for name, value in layout.items()
        if name not in (*_DRAWINGS, "template") and not re.match(r"^[xy]axis\d*$", name)
    }
    new.update_layout(**kept)


def _move_axis(
    layout: dict[str, Any], new: Any, name: str, before: int, after: int, numbers: dict[int, int]
) -> None:
    settings = dict(layout.get(subplot_name(name, before), {}))
    for key in _POSITION:
        settings.pop(key, None)
    for key in ("matches", "scaleanchor"):  # None where the old figure has no such tie
        settings[key] = _renamed(settings.get(key), numbers)
    new.layout[subplot_name(name, after)].update(settings)


def _move_drawings(layout: dict[str, Any], new: Any, titles: int, numbers: dict[int, int]) -> None:
    for kind in _DRAWINGS:
        drawings = list(layout.get(kind, ()))[titles if kind == "annotations" else 0 :]
        for drawing in drawings:
            for key in ("xref", "yref", "axref", "ayref"):
                if key in drawing:
                    drawing[key] = _renamed(drawing[key], numbers)
        new.layout[kind] = [*new.layout[kind], *drawings]
