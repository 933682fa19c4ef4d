// Reductions over a warp and over a one-dimensional block, whose size must be a multiple of 32.
// The order of the operations is a fixed tree that depends on the block size alone, so results are
// the same in every run. Every thread must call these, and every thread gets the result. `scratch`
// is shared memory for 32 values; it may be used again as soon as the call returns.
#pragma once

constexpr unsigned FULL_WARP = 0xffffffffu;

// Sum over the warp; lanes exchange in pairs, so that all hold the same bits.
template <typename T>
__device__ __forceinline__ T warp_sum(T value) {
    for (int step = 16; step > 0; step /= 2) value += __shfl_xor_sync(FULL_WARP, value, step);
    return value;
}

// Sum over the block.
template <typename T>
__device__ __forceinline__ T block_sum(T value, T *scratch) {
    const unsigned lane = threadIdx.x % 32, warp = threadIdx.x / 32;
    value = warp_sum(value);
    if (lane == 0) scratch[warp] = value;
    __syncthreads();
    value = warp_sum(lane < blockDim.x / 32 ? scratch[lane] : T(0));
    __syncthreads();
    return value;
}

// A key and the index it belongs to, ordered by key, then index. Keys must not be NaN.
template <typename Key, typename Index>
struct KeyIndex {
    Key key;
    Index index;
};

// Smaller of two by (key, index).
template <typename Key, typename Index>
__device__ __forceinline__ KeyIndex<Key, Index> smaller(KeyIndex<Key, Index> a,
                                                        KeyIndex<Key, Index> b) {
    return b.key < a.key || (b.key == a.key && b.index < a.index) ? b : a;
}

// Smallest of the warp by (key, index).
template <typename Key, typename Index>
__device__ __forceinline__ KeyIndex<Key, Index> warp_argmin(KeyIndex<Key, Index> best) {
    for (int step = 16; step > 0; step /= 2) {
        const KeyIndex<Key, Index> other = {__shfl_xor_sync(FULL_WARP, best.key, step),
                                            __shfl_xor_sync(FULL_WARP, best.index, step)};
        best = smaller(best, other);
    }
    return best;
}

// Smallest of the block by (key, index).
template <typename Key, typename Index>
__device__ __forceinline__ KeyIndex<Key, Index> block_argmin(KeyIndex<Key, Index> best,
                                                             KeyIndex<Key, Index> *scratch) {
    const unsigned lane = threadIdx.x % 32, warp = threadIdx.x / 32;
    best = warp_argmin(best);
    if (lane == 0) scratch[warp] = best;
    __syncthreads();
    // Lanes beyond the number of warps repeat the first warp's, which changes no minimum.
    best = warp_argmin(scratch[lane < blockDim.x / 32 ? lane : 0]);
    __syncthreads();
    return best;
}
