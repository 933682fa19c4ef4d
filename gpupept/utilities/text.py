"""Where the text of a table comes from: a file, or the content of a file-like object."""

from __future__ import annotations

import io
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO

WHITESPACE = r"\s+"
_LONGEST_LINE = 1 << 20
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")
_NUMBER = re.compile(
    r"[+-]?(?:(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?|inf(?:inity)?)", re.ASCII | re.IGNORECASE
)


@dataclass(frozen=True)
class TextSource:
    """Text that can be opened repeatedly, as bytes or as lines, up to an optional end.

    Attributes
    ----------
    name : str
        What error messages call it: the path, if there is one.
    path : Path or None
        The file, or None when the text is in memory.
    content : bytes
        The text when there is no file.
    size : int
        Number of bytes, from the start, that belong to it.
    whole : bool
        Whether these are all bytes of the file or the content.
    """

    name: str
    path: Path | None
    content: bytes
    size: int
    whole: bool = True

    def until(self, offset: int) -> TextSource:
        """Return the same text without everything from the byte `offset` on."""
        return replace(self, size=offset, whole=False)

    def open(self) -> BinaryIO:
        """Open the text for reading bytes."""
        if self.path is None:
            return io.BytesIO(self.content[: self.size])
        file = self.path.open("rb")
        return file if self.whole else io.BufferedReader(_Beginning(file, self.size), 1 << 20)  # type: ignore[return-value]

    def lines(self, encoding: str = "utf-8") -> Iterator[str]:
        r"""Iterate over the lines; ``\n``, ``\r\n`` and ``\r`` end one."""
        with io.TextIOWrapper(self.open(), encoding, errors="replace", newline=None) as text:
            while line := text.readline(_LONGEST_LINE):
                yield line

    def line_number(self, offset: int) -> int:
        """Return the number, from 1, of the line that contains the byte `offset`."""
        newlines = returns = 0
        with self.until(offset).open() as file:
            while block := file.read(1 << 20):
                newlines += block.count(b"\n")
                returns += block.count(b"\r")
        return 1 + (newlines or returns)


class _Beginning(io.RawIOBase):
    """The first bytes of a file, as if it ended there."""

    def __init__(self, file: BinaryIO, size: int) -> None:
        self._file = file
        self._left = size

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        block = self._file.read(min(len(buffer), self._left))
        buffer[: len(block)] = block
        self._left -= len(block)
        return len(block)

    def close(self) -> None:
        self._file.close()
        super().close()


def is_file(argument: Any) -> bool:
    """Tell paths and file-like objects from anything else, such as arrays."""
    return isinstance(argument, str | bytes | os.PathLike) or hasattr(argument, "read")


def text_source(argument: Any, name: str) -> TextSource | None:
    r"""Find the text that a path or a file-like object stands for.

    Parameters
    ----------
    argument : str, path-like or file-like
        A path, also of a file compressed with gzip, bzip2 or xz, or an object with ``read()``, of
        which everything left to read is taken into memory.
    name : str
        Name of the argument, for error messages.

    Returns
    -------
    TextSource or None
        None for what only pandas can open: a URL or another compression.

    Raises
    ------
    FileNotFoundError, IsADirectoryError
        If the path does not exist or is a directory.
    TypeError
        If `argument` is neither a path nor file-like.

    Examples
    --------
    >>> import io
    >>> from gpupept.utilities.text import text_source
    >>> list(text_source(io.StringIO("1 2\r\n3 4"), "data").lines())
    ['1 2\n', '3 4']
    """
    if hasattr(argument, "read"):
        content = argument.read()
        label = getattr(argument, "name", None)
        return _in_memory(label if isinstance(label, str) else f"<{name}>", content)
    if not isinstance(argument, str | bytes | os.PathLike):
        raise TypeError(f"{name}: expected a path or a file, found {type(argument).__name__}")
    text = os.fsdecode(argument)
    if _URL.match(text):
        return None
    path = Path(text).expanduser()
    if not path.exists():
        raise FileNotFoundError(f"{name}: there is no file {text!r}")
    if path.is_dir():
        raise IsADirectoryError(f"{name}: {text!r} is a directory, expected a file")
    suffix = path.suffix.lower()
    if suffix in (".gz", ".bz2", ".xz"):
        return _in_memory(str(path), _decompressed(path, suffix))
    if suffix in (".zip", ".zst", ".tar"):
        return None
    if not path.is_file():  # a pipe can be read only once
        return _in_memory(str(path), path.read_bytes())
    return TextSource(str(path), path, b"", path.stat().st_size)


def _in_memory(name: str, content: bytes | str) -> TextSource:
    data = content.encode() if isinstance(content, str) else bytes(content)
    return TextSource(name, None, data, len(data))


def _decompressed(path: Path, suffix: str) -> bytes:
    import bz2
    import gzip
    import lzma

    decompress = {".gz": gzip.decompress, ".bz2": bz2.decompress, ".xz": lzma.decompress}[suffix]
    try:
        return decompress(path.read_bytes())
    except (EOFError, OSError, lzma.LZMAError, ValueError) as error:
        raise ValueError(f"{path}: the compressed file is damaged ({error})") from error


def split_fields(line: str, sep: str) -> list[str]:
    r"""Split one line of a table; the empty list for a blank line.

    Parameters
    ----------
    line : str
        One line of text.
    sep : str
        Whitespace as ``"\s+"``, or a single character.

    Returns
    -------
    list of str
        The fields without the space around them.

    Examples
    --------
    >>> from gpupept.utilities.text import split_fields
    >>> split_fields(" 1, 2,", ",")
    ['1', '2', '']
    """
    stripped = line.strip()
    if sep == WHITESPACE or not stripped:
        return stripped.split()
    return [field.strip() for field in line.strip(" \r\n").split(sep)]


def is_number(field: str) -> bool:
    """Tell whether a field of a table is a number, infinite ones included.

    Parameters
    ----------
    field : str
        Text without space around it.

    Returns
    -------
    bool
        Whether the reader of tables accepts it (``nan`` is no number to it).

    Examples
    --------
    >>> from gpupept.utilities.text import is_number
    >>> [is_number(field) for field in ("-1.5e3", "inf", "nan", "1e")]
    [True, True, False, False]
    """
    return _NUMBER.fullmatch(field) is not None
