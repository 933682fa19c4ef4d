"""Volumes as VTK image data (``.vti``): XML with the values appended as they are.

Voxels are cells, so the extents count their corners: 0 to n along an axis of n voxels, the origin is the
lower corner of the volume and the spacing the size of a voxel, in mm.
"""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from gpupept.volumes.source import VolumeSource, stored_dtype, warn_of_attrs

_TYPES = {
    "int8": "Int8",
    "uint8": "UInt8",
    "int16": "Int16",
    "uint16": "UInt16",
    "int32": "Int32",
    "uint32": "UInt32",
    "int64": "Int64",
    "uint64": "UInt64",
    "float32": "Float32",
    "float64": "Float64",
}
_NAMES = {code: name for name, code in _TYPES.items()}
_NAME = "voxels"
_APPENDED = b"<AppendedData"
_LONGEST_HEADER = 2**18
_BEFORE = """<?xml version="1.0"?>
<VTKFile type="ImageData" version="1.0" byte_order="LittleEndian" header_type="UInt64">
  <ImageData WholeExtent="{extent}" Origin="{origin}" Spacing="{spacing}">
    <Piece Extent="{extent}">
      <CellData Scalars="{name}">
        <DataArray type="{type}" Name="{name}" format="appended" offset="0"/>
      </CellData>
    </Piece>
  </ImageData>
  <AppendedData encoding="raw">
   _"""
_AFTER = b"\n  </AppendedData>\n</VTKFile>\n"


def write_vti(path: Path, source: VolumeSource, blocks: Callable[[], Iterator[np.ndarray]]) -> None:
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
    TypeError
        If the format has no such type of values.
    """
    dtype = stored_dtype(source.dtype, _TYPES, "VTK")
    warn_of_attrs(source.attrs, "VTK")
    header = _BEFORE.format(
        extent=" ".join(f"0 {count}" for count in source.shape),
        origin=" ".join(map(repr, source.limits[:, 0].tolist())),
        spacing=" ".join(map(repr, source.voxel_size.tolist())),
        name=_NAME,
        type=_TYPES[dtype.name],
    )
    size = dtype.itemsize * int(np.prod(source.shape, dtype=np.int64))
    with path.open("wb") as file:
        file.write(header.encode("ascii") + size.to_bytes(8, "little"))
        for block in blocks():
            file.write(block.astype(dtype, copy=False).data)
        file.write(_AFTER)


def read_vti(path: Path) -> VolumeSource:
    """Open a volume; values are read when they are asked for.

    Parameters
    ----------
    path : Path
        Image data of one piece, with a scalar for each cell, appended raw and not compressed.

    Returns
    -------
    VolumeSource

    Raises
    ------
    ValueError
        If the file is another kind of image data, or values are missing.
    """
    root, start = _header(path)
    image = root.find("ImageData")
    pieces = root.findall("ImageData/Piece")
    arrays = root.findall("ImageData/Piece/CellData/DataArray")
    if image is None or len(pieces) != 1 or not arrays or root.get("compressor"):
        raise ValueError(
            f"{path}: expected ImageData of one piece with CellData, not compressed; save it so, with "
            "raw binary values appended"
        )
    scalars = pieces[0].find("CellData").get("Scalars")  # type: ignore[union-attr]
    array = next((a for a in arrays if a.get("Name") == scalars), arrays[0])
    dtype = _dtype(array, root, path)
    extent = np.array(image.get("WholeExtent", "").split(), dtype=np.int64).reshape(-1, 2)
    if extent.shape != (3, 2) or pieces[0].get("Extent") != image.get("WholeExtent"):
        raise ValueError(f"{path}: expected one piece of the whole extent")
    nx, ny, nz = (extent[:, 1] - extent[:, 0]).tolist()
    spacing = np.array(image.get("Spacing", "1 1 1").split(), dtype=np.float64)
    low = np.array(image.get("Origin", "0 0 0").split(), dtype=np.float64) + extent[:, 0] * spacing
    limits = np.stack([low, low + spacing * (nx, ny, nz)], axis=1)
    count = 8 if root.get("header_type", "UInt32") == "UInt64" else 4
    offset = start + int(array.get("offset", 0)) + count
    needed = dtype.itemsize * nx * ny * nz
    if path.stat().st_size < offset + needed:
        raise ValueError(
            f"{path}: expected {needed} bytes of values from byte {offset}, found "
            f"{path.stat().st_size - offset}"
        )
    values = np.memmap(path, dtype, mode="r", offset=offset, shape=(nx, ny, nz), order="F")
    return VolumeSource(values, (nx, ny, nz), dtype.newbyteorder("="), limits, {})


def _header(path: Path) -> tuple[Any, int]:
    """Parse the XML before the values, and find where they begin."""
    with path.open("rb") as file:
        text = file.read(_LONGEST_HEADER)
    end = text.find(_APPENDED)
    tag_end = text.find(b">", max(end, 0))
    before, tag = text[: max(end, 0)], text[max(end, 0) : tag_end]
    if b"<!DOCTYPE" in before:  # might define entities that grow without end
        raise ValueError(f"{path}: expected XML without a document type")
    try:
        root = ElementTree.fromstring(before + b"</VTKFile>")
    except ElementTree.ParseError as error:
        raise ValueError(f"{path} is not a VTK XML file with appended values: {error}") from None
    if b'"raw"' not in tag:
        raise ValueError(f"{path}: expected values appended as raw binary; save it so")
    return root, text.index(b"_", tag_end) + 1


def _dtype(array: Any, root: Any, path: Path) -> np.dtype[Any]:
    name = _NAMES.get(array.get("type"))
    components = array.get("NumberOfComponents", "1")
    if name is None or components != "1" or array.get("format") != "appended":
        raise ValueError(
            f"{path}: expected one appended number of the types {', '.join(_NAMES)} for each cell, found "
            f"{array.attrib}"
        )
    return np.dtype(name).newbyteorder(">" if root.get("byte_order") == "BigEndian" else "<")
