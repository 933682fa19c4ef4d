// HDBSCAN, third stage: minimum spanning tree of mutual reachability by Prim's algorithm.
//
// Starts at the first usable point; of equal edges the one to the point of smallest row is taken.
// What the later stages need of the tree is the order in which points join and how far each is then
// from the tree. The time is that of n steps one after another, so a step has one barrier.
#include "common/hdbscan.cuh"
#include "common/warp.cuh"

// Points outside the tree, in places 0 .. left - 1; a point that joins is replaced by the last one.
struct Slots {
    double *x, *y, *z;
    long long *core, *key;  // bits of squared core distance, of squared distance from the tree
    int *row;
};

// The nearest point outside the tree that a thread has found.
struct Nearest {
    long long key;
    int row, slot;
};

// A point about to join.
struct Candidate {
    double x, y, z;
    long long core, key;
    int row, slot;
};

__device__ __forceinline__ bool is_nearer(long long key, int row, const Nearest &than) {
    return key < than.key || (key == than.key && row < than.row);
}

// Copy the points to their slots; the one of smallest row.
__device__ __forceinline__ Nearest fill_slots(const Slots &slots, int n, const double *x,
                                              long long total, const long long *core,
                                              const int *rows) {
    Nearest first = {LLONG_MAX, INT_MAX, -1};
    for (int i = threadIdx.x; i < n; i += blockDim.x) {
        slots.x[i] = x[i];
        slots.y[i] = x[i + total];
        slots.z[i] = x[i + 2 * total];
        slots.core[i] = core[i];
        slots.key[i] = INFINITE;
        slots.row[i] = rows[i];
        if (is_nearer(INFINITE, rows[i], first)) first = {INFINITE, rows[i], i};
    }
    return first;
}

// The nearest point of the whole block. `offers` (32) is left alone until the next barrier but one,
// so steps that alternate between two of them need no barrier more.
__device__ __forceinline__ Candidate nearest_of_block(const Slots &slots, const Nearest &nearest,
                                                      Candidate *offers) {
    const int lane = threadIdx.x % 32, warp = threadIdx.x / 32, warps = blockDim.x / 32;
    if (lane == lane_of_smallest(nearest.key, nearest.row)) {
        offers[warp].key = nearest.key;
        offers[warp].row = nearest.row;
        offers[warp].slot = nearest.slot;
        if (nearest.slot >= 0) {
            offers[warp].x = slots.x[nearest.slot];
            offers[warp].y = slots.y[nearest.slot];
            offers[warp].z = slots.z[nearest.slot];
            offers[warp].core = slots.core[nearest.slot];
        }
    }
    __syncthreads();
    const long long key = lane < warps ? offers[lane].key : LLONG_MAX;
    return offers[lane_of_smallest(key, lane < warps ? offers[lane].row : INT_MAX)];
}

// Fill a slot with the last point, which is in slot `last` and was brought up to date before the
// barrier. The thread that goes on with the slot does it, so nobody else need know yet.
__device__ __forceinline__ void remove(const Slots &slots, int slot, int last) {
    if (slot == last || (slot & (blockDim.x - 1)) != threadIdx.x) return;
    slots.x[slot] = slots.x[last];
    slots.y[slot] = slots.y[last];
    slots.z[slot] = slots.z[last];
    slots.core[slot] = slots.core[last];
    slots.key[slot] = slots.key[last];
    slots.row[slot] = slots.row[last];
}

// Let every point outside take the edge to a point that joined where it is shorter.
__device__ __forceinline__ Nearest offer_edges(const Slots &slots, int left,
                                               const Candidate &joined) {
    Nearest nearest = {LLONG_MAX, INT_MAX, -1};
    for (int i = threadIdx.x; i < left; i += blockDim.x) {
        const long long squared =
            squared_bits(slots.x[i] - joined.x, slots.y[i] - joined.y, slots.z[i] - joined.z);
        long long key = slots.key[i];
        if (squared < key) {  // else no maximum with core distances can be less
            const long long edge = max(max(squared, slots.core[i]), joined.core);
            if (edge < key) slots.key[i] = key = edge;
        }
        if (key <= nearest.key && is_nearer(key, slots.row[i], nearest)) {
            nearest = {key, slots.row[i], i};
        }
    }
    return nearest;
}

__device__ __forceinline__ void grow(const Slots &slots, int n, Nearest nearest,
                                     Candidate (*offers)[32], int *joined, double *weights) {
    for (int step = 0;; ++step) {
        const Candidate next = nearest_of_block(slots, nearest, offers[step % 2]);
        if (threadIdx.x == 0) {
            joined[step] = next.row;
            if (step) weights[step - 1] = __longlong_as_double(next.key);
        }
        const int left = n - 1 - step;
        if (left == 0) return;
        remove(slots, next.slot, left);
        nearest = offer_edges(slots, left, next);
    }
}

// For sample members[b] of block b: `joined`, its rows in the order in which they join the tree, and
// `weights`, the squared edge with which each joined, but the first. The number of threads must be a
// power of two. Samples of up to `shared_points` points are kept in shared memory, larger ones stay
// in `coordinates`, `core_bits` and `rows`, which are used up, with `keys`.
extern "C" __global__ void __launch_bounds__(1024)
spanning_tree(const long long *offsets, const long long *members, const int *usable,
              long long shared_points, double *coordinates, long long total, long long *core_bits,
              long long *keys, int *rows, int *joined, double *weights) {
    extern __shared__ double shared_slots[];
    __shared__ Candidate offers[2][32];
    const long long sample = members[blockIdx.x], start = offsets[sample];
    const int n = usable[sample];
    if (n < 2) return;
    double *x = coordinates + start;
    const Slots own = {x, x + total, x + 2 * total, core_bits + start, keys + start, rows + start};
    joined += start;
    weights += start;
    if (n <= shared_points) {
        long long *bits = reinterpret_cast<long long *>(shared_slots + 3 * n);
        const Slots slots = {shared_slots, shared_slots + n, shared_slots + 2 * n, bits, bits + n,
                             reinterpret_cast<int *>(bits + 2 * n)};
        const Nearest first = fill_slots(slots, n, own.x, total, own.core, own.row);
        grow(slots, n, first, offers, joined, weights);
    } else {
        const Nearest first = fill_slots(own, n, own.x, total, own.core, own.row);
        grow(own, n, first, offers, joined, weights);
    }
}
