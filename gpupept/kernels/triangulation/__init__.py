"""Points that are nearest to many lines, after the farthest lines were left out step by step.

For lines through p_k of unit direction u_k, the squared distance of x is

    d_k(x)^2 = |(x - q_k) x u_k|^2,    q_k = p_k - (p_k.u_k) u_k,

and the least-squares point of n lines, which minimises the sum of these, solves M x = b with

    M = sum (I - u_k u_k^T),    b = sum q_k.

It is not determined where all lines are parallel: where det(M) <= 1e-14 n^3.

A line is left out from the start, and does not count, if it has no length or one of its first seven
numbers is NaN, infinite or larger than 1e100. Sums are taken in the same order on every device (see
`samples.py`), so a result is the same everywhere.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from gpupept.backend import array_namespace, is_device_array
from gpupept.kernels import Array

PARALLEL = 1e-14  # of n^3; the largest determinant at which lines count as parallel
LARGEST = 1e100  # number (mm or ms) with which a line still counts
CUT = 2.25  # squared distance, in mean squares, up to which the Birmingham method keeps lines
SHORT = 1024  # most lines of a sample that 32 threads add up


class Located(NamedTuple):
    """Result of the functions here; arrays live where the lines live.

    Attributes
    ----------
    points : (S, 5) float64
        Rows ``t, x, y, z, error`` (ms, mm); NaN for samples of which no point is determined. The error
        is the root mean square distance of the lines that are used.
    used : (K,) uint8
        For the lines of all samples, one sample after another: 1 if it is used, else 0.
    """

    points: Array
    used: Array


def birmingham_points(lines: Array, samples: np.ndarray, fraction: float) -> Located:
    """Locate one tracer per sample by the Birmingham method.

    Of N lines ``trunc(N * fraction)``, and at least two, are used in the end. Beginning with all of
    them, as long as n are used and that is more: those are used whose distance from the least-squares
    point of the lines used before is at most 1.5 times its root mean square. Are these too few, then
    the nearest ones are; are they n or more, then the nearest n - 1.

    Parameters
    ----------
    lines : (R, C >= 7) float64, C-contiguous
        Rows ``t, x1, y1, z1, x2, y2, z2`` (ms, mm); further columns are ignored.
    samples : (S, 2) int64, on the host
        Row range of each sample; ranges may overlap and may be empty.
    fraction : float
        Above 0 and at most 1.

    Returns
    -------
    Located
        The time is the mean over the lines used. Of lines at equal distances that which comes first
        is the first to be used and the first to be left out.
    """
    return _locate(lines, samples, float(fraction), -1)


def trimmed_points(lines: Array, samples: np.ndarray, remove: float, iterations: int) -> Located:
    """Least-squares point of the nearest lines of each sample.

    In step i = 1, 2, ... the ``trunc(N * (1 - remove * i))`` of all N lines that are nearest to the
    point before, and at least two, are used.

    Parameters
    ----------
    lines, samples
        As of `birmingham_points`.
    remove : float
        Fraction of the lines, 0 to 1, that is left out in addition in each step.
    iterations : int
        Number of steps; 0 uses all lines.

    Returns
    -------
    Located
        The time is the mean over all N lines. Of lines at equal distances those which come first are
        used.
    """
    return _locate(lines, samples, float(remove), int(iterations))


def _locate(lines: Array, samples: np.ndarray, fraction: float, iterations: int) -> Located:
    xp = array_namespace(lines)
    sizes = samples[:, 1] - samples[:, 0]
    offsets = np.concatenate([[0], np.cumsum(sizes)])
    result = Located(
        xp.empty((len(samples), 5), dtype=np.float64),
        xp.empty(int(offsets[-1]), dtype=np.uint8),
    )
    if is_device_array(lines):
        from gpupept.kernels.triangulation.device import locate_on_device

        locate_on_device(lines, samples, offsets, fraction, iterations, result)
    else:
        from gpupept.kernels.triangulation.samples import locate_on_host

        locate_on_host(lines, samples, offsets, fraction, iterations, result)
    return result
