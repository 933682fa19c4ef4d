// Velocities from polynomials fitted to sliding windows; see gpupept/kernels/velocity/__init__.py.
//
// One thread per row. The orthogonal polynomials are not kept: each pass over the window computes
// the next one from the coefficients of those before, which are in registers, so that a window may
// have any length. Neighbouring threads read nearly the same rows, from the cache.
#include "common/indexing.cuh"

#ifndef DEGREE
#error "DEGREE, the degree of the polynomials, is not defined"
#endif

constexpr int THREADS = 128;
constexpr double VANISHING = 1e-24;  // as on the CPU

// The rows that are fitted, in times and positions relative to one of them.
struct Window {
    const double *first, *origin;
    long long columns, size;
    double inverse;  // of the longest relative time

    __device__ __forceinline__ double time(long long k) const {
        return first[k * columns] - origin[0];
    }
    __device__ __forceinline__ double place(long long k, int axis) const {
        return first[k * columns + axis] - origin[axis];
    }
};

// The polynomials so far: each is (t - a) times the one before less b times the one before that.
struct Recurrence {
    double a[DEGREE + 1], b[DEGREE + 1];

    __device__ __forceinline__ double value(int degree, double time) const {
        double value = 1.0, before = 0.0;
#pragma unroll
        for (int m = 0; m < DEGREE; ++m) {
            if (m >= degree) break;
            const double next = (time - a[m]) * value - b[m] * before;
            before = value;
            value = next;
        }
        return value;
    }
};

struct Projections {
    double norm, moment, places[3];
};

__device__ __forceinline__ Projections project(const Window &window, const Recurrence &known,
                                               int degree) {
    Projections sums = {0.0, 0.0, {0.0, 0.0, 0.0}};
    for (long long k = 0; k < window.size; ++k) {
        const double time = window.time(k) * window.inverse, value = known.value(degree, time);
        sums.norm += value * value;
        sums.moment += time * value * value;
#pragma unroll
        for (int axis = 0; axis < 3; ++axis) {
            sums.places[axis] += window.place(k, axis + 1) * value;
        }
    }
    return sums;
}

// Longest relative time; 0 where there can be no fit.
__device__ __forceinline__ double longest_time(const Window &window) {
    double longest = 0.0;
    for (long long k = 0; k < window.size; ++k) {
        const double *row = window.first + k * window.columns;
#pragma unroll
        for (int column = 0; column < 4; ++column) {
            if (!(fabs(row[column]) <= DBL_MAX)) return 0.0;
        }
        longest = fmax(longest, fabs(window.time(k)));
    }
    return longest <= DBL_MAX ? longest : 0.0;
}

// Slopes, at relative time 0, of the polynomials of least squares for the three coordinates.
__device__ __forceinline__ void fit(const Window &window, double (&velocity)[3]) {
    Recurrence known;
    double value = 1.0, value_before = 0.0, slope = 0.0, slope_before = 0.0, norm_before = 0.0;
#pragma unroll
    for (int j = 0; j <= DEGREE; ++j) {
        const Projections sums = project(window, known, j);
        if (!(sums.norm > VANISHING * norm_before)) break;
#pragma unroll
        for (int axis = 0; axis < 3; ++axis) {
            velocity[axis] += sums.places[axis] / sums.norm * slope;
        }
        const double a = sums.moment / sums.norm, b = j > 0 ? sums.norm / norm_before : 0.0;
        norm_before = sums.norm;
        known.a[j] = a;
        known.b[j] = b;
        const double slope_next = (value - a * slope) - b * slope_before;
        const double value_next = -a * value - b * value_before;
        slope_before = slope;
        slope = slope_next;
        value_before = value;
        value = value_next;
    }
}

extern "C" __global__ void __launch_bounds__(THREADS)
local_velocities(const double *points, long long columns, const long long *offsets,
                 long long samples, long long window, double *velocities) {
    const long long row = grid_index();
    if (row >= offsets[samples]) return;
    const long long sample = segment_of(offsets, samples, row);
    const long long begin = offsets[sample], end = offsets[sample + 1];
    double velocity[3] = {0.0, 0.0, 0.0}, scale = 0.0;
    if (end - begin > window) {
        const long long centred = row - (window - 1) / 2;
        const long long first = min(max(centred, begin), end - window);
        Window rows = {points + first * columns, points + row * columns, columns, window, 0.0};
        scale = longest_time(rows);
        rows.inverse = 1.0 / scale;
        if (!(rows.inverse <= DBL_MAX)) scale = 0.0;
        if (scale > 0.0) fit(rows, velocity);
    }
    for (int axis = 0; axis < 3; ++axis) {
        velocities[3 * row + axis] = scale > 0.0 ? velocity[axis] / scale : NAN;
    }
}
