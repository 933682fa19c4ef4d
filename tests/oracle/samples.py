"""Row ranges of samples, written out rule by rule in plain Python."""

from __future__ import annotations

import math

EPSILON = 2.0**-52


def integer_samples(rows, size, overlap):
    if size == 0:
        return [[0, rows]]
    table, start = [], 0
    while start <= rows - size:
        table.append([start, start + size])
        start += size - overlap
    return table


def list_samples(sizes):
    table, start = [], 0
    for size in sizes:
        table.append([start, start + size])
        start += size
    return table


def ascending(times):
    """Latest finite time up to each row; the first finite time for rows before it."""
    finite = [t for t in times if math.isfinite(t)]
    if not finite:
        return []
    latest, result = finite[0], []
    for t in times:
        if math.isfinite(t) and t > latest:
            latest = t
        result.append(latest)
    return result


def time_window_samples(times, window, overlap):
    times = ascending(times)
    if not times or window == 0:
        return []
    step = window - overlap

    def rounding(time):
        return 8 * EPSILON * max(abs(times[0]), abs(time))

    table, number = [], 0
    while times[0] + number * step + window <= times[-1] + rounding(times[-1]):
        start = times[0] + number * step
        end = start + window
        low, high = start - rounding(start), end - rounding(end)
        inside = [row for row, t in enumerate(times) if low <= t < high]
        if inside:
            table.append([inside[0], inside[-1] + 1])
        number += 1
    return table


def adaptive_window_samples(times, window, overlap, max_elems):
    times = ascending(times)
    table, start, rows = [], 0, len(times)
    while window > 0 and start < rows:
        end = following = start + 1
        while end < rows and times[end] <= times[start] + window and end - start < max_elems:
            end += 1
        while following < rows and times[following] <= times[start] + (window - overlap):
            following += 1
        table.append([start, end])
        if end == rows:
            break
        start = min(following, end)
    return table


def union_of_samples(table, rows):
    """Rows in any of the samples, and the samples' ranges among those rows."""
    kept = [row for row in range(rows) if any(a <= row < b for a, b in table)]
    return kept, [[sum(k < a for k in kept), sum(k < b for k in kept)] for a, b in table]
