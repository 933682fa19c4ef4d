"""The row of each segment that is nearest to each of several planes."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from gpupept.backend import array_namespace, is_device_array
from gpupept.kernels import Array
from gpupept.kernels.threads import run_ranges


class Nearest(NamedTuple):
    """Result of `nearest_rows`; arrays live where the positions live.

    Attributes
    ----------
    rows : (G, K) int64
        Row of each segment nearest to each plane, the first of those equally near; -1 if the segment has
        no row whose distance is finite.
    distances : (G, K) float64
        How near it is; infinite where there is none.
    """

    rows: Array
    distances: Array


def nearest_rows(
    positions: Array, segments: np.ndarray, points: np.ndarray, axes: np.ndarray
) -> Nearest:
    """Nearest row of each segment to each plane.

    The distance of a row x from the plane through p across the unit vector a is ``|(x - p) . a|``. Rows
    with a coordinate that is not finite have no distance. With one column and ``a = 1`` it is the distance
    of numbers.

    Parameters
    ----------
    positions : (R, D) float64, C-contiguous
        Positions.
    segments : (G, 2) int64, on the host
        Row range of each segment; ranges may overlap and may be empty.
    points, axes : (K, D) float64, on the host
        A point of each plane, and the unit vector across it.
    """
    xp = array_namespace(positions)
    shape = len(segments), len(points)
    result = Nearest(xp.empty(shape, dtype=np.int64), xp.empty(shape, dtype=np.float64))
    segments = np.ascontiguousarray(segments, dtype=np.int64)
    planes = np.ascontiguousarray(np.stack([points, axes]), dtype=np.float64)
    if is_device_array(positions):
        from gpupept.kernels.nearest.device import nearest_on_device

        nearest_on_device(positions, segments, planes, result)
        return result
    from gpupept.kernels.nearest.segments import nearest_of_pairs

    def task(begin: int, end: int) -> None:
        nearest_of_pairs(begin, end, positions, segments, planes, *result)

    run_ranges(task, np.repeat(segments[:, 1] - segments[:, 0], len(points)))
    return result
