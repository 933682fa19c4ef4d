"""Volumes as MetaImage files: a text header (``.mhd``) and a file of values (``.raw``), or one ``.mha``.

Values are stored with x varying fastest; the header says where the centre of the first voxel lies and how
large voxels are, in mm.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any

import numpy as np

from gpupept.volumes.source import VolumeSource, stored_dtype, warn_of_attrs

_TYPES = {
    "int8": "MET_CHAR",
    "uint8": "MET_UCHAR",
    "int16": "MET_SHORT",
    "uint16": "MET_USHORT",
    "int32": "MET_INT",
    "uint32": "MET_UINT",
    "int64": "MET_LONG_LONG",
    "uint64": "MET_ULONG_LONG",
    "float32": "MET_FLOAT",
    "float64": "MET_DOUBLE",
}
_NAMES = {code: name for name, code in _TYPES.items()}
_LONGEST_HEADER = 2**20
_TRUE = ("true", "1")


def write_mha(path: Path, source: VolumeSource, blocks: Callable[[], Iterator[np.ndarray]]) -> None:
    """Write a volume as one file.

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
    TypeError
        If the format has no such type of values.
    """
    dtype, text = _header(source, "LOCAL")
    with path.open("wb") as file:
        file.write(text)
        _write_values(file, blocks, dtype)


def write_mhd(
    header: Path,
    values: Path,
    values_name: str,
    source: VolumeSource,
    blocks: Callable[[], Iterator[np.ndarray]],
) -> None:
    """Write a volume as a header and a file of values.

    Parameters
    ----------
    header, values : Path
        The files.
    values_name : str
        What the header calls the file of values.
    source : VolumeSource
        The volume.
    blocks : callable
        Gives its values in the order of the file.

    Raises
    ------
    TypeError
        If the format has no such type of values.
    """
    dtype, text = _header(source, values_name)
    with values.open("wb") as file:
        _write_values(file, blocks, dtype)
    header.write_bytes(text)


def _write_values(
    file: IO[bytes], blocks: Callable[[], Iterator[np.ndarray]], dtype: np.dtype[Any]
) -> None:
    for block in blocks():
        file.write(block.astype(dtype, copy=False).data)


def _header(source: VolumeSource, values_name: str) -> tuple[np.dtype[Any], bytes]:
    dtype = stored_dtype(source.dtype, _TYPES, "MetaImage")
    warn_of_attrs(source.attrs, "MetaImage")
    fields = {
        "ObjectType": "Image",
        "NDims": "3",
        "BinaryData": "True",
        "BinaryDataByteOrderMSB": "False",
        "CompressedData": "False",
        "TransformMatrix": "1 0 0 0 1 0 0 0 1",
        "Offset": _words(source.first_centre.tolist()),
        "CenterOfRotation": "0 0 0",
        "ElementSpacing": _words(source.voxel_size.tolist()),
        "DimSize": _words(source.shape),
        "ElementType": _TYPES[dtype.name],
        "ElementDataFile": values_name,
    }
    return dtype, "".join(f"{name} = {value}\n" for name, value in fields.items()).encode()


def _words(values: Any) -> str:
    return " ".join(map(repr, values))


def read_metaimage(path: Path) -> VolumeSource:
    """Open a volume; values are read when they are asked for.

    Parameters
    ----------
    path : Path
        A ``.mhd`` or ``.mha`` file, or the ``.raw`` file next to a header of the same name.

    Returns
    -------
    VolumeSource

    Raises
    ------
    FileNotFoundError
        If a file is missing.
    ValueError
        If the header cannot be understood, or values are missing.
    """
    if path.suffix.lower() == ".raw":
        path = path.with_suffix(".mhd")
        if not path.exists():
            raise FileNotFoundError(
                f"{path} does not exist: a .raw file is read with a header of the same name"
            )
    fields, end = _fields(path)
    shape, dtype, limits = _geometry(fields, path)
    name = fields["ElementDataFile"]
    file, offset = (path, end) if name.upper() == "LOCAL" else (path.parent / name, 0)
    given = int(fields.get("HeaderSize", 0))
    present, needed = file.stat().st_size, dtype.itemsize * int(np.prod(shape, dtype=np.int64))
    offset = present - needed if given == -1 else offset + given
    if offset < 0 or present - offset < needed:
        raise ValueError(
            f"{file}: expected {needed} bytes of values from byte {max(offset, 0)}, found "
            f"{max(present - max(offset, 0), 0)}"
        )
    values = np.memmap(file, dtype=dtype, mode="r", offset=offset, shape=shape, order="F")
    return VolumeSource(values, shape, dtype.newbyteorder("="), limits, {})


def _fields(path: Path) -> tuple[dict[str, str], int]:
    """Lines of the header, and where they end."""
    fields: dict[str, str] = {}
    with path.open("rb") as file:
        while "ElementDataFile" not in fields:
            line = file.readline(_LONGEST_HEADER)
            name, found, value = _decoded(line).partition("=")
            if not line or file.tell() > _LONGEST_HEADER or (line.strip() and not found):
                raise ValueError(
                    f"{path} is not the header of a MetaImage: byte {file.tell() - len(line)} does not "
                    "begin a line 'Name = value', and there is no ElementDataFile before it"
                )
            if found:
                fields[name.strip()] = value.strip()
        return fields, file.tell()


def _decoded(line: bytes) -> str:
    """Text as written here, in UTF-8, or by others in the characters of one byte."""
    try:
        return line.decode()
    except UnicodeDecodeError:
        return line.decode("latin-1")


def _geometry(
    fields: dict[str, str], path: Path
) -> tuple[tuple[int, int, int], np.dtype[Any], np.ndarray]:
    missing = [name for name in ("DimSize", "ElementType") if name not in fields]
    if missing:
        raise ValueError(f"{path}: the header has no {', '.join(missing)}")
    if fields.get("CompressedData", "False").lower() in _TRUE:
        raise ValueError(f"{path}: compressed values are not read; save it uncompressed")
    channels = fields.get("ElementNumberOfChannels", "1")
    shape = tuple(_numbers(fields, "DimSize", path, int))
    name = _NAMES.get(fields["ElementType"].upper())
    if len(shape) != 3 or channels != "1" or name is None:
        raise ValueError(
            f"{path}: expected three dimensions of one channel and one of the types "
            f"{', '.join(_NAMES)}, found DimSize {fields['DimSize']}, {channels} channels and "
            f"{fields['ElementType']}"
        )
    matrix = fields.get("TransformMatrix", "1 0 0 0 1 0 0 0 1")
    if not np.array_equal(np.array(matrix.split(), dtype=float), np.eye(3).ravel()):
        raise ValueError(f"{path}: expected axes along x, y and z, found TransformMatrix {matrix}")
    spacing = _numbers(fields, "ElementSpacing", path, float, "ElementSize")
    place = next((k for k in ("Offset", "Position", "Origin") if k in fields), "Offset")
    centre = _numbers(fields, place, path, float) if place in fields else [0.0] * 3
    size = np.array(spacing)
    low = np.array(centre) - size / 2
    order = fields.get("BinaryDataByteOrderMSB", fields.get("ElementByteOrderMSB", "False"))
    dtype = np.dtype(name).newbyteorder(">" if order.lower() in _TRUE else "<")
    return shape, dtype, np.stack([low, low + size * shape], axis=1)


def _numbers(
    fields: dict[str, str], name: str, path: Path, kind: type, other: str | None = None
) -> list[Any]:
    """Three numbers of the header; ones where neither of two names is there."""
    text = fields.get(name, fields.get(other, "1 1 1") if other else "")
    try:
        numbers = [kind(word) for word in text.split()]
    except ValueError:
        numbers = []
    if len(numbers) != 3 or (kind is int and min(numbers) < 1):
        raise ValueError(f"{path}: expected three numbers for {name}, found {text!r}")
    return numbers
