"""Where images go that do not fit memory: stores on disk."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeGuard

import numpy as np

from gpupept.backend import is_device_array
from gpupept.base import Pixels, Voxels
from gpupept.base.array_container import ArrayContainer
from gpupept.mapreduce.box import Box
from gpupept.mapreduce.exposure import Exposure
from gpupept.volumes.store import VolumeStore
from gpupept.volumes.zarr_format import default_chunks

_OF_VALUES = (
    "total",
    "nonzero",
    "maximum",
)  # attributes that only hold for the values they came with


def is_path(out: Any) -> TypeGuard[str | os.PathLike[str]]:
    """Tell whether an output is the path of a store to be made."""
    return isinstance(out, str | os.PathLike)


def placed(exposure: Exposure, image: Any) -> Any:
    """Make an image what an exposure was given as, with the same limits and attributes.

    Parameters
    ----------
    exposure : Exposure
        What the image is made of.
    image : array
        Of the same shape. What is neither a NumPy nor a CuPy array is returned as it is.

    Returns
    -------
    Pixels, Voxels, ImageArray or array
        A container of this array if the exposure was given as one, or as a store.
    """
    given = exposure.container
    if not isinstance(image, np.ndarray) and not is_device_array(image):
        return image
    if isinstance(given, VolumeStore):
        kind: Any = Voxels if given.ndim == 3 else Pixels
        return kind(image, *given.limits, dtype=image.dtype, **_lasting(given.attrs))
    return given._with_array(image) if isinstance(given, ArrayContainer) else image


def _lasting(attrs: dict[str, Any]) -> dict[str, Any]:
    """Attributes that hold for other values too."""
    return {name: value for name, value in attrs.items() if name not in _OF_VALUES}


def make_store(
    path: Path, exposure: Exposure, cells: Sequence[Box], dtype: Any = None
) -> VolumeStore:
    """Make a store for an image, whose chunks are no deeper than its cells.

    Parameters
    ----------
    path : Path
        A folder, which must not exist.
    exposure : Exposure
        What the image is made of; its limits, attributes and, if it is floating point, its type are
        those of the store.
    cells : list of Box
        The cells.
    dtype : dtype, optional
        Of the store, if it is to be another floating-point type.

    Raises
    ------
    ValueError
        If it is not known where the exposure lies.
    TypeError
        If `dtype` is no floating-point type.
    """
    limits = exposure.limits
    if limits is None:
        raise ValueError(
            "out: a path needs an image that knows where it lies; give Pixels, Voxels or a VolumeStore "
            "in place of a plain array, or create a VolumeStore and give that as out"
        )
    image: Any = exposure.image.array
    shape = tuple(map(int, image.shape))
    kind = image_dtype(image.dtype) if dtype is None else np.dtype(dtype)
    if kind.kind != "f":
        raise TypeError(f"dtype must be a floating-point type, which has NaN, found {kind}")
    deepest = min((box.getWidth() for box in cells if not box.isEmpty()), default=None)
    chunks = default_chunks(shape, kind.itemsize, None if exposure._reversed else deepest)
    attrs = _lasting(dict(getattr(exposure.container, "attrs", {})))
    return VolumeStore.create(path, shape, *limits, dtype=kind, chunks=chunks, attrs=attrs)


def image_dtype(dtype: Any) -> np.dtype[Any]:
    """Type of an image made of one of a type: the same if it has NaN, else float64."""
    kind = np.dtype(dtype)
    return kind if kind.kind == "f" else np.dtype(np.float64)


def check_other(out: Any, exposure: Exposure) -> None:
    """Raise an error if an image would be written over what cells to come still read.

    Parameters
    ----------
    out : array or None
        Where the image goes.
    exposure : Exposure
        What is mapped.

    Raises
    ------
    ValueError
        If they share memory, or are the same store.
    """
    for part in exposure._arrays():
        plain = isinstance(out, np.ndarray) and isinstance(part, np.ndarray)
        shared = np.shares_memory(out, part) if plain else out is part
        if out is not None and (shared or _same_place(out, part)):
            raise ValueError(
                "out must be another array than the image, whose borders are still read"
            )


def _same_place(out: Any, part: Any) -> bool:
    """Tell whether two Zarr arrays are one on disk."""
    places = [getattr(array, "store_path", None) for array in (out, part)]
    return places[0] is not None and places[0] == places[1]
