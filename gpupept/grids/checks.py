"""Checks of what masks, arrays and grids are made from."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from gpupept.backend import cupy_module, is_device_array, to_host
from gpupept.base.array_container import ArrayContainer
from gpupept.base.inputs import is_on_device
from gpupept.grids.errors import MaskException
from gpupept.kernels import Array

LARGEST_SUB_SIZE = 2**15 - 1  # what the map of sub sizes can hold


def as_array(value: Any, name: str, device: str | None = None) -> Array:
    """Array of real numbers, where the value is; lists go to `device`, the CPU if not given."""
    if isinstance(value, ArrayContainer):
        value = value.array
    if is_on_device(value):
        array = value if is_device_array(value) else cupy_module().asarray(value)
    else:
        array = _from_host(value, name, device)
    if array.dtype.kind not in "buif":
        raise TypeError(f"{name} must hold real numbers, found dtype {array.dtype}")
    return array


def _from_host(value: Any, name: str, device: str | None) -> Array:
    from gpupept.backend import to_device

    try:
        array = np.asarray(value)
    except ValueError as error:
        raise ValueError(f"{name} cannot be made an array: {error}") from error
    given = isinstance(value, np.ndarray) or device is None
    return array if given else to_device(array, str(device))


def as_points(value: Any, name: str, dimensions: int, device: str | None = None) -> Array:
    """Table of coordinates in float64, one point in each row."""
    points = as_array(value, name, device)
    if points.ndim != 2 or points.shape[1] != dimensions:
        raise ValueError(f"{name} must have shape (n, {dimensions}), found {tuple(points.shape)}")
    return points.astype(np.float64, copy=False)


def check_numbers(value: Any, name: str, dimensions: int) -> tuple[float, ...]:
    """As many finite numbers as there are axes."""
    try:
        numbers = tuple(float(number) for number in np.asarray(to_host(value)).ravel())
    except (TypeError, ValueError) as error:
        raise MaskException(f"{name} must be {dimensions} numbers, found {value!r}") from error
    if len(numbers) != dimensions or not all(math.isfinite(number) for number in numbers):
        raise MaskException(f"{name} must be {dimensions} finite numbers, found {value!r}")
    return numbers


def check_scales(value: Any, dimensions: int) -> tuple[float, ...]:
    """Sizes of a pixel along each axis; one number stands for all."""
    shape = np.shape(to_host(value)) if not isinstance(value, (int, float)) else ()
    scales = check_numbers(
        [value] * dimensions if shape == () else value, "pixel_scales", dimensions
    )
    if min(scales) <= 0:
        raise MaskException(f"pixel_scales must be above zero, found {value!r}")
    return scales


def check_sub_size(value: Any, name: str = "sub_size") -> int:
    """Whole number of sub-pixels along each side of a pixel."""
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)):
        raise ValueError(f"{name} must be a whole number, found {value!r}")
    if not 1 <= value <= LARGEST_SUB_SIZE:
        raise ValueError(f"{name} must be from 1 to {LARGEST_SUB_SIZE}, found {value!r}")
    return int(value)


def check_shape(value: Any, name: str, dimensions: int) -> tuple[int, ...]:
    """Check numbers of pixels along each axis, at least one."""
    sizes = tuple(value) if np.ndim(to_host(value)) == 1 else ()
    whole = all(isinstance(n, (int, np.integer)) and not isinstance(n, bool) for n in sizes)
    if len(sizes) != dimensions or not whole or min(sizes) < 1:
        raise MaskException(
            f"{name} must be {dimensions} whole numbers of at least 1, found {value!r}"
        )
    return tuple(int(n) for n in sizes)


def check_kernel(value: Any, error: type[ValueError]) -> tuple[int, int]:
    """Shape of a kernel, (rows, columns), both odd."""
    try:
        rows, columns = check_shape(value, "kernel_shape_native", 2)
    except MaskException as found:
        raise error(str(found)) from found
    if rows % 2 == 0 or columns % 2 == 0:
        raise error(
            f"kernel_shape_native must be odd along both axes, so that it has a centre, found {value!r}"
        )
    return rows, columns
