"""Functions run on samples, one by one, in every way."""

from __future__ import annotations

import functools
import threading
import time
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor

import numpy as np
import pytest

from gpupept import PointData
from gpupept.executors import check_executor, map_samples

EXECUTORS = ["sequential", "joblib", ThreadPoolExecutor, ProcessPoolExecutor]


def double(value):
    return 2 * value


def slower_first(value):
    time.sleep(0.02 * (5 - value))
    return value


def fail_at_three(value):
    if value == 3:
        raise KeyError("three")
    return value


def mean_of(sample):
    return sample.attrs["name"], sample.points.mean(axis=0)


class Immediately(Executor):
    """Runs at once, in this thread, and remembers how it was made and left."""

    made: list[dict] = []

    def __init__(self, **kwargs):
        self.made.append(kwargs)
        self.open = True

    def submit(self, function, /, *args, **kwargs):
        assert self.open
        future: Future = Future()
        future.set_result(function(*args, **kwargs))
        return future

    def shutdown(self, wait=True, *, cancel_futures=False):
        self.open = False


class TestResults:
    @pytest.mark.parametrize("executor", EXECUTORS)
    @pytest.mark.parametrize("workers", [None, 1, 2])
    def test_in_order(self, executor, workers):
        found = map_samples(slower_first, range(6), executor, workers, verbose=False)
        assert found == list(range(6))

    @pytest.mark.parametrize("executor", EXECUTORS)
    def test_containers_travel_whole(self, executor):
        points = PointData(np.arange(32.0).reshape(8, 4), 2, name="n")
        found = map_samples(mean_of, points, executor, 2, verbose=False)
        assert [name for name, _ in found] == ["n"] * 4
        np.testing.assert_array_equal(found[2][1], [18, 19, 20, 21])

    @pytest.mark.parametrize("executor", EXECUTORS)
    def test_nothing_and_generators(self, executor):
        assert map_samples(double, [], executor, 2, verbose=False) == []
        assert map_samples(double, (i for i in range(4)), executor, 2, verbose=False) == [
            0,
            2,
            4,
            6,
        ]

    @pytest.mark.parametrize("executor", EXECUTORS)
    def test_errors_come_through(self, executor):
        with pytest.raises(KeyError, match="three"):
            map_samples(fail_at_three, range(6), executor, 2, verbose=False)


class TestFutures:
    def test_class_is_made_with_max_workers_and_left(self):
        Immediately.made.clear()
        assert map_samples(double, range(3), Immediately, 5, verbose=False) == [0, 2, 4]
        assert Immediately.made == [{"max_workers": 5}]

    def test_instance_is_used_and_left_open(self):
        with ThreadPoolExecutor(2) as pool:
            assert map_samples(double, range(3), pool, verbose=False) == [0, 2, 4]
            assert pool.submit(double, 4).result() == 8

    def test_anything_with_submit(self):
        class Client:
            def submit(self, function, sample):
                future: Future = Future()
                future.set_result(function(sample))
                return future

        assert map_samples(double, range(3), Client(), verbose=False) == [0, 2, 4]

    def test_an_error_stops_what_has_not_begun(self):
        begun, proceed = [], threading.Event()

        def work(value):
            begun.append(value)
            if value == 0:
                raise ValueError("stop")
            proceed.wait(10)

        with ThreadPoolExecutor(1) as pool:
            with pytest.raises(ValueError, match="stop"):
                map_samples(work, range(50), pool, verbose=False)
            proceed.set()
        assert len(begun) <= 2


class TestArguments:
    @pytest.mark.parametrize("executor", ["threads", "", None, 3, int, object(), ["joblib"], print])
    def test_executors_refused(self, executor):
        with pytest.raises(TypeError, match="'sequential', 'joblib'"):
            check_executor(executor, None)
        with pytest.raises(TypeError):
            map_samples(double, [1], executor, verbose=False)

    @pytest.mark.parametrize("executor", EXECUTORS)
    def test_workers_refused(self, executor):
        for workers in (0, -2):
            with pytest.raises(ValueError, match="max_workers"):
                map_samples(double, [1], executor, workers, verbose=False)
        for workers in (1.5, "2", True):
            with pytest.raises(TypeError, match="max_workers"):
                map_samples(double, [1], executor, workers, verbose=False)

    def test_workers_of_any_integral_kind(self):
        for executor in EXECUTORS:
            check_executor(executor, np.int64(2))
        assert map_samples(double, [1], ThreadPoolExecutor, np.int32(2), verbose=False) == [2]

    @pytest.mark.parametrize("samples", [3, None])
    def test_not_iterable(self, samples):
        with pytest.raises(ValueError, match="iterable"):
            map_samples(double, samples, "sequential", verbose=False)


class TestProgress:
    def test_shown(self, capsys):
        map_samples(double, range(7), "sequential", description="Doubling")
        shown = capsys.readouterr().err
        assert "Doubling" in shown
        assert "7/7" in shown

    def test_without_a_length(self, capsys):
        assert map_samples(double, iter(range(3)), "sequential", description="D") == [0, 2, 4]
        assert "3sample" in capsys.readouterr().err

    def test_silent(self, capsys):
        map_samples(double, range(7), "sequential", verbose=False)
        assert capsys.readouterr() == ("", "")


def test_a_function_that_makes_an_executor() -> None:
    factory = functools.partial(ThreadPoolExecutor, thread_name_prefix="own")
    name = map_samples(lambda _: threading.current_thread().name, [0], factory, 1, verbose=False)
    assert name[0].startswith("own")
