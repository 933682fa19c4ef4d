"""Connected components of points linked within a sliding window, as trajectories are separated."""

from __future__ import annotations

import itertools

import numpy as np

from gpupept.backend import array_namespace, is_device_array
from gpupept.kernels import Array
from gpupept.kernels.threads import run_ranges

ROWS_PER_BLOCK = 32768


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
    limits = window, float(distance), float(interval), _scale(distance)
    if is_device_array(points):
        from gpupept.kernels.components.device import link_on_device

        link_on_device(points, *limits, first)
    else:
        _link_on_host(points, *limits, first)
    return first


def _scale(distance: float) -> float:
    """Power of two that keeps the squares of distances from overflow and underflow; mostly 1."""
    if distance == 0.0 or 1e-140 < distance < 1e140:
        return 1.0
    return 2.0 ** (-600 if np.isinf(distance) else max(-1000, min(1000, -np.frexp(distance)[1])))


def _link_on_host(
    points: Array, window: int, distance: float, interval: float, scale: float, first: Array
) -> None:
    from gpupept.kernels.components import rows as compiled

    rows = len(points)
    block = max(ROWS_PER_BLOCK, 16 * window)
    borders = np.append(np.arange(0, rows, block), rows)
    columns = np.empty((4, rows))
    limits = columns, window, distance, interval, scale, first

    def task(begin: int, end: int) -> None:
        for i in range(begin, end):
            compiled.link_block(borders[i], borders[i + 1], *limits)

    run_ranges(
        lambda begin, end: compiled.columns_of_rows(borders[begin], borders[end], points, columns),
        np.diff(borders),
    )
    run_ranges(task, np.diff(borders))
    for border, end in itertools.pairwise(borders[1:]):
        compiled.link_border(border, end, *limits)
    compiled.point_to_roots(first)
