"""How much nearer to, or farther from, a line tracers come along it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from gpupept.backend import array_namespace, to_host
from gpupept.base import PointData
from gpupept.executors import Executor
from gpupept.kernels import Array
from gpupept.plots import PlotlyGrapher2D
from gpupept.plots.ranges import finite_span
from gpupept.processing.frames import FrameReducer
from gpupept.processing.passes import (
    Planes,
    check_distance,
    check_divisions,
    check_point,
    distances_from,
    fitting,
    nearest_positions,
    planes_between,
    report_missed,
    rows_or_nan,
)
from gpupept.processing.relative_deviations import deviation_figure

_ALONG = "Length Along P1-P2 Axis (mm)"


class RelativeDeviationsLinear(FrameReducer):
    """Deviations of `gpupept.processing.RelativeDeviations` between a first plane and many others.

    Parameters
    ----------
    directory : path or None
        Where the histograms are written, which needs the extra ``export``; None writes nothing.
    p1, p2 : (3,) array_like
        Points of the first and of the last plane, mm; all planes are across the line between them.
    num_divisions : int, default 50
        Number of planes, at least 2; the first is that of `p1`.
    max_distance : float, default 10
        A pass has a deviation at a plane if it comes nearer than this to it and to the first one, mm.
    height, width : int, default 1000 and 2000
        Size of the pictures in the files, in pixels.
    prefix : str, default "frame"
        The files are called ``<prefix>0000.png`` and so on.
    **kwargs
        Further arguments of `gpupept.plots.histogram`.

    Attributes
    ----------
    deviations : list of (S,) float64
        Deviations of all passes at each plane in the last fit, mm; NaN if a plane is missed. None before a
        fit, as the following.
    lengths : (num_divisions,) float64
        Distance of each plane from the first, mm.
    mean, std, skew, kurtosis : (num_divisions,) float64
        Of the finite deviations at each plane: mean and standard deviation (ddof 0, mm), sample skewness,
        and excess kurtosis, which is 0 for a normal distribution. Neither corrects for bias; NaN where all
        deviations are equal, or there are none.

    Raises
    ------
    ValueError
        If an argument is not as described.
    TypeError
        From `fit`, if the trajectories are not points.
    ImportError
        From `fit`, if there is a directory and Kaleido is not installed; the attributes are set.

    Notes
    -----
    Reducer signature: ``PointData -> RelativeDeviationsLinear -> PlotlyGrapher2D``, each sample one pass.
    `figures` draws the histograms and `export` writes them.

    Examples
    --------
    >>> import gpupept
    >>> from gpupept.processing import RelativeDeviationsLinear
    >>> rows = [[t, 25 * t, y + y * t, 0] for y in (1, 2, 3) for t in range(3)]
    >>> passes = gpupept.PointData(rows, sample_size=3)
    >>> deviations = RelativeDeviationsLinear(None, [0, 0, 0], [50, 0, 0], num_divisions=3)
    >>> figure = deviations.fit(passes, verbose=False)
    >>> deviations.lengths.tolist(), deviations.mean.tolist()
    ([0.0, 25.0, 50.0], [0.0, 2.0, 4.0])
    """

    def __init__(
        self,
        directory: Any,
        p1: Any,
        p2: Any,
        num_divisions: int = 50,
        max_distance: float = 10,
        height: int = 1000,
        width: int = 2000,
        prefix: str = "frame",
        **kwargs: Any,
    ) -> None:
        super().__init__(directory, height, width, prefix)
        self.p1, self.p2 = check_point(p1, "p1"), check_point(p2, "p2")
        self.num_divisions = check_divisions(num_divisions, 2)
        planes_between(self.p1, self.p2, self.num_divisions)
        self.max_distance = check_distance(max_distance)
        self.kwargs = kwargs
        self.deviations: list[Array] | None = None
        self.lengths: np.ndarray | None = None
        self.mean: np.ndarray | None = None
        self.std: np.ndarray | None = None
        self.skew: np.ndarray | None = None
        self.kurtosis: np.ndarray | None = None

    def fit(
        self,
        trajectories: Any,
        executor: Executor = "joblib",
        max_workers: int | None = None,
        verbose: bool = True,
    ) -> PlotlyGrapher2D:
        """Find the deviations, and write their histograms if there is a directory.

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
            Mean and standard deviation, and below them skewness and kurtosis, along the line.

        Raises
        ------
        TypeError, ImportError
            See the class.
        """
        planes = planes_between(self.p1, self.p2, self.num_divisions)
        with fitting(type(self).__name__, trajectories, executor, max_workers, verbose) as points:
            blocks = list(self._deviations(points, planes))
            self.deviations = [column for block in blocks for column in block.T]
            moments = np.hstack([to_host(_moments(block)) for block in blocks])
        self.mean, self.std, self.skew, self.kurtosis = moments
        self.lengths = np.linalg.norm(planes.points - self.p1, axis=1)
        passes = len(points.row_ranges)
        fewest = min(int(array_namespace(d).isfinite(d).sum()) for d in self.deviations)
        report_missed(passes, fewest, self.max_distance, "the plane with fewest and the first one")
        self._export_if_asked()
        return self.summary()

    def _deviations(self, points: PointData, planes: Planes) -> Iterator[Array]:
        """Deviations (S, K) at some planes after the others."""
        xp = array_namespace(points.data)
        positions = points.data[:, 1:4]
        first = nearest_positions(points, Planes(planes.points[:1], planes.axes[:1]))
        near = first.distances < self.max_distance
        start = distances_from(rows_or_nan(positions, first.rows, near), self.p1)
        for block in planes.blocks(len(points.row_ranges)):
            rows, distances = nearest_positions(points, block)
            near = distances < self.max_distance
            found = distances_from(rows_or_nan(positions, rows, near), block.points)
            yield xp.abs(found - start)

    def summary(self) -> PlotlyGrapher2D:
        """Draw the moments of the deviations of the last fit along the line.

        Returns
        -------
        PlotlyGrapher2D
            Mean with a band of one standard deviation, and below skewness and kurtosis.

        Raises
        ------
        ValueError
            If nothing was fitted yet.
        """
        import plotly.graph_objects as go

        mean, std = self._fitted(self.mean), self._fitted(self.std)
        grapher = PlotlyGrapher2D(rows=2)
        band = {"mode": "lines", "line": {"width": 0}, "fillcolor": "rgba(99, 110, 250, 0.2)"}
        for row, name, values, style in (
            (1, "Mean Deviation", mean, {"mode": "lines"}),
            (1, "Mean - Standard Deviation", mean - std, band),
            (1, "Mean + Standard Deviation", mean + std, {**band, "fill": "tonexty"}),
            (2, "Skewness", self.skew, {"mode": "lines+markers"}),
            (2, "Kurtosis", self.kurtosis, {"mode": "lines+markers"}),
        ):
            grapher.add_trace(go.Scatter(x=self.lengths, y=values, name=name, **style), row)
        for row, title in ((1, "Deviation (mm)"), (2, "Skewness, Kurtosis")):
            grapher.xlabel(_ALONG, row).ylabel(title, row)
        grapher.fig.update_yaxes(scaleanchor=None, scaleratio=None)
        grapher.fig.update_layout(showlegend=True)
        return grapher

    def figures(self) -> Iterator[Any]:
        """Draw the histograms of the last fit, with the same range of deviations.

        Yields
        ------
        plotly.graph_objects.Figure
            One for each plane, with the length travelled as its title.

        Raises
        ------
        ValueError
            If nothing was fitted yet.
        """
        deviations, lengths = self._fitted(self.deviations), self._fitted(self.lengths)
        span = finite_span(to_host(each) for each in deviations)
        limits = {"xlim": [0.0, span[1]]} if span and span[1] > 0.0 else {}
        for each, length in zip(deviations, lengths, strict=True):
            fig = deviation_figure(each, "Deviation (mm)", {**limits, **self.kwargs})
            yield fig.update_layout(title={"text": f"Travelled {length:.4f} mm"})


def _moments(values: Array) -> Array:
    """Mean, standard deviation, skewness and excess kurtosis of the columns, (4, K); finite values only."""
    xp = array_namespace(values)
    finite = xp.isfinite(values)
    count = finite.sum(axis=0)

    def average(numbers: Array) -> Array:
        return xp.where(finite, numbers, 0.0).sum(axis=0) / count

    mean = average(values)
    centred = values - mean
    variance = average(centred**2)
    # Equal values differ from their mean by rounding only.
    varied = variance > (np.finfo(np.float64).eps * mean) ** 2
    scale = xp.where(varied, variance, np.nan)
    skew = average(centred**3) / scale**1.5
    kurtosis = average(centred**4) / scale**2 - 3.0
    return xp.stack([mean, xp.sqrt(variance), skew, kurtosis])
