// Shapes spread over the cells of a grid; see gpupept/kernels/occupancy/__init__.py.
//
// A warp for each shape. What is added are integers, multiples of a unit, so the order does not matter.
#include "common/areas.cuh"
#include "common/indexing.cuh"
#if DIMENSIONS == 3
#include "common/volumes.cuh"
#endif

constexpr int THREADS = 128;
constexpr long long FEW = 1024;  // cells that are looked at one by one
constexpr double LARGEST = 1e100;  // mm; squares and products of what is smaller are in range

// Cells of three axes; in a plane the third one has a single cell from 0 to 1.
struct Grid {
    const double *edges;
    const long long *counts;

    __device__ __forceinline__ double edge(int axis, long long i) const {
        for (int a = 0; a < axis; ++a) i += counts[a] + 1;
        return edges[i];
    }
};

struct Range {
    double begin, end;
};

struct Cells {
    long long begin, end;  // the last one included

    __device__ __forceinline__ long long count() const { return end - begin + 1; }
};

// A shape: the segment from `start` over `step`.
struct Shape {
    double start[3], step[3], direction[3], length, r, parallel;
#if DIMENSIONS == 3
    Frame frame;
#endif

    // Part of the segment, within another, that is at most r from some cells along an axis.
    __device__ __forceinline__ Range narrow(const Grid &grid, int a, Cells cells, Range within) const {
        const double low = grid.edge(a, cells.begin) - start[a] - r;
        const double high = grid.edge(a, cells.end + 1) - start[a] + r;
        if (step[a] == 0.0) return low <= 0.0 && 0.0 <= high ? within : Range{1.0, 0.0};
        const double enter = low / step[a], leave = high / step[a];
        return {max(within.begin, min(enter, leave)), min(within.end, max(enter, leave))};
    }

    // Cells that a part of the shape can reach along an axis.
    __device__ __forceinline__ Cells reached(const Grid &grid, int a, Range part) const {
        const long long count = grid.counts[a];
        if (a >= DIMENSIONS) return {0, 0};
        if (part.begin > part.end) return {0, -1};
        const double first = grid.edge(a, 0), last = grid.edge(a, count);
        const double low = start[a] + min(part.begin * step[a], part.end * step[a]) - r;
        const double high = start[a] + max(part.begin * step[a], part.end * step[a]) + r;
        if (!(low < last && high > first)) return {0, -1};
        const double per_cell = count / (last - first), most = count - 1.0;
        return {static_cast<long long>(clamp((low - first) * per_cell, 0.0, most)),
                static_cast<long long>(clamp((high - first) * per_cell, 0.0, most))};
    }
};

__device__ __forceinline__ void read_shape(const double *row, double r, const Grid &grid, Shape &shape) {
    double square = 0.0, least = INFINITY;
    for (int a = 0; a < 3; ++a) {
        shape.start[a] = a < DIMENSIONS ? row[a] : 0.0;
        shape.step[a] = a < DIMENSIONS ? row[DIMENSIONS + a] - row[a] : 0.0;
        square = hypot(square, shape.step[a]);
        least = min(least, grid.edge(a, 1) - grid.edge(a, 0));
    }
    shape.length = square;
    shape.r = r;
    for (int a = 0; a < 3; ++a) {
        const double still = a == 0 ? 1.0 : 0.0;
        shape.direction[a] = square > 0.0 ? shape.step[a] / square : still;
    }
#if DIMENSIONS == 3
    shape.frame = make_frame(shape.direction[0], shape.direction[1], shape.direction[2]);
    const double ratio = max(r / least, 1.0);
    shape.parallel = min(sqrt(DBL_EPSILON * ratio * ratio * ratio), 1e-3);
#endif
}

// Area or volume of a shape in a cell; cells all in or all out are soon known.
__device__ __noinline__ double covered(const Shape &shape, const Grid &grid,
                                       const long long (&cell)[3], bool tail) {
    double low[3], high[3], whole = 1.0, diagonal = 0.0, along = 0.0, square = 0.0, from_end = 0.0;
    for (int a = 0; a < DIMENSIONS; ++a) {
        low[a] = grid.edge(a, cell[a]) - shape.start[a];
        high[a] = grid.edge(a, cell[a] + 1) - shape.start[a];
        const double size = high[a] - low[a], middle = 0.5 * (low[a] + high[a]);
        whole *= size;
        diagonal += size * size;
        along += shape.direction[a] * middle;
        from_end += (middle - shape.step[a]) * (middle - shape.step[a]);
    }
    along = clamp(along, 0.0, shape.length);
    for (int a = 0; a < DIMENSIONS; ++a) {
        const double beside = 0.5 * (low[a] + high[a]) - along * shape.direction[a];
        square += beside * beside;
    }
    const double r = shape.r, reach = 0.5 * sqrt(diagonal) * (1.0 + 1e-9), least = max(r - reach, 0.0);
    const double outer = (r + reach) * (r + reach), inner = least * least;
    if (square >= outer || (tail && from_end < inner)) return 0.0;
    if (square < inner && (!tail || from_end >= outer)) return whole;
#if DIMENSIONS == 2
    return area_in(low, high, shape.direction, shape.length, r, tail);
#else
    return volume_in(low, high, shape.frame, shape.length, r, shape.parallel, tail);
#endif
}

extern "C" __global__ void __launch_bounds__(THREADS, DIMENSIONS == 2 ? 3 : 2)
spread(const double *segments, const double *radii, const bool *tails, const double *weights,
       long long count, long long sums, const double *edges, const long long *counts,
       long long first_layer, long long last_layer, const double *units, unsigned long long *target) {
    __shared__ Shape shapes[THREADS / 32];
    const Grid grid = {edges, counts};
    const long long cells_each = (last_layer - first_layer) * counts[1] * counts[2];
    const int lane = threadIdx.x % 32;
    for (long long s = grid_index() / 32; s < count; s += grid_stride() / 32) {
        Shape &shape = shapes[threadIdx.x / 32];
        __syncwarp();
        if (lane == 0) read_shape(segments + 2 * DIMENSIONS * s, radii[s], grid, shape);
        __syncwarp();
        if (!(shape.length < LARGEST && shape.r < LARGEST)) continue;
        const Range all = {0.0, 1.0};
        const Cells reached = shape.reached(grid, 0, all);
        Cells y = shape.reached(grid, 1, all);
        const long long box = reached.count() * y.count() * shape.reached(grid, 2, all).count();
        // What cells are looked at must not depend on the layers, for rounding errors in empty ones.
        const bool few = box <= FEW;
        const Cells x = {max(reached.begin, first_layer), min(reached.end, last_layer - 1)};
        const long long layers = few ? max(x.count(), 1ll) : 1;
        for (long long i = x.begin; i <= x.end; i += layers) {
            const Range in_layers = few ? all : shape.narrow(grid, 0, {i, i}, all);
            y = shape.reached(grid, 1, in_layers);
            const long long layer = y.count() * shape.reached(grid, 2, in_layers).count();
            const bool whole = few || layer <= FEW;
            const long long rows = whole ? max(y.count(), 1ll) : 1;
            for (long long j = y.begin; j <= y.end; j += rows) {
                const Range in_rows = whole ? in_layers : shape.narrow(grid, 1, {j, j}, in_layers);
                const Cells z = shape.reached(grid, 2, in_rows);
                for (long long t = lane; t < layers * rows * z.count(); t += 32) {
                    const long long in_layer = t / z.count();
                    const long long cell[3] = {i + in_layer / rows, j + in_layer % rows,
                                               z.begin + t % z.count()};
                    const double part = covered(shape, grid, cell, tails[s]);
                    if (!(part > 0.0)) continue;
                    const long long place =
                        ((cell[0] - first_layer) * counts[1] + cell[1]) * counts[2] + cell[2];
                    for (long long k = 0; k < sums; ++k) {
                        const double add = weights[s * sums + k] * part * units[k];
                        atomicAdd(target + k * cells_each + place,
                                  static_cast<unsigned long long>(llrint(add)));
                    }
                }
            }
        }
    }
}
