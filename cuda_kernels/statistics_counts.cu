// Histograms of all elements, and the element of a rank; see gpupept/kernels/statistics/__init__.py.
//
// Counts are integers, so the order of the atomic additions does not matter. A block counts in shared
// memory where the bins fit, and a thread adds runs of equal bins at once: images are mostly background.
#include "common/indexing.cuh"
#include "common/values.cuh"

typedef unsigned long long Count;
constexpr int THREADS = 256;

// Adds to bins, in shared memory if there is any for them.
struct Counter {
    Count *counts;
    unsigned *own;  // of the block, or null
    long long bin = -1;
    unsigned run = 0;

    __device__ __forceinline__ void add(long long next) {
        if (next != bin) {
            flush();
            bin = next;
        }
        ++run;
    }
    __device__ __forceinline__ void flush() {
        if (run && own) {
            atomicAdd(own + bin, run);
        } else if (run) {
            atomicAdd(counts + bin, static_cast<Count>(run));
        }
        run = 0;
    }
};

__device__ __forceinline__ void begin(unsigned *own, int bins) {
    for (int k = threadIdx.x; own && k < bins; k += blockDim.x) own[k] = 0;
    __syncthreads();
}

__device__ __forceinline__ void end(Counter &counter, int bins) {
    counter.flush();
    __syncthreads();
    for (int k = threadIdx.x; counter.own && k < bins; k += blockDim.x) {
        if (counter.own[k]) atomicAdd(counter.counts + k, static_cast<Count>(counter.own[k]));
    }
}

// Keys in [*low, high] by bins of 2^width keys.
extern "C" __global__ void __launch_bounds__(THREADS, 4)
count_keys(const Word *values, const bool *excluded, long long n, int kind, const long long *low,
           long long high, int width, int bins, int shared, Count *counts) {
    extern __shared__ unsigned kept[];
    Counter counter = {counts, shared ? kept : nullptr};
    begin(counter.own, bins);
    const long long first = *low;
    for (long long i = grid_index(); i < n; i += grid_stride()) {
        const long long key = key_of(values[i], kind);
        if (key < first || key > high || (excluded && excluded[i])) continue;
        const Count bin = (static_cast<Count>(key) - static_cast<Count>(first)) >> width;
        if (bin < bins) counter.add(static_cast<long long>(bin));
    }
    end(counter, bins);
}

// Numbers in bins between ascending edges, half-open but for the last bin.
extern "C" __global__ void __launch_bounds__(THREADS, 4)
count_values(const Word *values, const bool *excluded, long long n, int kind, const double *edges,
             int bins, int shared, Count *counts) {
    extern __shared__ unsigned kept[];
    Counter counter = {counts, shared ? kept : nullptr};
    begin(counter.own, bins);
    const double low = edges[0], high = edges[bins];
    const double per_half = bins / (0.5 * high - 0.5 * low);  // halves cannot overflow
    for (long long i = grid_index(); i < n; i += grid_stride()) {
        const double x = number_of(values[i], kind);
        if (!(low <= x && x <= high) || (excluded && excluded[i])) continue;
        const double place = (0.5 * x - 0.5 * low) * per_half;
        int k = place < bins ? static_cast<int>(place) : bins - 1;
        while (k > 0 && x < edges[k]) --k;
        while (k < bins - 1 && x >= edges[k + 1]) ++k;
        counter.add(k);
    }
    end(counter, bins);
}

// Narrow the range of a rank to one bin: state is (low, rank, elements in the range).
extern "C" __global__ void __launch_bounds__(THREADS, 4)
choose_bin(const Count *counts, int bins, int width, long long *state) {
    __shared__ long long totals[THREADS];
    const int each = (bins + THREADS - 1) / THREADS, first = threadIdx.x * each;
    long long own = 0;
    for (int k = first; k < min(first + each, bins); ++k) own += counts[k];
    totals[threadIdx.x] = own;
    __syncthreads();
    long long before = 0;
    for (int t = 0; t < threadIdx.x; ++t) before += totals[t];
    const long long rank = state[1];
    __syncthreads();
    if (rank < before || rank >= before + own) return;
    for (int k = first;; ++k) {
        const long long here = counts[k];
        if (rank < before + here) {
            state[0] += static_cast<long long>(k) << width;
            state[1] = rank - before;
            state[2] = here;
            return;
        }
        before += here;
    }
}

// Smallest key in (state[0], high], to state[3]; state[0] itself where the next rank has it too.
extern "C" __global__ void __launch_bounds__(THREADS, 4)
next_key(const Word *values, const bool *excluded, long long n, int kind, long long high,
         long long *state) {
    const long long low = state[0];
    long long smallest = LAST_KEY;
    if (state[1] + 1 < state[2]) {
        smallest = low;
    } else {
        for (long long i = grid_index(); i < n; i += grid_stride()) {
            const long long key = key_of(values[i], kind);
            if (low < key && key <= high && !(excluded && excluded[i])) smallest = min(smallest, key);
        }
    }
    __shared__ long long found;
    if (threadIdx.x == 0) found = LAST_KEY;
    __syncthreads();
    if (smallest < LAST_KEY) atomicMin(&found, smallest);
    __syncthreads();
    if (threadIdx.x == 0 && found < LAST_KEY) atomicMin(state + 3, found);
}
