// Lines through a grid of cells, second stage: a warp for each line adds to its cells, first to those
// that its plan is sure of, then (SETTLE) to the others. What is added are integers, so the order does
// not matter; see gpupept/kernels/traverse/__init__.py.
#include "common/indexing.cuh"
#include "common/line_places.cuh"

constexpr int THREADS = 128;

#if SETTLE
// A place in doubt: the line is read again, and what decides is worked out.
__device__ __noinline__ long long settle(const double *row, int dimensions, const Grid &grid,
                                         const Plan &plan, int a, long long j, int side) {
    Line line;
    read_line(row, dimensions, line);
    for (int d = 0; d < 3; ++d) {
        line.v[d] = line.q[d] - line.p[d];
        line.r[d] = line.v[d] != 0.0 ? 1.0 / line.v[d] : INFINITY;
    }
    return settled_cell(line, grid, plan, a, j, side);
}
#endif

// Place in the array of the layers from `first_layer` on.
__device__ __forceinline__ long long place_of(const long long (&cell)[3], const Grid &grid,
                                              long long first_layer) {
    return ((cell[0] - first_layer) * grid.counts[1] + cell[1]) * grid.counts[2] + cell[2];
}

// Calls visit(axis, cell) for each cell of the line in the layers, with axis 3 for the first one; a warp
// together. Cells in doubt are left out, and the line is marked; with SETTLE they alone are visited.
template <typename Visit>
__device__ __forceinline__ void visit_cells(const double *row, int dimensions, const Grid &grid,
                                            Plan &plan, Visit visit) {
    const int lane = threadIdx.x % 32;
    if (SETTLE ? !plan.doubtful : lane == 0 && plan.holds_start) {
        if (SETTLE) return;
        const long long cell[3] = {plan.start[0], plan.start[1], plan.start[2]};
        visit(3, cell);
    }
#pragma unroll
    for (int a = 0; a < 3; ++a) {
        const long long own = plan.start[a], sign = plan.sign[a], end = plan.end[a];
        const long long place[2] = {plan.place[a][0], plan.place[a][1]};
        const long long step[2] = {plan.step[a][0], plan.step[a][1]};
        const long long twice[2] = {plan.twice[a][0], plan.twice[a][1]};
        for (long long j = plan.begin[a] + lane; j < end; j += 32) {
            long long cell[3];
            cell[a] = own + sign * (j + 1);
            bool doubtful = false;
#pragma unroll
            for (int side = 0; side < 2; ++side) {
                const long long now = place[side] + j * step[side];
                const bool unsure = (now & (ONE - 1)) < twice[side];
                long long &found = cell[(a + 1 + side) % 3];
                found = now >> BITS;
#if SETTLE
                if (unsure) found = settle(row, dimensions, grid, plan, a, j, side);
#endif
                doubtful = doubtful || unsure;
            }
            if (doubtful == SETTLE) visit(a, cell);
            if (doubtful && !SETTLE) plan.doubtful = 1;
        }
    }
}

extern "C" __global__ void __launch_bounds__(THREADS)
count_cells(const double *lines, long long columns, long long begin, long long count, int dimensions,
            const double *axes, const double *edges, const long long *begins,
            const long long *counts, long long first_layer, long long *plans,
            unsigned *target) {
    const Grid grid = {axes, edges, begins, counts};
    for (long long i = grid_index() / 32; i < count; i += grid_stride() / 32) {
        const double *row = lines + (begin + i) * columns;
        Plan &plan = reinterpret_cast<Plan *>(plans)[i];
        visit_cells(row, dimensions, grid, plan, [&](int, const long long (&cell)[3]) {
            atomicAdd(target + place_of(cell, grid, first_layer), 1u);
        });
    }
}

// The same for lines of many samples with a grid each; see plan_samples.
extern "C" __global__ void __launch_bounds__(THREADS)
count_samples(const double *lines, long long columns, const long long *samples,
              const long long *first_line, long long sample_count, long long begin, long long count,
              const double *axes, const double *edges, const long long *begins,
              const long long *counts, long long *plans, unsigned *target) {
    const long long edge_count = counts[0] + counts[1] + counts[2] + 3;
    const long long cells = counts[0] * counts[1] * counts[2];
    for (long long i = grid_index() / 32; i < count; i += grid_stride() / 32) {
        const long long s = segment_of(first_line, sample_count, begin + i);
        const double *row = lines + (samples[2 * s] + begin + i - first_line[s]) * columns;
        const Grid grid = {axes + 15 * s, edges + edge_count * s, begins, counts};
        visit_cells(row, 3, grid, reinterpret_cast<Plan *>(plans)[i],
                    [&](int, const long long (&cell)[3]) {
                        atomicAdd(target + s * cells + place_of(cell, grid, 0), 1u);
                    });
    }
}

// When the line leaves a cell through a plane of axis `d`.
__device__ __forceinline__ double next_time(const Plan &plan, const Grid &grid, int d, long long cell) {
    return plan.v[d] != 0.0 ? time_at(plan, d, grid.edge(d, cell + (plan.sign[d] > 0))) : INFINITY;
}

// What no line in a cell is longer than, but for rounding.
__device__ __forceinline__ double longest_piece(const Grid &grid) {
    double squares = 0.0;
    for (int d = 0; d < 3; ++d) squares += grid.size(d) * grid.size(d);
    return sqrt(squares) * (1.0 + 1e-9);
}

// Units from one time on a line to another; of lines of 1e20 times the grid's size, something possible.
__device__ __forceinline__ long long units_between(double enter, double leave, double whole,
                                                   double longest) {
    constexpr double within = 1ll << 62;
    const double from = enter * whole, to = leave * whole;
    if (!(to > from && fabs(from) < within && to < within)) return 0;
    return min(llrint(to) - llrint(from), llrint(longest));
}

// Adds multiples of a unit, of which `units` make 1. Lengths are differences of rounded positions on
// the line, so that those of one line add up to its whole length but for one rounding.
extern "C" __global__ void __launch_bounds__(THREADS)
weigh_cells(const double *lines, long long columns, long long begin, long long count, int dimensions,
            const double *weights, const double *axes, const double *edges, const long long *begins,
            const long long *counts, long long first_layer, long long *plans, int measure,
            double units, unsigned long long *target) {
    const Grid grid = {axes, edges, begins, counts};
    for (long long i = grid_index() / 32; i < count; i += grid_stride() / 32) {
        const double *row = lines + (begin + i) * columns;
        Plan &plan = reinterpret_cast<Plan *>(plans)[i];
        const double weight = weights == nullptr ? 1.0 : weights[begin + i];
        const double share = fabs(weight) * units;
        visit_cells(row, dimensions, grid, plan, [&](int a, const long long (&cell)[3]) {
            long long add = llrint(share);
            if (measure) {
                const double enter = a < 3 ? next_time(plan, grid, a, cell[a] - plan.sign[a]) : 0.0;
                double leave = plan.time;
                for (int d = 0; d < 3; ++d) leave = min(leave, next_time(plan, grid, d, cell[d]));
                add = units_between(enter, leave, share * plan.length, share * longest_piece(grid));
            }
            if (weight < 0.0) add = -add;
            atomicAdd(target + place_of(cell, grid, first_layer), static_cast<unsigned long long>(add));
        });
    }
}
