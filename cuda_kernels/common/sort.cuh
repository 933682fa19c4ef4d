// Sorting by a block of threads.
#pragma once

// Sort pairs by (key, value), which must differ, in shared or global memory.
//
// Bitonic merging of runs, in the form in which every comparison moves the smaller pair to the lower
// place, so that places from n on, thought to hold infinite keys, never take part. Every thread of
// the block must call this; what the block wrote before is seen and the result is there for all.
__device__ __forceinline__ void block_sort(long long *keys, int *values, int n) {
    __syncthreads();
    for (int width = 2; width / 2 < n; width *= 2) {
        for (int step = width / 2; step > 0; step /= 2) {
            for (int pair = threadIdx.x;; pair += blockDim.x) {
                const int low = pair + (pair & ~(step - 1));
                if (low >= n) break;
                // The first comparison of a merge mirrors the upper run, which makes it bitonic.
                const int high = step == width / 2 ? low ^ (width - 1) : low + step;
                if (high >= n) continue;
                const long long a = keys[low], b = keys[high];
                const int i = values[low], j = values[high];
                if (b < a || (b == a && j < i)) {
                    keys[low] = b, keys[high] = a;
                    values[low] = j, values[high] = i;
                }
            }
            __syncthreads();
        }
    }
}
