// The artificial cluster of each sample; see gpupept/kernels/artificial/__init__.py.
#include "common/quartiles.cuh"
#include "common/reduce.cuh"

constexpr double FENCE = 1.5;   // interquartile ranges from the upper quartile to the centre
constexpr double SPREAD = 0.3;  // interquartile ranges per standard deviation

// One block per sample and axis.
extern "C" __global__ void __launch_bounds__(THREADS, 4)
add_artificial(const double *points, long long columns, const long long *samples,
               const long long *offsets, const double *normals, double *positions) {
    __shared__ unsigned long long kept[KEPT];
    __shared__ Selection selection;
    __shared__ long long scratch[32];
    const long long s = blockIdx.x, begin = samples[2 * s], size = samples[2 * s + 1] - begin;
    const int axis = blockIdx.y;
    const Coordinates keys = {points + begin * columns + 1 + axis, columns, size, kept};
    double *own = positions + 3 * offsets[s] + axis;
    long long finite = 0;
    for (long long i = threadIdx.x; i < size; i += THREADS) {
        const double value = keys.values[i * columns];
        const unsigned long long key = ordered_bits(value);
        own[3 * i] = value;
        finite += key != NOT_FINITE;
        if (size <= KEPT) kept[i] = key;
    }
    finite = block_sum(finite, scratch);
    double centre = NAN, deviation = NAN;
    if (finite > 0) {
        double lower, upper;
        quartiles(keys, finite, lower, upper, selection);
        centre = upper + FENCE * (upper - lower);
        deviation = SPREAD * (upper - lower);
    }
    const long long added = offsets[s + 1] - offsets[s] - size;
    for (long long i = threadIdx.x; i < added; i += THREADS) {
        own[3 * (size + i)] = centre + deviation * normals[3 * i + axis];
    }
}

// ---- Discarding it again ------------------------------------------------------------------------

// A number for each cluster of a sample: those of the first few clusters, which most samples do not
// exceed, are in shared memory.
struct ClusterNumbers {
    static constexpr int few = 256;
    int *near, *far;

    __device__ __forceinline__ int &operator[](long long cluster) const {
        return cluster < few ? near[cluster] : far[cluster];
    }
};

// Count members and artificial members of all clusters of a sample; the largest cluster number.
__device__ __forceinline__ int count_members(const long long *labels, long long rows,
                                             long long size, const ClusterNumbers &members,
                                             const ClusterNumbers &artificial, int *highest) {
    if (threadIdx.x == 0) *highest = -1;
    for (long long i = threadIdx.x; i < rows || i < ClusterNumbers::few; i += THREADS) {
        members[i] = artificial[i] = 0;
    }
    __syncthreads();
    const int lane = threadIdx.x % 32;
    for (long long first = threadIdx.x - lane; first < rows; first += THREADS) {
        const long long i = first + lane;
        const long long label = i < rows ? labels[i] : -1;
        // Lanes whose points are in one cluster, and of one kind, count together.
        const unsigned alike = __match_any_sync(FULL_WARP, 2 * label + (i >= size));
        if (label < 0 || __ffs(alike) - 1 != lane) continue;
        atomicAdd(&members[label], __popc(alike));
        if (i >= size) atomicAdd(&artificial[label], __popc(alike));
        atomicMax(highest, static_cast<int>(label));
    }
    __syncthreads();
    return *highest;
}

// One block per sample. `members` and `artificial` have a place for each label.
extern "C" __global__ void __launch_bounds__(THREADS)
discard_artificial(const long long *labels, const long long *offsets, const long long *starts,
                   int strict, int *members, int *artificial, long long *kept) {
    __shared__ int near_members[ClusterNumbers::few], near_artificial[ClusterNumbers::few];
    __shared__ int scratch[THREADS / 32], shared_highest;
    const long long s = blockIdx.x, first = offsets[s], rows = offsets[s + 1] - first;
    const long long start = starts[s], size = starts[s + 1] - start;
    const ClusterNumbers counts = {near_members, members + first};
    const ClusterNumbers numbers = {near_artificial, artificial + first};  // counts at first
    const int highest = count_members(labels + first, rows, size, counts, numbers, &shared_highest);
    int found = 0;
    for (int base = 0; base <= highest; base += THREADS) {
        const int label = base + static_cast<int>(threadIdx.x);
        bool stays = false;
        if (label <= highest) {
            const int limit = strict ? 1 : (counts[label] + 1) / 2;
            stays = counts[label] > 0 && numbers[label] < limit;
        }
        const unsigned lanes = __ballot_sync(FULL_WARP, stays);
        const int lane = threadIdx.x % 32, warp = threadIdx.x / 32;
        if (lane == 0) scratch[warp] = __popc(lanes);
        __syncthreads();
        int before = 0, total = 0;
        for (int w = 0; w < THREADS / 32; ++w) {
            before += w < warp ? scratch[w] : 0;
            total += scratch[w];
        }
        const int rank = __popc(lanes & ((1u << lane) - 1));
        if (label <= highest) numbers[label] = stays ? found + before + rank : -1;
        found += total;
        __syncthreads();
    }
    for (long long i = threadIdx.x; i < size; i += THREADS) {
        const long long label = labels[first + i];
        kept[start + i] = label >= 0 ? numbers[label] : -1;
    }
}
