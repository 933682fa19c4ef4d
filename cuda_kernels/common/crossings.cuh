// Which of two grid planes a line crosses first, decided exactly; gpupept/kernels/traverse/exact.py says
// how. The operations are the same, so that results are equal bit for bit.
#pragma once

constexpr double SPLITTER = 134217729.0;                    // 2^27 + 1
constexpr double CROSSING_ERROR = 16.0 / (1ll << 53);       // relative to the larger time
constexpr double PAIR_ERROR = 1.0 / (1ll << 49) / (1ll << 49);  // relative to the larger product
constexpr double LARGE = 0x1p300;  // numbers whose products are well within range

// A segment from p to q.
struct Line {
    double p[3], q[3], v[3], r[3];   // ends, q - p and its reciprocal
    double high[3], low[3];          // where it enters the grid, with twice the digits
    double origin[3], speed[3];      // the same, and v, in cells
    double doubt[3];                 // how far a place on it may be wrong, in cells
};

// Edges of the cells of three axes, one axis after the other; `axes` has for each its first and last
// edge, the size of a cell, its reciprocal, and how far a place may be wrong, in cells.
struct Grid {
    const double *axes, *edges;
    const long long *begins, *counts;

    __device__ __forceinline__ double first(int d) const { return axes[5 * d]; }
    __device__ __forceinline__ double last(int d) const { return axes[5 * d + 1]; }
    __device__ __forceinline__ double size(int d) const { return axes[5 * d + 2]; }
    __device__ __forceinline__ double per_size(int d) const { return axes[5 * d + 3]; }
    __device__ __forceinline__ double slack(int d) const { return axes[5 * d + 4]; }
    __device__ __forceinline__ double edge(int d, long long k) const { return edges[begins[d] + k]; }
};

// A number as the sum of two, the second of which is the rounding error of the first.
struct Pair {
    double high, low;
};

__device__ __forceinline__ Pair two_sum(double a, double b) {
    const double high = a + b, back = high - a;
    return {high, (a - (high - back)) + (b - back)};
}

__device__ __forceinline__ Pair two_product(double a, double b) {
    const double high = a * b, split_a = SPLITTER * a, split_b = SPLITTER * b;
    const double a_high = split_a - (split_a - a), a_low = a - a_high;
    const double b_high = split_b - (split_b - b), b_low = b - b_high;
    return {high, a_low * b_low - (((high - a_high * b_high) - a_low * b_high) - a_high * b_low)};
}

__device__ __forceinline__ Pair multiply(Pair a, Pair b) {
    const Pair product = two_product(a.high, b.high);
    return {product.high, product.low + (a.high * b.low + a.low * b.high)};
}

// Sign of the exact sum of 16 numbers, which are overwritten.
__device__ __noinline__ int sign_of_sum(double *terms) {
    for (int count = 1; count < 16; ++count) {
        double rest = terms[count];
        for (int i = 0; i < count; ++i) {
            const Pair sum = two_sum(rest, terms[i]);
            rest = sum.high;
            terms[i] = sum.low;
        }
        terms[count] = rest;
    }
    for (int i = 15; i >= 0; --i) {
        if (terms[i] != 0.0) return terms[i] > 0.0 ? 1 : -1;
    }
    return 0;
}

__device__ __forceinline__ void put_products(double *terms, Pair a, Pair b, double sign) {
    const double left[2] = {a.high, a.low}, right[2] = {b.high, b.low};
    for (int i = 0; i < 4; ++i) {
        const Pair product = two_product(left[i / 2], right[i % 2]);
        terms[2 * i] = sign * product.high;
        terms[2 * i + 1] = sign * product.low;
    }
}

// Power of two that brings a number into range; 1 for nearly all.
__device__ __forceinline__ double scale_of(double largest) {
    if ((1.0 / LARGE < largest && largest < LARGE) || largest == 0.0) return 1.0;
    int exponent = 0;
    frexp(largest, &exponent);
    return ldexp(1.0, -min(max(exponent, -1000), 1000));
}

// How far (exactly) a plane and the end of the line are from its start, along the line; both multiplied
// by the same power of two where products would be out of range.
struct Differences {
    Pair near, whole;
};

__device__ __forceinline__ Differences differences(const Line &line, double edge, int d) {
    double scale = min(scale_of(max(fabs(line.p[d]), fabs(line.q[d]))), 1.0);
    if (line.q[d] < line.p[d]) scale = -scale;
    const double start = line.p[d] * scale;
    const Pair near = two_sum(edge * scale, -start), whole = two_sum(line.q[d] * scale, -start);
    scale = scale_of(max(fabs(near.high), whole.high));
    return {{near.high * scale, near.low * scale}, {whole.high * scale, whole.low * scale}};
}

__device__ __noinline__ int compare_exactly(const Line &line, int d, double edge, int a,
                                            double other_edge) {
    const Differences one = differences(line, edge, d), other = differences(line, other_edge, a);
    const Pair first = multiply(one.near, other.whole), second = multiply(other.near, one.whole);
    const double apart = (first.high - second.high) + (first.low - second.low);
    if (fabs(apart) > PAIR_ERROR * max(fabs(first.high), fabs(second.high))) {
        return apart > 0.0 ? 1 : -1;
    }
    double terms[16];
    put_products(terms, one.near, other.whole, 1.0);
    put_products(terms + 8, other.near, one.whole, -1.0);
    return sign_of_sum(terms);
}

// Sign of the time of a plane of axis `d` less that of a plane of axis `a`; the line must cross both.
__device__ __forceinline__ int compare_crossings(const Line &line, int d, double edge, int a,
                                                 double other_edge) {
    const double first = (edge - line.p[d]) * line.r[d];
    const double second = (other_edge - line.p[a]) * line.r[a];
    const double apart = first - second;
    if (fabs(apart) > CROSSING_ERROR * max(fabs(first), fabs(second))) return apart > 0.0 ? 1 : -1;
    return compare_exactly(line, d, edge, a, other_edge);
}
