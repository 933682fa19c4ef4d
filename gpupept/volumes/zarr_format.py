"""The Zarr package, and how volumes are laid out in its arrays."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

FORMAT = 1
AXES = "xyz"
CONCURRENT_CHUNKS = 10  # that Zarr encodes or decodes at a time, unless configured otherwise
# Cells along all axes of a chunk but the last, and bytes along that: 2 MiB. Few along the first axis, so
# that slabs, which are cut between chunks, can be thin.
_CHUNKS = {2: (256,), 3: (32, 128)}
_CHUNK_BYTES = 2 * 2**20


def zarr_package() -> Any:
    """Import Zarr.

    Returns
    -------
    module
        The package, version 3 or later.

    Raises
    ------
    ImportError
        If it is not installed or too old.
    """
    needed = "volumes larger than memory need Zarr 3 or later: pip install gpupept[io]"
    try:
        import zarr
    except ImportError as error:
        raise ImportError(needed) from error
    if not hasattr(zarr, "create_array"):
        raise ImportError(f"{needed} (found {zarr.__version__})")
    return zarr


def default_chunks(
    shape: Sequence[int], itemsize: int, deepest: int | None = None
) -> tuple[int, ...]:
    """Choose the shape of chunks.

    Parameters
    ----------
    shape : sequence of int
        Cells of the volume along two or three axes.
    itemsize : int
        Bytes of a cell.
    deepest : int, optional
        Most layers that a chunk may have.

    Returns
    -------
    tuple of int
        Cells of a chunk along each axis; none is longer than the volume.
    """
    wanted = list(_CHUNKS[len(shape)])
    wanted.append(_CHUNK_BYTES // math.prod(wanted) // itemsize)
    if deepest is not None:
        wanted[0] = max(1, min(wanted[0], deepest))
    return tuple(min(a, b) for a, b in zip(wanted, shape, strict=True))


def codec_bytes(shape: Sequence[int], chunks: Sequence[int], itemsize: int) -> int:
    """Memory that Zarr takes to encode or decode chunks, besides what it reads or writes.

    Parameters
    ----------
    shape, chunks : sequence of int
        Cells along each axis, of the volume and of a chunk.
    itemsize : int
        Bytes of a cell.

    Returns
    -------
    int
        Bytes: a chunk and its compressed form, for each that is worked on.
    """
    number = math.prod(-(-n // size) for n, size in zip(shape, chunks, strict=True))
    return 2 * min(CONCURRENT_CHUNKS, number) * math.prod(chunks) * itemsize


def create_array(
    path: str, shape: tuple[int, ...], dtype: Any, chunks: tuple[int, ...], attributes: Any
) -> Any:
    """Make a Zarr array whose elements are all zero.

    Parameters
    ----------
    path : str
        A directory, which must not exist.
    shape, chunks : tuple of int
        Cells along each axis, of the array and of a chunk.
    dtype : dtype
        Of the elements.
    attributes : dict
        What JSON can hold.

    Returns
    -------
    zarr.Array
        Open for reading and writing.
    """
    zarr = zarr_package()
    compressor = zarr.codecs.BloscCodec(
        cname="zstd", clevel=1, shuffle="shuffle", typesize=dtype.itemsize
    )
    return zarr.create_array(
        path,
        shape=shape,
        dtype=dtype,
        chunks=chunks,
        compressors=compressor,
        fill_value=0,
        attributes=attributes,
        dimension_names=list(AXES[: len(shape)]),
        zarr_format=3,
    )
