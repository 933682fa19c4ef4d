"""The artificial cluster that sets the density scale when tracers are clustered.

Per sample and axis, with the quartiles q1 and q3 and R = q3 - q1 over the finite points, artificial
points are drawn from a normal distribution of mean q3 + 1.5 R (Tukey's upper fence) and standard
deviation 0.3 R. After clustering, clusters that are artificial are discarded.
"""

from __future__ import annotations

import numpy as np

from gpupept.backend import array_namespace, device_of, is_device_array, to_device
from gpupept.kernels import Array
from gpupept.kernels.threads import run_ranges


def add_artificial(
    points: Array, samples: np.ndarray, added: np.ndarray, normals: np.ndarray
) -> tuple[Array, np.ndarray]:
    """Positions of every sample followed by its artificial points.

    Parameters
    ----------
    points : (R, C >= 4) float64, C-contiguous
        Rows ``t, x, y, z, ...`` (ms, mm).
    samples : (S, 2) int64, on the host
        Row range of each sample; ranges may overlap and may be empty.
    added : (S,) int64, on the host
        Number of artificial points per sample.
    normals : (A, 3) float64, on the host
        Standard normal draws; sample s uses the first ``added[s]`` of them, scaled.

    Returns
    -------
    positions : (M, 3) float64, where the points are
    offsets : (S + 1,) int64, on the host
        Sample s holds rows ``offsets[s] .. offsets[s + 1] - 1``. A sample without finite points gets
        artificial points that are NaN.
    """
    xp = array_namespace(points)
    sizes = samples[:, 1] - samples[:, 0]
    offsets = np.concatenate([[0], np.cumsum(sizes + added)])
    positions = xp.empty((int(offsets[-1]), 3), dtype=np.float64)
    if is_device_array(points):
        from gpupept.kernels.artificial.device import add_on_device

        add_on_device(points, samples, offsets, to_device(normals, device_of(points)), positions)
        return positions, offsets
    from gpupept.kernels.artificial.samples import add_to_samples

    def task(begin: int, end: int) -> None:
        add_to_samples(begin, end, points, samples, offsets, normals, positions)

    run_ranges(task, sizes)
    return positions, offsets


def discard_artificial(
    labels: Array, offsets: np.ndarray, sizes: np.ndarray, strict: bool
) -> Array:
    """Labels of the real points, without the clusters that are artificial.

    Parameters
    ----------
    labels : (M,) int64
        Cluster numbers from 0 (-1: noise) of the real points of each sample and then its artificial ones.
    offsets : (S + 1,) int64, on the host
        First row of each sample.
    sizes : (S,) int64, on the host
        Number of real points of each sample.
    strict : bool
        Discard a cluster that holds any artificial point; otherwise one of which at least half are.

    Returns
    -------
    (sum of sizes,) int64
        Labels of the real points; the remaining clusters keep their order and are renumbered from 0.
    """
    xp = array_namespace(labels)
    kept = xp.empty(int(sizes.sum()), dtype=np.int64)
    if is_device_array(labels):
        from gpupept.kernels.artificial.device import discard_on_device

        discard_on_device(labels, offsets, sizes, strict, kept)
        return kept
    from gpupept.kernels.artificial.samples import discard_from_samples

    starts = np.concatenate([[0], np.cumsum(sizes)])

    def task(begin: int, end: int) -> None:
        discard_from_samples(begin, end, labels, offsets, starts, bool(strict), kept)

    run_ranges(task, sizes)
    return kept
