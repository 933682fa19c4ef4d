"""One value for each of many segments of numbers that lie one after another."""

from __future__ import annotations

import numpy as np

from gpupept.backend import array_namespace, device_of, is_device_array, to_device
from gpupept.kernels import Array
from gpupept.kernels.rows import consecutive, row_owners
from gpupept.kernels.segments import segment_centroids
from gpupept.kernels.threads import run_ranges

_RANKS = {"min": 0.0, "median": 0.5, "max": 1.0}


def reduce_segments(
    function: str, values: Array, sizes: np.ndarray, fraction: float = 0.5
) -> Array:
    """Reduce each segment to one value, as the function of NumPy of that name does.

    Parameters
    ----------
    function : {"sum", "mean", "std", "var", "min", "max", "median", "quantile", "any", "all"}
        What to work out. Standard deviation and variance divide by the number of values; quantiles
        interpolate between the two nearest values.
    values : (K,) float64, or bool for "any" and "all"
        The segments, one after another.
    sizes : (S,) int64, on the host
        Values per segment.
    fraction : float
        From 0 to 1, for "quantile".

    Returns
    -------
    (S,) float64 or bool, where the values are
        For a segment without values NaN, the sum 0, "any" false and "all" true. NaN among the values
        of a segment makes its result NaN.
    """
    if function in ("any", "all"):
        return _truth(function, values, sizes)
    if function == "sum":
        return _centroids(values, sizes, weighted=True).totals
    if function == "mean":
        return _centroids(values, sizes).means[:, 0]
    if function in ("std", "var"):
        return _spread(function, values, sizes)
    return segment_quantiles(values, sizes, _RANKS.get(function, fraction))


def _centroids(values, sizes, weighted=False):  # type: ignore[no-untyped-def]
    """Reduce values by the kernel for centroids, as its first column or as its weights."""
    xp = array_namespace(values)
    table = xp.zeros((len(values), 4))
    table[:, 0] = values
    return segment_centroids(table, consecutive(sizes), 0 if weighted else -1)


def _spread(function: str, values: Array, sizes: np.ndarray) -> Array:
    xp = array_namespace(values)
    owners = row_owners(sizes, device_of(values))
    means = _centroids(values, sizes).means[:, 0]
    with np.errstate(all="ignore"):
        squares = (values - means[owners]) ** 2
    variances = _centroids(squares, sizes).means[:, 0]
    return xp.sqrt(variances) if function == "std" else variances


def _truth(function: str, values: Array, sizes: np.ndarray) -> Array:
    """Count what is true, or false, before the end of each segment."""
    xp = array_namespace(values)
    places = xp.flatnonzero(values if function == "any" else ~values)
    table = to_device(consecutive(sizes), device_of(values))
    counts = xp.searchsorted(places, table[:, 1]) - xp.searchsorted(places, table[:, 0])
    return counts > 0 if function == "any" else counts == 0


def segment_quantiles(values: Array, sizes: np.ndarray, fraction: float) -> Array:
    """Quantile of each segment, by linear interpolation.

    Parameters
    ----------
    values : (K,) float64
        The segments, one after another.
    sizes : (S,) int64, on the host
        Values per segment.
    fraction : float
        From 0 to 1.

    Returns
    -------
    (S,) float64, where the values are
        NaN for a segment without values or with NaN among them.
    """
    if is_device_array(values):
        return _quantiles_on_device(values, sizes, fraction)
    from gpupept.kernels.segments.samples import quantiles_of_segments

    table, found = consecutive(sizes), np.empty(len(sizes))
    values = np.ascontiguousarray(values)

    def task(begin: int, end: int) -> None:
        quantiles_of_segments(begin, end, values, table, float(fraction), found)

    run_ranges(task, sizes)
    return found


def _quantiles_on_device(values: Array, sizes: np.ndarray, fraction: float) -> Array:
    """Sort by (segment, value) and pick."""
    xp = array_namespace(values)
    found = xp.full(len(sizes), np.nan)
    filled = np.flatnonzero(sizes)
    if not len(filled):
        return found
    owners = row_owners(sizes, device_of(values)).astype(np.float64)
    rising = values[xp.lexsort(xp.stack([values, owners]))]  # NaN last
    ends = np.cumsum(sizes)[filled]
    position = fraction * (sizes[filled] - 1)
    rank = position.astype(np.int64)
    share = to_device(position - rank, device_of(values))
    low = ends - sizes[filled] + rank
    places = to_device(np.stack([low, np.minimum(low + 1, ends - 1), ends - 1]), device_of(values))
    below, above, last = rising[places[0]], rising[places[1]], rising[places[2]]
    # Interpolating from the nearer end is how NumPy rounds; infinite values have no distance.
    step = above - below
    between = xp.where(share >= 0.5, above - step * (1.0 - share), below + step * share)
    between = xp.where(xp.isfinite(step), between, below * (1.0 - share) + above * share)
    result = xp.where((share == 0.0) | (above == below), below, between)
    found[to_device(filled, device_of(values))] = xp.where(xp.isnan(last), np.nan, result)
    return found
