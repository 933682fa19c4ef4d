"""Grids of pixels."""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable
from typing import Any, ClassVar, Self

import numpy as np

from gpupept.base.grid_inputs import timed
from gpupept.base.inputs import as_table
from gpupept.base.line_data import LineData
from gpupept.base.regular_grid import RegularGrid
from gpupept.base.thinning import block_factors, blocks_note
from gpupept.kernels import Array

logger = logging.getLogger("gpupept.base")

logger = logging.getLogger("gpupept.base")

_LEAST_COLUMNS = 5
_COLUMNS_IN_3D = 7


class Pixels(RegularGrid):
    """A rectangle cut into equal pixels, with a value for each, on the CPU or a GPU.

    It is used like the array of values, see `gpupept.base.array_container.ArrayContainer`: operators,
    NumPy functions, array methods and indexing all work. Element-wise results are `Pixels` again,
    slices and reductions what arrays give.

    Parameters
    ----------
    pixels_array : (nx, ny) array_like
        Values; a NumPy or CuPy array that is C-contiguous and of the right dtype is not copied.
    xlim, ylim : (2,) array_like
        Lower and upper limit along each axis, mm.
    dtype : dtype, optional
        Of the values; float64 by default.
    **attrs : object
        Further attributes, kept in `attrs`.

    Raises
    ------
    ValueError
        If the array does not have two axes, or the limits are not two ascending numbers each.
    TypeError
        If the array does not hold real numbers.

    Examples
    --------
    >>> import gpupept
    >>> pixels = gpupept.Pixels([[1, 2, 3], [4, 5, 6]], xlim=[0, 4], ylim=[0, 3])
    >>> pixels.pixel_size.tolist(), float(pixels.mean())
    ([2.0, 1.0], 3.5)
    >>> (2 * pixels - 1).pixels
    array([[ 1.,  3.,  5.],
           [ 7.,  9., 11.]])
    """

    _axes: ClassVar[str] = "xy"
    _cells: ClassVar[str] = "pixels"

    def __init__(
        self, pixels_array: Any, xlim: Any, ylim: Any, dtype: Any = None, **attrs: Any
    ) -> None:
        self._set(pixels_array, (xlim, ylim), dtype, attrs)

    @property
    def pixels(self) -> Array:
        """The (nx, ny) array of values; the same as `array`."""
        return self._array

    @property
    def number_of_pixels(self) -> tuple[int, ...]:
        """Number of pixels along each axis; the same as `shape`."""
        return self.shape

    @property
    def pixel_size(self) -> np.ndarray:
        """Size of a pixel along each axis, mm."""
        return self._sizes()

    @property
    def pixel_grids(self) -> list[np.ndarray]:
        """Edges of the pixels along each axis, mm: one more than there are pixels."""
        return self._grids()

    @classmethod
    def from_lines(
        cls,
        lines: Any,
        number_of_pixels: Any,
        xlim: Any = None,
        ylim: Any = None,
        verbose: bool = True,
        *,
        weights: Any = None,
        lengths: bool = False,
        dtype: Any = None,
    ) -> Self:
        """Count the lines that go through each pixel.

        Parameters
        ----------
        lines : (N, C >= 5) array_like or LineData
            Lines with columns ``t, x1, y1, x2, y2`` (ms, mm), others are ignored; a `LineData` is
            projected along z. An array of lines ``t, x1, y1, z1, x2, y2, z2`` must be given as one: its
            columns would be taken for others, and a warning says so once.
        number_of_pixels : (2,) sequence of int
            Pixels along each axis, at least 2.
        xlim, ylim : (2,) array_like, optional
            Limits, mm; by default those of both ends of the lines.
        verbose : bool, default True
            Log how long it took.
        weights, lengths : optional
            What to add instead of ones, see `add_lines`.
        dtype : dtype, optional
            uint32 (a count beyond 4294967295 begins again at 0), float32 (counts are exact up to
            16777216) or float64 (default).

        Returns
        -------
        Pixels
            On the device of the lines.

        Raises
        ------
        ValueError
            If the lines have fewer than 5 columns, `number_of_pixels` is not two numbers of at least
            2, or limits cannot be found.

        Examples
        --------
        >>> import gpupept
        >>> lines = [[0, 0, 0, 4, 4], [1, 0, 3, 4, 3]]
        >>> gpupept.Pixels.from_lines(lines, (2, 2), verbose=False).pixels
        array([[1., 2.],
               [0., 2.]])
        """
        return cls._from_lines(
            _line_rows(lines), number_of_pixels, (xlim, ylim), verbose, weights, lengths, dtype
        )

    def add_lines(
        self, lines: Any, verbose: bool = False, *, weights: Any = None, lengths: bool = False
    ) -> None:
        """Add one to each pixel that a line goes through, for each line, in place.

        A line is the segment between its two points. Which pixels it goes through is decided exactly,
        see `gpupept.kernels.traverse`; so counts are the same on every device.

        Parameters
        ----------
        lines : (N, C >= 5) array_like or LineData
            Lines with columns ``t, x1, y1, x2, y2`` (ms, mm), on the device of the pixels; a `LineData`
            is projected along z. Those that are not finite are left out, and a warning says how
            many.
        verbose : bool, default False
            Log how long it took.
        weights : (N,) array_like, optional
            What a line adds to each of its pixels; 1 by default.
        lengths : bool, default False
            Multiply by the length (mm) of the line in the pixel.

        Raises
        ------
        ValueError
            If the lines have fewer than 5 columns, or there is not a weight for each.
        TypeError
            If pixels of this dtype cannot be added to.
        MixedDevicesError
            If lines and pixels are on different devices.

        Examples
        --------
        >>> import gpupept
        >>> pixels = gpupept.Pixels.empty((2, 2), [0, 2], [0, 2])
        >>> pixels.add_lines([[0, -1, 0.5, 1.5, 0.5]], weights=[10])
        >>> pixels[:, 0].tolist()
        [10.0, 10.0]
        """
        with timed(verbose, f"Added lines to {type(self).__name__}"):
            self._add(_line_rows(lines), weights, lengths)

    @classmethod
    def empty(
        cls,
        number_of_pixels: Any,
        xlim: Any,
        ylim: Any,
        *,
        dtype: Any = None,
        device: str | None = None,
    ) -> Self:
        """Make pixels that are all zero.

        Parameters
        ----------
        number_of_pixels : (2,) sequence of int
            Pixels along each axis, at least 2.
        xlim, ylim : (2,) array_like
            Limits, mm.
        dtype : dtype, optional
            Of the values; float64 by default.
        device : str, optional
            ``"cpu"`` (default), ``"cuda"`` or ``"cuda:N"``.

        Raises
        ------
        ValueError
            If `number_of_pixels` is not two numbers of at least 2, or limits are not as they must be.
        MemoryError
            If there is not enough memory.

        Examples
        --------
        >>> import gpupept
        >>> gpupept.Pixels.empty((640, 480), [0, 20], [0, 10]).shape
        (640, 480)
        """
        return cls._zeros(number_of_pixels, (xlim, ylim), 2, dtype, device, {})

    @classmethod
    def zeros(
        cls,
        shape: Any,
        xlim: Any,
        ylim: Any,
        *,
        dtype: Any = None,
        device: str | None = None,
        **attrs: Any,
    ) -> Self:
        """Make pixels that are all zero, as `empty`, at least one along each axis, with attributes."""
        return cls._zeros(shape, (xlim, ylim), 1, dtype, device, attrs)

    def copy(  # type: ignore[override]
        self,
        pixels_array: Any = None,
        xlim: Any = None,
        ylim: Any = None,
        deep: bool = True,
        **attrs: Any,
    ) -> Self:
        """Copy the pixels, with other values, limits or attributes where they are given.

        Parameters
        ----------
        pixels_array : (nx, ny) array_like, optional
            Other values; not copied if they are C-contiguous and of the type of these or float64,
            which others become.
        xlim, ylim : (2,) array_like, optional
            Other limits, mm.
        deep : bool, default True
            Copy values and attributes instead of sharing them.
        **attrs : object
            Attributes to set; they replace those of the same name.

        Returns
        -------
        Pixels
            The copy.

        Examples
        --------
        >>> import gpupept
        >>> pixels = gpupept.Pixels.zeros((2, 2), [0, 1], [0, 1], run=1)
        >>> pixels.copy(ylim=[0, 5], run=2).attrs
        {'run': 2}
        """
        return super().copy(pixels_array, xlim, ylim, deep=deep, **attrs)

    # ---- Plots

    def pixels_trace(
        self,
        condition: Callable[[Array], Any] | None = None,
        opacity: float = 0.9,
        colorscale: Any = "Magma",
        max_pixels: int | None = 250_000,
    ) -> Any:
        """Make a Plotly surface over the centres of the pixels, as high as their values.

        Parameters
        ----------
        condition : callable, optional
            Given the array of values, returns a mask of the same shape; pixels that are not selected
            are drawn as 0. By default values above 0 are selected.
        opacity : float, default 0.9
            From 0, transparent, to 1.
        colorscale : str or list, default "Magma"
            Plotly colour scale.
        max_pixels : int or None, default 250_000
            Of more pixels, draw the means of blocks and say so in the log; None draws all.

        Returns
        -------
        plotly.graph_objects.Surface

        Raises
        ------
        ValueError
            If the condition does not return such a mask, or `max_pixels` is smaller than 1.
        """
        from gpupept.base.grid_traces import pixels_surface

        options = {"opacity": opacity, "colorscale": colorscale}
        return pixels_surface(self, condition, self._factors(max_pixels), options)

    def heatmap_trace(
        self,
        colorscale: Any = "Magma",
        transpose: bool = True,
        xgap: float = 0.0,
        ygap: float = 0.0,
        max_pixels: int | None = 1_000_000,
    ) -> Any:
        """Make a Plotly heat map.

        Parameters
        ----------
        colorscale : str or list, default "Magma"
            Plotly colour scale.
        transpose : bool, default True
            Draw x horizontally, else y.
        xgap, ygap : float, default 0
            Gaps between pixels, in pixels of the screen.
        max_pixels : int or None, default 1_000_000
            Of more pixels, draw the means of blocks and say so in the log; None draws all.

        Returns
        -------
        plotly.graph_objects.Heatmap
            Over the centres of the pixels, or the edges of the blocks.

        Raises
        ------
        ValueError
            If `max_pixels` is smaller than 1.
        """
        from gpupept.base.grid_traces import pixels_heatmap

        options = {"colorscale": colorscale, "xgap": xgap, "ygap": ygap}
        return pixels_heatmap(self, transpose, self._factors(max_pixels), options)

    def _factors(self, limit: int | None) -> tuple[int, ...]:
        """Pixels of a block along each axis, for the blocks to stay within the limit."""
        factors = block_factors(self.shape, limit)
        if max(factors) > 1:
            note = blocks_note(factors, self.shape, limit)
            logger.warning("%s; give more, or None for all", note)
        return factors

    def plot(self, ax: Any = None) -> tuple[Any, Any]:
        """Plot the pixels as an image with Matplotlib, x to the right and y upwards.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, optional
            Where to plot; a new figure by default.

        Returns
        -------
        fig, ax
            The Matplotlib figure and axes.

        Raises
        ------
        ImportError
            If Matplotlib is not installed; ``pip install gpupept[plot]``.
        """
        from gpupept.base.matplotlib3d import plot_pixels

        return plot_pixels(self.get(), self._limits, ax)


def _line_rows(lines: Any) -> Array:
    """Rows ``t, x1, y1, x2, y2, ...``."""
    if isinstance(lines, LineData):
        return as_table(lines.lines[:, [0, 1, 2, 4, 5]], "lines")
    rows = as_table(lines, "lines")
    if rows.shape[1] < _LEAST_COLUMNS:
        raise ValueError(
            f"lines must have at least {_LEAST_COLUMNS} columns (t, x1, y1, x2, y2), found shape "
            f"{tuple(rows.shape)}"
        )
    if rows.shape[1] >= _COLUMNS_IN_3D:
        _warn_of_columns()
    return rows


@functools.cache
def _warn_of_columns() -> None:
    logger.warning(
        "an array of lines with %d or more columns is read as t, x1, y1, x2, y2 and others that are "
        "ignored; if these are t, x1, y1, z1, x2, y2, z2, give LineData(array), which is projected along z",
        _COLUMNS_IN_3D,
    )
