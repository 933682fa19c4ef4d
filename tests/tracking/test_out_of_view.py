"""OutOfViewFilter: rows with few others near in time removed."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from oracle import transformers as oracle

from gpupept import LineData, PointData
from gpupept.tracking import OutOfViewFilter, out_of_view

TIMES = st.one_of(
    st.integers(0, 20).map(float), st.sampled_from([np.nan, np.inf, -np.inf, 0.1, 1e15, 1e15 + 0.5])
)


def as_rows(times):
    return np.column_stack([times, np.arange(len(times)), np.zeros((len(times), 2))])


@pytest.mark.parametrize(("k", "max_time"), [(5, 200.0), (1, 20.0), (5, 50.0), (3, 60.0)])
def test_golden(golden, k, max_time):
    g = golden("tracking_transformers")
    found = OutOfViewFilter(max_time, k).fit(g["outofview/points"])
    np.testing.assert_array_equal(found.points, g[f"outofview/k{k}_max{max_time}"])


@settings(max_examples=200)
@given(
    times=st.lists(TIMES, max_size=14),
    k=st.integers(1, 9),
    max_time=st.sampled_from([0.0, 0.5, 1.0, 2.0, 3.0, 7.0, np.inf]),
)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_against_the_oracle(device, times, k, max_time):
    rows = as_rows(times)
    found = OutOfViewFilter(max_time, k).fit(PointData(device.asarray(rows)))
    assert found.device.startswith(device.name)
    expected = oracle.out_of_view(rows, max_time, k)
    np.testing.assert_array_equal(device.to_host(found.points), expected)


@pytest.mark.parametrize("k", [1, 5, 64, 499, 500])
def test_many_rows(device, k, monkeypatch):
    rows = as_rows(np.random.default_rng(0).exponential(200.0, 500))
    whole = OutOfViewFilter(50.0, k).fit(PointData(device.asarray(rows))).points
    monkeypatch.setattr(out_of_view, "ROWS_AT_ONCE", 7)
    parts = OutOfViewFilter(50.0, k).fit(PointData(device.asarray(rows))).points
    expected = oracle.out_of_view(rows, 50.0, k)
    np.testing.assert_array_equal(device.to_host(whole), expected)
    np.testing.assert_array_equal(device.to_host(parts), expected)


def test_exactly_the_time_is_too_far():
    rows = as_rows(np.arange(0.0, 50, 10))
    assert not len(OutOfViewFilter(10.0, 1).fit(rows).points)
    assert len(OutOfViewFilter(np.nextafter(10, 11), 1).fit(rows).points) == 5


def test_containers():
    lines = LineData(
        np.column_stack([[3.0, 1, 2, 900], np.zeros((4, 7))]), 2, columns=["t", *"abcdefg"], run=1
    )
    found = OutOfViewFilter(5, 2).fit(lines)
    assert isinstance(found, LineData)
    assert (len(found), found["t"].tolist(), found.attrs) == (1, [1, 2, 3], {"run": 1})
    assert list(found.columns) == ["t", *"abcdefg"]
    assert lines["t"].tolist() == [3, 1, 2, 900]
    halves = [PointData(as_rows([1.0, 2])), PointData(as_rows([3.0, 900]))]
    for samples in (
        halves,
        iter(halves),
        [halves[:1], halves[1:]],
        [half.points for half in halves],
    ):
        assert OutOfViewFilter(5, 2).fit(samples)["t"].tolist() == [1, 2, 3]


@pytest.mark.parametrize(("max_time", "k"), [(-1, 5), (np.nan, 5), (1, 0), (1, -3), (1, np.inf)])
def test_refused(max_time, k):
    with pytest.raises(ValueError, match=r"max_time|k must"):
        OutOfViewFilter(max_time, k)
