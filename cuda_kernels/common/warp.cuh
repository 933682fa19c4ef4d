// Smallest values over a whole warp. One instruction from sm_80 on, five exchanges before.
#pragma once

#include "common/reduce.cuh"

__device__ __forceinline__ unsigned warp_min(unsigned value) {
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ < 800
    for (int step = 16; step > 0; step /= 2) {
        const unsigned other = __shfl_xor_sync(FULL_WARP, value, step);
        value = other < value ? other : value;
    }
    return value;
#else
    return __reduce_min_sync(FULL_WARP, value);
#endif
}

__device__ __forceinline__ int warp_count(int value) {
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ < 800
    return warp_sum(value);
#else
    return __reduce_add_sync(FULL_WARP, value);
#endif
}

// Smallest of non-negative numbers, in two halves.
__device__ __forceinline__ long long warp_min(long long value) {
    const unsigned high = static_cast<unsigned>(value >> 32);
    const unsigned smallest = warp_min(high);
    const unsigned low = warp_min(high == smallest ? static_cast<unsigned>(value) : UINT_MAX);
    return static_cast<long long>(smallest) << 32 | low;
}

// Lane that holds the smallest (key, index); keys and indices are not negative. Most keys differ in
// their upper half, which then decides alone.
__device__ __forceinline__ int lane_of_smallest(long long key, int index) {
    const unsigned high = static_cast<unsigned>(key >> 32);
    unsigned lanes = __ballot_sync(FULL_WARP, high == warp_min(high));
    if (__popc(lanes) == 1) return __ffs(lanes) - 1;
    const unsigned lane = threadIdx.x % 32;
    const unsigned low = lanes >> lane & 1 ? static_cast<unsigned>(key) : UINT_MAX;
    lanes &= __ballot_sync(FULL_WARP, low == warp_min(low));
    if (__popc(lanes) == 1) return __ffs(lanes) - 1;
    const unsigned rank = lanes >> lane & 1 ? static_cast<unsigned>(index) : UINT_MAX;
    return __ffs(lanes & __ballot_sync(FULL_WARP, rank == warp_min(rank))) - 1;
}
