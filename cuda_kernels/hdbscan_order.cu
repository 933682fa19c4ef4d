// HDBSCAN, first stage: find the usable points of each sample and bring them into the order of a
// space-filling curve, so that points that follow each other are close to each other.
#include "common/hdbscan.cuh"
#include "common/reduce.cuh"
#include "common/sort.cuh"

constexpr double LARGEST_COORDINATE = 1e150;  // squares of larger ones leave the range of numbers
// Cells along an axis, less one. Three coordinates take 63 bits, of which no code has all set, because
// unusable points come after all others.
constexpr double LAST_CELL = 2097150.0;
constexpr long long AFTER_ALL = LLONG_MAX;

struct Box {
    double low[3], high[3];
};

__device__ __forceinline__ bool is_usable(const double *point) {
    return fabs(point[0]) <= LARGEST_COORDINATE && fabs(point[1]) <= LARGEST_COORDINATE &&
           fabs(point[2]) <= LARGEST_COORDINATE;
}

using Extreme = KeyIndex<double, int>;

__device__ __forceinline__ double block_min(double value, Extreme *scratch) {
    return block_argmin(Extreme{value, 0}, scratch).key;
}

// Corners of the box around all usable points.
__device__ __forceinline__ Box bounding_box(const double *points, int size, Extreme *scratch) {
    Box box = {{INFINITY, INFINITY, INFINITY}, {-INFINITY, -INFINITY, -INFINITY}};
    for (int i = threadIdx.x; i < size; i += blockDim.x) {
        const double *point = points + 3LL * i;
        if (!is_usable(point)) continue;
#pragma unroll
        for (int a = 0; a < 3; ++a) {
            box.low[a] = min(box.low[a], point[a]);
            box.high[a] = max(box.high[a], point[a]);
        }
    }
#pragma unroll
    for (int a = 0; a < 3; ++a) {
        box.low[a] = block_min(box.low[a], scratch);
        box.high[a] = -block_min(-box.high[a], scratch);
    }
    return box;
}

// Put two zeros before each of the lowest 21 bits.
__device__ __forceinline__ long long spread_bits(long long v) {
    v = (v | v << 32) & 0x001f00000000ffffLL;
    v = (v | v << 16) & 0x001f0000ff0000ffLL;
    v = (v | v << 8) & 0x100f00f00f00f00fLL;
    v = (v | v << 4) & 0x10c30c30c30c30c3LL;
    return (v | v << 2) & 0x1249249249249249LL;
}

// Place of a point on the Morton curve through the box; all cells are cubes.
__device__ __forceinline__ long long morton_code(const double *point, const Box &box,
                                                 double extent) {
    long long code = 0;
#pragma unroll
    for (int a = 0; a < 3; ++a) {
        const double share = extent > 0.0 ? (point[a] - box.low[a]) / extent : 0.0;
        code |= spread_bits(static_cast<long long>(share * LAST_CELL)) << a;
    }
    return code;
}

// Fill keys and rows with the codes and row numbers of all points and sort them, unusable points
// last; the number of usable ones.
__device__ __forceinline__ int sort_points(const double *points, int size, const Box &box,
                                           long long *keys, int *rows, int *scratch) {
    const double extent = max(max(box.high[0] - box.low[0], box.high[1] - box.low[1]),
                              box.high[2] - box.low[2]);
    int usable = 0;
    for (int i = threadIdx.x; i < size; i += blockDim.x) {
        const double *point = points + 3LL * i;
        const bool use = is_usable(point);
        usable += use;
        keys[i] = use ? morton_code(point, box, extent) : AFTER_ALL;
        rows[i] = i;
    }
    usable = block_sum(usable, scratch);
    block_sort(keys, rows, size);
    return usable;
}

// Boxes around every LEAF points that follow each other: lower corner, upper corner.
__device__ __forceinline__ void bound_leaves(const double *coordinates, long long total, int n,
                                             double *boxes, long long leaves) {
    for (int leaf = threadIdx.x; leaf * LEAF < n; leaf += blockDim.x) {
        for (int a = 0; a < 3; ++a) {
            const double *values = coordinates + a * total;
            double low = values[leaf * LEAF], high = low;
            for (int i = leaf * LEAF + 1; i < min(n, leaf * LEAF + LEAF); ++i) {
                low = min(low, values[i]);
                high = max(high, values[i]);
            }
            boxes[a * leaves + leaf] = low;
            boxes[(3 + a) * leaves + leaf] = high;
        }
    }
}

// For sample members[b] of block b: coordinates (3, total) of its usable points in their new order,
// from the sample's first place on; `rows`, the row in the sample of each; their number; boxes
// (6, leaves) of its leaves; and the results of a sample in which no cluster is found. Samples of
// up to `shared_points` points are sorted in shared memory, larger ones in place.
extern "C" __global__ void __launch_bounds__(1024)
order_points(const double *points, const long long *offsets, const long long *members,
             long long shared_points, double *coordinates, long long total, double *boxes,
             long long leaves, long long *keys, int *rows, int *usable, long long *labels,
             double *probabilities, double *persistence, long long *found, double *core,
             double *weights) {
    extern __shared__ long long shared_keys[];
    __shared__ Extreme box_scratch[32];
    __shared__ int count_scratch[32];
    const long long sample = members[blockIdx.x], start = offsets[sample];
    const int size = static_cast<int>(offsets[sample + 1] - start);
    points += 3 * start;
    for (int i = threadIdx.x; i < size; i += blockDim.x) {
        labels[start + i] = -1;
        probabilities[start + i] = persistence[start + i] = 0.0;
        core[start + i] = weights[start + i] = NAN;
    }
    const Box box = bounding_box(points, size, box_scratch);
    int n;
    const int *order = rows + start;
    if (size <= shared_points) {
        int *shared_rows = reinterpret_cast<int *>(shared_keys + size);
        n = sort_points(points, size, box, shared_keys, shared_rows, count_scratch);
        order = shared_rows;
    } else {
        n = sort_points(points, size, box, keys + start, rows + start, count_scratch);
    }
    for (int i = threadIdx.x; i < n; i += blockDim.x) {
        const int row = order[i];
        rows[start + i] = row;
        for (int a = 0; a < 3; ++a) coordinates[a * total + start + i] = points[3LL * row + a];
    }
    if (threadIdx.x == 0) {
        usable[sample] = n;
        found[sample] = 0;
    }
    __syncthreads();
    bound_leaves(coordinates + start, total, n, boxes + first_part(offsets, sample, LEAF), leaves);
}
