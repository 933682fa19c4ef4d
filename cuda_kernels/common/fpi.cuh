// What the kernels that find peaks of grids share; see gpupept/kernels/fpi/__init__.py.
//
// The grids of a batch lie one after the other. Each row of cells along z has words of 32 bits, one bit
// for a cell; those of all rows of all grids lie one after the other too.
#pragma once

struct Volume {
    long long begin, first_word;  // of its cells, of its words
    long long counts[3], words;   // of cells along each axis, of words of a row

    __device__ __forceinline__ long long rows() const { return counts[0] * counts[1]; }
    __device__ __forceinline__ bool is_inside(long long cell, int axis, long long reach) const {
        return reach <= cell && cell < counts[axis] - reach;
    }
};

// `table` has for each grid where its cells and its words begin, and its shape.
__device__ __forceinline__ Volume volume_of(const long long *table, long long number) {
    const long long *own = table + 5 * number;
    return {own[0], own[1], {own[2], own[3], own[4]}, (own[4] + 31) / 32};
}

// Keys of unsigned integers that order like numbers, of which none is NaN.
__device__ __forceinline__ unsigned long long order_of(double number) {
    const long long bits = __double_as_longlong(number);
    return static_cast<unsigned long long>(bits) ^ (bits < 0 ? ~0ull : 1ull << 63);
}

__device__ __forceinline__ double number_of_order(unsigned long long order) {
    return __longlong_as_double(static_cast<long long>(order ^ (order >> 63 ? 1ull << 63 : ~0ull)));
}
