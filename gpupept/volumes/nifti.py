"""Volumes as NIfTI-1 and NIfTI-2 files (``.nii``, ``.nii.gz``).

Values are stored with x varying fastest. The affine of the header takes the position of a voxel to its
centre in mm. It is of single precision in NIfTI-1, so the limits are stored once more in an extension.
"""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any

import numpy as np

from gpupept.volumes.source import VolumeSource, known_limits, plain_attrs, stored_dtype

_LONGEST_AXIS = 32767  # of NIfTI-1, whose dimensions are 16-bit numbers
_TYPES = dict.fromkeys(
    (
        *("uint8", "int8", "uint16", "int16", "uint32", "int32", "uint64", "int64"),
        *("float32", "float64"),
    )
)
_COMMENT = 6  # the code of an extension that is text
_KEY = "gpupept"
_DAMAGED = (OSError, EOFError, ValueError, zlib.error)


def write_nifti(
    path: Path, source: VolumeSource, blocks: Callable[[], Iterator[np.ndarray]]
) -> None:
    """Write a volume.

    Parameters
    ----------
    path : Path
        The file; compressed if its name ends with ``.gz``.
    source : VolumeSource
        The volume.
    blocks : callable
        Gives its values in the order of the file.

    Raises
    ------
    ImportError
        If nibabel is missing.
    TypeError
        If the format has no such type of values.
    """
    dtype = stored_dtype(source.dtype, _TYPES, "NIfTI")
    header = _header(source, dtype)
    compressed = path.suffix.lower() == ".gz"
    with path.open("wb") as plain, _packed(plain) if compressed else plain as file:
        header.write_to(file)
        for block in blocks():
            file.write(block.astype(dtype, copy=False).data)


def _packed(file: IO[bytes]) -> Any:
    """Open a compressed stream, without name and date: equal volumes make equal files."""
    return gzip.GzipFile("", "wb", compresslevel=4, fileobj=file, mtime=0)


def read_nifti(path: Path) -> VolumeSource:
    """Open a volume; values are read when they are asked for.

    Parameters
    ----------
    path : Path
        A NIfTI-1 or NIfTI-2 file, as it is or compressed, of three axes along x, y and z in any order
        and direction; if that is not the usual one, all values are read at once.

    Returns
    -------
    VolumeSource

    Raises
    ------
    ImportError
        If nibabel is missing.
    ValueError
        If the file is damaged, has other than three axes, or lies obliquely to x, y and z.
    """
    nibabel = _nibabel()
    try:
        image = nibabel.load(path)
    except (nibabel.filebasedimages.ImageFileError, nibabel.spatialimages.HeaderDataError) as error:
        raise ValueError(f"{path} is not a NIfTI file: {error}") from None
    except _DAMAGED as error:
        raise _damage(path, error) from error
    shape = tuple(image.shape)
    if len(shape) > 3 and all(size == 1 for size in shape[3:]):
        image = image.slicer[(..., *(0,) * (len(shape) - 3))]
    if len(image.shape) != 3:
        raise ValueError(f"{path}: expected a volume of three axes, found shape {shape}")
    turned = nibabel.as_closest_canonical(image)
    affine = np.asarray(turned.affine, dtype=np.float64)
    size = np.diag(affine)[:3]
    if np.abs(affine[:3, :3] - np.diag(size)).max() > 1e-5 * size.max():
        raise ValueError(f"{path}: its axes lie obliquely to x, y and z, which voxels cannot")
    scale = _millimetres(image.header)
    low = (affine[:3, 3] - size / 2) * scale
    counts = np.array(turned.shape)
    limits = np.stack([low, low + counts * size * scale], axis=1)
    limits, attrs = known_limits(_note(image.header), limits)
    values = _Values(turned.dataobj, path)
    dtype = values[:1, :1, :1].dtype
    nx, ny, nz = map(int, turned.shape)
    return VolumeSource(values, (nx, ny, nz), dtype.newbyteorder("="), limits, attrs)


def _header(source: VolumeSource, dtype: np.dtype[Any]) -> Any:
    nibabel = _nibabel()
    small = max(source.shape) <= _LONGEST_AXIS
    header = (nibabel.Nifti1Header if small else nibabel.Nifti2Header)(endianness="<")
    header.set_data_dtype(dtype)
    header.set_data_shape(source.shape)
    affine = np.diag([*source.voxel_size, 1.0])
    affine[:3, 3] = source.first_centre
    header.set_qform(affine, code=1)
    header.set_sform(affine, code=1)
    header.set_xyzt_units(xyz="mm", t="msec")
    note = {"limits": source.limits.tolist(), "attrs": plain_attrs(source.attrs, "NIfTI")}
    text = json.dumps({_KEY: note}).encode()
    header.extensions.append(nibabel.nifti1.Nifti1Extension(_COMMENT, text))
    return header


class _Values:
    """Values of a file, read by slices; errors tell that it is damaged."""

    def __init__(self, values: Any, path: Path) -> None:
        self._values, self._path = values, path

    def __getitem__(self, index: Any) -> np.ndarray:
        try:
            return np.asarray(self._values[index])
        except _DAMAGED as error:
            raise _damage(self._path, error) from error


def _damage(path: Path, error: Exception) -> Exception:
    """Error that tells of a damaged file; those of the file system stay what they are."""
    if isinstance(error, OSError) and error.errno is not None:
        return error
    return ValueError(f"{path} is damaged: {error}")


def _note(header: Any) -> Any:
    """Find what `_header` put into an extension."""
    for extension in header.extensions:
        try:
            found = json.loads(extension.get_content())
        except (TypeError, ValueError):
            continue  # of another program
        if isinstance(found, dict) and _KEY in found:
            return found[_KEY]
    return None


def _millimetres(header: Any) -> float:
    """Length of the header's unit; without one it is taken to be mm."""
    unit, _ = header.get_xyzt_units()
    return {"meter": 1000.0, "micron": 0.001}.get(unit, 1.0)


def _nibabel() -> Any:
    try:
        import nibabel
    except ImportError as error:
        raise ImportError(
            "NIfTI files need nibabel, which is not installed: pip install 'gpupept[nifti]'"
        ) from error
    return nibabel
