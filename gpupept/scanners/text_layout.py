"""Find out where, in a text file of LoRs, the header ends and whether the last line is complete."""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from itertools import islice

from gpupept.utilities.text import WHITESPACE, TextSource, is_number, split_fields

LOR_COLUMNS = 5  # t, x1, y1, x2, y2
_MAX_HEADER_LINES = 1000
_TAIL_BYTES = 1 << 20
_PART_OF_NUMBER = re.compile(r"[+-]?(\d*\.?\d*)(e[+-]?)?", re.IGNORECASE | re.ASCII)


@dataclass(frozen=True)
class FirstRow:
    """Where the rows of numbers begin."""

    line: int  # number of lines before it
    columns: int
    odd_line: str  # the line before, if it may be a damaged row


@dataclass(frozen=True)
class CutLine:
    """An incomplete last line."""

    offset: int  # bytes before it
    text: str


def find_first_row(source: TextSource, sep: str) -> FirstRow:
    r"""Find the first line that has nothing but at least five numbers.

    Lines before it are the header, whatever numbers are among their words. All lines after it must
    be rows too: a line of five numbers further up in a header cannot be told from a damaged file,
    so it is taken for the first row and the reader then reports the text that follows it.

    Parameters
    ----------
    source : TextSource
        The file.
    sep : str
        ``"\s+"`` or a single character.

    Returns
    -------
    FirstRow
        Where the data begin.

    Raises
    ------
    ValueError
        If there is no such line among the first 1000.

    Examples
    --------
    >>> import io
    >>> from gpupept.scanners.text_layout import find_first_row
    >>> from gpupept.utilities.text import text_source
    >>> find_first_row(text_source(io.StringIO("Run 7\n1 2 3 4 5\n"), "data"), r"\s+").line
    1
    """
    narrow = ""
    before = ""
    lines = 0
    hint = ""
    for lines, line in enumerate(islice(source.lines(), _MAX_HEADER_LINES), 1):
        fields = split_fields(line.removeprefix("\ufeff"), sep)
        numeric = bool(fields) and all(map(is_number, fields))
        if numeric and len(fields) >= LOR_COLUMNS:
            odd = _may_be_row(split_fields(before, sep), len(fields))
            return FirstRow(lines - 1, len(fields), before if odd else "")
        before = line.strip()
        if numeric and len(fields) > 1:
            narrow = narrow or f"; found {len(fields)} columns in line {lines}: {before!r}"
        hint = hint or _separator_hint(line, sep)
    if lines == 0:
        raise ValueError(f"{source.name}: the file is empty, expected rows [t, x1, y1, x2, y2]")
    raise ValueError(
        f"{source.name}: expected rows of at least {LOR_COLUMNS} numbers [t, x1, y1, x2, y2], "
        f"found none in the first {lines} lines{narrow}{hint}"
    )


def _may_be_row(fields: list[str], columns: int) -> bool:
    """Tell whether a line has numbers only, or as many fields as a row and mostly numbers."""
    numbers = sum(map(is_number, fields))
    return (numbers == len(fields) > 1) or (len(fields) == columns and 2 * numbers > columns)


def count_columns(source: TextSource, sep: str, skiprows: int) -> int:
    r"""Count the fields of the first row after `skiprows` lines; 0 if there is none.

    Parameters
    ----------
    source : TextSource
        The file.
    sep : str
        ``"\s+"`` or a single character.
    skiprows : int
        Lines to pass over, besides blank ones and those that start with ``#``.

    Returns
    -------
    int
        Number of columns.

    Examples
    --------
    >>> import io
    >>> from gpupept.scanners.text_layout import count_columns
    >>> from gpupept.utilities.text import text_source
    >>> count_columns(text_source(io.StringIO("header\n1 2 3\n"), "data"), r"\s+", 1)
    3
    """
    for line in islice(source.lines(), min(max(skiprows, 0), sys.maxsize), None):
        fields = split_fields(line, sep)
        if fields and not fields[0].startswith("#"):
            return len(fields)
    return 0


def _separator_hint(line: str, sep: str) -> str:
    for other in (",", ";", WHITESPACE):
        fields = split_fields(line, other)
        if other != sep and len(fields) >= LOR_COLUMNS and all(map(is_number, fields)):
            return f"; the columns seem to be separated otherwise, pass sep={other!r}"
    return ""


def find_cut_line(source: TextSource, sep: str, columns: int) -> CutLine | None:
    r"""Find an incomplete last line, as left by an acquisition that was stopped.

    Parameters
    ----------
    source : TextSource
        The file.
    sep : str
        ``"\s+"`` or a single character.
    columns : int
        Number of fields in a complete line.

    Returns
    -------
    CutLine or None
        The last line that is not blank, if it has fewer fields than the others or its last number
        is unfinished (such as ``-`` or ``1e``).

    Examples
    --------
    >>> import io
    >>> from gpupept.scanners.text_layout import find_cut_line
    >>> from gpupept.utilities.text import text_source
    >>> find_cut_line(text_source(io.StringIO("1 2 3\n4 5"), "data"), r"\s+", 3)
    CutLine(offset=6, text='4 5')
    """
    with source.open() as file:
        start = max(0, source.size - _TAIL_BYTES)
        file.seek(start)
        tail = file.read(_TAIL_BYTES).rstrip()
    end_of_previous = max(tail.rfind(b"\n"), tail.rfind(b"\r"))
    if end_of_previous < 0:
        return None
    text = tail[end_of_previous + 1 :].decode(errors="replace")
    fields = split_fields(text, sep)
    unfinished = len(fields) == columns and _is_unfinished(fields)
    if len(fields) >= columns and not unfinished:
        return None
    return CutLine(start + end_of_previous + 1, text.strip())


def _is_unfinished(fields: list[str]) -> bool:
    if is_number(fields[-1]) or not all(map(is_number, fields[:-1])):
        return False
    return _PART_OF_NUMBER.fullmatch(fields[-1]) is not None
