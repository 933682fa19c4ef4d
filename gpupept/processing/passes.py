"""Passes of tracers across planes: where each was nearest to them."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np

from gpupept.backend import array_namespace, device_of, device_scope, to_device, to_host
from gpupept.base import PointData
from gpupept.base.grid_inputs import timed
from gpupept.base.samples import is_number, whole_number
from gpupept.executors import Executor, check_executor
from gpupept.kernels import Array
from gpupept.kernels.nearest import Nearest, nearest_rows
from gpupept.kernels.threads import use_threads
from gpupept.tracking.stack import stacked_points

logger = logging.getLogger("gpupept.processing")

_ENTRIES = 2**21  # passes times planes that are looked at together
_FAR = 1e150  # mm


class Planes(NamedTuple):
    """Planes, each with a point on it and the unit vector across it; (K, 3) float64 each."""

    points: np.ndarray
    axes: np.ndarray

    def blocks(self, passes: int) -> Iterator[Planes]:
        """Yield some planes at a time, so many that what is found of all passes fits the memory."""
        size = max(1, _ENTRIES // max(passes, 1))
        for begin in range(0, len(self.points), size):
            yield Planes(self.points[begin : begin + size], self.axes[begin : begin + size])


@contextmanager
def fitting(
    name: str, trajectories: Any, executor: Executor, max_workers: int | None, verbose: bool
) -> Iterator[PointData]:
    """Points of all passes, each sample one; inside the block the threads and the device are chosen.

    Raises
    ------
    TypeError
        If the trajectories cannot be made `PointData`, or the executor is unknown.
    """
    check_executor(executor, max_workers)
    try:
        points = stacked_points(trajectories)
    except (TypeError, ValueError) as error:
        raise TypeError(
            "trajectories must be PointData, or what PointData can be made of, found "
            f"{type(trajectories).__name__}: {error}"
        ) from error
    with (
        timed(verbose, f"{name} made"),
        use_threads(max_workers),
        device_scope(device_of(points.data)),
        np.errstate(all="ignore"),  # numbers too large for their squares are not finite then
    ):
        yield points


def nearest_positions(points: PointData, planes: Planes) -> Nearest:
    """Row of each pass whose position is nearest to each plane, and how near; see `nearest_rows`."""
    xp = array_namespace(points.data)
    positions = xp.ascontiguousarray(points.data[:, 1:4])
    return nearest_rows(positions, points.row_ranges, *planes)


def rows_or_nan(data: Array, rows: Array, kept: Array) -> Array:
    """Rows of a table, NaN where they are not kept."""
    xp = array_namespace(data)
    if not len(data):
        return xp.full((*rows.shape, *data.shape[1:]), np.nan)
    return xp.where(kept[..., None], data[xp.where(kept, rows, 0)], np.nan)


def distances_from(positions: Array, points: np.ndarray) -> Array:
    """Euclidean distance from points that broadcast with the positions, last axis x, y, z."""
    xp = array_namespace(positions)
    apart = positions - to_device(points, device_of(positions))
    # Powers of two change no digits; without them squares of what is far away overflow.
    scale = xp.where(xp.abs(apart).max(axis=-1) > _FAR, 2.0**-600, 1.0)
    x, y, z = (apart[..., axis] * scale for axis in range(3))
    return xp.sqrt(x**2 + y**2 + z**2) / scale


def report_missed(passes: int, used: int, max_distance: float, what: str) -> None:
    """Warn of passes that come near enough to no plane."""
    if used < passes:
        logger.warning(
            "%d of %d passes are left out: their positions are not within max_distance = %g mm of %s",
            passes - used,
            passes,
            max_distance,
            what,
        )


def check_point(value: Any, name: str) -> np.ndarray:
    """Three finite coordinates."""
    try:
        point = np.array(to_host(value), dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{name} must be three numbers (mm), found {value!r}") from error
    if point.shape != (3,) or not np.isfinite(point).all():
        raise ValueError(f"{name} must be three finite numbers (mm), found {value!r}")
    return point


def check_axis(value: Any, name: str, p1: np.ndarray, p2: np.ndarray) -> np.ndarray:
    """Return the unit vector along an axis, by default from one point to the other."""
    axis = check_point(p2 - p1 if value is None else value, name)
    largest = np.abs(axis).max()
    if largest == 0.0:
        found = "p1 and p2 are the same" if value is None else f"found {value!r}"
        raise ValueError(f"{name} must be a vector that is not zero, {found}")
    axis = axis / largest
    unit: np.ndarray = axis / np.linalg.norm(axis)
    return unit


def planes_between(p1: np.ndarray, p2: np.ndarray, count: int) -> Planes:
    """Equally spaced planes from one point to another, across the line between them."""
    axis = check_axis(None, "p2 - p1", p1, p2)
    return Planes(np.linspace(p1, p2, count), np.tile(axis, (count, 1)))


def check_distance(value: Any, name: str = "max_distance") -> float:
    """Check that a number is greater than zero; it may be infinite."""
    if not is_number(value) or not float(value) > 0.0:
        raise ValueError(f"{name} must be greater than 0, found {value!r}")
    return float(value)


def check_divisions(value: Any, least: int) -> int:
    """Whole number of divisions, at least so many."""
    if not is_number(value) or whole_number("num_divisions", value) < least:
        raise ValueError(f"num_divisions must be at least {least}, found {value!r}")
    return int(value)
