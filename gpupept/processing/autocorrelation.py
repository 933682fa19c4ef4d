"""How long, or how far, tracers remember how they moved."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from gpupept.backend import array_namespace, device_of, to_device, to_host
from gpupept.base import PointData, Reducer
from gpupept.executors import Executor
from gpupept.kernels import Array
from gpupept.kernels.nearest import nearest_rows
from gpupept.kernels.rows import consecutive, flatten, row_owners
from gpupept.plots import PlotlyGrapher2D
from gpupept.plots.ranges import finite_span, own_range
from gpupept.plots.traces import merged
from gpupept.processing.passes import (
    Planes,
    check_distance,
    check_divisions,
    fitting,
    rows_or_nan,
)
from gpupept.processing.reducers import column_number

_DRAWN = 50  # points of the curve for each division


class AutoCorrelation(Reducer):
    r"""Correlate columns of each pass, such as velocities, with themselves at the first lag.

    Parameters
    ----------
    lag : str or int, default "t"
        Column of the lags: "t" for times, "x", "y" or "z" for places; its name or number.
    signals : str, int or sequence of them, default ("vx", "vy", "vz")
        Columns that make up the vector to correlate.
    span : (2,) array_like, optional
        First and last lag; by default the smallest and largest of all passes. The last may be smaller.
    num_divisions : int, default 500
        Number of lags, at least 1.
    max_distance : float, default 10
        A pass counts at a lag if it has a row no farther from it than this, in the unit of the lags.
    normalize : bool, default False
        Divide what each pass contributes by its square at the first lag.
    preprocess : bool, default True
        If the lags are times (column 0), count them from the start of each pass.
    **kwargs
        Further attributes of the `plotly.graph_objects.Scatter` that is drawn.

    Attributes
    ----------
    lags : (num_divisions,) float64
        Lags of the last fit; None before it, as the following.
    correlation : (num_divisions,) float64
        Correlation at each lag; NaN where no pass contributes.
    passes : (num_divisions,) int64
        How many passes contribute.

    Raises
    ------
    ValueError
        If an argument is not as described; from `fit` if there is no such column, or the span cannot be
        taken from the passes.
    TypeError
        From `fit`, if the trajectories are not points.

    Notes
    -----
    Reducer signature: ``PointData -> AutoCorrelation -> PlotlyGrapher2D``, each sample one pass. The vector
    :math:`v_i(l)` of pass i is that of the row whose lag is nearest to l, the first of those equally near.
    The correlation is the mean of :math:`v_i(l_0) \cdot v_i(l)` over all passes for which this is finite.

    References
    ----------
    G. I. Taylor, *Diffusion by continuous movements*, Proc. London Math. Soc. s2-20, 196-212 (1922).

    Examples
    --------
    A velocity that turns round once in 8 ms:

    >>> import numpy as np
    >>> import gpupept
    >>> from gpupept.processing import AutoCorrelation
    >>> t = np.arange(9.0)
    >>> rows = np.column_stack([t, 0 * t, 0 * t, 0 * t, np.cos(t * np.pi / 4), np.sin(t * np.pi / 4)])
    >>> spinning = gpupept.PointData(rows, columns=["t", "x", "y", "z", "vx", "vy"])
    >>> memory = AutoCorrelation(signals=["vx", "vy"], num_divisions=5)
    >>> figure = memory.fit(spinning, verbose=False)
    >>> (memory.correlation.round(6) + 0.0).tolist()
    [1.0, 0.0, -1.0, 0.0, 1.0]
    """

    def __init__(
        self,
        lag: str | int = "t",
        signals: str | int | Sequence[str | int] = ("vx", "vy", "vz"),
        span: Any = None,
        num_divisions: int = 500,
        max_distance: float = 10,
        normalize: bool = False,
        preprocess: bool = True,
        **kwargs: Any,
    ) -> None:
        self.lag = lag
        self.signals = _check_signals(signals)
        self.span = None if span is None else _check_span(span)
        self.num_divisions = check_divisions(num_divisions, 1)
        self.max_distance = check_distance(max_distance)
        self.normalize, self.preprocess = bool(normalize), bool(preprocess)
        self.kwargs = kwargs
        self.lags: np.ndarray | None = None
        self.correlation: np.ndarray | None = None
        self.passes: np.ndarray | None = None

    def fit(
        self,
        trajectories: Any,
        executor: Executor = "joblib",
        max_workers: int | None = None,
        verbose: bool = True,
    ) -> PlotlyGrapher2D:
        """Find the correlation.

        Parameters
        ----------
        trajectories : PointData, list of PointData, or (N, 4 or more) array
            Each sample one pass; columns ``t, x, y, z, ...`` (ms, mm).
        executor : str, class or instance, default "joblib"
            Checked, and of no influence: all passes are treated at once.
        max_workers : int, optional
            Threads, on the CPU; every core by default. They do not influence the result.
        verbose : bool, default True
            Log how long it took.

        Returns
        -------
        PlotlyGrapher2D
            The correlation against the lag, coloured by the number of passes.

        Raises
        ------
        TypeError, ValueError
            See the class.
        """
        with fitting(type(self).__name__, trajectories, executor, max_workers, verbose) as points:
            lags, signals, sizes = self._columns_of(points)
            first, last = _span_of(lags) if self.span is None else self.span
            self.lags = np.linspace(first, last, self.num_divisions)
            blocks = [to_host(block) for block in self._blocks(lags, signals, sizes, self.lags)]
        sums, counts = np.hstack(blocks)
        self.passes = counts.astype(np.int64)
        self.correlation = np.where(counts > 0, sums / np.maximum(counts, 1), np.nan)
        return self.figure()

    def _columns_of(self, points: PointData) -> tuple[Array, Array, np.ndarray]:
        """Lags (R, 1) and signals (R, D), pass after pass, and the rows of each pass."""
        lag = column_number(points, self.lag, "lag")
        numbers = [column_number(points, column, "signals") for column in self.signals]
        xp = array_namespace(points.data)
        rows, sizes = flatten(points.data, points.row_ranges)
        lags = xp.ascontiguousarray(rows[:, lag])
        if self.preprocess and lag % rows.shape[1] == 0:
            lags = _from_starts(lags, sizes)
        return lags[:, None], xp.ascontiguousarray(rows[:, numbers]), sizes

    def _blocks(
        self, lags: Array, signals: Array, sizes: np.ndarray, places: np.ndarray
    ) -> Iterator[Array]:
        """Sum over the passes and count those that contribute, (2, K), some lags after the others."""
        xp = array_namespace(lags)
        segments = consecutive(sizes)
        planes = Planes(places[:, None], np.ones((len(places), 1)))
        start = self._at(lags, signals, segments, Planes(planes.points[:1], planes.axes[:1]))
        scale = _dot(start, start) if self.normalize else 1.0
        for block in planes.blocks(len(sizes)):
            terms = _dot(start, self._at(lags, signals, segments, block)) / scale
            found = xp.isfinite(terms)
            sums = xp.where(found, terms, 0.0).sum(axis=0)
            yield xp.stack([sums, found.sum(axis=0).astype(np.float64)])

    def _at(self, lags: Array, signals: Array, segments: np.ndarray, planes: Planes) -> Array:
        """Signals (S, K, D) of each pass at each lag, NaN where it has no row near it."""
        rows, distances = nearest_rows(lags, segments, *planes)
        return rows_or_nan(signals, rows, (distances <= self.max_distance) & (rows >= 0))

    def figure(self) -> PlotlyGrapher2D:
        """Draw the correlation of the last fit.

        Returns
        -------
        PlotlyGrapher2D
            One curve, interpolated linearly between the lags.

        Raises
        ------
        ValueError
            If nothing was fitted yet.
        """
        if self.lags is None or self.correlation is None or self.passes is None:
            raise ValueError("AutoCorrelation has no results yet: call fit first")
        import plotly.graph_objects as go

        count = len(self.lags)
        where = np.linspace(0, count - 1, _DRAWN * count)
        x, y, number = (
            np.interp(where, np.arange(count), values)
            for values in (self.lags, self.correlation, self.passes)
        )
        colours = {"color": number, "colorscale": "Magma", "colorbar": {"title": {"text": "N"}}}
        style = {"x": x, "y": y, "mode": "markers+lines", "marker": colours}
        grapher = PlotlyGrapher2D(ylim=own_range(finite_span([self.correlation])))
        grapher.add_trace(go.Scatter(**merged(style, self.kwargs)))
        grapher.xlabel(f"Lag (column `{self.lag}`)")
        grapher.ylabel(f"AutoCorrelation (columns {self.signals})")
        grapher.fig.update_yaxes(scaleanchor=None, scaleratio=None)
        if self.lags[-1] < self.lags[0]:
            grapher.fig.update_xaxes(autorange="reversed")
        return grapher


def _check_signals(signals: Any) -> list[str | int]:
    listed = [signals] if isinstance(signals, str) or not hasattr(signals, "__len__") else signals
    if not len(listed):
        raise ValueError("signals must name at least one column, found none")
    return list(listed)


def _check_span(span: Any) -> np.ndarray:
    try:
        pair = np.array(to_host(span), dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise ValueError(f"span must be two numbers, found {span!r}") from error
    if pair.shape != (2,) or not np.isfinite(pair).all():
        raise ValueError(f"span must be the first and the last lag, both finite, found {span!r}")
    return pair


def _span_of(lags: Array) -> tuple[float, float]:
    finite = lags[array_namespace(lags).isfinite(lags)]
    if not len(finite):
        raise ValueError("span must be given, since there is no finite lag to take it from")
    return float(finite.min()), float(finite.max())


def _from_starts(times: Array, sizes: np.ndarray) -> Array:
    """Count times from the first finite one of each pass."""
    xp = array_namespace(times)
    finite = xp.flatnonzero(xp.isfinite(times))
    if not len(finite):
        return times
    starts = to_device(np.cumsum(sizes) - sizes, device_of(times))
    # A pass without any finite time gets one of another, and stays without.
    first = finite[xp.minimum(xp.searchsorted(finite, starts), len(finite) - 1)]
    return times - times[first][row_owners(sizes, device_of(times))]


def _dot(a: Array, b: Array) -> Array:
    """Scalar products along the last axis, summed in the order of the signals."""
    total = a[..., 0] * b[..., 0]
    for d in range(1, a.shape[-1]):
        total = total + a[..., d] * b[..., d]
    return total
