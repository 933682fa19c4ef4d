"""Means over sub-grids on the CPU, one cell after another.

The function of one point is an argument, which Numba compiles into the loops. What is compiled for a
function cannot be kept on disk, since the function is known in this process only.
"""

from __future__ import annotations

import numpy as np
from numba import njit


@njit(nogil=True)
def mean_over_square(function, parameters, centre, steps, sub_size):
    """Mean over the sub-pixels of a pixel, row by row."""
    total = 0.0
    for a in range(sub_size):
        y = centre[0] + steps[0] * ((a + 0.5) / sub_size - 0.5)
        row = 0.0
        for b in range(sub_size):
            x = centre[1] + steps[1] * ((b + 0.5) / sub_size - 0.5)
            row += function(y, x, *parameters)
        total += row
    return total / sub_size**2


@njit(nogil=True)
def mean_over_box(function, parameters, centre, steps, sub_size):
    """Mean over the sub-voxels of a voxel, row by row and layer by layer."""
    total = 0.0
    for a in range(sub_size):
        x = centre[0] + steps[0] * ((a + 0.5) / sub_size - 0.5)
        layer = 0.0
        for b in range(sub_size):
            y = centre[1] + steps[1] * ((b + 0.5) / sub_size - 0.5)
            row = 0.0
            for c in range(sub_size):
                z = centre[2] + steps[2] * ((c + 0.5) / sub_size - 0.5)
                row += function(x, y, z, *parameters)
            layer += row
        total += layer
    return total / sub_size**3


def mean_of(axes):
    """Choose by the number of axes."""
    return mean_over_square if axes == 2 else mean_over_box


@njit(nogil=True, cache=True)
def agree(lower, upper, fractional_accuracy, absolute_accuracy, symmetric, accept_zeros):
    """Tell whether means over two sub-grids agree; accuracies that are NaN are not asked for."""
    if not np.isfinite(upper):
        return False
    if not np.isnan(absolute_accuracy) and not abs(lower - upper) <= absolute_accuracy:
        return False
    if np.isnan(fractional_accuracy):
        return True
    if lower == 0.0 and upper == 0.0:
        return symmetric or accept_zeros
    if symmetric:
        if np.sign(lower) * np.sign(upper) <= 0.0:
            return False
        lower, upper = abs(lower), abs(upper)
    if not lower > 0.0 or upper == 0.0:
        return False
    ratio = lower / upper
    if ratio > 1.0:
        ratio = 1.0 / ratio
    return ratio >= fractional_accuracy


@njit(nogil=True)
def refine(
    begin,
    end,
    mean,
    function,
    parameters,
    centres,
    steps,
    sub_steps,
    fractional_accuracy,
    absolute_accuracy,
    symmetric,
    accept_zeros,
    values,
    sub_sizes,
    converged,
    errors,
):
    """Fill rows ``begin .. end - 1`` of the result of `gpupept.kernels.subgrids.refine_cells`."""
    last = len(sub_steps) - 1
    for cell in range(begin, end):
        lower = values[cell]
        for level in range(last + 1):
            upper = mean(function, parameters, centres[cell], steps, sub_steps[level])
            values[cell], sub_sizes[cell] = upper, sub_steps[level]
            if level == last:
                errors[cell] = abs(upper - lower)
            elif agree(
                lower,
                upper,
                fractional_accuracy,
                absolute_accuracy,
                symmetric,
                accept_zeros,
            ):
                converged[cell] = True
                break
            lower = upper
