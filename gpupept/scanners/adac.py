"""Read list mode files of the ADAC Forte two-head camera."""

from __future__ import annotations

import glob
import os
import re
import struct
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gpupept.base import LineData
from gpupept.kernels.adac_format import HEADER_BYTES, MARKER, position_table
from gpupept.scanners.timing import log_elapsed

_WORD_BYTES = 4
_BLOCK_WORDS = 1 << 20
_DEFAULT_TICKS_PER_MS = 1.0
# Ticks that do not grow with the computer's clock give no slope, only rounding errors.
_LEAST_CORRELATION = 1e-9


def adac_forte(
    filepath: str | os.PathLike[str],
    sample_size: Any = None,
    overlap: Any = None,
    verbose: bool = True,
) -> LineData:
    """Read lines of response from binary ADAC Forte list mode files (usually ``.da01``).

    Files are decoded one after the other, each with its own head separation; times of each further
    file continue from the last LoR before it. A file is read twice, in blocks: once to count its
    LoRs and to fit its clock, once to fill the result, so memory use is that of the result.

    The tag counter in the file is converted to ms by the least squares slope of the ticks against
    the computer's clock, which the file repeats. When there are too few clock words for a slope (or
    they are damaged), the overall ratio of ticks to ms is used; when that is impossible too, a
    warning is given and times are left in ticks (1 tick per ms).

    Parameters
    ----------
    filepath : str or path-like
        File to read. With a ``*`` in it, all files that match the pattern, in natural order
        (``DS.da2`` before ``DS.da10``).
    sample_size : int, list of int, TimeWindow or AdaptiveWindow, optional
        Samples of the result, see `gpupept.LineData`; everything is one sample by default.
    overlap : int, TimeWindow or AdaptiveWindow, optional
        Overlap of consecutive samples, in the units of `sample_size`; none by default.
    verbose : bool, default True
        Log the time taken (level INFO of the logger "gpupept").

    Returns
    -------
    LineData
        (N, 7) LoRs ``[t, x1, y1, z1, x2, y2, z2]`` in ms and mm; point 1 is on the first head, at
        z1 = -10, point 2 on the second at z2 = separation + 10 (photons interact 10 mm behind the
        face of a head). Its ``attrs`` count what was left out: ``incomplete_events`` (photon pairs
        of which not all four coordinates were found), ``ignored_clock_steps`` (words whose tag was
        out of order) and ``trailing_bytes`` (of an incomplete last word). No LoR at all gives zero
        rows and a warning.

    Raises
    ------
    FileNotFoundError
        If the file does not exist, or no file matches the pattern.
    ValueError
        If a file is not of this format (the message has its path and the byte offset), or if
        `overlap` is not smaller than `sample_size`.

    See Also
    --------
    gpupept.scanners.write_adac_forte : write such a file.

    References
    ----------
    .. [1] Parker D.J. et al. Positron emission particle tracking using the new Birmingham positron
       camera. Nuclear Instruments and Methods in Physics Research A 477 (2002) 540-545.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> from gpupept.scanners import adac_forte, write_adac_forte
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = pathlib.Path(folder) / "run.da01"
    ...     _ = write_adac_forte([[1.5, 59, 482, -10, 177, 231.84, 510]], path)
    ...     lines = adac_forte(path)
    >>> lines.lines
    array([[  1.5 ,  59.  , 482.  , -10.  , 177.  , 231.84, 510.  ]])
    """
    with log_elapsed(verbose):
        surveys = [_survey(path) for path in _matching_files(filepath)]
        lors = _read_lors(surveys)
        _report(surveys, len(lors))
        return LineData(
            lors,
            sample_size,
            overlap,
            incomplete_events=sum(s.incomplete_events for s in surveys),
            ignored_clock_steps=sum(s.ignored_clock_steps for s in surveys),
            trailing_bytes=sum(s.trailing_bytes for s in surveys),
        )


def _matching_files(filepath: str | os.PathLike[str]) -> list[Path]:
    text = os.fsdecode(filepath)
    if "*" not in text:
        if not os.path.isfile(text):
            raise FileNotFoundError(f"filepath: there is no file {text!r}")
        return [Path(text)]
    paths = [path for path in glob.glob(text) if os.path.isfile(path)]
    if not paths:
        raise FileNotFoundError(f"filepath: no file matches the pattern {text!r}")
    return [Path(path) for path in sorted(paths, key=_natural_order)]


def _natural_order(text: str) -> tuple[list[str | int], str]:
    """Sort key that compares runs of digits as numbers."""
    parts = re.split(r"(\d+)", text)
    return [int(part) if i % 2 else part for i, part in enumerate(parts)], text


@dataclass(frozen=True)
class _Survey:
    """What the first pass over a file found."""

    path: Path
    separation: int
    words: int
    lors: int
    ticks_per_ms: float | None  # None: the file does not tell
    incomplete_events: int
    ignored_clock_steps: int
    trailing_bytes: int


def _survey(path: Path) -> _Survey:
    from gpupept.kernels import adac

    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        separation, tag = _read_header(path, file.read(HEADER_BYTES + 3 * _WORD_BYTES))
    words, trailing = divmod(size - HEADER_BYTES, _WORD_BYTES)
    state, fit = _scan(path, words, tag, 1.0, separation, np.empty((0, 7)))
    return _Survey(
        path=path,
        separation=separation,
        words=words,
        lors=int(state[adac.LORS]),
        ticks_per_ms=_fitted_rate(state, fit),
        incomplete_events=int(state[adac.INCOMPLETE] + (state[adac.FILLED] != 0)),
        ignored_clock_steps=int(state[adac.IGNORED_STEPS]),
        trailing_bytes=trailing,
    )


def _read_header(path: Path, head: bytes) -> tuple[int, int]:
    """Head separation in mm, and the tag right after the first clock, where the ticks start."""
    if not head:
        raise ValueError(f"{path}: the file is empty, expected ADAC Forte list mode")
    if len(head) < HEADER_BYTES + _WORD_BYTES:
        raise ValueError(
            f"{path}: byte {len(head)}: the file ends within the {HEADER_BYTES} bytes of header or "
            "before the first word, it is not (or not all of) an ADAC Forte list mode file"
        )
    separation, first = struct.unpack_from("<i", head)[0], struct.unpack_from("<I", head, 1008)[0]
    if first != MARKER:
        raise ValueError(
            f"{path}: byte {HEADER_BYTES}: expected the marker {MARKER:#X} of ADAC Forte list "
            f"mode, found {first:#010X}"
        )
    if separation < 0:
        raise ValueError(f"{path}: byte 0: the head separation is negative ({separation} mm)")
    tag_offset = HEADER_BYTES + 3 * _WORD_BYTES - 1
    return separation, head[tag_offset] if len(head) > tag_offset else 0


def _fitted_rate(state: NDArray[np.int64], fit: NDArray[np.float64]) -> float | None:
    """Ticks per ms: least squares slope, else the overall ratio, else None."""
    from gpupept.kernels import adac

    spread = np.sqrt(fit[adac.SUM_MS_MS] * fit[adac.SUM_TICKS_TICKS])
    if fit[adac.SUM_MS_TICKS] > _LEAST_CORRELATION * spread:
        return float(fit[adac.SUM_MS_TICKS] / fit[adac.SUM_MS_MS])
    if state[adac.LAST_ELAPSED] > 0 and state[adac.LAST_TICKS] > 0:
        return float(state[adac.LAST_TICKS] / state[adac.LAST_ELAPSED])
    return None


def _scan(
    path: Path,
    words: int,
    tag: int,
    ticks_per_ms: float,
    separation: int,
    lors: NDArray[np.float64],
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    from gpupept.kernels import adac

    state, fit = adac.new_state(tag), np.zeros(adac.FIT_SIZE)
    positions = position_table()
    for block in _word_blocks(path, words):
        adac.scan_words(block, positions, state, fit, ticks_per_ms, float(separation), lors)
    return state, fit


def _word_blocks(path: Path, words: int) -> Iterator[NDArray[np.uint32]]:
    buffer = np.empty(min(words, _BLOCK_WORDS), dtype="<u4")
    with path.open("rb") as file:
        file.seek(HEADER_BYTES)
        while words > 0:
            wanted = buffer[: min(words, _BLOCK_WORDS)]
            found = file.readinto(wanted.view(np.uint8).data)
            if found < wanted.nbytes:
                raise OSError(
                    f"{path}: byte {file.tell()}: the file became shorter while it was read"
                )
            yield wanted.astype(np.uint32, copy=False)
            words -= len(wanted)


def _read_lors(surveys: Sequence[_Survey]) -> NDArray[np.float64]:
    rows = np.empty((sum(survey.lors for survey in surveys), 7))
    first, time = 0, 0.0
    for survey in surveys:
        if survey.lors == 0:
            continue
        part = rows[first : first + survey.lors]
        rate = survey.ticks_per_ms or _DEFAULT_TICKS_PER_MS
        _scan(survey.path, survey.words, 0, rate, survey.separation, part)
        part[:, 0] += time
        time = part[-1, 0]
        first += survey.lors
    return rows


def _report(surveys: Sequence[_Survey], lors: int) -> None:
    for survey in surveys:
        if survey.lors and survey.ticks_per_ms is None:
            warnings.warn(
                f"{survey.path}: the clock words do not give the length of a clock tick; times are "
                "in ticks instead of ms",
                stacklevel=3,
            )
        if survey.trailing_bytes:
            warnings.warn(
                f"{survey.path}: byte {HEADER_BYTES + survey.words * _WORD_BYTES}: ignored the "
                f"{survey.trailing_bytes} bytes of an incomplete last word",
                stacklevel=3,
            )
    if lors == 0:
        names = ", ".join(str(survey.path) for survey in surveys)
        warnings.warn(f"{names}: no complete line of response was found", stacklevel=3)
