"""Volumes as OME-Zarr (OME-NGFF 0.5, or 0.4 for older programs): a folder that viewers open in parts.

Axes are z, y, x, as the format recommends; the place of a level is that of the centre of its first voxel.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from gpupept.volumes.source import (
    VolumeSource,
    as_source,
    known_limits,
    plain_attrs,
    stored_dtype,
)
from gpupept.volumes.store import VolumeStore
from gpupept.volumes.zarr_format import codec_bytes, default_chunks, zarr_package

_AXES = "zyx"
_MILLIMETRES = {
    "millimeter": 1.0,
    "micrometer": 1e-3,
    "nanometer": 1e-6,
    "centimeter": 10.0,
    "meter": 1e3,
}
_TYPES = dict.fromkeys(
    (
        *("uint8", "int8", "uint16", "int16", "uint32", "int32", "uint64", "int64"),
        *("float32", "float64"),
    )
)
_LONGEST_AXIS = 256  # of the coarsest level
_KEY = "gpupept"


def write_ome_zarr(
    folder: Path,
    source: VolumeSource,
    levels: int | None = None,
    downsample: str = "mean",
    version: str = "0.5",
    progress: bool = False,
) -> None:
    """Write a volume, chunk by chunk.

    Parameters
    ----------
    folder : Path
        The folder to make.
    source : VolumeSource
        The volume.
    levels : int, optional
        Copies of the volume: as it is, and with voxels two, four, ... times as long. By default so
        many that the coarsest has at most 256 along each axis.
    downsample : {"mean", "sum"}, default "mean"
        What a voxel of a coarser copy is of those in it. Means of integers are rounded.
    version : {"0.5", "0.4"}, default "0.5"
        Of the format: on Zarr 3, or on Zarr 2.
    progress : bool, default False
        Whether to show a progress bar.

    Raises
    ------
    ImportError
        If Zarr is missing.
    ValueError
        If an option cannot be used, or a sum is too large for the type of the values.
    TypeError
        If the format has no such type of values.
    """
    zarr = zarr_package()
    if downsample not in ("mean", "sum"):
        raise ValueError(f'downsample must be "mean" or "sum", found {downsample!r}')
    if version not in ("0.4", "0.5"):
        raise ValueError(f'version must be "0.5" or "0.4", found {version!r}')
    shapes = _shapes(source.shape[::-1], levels)
    dtype = stored_dtype(source.dtype, _TYPES, "OME-Zarr")
    group = zarr.create_group(str(folder), zarr_format=3 if version == "0.5" else 2)
    arrays = [
        _create(group, str(level), shape, dtype, source.chunks)
        for level, shape in enumerate(shapes)
    ]
    group.attrs.update(_metadata(source, shapes, downsample, version))
    for number, array in _shown(arrays, progress):
        for box in _chunk_boxes(array):
            if number == 0:
                z, y, x = box
                array[box] = source.read(x, y, z).astype(dtype, copy=False)
            else:
                array[box] = _coarser(arrays[number - 1], array.shape, box, downsample)


def _shapes(finest: tuple[int, ...], levels: int | None) -> list[tuple[int, ...]]:
    """Shapes [z, y, x] of the levels, the finest first."""
    if levels is not None and (not isinstance(levels, int) or levels < 1):
        raise ValueError(f"levels must be a positive integer, found {levels!r}")
    shapes = [finest]
    while len(shapes) != levels and max(shapes[-1]) > (_LONGEST_AXIS if levels is None else 1):
        shapes.append(tuple(-(-count // 2) for count in shapes[-1]))
    if levels is not None and len(shapes) < levels:
        raise ValueError(
            f"levels must be at most {len(shapes)}, whose coarsest is one voxel, found {levels}"
        )
    return shapes


def _create(
    group: Any, name: str, shape: tuple[int, ...], dtype: Any, chunks: tuple[int, ...]
) -> Any:
    """Make the array of a level, with the chunks of a store or usual ones."""
    wanted = chunks[::-1] if max(chunks) > 1 else default_chunks(shape, dtype.itemsize)
    pieces = tuple(min(a, b) for a, b in zip(wanted, shape, strict=True))
    if group.metadata.zarr_format == 2:
        kind: dict[str, Any] = {"chunk_key_encoding": {"name": "v2", "separator": "/"}}
    else:
        kind = {"dimension_names": list(_AXES)}
    return group.create_array(name, shape=shape, dtype=dtype, chunks=pieces, **kind)


def _metadata(
    source: VolumeSource, shapes: list[tuple[int, ...]], downsample: str, version: str
) -> dict[str, Any]:
    low, size = source.limits[::-1, 0], source.voxel_size[::-1]
    datasets, factor = [], np.ones(3)
    for level, shape in enumerate(shapes):
        scale = size * factor
        transforms = [
            {"type": "scale", "scale": scale.tolist()},
            {"type": "translation", "translation": (low + scale / 2).tolist()},
        ]
        datasets.append({"path": str(level), "coordinateTransformations": transforms})
        factor = factor * [2 if count > 1 else 1 for count in shape]
    image = {
        "name": "voxels",
        "axes": [{"name": axis, "type": "space", "unit": "millimeter"} for axis in _AXES],
        "datasets": datasets,
        "type": downsample,
    }
    note = {"limits": source.limits.tolist(), "attrs": plain_attrs(source.attrs, "OME-Zarr")}
    if version == "0.4":
        return {"multiscales": [{"version": version, **image}], _KEY: note}
    return {"ome": {"version": version, "multiscales": [image]}, _KEY: note}


def _shown(arrays: list[Any], progress: bool) -> Iterator[tuple[int, Any]]:
    if not progress:
        return iter(enumerate(arrays))
    from tqdm import tqdm

    return iter(tqdm(list(enumerate(arrays)), desc="levels"))


def _chunk_boxes(array: Any) -> Iterator[tuple[slice, ...]]:
    """Boxes of the chunks of an array."""
    axes = [
        [slice(a, min(a + step, count)) for a in range(0, count, step)]
        for count, step in zip(array.shape, array.chunks, strict=True)
    ]
    return itertools.product(*axes)


def _coarser(
    finer: Any, shape: tuple[int, ...], box: tuple[slice, ...], downsample: str
) -> np.ndarray:
    """Values of a box of a level, from the level below it."""
    factors = [1 if count == 1 else 2 for count in finer.shape]
    inside = tuple(
        slice(part.start * factor, min(part.stop * factor, count))
        for part, factor, count in zip(box, factors, finer.shape, strict=True)
    )
    values = np.asarray(finer[inside])
    if downsample == "mean":
        count = _sums(np.ones(values.shape), factors)
        mean = _sums(values.astype(np.float64), factors) / count
        mean = np.rint(mean) if values.dtype.kind in "iu" else mean
        rounded: np.ndarray = mean.astype(values.dtype)
        return rounded
    if values.dtype.kind == "f":
        return _sums(values.astype(np.float64), factors).astype(values.dtype)
    _check_sums(_sums(values.astype(np.float64), factors), values.dtype)
    return _sums(values, factors)


def _sums(values: np.ndarray, factors: list[int]) -> np.ndarray:
    """Add up blocks; those at the end may be smaller."""
    for axis, factor in enumerate(factors):
        places = np.arange(0, values.shape[axis], factor)
        values = np.add.reduceat(values, places, axis=axis, dtype=values.dtype)
    return values


def _check_sums(sums: np.ndarray, dtype: np.dtype[Any]) -> None:
    least, most = np.iinfo(dtype).min, np.iinfo(dtype).max
    inexact = 4096 if dtype.itemsize == 8 else 0  # of sums this large in float64
    if sums.max() > most - inexact or sums.min() < least + inexact * (least < 0):
        raise ValueError(
            f'downsample="sum": a sum of {sums.max():g} does not fit {dtype}; use "mean", or convert '
            "the volume to a wider type"
        )


def read_zarr(path: Path) -> VolumeSource:
    """Open the finest level of OME-Zarr, or a `VolumeStore`.

    Parameters
    ----------
    path : Path
        The folder. Axes other than x, y and z must have a length of one.

    Returns
    -------
    VolumeSource
        Values are read when they are asked for.

    Raises
    ------
    ImportError
        If Zarr is missing.
    ValueError
        If it is neither, or the volume has no axes x, y and z.
    """
    zarr = zarr_package()
    try:
        found = zarr.open(str(path), mode="r")
    except (FileNotFoundError, NotADirectoryError, ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{path} is not a Zarr folder, or is damaged: {error}") from error
    if not isinstance(found, zarr.Group):
        return as_source(VolumeStore.open(path))
    attributes = dict(found.attrs)
    try:
        image = attributes.get("ome", attributes)["multiscales"][0]
        level = image["datasets"][0]
        array = found[level["path"]]
        scale, move = _transform(image, level, array.ndim)
        names = [axis["name"].lower() for axis in image["axes"]]
        units = [_MILLIMETRES[axis.get("unit", "millimeter")] for axis in image["axes"]]
        order = [names.index(axis) for axis in "xyz"]
    except (KeyError, IndexError, TypeError, ValueError, AttributeError) as error:
        raise ValueError(
            f"{path}: expected OME-Zarr of an image with axes x, y and z in mm or the like, found none "
            f"({type(error).__name__}: {error})"
        ) from None
    others = [count for axis, count in enumerate(array.shape) if axis not in order]
    if any(count != 1 for count in others):
        raise ValueError(f"{path}: expected one volume, found an array of shape {array.shape}")
    nx, ny, nz = (int(array.shape[axis]) for axis in order)
    unit = np.array(units)[order]
    size, centre = scale[order] * unit, move[order] * unit
    low = centre - size / 2
    limits, attrs = known_limits(
        attributes.get(_KEY), np.stack([low, low + size * (nx, ny, nz)], axis=1)
    )
    cx, cy, cz = (int(array.chunks[axis]) for axis in order)
    dtype = np.dtype(array.dtype)
    reading = codec_bytes(array.shape, array.chunks, dtype.itemsize)
    return VolumeSource(
        _Turned(array, order), (nx, ny, nz), dtype, limits, attrs, (cx, cy, cz), reading
    )


def _transform(image: Any, level: Any, ndim: int) -> tuple[np.ndarray, np.ndarray]:
    """Size of voxels and place of the centre of the first, along the axes of the array."""
    scale, move = np.ones(ndim), np.zeros(ndim)
    for each in (
        *level["coordinateTransformations"],
        *image.get("coordinateTransformations", []),
    ):
        if each["type"] == "scale":
            scale, move = scale * each["scale"], move * each["scale"]
        elif each["type"] == "translation":
            move = move + each["translation"]
        elif each["type"] != "identity":
            raise ValueError(f"a transformation is a {each['type']}")
    if scale.shape != (ndim,) or move.shape != (ndim,) or (scale <= 0).any():
        raise ValueError("the transformations do not fit the array")
    return scale, move


class _Turned:
    """An array of axes in any order, read as [x, y, z]."""

    def __init__(self, array: Any, order: list[int]) -> None:
        self._array, self._order = array, order

    def __getitem__(self, index: tuple[slice, ...]) -> np.ndarray:
        place: list[Any] = [0] * self._array.ndim
        for axis, part in zip(self._order, index, strict=True):
            place[axis] = part
        values = np.asarray(self._array[tuple(place)])
        # What is left are the three axes, in the order of the array.
        turned: np.ndarray = values.transpose(np.argsort(np.argsort(self._order)))
        return turned
