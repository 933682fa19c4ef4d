// Centroids of segments of rows; see gpupept/kernels/segments/__init__.py.
//
// A warp reduces one segment, and a whole block a long one. Which of the two depends on the length
// of the segment alone and sums are fixed trees, so a result does not depend on the other segments.
#include "common/teams.cuh"

constexpr int WARPS = 8, THREADS = 32 * WARPS;
constexpr long long LONG = 4096;  // rows

struct Rows {
    const double *data;
    long long columns, begin, end, weight_column;

    __device__ __forceinline__ const double *operator[](long long row) const {
        return data + row * columns;
    }
    __device__ __forceinline__ double weight(long long row) const {
        return weight_column >= 0 ? data[row * columns + weight_column] : 1.0;
    }
};

__device__ __forceinline__ double distance(const double *point, const double (&centre)[4]) {
    const double x = point[1] - centre[1], y = point[2] - centre[2], z = point[3] - centre[3];
    return sqrt(x * x + y * y + z * z);
}

// Standard deviation of the distances from the centre, weighted.
template <typename Team>
__device__ __forceinline__ double spread_of_rows(const Rows &rows, const Team &team,
                                                 const double (&centre)[4], double total) {
    double mean = 0.0, variance = 0.0;
    for (long long row = rows.begin + team.rank(); row < rows.end; row += Team::size) {
        mean += rows.weight(row) * distance(rows[row], centre);
    }
    mean = team.sum(mean) / total;
    for (long long row = rows.begin + team.rank(); row < rows.end; row += Team::size) {
        const double apart = distance(rows[row], centre) - mean;
        variance += rows.weight(row) * (apart * apart);
    }
    return sqrt(team.sum(variance) / total);
}

template <typename Team>
__device__ __forceinline__ void reduce_segment(const Rows &rows, const Team &team, double *means,
                                               double *spread, double *total_weight) {
    double total = 0.0, centre[4] = {0.0, 0.0, 0.0, 0.0};
    for (long long row = rows.begin + team.rank(); row < rows.end; row += Team::size) {
        total += rows.weight(row);
    }
    total = team.sum(total);
    for (long long first = 0; first < rows.columns; first += 4) {
        double sums[4] = {0.0, 0.0, 0.0, 0.0};
        for (long long row = rows.begin + team.rank(); row < rows.end; row += Team::size) {
            const double weight = rows.weight(row), *values = rows[row] + first;
#pragma unroll
            for (int k = 0; k < 4; ++k) {
                if (first + k < rows.columns) sums[k] += weight * values[k];
            }
        }
#pragma unroll
        for (int k = 0; k < 4; ++k) {
            sums[k] = team.sum(sums[k]);
            const double mean = total == 0.0 ? NAN : sums[k] / total;
            if (first == 0) centre[k] = mean;
            if (team.rank() == 0 && first + k < rows.columns) means[first + k] = mean;
        }
    }
    const double deviation = total == 0.0 ? NAN : spread_of_rows(rows, team, centre, total);
    if (team.rank() > 0) return;
    *spread = deviation;
    *total_weight = total;
}

extern "C" __global__ void __launch_bounds__(THREADS)
segment_centroids(const double *data, long long columns, const long long *segments,
                  long long count, long long weight_column, double *means, double *spreads,
                  double *totals) {
    __shared__ double scratch[32];
    const Block<THREADS> block = {scratch};
    for (int k = 0; k <= WARPS; ++k) {  // long segments by the block, then others by their warps
        const int own = k < WARPS ? k : threadIdx.x / 32;
        const long long g = static_cast<long long>(blockIdx.x) * WARPS + own;
        if (g >= count) continue;
        const Rows rows = {data, columns, segments[2 * g], segments[2 * g + 1], weight_column};
        const bool is_long = rows.end - rows.begin > LONG;
        if (is_long && k < WARPS) {
            reduce_segment(rows, block, means + g * columns, spreads + g, totals + g);
        } else if (!is_long && k == WARPS) {
            reduce_segment(rows, Warp(), means + g * columns, spreads + g, totals + g);
        }
    }
}
