// Lines through a grid of cells, first stage: a thread for each line finds its cells as arithmetic
// progressions, a Plan; see gpupept/kernels/traverse/__init__.py.
#include "common/indexing.cuh"
#include "common/line_places.cuh"

constexpr int THREADS = 128;
static_assert(sizeof(Plan) == 42 * sizeof(long long), "as in gpupept/kernels/traverse/device.py");

// A plan for each line; what is not found has no cells. Returns whether the line is finite.
__device__ __forceinline__ bool make_plan(const double *row, int dimensions, bool usable,
                                          const Grid &grid, long long first_layer,
                                          long long last_layer, Plan &plan) {
    plan.holds_start = plan.doubtful = 0;
    for (int d = 0; d < 3; ++d) plan.begin[d] = plan.end[d] = 0;
    Line line;
    read_line(row, dimensions, line);
    const Outcome outcome = usable ? find_cells(line, grid, plan) : SKIPPED;
    if (outcome == FOUND) {
        place_crossings(line, grid, plan);
        choose_layers(line, grid, first_layer, last_layer, plan);
        measure_line(line, plan);
    }
    return outcome != SKIPPED;
}

extern "C" __global__ void __launch_bounds__(THREADS)
plan_lines(const double *lines, long long columns, long long begin, long long count, int dimensions,
           const double *weights, const double *axes, const double *edges, const long long *begins,
           const long long *counts, long long first_layer, long long last_layer, long long *plans,
           unsigned long long *skipped) {
    const Grid grid = {axes, edges, begins, counts};
    for (long long i = grid_index(); i < count; i += grid_stride()) {
        const bool usable = weights == nullptr || fabs(weights[begin + i]) < INFINITY;
        if (!make_plan(lines + (begin + i) * columns, dimensions, usable, grid, first_layer,
                       last_layer, reinterpret_cast<Plan *>(plans)[i])) {
            atomicAdd(skipped, 1ull);
        }
    }
}

// Line `begin + i` of those of all samples one after the other, `first_line` of which are in samples
// before each, and the grid of its sample.
extern "C" __global__ void __launch_bounds__(THREADS)
plan_samples(const double *lines, long long columns, const long long *samples,
             const long long *first_line, long long sample_count, long long begin, long long count,
             const double *axes, const double *edges, const long long *begins,
             const long long *counts, long long *plans, unsigned long long *skipped) {
    const long long edge_count = counts[0] + counts[1] + counts[2] + 3;
    for (long long i = grid_index(); i < count; i += grid_stride()) {
        const long long s = segment_of(first_line, sample_count, begin + i);
        const double *row = lines + (samples[2 * s] + begin + i - first_line[s]) * columns;
        const Grid grid = {axes + 15 * s, edges + edge_count * s, begins, counts};
        if (!make_plan(row, 3, true, grid, 0, counts[0], reinterpret_cast<Plan *>(plans)[i])) {
            atomicAdd(skipped, 1ull);
        }
    }
}
