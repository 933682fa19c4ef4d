// Minpoints, last stages: the combinations that begin with a pair of lines, and their points.
#include "common/minpoints.cuh"

#ifndef LINES
#error "LINES, the number of lines of a combination, is not defined"
#endif

constexpr int THREADS = 128;
constexpr int UNROLLED = LINES <= 8 ? LINES : 1;  // else the numbers of all lines are kept at once
constexpr int PROBED = 3;  // from so many lines on, combinations may be given up early

// The lines chosen so far.
struct Chosen {
    int lines[LINES];

    __device__ __forceinline__ unsigned long long common(const Sample &sample, int count,
                                                         int word) const {
        unsigned long long bits = sample.word(lines[0], word);
        for (int level = 1; level < count; ++level) bits &= sample.word(lines[level], word);
        return bits;
    }

    __device__ __forceinline__ bool solve_all(const Sample &sample, int count, Vector &point) const {
        LineSums sums;
#pragma unroll UNROLLED
        for (int level = 0; level < count; ++level) sums.add(sample.line(lines[level]));
        return solve(sums, count, point);
    }
};

// Number of the later lines that are near the first `depth` chosen ones.
__device__ __forceinline__ int common_count(const Sample &sample, const Chosen &chosen, int depth) {
    int count = 0;
    for (int word = chosen.lines[depth - 1] / 64; word < sample.words; ++word) {
        count += __popcll(chosen.common(sample, depth, word));
    }
    return count;
}

// Whether more lines may have a point within the distance of all of them and of these.
__device__ __forceinline__ bool may_go_on(const Sample &sample, const Chosen &chosen, int count,
                                          double distance) {
    Vector point;
    if (count < PROBED || !chosen.solve_all(sample, count, point)) return true;
    double squares = 0.0, size = 0.0;
    for (int level = 0; level < count; ++level) {
        squares += squared_distance(point, sample.line(chosen.lines[level]));
        size = fmax(size, sample.largest(chosen.lines[level]));
    }
    const double reach =
        LOOSE * distance + ROUNDING * (size + fabs(point.x) + fabs(point.y) + fabs(point.z));
    return !(squares > count * (reach * reach));
}

// Find the point of a complete combination, t, x, y, z; whether there is one.
__device__ __forceinline__ bool minpoint(const Sample &sample, const Chosen &chosen,
                                         double distance, const double *box, double (&row)[4]) {
    Vector point;
    if (!chosen.solve_all(sample, LINES, point)) return false;
    row[1] = point.x, row[2] = point.y, row[3] = point.z;
    for (int axis = 0; axis < 3; ++axis) {
        if (!(box[2 * axis] <= row[1 + axis] && row[1 + axis] <= box[2 * axis + 1])) return false;
    }
    double time = 0.0;
#pragma unroll UNROLLED
    for (int level = 0; level < LINES; ++level) {
        const int line = chosen.lines[level];
        if (!(squared_distance(point, sample.line(line)) <= distance * distance)) return false;
        time += sample.time(line);
    }
    row[0] = time / LINES;
    return true;
}

// Call `found(chosen, row)` for each point of the combinations that begin with a pair of lines.
template <typename Found>
__device__ __forceinline__ void walk(const Sample &sample, int first, int second, double distance,
                                     const double *box, Found found) {
    Chosen chosen;
    unsigned long long rest[LINES];
    int word[LINES], depth = 2;
    double row[4];
    chosen.lines[0] = first, chosen.lines[1] = second;
    if (LINES == 2) {
        if (minpoint(sample, chosen, distance, box, row)) found(chosen, row);
        return;
    }
    word[2 % LINES] = second / 64;
    rest[2 % LINES] = chosen.common(sample, 2, second / 64);
    while (depth > 1) {
        if (rest[depth] == 0) {
            if (++word[depth] == sample.words) {
                --depth;
            } else {
                rest[depth] = chosen.common(sample, depth, word[depth]);
            }
            continue;
        }
        const int line = 64 * word[depth] + __ffsll(rest[depth]) - 1;
        rest[depth] &= rest[depth] - 1;
        chosen.lines[depth] = line;
        if (depth + 1 == LINES) {
            if (minpoint(sample, chosen, distance, box, row)) found(chosen, row);
        } else if (common_count(sample, chosen, depth + 1) >= LINES - depth - 1 &&
                   may_go_on(sample, chosen, depth + 1, distance)) {
            ++depth;
            word[depth] = line / 64;
            rest[depth] = chosen.common(sample, depth, word[depth]);
        }
    }
}

__device__ __forceinline__ unsigned long long mixed(unsigned long long a, unsigned long long b,
                                                    unsigned long long c) {
    unsigned long long value = a * 0x9E3779B97F4A7C15ULL + b;
    value = (value ^ value >> 30) * 0xBF58476D1CE4E5B9ULL + c;
    value = (value ^ value >> 27) * 0x94D049BB133111EBULL;
    return value ^ value >> 31;
}

// Line of the bit of this number among those in common.
__device__ __forceinline__ int common_line(const Sample &sample, const Chosen &chosen, int depth,
                                           int number) {
    for (int word = chosen.lines[depth - 1] / 64; word < sample.words; ++word) {
        unsigned long long bits = chosen.common(sample, depth, word);
        const int here = __popcll(bits);
        if (number < here) {
            for (; number > 0; --number) bits &= bits - 1;
            return 64 * word + __ffsll(bits) - 1;
        }
        number -= here;
    }
    return -1;
}

// Estimated number of combinations, and parts of them, that begin with a pair.
__device__ __forceinline__ double probe(const Sample &sample, int first, int second,
                                        double distance) {
    Chosen chosen;
    chosen.lines[0] = first, chosen.lines[1] = second;
    double ways = 1.0, total = LINES == 2 ? 1.0 : 0.0;
#pragma unroll UNROLLED
    for (int depth = 2; depth < LINES; ++depth) {
        const int count = common_count(sample, chosen, depth);
        if (count < LINES - depth) break;
        ways *= count;
        total += ways;
        if (depth + 1 == LINES) break;
        const int number = static_cast<int>(mixed(first, second, depth) % count);
        chosen.lines[depth] = common_line(sample, chosen, depth, number);
        if (!may_go_on(sample, chosen, depth + 1, distance)) break;
    }
    return total;
}

#define PAIR_PARAMETERS                                                                            \
    const double *table, long long line_count, const long long *first_line,                        \
        const long long *first_word, long long sample_count, const unsigned long long *bits,       \
        const long long *pairs, long long pair_count, double distance, const double *cutoffs

// The sample and the two lines of pair `grid_index()`; nothing is done beyond the last pair.
#define THIS_PAIR                                                                                  \
    const long long pair = grid_index();                                                           \
    if (pair >= pair_count) return;                                                                \
    const Place place = place_of(pairs[pair] / 64, first_line, first_word, sample_count);          \
    const Sample sample =                                                                          \
        sample_of(place.sample, table, line_count, first_line, first_word, bits);                  \
    const int second = 64 * place.word + static_cast<int>(pairs[pair] % 64);                       \
    const double *box = cutoffs + 6 * place.sample;

extern "C" __global__ void __launch_bounds__(THREADS) probe_pairs(PAIR_PARAMETERS, double *ways) {
    THIS_PAIR
    ways[pair] = probe(sample, place.line, second, distance);
    (void)box;
}

extern "C" __global__ void __launch_bounds__(THREADS)
count_points(PAIR_PARAMETERS, long long *counts) {
    THIS_PAIR
    long long count = 0;
    walk(sample, place.line, second, distance, box,
         [&](const Chosen &, const double (&)[4]) { ++count; });
    counts[pair] = count;
}

extern "C" __global__ void __launch_bounds__(THREADS)
write_points(PAIR_PARAMETERS, const long long *first_point, long long width, double *points) {
    THIS_PAIR
    double *out = points + first_point[pair] * width;
    walk(sample, place.line, second, distance, box,
         [&](const Chosen &chosen, const double (&row)[4]) {
             for (int column = 0; column < 4; ++column) out[column] = row[column];
             for (int level = 0; level < width - 4; ++level) out[4 + level] = chosen.lines[level];
             out += width;
         });
}
