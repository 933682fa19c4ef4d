"""Peaks of many grids of voxels, and where between voxels they are.

W, the reach, is at least 1; the interior of a grid are the cells that are W or more from every face. Its
cells are visited in C order. A cell is a peak if

- its value is at least ``ratio`` times the largest of the interior (or times -1, if that is larger), and
  larger than ``least``;
- no cell of the cube of (2 W + 1)^3 cells around it is larger; and
- none of them that is as large is a peak that was visited before.

What is not a number is neither a peak nor larger than anything. A grid without an interior has no peaks.

Along each axis a peak is where a Gaussian has its centre, the integrals of which over the peak and its
two neighbours are their values; its standard deviation is the width. It is found by Newton's method
in steps that do not make the residuals larger, until their sizes add up to less than 1e-4, or those of
the step do (times the value of the peak, where that is below 1), at most 100. Where it is farther than a
cell away, or not found, a Gaussian through the values at the centres of the three cells is taken; and
where there is none either, the peak is at the centre of its cell and its width NaN.
"""

from __future__ import annotations

import numpy as np

from gpupept.backend import array_namespace, is_device_array
from gpupept.kernels import Array
from gpupept.kernels.segments import segment_centroids
from gpupept.kernels.traverse.batch import Grids


def peaks_of_grids(
    values: Array, offsets: np.ndarray, shapes: np.ndarray, reach: int, ratio: float, least: float
) -> tuple[Array, np.ndarray]:
    """Find the peaks of grids.

    Parameters
    ----------
    values : (N,) uint32 or float64, C-contiguous
        The grids one after the other, each in C order.
    offsets : (S + 1,) int64, on the host
        Where each grid begins, and N.
    shapes : (S, 3) int64, on the host
        Their numbers of cells.
    reach, ratio, least : int, float, float
        What is a peak.

    Returns
    -------
    places : (K, 6) float64, where the values are
        Places of the peaks along x, y and z (i at the centre of cell i), and their widths along x, y and
        z, all in cells; grid after grid, in the order of visiting.
    sizes : (S,) int64, on the host
        Number of peaks of each grid.
    """
    if is_device_array(values):
        from gpupept.kernels.fpi.device import peaks_on_device

        return peaks_on_device(values, offsets, shapes, reach, ratio, least)
    from gpupept.kernels.fpi import host

    return host.peaks_of_grids(values, offsets, shapes, host.Rule(reach, ratio, least))


def peaks_of_lines(
    lines: Array, samples: np.ndarray, grids: Grids, reach: int, ratio: float, least: float
) -> tuple[Array, np.ndarray, int]:
    """Find the peaks of the numbers of lines in the cells of a grid for each sample.

    Parameters
    ----------
    lines, samples, grids
        As for `gpupept.kernels.traverse.batch.traverse_batch`.
    reach, ratio, least : int, float, float
        What is a peak.

    Returns
    -------
    places, sizes
        As by `peaks_of_grids`.
    skipped : int
        As by `traverse_batch`.

    Notes
    -----
    On a GPU the grids of all samples are in memory together, 4 bytes for a cell; on the CPU one for each
    thread.
    """
    if is_device_array(lines):
        from gpupept.kernels.fpi.device import peaks_of_lines_on_device

        return peaks_of_lines_on_device(lines, samples, grids, reach, ratio, least)
    from gpupept.kernels.fpi import host

    return host.peaks_of_lines(lines, samples, grids, host.Rule(reach, ratio, least))


def mean_times(lines: Array, samples: np.ndarray) -> Array:
    """Mean of the times of the lines of each sample, of those that are finite.

    Parameters
    ----------
    lines : (R, C) float64
        Rows ``t, ...`` (ms).
    samples : (S, 2) int64, on the host
        Row range of each sample.

    Returns
    -------
    (S,) float64, where the lines are
        NaN for a sample without finite times.
    """
    if not is_device_array(lines):
        from gpupept.kernels.fpi.host import mean_times as means_on_host

        times = np.empty(len(samples))
        means_on_host(lines, samples, times)
        return times
    xp = array_namespace(lines)
    finite = xp.isfinite(lines[:, 0])
    table = xp.zeros((len(lines), 5), dtype=np.float64)  # time, a position, weight
    table[:, 0] = xp.where(finite, lines[:, 0], 0.0)
    table[:, 4] = finite
    return segment_centroids(table, samples, 4).means[:, 0]
