// Volume of a capsule in a box; gpupept/kernels/occupancy/volumes.py says how. The operations are the
// same.
#pragma once

#include "common/balls.cuh"

// A plane's distance from the centre, and its normal, in coordinates across the axis.
struct Slope {
    double depth, e, f;
};

// Shadow of a sector of the disc between the directions of two points outside; see shadow.
__device__ __forceinline__ double sector(double ax, double ay, double bx, double by, double angle,
                                         const Slope &slope, double r) {
    const double first = sqrt(ax * ax + ay * ay), second = sqrt(bx * bx + by * by);
    const double x = bx / second - ax / first, y = by / second - ay / first;
    return 0.5 * r * r * slope.depth * angle - r * r * r / 3.0 * (y * slope.e - x * slope.f);
}

// Integral of depth - (x, y).(e, f) over a disc in the triangle from its centre over p -> q.
__device__ __forceinline__ double shadow(double px, double py, double qx, double qy, const Slope &slope,
                                      double r) {
    double dx = qx - px, dy = qy - py;
    const double length = sqrt(dx * dx + dy * dy);
    if (length == 0.0) return 0.0;
    dx /= length, dy /= length;
    const double height = px * dy - py * dx, square = height * height;
    const double p = px * dx + py * dy, q = qx * dx + qy * dy;
    const double inside = (r - fabs(height)) * (r + fabs(height));
    if (inside <= 0.0) {
        return sector(px, py, qx, qy, atan2(height * (q - p), square + p * q), slope, r);
    }
    const double half = sqrt(inside);
    const double enter = clamp(p, -half, half), leave = clamp(q, -half, half);
    const double ax = px + (enter - p) * dx, ay = py + (enter - p) * dy;
    const double bx = px + (leave - p) * dx, by = py + (leave - p) * dy;
    const double mean = slope.depth - ((ax + bx) * slope.e + (ay + by) * slope.f) / 3.0;
    double total = 0.5 * height * (leave - enter) * mean;
    if (enter != p) {
        const double angle = atan2(height * (enter - p), square + p * enter);
        total += sector(px, py, ax, ay, angle, slope, r);
    }
    if (leave != q) {
        const double angle = atan2(height * (q - leave), square + leave * q);
        total += sector(bx, by, qx, qy, angle, slope, r);
    }
    return total;
}

// A direction and two unit vectors across it, so that the three are right-handed.
struct Frame {
    double d[3], e[3], f[3];
};

__device__ __forceinline__ Frame make_frame(double dx, double dy, double dz) {
    Frame frame = {{dx, dy, dz}, {dy, -dx, 0.0}, {0.0, 0.0, 0.0}};
    if (fabs(dx) <= fabs(dy) && fabs(dx) <= fabs(dz)) {
        frame.e[0] = 0.0, frame.e[1] = dz, frame.e[2] = -dy;
    } else if (fabs(dy) <= fabs(dz)) {
        frame.e[0] = -dz, frame.e[1] = 0.0, frame.e[2] = dx;
    }
    double *e = frame.e;
    const double size = sqrt(e[0] * e[0] + e[1] * e[1] + e[2] * e[2]);
    for (int a = 0; a < 3; ++a) e[a] /= size;
    frame.f[0] = dy * e[2] - dz * e[1];
    frame.f[1] = dz * e[0] - dx * e[2];
    frame.f[2] = dx * e[1] - dy * e[0];
    return frame;
}

// Flux through the part of a face that lies ahead, across axis `a` of the box.
__device__ __forceinline__ double cylinder_over_face(const Face &face, const Frame &frame, int a,
                                                     double r) {
    const int b = (a + 1) % 3, c = (a + 2) % 3;
    const double *e = frame.e, *f = frame.f;
    const double e0 = e[a] * face.depth, f0 = f[a] * face.depth;
    const double y = 0.5 * (face.y0 + face.y1), z = 0.5 * (face.z0 + face.z1);
    const double across = hypot(e0 + e[b] * y + e[c] * z, f0 + f[b] * y + f[c] * z);
    if (across >= r + hypot(face.y1 - y, face.z1 - z)) return 0.0;
    const Slope slope = {face.depth, e[a], f[a]};
    double total = 0.0;
    face.walk([&](int, double py, double pz, double qy, double qz) {
        total += shadow(e0 + e[b] * py + e[c] * pz, f0 + f[b] * py + f[c] * pz,
                        e0 + e[b] * qy + e[c] * qz, f0 + f[b] * qy + f[c] * qz, slope, r);
    });
    return total / face.dx;
}

// Volume in a box of a cylinder of radius r, ahead of the origin.
__device__ __noinline__ double cylinder_ahead(const double (&low)[3], const double (&high)[3],
                                              const Frame &frame, double r, double parallel) {
    double volume = 0.0;
#pragma unroll 1
    for (int number = 0; number < 6; ++number) {
        if (!(fabs(frame.d[number / 2]) > parallel)) continue;
        const Face face = face_of(number, low, high, frame.d, 1.0);
        const double flux = cylinder_over_face(face, frame, number / 2, r);
        volume += number % 2 ? flux : -flux;
    }
    return volume;
}

// Volume of a capsule in a box, given relative to its start; with `tail` without the ball around its
// end. Faces whose normals are so nearly across the segment are taken to be parallel to it.
__device__ __noinline__ double volume_in(const double (&low)[3], const double (&high)[3],
                                         const Frame &frame, double length, double r, double parallel,
                                         bool tail) {
    const double(&d)[3] = frame.d;
    double first = 0.0, last = 0.0, whole = 1.0;
    for (int a = 0; a < 3; ++a) {
        first += min(d[a] * low[a], d[a] * high[a]);
        last += max(d[a] * low[a], d[a] * high[a]);
        whole *= high[a] - low[a];
    }
    const bool beside = last > 0.0 && first < length;
    double volume = 0.0;
    // From the start of the segment; from its end; from the start or, if the box is ahead of it, the box.
#pragma unroll 1
    for (int stage = 0; stage < 3; ++stage) {
        const double shift = stage == 0 ? 0.0 : stage == 1 ? length : max(first, 0.0);
        double near[3], far[3];
        for (int a = 0; a < 3; ++a) near[a] = low[a] - shift * d[a], far[a] = high[a] - shift * d[a];
        const bool behind = stage == 0 || tail;
        if (stage < 2 && (behind ? first < shift : last > shift)) {
            const double ball = ball_ahead(near, far, d, behind ? -1.0 : 1.0, r);
            volume += stage == 1 && tail ? -ball : ball;
        }
        if (beside && (stage == 2 || (stage == 1 && last > length))) {
            const double cylinder = cylinder_ahead(near, far, frame, r, parallel);
            volume += stage == 1 ? -cylinder : cylinder;
        }
    }
    return volume > 0.0 ? min(volume, whole) : 0.0;
}
