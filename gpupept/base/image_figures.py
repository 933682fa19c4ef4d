"""Figures of slices through images, with Plotly."""

from __future__ import annotations

import importlib.util
import operator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from gpupept.backend import to_host
from gpupept.kernels import Array
from gpupept.utilities.files import atomic_write

_PICTURES = (".png", ".svg", ".pdf", ".jpg", ".jpeg", ".webp")
_FILE = "image.html"  # in a directory


class _Panel(NamedTuple):
    """One slice: its elements by (across, up), the places of elements, axis names and lines."""

    title: str
    values: np.ndarray
    places: tuple[np.ndarray, np.ndarray]
    names: tuple[str, str]
    lines: tuple[float, float] | None


def slices_figure(
    array: Array, slices: tuple[int, ...] | None, limits: list[Any], **kwargs: Any
) -> Any:
    """Draw an image, or three slices through it.

    Parameters
    ----------
    array : (nx, ny) or (nx, ny, nz) array
        The image, on either device; only the slices are copied from it.
    slices : tuple of three int, optional
        Numbers of the slices; the middle ones by default.
    limits : list of (pair of float or None)
        Edges of the image along each axis (mm); numbers of elements where None.
    **kwargs
        Arguments of Plotly's `Heatmap`.

    Returns
    -------
    plotly.graph_objects.Figure
    """
    if array.ndim not in (2, 3):
        raise ValueError(f"an image to draw has two or three axes, found shape {array.shape}")
    if array.size == 0:
        raise ValueError(f"an image to draw has elements, found shape {array.shape}")
    places = [_places(size, limit) for size, limit in zip(array.shape, limits, strict=False)]
    units = [" (mm)" if limit is not None else "" for limit in limits]
    names = [f"{axis}{unit}" for axis, unit in zip("xyz", units, strict=True)]
    if array.ndim == 2:
        values = to_host(array)
        panels = [_Panel("", values, (places[0], places[1]), (names[0], names[1]), None)]
    else:
        panels = _panels(array, _numbers(array, slices), places, names)
    return _figure(panels, kwargs)


def _numbers(array: Array, slices: tuple[int, ...] | None) -> list[int]:
    if slices is None:
        return [size // 2 for size in array.shape]
    if len(slices) != 3:
        raise ValueError(f"slices must be one number for each of three axes, found {slices!r}")
    found = []
    for axis, size, given in zip("xyz", array.shape, slices, strict=True):
        number = operator.index(given)
        if not -size <= number < size:
            raise IndexError(f"slices: {axis} must be from {-size} to {size - 1}, found {number}")
        found.append(number % size)
    return found


def _places(size: int, limit: Any) -> np.ndarray:
    """Centres of elements, mm, or their numbers."""
    if limit is None:
        return np.arange(size)
    low, high = (float(edge) for edge in limit)
    places: np.ndarray = low + (np.arange(size) + 0.5) * (high - low) / size
    return places


def _panels(
    array: Array, numbers: list[int], places: list[np.ndarray], names: list[str]
) -> list[_Panel]:
    panels = []
    for axis, (right, up) in enumerate(((1, 2), (0, 2), (0, 1))):
        index = tuple(numbers[axis] if k == axis else slice(None) for k in range(3))
        cuts = (float(places[right][numbers[right]]), float(places[up][numbers[up]]))
        place = places[axis][numbers[axis]]
        title = f"{'xyz'[axis]} slice {numbers[axis]}"
        if "mm" in names[axis]:
            title += f" ({place:g} mm)"
        values = to_host(array[index])
        panels.append(
            _Panel(title, values, (places[right], places[up]), (names[right], names[up]), cuts)
        )
    return panels


def _figure(panels: list[_Panel], options: dict[str, Any]) -> Any:
    import plotly.graph_objects as go
    from plotly.subplots import make_subplots

    titles = [panel.title for panel in panels]
    figure = make_subplots(rows=1, cols=len(panels), subplot_titles=titles)
    figure.update_layout(coloraxis={"colorscale": options.pop("colorscale", "Magma")})
    limits = {f"c{end}": options.pop(f"z{end}", None) for end in ("min", "max")}
    figure.update_layout(coloraxis={k: v for k, v in limits.items() if v is not None})
    for column, panel in enumerate(panels, start=1):
        values = panel.values.astype(np.uint8) if panel.values.dtype == bool else panel.values
        trace = go.Heatmap(
            z=values.T, x=panel.places[0], y=panel.places[1], coloraxis="coloraxis", **options
        )
        figure.add_trace(trace, row=1, col=column)
        if panel.lines is not None:
            line = {"color": "rgba(255,255,255,0.6)", "width": 1}
            figure.add_vline(panel.lines[0], line=line, row=1, col=column)
            figure.add_hline(panel.lines[1], line=line, row=1, col=column)
        figure.update_xaxes(title_text=panel.names[0], row=1, col=column)
        across = figure.get_subplot(1, column).xaxis.plotly_name.replace("axis", "")
        figure.update_yaxes(
            title_text=panel.names[1], scaleanchor=across, constrain="domain", row=1, col=column
        )
        figure.update_xaxes(constrain="domain", row=1, col=column)
    return figure


def write_figure(figure: Any, path: Path) -> None:
    """Write a figure to a file of the kind that the suffix tells, or into a directory.

    Raises
    ------
    ValueError
        If the suffix is of no format.
    ImportError
        If a picture is asked for and Kaleido is not installed.
    """
    target = path / _FILE if path.is_dir() else path
    suffix = target.suffix.lower()
    if suffix not in (".html", ".htm", *_PICTURES):
        known = ", ".join((".html", *_PICTURES))
        raise ValueError(
            f"export_path must be a directory or end in one of {known}, found {target}"
        )
    if suffix in _PICTURES:
        require_kaleido(f"writing {suffix}", " (.html works without it)")
    with atomic_write(target) as temporary:
        if suffix in _PICTURES:
            figure.write_image(temporary, format=suffix[1:])
        else:
            figure.write_html(temporary)


def require_kaleido(what: str, instead: str = "") -> None:
    """Raise ImportError where Kaleido, which makes pictures of figures, is not installed.

    Parameters
    ----------
    what : str
        What it is needed for.
    instead : str
        What works without it, to end the message with.
    """
    if importlib.util.find_spec("kaleido") is None:
        raise ImportError(f"{what} needs Kaleido: pip install gpupept[export]{instead}")
