"""Points in samples."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from gpupept.base.iterable_samples import IterableSamples
from gpupept.base.text import container_text


class PointData(IterableSamples):
    """Points in space and time, such as cutpoints or tracer locations, cut into samples.

    Parameters
    ----------
    points : (N, C >= 4) array, PointData, or sequence of rows, arrays or PointData
        Time in ms and position in mm per point: ``t, x, y, z``, then anything. An
        array that is float64 and C-contiguous, NumPy or CuPy, is used without a copy; pandas data
        frames are fine too. Of a sequence of arrays or PointData each makes one sample, unless
        `sample_size` says otherwise (for arrays).
    sample_size : int, list of int, TimeWindow, AdaptiveWindow or None
        Points per sample (0 or None: all points in one), points of each sample, or the time that a
        sample spans.
    overlap : int, TimeWindow, AdaptiveWindow or None
        Points or time shared by consecutive samples, less than `sample_size`; negative to skip.
    columns : sequence of str, optional
        Column names, ``t, x, y, z`` by default; missing ones become ``col<position>``.
    **kwargs : object
        Further attributes, kept in `attrs`.

    Raises
    ------
    TypeError
        If an argument is of the wrong kind.
    ValueError
        If there are fewer than 4 columns, or `overlap` is not less than `sample_size`.

    Examples
    --------
    >>> import numpy as np
    >>> import gpupept
    >>> points = gpupept.PointData(np.arange(40).reshape(10, 4), sample_size=3)
    >>> points  # doctest: +NORMALIZE_WHITESPACE
    gpupept.PointData (samples: 3)
    ------------------------------
    sample_size = 3
    overlap = 0
    points =
      (rows: 10, columns: 4)
      [[ 0.  1.  2.  3.]
       [ 4.  5.  6.  7.]
       ...
       [32. 33. 34. 35.]
       [36. 37. 38. 39.]]
    columns = ['t', 'x', 'y', 'z']
    attrs = {}
    >>> points[0]["x"]
    array([1., 5., 9.])
    """

    _least_columns: ClassVar[int] = 4
    _default_columns: ClassVar[tuple[str, ...]] = ("t", "x", "y", "z")
    _data_name: ClassVar[str] = "points"

    def __init__(
        self,
        points: Any,
        sample_size: Any = None,
        overlap: Any = None,
        columns: Sequence[str] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(points, sample_size, overlap, columns, **kwargs)

    @classmethod
    def _kind(cls) -> type[IterableSamples]:
        return PointData

    @property
    def points(self) -> Any:
        """The (N, C) float64 array of points; the same as `data`."""
        return self._data

    def plot(
        self,
        sample_indices: Any = ...,
        ax: Any = None,
        alt_axes: bool = False,
        colorbar_col: int = -1,
    ) -> tuple[Any, Any]:
        """Plot the points of some samples with Matplotlib.

        `gpupept.plots.PlotlyGrapher` is faster for more than a few samples.

        Parameters
        ----------
        sample_indices : int, list of int, slice or Ellipsis
            The samples; by default all points.
        ax : mpl_toolkits.mplot3d.axes3d.Axes3D, optional
            Where to plot; a new figure by default.
        alt_axes : bool, default False
            PEPT axes: z horizontal and y upwards.
        colorbar_col : int, default -1
            The column that sets the colour.

        Returns
        -------
        fig, ax
            The Matplotlib figure and axes.

        Raises
        ------
        ImportError
            If Matplotlib is not installed; ``pip install gpupept[plot]``.
        IndexError
            If there is no such sample or column.
        """
        from gpupept.base.matplotlib3d import plot_points

        chosen = self if sample_indices is ... else self[sample_indices]
        return plot_points(chosen.data, ax, alt_axes, colorbar_col)

    def __repr__(self) -> str:
        return container_text(self, self._data_name)
