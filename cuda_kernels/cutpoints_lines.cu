// Cutpoints, first stage: the size of each sample, and its lines in the form that pairs are tested
// in.
#include "common/lines.cuh"
#include "common/reduce.cuh"

constexpr int BOX_THREADS = 128;

struct Box {
    double low[3], high[3];
};

using Extreme = KeyIndex<double, int>;

__device__ __forceinline__ double block_min(double value, Extreme *scratch) {
    return block_argmin(Extreme{value, 0}, scratch).key;
}

// Corners of the box around both ends of the finite lines among `size`; inverted without any.
__device__ __forceinline__ Box box_of_lines(const double *lines, long long columns, long long size,
                                            Extreme *scratch) {
    Box box = {{INFINITY, INFINITY, INFINITY}, {-INFINITY, -INFINITY, -INFINITY}};
    for (long long i = threadIdx.x; i < size; i += blockDim.x) {
        const double *line = lines + i * columns;
        if (!is_finite_line(line)) continue;
#pragma unroll
        for (int axis = 0; axis < 3; ++axis) {
            box.low[axis] = min(box.low[axis], min(line[1 + axis], line[4 + axis]));
            box.high[axis] = max(box.high[axis], max(line[1 + axis], line[4 + axis]));
        }
    }
#pragma unroll
    for (int axis = 0; axis < 3; ++axis) {
        box.low[axis] = block_min(box.low[axis], scratch);
        box.high[axis] = -block_min(-box.high[axis], scratch);
    }
    return box;
}

extern "C" __global__ void __launch_bounds__(BOX_THREADS)
default_cutoffs(const double *lines, long long columns, const long long *samples,
                double *cutoffs) {
    __shared__ Extreme scratch[32];
    const long long s = blockIdx.x, begin = samples[2 * s], size = samples[2 * s + 1] - begin;
    const Box box = box_of_lines(lines + begin * columns, columns, size, scratch);
    if (threadIdx.x > 0) return;
#pragma unroll
    for (int axis = 0; axis < 3; ++axis) {
        const bool any = box.low[axis] <= box.high[axis];
        cutoffs[6 * s + 2 * axis] = any ? box.low[axis] : NAN;
        cutoffs[6 * s + 2 * axis + 1] = any ? box.high[axis] : NAN;
    }
}

// ---- A test without divisions -------------------------------------------------------------------
//
// With unit directions u, v and moments m = p x u, n = q x v of the lines, their distance is |u.n +
// v.m| / |u x v|, and |u x v|^2 = 1 - (u.v)^2. So they are nearer than d only if
//
//     (u.n + v.m)^2 <= d^2 (1 - (u.v)^2).
//
// Moments are about the centre of the sample's box and in units of half its longest side, so single
// precision has errors of at most 48 roundings in u.n + v.m, and 64 in (u.v)^2; the limits are
// widened by them and by what the rounding of the lines' own coordinates can do to the exact
// formula.

constexpr double ROUNDING = 1.0 / (1 << 24), WIDEN = 1.0 / 64.0;
constexpr double LINE_ERROR = 1e-9;    // of the size of the coordinates
constexpr double LARGEST_LIMIT = 8.0;  // more than any distance within the box
constexpr double SHORT = 1e-290;        // smaller squares are not precise

// Limits of the test for a sample: squared distance and its root, both widened.
__device__ __forceinline__ float2 limits_of_test(double distance, double largest, double scale) {
    const double d = min(distance * scale, LARGEST_LIMIT);
    const double error = min(48.0 * ROUNDING + LINE_ERROR * largest * scale, LARGEST_LIMIT);
    const double squared = (1.0 + WIDEN) * d * d;
    const double slack = (1.0 + 1.0 / WIDEN) * error * error + 64.0 * ROUNDING * squared;
    return make_float2(static_cast<float>(squared + slack), static_cast<float>(sqrt(squared)));
}

// Direction and moment of a line. NaN, which fails every test, for a line that gives no cutpoints;
// zero, which passes every test, for a line too short for its direction to be precise.
__device__ __forceinline__ void prepare_line(const double *line, const double *centre, double scale,
                                             float4 *prepared) {
    double u[3], p[3], squared = 0.0;
    for (int axis = 0; axis < 3; ++axis) {
        u[axis] = line[4 + axis] - line[1 + axis];
        p[axis] = (line[1 + axis] - centre[axis]) * scale;
        squared += u[axis] * u[axis];
    }
    double length = is_finite_line(line) && squared > 0.0 ? 1.0 / sqrt(squared) : NAN;
    if (squared < SHORT) length *= 0.0;
    for (int axis = 0; axis < 3; ++axis) u[axis] = u[axis] * length;
    prepared[0] = make_float4(static_cast<float>(u[0]), static_cast<float>(u[1]),
                              static_cast<float>(u[2]),
                              static_cast<float>(p[1] * u[2] - p[2] * u[1]));
    prepared[1] = make_float4(static_cast<float>(p[2] * u[0] - p[0] * u[2]),
                              static_cast<float>(p[0] * u[1] - p[1] * u[0]), 0.0f, 0.0f);
}

extern "C" __global__ void __launch_bounds__(BOX_THREADS)
prepare_lines(const double *lines, long long columns, const long long *samples,
              const long long *first_line, double distance, float *prepared, float *limits) {
    __shared__ Extreme scratch[32];
    const long long s = blockIdx.x, begin = samples[2 * s], size = samples[2 * s + 1] - begin;
    const Box box = box_of_lines(lines + begin * columns, columns, size, scratch);
    double centre[3], extent = 0.0, largest = 0.0;
#pragma unroll
    for (int axis = 0; axis < 3; ++axis) {
        centre[axis] = box.low[axis] / 2.0 + box.high[axis] / 2.0;
        extent = max(extent, box.high[axis] / 2.0 - box.low[axis] / 2.0);
        largest = max(largest, max(fabs(box.low[axis]), fabs(box.high[axis])));
    }
    const double scale = 1.0 / extent;
    float4 *own = reinterpret_cast<float4 *>(prepared) + 2 * first_line[s];
    for (long long i = threadIdx.x; i < size; i += blockDim.x) {
        prepare_line(lines + (begin + i) * columns, centre, scale, own + 2 * i);
    }
    if (threadIdx.x == 0) {
        reinterpret_cast<float2 *>(limits)[s] = limits_of_test(distance, largest, scale);
    }
}
