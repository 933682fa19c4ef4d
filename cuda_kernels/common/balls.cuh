// Volume of half a ball in a box; gpupept/kernels/occupancy/volumes.py says how. The operations are the
// same.
#pragma once

#include "common/areas.cuh"

// Signed solid angle of the triangle between a foot, `depth` away, and an edge; see along_edge.
__device__ __forceinline__ double solid_angle(double depth, double height, double p, double q) {
    const double square = depth * depth + height * height;
    const double first = sqrt(square + p * p), last = sqrt(square + q * q);
    const double rest = first * last + depth * (first + last) + square + p * q;
    return 2.0 * atan2(height * (q - p), rest);
}

// Flux through the triangle between the foot of a ball's centre on a face and one of its edges. The
// centre is `depth` from the face; the edge is on a line `height` from the foot, from p to q.
__device__ __noinline__ double along_edge(double depth, double height, double p, double q, double r,
                                          bool near) {
    double volume = 0.0;
    if (depth < r) {
        const double cap = (r - depth) * (r - depth) * (2.0 * r + depth) / 6.0;
        const double level = height * height, square = (r - depth) * (r + depth) - level;
        double enter = q, leave = q;
        if (square > 0.0) {
            const double half = sqrt(square);
            enter = clamp(p, -half, half), leave = clamp(q, -half, half);
            if (leave > enter) {
                volume = depth * height * (leave - enter) / 6.0;
                volume -= r * r * r / 3.0 * solid_angle(depth, height, enter, leave);
            }
        }
        if (enter != p) volume -= cap * atan2(height * (enter - p), level + p * enter);
        if (leave != q) volume -= cap * atan2(height * (q - leave), level + leave * q);
    }
    if (near) volume += r * r * r / 3.0 * solid_angle(depth, height, p, q);
    return volume;
}

// A face of a box, y and z being the two axes after its own, and a direction. What lies ahead of the
// origin as seen along it is walked around counterclockwise.
struct Face {
    double depth, y0, y1, z0, z1, dx, dy, dz;

    // Calls visit(edge, py, pz, qy, qz) for each edge of the part ahead; number 4 is the cut.
    template <typename Visit>
    __device__ __forceinline__ void walk(Visit visit) const {
        double out_y = 0.0, out_z = 0.0, in_y = 0.0, in_z = 0.0;
        bool cut = false;
#pragma unroll 1
        for (int edge = 0; edge < 5; ++edge) {
            const bool middle = edge == 1 || edge == 2;
            double py = middle ? y1 : y0, pz = edge >= 2 ? z1 : z0;
            double qy = edge < 2 ? y1 : y0, qz = middle ? z1 : z0;
            const double u = dx * depth + dy * py + dz * pz, v = dx * depth + dy * qy + dz * qz;
            if (edge == 4) {
                if (!cut) break;
                py = out_y, pz = out_z, qy = in_y, qz = in_z;
            } else if (u < 0.0 && v < 0.0) {
                continue;
            } else if (u < 0.0 || v < 0.0) {
                const double part = u / (u - v);
                const double y = py + part * (qy - py), z = pz + part * (qz - pz);
                if (u < 0.0) {
                    in_y = py = y, in_z = pz = z;
                } else {
                    out_y = qy = y, out_z = qz = z, cut = true;
                }
            }
            visit(edge, py, pz, qy, qz);
        }
    }
};

// Face number 0 .. 5 of a box: the lower and the upper one across each axis.
__device__ __forceinline__ Face face_of(int number, const double (&low)[3], const double (&high)[3],
                                        const double (&d)[3], double sign) {
    const int a = number / 2, b = (a + 1) % 3, c = (a + 2) % 3;
    const double depth = number % 2 ? high[a] : low[a];
    return {depth, low[b], high[b], low[c], high[c], sign * d[a], sign * d[b], sign * d[c]};
}

// Distance of 0 from a range.
__device__ __forceinline__ double apart(double low, double high) { return max(low, max(-high, 0.0)); }

// Flux of the ball's field through the part of a face that lies ahead.
__device__ __forceinline__ double ball_over_face(const Face &face, double r, bool near) {
    const double away = fabs(face.depth);
    if (face.depth == 0.0 || (away >= r && !near)) return 0.0;
    const double beside = apart(face.y0, face.y1), above = apart(face.z0, face.z1);
    if (!near && beside * beside + above * above >= (r - away) * (r + away)) return 0.0;
    double total = 0.0;
    face.walk([&](int edge, double py, double pz, double qy, double qz) {
        double y = edge % 2 ? 0.0 : 1.0 - edge, z = edge % 2 ? 2.0 - edge : 0.0;
        if (edge == 4) {
            y = qy - py, z = qz - pz;
            const double length = sqrt(y * y + z * z);
            if (length == 0.0) return;
            y /= length, z /= length;
        }
        total += along_edge(away, py * z - pz * y, py * y + pz * z, qy * y + qz * z, r, near);
    });
    return face.depth > 0.0 ? total : -total;
}

// Volume in a box of the half of a ball around the origin that is ahead of it along sign * d.
__device__ __noinline__ double ball_ahead(const double (&low)[3], const double (&high)[3],
                                          const double (&d)[3], double sign, double r) {
    double square = 0.0, volume = 0.0;
    for (int a = 0; a < 3; ++a) square += apart(low[a], high[a]) * apart(low[a], high[a]);
    if (square >= r * r) return 0.0;
#pragma unroll 1
    for (int number = 0; number < 6; ++number) {
        const double over = ball_over_face(face_of(number, low, high, d, sign), r, square <= NEAR * r * r);
        volume += number % 2 ? over : -over;
    }
    return volume;
}
