"""RemoveStatic: windows without movement removed."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from oracle import transformers as oracle

from gpupept import LineData, PointData
from gpupept.tracking import RemoveStatic


def track(speeds, each=20):
    """A tracer of so many mm/ms in consecutive spans of time of 20 ms."""
    x = np.cumsum(np.repeat(np.asarray(speeds, dtype=float), each))
    return np.column_stack([np.arange(len(x), dtype=float), x, 0 * x, 0 * x, np.arange(len(x))])


def kept_spans(speeds, **arguments):
    found = RemoveStatic(**{"time_window": 19, "max_distance": 2, **arguments}).fit(track(speeds))
    return sorted(set((found["t"] // 20).astype(int).tolist()))


@pytest.mark.parametrize(
    ("window", "distance", "quantile"),
    [(1000, 5, 0.9), (1000, 10, 0.9), (500, 3, 0.5), (50000, 5, 0.9)],
)
def test_golden(golden, window, distance, quantile):
    """Up to the last window, about which the version behind the vectors is wrong."""
    g = golden("tracking_transformers")
    points, expected = (
        g["removestatic/points"],
        g[f"removestatic/tw{window}_d{distance}_q{quantile}"],
    )
    found = RemoveStatic(window, distance, quantile).fit(points).points
    first, _ = oracle.windows(points[:, 0], window)[-1]
    last = points[first, 0] if first else np.inf
    assert len(expected) > 300
    np.testing.assert_array_equal(found[found[:, 0] < last], expected[expected[:, 0] < last])


@settings(max_examples=80)
@given(
    rows=st.integers(1, 40).flatmap(
        lambda n: hnp.arrays(np.float64, (n, 4), elements=st.integers(0, 30).map(float))
    ),
    window=st.sampled_from([0.5, 1.0, 3.0, 10.0, 100.0]),
    distance=st.sampled_from([0.0, 2.0, 9.5]),
    quantile=st.sampled_from([0.0, 0.5, 0.9, 1.0]),
)
def test_against_the_oracle(device, rows, window, distance, quantile):
    rows = rows[np.argsort(rows[:, 0], kind="stable")]
    found = RemoveStatic(window, distance, quantile).fit(PointData(device.asarray(rows)))
    expected = oracle.remove_static(rows, window, distance, quantile)
    np.testing.assert_array_equal(device.to_host(found.points), expected)


def test_windows_whose_neighbours_move():
    assert kept_spans([1, 1, 1, 1]) == [0, 1, 2, 3]  # the last one too
    assert kept_spans([0, 1, 1, 1, 0]) == [2]
    assert kept_spans([0, 1, 1, 1]) == [2, 3]
    assert kept_spans([1, 1, 0, 0, 1]) == [0]
    assert kept_spans([1, 1, 0, 1, 1]) == [0, 4]
    assert kept_spans([0, 1, 0, 1, 0]) == []
    assert kept_spans([0, 0, 0]) == []


@pytest.mark.parametrize("speeds", [[1, 0, 0], [0, 1, 0], [0, 0, 1], [1]])
def test_the_only_window_that_moves(speeds):
    assert kept_spans(speeds) == [speeds.index(1)]


def test_a_window_longer_than_the_data():
    assert kept_spans([1, 0, 1], time_window=1e6) == [0, 1, 2]
    assert kept_spans([1, 0, 1], time_window=1e6, max_distance=1e3) == []


def test_positions_that_are_not_finite_stay_with_their_window(device):
    rows = track([0, 1, 1, 1])
    rows[[5, 45, 50], [1, 2, 3]] = [np.inf, np.nan, np.nan]
    found = RemoveStatic(19, 2).fit(PointData(device.asarray(rows)))
    assert device.to_host(found.points)[:, 0].tolist() == list(range(40, 80))


def test_times_that_are_not_finite():
    rows = track([1, 1])
    rows[[0, 30], 0] = np.nan
    assert len(RemoveStatic(19, 2).fit(rows).points) == 40
    rows[:, 0] = np.nan
    assert len(RemoveStatic(19, 2).fit(rows).points) == 0


@pytest.mark.parametrize("count", [0, 1])
def test_few_rows(device, count):
    found = RemoveStatic(1, 0).fit(PointData(device.asarray(np.ones((count, 4)))))
    assert found.points.shape == (0, 4)


def test_containers():
    points = PointData(track([0, 1, 1, 1]), 7, 3, columns=[*"txyz", "number"], run=1)
    found = RemoveStatic(19, 2).fit(points)
    assert (len(found), found.attrs, list(found.columns)) == (1, {"run": 1}, [*"txyz", "number"])
    assert found["number"].tolist() == list(range(40, 80))
    parts = np.split(track([0, 1, 1, 1]), [3, 50])
    for samples in (
        parts,
        [PointData(part) for part in parts],
        iter([PointData(p) for p in parts]),
    ):
        assert RemoveStatic(19, 2).fit(samples).points[:, 4].tolist() == list(range(40, 80))


@pytest.mark.parametrize(
    "arguments",
    [(0, 1), (-1, 1), (np.nan, 1), (1, -1), (1, np.nan), (1, 1, -0.1), (1, 1, 1.1), (1, 1, np.nan)],
)
def test_refused(arguments):
    with pytest.raises(ValueError, match=r"time_window|max_distance|quantile"):
        RemoveStatic(*arguments)


def test_lines_refused():
    with pytest.raises((TypeError, ValueError)):
        RemoveStatic(1, 1).fit(LineData(np.zeros((3, 7))))
