"""Pixels and voxels in scenes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Self

from gpupept.base import Pixels, Voxels
from gpupept.base.grid_traces import pixels_surface, scatter_trace, selected_cells
from gpupept.base.thinning import block_factors
from gpupept.plots.inputs import check_grid
from gpupept.plots.space_figure import SpaceFigure


class GridFigure(SpaceFigure):
    """A figure of scenes that can show pixels and voxels."""

    def add_pixels(
        self,
        pixels: Pixels,
        row: int = 1,
        col: int = 1,
        condition: Callable[[Any], Any] | None = None,
        opacity: float = 0.9,
        colorscale: Any = "Magma",
        max_pixels: int | None = 250_000,
        **kwargs: Any,
    ) -> Self:
        """Draw pixels as a surface over their centres, as high as their values.

        In a subplot of nothing but surfaces the z axis, which shows values, has a range of its own.
        Heights do not count for ranges of equal length.

        Parameters
        ----------
        pixels : Pixels
            On either device.
        row, col : int, default 1
            Place of the subplot, counted from 1.
        condition : callable, optional
            Given the array of values, returns a mask (bool) of its shape; pixels that are not
            selected are drawn as 0. By default values above 0 are selected.
        opacity : float, default 0.9
            From 0, transparent, to 1.
        colorscale : str or list, default "Magma"
            Plotly colour scale, such as "Viridis" or "Cividis".
        max_pixels : int or None, default 250_000
            Of more pixels, draw the means of blocks and say so in the figure; None draws all.
        **kwargs
            Further attributes of `plotly.graph_objects.Surface`.

        Raises
        ------
        TypeError
            If `pixels` are not `Pixels`: bare arrays do not tell where their pixels lie.
        ValueError
            If the condition does not return such a mask, or there is no such subplot.

        See Also
        --------
        PlotlyGrapher2D.add_pixels : The same as a heat map.

        Examples
        --------
        >>> import numpy as np
        >>> import gpupept as pept
        >>> from gpupept.plots import PlotlyGrapher
        >>> pixels = pept.Pixels(np.arange(12).reshape(3, 4), [0, 60], [0, 80])
        >>> grapher = PlotlyGrapher().add_pixels(pixels).zlabel("counts")
        """
        self._number(row, col)
        check_grid(pixels, Pixels, "pixels")
        factors = block_factors(pixels.shape, max_pixels)
        options = {"opacity": opacity, "colorscale": colorscale, **kwargs}
        self.add_trace(pixels_surface(pixels, condition, factors, options), row, col)
        self._note_blocks(factors, pixels.shape, max_pixels, row, col)
        return self

    def add_voxels(
        self,
        voxels: Voxels,
        row: int = 1,
        col: int = 1,
        condition: Callable[[Any], Any] | None = None,
        size: Any = 4,
        color: Any = None,
        opacity: float = 0.4,
        colorbar: bool = True,
        colorscale: Any = "Magma",
        colorbar_title: str | None = None,
        max_voxels: int | None = 500_000,
        **kwargs: Any,
    ) -> Self:
        """Draw a square at the centre of each selected voxel, coloured by its value.

        Parameters
        ----------
        voxels : Voxels
            On either device; only the voxels drawn are copied from it.
        row, col : int, default 1
            Place of the subplot, counted from 1.
        condition : callable, optional
            Given the array of values, returns a mask (bool) of its shape; by default values above 0
            are selected.
        size : float or (N,) array-like, default 4
            Size of the squares in pixels of the screen; if several, one per selected voxel.
        color : str or (N,) array-like, optional
            One colour, as in CSS, or a value per selected voxel, by x, then y, then z; overrides
            `colorbar`.
        opacity : float, default 0.4
            From 0, transparent, to 1.
        colorbar : bool, default True
            Colour by value.
        colorscale : str or list, default "Magma"
            Plotly colour scale, such as "Viridis" or "Cividis".
        colorbar_title : str, optional
            Show a colour bar with this title.
        max_voxels : int or None, default 500_000
            Draw at most so many voxels, evenly taken, and say so in the figure; None draws all.
        **kwargs
            Further attributes of `plotly.graph_objects.Scatter3d`.

        Raises
        ------
        TypeError
            If `voxels` are not `Voxels`: bare arrays do not tell where their voxels lie.
        ValueError
            If the condition does not return such a mask, or there is no such subplot.

        Examples
        --------
        The upper half of the values:

        >>> import numpy as np
        >>> import gpupept as pept
        >>> from gpupept.plots import PlotlyGrapher
        >>> limits = [0, 100]
        >>> voxels = pept.Voxels(np.arange(60).reshape(3, 4, 5), limits, limits, limits)
        >>> grapher = PlotlyGrapher().add_voxels(voxels, condition=lambda values: values > 30)
        """
        self._number(row, col)
        check_grid(voxels, Voxels, "voxels")
        cells = selected_cells(voxels, condition, max_voxels)
        trace = scatter_trace(
            voxels, cells, size, color, opacity, colorbar, colorscale, colorbar_title
        )
        self.add_trace(trace.update(kwargs), row, col)
        self._note_thinning(len(cells.ranks), cells.count, max_voxels, "max_voxels", row, col)
        return self
