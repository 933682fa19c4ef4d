"""Where between cells a peak is, on the CPU.

Along each axis a Gaussian is fitted whose integrals over three cells are their values,

    F_i = I s sqrt(pi/2) [erf((x_i + 1/2 - x)/(sqrt(2) s)) - erf((x_i - 1/2 - x)/(sqrt(2) s))] - A_i = 0,

with x_i = -1, 0, 1 around the peak, by Newton's method from I = A_0, x = 0, s = 1.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

MOST_STEPS = 100
CLOSE_ENOUGH = 1e-4
_ROOT_HALF_PI = math.sqrt(math.pi / 2.0)
_ROOT_HALF = math.sqrt(0.5)


@njit(nogil=True, cache=True, error_model="numpy")
def _evaluate(fit, values, system):
    """Write the residuals to the last column of `system`, their derivatives to the others.

    Return the sum of the residuals' sizes and half the sum of their squares.
    """
    intensity, place, width = fit
    size = squares = 0.0
    for i in range(3):
        low, high = i - 1.5 - place, i - 0.5 - place
        e_low = math.exp(-low * low / (2.0 * width * width))
        e_high = math.exp(-high * high / (2.0 * width * width))
        share = math.erf(high * _ROOT_HALF / width) - math.erf(low * _ROOT_HALF / width)
        share *= width * _ROOT_HALF_PI
        residual = intensity * share - values[i]
        system[i, 0] = share
        system[i, 1] = intensity * (e_low - e_high)
        system[i, 2] = intensity * (share - (high * e_high - low * e_low)) / width
        system[i, 3] = residual
        size += abs(residual)
        squares += residual * residual
    return size, 0.5 * squares


@njit(nogil=True, cache=True, error_model="numpy")
def _solve(system):
    """Write the solution of the 3 x 3 system to its last column."""
    for column in range(3):
        pivot = column
        for row in range(column + 1, 3):
            if abs(system[row, column]) > abs(system[pivot, column]):
                pivot = row
        for k in range(column, 4):
            system[column, k], system[pivot, k] = system[pivot, k], system[column, k]
        for row in range(3):
            if row != column:
                factor = system[row, column] / system[column, column]
                for k in range(column, 4):
                    system[row, k] -= factor * system[column, k]
    for row in range(3):
        system[row, 3] /= system[row, row]


@njit(nogil=True, cache=True, error_model="numpy")
def _fit_gaussian(values, system):
    """Place and width of the Gaussian; not numbers where there is none."""
    close = CLOSE_ENOUGH * min(1.0, values[1])
    fit = (values[1], 0.0, 1.0)
    size, half_square = _evaluate(fit, values, system)
    for _ in range(MOST_STEPS):
        if size < close:
            break
        _solve(system)
        a, b, c = -system[0, 3], -system[1, 3], -system[2, 3]
        moved = (fit[0] + a, fit[1] + b, fit[2] + c)
        size, now = _evaluate(moved, values, system)
        while now > half_square:
            shorter = half_square / (half_square + now)
            a, b, c = shorter * a, shorter * b, shorter * c
            moved = (fit[0] + a, fit[1] + b, fit[2] + c)
            size, now = _evaluate(moved, values, system)
        fit, half_square = moved, now
        if not abs(a) + abs(b) + abs(c) >= close:  # also where they are not numbers
            break
    return fit[1], abs(fit[2])


@njit(nogil=True, cache=True, error_model="numpy")
def _fit_parabola(values):
    """Place and width of the Gaussian that has the values at the centres of the cells."""
    left, right = math.log(values[0] / values[1]), math.log(values[1] / values[2])
    return (left + right) / (2.0 * (left - right)), math.sqrt(1.0 / (right - left))


@njit(nogil=True, cache=True, error_model="numpy")
def refine_peak(values, shape, cell, out):
    """Write the place of a peak along the three axes, in cells, and its widths.

    Parameters
    ----------
    values : (cells,) array
        A grid, in C order.
    shape : three ints
        Its shape.
    cell : int
        The peak; it has neighbours along each axis.
    out : (6,) float64
        Written: places, i at the centre of cell i; widths, standard deviations.
    """
    system, three = np.empty((3, 4)), np.empty(3)
    stride, rest = 1, cell
    for axis in range(2, -1, -1):
        for i in range(3):
            three[i] = float(values[cell + (i - 1) * stride])
        place, width = _fit_gaussian(three, system)
        if not (abs(place) < 1.0 and width < np.inf):
            place, width = _fit_parabola(three)
        if not abs(place) < 1.0:
            place, width = 0.0, np.nan
        out[axis] = rest % shape[axis] + place
        out[3 + axis] = width
        rest //= shape[axis]
        stride *= shape[axis]
