"""Expectation maximisation in the space of lines: a mixture of tracers fitted to the lines of frames.

Line i has a foot q_i, a unit direction u_i and a time t_i; P_i = I - u_i u_i^T projects onto the plane
across it. Of a frame with mean time t_c, component k is at x_k(t) = sum_m c_km (t - t_c)^m, up to the
`order` 0, 1 or 2 of m. With the distances d_ik = |P_i (q_i - x_k(t_i))|, spreads s_k, weights rho_k and
the weight rho_0 = 1 - sum rho_k of outliers, which are spread evenly over an area A,

    p_ik = exp(-d_ik^2 / (2 s_k^2)) / (2 pi s_k^2),
    w_ik = rho_k p_ik / (rho_0 / A + sum_j rho_j p_ij).

One step replaces c_k by what minimises sum_i w_ik d_ik^2, s_k^2 by sum_i w_ik d_ik^2 / (2 sum_i w_ik),
but no less than a floor, and rho_k by the mean of w_ik. It never lowers the log-likelihood, the sum of
the logarithms of the denominators above.

The normal equations are solved for the change of c_k by Cholesky factors. An unknown whose pivot is at
most 1e-10 of its diagonal element is not determined by the lines and stays as it was: the position
along parallel lines, and the velocity of lines of one moment.

Lines that are not finite, larger than 1e100 or of no length do not count.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from gpupept.backend import array_namespace, is_device_array
from gpupept.kernels import Array
from gpupept.kernels.threads import run_ranges

MOST_COMPONENTS = 16
MOST_ORDER = 2
PIVOT = 1e-10  # of the diagonal element; a smaller one means that an unknown is not determined
FAINTEST = 1e-12  # least weight of outliers, so that no line is impossible
CANDIDATES = 128  # for a seed, at most; one for each thread of a block
SEED_LINES = 2048  # of a frame that seeds are searched with, at most


class Fitted(NamedTuple):
    """Result of `em_steps`; arrays live where the lines live.

    Attributes
    ----------
    table : (F, K, 3 (order + 1) + 2) float64
        The components after the steps, as given to `em_steps`.
    moments : (F, K, 2) float64
        Mean time of the lines of each component from the mean time of the frame (ms), weighted with
        w_ik, and 1 if the lines determine its position, else 0. Both are 0 where there is none.
    likelihoods : (F,) float64
        Log-likelihood of each frame before the last step; 0 if there are no lines or no steps.
    """

    table: Array
    moments: Array
    likelihoods: Array


def frame_times(lines: Array, frames: np.ndarray) -> Array:
    """Count the lines of each frame and find their times.

    Parameters
    ----------
    lines : (R, C >= 7) float64, C-contiguous
        Rows ``t, x1, y1, z1, x2, y2, z2`` (ms, mm); further columns are ignored.
    frames : (F, 2) int64, on the host
        Row range of each frame; ranges may overlap and may be empty.

    Returns
    -------
    (F, 3) float64, where the lines are
        Number of lines that count, their mean time, and the standard deviation of their times; the
        time is 0 without lines, and the deviation 1 where it would be 0.
    """
    times = array_namespace(lines).empty((len(frames), 3))
    if is_device_array(lines):
        from gpupept.kernels.em.device import times_on_device

        times_on_device(lines, frames, times)
        return times
    from gpupept.kernels.em.frames import times_of_frames

    def task(begin: int, end: int) -> None:
        times_of_frames(begin, end, lines, frames, times)

    run_ranges(task, frames[:, 1] - frames[:, 0])
    return times


def seed_components(
    lines: Array, frames: np.ndarray, draws: np.ndarray, taken: Array, count: int, reach: float
) -> Array:
    """Find where many lines of a frame pass, one place after the other.

    The candidates are points half-way between two lines, drawn at random, that pass each other at most
    `reach` apart: the first 128 found. A line at the distance d gives (1 - (d / reach)^2)^2 to the
    score of a candidate within reach. The candidate with the highest score is taken; each line then
    gives the candidates only a share, min(1, (d / reach)^2), of what it gave before, and so on. Of more
    than 2048 lines, scores use every second, third, ... line.

    Parameters
    ----------
    lines, frames
        As of `frame_times`.
    draws : (P, 2) float64, on the host
        From 0 to below 1: the pairs of lines, as places in a frame.
    taken : (F, T, 3) float64, where the lines are
        Places (mm) that count as found before; NaN for none.
    count : int
        Places to find.
    reach : float
        In mm.

    Returns
    -------
    (F, count, 4) float64, where the lines are
        Rows ``x, y, z, score``; the score is in lines, and 0 where nothing is found.
    """
    seeds = array_namespace(lines).empty((len(frames), count, 4))
    if is_device_array(lines):
        from gpupept.kernels.em.device import seeds_on_device

        seeds_on_device(lines, frames, draws, taken, reach, seeds)
        return seeds
    from gpupept.kernels.em.seeds import seeds_of_frames

    def task(begin: int, end: int) -> None:
        seeds_of_frames(begin, end, lines, frames, draws, taken, reach, seeds)

    run_ranges(task, frames[:, 1] - frames[:, 0])
    return seeds


def em_steps(
    lines: Array,
    frames: np.ndarray,
    times: Array,
    table: Array,
    steps: int,
    area: float,
    floor: float,
) -> Fitted:
    """Improve the components of each frame by some steps.

    Parameters
    ----------
    lines, frames, times
        As of `frame_times`, and its result.
    table : (F, K <= 16, 3 (order + 1) + 2) float64, where the lines are
        For each component the coefficients of its path (mm, mm / ms, ...), then the square of its
        spread (mm^2), then its weight; weight 0 for no component. It is not changed.
    steps : int
        How many.
    area : float
        A in mm^2.
    floor : float
        Smallest spread (mm).

    Returns
    -------
    Fitted
        The new components.
    """
    xp = array_namespace(lines)
    result = Fitted(xp.array(table), xp.zeros((*table.shape[:2], 2)), xp.zeros(len(frames)))
    if is_device_array(lines):
        from gpupept.kernels.em.device import steps_on_device

        steps_on_device(lines, frames, times, steps, area, floor, result)
        return result
    from gpupept.kernels.em.frames import steps_of_frames

    def task(begin: int, end: int) -> None:
        steps_of_frames(begin, end, lines, frames, times, steps, area, floor, *result)

    run_ranges(task, frames[:, 1] - frames[:, 0])
    return result
