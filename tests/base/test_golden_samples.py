"""Sample tables against reference tables; exact."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from gpupept import AdaptiveWindow, LineData, TimeWindow


def ragged(golden, name, offsets):
    bounds = golden[offsets]
    return [golden[name][a:b] for a, b in pairwise(bounds)]


def lines_at(times):
    rows = np.zeros((len(times), 7))
    rows[:, 0] = times
    return rows


def test_integer_sizes(golden):
    reference = golden("core_samples")
    tables = ragged(reference, "int_out", "int_off")
    for (rows, size, overlap), table in zip(reference["int_cases"].tolist(), tables, strict=True):
        lines = LineData(np.zeros((rows, 7)), size, overlap)
        assert np.array_equal(lines.samples_indices, table), (rows, size, overlap)
        assert lines.samples_indices.dtype == np.int64


def test_lists_of_sizes(golden):
    reference = golden("core_samples")
    data = np.zeros((int(reference["list_nrows"]), 7))
    tables = ragged(reference, "list_out", "list_off")
    for sizes, table in zip(ragged(reference, "list_sizes", "list_sizes_off"), tables, strict=True):
        lines = LineData(data, sizes.tolist())
        assert np.array_equal(lines.samples_indices, table.reshape(-1, 2)), sizes
        assert lines.overlap is None


def test_time_windows(golden):
    reference = golden("core_samples")
    tables = ragged(reference, "tw_suggested", "tw_suggested_off")
    cases = zip(
        ragged(reference, "tw_times", "tw_times_off"), reference["tw_params"], tables, strict=True
    )
    for times, (window, overlap), table in cases:
        lines = LineData(lines_at(times), TimeWindow(window), TimeWindow(overlap))
        assert np.array_equal(lines.samples_indices, table), (window, overlap)


def test_adaptive_windows(golden):
    reference = golden("core_samples")
    tables = ragged(reference, "aw_rule", "aw_rule_off")
    times = ragged(reference, "aw_times", "aw_times_off")
    cases = zip(times, reference["aw_params"], reference["aw_max_elems"], tables, strict=True)
    for when, (window, overlap), limit, table in cases:
        lines = LineData(lines_at(when), AdaptiveWindow(window, limit), AdaptiveWindow(overlap))
        assert np.array_equal(lines.samples_indices, table), (window, overlap, limit)
