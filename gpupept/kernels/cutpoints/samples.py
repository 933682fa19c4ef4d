"""Cutpoints on the CPU: a vectorised test of all pairs, the formula for the few that pass.

The distance of two lines is |W.(U x R)| / |U x R|. Comparing squares needs no division, so a plain loop
over the second line vectorises; about one pair in fifty goes on to the exact formula. The test is loose
enough never to lose a pair to rounding.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from gpupept.kernels.threads import run_ranges

LOOSE = 1.001  # widens the distance in the first test
ROUNDING = 1e-9  # of the size of the coordinates (mm), added to it
NEAR_PARALLEL = 1e-8  # squared sine below which a pair always goes on to the exact formula
PARALLEL = 1e-14  # |D| relative to a c at which lines count as parallel
COLUMNS = 6  # t, x, y, z, i, j
LARGE_BUCKET = 64


@njit(nogil=True, cache=True)
def _is_finite(lines, row):
    finite = True
    for column in range(7):
        finite &= np.isfinite(lines[row, column])
    return finite


@njit(nogil=True, cache=True)
def sample_cutoffs(lines, samples, cutoffs):
    """Fill `cutoffs`; see `gpupept.kernels.cutpoints.default_cutoffs`."""
    for s in range(len(samples)):
        cutoffs[s, :] = np.nan
        for row in range(samples[s, 0], samples[s, 1]):
            if not _is_finite(lines, row):
                continue
            for axis in range(3):
                low = min(lines[row, 1 + axis], lines[row, 4 + axis])
                high = max(lines[row, 1 + axis], lines[row, 4 + axis])
                if not cutoffs[s, 2 * axis] <= low:
                    cutoffs[s, 2 * axis] = low
                if not cutoffs[s, 2 * axis + 1] >= high:
                    cutoffs[s, 2 * axis + 1] = high


@njit(nogil=True, cache=True)
def _load(lines, start, stop, line, row):
    """Copy the finite lines of a sample to `line` (t, P, U by rows); their number and size."""
    n, size = 0, 0.0
    for i in range(start, stop):
        if not _is_finite(lines, i):
            continue
        for column in range(4):
            line[column, n] = lines[i, column]
        for axis in range(3):
            line[4 + axis, n] = lines[i, 4 + axis] - lines[i, 1 + axis]
            size = max(size, max(abs(lines[i, 1 + axis]), abs(lines[i, 4 + axis])))
        row[n] = i - start
        n += 1
    return n, size


@njit(nogil=True, cache=True)
def _excess(x, y, z, u, v, w, line, i, limit, excess):
    """For each other line: not above zero when it may pass line i within the root of `limit`."""
    px, py, pz = line[1, i], line[2, i], line[3, i]
    ux, uy, uz = line[4, i], line[5, i], line[6, i]
    skewest = NEAR_PARALLEL * (ux * ux + uy * uy + uz * uz)
    for j in range(len(x)):
        nx = uy * w[j] - uz * v[j]
        ny = uz * u[j] - ux * w[j]
        nz = ux * v[j] - uy * u[j]
        normal = nx * nx + ny * ny + nz * nz
        apart = (x[j] - px) * nx + (y[j] - py) * ny + (z[j] - pz) * nz
        far = apart * apart - limit * normal
        skew = normal - skewest * (u[j] * u[j] + v[j] * v[j] + w[j] * w[j])
        excess[j] = skew if skew < far else far  # NaN, where numbers grow too large, stays NaN


@njit(nogil=True, cache=True)
def _cutpoint(line, i, j, squared_distance, box, out):
    """Write t, x, y, z of the cutpoint of lines i and j to `out`; whether there is one."""
    a = b = c = d = e = 0.0
    for axis in range(1, 4):
        u, r = line[3 + axis, i], line[3 + axis, j]
        w = line[axis, j] - line[axis, i]
        a += u * u
        b += u * r
        c += r * r
        d += u * w
        e += r * w
    determinant = b * b - a * c
    if not abs(determinant) > PARALLEL * (a * c):
        return False
    s = (b * e - c * d) / determinant
    t = (a * e - b * d) / determinant
    gap = 0.0
    inside = True
    for axis in range(1, 4):
        near = line[axis, i] + s * line[3 + axis, i]
        other = line[axis, j] + t * line[3 + axis, j]
        gap += (near - other) * (near - other)
        middle = (near + other) / 2.0
        inside &= box[2 * axis - 2] < middle and middle < box[2 * axis - 1]
        out[axis] = middle
    out[0] = (line[0, i] + line[0, j]) / 2.0
    return inside and gap < squared_distance


@njit(nogil=True, cache=True)
def _apart(places, row, i, limit, excess):
    """For each later line: below zero when its place is within the root of `limit` of that of line i."""
    x, y, z = places[row[i], 0], places[row[i], 1], places[row[i], 2]
    for j in range(i + 1, len(row)):
        dx, dy, dz = places[row[j], 0] - x, places[row[j], 1] - y, places[row[j], 2] - z
        excess[j - i - 1] = -1.0 if dx * dx + dy * dy + dz * dz < limit else 1.0


@njit(nogil=True, cache=True)
def _grown(table, count, least):
    """Copy the first `count` rows to a table of twice as many rows, and of at least `least`."""
    larger = np.empty((max(2 * len(table), least), table.shape[1]), np.float64)
    larger[:count] = table[:count]
    return larger


@njit(nogil=True, cache=True)
def _find_pairs(line, row, n, size, distance, places, box, excess, picked, found):
    """Write the cutpoints of one sample to `found`, in the order of (i, j); it may be replaced.

    Where lines have places, these must be within the distance instead of the lines.
    """
    count = 0
    largest_square = np.inf if len(places) else distance * distance
    limit = (LOOSE * distance + ROUNDING * size) ** 2
    x, y, z, u, v, w = line[1], line[2], line[3], line[4], line[5], line[6]
    for i in range(n - 1):
        a, b = i + 1, n
        if len(places):
            _apart(places, row[:n], i, distance * distance, excess)
        else:
            _excess(x[a:b], y[a:b], z[a:b], u[a:b], v[a:b], w[a:b], line, i, limit, excess)
        hits = 0
        for j in range(n - i - 1):
            picked[hits] = i + 1 + j
            hits += not excess[j] > 0.0
        if count + hits > len(found):
            found = _grown(found, count, count + hits)
        for hit in range(hits):
            j = picked[hit]
            if _cutpoint(line, i, j, largest_square, box, found[count]):
                found[count, 4], found[count, 5] = row[i], row[j]
                count += 1
    return found, count


@njit(nogil=True, cache=True)
def time_order(found, n, bucket, starts, order):
    """Stable order of found[:n] by time: equal slots of time, then insertion."""
    low = high = found[0, 0]
    for i in range(n):
        low, high = min(low, found[i, 0]), max(high, found[i, 0])
    scale = (n - 1) / (high - low) if high > low else 0.0
    scale = scale if scale < np.inf else 0.0
    starts[: n + 1] = 0
    for i in range(n):
        bucket[i] = int((found[i, 0] - low) * scale) if scale > 0.0 else 0
        starts[bucket[i] + 1] += 1
    for b in range(n):
        starts[b + 1] += starts[b]
    for i in range(n):
        order[starts[bucket[i]]] = i
        starts[bucket[i]] += 1
    first = 0
    for b in range(n):
        _order_bucket(found, order[first : starts[b]])
        first = starts[b]


@njit(nogil=True, cache=True)
def _order_bucket(found, order):
    if len(order) > LARGE_BUCKET:
        times = np.empty(len(order), np.float64)
        for i in range(len(order)):
            times[i] = found[order[i], 0]
        order[:] = order[np.argsort(times, kind="mergesort")]
        return
    for i in range(1, len(order)):
        row, j = order[i], i
        while j > 0 and found[order[j - 1], 0] > found[row, 0]:
            order[j] = order[j - 1]
            j -= 1
        order[j] = row


@njit(nogil=True, cache=True)
def _find(begin, end, lines, samples, cutoffs, distances, places, first_place, width, sizes):
    """Cutpoints of samples ``begin .. end - 1``, each in order of time; fills their sizes.

    One sample is found and brought into order while it is in the cache.
    """
    largest = 1
    for s in range(begin, end):
        largest = max(largest, samples[s, 1] - samples[s, 0])
    line = np.empty((7, largest), np.float64)
    row, picked = np.empty(largest, np.int64), np.empty(largest + 1, np.int64)
    excess = np.empty(largest, np.float64)
    found = np.empty((4 * largest + 64, COLUMNS), np.float64)
    orders = np.empty((3, 0), np.int64)
    points = np.empty((2 * largest * (end - begin) + 64, width), np.float64)
    total = 0
    for s in range(begin, end):
        n, size = _load(lines, samples[s, 0], samples[s, 1], line, row)
        own = places[first_place[s] : first_place[s + 1]] if len(places) else places
        found, count = _find_pairs(
            line, row, n, size, distances[s], own, cutoffs[s], excess, picked, found
        )
        sizes[s] = count
        if not count:
            continue
        if count >= orders.shape[1]:
            orders = np.empty((3, len(found) + 1), np.int64)
        order = orders[1]
        time_order(found, count, orders[0], orders[2], order)
        if total + count > len(points):
            points = _grown(points, total, total + count)
        for i in range(count):
            for column in range(width):
                points[total + i, column] = found[order[i], column]
        total += count
    return points[:total]


def cutpoints_on_host(
    lines: np.ndarray,
    samples: np.ndarray,
    cutoffs: np.ndarray,
    distances: np.ndarray,
    places: np.ndarray | None,
    append_indices: bool,
) -> tuple[np.ndarray, np.ndarray]:
    """See `gpupept.kernels.cutpoints.cutpoints` and `cutpoints_near_places`."""
    table = np.empty((0, 3)) if places is None else places
    first_place = np.concatenate([[0], np.cumsum(samples[:, 1] - samples[:, 0])])
    sizes = np.zeros(len(samples), dtype=np.int64)
    width = 6 if append_indices else 4
    parts: dict[int, np.ndarray] = {}

    def find(begin: int, end: int) -> None:
        parts[begin] = _find(
            begin, end, lines, samples, cutoffs, distances, table, first_place, width, sizes
        )

    run_ranges(find, (samples[:, 1] - samples[:, 0]).astype(np.float64) ** 2)
    offsets = np.concatenate([[0], np.cumsum(sizes)])
    points = np.empty((offsets[-1], width), dtype=np.float64)
    ranges = sorted(parts)

    def write(first: int, last: int) -> None:
        for begin in ranges[first:last]:
            part = parts.pop(begin)
            points[offsets[begin] : offsets[begin] + len(part)] = part

    run_ranges(write, np.array([len(parts[begin]) for begin in ranges]))
    return points, sizes
