// Cutpoints, second stage: which pairs of lines have one.
#include "common/cutpoints.cuh"
#include "common/indexing.cuh"
#include "common/lines.cuh"
#include "common/reduce.cuh"

constexpr int TEST_WARPS = 4;  // of a block, each with a tile of its own
constexpr int QUEUE = 512;     // candidates that a warp works off at a time

// A line prepared for the test, and its direction times the root of the limit.
struct Tested {
    float u[3], m[3], along[3];
};

__device__ __forceinline__ void load_line(const float4 *prepared, int line, int size, float4 &low,
                                          float4 &high) {
    const float4 none = make_float4(NAN, NAN, NAN, NAN);
    low = line < size ? prepared[2 * line] : none;
    high = line < size ? prepared[2 * line + 1] : none;
}

__device__ __forceinline__ Tested load_tested(const float4 *prepared, int line, int size,
                                              float root) {
    float4 low, high;
    load_line(prepared, line, size, low, high);
    return {{low.x, low.y, low.z}, {low.w, high.x, high.y},
            {root * low.x, root * low.y, root * low.z}};
}

__device__ __forceinline__ bool may_be_near(const Tested &line, const float4 &low,
                                            const float2 &high, float limit) {
    float apart = line.u[0] * low.w, along = line.along[0] * low.x;
    apart = fmaf(line.u[1], high.x, apart), along = fmaf(line.along[1], low.y, along);
    apart = fmaf(line.u[2], high.y, apart), along = fmaf(line.along[2], low.z, along);
    apart = fmaf(line.m[0], low.x, apart);
    apart = fmaf(line.m[1], low.y, apart);
    apart = fmaf(line.m[2], low.z, apart);
    return fmaf(apart, apart, fmaf(along, along, -limit)) <= 0.0f;
}

// For lines 2 lane and 2 lane + 1 of the row, the lines of the column that may be near: bits.
__device__ __forceinline__ void find_candidates(const float4 *prepared, int row, int column,
                                                int size, float2 limits, float4 (*staged)[2],
                                                unsigned long long (&near)[2]) {
    const int lane = threadIdx.x % 32;
    for (int j = lane; j < TILE; j += 32) {
        load_line(prepared, TILE * column + j, size, staged[j][0], staged[j][1]);
    }
    const Tested even = load_tested(prepared, TILE * row + 2 * lane, size, limits.y);
    const Tested odd = load_tested(prepared, TILE * row + 2 * lane + 1, size, limits.y);
    const int width = min(TILE, size - TILE * column);
    near[0] = near[1] = 0;
    __syncwarp();
    for (int first = 0; first < width; first += 8) {
        unsigned eight[2] = {0, 0};
#pragma unroll
        for (int k = 0; k < 8; ++k) {
            const float4 low = staged[first + k][0];
            const float2 high = *reinterpret_cast<const float2 *>(&staged[first + k][1]);
            if (may_be_near(even, low, high, limits.x)) eight[0] |= 1u << k;
            if (may_be_near(odd, low, high, limits.x)) eight[1] |= 1u << k;
        }
        near[0] |= static_cast<unsigned long long>(eight[0]) << first;
        near[1] |= static_cast<unsigned long long>(eight[1]) << first;
    }
    if (row != column) return;
    for (int k = 0; k < 2; ++k) near[k] &= ~((2ULL << (2 * lane + k)) - 1);  // later lines only
}

extern "C" __global__ void __launch_bounds__(32 * TEST_WARPS)
test_pairs(const double *lines, long long columns, const long long *samples,
           const long long *first_line, const long long *first_tile, long long sample_count,
           long long tile_count, const double *cutoffs, double distance, const float *prepared,
           const float *limits, unsigned *words, unsigned long long *sizes) {
    __shared__ float4 staged[TEST_WARPS][TILE][2];
    __shared__ uint4 accepted[TEST_WARPS][WORDS / 4];
    __shared__ unsigned short queue[TEST_WARPS][QUEUE];
    const int lane = threadIdx.x % 32, warp = threadIdx.x / 32;
    const long long tile = static_cast<long long>(blockIdx.x) * TEST_WARPS + warp;
    if (tile >= tile_count) return;
    const long long s = segment_of(first_tile, sample_count, tile);
    int row, column;
    place_of_tile(tile - first_tile[s], row, column);
    const float4 *own = reinterpret_cast<const float4 *>(prepared) + 2 * first_line[s];
    unsigned long long near[2];
    accepted[warp][lane] = make_uint4(0, 0, 0, 0);
    find_candidates(own, row, column, static_cast<int>(samples[2 * s + 1] - samples[2 * s]),
                    reinterpret_cast<const float2 *>(limits)[s], staged[warp], near);

    // Candidates are spread over the lanes anew, since few lanes have any.
    const int mine = __popcll(near[0]) + __popcll(near[1]);
    int before = mine;
    for (int step = 1; step < 32; step *= 2) {
        const int other = __shfl_up_sync(FULL_WARP, before, step);
        if (lane >= step) before += other;
    }
    const int total = __shfl_sync(FULL_WARP, before, 31);
    before -= mine;
    const double *row_lines = lines + (samples[2 * s] + TILE * row) * columns;
    const double *column_lines = lines + (samples[2 * s] + TILE * column) * columns;
    unsigned *bits = reinterpret_cast<unsigned *>(accepted[warp]);
    for (int done = 0; done < total; done += QUEUE) {
        int place = before - done;
        for (int k = 0; k < 2; ++k) {
            for (unsigned long long rest = near[k]; rest; rest &= rest - 1, ++place) {
                const int pair = TILE * (2 * lane + k) + __ffsll(rest) - 1;
                if (place < 0 || place >= QUEUE) continue;
                queue[warp][place] = static_cast<unsigned short>(pair);
            }
        }
        __syncwarp();
        for (int q = lane; q < min(QUEUE, total - done); q += 32) {
            const int pair = queue[warp][q];
            if (is_cutpoint(row_lines + pair / TILE * columns, column_lines + pair % TILE * columns,
                            cutoffs + 6 * s, distance * distance)) {
                atomicOr(bits + pair / 32, 1u << pair % 32);
            }
        }
        __syncwarp();
    }
    const uint4 found = accepted[warp][lane];
    reinterpret_cast<uint4 *>(words)[tile * 32 + lane] = found;
    const int count = warp_sum(number_of_bits(found));
    if (lane == 0 && count) atomicAdd(sizes + s, static_cast<unsigned long long>(count));
}
