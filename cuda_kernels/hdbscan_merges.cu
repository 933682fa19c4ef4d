// HDBSCAN, fourth stage: the dendrogram, the merges of points into ever larger groups along the
// edges of the spanning tree from the shortest on; equal edges merge in the order in which they
// joined.
//
// Edge e joined point e + 1 to the tree of points 0 .. e. Prim's algorithm leaves a group of points
// only over an edge longer than all inside, so every group is a run of points that joined one after
// another, and the merge over an edge unites all points between the nearest longer edge before it
// and the nearest longer one after it. Each merge is found on its own, by descending a tree of
// maxima, without following the merges one by one.
#include "common/hdbscan.cuh"
#include "common/sort.cuh"

// Combine pairs of nodes up to the root, node 1; leaf i is node width + i, width a power of two.
template <typename Combine>
__device__ __forceinline__ void build_heap(int *heap, int width, Combine combine) {
    __syncthreads();
    for (width /= 2; width > 0; width /= 2) {
        for (int i = width + threadIdx.x; i < 2 * width; i += blockDim.x) {
            heap[i] = combine(heap[2 * i], heap[2 * i + 1]);
        }
        __syncthreads();
    }
}

// The nearest edge of higher rank before (or after) an edge; -1 (or `none`) if there is none.
template <bool BEFORE>
__device__ __forceinline__ int nearest_higher(const int *highest, int width, int edge, int none) {
    int node = width + edge;
    const int rank = highest[node];
    while ((node & 1) != BEFORE || highest[node ^ 1] < rank) {  // no sibling on that side, or lower
        node /= 2;
        if (node <= 1) return none;
    }
    node ^= 1;
    while (node < width) {
        node = 2 * node + BEFORE;
        if (highest[node] < rank) node ^= 1;
    }
    return node - width;
}

// Smallest row of the points that joined at `first` .. `last`.
__device__ __forceinline__ int lowest_row(const int *lowest, int width, int first, int last) {
    int row = INT_MAX;
    for (first += width, last += width + 1; first < last; first /= 2, last /= 2) {
        if (first & 1) row = min(row, lowest[first++]);
        if (last & 1) row = min(row, lowest[--last]);
    }
    return row;
}

// Sort the edges: `highest` gets the rank of each edge as leaves, `density` the inverse length by rank.
__device__ __forceinline__ void rank_edges(const double *weights, int edges, long long *keys,
                                           int *order, int *ranks, double *density) {
    for (int e = threadIdx.x; e < edges; e += blockDim.x) {
        keys[e] = __double_as_longlong(weights[e]);
        order[e] = e;
    }
    block_sort(keys, order, edges);
    for (int rank = threadIdx.x; rank < edges; rank += blockDim.x) {
        const double length = sqrt(__longlong_as_double(keys[rank]));
        ranks[order[rank]] = rank;
        density[rank] = length > 0.0 ? 1.0 / length : INFINITY;
    }
}

// For sample members[b] of block b and each of its merges, by rank from the shortest edge on:
// `density` (inverse length), `parts` (the ranks of the two merges that are united, -1 for a point,
// and their sizes; the part with the smallest row stands first) and `begins` (the first point of
// each part, in the order of joining). `highest` and `lowest` are scratch of four for each point.
// Samples of up to `shared_points` points are sorted in shared memory, larger ones in `keys`, `order`.
extern "C" __global__ void __launch_bounds__(1024, 1)
find_merges(const long long *offsets, const long long *members, const int *usable,
            long long shared_points, const double *weights, const int *joined, long long *keys,
            int *order, int *highest, int *lowest, double *density, int *parts, int *begins) {
    extern __shared__ long long shared_keys[];
    const long long sample = members[blockIdx.x], start = offsets[sample];
    const int n = usable[sample], edges = n - 1;
    if (n < 2) return;
    int width = 2;
    while (width < n) width *= 2;
    weights += start, joined += start, density += start;
    highest += 4 * start, lowest += 4 * start, parts += 4 * start, begins += 2 * start;
    for (int i = threadIdx.x; i < width; i += blockDim.x) {
        if (i >= edges) highest[width + i] = -1;
        lowest[width + i] = i < n ? joined[i] : INT_MAX;
    }
    if (edges <= shared_points) {
        int *shared_order = reinterpret_cast<int *>(shared_keys + edges);
        rank_edges(weights, edges, shared_keys, shared_order, highest + width, density);
    } else {
        rank_edges(weights, edges, keys + start, order + start, highest + width, density);
    }
    build_heap(highest, width, [](int a, int b) { return max(a, b); });
    build_heap(lowest, width, [](int a, int b) { return min(a, b); });
    const int *ranks = highest + width;
    for (int e = threadIdx.x; e < edges; e += blockDim.x) {
        const int before = nearest_higher<true>(highest, width, e, -1);
        const int after = nearest_higher<false>(highest, width, e, edges);
        const bool swap = lowest_row(lowest, width, e + 1, after) <
                          lowest_row(lowest, width, before + 1, e);
        int *part = parts + 4LL * ranks[e], *begin = begins + 2LL * ranks[e];
        part[0] = part[1] = -1;
        part[2 + swap] = e - before;
        part[3 - swap] = after - e;
        begin[swap] = before + 1;
        begin[1 - swap] = e + 1;
    }
    __syncthreads();
    for (int rank = threadIdx.x; rank < edges - 1; rank += blockDim.x) {  // the last is the root
        const int *part = parts + 4LL * rank;
        const int begin = min(begins[2LL * rank], begins[2LL * rank + 1]);
        const int before = begin - 1, after = before + part[2] + part[3];
        const int above = before < 0        ? ranks[after]
                          : after == edges ? ranks[before]
                                           : min(ranks[before], ranks[after]);
        parts[4LL * above + (begins[2LL * above] != begin)] = rank;
    }
}
