"""Plotly traces of pixels and voxels."""

from __future__ import annotations

import operator
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from gpupept.backend import array_namespace, to_host
from gpupept.base.thinning import (
    block_edges,
    block_means,
    find_ranks,
    spread_ranks,
    thinning_stride,
)

if TYPE_CHECKING:
    from gpupept.base.pixels import Pixels
    from gpupept.base.regular_grid import RegularGrid
    from gpupept.base.voxels import Voxels
    from gpupept.kernels import Array

# Corners of a box, in units of its size, and the corners of its twelve triangles.
_CORNERS = np.array(
    [[0, 0, 1, 1, 0, 0, 1, 1], [0, 1, 1, 0, 0, 1, 1, 0], [0, 0, 0, 0, 1, 1, 1, 1]], dtype=float
)
_TRIANGLES = {
    "i": [7, 0, 0, 0, 4, 4, 6, 6, 4, 0, 3, 2],
    "j": [3, 4, 1, 2, 5, 6, 5, 2, 0, 1, 6, 3],
    "k": [0, 7, 2, 3, 6, 7, 1, 1, 5, 5, 7, 6],
}


Condition: TypeAlias = "Callable[[Array], Any] | None"
"""Given the array of values, returns a mask of its shape; None selects values above 0."""


@dataclass(frozen=True)
class SelectedCells:
    """Cells to draw: all that a condition selects, or some of them, row by row."""

    places: np.ndarray
    """(N, D) int64: their indices."""
    values: np.ndarray
    ranks: np.ndarray
    """(N,) int64: their numbers among all that the condition selects."""
    count: int
    """How many the condition selects."""
    stride: int
    """One of so many is drawn."""

    def attribute(self, given: Any) -> Any:
        """Of an attribute given for each selected cell, those of the cells that are drawn."""
        if self.stride > 1 and np.ndim(given) == 1 and len(given) == self.count:
            return np.asarray(given)[self.ranks]
        return given


def selection(grid: RegularGrid, condition: Condition) -> Array:
    """Mask of the cells that a condition selects, on the device of the grid."""
    found = grid.array > 0 if condition is None else condition(grid.array)
    mask = array_namespace(grid.array).asarray(getattr(found, "array", found))
    if mask.shape != grid.shape or mask.dtype != bool:
        raise ValueError(
            f"condition must return a mask (bool) of shape {grid.shape}, found {mask.dtype} of shape "
            f"{mask.shape}"
        )
    return mask


def selected_cells(
    grid: RegularGrid, condition: Condition, limit: int | None = None
) -> SelectedCells:
    """Find the cells that a condition selects; about evenly taken ones if there are too many.

    Parameters
    ----------
    grid : Pixels or Voxels
        On either device; only what is drawn is copied from it.
    condition : callable or None
        Given the array of values, returns a mask of the same shape; None selects values above 0.
    limit : int or None
        Largest number of cells; None takes all.
    """
    mask = selection(grid, condition)
    xp = array_namespace(mask)
    count = int(xp.count_nonzero(mask))
    stride = thinning_stride(count, limit, f"max_{grid._cells}")
    ranks = np.arange(count) if stride == 1 else spread_ranks(count, stride)
    places = xp.unravel_index(find_ranks(mask, ranks), grid.shape)
    values = to_host(grid.array[places])
    return SelectedCells(to_host(xp.stack(places, axis=1)), values, ranks, count, stride)


def scatter_trace(
    voxels: Voxels,
    cells: SelectedCells,
    size: Any,
    color: Any,
    opacity: float,
    colorbar: bool,
    colorscale: Any,
    colorbar_title: str | None,
) -> Any:
    """Squares at the centres of voxels; see `gpupept.Voxels.voxels_trace`."""
    import plotly.graph_objects as go

    marker = {
        "size": cells.attribute(size),
        "color": cells.attribute(color),
        "opacity": opacity,
        "symbol": "square",
    }
    if colorbar and color is None:
        marker |= {"color": _drawable(cells.values), "colorscale": colorscale}
        if colorbar_title is not None:
            marker["colorbar"] = {"title": {"text": colorbar_title}}
    x, y, z = voxels.to_physical(cells.places).T
    return go.Scatter3d(x=x, y=y, z=z, mode="markers", marker=marker)


def cube_trace(
    voxels: Voxels, index: Any, color: Any, opacity: float, colorbar: bool, colorscale: Any
) -> Any:
    """See `gpupept.Voxels.cube_trace`."""
    place = _check_index(index, voxels.shape)
    value = to_host(voxels.array[place]).reshape(1)
    colours = _cube_colours(voxels, value, color, colorbar, colorscale)
    return _cube(voxels, place, colours[0], opacity)


def cubes_traces(
    voxels: Voxels,
    cells: SelectedCells,
    color: Any,
    opacity: float,
    colorbar: bool,
    colorscale: Any,
) -> list[Any]:
    """See `gpupept.Voxels.cubes_traces`."""
    colours = _cube_colours(voxels, cells.values, color, colorbar, colorscale)
    places = zip(cells.places, colours, strict=True)
    return [_cube(voxels, place, colour, opacity) for place, colour in places]


def _check_index(index: Any, shape: tuple[int, ...]) -> tuple[int, ...]:
    if np.shape(index) != (3,):
        raise ValueError(f"index must be three numbers, found {index!r}")
    place = tuple(operator.index(i) for i in index)
    if any(not 0 <= i < count for i, count in zip(place, shape, strict=True)):
        raise IndexError(f"index {place} is out of range for voxels of shape {shape}")
    return place


def _cube_colours(
    voxels: Voxels, values: np.ndarray, color: Any, colorbar: bool, colorscale: Any
) -> list[Any]:
    """Colour of each value, relative to the largest of all voxels, or the one given."""
    if color is not None or not colorbar:
        return [color] * len(values)
    from plotly.colors import sample_colorscale

    largest = float(voxels.array.max())
    with np.errstate(invalid="ignore"):  # infinity by infinity
        relative = values / largest if largest > 0 else np.zeros(len(values))
    shares = np.nan_to_num(np.clip(relative, 0, 1)).tolist()
    colours: list[Any] = sample_colorscale(colorscale, shares)
    return colours


def _cube(voxels: Voxels, place: Any, color: Any, opacity: float) -> Any:
    import plotly.graph_objects as go

    corner = voxels.to_physical(place, corner=True)
    x, y, z = corner[:, None] + _CORNERS * voxels.voxel_size[:, None]
    return go.Mesh3d(x=x, y=y, z=z, **_TRIANGLES, color=color, opacity=opacity, flatshading=True)


def slice_trace(
    voxels: Voxels,
    layers: tuple[int | None, int | None, int | None],
    width: int,
    colorscale: Any,
    transpose: bool,
) -> Any:
    """See `gpupept.Voxels.heatmap_trace`."""
    given = [axis for axis, layer in enumerate(layers) if layer is not None]
    if not given:
        raise ValueError("one of ix, iy and iz must be given: the layer to draw")
    if operator.index(width) < 0:
        raise ValueError(f"width must be zero or more layers, found {width}")
    axis, count = given[0], voxels.shape[given[0]]
    layer = operator.index(layers[axis])  # type: ignore[arg-type]
    if not -count <= layer < count:
        raise IndexError(f"i{'xyz'[axis]} = {layer} is out of range for {count} layers")
    layer %= count
    chosen = [slice(None)] * 3
    chosen[axis] = slice(max(layer - width, 0), layer + width + 1)
    kind = np.float64 if voxels.dtype.kind == "f" else None
    values = to_host(voxels.array[tuple(chosen)].sum(axis=axis, dtype=kind))
    first, second = (edges for d, edges in enumerate(voxels.voxel_grids) if d != axis)
    return _heatmap(first, second, values, transpose, {"colorscale": colorscale})


def pixels_heatmap(
    pixels: Pixels, transpose: bool, factors: tuple[int, ...], options: dict[str, Any]
) -> Any:
    """See `gpupept.Pixels.heatmap_trace`.

    Parameters
    ----------
    pixels : Pixels
        What to draw, on either device.
    transpose : bool
        Draw x horizontally.
    factors : pair of int
        Draw the means of blocks of so many pixels.
    options : dict
        Attributes of the trace.
    """
    edges = _edges(pixels, factors)
    joined = max(factors) > 1  # the last blocks may be smaller, so give the edges
    first, second = edges if joined else [_middles(each) for each in edges]
    values = to_host(block_means(pixels.array, factors))
    return _heatmap(first, second, values, transpose, options)


def pixels_surface(
    pixels: Pixels,
    condition: Condition,
    factors: tuple[int, ...],
    options: dict[str, Any],
) -> Any:
    """See `gpupept.Pixels.pixels_trace`; `factors` and `options` are as of `pixels_heatmap`."""
    import plotly.graph_objects as go

    xp = array_namespace(pixels.array)
    selected = xp.where(selection(pixels, condition), pixels.array, 0)
    heights = to_host(block_means(selected, factors))
    x, y = (_middles(edges) for edges in _edges(pixels, factors))
    return go.Surface(x=x, y=y, z=_drawable(heights.T), **options)


def _heatmap(
    first: np.ndarray,
    second: np.ndarray,
    values: np.ndarray,
    transpose: bool,
    options: dict[str, Any],
) -> Any:
    """Heat map of values by (first, second) axis; `transpose` draws the first one horizontally."""
    import plotly.graph_objects as go

    x, y = (first, second) if transpose else (second, first)
    return go.Heatmap(x=x, y=y, z=_drawable(values), transpose=transpose, **options)


def _edges(pixels: Pixels, factors: tuple[int, ...]) -> list[np.ndarray]:
    return [
        block_edges(edges, factor)
        for edges, factor in zip(pixels.pixel_grids, factors, strict=True)
    ]


def _middles(edges: np.ndarray) -> np.ndarray:
    middles: np.ndarray = (edges[1:] + edges[:-1]) / 2
    return middles


def _drawable(values: np.ndarray) -> np.ndarray:
    """Values as a colour scale can show them: infinities would leave it no range."""
    if values.dtype == bool:
        return values.astype(np.uint8)
    if values.dtype.kind == "f" and np.isinf(values).any():
        return np.where(np.isinf(values), np.nan, values)
    return values
