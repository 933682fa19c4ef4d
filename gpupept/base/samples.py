"""Rules that turn a sample size and an overlap into a table of row ranges.

A table is an (S, 2) int64 array on the host; sample i holds the rows
``data[table[i, 0] : table[i, 1]]``. Every function here is pure.
"""

from __future__ import annotations

import math
import numbers
from collections.abc import Callable
from typing import Any

import numpy as np

from gpupept.backend import is_device_array, to_host
from gpupept.base.windows import AdaptiveWindow, TimeWindow

MOST_WINDOWS = 2**28
_WINDOWS = (TimeWindow, AdaptiveWindow)


def integer_samples(rows: int, size: int, overlap: int) -> np.ndarray:
    """Make samples of `size` rows, each starting ``size - overlap`` rows after the one before.

    Parameters
    ----------
    rows : int
        Number of rows N.
    size : int
        Rows per sample; 0 puts everything in one sample.
    overlap : int
        Rows shared by consecutive samples, less than `size`; negative: rows skipped.

    Returns
    -------
    (S, 2) int64 array
        Only full samples: rows left over at the end belong to none.

    Raises
    ------
    ValueError
        If `size` is negative or `overlap` is not smaller than a positive `size`.
    """
    if size < 0:
        raise ValueError(f"sample_size must not be negative, found {size}")
    if size == 0:
        return np.array([[0, rows]], dtype=np.int64)
    if overlap >= size:
        raise ValueError(
            f"overlap must be smaller than sample_size, found overlap = {overlap} with "
            f"sample_size = {size}"
        )
    if rows < size:
        return np.empty((0, 2), dtype=np.int64)
    step = min(size - overlap, rows)  # a larger step makes one sample too
    starts = np.arange(0, rows - size + 1, step, dtype=np.int64)
    return np.stack([starts, starts + size], axis=1)


def list_samples(sizes: np.ndarray) -> np.ndarray:
    """Make consecutive samples of the given numbers of rows, from row 0 on.

    Parameters
    ----------
    sizes : (S,) int64 array
        Rows per sample, not negative; their sum is not compared with the number of rows.

    Returns
    -------
    (S, 2) int64 array
        The ranges.
    """
    ends = np.cumsum(sizes, dtype=np.int64)
    return np.stack([ends - sizes, ends], axis=1)


def time_window_samples(times: np.ndarray, window: float, overlap: float) -> np.ndarray:
    """Cut times into windows ``start <= t < start + window``, starting every ``window - overlap``.

    Parameters
    ----------
    times : (N,) float64 array
        Times in ms. A row earlier than one before it counts as simultaneous with that one, and so
        does a row whose time is not finite.
    window, overlap : float
        Length of a window and the time shared by consecutive windows (negative: gap), ms.

    Returns
    -------
    (S, 2) int64 array
        Windows that end by the last time and hold at least one row. Bounds closer to a time than
        its rounding error are taken to be that time.

    Raises
    ------
    ValueError
        If `window` is negative or NaN, `overlap` is not smaller than a positive `window`, or there
        would be more than 2**28 windows.
    """
    _check_window("TimeWindow", window, overlap)
    times = ascending_times(times)
    if window == 0 or len(times) == 0:
        return np.empty((0, 2), dtype=np.int64)
    first, last, step = float(times[0]), float(times[-1]), window - overlap
    spare = last - first - window + _rounding(first, last)
    if not spare >= 0:
        return np.empty((0, 2), dtype=np.int64)
    count = math.floor(min(spare / step, 2.0**62)) + 1
    with np.errstate(over="ignore", invalid="ignore"):  # times may be as far apart as floats go
        starts = first + _window_numbers(times - first, window, step, count) * step
        ends = starts + window
        low = np.searchsorted(times, starts - _rounding(first, starts))
        high = np.searchsorted(times, ends - _rounding(first, ends))
    table: np.ndarray = np.stack([low, high], axis=1)[high > low].astype(np.int64, copy=False)
    return table


def _rounding(first: float, times: Any) -> Any:
    """Largest rounding error expected of times, counted from the first one."""
    return 8 * np.finfo(np.float64).eps * np.maximum(abs(first), np.abs(times))


def _window_numbers(elapsed: np.ndarray, window: float, step: float, count: int) -> np.ndarray:
    """Numbers of the windows that may hold rows; all of them unless the data is mostly gaps."""
    if count <= 4 * len(elapsed):
        return np.arange(count, dtype=np.float64)
    # Row by row the windows around it, without those already listed for the rows before.
    low = np.maximum(np.floor((elapsed - window) / step) - 1.0, 0.0)
    high = np.minimum(np.floor(elapsed / step) + 1.0, count - 1.0)
    low[1:] = np.maximum(low[1:], high[:-1] + 1.0)
    listed = np.maximum(high - low + 1.0, 0.0)
    if listed.sum() > MOST_WINDOWS:
        raise ValueError(
            f"sample_size and overlap give more than {MOST_WINDOWS} time windows; the step between "
            f"windows, {step} ms, is too short for data of {elapsed[-1]} ms"
        )
    repeats = listed.astype(np.int64)
    ahead = np.cumsum(repeats) - repeats
    inside = np.arange(int(repeats.sum())) - np.repeat(ahead, repeats)
    numbers: np.ndarray = np.repeat(low, repeats) + inside
    return numbers


def adaptive_window_samples(
    times: np.ndarray, window: float, overlap: float, max_elems: int
) -> np.ndarray:
    """Cut times into samples anchored at rows, see `gpupept.kernels.adaptive_windows`.

    Parameters
    ----------
    times : (N,) float64 array
        Times in ms, treated as by `time_window_samples`.
    window, overlap : float
        Time span of a sample and the time shared with the next; negative counts as zero. ms.
    max_elems : int
        Largest number of rows of a sample.

    Returns
    -------
    (S, 2) int64 array
        The ranges; every row is in at least one sample.

    Raises
    ------
    ValueError
        If `window` is negative or NaN, `overlap` is not smaller than a positive `window`, or
        `max_elems` is less than 1.
    """
    _check_window("AdaptiveWindow", window, overlap)
    if max_elems < 1:
        raise ValueError(f"AdaptiveWindow max_elems must be at least 1, found {max_elems}")
    times = ascending_times(times)
    if window == 0 or len(times) == 0:
        return np.empty((0, 2), dtype=np.int64)
    from gpupept.kernels.adaptive_windows import adaptive_windows

    return adaptive_windows(times, window, window - max(overlap, 0.0), max_elems)


def _check_window(kind: str, window: float, overlap: float) -> None:
    if not window >= 0:
        raise ValueError(f"sample_size {kind}(window={window}) must not be negative or NaN")
    if window > 0 and not overlap < window:
        raise ValueError(
            f"overlap must be smaller than sample_size, found {kind}(window={overlap}) with "
            f"{kind}(window={window})"
        )


def ascending_times(times: np.ndarray) -> np.ndarray:
    """Give every row the latest finite time up to it, the first rows the first finite time.

    Parameters
    ----------
    times : (N,) float64 array
        Times in ms, in the order of measurement.

    Returns
    -------
    (N,) float64 array
        Ascending finite times; the input itself if it is that already. Empty if none is finite.
    """
    times = np.ascontiguousarray(times, dtype=np.float64)
    finite = np.isfinite(times)
    if finite.all():
        return times if (times[1:] >= times[:-1]).all() else np.maximum.accumulate(times)
    if not finite.any():
        return times[:0]
    filled = np.where(finite, times, -np.inf)
    filled[0] = times[finite][0]
    return np.maximum.accumulate(filled)


def is_number(value: Any) -> bool:
    """Tell whether a sample size or overlap is a plain number, NumPy scalars and bool included."""
    if isinstance(value, numbers.Real | np.bool_):
        return True
    return isinstance(value, np.ndarray) and value.ndim == 0 and value.dtype.kind in "buif"


def normalise_size(value: Any) -> Any:
    """Check a sample size and bring it to the form it is stored in.

    Parameters
    ----------
    value : int, sequence of int, TimeWindow, AdaptiveWindow or None
        What the user gave.

    Returns
    -------
    int, (S,) int64 array, TimeWindow, AdaptiveWindow or None
        The same, numbers cut to integers.

    Raises
    ------
    TypeError
        If it is none of these.
    ValueError
        If a number is not finite, or a list has negative entries or more than one dimension.
    """
    if value is None or isinstance(value, _WINDOWS):
        return value
    if is_number(value):
        return whole_number("sample_size", value)
    if isinstance(value, list | tuple | range | np.ndarray) or is_device_array(value):
        return _sizes(value)
    raise TypeError(
        "sample_size must be an integer, a list of integers, a TimeWindow, an AdaptiveWindow or "
        f"None, found {_describe(value)}"
    )


def normalise_overlap(value: Any, size: Any) -> Any:
    """Check an overlap against its sample size and bring it to the form it is stored in.

    Parameters
    ----------
    value : int, TimeWindow, AdaptiveWindow or None
        What the user gave; None is no overlap.
    size : object
        The sample size, from `normalise_size`.

    Returns
    -------
    int, TimeWindow, AdaptiveWindow or None
        Of the kind of `size`; None for a list of sizes.

    Raises
    ------
    TypeError
        If it is not of the kind of `size`.
    """
    if value is None:
        return zero_overlap(size)
    if isinstance(size, np.ndarray):
        if not is_number(value) or value == 0:
            return None
    elif isinstance(size, _WINDOWS):
        if type(value) is type(size):
            return value
    elif is_number(value):
        return whole_number("overlap", value)
    kinds = {True: type(size).__name__, False: "integer (as sample_size is a number)"}
    wanted = "None (as sample_size is a list)" if isinstance(size, np.ndarray) else ""
    wanted = wanted or kinds[isinstance(size, _WINDOWS)]
    raise TypeError(
        f"overlap must be of the kind of sample_size: expected {wanted}, found {_describe(value)}"
    )


def zero_overlap(size: Any) -> Any:
    """No overlap, in the kind that goes with a sample size."""
    if isinstance(size, np.ndarray):
        return None
    return type(size)(0.0) if isinstance(size, _WINDOWS) else 0


def sample_table(rows: int, times: Callable[[], np.ndarray], size: Any, overlap: Any) -> np.ndarray:
    """Apply the rule that goes with the kind of sample size.

    Parameters
    ----------
    rows : int
        Number of rows N.
    times : callable
        Returns the (N,) times on the host; only called for windows.
    size, overlap : object
        From `normalise_size` and `normalise_overlap`.

    Returns
    -------
    (S, 2) int64 array
        The row ranges of the samples.

    Raises
    ------
    ValueError
        If size and overlap do not go together.
    """
    if isinstance(size, TimeWindow):
        return time_window_samples(times(), float(size.window), float(overlap.window))
    if isinstance(size, AdaptiveWindow):
        return adaptive_window_samples(times(), size.window, overlap.window, size.max_elems)
    if isinstance(size, np.ndarray):
        return list_samples(size)
    return integer_samples(rows, 0 if size is None else size, overlap)


def custom_table(table: Any) -> np.ndarray:
    """Check a table of row ranges given by the user and make it int64.

    Parameters
    ----------
    table : (S, 2) array_like
        First row and row after the last of each sample; fractions are cut off.

    Returns
    -------
    (S, 2) int64 array
        The table, the same object if it is one already.

    Raises
    ------
    ValueError
        If it does not have two dimensions and two columns, or is not finite.
    """
    values = to_host(table)
    if values.ndim != 2 or values.shape[1] != 2:
        raise ValueError(
            "samples_indices must have shape (number of samples, 2), found shape "
            f"{tuple(values.shape)}"
        )
    return _integers("samples_indices", values)


def _sizes(value: Any) -> np.ndarray:
    sizes = to_host(value)
    if sizes.ndim != 1:
        raise ValueError(f"a list sample_size must have one dimension, found shape {sizes.shape}")
    sizes = _integers("sample_size", sizes)
    if (sizes < 0).any():
        where = int(np.argmax(sizes < 0))
        raise ValueError(f"sample_size[{where}] must not be negative, found {sizes[where]}")
    return sizes


def _integers(name: str, values: np.ndarray) -> np.ndarray:
    if values.size == 0:
        return np.empty(values.shape, dtype=np.int64)
    if values.dtype.kind not in "buif":
        raise TypeError(f"{name} must hold integers, found an array of dtype {values.dtype}")
    if values.dtype.kind == "f" and not np.isfinite(values).all():
        raise ValueError(f"{name} must hold integers, found a value that is not finite")
    return np.ascontiguousarray(values, dtype=np.int64)


def whole_number(name: str, value: Any) -> int:
    """Cut a number to an integer; ValueError with the name of the argument if it is not finite."""
    if not isinstance(value, int) and not math.isfinite(value):
        raise ValueError(f"{name} must be finite, found {value}")
    return int(value)


def _describe(value: Any) -> str:
    text = repr(value)
    return f"{text if len(text) <= 60 else text[:57] + '...'} ({type(value).__name__})"
