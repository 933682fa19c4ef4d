"""Windowed components on every device against a walk from point to point."""

from __future__ import annotations

import contextlib
import json

import numpy as np
import pytest
from cuda_host import build
from hypothesis import given, settings
from hypothesis import strategies as st
from oracle import components as oracle
from ragged import CPU, tables

from gpupept.kernels import components as kernel
from gpupept.kernels.components import windowed_components
from gpupept.kernels.threads import use_threads


def components(device, points, window, distance, interval=np.inf):
    found = windowed_components(
        device.asarray(np.ascontiguousarray(points)), window, distance, interval
    )
    return device.to_host(found)


def check(device, points, window, distance, interval=np.inf):
    found = components(device, points, window, distance, interval)
    np.testing.assert_array_equal(found, oracle.components(points, window, distance, interval))
    assert found.dtype == np.int64


@settings(max_examples=150)
@given(
    points=tables(columns=5, largest=16),
    window=st.sampled_from([1, 2, 3, 20, 2**63 - 1]),
    distance=st.sampled_from([0.0, 5e-324, 1e-200, 1.0, 5.0, 50.0, 1e200, 1e308, np.inf]),
    interval=st.sampled_from([0.0, 2.0, np.inf]),
)
def test_any_points(device, points, window, distance, interval):
    ordered = points[np.argsort(points[:, 0], kind="stable")]
    check(device, ordered, window, distance, interval)


def walk(rng, rows, tracers):
    """Points of tracers that move about, taking turns, with some noise."""
    steps = rng.normal(size=(rows, 3)).cumsum(axis=0) + 40.0 * rng.integers(0, tracers, (rows, 1))
    noise = rng.random(rows) < 0.1
    steps[noise] += rng.normal(0, 50, (noise.sum(), 3))
    return np.column_stack([np.arange(rows) * 0.5, steps])


@pytest.mark.parametrize("rows", [0, 1, 255, 256, 257, 700])
@pytest.mark.parametrize(("window", "distance"), [(1, 5.0), (4, 3.0), (20, 8.0), (100, 1e4)])
def test_trajectories(device, rows, window, distance):
    check(device, walk(np.random.default_rng(rows), rows, 3), window, distance)


def test_limits_are_strict_for_distances_and_not_for_times(device):
    points = np.array([[0, 0, 0, 0], [1, 3, 4, 0], [2, 3, 4, 0.5], [4.0, 3, 4, 0.5]])
    assert components(device, points, 1, 5.0).tolist() == [0, 1, 1, 1]
    assert components(device, points, 1, np.nextafter(5.0, 6.0)).tolist() == [0, 0, 0, 0]
    assert components(device, points, 3, 6.0, 1.0).tolist() == [0, 0, 0, 3]
    assert components(device, points, 3, 6.0, 2.0).tolist() == [0, 0, 0, 0]
    assert components(device, points, 3, 6.0, np.nextafter(1.0, 0.0)).tolist() == [0, 1, 2, 3]


def test_rows_that_are_not_finite_link_nothing(device):
    points = np.zeros((9, 4))
    points[:, 0] = [0, 1, np.nan, 2, 3, np.inf, np.inf, 4, 5]
    points[3, 1] = np.inf
    points[5:7, 2] = 0.0
    points[8, 1] = 30.0
    expected = [0, 0, 2, 3, 0, 5, 6, 0, 8]
    for window in (1, 2):
        assert components(device, points, window, np.inf if window > 1 else 1.0)[5:7].tolist() == [
            5,
            6,
        ]
    assert components(device, points, 8, 1.0).tolist() == expected
    points[0, 0] = -np.inf
    assert components(device, points, 8, 1.0).tolist() == [0, 1, 2, 3, 1, 5, 6, 1, 8]


def test_long_chains(device):
    """Every row is linked to the next alone, and components interleave."""
    rows = np.arange(2000.0)
    chain = np.column_stack([rows, rows, 0 * rows, 0 * rows])
    assert (components(device, chain, 1, 1.5) == 0).all()
    threes = np.column_stack([rows, rows // 3, 100 * (rows % 3), 0 * rows])
    np.testing.assert_array_equal(components(device, threes, 3, 1.5), rows % 3)


def test_order_of_the_threads_of_a_gpu_changes_nothing(fake_gpu):
    points = walk(np.random.default_rng(5), 900, 4)
    expected = components(CPU, points, 30, 6.0)
    for order in (contextlib.nullcontext(), build.threads_from_last()):
        with order:
            found = windowed_components(fake_gpu.asarray(points), 30, 6.0)
        np.testing.assert_array_equal(fake_gpu.asnumpy(found), expected)


def golden_cases(archive):
    for case in json.loads(str(archive["index_json"])):
        interval = case["max_time_interval"]
        interval = np.inf if interval is None else interval
        limits = int(case["window"]), float(case["cut_distance"]), interval
        yield archive[f"{case['name']}/out"], limits, case["min_trajectory_size"]


def test_golden_segregated_points(device, golden):
    """The same partition, once components that are too small are noise."""
    cases = list(golden_cases(golden("tracking_transformers")))
    assert len(cases) >= 12
    for out, limits, smallest in cases:
        found = components(device, out[:, :-1], *limits)
        found[np.bincount(found, minlength=len(found))[found] < smallest] = -1
        pairs = set(zip(found.tolist(), out[:, -1].tolist(), strict=True))
        assert len(pairs) == len({a for a, _ in pairs}) == len({b for _, b in pairs})
        assert all((a == -1) == (b == -1) for a, b in pairs)


@pytest.mark.parametrize("exponent", [-1022, -700, -300, 0, 300, 700, 1014])
def test_distances_of_every_size(device, exponent):
    """The same links whatever the unit: squares of distances neither overflow nor vanish."""
    points = walk(np.random.default_rng(6), 300, 3)
    points[:, 1:] = np.round(points[:, 1:] * 8) / 8
    expected = components(device, points, 20, 6.0)
    points[:, 1:] *= 2.0**exponent
    np.testing.assert_array_equal(components(device, points, 20, 6.0 * 2.0**exponent), expected)


def test_blocks_and_threads_change_nothing(monkeypatch):
    """Blocks are linked one by one, then across their borders."""
    points = walk(np.random.default_rng(7), 3000, 3)
    for window, interval in ((1, np.inf), (5, 1.0), (40, np.inf), (100, 12.5)):
        expected = components(CPU, points, window, 7.0, interval)
        assert 1 < len(set(expected.tolist())) < 2500
        for rows, threads in ((1, 1), (64, 2), (1000, 3), (2999, 2)):
            monkeypatch.setattr(kernel, "ROWS_PER_BLOCK", rows)
            with use_threads(threads):
                found = components(CPU, points, window, 7.0, interval)
            np.testing.assert_array_equal(found, expected)


def test_many_points():
    """A few million pairs, several blocks; with all pairs of rows this would take hours."""
    points = walk(np.random.default_rng(8), 300_000, 2)
    found = windowed_components(points, 20, 4.0)
    assert (found <= np.arange(len(points))).all()
    assert (found[found] == found).all()
    np.testing.assert_array_equal(found[:500], oracle.components(points[:500], 20, 4.0))
