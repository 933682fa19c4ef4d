"""Statistics of all elements of an image: one pass over the data, where the data are."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from gpupept.backend import array_namespace, is_device_array, to_device
from gpupept.kernels import Array
from gpupept.kernels.statistics import (
    Moments,
    count_integers,
    count_values,
    extreme_value,
    middle_keys,
    moments,
)

NanPolicy = Literal["propagate", "omit", "raise"]
Histogram = tuple[np.ndarray, np.ndarray]
FLOAT_BINS = 255
WIDE_BINS = 65535  # the most for integers of more than 16 bits


@dataclass(frozen=True)
class Statistics:
    """Statistics of an image.

    Attributes
    ----------
    mean_value, median, variance, standarddev, skewness, kurtosis : float
        Population moments (no correction of their bias), kurtosis in excess of 3. NaN where not
        defined: skewness and kurtosis of a constant image, variance of one with infinities.
    minimum, maximum : float or int
        Extreme elements.
    histogram : tuple of np.ndarray, or None
        Counts (B,) int64 and edges (B + 1,); None when an element is not finite.
    n : int
        Elements that count: neither excluded nor NaN.
    n_nan : int
        Elements that are NaN and not excluded.
    """

    mean_value: float
    median: float
    variance: float
    standarddev: float
    skewness: float
    kurtosis: float
    minimum: float
    maximum: float
    histogram: Histogram | None = field(compare=False, repr=False)
    n: int
    n_nan: int

    def as_dict(self) -> dict[str, float]:
        """Return the eight numbers, in the order in which `describe` writes them."""
        names = ("median", "variance", "standarddev", "skewness", "kurtosis", "minimum", "maximum")
        return {"mean": self.mean_value, **{name: getattr(self, name) for name in names}}


def image_statistics(
    array: Any, mask: Any = None, nan_policy: NanPolicy = "propagate", histogram: bool = True
) -> Statistics:
    """Compute the statistics of all elements of an array.

    Parameters
    ----------
    array : array_like
        Image of any number of axes: bool, integers or floating point of up to 64 bits, on either
        device and in any memory layout.
    mask : array_like of bool, optional
        True where an element does not count, besides those that are masked in a masked array.
    nan_policy : {"propagate", "omit", "raise"}, default "propagate"
        What NaN does: makes all numbers NaN, counts nowhere, or is an error.
    histogram : bool, default True
        Whether to compute the histogram, which takes a second pass.

    Returns
    -------
    Statistics
        Python numbers, and the histogram on the host.

    Raises
    ------
    ValueError
        If there are no elements, the mask has another shape, or there is NaN under "raise".
    TypeError
        If the elements are not real numbers.

    Notes
    -----
    Moments are accumulated in float64 about local means, which are merged by a fixed tree: T. F. Chan,
    G. H. Golub, R. J. LeVeque, "Updating formulae and a pairwise algorithm for computing sample
    variances" (1979), extended to the fourth moment by P. Pébay, SAND2008-6212.

    Examples
    --------
    >>> import numpy as np
    >>> from gpupept.images import image_statistics
    >>> found = image_statistics(np.array([[1.0, 2.0], [3.0, 10.0]]))
    >>> found.mean_value, found.median, found.variance, found.maximum
    (4.0, 2.5, 12.5, 10.0)
    """
    elements = Elements.of(array, mask, nan_policy)
    counted = histogram and elements.finite
    return Statistics(
        **elements.numbers(),
        median=elements.median(),
        histogram=elements.histogram() if counted else None,
        n=elements.found.n,
        n_nan=elements.found.nans,
    )


def compute_histogram(
    array: Any,
    bins: int | Literal["unit"] | None = None,
    range: tuple[float, float] | None = None,
    density: bool = False,
    dtype: Any = None,
    mask: Any = None,
    nan_policy: NanPolicy = "propagate",
) -> Histogram:
    """Compute the histogram of all elements of an array.

    Parameters
    ----------
    array, mask, nan_policy
        As for `image_statistics`; NaN counts nowhere where a `range` is given.
    bins : int, "unit" or None
        Number of bins of equal width; "unit" for one bin about each integer. None stands for 255 bins
        for floating point, for integers of up to 16 bits the largest value of their type, and for
        wider ones "unit" below 65536 bins, else 65535 bins.
    range : pair of float, optional
        First and last edge; the smallest and largest element by default, with a half on either side
        where these are equal.
    density : bool, default False
        Whether to divide counts by their sum and the width of their bin.
    dtype : dtype, optional
        Type of the edges: that of a floating-point array by default, float64 for integers.

    Returns
    -------
    counts : (B,) int64, or float64 where `density`
    edges : (B + 1,) float
        Both on the host. A bin holds its lower edge but not its upper, except for the last.

    Raises
    ------
    ValueError
        If there are no elements, elements are not finite and no range is given, or `bins` or
        `range` cannot be used.
    TypeError
        If the elements are not real numbers.

    Examples
    --------
    >>> import numpy as np
    >>> from gpupept.images import compute_histogram
    >>> counts, edges = compute_histogram(np.array([0.0, 0.1, 0.9, 1.0]), bins=2)
    >>> counts.tolist(), edges.tolist()
    ([2, 2], [0.0, 0.5, 1.0])
    """
    elements = Elements.of(array, mask, "omit" if range is not None else nan_policy)
    counts, edges = elements.histogram(bins, range, dtype)
    if density:
        return counts / (counts.sum() * np.diff(edges)), edges
    return counts, edges


@dataclass(frozen=True)
class Elements:
    """Elements of an image with their moments, from which all statistics follow."""

    values: Array
    excluded: Array | None
    found: Moments
    lost: bool  # nothing but NaN can come out

    @classmethod
    def of(cls, array: Any, mask: Any = None, nan_policy: str = "propagate") -> Elements:
        """Check the arguments and compute the moments."""
        values, excluded = _checked(array, mask)
        found = _moments(values, excluded, nan_policy)
        lost = found.n == 0 or (found.nans > 0 and nan_policy == "propagate")
        return cls(values, excluded, found, lost)

    @property
    def low(self) -> float:
        """Smallest element."""
        return extreme_value(self.found.low, self.values)

    @property
    def high(self) -> float:
        """Largest element."""
        return extreme_value(self.found.high, self.values)

    @property
    def finite(self) -> bool:
        """Whether every element that counts is finite."""
        return not self.lost and math.isfinite(self.low) and math.isfinite(self.high)

    def numbers(self) -> dict[str, Any]:
        """All but the median and the histogram."""
        if self.lost:
            return dict.fromkeys(_NUMBERS, math.nan)
        found, low, high = self.found, self.low, self.high
        variance = skewness = kurtosis = math.nan
        mean = float(low) if low == high else low + high  # of an infinity, or of two opposite ones
        if self.finite:
            second = found.m2 / found.n if low < high else 0.0
            mean = min(max(found.mean / found.scale, float(low)), float(high))
            variance = second / found.scale / found.scale
            if second > 0.0:
                skewness = found.m3 / found.n / second**1.5
                kurtosis = found.m4 / found.n / second**2 - 3.0
        deviation = math.sqrt(second) / found.scale if self.finite else math.nan
        numbers = (mean, variance, deviation, skewness, kurtosis, low, high)
        return dict(zip(_NUMBERS, numbers, strict=True))

    def median(self) -> float:
        """Middle element, or the mean of the two."""
        if self.lost:
            return math.nan
        keys = middle_keys(self.values, self.excluded, self.found)
        a, b = (extreme_value(key, self.values) for key in keys)
        if a == b:
            return float(a)
        middle = (a + b) / 2
        return float(middle if math.isfinite(middle) else a / 2 + b / 2)

    def histogram(
        self,
        bins: int | Literal["unit"] | None = None,
        range: tuple[float, float] | None = None,
        dtype: Any = None,
    ) -> Histogram:
        """Count elements in bins; see `compute_histogram`."""
        low, high = self._range() if range is None else _checked_range(range)
        integers = self.values.dtype.kind in "bui"
        bins = self._bins(low, high) if bins is None else bins
        if bins == "unit":
            return self._unit_histogram(low, high, dtype or np.float64)
        if isinstance(bins, bool) or not isinstance(bins, (int, np.integer)) or bins < 1:
            raise ValueError(f'bins must be a positive integer, "unit" or None, found {bins!r}')
        kind = np.dtype(dtype or (np.float64 if integers else self.values.dtype))
        edges = _edges(low, high, int(bins), kind)
        return count_values(self.values, self.excluded, edges.astype(np.float64)), edges

    def _range(self) -> tuple[float, float]:
        if not self.finite:
            nans = self.found.nans
            what = f"{nans} NaN" if nans else "infinite elements"
            raise ValueError(
                f"array: a histogram needs finite elements, found {what}; give a range"
                + (', or nan_policy="omit"' if nans else "")
            )
        return self.low, self.high

    def _bins(self, low: float, high: float) -> int | Literal["unit"]:
        dtype = self.values.dtype
        if dtype.kind == "f":
            return FLOAT_BINS
        if dtype.kind in "ui" and dtype.itemsize <= 2:
            return int(np.iinfo(dtype).max)
        return "unit" if high - low <= WIDE_BINS else WIDE_BINS

    def _unit_histogram(self, low: float, high: float, dtype: Any) -> Histogram:
        if self.values.dtype.kind == "f" or int(low) != low or int(high) != high:
            raise ValueError(
                f'bins="unit" needs integers, found {self.values.dtype} elements from {low} to {high}'
            )
        first, bins = int(low), int(high) - int(low) + 1
        key = self.found.low + first - int(self.low)
        counts = count_integers(self.values, self.excluded, key, bins)
        return counts, (first - 0.5 + np.arange(bins + 1)).astype(dtype)


_NUMBERS = (
    "mean_value",
    "variance",
    "standarddev",
    "skewness",
    "kurtosis",
    "minimum",
    "maximum",
)


def _checked_range(range: Any) -> tuple[float, float]:
    limits = np.asarray(range, dtype=np.float64)
    if limits.shape != (2,) or not np.isfinite(limits).all() or limits[0] > limits[1]:
        raise ValueError(f"range must be two finite numbers in ascending order, found {range!r}")
    low, high = limits.tolist()
    return low, high


def _edges(low: float, high: float, bins: int, kind: np.dtype[Any]) -> np.ndarray:
    if low == high:
        low, high = low - 0.5, high + 0.5
    if math.isfinite(2.0 * (float(high) - float(low))):  # linspace goes beyond the end
        return np.linspace(float(low), float(high), bins + 1).astype(kind)
    along = np.linspace(0.0, 1.0, bins + 1)
    return (float(low) * (1.0 - along) + float(high) * along).astype(kind)


def _checked(array: Any, mask: Any) -> tuple[Any, Any]:
    """Plain arrays on one device."""
    values = _plain(array)
    if values.dtype.kind not in "buif" or values.dtype.itemsize > 8:
        raise TypeError(
            "array: statistics need bool, integer or floating-point elements of up to 64 bits, "
            f"found {values.dtype}"
        )
    excluded = None if mask is None else _plain(mask)
    if isinstance(values, np.ma.MaskedArray):
        own = np.ma.getmaskarray(values)
        values, excluded = values.data, own if excluded is None else own | excluded
    if excluded is None:
        return values, None
    if excluded.dtype != bool or excluded.shape != values.shape:
        raise ValueError(
            f"mask: expected bool of shape {values.shape} (True excludes), found {excluded.dtype} "
            f"of shape {excluded.shape}"
        )
    array_namespace(values, excluded)  # on one device
    return values, excluded


def _plain(array: Any) -> Any:
    """NumPy or CuPy array of a container, a list or whatever else."""
    if isinstance(array, np.ndarray) or is_device_array(array):
        return array
    if hasattr(array, "array"):
        return _plain(array.array)
    if hasattr(array, "__cuda_array_interface__"):
        return to_device(array, "cuda")
    return np.asarray(array)


def _moments(values: Any, excluded: Any, nan_policy: str) -> Moments:
    if nan_policy not in ("propagate", "omit", "raise"):
        raise ValueError(f'nan_policy must be "propagate", "omit" or "raise", found {nan_policy!r}')
    found = moments(values, excluded)
    if found.n + found.nans == 0:
        raise ValueError(
            f"array: statistics need at least one element, found shape {tuple(values.shape)}"
            + (" with every element masked" if values.size else "")
        )
    if found.nans and nan_policy == "raise":
        raise ValueError(f'array: found {found.nans} NaN; nan_policy="omit" leaves them out')
    return found
