"""Steps of expectation maximisation on the CPU.

Sums may be taken in any order that suits vectors; it depends on the number of lines alone.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from gpupept.kernels.em import FAINTEST, MOST_ORDER, PIVOT
from gpupept.kernels.triangulation.samples import (
    QX,
    QY,
    QZ,
    TIMES,
    USABLE,
    UX,
    UY,
    UZ,
    XX,
    XY,
    XZ,
    YY,
    YZ,
    ZZ,
    load_lines,
)

LOADED = 14  # rows of a table that `load_lines` fills
POWERS, TOTALS, RX, RY, RZ, SHARES = range(LOADED, LOADED + 6)  # SHARES: a row for each component
_VECTORS = {"reassoc", "nsz"}  # freedoms that sums on vectors need; NaN keeps its meaning
# exp(x) = 2^n exp(r): adding _ROUNDER to x / ln 2 rounds it to n, which its last bits then are.
_ROUNDER = 1.5 * 2.0**52
_PER_LN2 = 1.0 / math.log(2.0)
_LN2_HIGH, _LN2_LOW = 6.93147180369123816490e-01, 1.90821492927058770002e-10
_ONE_BITS = 1023 << 52  # 1.0
_SMALLEST = -700.0  # exponent; further below powers of two cannot be made from their bits
_TAYLOR = tuple(1.0 / math.factorial(n) for n in range(13, -1, -1))


@njit(nogil=True, cache=True)
def times_of_frames(begin, end, lines, frames, times):
    """Fill rows ``begin .. end - 1`` of the result of `gpupept.kernels.em.frame_times`."""
    for f in range(begin, end):
        rows = lines[frames[f, 0] : frames[f, 1]]
        table = np.empty((LOADED, len(rows)))
        count = load_lines(rows, table)
        times[f, 0], times[f, 1], times[f, 2] = count, 0.0, 1.0
        if count:
            mean = (table[TIMES] * table[USABLE]).sum() / count
            square = (((table[TIMES] - mean) * table[USABLE]) ** 2).sum() / count
            times[f, 1] = mean
            times[f, 2] = np.sqrt(square) if square > 0.0 else 1.0


@njit(nogil=True, cache=True)
def steps_of_frames(begin, end, lines, frames, times, steps, area, floor, table, moments, sums):
    """Fill the result of frames ``begin .. end - 1``; see `gpupept.kernels.em.em_steps`."""
    components, width = table.shape[1], table.shape[2]
    largest = 0
    for f in range(begin, end):
        largest = max(largest, frames[f, 1] - frames[f, 0])
    memory = np.empty((SHARES + components) * largest)
    work = (
        np.empty((5, 6)),
        np.empty((3, 3)),
        np.empty((width - 2, width - 2)),
        np.empty(width - 2),
    )
    for f in range(begin, end):
        size = frames[f, 1] - frames[f, 0]
        loaded = memory[: (SHARES + components) * size].reshape(SHARES + components, size)
        count = load_lines(lines[frames[f, 0] : frames[f, 1]], loaded[:LOADED])
        if not count:
            continue
        mean, unit = times[f, 1], times[f, 2]
        for i in range(size):
            loaded[TIMES, i] = (loaded[TIMES, i] - mean) / unit * loaded[USABLE, i]
        _rescale(table[f], unit)
        for step in range(steps):
            _expect(loaded, table[f], area)
            if step == steps - 1:
                sums[f] = _likelihood(loaded[TOTALS], loaded[USABLE])
            loaded[TOTALS] = 1.0 / loaded[TOTALS]
            for k in range(components):
                if table[f, k, width - 1] > 0.0:
                    _maximise(loaded, k, table[f, k], moments[f, k], count, floor, work)
        _rescale(table[f], 1.0 / unit)
        moments[f, :, 0] *= unit


@njit(nogil=True, cache=True)
def _rescale(table, unit):
    """Change the unit of time of paths."""
    factor = 1.0
    for column in range(table.shape[1] - 2):
        if column and column % 3 == 0:
            factor *= unit
        table[:, column] *= factor


@njit(nogil=True, cache=True, error_model="numpy")
def _apart(loaded, path):
    """Put the vectors to the lines, across them, from a path at their times into RX, RY, RZ."""
    c = np.zeros((MOST_ORDER + 1, 3))  # of one length for all orders, so that loops run on vectors
    c.reshape(-1)[: len(path)] = path
    tau, ux, uy, uz = loaded[TIMES], loaded[UX], loaded[UY], loaded[UZ]
    rx, ry, rz = loaded[RX], loaded[RY], loaded[RZ]
    qx, qy, qz = loaded[QX], loaded[QY], loaded[QZ]
    for i in range(len(tau)):
        x = qx[i] - ((c[2, 0] * tau[i] + c[1, 0]) * tau[i] + c[0, 0])
        y = qy[i] - ((c[2, 1] * tau[i] + c[1, 1]) * tau[i] + c[0, 1])
        z = qz[i] - ((c[2, 2] * tau[i] + c[1, 2]) * tau[i] + c[0, 2])
        along = x * ux[i] + y * uy[i] + z * uz[i]
        rx[i] = x - along * ux[i]
        ry[i] = y - along * uy[i]
        rz[i] = z - along * uz[i]


@njit(nogil=True, cache=True, error_model="numpy")
def _expect(loaded, table, area):
    """Fill the row of totals, and each component's row of shares of the lines."""
    last = table.shape[1] - 1
    totals, usable = loaded[TOTALS], loaded[USABLE]
    totals[:] = max(1.0 - table[:, last].sum(), FAINTEST) / area
    for k in range(len(table)):
        weight, square = table[k, last], table[k, last - 1]
        if not weight > 0.0:
            continue
        _apart(loaded, table[k, : last - 1])
        rx, ry, rz, shares = loaded[RX], loaded[RY], loaded[RZ], loaded[SHARES + k]
        height, rate = weight / (2.0 * np.pi * square), -0.5 / square
        for i in range(len(shares)):
            shares[i] = rate * (rx[i] * rx[i] + ry[i] * ry[i] + rz[i] * rz[i])
        _exponential(shares, loaded[POWERS])
        for i in range(len(shares)):
            shares[i] *= height * usable[i]
            totals[i] += shares[i]


@njit(nogil=True, cache=True, error_model="numpy")
def _exponential(values, scratch):
    """Replace values that are not positive by their exponentials, many at a time."""
    bits = scratch.view(np.int64)
    for i in range(len(values)):
        x = max(values[i], _SMALLEST)
        scratch[i] = x * _PER_LN2 + _ROUNDER
        power = scratch[i] - _ROUNDER
        r = (x - power * _LN2_HIGH) - power * _LN2_LOW
        total = 0.0
        for factor in _TAYLOR:
            total = total * r + factor
        values[i] = total
    for i in range(len(values)):
        bits[i] = (bits[i] << 52) + _ONE_BITS
    for i in range(len(values)):
        values[i] *= scratch[i]


@njit(nogil=True, cache=True)
def _likelihood(totals, usable):
    total = 0.0
    for i in range(len(totals)):
        total += usable[i] * np.log(totals[i])
    return total


@njit(nogil=True, cache=True, error_model="numpy", fastmath=_VECTORS)
def _add_up(loaded, k, matrices, rights):
    """Sum what the normal equations are made of; the weights, weighted times and squares."""
    shares, inverses = loaded[SHARES + k], loaded[TOTALS]
    tau, powers = loaded[TIMES], loaded[POWERS]
    rx, ry, rz = loaded[RX], loaded[RY], loaded[RZ]
    xx, yy, zz = loaded[XX], loaded[YY], loaded[ZZ]
    xy, xz, yz = loaded[XY], loaded[XZ], loaded[YZ]
    weight = time = square = 0.0
    for i in range(len(powers)):
        w = shares[i] * inverses[i]
        powers[i] = w
        weight += w
        time += w * tau[i]
        square += w * (rx[i] * rx[i] + ry[i] * ry[i] + rz[i] * rz[i])
    for m in range(2 * len(rights) - 1):
        a = b = c = d = e = f = total = 0.0
        for i in range(len(powers)):
            w = powers[i]
            total += w
            a += w * xx[i]
            b += w * yy[i]
            c += w * zz[i]
            d += w * xy[i]
            e += w * xz[i]
            f += w * yz[i]
        values = matrices[m]
        values[0], values[1], values[2] = total - a, total - b, total - c
        values[3], values[4], values[5] = -d, -e, -f
        if m < len(rights):
            x = y = z = 0.0
            for i in range(len(powers)):
                x += powers[i] * rx[i]
                y += powers[i] * ry[i]
                z += powers[i] * rz[i]
            rights[m, 0], rights[m, 1], rights[m, 2] = x, y, z
        for i in range(len(powers)):
            powers[i] *= tau[i]
    return weight, time, square


@njit(nogil=True, cache=True, error_model="numpy")
def _maximise(loaded, k, row, moments, count, floor, work):
    """Replace one component by what fits the lines best in their shares."""
    matrices, rights, factor, change = work
    unknowns = len(row) - 2
    rights = rights[: unknowns // 3]
    _apart(loaded, row[:unknowns])
    weight, time, square = _add_up(loaded, k, matrices, rights)
    row[unknowns + 1] = weight / count
    if not weight > 0.0:
        moments[:] = 0.0
        return
    moments[0] = time / weight
    moments[1] = _solve(matrices, rights.reshape(-1), factor, change)
    for j in range(unknowns):
        row[j] += change[j]
        square -= change[j] * rights[j // 3, j % 3]
    row[unknowns] = max(square / (2.0 * weight), floor * floor)


@njit(nogil=True, cache=True)
def _element(matrices, i, j):
    """Element of the matrix of the normal equations."""
    values, a, b = matrices[i // 3 + j // 3], i % 3, j % 3
    return values[a] if a == b else values[2 + a + b]


@njit(nogil=True, cache=True, error_model="numpy")
def _solve(matrices, rights, factor, change):
    """Solve for the change of a path; unknowns that are not determined do not change.

    Gives 1 if all unknowns of the position are determined, else 0.
    """
    unknowns, determined = len(rights), 1.0
    for j in range(unknowns):
        diagonal = _element(matrices, j, j)
        pivot = diagonal
        for m in range(j):
            pivot -= factor[j, m] * factor[j, m]
        known = pivot > PIVOT * diagonal
        if j < 3 and not known:
            determined = 0.0
        # A column of zeros leaves this unknown, which gets no change, out of the other equations.
        factor[j, j] = np.sqrt(pivot) if known else 0.0
        for i in range(j + 1, unknowns):
            value = _element(matrices, i, j)
            for m in range(j):
                value -= factor[i, m] * factor[j, m]
            factor[i, j] = value / factor[j, j] if known else 0.0
    for j in range(unknowns):
        value = rights[j]
        for m in range(j):
            value -= factor[j, m] * change[m]
        change[j] = value / factor[j, j] if factor[j, j] > 0.0 else 0.0
    for j in range(unknowns - 1, -1, -1):
        value = change[j]
        for m in range(j + 1, unknowns):
            value -= factor[m, j] * change[m]
        change[j] = value / factor[j, j] if factor[j, j] > 0.0 else 0.0
    return determined
