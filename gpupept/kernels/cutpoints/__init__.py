"""Cutpoints: mid-points of the shortest segments between pairs of lines, for many samples at once.

For lines P + s U and Q + t R with W = Q - P the closest points are those with

    s = (b e - c d) / D,    t = (a e - b d) / D,    D = b^2 - a c,

a = U.U, b = U.R, c = R.R, d = U.W, e = R.W. A pair gives a cutpoint when the closest points are nearer
than `max_distance` (strictly) and their mid-point lies strictly inside the cutoffs. Lines are infinite.
Parallel lines (|D| <= 1e-14 a c), zero-length lines and lines that are not finite give none.
"""

from __future__ import annotations

import numpy as np

from gpupept.backend import array_namespace, is_device_array
from gpupept.kernels import Array


def default_cutoffs(lines: Array, samples: np.ndarray) -> Array:
    """Bounding box of both end points of the lines of each sample.

    Parameters
    ----------
    lines : (R, C >= 7) float64, C-contiguous
        Rows ``t, x1, y1, z1, x2, y2, z2`` (ms, mm); rows that are not finite are left out.
    samples : (S, 2) int64, on the host
        Row range of each sample.

    Returns
    -------
    (S, 6) float64
        ``xmin, xmax, ymin, ymax, zmin, zmax`` (mm) per sample; NaN for a sample without finite lines.
    """
    xp = array_namespace(lines)
    cutoffs = xp.empty((len(samples), 6), dtype=np.float64)
    if is_device_array(lines):
        from gpupept.kernels.cutpoints.device import cutoffs_on_device

        cutoffs_on_device(lines, samples, cutoffs)
    else:
        from gpupept.kernels.cutpoints.samples import sample_cutoffs

        sample_cutoffs(lines, samples, cutoffs)
    return cutoffs


def cutpoints(
    lines: Array,
    samples: np.ndarray,
    cutoffs: Array,
    max_distance: float,
    append_indices: bool = False,
) -> tuple[Array, np.ndarray]:
    """Cutpoints of every sample of a ragged batch.

    Parameters
    ----------
    lines : (R, C >= 7) float64, C-contiguous
        Rows ``t, x1, y1, z1, x2, y2, z2`` (ms, mm); further columns are ignored.
    samples : (S, 2) int64, on the host
        Row range of each sample; ranges may overlap and may be empty.
    cutoffs : (S, 6) float64, where the lines are
        ``xmin, xmax, ymin, ymax, zmin, zmax`` (mm) of each sample.
    max_distance : float
        Largest distance (mm) between two lines, itself excluded.
    append_indices : bool
        Append the row numbers of the two lines within their sample.

    Returns
    -------
    points : (K, 4) or (K, 6) float64, where the lines are
        Rows ``t, x, y, z`` or ``t, x, y, z, i, j``, sample after sample; within a sample in order of
        time, those of equal time in the order of (i, j).
    sizes : (S,) int64, on the host
        Number of cutpoints of each sample.
    """
    if is_device_array(lines):
        from gpupept.kernels.cutpoints.device import cutpoints_on_device

        return cutpoints_on_device(lines, samples, cutoffs, max_distance, append_indices)
    from gpupept.kernels.cutpoints.samples import cutpoints_on_host

    distances = np.full(len(samples), float(max_distance))
    return cutpoints_on_host(lines, samples, cutoffs, distances, None, append_indices)


def cutpoints_near_places(
    lines: Array,
    samples: np.ndarray,
    cutoffs: Array,
    places: Array,
    distances: np.ndarray,
    append_indices: bool = False,
) -> tuple[Array, np.ndarray]:
    """Cutpoints of the pairs of lines whose places are near each other, however far the lines.

    Parameters
    ----------
    lines, samples, cutoffs, append_indices
        As of `cutpoints`.
    places : (sum of the sizes of samples, 3) float64, C-contiguous, where the lines are
        A position (mm) on each line, sample after sample; lines without one, NaN, take no part.
    distances : (S,) float64, on the host
        Largest distance (mm) between two places in each sample, itself excluded.

    Returns
    -------
    points, sizes
        As of `cutpoints`.
    """
    if is_device_array(lines):
        from gpupept.kernels.cutpoints.device import cutpoints_near_places_on_device

        return cutpoints_near_places_on_device(
            lines, samples, cutoffs, places, distances, append_indices
        )
    from gpupept.kernels.cutpoints.samples import cutpoints_on_host

    return cutpoints_on_host(lines, samples, cutoffs, distances, places, append_indices)
