// Steps of expectation maximisation, one block for each frame; see gpupept/kernels/em/__init__.py.
//
// First the threads share out the lines and find the shares of all components in each, then the
// warps share out the components and improve them. Sums are fixed trees.
#include "common/em.cuh"
#include "common/teams.cuh"

constexpr int THREADS = 128, WARPS = THREADS / 32, MOST = 16;
constexpr double FAINTEST = 1e-12;  // least weight of outliers

// Lines of a frame; each column of `work` is `stride` numbers long: direction, foot, time in
// standard deviations from the mean, shares.
struct Frame {
    long long size, stride;
    double *work;

    __device__ __forceinline__ double &value(int column, long long i) const {
        return work[column * stride + i];
    }
    __device__ __forceinline__ double &share(int k, long long i) const { return value(7 + k, i); }
    __device__ __forceinline__ Line line(long long i) const {
        return {{value(0, i), value(1, i), value(2, i)}, {value(3, i), value(4, i), value(5, i)}};
    }
    __device__ __forceinline__ bool is_usable(long long i) const {
        return value(0, i) != 0.0 || value(1, i) != 0.0 || value(2, i) != 0.0;
    }
};

__device__ __forceinline__ void load(const Frame &frame, const double *lines, long long columns,
                                     const double *times) {
    for (long long i = threadIdx.x; i < frame.size; i += THREADS) {
        const double *row = lines + i * columns;
        const bool usable = is_usable_line(row);
        const Line line = usable ? to_line(row) : Line{{0.0, 0.0, 0.0}, {0.0, 0.0, 0.0}};
        const double tau = usable ? (row[0] - times[1]) / times[2] : 0.0;
        const double values[7] = {line.direction.x, line.direction.y, line.direction.z, line.foot.x,
                                  line.foot.y,      line.foot.z,      tau};
#pragma unroll
        for (int column = 0; column < 7; ++column) frame.value(column, i) = values[column];
    }
}

// Write the shares of all components in each line; this thread's part of the log-likelihood.
__device__ __forceinline__ double expect(const Frame &frame, const Component *components, int count,
                                         double area, bool is_last) {
    double rest = 1.0, logarithms = 0.0;
    for (int k = 0; k < count; ++k) rest -= components[k].weight;
    rest = fmax(rest, FAINTEST) / area;
    for (long long i = threadIdx.x; i < frame.size; i += THREADS) {
        const bool usable = frame.is_usable(i);
        const Line line = frame.line(i);
        double total = rest;
        for (int k = 0; k < count; ++k) {
            const Component &component = components[k];
            if (!(component.weight > 0.0)) continue;
            const Vector r = component.apart(line, frame.value(6, i));
            const double square = r.x * r.x + r.y * r.y + r.z * r.z;
            const double height = component.weight / (6.283185307179586 * component.square);
            const double part = height * exp(-0.5 * square / component.square);
            frame.share(k, i) = usable ? part : 0.0;
            total += usable ? part : 0.0;
        }
        for (int k = 0; k < count; ++k) {
            if (components[k].weight > 0.0) frame.share(k, i) /= total;
        }
        if (is_last && usable) logarithms += log(total);
    }
    return logarithms;
}

// Replace one component by what fits the lines best in their shares.
__device__ __forceinline__ void maximise(const Frame &frame, int k, double lines, double floor,
                                         Component &component, double *moments) {
    PathSums sums;
    for (long long i = Warp().rank(); i < frame.size; i += 32) {
        const Line line = frame.line(i);
        const double tau = frame.value(6, i);
        sums.add(line, component.apart(line, tau), tau, frame.share(k, i));
    }
    sums.reduce(Warp());
    __syncwarp();
    if (Warp().rank() > 0) return;
    component.weight = sums.weight / lines;
    moments[0] = moments[1] = 0.0;
    if (!(sums.weight > 0.0)) return;
    double change[UNKNOWNS], square = sums.square;
    moments[1] = sums.solve(change);
    moments[0] = sums.time / sums.weight;
#pragma unroll
    for (int j = 0; j < UNKNOWNS; ++j) {
        component.path[j] += change[j];
        square -= change[j] * sums.rights[j];
    }
    component.square = fmax(square / (2.0 * sums.weight), floor * floor);
}

// Copy a component between its row and shared memory, and change its unit of time.
__device__ __forceinline__ void copy(const double *from, double *to, double unit) {
    double factor = 1.0;
    for (int j = 0; j < UNKNOWNS + 2; ++j) {
        if (j % 3 == 0 && j > 0) factor *= unit;
        to[j] = from[j] * (j < UNKNOWNS ? factor : 1.0);
    }
}

extern "C" __global__ void __launch_bounds__(THREADS)
em_steps(const double *lines, long long columns, const long long *frames, const long long *offsets,
         const double *times, long long count, long long steps, double area, double floor,
         long long stride, double *work, double *table, double *moments, double *likelihoods) {
    __shared__ Component components[MOST];
    __shared__ double scratch[32];
    const long long f = blockIdx.x;
    const Frame frame = {offsets[f + 1] - offsets[f], stride, work + offsets[f]};
    const double usable = times[3 * f], unit = times[3 * f + 2];
    if (!(usable > 0.0)) return;
    const long long row = f * count + threadIdx.x;
    double *own = reinterpret_cast<double *>(components + threadIdx.x);
    load(frame, lines + frames[2 * f] * columns, columns, times + 3 * f);
    if (threadIdx.x < count) copy(table + row * (UNKNOWNS + 2), own, unit);
    __syncthreads();
    double logarithms = 0.0;
    for (long long step = 0; step < steps; ++step) {
        logarithms = expect(frame, components, count, area, step == steps - 1);
        __syncthreads();
        for (int k = threadIdx.x / 32; k < count; k += WARPS) {
            if (components[k].weight > 0.0) {
                maximise(frame, k, usable, floor, components[k], moments + 2 * (f * count + k));
            }
        }
        __syncthreads();
    }
    const Block<THREADS> block = {scratch};
    logarithms = block.sum(logarithms);
    if (threadIdx.x == 0) likelihoods[f] = logarithms;
    if (threadIdx.x >= count) return;
    copy(own, table + row * (UNKNOWNS + 2), 1.0 / unit);
    moments[2 * row] *= unit;
}
