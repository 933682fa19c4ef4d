"""Decode ADAC Forte list mode words into lines of response (Numba).

The decoder is a state machine that has to see the words in order, so it is one compiled loop. It
is given the words block by block and carries its state (`new_state`) between calls; the result does
not depend on where the blocks are cut. A file is scanned twice with the same loop: once without
output rows, which counts the LoRs and fits the tag counter to the computer's clock, and once to
fill them.

For each event word, in this order: advance the clock by the tag's step (steps of `TAG_STEPS` or
more are words out of order and are ignored); an X word of a first photon starts a new pair and
drops the coordinates held; an X or Y word fills its head's coordinate; when all four coordinates
are there and both photons were seen, a LoR is emitted with the clock of this word. Time is the
whole number of ticks divided by their rate, so it does not drift over a long file.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from gpupept.kernels.adac_format import (
    DEPTH,
    FIRST_HEAD,
    HEIGHT,
    MARKER,
    NOT_X,
    NOT_Y,
    PITCH,
    POSITIONS,
    SECOND_PHOTON,
    TAG_STEPS,
)

# Entries of the state array.
TAG = 0  # tag of the event word before
TICKS = 1  # clock ticks so far
LORS = 2  # LoRs completed so far
INCOMPLETE = 3  # pairs given up with some, but not all, coordinates
IGNORED_STEPS = 4  # steps of the tag taken as out of order
CLOCK_DUE = 5  # 1 when the next word is a clock
CLOCKS = 6  # clock words read
FIRST_CLOCK = 7
LAST_ELAPSED = 8  # ms between the first and the latest clock word
LAST_TICKS = 9  # ticks at the latest clock word
FIRST_SEEN = 10
SECOND_SEEN = 11
FILLED = 12  # bit mask of the four coordinates held
SLOTS = 13  # xA, yA, xB, yB
STATE_SIZE = 17

# Entries of the running least squares sums of (ms, ticks) at the clock words after the first.
MEAN_MS = 0
MEAN_TICKS = 1
SUM_MS_MS = 2
SUM_MS_TICKS = 3
SUM_TICKS_TICKS = 4
FIT_SIZE = 5

_MARKER = np.uint32(MARKER)
_ALL_FILLED = 15


def new_state(tag: int) -> NDArray[np.int64]:
    """State of the decoder before the first word.

    Parameters
    ----------
    tag : int
        Tag that the step of the first event word is taken from.

    Returns
    -------
    (STATE_SIZE,) int64 array
        State to give to `scan_words`.

    Examples
    --------
    >>> from gpupept.kernels.adac import new_state
    >>> new_state(7).shape
    (17,)
    """
    state = np.zeros(STATE_SIZE, dtype=np.int64)
    state[TAG] = tag
    return state


@njit(nogil=True, cache=True)
def _read_clock(clock: int, state: NDArray[np.int64], fit: NDArray[np.float64]) -> None:
    """Add the pair (ms, ticks) at a clock word to the running sums (Welford's update)."""
    if state[CLOCKS] == 0:
        state[FIRST_CLOCK] = clock
    else:
        elapsed = (clock - state[FIRST_CLOCK] + 2**31) % 2**32 - 2**31  # a 32-bit signed counter
        ticks = state[TICKS]
        from_mean = elapsed - fit[MEAN_MS]
        fit[MEAN_MS] += from_mean / state[CLOCKS]
        ticks_from_mean = ticks - fit[MEAN_TICKS]
        fit[MEAN_TICKS] += ticks_from_mean / state[CLOCKS]
        fit[SUM_MS_MS] += from_mean * (elapsed - fit[MEAN_MS])
        fit[SUM_MS_TICKS] += from_mean * (ticks - fit[MEAN_TICKS])
        fit[SUM_TICKS_TICKS] += ticks_from_mean * (ticks - fit[MEAN_TICKS])
        state[LAST_ELAPSED] = elapsed
        state[LAST_TICKS] = ticks
    state[CLOCKS] += 1


@njit(nogil=True, cache=True)
def _write_lor(
    row: NDArray[np.float64], state: NDArray[np.int64], ticks_per_ms: float, separation: float
) -> None:
    row[0] = state[TICKS] / ticks_per_ms
    row[1] = PITCH * state[SLOTS]
    row[2] = HEIGHT - PITCH * state[SLOTS + 1]
    row[3] = -DEPTH
    row[4] = PITCH * state[SLOTS + 2]
    row[5] = HEIGHT - PITCH * (POSITIONS - state[SLOTS + 3])
    row[6] = separation + DEPTH


@njit(nogil=True, cache=True)
def scan_words(
    words: NDArray[np.uint32],
    positions: NDArray[np.int64],
    state: NDArray[np.int64],
    fit: NDArray[np.float64],
    ticks_per_ms: float,
    separation: float,
    lors: NDArray[np.float64],
) -> None:
    """Advance the decoder over one block of words.

    Parameters
    ----------
    words : (W,) uint32 array
        Next words of the file, any number of them.
    positions : (16384,) int64 array
        `gpupept.kernels.adac_format.position_table`.
    state : (STATE_SIZE,) int64 array
        Decoder state, changed in place.
    fit : (FIT_SIZE,) float64 array
        Running sums of the clock fit, zeros at first, changed in place.
    ticks_per_ms : float
        Ticks of the tag counter per ms; used for output only.
    separation : float
        Head separation in mm; used for output only.
    lors : (N, 7) float64 array
        LoR number ``state[LORS]`` is written to the row of that number. With no rows, LoRs are only
        counted.
    """
    fill = lors.shape[0] > 0
    for word in words:
        if state[CLOCK_DUE]:
            state[CLOCK_DUE] = 0
            _read_clock(np.int64(word), state, fit)
            continue
        if word == _MARKER:
            state[CLOCK_DUE] = 1
            continue

        tag = np.int64(word >> 24)
        step = (tag - state[TAG]) & 255
        state[TAG] = tag
        if step < TAG_STEPS:
            state[TICKS] += step
        else:
            state[IGNORED_STEPS] += 1

        is_x = (word & NOT_X) == 0
        is_y = (word & NOT_Y) == 0
        if not (is_x or is_y):
            continue
        position = positions[(word >> 8) & 0x3FFF]
        head = 0 if word & FIRST_HEAD else 2
        if is_x:
            if word & SECOND_PHOTON:
                state[SECOND_SEEN] = 1
            else:
                state[FIRST_SEEN] = 1
                state[INCOMPLETE] += state[FILLED] != 0
                state[FILLED] = 0
            state[SLOTS + head] = position
            state[FILLED] |= 1 << head
        if is_y:
            state[SLOTS + head + 1] = position
            state[FILLED] |= 2 << head
        if state[FILLED] == _ALL_FILLED and state[FIRST_SEEN] and state[SECOND_SEEN]:
            if fill:
                _write_lor(lors[state[LORS]], state, ticks_per_ms, separation)
            state[LORS] += 1
            state[FIRST_SEEN] = 0
            state[SECOND_SEEN] = 0
            state[FILLED] = 0
