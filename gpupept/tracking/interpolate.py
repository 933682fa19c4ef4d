"""Points at a fixed rate, between those there are."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from gpupept.backend import array_namespace, device_of, to_device, to_host
from gpupept.base import BatchFilter, PointData, PointDataFilter
from gpupept.base.batch_filter import sample_bytes
from gpupept.kernels.rows import consecutive, flatten, kept_sizes, row_owners, take_rows
from gpupept.kernels.segments import segment_centroids

MOST_ROWS = 2**31  # of a sample
# Settings of SciPy's interpolator that do not matter for ordered times within the data.
_WITHOUT_EFFECT = {"copy", "bounds_error", "fill_value", "assume_sorted"}


class Interpolate(BatchFilter, PointDataFilter):
    """Interpolate between the points of each sample at a fixed time step.

    Parameters
    ----------
    timestep : float
        Time (ms) between the points made.
    interpolator : callable, optional
        Called as ``interpolator(times, values, **kwargs)(new_times)`` for each column of each sample,
        with NumPy arrays; by default `scipy.interpolate.interp1d`.
    **kwargs : object
        Settings of the interpolator, such as ``kind="nearest"`` or ``kind="cubic"``.

    Raises
    ------
    ValueError
        If `timestep` is not a positive number; when fitted, if it gives more rows than can be, or a
        sample is too small for the interpolator.

    Warns
    -----
    RuntimeWarning
        If rows are left out because their time is not finite.

    Notes
    -----
    Filter signature: ``PointData -> Interpolate -> PointData``. All columns but the first, the time,
    are interpolated, at the times ``t0, t0 + timestep, ...`` from the first time of the sample to
    before its last; columns and attributes are kept. Rows are put in order of time first; those of
    equal time count as one with their mean. A sample with rows at fewer than two times gives none.

    Linear and nearest interpolation work on all samples at once, where the data is; other
    interpolators are called on the CPU, sample by sample.

    Examples
    --------
    >>> import gpupept
    >>> from gpupept.tracking import Interpolate
    >>> points = gpupept.PointData([[0, 0, 0, 0], [2, 4, 0, 8]])
    >>> Interpolate(0.5).fit_sample(points).points[:, [0, 1, 3]]
    array([[0. , 0. , 0. ],
           [0.5, 1. , 2. ],
           [1. , 2. , 4. ],
           [1.5, 3. , 6. ]])
    """

    _sample_type = PointData

    def __init__(
        self, timestep: float, interpolator: Callable[..., Any] | None = None, **kwargs: Any
    ) -> None:
        self.timestep = timestep
        self.interpolator = interpolator
        self.kwargs = kwargs

    @property
    def timestep(self) -> float:
        """Time (ms) between the points made."""
        return self._timestep

    @timestep.setter
    def timestep(self, timestep: float) -> None:
        value = float(timestep)
        if not 0.0 < value < math.inf:
            raise ValueError(f"timestep must be a positive number (ms), found {timestep!r}")
        self._timestep = value

    def batch_bytes(self, samples: PointData) -> np.ndarray:
        """Estimate the memory per sample; see `BatchFilter.batch_bytes`."""
        ranges = samples.row_ranges
        made = np.zeros(len(ranges))
        filled = np.flatnonzero(ranges[:, 1] > ranges[:, 0])
        ends = to_device(np.concatenate([ranges[filled, 0], ranges[filled, 1] - 1]), samples.device)
        first, last = to_host(samples.data[ends, 0]).reshape(2, -1)
        with np.errstate(all="ignore"):
            made[filled] = np.nan_to_num(np.abs(last - first) / self.timestep, posinf=0.0)
        width = samples.data.shape[1]
        made_bytes = np.minimum(made, MOST_ROWS) * (24 * width + 64)
        bytes_needed: np.ndarray = 6 * sample_bytes(samples) + made_bytes.astype(np.int64)
        return bytes_needed

    def fit_batch(self, samples: PointData) -> PointData:
        """Interpolate in every sample; see `BatchFilter.fit_batch`."""
        data, sizes = flatten(samples.data, samples.row_ranges)
        data, sizes = _in_order_of_time(*_with_finite_times(data, sizes))
        grid = _grid(data, sizes, self.timestep)
        kind = self._batched_kind()
        if kind is None:
            rows = self._one_by_one(data, sizes, grid)
        else:
            rows = _between(data, sizes, grid, self.timestep, kind)
        return PointData.from_batch(
            rows, sizes=grid.sizes, columns=samples.columns, attrs=samples.attrs
        )

    def _batched_kind(self) -> str | None:
        """``"linear"`` or ``"nearest"`` if it is one of these; None for all other interpolators."""
        chosen = self.interpolator
        if chosen is not None:
            module = getattr(chosen, "__module__", None) or ""
            known = module.startswith("scipy.interpolate") and chosen.__name__ == "interp1d"
            if not known:
                return None
        kind = self.kwargs.get("kind", "linear")
        if kind not in ("linear", "nearest") or self.kwargs.keys() - _WITHOUT_EFFECT - {"kind"}:
            return None
        return str(kind)

    def _one_by_one(self, data: Any, sizes: np.ndarray, grid: _Grid) -> Any:
        """Rows made by an interpolator called for each sample and column, on the CPU."""
        from scipy.interpolate import interp1d

        interpolator: Callable[..., Any] = self.interpolator or interp1d
        rows, times = to_host(data), to_host(grid.times)
        made = np.empty((len(times), rows.shape[1]))
        made[:, 0] = times
        tables = zip(consecutive(sizes).tolist(), consecutive(grid.sizes).tolist(), strict=True)
        for (first, end), (begin, stop) in tables:
            if stop == begin:
                continue
            try:
                for column in range(1, rows.shape[1]):
                    found = interpolator(rows[first:end, 0], rows[first:end, column], **self.kwargs)
                    made[begin:stop, column] = found(times[begin:stop])
            except ValueError as error:
                raise ValueError(
                    f"interpolator failed for a sample of {end - first} rows at different times from "
                    f"{rows[first, 0]} ms to {rows[end - 1, 0]} ms: {error}"
                ) from error
        return to_device(made, device_of(data))


class _Grid(NamedTuple):
    """Times (M,) of the rows to be made, sample after sample, and how many (S,) of each, on the host."""

    times: Any
    sizes: np.ndarray


def _with_finite_times(data: Any, sizes: np.ndarray) -> tuple[Any, np.ndarray]:
    xp = array_namespace(data)
    kept = xp.flatnonzero(xp.isfinite(data[:, 0]))
    if len(kept) == len(data):
        return data, sizes
    warnings.warn(
        f"{len(data) - len(kept)} rows are left out because their time is not finite",
        RuntimeWarning,
        stacklevel=2,
    )
    return take_rows(data, kept), kept_sizes(kept, sizes)


def _in_order_of_time(data: Any, sizes: np.ndarray) -> tuple[Any, np.ndarray]:
    """Rows of each sample by rising time; those of equal time become one, their mean."""
    xp = array_namespace(data)
    owners, times = row_owners(sizes, device_of(data)), data[:, 0]
    fresh = owners[1:] != owners[:-1]
    if bool((fresh | (times[1:] > times[:-1])).all()):
        return data, sizes
    order = xp.lexsort(xp.stack([times, owners.astype(np.float64)]))
    data = take_rows(data, order)
    starts = xp.ones(len(data), dtype=bool)
    starts[1:] = fresh | (data[1:, 0] != data[:-1, 0])
    first = xp.flatnonzero(starts)
    if len(first) == len(data):
        return data, sizes
    merged = segment_centroids(xp.ascontiguousarray(data), _ranges(to_host(first), len(data))).means
    merged[:, 0] = data[first, 0]
    counts = np.bincount(to_host(owners[first]), minlength=len(sizes))
    return merged, counts.astype(np.int64)


def _ranges(starts: np.ndarray, end: int) -> np.ndarray:
    return np.stack([starts, np.append(starts[1:], end)], axis=1)


def _grid(data: Any, sizes: np.ndarray, step: float) -> _Grid:
    """Go from the first time of each sample, step by step, to before its last."""
    xp, device = array_namespace(data), device_of(data)
    counts, first = np.zeros(len(sizes), dtype=np.int64), np.zeros(len(sizes))
    filled, table = np.flatnonzero(sizes), consecutive(sizes)
    ends = to_device(np.concatenate([table[filled, 0], table[filled, 1] - 1]), device)
    first[filled], last = to_host(data[ends, 0]).reshape(2, -1)
    start = first[filled]
    wanted = np.ceil((last - start) / step)
    if wanted.max(initial=0.0) > MOST_ROWS:
        raise ValueError(
            f"timestep {step} ms gives more than {MOST_ROWS} rows for a sample that spans "
            f"{(last - start).max()} ms"
        )
    counts[filled] = _steps_before(start, step, last, wanted.astype(np.int64))
    before = np.cumsum(counts) - counts
    owners = row_owners(counts, device_of(data))
    number = xp.arange(int(counts.sum()), dtype=np.int64) - to_device(before, device)[owners]
    return _Grid(to_device(first, device)[owners] + number * step, counts)


def _steps_before(start: np.ndarray, step: float, end: np.ndarray, most: np.ndarray) -> np.ndarray:
    """Count the times ``start + i * step`` that are, as rounded, before the end: at most `most`."""
    low = np.zeros_like(most)
    while (low < most).any():
        middle = (low + most) // 2
        before = (low < most) & (start + middle * step < end)
        low, most = np.where(before, middle + 1, low), np.where(before, most, middle)
    return low


def _between(data: Any, sizes: np.ndarray, grid: _Grid, step: float, kind: str) -> Any:
    """Rows made of the row before and the row after each time."""
    xp = array_namespace(data)
    if not len(grid.times):
        return xp.empty((0, data.shape[1]))
    before = _row_before(data, sizes, grid, step)
    low, high = take_rows(data, before), take_rows(data, before + 1)
    times = grid.times
    if kind == "nearest":
        nearer = times > low[:, 0] / 2 + high[:, 0] / 2
        made = xp.where(nearer[:, None], high, low)
    else:
        share = (times - low[:, 0]) / (high[:, 0] - low[:, 0])
        made = high
        with np.errstate(invalid="ignore", over="ignore"):
            made -= low
            made *= xp.clip(share, 0.0, 1.0)[:, None]
            made += low
    made[:, 0] = times
    return xp.ascontiguousarray(made)


def _row_before(data: Any, sizes: np.ndarray, grid: _Grid, step: float) -> Any:
    """Last row that is not later than each time, but never the last row of its sample.

    Every row is counted at the first time that it is not later than; how many rows of the sample are
    counted up to a time tells which row it is.
    """
    xp, device = array_namespace(data), device_of(data)
    count = len(grid.times)
    rows, made = to_device(consecutive(sizes), device), to_device(consecutive(grid.sizes), device)
    owners, times = row_owners(sizes, device_of(data)), data[:, 0]
    begin, most = made[owners, 0], (made[:, 1] - made[:, 0])[owners]
    place = xp.ceil((times - times[rows[owners, 0]]) / step)
    place = xp.clip(place, 0, most).astype(np.int64)
    # Rounding may be off by one.
    place -= (place > 0) & (grid.times[begin + place - 1] >= times)
    place += (place < most) & (grid.times[xp.minimum(begin + place, count - 1)] < times)
    counted = xp.zeros(count + 1, dtype=np.int64)
    counted[1:] = xp.cumsum(xp.bincount((begin + place)[place < most], minlength=count))
    owners = row_owners(grid.sizes, device_of(data))
    found = counted[1:] - counted[made[owners, 0]] - 1
    first, last = rows[owners, 0], rows[owners, 1] - 2
    return xp.minimum(first + xp.maximum(found, 0), last)
