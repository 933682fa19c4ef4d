"""Normalising and cropping images."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from gpupept.backend import array_namespace, is_device_array
from gpupept.base.array_container import ArrayContainer
from gpupept.base.regular_grid import RegularGrid
from gpupept.base.statistics import Elements

_TYPES = {(0.0, 255.0): np.uint8, (0.0, 65535.0): np.uint16, (0.0, 1.0): np.float32}
_LARGE = 64  # binary digits before the point, beyond which products might overflow


def normalize_data(
    img: Any,
    data_range_output: tuple[float, float],
    data_range_input: tuple[float, float] | None = None,
) -> Any:
    """Map the values of an image linearly to another range.

    Parameters
    ----------
    img : array_like or container
        The image, on either device.
    data_range_output : pair of float
        What the ends of the input range become. (0, 255) gives uint8 and (0, 65535) uint16, both
        truncated towards zero; (0, 1) gives float32; any other range the floating type of the image,
        float64 for integers.
    data_range_input : pair of float, optional
        Range of the input; its smallest and largest value by default. Values outside it are mapped
        by the same line, but to the nearest end, and NaN to the lower one, where the result is of an
        integer type.

    Returns
    -------
    array or container
        Like `img`. A constant image becomes the lower end of the output range.

    Raises
    ------
    ValueError
        If a range is not two finite numbers, or the image is empty or has values that are not finite
        and no input range is given.

    Examples
    --------
    >>> import numpy as np
    >>> from gpupept.images import normalize_data
    >>> normalize_data(np.array([0, 1000, 4000], dtype=np.uint16), (0, 255))
    array([  0,  63, 255], dtype=uint8)
    """
    values = img.array if isinstance(img, ArrayContainer) else img
    values = values if is_device_array(values) else np.asarray(values)
    low, high = _checked_range("data_range_output", data_range_output)
    first, last = _input_range(values, data_range_input)
    floating = values.dtype.type if values.dtype.kind == "f" else np.float64
    kind = _TYPES.get((low, high), floating)
    computing = np.float32 if values.dtype == np.float32 else np.float64
    result = _mapped(values.astype(computing), (first, last), (low, high))
    if np.dtype(kind).kind == "u":
        xp = array_namespace(result)
        result = xp.clip(xp.where(xp.isnan(result), low, result), low, high)
    result = result.astype(kind)
    return img._with_array(result) if isinstance(img, ArrayContainer) else result


def _mapped(values: Any, given: tuple[float, float], wanted: tuple[float, float]) -> Any:
    xp = array_namespace(values)
    (first, last), (low, high) = given, wanted
    if last == first:
        return xp.full_like(values, low)
    kind = values.dtype.type
    exponent = math.frexp(max(abs(first), abs(last)))[1]
    if exponent > _LARGE:
        scale = 2.0 ** (_LARGE - exponent)
        values, first, last = values * kind(scale), first * scale, last * scale
    return (values - kind(first)) * kind(high - low) / kind(last - first) + kind(low)


def _input_range(values: Any, given: tuple[float, float] | None) -> tuple[float, float]:
    if given is not None:
        return _checked_range("data_range_input", given)
    elements = Elements.of(values)
    if not elements.finite:
        raise ValueError(
            "img: the range of values is not finite; give a data_range_input, or replace NaN and "
            "infinities"
        )
    return float(elements.low), float(elements.high)


def _checked_range(name: str, given: Any) -> tuple[float, float]:
    limits = np.asarray(given, dtype=np.float64)
    if limits.shape != (2,) or not np.isfinite(limits).all():
        raise ValueError(f"{name} must be two finite numbers, found {given!r}")
    low, high = limits.tolist()
    return low, high


def crop_image(
    img: Any,
    x: tuple[int, int],
    y: tuple[int, int],
    z: tuple[int, int] | None = None,
) -> Any:
    """Cut a block out of an image.

    Parameters
    ----------
    img : array_like or container
        Image of two or three axes, on either device.
    x, y, z : pair of int
        First element and the one after the last along each axis; z for three axes only.

    Returns
    -------
    array or container
        The block: a view of an array or `ImageArray`; `Pixels` and `Voxels` with a copy of their
        values and the limits (`xlim`, `ylim`, `zlim`) of the block.

    Raises
    ------
    ValueError
        If a range is empty or outside the image, or there is not one for each axis.

    Examples
    --------
    >>> import numpy as np
    >>> from gpupept.images import crop_image
    >>> crop_image(np.arange(12).reshape(3, 4), (0, 2), (1, 3)).tolist()
    [[1, 2], [5, 6]]
    """
    values = img.array if isinstance(img, ArrayContainer) else img
    values = values if is_device_array(values) else np.asarray(values)
    ranges = [x, y] if z is None else [x, y, z]
    if values.ndim != len(ranges):
        raise ValueError(
            f"img: expected {len(ranges)} axes, one for each range, found shape {values.shape}"
        )
    bounds = [
        _checked_bounds(axis, given, size)
        for axis, given, size in zip("xyz", ranges, values.shape, strict=False)
    ]
    block = values[tuple(slice(*pair) for pair in bounds)]
    if isinstance(img, RegularGrid):
        ends = (grid[list(pair)] for grid, pair in zip(img._grids(), bounds, strict=True))
        limits = {f"{axis}lim": pair for axis, pair in zip("xyz", ends, strict=False)}
        grid: Any = img  # of pixels or voxels, whose copies take limits
        return grid.copy(block.copy(), deep=False, **limits)
    return img._with_array(block) if isinstance(img, ArrayContainer) else block


def _checked_bounds(axis: str, given: tuple[int, int], size: int) -> tuple[int, int]:
    first, last = (int(bound) for bound in given)
    if not 0 <= first < last <= size:
        raise ValueError(
            f"{axis} must be a range of at least one element within 0 to {size}, found {given!r}"
        )
    return first, last
