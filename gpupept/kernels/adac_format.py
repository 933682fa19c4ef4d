"""Facts of the ADAC Forte list mode format, shared by the decoder and the writer.

A file is little-endian: an int32 head separation in mm, an int32 gantry angle, 1000 bytes of text,
then uint32 words. `MARKER` opens a buffer and is followed by the computer's clock in ms; every
other word belongs to an event:

====== ==============================================================================
bits   meaning
====== ==============================================================================
31-24  tag, an 8-bit counter of clock ticks
23     head: 1 = first (z = -10), 0 = second (z = separation + 10)
22     0 = first, 1 = second photon of a pair (looked at in X words only)
9      0 = a Y word
7      0 = an X word; a word with bits 7 and 9 set carries no coordinate
others ten bits of the position, inverted and scattered (`POSITION_BITS`); rest unused
====== ==============================================================================
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

HEADER_BYTES = 1008
DESCRIPTION_BYTES = 1000
MARKER = 0xFACEFACE

FIRST_HEAD = 1 << 23
SECOND_PHOTON = 1 << 22
NOT_Y = 1 << 9
NOT_X = 1 << 7

PITCH = 0.59  # mm per position number
DEPTH = 10.0  # mm between the face of a head and the depth at which photons interact
HEIGHT = 600.0  # mm; the y axis of the camera points down, ours up
POSITIONS = 1024  # position numbers are 0 .. 1023

# A step of the tag this large or larger is a word out of order, not time passing.
TAG_STEPS = 130

POSITION_BITS = (13, 11, 18, 19, 21, 16, 14, 12, 10, 8)
"""Word bit that holds, inverted, bit 0, 1, ... 9 of the position."""

_LOWEST_BIT = min(POSITION_BITS)
_FIELD_BITS = max(POSITION_BITS) - _LOWEST_BIT + 1


def position_table() -> NDArray[np.int64]:
    """Position number for every value of word bits 8 to 21.

    Returns
    -------
    (16384,) int64 array
        Entry ``(word >> 8) & 0x3FFF`` is the position that `word` carries.

    Examples
    --------
    >>> from gpupept.kernels.adac_format import position_table
    >>> int(position_table()[(0x0AA83F00 >> 8) & 0x3FFF])
    100
    """
    fields = np.arange(1 << _FIELD_BITS, dtype=np.int64)
    positions = np.zeros_like(fields)
    for bit, word_bit in enumerate(POSITION_BITS):
        positions |= (~(fields >> (word_bit - _LOWEST_BIT)) & 1) << bit
    return positions


def word_bits_table() -> NDArray[np.uint32]:
    """Word bits that encode every position, the inverse of `position_table`.

    Returns
    -------
    (1024,) uint32 array
        Position bits of a word; all other bits are 0.

    Examples
    --------
    >>> from gpupept.kernels.adac_format import word_bits_table
    >>> hex(int(word_bits_table()[100]))
    '0x283d00'
    """
    positions = np.arange(POSITIONS, dtype=np.uint32)
    bits = np.zeros_like(positions)
    for bit, word_bit in enumerate(POSITION_BITS):
        bits |= (~(positions >> np.uint32(bit)) & np.uint32(1)) << np.uint32(word_bit)
    return bits
