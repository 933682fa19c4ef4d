"""Adding shapes to the cells they reach, on the CPU."""

from __future__ import annotations

import math

from gpupept.kernels.occupancy.areas import area_in, clamp
from gpupept.kernels.occupancy.compiled import compiled, inlined
from gpupept.kernels.occupancy.volumes import make_frame, volume_in

_ROUNDING = 2.0**-52
_LARGEST = 1e100  # mm; squares and products of what is smaller are in range


@inlined
def _narrow(start, step, low, high, first, last):
    """Part of a segment, within first .. last of 0 .. 1, where a coordinate is from `low` to `high`."""
    if step == 0.0:
        return (first, last) if low <= start <= high else (1.0, 0.0)
    enter, leave = (low - start) / step, (high - start) / step
    return max(first, min(enter, leave)), min(last, max(enter, leave))


@inlined
def _cells_between(start, step, first, last, r, edges):
    """First and last cell that a part of a capsule can reach along an axis."""
    count = len(edges) - 1
    low = start + min(first * step, last * step) - r
    high = start + max(first * step, last * step) + r
    if not (low < edges[count] and high > edges[0]):
        return 0, -1
    per_cell = count / (edges[count] - edges[0])
    begin = clamp((low - edges[0]) * per_cell, 0.0, count - 1.0)
    return int(begin), int(clamp((high - edges[0]) * per_cell, 0.0, count - 1.0))


@inlined
def _beside(x, y, z, dx, dy, dz, length):
    """Square of the distance of a point from a segment that starts at the origin."""
    along = clamp(dx * x + dy * y + dz * z, 0.0, length)
    x, y, z = x - along * dx, y - along * dy, z - along * dz
    return x * x + y * y + z * z


@inlined
def _span_of_disc(x, y, r):
    """Lowest and highest place of a disc around (x, y) on the line x = 0; upside down if there is none."""
    if not abs(x) < r:
        return math.inf, -math.inf
    half = math.sqrt((r - abs(x)) * (r + abs(x)))
    return y - half, y + half


@compiled
def _span(x, vx, vy, dx, dy, length, r):
    """Lowest and highest place of a capsule, which starts at the origin, on a vertical line."""
    low, high = _span_of_disc(-x, 0.0, r)
    other_low, other_high = _span_of_disc(vx - x, vy, r)
    low, high = min(low, other_low), max(high, other_high)
    if dx != 0.0:
        for side in (-1.0, 1.0):  # the straight parts of the outline
            along = (x + side * r * dy) / dx
            if 0.0 <= along <= length:
                y = side * r * dx + along * dy
                low, high = min(low, y), max(high, y)
    return low, high


@inlined
def _reached(x0, x1, left, right, vx, vy, r):
    """Lowest and highest place of a capsule between two vertical lines, of its spans on them."""
    low, high = min(left[0], right[0]), max(left[1], right[1])
    if x0 < 0.0 < x1:
        low, high = min(low, -r), max(high, r)
    if x0 < vx < x1:
        low, high = min(low, vy - r), max(high, vy + r)
    return low, high


@inlined
def _first_cell(place, start, per_cell, count):
    """Cell that holds a place, from 0 to `count`, which is beyond the last."""
    return int(clamp((place - start) * per_cell, 0.0, count))


@inlined
def _last_cell(place, start, per_cell, count):
    """Cell before the one that starts at a place or after it, from -1 on."""
    return math.ceil(clamp((place - start) * per_cell, 0.0, count)) - 1


@inlined
def _common(left, right):
    """Part that all lines between two have in common with a convex shape, of its spans on them."""
    return max(left[0], right[0]), min(left[1], right[1])


@inlined
def _add(target, place, weights, shape, amount):
    if amount > 0.0:
        for k in range(len(target)):
            target[k, place] += weights[shape, k] * amount


@compiled
def _volume(x0, x1, y0, y1, z0, z1, vx, vy, vz, frame, length, r, parallel, tail):
    """`volume_in`; cells all in or all out are soon known."""
    x, y, z = x1 - x0, y1 - y0, z1 - z0
    whole, reach = x * y * z, 0.5 * math.sqrt(x * x + y * y + z * z) * (1.0 + 1e-9)
    x, y, z = 0.5 * (x0 + x1), 0.5 * (y0 + y1), 0.5 * (z0 + z1)
    outer, inner = (r + reach) ** 2, max(r - reach, 0.0) ** 2
    square = _beside(x, y, z, frame[0], frame[1], frame[2], length)
    if square >= outer:
        return 0.0
    from_end = (x - vx) ** 2 + (y - vy) ** 2 + (z - vz) ** 2
    if tail and from_end < inner:
        return 0.0
    if square < inner and (not tail or from_end >= outer):
        return whole
    return volume_in(x0, x1, y0, y1, z0, z1, frame, length, r, parallel, tail)


@compiled
def spread_in_plane(
    first_layer, last_layer, segments, radii, tails, weights, edges_x, edges_y, target
):
    """Add what shapes cover of each cell of some layers, times their weights.

    Parameters
    ----------
    first_layer, last_layer : int
        Cells ``first_layer .. last_layer - 1`` along the first axis are added to.
    segments, radii, tails, weights : arrays
        See `gpupept.kernels.occupancy`.
    edges_x, edges_y : (n + 1,) float64
        Edges of the cells.
    target : (K, nx * ny) float64
        Added to, shape after shape.
    """
    count = len(edges_y) - 1
    per_cell = count / (edges_y[count] - edges_y[0])
    for shape in range(len(radii)):
        r, tail, ax, ay = radii[shape], tails[shape], segments[shape, 0], segments[shape, 1]
        vx, vy = segments[shape, 2] - ax, segments[shape, 3] - ay
        begin, end = _cells_between(ax, vx, 0.0, 1.0, r, edges_x)
        begin, end = max(begin, first_layer), min(end, last_layer - 1)
        if begin > end:
            continue
        length = math.hypot(vx, vy)
        if not (length < _LARGEST and r < _LARGEST):
            continue
        dx, dy = (vx / length, vy / length) if length > 0.0 else (1.0, 0.0)
        base = edges_y[0] - ay
        right = _span(edges_x[begin] - ax, vx, vy, dx, dy, length, r)
        for i in range(begin, end + 1):
            x0, x1, left = edges_x[i] - ax, edges_x[i + 1] - ax, right
            right = _span(x1, vx, vy, dx, dy, length, r)
            low, high = _reached(x0, x1, left, right, vx, vy, r)
            bottom, top = (
                _first_cell(low, base, per_cell, count),
                _last_cell(high, base, per_cell, count),
            )
            # Cells from full to full_end - 1 are all in the capsule; of the disc around its end, cells
            # from hole to hole_end - 1 are all in it, and those from disc to disc_end - 1 reach it.
            low, high = _common(left, right)
            full = _last_cell(low, base, per_cell, count) + 1
            full_end = _first_cell(high, base, per_cell, count)
            hole = hole_end = disc = disc_end = 0
            if tail:
                near, far = _span_of_disc(vx - x0, vy, r), _span_of_disc(vx - x1, vy, r)
                low, high = _common(near, far)
                hole = _last_cell(low, base, per_cell, count) + 1
                hole_end = _first_cell(high, base, per_cell, count)
                low, high = _reached(x0 - vx, x1 - vx, near, far, 0.0, vy, r)
                disc = _first_cell(low, base, per_cell, count)
                disc_end = _last_cell(high, base, per_cell, count) + 1
            for j in range(bottom, top + 1):
                if hole <= j < hole_end:
                    continue
                y0, y1 = edges_y[j] - ay, edges_y[j + 1] - ay
                if full <= j < full_end and not disc <= j < disc_end:
                    area = (x1 - x0) * (y1 - y0)
                else:
                    area = area_in(x0, x1, y0, y1, dx, dy, length, r, tail)
                _add(target, i * count + j, weights, shape, area)


@compiled
def spread_in_space(
    first_layer, last_layer, segments, radii, tails, weights, edges_x, edges_y, edges_z, target
):
    """As `spread_in_plane`, for three axes."""
    count_y, count_z = len(edges_y) - 1, len(edges_z) - 1
    size = (edges_x[1] - edges_x[0], edges_y[1] - edges_y[0], edges_z[1] - edges_z[0])
    least = min(size[0], min(size[1], size[2]))
    for shape in range(len(radii)):
        ax, ay, az = segments[shape, 0], segments[shape, 1], segments[shape, 2]
        vx, vy, vz = segments[shape, 3] - ax, segments[shape, 4] - ay, segments[shape, 5] - az
        r, tail = radii[shape], tails[shape]
        begin, end = _cells_between(ax, vx, 0.0, 1.0, r, edges_x)
        begin, end = max(begin, first_layer), min(end, last_layer - 1)
        if begin > end:
            continue
        length = math.hypot(math.hypot(vx, vy), vz)
        if not (length < _LARGEST and r < _LARGEST):
            continue
        frame = make_frame(1.0, 0.0, 0.0)
        if length > 0.0:
            frame = make_frame(vx / length, vy / length, vz / length)
        # Where this error and that of rounding, which grows with 1 over the angle, are the same.
        parallel = min(math.sqrt(_ROUNDING * max(r / least, 1.0) ** 3), 1e-3)
        for i in range(begin, end + 1):
            x0, x1 = edges_x[i] - ax, edges_x[i + 1] - ax
            first, last = _narrow(0.0, vx, x0 - r, x1 + r, 0.0, 1.0)
            if first > last:
                continue
            front, back = _cells_between(ay, vy, first, last, r, edges_y)
            for j in range(front, back + 1):
                y0, y1 = edges_y[j] - ay, edges_y[j + 1] - ay
                enter, leave = _narrow(0.0, vy, y0 - r, y1 + r, first, last)
                if enter > leave:
                    continue
                bottom, top = _cells_between(az, vz, enter, leave, r, edges_z)
                for k in range(bottom, top + 1):
                    z0, z1 = edges_z[k] - az, edges_z[k + 1] - az
                    volume = _volume(
                        x0, x1, y0, y1, z0, z1, vx, vy, vz, frame, length, r, parallel, tail
                    )
                    _add(target, (i * count_y + j) * count_z + k, weights, shape, volume)
