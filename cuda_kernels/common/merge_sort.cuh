// Merge sort by a block of threads, of keys with an order
//
//     bool before(const Key &a, const Key &b)
//
// in which no two are equal. Keys are dealt with in shares of SHARE neighbours, one per thread; an
// odd SHARE keeps the shares of a warp in different banks of shared memory.
#pragma once

// How many of the first `taken` keys of two merged runs come from the first run.
template <typename Index, typename Key>
__device__ __forceinline__ Index taken_from_first(const Key *first, Index first_size,
                                                  const Key *second, Index second_size,
                                                  Index taken) {
    Index low = taken > second_size ? taken - second_size : 0;
    Index high = taken < first_size ? taken : first_size;
    while (low < high) {
        const Index middle = low + (high - low) / 2;
        if (before(second[taken - 1 - middle], first[middle])) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    return low;
}

// The keys that belong in one share once neighbouring runs of `run` shares (a power of two) of the
// n keys are merged in pairs.
template <int SHARE, typename Index, typename Key>
__device__ __forceinline__ void merge_into_share(const Key *keys, Index n, Index run, Index share,
                                                 Key (&merged)[SHARE]) {
    const Index begin = (share & ~(2 * run - 1)) * SHARE;
    const Index middle = min(begin + run * SHARE, n), end = min(begin + 2 * run * SHARE, n);
    const Index taken = share * SHARE - begin;
    Index i = begin + taken_from_first(keys + begin, middle - begin, keys + middle, end - middle,
                                       taken);
    Index j = middle + taken - (i - begin);
    Key first = keys[min(i, end - 1)], second = keys[min(j, end - 1)];
#pragma unroll
    for (int k = 0; k < SHARE; ++k) {
        const bool from_second = i >= middle || (j < end && before(second, first));
        merged[k] = from_second ? second : first;
        if (from_second) {
            if (++j < end) second = keys[j];
        } else {
            if (++i < middle) first = keys[i];
        }
    }
}

template <int SHARE, typename Index, typename Key>
__device__ __forceinline__ void store_share(Key *keys, Index n, Index share,
                                            const Key (&values)[SHARE]) {
#pragma unroll
    for (int k = 0; k < SHARE; ++k) {
        if (share * SHARE + k < n) keys[share * SHARE + k] = values[k];
    }
}

// Sort the keys of one share, of which there are `size`, by odd-even transposition.
template <int SHARE, typename Key>
__device__ __forceinline__ void sort_share(Key (&keys)[SHARE], int size) {
#pragma unroll
    for (int round = 0; round < SHARE; ++round) {
#pragma unroll
        for (int k = round % 2; k + 1 < SHARE; k += 2) {
            if (k + 1 < size && before(keys[k + 1], keys[k])) {
                const Key larger = keys[k];
                keys[k] = keys[k + 1];
                keys[k + 1] = larger;
            }
        }
    }
}

// Sort n keys in shared memory, at most SHARE per thread. All threads of the block must call this;
// what they wrote before is seen, and the result is there for all.
template <int SHARE, typename Key>
__device__ __forceinline__ void sort_in_shared(Key *keys, int n) {
    const int share = threadIdx.x;
    Key own[SHARE];
    __syncthreads();
#pragma unroll
    for (int k = 0; k < SHARE; ++k) {
        if (share * SHARE + k < n) own[k] = keys[share * SHARE + k];
    }
    sort_share(own, n - share * SHARE);
    store_share(keys, n, share, own);
    for (int run = 1; run * SHARE < n; run *= 2) {
        __syncthreads();
        if (share * SHARE < n) merge_into_share(keys, n, run, share, own);
        __syncthreads();
        store_share(keys, n, share, own);
    }
    __syncthreads();
}

// Sort n keys in global memory with as much again to spare; the result is in the returned one of
// the two. `shared` holds SHARE keys per thread.
template <int SHARE, typename Key>
__device__ __forceinline__ Key *sort_in_global(Key *keys, Key *spare, long long n, Key *shared) {
    const long long threads = blockDim.x, chunk = threads * SHARE;
    __syncthreads();
    for (long long begin = 0; begin < n; begin += chunk) {
        const int size = static_cast<int>(min(chunk, n - begin));
        for (int k = threadIdx.x; k < size; k += blockDim.x) shared[k] = keys[begin + k];
        sort_in_shared<SHARE>(shared, size);
        for (int k = threadIdx.x; k < size; k += blockDim.x) keys[begin + k] = shared[k];
        __syncthreads();
    }
    for (long long run = threads; run * SHARE < n; run *= 2) {
        for (long long share = threadIdx.x; share * SHARE < n; share += threads) {
            Key merged[SHARE];
            merge_into_share(keys, n, run, share, merged);
            store_share(spare, n, share, merged);
        }
        __syncthreads();
        Key *const sorted = spare;
        spare = keys;
        keys = sorted;
    }
    return keys;
}
