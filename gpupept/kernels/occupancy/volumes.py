"""Volume of a capsule in a box, on the CPU; `cuda_kernels/common/volumes.cuh` does the same.

The capsule of a segment is parted into two half balls and the cylinder between them, by the planes
across its ends. What each has in common with the box is a sum over the faces of the box, and for each
over its edges, counterclockwise as seen from outside (divergence theorem, then Green's).

- Ball, with p from its centre: the flux of the field ``p / 3 (1 - r^3 / p^3)``, which is nothing outside
  the ball and whose divergence is 1 inside, but for the centre. Where that is in the box the whole ball
  is added, as the solid angles under which the faces are seen from there. A solid angle is that of the
  triangles between the foot of the centre on the face and the edges (A. van Oosterom, J. Strackee, *The
  solid angle of a plane triangle*, IEEE Trans. Biomed. Eng. 30, 125, 1983).
- Cylinder, with u along the axis: the flux of ``max(u, 0)`` along the axis, which is that through the part
  of the faces ahead of an end: the integral of a linear function over their shadow on a plane across
  the axis, cut off by a disc.

The planes that part them add nothing, since they go through the centres, and since u = 0 there.
"""

from __future__ import annotations

import math

from gpupept.kernels.occupancy.areas import NEAR, clamp
from gpupept.kernels.occupancy.compiled import compiled, inlined


@inlined
def _solid_angle(depth, height, p, q):
    """Signed solid angle of the triangle between a foot, `depth` away, and an edge; see `_along_edge`."""
    square = depth * depth + height * height
    first, last = math.sqrt(square + p * p), math.sqrt(square + q * q)
    rest = first * last + depth * (first + last) + square + p * q
    return 2.0 * math.atan2(height * (q - p), rest)


@inlined
def _along_edge(depth, height, p, q, r, near):
    """Flux through the triangle between the foot of a ball's centre on a face and one of its edges.

    The centre is `depth` from the face; the edge is on a line `height` from the foot, from p to q.
    """
    volume = 0.0
    if depth < r:
        cap = (r - depth) * (r - depth) * (2.0 * r + depth) / 6.0
        square, level = (r - depth) * (r + depth) - height * height, height * height
        enter = leave = q
        if square > 0.0:
            half = math.sqrt(square)
            enter, leave = clamp(p, -half, half), clamp(q, -half, half)
            if leave > enter:
                volume = depth * height * (leave - enter) / 6.0
                volume -= r * r * r / 3.0 * _solid_angle(depth, height, enter, leave)
        if enter != p:
            volume -= cap * math.atan2(height * (enter - p), level + p * enter)
        if leave != q:
            volume -= cap * math.atan2(height * (q - leave), level + leave * q)
    if near:
        volume += r * r * r / 3.0 * _solid_angle(depth, height, p, q)
    return volume


@inlined
def _sector(ax, ay, bx, by, angle, depth, ex, ey, r):
    """`_shadow` of a sector of the disc between the directions of two points outside."""
    first, second = math.sqrt(ax * ax + ay * ay), math.sqrt(bx * bx + by * by)
    x, y = bx / second - ax / first, by / second - ay / first
    return 0.5 * r * r * depth * angle - r * r * r / 3.0 * (y * ex - x * ey)


@compiled
def _shadow(px, py, qx, qy, depth, ex, ey, r):
    """Integral of ``depth - (x, y).(ex, ey)`` over a disc in the triangle from its centre over P -> Q."""
    dx, dy = qx - px, qy - py
    length = math.sqrt(dx * dx + dy * dy)
    if length == 0.0:
        return 0.0
    dx, dy = dx / length, dy / length
    height = px * dy - py * dx
    square, p, q = height * height, px * dx + py * dy, qx * dx + qy * dy
    half = (r - abs(height)) * (r + abs(height))
    if half <= 0.0:
        angle = math.atan2(height * (q - p), square + p * q)
        return _sector(px, py, qx, qy, angle, depth, ex, ey, r)
    half = math.sqrt(half)
    enter, leave = clamp(p, -half, half), clamp(q, -half, half)
    ax, ay = px + (enter - p) * dx, py + (enter - p) * dy
    bx, by = px + (leave - p) * dx, py + (leave - p) * dy
    mean = depth - ((ax + bx) * ex + (ay + by) * ey) / 3.0
    total = 0.5 * height * (leave - enter) * mean
    if enter != p:
        angle = math.atan2(height * (enter - p), square + p * enter)
        total += _sector(px, py, ax, ay, angle, depth, ex, ey, r)
    if leave != q:
        angle = math.atan2(height * (q - leave), square + leave * q)
        total += _sector(bx, by, qx, qy, angle, depth, ex, ey, r)
    return total


@inlined
def _corner(number, y0, y1, z0, z1):
    """Corner of a face, counterclockwise from (y0, z0)."""
    number &= 3
    return y1 if number == 1 or number == 2 else y0, z1 if number >= 2 else z0


@inlined
def _edge(number, y0, y1, z0, z1, u0, dy, dz):
    """Part of an edge of a face where ``u0 + dy y + dz z`` is not negative.

    Returns
    -------
    py, pz, qy, qz : float
        Its ends.
    kind : int
        -1 if there is no such part, 1 if it ends before the edge, 2 if it starts after it, otherwise 0.
    """
    py, pz = _corner(number, y0, y1, z0, z1)
    qy, qz = _corner(number + 1, y0, y1, z0, z1)
    u, v = u0 + dy * py + dz * pz, u0 + dy * qy + dz * qz
    if u >= 0.0 and v >= 0.0:
        return py, pz, qy, qz, 0
    if u < 0.0 and v < 0.0:
        return py, pz, qy, qz, -1
    part = u / (u - v)
    y, z = py + part * (qy - py), pz + part * (qz - pz)
    if u >= 0.0:
        return py, pz, y, z, 1
    return y, z, qy, qz, 2


@compiled
def _ball_over_face(depth, y0, y1, z0, z1, dx, dy, dz, r, near):
    """Flux of the ball's field through the part of a face that lies ahead."""
    away = abs(depth)
    if depth == 0.0 or (away >= r and not near):
        return 0.0
    beside, above = max(y0, max(-y1, 0.0)), max(z0, max(-z1, 0.0))
    if not near and beside * beside + above * above >= (r - away) * (r + away):
        return 0.0
    u0, total = dx * depth, 0.0
    out_y = out_z = in_y = in_z = 0.0
    cut = False
    for number in range(5):
        if number < 4:
            py, pz, qy, qz, kind = _edge(number, y0, y1, z0, z1, u0, dy, dz)
            if kind < 0:
                continue
            if kind == 1:
                out_y, out_z, cut = qy, qz, True
            elif kind == 2:
                in_y, in_z = py, pz
            if number == 0:
                height, p, q = -pz, py, qy
            elif number == 1:
                height, p, q = py, pz, qz
            elif number == 2:
                height, p, q = pz, -py, -qy
            else:
                height, p, q = -py, -pz, -qz
        else:
            y, z = in_y - out_y, in_z - out_z
            length = math.sqrt(y * y + z * z)
            if not cut or length == 0.0:
                break
            y, z = y / length, z / length
            height, p, q = out_y * z - out_z * y, out_y * y + out_z * z, in_y * y + in_z * z
        total += _along_edge(away, height, p, q, r, near)
    return total if depth > 0.0 else -total


@compiled
def _cylinder_over_face(depth, y0, y1, z0, z1, dx, dy, dz, e, f, r):
    """Flux through the part of a face that lies ahead; e and f are the axes across, the face's x first."""
    u0, total = dx * depth, 0.0
    e0, f0 = e[0] * depth, f[0] * depth
    y, z = 0.5 * (y0 + y1), 0.5 * (z0 + z1)
    across = math.hypot(e0 + e[1] * y + e[2] * z, f0 + f[1] * y + f[2] * z)
    if across >= r + math.hypot(y1 - y, z1 - z):
        return 0.0
    out_y = out_z = in_y = in_z = 0.0
    cut = False
    for number in range(5):
        kind = 0
        if number < 4:
            py, pz, qy, qz, kind = _edge(number, y0, y1, z0, z1, u0, dy, dz)
        elif cut:
            py, pz, qy, qz = out_y, out_z, in_y, in_z
        else:
            break
        if kind < 0:
            continue
        px, qx = e0 + e[1] * py + e[2] * pz, e0 + e[1] * qy + e[2] * qz
        pw, qw = f0 + f[1] * py + f[2] * pz, f0 + f[1] * qy + f[2] * qz
        total += _shadow(px, pw, qx, qw, depth, e[0], f[0], r)
        if kind == 1:
            out_y, out_z, cut = qy, qz, True
        elif kind == 2:
            in_y, in_z = py, pz
    return total / dx


@compiled
def _ball_ahead(x0, x1, y0, y1, z0, z1, dx, dy, dz, r):
    """Volume in a box of the half ball ahead of the origin."""
    x, y, z = max(x0, max(-x1, 0.0)), max(y0, max(-y1, 0.0)), max(z0, max(-z1, 0.0))
    square = x * x + y * y + z * z
    if square >= r * r:
        return 0.0
    near = square <= NEAR * r * r
    volume = _ball_over_face(x1, y0, y1, z0, z1, dx, dy, dz, r, near)
    volume -= _ball_over_face(x0, y0, y1, z0, z1, dx, dy, dz, r, near)
    volume += _ball_over_face(y1, z0, z1, x0, x1, dy, dz, dx, r, near)
    volume -= _ball_over_face(y0, z0, z1, x0, x1, dy, dz, dx, r, near)
    volume += _ball_over_face(z1, x0, x1, y0, y1, dz, dx, dy, r, near)
    return volume - _ball_over_face(z0, x0, x1, y0, y1, dz, dx, dy, r, near)


@compiled
def _cylinder_ahead(x0, x1, y0, y1, z0, z1, frame, r, parallel):
    """Volume of the cylinder ahead of the origin in a box."""
    dx, dy, dz, ex, ey, ez, fx, fy, fz = frame
    volume = 0.0
    if abs(dx) > parallel:
        e, f = (ex, ey, ez), (fx, fy, fz)
        volume += _cylinder_over_face(x1, y0, y1, z0, z1, dx, dy, dz, e, f, r)
        volume -= _cylinder_over_face(x0, y0, y1, z0, z1, dx, dy, dz, e, f, r)
    if abs(dy) > parallel:
        e, f = (ey, ez, ex), (fy, fz, fx)
        volume += _cylinder_over_face(y1, z0, z1, x0, x1, dy, dz, dx, e, f, r)
        volume -= _cylinder_over_face(y0, z0, z1, x0, x1, dy, dz, dx, e, f, r)
    if abs(dz) > parallel:
        e, f = (ez, ex, ey), (fz, fx, fy)
        volume += _cylinder_over_face(z1, x0, x1, y0, y1, dz, dx, dy, e, f, r)
        volume -= _cylinder_over_face(z0, x0, x1, y0, y1, dz, dx, dy, e, f, r)
    return volume


@compiled
def make_frame(dx, dy, dz):
    """Nine numbers: the unit vector given and two across it, so that the three are right-handed."""
    if abs(dx) <= abs(dy) and abs(dx) <= abs(dz):
        ex, ey, ez = 0.0, dz, -dy
    elif abs(dy) <= abs(dz):
        ex, ey, ez = -dz, 0.0, dx
    else:
        ex, ey, ez = dy, -dx, 0.0
    size = math.sqrt(ex * ex + ey * ey + ez * ez)
    ex, ey, ez = ex / size, ey / size, ez / size
    return dx, dy, dz, ex, ey, ez, dy * ez - dz * ey, dz * ex - dx * ez, dx * ey - dy * ex


@compiled
def volume_in(x0, x1, y0, y1, z0, z1, frame, length, r, parallel, tail):
    """Volume of a capsule in a box; from 0 to the box's.

    Parameters
    ----------
    x0, x1, y0, y1, z0, z1 : float
        The box, relative to the start of the segment.
    frame : tuple of 9 floats
        `make_frame` of the direction of the segment; of any if its length is 0.
    length, r : float
        Length of the segment and radius.
    parallel : float
        Faces whose normals are so nearly across the segment are taken to be parallel to it.
    tail : bool
        Without the ball around the end of the segment.
    """
    dx, dy, dz = frame[0], frame[1], frame[2]
    low = min(dx * x0, dx * x1) + min(dy * y0, dy * y1) + min(dz * z0, dz * z1)
    high = max(dx * x0, dx * x1) + max(dy * y0, dy * y1) + max(dz * z0, dz * z1)
    volume = 0.0
    if low < 0.0:
        volume += _ball_ahead(x0, x1, y0, y1, z0, z1, -dx, -dy, -dz, r)
    x, y, z = dx * length, dy * length, dz * length
    near_x, far_x, near_y, far_y, near_z, far_z = x0 - x, x1 - x, y0 - y, y1 - y, z0 - z, z1 - z
    if tail and low < length:
        volume -= _ball_ahead(near_x, far_x, near_y, far_y, near_z, far_z, -dx, -dy, -dz, r)
    elif not tail and high > length:
        volume += _ball_ahead(near_x, far_x, near_y, far_y, near_z, far_z, dx, dy, dz, r)
    if high > 0.0 and low < length:
        if high > length:
            volume -= _cylinder_ahead(
                near_x, far_x, near_y, far_y, near_z, far_z, frame, r, parallel
            )
        # What is behind the box does not matter, and rounding errors are smaller from nearby.
        near = max(low, 0.0)
        x, y, z = dx * near, dy * near, dz * near
        volume += _cylinder_ahead(
            x0 - x, x1 - x, y0 - y, y1 - y, z0 - z, z1 - z, frame, r, parallel
        )
    return min(volume, (x1 - x0) * (y1 - y0) * (z1 - z0)) if volume > 0.0 else 0.0
