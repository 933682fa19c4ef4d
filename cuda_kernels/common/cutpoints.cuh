// What the stages of the search for cutpoints share. They are launched one after another:
//
//     prepare_lines   lines in single precision, for a test without divisions that errs to one side
//     test_pairs      that test for all pairs, the formula for the few that pass; one bit a pair
//     test_places     or, where lines have places, whether these are near each other
//     write_points    the bits become pairs, ordered by time, and these become cutpoints
//
// Pairs are cut into tiles, 64 lines by 64 later ones. The tiles of a sample are those of the upper
// triangle, column after column. Of a tile's 128 words, words 2 i and 2 i + 1 belong to line i of
// its row, and their bits to the lines of its column.
#pragma once

#include "common/lines.cuh"

constexpr int TILE = 64, WORDS = 2 * TILE;

__device__ __forceinline__ int number_of_bits(const uint4 &words) {
    return __popc(words.x) + __popc(words.y) + __popc(words.z) + __popc(words.w);
}

// Row and column of a tile in the upper triangle, numbered column after column.
__device__ __forceinline__ void place_of_tile(long long tile, int &row, int &column) {
    long long j = static_cast<long long>((sqrt(8.0 * tile + 1.0) - 1.0) / 2.0);
    while (j * (j + 1) / 2 > tile) --j;
    while ((j + 1) * (j + 2) / 2 <= tile) ++j;
    column = static_cast<int>(j);
    row = static_cast<int>(tile - j * (j + 1) / 2);
}

__device__ __forceinline__ bool is_cutpoint(const double *first, const double *second,
                                            const double *cutoffs, double squared_distance) {
    Meeting meeting;
    if (!meet(first, second, meeting) || !(meeting.squared_gap < squared_distance)) return false;
    bool inside = true;
    for (int axis = 0; axis < 3; ++axis) {
        inside &= cutoffs[2 * axis] < meeting.place[axis];
        inside &= meeting.place[axis] < cutoffs[2 * axis + 1];
    }
    return inside;
}
