// Quartiles of the finite ones among a block's numbers, by selection on their bits: exact for any
// numbers and any distribution. Every thread of the block, of THREADS, must call these.
#pragma once

#include "common/reduce.cuh"

constexpr int THREADS = 256, DIGITS = 256;  // one thread for each value of an eight-bit digit
constexpr int KEPT = 2560;                  // keys kept in shared memory
constexpr unsigned long long SIGN = 1ULL << 63, NOT_FINITE = ~0ULL;

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

// A key to be found: the digits known so far, its place among the keys that have these digits, and
// the number of those keys.
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

// Take the next digit of a sought key: that of the first value at which more keys than its place
// are counted. One warp; each lane looks at eight values.
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

// Find the keys in two places of the rising order of all keys, digit by digit, from the first digit
// in which keys differ and until both are the only ones with their digits.
__device__ __forceinline__ void find_keys(const Coordinates &keys, Selection &selection) {
    Sought *const sought = selection.sought;
    unsigned(*const counts)[DIGITS] = selection.counts;
    unsigned long long known;
    int end = highest_difference(keys, selection.scratch, known) + 1;  // from here on known
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
