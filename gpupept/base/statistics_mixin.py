"""The statistics of a container of an image as attributes, a table and a figure."""

from __future__ import annotations

import logging
import os
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from gpupept.base.statistics import (
    Elements,
    Histogram,
    NanPolicy,
    Statistics,
    compute_histogram,
    image_statistics,
)
from gpupept.utilities.files import atomic_write

if TYPE_CHECKING:
    from gpupept.kernels import Array

_log = logging.getLogger("gpupept")


class StatisticsMixin:
    """Statistics of the elements of a container with an attribute `array`.

    Each attribute is computed from the elements as they are when it is read, in one pass over them on
    their device, and so is never out of date. To read several, take them from
    `calculate_statistics`, which computes all of them together.

    NaN elements make every statistic NaN; `calculate_statistics` and `compute_histogram` can leave
    them out, and elements under a mask.

    Examples
    --------
    >>> import numpy as np
    >>> from gpupept.images import ImageArray
    >>> image = ImageArray(np.array([[1.0, 2.0], [3.0, 6.0]]))
    >>> image.mean_value, image.median
    (3.0, 2.5)
    >>> image += 1
    >>> image.mean_value
    4.0
    """

    if TYPE_CHECKING:

        @property
        def array(self) -> Array:
            """The array whose elements are described."""

    @property
    def mean_value(self) -> float:
        """Mean of the elements."""
        return self._number("mean_value")

    @property
    def median(self) -> float:
        """Median: the middle element, or the mean of the two middle ones."""
        return Elements.of(self).median()

    @property
    def variance(self) -> float:
        """Population variance: the mean squared distance from the mean."""
        return self._number("variance")

    @property
    def standarddev(self) -> float:
        """Population standard deviation."""
        return self._number("standarddev")

    @property
    def skewness(self) -> float:
        """Skewness g1, without correction of its bias; NaN for a constant image."""
        return self._number("skewness")

    @property
    def kurtosis(self) -> float:
        """Kurtosis in excess of 3, without correction of its bias; NaN for a constant image."""
        return self._number("kurtosis")

    @property
    def minimum(self) -> float:
        """Smallest element."""
        return self._number("minimum")

    @property
    def maximum(self) -> float:
        """Largest element."""
        return self._number("maximum")

    @property
    def histogram(self) -> Histogram:
        """Counts and edges of bins, as `compute_histogram` chooses them.

        Raises
        ------
        ValueError
            If an element is not finite.
        """
        return Elements.of(self).histogram()

    def _number(self, name: str) -> float:
        number: float = Elements.of(self).numbers()[name]
        return number

    def calculate_statistics(
        self, mask: Any = None, nan_policy: NanPolicy = "propagate"
    ) -> Statistics:
        """Compute all statistics together.

        Parameters
        ----------
        mask : array_like of bool, optional
            True where an element does not count.
        nan_policy : {"propagate", "omit", "raise"}, default "propagate"
            What NaN does: makes all numbers NaN, counts nowhere, or is an error.

        Returns
        -------
        Statistics
            The statistics of the elements as they are now.

        Raises
        ------
        ValueError
            If there are no elements, the mask has another shape, or there is NaN under "raise".
        """
        return image_statistics(self, mask, nan_policy)

    def compute_histogram(
        self,
        bins: int | Literal["unit"] | None = None,
        range: tuple[float, float] | None = None,
        density: bool = False,
        dtype: Any = None,
        mask: Any = None,
        nan_policy: NanPolicy = "propagate",
    ) -> Histogram:
        """Compute a histogram; see `gpupept.images.compute_histogram` for the parameters."""
        return compute_histogram(self, bins, range, density, dtype, mask, nan_policy)

    def describe(
        self,
        path: str | os.PathLike[str] | None = None,
        filename: str | None = None,
        histogram: bool = False,
    ) -> dict[str, float]:
        """Compute the statistics and write them to a CSV file.

        Parameters
        ----------
        path : str or path-like, optional
            Directory, which must exist.
        filename : str, optional
            Name of the file; ``.csv`` is added if missing. A file that exists is replaced.
        histogram : bool, default False
            Whether to write the histogram too, to ``<name>_histogram.csv`` with the columns
            edge_low, edge_high and count.

        Returns
        -------
        dict
            Mean, median, variance, standarddev, skewness, kurtosis, minimum and maximum.

        Warns
        -----
        RuntimeWarning
            If path or filename is missing: nothing is written.

        Raises
        ------
        FileNotFoundError, PermissionError
            If the directory does not exist or cannot be written to.
        ValueError
            If there are no elements, or a histogram is asked for and an element is not finite.

        Examples
        --------
        >>> import pathlib, tempfile
        >>> import numpy as np
        >>> from gpupept.images import ImageArray
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     found = ImageArray(np.arange(4.0)).describe(folder, "numbers")
        ...     pathlib.Path(folder, "numbers.csv").read_text().splitlines()[0]
        'mean,median,variance,standarddev,skewness,kurtosis,minimum,maximum'
        """
        statistics = image_statistics(self, histogram=histogram)
        numbers = statistics.as_dict()
        if path is None or filename is None:
            message = (
                f"describe: path={path!r} and filename={filename!r} given, so nothing is written; it takes "
                'both, a folder and a name, such as describe(".", "numbers.csv")'
            )
            warnings.warn(message, RuntimeWarning, stacklevel=2)
            return numbers
        filename = os.fspath(filename)
        name = filename[:-4] if filename.lower().endswith(".csv") else filename
        files = {Path(path) / (filename if name != filename else f"{name}.csv"): _table(numbers)}
        if histogram:
            counts, edges = statistics.histogram or self.histogram  # which tells what is not finite
            files[Path(path) / f"{name}_histogram.csv"] = _histogram_table(counts, edges)
        for target, text in files.items():
            with atomic_write(target) as temporary:
                temporary.write_text(text, encoding="utf-8")
            _log.info("statistics written to %s", target)
        return numbers

    def visualize(
        self,
        slices: tuple[int, ...] | None = None,
        export_path: str | os.PathLike[str] | None = None,
        **kwargs: Any,
    ) -> Any:
        """Draw slices through the image.

        A two-dimensional image is one panel, its first axis to the right and its second upwards. A
        three-dimensional one has three panels, normal to x, y and z, with lines where the other two cut.

        Parameters
        ----------
        slices : tuple of three int, optional
            Numbers of the slices along each axis, negative from the end; the middle ones by default.
        export_path : str or path-like, optional
            File to write, HTML, or PNG, SVG, PDF, JPEG or WebP, by its suffix; or a directory, for a
            file ``image.html``.
        **kwargs
            `colorscale`, `zmin` and `zmax` and other arguments of Plotly's `Heatmap`.

        Returns
        -------
        plotly.graph_objects.Figure
            The figure; call its `show` to open it outside notebooks.

        Raises
        ------
        ValueError
            If the image has neither two nor three axes, there are not three slices, or the suffix is
            of no format.
        IndexError
            If a slice is outside the image.
        ImportError
            If a picture is asked for and Kaleido is not installed.
        FileNotFoundError, PermissionError
            If the directory does not exist or cannot be written to.

        Warns
        -----
        RuntimeWarning
            If slices are given for a two-dimensional image.

        Examples
        --------
        >>> import numpy as np
        >>> from gpupept.images import ImageArray
        >>> figure = ImageArray(np.zeros((8, 9, 10))).visualize(slices=(4, 4, 4))
        >>> [panel.z.shape for panel in figure.data if panel.type == "heatmap"]
        [(10, 9), (10, 8), (9, 8)]
        """
        from gpupept.base.image_figures import slices_figure, write_figure

        if slices is not None and self.array.ndim == 2:
            message = "visualize: the image has two axes, so slices are not used"
            warnings.warn(message, RuntimeWarning, stacklevel=2)
        limits = [getattr(self, f"{axis}lim", None) for axis in "xyz"]
        figure = slices_figure(self.array, slices, limits, **kwargs)
        if export_path is not None:
            write_figure(figure, Path(export_path))
        return figure


def _table(numbers: dict[str, float]) -> str:
    return f"{','.join(numbers)}\n{','.join(map(repr, numbers.values()))}\n"


def _histogram_table(counts: np.ndarray, edges: np.ndarray) -> str:
    ends = edges.tolist()
    rows = zip(ends[:-1], ends[1:], counts.tolist(), strict=True)
    return "edge_low,edge_high,count\n" + "".join(f"{a!r},{b!r},{n}\n" for a, b, n in rows)
