"""Volumes as stacks of TIFF pages, a page for each layer along z, as ImageJ has them.

Rows of a page lie along y and columns along x. The size of voxels is in the places where ImageJ looks for
it; the limits are noted once more, exactly. Files beyond 4 GB are BigTIFF.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from gpupept.volumes.source import VolumeSource, known_limits, plain_attrs, stored_dtype

_TYPES = dict.fromkeys(
    (
        *("uint8", "int8", "uint16", "int16", "uint32", "int32", "uint64", "int64"),
        *("float32", "float64"),
    )
)
_OF_IMAGEJ = ("uint8", "uint16", "float32")  # others are for programs that read any TIFF
_LARGEST = 2**32 - 2**25  # bytes of values in a file that is not BigTIFF
_KEY = "gpupept"
_MILLIMETRES = {
    **dict.fromkeys(("mm", "millimeter", "millimetre", ""), 1.0),
    **dict.fromkeys(("um", "micron", "µm", "\\u00B5m", "micrometer"), 1e-3),
    **dict.fromkeys(("nm", "nanometer"), 1e-6),
    **dict.fromkeys(("cm", "centimeter"), 10.0),
    **dict.fromkeys(("m", "meter"), 1e3),
    **dict.fromkeys(("inch", "in"), 25.4),
}


def write_tiff(
    path: Path, source: VolumeSource, blocks: Callable[[], Iterator[np.ndarray]]
) -> None:
    """Write a volume.

    Parameters
    ----------
    path : Path
        The file.
    source : VolumeSource
        The volume.
    blocks : callable
        Gives its values in the order of the file.

    Raises
    ------
    ImportError
        If tifffile is missing.
    TypeError
        If the format has no such type of values.
    """
    dtype = stored_dtype(source.dtype, _TYPES, "TIFF")
    nx, ny, nz = source.shape
    big = source.nbytes > _LARGEST
    imagej = dtype.name in _OF_IMAGEJ and not big
    dx, dy, dz = source.voxel_size.tolist()
    note = {"limits": source.limits.tolist(), "attrs": plain_attrs(source.attrs, "TIFF")}
    text = json.dumps({_KEY: note})
    metadata = {"axes": "ZYX", "spacing": dz, "unit": "mm", "Info" if imagej else _KEY: text}
    with _tifffile().TiffWriter(path, bigtiff=big, imagej=imagej, byteorder="<") as writer:
        writer.write(
            _pages(blocks(), dtype, ny, nx),
            shape=(nz, ny, nx),
            dtype=dtype,
            photometric="minisblack",
            resolution=(1.0 / dx, 1.0 / dy),
            resolutionunit="NONE",
            metadata=metadata,
            software="gpupept",
        )


def _pages(
    blocks: Iterator[np.ndarray], dtype: np.dtype[Any], rows: int, columns: int
) -> Iterator[np.ndarray]:
    """Cut blocks of rows or of layers into pages."""
    page, filled = np.empty((rows, columns), dtype), 0
    for block in blocks:
        if block.shape[1] == rows:
            yield from block.astype(dtype, copy=False)
            continue
        for part in block:
            page[filled : filled + len(part)] = part
            filled += len(part)
        if filled == rows:
            yield page
            page, filled = np.empty_like(page), 0


def read_tiff(path: Path) -> VolumeSource:
    """Open a volume; values are read when they are asked for.

    Parameters
    ----------
    path : Path
        Pages of one size with a number for each element.

    Returns
    -------
    VolumeSource
        A layer along z for each page. Without limits from this package it begins at 0; without a size
        of voxels they are 1 mm long.

    Raises
    ------
    ImportError
        If tifffile is missing.
    ValueError
        If the file is damaged, or pages differ or have colours.
    """
    tifffile = _tifffile()
    try:
        with tifffile.TiffFile(path) as file:
            shape, dtype = file.series[0].shape, file.series[0].dtype
            axes, count = file.series[0].axes, len(file.series)
            size, note = _size_and_note(file)
            plain = file.series[0].dataoffset is not None
    except (tifffile.TiffFileError, IndexError, OSError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise
        raise ValueError(f"{path} is not a TIFF file, or is damaged: {error}") from None
    if count > 1 or len(shape) not in (2, 3) or "S" in axes or dtype is None:
        raise ValueError(
            f"{path}: expected pages of one size with a number for each element, found {count} "
            f"series, the first of shape {tuple(shape)} and axes {axes}"
        )
    nz, ny, nx = (1, *shape)[-3:]
    limits, attrs = _limits(note, size * (nx, ny, nz))
    values: Any = _Pages(path, plain)
    return VolumeSource(values, (nx, ny, nz), np.dtype(dtype).newbyteorder("="), limits, attrs)


def _limits(note: dict[str, Any] | None, lengths: np.ndarray) -> tuple[np.ndarray, dict[str, Any]]:
    """Limits and attributes that this package noted, moved to where TIFF, which has none, begins."""
    plain = np.stack([np.zeros(3), lengths], axis=1)
    try:
        low = np.asarray((note or {})["limits"], dtype=np.float64)[:, :1]
    except (KeyError, TypeError, ValueError, IndexError):
        return plain, {}
    return known_limits(note, plain + low) if low.shape == (3, 1) else (plain, {})


def _size_and_note(file: Any) -> tuple[np.ndarray, dict[str, Any] | None]:
    """Size of voxels, mm, and what this package noted."""
    found = dict(file.imagej_metadata or {})
    for shaped in file.shaped_metadata or ():
        found |= shaped
    tags = file.pages[0].tags
    unit = str(found.get("unit", "")).lower()
    scale = _MILLIMETRES.get(unit, 1.0)
    size = [1.0, 1.0, float(found.get("spacing", 1.0)) * scale]
    if "unit" in found:
        for axis, name in enumerate(("XResolution", "YResolution")):
            above, below = tags[name].value if name in tags else (1, 1)
            size[axis] = below / above * scale if above else scale
    try:
        note = json.loads(found.get(_KEY) or found.get("Info", ""))
    except (TypeError, ValueError):
        return np.array(size), None
    note = note.get(_KEY) if isinstance(note, dict) else None
    return np.array(size), note if isinstance(note, dict) else None


class _Pages:
    """Values of a file, read by slices along x, y and z."""

    def __init__(self, path: Path, plain: bool) -> None:
        self._path, self._plain = path, plain

    def __getitem__(self, index: tuple[slice, slice, slice]) -> np.ndarray:
        x, y, z = index
        tifffile = _tifffile()
        if self._plain:
            values = tifffile.memmap(self._path, mode="r")
            values = values[None] if values.ndim == 2 else values
            return np.array(values[z, y, x]).T
        with tifffile.TiffFile(self._path) as file:
            first, last, _ = z.indices(len(file.series[0].pages))
            pages = [file.series[0].pages[i].asarray() for i in range(first, last)]
        return np.stack(pages)[:, y, x].T


def _tifffile() -> Any:
    try:
        import tifffile
    except ImportError as error:
        raise ImportError(
            "TIFF files need tifffile, which is not installed: pip install 'gpupept[tiff]'"
        ) from error
    return tifffile
