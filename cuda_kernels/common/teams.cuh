// The threads that work on one piece: a warp or a block. Every thread of the team must take part in
// sums and counts, and gets the result; sums are fixed trees that depend on the team's size alone.
#pragma once

#include "common/warp.cuh"

struct Warp {
    static constexpr int size = 32;
    __device__ __forceinline__ int rank() const { return threadIdx.x % 32; }
    __device__ __forceinline__ double sum(double value) const { return warp_sum(value); }
    __device__ __forceinline__ int count(int value) const { return warp_count(value); }
};

// `scratch` is shared memory.
template <int THREADS>
struct Block {
    static constexpr int size = THREADS;
    double *scratch;  // for 32 values
    __device__ __forceinline__ int rank() const { return threadIdx.x; }
    __device__ __forceinline__ double sum(double value) const { return block_sum(value, scratch); }
    __device__ __forceinline__ int count(int value) const {
        return block_sum(value, reinterpret_cast<int *>(scratch));
    }
};
