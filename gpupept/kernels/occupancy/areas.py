"""Area of a capsule in a rectangle, on the CPU; `cuda_kernels/common/areas.cuh` does the same.

The capsule of a segment of length L consists of two half discs and the strip between them. What each has
in common with the rectangle is a sum over the rectangle's edges, counterclockwise (Green's theorem).

- Disc, with p from its centre: the flux of the field ``p / 2 (1 - r^2 / p^2)``, which is nothing outside
  the disc and whose divergence is 1 inside, but for the centre. Where that is in the rectangle the whole
  disc is added, as the angles under which the edges are seen from there.
- Strip, with u along the segment and w across: ``-clamp(w, -r, r) du``.

The lines that part the three add nothing: they go through the centres, and along them u does not
change. So edges are merely clipped to the part they belong to.
"""

from __future__ import annotations

import math

from gpupept.kernels.occupancy.compiled import compiled, inlined

NEAR = 1e-6  # squared distance, in squared radii, at which a centre counts as in a cell


@inlined
def clamp(value, low, high):
    """Nearest number from `low` to `high`."""
    return min(max(value, low), high)


@inlined
def _along_edge(height, p, q, r, near):
    """Flux out of an edge from p to q along a line `height` from the centre of a disc."""
    square, area = (r - abs(height)) * (r + abs(height)), 0.0
    if square > 0.0:
        half = math.sqrt(square)
        enter, leave = clamp(p, -half, half), clamp(q, -half, half)
        if leave > enter:
            product = height * (leave - enter)
            angle = math.atan2(product, height * height + enter * leave)
            area = 0.5 * (product - r * r * angle)
    if near:
        area += 0.5 * r * r * math.atan2(height * (q - p), height * height + p * q)
    return area


@compiled
def _half_disc(x0, x1, y0, y1, dx, dy, r):
    """Area in a rectangle of the half disc behind the origin, as seen along (dx, dy)."""
    beside, above = max(x0, max(-x1, 0.0)), max(y0, max(-y1, 0.0))
    square = beside * beside + above * above
    if square >= r * r:
        return 0.0
    near, area = square <= NEAR * r * r, 0.0
    for edge in range(4):
        # Along the edge its own coordinate rises or falls, and the other one is `height`.
        if edge % 2 == 0:
            height, p, q, along, across = -y0, x0, x1, dx, -dy
            if edge == 2:
                height, p, q, along, across = y1, -x1, -x0, -dx, dy
        else:
            height, p, q, along, across = x1, y0, y1, dy, dx
            if edge == 3:
                height, p, q, along, across = -x0, -y1, -y0, -dy, -dx
        u, v = along * p + across * height, along * q + across * height
        if u > 0.0 and v > 0.0:
            continue
        if u > 0.0:
            p += u / (u - v) * (q - p)
        elif v > 0.0:
            q = p + u / (u - v) * (q - p)
        area += _along_edge(height, p, q, r, near)
    return area


@inlined
def _mean_clamped(v, w, r):
    """Mean of numbers from v to w, each brought to -r .. r."""
    low, high = min(v, w), max(v, w)
    from_, to = clamp(low, -r, r), clamp(high, -r, r)
    if low == from_ and high == to:
        return 0.5 * (low + high)
    if high <= -r or low >= r:
        return from_
    inner = 0.5 * (to - from_) * (to + from_)
    return (inner + r * (high - to) - r * (from_ - low)) / (high - low)


@inlined
def _strip(u, w, v, z, length, r):
    """Integral of the clamped w along the edge (u, w) -> (v, z), where u is from 0 to `length`."""
    start, end = clamp(u, 0.0, length), clamp(v, 0.0, length)
    if start == end:
        return 0.0
    slope = (z - w) / (v - u)
    first = w if start == u else w + slope * (start - u)
    last = z if end == v else w + slope * (end - u)
    return (end - start) * _mean_clamped(first, last, r)


@compiled
def area_in(x0, x1, y0, y1, dx, dy, length, r, tail):
    """Area of a capsule in a rectangle; from 0 to the rectangle's.

    Parameters
    ----------
    x0, x1, y0, y1 : float
        The rectangle, relative to the start of the segment.
    dx, dy : float
        Direction of the segment, a unit vector; any if its length is 0.
    length, r : float
        Length of the segment and radius.
    tail : bool
        Without the disc around the end of the segment.
    """
    area = _half_disc(x0, x1, y0, y1, dx, dy, r)
    u, w = dx * x0 + dy * y0, dx * y0 - dy * x0
    along_x, along_y = dx * (x1 - x0), dy * (y1 - y0)
    across_x, across_y = -dy * (x1 - x0), dx * (y1 - y0)
    if length > 0.0:
        v, z = u + along_x + along_y, w + across_x + across_y
        area -= _strip(u, w, u + along_x, w + across_x, length, r)
        area -= _strip(u + along_x, w + across_x, v, z, length, r)
        area -= _strip(v, z, u + along_y, w + across_y, length, r)
        area -= _strip(u + along_y, w + across_y, u, w, length, r)
    x, y = dx * length, dy * length
    if tail:
        area -= _half_disc(x0 - x, x1 - x, y0 - y, y1 - y, dx, dy, r)
    else:
        area += _half_disc(x0 - x, x1 - x, y0 - y, y1 - y, -dx, -dy, r)
    return min(area, (x1 - x0) * (y1 - y0)) if area > 0.0 else 0.0
