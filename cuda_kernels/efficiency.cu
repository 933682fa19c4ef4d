// Geometric efficiency of a ring of detectors; see gpupept/kernels/efficiency/__init__.py.
//
// A thread takes one point. Points that lie next to each other take about equally many steps.

constexpr int THREADS = 256;
constexpr double CLOSE = 0.002;  // relative spread below which the series are exact to rounding

struct Integrals {
    double first, third;  // R_F(x, y, 1) and R_J(x, y, 1, p) of Carlson
};

// Arc tangent of a root over that root.
__device__ __forceinline__ double arc_tangent_ratio(double s) {
    if (s > 0.005) return atan(sqrt(s)) / sqrt(s);
    return 1.0 -
           s * (1.0 / 3 - s * (1.0 / 5 - s * (1.0 / 7 - s * (1.0 / 9 - s * (1.0 / 11 - s / 13)))));
}

// R_F of numbers close to each other.
__device__ __forceinline__ double first_kind(double x, double y, double z) {
    const double mean = (x + y + z) / 3.0;
    const double a = (mean - x) / mean, b = (mean - y) / mean, c = -a - b;
    const double e2 = a * b - c * c, e3 = a * b * c;
    return (1.0 - e2 / 10.0 + e3 / 14.0 + e2 * e2 / 24.0 - 3.0 * e2 * e3 / 44.0) / sqrt(mean);
}

// R_J of numbers close to each other.
__device__ __forceinline__ double third_kind(double x, double y, double z, double p) {
    const double mean = (x + y + z + 2.0 * p) / 5.0;
    const double a = (mean - x) / mean, b = (mean - y) / mean, c = (mean - z) / mean;
    const double d = -(a + b + c) / 2.0, abc = a * b * c;
    const double e2 = a * b + a * c + b * c - 3.0 * d * d;
    const double e3 = abc + 2.0 * e2 * d + 4.0 * d * d * d;
    const double e4 = (2.0 * abc + e2 * d + 3.0 * d * d * d) * d;
    const double e5 = abc * d * d;
    double series = 1.0 - 3.0 * e2 / 14.0 + e3 / 6.0 + 9.0 * e2 * e2 / 88.0;
    series += -3.0 * e4 / 22.0 - 9.0 * e2 * e3 / 52.0 + 3.0 * e5 / 26.0;
    return series / (mean * sqrt(mean));
}

// `product` is (p - x)(p - y)(p - 1) >= 0. For p = 0 the third is infinite, and its factor zero: taken as zero.
__device__ Integrals carlson(double x, double y, double p, double product) {
    const bool with_p = p > 0.0;
    double z = 1.0, total = 0.0, scale = 1.0;
    if (!with_p) p = 1.0;
    double mean = (x + y + z + 2.0 * p) / 5.0;
    const double spread =
        fmax(fmax(fabs(mean - x), fabs(mean - y)), fmax(fabs(mean - z), fabs(mean - p)));
    while (spread * scale > CLOSE * mean) {
        const double rx = sqrt(x), ry = sqrt(y), rz = sqrt(z), rp = sqrt(p);
        const double step = rx * (ry + rz) + ry * rz;
        if (with_p) {
            const double d = (rp + rx) * (rp + ry) * (rp + rz);
            total += scale / d * arc_tangent_ratio(product * scale * scale * scale / (d * d));
        }
        x = (x + step) / 4.0, y = (y + step) / 4.0, z = (z + step) / 4.0, p = (p + step) / 4.0;
        mean = (mean + step) / 4.0, scale = scale / 4.0;
    }
    return {first_kind(x, y, z), with_p ? scale * third_kind(x, y, z, p) + 6.0 * total : 0.0};
}

// Integral of c / sqrt(c^2 + d^2) over the directions in which the end at the distance c limits the tilt.
__device__ double arc(double c, double other, double turn, double r) {
    if (turn <= -1.0) return 0.0;
    const double share = (c + other) / (4.0 * other);
    const double sine2 = turn >= 1.0 ? 1.0 : share * (1.0 + r) * (1.0 + turn);
    const double cosine2 = turn >= 1.0 ? 0.0 : share * (1.0 - r) * (1.0 - turn);
    const double far = 1.0 + r;
    const double d2 = (1.0 - r) * (1.0 - r) * sine2 + far * far * cosine2;
    const double n = 4.0 * r / (far * far), longest2 = c * c + far * far;
    const double near = (1.0 - r) / far;
    const double third = sine2 * near * n * c / sqrt(longest2);
    const Integrals found = carlson(cosine2, (c * c + d2) / longest2, d2 / (far * far),
                                    sine2 * third * third);
    return c / sqrt(longest2) * sqrt(sine2) *
           (2.0 / far * found.first + near * n / 3.0 * sine2 * found.third);
}

__device__ double ring_at(double across, double along, double below, double above) {
    const double r = sqrt(across * across + along * along);
    if (!(below > 0.0 && above > 0.0 && r <= 1.0)) return 0.0;
    // Where the end that limits the tilt changes: nowhere if it is 1 or -1.
    const double excess = above - below, room = r * (above + below);
    double turn = excess == 0.0 ? 0.0 : copysign(1.0, excess);
    if (fabs(excess) < room) turn = excess / room;
    return (arc(below, above, turn, r) + arc(above, below, -turn, r)) / 3.141592653589793;
}

extern "C" __global__ void __launch_bounds__(THREADS)
ring_efficiency(const double *points, long long count, double radius, double centre_x,
                double centre_y, double bottom, double top, double *found) {
    const long long row = static_cast<long long>(blockIdx.x) * THREADS + threadIdx.x;
    if (row >= count) return;
    const double x = points[3 * row], y = points[3 * row + 1], z = points[3 * row + 2];
    const bool missing = isnan(x) || isnan(y) || isnan(z);
    found[row] = missing ? NAN
                         : ring_at((x - centre_x) / radius, (y - centre_y) / radius,
                                   (z - bottom) / radius, (top - z) / radius);
}
