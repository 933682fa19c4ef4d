// Lines given by two points, rows `t, x1, y1, z1, x2, y2, z2, ...` of `columns` numbers.
#pragma once

// Whether all that describes a line is finite.
__device__ __forceinline__ bool is_finite_line(const double *line) {
    bool finite = true;
    for (int column = 0; column < 7; ++column) finite &= fabs(line[column]) <= DBL_MAX;
    return finite;
}

// Mid-point of the shortest segment between two infinite lines, with the mean of their times, and
// the squared length of the segment. False for (nearly) parallel lines and lines without length.
//
// The operations and their order are those of the CPU version, so that the results are equal.
struct Meeting {
    double time, place[3], squared_gap;
};

__device__ __forceinline__ bool meet(const double *first, const double *second, Meeting &meeting) {
    constexpr double parallel = 1e-14;
    double a = 0.0, b = 0.0, c = 0.0, d = 0.0, e = 0.0, u[3], r[3];
    for (int axis = 0; axis < 3; ++axis) {
        u[axis] = first[4 + axis] - first[1 + axis];
        r[axis] = second[4 + axis] - second[1 + axis];
        const double w = second[1 + axis] - first[1 + axis];
        a += u[axis] * u[axis];
        b += u[axis] * r[axis];
        c += r[axis] * r[axis];
        d += u[axis] * w;
        e += r[axis] * w;
    }
    const double determinant = b * b - a * c;
    if (!(fabs(determinant) > parallel * (a * c))) return false;
    const double s = (b * e - c * d) / determinant;
    const double t = (a * e - b * d) / determinant;
    meeting.squared_gap = 0.0;
    for (int axis = 0; axis < 3; ++axis) {
        const double near = first[1 + axis] + s * u[axis];
        const double other = second[1 + axis] + t * r[axis];
        meeting.squared_gap += (near - other) * (near - other);
        meeting.place[axis] = (near + other) / 2.0;
    }
    meeting.time = (first[0] + second[0]) / 2.0;
    return true;
}
