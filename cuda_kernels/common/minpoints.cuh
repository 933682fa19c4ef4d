// What the stages of the search for minpoints share; see gpupept/kernels/minpoints/__init__.py.
//
//     prepare_lines   directions and feet of the lines
//     find_near       for each line a row of words, a bit for each later line that may be near
//     list_pairs      the bits that are set, as pairs: word times 64, plus bit
//     probe_pairs     how many combinations begin with a pair, estimated
//     count_points    how many points they have
//     write_points    and these points, in lexicographic order of the lines
//
// The operations and their order are those of the CPU version, so that the results are equal.
#pragma once

#include "common/indexing.cuh"
#include "common/least_squares.cuh"

constexpr int COLUMNS = 8;  // of the table of lines: direction, foot, time, largest coordinate
constexpr double LOOSE = 1.000001, ROUNDING = 1e-9, NEAR_PARALLEL = 1e-8;  // as on the CPU

// Lines of one sample in the table, whose columns are `stride` numbers long, and their bits.
struct Sample {
    const double *table;
    long long stride;
    const unsigned long long *bits;
    int size, words;

    __device__ __forceinline__ double value(int column, int line) const {
        return table[column * stride + line];
    }
    __device__ __forceinline__ Line line(int i) const {
        return {{value(0, i), value(1, i), value(2, i)}, {value(3, i), value(4, i), value(5, i)}};
    }
    __device__ __forceinline__ double time(int i) const { return value(6, i); }
    __device__ __forceinline__ double largest(int i) const { return value(7, i); }
    __device__ __forceinline__ bool is_usable(int i) const { return largest(i) >= 0.0; }
    __device__ __forceinline__ unsigned long long word(int line, int place) const {
        return bits[static_cast<long long>(line) * words + place];
    }
};

// The sample that holds a word, and the place of the word in it.
struct Place {
    long long sample;
    int line, word;
};

__device__ __forceinline__ Sample sample_of(long long s, const double *table, long long stride,
                                            const long long *first_line,
                                            const long long *first_word,
                                            const unsigned long long *bits) {
    const int size = static_cast<int>(first_line[s + 1] - first_line[s]);
    return {table + first_line[s], stride, bits + first_word[s], size, (size + 63) / 64};
}

__device__ __forceinline__ Place place_of(long long word, const long long *first_line,
                                          const long long *first_word, long long samples) {
    const long long s = segment_of(first_word, samples, word);
    const long long words = (first_line[s + 1] - first_line[s] + 63) / 64;
    const long long within = word - first_word[s];
    return {s, static_cast<int>(within / words), static_cast<int>(within % words)};
}
