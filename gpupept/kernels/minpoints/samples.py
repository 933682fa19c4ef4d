"""Minpoints on the CPU: threads share the first lines of all combinations of a batch."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

from gpupept.kernels.cutpoints.samples import time_order
from gpupept.kernels.minpoints import (
    LOOSE,
    MOST_COMBINATIONS,
    NEAR_PARALLEL,
    ROUNDING,
    Layout,
    check_combinations,
    combinations_at_most,
)
from gpupept.kernels.minpoints.walk import ROWS, SIZES, SUMMED, lowest_bit, probe, walk
from gpupept.kernels.threads import run_ranges
from gpupept.kernels.triangulation.samples import (
    QX,
    QY,
    QZ,
    USABLE,
    UX,
    UY,
    UZ,
    is_usable,
    load_line,
)

LEAST_ROWS = 256
STEEPEST = 4  # power of the number of later lines that the work is taken to grow with at most


class _Near(NamedTuple):
    """Lines of all samples, one after another, and the bits of those near each of them."""

    table: np.ndarray
    bits: np.ndarray


@njit(nogil=True, cache=True)
def _load(begin, end, lines, samples, first_line, table):
    for s in range(begin, end):
        for line in range(first_line[s], first_line[s + 1]):
            row = samples[s, 0] + line - first_line[s]
            table[USABLE, line] = 0.0
            if is_usable(lines[row]):
                load_line(lines[row], table, line)
                size = 0.0
                for column in range(1, 7):
                    size = max(size, abs(lines[row, column]))
                table[SIZES, line] = size


@njit(nogil=True, cache=True)
def _may_be_near(table, i, j, distance):
    """Tell whether two lines may have a common point within the distance."""
    if table[USABLE, j] == 0.0:
        return False
    x = table[UY, i] * table[UZ, j] - table[UZ, i] * table[UY, j]
    y = table[UZ, i] * table[UX, j] - table[UX, i] * table[UZ, j]
    z = table[UX, i] * table[UY, j] - table[UY, i] * table[UX, j]
    normal = x * x + y * y + z * z
    if normal <= NEAR_PARALLEL:
        return True
    apart = x * (table[QX, j] - table[QX, i])
    apart += y * (table[QY, j] - table[QY, i])
    apart += z * (table[QZ, j] - table[QZ, i])
    reach = LOOSE * (2.0 * distance) + ROUNDING * max(table[SIZES, i], table[SIZES, j])
    return not apart * apart > reach * reach * normal


@njit(nogil=True, cache=True)
def _bits_of_sample(bits, first_line, first_word, s):
    lines = first_line[s + 1] - first_line[s]
    words = -(-lines // 64)
    return bits[first_word[s] : first_word[s + 1]].reshape(lines, words)


@njit(nogil=True, cache=True)
def _find_near(begin, end, first_line, first_word, distance, table, bits):
    """Set the bits of lines ``begin .. end - 1`` of all samples."""
    s = np.searchsorted(first_line, begin, side="right") - 1
    for line in range(begin, end):
        while first_line[s + 1] <= line:
            s += 1
        own = table[:, first_line[s] : first_line[s + 1]]
        rows = _bits_of_sample(bits, first_line, first_word, s)
        i = line - first_line[s]
        rows[i] = 0
        if own[USABLE, i] == 0.0:
            continue
        for j in range(i + 1, len(rows)):
            if _may_be_near(own, i, j, distance):
                rows[i, j // 64] |= np.uint64(1) << np.uint64(j % 64)


@njit(nogil=True, cache=True)
def _find(begin, end, first_line, first_word, lines, distance, cutoffs, table, bits, width, sizes):
    """Minpoints whose first lines are ``begin .. end - 1``, and how many each of these has."""
    chosen, word = np.empty(lines, np.int64), np.empty(lines, np.int64)
    sums, rest = np.empty((lines, SUMMED), np.float64), np.empty(lines, np.uint64)
    found, total = np.empty((LEAST_ROWS, width), np.float64), 0
    s = np.searchsorted(first_line, begin, side="right") - 1
    for line in range(begin, end):
        while first_line[s + 1] <= line:
            s += 1
        own = table[:, first_line[s] : first_line[s + 1]]
        rows = _bits_of_sample(bits, first_line, first_word, s)
        before = total
        found, total = walk(
            line - first_line[s], lines, own, rows, distance, cutoffs[s],
            chosen, sums, rest, word, found, total,
        )  # fmt: skip
        sizes[line] = total - before
    return found[:total]


@njit(nogil=True, cache=True)
def _estimate(begin, end, first_line, first_word, lines, distance, table, bits, ways):
    """Estimate the combinations that begin with lines ``begin .. end - 1``."""
    chosen, point = np.empty(lines, np.int64), np.empty(3, np.float64)
    sums = np.empty((lines, SUMMED), np.float64)
    s = np.searchsorted(first_line, begin, side="right") - 1
    for line in range(begin, end):
        while first_line[s + 1] <= line:
            s += 1
        own = table[:, first_line[s] : first_line[s + 1]]
        rows = _bits_of_sample(bits, first_line, first_word, s)
        i = line - first_line[s]
        ways[line] = 0.0
        for word in range(i // 64, rows.shape[1]):
            rest = rows[i, word]
            while rest:
                second = 64 * word + lowest_bit(rest)
                rest &= rest - np.uint64(1)
                ways[line] += probe(i, second, lines, own, rows, distance, chosen, sums, point)


@njit(nogil=True, cache=True)
def _put_in_order(begin, end, offsets, found, points):
    """Copy the points of each sample in order of time."""
    largest = 0
    for s in range(begin, end):
        largest = max(largest, offsets[s + 1] - offsets[s])
    orders = np.empty((3, largest + 1), np.int64)
    for s in range(begin, end):
        start, count = offsets[s], offsets[s + 1] - offsets[s]
        if not count:
            continue
        time_order(found[start : start + count], count, orders[0], orders[2], orders[1])
        for i in range(count):
            points[start + i] = found[start + orders[1, i]]


def _near_lines(lines: np.ndarray, samples: np.ndarray, layout: Layout, distance: float) -> _Near:
    first_line, first_word = layout
    table = np.empty((ROWS, first_line[-1]), dtype=np.float64)
    bits = np.empty(first_word[-1], dtype=np.uint64)

    def load(begin: int, end: int) -> None:
        _load(begin, end, lines, samples, first_line, table)

    def find_near(begin: int, end: int) -> None:
        _find_near(begin, end, first_line, first_word, distance, table, bits)

    run_ranges(load, np.diff(first_line))
    run_ranges(find_near, _later_lines(first_line))
    return _Near(table, bits)


def _later_lines(first_line: np.ndarray) -> np.ndarray:
    """For each line of all samples the number of lines after it in its sample, (L,) int64."""
    ends = np.repeat(first_line[1:], np.diff(first_line))
    later: np.ndarray = ends - np.arange(first_line[-1]) - 1
    return later


def _estimated(layout: Layout, near: _Near, num_lines: int, distance: float) -> np.ndarray:
    """Estimated combinations of each sample, (S,) float64."""
    first_line, first_word = layout
    ways = np.empty(first_line[-1], dtype=np.float64)

    def estimate(begin: int, end: int) -> None:
        _estimate(begin, end, first_line, first_word, num_lines, distance, *near, ways)

    run_ranges(estimate, _later_lines(first_line))
    return _sums_between(ways, first_line)


def _sums_between(values: np.ndarray, offsets: np.ndarray) -> np.ndarray:
    """Add up values, none of them negative, between offsets, (S,) float64."""
    sums = np.zeros(len(offsets) - 1)
    filled = np.flatnonzero(np.diff(offsets))
    if len(filled):
        sums[filled] = np.add.reduceat(values, offsets[filled])
    return sums


def estimate_on_host(
    lines: np.ndarray, samples: np.ndarray, layout: Layout, num_lines: int, distance: float
) -> np.ndarray:
    """See `gpupept.kernels.minpoints.expected_combinations`."""
    near = _near_lines(lines, samples, layout, distance)
    return _estimated(layout, near, num_lines, distance)


def minpoints_on_host(
    lines: np.ndarray,
    samples: np.ndarray,
    cutoffs: np.ndarray,
    layout: Layout,
    num_lines: int,
    distance: float,
    width: int,
) -> tuple[np.ndarray, np.ndarray]:
    """See `gpupept.kernels.minpoints.minpoints`."""
    first_line, first_word = layout
    near = _near_lines(lines, samples, layout, distance)
    if combinations_at_most(np.diff(first_line), num_lines).max(initial=0) > MOST_COMBINATIONS:
        check_combinations(_estimated(layout, near, num_lines, distance), num_lines)
    counts = np.zeros(first_line[-1], dtype=np.int64)
    parts: dict[int, np.ndarray] = {}

    def find(begin: int, end: int) -> None:
        parts[begin] = _find(
            begin, end, first_line, first_word, num_lines, distance, cutoffs, *near, width, counts
        )

    run_ranges(find, _later_lines(first_line).astype(np.float64) ** min(num_lines - 1, STEEPEST))
    found = np.concatenate([np.empty((0, width)), *(parts[begin] for begin in sorted(parts))])
    offsets = np.concatenate([[0], np.cumsum(counts)])[first_line]
    points = np.empty_like(found)

    def put_in_order(begin: int, end: int) -> None:
        _put_in_order(begin, end, offsets, found, points)

    run_ranges(put_in_order, np.diff(offsets))
    return points, np.diff(offsets)
