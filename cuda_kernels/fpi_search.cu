// Peaks of grids, which are VALUE: the largest value of each interior, then the cells that no cell
// around is larger than. Grid number blockIdx.y is searched by the blocks of a row.
#include "common/indexing.cuh"
#include "common/fpi.cuh"

constexpr int THREADS = 256;
typedef VALUE Value;

// Raises `largest`, which begin as order_of(-1). A warp follows a row of cells.
extern "C" __global__ void __launch_bounds__(THREADS)
largest_inside(const Value *values, const long long *table, int reach,
               unsigned long long *largest) {
    const Volume grid = volume_of(table, blockIdx.y);
    const int lane = threadIdx.x % 32;
    double most = -1.0;
    for (long long row = grid_index() / 32; row < grid.rows(); row += grid_stride() / 32) {
        if (!grid.is_inside(row / grid.counts[1], 0, reach)) continue;
        if (!grid.is_inside(row % grid.counts[1], 1, reach)) continue;
        const Value *cells = values + grid.begin + row * grid.counts[2];
        for (long long k = reach + lane; k < grid.counts[2] - reach; k += 32) {
            const double value = static_cast<double>(cells[k]);
            most = value > most ? value : most;
        }
    }
    for (int step = 16; step > 0; step /= 2) {
        const double other = __shfl_xor_sync(0xffffffffu, most, step);
        most = other > most ? other : most;
    }
    if (lane == 0 && most > -1.0) atomicMax(largest + blockIdx.y, order_of(most));
}

// Whether no cell of the cube around is larger; the neighbours are looked at first.
__device__ __forceinline__ bool is_highest(const Value *cell, const Volume &grid, int reach) {
    const long long row = grid.counts[2], layer = grid.counts[1] * row;
    const Value value = *cell;
    if (cell[-1] > value || cell[1] > value || cell[-row] > value || cell[row] > value ||
        cell[-layer] > value || cell[layer] > value) {
        return false;
    }
    for (int a = -reach; a <= reach; ++a) {
        for (int b = -reach; b <= reach; ++b) {
            const Value *middle = cell + a * layer + b * row;
            for (int c = -reach; c <= reach; ++c) {
                if (middle[c] > value) return false;
            }
        }
    }
    return true;
}

// Writes a word for each 32 cells of a row; a warp for each.
extern "C" __global__ void __launch_bounds__(THREADS)
mark_highest(const Value *values, const long long *table, int reach, double ratio, double least,
             const unsigned long long *largest, unsigned *words) {
    const Volume grid = volume_of(table, blockIdx.y);
    const double enough = ratio * number_of_order(largest[blockIdx.y]);
    const int lane = threadIdx.x % 32;
    for (long long word = grid_index() / 32; word < grid.rows() * grid.words;
         word += grid_stride() / 32) {
        const long long row = word / grid.words, k = word % grid.words * 32 + lane;
        bool highest = grid.is_inside(row / grid.counts[1], 0, reach) &&
                       grid.is_inside(row % grid.counts[1], 1, reach) && grid.is_inside(k, 2, reach);
        if (highest) {
            const Value *cell = values + grid.begin + row * grid.counts[2] + k;
            const double value = static_cast<double>(*cell);
            highest = value >= enough && value > least && is_highest(cell, grid, reach);
        }
        const unsigned found = __ballot_sync(0xffffffffu, highest);
        if (lane == 0) words[grid.first_word + word] = found;
    }
}
