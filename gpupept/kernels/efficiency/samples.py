"""Geometric efficiency of rings on the CPU, at one point or at many."""

from __future__ import annotations

import math

from numba import njit

_CLOSE = 0.002  # relative spread below which the series are exact to rounding


@njit(nogil=True, cache=True)
def fill_ring(begin, end, points, radius, centre_x, centre_y, bottom, top, found):
    """Fill ``found[begin:end]``; see `gpupept.kernels.efficiency.ring_efficiency`."""
    for row in range(begin, end):
        x, y, z = points[row, 0], points[row, 1], points[row, 2]
        found[row] = ring_at(x, y, z, radius, centre_x, centre_y, bottom, top)


@njit(nogil=True, cache=True)
def ring_at(x, y, z, radius, centre_x, centre_y, bottom, top):
    """Efficiency at one point; see `gpupept.kernels.efficiency.ring_efficiency`."""
    if math.isnan(x) or math.isnan(y) or math.isnan(z):
        return math.nan
    below, above = (z - bottom) / radius, (top - z) / radius
    across, along = (x - centre_x) / radius, (y - centre_y) / radius
    r = math.sqrt(across * across + along * along)
    if not (below > 0.0 and above > 0.0 and r <= 1.0):
        return 0.0
    # Where the end that limits the tilt changes: nowhere if it is 1 or -1.
    excess, room = above - below, r * (above + below)
    turn = 0.0 if excess == 0.0 else math.copysign(1.0, excess)
    if abs(excess) < room:
        turn = excess / room
    return (_arc(below, above, turn, r) + _arc(above, below, -turn, r)) / math.pi


@njit(nogil=True, cache=True)
def _arc(c, other, turn, r):
    """Integrate c / sqrt(c^2 + d^2) over directions in which the end at the distance c limits the tilt."""
    if turn <= -1.0:
        return 0.0
    share = (c + other) / (4.0 * other)
    sine2 = 1.0 if turn >= 1.0 else share * (1.0 + r) * (1.0 + turn)
    cosine2 = 0.0 if turn >= 1.0 else share * (1.0 - r) * (1.0 - turn)
    far = 1.0 + r
    d2 = (1.0 - r) * (1.0 - r) * sine2 + far * far * cosine2
    n, longest2 = 4.0 * r / (far * far), c * c + far * far
    near = (1.0 - r) / far
    third = sine2 * near * n * c / math.sqrt(longest2)
    first, last = _carlson(
        cosine2, (c * c + d2) / longest2, d2 / (far * far), sine2 * third * third
    )
    sine = math.sqrt(sine2)
    return c / math.sqrt(longest2) * sine * (2.0 / far * first + near * n / 3.0 * sine2 * last)


@njit(nogil=True, cache=True)
def _carlson(x, y, p, product):
    """Carlson's R_F(x, y, 1) and R_J(x, y, 1, p), where ``product`` is (p - x)(p - y)(p - 1) >= 0.

    If p is zero, R_J is taken as zero: it is infinite, and its factor is zero.
    """
    z, with_p = 1.0, p > 0.0
    p = p if with_p else 1.0
    total, scale = 0.0, 1.0
    mean = (x + y + z + 2.0 * p) / 5.0
    spread = max(abs(mean - x), abs(mean - y), abs(mean - z), abs(mean - p))
    while spread * scale > _CLOSE * mean:
        rx, ry, rz, rp = math.sqrt(x), math.sqrt(y), math.sqrt(z), math.sqrt(p)
        step = rx * (ry + rz) + ry * rz
        if with_p:
            d = (rp + rx) * (rp + ry) * (rp + rz)
            total += scale / d * _arc_tangent_ratio(product * scale * scale * scale / (d * d))
        x, y, z, p = (x + step) / 4.0, (y + step) / 4.0, (z + step) / 4.0, (p + step) / 4.0
        mean, scale = (mean + step) / 4.0, scale / 4.0
    first = _first_kind(x, y, z)
    return first, (scale * _third_kind(x, y, z, p) + 6.0 * total if with_p else 0.0)


@njit(nogil=True, cache=True)
def _arc_tangent_ratio(square):
    """Arc tangent of a root over that root."""
    if square > 0.005:
        root = math.sqrt(square)
        return math.atan(root) / root
    s = square
    return 1.0 - s * (1 / 3 - s * (1 / 5 - s * (1 / 7 - s * (1 / 9 - s * (1 / 11 - s / 13)))))


@njit(nogil=True, cache=True)
def _first_kind(x, y, z):
    """R_F of numbers close to each other."""
    mean = (x + y + z) / 3.0
    a, b = (mean - x) / mean, (mean - y) / mean
    c = -a - b
    e2, e3 = a * b - c * c, a * b * c
    series = 1.0 - e2 / 10.0 + e3 / 14.0 + e2 * e2 / 24.0 - 3.0 * e2 * e3 / 44.0
    return series / math.sqrt(mean)


@njit(nogil=True, cache=True)
def _third_kind(x, y, z, p):
    """R_J of numbers close to each other."""
    mean = (x + y + z + 2.0 * p) / 5.0
    a, b, c = (mean - x) / mean, (mean - y) / mean, (mean - z) / mean
    d = -(a + b + c) / 2.0
    abc = a * b * c
    e2 = a * b + a * c + b * c - 3.0 * d * d
    e3 = abc + 2.0 * e2 * d + 4.0 * d * d * d
    e4 = (2.0 * abc + e2 * d + 3.0 * d * d * d) * d
    e5 = abc * d * d
    series = 1.0 - 3.0 * e2 / 14.0 + e3 / 6.0 + 9.0 * e2 * e2 / 88.0
    series += -3.0 * e4 / 22.0 - 9.0 * e2 * e3 / 52.0 + 3.0 * e5 / 26.0
    return series / (mean * math.sqrt(mean))
