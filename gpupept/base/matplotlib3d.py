"""Plots of lines, points and grids with Matplotlib."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import numpy as np

from gpupept.backend import to_host

_LINE_ALPHA = 0.8


def plot_lines(lines: Any, ax: Any, alt_axes: bool, colorbar_col: int) -> tuple[Any, Any]:
    """Plot the segment between the two points of each line.

    Parameters
    ----------
    lines : (N, C >= 7) array
        The lines, mm.
    ax : Axes3D or None
        Where to plot; None makes a figure.
    alt_axes : bool
        Whether to plot (z, x, y) on the three axes.
    colorbar_col : int
        Column that sets the colours.

    Returns
    -------
    fig, ax
        The figure and the axes.
    """
    rows, colours = to_host(lines), _colours(lines, colorbar_col)
    ax = _axes(ax, alt_axes)
    from mpl_toolkits.mplot3d.art3d import Line3DCollection  # type: ignore[import-untyped]

    segments = rows[:, 1:7].reshape(-1, 2, 3)[:, :, _order(alt_axes)]
    drawn = np.isfinite(segments).all(axis=(1, 2))
    if drawn.any():
        ax.add_collection3d(
            Line3DCollection(segments[drawn], colors=colours[drawn], alpha=_LINE_ALPHA)
        )
        ax.auto_scale_xyz(*segments[drawn].reshape(-1, 3).T)
    return ax.get_figure(), ax


def plot_points(points: Any, ax: Any, alt_axes: bool, colorbar_col: int) -> tuple[Any, Any]:
    """Plot points; parameters as for `plot_lines`, with (N, C >= 4) points in mm."""
    rows, colours = to_host(points), _colours(points, colorbar_col)
    ax = _axes(ax, alt_axes)
    ax.scatter(*rows[:, 1:4][:, _order(alt_axes)].T, color=colours)
    return ax.get_figure(), ax


def plot_voxels(
    centres: np.ndarray, values: np.ndarray, largest: float, ax: Any, alt_axes: bool
) -> tuple[Any, Any]:
    """Plot (K, 3) centres of voxels, mm, as squares coloured by value relative to the largest."""
    scale = largest if largest != 0 and np.isfinite(largest) else 1.0
    colours = _matplotlib().colormaps["magma"](values / scale)
    ax = _axes(ax, alt_axes)
    ax.scatter(*centres[:, _order(alt_axes)].T, color=colours, marker="s")
    return ax.get_figure(), ax


def plot_pixels(pixels: np.ndarray, limits: np.ndarray, ax: Any) -> tuple[Any, Any]:
    """Plot (nx, ny) pixels as an image, x to the right and y upwards, between (2, 2) limits, mm."""
    _matplotlib()
    if ax is None:
        from matplotlib import pyplot

        ax = pyplot.figure().add_subplot()
    ax.imshow(pixels.T, origin="lower", extent=limits.ravel().tolist(), cmap="magma")
    ax.set_xlabel("x (mm)")
    ax.set_ylabel("y (mm)")
    return ax.get_figure(), ax


def _order(alt_axes: bool) -> list[int]:
    return [2, 0, 1] if alt_axes else [0, 1, 2]


def _colours(data: Any, column: int) -> Any:
    width = data.shape[1]
    if not -width <= column < width:
        raise IndexError(f"colorbar_col must be one of {width} columns, found {column}")
    values = to_host(data[:, column])
    largest = np.nanmax(values, initial=-np.inf)
    scale = largest if largest != 0 and np.isfinite(largest) else 1.0
    return _matplotlib().colormaps["magma"](values / scale)


def _axes(ax: Any, alt_axes: bool) -> Any:
    if ax is None:
        _matplotlib()
        from matplotlib import pyplot

        ax = pyplot.figure().add_subplot(projection="3d")
    for axis, place in zip("xyz", _order(alt_axes), strict=True):
        getattr(ax, f"set_{axis}label")(f"{'xyz'[place]} (mm)")
    return ax


def _matplotlib() -> ModuleType:
    try:
        import matplotlib
    except ImportError as error:
        raise ImportError(
            "plot needs Matplotlib: pip install gpupept[plot] (gpupept.plots.PlotlyGrapher works "
            "without it)"
        ) from error
    module: ModuleType = matplotlib
    return module
