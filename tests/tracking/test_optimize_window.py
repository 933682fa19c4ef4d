"""OptimizeWindow: the time window that gives samples of a wanted size."""

from __future__ import annotations

import numpy as np
import pytest

from gpupept import AdaptiveWindow, LineData, PointData
from gpupept.scanners import parallel_screens
from gpupept.tracking import OptimizeWindow


def as_points(times, **arguments):
    return PointData(np.column_stack([times, np.zeros((len(times), 3))]), **arguments)


def median_without_limit(samples):
    """Median number of rows if samples could have any, of those that are not too small or large."""
    window, ideal = samples.sample_size.window, samples.sample_size.max_elems
    free = samples.with_samples(
        sample_size=AdaptiveWindow(window), overlap=AdaptiveWindow(samples.overlap.window)
    )
    counts = np.diff(free.samples_indices)
    return np.median(counts[(counts >= 0.3 * ideal) & (counts <= 3 * ideal)])


@pytest.mark.parametrize("ideal", [50, 100, 200])
def test_golden(golden, ideal):
    g = golden("tracking_transformers")
    found = OptimizeWindow(ideal).fit(as_points(g["optimizewindow/times"]))
    assert abs(median_without_limit(found) - ideal) <= 1
    assert found.sample_size.window == pytest.approx(
        float(g[f"optimizewindow/ideal{ideal}_window"]), rel=0.05
    )


@pytest.mark.parametrize("ideal", [50, 100, 200, 400])
def test_clock_that_ticks_coarsely(shared, ideal):
    """Most lines of a real file have the time of the one before."""
    lines = parallel_screens(shared / "data" / "sample_2p_42rpm.csv", 712, skiprows=16, nrows=30000)
    assert np.median(np.diff(lines["t"])) == 0
    found = OptimizeWindow(ideal).fit(lines)
    assert abs(median_without_limit(found) - ideal) <= 0.1 * ideal
    assert np.median(np.diff(found.samples_indices)) > 0.8 * ideal


@pytest.mark.parametrize("ideal", [1, 2, 7, 150])
@pytest.mark.parametrize("overlap", [0.0, 0.5, 0.9])
def test_random_times(ideal, overlap):
    times = np.random.default_rng(0).exponential(2.0, 4000).cumsum()
    found = OptimizeWindow(ideal, overlap).fit(as_points(times))
    assert abs(median_without_limit(found) - ideal) <= 1
    assert found.sample_size.max_elems == ideal
    assert found.overlap.window == pytest.approx(overlap * found.sample_size.window)


def test_gaps_and_bursts_do_not_count():
    rng = np.random.default_rng(0)
    lonely = np.arange(3000) * 1000.0  # most samples hold one of these alone
    dense = 1e7 + rng.uniform(0, 1e4, 20000)
    times = np.concatenate([lonely, np.sort(dense)])
    found = OptimizeWindow(100).fit(as_points(times))
    assert found.sample_size.window == pytest.approx(50, rel=0.1)


def test_devices(device):
    times = np.random.default_rng(1).uniform(0, 1000, 3000)
    times.sort()
    found = OptimizeWindow(30).fit(PointData(device.asarray(as_points(times).points), 7))
    assert found.device.startswith(device.name)
    assert abs(np.median(np.diff(found.samples_indices)) - 30) <= 1


def test_containers():
    lines = LineData(np.column_stack([np.arange(100.0), np.zeros((100, 6))]), 7, 3, run=1)
    found = OptimizeWindow(10).fit(lines)
    assert isinstance(found, LineData)
    assert (found.attrs, len(found)) == ({"run": 1}, 10)
    assert found.lines is lines.lines
    assert (lines.sample_size, lines.overlap) == (7, 3)
    halves = [as_points(np.arange(50.0)), as_points(np.arange(50.0, 100.0))]
    for samples in (halves, [half.points for half in halves], iter(halves)):
        assert len(OptimizeWindow(10).fit(samples)) == 10


def test_a_wanted_size_that_cannot_be():
    with pytest.warns(RuntimeWarning, match="no time window gives a median of 500 rows"):
        found = OptimizeWindow(500).fit(as_points(np.arange(100.0)))
    assert np.diff(found.samples_indices).tolist() == [[100]]
    with pytest.warns(RuntimeWarning, match="nearest found is 40"):
        OptimizeWindow(10).fit(as_points(np.repeat(np.arange(50.0), 40)))


@pytest.mark.parametrize("times", [[], [1.0], [2.0, 2.0], [np.nan, 1.0], [np.nan, np.nan]])
def test_no_two_times(times):
    with pytest.raises(ValueError, match="two different times"):
        OptimizeWindow(5).fit(as_points(np.array(times)))


def test_times_that_are_not_finite():
    times = np.arange(1000.0)
    times[[0, 500]] = np.nan
    found = OptimizeWindow(20).fit(as_points(times))
    assert np.median(np.diff(found.samples_indices)) == 20


@pytest.mark.parametrize(
    "arguments",
    [{"overlap": 1.0}, {"overlap": -0.1}, {"overlap": np.nan}, {"low": -1}, {"low": 2}, {"high": 0.5},
     {"high": np.nan}, {"ideal_elems": 0}, {"ideal_elems": np.inf}],
)  # fmt: skip
def test_refused(arguments):
    with pytest.raises(ValueError, match=r"overlap|low|ideal_elems"):
        OptimizeWindow(**{"ideal_elems": 10, **arguments})
