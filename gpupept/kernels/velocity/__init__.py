"""Velocities along trajectories: slopes of polynomials fitted to a sliding window of points."""

from __future__ import annotations

import numpy as np

from gpupept.backend import array_namespace, is_device_array
from gpupept.kernels import Array
from gpupept.kernels.threads import run_ranges

ROWS_PER_TASK = 4096


def local_velocities(points: Array, sizes: np.ndarray, window: int, degree: int) -> Array:
    """Velocity at each point, from a polynomial in time fitted to the window of points about it.

    Row i of a sample of n rows is fitted along with the rows before and after it, ``(window - 1) / 2``
    of each; near the ends of the sample, with the first or the last `window` rows. The polynomial of
    least squares is a sum of polynomials that are orthogonal over the times of the window (Forsythe),
    in times relative to the row's own and divided by the longest of them: nothing is lost however
    long ago time 0 was, and no ill-conditioned equations are solved.

    Parameters
    ----------
    points : (R, C >= 4) float64, C-contiguous
        Rows ``t, x, y, z, ...`` (ms, mm), sample after sample.
    sizes : (S,) int64, on the host
        Rows of each sample.
    window : int
        Number of points fitted, odd and more than `degree`.
    degree : int
        Degree of the polynomial, at least 1. Where a window has fewer than ``degree + 1`` distinct
        times it is the largest that they determine.

    Returns
    -------
    (R, 3) float64
        Velocities in mm / ms, where the points are: NaN in samples of at most `window` rows, where a
        window holds a time or position that is not finite, and where all its times are equal.
    """
    xp = array_namespace(points)
    velocities = xp.empty((len(points), 3), dtype=np.float64)
    offsets = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
    window = min(window, 2 * len(points) + 1)  # as good as any longer one
    if is_device_array(points):
        from gpupept.kernels.velocity.device import velocities_on_device

        velocities_on_device(points, offsets, window, degree, velocities)
        return velocities
    from gpupept.kernels.velocity.rows import velocities_of_rows

    def task(begin: int, end: int) -> None:
        first, last = begin * ROWS_PER_TASK, min(end * ROWS_PER_TASK, len(points))
        velocities_of_rows(first, last, points, offsets, window, degree, velocities)

    run_ranges(task, np.ones(-(-len(points) // ROWS_PER_TASK)))
    return velocities
