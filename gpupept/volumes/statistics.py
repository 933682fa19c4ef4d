"""Statistics of a volume that is read block by block."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from gpupept.kernels.statistics import Moments, extreme_value, moments


@dataclass(frozen=True)
class VolumeStatistics:
    """Statistics of the values of a volume.

    Attributes
    ----------
    n, n_nan : int
        Values that count, and values that are NaN and count nowhere else.
    nonzero : int
        Values that are not zero.
    total : int or float
        Their sum; exact for integers.
    minimum, maximum : int or float
        Extreme values.
    mean_value, variance, standarddev, skewness, kurtosis : float
        Population moments, as in `gpupept.images.Statistics`: kurtosis in excess of 3; NaN where they
        are not defined.
    """

    n: int
    n_nan: int
    nonzero: int
    total: int | float
    minimum: int | float
    maximum: int | float
    mean_value: float
    variance: float
    standarddev: float
    skewness: float
    kurtosis: float


def statistics_of_blocks(blocks: Iterable[np.ndarray]) -> VolumeStatistics:
    """Compute the statistics of all values of some arrays, reading each once.

    Parameters
    ----------
    blocks : iterable of array
        At least one, all of one dtype and not empty. Results depend, in the last digits, on how the
        values are divided among them.

    Returns
    -------
    VolumeStatistics
        Moments of the blocks are merged as those within a block are, see
        `gpupept.images.image_statistics`.
    """
    found: list[Moments] = []
    totals: list[int | float] = []
    nonzero, dtype = 0, np.dtype(np.float64)
    for block in blocks:
        dtype = block.dtype
        found.append(moments(block))
        totals.append(total(block))
        nonzero += int(np.count_nonzero(block))
    return _merged(found, sum_of_totals(totals), nonzero, dtype)


def total(block: np.ndarray) -> int | float:
    """Sum of an array without NaN; exact for integers."""
    if block.dtype.kind == "f":
        with np.errstate(over="ignore", invalid="ignore"):
            return float(np.nansum(block, dtype=np.float64))
    return int(block.sum(dtype=np.uint64 if block.dtype.kind == "u" else np.int64))


def sum_of_totals(totals: Sequence[int | float]) -> int | float:
    """Sum of numbers, rounded once at most."""
    if all(isinstance(each, int) for each in totals):
        return sum(totals)
    try:
        return math.fsum(totals)
    except (OverflowError, ValueError):  # the sum, or a part of it, is not finite
        with np.errstate(over="ignore", invalid="ignore"):
            return float(np.sum(totals))


def _merged(
    found: list[Moments], total: int | float, nonzero: int, dtype: np.dtype[np.generic]
) -> VolumeStatistics:
    from gpupept.kernels.statistics.blocks import merge_blocks

    states = np.array([_unscaled(each) for each in found])
    merge_blocks(states)
    n, mean, second, third, fourth = states[0].tolist()
    kind = np.empty(0, dtype)
    low, high = math.nan, math.nan
    variance = skewness = kurtosis = math.nan
    if n:
        low = extreme_value(min(each.low for each in found), kind)
        high = extreme_value(max(each.high for each in found), kind)
        variance = second / n if low < high else 0.0
        if low == high:
            mean = float(low)
    else:
        mean = math.nan
    if not (math.isfinite(low) and math.isfinite(high)):
        mean, variance = low + high, math.nan
    elif variance > 0.0:
        skewness = third / n / variance**1.5
        kurtosis = fourth / n / variance**2 - 3.0
    nans = sum(each.nans for each in found)
    return VolumeStatistics(
        int(n),
        nans,
        nonzero - nans,
        total,
        low,
        high,
        mean,
        variance,
        math.sqrt(variance),
        skewness,
        kurtosis,
    )


def _unscaled(found: Moments) -> tuple[float, ...]:
    """Moments of the values themselves."""
    scale = 1.0 / found.scale
    powers = (found.mean, found.m2, found.m3, found.m4)
    return (float(found.n), *(value * scale ** (k + 1) for k, value in enumerate(powers)))
