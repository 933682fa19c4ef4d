// Moments and extreme values of all elements; see gpupept/kernels/statistics/__init__.py.
//
// A thread takes a few elements into registers, sums the powers of their distances from their own mean,
// and merges these moments into its total: one division for several elements. Which thread has which
// elements, and the order of merging, depend on the number of elements alone.
#include "common/values.cuh"

constexpr int THREADS = 128, ITEMS = 8;

struct Moments {  // eight words, as the host reads them
    double n, mean, m2, m3, m4;
    long long nans, low, high;
};

__device__ __forceinline__ Moments nothing() {
    return {0.0, 0.0, 0.0, 0.0, 0.0, 0, LAST_KEY, FIRST_KEY};
}

__device__ __forceinline__ Moments merged(const Moments &a, const Moments &b) {
    Moments both = a.n == 0.0 ? b : a;
    both.nans = a.nans + b.nans;
    both.low = min(a.low, b.low);
    both.high = max(a.high, b.high);
    if (a.n == 0.0 || b.n == 0.0) return both;
    const double n = a.n + b.n, d = b.mean - a.mean, u = a.n / n, v = b.n / n;
    const double second = d * d * u * b.n;
    both.n = n;
    both.mean = a.mean + d * v;
    both.m2 = a.m2 + b.m2 + second;
    both.m3 = a.m3 + b.m3 + second * d * (u - v) + 3.0 * d * (u * b.m2 - v * a.m2);
    both.m4 = a.m4 + b.m4 + second * d * d * (u * u - u * v + v * v) +
              6.0 * d * d * (u * u * b.m2 + v * v * a.m2) + 4.0 * d * (u * b.m3 - v * a.m3);
    return both;
}

// Moments of the elements first, first + THREADS, ... of a tile.
__device__ __forceinline__ Moments of_few(const Word *values, const bool *excluded, long long n,
                                          int kind, double scale, long long first) {
    Moments found = nothing();
    double x[ITEMS], total = 0.0;
    unsigned valid = 0;
#pragma unroll
    for (int j = 0; j < ITEMS; ++j) {
        const long long i = first + j * THREADS;
        x[j] = 0.0;
        if (i >= n || (excluded && excluded[i])) continue;
        const long long key = key_of(values[i], kind);
        if (is_nan_key(key, kind)) {
            ++found.nans;
            continue;
        }
        found.low = min(found.low, key);
        found.high = max(found.high, key);
        x[j] = number_of(values[i], kind) * scale;
        total += x[j];
        valid |= 1u << j;
    }
    if (!valid) return found;
    found.n = __popc(valid);
    const double mean = total / found.n;
    double s1 = 0.0, s2 = 0.0, s3 = 0.0, s4 = 0.0;
#pragma unroll
    for (int j = 0; j < ITEMS; ++j) {
        const double d = valid >> j & 1 ? x[j] - mean : 0.0, q = d * d;
        s1 += d;
        s2 += q;
        s3 += q * d;
        s4 += q * q;
    }
    const double e = s1 / found.n;  // what rounding took from the mean
    found.mean = mean + e;
    found.m2 = s2 - e * s1;
    found.m3 = s3 - 3.0 * e * s2 + 2.0 * e * e * s1;
    found.m4 = s4 - 4.0 * e * s3 + 6.0 * e * e * s2 - 3.0 * e * e * e * s1;
    return found;
}

// Merge the block's moments; thread 0 has the result.
__device__ __forceinline__ void merge_block(const Moments &own, Moments *result) {
    __shared__ Moments kept[THREADS];
    kept[threadIdx.x] = own;
    for (int half = THREADS / 2; half > 0; half /= 2) {
        __syncthreads();
        if (threadIdx.x < half) {
            kept[threadIdx.x] = merged(kept[threadIdx.x], kept[threadIdx.x + half]);
        }
    }
    if (threadIdx.x == 0) *result = kept[0];
}

extern "C" __global__ void __launch_bounds__(THREADS)
block_moments(const Word *values, const bool *excluded, long long n, int kind, double scale,
              double *results) {
    Moments own = nothing();
    constexpr long long tile = THREADS * ITEMS;
    for (long long start = blockIdx.x * tile; start < n; start += gridDim.x * tile) {
        own = merged(own, of_few(values, excluded, n, kind, scale, start + threadIdx.x));
    }
    merge_block(own, reinterpret_cast<Moments *>(results) + blockIdx.x);
}

extern "C" __global__ void __launch_bounds__(THREADS)
merge_moments(const double *parts, long long count, double *result) {
    Moments own = nothing();
    for (long long i = threadIdx.x; i < count; i += THREADS) {
        own = merged(own, reinterpret_cast<const Moments *>(parts)[i]);
    }
    merge_block(own, reinterpret_cast<Moments *>(result));
}
