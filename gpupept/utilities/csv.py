"""Read tables of numbers from text files."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from numbers import Integral
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from gpupept.utilities.text import (
    WHITESPACE,
    TextSource,
    is_number,
    split_fields,
    text_source,
)

QUOTE_NONE = 3  # csv.QUOTE_NONE
_DEFAULTS: dict[str, Any] = {
    "nrows": None,
    "dtype": float,
    "sep": WHITESPACE,
    "header": None,
    "engine": "c",
    "na_filter": False,
    "quoting": QUOTE_NONE,
}

SkipRows = int | Iterable[int] | Callable[[int], bool] | None

# With other options than these the rows that pandas sees cannot be told from the text alone.
_PLAIN_OPTIONS = {"compression", "encoding", "encoding_errors", "low_memory", "memory_map"}
_SHOWN_CHARACTERS = 80


class SupportsRead(Protocol):
    """An object such as an open file."""

    def read(self) -> str | bytes:
        """Return everything there is."""


def read_csv(
    filepath_or_buffer: str | os.PathLike[str] | SupportsRead,
    skiprows: SkipRows = None,
    nrows: int | None = None,
    dtype: Any = float,
    sep: str = WHITESPACE,
    header: Any = None,
    engine: str = "c",
    na_filter: bool = False,
    quoting: int = QUOTE_NONE,
    memory_map: bool = True,
    **kwargs: Any,
) -> NDArray[Any]:
    r"""Read a table of numbers from a text file into an array.

    This is `pandas.read_csv` with defaults for fast reading of PEPT data, so files written by
    `LineData.to_csv` are read back exactly: lines at the beginning (after those skipped by
    `skiprows`) that start with ``#`` are ignored, and so are blank lines.

    Parameters
    ----------
    filepath_or_buffer : str, path-like or file-like
        Path or URL of the file, which may be compressed, or an object with ``read()``, which is
        read to its end.
    skiprows : int, iterable of int or callable, optional
        Number of lines to skip at the start, the (0-based) lines to skip, or a function of the line
        number that tells.
    nrows : int, optional
        Number of rows to read at most; all by default.
    dtype : type or dict of types, default float
        Type of the result, or of each column.
    sep : str, default ``"\s+"``
        What separates columns: any white space by default; ``","`` for comma-separated files.
    header, engine, na_filter, quoting : optional
        As in `pandas.read_csv`: no line of column names, the C parser, no missing values and no
        quotes by default. With ``na_filter=True``, ``nan`` and missing values are read as NaN.
    memory_map : bool, default True
        Map a file into memory instead of reading it; no effect on file-like objects.
    **kwargs
        Further arguments of `pandas.read_csv`.

    Returns
    -------
    (N, M) array
        The numbers, float64 by default, C-contiguous.

    Raises
    ------
    FileNotFoundError
        If the file does not exist.
    ValueError
        If there are no rows, rows differ in length or a field is not a number; the message has the
        path, the number of the line (from 1) and its text.

    See Also
    --------
    gpupept.scanners.parallel_screens : read LoRs, finding the end of a header by itself.

    Examples
    --------
    >>> import io
    >>> import gpupept
    >>> gpupept.read_csv(io.StringIO("# t x\n0.5 1\n1.5 2\n"))
    array([[0.5, 1. ],
           [1.5, 2. ]])
    """
    options = {
        "nrows": nrows,
        "dtype": dtype,
        "sep": sep,
        "header": header,
        "engine": engine,
        "na_filter": na_filter,
        "quoting": quoting,
    }
    options.update(kwargs)
    source = None
    if kwargs.get("compression", "infer") == "infer":
        source = text_source(filepath_or_buffer, "filepath_or_buffer")
    if source is None:
        return _parse(filepath_or_buffer, skiprows=skiprows, **options)
    return read_table(source, skiprows, memory_map, **options)


def read_table(
    source: TextSource, skiprows: SkipRows = None, memory_map: bool = True, **options: Any
) -> NDArray[Any]:
    """Read the table in `source`, as `read_csv` does.

    Parameters
    ----------
    source : TextSource
        Text of the table.
    skiprows, memory_map, **options
        As in `read_csv`, with the same defaults.

    Returns
    -------
    (N, M) array
        The numbers.

    Raises
    ------
    ValueError
        As in `read_csv`.

    Examples
    --------
    >>> import io
    >>> from gpupept.utilities.csv import read_table
    >>> from gpupept.utilities.text import text_source
    >>> read_table(text_source(io.StringIO("1,2"), "data"), sep=",")
    array([[1., 2.]])
    """
    if source.size == 0:
        raise ValueError(f"{source.name}: the file is empty, expected rows of numbers")
    options = {**_DEFAULTS, **options}
    if source.path is None:
        options["compression"] = None
    skipped = _skip_comments(source, skiprows, options.get("encoding") or "utf-8")
    whole_file = source.path is not None and source.whole
    opened = source.path if whole_file else source.open()
    try:
        options["memory_map"] = memory_map and whole_file
        return _parse(opened, skiprows=skipped, **options)
    except ValueError as error:
        raise ValueError(_explain(source, skipped, options, error)) from error
    finally:
        if not whole_file:
            opened.close()  # type: ignore[union-attr]


def _parse(opened: Any, **options: Any) -> NDArray[Any]:
    import pandas as pd

    options.setdefault("encoding_errors", "replace")  # text in a header may be in any encoding
    if options["engine"] == "c" and _inexact_by_default(pd.__version__):
        options.setdefault("float_precision", "round_trip")
    frame = pd.read_csv(opened, **options)
    return np.ascontiguousarray(frame.to_numpy())


def _inexact_by_default(version: str) -> bool:
    """Whether pandas may be off by one in the last place of numbers with many digits."""
    major, minor = version.split(".")[:2]
    return (int(major), int(minor)) < (3, 1)


def _skips(skiprows: SkipRows) -> Callable[[int], bool]:
    if skiprows is None:
        return lambda line: False
    if callable(skiprows):
        return skiprows
    if isinstance(skiprows, Iterable):
        return frozenset(skiprows).__contains__
    number = int(skiprows)
    return lambda line: line < number


def _skip_comments(source: TextSource, skiprows: SkipRows, encoding: str) -> SkipRows:
    """Extend `skiprows` by the leading lines that start with ``#``."""
    if isinstance(skiprows, Iterable):
        skiprows = frozenset(int(line) for line in skiprows)
    skips = _skips(skiprows)
    comments = set()
    number = -1
    for number, line in enumerate(source.lines(encoding)):
        text = line.lstrip(" \t\n\ufeff")
        if skips(number) or not text:
            continue
        if not text.startswith("#"):
            break
        comments.add(number)
    else:  # pandas makes a list as long as the number of lines to skip
        if isinstance(skiprows, Integral):
            skiprows = min(int(skiprows), number + 1)
    if not comments:
        return skiprows
    if callable(skiprows):
        return lambda line: line in comments or bool(skips(line))
    if isinstance(skiprows, Iterable):
        return comments.union(skiprows)
    return max(comments) + 1


def _explain(
    source: TextSource, skiprows: SkipRows, options: dict[str, Any], error: ValueError
) -> str:
    """Say what is wrong in which line, if the text alone can tell; else what pandas says."""
    detail = " ".join(str(error).split())
    sep, na_filter = options["sep"], options["na_filter"]
    plain = set(options) - set(_DEFAULTS) <= _PLAIN_OPTIONS
    if not plain or options["header"] is not None or (sep != WHITESPACE and len(sep) != 1):
        return f"{source.name}: {detail}"
    encoding = options.get("encoding") or "utf-8"
    found = find_malformed_line(source, skiprows, sep, na_filter, encoding)
    return f"{source.name}: {found or detail}"


def find_malformed_line(
    source: TextSource,
    skiprows: SkipRows = None,
    sep: str = WHITESPACE,
    na_filter: bool = False,
    encoding: str = "utf-8",
) -> str | None:
    r"""Describe the first line that keeps a text from being a table of numbers.

    Parameters
    ----------
    source : TextSource
        Text of the table.
    skiprows, sep, na_filter
        As in `read_csv`.
    encoding : str
        Encoding of the text.

    Returns
    -------
    str or None
        Line number, from 1, what is wrong with the line, and its text; None when nothing is found.

    Examples
    --------
    >>> import io
    >>> from gpupept.utilities.csv import find_malformed_line
    >>> from gpupept.utilities.text import text_source
    >>> find_malformed_line(text_source(io.StringIO("1 2\n3 x\n"), "data"))
    "line 2: 'x' is not a number: '3 x'"
    """
    skips = _skips(skiprows)
    columns = 0
    for number, line in enumerate(source.lines(encoding)):
        if skips(number) or not line.strip():
            continue
        fields = split_fields(line, sep)
        columns = columns or len(fields)
        problem = _problem(fields, columns, sep, na_filter)
        if problem:
            shown = line.strip()[:_SHOWN_CHARACTERS]
            return f"line {number + 1}: {problem}: {shown!r}"
    return None if columns else "no rows of numbers, every line is blank or skipped"


def _problem(fields: list[str], columns: int, sep: str, na_filter: bool) -> str:
    if len(fields) > columns or (len(fields) < columns and not na_filter):
        return f"expected {columns} numbers as in the first row, found {len(fields)}"
    bad = [field for field in fields if not is_number(field)]
    if not bad or (na_filter and all(_is_missing(field) for field in bad)):
        return ""
    hint = ""
    if sep == WHITESPACE and is_number(bad[0].split(",")[0].split(";")[0]):
        hint = ' (if the file is not separated by white space, pass sep, for example sep=",")'
    elif _is_missing(bad[0]):
        hint = " (pass na_filter=True to read missing values as NaN)"
    return f"{bad[0][:_SHOWN_CHARACTERS]!r} is not a number{hint}"


def _is_missing(field: str) -> bool:
    return field.lstrip("-#").lower() in ("", "nan", "na", "n/a", "<na>", "null", "none")
