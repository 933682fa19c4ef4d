// The row of each segment nearest to each plane; see gpupept/kernels/nearest/__init__.py.
//
// A warp takes one segment and one plane. The smallest of (distance, row) does not depend on the order
// in which lanes compare.
#include "common/reduce.cuh"

constexpr int WARPS = 8, THREADS = 32 * WARPS;

__device__ __forceinline__ double distance(const double *position, const double *point,
                                           const double *axis, long long dimensions) {
    double sum = 0.0;
    for (long long d = 0; d < dimensions; ++d) sum += (position[d] - point[d]) * axis[d];
    return fabs(sum);
}

extern "C" __global__ void __launch_bounds__(THREADS)
nearest_rows(const double *positions, long long dimensions, const long long *segments,
             const double *planes, long long plane_count, long long pairs, long long *rows,
             double *distances) {
    const long long pair = static_cast<long long>(blockIdx.x) * WARPS + threadIdx.x / 32;
    if (pair >= pairs) return;  // the whole warp
    const long long g = pair / plane_count, k = pair % plane_count;
    const double *point = planes + k * dimensions;
    const double *axis = point + plane_count * dimensions;
    KeyIndex<double, long long> best = {INFINITY, LLONG_MAX};
    const long long end = segments[2 * g + 1];
    for (long long row = segments[2 * g] + threadIdx.x % 32; row < end; row += 32) {
        const double apart = distance(positions + row * dimensions, point, axis, dimensions);
        if (apart < best.key) best = {apart, row};  // false for NaN and infinity
    }
    best = warp_argmin(best);
    if (threadIdx.x % 32 > 0) return;
    rows[pair] = best.key < INFINITY ? best.index : -1;
    distances[pair] = best.key;
}
