"""Velocities on the CPU; the same operations in the same order as in `cuda_kernels/velocity.cu`."""

from __future__ import annotations

import numpy as np
from numba import njit

# A polynomial whose square sum over the window falls by more than this vanishes but for rounding.
VANISHING = 1e-24


@njit(nogil=True, cache=True)
def velocities_of_rows(begin, end, points, offsets, window, degree, velocities):
    """Fill rows ``begin .. end - 1`` of the result of `gpupept.kernels.velocity.local_velocities`."""
    scratch = np.empty((3, window))
    half = (window - 1) // 2
    sample = np.searchsorted(offsets, begin, side="right") - 1
    for row in range(begin, end):
        while row >= offsets[sample + 1]:
            sample += 1
        velocities[row, :] = np.nan
        if offsets[sample + 1] - offsets[sample] <= window:
            continue
        first = min(max(row - half, offsets[sample]), offsets[sample + 1] - window)
        scale = _relative_times(points[first : first + window], points[row], scratch[0])
        if scale > 0.0:
            _fit(points[first : first + window], points[row], scratch, degree, velocities[row])
            velocities[row] /= scale


@njit(nogil=True, cache=True)
def _relative_times(points, origin, times):
    """Fill in the times relative to a point, at most 1; what they were divided by, 0 for no fit."""
    scale = 0.0
    for k in range(len(points)):
        for column in range(4):
            if not np.isfinite(points[k, column]):
                return 0.0
        times[k] = points[k, 0] - origin[0]
        scale = max(scale, abs(times[k]))
    inverse = 1.0 / scale if scale > 0.0 else np.inf
    if not (scale < np.inf and inverse < np.inf):
        return 0.0
    for k in range(len(points)):
        times[k] *= inverse
    return scale


@njit(nogil=True, cache=True)
def _fit(points, origin, scratch, degree, velocity):
    """Slopes, at relative time 0, of the polynomials of least squares for the three coordinates."""
    times, values, values_before = scratch
    values[:] = 1.0
    values_before[:] = 0.0
    velocity[:] = 0.0
    value, value_before, slope, slope_before = 1.0, 0.0, 0.0, 0.0
    norm_before = 0.0
    for j in range(degree + 1):
        norm, moment, x, y, z = _projections(points, origin, times, values)
        if not norm > VANISHING * norm_before:
            break
        velocity[0] += x / norm * slope
        velocity[1] += y / norm * slope
        velocity[2] += z / norm * slope
        a = moment / norm
        b = norm / norm_before if j > 0 else 0.0
        norm_before = norm
        # The next orthogonal polynomial is (t - a) times this one less b times the one before.
        slope, slope_before = (value - a * slope) - b * slope_before, slope
        value, value_before = -a * value - b * value_before, value
        for k in range(len(times)):
            following = (times[k] - a) * values[k] - b * values_before[k]
            values_before[k] = values[k]
            values[k] = following


@njit(nogil=True, cache=True)
def _projections(points, origin, times, values):
    """Sum over the window: squares, squares times time, and products with coordinates."""
    norm, moment, x, y, z = 0.0, 0.0, 0.0, 0.0, 0.0
    for k in range(len(times)):
        value = values[k]
        norm += value * value
        moment += times[k] * value * value
        x += (points[k, 1] - origin[1]) * value
        y += (points[k, 2] - origin[2]) * value
        z += (points[k, 3] - origin[3]) * value
    return norm, moment, x, y, z
