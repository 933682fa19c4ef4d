"""Saving objects to files and loading them, without ever executing what a file holds."""

from __future__ import annotations

import io
import os
import pickle
import struct
import zipfile
import zlib
from pathlib import Path
from typing import IO, Any

from gpupept.base.encoding import Encoder
from gpupept.base.formats import (
    FORMAT,
    UnsafeFileError,
    read_npz,
    read_parquet,
    read_pickle,
    write_npz,
    write_parquet,
    write_pickle,
)
from gpupept.utilities.files import atomic_write

__all__ = ["UnsafeFileError", "load", "save"]

_TEXT_SUFFIXES = (".csv", ".tsv", ".txt", ".dat")
# Of other formats, in which nobody expects a pickle.
_FOREIGN_SUFFIXES = (
    *(".nii", ".vti", ".vtk", ".mhd", ".mha", ".raw", ".zarr", ".npy", ".tif", ".tiff", ".h5"),
    *(".png", ".jpg", ".jpeg", ".bmp", ".gz", ".zip", ".json", ".xml", ".html"),
)
_WRITERS = {".npz": write_npz, ".parquet": write_parquet}
_READERS = {b"PK\x03\x04": read_npz, b"PAR1": read_parquet}  # by the first four bytes of a file
_DAMAGED = (
    pickle.UnpicklingError,
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    AttributeError,
    LookupError,
    TypeError,
    ValueError,
    ArithmeticError,
    RecursionError,
    NotImplementedError,
)


def save(filepath: str | os.PathLike[str] | IO[bytes], obj: Any) -> None:
    """Save an object to a file that `load` reads.

    Parameters
    ----------
    filepath : path or binary file handle
        The suffix decides the format: ``.npz`` (NumPy archive), ``.parquet`` (a table with named
        columns; one container), anything else, and a handle, pickle. A path is written completely
        or not at all.
    obj : object
        A container, filter, pipeline, NumPy or CuPy array, number or string, or lists, tuples, sets
        and dicts of them. What is on a GPU is stored from there and comes back on the CPU.

    Raises
    ------
    TypeError
        If the object, or an attribute in it, is something else (it is named), or a Parquet file is
        asked for and it is not a container.
    ValueError
        If attributes hold too much for a Parquet file, or the suffix is one of text files or of
        another format.
    FileNotFoundError, PermissionError
        If the directory does not exist or cannot be written to.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> import gpupept
    >>> lines = gpupept.LineData([[1, 2, 3, 4, 5, 6, 7]], angle=90)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = pathlib.Path(folder) / "lines.npz"
    ...     gpupept.save(path, lines)
    ...     gpupept.load(path).attrs
    {'angle': 90}
    """
    encoder = Encoder()
    if not isinstance(filepath, str | os.PathLike):
        if not hasattr(filepath, "write"):
            raise TypeError(f"filepath must be a path or a binary file handle, found {filepath!r}")
        write_pickle(filepath, encoder.encode(obj, ""), encoder.arrays)
        return
    suffix = Path(filepath).suffix.lower()
    if suffix in _TEXT_SUFFIXES:
        raise ValueError(
            f"{os.fspath(filepath)!r}: save does not write text; use to_csv for a table, or one of "
            "the suffixes .npz, .parquet and .pickle"
        )
    if suffix in _FOREIGN_SUFFIXES:
        raise ValueError(
            f"{os.fspath(filepath)!r}: save does not write {suffix}; use one of the suffixes .npz, "
            ".parquet and .pickle, numpy.save for a plain array, or "
            "gpupept.volumes.export_volume for voxels as files of other programs"
        )
    if suffix == ".parquet":
        _check_container(obj)
    tree = encoder.encode(obj, "")
    with atomic_write(filepath) as path, path.open("wb") as file:
        _WRITERS.get(suffix, write_pickle)(file, tree, encoder.arrays)


def _check_container(obj: Any) -> None:
    from gpupept.base.iterable_samples import IterableSamples

    if not isinstance(obj, IterableSamples):
        raise TypeError(
            f"a .parquet file holds one LineData or PointData, found {type(obj).__name__}; save it "
            "as .npz or .pickle"
        )


def load(filepath: str | os.PathLike[str] | IO[bytes]) -> Any:
    """Load an object from a file written by `save`; safe for files from anywhere.

    Parameters
    ----------
    filepath : path or binary file handle
        The file. Its content, not its name, tells the format.

    Returns
    -------
    object
        What was saved, on the CPU.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If the file is damaged or was not written by `save`. The subclass
        `gpupept.base.persistence.UnsafeFileError` if the file is a pickle that asks for anything but
        data, as those of other programs do.

    Examples
    --------
    >>> import io
    >>> import gpupept
    >>> file = io.BytesIO()
    >>> gpupept.save(file, {"speed": 0.5})
    >>> _ = file.seek(0)
    >>> gpupept.load(file)
    {'speed': 0.5}
    """
    if not isinstance(filepath, str | os.PathLike):
        if not hasattr(filepath, "read"):
            raise TypeError(f"filepath must be a path or a binary file handle, found {filepath!r}")
        return _read(filepath, str(getattr(filepath, "name", "the file")))
    with open(filepath, "rb") as file:
        return _read(file, os.fspath(filepath))


def _read(file: Any, name: str) -> Any:
    if not file.seekable():
        file = io.BytesIO(file.read())
    start = file.tell()
    head = file.read(4)
    if not isinstance(head, bytes):
        raise TypeError(f"{name} must be opened in binary mode, found a text file handle")
    file.seek(start)
    try:
        return _READERS.get(head, read_pickle)(file)
    except UnsafeFileError as error:
        raise UnsafeFileError(f"{name}: {error}") from None
    except MemoryError as error:
        raise MemoryError(f"{name} needs more memory than there is, or is damaged") from error
    except (*_DAMAGED, OSError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise  # of the file system; those about the content have no number
        raise ValueError(
            f"{name} is damaged or was not written by {FORMAT}.save "
            f"({type(error).__name__}: {error}); text files are read by {FORMAT}.read_csv"
        ) from error
