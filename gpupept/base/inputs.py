"""What the constructors of the containers accept, turned into one array."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from gpupept.backend import array_namespace, cupy_module, is_device_array

if TYPE_CHECKING:
    from gpupept.base.iterable_samples import IterableSamples


class Rows(NamedTuple):
    """Rows of a container and what comes with them; None where nothing does."""

    data: Any
    sizes: list[int] | None = None
    columns: Sequence[str] | None = None
    attrs: dict[str, Any] | None = None


def gather_rows(value: Any, kind: type[IterableSamples], name: str) -> Rows:
    """Collect the rows from whatever a constructor was given.

    Parameters
    ----------
    value : container, array, table or sequence
        A `kind`, a sequence of them, an (N, C) array (NumPy, CuPy or with a CUDA array interface),
        a pandas data frame, a sequence of rows or a sequence of (n, C) arrays.
    kind : type
        `LineData`, `PointData` or `IterableSamples`.
    name : str
        Name of the argument, for errors.

    Returns
    -------
    Rows
        Float64 C-contiguous data, not copied where it is that already; row counts for a sequence of
        containers or arrays; columns and attributes of the (first) container.

    Raises
    ------
    TypeError
        If the value is none of these.
    ValueError
        If it is empty, does not have two dimensions or widths differ.
    MixedDevicesError
        If elements of a sequence are on different devices.
    """
    from gpupept.base.iterable_samples import IterableSamples

    if isinstance(value, kind):
        return Rows(value.data.copy(), None, value.columns, value.attrs)
    if isinstance(value, IterableSamples):
        raise ValueError(
            f"{name} must not be a {type(value).__name__}; give its .data if its columns are those "
            f"of a {kind.__name__}"
        )
    if hasattr(value, "to_numpy") and hasattr(value, "columns"):
        return _from_frame(value, name)
    if isinstance(value, np.ndarray | np.generic) or is_on_device(value):
        return Rows(as_table(value, name))
    if isinstance(value, str | bytes | dict) or not hasattr(value, "__len__"):
        raise TypeError(
            f"{name} must be an array, a {kind.__name__} or a sequence of rows, arrays or "
            f"{kind.__name__}, found {type(value).__name__}"
        )
    if hasattr(value, "__array__"):
        return Rows(as_table(np.asarray(value), name))
    return _from_sequence(list(value), kind, name)


def is_on_device(value: Any) -> bool:
    """Tell whether a value is an array in the memory of a GPU, of CuPy or another library."""
    return is_device_array(value) or hasattr(value, "__cuda_array_interface__")


def as_table(value: Any, name: str) -> Any:
    """Make a 2D float64 C-contiguous array on the device where the value is.

    Parameters
    ----------
    value : array_like
        NumPy or CuPy array, object with a CUDA array interface, or nested lists.
    name : str
        Name of the argument, for errors.

    Returns
    -------
    (N, C) float64 array
        The value itself if it is that already.

    Raises
    ------
    TypeError
        If it does not hold real numbers.
    ValueError
        If it does not have two dimensions, or rows have different lengths.
    """
    array, xp = _as_array(value, name)
    if array.ndim != 2:
        raise ValueError(
            f"{name} must have two dimensions (rows, columns), found shape {tuple(array.shape)}"
        )
    return xp.ascontiguousarray(array, dtype=np.float64)


def _as_array(value: Any, name: str) -> tuple[Any, Any]:
    if is_on_device(value):
        xp: Any = cupy_module()
        array = xp.asarray(value)
    else:
        xp = np
        try:
            array = np.asarray(value)
            array = array.astype(np.float64) if array.dtype == object else array
        except (TypeError, ValueError) as error:
            raise ValueError(f"{name} cannot be made an array of numbers: {error}") from error
    if array.dtype.kind not in "buif":
        raise TypeError(f"{name} must hold real numbers, found dtype {array.dtype}")
    return array, xp


def _from_frame(frame: Any, name: str) -> Rows:
    try:
        data = frame.to_numpy(dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{name}: the data frame does not hold only numbers: {error}") from error
    labels = list(frame.columns)
    named = bool(labels) and all(isinstance(label, str) for label in labels)
    return Rows(as_table(data, name), columns=labels if named else None)


def _from_sequence(items: list[Any], kind: type[IterableSamples], name: str) -> Rows:
    if not items:
        raise ValueError(f"{name} must not be an empty sequence; an empty array is fine")
    if isinstance(items[0], kind):
        return _from_containers(items, kind, name)
    if all(_dimensions(item) <= 1 for item in items):
        return Rows(_from_rows(items, name))
    parts = [
        item.data if isinstance(item, kind) else as_table(item, f"{name}[{i}]")
        for i, item in enumerate(items)
    ]
    return Rows(_stack(parts, name), [len(part) for part in parts])


def _dimensions(item: Any) -> int:
    """Dimensions of an array, or of nested lists judged by their first elements."""
    if hasattr(item, "ndim"):
        return int(item.ndim)
    if not hasattr(item, "__len__") or isinstance(item, str | bytes):
        return 0
    return 1 + (_dimensions(item[0]) if len(item) else 0)


def _from_rows(rows: list[Any], name: str) -> Any:
    if not any(is_on_device(row) for row in rows):
        return as_table(rows, name)
    arrays = [_as_array(row, name)[0] for row in rows]
    return as_table(array_namespace(*arrays).stack(arrays), name)


def _from_containers(items: list[Any], kind: type[IterableSamples], name: str) -> Rows:
    for i, item in enumerate(items):
        if not isinstance(item, kind):
            raise TypeError(
                f"{name}[{i}] must be a {kind.__name__} like {name}[0], found {type(item).__name__}"
            )
    parts = [item.data for item in items]
    sizes = [len(part) for part in parts]
    return Rows(_stack(parts, name), sizes, items[0].columns, items[0].attrs)


def _stack(parts: list[Any], name: str) -> Any:
    width = parts[0].shape[1]
    for i, part in enumerate(parts):
        if part.shape[1] != width:
            raise ValueError(
                f"{name}[{i}] must have {width} columns like {name}[0], found {part.shape[1]}"
            )
    return array_namespace(*parts).concatenate(parts)
