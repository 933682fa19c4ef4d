"""Lines of many samples, each through a grid of its own.

All grids have as many cells; their limits differ from sample to sample. The cells of each line are those
of `gpupept.kernels.traverse.traverse`.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from gpupept.backend import is_device_array
from gpupept.kernels import Array
from gpupept.kernels.threads import run_ranges
from gpupept.kernels.traverse import (
    LARGEST_AXIS,
    LARGEST_LAYER,
    describe_axes,
    line_columns,
)


class Grids(NamedTuple):
    """Grids of S samples, on the host.

    Attributes
    ----------
    axes : (S, 3, 5) float64
        `axes` of a `gpupept.kernels.traverse.exact.Grid` for each sample.
    edges : (S, E) float64
        Edges of the cells along the three axes (mm), one axis after the other.
    begins, counts : (3,) int64
        Where the edges of an axis begin, and how many cells it has.
    """

    axes: np.ndarray
    edges: np.ndarray
    begins: np.ndarray
    counts: np.ndarray


def describe_grids(limits: np.ndarray, counts: tuple[int, ...]) -> Grids:
    """Describe the grids between some limits.

    Parameters
    ----------
    limits : (S, 3, 2) float64
        Lower and upper limit along each axis (mm) of each grid.
    counts : three ints
        Cells along each axis.

    Returns
    -------
    Grids
        Edges are those of ``numpy.linspace``.

    Raises
    ------
    ValueError
        If there are more than 2^21 cells along an axis or 2^32 in a grid, or cells are not from 1e-140
        to 1e300 mm large.
    """
    if max(counts) > LARGEST_AXIS or math.prod(counts) > LARGEST_LAYER:
        raise ValueError(
            "lines of a batch can be followed through at most 2^21 cells along an axis and 2^32 in a "
            f"grid, found {' x '.join(map(str, counts))}"
        )
    edges = [_spaced(limits[:, d], count) for d, count in enumerate(counts)]
    axes = np.stack([describe_axes(axis) for axis in edges], axis=1)
    numbers = np.array(counts, dtype=np.int64)
    begins = np.concatenate([[0], np.cumsum(numbers + 1)[:2]])
    return Grids(axes, np.concatenate(edges, axis=1), begins, numbers)


def _spaced(limits: np.ndarray, count: int) -> np.ndarray:
    """Edges (S, count + 1), each row as ``numpy.linspace`` gives it by itself."""
    low, high = limits[:, :1], limits[:, 1:]
    with np.errstate(over="ignore", invalid="ignore"):  # limits too far apart are refused later
        edges: np.ndarray = low + np.arange(count + 1.0) * ((high - low) / count)
    edges[:, -1:] = high
    return edges


def traverse_batch(cells: Array, lines: Array, samples: np.ndarray, grids: Grids) -> int:
    """Count in each cell of each sample's grid the lines of the sample that go through it.

    Parameters
    ----------
    cells : (S, nx, ny, nz) uint32, C-contiguous
        Counts, which are added to.
    lines : (R, C >= 7) float64, C-contiguous, where the cells are
        Rows ``t, x1, y1, z1, x2, y2, z2`` (mm); further columns are ignored.
    samples : (S, 2) int64, on the host
        Row range of each sample; ranges may overlap and may be empty.
    grids : Grids
        The grids of the samples.

    Returns
    -------
    int
        How many lines were skipped because they are not finite, those in several samples several
        times.
    """
    if is_device_array(cells):
        from gpupept.kernels.traverse.device import count_batch_on_device

        return count_batch_on_device(cells, lines, samples, grids)
    from gpupept.kernels.traverse.lines import count_samples, new_scratch

    columns = line_columns(3)
    flat = cells.reshape(len(samples), math.prod(cells.shape[1:]))
    skipped = np.zeros(len(samples), dtype=np.int64)

    def task(begin: int, end: int) -> None:
        scratch = new_scratch(grids, 0)
        count_samples(begin, end, lines, columns, samples, grids, scratch, flat, skipped)

    run_ranges(task, samples[:, 1] - samples[:, 0])
    return int(skipped.sum())
