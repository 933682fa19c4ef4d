// Peaks of grids, which are VALUE, among the cells that no cell around is larger than: of those that are
// as large and within reach the first, in the order of the cells. A block for each grid.
#include "common/reduce.cuh"
#include "common/fpi.cuh"

constexpr int THREADS = 256;
typedef VALUE Value;

enum State { PEAK, TIED, OPEN };

// What is known of a cell, given what is known of those before it. The words of open cells are read
// before those of peaks: a cell is made a peak before it ceases to be open.
__device__ __forceinline__ State state_of(const Value *values, const Volume &grid, long long row,
                                          long long k, int reach, const volatile unsigned *open,
                                          const volatile unsigned *peaks) {
    const Value value = values[row * grid.counts[2] + k];
    bool waits = false;
    for (int a = -reach; a <= 0; ++a) {
        for (int b = -reach; b <= (a < 0 ? reach : 0); ++b) {
            const long long other = row + a * grid.counts[1] + b;
            const long long end = a < 0 || b < 0 ? k + reach : k - 1;
            for (long long word = (k - reach) / 32; word <= end / 32; ++word) {
                const long long place = other * grid.words + word;
                const unsigned still = open[place];
                __threadfence_block();
                const unsigned known = peaks[place];
                for (unsigned rest = still | known; rest != 0; rest &= rest - 1) {
                    const int bit = __ffs(static_cast<int>(rest)) - 1;
                    const long long l = word * 32 + bit;
                    if (l < k - reach || l > end) continue;
                    if (values[other * grid.counts[2] + l] != value) continue;
                    if (known >> bit & 1) return TIED;
                    waits = true;
                }
            }
        }
    }
    return waits ? OPEN : PEAK;
}

// Turns words of open cells into words of peaks, which begin as zero; counts the peaks.
extern "C" __global__ void __launch_bounds__(THREADS)
settle_ties(const Value *values, const long long *table, int reach, unsigned *open,
            unsigned *peaks, long long *sizes) {
    __shared__ long long scratch[32];
    const Volume grid = volume_of(table, blockIdx.x);
    const long long words = grid.rows() * grid.words;
    values += grid.begin, open += grid.first_word, peaks += grid.first_word;
    bool waits = true;
    while (waits) {
        waits = false;
        for (long long word = threadIdx.x; word < words; word += THREADS) {
            for (unsigned rest = open[word]; rest != 0; rest &= rest - 1) {
                const unsigned bit = rest & -rest;
                const long long row = word / grid.words;
                const long long k = word % grid.words * 32 + __ffs(static_cast<int>(bit)) - 1;
                const State state = state_of(values, grid, row, k, reach, open, peaks);
                if (state == PEAK) peaks[word] |= bit;
                __threadfence_block();
                if (state != OPEN) open[word] &= ~bit;
                waits |= state == OPEN;
            }
        }
        waits = __syncthreads_or(waits) != 0;
    }
    long long count = 0;
    for (long long word = threadIdx.x; word < words; word += THREADS) count += __popc(peaks[word]);
    count = block_sum(count, scratch);
    if (threadIdx.x == 0) sizes[blockIdx.x] = count;
}

// Number of set bits in the words of the threads before this one, and of the whole block.
struct Before {
    int own, all;
};

__device__ __forceinline__ Before count_before(int count, int *scratch) {
    const int lane = threadIdx.x % 32, warp = threadIdx.x / 32;
    int sum = count;
    for (int step = 1; step < 32; step *= 2) {
        const int other = __shfl_up_sync(FULL_WARP, sum, step);
        if (lane >= step) sum += other;
    }
    if (lane == 31) scratch[warp] = sum;
    __syncthreads();
    Before before = {sum - count, 0};
    for (int other = 0; other < THREADS / 32; ++other) {
        if (other < warp) before.own += scratch[other];
        before.all += scratch[other];
    }
    __syncthreads();
    return before;
}

// Writes the cell of each peak, from the first cell of the batch on, in order, and its grid.
extern "C" __global__ void __launch_bounds__(THREADS)
list_peaks(const long long *table, const unsigned *peaks, const long long *first_peak,
           long long *cells, long long *owners) {
    __shared__ int scratch[32];
    const Volume grid = volume_of(table, blockIdx.x);
    const long long words = grid.rows() * grid.words;
    long long next = first_peak[blockIdx.x];
    for (long long first = 0; first < words; first += THREADS) {
        const long long word = first + threadIdx.x;
        unsigned rest = word < words ? peaks[grid.first_word + word] : 0u;
        const Before before = count_before(__popc(rest), scratch);
        long long place = next + before.own;
        for (; rest != 0; rest &= rest - 1, ++place) {
            const long long k = word % grid.words * 32 + __ffs(static_cast<int>(rest)) - 1;
            cells[place] = grid.begin + word / grid.words * grid.counts[2] + k;
            owners[place] = blockIdx.x;
        }
        next += before.all;
    }
}
