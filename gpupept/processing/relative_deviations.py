"""How much nearer to, or farther from, a line tracers come between two planes."""

from __future__ import annotations

from typing import Any

import numpy as np

from gpupept.backend import array_namespace
from gpupept.base import PointData, Reducer
from gpupept.executors import Executor
from gpupept.kernels import Array
from gpupept.plots import histogram
from gpupept.processing.passes import (
    Planes,
    check_axis,
    check_distance,
    check_point,
    distances_from,
    fitting,
    nearest_positions,
    report_missed,
    rows_or_nan,
)


class RelativeDeviations(Reducer):
    """Change of the distance of each pass from one point to another.

    Where a pass crosses plane 1 it has some distance from `p1`, and where it crosses plane 2 one from
    `p2`. The deviation is how much they differ: tracers that keep to their streamlines have none.

    Parameters
    ----------
    p1, p2 : (3,) array_like
        Points of the two planes, mm.
    ax1, ax2 : (3,) array_like, optional
        Vectors across the planes, of any length; by default from `p1` to `p2`.
    max_distance : float, default 10
        A pass has a deviation if it comes nearer than this to both planes, mm.
    histogram : bool, default True
        Return a figure; otherwise the deviations.
    **kwargs
        Further arguments of `gpupept.plots.histogram`.

    Attributes
    ----------
    points1, points2 : PointData
        Rows where the passes cross plane 1 and plane 2 in the last fit, one row for each pass, which is a
        sample; NaN for passes that miss a plane. None before a fit, as the following.
    deviations : (S,) float64
        Deviation of each pass, mm; NaN if it misses a plane.

    Raises
    ------
    ValueError
        If an argument is not as described.
    TypeError
        From `fit`, if the trajectories are not points.

    Notes
    -----
    Reducer signature: ``PointData -> RelativeDeviations -> plotly.graph_objects.Figure``, each sample one
    pass. A pass crosses a plane where its position is nearest to it, the first of those equally near;
    positions that are not finite do not count. Distances from the points are Euclidean.

    Examples
    --------
    >>> import gpupept
    >>> from gpupept.processing import RelativeDeviations
    >>> rows = [[0, 0, 1, 0], [1, 50, 4, 0], [0, 0, 0, 2], [1, 50, 0, 2]]
    >>> passes = gpupept.PointData(rows, sample_size=2)
    >>> RelativeDeviations([0, 0, 0], [50, 0, 0], histogram=False).fit(passes, verbose=False)
    array([3., 0.])
    """

    def __init__(
        self,
        p1: Any,
        p2: Any,
        ax1: Any = None,
        ax2: Any = None,
        max_distance: float = 10,
        histogram: bool = True,
        **kwargs: Any,
    ) -> None:
        self.p1, self.p2 = check_point(p1, "p1"), check_point(p2, "p2")
        self.ax1 = check_axis(ax1, "ax1", self.p1, self.p2)
        self.ax2 = check_axis(ax2, "ax2", self.p1, self.p2)
        self.max_distance = check_distance(max_distance)
        self.histogram = bool(histogram)
        self.kwargs = kwargs
        self.points1: PointData | None = None
        self.points2: PointData | None = None
        self.deviations: Array | None = None

    def fit(
        self,
        trajectories: Any,
        executor: Executor = "joblib",
        max_workers: int | None = None,
        verbose: bool = True,
    ) -> Any:
        """Find the deviations.

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
        plotly.graph_objects.Figure or (S,) float64
            A histogram of the deviations, or the attribute `deviations`, on the device of the
            trajectories.

        Raises
        ------
        TypeError
            If the trajectories are not points.
        """
        planes = Planes(np.stack([self.p1, self.p2]), np.stack([self.ax1, self.ax2]))
        with fitting(type(self).__name__, trajectories, executor, max_workers, verbose) as points:
            rows, distances = nearest_positions(points, planes)
            kept = (distances < self.max_distance).all(axis=1)
            chosen = [rows_or_nan(points.data, rows[:, k], kept) for k in (0, 1)]
            apart = [
                distances_from(near[:, 1:4], point)
                for near, point in zip(chosen, planes.points, strict=True)
            ]
            self.deviations = array_namespace(points.data).abs(apart[1] - apart[0])
        self.points1, self.points2 = (
            PointData.from_batch(
                near, sizes=np.ones(len(near), dtype=np.int64), columns=points.columns
            )
            for near in chosen
        )
        report_missed(len(kept), int(kept.sum()), self.max_distance, "both planes")
        return self._figure() if self.histogram else self.deviations

    def _figure(self) -> Any:
        return deviation_figure(self.deviations, "Relative Deviation (mm)", self.kwargs)


def deviation_figure(deviations: Array, title: str, options: dict[str, Any]) -> Any:
    """Histogram of the deviations that are finite."""
    xp = array_namespace(deviations)
    titles = {"xaxis_title": title, "yaxis_title": "Probability (%)"}
    return histogram(deviations[xp.isfinite(deviations)], **{**titles, **options})
