// Points nearest to lines, the farthest left out; see gpupept/kernels/triangulation/__init__.py.
//
// A thread deals with the same lines of its sample in all steps, so none waits for another's results
// but in sums and counts.
#include "common/least_squares.cuh"
#include "common/nearest.cuh"
#include "common/teams.cuh"

constexpr double CUT = 2.25;  // squared distance, in mean squares, up to which lines are kept
constexpr double FAR = 1e300;  // squared distance given to lines that are left out from the start
constexpr int LONG_THREADS = 256;

// Tables of the lines of one sample, each of whose columns is `stride` numbers long.
struct Sample {
    const double *lines;
    long long columns, size, stride;
    double *work;  // direction, foot and squared distance
    uint8_t *used;

    __device__ __forceinline__ double &value(int column, long long i) const {
        return work[column * stride + i];
    }
    __device__ __forceinline__ Line line(long long i) const {
        return {{value(0, i), value(1, i), value(2, i)}, {value(3, i), value(4, i), value(5, i)}};
    }
    __device__ __forceinline__ bool is_usable(long long i) const {
        return value(0, i) != 0.0 || value(1, i) != 0.0 || value(2, i) != 0.0;
    }
    __device__ __forceinline__ long long key(long long i) const {  // orders as the distance does
        return __double_as_longlong(value(6, i));
    }
};

// Fill the tables; all lines that can be used are. Gives their number.
template <typename Team>
__device__ __forceinline__ int load(const Sample &sample, const Team &team) {
    int usable = 0;
    for (long long i = team.rank(); i < sample.size; i += Team::size) {
        const double *row = sample.lines + i * sample.columns;
        const bool is_usable = is_usable_line(row);
        const Line line = is_usable ? to_line(row) : Line{{0.0, 0.0, 0.0}, {0.0, 0.0, 0.0}};
        const double values[6] = {line.direction.x, line.direction.y, line.direction.z,
                                  line.foot.x,      line.foot.y,      line.foot.z};
#pragma unroll
        for (int column = 0; column < 6; ++column) sample.value(column, i) = values[column];
        sample.used[i] = is_usable;
        usable += is_usable;
    }
    return team.count(usable);
}

// Find the least-squares point of the lines used, and the squared distances of all lines from it,
// those of the lines used added to `squares`; whether there is a point.
template <typename Team>
__device__ __forceinline__ bool measure(const Sample &sample, const Team &team, int count,
                                        Vector &point, double &squares) {
    LineSums sums;
    for (long long i = team.rank(); i < sample.size; i += Team::size) {
        if (sample.used[i]) sums.add(sample.line(i));
    }
    sums.reduce(team);
    if (!solve(sums, count, point)) return false;
    squares = 0.0;
    for (long long i = team.rank(); i < sample.size; i += Team::size) {
        const double square = sample.is_usable(i) ? squared_distance(point, sample.line(i)) : FAR;
        sample.value(6, i) = square;
        if (sample.used[i]) squares += square;
    }
    squares = team.sum(squares);
    return true;
}

// Choose the lines that the Birmingham method uses next; their number.
template <typename Team>
__device__ __forceinline__ int use_by_distance(const Sample &sample, const Team &team, int final,
                                               int count, double mean) {
    const long long limit = __double_as_longlong(CUT * mean);
    const int within = count_within(sample, team, limit);
    if (within < final) {
        use_nearest(sample, team, limit, __double_as_longlong(FAR) - 1, final, true);
        return final;
    }
    if (within >= count) {
        use_nearest(sample, team, -1, limit, count - 1, false);
        return count - 1;
    }
    use_within(sample, team, limit);
    return within;
}

// Mean of the times of the lines used, or of all that can be.
template <typename Team>
__device__ __forceinline__ double mean_time(const Sample &sample, const Team &team, bool of_used,
                                            int count) {
    double sum = 0.0;
    for (long long i = team.rank(); i < sample.size; i += Team::size) {
        if (of_used ? sample.used[i] : sample.is_usable(i)) sum += sample.lines[i * sample.columns];
    }
    return team.sum(sum) / count;
}

// Write t, x, y, z, error of one sample and which lines are used; NaN and none without a point.
template <typename Team>
__device__ __forceinline__ void locate(const Sample &sample, const Team &team, double fraction,
                                       long long iterations, double *out) {
    const bool by_distance = iterations < 0;
    const int total = load(sample, team), final = static_cast<int>(total * fraction);
    int count = total;
    Vector point = {NAN, NAN, NAN};
    double squares = NAN, time = NAN;
    bool found = total >= 2 && (!by_distance || final >= 2);
    for (long long step = 0; found; ) {
        found = measure(sample, team, count, point, squares);
        if (!found || (by_distance ? count == final : step == iterations)) break;
        ++step;
        if (by_distance) {
            count = use_by_distance(sample, team, final, count, squares / count);
        } else {
            const double share = 1.0 - fraction * static_cast<double>(step);
            count = max(2, static_cast<int>(total * share));
            use_nearest(sample, team, -1, __double_as_longlong(FAR) - 1, count, true);
        }
    }
    if (found) time = mean_time(sample, team, by_distance, by_distance ? count : total);
    for (long long i = team.rank(); !found && i < sample.size; i += Team::size) sample.used[i] = 0;
    if (team.rank() > 0) return;
    out[0] = time;
    out[1] = found ? point.x : NAN, out[2] = found ? point.y : NAN, out[3] = found ? point.z : NAN;
    out[4] = found ? sqrt(squares / count) : NAN;
}

__device__ __forceinline__ Sample sample_of(long long s, const double *lines, long long columns,
                                            const long long *samples, const long long *offsets,
                                            long long stride, double *work, uint8_t *used) {
    const long long first = offsets[s];
    return {lines + samples[2 * s] * columns, columns, offsets[s + 1] - first, stride,
            work + first, used + first};
}

#define LOCATE_PARAMETERS                                                                          \
    const double *lines, long long columns, const long long *samples, const long long *offsets,    \
        const long long *chosen, double fraction, long long iterations, long long stride,          \
        double *work, uint8_t *used, double *points

// One block, of a warp or of LONG_THREADS, for each of the chosen samples.
extern "C" __global__ void __launch_bounds__(32) locate_short(LOCATE_PARAMETERS) {
    const long long s = chosen[blockIdx.x];
    const Sample sample = sample_of(s, lines, columns, samples, offsets, stride, work, used);
    locate(sample, Warp(), fraction, iterations, points + 5 * s);
}

extern "C" __global__ void __launch_bounds__(LONG_THREADS, 2) locate_long(LOCATE_PARAMETERS) {
    __shared__ double scratch[32];
    const long long s = chosen[blockIdx.x];
    const Sample sample = sample_of(s, lines, columns, samples, offsets, stride, work, used);
    const Block<LONG_THREADS> team = {scratch};
    locate(sample, team, fraction, iterations, points + 5 * s);
}
