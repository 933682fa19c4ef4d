"""Local velocities on every device against polynomials fitted in exact arithmetic."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from cuda_host import build
from hypothesis import given, settings
from hypothesis import strategies as st
from oracle import velocity as oracle
from ragged import CPU, tables

from gpupept.kernels.threads import use_threads
from gpupept.kernels.velocity import ROWS_PER_TASK, local_velocities


def velocities(device, points, window, degree, sizes=None):
    sizes = np.array([len(points)] if sizes is None else sizes)
    rows = device.asarray(np.ascontiguousarray(points, dtype=np.float64))
    found = device.to_host(local_velocities(rows, sizes, window, degree))
    assert found.shape == (len(points), 3)
    assert found.dtype == np.float64
    return found


def wander(rng, rows, start=0.0):
    """A tracer at irregular times."""
    times = start + np.cumsum(rng.uniform(0.1, 2.0, rows))
    return np.column_stack([times, rng.normal(size=(rows, 3)).cumsum(axis=0) + 200.0])


@settings(max_examples=60)
@given(
    steps=st.lists(st.sampled_from([0.0, 0.25, 1.0, 1.5, -0.75]), max_size=14),
    start=st.sampled_from([0.0, 1000.0, 1e9, -1e12]),
    shape=st.sampled_from([(3, 1), (3, 2), (5, 1), (5, 2), (5, 3), (7, 3)]),
    place=st.sampled_from([0.0, 1e6]),
    data=st.data(),
)
def test_any_trajectory(device, steps, start, shape, place, data):
    """At equal times and at times that go back too, however long after time 0."""
    rows = len(steps)
    numbers = st.lists(st.integers(-40, 40), min_size=3 * rows, max_size=3 * rows)
    places = place + 0.125 * np.array(data.draw(numbers)).reshape(rows, 3)
    points = np.column_stack([start + np.cumsum(steps), places])
    expected = oracle.velocities(points, *shape)
    found = velocities(device, points, *shape)
    np.testing.assert_array_equal(np.isnan(found), np.isnan(expected))
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-8)


@settings(max_examples=60)
@given(points=tables(columns=5, largest=12), degree=st.integers(1, 3))
def test_numbers_that_are_not_finite_or_huge(device, points, degree):
    """Rows whose window is not finite are NaN; all others are what they are without those rows."""
    window = 5
    found = velocities(device, points, window, degree)
    for i in range(len(points)):
        first = min(max(i - 2, 0), max(len(points) - window, 0))
        chosen = points[first : first + window, :4]
        if len(points) <= window or not np.isfinite(chosen).all() or len(set(chosen[:, 0])) < 2:
            assert np.isnan(found[i]).all()
        elif abs(chosen).max() <= 100.0 and shortest_step(chosen) > 1e-3:
            expected = oracle.slopes(points[first : first + window], points[i, 0], degree)
            np.testing.assert_allclose(found[i], expected, rtol=1e-6, atol=1e-6)


def shortest_step(rows):
    """Shortest time between two rows that are not at the same one."""
    return np.diff(np.unique(rows[:, 0])).min(initial=np.inf)


@pytest.mark.parametrize("degree", [1, 2, 3, 6])
def test_polynomials_are_found_exactly(device, degree):
    rng = np.random.default_rng(degree)
    times = np.sort(rng.uniform(-2.0, 2.0, 60))
    factors = rng.normal(size=(3, degree + 1))
    places = np.column_stack([np.polyval(f, times) for f in factors])
    expected = np.column_stack([np.polyval(np.polyder(f), times) for f in factors])
    for window in (degree + 1 + degree % 2, 15, 59):
        found = velocities(device, np.column_stack([times, places]), window, degree)
        np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-5)


@pytest.mark.parametrize("start", [1e4, 1e6, 1e9, -1e12])
@pytest.mark.parametrize("interval", [0.5, 25.0])
def test_velocities_do_not_depend_on_when_a_measurement_began(device, start, interval):
    """Times that the offset does not round, so velocities must agree to the last digits."""
    times = interval * np.arange(50.0)
    places = np.random.default_rng(3).normal(size=(50, 3))
    early = velocities(device, np.column_stack([times, places]), 7, 2)
    late = velocities(device, np.column_stack([start + times, places]), 7, 2)
    np.testing.assert_array_equal(late, early)
    np.testing.assert_allclose(
        early, oracle.velocities(np.column_stack([times, places]), 7, 2), rtol=1e-11, atol=1e-13
    )


def test_samples_of_every_size(device):
    """Windows never reach into another sample; those of at most `window` rows have no velocity."""
    rng = np.random.default_rng(4)
    sizes = [0, 1, 4, 5, 6, 0, 130, 7, 5, 0]
    parts = [wander(rng, size) for size in sizes]
    found = velocities(device, np.concatenate(parts), 5, 2, sizes)
    expected = np.concatenate([oracle.velocities(part, 5, 2) for part in parts])
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-11)
    assert np.isnan(expected).any(axis=1).sum() == 1 + 4 + 5 + 5


@pytest.mark.parametrize(
    "place", list(itertools.product([0, 9, 19], [0, 1, 2, 3], [np.nan, np.inf]))
)
def test_windows_with_a_number_that_is_not_finite(device, place):
    row, column, value = place
    points = wander(np.random.default_rng(5), 20)
    points = np.column_stack([points, np.full(20, np.nan)])  # further columns play no role
    whole = velocities(device, points, 5, 2)
    assert np.isfinite(whole).all()
    points[row, column] = value
    found = velocities(device, points, 5, 2)
    first = np.clip(np.arange(20) - 2, 0, 15)
    touched = (first <= row) & (row < first + 5)
    assert np.isnan(found[touched]).all()
    np.testing.assert_array_equal(found[~touched], whole[~touched])


def test_times_that_are_all_equal(device):
    points = np.column_stack([np.full(9, 3.0), np.random.default_rng(6).normal(size=(9, 3))])
    assert np.isnan(velocities(device, points, 5, 2)).all()
    assert np.isnan(velocities(device, np.zeros((9, 4)), 5, 2)).all()


def test_pairs_of_equal_times(device):
    """Three distinct times determine a parabola: that through the means."""
    times = np.repeat([0.0, 1.0, 2.0], 3)
    places = np.repeat([0.0, 1.0, 4.0], 3) + np.tile([-0.5, 0.0, 0.5], 3)
    points = np.column_stack([times, places, places, places])
    expected = oracle.velocities(points, 7, 4)
    np.testing.assert_allclose(velocities(device, points, 7, 4), expected, rtol=1e-9, atol=1e-9)


def test_a_window_as_long_as_can_be(device):
    points = wander(np.random.default_rng(7), 30)
    assert np.isnan(velocities(device, points, 2**63 - 1, 2)).all()
    assert np.isfinite(velocities(device, points, 29, 2)).all()
    assert velocities(device, points[:0], 2**63 - 1, 2).shape == (0, 3)


def test_golden_velocities(device, golden):
    archive = golden("tracking_transformers")
    names = [name for name in archive.files if name.startswith("velocity/w")]
    assert len(names) == 8
    for name in names:
        window, degree = (int(part[1:]) for part in name.split("/")[1].split("_")[:2])
        found = velocities(device, archive["velocity/points"], window, degree)
        if name.endswith("absolute"):
            found = np.linalg.norm(found, axis=1)
        np.testing.assert_allclose(found, archive[name], rtol=0, atol=1e-8, err_msg=name)


def test_every_device_computes_the_same_numbers(fake_gpu):
    points = wander(np.random.default_rng(8), 400, start=1e7)
    sizes = np.array([150, 3, 247])
    for window, degree in ((3, 1), (11, 2), (21, 3)):
        expected = velocities(CPU, points, window, degree, sizes)
        with build.threads_from_last():
            found = local_velocities(fake_gpu.asarray(points), sizes, window, degree)
        np.testing.assert_array_equal(fake_gpu.asnumpy(found), expected)


def test_threads_change_nothing():
    rows = 3 * ROWS_PER_TASK + 17
    points, sizes = wander(np.random.default_rng(9), rows), [10, rows - 40, 30]
    with use_threads(1):
        expected = velocities(CPU, points, 9, 2, sizes)
    for threads in (2, 5):
        with use_threads(threads):
            np.testing.assert_array_equal(velocities(CPU, points, 9, 2, sizes), expected)
    some = [0, 9, 10, 11, 4095, 4096, 8192, rows - 31, rows - 30, rows - 1]
    for i in some:
        first = int(np.searchsorted([10, rows - 30], i, side="right"))
        begin, end = [(0, 10), (10, rows - 30), (rows - 30, rows)][first]
        low = min(max(i - 4, begin), end - 9)
        exact = oracle.slopes(points[low : low + 9], points[i, 0], 2)
        np.testing.assert_allclose(expected[i], exact, rtol=1e-9, atol=1e-11)
