// Connected components of points linked within a sliding window; see
// gpupept/kernels/components/__init__.py.
//
// Union-find without locks: `first` holds a smaller or the same row of the component for each row,
// a root holds itself. Roots are hooked under smaller ones by compare and swap; a row that is no
// root never becomes one again, so values read late are still of the component. In the end the root
// of a component is its smallest row, whatever happened in between. After J. Jaiganesh, M.
// Burtscher, A high-performance connected components implementation for GPUs, HPDC 2018.
#include "common/indexing.cuh"

constexpr int THREADS = 256;

// Root of a row as seen now; makes the path to it shorter on the way.
__device__ __forceinline__ long long root_of(volatile long long *first, long long row) {
    long long current = first[row];
    if (current == row) return row;
    long long previous = row, next;
    while ((next = first[current]) < current) {
        first[previous] = next;
        previous = current;
        current = next;
    }
    return current;
}

// Join the components of two roots; the root of both.
__device__ __forceinline__ long long join(long long *first, long long a, long long b) {
    while (a != b) {
        const long long large = a < b ? b : a, small = a < b ? a : b;
        const long long held = static_cast<long long>(
            atomicCAS(reinterpret_cast<unsigned long long *>(first + large),
                      static_cast<unsigned long long>(large),
                      static_cast<unsigned long long>(small)));
        if (held == large) return small;
        a = root_of(first, held);  // it was hooked elsewhere meanwhile
        b = root_of(first, small);
    }
    return a;
}

__device__ __forceinline__ bool is_finite(double value) { return fabs(value) <= DBL_MAX; }

// What links points: shorter than the distance, scaled so that no square overflows, within a time.
struct Limits {
    double scale, squared_distance, interval;
};

// Whether a point is linked to one before it, in the order of operations of the CPU.
__device__ __forceinline__ bool is_linked(const double *earlier, const double *later,
                                          const Limits &limits) {
    const double dx = (later[1] - earlier[1]) * limits.scale,
                 dy = (later[2] - earlier[2]) * limits.scale,
                 dz = (later[3] - earlier[3]) * limits.scale;
    return dx * dx + dy * dy + dz * dz < limits.squared_distance &&
           later[0] - earlier[0] <= limits.interval && is_finite(earlier[0]) && is_finite(later[0]);
}

// One thread per row. Rows are linked to the farthest row of the window first, which keeps the
// paths to the roots short; those known to be of the same component are passed by.
extern "C" __global__ void __launch_bounds__(THREADS)
link_rows(const double *points, long long columns, long long rows, long long window,
          double distance, double interval, double scale, long long *first) {
    const long long row = grid_index();
    if (row >= rows) return;
    const double scaled = distance * scale, *later = points + row * columns;
    const Limits limits = {scale, scaled * scaled, interval};
    const volatile long long *parents = first;
    long long root = row;
    for (long long i = row > window ? row - window : 0; i < row; ++i) {
        if (parents[i] == root || !is_linked(points + i * columns, later, limits)) continue;
        root = join(first, root_of(first, i), root_of(first, root));
    }
}

// Paths are only read here, for a thread that shortens one could undo what another has written.
extern "C" __global__ void __launch_bounds__(THREADS)
point_to_roots(long long rows, long long *first) {
    const long long row = grid_index();
    if (row >= rows) return;
    const volatile long long *path = first;
    long long root = row, next;
    while ((next = path[root]) != root) root = next;
    first[row] = root;
}
