"""Lines of response of two parallel screens, from text files and arrays."""

from __future__ import annotations

import os
import warnings
from numbers import Integral
from typing import Any

from numpy.typing import ArrayLike, NDArray

from gpupept.backend import array_namespace
from gpupept.base import IterableSamples, LineData
from gpupept.scanners.text_layout import LOR_COLUMNS, count_columns, find_cut_line, find_first_row
from gpupept.scanners.timing import log_elapsed
from gpupept.utilities.csv import SupportsRead, read_csv, read_table
from gpupept.utilities.text import WHITESPACE, TextSource, is_file, text_source

# With other options of the reader than these, the file is read exactly as they say.
_PLAIN_OPTIONS = {"skiprows", "sep", "nrows", "memory_map", "low_memory", "encoding_errors"}


def parallel_screens(
    filepath_or_array: str | os.PathLike[str] | SupportsRead | ArrayLike,
    screen_separation: float | ArrayLike,
    sample_size: Any = None,
    overlap: Any = None,
    verbose: bool = True,
    **kwargs: Any,
) -> LineData:
    r"""Read lines of response measured between two parallel screens.

    Rows ``[t, x1, y1, x2, y2]`` become LoRs ``[t, x1, y1, z1, x2, y2, z2]`` with z1 = 0 and
    z2 = `screen_separation`.

    In a text file the data start at the first line that has nothing but at least five numbers; what
    is before it is taken for a header and skipped, unless `skiprows` is given. Blank lines are
    ignored. If the last line is incomplete, it is left out with a warning. Any other line that is
    not a row of numbers is an error.

    Parameters
    ----------
    filepath_or_array : str, path-like, file-like or (N, M >= 5) array_like
        A text file, also compressed, a URL, an open file, or the rows themselves. A CuPy array
        stays on its GPU.
    screen_separation : float or (N,) array_like
        Distance between the screens in mm, of all LoRs or of each.
    sample_size : int, list of int, TimeWindow or AdaptiveWindow, optional
        Samples of the result, see `gpupept.LineData`; everything is one sample by default.
    overlap : int, TimeWindow or AdaptiveWindow, optional
        Overlap of consecutive samples, in the units of `sample_size`; none by default.
    verbose : bool, default True
        Log the time taken (level INFO of the logger "gpupept").
    **kwargs
        Arguments of `gpupept.read_csv`, such as ``skiprows``, ``nrows`` or ``sep=","``. With any
        other than these three the file is read exactly as they say: no header is found and an
        incomplete last line is an error.

    Returns
    -------
    LineData
        (N, M + 2) float64 LoRs in ms and mm; columns after the fifth follow as "col7", "col8" ....
        Rows that are not finite are kept, with a warning that counts them. When read from a file,
        ``attrs["skipped_lines"]`` is the number of incomplete last lines left out, 0 or 1.

    Raises
    ------
    FileNotFoundError
        If the file does not exist.
    ValueError
        If the file is empty, has no rows of at least five numbers or a malformed line (with path,
        line number and text), if the array is not (N, M >= 5), if the separation is not positive
        and finite, or if `overlap` is not smaller than `sample_size`.

    See Also
    --------
    gpupept.scanners.adac_forte : read binary list mode of the same kind of camera.

    Examples
    --------
    >>> import gpupept
    >>> rows = [[2, 100, 150, 200, 250], [4, 350, 250, 100, 150], [6, 450, 350, 250, 200]]
    >>> lines = gpupept.scanners.parallel_screens(rows, 500)
    >>> lines.lines
    array([[  2., 100., 150.,   0., 200., 250., 500.],
           [  4., 350., 250.,   0., 100., 150., 500.],
           [  6., 450., 350.,   0., 250., 200., 500.]])
    """
    with log_elapsed(verbose):
        attrs: dict[str, Any] = {}
        if is_file(filepath_or_array):
            rows, attrs["skipped_lines"] = _read_rows(filepath_or_array, kwargs)
        elif kwargs:
            raise TypeError(f"{', '.join(kwargs)}: options of files only, but an array was given")
        else:
            rows = _as_rows(filepath_or_array)
        lors = _insert_screens(rows, screen_separation)
        _report_non_finite(lors)
        return LineData(lors, sample_size, overlap, **attrs)


def _read_rows(argument: Any, options: dict[str, Any]) -> tuple[NDArray[Any], int]:
    """Rows of the file and the number of lines left out of them."""
    skiprows, sep = options.get("skiprows"), options.get("sep", WHITESPACE)
    plain = set(options) <= _PLAIN_OPTIONS and (sep == WHITESPACE or len(sep) == 1)
    source = None
    if plain and (skiprows is None or isinstance(skiprows, Integral)):
        source = text_source(argument, "filepath_or_array")
    if source is None:
        rows, skipped = read_csv(argument, **options), 0
    else:
        rows, skipped = _read_plain_rows(source, sep, options)
    if rows.shape[1] < LOR_COLUMNS:
        name = argument if source is None else source.name
        raise ValueError(
            f"{name}: expected at least {LOR_COLUMNS} columns [t, x1, y1, x2, y2], found "
            f"{rows.shape[1]}"
        )
    return rows, skipped


def _read_plain_rows(
    source: TextSource, sep: str, options: dict[str, Any]
) -> tuple[NDArray[Any], int]:
    if options.get("skiprows") is not None:
        columns = count_columns(source, sep, int(options["skiprows"]))
        return _read_complete_lines(source, sep, columns, options)
    first = find_first_row(source, sep)
    if first.odd_line:
        warnings.warn(
            f"{source.name}: line {first.line} was taken for the last line of the header, it has "
            f"fewer numbers than the {first.columns} of the rows: {first.odd_line!r}",
            stacklevel=4,
        )
    try:
        return _read_complete_lines(source, sep, first.columns, {**options, "skiprows": first.line})
    except ValueError as error:
        raise ValueError(
            f"{error} (the rows were taken to begin at line {first.line + 1}, the first with "
            "nothing but numbers; pass skiprows if that is part of the header)"
        ) from error


def _read_complete_lines(
    source: TextSource, sep: str, columns: int, options: dict[str, Any]
) -> tuple[NDArray[Any], int]:
    """Read all lines but an incomplete last one."""
    cut = find_cut_line(source, sep, columns)
    if cut is None:
        return read_table(source, **options), 0
    rows = read_table(source.until(cut.offset), **options)
    nrows = options.get("nrows")
    if nrows is not None and len(rows) >= nrows:
        return rows, 0
    warnings.warn(
        f"{source.name}: line {source.line_number(cut.offset)}: left out the incomplete last line "
        f"{cut.text[:80]!r}",
        stacklevel=5,
    )
    return rows, 1


def _as_rows(value: Any) -> Any:
    if isinstance(value, IterableSamples):
        raise TypeError(
            f"filepath_or_array: expected rows [t, x1, y1, x2, y2], found a {type(value).__name__}"
        )
    try:
        xp = array_namespace(value)
        rows = xp.asarray(value, dtype=xp.float64)
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"filepath_or_array: expected an (N, M >= {LOR_COLUMNS}) array of numbers, found "
            f"{type(value).__name__}: {error}"
        ) from error
    if rows.ndim != 2 or rows.shape[1] < LOR_COLUMNS:
        raise ValueError(
            f"filepath_or_array: expected an (N, M >= {LOR_COLUMNS}) array with columns "
            f"[t, x1, y1, x2, y2], found shape {rows.shape}"
        )
    return rows


def _insert_screens(rows: Any, screen_separation: Any) -> Any:
    xp = array_namespace(rows, screen_separation)
    separation = xp.asarray(screen_separation, dtype=xp.float64)
    if separation.ndim and separation.shape != rows.shape[:1]:
        raise ValueError(
            f"screen_separation: expected one distance or one per row, ({len(rows)},), found shape "
            f"{separation.shape}"
        )
    if not bool((xp.isfinite(separation) & (separation > 0)).all()):
        raise ValueError(
            "screen_separation: expected a positive, finite distance in mm, found "
            f"{screen_separation!r}"
        )
    lors = xp.empty((len(rows), rows.shape[1] + 2))
    lors[:, :3] = rows[:, :3]
    lors[:, 3] = 0
    lors[:, 4:6] = rows[:, 3:5]
    lors[:, 6] = separation
    lors[:, 7:] = rows[:, 5:]
    return lors


def _report_non_finite(lors: Any) -> None:
    xp = array_namespace(lors)
    finite = xp.isfinite(lors)
    if bool(finite.all()):
        return
    bad = int((~finite.all(axis=1)).sum())
    warnings.warn(
        f"{bad} of {len(lors)} lines of response have NaN or infinite values; they are kept",
        stacklevel=3,
    )
