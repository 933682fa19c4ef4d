"""Where images go that do not fit memory: stores on disk."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeGuard

import numpy as np

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


def make_store(path: Path, exposure: Exposure, cells: Sequence[Box]) -> VolumeStore:
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

    Raises
    ------
    ValueError
        If it is not known where the exposure lies.
    """
    limits = exposure.limits
    if limits is None:
        raise ValueError(
            "out: a path needs an image that knows where it lies; give Pixels, Voxels or a VolumeStore "
            "in place of a plain array, or create a VolumeStore and give that as out"
        )
    image: Any = exposure.image.array
    shape = tuple(map(int, image.shape))
    dtype = image_dtype(image.dtype)
    deepest = min((box.getWidth() for box in cells if not box.isEmpty()), default=None)
    chunks = default_chunks(shape, dtype.itemsize, None if exposure._reversed else deepest)
    given = dict(getattr(exposure.container, "attrs", {}))
    attrs = {name: value for name, value in given.items() if name not in _OF_VALUES}
    return VolumeStore.create(path, shape, *limits, dtype=dtype, chunks=chunks, attrs=attrs)


def image_dtype(dtype: Any) -> np.dtype[Any]:
    """Type of an image made of one of a type: the same if it has NaN, else float64."""
    kind = np.dtype(dtype)
    return kind if kind.kind == "f" else np.dtype(np.float64)
