// Where between cells the peaks of grids, which are VALUE, are; gpupept/kernels/fpi/refine.py has the
// formulas. A thread for each peak and axis.
#include "common/indexing.cuh"
#include "common/fpi.cuh"

constexpr int THREADS = 128, MOST_STEPS = 100;
constexpr double CLOSE_ENOUGH = 1e-4;
constexpr double ROOT_HALF_PI = 1.2533141373155003, ROOT_HALF = 0.7071067811865476;
typedef VALUE Value;

struct Fit {
    double intensity, place, width;
};

// Residuals are the last column, their derivatives the others.
struct System {
    double rows[3][4], size, half_square;
};

__device__ __noinline__ void evaluate(const Fit &fit, const double (&values)[3], System &system) {
    double squares = 0.0;
    system.size = 0.0;
    for (int i = 0; i < 3; ++i) {
        const double low = i - 1.5 - fit.place, high = i - 0.5 - fit.place, width = fit.width;
        const double e_low = exp(-low * low / (2.0 * width * width));
        const double e_high = exp(-high * high / (2.0 * width * width));
        double share = erf(high * ROOT_HALF / width) - erf(low * ROOT_HALF / width);
        share *= width * ROOT_HALF_PI;
        const double residual = fit.intensity * share - values[i];
        double *row = system.rows[i];
        row[0] = share;
        row[1] = fit.intensity * (e_low - e_high);
        row[2] = fit.intensity * (share - (high * e_high - low * e_low)) / width;
        row[3] = residual;
        system.size += fabs(residual);
        squares += residual * residual;
    }
    system.half_square = 0.5 * squares;
}

__device__ __forceinline__ void exchange(double &a, double &b) {
    const double kept = a;
    a = b;
    b = kept;
}

// The solution replaces the last column.
__device__ __forceinline__ void solve(double (&rows)[3][4]) {
#pragma unroll
    for (int column = 0; column < 3; ++column) {
#pragma unroll
        for (int row = column + 1; row < 3; ++row) {
            if (fabs(rows[row][column]) > fabs(rows[column][column])) {
                for (int k = column; k < 4; ++k) exchange(rows[column][k], rows[row][k]);
            }
        }
#pragma unroll
        for (int row = 0; row < 3; ++row) {
            if (row == column) continue;
            const double factor = rows[row][column] / rows[column][column];
            for (int k = column; k < 4; ++k) rows[row][k] -= factor * rows[column][k];
        }
    }
#pragma unroll
    for (int row = 0; row < 3; ++row) rows[row][3] /= rows[row][row];
}

__device__ __forceinline__ Fit fit_gaussian(const double (&values)[3]) {
    const double close = CLOSE_ENOUGH * min(1.0, values[1]);
    Fit fit = {values[1], 0.0, 1.0};
    System system;
    evaluate(fit, values, system);
    for (int step = 0; step < MOST_STEPS; ++step) {
        if (system.size < close) break;
        const double before = system.half_square;
        solve(system.rows);
        double a = -system.rows[0][3], b = -system.rows[1][3], c = -system.rows[2][3];
        Fit moved = {fit.intensity + a, fit.place + b, fit.width + c};
        evaluate(moved, values, system);
        while (system.half_square > before) {
            const double shorter = before / (before + system.half_square);
            a *= shorter, b *= shorter, c *= shorter;
            moved = {fit.intensity + a, fit.place + b, fit.width + c};
            evaluate(moved, values, system);
        }
        fit = moved;
        if (!(fabs(a) + fabs(b) + fabs(c) >= close)) break;  // also where they are not numbers
    }
    fit.width = fabs(fit.width);
    return fit;
}

__device__ __forceinline__ Fit fit_parabola(const double (&values)[3]) {
    const double left = log(values[0] / values[1]), right = log(values[1] / values[2]);
    return {values[1], (left + right) / (2.0 * (left - right)), sqrt(1.0 / (right - left))};
}

extern "C" __global__ void __launch_bounds__(THREADS)
refine_peaks(const Value *values, const long long *table, const long long *cells,
             const long long *owners, long long count, double *places) {
    for (long long i = grid_index(); i < 3 * count; i += grid_stride()) {
        const long long peak = i / 3;
        const int axis = static_cast<int>(i % 3);
        const Volume grid = volume_of(table, owners[peak]);
        long long stride = 1, along = cells[peak] - grid.begin;
        for (int d = 2; d > axis; --d) stride *= grid.counts[d];
        along = along / stride % grid.counts[axis];
        double three[3];
        for (int k = 0; k < 3; ++k) {
            three[k] = static_cast<double>(values[cells[peak] + (k - 1) * stride]);
        }
        Fit fit = fit_gaussian(three);
        if (!(fabs(fit.place) < 1.0 && fit.width < INFINITY)) fit = fit_parabola(three);
        if (!(fabs(fit.place) < 1.0)) fit.place = 0.0, fit.width = NAN;
        places[6 * peak + axis] = static_cast<double>(along) + fit.place;
        places[6 * peak + 3 + axis] = fit.width;
    }
}
