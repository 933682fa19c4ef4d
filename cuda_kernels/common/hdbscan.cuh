// What the stages of HDBSCAN share. One block of threads works on one sample, except for core
// distances; the stages are launched one after another and leave their results in global memory.
//
// Squared distances are compared by their bits read as integers, which order as the distances do,
// since these are never negative.
#pragma once

constexpr int LEAF = 16;  // neighbouring points that have one bounding box
constexpr int RUN = 64;   // neighbouring points whose core distances one warp finds
constexpr long long INFINITE = 0x7ff0000000000000LL;  // bits of infinity

// Place of a sample's first part where every sample is cut into parts of `length` points. Samples
// may leave places unused, but have enough of them.
__device__ __forceinline__ long long first_part(const long long *offsets, long long sample,
                                                int length) {
    return offsets[sample] / length + sample;
}

// Squared distance, in the one order of operations that all devices use.
__device__ __forceinline__ double squared_norm(double dx, double dy, double dz) {
    return dx * dx + dy * dy + dz * dz;
}

__device__ __forceinline__ long long squared_bits(double dx, double dy, double dz) {
    return __double_as_longlong(squared_norm(dx, dy, dz));
}
