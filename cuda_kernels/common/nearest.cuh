// Choosing the nearest of many lines; see gpupept/kernels/triangulation/__init__.py.
//
// `Sample` has `size` lines, a `key(i)` that orders as their distances do, and flags `used[i]`. Every
// thread of the team must call these; each sets the flags of the lines it deals with.
#pragma once

// Number of the lines whose key is not above the limit.
template <typename Sample, typename Team>
__device__ __forceinline__ int count_within(const Sample &sample, const Team &team,
                                            long long limit) {
    int count = 0;
    for (long long i = team.rank(); i < sample.size; i += Team::size) {
        count += sample.key(i) <= limit;
    }
    return team.count(count);
}

template <typename Sample, typename Team>
__device__ __forceinline__ void use_within(const Sample &sample, const Team &team,
                                           long long limit) {
    for (long long i = team.rank(); i < sample.size; i += Team::size) {
        sample.used[i] = sample.key(i) <= limit;
    }
}

// Use the nearest lines of key `tied`, or less, of which so many of key `tied` as are missing: the
// first ones, or the last.
template <typename Sample, typename Team>
__device__ __forceinline__ void use_tied(const Sample &sample, const Team &team, long long tied,
                                         int missing, bool first) {
    const long long last = sample.size - 1;
    long long low = -1, high = last;  // places, counted from the end for the last ones
    while (high - low > 1) {
        const long long middle = low + (high - low) / 2;
        int count = 0;
        for (long long i = team.rank(); i <= last; i += Team::size) {
            count += sample.key(i) == tied && (first ? i : last - i) <= middle;
        }
        if (team.count(count) < missing) {
            low = middle;
        } else {
            high = middle;
        }
    }
    for (long long i = team.rank(); i <= last; i += Team::size) {
        const long long key = sample.key(i);
        sample.used[i] = key < tied || (key == tied && (first ? i : last - i) <= high);
    }
}

// Use the `number` nearest lines. Fewer keys than that are at most `least`, and at least as many are
// at most `most`.
template <typename Sample, typename Team>
__device__ __forceinline__ void use_nearest(const Sample &sample, const Team &team,
                                            long long least, long long most, int number,
                                            bool first) {
    while (most - least > 1) {
        const long long middle = least + (most - least) / 2;
        const int count = count_within(sample, team, middle);
        if (count == number) {
            use_within(sample, team, middle);
            return;
        }
        if (count < number) {
            least = middle;
        } else {
            most = middle;
        }
    }
    use_tied(sample, team, most, number - count_within(sample, team, most - 1), first);
}
