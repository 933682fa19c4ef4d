"""Lines of response in samples."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from gpupept.base.iterable_samples import IterableSamples
from gpupept.base.text import container_text


class LineData(IterableSamples):
    """Lines of response (LoRs), or any lines, cut into samples.

    Parameters
    ----------
    lines : (N, C >= 7) array, LineData, or sequence of rows, arrays or LineData
        Time in ms and two points in mm per line: ``t, x1, y1, z1, x2, y2, z2``, then anything. An
        array that is float64 and C-contiguous, NumPy or CuPy, is used without a copy; pandas data
        frames are fine too. Of a sequence of arrays or LineData each makes one sample, unless
        `sample_size` says otherwise (for arrays).
    sample_size : int, list of int, TimeWindow, AdaptiveWindow or None
        Lines per sample (0 or None: all lines in one), lines of each sample, or the time that a
        sample spans.
    overlap : int, TimeWindow, AdaptiveWindow or None
        Lines or time shared by consecutive samples, less than `sample_size`; negative to skip.
    columns : sequence of str, optional
        Column names, ``t, x1, y1, z1, x2, y2, z2`` by default; missing ones become ``col<position>``.
    **kwargs : object
        Further attributes, kept in `attrs`.

    Raises
    ------
    TypeError
        If an argument is of the wrong kind.
    ValueError
        If there are fewer than 7 columns, or `overlap` is not less than `sample_size`.

    Examples
    --------
    >>> import numpy as np
    >>> import gpupept
    >>> lines = gpupept.LineData(np.arange(70).reshape(10, 7), sample_size=3)
    >>> lines  # doctest: +NORMALIZE_WHITESPACE
    gpupept.LineData (samples: 3)
    -----------------------------
    sample_size = 3
    overlap = 0
    lines =
      (rows: 10, columns: 7)
      [[ 0.  1. ...  5.  6.]
       [ 7.  8. ... 12. 13.]
       ...
       [56. 57. ... 61. 62.]
       [63. 64. ... 68. 69.]]
    columns = ['t', 'x1', 'y1', 'z1', 'x2', 'y2', 'z2']
    attrs = {}
    >>> lines.overlap = 2
    >>> len(lines)
    8
    >>> lines[1]["t"]
    array([ 7., 14., 21.])
    """

    _least_columns: ClassVar[int] = 7
    _default_columns: ClassVar[tuple[str, ...]] = ("t", "x1", "y1", "z1", "x2", "y2", "z2")
    _data_name: ClassVar[str] = "lines"

    def __init__(
        self,
        lines: Any,
        sample_size: Any = None,
        overlap: Any = None,
        columns: Sequence[str] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(lines, sample_size, overlap, columns, **kwargs)

    @classmethod
    def _kind(cls) -> type[IterableSamples]:
        return LineData

    @property
    def lines(self) -> Any:
        """The (N, C) float64 array of lines; the same as `data`."""
        return self._data

    def plot(
        self,
        sample_indices: Any = ...,
        ax: Any = None,
        alt_axes: bool = False,
        colorbar_col: int = 0,
    ) -> tuple[Any, Any]:
        """Plot the lines of some samples with Matplotlib.

        `gpupept.plots.PlotlyGrapher` is faster for more than a few samples.

        Parameters
        ----------
        sample_indices : int, list of int, slice or Ellipsis
            The samples; by default all lines.
        ax : mpl_toolkits.mplot3d.axes3d.Axes3D, optional
            Where to plot; a new figure by default.
        alt_axes : bool, default False
            PEPT axes: z horizontal and y upwards.
        colorbar_col : int, default 0
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
        from gpupept.base.matplotlib3d import plot_lines

        chosen = self if sample_indices is ... else self[sample_indices]
        return plot_lines(chosen.data, ax, alt_axes, colorbar_col)

    def __repr__(self) -> str:
        return container_text(self, self._data_name)
