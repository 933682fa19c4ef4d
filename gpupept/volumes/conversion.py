"""Volumes with values of another type, checked as they are read."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from gpupept.backend import array_namespace, is_device_array
from gpupept.kernels import Array
from gpupept.volumes.checks import checked_dtype
from gpupept.volumes.source import VolumeSource


def with_dtype(source: VolumeSource, dtype: Any) -> VolumeSource:
    """Give a volume another type of values.

    Parameters
    ----------
    source : VolumeSource
        The volume.
    dtype : dtype
        Of the values. Floating-point numbers are rounded; what the type cannot hold, such as numbers out
        of its range or, for integers, fractions and NaN, is an error when it is read.

    Returns
    -------
    VolumeSource
        Converted block by block.

    Raises
    ------
    TypeError
        If values of a volume cannot be of this type.
    """
    kind = checked_dtype(dtype)
    if kind == source.dtype:
        return source
    return replace(source, values=_Converted(source.values, source.dtype, kind), dtype=kind)


def converted(values: Array, dtype: np.dtype[Any]) -> Array:
    """Convert values to a type that holds them.

    Raises
    ------
    ValueError
        If it does not hold one of them.
    """
    xp = array_namespace(values) if is_device_array(values) else np
    with np.errstate(over="ignore", invalid="ignore"):
        found = values.astype(dtype)
        if dtype.kind == "f":
            lost = xp.isinf(found) & ~xp.isinf(values)
        else:
            lost = _range_left(values, dtype) | (found.astype(values.dtype) != values)
    if bool(lost.any()):
        raise ValueError(
            f"dtype: {int(lost.sum())} of {values.size} values in a block do not fit {dtype}, such as "
            f"{values[lost][0].item()!r}; choose a wider type, or scale the volume"
        )
    return found


def _range_left(values: Array, dtype: np.dtype[Any]) -> Any:
    """Tell which values are beyond the range of a type of integers."""
    if dtype.kind == "b":
        return (values != 0) & (values != 1)
    limits = np.iinfo(dtype)
    if values.dtype.kind == "f":  # whose own limits may not be those of the integers
        return ~((values >= float(limits.min)) & (values < float(limits.max) + 1.0))
    return (values < limits.min) | (values > limits.max)


class _Converted:
    """Values of another type, read by slices."""

    def __init__(self, values: Any, given: np.dtype[Any], dtype: np.dtype[Any]) -> None:
        self._values, self._dtype = values, dtype
        self.itemsize = 2 * given.itemsize + dtype.itemsize  # of what a block takes meanwhile

    def __getitem__(self, index: Any) -> Array:
        part = self._values[index]
        return converted(part if is_device_array(part) else np.asarray(part), self._dtype)
