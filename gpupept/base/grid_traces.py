"""Plotly traces of pixels and voxels."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from gpupept.backend import to_host

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


def selection(grid: RegularGrid, condition: Callable[[Array], Any]) -> np.ndarray:
    """Mask of the cells that a condition selects, on the host."""
    mask = to_host(getattr(found := condition(grid.array), "array", found))
    if mask.shape != grid.shape or mask.dtype != bool:
        raise ValueError(
            f"condition must return a mask (bool) of shape {grid.shape}, found {mask.dtype} of shape "
            f"{mask.shape}"
        )
    return mask


def selected_cells(
    grid: RegularGrid, condition: Callable[[Array], Any]
) -> tuple[np.ndarray, np.ndarray]:
    """Centres, mm, and values of the cells that a condition selects."""
    mask = selection(grid, condition)
    return grid.to_physical(np.argwhere(mask)), grid.get()[mask]


def scatter_trace(
    voxels: Voxels,
    condition: Callable[[Array], Any],
    size: float,
    color: Any,
    opacity: float,
    colorbar: bool,
    colorscale: Any,
    colorbar_title: str | None,
) -> Any:
    """See `gpupept.Voxels.voxels_trace`."""
    import plotly.graph_objects as go

    centres, values = selected_cells(voxels, condition)
    marker = {"size": size, "color": color, "opacity": opacity, "symbol": "square"}
    if colorbar and color is None:
        marker |= {"color": values, "colorscale": colorscale}
        if colorbar_title is not None:
            marker["colorbar"] = {"title": {"text": colorbar_title}}
    x, y, z = centres.T
    return go.Scatter3d(x=x, y=y, z=z, mode="markers", marker=marker)


def cube_trace(
    voxels: Voxels, index: Any, color: Any, opacity: float, colorbar: bool, colorscale: Any
) -> Any:
    """See `gpupept.Voxels.cube_trace`."""
    place = _check_index(index, voxels.shape)
    largest = to_host(voxels.array.max()) if colorbar and color is None else None
    value = to_host(voxels.array[place])
    return _cube(voxels, place, _cube_colour(value, largest, color, colorscale), opacity)


def cubes_traces(
    voxels: Voxels,
    condition: Callable[[Array], Any],
    color: Any,
    opacity: float,
    colorbar: bool,
    colorscale: Any,
) -> list[Any]:
    """See `gpupept.Voxels.cubes_traces`."""
    values = voxels.get()
    largest = values.max() if colorbar and color is None else None
    return [
        _cube(
            voxels, place, _cube_colour(values[tuple(place)], largest, color, colorscale), opacity
        )
        for place in np.argwhere(selection(voxels, condition))
    ]


def _check_index(index: Any, shape: tuple[int, ...]) -> tuple[int, ...]:
    if np.shape(index) != (3,):
        raise ValueError(f"index must be three numbers, found {index!r}")
    place = tuple(operator.index(i) for i in index)
    if any(not 0 <= i < count for i, count in zip(place, shape, strict=True)):
        raise IndexError(f"index {place} is out of range for voxels of shape {shape}")
    return place


def _cube_colour(value: Any, largest: Any, color: Any, colorscale: Any) -> Any:
    if largest is None:
        return color
    from plotly.colors import sample_colorscale

    relative = float(value) / float(largest) if largest > 0 else 0.0
    return sample_colorscale(colorscale, [min(max(relative, 0.0), 1.0)])[0]


def _cube(voxels: Voxels, place: Any, color: Any, opacity: float) -> Any:
    import plotly.graph_objects as go

    corner = voxels.to_physical(place, corner=True)
    x, y, z = corner[:, None] + _CORNERS * voxels.voxel_size[:, None]
    return go.Mesh3d(x=x, y=y, z=z, **_TRIANGLES, color=color, opacity=opacity)


def slice_trace(
    voxels: Voxels,
    layers: tuple[int | None, int | None, int | None],
    width: int,
    colorscale: Any,
    transpose: bool,
) -> Any:
    """See `gpupept.Voxels.heatmap_trace`."""
    import plotly.graph_objects as go

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
    values = to_host(voxels.array[tuple(chosen)].sum(axis=axis))
    first, second = (edges for d, edges in enumerate(voxels.voxel_grids) if d != axis)
    return go.Heatmap(x=first, y=second, z=values, colorscale=colorscale, transpose=transpose)


def pixels_heatmap(
    pixels: Pixels, colorscale: Any, transpose: bool, xgap: float, ygap: float
) -> Any:
    """See `gpupept.Pixels.heatmap_trace`."""
    import plotly.graph_objects as go

    x, y = _centres(pixels)
    return go.Heatmap(
        x=x,
        y=y,
        z=pixels.get(),
        colorscale=colorscale,
        transpose=transpose,
        xgap=xgap,
        ygap=ygap,
    )


def pixels_surface(
    pixels: Pixels, condition: Callable[[Array], Any], opacity: float, colorscale: Any
) -> Any:
    """See `gpupept.Pixels.pixels_trace`."""
    import plotly.graph_objects as go

    x, y = _centres(pixels)
    heights = np.where(selection(pixels, condition), pixels.get(), 0)
    return go.Surface(x=x, y=y, z=heights.T, opacity=opacity, colorscale=colorscale)


def _centres(pixels: Pixels) -> list[np.ndarray]:
    return [(edges[1:] + edges[:-1]) / 2 for edges in pixels.pixel_grids]
