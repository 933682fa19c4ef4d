"""A grid of voxels or pixels in a Zarr store on disk, read and written in parts."""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import json
import math
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import EllipsisType
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from gpupept._version import __version__
from gpupept.backend import memory_budget, to_device
from gpupept.base import Pixels, Voxels
from gpupept.base.grid_inputs import check_counts, check_limits
from gpupept.volumes.checks import checked_attrs, checked_chunks, checked_dtype, geometry
from gpupept.volumes.statistics import VolumeStatistics, statistics_of_blocks
from gpupept.volumes.zarr_format import (
    AXES,
    FORMAT,
    codec_bytes,
    create_array,
    zarr_package,
)

if TYPE_CHECKING:
    Region = slice | int | EllipsisType | tuple[Any, ...]

_BLOCK = 4 * 2**20  # bytes that statistics are made of at a time
_PARTIAL = ".partial"
_UNFINISHED = "an unfinished volume: run what makes it again, with the same arguments"


class VolumeStore:
    """A grid of voxels, or of pixels, in a Zarr store: values on disk, geometry in memory.

    `create` and `open` make one. Indexing it like an array reads that part into memory; nothing else
    reads more than the memory it is given. The store is a plain Zarr (version 3) array, which other
    programs can read; limits (mm), names of axes and attributes are in its attributes.

    Attributes
    ----------
    path : Path
        The directory.
    array : zarr.Array
        The array of values.

    Examples
    --------
    >>> import tempfile
    >>> from gpupept.volumes import VolumeStore
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     store = VolumeStore.create(
    ...         f"{folder}/v.zarr", (4, 3, 2), [0, 8], [0, 6], [0, 4], dtype="uint32"
    ...     )
    ...     store.write(1, store[1:3] + 5)
    ...     store.statistics().total, store.voxel_size.tolist(), store[:, 0, 0].tolist()
    (60, [2.0, 2.0, 2.0], [0, 5, 5, 0])
    """

    path: Path
    array: Any

    def __init__(self, path: str | os.PathLike[str], array: Any) -> None:
        self.path = Path(path)
        self.array = array
        self._limits, self._attrs = geometry(array, self.path)

    @classmethod
    def create(
        cls,
        path: str | os.PathLike[str],
        shape: Any,
        xlim: Any,
        ylim: Any,
        zlim: Any = None,
        *,
        dtype: Any = np.float64,
        chunks: Any = None,
        attrs: Mapping[str, Any] | None = None,
    ) -> Self:
        """Make a store whose values are all zero.

        Parameters
        ----------
        path : str or path-like
            A directory that does not exist yet.
        shape : (3,) or (2,) sequence of int
            Voxels, or pixels, along each axis.
        xlim, ylim, zlim : (2,) array_like
            Limits, mm; no `zlim` for pixels.
        dtype : dtype, default float64
            Of the values: bool, integers or floating point of up to 64 bits.
        chunks : sequence of int, optional
            Cells along each axis that are compressed together; by default about 2 MB.
        attrs : mapping, optional
            Further attributes, as JSON has them.

        Returns
        -------
        VolumeStore
            Open for reading and writing.

        Raises
        ------
        FileExistsError
            If there is something at `path`.
        ValueError
            If shape, limits or chunks are not as they must be.
        TypeError
            If values of this dtype cannot be stored, or attributes cannot be written as JSON.
        ImportError
            If Zarr is not installed; ``pip install gpupept[io]``.
        """
        zarr_package()
        kind = checked_dtype(dtype)
        limits = [xlim, ylim] if zlim is None and np.size(shape) == 2 else [xlim, ylim, zlim]
        counts = check_counts(shape, "shape", len(limits), 1)
        pairs = zip(AXES, limits, strict=False)
        bounds = {f"{axis}lim": check_limits(limit, f"{axis}lim").tolist() for axis, limit in pairs}
        pieces = checked_chunks(chunks, counts, kind.itemsize)
        attributes = {
            "gpupept_format": FORMAT,
            "gpupept_version": __version__,
            "axes": list(AXES[: len(counts)]),
            "units": "mm",
            **bounds,
            "attrs": checked_attrs(attrs or {}),
        }
        target = Path(path)
        if target.exists() or target.is_symlink():
            raise FileExistsError(f"{target} exists already; choose another path or remove it")
        return cls(target, create_array(str(target), counts, kind, pieces, attributes))

    @classmethod
    def open(cls, path: str | os.PathLike[str], mode: str = "r") -> Self:
        """Open a store.

        Parameters
        ----------
        path : str or path-like
            Its directory.
        mode : {"r", "r+"}, default "r"
            For reading only, or for writing too.

        Returns
        -------
        VolumeStore
            The store.

        Raises
        ------
        FileNotFoundError
            If there is nothing at `path`.
        ValueError
            If that is not a volume, or `mode` is not known.
        ImportError
            If Zarr is not installed; ``pip install gpupept[io]``.
        """
        zarr = zarr_package()
        if mode not in ("r", "r+"):
            raise ValueError(f'mode must be "r" or "r+", found {mode!r}')
        target = Path(path)
        if not target.exists():
            unfinished = partial_path(target)
            hint = f"; {unfinished} is {_UNFINISHED}" if unfinished.exists() else ""
            raise FileNotFoundError(f"there is no volume {str(target)!r}{hint}")
        try:
            array = zarr.open_array(str(target), mode=mode, zarr_format=3)
        except (FileNotFoundError, NotADirectoryError, ValueError, KeyError, TypeError) as error:
            raise ValueError(_what_it_is(target)) from error
        return cls(target, array)

    # ---- Geometry

    @property
    def shape(self) -> tuple[int, ...]:
        """Cells along each axis."""
        return tuple(int(count) for count in self.array.shape)

    @property
    def ndim(self) -> int:
        """Number of axes: 3 of voxels, 2 of pixels."""
        return len(self.shape)

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the values."""
        kind: np.dtype[Any] = np.dtype(self.array.dtype)
        return kind

    @property
    def chunks(self) -> tuple[int, ...]:
        """Cells along each axis that are compressed together."""
        return tuple(int(count) for count in self.array.chunks)

    @property
    def nbytes(self) -> int:
        """Bytes that the values take in memory."""
        return math.prod(self.shape) * self.dtype.itemsize

    @property
    def layer_bytes(self) -> int:
        """Bytes that a layer across the first axis takes in memory."""
        return self.nbytes // self.shape[0]

    @property
    def limits(self) -> np.ndarray:
        """Lower and upper limit along each axis, a row each, mm."""
        return self._limits

    @property
    def xlim(self) -> np.ndarray:
        """Lower and upper limit along x, mm."""
        return self._limit("x")

    @property
    def ylim(self) -> np.ndarray:
        """Lower and upper limit along y, mm."""
        return self._limit("y")

    @property
    def zlim(self) -> np.ndarray:
        """Lower and upper limit along z, mm; pixels have none."""
        return self._limit("z")

    @property
    def voxel_size(self) -> np.ndarray:
        """Size of a cell along each axis, mm."""
        sizes: np.ndarray = (self._limits[:, 1] - self._limits[:, 0]) / self.shape
        return sizes

    @property
    def grids(self) -> list[np.ndarray]:
        """Edges of the cells along each axis, mm: one more than there are cells."""
        return [
            np.linspace(low, high, count + 1)
            for (low, high), count in zip(self._limits, self.shape, strict=True)
        ]

    @property
    def attrs(self) -> dict[str, Any]:
        """Further attributes, a copy."""
        return dict(self._attrs)

    def _limit(self, axis: str) -> np.ndarray:
        place = AXES.index(axis)
        if place >= self.ndim:
            raise AttributeError(f"{self.path} holds pixels, which have no {axis}lim")
        limit: np.ndarray = self._limits[place]
        return limit

    # ---- Values

    def __len__(self) -> int:
        return self.shape[0]

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        if copy is False:
            raise ValueError(f"values of {self.path} are on disk, so an array of them is a copy")
        budget = memory_budget("cpu")
        if self.nbytes > budget:
            raise MemoryError(
                f"all of {self.path} is {self.nbytes} bytes, more than the memory budget of {budget}; "
                "read a part with store[...] or store.voxels(region), compute with store.statistics() "
                "or store.slabs(), or raise it with gpupept.backend.set_memory_budget"
            )
        return np.asarray(self[...], dtype=dtype)

    def __getitem__(self, region: Region) -> np.ndarray:
        """Read values into memory, by the basic indexing of NumPy."""
        values: np.ndarray = np.asarray(self.array[region])
        return values

    def voxels(self, region: Region | None = None, device: str | None = None) -> Voxels | Pixels:
        """Read a box of cells into memory.

        Parameters
        ----------
        region : slice or tuple of slice, optional
            The cells along each axis, without steps; all by default.
        device : str, optional
            ``"cpu"`` (default), ``"cuda"`` or ``"cuda:N"``.

        Returns
        -------
        Voxels or Pixels
            With the limits of the box.

        Raises
        ------
        ValueError
            If the region is not a box with at least one cell.
        MemoryError
            If there is not enough memory for it.
        """
        ranges = self._ranges(region)
        limits = [
            limit if (begin, end) == (0, count) else edges[[begin, end]]
            for limit, edges, (begin, end), count in zip(
                self._limits, self.grids, ranges, self.shape, strict=True
            )
        ]
        values = to_device(self[tuple(slice(*pair) for pair in ranges)], device or "cpu")
        kind: Any = Voxels if self.ndim == 3 else Pixels
        made: Voxels | Pixels = kind(values, *limits, dtype=self.dtype, **self._attrs)
        return made

    def _ranges(self, region: Region | None) -> list[tuple[int, int]]:
        parts = () if region is None else region if isinstance(region, tuple) else (region,)
        whole = [slice(None)] * (self.ndim - len(parts))
        cells = [*parts, *whole]
        fits = len(cells) == self.ndim and all(
            isinstance(each, slice) and each.step in (None, 1) for each in cells
        )
        ranges = (
            [each.indices(n)[:2] for each, n in zip(cells, self.shape, strict=True)] if fits else []
        )
        if not fits or any(begin >= end for begin, end in ranges):
            raise ValueError(
                f"region must be up to {self.ndim} slices without steps that hold at least one cell "
                f"each, found {region!r} for shape {self.shape}"
            )
        return ranges

    def write(self, first_layer: int, values: np.ndarray) -> None:
        """Replace whole layers.

        Layers that begin and end between chunks (`chunks`) are written fastest.

        Parameters
        ----------
        first_layer : int
            The first of them, along the first axis.
        values : (layers, ...) array
            Of the dtype of the store, and its shape along the other axes.

        Raises
        ------
        ValueError
            If they are not layers of this store, or it was opened for reading only.
        """
        last = first_layer + len(values) if np.ndim(values) == self.ndim else -1
        fits = 0 <= first_layer < last <= self.shape[0] and values.shape[1:] == self.shape[1:]
        if not fits or values.dtype != self.dtype:
            raise ValueError(
                f"values must be {self.dtype} layers of shape {self.shape[1:]} within "
                f"0 .. {self.shape[0]}, found {getattr(values, 'dtype', type(values))} of shape "
                f"{np.shape(values)} from {first_layer}"
            )
        if self.array.read_only:
            raise ValueError(f'{self.path} was opened for reading; open it with mode="r+"')
        self.array[first_layer:last] = values

    def slabs(self, memory: str | int | None = None) -> Iterator[tuple[int, np.ndarray]]:
        """Read all layers, some at a time.

        Parameters
        ----------
        memory : str or int, optional
            Memory that may be used, such as ``"2GB"``; by default as
            `gpupept.backend.memory_budget` has it.

        Yields
        ------
        first_layer : int
            The first of the layers.
        values : (layers, ...) array
            Their values.

        Raises
        ------
        ValueError
            If a layer needs more memory than that; the message says how much.
        """
        for begin, end in self._slab_ranges(memory_budget("cpu", memory)):
            yield begin, self[begin:end]

    def _slab_ranges(self, budget: int) -> list[tuple[int, int]]:
        fixed = codec_bytes(self.shape, self.chunks, self.dtype.itemsize)
        # One that is being read and one that the caller still holds.
        layers = (budget - fixed) // (2 * self.layer_bytes)
        if layers < 1:
            raise ValueError(
                f"memory of {budget} bytes is too little to read a layer of {self.path}; it takes "
                f"{fixed + 2 * self.layer_bytes} bytes"
            )
        depth, count = self.chunks[0], self.shape[0]
        step = layers // depth * depth if layers >= depth else layers
        return [(begin, min(begin + step, count)) for begin in range(0, count, step)]

    def chunk_files(self, first_layer: int, last_layer: int) -> list[Path]:
        """Files of the chunks that hold layers; those of chunks that are all zero do not exist.

        Parameters
        ----------
        first_layer, last_layer : int
            Half-open range of layers.

        Returns
        -------
        list of Path
            In the order of the chunks.
        """
        ranges = [range(first_layer // self.chunks[0], -(-last_layer // self.chunks[0]))]
        ranges += [
            range(-(-n // size)) for n, size in zip(self.shape[1:], self.chunks[1:], strict=True)
        ]
        encode = self.array.metadata.encode_chunk_key
        return [self.path / encode(place) for place in itertools.product(*ranges)]

    def statistics(self, memory: str | int | None = None) -> VolumeStatistics:
        """Compute the statistics of all values, reading them once.

        Parameters
        ----------
        memory : str or int, optional
            As for `slabs`; the results do not depend on it.

        Returns
        -------
        VolumeStatistics
            Sum, extreme values and moments.
        """
        return statistics_of_blocks(self._blocks(memory))

    def _blocks(self, memory: str | int | None) -> Iterator[np.ndarray]:
        """All values in blocks that only the shape and dtype decide."""
        size = _BLOCK // self.dtype.itemsize
        rest = np.empty(0, dtype=self.dtype)
        for _, slab in self.slabs(memory):
            flat = slab.reshape(-1)
            begin = 0
            if len(rest):
                begin = min(size - len(rest), len(flat))
                rest = np.concatenate([rest, flat[:begin]])
                if len(rest) < size:
                    continue
                yield rest
            whole = begin + (len(flat) - begin) // size * size
            for first in range(begin, whole, size):
                yield flat[first : first + size]
            rest = flat[whole:].copy()
        if len(rest):
            yield rest

    def checksum(self, memory: str | int | None = None) -> str:
        """Compute a fingerprint of the dtype, the shape, the limits and all values.

        It depends neither on chunks, compression and attributes nor on how it is computed, and so is
        that of any store with the same values.

        Parameters
        ----------
        memory : str or int, optional
            As for `slabs`.

        Returns
        -------
        str
            SHA-256 in hexadecimal digits: of a line of JSON with dtype, shape and limits, and of the
            values, little-endian in C order.
        """
        digest = hashlib.sha256(self._header())
        little = self.dtype.newbyteorder("<")
        for _, slab in self.slabs(memory):
            digest.update(np.ascontiguousarray(slab, dtype=little).data)
        return digest.hexdigest()

    def _header(self) -> bytes:
        facts = {
            "dtype": self.dtype.newbyteorder("<").str,
            "shape": self.shape,
            "limits": self._limits.tolist(),
        }
        return json.dumps(facts, sort_keys=True).encode() + b"\n"

    def __repr__(self) -> str:
        limits = ", ".join(
            f"{axis}lim=[{low:g}, {high:g}]"
            for axis, (low, high) in zip(AXES, self._limits, strict=False)
        )
        return f"VolumeStore({str(self.path)!r}, shape={self.shape}, dtype={self.dtype}, {limits})"


def _what_it_is(path: Path) -> str:
    """Say what there is instead of a store."""
    if path.name.endswith(_PARTIAL) and path.is_dir():
        return f"{path} is {_UNFINISHED}"
    zarr = zarr_package()
    with contextlib.suppress(Exception):  # whatever is wrong with it, it is not OME-Zarr then
        attributes = dict(zarr.open_group(str(path), mode="r").attrs)
        if "multiscales" in attributes.get("ome", attributes):
            return (
                f"{path} is OME-Zarr, not a store of gpupept; read it with "
                "gpupept.volumes.import_volume(path, store=...), or on the command line with "
                '"gpupept export IN.ome.zarr OUT.zarr"'
            )
    return f"{path} is not a Zarr (version 3) array, or is damaged"


def partial_path(path: str | os.PathLike[str]) -> Path:
    """Directory in which a volume is made before it gets its name.

    Parameters
    ----------
    path : str or path-like
        The name.

    Returns
    -------
    Path
        Beside it.
    """
    given = Path(path)
    return given.with_name(f"{given.name}{_PARTIAL}")
