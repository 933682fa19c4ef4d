"""Write lines of response as ADAC Forte list mode."""

from __future__ import annotations

import os
import struct
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from numbers import Real
from typing import BinaryIO

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gpupept.backend import to_host
from gpupept.base import LineData
from gpupept.kernels.adac_format import (
    DEPTH,
    DESCRIPTION_BYTES,
    FIRST_HEAD,
    HEIGHT,
    MARKER,
    NOT_X,
    NOT_Y,
    PITCH,
    POSITIONS,
    SECOND_PHOTON,
    TAG_STEPS,
    word_bits_table,
)
from gpupept.utilities.files import atomic_write

_MAX_MS = 2**31 - 1  # the reader takes clock differences as 32-bit signed integers
_LORS_PER_CLOCK = 4096
_MS_PER_CLOCK = 60_000
_BLOCK_LORS = 1 << 17
_BLOCK_WORDS = 1 << 22
_IDLE = NOT_X | NOT_Y  # such a word has no coordinate and only carries a tag


def write_adac_forte(
    lines: LineData | ArrayLike,
    filepath: str | os.PathLike[str],
    separation: int | None = None,
    ticks_per_ms: int = 10,
    start: float = 0.0,
    out_of_range: str = "raise",
    description: str = "",
) -> int:
    """Write lines of response in the binary list mode of the ADAC Forte camera.

    What the format holds is what is written: coordinates are rounded to the camera's pitch of
    0.59 mm and times to clock ticks. Reading the file with `adac_forte` gives these values back.
    LoRs that are not on the planes of the two heads, z = -10 and z = separation + 10, are extended
    or cut to them. Silent intervals longer than the 8-bit tag can count are bridged by words
    without coordinates.

    Parameters
    ----------
    lines : LineData or (N, M >= 7) array_like
        LoRs ``[t, x1, y1, z1, x2, y2, z2, ...]`` in ms and mm, in ascending order of time; further
        columns are not written. Data on a GPU are copied to the host.
    filepath : str or path-like
        File to write; it appears, complete, at the end.
    separation : int, optional
        Distance between the heads in mm. By default it is taken from the lines, which must then all
        go from z = -10 to z = separation + 10, as those read by `adac_forte` do.
    ticks_per_ms : int, default 10
        Resolution of the times.
    start : float, default 0
        Time, in ms, that the clock of the file starts at; times in the file count from it.
    out_of_range : {"raise", "skip"}, default "raise"
        What to do with LoRs that the format cannot represent: those that leave the field of view of
        a head (x 0 to 603.57 mm; y -3.57 to 600 mm on the first head, -4.16 to 599.41 mm on the
        second), are parallel to the heads, or are not finite.
    description : str, optional
        Text for the header, up to 1000 bytes of UTF-8.

    Returns
    -------
    int
        Number of LoRs written.

    Raises
    ------
    ValueError
        If LoRs cannot be represented (unless skipped, with a warning that counts them), times
        descend, come before `start` or exceed 2**31 ms, or the separation is not a whole number
        within 0 .. 2**31 - 1 and cannot be inferred.
    FileNotFoundError, PermissionError
        If the directory of `filepath` does not exist or cannot be written to.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> import numpy as np
    >>> from gpupept.scanners import adac_forte, parallel_screens, write_adac_forte
    >>> lines = parallel_screens([[0.04, 100, 150, 200, 250], [7, 350, 250, 100, 150]], 500)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = pathlib.Path(folder) / "run.da01"
    ...     written = write_adac_forte(lines, path, separation=500)
    ...     back = adac_forte(path)
    >>> written
    2
    >>> np.round(back.lines[:, :4], 2)
    array([[  0.  ,  97.94, 148.06, -10.  ],
           [  7.  , 355.18, 251.9 , -10.  ]])
    """
    rows = _as_rows(lines)
    rate = _whole_number("ticks_per_ms", ticks_per_ms, 1, 10**6)
    gap = _head_separation(rows, separation)
    header = _header(gap, description)
    events = _quantise(rows, gap, rate, start, out_of_range)
    with atomic_write(filepath) as temporary, temporary.open("wb") as file:
        file.write(header)
        _write_words(file, events, rate)
    return len(events.ticks)


def _as_rows(lines: LineData | ArrayLike) -> NDArray[np.float64]:
    rows = np.asarray(to_host(lines.lines if isinstance(lines, LineData) else lines), float)
    if rows.ndim != 2 or rows.shape[1] < 7:
        raise ValueError(
            "lines: expected an array of shape (N, M >= 7), [t, x1, y1, z1, x2, y2, z2], found "
            f"shape {rows.shape}"
        )
    return rows


def _whole_number(name: str, value: float, low: int, high: int) -> int:
    if not (isinstance(value, Real) and low <= value <= high and value == int(value)):
        raise ValueError(f"{name}: expected a whole number from {low} to {high}, found {value!r}")
    return int(value)


def _head_separation(rows: NDArray[np.float64], separation: int | None) -> int:
    if separation is not None:
        return _whole_number("separation", separation, 0, 2**31 - 1)
    found = np.unique(rows[:, 6] - DEPTH)
    if len(found) != 1 or (rows[:, 3] != -DEPTH).any() or found[0] != np.rint(found[0]):
        raise ValueError(
            "separation: cannot be inferred, the lines do not all go from z1 = -10 to z2 = "
            "separation + 10 with a whole number of mm; pass separation="
        )
    return _whole_number("separation", float(found[0]), 0, 2**31 - 1)


def _header(separation: int, description: str) -> bytes:
    text = description.encode()
    if len(text) > DESCRIPTION_BYTES:
        raise ValueError(f"description: at most {DESCRIPTION_BYTES} bytes, found {len(text)}")
    return struct.pack("<ii", separation, 0) + text.ljust(DESCRIPTION_BYTES, b"\0")


@dataclass(frozen=True)
class _Events:
    """LoRs in the units of the file: (N,) clock ticks, (N, 4) position numbers xA, yA, xB, yB."""

    ticks: NDArray[np.int64]
    positions: NDArray[np.int16]


def _quantise(
    rows: NDArray[np.float64], separation: int, rate: int, start: float, out_of_range: str
) -> _Events:
    if out_of_range not in ("raise", "skip"):
        raise ValueError(f'out_of_range: expected "raise" or "skip", found {out_of_range!r}')
    if not np.isfinite(start):
        raise ValueError(f"start: expected a finite time in ms, found {start!r}")
    positions = np.empty((len(rows), 4), dtype=np.int16)
    for first in range(0, len(rows), _BLOCK_LORS):
        block = slice(first, first + _BLOCK_LORS)
        positions[block] = _position_numbers(rows[block], separation)
    good = (positions >= 0).all(axis=1) & np.isfinite(rows[:, 0])
    bad = np.flatnonzero(~good)
    if len(bad):
        message = (
            f"{len(bad)} of {len(rows)} LoRs cannot be represented: they leave the field of view "
            f"of a head, are parallel to the heads or not finite (first: row {bad[0]}, "
            f"{rows[bad[0], :7].tolist()})"
        )
        if out_of_range == "raise":
            raise ValueError(f'lines: {message}; pass out_of_range="skip" to leave them out')
        warnings.warn(f"left out: {message}", stacklevel=3)
    kept = np.flatnonzero(good)
    return _Events(_ticks(rows[kept, 0], kept, rate, start), positions[kept])


def _position_numbers(rows: NDArray[np.float64], separation: int) -> NDArray[np.int16]:
    """(N, 4) position numbers of the lines on both heads, -1 where there is none."""
    first, second = rows[:, 1:4], rows[:, 4:7]
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        slope = (second - first)[:, :2] / (second - first)[:, 2:]
        # Each plane is reached from its own end, so that a point on the plane stays what it is.
        a = first[:, :2] + (-DEPTH - first[:, 2:]) * slope
        b = second[:, :2] + (separation + DEPTH - second[:, 2:]) * slope
        numbers = np.column_stack([a[:, 0], HEIGHT - a[:, 1], b[:, 0], HEIGHT - b[:, 1]])
        numbers = np.rint(numbers / PITCH)
        numbers[:, 3] = POSITIONS - numbers[:, 3]
        inside = (numbers >= 0) & (numbers < POSITIONS)
    return np.where(inside, numbers, -1).astype(np.int16)


def _ticks(
    times: NDArray[np.float64], row_numbers: NDArray[np.int64], rate: int, start: float
) -> NDArray[np.int64]:
    elapsed = times - start
    for wrong, what in (
        (elapsed < 0, f"is before start = {start} ms"),
        (elapsed > _MAX_MS - 2, "is more than 2**31 ms after the start"),
        (np.diff(elapsed, prepend=elapsed[:1]) < 0, "is earlier than that of the row before"),
    ):
        if wrong.any():
            at = int(np.argmax(wrong))
            raise ValueError(
                f"lines: the time {times[at]} ms of row {row_numbers[at]} {what}; list mode holds "
                "ascending times"
            )
    return np.rint(elapsed * rate).astype(np.int64)


def _write_words(file: BinaryIO, events: _Events, rate: int) -> None:
    file.write(np.array([MARKER, 0, _IDLE_WORD], dtype="<u4").tobytes())
    clocks = _clock_times(events.ticks, rate)
    written, time, lors = 0, 0, len(events.ticks)
    for first in range(0, lors + 1, _BLOCK_LORS):
        last = min(first + _BLOCK_LORS, lors)
        upto = len(clocks)
        if last < lors:
            upto = int(np.searchsorted(clocks * rate, events.ticks[last - 1], side="right"))
        items = _Items.merge(events, first, last, clocks[written:upto], rate, time)
        for words in items.words():
            file.write(words.astype("<u4", copy=False).tobytes())
        written, time = upto, items.last_tick


def _clock_times(ticks: NDArray[np.int64], rate: int) -> NDArray[np.int64]:
    """Ms at which to repeat the clock: at whole ms, so that the reader's fit is exact."""
    end = -(-int(ticks[-1]) // rate) if len(ticks) else 0
    every = np.arange(_MS_PER_CLOCK, end, _MS_PER_CLOCK)
    among_lors = ticks[::_LORS_PER_CLOCK] // rate
    times = np.unique(np.concatenate([every, among_lors, [end, end + 1, end + 2]]))
    return times[times > 0]


_LOR_WORDS = 6
_CLOCK_WORDS = 3
_IDLE_WORD = int(word_bits_table()[0]) | FIRST_HEAD | _IDLE


@dataclass(frozen=True)
class _Items:
    """LoRs and clocks in order of time: what is to be written, before the silences are bridged."""

    events: _Events
    ticks: NDArray[np.int64]
    source: NDArray[np.int64]  # row of `events`, or -1 - ms for a clock
    before: int  # tick of the word before the first item

    @classmethod
    def merge(
        cls,
        events: _Events,
        first: int,
        last: int,
        clocks: NDArray[np.int64],
        rate: int,
        before: int,
    ) -> _Items:
        ticks = np.concatenate([events.ticks[first:last], clocks * rate])
        source = np.concatenate([np.arange(first, last), -1 - clocks])
        order = np.argsort(ticks, kind="stable")
        return cls(events, ticks[order], source[order], before)

    @property
    def last_tick(self) -> int:
        return int(self.ticks[-1]) if len(self.ticks) else self.before

    def words(self) -> Iterator[NDArray[np.uint32]]:
        """Words of all items, in pieces of about `_BLOCK_WORDS`."""
        silent = np.diff(self.ticks, prepend=self.before)
        bridges = np.maximum(silent - 1, 0) // (TAG_STEPS - 1)
        sizes = bridges + np.where(self.source < 0, _CLOCK_WORDS, _LOR_WORDS)
        ends = np.cumsum(sizes)
        total = int(ends[-1]) if len(ends) else 0
        cuts = np.searchsorted(ends, np.arange(_BLOCK_WORDS, total, _BLOCK_WORDS), side="right")
        bounds = np.unique(np.concatenate([[0], cuts, [len(ends)]]))
        for a, b in pairwise(bounds.tolist()):
            yield self._piece(slice(a, b), self.ticks[a:b] - silent[a:b], bridges[a:b], sizes[a:b])

    def _piece(
        self,
        part: slice,
        previous: NDArray[np.int64],
        bridges: NDArray[np.int64],
        sizes: NDArray[np.int64],
    ) -> NDArray[np.uint32]:
        words = np.empty(int(sizes.sum()), dtype=np.uint32)
        starts = np.cumsum(sizes) - sizes
        ticks, source = self.ticks[part], self.source[part]
        step = np.arange(int(bridges.sum())) - np.repeat(np.cumsum(bridges) - bridges, bridges)
        idle = np.repeat(previous, bridges) + (step + 1) * (TAG_STEPS - 1)
        words[np.repeat(starts, bridges) + step] = _tagged(idle, _IDLE_WORD)

        clock = source < 0
        at = (starts + bridges)[clock]
        words[at] = _tagged(ticks[clock], _IDLE_WORD)
        words[at + 1] = MARKER
        words[at + 2] = (-1 - source[clock]).astype(np.uint32)

        lor = ~clock
        at = (starts + bridges)[lor, None] + np.arange(_LOR_WORDS)
        words[at] = _tagged(ticks[lor, None], _lor_words(self.events.positions[source[lor]]))
        return words


def _lor_words(positions: NDArray[np.int16]) -> NDArray[np.uint32]:
    """(N, 6) words without tag: X, Y and an idle word of the first head, then of the second."""
    bits = word_bits_table()
    words = np.empty((len(positions), _LOR_WORDS), dtype=np.uint32)
    words[:, [0, 1, 3, 4]] = bits[positions]
    words[:, [2, 5]] = bits[0]
    words[:, :3] |= np.uint32(FIRST_HEAD)
    words[:, 3:] |= np.uint32(SECOND_PHOTON)
    return words | np.array([NOT_Y, NOT_X, _IDLE] * 2, dtype=np.uint32)


def _tagged(ticks: NDArray[np.int64], words: NDArray[np.uint32] | int) -> NDArray[np.uint32]:
    return (ticks.astype(np.uint32) & np.uint32(255)) << np.uint32(24) | np.asarray(
        words, np.uint32
    )
