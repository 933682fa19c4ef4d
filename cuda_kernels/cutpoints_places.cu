// Cutpoints of the pairs of lines whose places, such as those from times of flight, are near each
// other; takes the place of the test of all pairs.
#include "common/cutpoints.cuh"
#include "common/indexing.cuh"
#include "common/reduce.cuh"

constexpr int TEST_WARPS = 4;  // of a block, each with a tile of its own

// One warp for each tile, each thread for two lines of its row.
extern "C" __global__ void __launch_bounds__(32 * TEST_WARPS)
test_places(const double *lines, long long columns, const long long *samples,
            const long long *first_line, const long long *first_tile, long long sample_count,
            long long tile_count, const double *cutoffs, const double *distances,
            const double *places, unsigned *words, unsigned long long *sizes) {
    const int lane = threadIdx.x % 32, warp = threadIdx.x / 32;
    const long long tile = static_cast<long long>(blockIdx.x) * TEST_WARPS + warp;
    if (tile >= tile_count) return;
    const long long s = segment_of(first_tile, sample_count, tile);
    int row, column;
    place_of_tile(tile - first_tile[s], row, column);
    const int size = static_cast<int>(samples[2 * s + 1] - samples[2 * s]);
    const double *own = lines + samples[2 * s] * columns, *own_places = places + 3 * first_line[s];
    const double limit = distances[s] * distances[s];
    unsigned long long near[2] = {0, 0};
    for (int k = 0; k < 2; ++k) {
        const int i = TILE * row + 2 * lane + k;
        const int last = min(TILE * (column + 1), size);
        if (i >= size || !is_finite_line(own + i * columns)) continue;
        const double *first = own_places + 3 * i;
        for (int j = max(i + 1, TILE * column); j < last; ++j) {
            const double *second = own_places + 3 * j;
            const double x = second[0] - first[0], y = second[1] - first[1];
            const double z = second[2] - first[2];
            if (!(x * x + y * y + z * z < limit) || !is_finite_line(own + j * columns)) continue;
            if (is_cutpoint(own + i * columns, own + j * columns, cutoffs + 6 * s, INFINITY)) {
                near[k] |= 1ULL << (j - TILE * column);
            }
        }
    }
    const uint4 found = make_uint4(
        static_cast<unsigned>(near[0]), static_cast<unsigned>(near[0] >> 32),
        static_cast<unsigned>(near[1]), static_cast<unsigned>(near[1] >> 32));
    reinterpret_cast<uint4 *>(words)[tile * 32 + lane] = found;
    const int count = warp_sum(number_of_bits(found));
    if (lane == 0 && count) atomicAdd(sizes + s, static_cast<unsigned long long>(count));
}
