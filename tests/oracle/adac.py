"""Plain Python decoder of ADAC Forte list mode, written from the format's description."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from pathlib import Path

MARKER = 0xFACEFACE


def decode_position(word: int) -> int:
    scattered = [13, 11, 18, 19, 21, 16, 14, 12, 10, 8]
    return sum(2**i for i, bit in enumerate(scattered) if not (word >> bit) & 1)


def split_words(words: Sequence[int]) -> tuple[list[tuple[str, int]], int]:
    """Label every word "marker", "clock" or "event"; give the tag that the clock fit starts at."""
    labelled = []
    clock_next = False
    for word in words:
        if clock_next:
            labelled.append(("clock", word))
            clock_next = False
        elif word == MARKER:
            labelled.append(("marker", word))
            clock_next = True
        else:
            labelled.append(("event", word))
    return labelled, (words[2] >> 24 if len(words) > 2 else 0)


def clock_pairs(words: Sequence[int]) -> list[tuple[int, int]]:
    """Ms since the first clock and ticks so far, at each later clock."""
    labelled, previous = split_words(words)
    pairs: list[tuple[int, int]] = []
    first = -1
    ticks = 0
    for label, word in labelled:
        if label == "clock" and first < 0:
            first = word
        elif label == "clock":
            difference = (word - first) % 2**32
            pairs.append((difference - 2**32 if difference >= 2**31 else difference, ticks))
        elif label == "event":
            step = ((word >> 24) - previous) % 256
            previous = word >> 24
            ticks += step if step < 130 else 0
    return pairs


def ticks_per_ms(words: Sequence[int], default: float = 1.0) -> float:
    """Least squares slope in exact integers; else the overall slope; else `default`."""
    pairs = clock_pairs(words)
    n = len(pairs)
    sx, sy = sum(x for x, _ in pairs), sum(y for _, y in pairs)
    below = n * sum(x * x for x, _ in pairs) - sx**2
    above = n * sum(x * y for x, y in pairs) - sx * sy
    ticks_spread = n * sum(y * y for _, y in pairs) - sy**2
    if above > 0 and above**2 > 1e-18 * below * ticks_spread:
        return above / below
    if pairs and pairs[-1][0] > 0 and pairs[-1][1] > 0:
        return pairs[-1][1] / pairs[-1][0]
    return default


def decode_words(words: Sequence[int], separation: int) -> list[list[float]]:
    """Rows [t, x1, y1, z1, x2, y2, z2] of a word stream that starts with a marker."""
    rate = ticks_per_ms(words)
    rows = []
    slots: dict[str, int] = {}
    flags: set[str] = set()
    time, previous = 0.0, 0
    for label, word in split_words(words)[0]:
        if label != "event":
            continue
        tag, word_bits = word >> 24, f"{word:032b}"[::-1]
        step = (tag - previous) % 256
        previous = tag
        if step < 130:
            time += step / rate
        head = "A" if word_bits[23] == "1" else "B"
        if word_bits[7] == "0":
            if word_bits[22] == "0":
                flags.add("first")
                slots.clear()
            else:
                flags.add("second")
            slots["x" + head] = decode_position(word)
        if word_bits[9] == "0":
            slots["y" + head] = decode_position(word)
        if len(slots) == 4 and len(flags) == 2:
            y1 = 600 - 0.59 * slots["yA"]
            y2 = 600 - 0.59 * (1024 - slots["yB"])
            row = [time, 0.59 * slots["xA"], y1, -10.0, 0.59 * slots["xB"], y2, separation + 10.0]
            rows.append(row)
            slots.clear()
            flags.clear()
    return rows


def write_words(
    path: Path, words: Sequence[int], separation: int = 500, stray: bytes = b""
) -> None:
    header = struct.pack("<ii", separation, 0) + b"test".ljust(1000)
    path.write_bytes(header + struct.pack(f"<{len(words)}I", *words) + stray)
