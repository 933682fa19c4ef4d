// Area of a capsule in a rectangle; gpupept/kernels/occupancy/areas.py says how. The operations are the
// same.
#pragma once

constexpr double NEAR = 1e-6;  // squared distance, in squared radii, at which a centre counts as in a cell

__device__ __forceinline__ double clamp(double value, double low, double high) {
    return min(max(value, low), high);
}

// Flux out of an edge from p to q along a line `height` from the centre of a disc.
__device__ __forceinline__ double along_edge(double height, double p, double q, double r, bool near) {
    const double square = (r - fabs(height)) * (r + fabs(height));
    double area = 0.0;
    if (square > 0.0) {
        const double half = sqrt(square);
        const double enter = clamp(p, -half, half), leave = clamp(q, -half, half);
        if (leave > enter) {
            const double product = height * (leave - enter);
            area = 0.5 * (product - r * r * atan2(product, height * height + enter * leave));
        }
    }
    if (near) area += 0.5 * r * r * atan2(height * (q - p), height * height + p * q);
    return area;
}

// Area in a rectangle of the half disc behind the origin, as seen along sign * (dx, dy).
__device__ __forceinline__ double half_disc(double x0, double x1, double y0, double y1, double dx,
                                            double dy, double sign, double r) {
    dx *= sign, dy *= sign;
    const double beside = max(x0, max(-x1, 0.0)), above = max(y0, max(-y1, 0.0));
    const double square = beside * beside + above * above;
    if (square >= r * r) return 0.0;
    const bool near = square <= NEAR * r * r;
    double area = 0.0;
#pragma unroll 1
    for (int edge = 0; edge < 4; ++edge) {
        // Along the edge its own coordinate rises or falls, and the other one is `height`.
        const bool is_x = edge % 2 == 0, falls = edge >= 2, far = edge == 1 || edge == 2;
        const double height = is_x ? (far ? y1 : -y0) : (far ? x1 : -x0);
        const double low = is_x ? x0 : y0, high = is_x ? x1 : y1, d = is_x ? dx : dy;
        double p = falls ? -high : low, q = falls ? -low : high;
        const double along = falls ? -d : d, other = is_x ? dy : dx, across = far ? other : -other;
        const double u = along * p + across * height, v = along * q + across * height;
        if (u > 0.0 && v > 0.0) continue;
        if (u > 0.0) {
            p += u / (u - v) * (q - p);
        } else if (v > 0.0) {
            q = p + u / (u - v) * (q - p);
        }
        area += along_edge(height, p, q, r, near);
    }
    return area;
}

// Mean of numbers from v to w, each brought to -r .. r.
__device__ __forceinline__ double mean_clamped(double v, double w, double r) {
    const double low = min(v, w), high = max(v, w);
    const double from = clamp(low, -r, r), to = clamp(high, -r, r);
    if (low == from && high == to) return 0.5 * (low + high);
    if (high <= -r || low >= r) return from;
    const double inner = 0.5 * (to - from) * (to + from);
    return (inner + r * (high - to) - r * (from - low)) / (high - low);
}

// Integral of the clamped w along the edge (u, w) -> (v, z), where u is from 0 to `length`.
__device__ __forceinline__ double strip(double u, double w, double v, double z, double length,
                                        double r) {
    const double start = clamp(u, 0.0, length), end = clamp(v, 0.0, length);
    if (start == end) return 0.0;
    const double slope = (z - w) / (v - u);
    const double first = start == u ? w : w + slope * (start - u);
    const double last = end == v ? z : w + slope * (end - u);
    return (end - start) * mean_clamped(first, last, r);
}

// Area of a capsule in a rectangle, given relative to its start; `d` is its direction. With `tail`
// without the disc around its end.
__device__ __noinline__ double area_in(const double (&low)[3], const double (&high)[3],
                                       const double (&d)[3], double length, double r, bool tail) {
    const double dx = d[0], dy = d[1];
    double area = 0.0;
#pragma unroll 1
    for (int end = 0; end < 2; ++end) {
        const double x = end ? dx * length : 0.0, y = end ? dy * length : 0.0;
        const double disc = half_disc(low[0] - x, high[0] - x, low[1] - y, high[1] - y, dx, dy,
                                      end && !tail ? -1.0 : 1.0, r);
        area += end && tail ? -disc : disc;
    }
    const double width = high[0] - low[0], height = high[1] - low[1];
    double u = dx * low[0] + dy * low[1], w = dx * low[1] - dy * low[0];
#pragma unroll 1
    for (int edge = 0; edge < 4 && length > 0.0; ++edge) {
        const double x = edge == 0 ? width : edge == 2 ? -width : 0.0;
        const double y = edge == 1 ? height : edge == 3 ? -height : 0.0;
        const double v = u + dx * x + dy * y, z = w + dx * y - dy * x;
        area -= strip(u, w, v, z, length, r);
        u = v, w = z;
    }
    return area > 0.0 ? min(area, width * height) : 0.0;
}
