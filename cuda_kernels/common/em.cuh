// Components of a mixture of tracers and the normal equations of their paths; see
// gpupept/kernels/em/__init__.py. Define ORDER, 0 to 2: the highest power of time in a path.
#pragma once

#include "common/least_squares.cuh"

constexpr int UNKNOWNS = 3 * (ORDER + 1);
constexpr double PIVOT = 1e-10;  // of the diagonal element; a smaller one is not determined

// Coefficients of the path, square of the spread, weight.
struct Component {
    double path[UNKNOWNS], square, weight;

    // Vector from the path at a time to a line, across the line.
    __device__ __forceinline__ Vector apart(const Line &line, double time) const {
        const Vector &u = line.direction, &q = line.foot;
        double x = path[3 * ORDER], y = path[3 * ORDER + 1], z = path[3 * ORDER + 2];
#pragma unroll
        for (int m = ORDER - 1; m >= 0; --m) {
            x = x * time + path[3 * m];
            y = y * time + path[3 * m + 1];
            z = z * time + path[3 * m + 2];
        }
        x = q.x - x, y = q.y - y, z = q.z - z;
        const double along = x * u.x + y * u.y + z * u.z;
        return {x - along * u.x, y - along * u.y, z - along * u.z};
    }
};

// Sums over the lines in their shares: matrices of the powers of time, right-hand sides, and so on.
struct PathSums {
    double matrices[2 * ORDER + 1][6] = {}, rights[UNKNOWNS] = {};
    double weight = 0.0, time = 0.0, square = 0.0;

    __device__ __forceinline__ void add(const Line &line, const Vector &r, double tau, double w) {
        const Vector &u = line.direction;
        weight += w;
        time += w * tau;
        square += w * (r.x * r.x + r.y * r.y + r.z * r.z);
        const double across[6] = {1.0 - u.x * u.x, 1.0 - u.y * u.y, 1.0 - u.z * u.z,
                                  -u.x * u.y,      -u.x * u.z,      -u.y * u.z};
#pragma unroll
        for (int m = 0; m <= 2 * ORDER; ++m) {
#pragma unroll
            for (int j = 0; j < 6; ++j) matrices[m][j] += w * across[j];
            if (m <= ORDER) {
                rights[3 * m] += w * r.x;
                rights[3 * m + 1] += w * r.y;
                rights[3 * m + 2] += w * r.z;
            }
            w *= tau;
        }
    }

    template <typename Team>
    __device__ __forceinline__ void reduce(const Team &team) {
        weight = team.sum(weight), time = team.sum(time), square = team.sum(square);
#pragma unroll
        for (int m = 0; m <= 2 * ORDER; ++m) {
#pragma unroll
            for (int j = 0; j < 6; ++j) matrices[m][j] = team.sum(matrices[m][j]);
        }
#pragma unroll
        for (int j = 0; j < UNKNOWNS; ++j) rights[j] = team.sum(rights[j]);
    }

    __device__ __forceinline__ double element(int i, int j) const {
        const double *values = matrices[i / 3 + j / 3];
        const int a = i % 3, b = j % 3;
        return a == b ? values[a] : values[2 + a + b];
    }

    // Solve for the change of the path by Cholesky factors; an unknown that is not determined does
    // not change. Whether all unknowns of the position are determined.
    __device__ __forceinline__ bool solve(double (&change)[UNKNOWNS]) const {
        double factor[UNKNOWNS][UNKNOWNS];
        bool determined = true;
#pragma unroll
        for (int j = 0; j < UNKNOWNS; ++j) {
            const double diagonal = element(j, j);
            double pivot = diagonal;
#pragma unroll
            for (int m = 0; m < j; ++m) pivot -= factor[j][m] * factor[j][m];
            const bool known = pivot > PIVOT * diagonal;
            determined &= known || j >= 3;
            // A column of zeros leaves this unknown out of the other equations.
            factor[j][j] = known ? sqrt(pivot) : 0.0;
#pragma unroll
            for (int i = j + 1; i < UNKNOWNS; ++i) {
                double value = element(i, j);
#pragma unroll
                for (int m = 0; m < j; ++m) value -= factor[i][m] * factor[j][m];
                factor[i][j] = known ? value / factor[j][j] : 0.0;
            }
        }
#pragma unroll
        for (int j = 0; j < UNKNOWNS; ++j) {
            double value = rights[j];
#pragma unroll
            for (int m = 0; m < j; ++m) value -= factor[j][m] * change[m];
            change[j] = factor[j][j] > 0.0 ? value / factor[j][j] : 0.0;
        }
#pragma unroll
        for (int j = UNKNOWNS - 1; j >= 0; --j) {
            double value = change[j];
#pragma unroll
            for (int m = j + 1; m < UNKNOWNS; ++m) value -= factor[m][j] * change[m];
            change[j] = factor[j][j] > 0.0 ? value / factor[j][j] : 0.0;
        }
        return determined;
    }
};
