"""Sample tables against a plain oracle, on any input."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from oracle import samples as oracle

from gpupept.base import samples
from gpupept.base.selection import sample_numbers, union_of_samples

EMPTY = np.empty((0, 2), dtype=np.int64)
quarters = st.integers(-40, 400).map(lambda n: n / 4)
any_time = st.one_of(
    quarters, st.floats(-100, 100), st.sampled_from([np.nan, np.inf, -np.inf, 0.1, 0.3, 0.7])
)
time_lists = st.one_of(
    st.lists(quarters, max_size=40).map(sorted),
    st.lists(st.floats(-50, 50), max_size=40).map(sorted),
    st.lists(any_time, max_size=20),
    st.builds(
        lambda n, step, t0: [t0 + i * step for i in range(n)],
        st.integers(0, 60),
        st.sampled_from([0.1, 0.25, 1 / 3, 1.0]),
        quarters,
    ),
)
windows = st.one_of(
    st.integers(0, 40).map(lambda n: n / 4), st.floats(0.5, 30), st.sampled_from([0.1, 0.3])
)


def table_of(pairs):
    return np.array(pairs, dtype=np.int64).reshape(-1, 2)


@given(st.integers(0, 60), st.integers(0, 20), st.integers(-30, 19))
def test_integer_sizes(rows, size, overlap):
    if 0 < size <= overlap:
        with pytest.raises(ValueError, match="overlap must be smaller than sample_size"):
            samples.integer_samples(rows, size, overlap)
        return
    table = samples.integer_samples(rows, size, overlap)
    assert np.array_equal(table, table_of(oracle.integer_samples(rows, size, overlap)))
    assert table.dtype == np.int64


def test_negative_size_and_enormous_numbers():
    with pytest.raises(ValueError, match="sample_size must not be negative, found -1"):
        samples.integer_samples(3, -1, 0)
    assert samples.integer_samples(10, 2, -(10**30)).tolist() == [[0, 2]]
    assert samples.integer_samples(10, 10**30, 0).tolist() == []


@given(st.lists(st.integers(0, 9), max_size=20))
def test_lists_of_sizes(sizes):
    table = samples.list_samples(np.array(sizes, dtype=np.int64))
    assert np.array_equal(table, table_of(oracle.list_samples(sizes)))


@settings(max_examples=300)
@given(time_lists, windows, st.one_of(st.just(0.0), st.floats(-20, 0.9)))
@example([0.0, 1e4], 1.0, 0.0)  # hardly any of the windows hold rows
@example([0.0, 1.0, 5e3, 5e3 + 0.5, 6e3], 2.0, 0.9)
@example([float(t) for t in range(11)], 5.0, 0.0)  # rows exactly on the borders
def test_time_windows(times, window, relative_overlap):
    overlap = relative_overlap * window if relative_overlap > 0 else relative_overlap
    table = samples.time_window_samples(np.array(times, dtype=float), window, overlap)
    assert np.array_equal(table, table_of(oracle.time_window_samples(times, window, overlap)))
    assert table.dtype == np.int64


def test_rows_on_the_borders_of_time_windows_start_the_next_one():
    table = samples.time_window_samples(np.arange(11.0), 5.0, 0.0)
    assert table.tolist() == [[0, 5], [5, 10]]
    tenths = np.arange(31) / 10  # 0.3 and its like are not multiples of 0.1 in binary
    table = samples.time_window_samples(tenths, 0.1, 0.0)
    assert table.tolist() == [[i, i + 1] for i in range(30)]


def test_negative_times_lose_no_rows():
    table = samples.time_window_samples(np.arange(-100.0, -89.0), 5.0, 0.0)
    assert table.tolist() == [[0, 5], [5, 10]]


def test_a_time_window_needs_little_memory_for_data_with_a_long_gap():
    times = np.array([0.0, 0.5, 1.0, 1e12, 1e12 + 2])
    assert samples.time_window_samples(times, 1.0, 0.0).tolist() == [[0, 2], [2, 3], [3, 4]]


def test_too_many_time_windows_are_an_error_not_a_crash():
    times = np.linspace(0.0, 1e6, 5)
    with pytest.raises(ValueError, match="too short for data"):
        samples.time_window_samples(times, 1e6 - 1, 1e6 - 1 - 1e-9)


def test_times_of_any_size():
    times = np.array([-1.7e308, 0.0, 1.0, 1.7e308])
    assert samples.time_window_samples(times, 1e308, 0.0).tolist() == [[0, 1], [1, 3]]
    assert samples.adaptive_window_samples(times, 1e308, 0.0, 9).tolist() == [
        [0, 1],
        [1, 3],
        [3, 4],
    ]


def test_data_shorter_than_a_time_window_has_no_samples():
    assert np.array_equal(samples.time_window_samples(np.array([0.0, 1.0]), 2.0, 0.0), EMPTY)
    assert np.array_equal(samples.time_window_samples(np.array([3.0]), 2.0, 0.0), EMPTY)
    assert np.array_equal(samples.time_window_samples(np.empty(0), 2.0, 0.0), EMPTY)
    assert np.array_equal(samples.time_window_samples(np.arange(3.0), np.inf, 0.0), EMPTY)
    assert np.array_equal(samples.time_window_samples(np.full(4, np.nan), 2.0, 0.0), EMPTY)


@settings(max_examples=200)
@given(
    time_lists,
    windows,
    st.one_of(st.just(0.0), st.floats(-3, 0.98)),
    st.one_of(st.integers(1, 6), st.just(2**63 - 1)),
)
@example([], 1.0, 0.0, 3)
@example([2.0], 1.0, 0.5, 1)
@example([2.0] * 7, 1.0, 0.0, 3)
def test_adaptive_windows(times, window, relative_overlap, max_elems):
    overlap = relative_overlap * window
    table = samples.adaptive_window_samples(
        np.array(times, dtype=float), window, overlap, max_elems
    )
    expected = oracle.adaptive_window_samples(times, window, max(overlap, 0.0), max_elems)
    assert np.array_equal(table, table_of(expected))
    assert table.dtype == np.int64


def test_a_negative_overlap_of_adaptive_windows_is_no_overlap():
    times = np.array([0.0, 1, 2, 3, 10, 11])
    table = samples.adaptive_window_samples(times, 1.5, -7.0, 100)
    assert table.tolist() == [[0, 2], [2, 4], [4, 6]]


@pytest.mark.parametrize(
    "rule",
    [
        samples.time_window_samples,
        lambda *a: samples.adaptive_window_samples(*a, 10),
    ],
)
def test_bad_windows(rule):
    times = np.arange(10.0)
    for window, overlap in [(-1.0, 0.0), (np.nan, 0.0), (2.0, 2.0), (2.0, 3.0), (2.0, np.nan)]:
        with pytest.raises(ValueError, match="Window"):
            rule(times, window, overlap)
    assert rule(times, 0.0, 5.0).shape == (0, 2)


def test_adaptive_windows_need_room_for_a_row():
    with pytest.raises(ValueError, match="max_elems must be at least 1, found 0"):
        samples.adaptive_window_samples(np.arange(3.0), 1.0, 0.0, 0)


@given(time_lists)
def test_ascending_times(times):
    found = samples.ascending_times(np.array(times, dtype=float))
    assert found.tolist() == oracle.ascending(times)


def test_ascending_times_are_not_copied():
    times = np.arange(5.0)
    assert samples.ascending_times(times) is times


@given(
    st.integers(0, 12).flatmap(
        lambda n: st.tuples(
            st.just(n),
            st.lists(st.tuples(st.integers(0, n), st.integers(0, n)).map(sorted), max_size=6),
        )
    )
)
def test_union_of_samples(case):
    rows, ranges = case
    kept, table = union_of_samples(table_of(ranges), rows)
    expected_rows, expected_table = oracle.union_of_samples(ranges, rows)
    assert kept.tolist() == expected_rows
    assert table.tolist() == expected_table


@given(st.integers(0, 6), st.lists(st.integers(-8, 8), max_size=6))
def test_sample_numbers(count, key):
    try:
        expected = [list(range(count))[i] for i in key]
    except IndexError:
        with pytest.raises(IndexError, match="out of range"):
            sample_numbers(key, count)
    else:
        assert sample_numbers(key, count).tolist() == expected
        assert sample_numbers(tuple(key), count).tolist() == expected
        assert sample_numbers(np.array(key, dtype=np.int32), count).tolist() == expected


@given(st.integers(0, 6), st.slices(6))
def test_sample_slices(count, key):
    assert sample_numbers(key, count).tolist() == list(range(count))[key]
