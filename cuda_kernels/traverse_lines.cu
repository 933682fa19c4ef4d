// Lines through a grid of cells, first stage: a thread for each line finds its cells as arithmetic
// progressions, a Plan; see gpupept/kernels/traverse/__init__.py.
#include "common/indexing.cuh"
#include "common/line_places.cuh"

constexpr int THREADS = 128;
static_assert(sizeof(Plan) == 42 * sizeof(long long), "as in gpupept/kernels/traverse/device.py");

extern "C" __global__ void __launch_bounds__(THREADS)
plan_lines(const double *lines, long long columns, long long begin, long long count, int dimensions,
           const double *weights, const double *axes, const double *edges, const long long *begins,
           const long long *counts, long long first_layer, long long last_layer, long long *plans,
           unsigned long long *skipped) {
    const Grid grid = {axes, edges, begins, counts};
    for (long long i = grid_index(); i < count; i += grid_stride()) {
        Plan &plan = reinterpret_cast<Plan *>(plans)[i];
        plan.holds_start = plan.doubtful = 0;
        for (int d = 0; d < 3; ++d) plan.begin[d] = plan.end[d] = 0;
        Line line;
        read_line(lines + (begin + i) * columns, dimensions, line);
        const bool usable = weights == nullptr || fabs(weights[begin + i]) < INFINITY;
        const Outcome outcome = usable ? find_cells(line, grid, plan) : SKIPPED;
        if (outcome == SKIPPED) atomicAdd(skipped, 1ull);
        if (outcome != FOUND) continue;
        place_crossings(line, grid, plan);
        choose_layers(line, grid, first_layer, last_layer, plan);
        measure_line(line, plan);
    }
}
