// The cells a line goes through, as at most three arithmetic progressions;
// gpupept/kernels/traverse/plan.py says how.
#pragma once
#include "common/crossings.cuh"

constexpr int BITS = 40;  // after the point in a place
constexpr long long ONE = 1ll << BITS;
constexpr double UNIT = 1ll << BITS, LARGEST = 1ll << 21;
constexpr double ENTRY_ERROR = 1.0 / (1ll << 49) / (1ll << 49);
constexpr double DOUBTFUL = 0.25;
constexpr int INSIDE = 3, NONE = 3;

// What the crossings of a line are found from. `begin` and `end` are those that lead to the layers
// asked for; of a line without cells there all ends are zero and `holds_start` is 0. `doubtful` is set
// when a place turns out to be in doubt.
struct Plan {
    long long place[3][2], step[3][2], twice[3][2];
    int sign[3], start[3], final[3], count[3], begin[3], end[3];
    int holds_start, doubtful;
    double high[3], low[3], v[3], r[3], length, time;  // `time` when the line ends
};

// Columns 1, 2 (, 3) of a row are one end, the following ones the other; a plane is one cell thick.
__device__ __forceinline__ void read_line(const double *row, int dimensions, Line &line) {
    for (int d = 0; d < 3; ++d) {
        line.p[d] = d < dimensions ? row[1 + d] : 0.5;
        line.q[d] = d < dimensions ? row[1 + dimensions + d] : 0.5;
    }
}

// Last edge of an axis that is not above x: -1 below the grid, the count from its end on.
__device__ __forceinline__ long long cell_of(double x, const Grid &grid, int d) {
    const long long count = grid.counts[d];
    const double cells = (x - grid.first(d)) * grid.per_size(d);
    long long i = static_cast<long long>(min(max(cells, 0.0), count - 1.0));
    while (i >= 0 && x < grid.edge(d, i)) --i;
    while (i < count && x >= grid.edge(d, i + 1)) ++i;
    return i;
}

// Cell along axis `d` once a plane of axis `a` is crossed, exactly.
__device__ __noinline__ long long cell_at(const Line &line, const Grid &grid, int d, int a,
                                          double edge, bool tie) {
    long long low = -1, high = grid.counts[d] + 1;
    while (high - low > 1) {
        const long long middle = (low + high) / 2;
        const int order = compare_crossings(line, d, grid.edge(d, middle), a, edge);
        const bool crossed = order < 0 || (order == 0 && tie);
        if (crossed == (line.v[d] > 0.0)) {
            low = middle;
        } else {
            high = middle;
        }
    }
    return low;
}

// Axis through whose face a line comes in, INSIDE, or -1 if it never reaches the box.
__device__ __forceinline__ int axis_of_entry(const Line &line, const Grid &grid) {
    int entry = INSIDE;
    double face = 0.0;
    for (int d = 0; d < 3; ++d) {
        const double p = line.p[d], q = line.q[d], low = grid.first(d), high = grid.last(d);
        if (low <= p && p <= high) continue;
        const double edge = p < low ? low : high;
        if ((q < edge) == (p < edge) && q != edge) return -1;
        if (entry == INSIDE || compare_crossings(line, d, edge, entry, face) > 0) {
            entry = d;
            face = edge;
        }
    }
    return entry;
}

__device__ __forceinline__ double face_of_entry(const Line &line, const Grid &grid, int entry) {
    return line.v[entry] > 0.0 ? grid.first(entry) : grid.last(entry);
}

__device__ __forceinline__ bool find_start(const Line &line, const Grid &grid, int entry, Plan &plan) {
    const double face = entry == INSIDE ? 0.0 : face_of_entry(line, grid, entry);
    for (int d = 0; d < 3; ++d) {
        const double v = line.v[d];
        const long long count = grid.counts[d];
        long long cell = v > 0.0 ? 0 : count;
        if (entry == INSIDE || v == 0.0) {
            cell = cell_of(line.p[d], grid, d);
        } else if (d != entry) {
            cell = cell_at(line, grid, d, entry, face, v > 0.0);
        }
        if (cell == count && v < 0.0) cell = count - 1;
        if (cell < 0 || cell >= count) return false;
        plan.start[d] = static_cast<int>(cell);
    }
    return true;
}

__device__ __forceinline__ void find_point_of_entry(Line &line, const Grid &grid, int entry) {
    const double face = face_of_entry(line, grid, entry);
    const Pair near = two_sum(face, -line.p[entry]);
    const Pair whole = two_sum(line.q[entry], -line.p[entry]);
    for (int d = 0; d < 3; ++d) {
        const Pair along = two_sum(line.q[d], -line.p[d]);
        const Pair product = two_product(near.high, along.high);
        const double rest = product.low + (near.high * along.low + near.low * along.high);
        const double moved = product.high / whole.high;
        const Pair back = two_product(moved, whole.high);
        const double moved_rest =
            (((product.high - back.high) - back.low) + rest - moved * whole.low) / whole.high;
        const Pair sum = two_sum(line.p[d], moved);
        const Pair point = two_sum(sum.high, sum.low + moved_rest);
        line.high[d] = point.high;
        line.low[d] = point.low;
        line.doubt[d] += ENTRY_ERROR * (fabs(line.p[d]) + fabs(line.q[d])) * grid.per_size(d);
    }
    line.high[entry] = face;
    line.low[entry] = 0.0;
}

__device__ __forceinline__ void find_origin(Line &line, const Grid &grid, int entry) {
    for (int d = 0; d < 3; ++d) {
        line.high[d] = line.p[d];
        line.low[d] = 0.0;
        line.doubt[d] = grid.slack(d);
    }
    if (entry != INSIDE) find_point_of_entry(line, grid, entry);
    for (int d = 0; d < 3; ++d) {
        const double per_size = grid.per_size(d);
        line.origin[d] = ((line.high[d] - grid.first(d)) + line.low[d]) * per_size;
        line.speed[d] = line.v[d] * per_size;
    }
}

// When a line is at a plane, from where it enters the grid on.
template <typename L>
__device__ __forceinline__ double time_at(const L &line, int d, double edge) {
    return ((edge - line.high[d]) - line.low[d]) * line.r[d];
}

// Axis through whose face a line goes out first (of several the last), or NONE.
__device__ __forceinline__ int axis_of_exit(const Line &line, const Grid &grid, double &face) {
    int leaving = NONE;
    for (int d = 0; d < 3; ++d) {
        const double q = line.q[d], v = line.v[d], edge = v > 0.0 ? grid.last(d) : grid.first(d);
        if (v == 0.0 || (v > 0.0 ? q < edge : q > edge)) continue;
        if (leaving == NONE || compare_crossings(line, d, edge, leaving, face) <= 0) {
            leaving = d;
            face = edge;
        }
    }
    return leaving;
}

__device__ __forceinline__ long long final_cell(const Line &line, const Grid &grid, int d,
                                                long long start, int leaving, double face) {
    const double v = line.v[d];
    const long long count = grid.counts[d];
    if (v == 0.0) return start;
    if (leaving == NONE) {
        const long long cell = cell_of(line.q[d], grid, d);
        return v < 0.0 && grid.edge(d, cell) == line.q[d] ? cell - 1 : cell;
    }
    if (d == leaving) return v > 0.0 ? count - 1 : 0;
    const double place = line.origin[d] + time_at(line, leaving, face) * line.speed[d];
    const double within = place - floor(place), doubt = line.doubt[d];
    if (0.0 < place && place < count && doubt < within && within < 1.0 - doubt) {
        return static_cast<long long>(place);
    }
    return cell_at(line, grid, d, leaving, face, d > leaving);
}

enum Outcome { OUTSIDE, FOUND, SKIPPED };

// Fills the line, of which p and q are given, and the first cell and the crossings of the plan.
__device__ __forceinline__ Outcome find_cells(Line &line, const Grid &grid, Plan &plan) {
    for (int d = 0; d < 3; ++d) {
        line.v[d] = line.q[d] - line.p[d];
        if (!(fabs(line.v[d]) < INFINITY)) return SKIPPED;
        line.r[d] = line.v[d] != 0.0 ? 1.0 / line.v[d] : INFINITY;
    }
    const int entry = axis_of_entry(line, grid);
    if (entry < 0 || !find_start(line, grid, entry, plan)) return OUTSIDE;
    find_origin(line, grid, entry);
    double face = 0.0;
    const int leaving = axis_of_exit(line, grid, face);
    for (int d = 0; d < 3; ++d) {
        const long long start = plan.start[d], sign = line.v[d] > 0.0 ? 1 : -1;
        const long long last = final_cell(line, grid, d, start, leaving, face);
        const long long count =
            max((min(max(last, 0ll), grid.counts[d] - 1) - start) * sign, 0ll);
        plan.sign[d] = static_cast<int>(sign);
        plan.count[d] = static_cast<int>(count);
        plan.final[d] = static_cast<int>(start + sign * count);
    }
    return FOUND;
}
