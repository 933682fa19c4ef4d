"""Separating the intertwined trajectories of several tracers."""

from __future__ import annotations

from typing import Any

import numpy as np

from gpupept.backend import array_namespace
from gpupept.base import BatchReducer, PointData
from gpupept.base.samples import whole_number
from gpupept.kernels.components import windowed_components
from gpupept.kernels.rows import take_rows
from gpupept.tracking.columns import append_columns
from gpupept.tracking.stack import stacked_points


class Segregate(BatchReducer):
    """Label each point with the trajectory that it belongs to.

    Points in order of time are linked to those at most `window` places later that are nearer than
    `cut_distance`; what hangs together is a trajectory. This is a minimum spanning tree over the
    window with its long edges cut.

    Parameters
    ----------
    window : int
        Largest number of places between linked points; about 20 times the number of tracers.
    cut_distance : float
        Points this far apart (mm) or farther are not linked.
    min_trajectory_size : int, default 5
        Trajectories of fewer points are noise.
    max_time_interval : float, optional
        Longest time (ms) between linked points; no limit by default.

    Raises
    ------
    ValueError
        If `window` is less than 1, or a distance or time is negative or not a number.

    Notes
    -----
    Reducer signature: ``PointData -> Segregate -> PointData``: every row once, however the rows
    were divided into samples, in one sample in order of time (those of equal time in the order
    given), with a last column ``label``: 0, 1, ... in the order in which the trajectories start,
    -1 for noise and for points that are not finite. It replaces a column ``label`` there was.
    Attributes are kept.

    References
    ----------
    A. L. Nicusan, C. R. K. Windows-Yule, *Positron emission particle tracking using machine
    learning*, Rev. Sci. Instrum. 91, 013329 (2020).

    Examples
    --------
    >>> import numpy as np
    >>> import gpupept
    >>> from gpupept.tracking import Segregate
    >>> t = np.arange(20.0)
    >>> points = gpupept.PointData(np.column_stack([t, 50 * (t % 2), t, t]))
    >>> Segregate(window=4, cut_distance=10).fit(points)["label"][:4].tolist()
    [0.0, 1.0, 0.0, 1.0]
    """

    def __init__(
        self,
        window: int,
        cut_distance: float,
        min_trajectory_size: int = 5,
        max_time_interval: float = np.inf,
    ) -> None:
        self.window = whole_number("window", window)
        self.cut_distance = float(cut_distance)
        self.min_trajectory_size = whole_number("min_trajectory_size", min_trajectory_size)
        self.max_time_interval = float(max_time_interval)
        if self.window < 1:
            raise ValueError(f"window must be at least 1, found {window!r}")
        for name in ("cut_distance", "max_time_interval"):
            if not getattr(self, name) >= 0.0:
                raise ValueError(f"{name} must be zero or more, found {getattr(self, name)!r}")

    def fit_all(self, samples: Any) -> PointData:
        """Label the points.

        Parameters
        ----------
        samples : PointData, list of PointData, or (N, 4 or more) array
            All points; columns ``t, x, y, z, ...`` (ms, mm).

        Returns
        -------
        PointData
            See the notes of the class.

        Raises
        ------
        TypeError, ValueError
            If the samples are not points.
        """
        points = stacked_points(samples)
        xp = array_namespace(points.data)
        data = in_order_of_time(points.data)
        first = windowed_components(data, self.window, self.cut_distance, self.max_time_interval)
        labels = self._numbered(xp, first, xp.isfinite(data[:, :4]).all(axis=1))
        rows, columns = append_columns(data, points.columns, [labels], ["label"])
        return PointData.from_batch(rows, columns=columns, attrs=points.with_samples().attrs)

    def _numbered(self, xp: Any, first: Any, finite: Any) -> Any:
        """Label by the first row of components that are large enough; -1 for all others."""
        counts = xp.bincount(first, minlength=len(first)) if len(first) else first
        large = (counts >= self.min_trajectory_size) & (counts > 0) & finite
        numbers = xp.cumsum(large) - 1
        return xp.where(large[first] & finite, numbers[first], -1).astype(np.float64)


def in_order_of_time(rows: Any) -> Any:
    """Rows in order of their first column, stable, NaN last: themselves if they are in order."""
    xp = array_namespace(rows)
    times = rows[:, 0]
    if bool((times[1:] >= times[:-1]).all()):
        return rows
    # `lexsort` is stable on both devices, `argsort` need not be.
    return take_rows(rows, xp.lexsort(xp.stack([times])))
