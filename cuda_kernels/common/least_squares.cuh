// The point nearest to many lines; see gpupept/kernels/triangulation/__init__.py.
//
// The operations and their order are those of the CPU version, so that the results are equal.
#pragma once

constexpr double PARALLEL = 1e-14;  // of n^3; the largest determinant at which lines are parallel
constexpr double LARGEST = 1e100;   // number (mm or ms) with which a line still counts

struct Vector {
    double x, y, z;
};

// Unit direction, and foot of the perpendicular from the origin.
struct Line {
    Vector direction, foot;
};

// Whether a line, `t, x1, y1, z1, x2, y2, z2`, has a length and numbers that can be squared.
__device__ __forceinline__ bool is_usable_line(const double *line) {
    bool usable = line[4] != line[1] || line[5] != line[2] || line[6] != line[3];
    for (int column = 0; column < 7; ++column) usable &= fabs(line[column]) <= LARGEST;
    return usable;
}

__device__ __forceinline__ Line to_line(const double *line) {
    const double px = line[1], py = line[2], pz = line[3];
    double x = line[4] - px, y = line[5] - py, z = line[6] - pz;
    const double scale = fmax(fabs(x), fmax(fabs(y), fabs(z)));
    x = x / scale, y = y / scale, z = z / scale;
    const double length = sqrt(x * x + y * y + z * z);
    x = x / length, y = y / length, z = z / length;
    const double along = px * x + py * y + pz * z;
    return {{x, y, z}, {px - along * x, py - along * y, pz - along * z}};
}

__device__ __forceinline__ double squared_distance(const Vector &point, const Line &line) {
    const Vector &u = line.direction;
    const double x = point.x - line.foot.x, y = point.y - line.foot.y, z = point.z - line.foot.z;
    const double a = y * u.z - z * u.y, b = z * u.x - x * u.z, c = x * u.y - y * u.x;
    return a * a + b * b + c * c;
}

// Sums over lines of products of their directions and of their feet.
struct LineSums {
    double xx = 0.0, yy = 0.0, zz = 0.0, xy = 0.0, xz = 0.0, yz = 0.0, bx = 0.0, by = 0.0, bz = 0.0;

    __device__ __forceinline__ void add(const Line &line) {
        const Vector &u = line.direction;
        xx += u.x * u.x, yy += u.y * u.y, zz += u.z * u.z;
        xy += u.x * u.y, xz += u.x * u.z, yz += u.y * u.z;
        bx += line.foot.x, by += line.foot.y, bz += line.foot.z;
    }

    template <typename Team>
    __device__ __forceinline__ void reduce(const Team &team) {
        xx = team.sum(xx), yy = team.sum(yy), zz = team.sum(zz);
        xy = team.sum(xy), xz = team.sum(xz), yz = team.sum(yz);
        bx = team.sum(bx), by = team.sum(by), bz = team.sum(bz);
    }
};

// Solve M x = b of `count` lines by M = L D L^T; whether a point is determined.
__device__ __forceinline__ bool solve(const LineSums &s, double count, Vector &point) {
    const double d1 = s.yy + s.zz;
    if (!(d1 > 0.0)) return false;
    const double l21 = -s.xy / d1, l31 = -s.xz / d1;
    const double d2 = s.xx + s.zz + l21 * s.xy, off = -s.yz + l31 * s.xy;
    if (!(d2 > 0.0)) return false;
    const double l32 = off / d2;
    const double d3 = s.xx + s.yy + l31 * s.xz - l32 * off;
    if (!(d1 * d2 * d3 > PARALLEL * (count * count * count))) return false;
    const double by = s.by - l21 * s.bx, bz = s.bz - (l31 * s.bx + l32 * by);
    point.z = bz / d3;
    point.y = by / d2 - l32 * point.z;
    point.x = s.bx / d1 - l21 * point.y - l31 * point.z;
    return true;
}
