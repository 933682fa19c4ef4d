"""Peaks of a grid, written out rule by rule in plain Python."""

from __future__ import annotations

import math

import numpy as np


def peak_cells(values, reach, ratio, least):
    """Indices (i, j, k) of the peaks in the order of visiting, with a list of tied cells."""
    values = np.asarray(values, dtype=float)
    inside = [range(reach, n - reach) for n in values.shape]
    cells = [(i, j, k) for i in inside[0] for j in inside[1] for k in inside[2]]
    largest = -1.0
    for cell in cells:
        if values[cell] > largest:
            largest = values[cell]
    tied, found = set(), []
    for cell in cells:
        value = values[cell]
        if not (value >= ratio * largest and value > least) or cell in tied:
            continue
        cube = tuple(slice(c - reach, c + reach + 1) for c in cell)
        if (values[cube] > value).any():
            continue
        found.append(cell)
        for offset in np.argwhere(values[cube] == value):
            tied.add(tuple(int(c + o - reach) for c, o in zip(cell, offset, strict=True)))
    return found


def residuals(fit, values):
    """Integrals of a Gaussian (intensity, place, width) over three cells, less their values."""
    intensity, place, width = fit
    found = []
    for x, value in zip((-1.0, 0.0, 1.0), values, strict=True):
        low, high = (
            math.erf((x + side - place) / (math.sqrt(2.0) * width)) for side in (-0.5, 0.5)
        )
        found.append(intensity * width * math.sqrt(math.pi / 2.0) * (high - low) - value)
    return np.array(found)


def _slopes(fit, values):
    intensity, place, width = fit
    sums = residuals(fit, values) + values
    table = np.empty((3, 3))
    for row, x in enumerate((-1.0, 0.0, 1.0)):
        a_low, a_high = x - 0.5 - place, x + 0.5 - place
        low, high = (math.exp(-a * a / (2.0 * width * width)) for a in (a_low, a_high))
        table[row, 0] = sums[row] / intensity
        table[row, 1] = intensity * (low - high)
        table[row, 2] = (sums[row] - intensity * (a_high * high - a_low * low)) / width
    return table


def gaussian(values):
    """Place and width by Newton's method, or None."""
    values = np.array(values, dtype=float)
    close = 1e-4 * min(1.0, values[1])
    fit = np.array([values[1], 0.0, 1.0])
    try:
        rest = residuals(fit, values)
        for _ in range(100):
            if np.abs(rest).sum() < close:
                break
            step = -np.linalg.solve(_slopes(fit, values), rest)
            before, after = (rest**2).sum() / 2, (residuals(fit + step, values) ** 2).sum() / 2
            while after > before:
                step = step * (before / (before + after))
                after = (residuals(fit + step, values) ** 2).sum() / 2
            fit = fit + step
            rest = residuals(fit, values)
            if np.abs(step).sum() < close:
                break
    except (np.linalg.LinAlgError, ZeroDivisionError, OverflowError):
        return None
    return (fit[1], abs(fit[2])) if np.isfinite(fit).all() and abs(fit[1]) < 1.0 else None


def parabola(values):
    """Place and width of the Gaussian through the values at the centres, or (0, NaN)."""
    left, middle, right = values
    if min(values) <= 0.0:
        return 0.0, math.nan
    one, other = math.log(left / middle), math.log(middle / right)
    if one == other:
        return 0.0, math.nan
    return (one + other) / (2.0 * (one - other)), math.sqrt(1.0 / (other - one))


def peaks(values, reach, ratio, least):
    """Places and widths (K, 6) of the peaks, in cells."""
    values = np.asarray(values, dtype=float)
    rows = []
    for cell in peak_cells(values, reach, ratio, least):
        row = np.empty(6)
        for axis in range(3):
            three = []
            for step in (-1, 0, 1):
                place = list(cell)
                place[axis] += step
                three.append(values[tuple(place)])
            found = gaussian(three) or parabola(three)
            row[axis], row[3 + axis] = cell[axis] + found[0], found[1]
        rows.append(row)
    return np.array(rows).reshape(-1, 6)
