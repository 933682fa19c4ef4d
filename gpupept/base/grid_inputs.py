"""What grids of pixels and voxels are made from: values, limits, numbers of cells, weights."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from gpupept.backend import cupy_module, resolve_device, to_host
from gpupept.base.array_container import ArrayContainer
from gpupept.base.inputs import is_on_device
from gpupept.kernels.traverse import LARGEST_AXIS, LARGEST_LAYER

if TYPE_CHECKING:
    from gpupept.kernels import Array

logger = logging.getLogger("gpupept.base")


def as_cells(value: Any, name: str, dimensions: int, dtype: Any) -> Array:
    """Array of the right number of axes, C-contiguous, float64 unless `dtype` says otherwise."""
    if isinstance(value, ArrayContainer):
        value = value.array
    if is_on_device(value):
        xp: Any = cupy_module()
        array = xp.asarray(value)
    else:
        xp = np
        try:
            array = np.asarray(value)
        except ValueError as error:
            raise ValueError(f"{name} cannot be made an array: {error}") from error
    if array.ndim != dimensions or 0 in array.shape:
        raise ValueError(
            f"{name} must have {dimensions} axes with at least one cell along each, found shape "
            f"{tuple(array.shape)}"
        )
    kind = np.dtype(np.float64 if dtype is None else dtype)
    for found in (array.dtype, kind):
        if found.kind not in "buif":
            raise TypeError(f"{name} must hold real numbers, found dtype {found}")
    return xp.ascontiguousarray(array, dtype=kind)


def check_limits(limit: Any, name: str) -> np.ndarray:
    """Two ascending finite numbers."""
    try:
        pair = np.asarray(to_host(limit), dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{name} must be two numbers, found {limit!r}") from error
    if pair.shape != (2,) or not np.isfinite(pair).all() or not pair[0] < pair[1]:
        raise ValueError(
            f"{name} must be a lower and a larger upper limit (mm), both finite, found {limit!r}"
        )
    return pair


def check_counts(number: Any, name: str, dimensions: int, least: int) -> tuple[int, ...]:
    """Numbers of cells, cut to whole ones, one for each axis and not less than `least`."""
    try:
        values = np.asarray(to_host(number), dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{name} must be {dimensions} numbers, found {number!r}") from error
    usable = values.shape == (dimensions,) and np.isfinite(values).all()
    if not usable or (np.trunc(values) < least).any() or (values > LARGEST_AXIS).any():
        raise ValueError(
            f"{name} must be {dimensions} numbers from {least} to {LARGEST_AXIS}, found {number!r}"
        )
    counts = tuple(int(value) for value in values)
    if math.prod(counts[1:]) > LARGEST_LAYER:
        raise ValueError(
            f"{name} must have at most 2^32 cells in a layer across x, found {number!r}"
        )
    return counts


def new_cells(counts: tuple[int, ...], dtype: Any, device: str) -> Array:
    """Array of zeros; a MemoryError says how much was asked for."""
    kind = np.dtype(np.float64 if dtype is None else dtype)
    device = resolve_device(device)
    try:
        if device == "cpu":
            return np.zeros(counts, dtype=kind)
        cupy = cupy_module()
        with cupy.cuda.Device(int(device.partition(":")[2])):
            return cupy.zeros(counts, dtype=kind)
    except MemoryError as error:
        gigabytes = math.prod(counts) * kind.itemsize / 1e9
        raise MemoryError(
            f"a grid of {' x '.join(map(str, counts))} {kind} cells takes {gigabytes:.1f} GB, which "
            f"{device} does not have; use fewer cells or a smaller dtype such as uint32"
        ) from error


def check_weights(weights: Any, lines: Array, lengths: bool, dtype: np.dtype[Any]) -> Array | None:
    """One number for each line, if there are any; not for a grid of integers."""
    if (weights is not None or lengths) and dtype == np.uint32:
        raise TypeError("weights and lengths cannot be added up in uint32; use a float dtype")
    if weights is None:
        return None
    xp = cupy_module() if is_on_device(weights) else np
    factors = xp.ascontiguousarray(xp.asarray(weights), dtype=np.float64)
    if factors.shape != (len(lines),):
        raise ValueError(
            f"weights must be one number for each of {len(lines)} lines, found shape {factors.shape}"
        )
    return factors


@contextmanager
def timed(verbose: bool, what: str) -> Iterator[None]:
    """Log how long the block took when `verbose`, unless it raises."""
    start = time.perf_counter()
    yield
    if verbose:
        logger.info("%s in %.3f s.", what, time.perf_counter() - start)
