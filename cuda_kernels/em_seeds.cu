// Times of frames, and places that many lines pass, one block for each frame; see
// gpupept/kernels/em/__init__.py.
#include "common/least_squares.cuh"
#include "common/teams.cuh"

constexpr int THREADS = 128;        // as many as there are candidates
constexpr long long LINES = 2048;   // of a frame that candidates are compared on, at most
constexpr double NOT_ACROSS = 1e-12;  // squared sine up to which two lines are parallel

extern "C" __global__ void __launch_bounds__(THREADS)
em_times(const double *lines, long long columns, const long long *frames, double *times) {
    __shared__ double scratch[32];
    const Block<THREADS> block = {scratch};
    const long long f = blockIdx.x, first = frames[2 * f], last = frames[2 * f + 1];
    double count = 0.0, total = 0.0, squares = 0.0;
    for (long long row = first + threadIdx.x; row < last; row += THREADS) {
        if (!is_usable_line(lines + row * columns)) continue;
        count += 1.0;
        total += lines[row * columns];
    }
    count = block.sum(count), total = block.sum(total);
    const double mean = count > 0.0 ? total / count : 0.0;
    for (long long row = first + threadIdx.x; row < last; row += THREADS) {
        if (!is_usable_line(lines + row * columns)) continue;
        const double apart = lines[row * columns] - mean;
        squares += apart * apart;
    }
    squares = block.sum(squares);
    if (threadIdx.x > 0) return;
    times[3 * f] = count;
    times[3 * f + 1] = mean;
    times[3 * f + 2] = squares > 0.0 ? sqrt(squares / count) : 1.0;
}

// Point half-way between two lines; whether they pass each other within reach.
__device__ __forceinline__ bool meet(const Line &one, const Line &other, double reach, Vector &place) {
    const Vector &u = one.direction, &v = other.direction, &p = one.foot, &q = other.foot;
    const double x = q.x - p.x, y = q.y - p.y, z = q.z - p.z;
    const double cosine = u.x * v.x + u.y * v.y + u.z * v.z, square = 1.0 - cosine * cosine;
    if (!(square > NOT_ACROSS)) return false;
    const double d = u.x * x + u.y * y + u.z * z, e = v.x * x + v.y * y + v.z * z;
    const double a = (d - cosine * e) / square, b = (cosine * d - e) / square;
    const Vector first = {p.x + a * u.x, p.y + a * u.y, p.z + a * u.z};
    const Vector second = {q.x + b * v.x, q.y + b * v.y, q.z + b * v.z};
    place = {0.5 * (first.x + second.x), 0.5 * (first.y + second.y), 0.5 * (first.z + second.z)};
    const double gx = first.x - second.x, gy = first.y - second.y, gz = first.z - second.z;
    return gx * gx + gy * gy + gz * gz <= reach * reach;
}

// Fill the candidates, in the order of the draws, by one warp; their number.
__device__ __forceinline__ int find_candidates(const double *lines, long long columns,
                                               long long size, const double *draws, long long pairs,
                                               double reach, Vector *places) {
    int found = 0;
    for (long long first = 0; first < pairs && found < THREADS && size > 0; first += 32) {
        const long long p = first + threadIdx.x;
        Vector place = {0.0, 0.0, 0.0};
        bool near = false;
        if (p < pairs) {
            const double *one = lines + static_cast<long long>(draws[2 * p] * size) * columns;
            const double *other = lines + static_cast<long long>(draws[2 * p + 1] * size) * columns;
            near = is_usable_line(one) && is_usable_line(other) &&
                   meet(to_line(one), to_line(other), reach, place);
        }
        const unsigned lanes = __ballot_sync(FULL_WARP, near);
        const int own = found + __popc(lanes & ((1u << threadIdx.x) - 1));
        if (near && own < THREADS) places[own] = place;
        found += __popc(lanes);
    }
    return min(found, THREADS);
}

// Every so many lines of a frame: direction and foot, and the share that is left of each.
struct Sparse {
    long long size, stride;
    double *work;

    __device__ __forceinline__ double &value(int column, long long i) const {
        return work[column * stride + i];
    }
    __device__ __forceinline__ double &share(long long i) const { return value(6, i); }
    __device__ __forceinline__ Line line(long long i) const {
        return {{value(0, i), value(1, i), value(2, i)}, {value(3, i), value(4, i), value(5, i)}};
    }
    __device__ __forceinline__ void load(const double *lines, long long step) const {
        for (long long i = threadIdx.x; i < size; i += THREADS) {
            const bool usable = is_usable_line(lines + i * step);
            const Line one = usable ? to_line(lines + i * step) : Line{{0.0, 0.0, 0.0}, {0.0, 0.0, 0.0}};
            const double values[7] = {one.direction.x, one.direction.y, one.direction.z, one.foot.x,
                                      one.foot.y,      one.foot.z,      usable ? 1.0 : 0.0};
#pragma unroll
            for (int column = 0; column < 7; ++column) value(column, i) = values[column];
        }
    }
    __device__ __forceinline__ double score(const Vector &place, double reach) const {
        double total = 0.0;
        for (long long i = 0; i < size; ++i) {
            const double near = fmax(1.0 - squared_distance(place, line(i)) / (reach * reach), 0.0);
            total += share(i) * near * near;
        }
        return total;
    }
    __device__ __forceinline__ void use_up(const Vector &place, double reach) const {
        for (long long i = threadIdx.x; i < size; i += THREADS) {
            share(i) *= fmin(1.0, squared_distance(place, line(i)) / (reach * reach));
        }
    }
};

extern "C" __global__ void __launch_bounds__(THREADS)
em_seeds(const double *lines, long long columns, const long long *frames, const long long *offsets,
         const double *draws, long long pairs, const double *taken, long long taken_count,
         double reach, long long count, long long stride, double *work, double *seeds) {
    __shared__ Vector places[THREADS];
    __shared__ KeyIndex<double, int> scratch[32];
    __shared__ int found;
    const long long f = blockIdx.x, size = frames[2 * f + 1] - frames[2 * f];
    const long long step = size > 0 ? 1 + (size - 1) / LINES : 1;
    const Sparse sparse = {offsets[f + 1] - offsets[f], stride, work + offsets[f]};
    lines += frames[2 * f] * columns;
    sparse.load(lines, step * columns);
    if (threadIdx.x < 32) {
        const int number = find_candidates(lines, columns, size, draws, pairs, reach, places);
        if (threadIdx.x == 0) found = number;
    }
    __syncthreads();
    for (long long t = 0; t < taken_count; ++t) {
        const double *place = taken + 3 * (f * taken_count + t);
        if (place[0] == place[0]) sparse.use_up({place[0], place[1], place[2]}, reach);
    }
    for (long long k = 0; k < count; ++k) {
        __syncthreads();
        const int own = threadIdx.x;
        const double score = own < found ? sparse.score(places[own], reach) : 0.0;
        const KeyIndex<double, int> best = block_argmin(KeyIndex<double, int>{-score, own}, scratch);
        double *seed = seeds + 4 * (f * count + k);
        const bool is_seed = best.key < 0.0;
        if (own < 3) seed[own] = is_seed ? reinterpret_cast<double *>(places + best.index)[own] : 0.0;
        if (own == 3) seed[own] = is_seed ? -best.key * static_cast<double>(step) : 0.0;
        if (is_seed) sparse.use_up(places[best.index], reach);
    }
}
