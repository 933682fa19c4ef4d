// Minpoints, first stages: lines as directions and feet, and the pairs of them that may be near.
#include "common/minpoints.cuh"

constexpr int THREADS = 128;

extern "C" __global__ void __launch_bounds__(THREADS)
prepare_lines(const double *lines, long long columns, const long long *samples,
              const long long *first_line, long long sample_count, long long line_count,
              double *table) {
    const long long place = grid_index();
    if (place >= line_count) return;
    const long long s = segment_of(first_line, sample_count, place);
    const double *row = lines + (samples[2 * s] + place - first_line[s]) * columns;
    const bool usable = is_usable_line(row);
    const Line line = usable ? to_line(row) : Line{{0.0, 0.0, 0.0}, {0.0, 0.0, 0.0}};
    double largest = usable ? 0.0 : -1.0;
    for (int column = 1; column < 7 && usable; ++column) largest = fmax(largest, fabs(row[column]));
    const double values[COLUMNS] = {line.direction.x, line.direction.y, line.direction.z,
                                    line.foot.x,      line.foot.y,      line.foot.z,
                                    row[0],           largest};
#pragma unroll
    for (int column = 0; column < COLUMNS; ++column) table[column * line_count + place] = values[column];
}

__device__ __forceinline__ bool may_be_near(const Line &first, const Line &second, double largest,
                                            double distance) {
    const Vector &u = first.direction, &v = second.direction;
    const double x = u.y * v.z - u.z * v.y, y = u.z * v.x - u.x * v.z, z = u.x * v.y - u.y * v.x;
    const double normal = x * x + y * y + z * z;
    if (normal <= NEAR_PARALLEL) return true;
    double apart = x * (second.foot.x - first.foot.x);
    apart += y * (second.foot.y - first.foot.y);
    apart += z * (second.foot.z - first.foot.z);
    const double reach = LOOSE * (2.0 * distance) + ROUNDING * largest;
    return !(apart * apart > reach * reach * normal);
}

// One thread for each word.
extern "C" __global__ void __launch_bounds__(THREADS)
find_near(const double *table, long long line_count, const long long *first_line,
          const long long *first_word, long long sample_count, long long word_count,
          double distance, unsigned long long *bits, long long *counts) {
    const long long word = grid_index();
    if (word >= word_count) return;
    const Place place = place_of(word, first_line, first_word, sample_count);
    const Sample sample =
        sample_of(place.sample, table, line_count, first_line, first_word, bits);
    const Line own = sample.line(place.line);
    const int first = 64 * place.word, last = min(first + 64, sample.size);
    unsigned long long near = 0;
    for (int other = max(first, place.line + 1); other < last; ++other) {
        if (!sample.is_usable(place.line) || !sample.is_usable(other)) continue;
        const double largest = fmax(sample.largest(place.line), sample.largest(other));
        if (may_be_near(own, sample.line(other), largest, distance)) near |= 1ULL << (other - first);
    }
    bits[word] = near;
    counts[word] = __popcll(near);
}

extern "C" __global__ void __launch_bounds__(THREADS)
list_pairs(const unsigned long long *bits, const long long *first_pair, long long word_count,
           long long *pairs) {
    const long long word = grid_index();
    if (word >= word_count) return;
    long long place = first_pair[word];
    for (unsigned long long rest = bits[word]; rest; rest &= rest - 1) {
        pairs[place++] = 64 * word + __ffsll(rest) - 1;
    }
}
