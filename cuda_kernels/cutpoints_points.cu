// Cutpoints, third stage: put the pairs of each sample in order of time and write their cutpoints.
#include "common/cutpoints.cuh"
#include "common/lines.cuh"

// A pair of lines by the mean of their times. Pairs of equal time are ordered by the first line,
// then the second.
struct __align__(16) TimedPair {
    double time;
    long long lines;  // the first in the upper half, the second in the lower
};

__device__ __forceinline__ bool before(const TimedPair &a, const TimedPair &b) {
    return a.time < b.time || (a.time == b.time && a.lines < b.lines);
}

#include "common/merge_sort.cuh"

constexpr int MOST_THREADS = 512, SHARE = 7;

// Lines of one sample.
struct Sample {
    const double *lines;
    long long columns;

    __device__ __forceinline__ const double *first(const TimedPair &pair) const {
        return lines + (pair.lines >> 32) * columns;
    }
    __device__ __forceinline__ const double *second(const TimedPair &pair) const {
        return lines + (pair.lines & 0xffffffffLL) * columns;
    }
};

// Write the pairs of a sample, whose bits are in `words`, to `pairs` in any order.
__device__ __forceinline__ void collect_pairs(const Sample &sample, const uint4 *words,
                                              long long tiles, TimedPair *pairs,
                                              unsigned *collected) {
    const int lane = threadIdx.x % 32, warp = threadIdx.x / 32;
    if (threadIdx.x == 0) *collected = 0;
    __syncthreads();
    for (long long tile = warp; tile < tiles; tile += blockDim.x / 32) {
        const uint4 found = words[tile * 32 + lane];
        const int count = number_of_bits(found);
        if (count == 0) continue;
        int row, column;
        place_of_tile(tile, row, column);
        unsigned place = atomicAdd(collected, static_cast<unsigned>(count));
        for (int k = 0; k < 2; ++k) {
            unsigned long long rest = k ? found.w : found.y;
            rest = rest << 32 | (k ? found.z : found.x);
            for (; rest; rest &= rest - 1, ++place) {
                const long long first = TILE * row + 2 * lane + k;
                TimedPair pair = {0.0, first << 32 | (TILE * column + __ffsll(rest) - 1)};
                pair.time = (sample.first(pair)[0] + sample.second(pair)[0]) / 2.0;
                pairs[place] = pair;
            }
        }
    }
    __syncthreads();
}

// Write row `place` of the result, whose numbers go in twos.
__device__ __forceinline__ void write_row(const Sample &sample, const TimedPair &pair,
                                          double2 *points, long long place, int row_columns) {
    Meeting meeting;
    meet(sample.first(pair), sample.second(pair), meeting);
    double2 *row = points + place * (row_columns / 2);
    row[0] = make_double2(meeting.time, meeting.place[0]);
    row[1] = make_double2(meeting.place[1], meeting.place[2]);
    if (row_columns == 6) {
        row[2] = make_double2(static_cast<double>(pair.lines >> 32),
                              static_cast<double>(pair.lines & 0xffffffffLL));
    }
}

// One block per sample, with shared memory for SHARE pairs per thread. `pairs` and `spare` have a
// place for each cutpoint; they are not used, and may be null, when no sample has more cutpoints
// than that. Where one has, the number of threads must be a power of two.
extern "C" __global__ void __launch_bounds__(MOST_THREADS, 2)
write_points(const double *lines, long long columns, const long long *samples,
             const long long *first_tile, const unsigned *words, const long long *first_point,
             long long *pairs, long long *spare, double *points, int point_columns) {
    extern __shared__ TimedPair kept[];
    __shared__ unsigned collected;
    const long long s = blockIdx.x, begin = first_point[s], n = first_point[s + 1] - begin;
    if (n == 0) return;
    const Sample sample = {lines + samples[2 * s] * columns, columns};
    const bool fits = n <= SHARE * blockDim.x;
    TimedPair *found = fits ? kept : reinterpret_cast<TimedPair *>(pairs) + begin;
    collect_pairs(sample, reinterpret_cast<const uint4 *>(words) + first_tile[s] * 32,
                  first_tile[s + 1] - first_tile[s], found, &collected);
    if (fits) {
        sort_in_shared<SHARE>(kept, static_cast<int>(n));
    } else {
        TimedPair *other = reinterpret_cast<TimedPair *>(spare) + begin;
        found = sort_in_global<SHARE>(found, other, n, kept);
    }
    for (long long i = threadIdx.x; i < n; i += blockDim.x) {
        write_row(sample, found[i], reinterpret_cast<double2 *>(points), begin + i, point_columns);
    }
}
