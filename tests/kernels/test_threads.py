"""Dividing samples among threads."""

from __future__ import annotations

import os
import threading

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpupept.kernels.threads import run_ranges, thread_count, use_threads


@given(
    costs=st.lists(st.sampled_from([0, 1, 7, 10**6, 10**15]), max_size=40),
    threads=st.integers(1, 9),
)
def test_ranges_cover_all_samples_once(costs, threads):
    handled = np.zeros(len(costs), dtype=int)
    lock = threading.Lock()

    def task(first, last):
        assert first < last
        with lock:
            handled[first:last] += 1

    with use_threads(threads):
        run_ranges(task, np.array(costs))
    assert (handled == 1).all()


def test_large_samples_are_spread():
    """No range has much more than its share of the work, if samples allow it."""
    costs = np.r_[np.full(64, 1000), np.full(640, 1)]
    ranges = []
    with use_threads(4):
        run_ranges(lambda first, last: ranges.append((first, last)), costs)
    work = [costs[first:last].sum() for first, last in ranges]
    assert len(ranges) > 16
    assert max(work) <= 3 * costs.sum() / 32


def test_one_thread_works_in_the_caller():
    workers = set()
    with use_threads(1):
        run_ranges(
            lambda first, last: workers.add((first, last, threading.get_ident())), np.ones(9)
        )
    assert workers == {(0, 9, threading.get_ident())}


@pytest.mark.parametrize("threads", [1, 3])
def test_errors_reach_the_caller(threads):
    def task(first, last):
        raise ArithmeticError(f"sample {first}")

    with use_threads(threads), pytest.raises(ArithmeticError, match="sample 0"):
        run_ranges(task, np.ones(5))


def test_number_of_threads():
    everything = thread_count()
    assert 1 <= everything <= (os.cpu_count() or 1)
    with use_threads(3):
        assert thread_count() == 3
        with use_threads(None):  # as by a filter in a pipeline that was given a number
            assert thread_count() == 3
        assert thread_count() == 3
    assert thread_count() == everything
    with pytest.raises(KeyError), use_threads(2):
        raise KeyError
    assert thread_count() == everything


def test_ranges_within_ranges():
    """A task may divide its own work, as filters run by several threads do."""
    total = []

    def task(first, last):
        run_ranges(lambda a, b: total.append(b - a), np.ones(5))

    with use_threads(2):
        run_ranges(task, np.ones(2))
    assert sum(total) == 10
