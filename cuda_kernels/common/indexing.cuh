// 64-bit indices of one-dimensional grids: data sets have more than 2^31 rows.
//
//     for (long long i = grid_index(); i < n; i += grid_stride()) { ... }
#pragma once

// Number of this thread in the whole grid.
__device__ __forceinline__ long long grid_index() {
    return static_cast<long long>(blockIdx.x) * blockDim.x + threadIdx.x;
}

// Number of threads in the whole grid.
__device__ __forceinline__ long long grid_stride() {
    return static_cast<long long>(gridDim.x) * blockDim.x;
}

// The segment that holds `row`: the largest s in [0, count) with offsets[s] <= row, for ascending
// offsets (count + 1 of them) with offsets[0] <= row < offsets[count]; empty segments are passed by.
__device__ __forceinline__ long long segment_of(const long long *offsets, long long count,
                                                long long row) {
    long long low = 0, high = count;  // offsets[low] <= row < offsets[high]
    while (high - low > 1) {
        const long long middle = low + (high - low) / 2;
        if (offsets[middle] <= row) {
            low = middle;
        } else {
            high = middle;
        }
    }
    return low;
}
