"""Points nearest to lines on the CPU.

A GPU has 32 threads add up a short sample, and 256 a long one, each every 32nd or 256th line, before
the sums of the threads are added in pairs. The same is done here: it lets the loops run on vectors,
and makes the results equal to the last bit.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from gpupept.kernels.threads import run_ranges
from gpupept.kernels.triangulation import CUT, LARGEST, PARALLEL, SHORT, Located

FAR = 1e300  # squared distance given to lines that are left out from the start
FAR_KEY = int(np.float64(FAR).view(np.int64))
# Rows of a table of lines: unit direction and foot of the perpendicular from the origin, then the
# products of the direction that M is made of; its time; 1 for each line that is finite, 1 for each that
# is used, and 0 for the others; its squared distance.
UX, UY, UZ, QX, QY, QZ, XX, YY, ZZ, XY, XZ, YZ, TIMES, USABLE, WEIGHTS, SQUARES = range(16)
ROWS = 16


@njit(nogil=True, cache=True)
def is_usable(line):
    """Tell whether a line has a length and numbers that can be squared."""
    usable = line[4] != line[1] or line[5] != line[2] or line[6] != line[3]
    for column in range(7):
        usable &= abs(line[column]) <= LARGEST
    return usable


@njit(nogil=True, cache=True)
def load_line(line, table, i):
    """Write what is needed of a line to column i of the table."""
    px, py, pz = line[1], line[2], line[3]
    x, y, z = line[4] - px, line[5] - py, line[6] - pz
    scale = max(abs(x), max(abs(y), abs(z)))
    x, y, z = x / scale, y / scale, z / scale
    length = np.sqrt(x * x + y * y + z * z)
    x, y, z = x / length, y / length, z / length
    along = px * x + py * y + pz * z
    table[TIMES, i], table[USABLE, i] = line[0], 1.0
    table[UX, i], table[UY, i], table[UZ, i] = x, y, z
    table[QX, i], table[QY, i], table[QZ, i] = px - along * x, py - along * y, pz - along * z
    table[XX, i], table[YY, i], table[ZZ, i] = x * x, y * y, z * z
    table[XY, i], table[XZ, i], table[YZ, i] = x * y, x * z, y * z


@njit(nogil=True, cache=True)
def load_lines(lines, table):
    """Fill the table with the lines of a sample and what pads them; the number of usable lines."""
    count = 0
    table[:] = 0.0
    for i in range(len(lines)):
        if is_usable(lines[i]):
            load_line(lines[i], table, i)
            count += 1
    return count


@njit(nogil=True, cache=True)
def _sum(values, weights, sums):
    """Sum of weighted values (blocks, lanes) by all lanes, which are whole warps."""
    lanes = len(sums)
    for lane in range(lanes):
        sums[lane] = 0.0
    for block in range(len(values)):
        for lane in range(lanes):
            sums[lane] += weights[block, lane] * values[block, lane]
    for warp in range(0, lanes, 32):
        _fold(sums, warp)
    half = lanes // 64
    while half > 0:
        for warp in range(half):
            sums[32 * warp] += sums[32 * (warp + half)]
        half //= 2
    return sums[0]


@njit(nogil=True, cache=True)
def _fold(sums, first):
    """Add the lanes of a warp in pairs."""
    for lane in range(first, first + 16):
        sums[lane] += sums[lane + 16]
    for lane in range(first, first + 8):
        sums[lane] += sums[lane + 8]
    for lane in range(first, first + 4):
        sums[lane] += sums[lane + 4]
    sums[first] += sums[first + 2]
    sums[first + 1] += sums[first + 3]
    sums[first] += sums[first + 1]


@njit(nogil=True, cache=True)
def _least_squares(table, weights, count, sums, point):
    """Solve M x = b of the lines with weight 1 by M = L D L^T; whether a point is determined."""
    xx, yy = _sum(table[XX], weights, sums), _sum(table[YY], weights, sums)
    zz, xy = _sum(table[ZZ], weights, sums), _sum(table[XY], weights, sums)
    xz, yz = _sum(table[XZ], weights, sums), _sum(table[YZ], weights, sums)
    bx, by = _sum(table[QX], weights, sums), _sum(table[QY], weights, sums)
    bz = _sum(table[QZ], weights, sums)
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
    if not d1 * d2 * d3 > PARALLEL * (float(count) * float(count) * float(count)):
        return False
    by -= l21 * bx
    bz -= l31 * bx + l32 * by
    point[2] = bz / d3
    point[1] = by / d2 - l32 * point[2]
    point[0] = bx / d1 - l21 * point[1] - l31 * point[2]
    return True


@njit(nogil=True, cache=True)
def _measure(table, point):
    """Squared distance of each line from a point."""
    ux, uy, uz = table[UX], table[UY], table[UZ]
    qx, qy, qz = table[QX], table[QY], table[QZ]
    usable, squares = table[USABLE], table[SQUARES]
    px, py, pz = point[0], point[1], point[2]
    for i in range(len(squares)):
        x, y, z = px - qx[i], py - qy[i], pz - qz[i]
        a = y * uz[i] - z * uy[i]
        b = z * ux[i] - x * uz[i]
        c = x * uy[i] - y * ux[i]
        squares[i] = a * a + b * b + c * c + (FAR - usable[i] * FAR)


@njit(nogil=True, cache=True)
def _count(keys, limit):
    """Count the keys that are not above the limit."""
    count = 0
    for i in range(len(keys)):
        count += keys[i] <= limit
    return count


@njit(nogil=True, cache=True)
def _mark(keys, limit, weights):
    """Weight 1 for the keys that are not above the limit, 0 for the others."""
    for i in range(len(keys)):
        weights[i] = keys[i] <= limit


@njit(nogil=True, cache=True)
def _use_nearest(keys, least, most, number, first, weights):
    """Weight 1 for the `number` smallest keys; of equal ones the first (or the last) are taken.

    Fewer keys than that are at most `least`, and at least as many are at most `most`.
    """
    while most - least > 1:
        middle = least + (most - least) // 2
        count = _count(keys, middle)
        if count == number:
            _mark(keys, middle, weights)
            return
        if count < number:
            least = middle
        else:
            most = middle
    _mark(keys, most - 1, weights)
    missing = number - _count(keys, most - 1)
    i = 0 if first else len(keys) - 1
    while missing:
        if keys[i] == most:
            weights[i] = 1.0
            missing -= 1
        i += 1 if first else -1


@njit(nogil=True, cache=True)
def _nearest_by_distance(keys, final, count, mean, weights):
    """Choose the lines to be used next by the Birmingham method; their number."""
    limit = np.int64(np.array([CUT * mean]).view(np.int64)[0])
    within = _count(keys, limit)
    if within < final:
        _use_nearest(keys, limit, FAR_KEY - 1, final, True, weights)
        return final
    if within >= count:
        _use_nearest(keys, -1, limit, count - 1, False, weights)
        return count - 1
    _mark(keys, limit, weights)
    return within


@njit(nogil=True, cache=True)
def _locate(lines, fraction, iterations, tables, sums, out):
    """Fill t, x, y, z, error of one sample and the weights of its lines; whether it has a point."""
    by_distance = iterations < 0
    total = load_lines(lines, tables.reshape(len(tables), -1))
    usable, weights, squares = tables[USABLE], tables[WEIGHTS], tables[SQUARES]
    keys = squares.reshape(-1).view(np.int64)
    final = int(total * fraction)
    if total < 2 or (by_distance and final < 2):
        return False
    weights[:] = usable
    count, step = total, 0
    while True:
        if not _least_squares(tables, weights, count, sums, out[1:4]):
            return False
        _measure(tables.reshape(len(tables), -1), out[1:4])
        if count == final if by_distance else step == iterations:
            break
        step += 1
        if by_distance:
            mean = _sum(squares, weights, sums) / count
            count = _nearest_by_distance(keys, final, count, mean, weights.reshape(-1))
        else:
            count = max(2, int(total * (1.0 - fraction * step)))
            _use_nearest(keys, -1, FAR_KEY - 1, count, True, weights.reshape(-1))
    out[4] = np.sqrt(_sum(squares, weights, sums) / count)
    if by_distance:
        out[0] = _sum(tables[TIMES], weights, sums) / count
    else:
        out[0] = _sum(tables[TIMES], usable, sums) / total
    return True


@njit(nogil=True, cache=True)
def locate_samples(begin, end, lines, samples, offsets, fraction, iterations, points, used):
    """Fill the result of samples ``begin .. end - 1``."""
    largest = 0
    for s in range(begin, end):
        largest = max(largest, samples[s, 1] - samples[s, 0])
    memory = np.empty(ROWS * (largest + 256), np.float64)
    lanes = np.empty(256, np.float64)
    for s in range(begin, end):
        start, stop = samples[s, 0], samples[s, 1]
        sums = lanes[: 32 if stop - start <= SHORT else 256]
        blocks = -(-(stop - start) // len(sums))
        tables = memory[: ROWS * blocks * len(sums)].reshape(ROWS, blocks, len(sums))
        found = _locate(lines[start:stop], fraction, iterations, tables, sums, points[s])
        if not found:
            points[s] = np.nan
        weights = tables[WEIGHTS].reshape(-1)
        for i in range(stop - start):
            used[offsets[s] + i] = found and weights[i] > 0.0


def locate_on_host(
    lines: np.ndarray,
    samples: np.ndarray,
    offsets: np.ndarray,
    fraction: float,
    iterations: int,
    result: Located,
) -> None:
    """Fill `result`; see `gpupept.kernels.triangulation`."""

    def task(begin: int, end: int) -> None:
        locate_samples(begin, end, lines, samples, offsets, fraction, iterations, *result)

    run_ranges(task, samples[:, 1] - samples[:, 0])
