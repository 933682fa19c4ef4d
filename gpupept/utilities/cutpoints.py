"""Cutpoints and minpoints of one sample of lines, as plain arrays."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from gpupept.backend import array_namespace, device_of, to_device, to_host
from gpupept.kernels import Array
from gpupept.kernels.cutpoints import cutpoints
from gpupept.kernels.minpoints import check_num_lines, minpoints


def find_cutpoints(
    sample_lines: Any, max_distance: float, cutoffs: Any, append_indices: bool = False
) -> Array:
    """Find the points where two lines of a sample nearly meet.

    A cutpoint is the mid-point of the shortest segment between two (infinite) lines. Pairs of lines
    that are parallel, of no length or not finite give none. `gpupept.tracking.Cutpoints` does this
    for whole data sets and chooses the cutoffs.

    Parameters
    ----------
    sample_lines : (N, 7 or more) array_like
        Lines of response; columns ``t, x1, y1, z1, x2, y2, z2`` (ms, mm), others are ignored.
    max_distance : float
        Only lines that pass each other nearer than this (mm) give a cutpoint.
    cutoffs : (6,) array_like
        ``[xmin, xmax, ymin, ymax, zmin, zmax]`` (mm); cutpoints must lie strictly inside.
    append_indices : bool, default False
        Append two columns: the rows of the two lines.

    Returns
    -------
    (K, 4) or (K, 6) float64 array
        Rows ``t, x, y, z`` and, if asked for, ``i, j`` with i < j, on the device of the lines, in
        order of time (that of a cutpoint is the mean of those of its lines); rows of equal time
        are in the order of (i, j).

    Raises
    ------
    ValueError
        If the lines are not such a table, `max_distance` is negative or not a number, or `cutoffs`
        are not six values.

    References
    ----------
    A. L. Nicusan, C. R. K. Windows-Yule, *Positron emission particle tracking using machine
    learning*, Rev. Sci. Instrum. 91, 013329 (2020).

    Examples
    --------
    >>> import numpy as np
    >>> from gpupept.utilities import find_cutpoints
    >>> lines = np.array([[1, -1, 0, 0, 1, 0, 0], [3, 0, -1, 0.2, 0, 1, 0.2]])
    >>> find_cutpoints(lines, max_distance=0.5, cutoffs=[-1, 1, -1, 1, -1, 1])
    array([[2. , 0. , 0. , 0.1]])
    """
    lines, samples, box = _one_sample(sample_lines, cutoffs)
    points, _ = cutpoints(lines, samples, box, _as_distance(max_distance), bool(append_indices))
    return points


def find_minpoints(
    sample_lines: Any,
    num_lines: int,
    max_distance: float,
    cutoffs: Any,
    append_indices: bool = False,
) -> Array:
    """Find the points nearest to several lines, for every combination of so many lines of a sample.

    A minpoint has the least sum of squared distances from its (infinite) lines. Lines that are not
    finite or of no length take no part; lines that are all parallel have none.
    `gpupept.tracking.Minpoints` does this for whole data sets and chooses the cutoffs.

    Parameters
    ----------
    sample_lines : (N, 7 or more) array_like
        Lines of response; columns ``t, x1, y1, z1, x2, y2, z2`` (ms, mm), others are ignored.
    num_lines : int
        Lines of a combination, at least 2.
    max_distance : float
        Largest distance (mm) of a minpoint from each of its lines, itself included.
    cutoffs : (6,) array_like
        ``[xmin, xmax, ymin, ymax, zmin, zmax]`` (mm); minpoints must lie inside or on the border.
    append_indices : bool, default False
        Append `num_lines` columns: the rows of the lines, rising.

    Returns
    -------
    (K, 4) or (K, 4 + num_lines) float64 array
        Rows ``t, x, y, z`` and, if asked for, those of the lines, on the device of the lines, in order
        of time (that of a minpoint is the mean of those of its lines); rows of equal time are in
        lexicographic order of their lines.

    Raises
    ------
    ValueError
        If the lines are not such a table, `num_lines` is below 2, `max_distance` is negative or not a
        number, `cutoffs` are not six values, or there are too many combinations to work out.
    TypeError
        If `num_lines` is not a whole number.

    References
    ----------
    A. L. Nicusan, C. R. K. Windows-Yule, *Positron emission particle tracking using machine
    learning*, Rev. Sci. Instrum. 91, 013329 (2020).

    Examples
    --------
    >>> import numpy as np
    >>> from gpupept.utilities import find_minpoints
    >>> lines = np.array([[1, -1, 0, 0, 1, 0, 0], [3, 0, -1, 0.2, 0, 1, 0.2]])
    >>> find_minpoints(lines, 2, max_distance=0.25, cutoffs=[-1, 1, -1, 1, -1, 1])
    array([[2. , 0. , 0. , 0.1]])
    """
    lines, samples, box = _one_sample(sample_lines, cutoffs)
    count = check_num_lines(num_lines)
    distance = _as_distance(max_distance)
    points, _ = minpoints(lines, samples, box, count, distance, bool(append_indices))
    return points


def _one_sample(sample_lines: Any, cutoffs: Any) -> tuple[Array, np.ndarray, Array]:
    """Lines, their row range and their limits as kernels take them."""
    lines = _as_lines(sample_lines)
    limits = np.asarray(to_host(cutoffs), dtype=np.float64)
    if limits.shape != (6,):
        raise ValueError(
            "cutoffs must be six values [xmin, xmax, ymin, ymax, zmin, zmax], found shape "
            f"{limits.shape}"
        )
    samples = np.array([[0, len(lines)]], dtype=np.int64)
    return lines, samples, to_device(np.ascontiguousarray(limits[None]), device_of(lines))


def _as_distance(max_distance: Any) -> float:
    distance = float(max_distance)
    if math.isnan(distance) or distance < 0.0:
        raise ValueError(f"max_distance must be zero or more (mm), found {max_distance!r}")
    return distance


def _as_lines(lines: Any) -> Array:
    xp = array_namespace(lines)
    table = xp.asarray(lines)
    if table.dtype.kind not in "buif" or table.ndim != 2 or table.shape[1] < 7:
        raise ValueError(
            "sample_lines must be a table of numbers with at least 7 columns t, x1, y1, z1, x2, y2, "
            f"z2, found dtype {table.dtype} and shape {table.shape}"
        )
    return xp.ascontiguousarray(table, dtype=np.float64)
