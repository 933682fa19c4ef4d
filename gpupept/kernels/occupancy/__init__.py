"""Balls and swept balls in a grid of cells: how much of each cell they cover.

A shape is the capsule of a segment from A to B with radius r: all points at most r from the segment; a
disc or a ball if A = B. With `tails` the disc or ball around B is taken away, which leaves what the
trailing half of the moving tracer sweeps: the shapes of the steps of a straight track then cover it once.

Areas and volumes are exact: they are sums over the edges of a cell, or of its faces, in closed form;
see `areas` and `volumes`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from gpupept.backend import array_namespace, is_device_array
from gpupept.kernels import Array


class Shapes(NamedTuple):
    """Shapes to be spread over cells; all arrays on one device.

    Attributes
    ----------
    segments : (N, 2 D) float64, C-contiguous
        Coordinates (mm) of both ends, for D = 2 or 3 axes.
    radii : (N,) float64
        Radii, mm; positive.
    tails : (N,) bool
        Take the disc or ball around the second end away.
    """

    segments: Array
    radii: Array
    tails: Array


def measures(shapes: Shapes) -> Array:
    """Whole area (mm^2) or volume (mm^3) of each shape: (N,) float64."""
    xp = array_namespace(shapes.segments)
    segments, r = shapes.segments, shapes.radii
    dimensions = segments.shape[1] // 2
    swept, ball = 2.0 * r, math.pi * r**2
    if dimensions == 3:
        swept, ball = ball, 4.0 / 3.0 * math.pi * r**3
    return swept * lengths(segments) + xp.where(shapes.tails, 0.0, ball)


def lengths(segments: Array) -> Array:
    """Lengths (mm) of segments, see `Shapes`: (N,) float64."""
    xp = array_namespace(segments)
    dimensions = segments.shape[1] // 2
    steps = segments[:, dimensions:] - segments[:, :dimensions]
    total = xp.abs(steps[:, 0])
    for axis in range(1, dimensions):
        total = xp.hypot(total, steps[:, axis])
    return total


def spread(cells: Array, shapes: Shapes, weights: Array, edges: Sequence[np.ndarray]) -> None:
    """Add what shapes cover of each cell, times their weights.

    Parameters
    ----------
    cells : (K, nx, ny) or (K, nx, ny, nz) float64, C-contiguous
        What is added to, K sums for each cell.
    shapes : Shapes
        The shapes, all finite; those longer or wider than 1e100 mm add nothing.
    weights : (N, K) float64, C-contiguous, where the shapes are
        What each shape counts for in each of the sums; finite.
    edges : sequence of (n + 1,) float64, on the host
        Edges of the cells along each axis, mm, ascending and equally spaced.

    Notes
    -----
    Sums do not depend on the number of threads or their order: on the CPU shapes are added in order, on a
    GPU as whole multiples of a unit, 2^-61 of what all shapes together could come to in one cell.

    Areas are right to some 1e-15 r / h of a cell of size h. Volumes are right to some 1e-14 (r / h)^3 of
    a cell, where a step makes an angle with all faces of cells or is parallel to them; the error is
    largest, some 1e-8 (r / h)^1.5, for a step that is less than that off from parallel.
    """
    if not len(shapes.radii) or not cells.size:
        return
    if is_device_array(cells):
        from gpupept.kernels.occupancy.device import spread_on_device

        spread_on_device(cells, shapes, weights, edges)
        return
    from gpupept.kernels.occupancy.host import spread_on_host

    spread_on_host(cells, shapes, weights, edges)
