"""Rows of numbers as text."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import IO, Any

from gpupept.backend import to_host
from gpupept.utilities.files import atomic_write

_ROWS_AT_ONCE = 4096


def write_csv(
    filepath: str | os.PathLike[str] | IO[Any], data: Any, columns: Sequence[str], delimiter: str
) -> None:
    """Write a comment line with the column names, then one line of text per row.

    Parameters
    ----------
    filepath : path or file handle
        A path is written completely or not at all; a handle may be of text or bytes.
    data : (N, C) float64 array
        The rows, NumPy or CuPy.
    columns : sequence of C str
        The column names.
    delimiter : str
        What separates columns.

    Raises
    ------
    TypeError
        If `delimiter` is not a string.
    FileNotFoundError, PermissionError
        If the directory does not exist or cannot be written to.
    """
    if not isinstance(delimiter, str):
        raise TypeError(f"delimiter must be a string, found {delimiter!r}")
    if hasattr(filepath, "write"):
        _write_rows(_text_writer(filepath), data, columns, delimiter)
        return
    with atomic_write(filepath) as path, path.open("w", encoding="utf-8", newline="\n") as file:
        _write_rows(file.write, data, columns, delimiter)


def _text_writer(file: Any) -> Callable[[str], Any]:
    """Write method for text, whether the file takes text or bytes."""
    try:
        file.write("")
    except TypeError:
        return lambda text: file.write(text.encode())
    write: Callable[[str], Any] = file.write
    return write


def _write_rows(
    write: Callable[[str], Any], data: Any, columns: Sequence[str], delimiter: str
) -> None:
    write("# " + delimiter.join(map(str, columns)) + "\n")
    row = delimiter.replace("%", "%%").join(["%.18e"] * data.shape[1]) + "\n"
    for first in range(0, len(data), _ROWS_AT_ONCE):
        part = to_host(data[first : first + _ROWS_AT_ONCE])
        write((row * len(part)) % tuple(part.ravel().tolist()))
