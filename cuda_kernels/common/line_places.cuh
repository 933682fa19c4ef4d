// Where along the other two axes the crossings of an axis are, and which of them lead to some layers;
// see gpupept/kernels/traverse/plan.py and lines.py. Side 0 is the next axis, side 1 the one after it.
#pragma once
#include "common/line_cells.cuh"

__device__ __forceinline__ void place_crossings(const Line &line, const Grid &grid, Plan &plan) {
    for (int a = 0; a < 3; ++a) {
        const long long count = plan.count[a];
        if (count == 0) continue;
        const double time = time_at(line, a, grid.edge(a, plan.start[a] + (plan.sign[a] > 0)));
        const double between = grid.size(a) * fabs(line.r[a]), slack = 2.0 * grid.slack(a);
        for (int side = 0; side < 2; ++side) {
            const int b = (a + 1 + side) % 3;
            const long long start = plan.start[b];
            long long &place = plan.place[a][side], &step = plan.step[a][side];
            long long &twice = plan.twice[a][side];
            if (plan.count[b] == 0) {
                place = (start << BITS) + ONE / 2;
                step = twice = 0;
                continue;
            }
            const double first = line.origin[b] + time * line.speed[b];
            const double add = between * line.speed[b];
            const double doubt = line.doubt[b] + slack * fabs(add) + (count + 4) / UNIT;
            place = step = 0;
            twice = ONE;
            if (!(doubt < DOUBTFUL && fabs(first) + count * fabs(add) < 2.0 * LARGEST)) continue;
            const long long spread = static_cast<long long>(2.0 * doubt * UNIT) + 2;
            const long long from = static_cast<long long>(first * UNIT) + spread / 2;
            const long long by = static_cast<long long>(add * UNIT), to = from + (count - 1) * by;
            const long long final = plan.final[b];
            const long long low = min(start, final) << BITS;
            const long long high = ((max(start, final) + 1) << BITS) + spread;
            if (low <= min(from, to) && max(from, to) < high) {
                place = from;
                step = by;
                twice = spread;
            }
        }
    }
}

// Cell along another axis after crossing number `j` of axis `a`, whose place is in doubt.
__device__ __noinline__ long long settled_cell(const Line &line, const Grid &grid, const Plan &plan,
                                               int a, long long j, int side) {
    const int b = (a + 1 + side) % 3;
    long long cell = (plan.place[a][side] + j * plan.step[a][side]) >> BITS;
    const double edge = grid.edge(a, plan.start[a] + (plan.sign[a] > 0 ? 1 + j : -j));
    if (plan.twice[a][side] < ONE) {
        const int order = compare_crossings(line, b, grid.edge(b, cell), a, edge);
        const bool crossed = order < 0 || (order == 0 && b > a);
        if (crossed != (plan.sign[b] > 0)) --cell;
    } else {
        cell = cell_at(line, grid, b, a, edge, b > a);
    }
    const long long start = plan.start[b], final = plan.final[b];
    return min(max(cell, min(start, final)), max(start, final));
}

// How many planes of axis 1 + side are crossed before crossing `j` of axis 0.
__device__ __forceinline__ int crossings_until(const Line &line, const Grid &grid, const Plan &plan,
                                               long long j, int side) {
    const long long place = plan.place[0][side] + j * plan.step[0][side];
    const bool doubtful = (place & (ONE - 1)) < plan.twice[0][side];
    const long long cell = doubtful ? settled_cell(line, grid, plan, 0, j, side) : place >> BITS;
    return static_cast<int>((cell - plan.start[1 + side]) * plan.sign[1 + side]);
}

// Writes which crossings lead to cells of the layers.
__device__ __forceinline__ void choose_layers(const Line &line, const Grid &grid,
                                              long long first_layer, long long last_layer,
                                              Plan &plan) {
    const long long start = plan.start[0], count = plan.count[0];
    const bool up = plan.sign[0] > 0;
    const long long begin = up ? first_layer - start - 1 : start - last_layer;
    const long long end = up ? last_layer - start - 1 : start - first_layer;
    plan.holds_start = first_layer <= start && start < last_layer;
    for (int d = 0; d < 3; ++d) plan.begin[d] = plan.end[d] = 0;
    if (begin >= count || end < 0) return;
    plan.begin[0] = static_cast<int>(max(begin, 0ll));
    plan.end[0] = static_cast<int>(min(end, count));
    for (int side = 0; side < 2; ++side) {
        plan.end[1 + side] = plan.count[1 + side];
        if (begin >= 0) plan.begin[1 + side] = crossings_until(line, grid, plan, begin, side);
        if (end < count) plan.end[1 + side] = crossings_until(line, grid, plan, end, side);
    }
}

// Length of the line, and when it ends.
__device__ __forceinline__ void measure_line(const Line &line, Plan &plan) {
    int longest = 0;
    for (int d = 1; d < 3; ++d) longest = fabs(line.v[d]) > fabs(line.v[longest]) ? d : longest;
    const double largest = fabs(line.v[longest]);
    double squares = 0.0;
    for (int d = 0; d < 3; ++d) {
        plan.high[d] = line.high[d];
        plan.low[d] = line.low[d];
        plan.v[d] = line.v[d];
        plan.r[d] = line.r[d];
        squares += (line.v[d] / largest) * (line.v[d] / largest);
    }
    plan.length = largest == 0.0 ? 0.0 : largest * sqrt(squares);
    plan.time = largest == 0.0 ? 0.0 : time_at(line, longest, line.q[longest]);
}
