// The artificial cluster of each sample; see gpupept/kernels/artificial/__init__.py.
#include "common/reduce.cuh"

constexpr int THREADS = 256, DIGITS = 256;  // one thread per value of an eight-bit digit
constexpr int KEPT = 2560;                  // values kept in shared memory
constexpr double FENCE = 1.5;               // interquartile ranges from the upper quartile to the centre
constexpr double SPREAD = 0.3;              // interquartile ranges per standard deviation
constexpr unsigned long long SIGN = 1ULL << 63, NOT_FINITE = ~0ULL;

// ---- Quartiles ----------------------------------------------------------------------------------

// Bits of a number, changed so that they order as numbers do, those that are not finite last. Both
// zeros count as the positive one.
__device__ __forceinline__ unsigned long long ordered_bits(double value) {
    if (!(fabs(value) <= DBL_MAX)) return NOT_FINITE;
    const unsigned long long bits =
        static_cast<unsigned long long>(__double_as_longlong(value + 0.0));
    return bits & SIGN ? ~bits : bits | SIGN;
}

__device__ __forceinline__ double from_ordered_bits(unsigned long long key) {
    return __longlong_as_double(static_cast<long long>(key & SIGN ? key ^ SIGN : ~key));
}

// One coordinate of the points of a sample, as ordered bits.
struct Coordinates {
    const double *values;
    long long stride, size;
    const unsigned long long *kept;

    __device__ __forceinline__ unsigned long long operator[](long long i) const {
        return size <= KEPT ? kept[i] : ordered_bits(values[i * stride]);
    }
};

// A key to be found: the digits known so far, its place among the keys that have these digits, and the
// number of those keys.
struct Sought {
    unsigned long long digits, key;
    unsigned place, equal;
};

using Smallest = KeyIndex<unsigned long long, int>;

// What the threads of a block share while they look for two keys.
struct Selection {
    Sought sought[2];
    unsigned counts[2][DIGITS];
    Smallest scratch[32];
};

// Number of the highest bit in which finite keys differ, or 0; `any` is one of them.
__device__ __forceinline__ int highest_difference(const Coordinates &keys, Smallest *scratch,
                                                  unsigned long long &any) {
    Smallest low = {~0ULL, 0}, high = {~0ULL, 0};  // of the keys, and of their complements
#pragma unroll 1
    for (long long i = threadIdx.x; i < keys.size; i += THREADS) {
        const unsigned long long key = keys[i];
        if (key == NOT_FINITE) continue;
        low.key = min(low.key, key);
        high.key = min(high.key, ~key);
    }
    any = block_argmin(low, scratch).key;
    const unsigned long long differences = any ^ ~block_argmin(high, scratch).key;
    return differences ? 63 - __clzll(static_cast<long long>(differences)) : 0;
}

// Take the next digit of a sought key: that of the first value at which more keys than its place are
// counted. One warp; each lane looks at eight values.
__device__ __forceinline__ void take_digit(const unsigned *counts, int shift, Sought *sought) {
    constexpr int each = DIGITS / 32;
    const int lane = threadIdx.x % 32;
    unsigned own = 0;
    for (int k = 0; k < each; ++k) own += counts[lane * each + k];
    unsigned before = own;
    for (int step = 1; step < 32; step *= 2) {
        const unsigned other = __shfl_up_sync(FULL_WARP, before, step);
        if (lane >= step) before += other;
    }
    before -= own;
    const unsigned place = sought->place;
    __syncwarp();
    if (place < before || place >= before + own) return;
    int digit = lane * each;
    for (; place >= before + counts[digit]; ++digit) before += counts[digit];
    sought->digits |= static_cast<unsigned long long>(digit) << shift;
    sought->place = place - before;
    sought->equal = counts[digit];
}

// Find the keys in two places of the rising order of all keys, digit by digit, from the first digit in
// which keys differ and until both are the only ones with their digits.
__device__ __forceinline__ void find_keys(const Coordinates &keys, Selection &selection) {
    Sought *const sought = selection.sought;
    unsigned(*const counts)[DIGITS] = selection.counts;
    unsigned long long known;
    int end = highest_difference(keys, selection.scratch, known) + 1;  // bits from here on are known
    if (threadIdx.x < 2) {
        sought[threadIdx.x].digits = end < 64 ? known >> end << end : 0;
    }
    for (bool alone = false; end > 0 && !alone;) {
        const int shift = max(end - 8, 0);
        counts[0][threadIdx.x] = counts[1][threadIdx.x] = 0;
        __syncthreads();
    #pragma unroll 1
    for (long long i = threadIdx.x; i < keys.size; i += THREADS) {
            const unsigned long long key = keys[i];
            for (int q = 0; q < 2; ++q) {
                const unsigned long long digit = (key ^ sought[q].digits) >> shift;
                if (digit < 1ULL << (end - shift)) atomicAdd(&counts[q][digit], 1u);
            }
        }
        __syncthreads();
        const int warp = threadIdx.x / 32;
        if (warp < 2) take_digit(counts[warp], shift, &sought[warp]);
        __syncthreads();
        end = shift;
        alone = sought[0].equal == 1 && sought[1].equal == 1;
    }
#pragma unroll 1
    for (long long i = threadIdx.x; i < keys.size; i += THREADS) {
        const unsigned long long key = keys[i];
        for (int q = 0; q < 2; ++q) {
            if ((key ^ sought[q].digits) >> end == 0) sought[q].key = key;
        }
    }
    __syncthreads();
}

// Quantile by linear interpolation between the sought key and the next, as NumPy rounds it.
__device__ __forceinline__ double interpolate(const Coordinates &keys, const Sought &sought,
                                              double share, bool has_next, Smallest *scratch) {
    Smallest next = {NOT_FINITE, 0};
#pragma unroll 1
    for (long long i = threadIdx.x; i < keys.size; i += THREADS) {
        const unsigned long long key = keys[i];
        if (key > sought.key && key < next.key) next.key = key;
    }
    next = block_argmin(next, scratch);
    const double below = from_ordered_bits(sought.key);
    const bool same = !has_next || sought.place + 1 < sought.equal;
    const double above = same ? below : from_ordered_bits(next.key);
    return share >= 0.5 ? above - (above - below) * (1.0 - share) : below + (above - below) * share;
}

// Lower and upper quartile of `finite` finite keys; at least one.
__device__ __forceinline__ void quartiles(const Coordinates &keys, long long finite, double &lower,
                                          double &upper, Selection &selection) {
    Sought *const sought = selection.sought;
    const double positions[2] = {0.25 * static_cast<double>(finite - 1),
                                 0.75 * static_cast<double>(finite - 1)};
    const long long ranks[2] = {static_cast<long long>(positions[0]),
                                static_cast<long long>(positions[1])};
    if (threadIdx.x < 2) {
        sought[threadIdx.x].place = static_cast<unsigned>(threadIdx.x ? ranks[1] : ranks[0]);
    }
    find_keys(keys, selection);
    lower = interpolate(keys, sought[0], positions[0] - ranks[0], ranks[0] + 1 < finite,
                        selection.scratch);
    upper = interpolate(keys, sought[1], positions[1] - ranks[1], ranks[1] + 1 < finite,
                        selection.scratch);
}

// One block per sample and axis.
extern "C" __global__ void __launch_bounds__(THREADS, 4)
add_artificial(const double *points, long long columns, const long long *samples,
               const long long *offsets, const double *normals, double *positions) {
    __shared__ unsigned long long kept[KEPT];
    __shared__ Selection selection;
    __shared__ long long scratch[32];
    const long long s = blockIdx.x, begin = samples[2 * s], size = samples[2 * s + 1] - begin;
    const int axis = blockIdx.y;
    const Coordinates keys = {points + begin * columns + 1 + axis, columns, size, kept};
    double *own = positions + 3 * offsets[s] + axis;
    long long finite = 0;
    for (long long i = threadIdx.x; i < size; i += THREADS) {
        const double value = keys.values[i * columns];
        const unsigned long long key = ordered_bits(value);
        own[3 * i] = value;
        finite += key != NOT_FINITE;
        if (size <= KEPT) kept[i] = key;
    }
    finite = block_sum(finite, scratch);
    double centre = NAN, deviation = NAN;
    if (finite > 0) {
        double lower, upper;
        quartiles(keys, finite, lower, upper, selection);
        centre = upper + FENCE * (upper - lower);
        deviation = SPREAD * (upper - lower);
    }
    const long long added = offsets[s + 1] - offsets[s] - size;
    for (long long i = threadIdx.x; i < added; i += THREADS) {
        own[3 * (size + i)] = centre + deviation * normals[3 * i + axis];
    }
}

// ---- Discarding it again ------------------------------------------------------------------------

// A number for each cluster of a sample: those of the first few clusters, which most samples do not
// exceed, are in shared memory.
struct ClusterNumbers {
    static constexpr int few = 256;
    int *near, *far;

    __device__ __forceinline__ int &operator[](long long cluster) const {
        return cluster < few ? near[cluster] : far[cluster];
    }
};

// Count members and artificial members of all clusters of a sample; the largest cluster number.
__device__ __forceinline__ int count_members(const long long *labels, long long rows, long long size,
                                             const ClusterNumbers &members,
                                             const ClusterNumbers &artificial, int *highest) {
    if (threadIdx.x == 0) *highest = -1;
    for (long long i = threadIdx.x; i < rows || i < ClusterNumbers::few; i += THREADS) {
        members[i] = artificial[i] = 0;
    }
    __syncthreads();
    const int lane = threadIdx.x % 32;
    for (long long first = threadIdx.x - lane; first < rows; first += THREADS) {
        const long long i = first + lane;
        const long long label = i < rows ? labels[i] : -1;
        // Lanes whose points are in one cluster, and of one kind, count together.
        const unsigned alike = __match_any_sync(FULL_WARP, 2 * label + (i >= size));
        if (label < 0 || __ffs(alike) - 1 != lane) continue;
        atomicAdd(&members[label], __popc(alike));
        if (i >= size) atomicAdd(&artificial[label], __popc(alike));
        atomicMax(highest, static_cast<int>(label));
    }
    __syncthreads();
    return *highest;
}

// One block per sample. `members` and `artificial` have a place for each label.
extern "C" __global__ void __launch_bounds__(THREADS)
discard_artificial(const long long *labels, const long long *offsets, const long long *starts,
                   int strict, int *members, int *artificial, long long *kept) {
    __shared__ int near_members[ClusterNumbers::few], near_artificial[ClusterNumbers::few];
    __shared__ int scratch[THREADS / 32], shared_highest;
    const long long s = blockIdx.x, first = offsets[s], rows = offsets[s + 1] - first;
    const long long start = starts[s], size = starts[s + 1] - start;
    const ClusterNumbers counts = {near_members, members + first};
    const ClusterNumbers numbers = {near_artificial, artificial + first};  // counts at first
    const int highest = count_members(labels + first, rows, size, counts, numbers, &shared_highest);
    int found = 0;
    for (int base = 0; base <= highest; base += THREADS) {
        const int label = base + static_cast<int>(threadIdx.x);
        bool stays = false;
        if (label <= highest) {
            const int limit = strict ? 1 : (counts[label] + 1) / 2;
            stays = counts[label] > 0 && numbers[label] < limit;
        }
        const unsigned lanes = __ballot_sync(FULL_WARP, stays);
        const int lane = threadIdx.x % 32, warp = threadIdx.x / 32;
        if (lane == 0) scratch[warp] = __popc(lanes);
        __syncthreads();
        int before = 0, total = 0;
        for (int w = 0; w < THREADS / 32; ++w) {
            before += w < warp ? scratch[w] : 0;
            total += scratch[w];
        }
        const int rank = __popc(lanes & ((1u << lane) - 1));
        if (label <= highest) numbers[label] = stays ? found + before + rank : -1;
        found += total;
        __syncthreads();
    }
    for (long long i = threadIdx.x; i < size; i += THREADS) {
        const long long label = labels[first + i];
        kept[start + i] = label >= 0 ? numbers[label] : -1;
    }
}
