// Means of a function over cells on sub-grids that are refined cell by cell; see
// gpupept/kernels/subgrids/__init__.py.
//
// `value_at` is the caller's: its source follows this file. A warp takes one cell through all levels; its
// lanes share the sub-cells, and sums are fixed trees, so a result depends on nothing but the cell.
#include "common/reduce.cuh"
#include "common/indexing.cuh"

#if DIMENSIONS == 2
__device__ double value_at(double y, double x, const double *p);
#else
__device__ double value_at(double x, double y, double z, const double *p);
#endif

struct Cell {
    double centre[DIMENSIONS], step[DIMENSIONS];
    const double *parameters;

    __device__ __forceinline__ double place(int axis, long long index, int size) const {
        return centre[axis] + step[axis] * ((index + 0.5) / size - 0.5);
    }
};

// Value at the centre of a sub-cell, the last axis fastest.
__device__ __forceinline__ double sample(const Cell &cell, long long sub, int size) {
#if DIMENSIONS == 2
    return value_at(cell.place(0, sub / size, size), cell.place(1, sub % size, size),
                    cell.parameters);
#else
    const long long layer = static_cast<long long>(size) * size;
    return value_at(cell.place(0, sub / layer, size), cell.place(1, sub / size % size, size),
                    cell.place(2, sub % size, size), cell.parameters);
#endif
}

// Mean over the sub-cells of a cell, for all lanes of the warp that takes it.
__device__ __forceinline__ double mean_over(const Cell &cell, int size) {
    long long count = size;
    for (int axis = 1; axis < DIMENSIONS; ++axis) count *= size;
    double sum = 0.0;
    for (long long sub = threadIdx.x % 32; sub < count; sub += 32) sum += sample(cell, sub, size);
    return warp_sum(sum) / count;
}

struct Rules {
    double fractional_accuracy, absolute_accuracy;  // NaN if not asked for
    int symmetric, accept_zeros;

    __device__ bool agree(double lower, double upper) const {
        if (!isfinite(upper)) return false;
        if (!isnan(absolute_accuracy) && !(fabs(lower - upper) <= absolute_accuracy)) return false;
        if (isnan(fractional_accuracy)) return true;
        if (lower == 0.0 && upper == 0.0) return symmetric || accept_zeros;
        if (symmetric) {
            if ((lower > 0.0) != (upper > 0.0)) return false;
            lower = fabs(lower);
            upper = fabs(upper);
        }
        if (!(lower > 0.0) || upper == 0.0) return false;
        const double ratio = lower / upper;
        return (ratio > 1.0 ? 1.0 / ratio : ratio) >= fractional_accuracy;
    }
};

__device__ __forceinline__ Cell cell_at(const double *centres, const double *steps,
                                        const double *parameters, long long index) {
    Cell cell;
    for (int axis = 0; axis < DIMENSIONS; ++axis) {
        cell.centre[axis] = centres[index * DIMENSIONS + axis];
        cell.step[axis] = steps[axis];
    }
    cell.parameters = parameters;
    return cell;
}

// values: those at the centres when it starts, means when it ends.
extern "C" __global__ void __launch_bounds__(256, 2)
refine_cells(const double *centres, long long count, const double *steps, const double *parameters,
             const long long *sub_steps, int levels, double fractional_accuracy,
             double absolute_accuracy, int symmetric, int accept_zeros, double *values,
             short *sub_sizes, bool *converged, double *errors) {
    const long long index = grid_index() / 32;
    if (index >= count) return;
    const Rules rules{fractional_accuracy, absolute_accuracy, symmetric, accept_zeros};
    const Cell cell = cell_at(centres, steps, parameters, index);
    double lower = values[index], upper = lower, error = 0.0;
    int level = 0;
    bool done = false;
    for (; level < levels; ++level) {
        upper = mean_over(cell, static_cast<int>(sub_steps[level]));
        if (level == levels - 1) {
            error = fabs(upper - lower);
            break;
        }
        done = rules.agree(lower, upper);
        if (done) break;
        lower = upper;
    }
    if (threadIdx.x % 32 != 0) return;
    values[index] = upper;
    sub_sizes[index] = static_cast<short>(sub_steps[level]);
    converged[index] = done;
    errors[index] = error;
}

#ifdef SAMPLE_FUNCTION  // what the tests compile: something of usual cost
#if DIMENSIONS == 2
__device__ double value_at(double y, double x, const double *p) {
    return p[0] * exp(-(y * y + x * x));
}
#else
__device__ double value_at(double x, double y, double z, const double *p) {
    return p[0] * exp(-(x * x + y * y + z * z));
}
#endif
#endif
