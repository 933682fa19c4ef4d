"""Combinations of lines that are near each other, followed bit by bit, on the CPU."""

from __future__ import annotations

import numpy as np
from numba import njit

from gpupept.kernels.minpoints import LOOSE, PROBED, ROUNDING
from gpupept.kernels.triangulation import PARALLEL
from gpupept.kernels.triangulation.samples import QX, QY, QZ, TIMES, USABLE, UX, UY, UZ

# Rows of the table of lines: those of the triangulation up to USABLE, then the largest coordinate.
SIZES = USABLE + 1
ROWS = SIZES + 1
SUMMED = 9  # rows from QX on, which the equations are made of


@njit(nogil=True, cache=True)
def lowest_bit(word):
    """Return the place of the lowest bit that is set."""
    place = 0
    for step in (32, 16, 8, 4, 2, 1):
        if (word & ((np.uint64(1) << np.uint64(step)) - np.uint64(1))) == 0:
            word >>= np.uint64(step)
            place += step
    return place


@njit(nogil=True, cache=True)
def count_bits(word):
    """Return the number of bits that are set."""
    pairs, fours = np.uint64(0x5555555555555555), np.uint64(0x3333333333333333)
    word -= (word >> np.uint64(1)) & pairs
    word = (word & fours) + ((word >> np.uint64(2)) & fours)
    word = (word + (word >> np.uint64(4))) & np.uint64(0x0F0F0F0F0F0F0F0F)
    return np.int64((word * np.uint64(0x0101010101010101)) >> np.uint64(56))


@njit(nogil=True, cache=True)
def common_word(bits, chosen, depth, word):
    """Bits of one word that the first `depth` chosen lines have in common."""
    common = bits[chosen[0], word]
    for level in range(1, depth):
        common &= bits[chosen[level], word]
    return common


@njit(nogil=True, cache=True)
def common_count(bits, chosen, depth):
    """Count the later lines that are near the first `depth` chosen ones."""
    count = 0
    for word in range(chosen[depth - 1] // 64, bits.shape[1]):
        count += count_bits(common_word(bits, chosen, depth, word))
    return count


@njit(nogil=True, cache=True)
def add_line(table, line, sums, depth):
    """Write to ``sums[depth]`` those before it with a line added."""
    for row in range(SUMMED):
        before = sums[depth - 1, row] if depth > 0 else 0.0
        sums[depth, row] = before + table[QX + row, line]


@njit(nogil=True, cache=True)
def solve(sums, count, point):
    """Least-squares point of `count` lines by M = L D L^T; whether it is determined."""
    bx, by, bz, xx, yy = sums[0], sums[1], sums[2], sums[3], sums[4]
    zz, xy, xz, yz = sums[5], sums[6], sums[7], sums[8]
    d1 = yy + zz
    if not d1 > 0.0:
        return False
    l21, l31 = -xy / d1, -xz / d1
    d2 = xx + zz + l21 * xy
    off = -yz + l31 * xy
    if not d2 > 0.0:
        return False
    l32 = off / d2
    d3 = xx + yy + l31 * xz - l32 * off
    number = float(count)
    if not d1 * d2 * d3 > PARALLEL * (number * number * number):
        return False
    by -= l21 * bx
    bz -= l31 * bx + l32 * by
    point[2] = bz / d3
    point[1] = by / d2 - l32 * point[2]
    point[0] = bx / d1 - l21 * point[1] - l31 * point[2]
    return True


@njit(nogil=True, cache=True)
def squared_distance(table, line, point):
    """Squared distance of a point from a line."""
    x, y, z = point[0] - table[QX, line], point[1] - table[QY, line], point[2] - table[QZ, line]
    a = y * table[UZ, line] - z * table[UY, line]
    b = z * table[UX, line] - x * table[UZ, line]
    c = x * table[UY, line] - y * table[UX, line]
    return a * a + b * b + c * c


@njit(nogil=True, cache=True)
def may_go_on(table, chosen, count, sums, distance, point):
    """Tell whether more lines may have a point within the distance of all of them and of these."""
    if count < PROBED or not solve(sums[count - 1], count, point):
        return True
    squares = size = 0.0
    for level in range(count):
        squares += squared_distance(table, chosen[level], point)
        size = max(size, table[SIZES, chosen[level]])
    reach = LOOSE * distance + ROUNDING * (size + abs(point[0]) + abs(point[1]) + abs(point[2]))
    return not squares > count * (reach * reach)


@njit(nogil=True, cache=True)
def minpoint(table, chosen, count, sums, distance, box, out):
    """Write t, x, y, z of the point of a combination to `out`; whether there is one."""
    point = out[1:4]
    if not solve(sums[count - 1], count, point):
        return False
    for axis in range(3):
        if not (box[2 * axis] <= point[axis] and point[axis] <= box[2 * axis + 1]):
            return False
    time = 0.0
    for level in range(count):
        if not squared_distance(table, chosen[level], point) <= distance * distance:
            return False
        time += table[TIMES, chosen[level]]
    out[0] = time / count
    return True


@njit(nogil=True, cache=True)
def grown(found, count):
    """Copy the first `count` rows to a table of twice as many."""
    larger = np.empty((2 * len(found), found.shape[1]), np.float64)
    larger[:count] = found[:count]
    return larger


@njit(nogil=True, cache=True)
def walk(first, lines, table, bits, distance, box, chosen, sums, rest, word, found, total):
    """Append the minpoints of the combinations of `lines` lines that begin with line `first`.

    `chosen`, `sums`, `rest` and `word` are scratch of one row per line of a combination. Gives the table
    of points, which may be a new one, and the number of rows in it.
    """
    chosen[0] = first
    add_line(table, first, sums, 0)
    depth = 1
    word[1], rest[1] = first // 64, bits[first, first // 64]
    while depth > 0:
        if rest[depth] == 0:
            word[depth] += 1
            if word[depth] == bits.shape[1]:
                depth -= 1
            else:
                rest[depth] = common_word(bits, chosen, depth, word[depth])
            continue
        line = 64 * word[depth] + lowest_bit(rest[depth])
        rest[depth] &= rest[depth] - np.uint64(1)
        chosen[depth] = line
        add_line(table, line, sums, depth)
        if depth + 1 < lines:
            enough = common_count(bits, chosen, depth + 1) >= lines - depth - 1
            if enough and may_go_on(table, chosen, depth + 1, sums, distance, found[total, 1:4]):
                depth += 1
                word[depth] = line // 64
                rest[depth] = common_word(bits, chosen, depth, word[depth])
        elif minpoint(table, chosen, lines, sums, distance, box, found[total]):
            for level in range(found.shape[1] - 4):
                found[total, 4 + level] = chosen[level]
            total += 1
            if total == len(found):
                found = grown(found, total)
    return found, total


@njit(nogil=True, cache=True)
def mixed(a, b, c):
    """Mix three numbers to one that is like a random one."""
    value = np.uint64(a) * np.uint64(0x9E3779B97F4A7C15) + np.uint64(b)
    value = (value ^ (value >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9) + np.uint64(c)
    value = (value ^ (value >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return value ^ (value >> np.uint64(31))


@njit(nogil=True, cache=True)
def _common_line(bits, chosen, depth, number):
    """Line of the bit of this number among those in common."""
    for word in range(chosen[depth - 1] // 64, bits.shape[1]):
        common = common_word(bits, chosen, depth, word)
        here = count_bits(common)
        if number < here:
            for _ in range(number):
                common &= common - np.uint64(1)
            return 64 * word + lowest_bit(common)
        number -= here
    return -1


@njit(nogil=True, cache=True)
def probe(first, second, lines, table, bits, distance, chosen, sums, point):
    """Estimate the combinations, and parts of them, that begin with two lines by following one path."""
    ways = 1.0
    total = 1.0 if lines == 2 else 0.0
    chosen[0], chosen[1] = first, second
    add_line(table, first, sums, 0)
    add_line(table, second, sums, 1)
    for depth in range(2, lines):
        count = common_count(bits, chosen, depth)
        if count < lines - depth:
            break
        ways *= count
        total += ways
        if depth + 1 == lines:
            break
        number = np.int64(mixed(first, second, depth) % np.uint64(count))
        chosen[depth] = _common_line(bits, chosen, depth, number)
        add_line(table, chosen[depth], sums, depth)
        if not may_go_on(table, chosen, depth + 1, sums, distance, point):
            break
    return total
