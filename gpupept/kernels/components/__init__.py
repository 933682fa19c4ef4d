"""Connected components of points linked within a sliding window, as trajectories are separated."""

from __future__ import annotations

import numpy as np

from gpupept.backend import array_namespace, is_device_array
from gpupept.kernels import Array


def windowed_components(
    points: Array, window: int, distance: float, interval: float = np.inf
) -> Array:
    """Component of each point, named by its first row.

    Rows i < j are linked when ``j - i <= window``, their distance is below `distance` and
    ``t_j - t_i <= interval``. This cuts the same groups as a minimum spanning tree over the windowed
    links whose long edges are removed (single linkage). The work grows linearly with the rows.

    Parameters
    ----------
    points : (N, C >= 4) float64, C-contiguous
        Rows ``t, x, y, z, ...`` (ms, mm) in order of time; a row that is not finite is linked to none.
    window : int
        Largest difference of row numbers, at least 1.
    distance : float
        Links are shorter than this (mm).
    interval : float
        Longest time (ms) a link may span.

    Returns
    -------
    (N,) int64
        Smallest row number of the component, where the points are.
    """
    xp = array_namespace(points)
    first = xp.arange(len(points), dtype=np.int64)
    window = min(window, len(points))
    if is_device_array(points):
        from gpupept.kernels.components.device import link_on_device

        link_on_device(points, window, distance, interval, first)
    else:
        from gpupept.kernels.components.rows import link_rows

        link_rows(points, window, float(distance), float(interval), first)
    return first
