"""One view of volumes in memory and in stores: what writers of files need to know and to read."""

from __future__ import annotations

import json
import logging
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from gpupept.backend import array_namespace, is_device_array, memory_budget, to_host
from gpupept.base import Voxels
from gpupept.volumes.store import VolumeStore
from gpupept.volumes.zarr_format import codec_bytes

logger = logging.getLogger("gpupept.volumes")

_LARGEST_BLOCK = 2**28  # bytes: larger ones are not written any faster
COPIES = 4  # of a block, at most, at a time: as read, decoded, turned and converted


@dataclass(frozen=True)
class VolumeSource:
    """A volume that is read block by block.

    Attributes
    ----------
    values : array or store
        The (nx, ny, nz) values, read by three slices.
    shape : tuple of int
        Voxels along x, y and z.
    dtype : np.dtype
        Of the values.
    limits : (3, 2) float64 np.ndarray
        Lower and upper limit along x, y and z, mm.
    attrs : dict
        Further attributes.
    chunks : tuple of int
        Blocks that are read best: those of a store.
    reading : int
        Bytes of memory that reading takes besides what is read.
    """

    values: Any
    shape: tuple[int, int, int]
    dtype: np.dtype[Any]
    limits: np.ndarray
    attrs: dict[str, Any]
    chunks: tuple[int, int, int] = (1, 1, 1)
    reading: int = 0

    @property
    def voxel_size(self) -> np.ndarray:
        """Size of a voxel along each axis, mm."""
        size: np.ndarray = (self.limits[:, 1] - self.limits[:, 0]) / self.shape
        return size

    @property
    def first_centre(self) -> np.ndarray:
        """Centre of voxel (0, 0, 0), mm."""
        centre: np.ndarray = self.limits[:, 0] + self.voxel_size / 2
        return centre

    @property
    def nbytes(self) -> int:
        """Bytes of all values."""
        return math.prod(self.shape) * self.dtype.itemsize

    def voxels(self) -> Voxels:
        """Read all values."""
        nx, ny, nz = map(slice, self.shape)
        values = np.ascontiguousarray(self.values[nx, ny, nz], dtype=self.dtype)
        x, y, z = self.limits
        made = Voxels(values, x, y, z, dtype=self.dtype)
        made.attrs.update(self.attrs)
        return made

    def read(self, x: slice, y: slice, z: slice) -> np.ndarray:
        """Read a block with its axes turned: [z, y, x], in C order, on the host."""
        part = self.values[x, y, z]
        if is_device_array(part):
            return to_host(array_namespace(part).ascontiguousarray(part.T))
        return np.ascontiguousarray(np.asarray(part).T)


def as_source(volume: Any) -> VolumeSource:
    """Make a `VolumeSource` of voxels or a store.

    Parameters
    ----------
    volume : Voxels or VolumeStore
        The volume; it is not copied.

    Raises
    ------
    TypeError
        If it is something else.
    """
    if isinstance(volume, VolumeSource):
        return volume
    if not isinstance(volume, Voxels | VolumeStore) or len(volume.shape) != 3:
        raise TypeError(
            "volume must be Voxels or a VolumeStore of three axes, found "
            f"{type(volume).__name__}; gpupept.Voxels(array, xlim, ylim, zlim) says where an array lies"
        )
    limits = np.array([volume.xlim, volume.ylim, volume.zlim], dtype=np.float64)
    nx, ny, nz = map(int, volume.shape)
    dtype, attrs = np.dtype(volume.dtype), dict(volume.attrs)
    if isinstance(volume, Voxels):
        return VolumeSource(volume.array, (nx, ny, nz), dtype, limits, attrs)
    cx, cy, cz = volume.chunks
    reading = codec_bytes(volume.shape, volume.chunks, dtype.itemsize)
    return VolumeSource(volume, (nx, ny, nz), dtype, limits, attrs, (cx, cy, cz), reading)


def in_file_order(source: VolumeSource, memory: int | str | None) -> Iterator[np.ndarray]:
    """Read a volume in the order of most file formats, x varying fastest and z slowest.

    Parameters
    ----------
    source : VolumeSource
        The volume.
    memory : int, str or None
        Memory to take, as `gpupept.backend.memory_budget` reads it.

    Yields
    ------
    (k, j, nx) np.ndarray
        Values ``[z, y, x]`` in C order. Written one after the other, they are the whole.

    Raises
    ------
    ValueError
        If not even one row fits.
    """
    nx, ny, nz = source.shape
    room = elements_at_a_time(source, memory, nx)
    rows = ny if room >= nx * ny else _whole_chunks(room // nx, source.chunks[1])
    layers = _whole_chunks(room // (nx * ny), source.chunks[2]) if rows == ny else 1
    for z in range(0, nz, layers):
        for y in range(0, ny, rows):
            yield source.read(slice(0, nx), slice(y, y + rows), slice(z, z + layers))


def in_layers(source: VolumeSource, memory: int | str | None) -> Iterator[np.ndarray]:
    """Read a volume in the order of its array, z varying fastest and x slowest.

    Parameters
    ----------
    source : VolumeSource
        The volume.
    memory : int, str or None
        Memory to take, as `gpupept.backend.memory_budget` reads it.

    Yields
    ------
    (k, ny, nz) np.ndarray
        Layers in C order, on the host.

    Raises
    ------
    ValueError
        If not even one layer fits.
    """
    nx, ny, nz = source.shape
    room = elements_at_a_time(source, memory, ny * nz)
    layers = _whole_chunks(room // (ny * nz), source.chunks[0])
    for x in range(0, nx, layers):
        yield np.ascontiguousarray(to_host(source.values[x : x + layers]))


def elements_at_a_time(source: VolumeSource, memory: int | str | None, least: int) -> int:
    """Count the elements that may be read at a time.

    Parameters
    ----------
    source : VolumeSource
        The volume.
    memory : int, str or None
        Memory to take, as `gpupept.backend.memory_budget` reads it.
    least : int
        Elements that must be read together.

    Raises
    ------
    ValueError
        If these need more memory.
    """
    budget = memory_budget("cpu", memory)
    itemsize = max(source.dtype.itemsize, getattr(source.values, "itemsize", 0))
    room = min((budget - source.reading) // (COPIES * itemsize), _LARGEST_BLOCK // itemsize)
    if (budget - source.reading) // (COPIES * itemsize) < least:
        raise ValueError(
            f"memory of {budget} bytes is too little for this volume; it takes at least "
            f"{source.reading + COPIES * itemsize * least} bytes"
        )
    return max(room, least)


def _whole_chunks(count: int, chunk: int) -> int:
    """Layers to read at a time: whole chunks, if one fits."""
    return count // chunk * chunk if count >= chunk else max(1, count)


def stored_dtype(dtype: np.dtype[Any], codes: dict[str, Any], format_name: str) -> np.dtype[Any]:
    """Find a type of a format that holds all values of another.

    Parameters
    ----------
    dtype : np.dtype
        Of the volume.
    codes : dict
        Types of the format, by names of NumPy such as ``"float32"``.
    format_name : str
        For errors.

    Returns
    -------
    np.dtype
        The same if the format has it, little-endian; uint8 for bool and float32 for float16.

    Raises
    ------
    TypeError
        If there is none.
    """
    name = {"bool": "uint8", "float16": "float32"}.get(dtype.name, dtype.name)
    if name not in codes:
        raise TypeError(
            f"{format_name} has no type for {dtype.name}; convert the volume to one of "
            f"{', '.join(codes)}"
        )
    return np.dtype(name).newbyteorder("<")


def plain_attrs(attrs: dict[str, Any], format_name: str) -> dict[str, Any]:
    """Pick the attributes that JSON can hold, and log which ones are left out.

    Parameters
    ----------
    attrs : dict
        Of a volume.
    format_name : str
        For the log.
    """
    kept = {}
    for name, value in attrs.items():
        plain = value.tolist() if isinstance(value, np.generic | np.ndarray) else value
        try:
            json.dumps(plain)
        except (TypeError, ValueError):
            continue
        kept[name] = plain
    warn_of_attrs(attrs.keys() - kept.keys(), format_name)
    return kept


def warn_of_attrs(names: Iterable[str], format_name: str) -> None:
    """Log which attributes a file does not keep."""
    listed = ", ".join(sorted(names))
    if listed:
        logger.warning("attributes not kept in a file of %s: %s", format_name, listed)


def known_limits(note: Any, limits: np.ndarray) -> tuple[np.ndarray, dict[str, Any]]:
    """Limits and attributes that this package noted in a file, if they agree with its header.

    Parameters
    ----------
    note : dict or None
        With ``"limits"`` and ``"attrs"``. Programs that crop an image copy notes that they do not
        know, which then no longer hold.
    limits : (3, 2) float64 np.ndarray
        According to the header.
    """
    if not isinstance(note, dict):
        return limits, {}
    try:
        exact = np.asarray(note["limits"], dtype=np.float64)
    except (KeyError, TypeError, ValueError):
        return limits, {}
    tolerance = 1e-6 * np.abs(limits).max()
    if exact.shape != (3, 2) or not np.allclose(exact, limits, rtol=0, atol=tolerance):
        return limits, {}
    attrs = note.get("attrs")
    return exact, dict(attrs) if isinstance(attrs, dict) else {}
