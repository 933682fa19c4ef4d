// HDBSCAN, second stage: squared distance of each point to its k-th nearest other point.
//
// A warp finds the core distances of a run of points that follow each other along the curve. By the
// triangle inequality the core distances of the points before bracket that of the next one closely,
// so few points fall inside the bracket, those below need only be counted, and leaves beyond it are
// not looked at. A bracket is only a hint: the counts show when rounding has spoilt it.
#include "common/hdbscan.cuh"
#include "common/warp.cuh"

constexpr int WARPS = 8;   // in a block
constexpr int KEPT = 256;  // distances that a warp can choose from
constexpr int MOST_STEPS = 16;

struct Cloud {
    const double *x, *y, *z;  // n of each, along the curve
    const double *boxes;      // six rows of `leaves`
    long long leaves;
    int n;
};

// Distances above `low` and up to `high`, as bits; -1 is below all of them.
struct Bracket {
    long long low, high;
};

struct Counts {
    int below, inside;  // up to the lower end, within the bracket
};

__device__ __forceinline__ long long distance_bits(const Cloud &cloud, int i, int j) {
    return squared_bits(cloud.x[j] - cloud.x[i], cloud.y[j] - cloud.y[i], cloud.z[j] - cloud.z[i]);
}

// Which of 32 leaves, from `group` on, have a box within `high` of a point. Rounding keeps order, so
// a box is never farther than a point in it.
__device__ __forceinline__ unsigned leaves_within(const Cloud &cloud, int group, double x, double y,
                                                  double z, long long high) {
    const int leaf = group + threadIdx.x % 32;
    bool near = false;
    if (leaf * LEAF < cloud.n) {
        const double *box = cloud.boxes + leaf;
        const long long row = cloud.leaves;
        const double dx = max(max(box[0] - x, x - box[3 * row]), 0.0);
        const double dy = max(max(box[row] - y, y - box[4 * row]), 0.0);
        const double dz = max(max(box[2 * row] - z, z - box[5 * row]), 0.0);
        near = squared_bits(dx, dy, dz) <= high;
    }
    return __ballot_sync(FULL_WARP, near);
}

// Count the points by their distance from point i and keep the first KEPT distances inside.
__device__ __forceinline__ Counts count_points(const Cloud &cloud, int i, Bracket bracket,
                                               long long *kept) {
    const int lane = threadIdx.x % 32;
    const double x = cloud.x[i], y = cloud.y[i], z = cloud.z[i];
    Counts counts = {0, 0};
    __syncwarp();
    for (int group = 0; group * LEAF < cloud.n; group += 32) {
        unsigned near = leaves_within(cloud, group, x, y, z, bracket.high);
        while (near) {  // half of the warp takes one leaf, half the next, if any
            const int first = __ffs(near) - 1;
            near &= near - 1;
            const int second = __ffs(near) - 1;
            near &= near - 1;
            const int leaf = lane < LEAF ? first : second;
            const int j = (group + leaf) * LEAF + lane % LEAF;
            const bool is_point = leaf >= 0 && j < cloud.n;
            const long long bits = is_point ? distance_bits(cloud, i, j) : LLONG_MAX;
            const bool inside = bits > bracket.low && bits <= bracket.high;
            const unsigned votes = __ballot_sync(FULL_WARP, inside);
            const int place = counts.inside + __popc(votes & ((1u << lane) - 1));
            if (inside && place < KEPT) kept[place] = bits;
            counts.inside += __popc(votes);
            counts.below += __popc(__ballot_sync(FULL_WARP, bits <= bracket.low));
        }
    }
    __syncwarp();
    return counts;
}

// A distance inside the bracket, not at its ends, below which about this share of it lies.
__device__ __forceinline__ long long split(Bracket bracket, double share) {
    const double low = bracket.low < 0 ? 0.0 : __longlong_as_double(bracket.low);
    const double high = __longlong_as_double(bracket.high);
    const double limit = low + (high - low) * min(max(share, 0.02), 0.98);
    return max(bracket.low + 1, min(bracket.high - 1, __double_as_longlong(limit)));
}

// How many of the distances are within a limit. (Loops over them stay loops, to save registers.)
__device__ __forceinline__ int count_kept(const long long *kept, int count, long long limit) {
    int within = 0;
#pragma unroll 1
    for (int k = threadIdx.x % 32; k < count; k += 32) within += kept[k] <= limit;
    return warp_count(within);
}

// The distance of this rank, from 1, among `count` ones of which all are inside the bracket.
__device__ __forceinline__ long long choose(const long long *kept, int count, int rank,
                                            Bracket bracket) {
    int below = 0, above = count;
    for (int step = 0; step < MOST_STEPS && above - below > 2; ++step) {
        const long long limit = split(bracket, (rank + 0.5 - below) / (above - below));
        const int within = count_kept(kept, count, limit);
        if (within < rank) {
            bracket.low = limit, below = within;
        } else {
            bracket.high = limit, above = within;
        }
    }
    for (;;) {  // one distinct value after another
        long long next = LLONG_MAX;
#pragma unroll 1
        for (int k = threadIdx.x % 32; k < count; k += 32) {
            if (kept[k] > bracket.low) next = min(next, kept[k]);
        }
        bracket.low = warp_min(next);
        if (count_kept(kept, count, bracket.low) >= rank) return bracket.low;
    }
}

// The distance from point i of this rank, from 1, the point itself counted.
__device__ __forceinline__ long long ranked_distance(const Cloud &cloud, int i, int rank,
                                                     Bracket bracket, long long *kept) {
    long long enough = INFINITE;  // holds `rank` points or more
    for (int step = 0;; ++step) {
        const Counts counts = count_points(cloud, i, bracket, kept);
        if (counts.below >= rank) {
            enough = bracket.low;
            bracket = {-1, enough};
            continue;
        }
        if (counts.below + counts.inside < rank) {
            bracket = {bracket.high, enough};
            continue;
        }
        if (bracket.high - bracket.low == 1) return bracket.high;
        const bool all = counts.inside <= KEPT;
        const double share = static_cast<double>(rank - counts.below) / counts.inside;
        const long long value = choose(kept, min(counts.inside, KEPT),
                                       all ? rank - counts.below
                                           : 1 + static_cast<int>(share * (KEPT - 1)),
                                       bracket);
        if (all) return value;
        // Narrow the bracket to one of the distances in it; halving it now and then ends the search
        // whatever they are.
        enough = bracket.high;
        bracket.high = step % 3 == 2 ? bracket.low + (bracket.high - bracket.low) / 2
                                     : min(value, enough - 1);
    }
}

// Bracket for the first point of a run: the farthest of `rank` points around it on the curve.
__device__ __forceinline__ Bracket first_bracket(const Cloud &cloud, int i, int rank) {
    const int begin = max(0, min(i - rank / 2, cloud.n - rank));
    unsigned high = 0;
    for (int j = begin + threadIdx.x % 32; j < begin + rank; j += 32) {
        high = max(high, static_cast<unsigned>(distance_bits(cloud, i, j) >> 32));
    }
    return {-1, (static_cast<long long>(~warp_min(~high)) + 1) << 32};
}

// Bracket from up to 32 points before i, one in each lane, with core distance `reach`.
__device__ __forceinline__ Bracket next_bracket(const Cloud &cloud, int i, int first,
                                                double reach) {
    const int before = i - 1 - ((i - 1 - static_cast<int>(threadIdx.x)) & 31);
    unsigned low = 0, high = UINT_MAX;
    if (before >= first) {
        const double step = sqrt(__longlong_as_double(distance_bits(cloud, i, before)));
        const double least = max(reach - step, 0.0), most = reach + step;
        low = static_cast<unsigned>(__double_as_longlong(least * least) >> 32);
        high = static_cast<unsigned>(__double_as_longlong(most * most) >> 32);
    }
    return {static_cast<long long>(~warp_min(~low)) << 32,
            (static_cast<long long>(warp_min(high)) + 1) << 32};
}

// Warp w of the grid takes the run at place w. `core_bits` gets squared core distances as bits, in
// the order of `rows`, and `core` as numbers, in the order of the input. (Three blocks on a
// multiprocessor leave every thread enough registers.)
extern "C" __global__ void __launch_bounds__(32 * WARPS, 3)
core_distances(const double *coordinates, long long total, const double *boxes, long long leaves,
               const int *rows, const int *usable, const long long *offsets, long long samples,
               const long long *min_samples, long long *core_bits, double *core) {
    __shared__ long long kept[WARPS][KEPT];
    const long long place = static_cast<long long>(blockIdx.x) * WARPS + threadIdx.x / 32;
    long long sample = 0;  // the last one whose runs start at `place` or before
    for (long long end = samples; end - sample > 1;) {
        const long long middle = sample + (end - sample) / 2;
        (first_part(offsets, middle, RUN) <= place ? sample : end) = middle;
    }
    const long long start = offsets[sample], run = place - first_part(offsets, sample, RUN);
    const int n = usable[sample];
    if (n < 2 || run < 0 || run * RUN >= n) return;
    const double *x = coordinates + start;
    const Cloud cloud = {x, x + total, x + 2 * total,
                         boxes + first_part(offsets, sample, LEAF), leaves, n};
    const int rank = static_cast<int>(max(1LL, min(n - 1LL, min_samples[sample]))) + 1;
    const int first = static_cast<int>(run) * RUN, last = min(n, first + RUN);
    double reach = 0.0;
    for (int i = first; i < last; ++i) {
        const Bracket hint =
            i == first ? first_bracket(cloud, i, rank) : next_bracket(cloud, i, first, reach);
        const long long bits = ranked_distance(cloud, i, rank, hint, kept[threadIdx.x / 32]);
        if ((i - static_cast<int>(threadIdx.x)) % 32 == 0) reach = sqrt(__longlong_as_double(bits));
        if (threadIdx.x % 32 == 0) {
            core_bits[start + i] = bits;
            core[start + rows[start + i]] = __longlong_as_double(bits);
        }
    }
}
