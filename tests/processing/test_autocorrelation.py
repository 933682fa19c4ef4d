"""Autocorrelation on every device: golden vectors, known motions, odd passes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kernels.ragged import CPU
from oracle import mixing as oracle
from processing.passes import COLUMNS, any_passes, container, helix

from gpupept import PointData
from gpupept.plots import PlotlyGrapher2D
from gpupept.processing import AutoCorrelation

QUIET = {"verbose": False}


def test_golden(device, golden):
    archive = golden("processing_mixing")
    rows, size = device.asarray(archive["passes"]), int(archive["sample_size"])
    points = PointData(rows, sample_size=size, columns=COLUMNS)
    times = AutoCorrelation(num_divisions=25)
    figure = times.fit(points, **QUIET)
    assert isinstance(figure, PlotlyGrapher2D)
    np.testing.assert_allclose(times.lags, archive["autocorrelation/t_lags"], atol=1e-10)
    np.testing.assert_allclose(times.correlation, archive["autocorrelation/t"], atol=1e-10)
    places = AutoCorrelation("x", ["vy", "vz"], [-100, 100], 15, 2.5, normalize=True)
    places.fit(points, **QUIET)
    np.testing.assert_allclose(places.lags, archive["autocorrelation/x_lags"], atol=1e-10)
    right = archive["autocorrelation/x_normalised"]
    np.testing.assert_allclose(places.correlation, right, atol=1e-10)


def test_velocities_that_turn_evenly(device):
    turn = 5.0  # over a length of 100
    points = container(device, helix(passes=30, turn=turn))
    places = AutoCorrelation(1, ["vy", "vz"], [100, 0], 11, normalize=True)
    places.fit(points, **QUIET)
    expected = np.cos(turn * (100 - places.lags) / 100)
    np.testing.assert_allclose(places.correlation, expected, atol=1e-12)
    assert places.passes.tolist() == [30] * 11
    times = AutoCorrelation("t", ["vx", "vy", "vz"], num_divisions=21)
    times.fit(points, **QUIET)
    radii = np.array([np.hypot(*table[0, 2:4]) for table in helix(passes=30)])
    expected = 100.0**2 + ((turn * radii) ** 2).mean() * np.cos(turn * times.lags)
    np.testing.assert_allclose(times.correlation, expected, rtol=1e-12)


def test_times_count_from_the_start_of_each_pass(device):
    tables = helix(passes=6)
    right = AutoCorrelation(num_divisions=9)
    right.fit(container(device, tables), **QUIET)
    later = [table + np.array([1000.0 * i, 0, 0, 0, 0, 0, 0]) for i, table in enumerate(tables)]
    later[2][0, 0] = np.nan  # counts from the first time that is known
    points = container(device, later)
    before = device.to_host(points.data).copy()
    found = AutoCorrelation("t", num_divisions=9)
    found.fit(points, **QUIET)
    np.testing.assert_allclose(found.lags, right.lags)
    np.testing.assert_array_equal(device.to_host(points.data), before)
    apart = AutoCorrelation(0, num_divisions=9, preprocess=False)
    apart.fit(points, **QUIET)
    assert (apart.lags[0], apart.lags[-1]) == (0.0, 5001.0)
    assert apart.passes[0] == 1


def test_samples_may_overlap(device):
    rows = np.vstack(helix(passes=1))
    points = PointData(device.asarray(rows), sample_size=11, overlap=10, columns=COLUMNS)
    found = AutoCorrelation(num_divisions=5)
    found.fit(points, **QUIET)
    apart = AutoCorrelation(num_divisions=5)
    apart.fit(container(device, [rows[i : i + 11] for i in range(31)]), **QUIET)
    np.testing.assert_array_equal(found.correlation, apart.correlation)
    assert found.passes.tolist() == [31] * 5


@pytest.fixture
def no_figure(monkeypatch):
    """Results alone, since a figure takes far longer."""
    monkeypatch.setattr(AutoCorrelation, "figure", lambda self: None)


@settings(max_examples=60)
@given(passes=any_passes(), normalize=st.booleans())
def test_any_passes(device, no_figure, passes, normalize):
    points = container(device, passes)
    lags = np.linspace(2.0, -3.0, 4)
    reducer = AutoCorrelation("y", "vz", [2, -3], 4, 1.5, normalize)
    reducer.fit(points, **QUIET)
    with np.errstate(over="ignore"):
        correlation, counts = oracle.autocorrelation(passes, 2, [6], lags, 1.5, normalize)
    np.testing.assert_array_equal(reducer.passes, counts)
    scale = np.abs(correlation)[np.isfinite(correlation)].max(initial=1.0)
    np.testing.assert_allclose(reducer.correlation, correlation, atol=1e-12 * scale, rtol=1e-10)


def test_a_row_at_the_largest_distance_counts(device):
    points = container(
        device, [np.array([[0.0, 0, 0, 0, 3], [8, 0, 0, 0, 2]])], [*COLUMNS[:4], "v"]
    )
    for distance, count in ((2.0, 1), (np.nextafter(2.0, 0.0), 0)):
        reducer = AutoCorrelation(signals="v", span=[0, 6], num_divisions=2, max_distance=distance)
        reducer.fit(points, **QUIET)
        assert reducer.passes.tolist() == [1, count]
        np.testing.assert_array_equal(reducer.correlation, [9, 6 if count else np.nan])


def test_nothing_to_correlate(device):
    empty = container(device, [])
    with pytest.raises(ValueError, match="span must be given"):
        AutoCorrelation().fit(empty, **QUIET)
    missing = container(device, [np.full((3, 7), np.nan), np.zeros((0, 7))])
    for points in (empty, missing):
        reducer = AutoCorrelation(span=[0, 1], num_divisions=3)
        figure = reducer.fit(points, **QUIET)
        assert np.isnan(reducer.correlation).all()
        assert not reducer.passes.any()
        assert figure.ylim is None
    still = AutoCorrelation(num_divisions=3, normalize=True)
    still.fit(container(device, [np.zeros((4, 7))]), **QUIET)  # 0 / 0
    assert np.isnan(still.correlation).all()


def test_many_passes_are_taken_a_few_lags_at_a_time(device, monkeypatch):
    points = container(device, helix(passes=30))
    found = []
    for entries in (10**6, 100, 1):
        monkeypatch.setattr("gpupept.processing.passes._ENTRIES", entries)
        reducer = AutoCorrelation(num_divisions=13)
        reducer.fit(points, **QUIET)
        found.append(reducer.correlation)
    np.testing.assert_allclose(found[1], found[0], rtol=1e-13)
    np.testing.assert_allclose(found[2], found[0], rtol=1e-13)


def test_workers_change_nothing():
    points = container(CPU, helix(passes=90))
    found = []
    for workers in (1, 2, 5):
        reducer = AutoCorrelation(num_divisions=40)
        reducer.fit(points, executor="sequential", max_workers=workers, **QUIET)
        found.append(reducer.correlation.tobytes())
    assert found == found[:1] * 3


def test_figure():
    points = container(CPU, helix(passes=4))
    reducer = AutoCorrelation("x", ["vy", "vz"], [100, 0], 7, marker={"size": 3}, name="memory")
    fig = reducer.fit(points, **QUIET).fig
    (curve,) = fig.data
    assert curve.mode == "markers+lines"
    assert (len(curve.x), curve.name, curve.marker.size) == (350, "memory", 3)
    assert (curve.x[0], curve.x[-1]) == (100.0, 0.0)
    np.testing.assert_array_equal(curve.marker.color, np.full(350, 4.0))
    low, high = reducer.correlation.min(), reducer.correlation.max()
    np.testing.assert_allclose(fig.layout.yaxis.range, [low, high])
    assert fig.layout.yaxis.scaleanchor is None
    assert fig.layout.xaxis.autorange == "reversed"
    assert fig.layout.xaxis.title.text == "Lag (column `x`)"
    with pytest.raises(ValueError, match="fit first"):
        AutoCorrelation().figure()


def test_bad_arguments():
    for name, value in (
        ("span", [0]),
        ("span", [0, np.inf]),
        ("span", "ab"),
        ("signals", []),
        ("num_divisions", 0),
        ("num_divisions", "many"),
        ("max_distance", 0),
    ):
        with pytest.raises(ValueError, match=name):
            AutoCorrelation(**{name: value})
    points = container(CPU, helix(passes=1))
    for name, value in (
        ("lag", "time"),
        ("signals", ["vx", "speed"]),
        ("signals", 7),
    ):
        with pytest.raises(ValueError, match=name):
            AutoCorrelation(**{name: value}).fit(points, **QUIET)
