"""Moments, extreme and middle values, and histograms of all elements of an array.

Arrays may have any layout, number of axes and real dtype. Elements that are NaN or excluded by a mask
(True excludes) count nowhere.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from gpupept.backend import is_device_array
from gpupept.kernels import Array
from gpupept.kernels.statistics.elements import pieces, value_of_key

SAFE_EXPONENTS = (-200, 230)  # fourth powers of numbers within 2 to these can be summed


class Moments(NamedTuple):
    """Moments and extreme values of `n` elements.

    Attributes
    ----------
    n, nans : int
        Elements that count, and elements that are NaN; excluded elements are in neither.
    mean, m2, m3, m4 : float
        Mean and sums of powers of the distances from it, of the elements times `scale`. Not finite
        when an element is not.
    scale : float
        1, or a power of two where powers of the elements themselves leave the range of float64.
    low, high : int
        Keys (`value_of_key`) of the smallest and largest element; without elements, the
        largest and smallest int64.
    """

    n: int
    nans: int
    mean: float
    m2: float
    m3: float
    m4: float
    scale: float
    low: int
    high: int


def moments(values: Array, excluded: Array | None = None) -> Moments:
    """Moments, number and extreme values in one pass over memory.

    Parameters
    ----------
    values : array
        On either device: bool, integer or floating point of up to 64 bits.
    excluded : array of bool, optional
        True where an element does not count; same shape and device.

    Returns
    -------
    Moments
        Sums are float64 and fixed trees, the same whatever the number of threads.
    """
    found = _moments(values, excluded, 1.0)
    if found.n:
        largest = max(abs(extreme_value(key, values)) for key in (found.low, found.high))
        exponent = np.frexp(float(largest))[1] if np.isfinite(largest) and largest else 0
        if not SAFE_EXPONENTS[0] <= exponent <= SAFE_EXPONENTS[1]:
            return _moments(values, excluded, 2.0 ** -int(max(exponent, -1000)))
    return found


def _moments(values: Array, excluded: Array | None, scale: float) -> Moments:
    if is_device_array(values):
        from gpupept.kernels.statistics.device import moments_on_device

        return moments_on_device(values, excluded, scale)
    from gpupept.kernels.statistics.host import moments_on_host

    return moments_on_host(values, excluded, scale)


def extreme_value(key: int, values: Array) -> float | int:
    """Value of a key of `Moments`, or of `middle_keys`, of these elements."""
    half_on_host = values.dtype == np.float16 and not is_device_array(values)
    return value_of_key(key, np.dtype(np.float32) if half_on_host else values.dtype)


def middle_keys(values: Array, excluded: Array | None, found: Moments) -> tuple[int, int]:
    """Keys of the elements of rank (n - 1) // 2 and n // 2, found without sorting.

    Parameters
    ----------
    values, excluded
        As for `moments`.
    found : Moments
        Their moments, of at least one element.
    """
    if is_device_array(values):
        from gpupept.kernels.statistics.device import middle_keys_on_device

        return middle_keys_on_device(values, excluded, found)
    from gpupept.kernels.statistics.host import middle_keys_on_host

    return middle_keys_on_host(values, excluded, found)


def count_values(values: Array, excluded: Array | None, edges: np.ndarray) -> np.ndarray:
    """Count elements in bins, half-open but for the last.

    Parameters
    ----------
    values, excluded
        As for `moments`; elements beyond the edges count nowhere.
    edges : (B + 1,) float64, on the host
        Ascending, evenly spaced but for rounding, and finite.

    Returns
    -------
    (B,) int64, on the host
    """
    if is_device_array(values):
        from gpupept.kernels.statistics.device import count_values_on_device

        return count_values_on_device(values, excluded, edges)
    from gpupept.kernels.statistics.host import count_values_on_host

    return count_values_on_host(values, excluded, edges)


def count_integers(values: Array, excluded: Array | None, low: int, bins: int) -> np.ndarray:
    """Count the elements of each of the integers with keys ``low .. low + bins - 1``.

    Returns
    -------
    (bins,) int64, on the host
    """
    if is_device_array(values):
        from gpupept.kernels.statistics.device import count_keys_on_device

        return count_keys_on_device(values, excluded, low, bins)
    from gpupept.kernels.statistics.host import count_integers_on_host

    return count_integers_on_host(values, excluded, low, bins)


__all__ = [
    "Moments",
    "count_integers",
    "count_values",
    "extreme_value",
    "middle_keys",
    "moments",
    "pieces",
    "value_of_key",
]
