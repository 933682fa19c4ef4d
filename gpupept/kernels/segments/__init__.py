"""Sums over segments of rows: the centroids of many clusters at once."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from gpupept.backend import array_namespace, is_device_array
from gpupept.kernels import Array
from gpupept.kernels.threads import run_ranges


class Centroids(NamedTuple):
    """Result of `segment_centroids`; arrays live where the data live.

    Attributes
    ----------
    means : (G, C) float64
        Mean of each column over each segment, weighted if asked for; NaN for an empty segment and
        where the weights sum to zero.
    spreads : (G,) float64
        Standard deviation (ddof 0) of the distances (mm) from the mean position, weighted likewise.
    totals : (G,) float64
        Number of rows, or the sum of the weights.
    """

    means: Array
    spreads: Array
    totals: Array


def segment_centroids(data: Array, segments: np.ndarray, weight_column: int = -1) -> Centroids:
    """Centroid of each segment of rows.

    Parameters
    ----------
    data : (R, C >= 4) float64, C-contiguous
        Rows ``t, x, y, z, ...`` (ms, mm).
    segments : (G, 2) int64, on the host
        Row range of each segment; ranges may overlap and may be empty.
    weight_column : int
        Column that weights the rows, or -1 for equal weights.
    """
    xp = array_namespace(data)
    count = len(segments)
    result = Centroids(
        xp.empty((count, data.shape[1]), dtype=np.float64),
        xp.empty(count, dtype=np.float64),
        xp.empty(count, dtype=np.float64),
    )
    if is_device_array(data):
        from gpupept.kernels.segments.device import centroids_on_device

        centroids_on_device(data, segments, weight_column, result)
        return result
    from gpupept.kernels.segments.samples import centroids_of_segments

    def task(begin: int, end: int) -> None:
        centroids_of_segments(begin, end, data, segments, weight_column, *result)

    run_ranges(task, segments[:, 1] - segments[:, 0])
    return result
