"""Grids of voxels."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np

from gpupept.base.grid_inputs import timed
from gpupept.base.line_data import LineData
from gpupept.base.regular_grid import RegularGrid
from gpupept.base.thinning import thinning_note
from gpupept.kernels import Array

if TYPE_CHECKING:
    from gpupept.base.grid_traces import SelectedCells

logger = logging.getLogger("gpupept.base")


class Voxels(RegularGrid):
    """A box cut into equal voxels, with a value for each, on the CPU or a GPU.

    It is used like the array of values, see `gpupept.base.array_container.ArrayContainer`: operators,
    NumPy functions, array methods and indexing all work. Element-wise results are `Voxels` again,
    slices and reductions what arrays give.

    Parameters
    ----------
    voxels_array : (nx, ny, nz) array_like
        Values; a NumPy or CuPy array that is C-contiguous and of the right dtype is not copied.
    xlim, ylim, zlim : (2,) array_like
        Lower and upper limit along each axis, mm.
    dtype : dtype, optional
        Of the values; float64 by default.
    **attrs : object
        Further attributes, kept in `attrs`.

    Raises
    ------
    ValueError
        If the array does not have three axes, or the limits are not two ascending numbers each.
    TypeError
        If the array does not hold real numbers.

    Examples
    --------
    >>> import numpy as np
    >>> import gpupept
    >>> lines = np.arange(70).reshape(10, 7)
    >>> voxels = gpupept.Voxels.from_lines(lines, [3, 4, 5], verbose=False)
    >>> voxels.shape, voxels.xlim.tolist(), voxels.voxel_size.tolist()
    ((3, 4, 5), [1.0, 67.0], [22.0, 16.5, 13.2])
    >>> voxels += 1
    >>> float(voxels.max()), voxels[0, 0].tolist()
    (3.0, [3.0, 2.0, 1.0, 1.0, 1.0])
    """

    _axes: ClassVar[str] = "xyz"
    _cells: ClassVar[str] = "voxels"

    def __init__(
        self, voxels_array: Any, xlim: Any, ylim: Any, zlim: Any, dtype: Any = None, **attrs: Any
    ) -> None:
        self._set(voxels_array, (xlim, ylim, zlim), dtype, attrs)

    @property
    def voxels(self) -> Array:
        """The (nx, ny, nz) array of values; the same as `array`."""
        return self._array

    @property
    def number_of_voxels(self) -> tuple[int, ...]:
        """Number of voxels along each axis; the same as `shape`."""
        return self.shape

    @property
    def zlim(self) -> np.ndarray:
        """Lower and upper limit along z, mm."""
        return self._limit(2)

    @property
    def voxel_size(self) -> np.ndarray:
        """Size of a voxel along each axis, mm."""
        return self._sizes()

    @property
    def voxel_grids(self) -> list[np.ndarray]:
        """Edges of the voxels along each axis, mm: one more than there are voxels."""
        return self._grids()

    @classmethod
    def from_lines(
        cls,
        lines: Any,
        number_of_voxels: Any,
        xlim: Any = None,
        ylim: Any = None,
        zlim: Any = None,
        verbose: bool = True,
        *,
        weights: Any = None,
        lengths: bool = False,
        dtype: Any = None,
    ) -> Self:
        """Count the lines that go through each voxel.

        Parameters
        ----------
        lines : LineData or (N, C >= 7) array_like
            Lines with columns ``t, x1, y1, z1, x2, y2, z2`` (ms, mm), others are ignored.
        number_of_voxels : (3,) sequence of int
            Voxels along each axis, at least 2.
        xlim, ylim, zlim : (2,) array_like, optional
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
        Voxels
            On the device of the lines.

        Raises
        ------
        ValueError
            If the lines have fewer than 7 columns, `number_of_voxels` is not three numbers of at
            least 2, or limits cannot be found.

        Examples
        --------
        >>> import gpupept
        >>> lines = [[0, 0, 0, 0, 4, 4, 4], [1, 0, 3, 0, 4, 3, 0]]
        >>> voxels = gpupept.Voxels.from_lines(lines, (2, 2, 2), zlim=[0, 4], verbose=False)
        >>> int(voxels.sum())
        6
        """
        return cls._from_lines(
            _line_rows(lines),
            number_of_voxels,
            (xlim, ylim, zlim),
            verbose,
            weights,
            lengths,
            dtype,
        )

    def add_lines(
        self, lines: Any, verbose: bool = False, *, weights: Any = None, lengths: bool = False
    ) -> None:
        """Add one to each voxel that a line goes through, for each line, in place.

        A line is the segment between its two points. Which voxels it goes through is decided exactly,
        see `gpupept.kernels.traverse`; so counts are the same on every device.

        Parameters
        ----------
        lines : LineData or (N, C >= 7) array_like
            Lines with columns ``t, x1, y1, z1, x2, y2, z2`` (ms, mm), on the device of the voxels. Those
            that are not finite are left out, and a warning says how many.
        verbose : bool, default False
            Log how long it took.
        weights : (N,) array_like, optional
            What a line adds to each of its voxels; 1 by default.
        lengths : bool, default False
            Multiply by the length (mm) of the line in the voxel.

        Raises
        ------
        ValueError
            If the lines have fewer than 7 columns, or there is not a weight for each.
        TypeError
            If voxels of this dtype cannot be added to.
        MixedDevicesError
            If lines and voxels are on different devices.

        Examples
        --------
        >>> import gpupept
        >>> voxels = gpupept.Voxels.empty((2, 2, 2), [0, 2], [0, 2], [0, 2])
        >>> voxels.add_lines([[0, 0.5, 0.5, -1, 0.5, 0.5, 3]], lengths=True)
        >>> voxels[0, 0].tolist()
        [1.0, 1.0]
        """
        with timed(verbose, f"Added lines to {type(self).__name__}"):
            self._add(_line_rows(lines), weights, lengths)

    @classmethod
    def empty(
        cls,
        number_of_voxels: Any,
        xlim: Any,
        ylim: Any,
        zlim: Any,
        *,
        dtype: Any = None,
        device: str | None = None,
    ) -> Self:
        """Make voxels that are all zero.

        Parameters
        ----------
        number_of_voxels : (3,) sequence of int
            Voxels along each axis, at least 2.
        xlim, ylim, zlim : (2,) array_like
            Limits, mm.
        dtype : dtype, optional
            Of the values; float64 by default.
        device : str, optional
            ``"cpu"`` (default), ``"cuda"`` or ``"cuda:N"``.

        Raises
        ------
        ValueError
            If `number_of_voxels` is not three numbers of at least 2, or limits are not as they must
            be.
        MemoryError
            If there is not enough memory.

        Examples
        --------
        >>> import gpupept
        >>> gpupept.Voxels.empty((64, 48, 32), [0, 20], [0, 10], [0, 5]).shape
        (64, 48, 32)
        """
        return cls._zeros(number_of_voxels, (xlim, ylim, zlim), 2, dtype, device, {})

    @classmethod
    def zeros(
        cls,
        shape: Any,
        xlim: Any,
        ylim: Any,
        zlim: Any,
        *,
        dtype: Any = None,
        device: str | None = None,
        **attrs: Any,
    ) -> Self:
        """Make voxels that are all zero, as `empty`, at least one along each axis, with attributes."""
        return cls._zeros(shape, (xlim, ylim, zlim), 1, dtype, device, attrs)

    def copy(  # type: ignore[override]
        self,
        voxels_array: Any = None,
        xlim: Any = None,
        ylim: Any = None,
        zlim: Any = None,
        deep: bool = True,
        **attrs: Any,
    ) -> Self:
        """Copy the voxels, with other values, limits or attributes where they are given.

        Parameters
        ----------
        voxels_array : (nx, ny, nz) array_like, optional
            Other values; not copied if they are C-contiguous and of the type of these or float64,
            which others become.
        xlim, ylim, zlim : (2,) array_like, optional
            Other limits, mm.
        deep : bool, default True
            Copy values and attributes instead of sharing them.
        **attrs : object
            Attributes to set; they replace those of the same name.

        Returns
        -------
        Voxels
            The copy.

        Examples
        --------
        >>> import gpupept
        >>> voxels = gpupept.Voxels.zeros((2, 2, 2), [0, 1], [0, 1], [0, 1], run=1)
        >>> voxels.copy(zlim=[0, 5], run=2).attrs
        {'run': 2}
        """
        return super().copy(voxels_array, xlim, ylim, zlim, deep=deep, **attrs)

    # ---- Plots

    def voxels_trace(
        self,
        condition: Callable[[Array], Any] | None = None,
        size: float = 4,
        color: Any = None,
        opacity: float = 0.4,
        colorbar: bool = True,
        colorscale: Any = "Magma",
        colorbar_title: str | None = None,
        max_voxels: int | None = 500_000,
    ) -> Any:
        """Make a Plotly trace with a square at the centre of each voxel that is selected.

        Parameters
        ----------
        condition : callable, optional
            Given the array of values, returns a mask of the same shape; by default values above 0.
        size : float, default 4
            Of the squares, pixels.
        color : str or array_like, optional
            One colour, or a value for each voxel drawn, in their order; overrides `colorbar`.
        opacity : float, default 0.4
            From 0, transparent, to 1.
        colorbar : bool, default True
            Colour by value.
        colorscale : str or list, default "Magma"
            Plotly colour scale.
        colorbar_title : str, optional
            Show a colour bar with this title.
        max_voxels : int or None, default 500_000
            Draw at most so many voxels, evenly taken, and say so in the log; None draws all.

        Returns
        -------
        plotly.graph_objects.Scatter3d

        Raises
        ------
        ValueError
            If the condition does not return such a mask, or `max_voxels` is smaller than 1.
        """
        from gpupept.base.grid_traces import scatter_trace

        cells = self._selected(condition, max_voxels)
        return scatter_trace(
            self, cells, size, color, opacity, colorbar, colorscale, colorbar_title
        )

    scatter_trace = voxels_trace

    def cube_trace(
        self,
        index: Any,
        color: Any = None,
        opacity: float = 0.4,
        colorbar: bool = True,
        colorscale: Any = "magma",
    ) -> Any:
        """Make a Plotly trace of one voxel as a box.

        Browsers draw a few hundred of them well; `voxels_trace` is for more.

        Parameters
        ----------
        index : (3,) sequence of int
            The voxel.
        color : str, optional
            Its colour; overrides `colorbar`.
        opacity : float, default 0.4
            From 0, transparent, to 1.
        colorbar : bool, default True
            Colour by value, relative to the largest of the voxels.
        colorscale : str or list, default "magma"
            Plotly colour scale.

        Returns
        -------
        plotly.graph_objects.Mesh3d

        Raises
        ------
        ValueError
            If `index` is not three numbers.
        IndexError
            If there is no such voxel.
        """
        from gpupept.base.grid_traces import cube_trace

        return cube_trace(self, index, color, opacity, colorbar, colorscale)

    def cubes_traces(
        self,
        condition: Callable[[Array], Any] | None = None,
        color: Any = None,
        opacity: float = 0.4,
        colorbar: bool = True,
        colorscale: Any = "magma",
        max_voxels: int | None = 500,
    ) -> list[Any]:
        """Make a Plotly trace, as `cube_trace`, of each voxel that a condition selects.

        Parameters
        ----------
        condition : callable, optional
            Given the array of values, returns a mask of the same shape; by default values above 0.
        color, opacity, colorbar, colorscale : object
            As for `cube_trace`.
        max_voxels : int or None, default 500
            As for `voxels_trace`.

        Returns
        -------
        list of plotly.graph_objects.Mesh3d

        Raises
        ------
        ValueError
            If the condition does not return such a mask, or `max_voxels` is smaller than 1.
        """
        from gpupept.base.grid_traces import cubes_traces

        cells = self._selected(condition, max_voxels)
        return cubes_traces(self, cells, color, opacity, colorbar, colorscale)

    def _selected(
        self, condition: Callable[[Array], Any] | None, limit: int | None
    ) -> SelectedCells:
        from gpupept.base.grid_traces import selected_cells

        cells = selected_cells(self, condition, limit)
        if cells.stride > 1:
            note = thinning_note(len(cells.ranks), cells.count, limit, "max_voxels")
            logger.warning("%s; give more, or None for all", note)
        return cells

    def heatmap_trace(
        self,
        ix: int | None = None,
        iy: int | None = None,
        iz: int | None = None,
        width: int = 0,
        colorscale: Any = "Magma",
        transpose: bool = True,
    ) -> Any:
        """Make a Plotly heat map of a slice.

        Parameters
        ----------
        ix, iy, iz : int, optional
            The layer across x, y or z; the first that is given counts.
        width : int, default 0
            Add up so many layers more on either side, as far as there are any.
        colorscale : str or list, default "Magma"
            Plotly colour scale.
        transpose : bool, default True
            Draw the first of the two remaining axes horizontally, else the second.

        Returns
        -------
        plotly.graph_objects.Heatmap
            Over the edges of the voxels.

        Raises
        ------
        ValueError
            If none of `ix`, `iy` and `iz` is given, or `width` is negative.
        IndexError
            If there is no such layer.
        """
        from gpupept.base.grid_traces import slice_trace

        return slice_trace(self, (ix, iy, iz), width, colorscale, transpose)

    def plot(
        self,
        condition: Callable[[Array], Any] | None = None,
        ax: Any = None,
        alt_axes: bool = False,
        max_voxels: int | None = 100_000,
    ) -> tuple[Any, Any]:
        """Plot a square at the centre of each voxel that is selected, with Matplotlib.

        Parameters
        ----------
        condition : callable, optional
            Given the array of values, returns a mask of the same shape; by default values above 0.
        ax : mpl_toolkits.mplot3d.axes3d.Axes3D, optional
            Where to plot; a new figure by default.
        alt_axes : bool, default False
            PEPT axes: z horizontal and y upwards.
        max_voxels : int or None, default 100_000
            As for `voxels_trace`.

        Returns
        -------
        fig, ax
            The Matplotlib figure and axes.

        Raises
        ------
        ImportError
            If Matplotlib is not installed; ``pip install gpupept[plot]``.
        ValueError
            If the condition does not return such a mask, or `max_voxels` is smaller than 1.
        """
        from gpupept.base.matplotlib3d import plot_voxels

        cells = self._selected(condition, max_voxels)
        centres = self.to_physical(cells.places)
        return plot_voxels(centres, cells.values, float(self.array.max()), ax, alt_axes)


def _line_rows(lines: Any) -> Array:
    """Rows ``t, x1, y1, z1, x2, y2, z2, ...`` of anything that `LineData` can be made of."""
    return (lines if isinstance(lines, LineData) else LineData(lines)).lines
