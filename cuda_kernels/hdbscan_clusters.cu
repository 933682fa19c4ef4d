// HDBSCAN, last stage: condensed tree, excess of mass, labels.
//
// Stabilities are sums whose order decides their last bits, so one thread follows the merges from
// the longest edge down, once. Points fall out of a cluster in whole parts, which are runs of points
// in the order of joining, so they are labelled by all threads.
#include "common/hdbscan.cuh"

// Tables of one sample: of merges, by rank; of clusters, by number, no more than there are points.
struct Tables {
    const double *density;
    const int *parts, *begins, *joined;
    int *alive;  // cluster that a merge belongs to, -1 where it is part of what fell out
    double *birth, *stability, *densest, *below;
    int *parent, *chosen, *number, *fallen;
};

__device__ __forceinline__ void leave(const Tables &t, int cluster, double density, int count) {
    t.stability[cluster] += (density - t.birth[cluster]) * count;
    if (density > t.densest[cluster]) t.densest[cluster] = density;
}

__device__ __forceinline__ void start_cluster(const Tables &t, int cluster, int parent,
                                              double density) {
    t.parent[cluster] = parent;
    t.birth[cluster] = density;
    t.stability[cluster] = t.densest[cluster] = 0.0;
}

// Keep only splits into two parts of at least `least` points; the number of clusters.
__device__ int condense(const Tables &t, int merges, long long least) {
    int clusters = 1;
    start_cluster(t, 0, -1, 0.0);
    t.alive[merges - 1] = 0;
    for (int rank = merges - 1; rank >= 0; --rank) {
        const int cluster = t.alive[rank];
        if (cluster < 0) continue;
        const double density = t.density[rank];
        const int *part = t.parts + 4LL * rank;
        const bool split = part[2] >= least && part[3] >= least;
        for (int side = 0; side < 2; ++side) {
            const int size = part[2 + side];
            if (split) start_cluster(t, clusters, cluster, density);
            if (size >= least) t.alive[part[side]] = split ? clusters++ : cluster;
            if (split || size < least) leave(t, cluster, density, size);
        }
    }
    return clusters;
}

// Give the selected clusters numbers; how many they are.
__device__ __forceinline__ int number_clusters(const Tables &t, int clusters) {
    int found = 0;
    for (int c = 0; c < clusters; ++c) {
        if (t.chosen[c] == c) t.number[c] = found++, t.fallen[c] = 0;
    }
    return found;
}

// Select the clusters that do not split: afterwards chosen[c] is c for them, else -1.
__device__ void select_leaves(const Tables &t, int clusters, bool single) {
    for (int c = 0; c < clusters; ++c) t.chosen[c] = c;
    for (int c = 1; c < clusters; ++c) t.chosen[t.parent[c]] = -1;
    if (!single) t.chosen[0] = -1;
}

// Excess of mass: a cluster beats its descendants unless they are stabler together. Afterwards
// chosen[c] is the selected cluster that holds cluster c, or -1.
__device__ void select(const Tables &t, int clusters, bool single) {
    for (int c = 0; c < clusters; ++c) t.below[c] = -1.0, t.chosen[c] = -1;  // -1: no descendants
    for (int c = clusters - 1; c >= 0; --c) {
        // Written so that an undefined (NaN) stability, born and ended at one place, keeps the parent.
        if (!(t.below[c] > t.stability[c]) && (c || single)) {
            t.chosen[c] = c;
        } else {
            t.stability[c] = t.below[c];
        }
        if (c) {
            double &sum = t.below[t.parent[c]];
            sum = (0.0 > sum ? 0.0 : sum) + t.stability[c];
        }
    }
    for (int c = 1; c < clusters; ++c) {
        if (t.chosen[t.parent[c]] >= 0) t.chosen[c] = t.chosen[t.parent[c]];
    }
}

// Label the points that fall out of cluster `c` at the merge `rank` in one of its parts.
__device__ __forceinline__ void label_part(const Tables &t, int c, long long rank, int side,
                                           long long *labels, double *probabilities) {
    const double density = t.density[rank], densest = t.densest[c];
    // Only the densest core of a single structureless cloud counts as its cluster.
    if (c == 0 && density < densest) return;
    const bool certain = densest == 0.0 || density == INFINITY;
    const double strength = certain ? 1.0 : (densest < density ? densest : density) / densest;
    const int begin = t.begins[2 * rank + side], size = t.parts[4 * rank + 2 + side];
    for (int i = begin; i < begin + size; ++i) {
        labels[t.joined[i]] = t.number[c];
        probabilities[t.joined[i]] = strength;
    }
    atomicAdd(t.fallen + c, size);
}

// Label sample members[b] of block b. Arrays of doubles from `birth` to `below` and of ints from
// `parent` to `fallen` are scratch of one for each point.
extern "C" __global__ void __launch_bounds__(1024)
find_clusters(const long long *offsets, const long long *members, const int *usable,
              const long long *min_cluster_size, bool single, bool leaves,
              const double *density, const int *parts, const int *begins, const int *joined, int *alive, double *birth,
              double *stability, double *densest, double *below, int *parent, int *chosen,
              int *number, int *fallen, long long *labels, double *probabilities,
              double *persistence, long long *found) {
    __shared__ int clusters;
    __shared__ double greatest;  // density of the sample
    const long long sample = members[blockIdx.x], start = offsets[sample];
    const int merges = usable[sample] - 1;
    if (merges < 1) return;
    const long long least = max(2LL, min_cluster_size[sample]);
    const Tables t = {density + start, parts + 4 * start, begins + 2 * start, joined + start,
                      alive + start, birth + start, stability + start, densest + start,
                      below + start, parent + start, chosen + start, number + start,
                      fallen + start};
    for (int rank = threadIdx.x; rank < merges; rank += blockDim.x) t.alive[rank] = -1;
    __syncthreads();
    if (threadIdx.x == 0) {
        clusters = condense(t, merges, least);
        if (leaves) {
            select_leaves(t, clusters, single);
        } else {
            select(t, clusters, single);
        }
        found[sample] = number_clusters(t, clusters);
        greatest = 0.0;
        for (int c = 0; c < clusters; ++c) {
            if (t.densest[c] > greatest) greatest = t.densest[c];
        }
    }
    __syncthreads();
    for (int rank = threadIdx.x; rank < merges; rank += blockDim.x) {
        const int c = t.alive[rank] < 0 ? -1 : t.chosen[t.alive[rank]];
        for (int side = 0; side < 2 && c >= 0; ++side) {
            if (t.parts[4LL * rank + 2 + side] >= least) continue;
            label_part(t, c, rank, side, labels + start, probabilities + start);
        }
    }
    __syncthreads();
    for (int c = threadIdx.x; c < clusters; c += blockDim.x) {
        if (t.chosen[c] != c) continue;
        const double members_of_cluster = t.fallen[c];
        const bool defined = members_of_cluster > 0.0 && 0.0 < greatest && greatest < INFINITY;
        persistence[start + t.number[c]] =
            defined ? t.stability[c] / (members_of_cluster * greatest) : 1.0;
    }
}
