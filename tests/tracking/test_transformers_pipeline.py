"""The generic and space transformers in one pipeline, on simulated and on measured tracers."""

from __future__ import annotations

import numpy as np
import pytest

from gpupept import Pipeline, PointData
from gpupept.scanners import parallel_screens
from gpupept.tracking import (
    HDBSCAN,
    Center,
    Centroids,
    Condition,
    Cutpoints,
    Debug,
    GroupBy,
    Interpolate,
    OutOfViewFilter,
    Remove,
    RemoveStatic,
    Reorient,
    SamplesCondition,
    Segregate,
    SplitLabels,
    Stack,
    Swap,
)


class _Silent:
    def write(self, text):
        assert "Debug" in text


def post_processing():
    return [
        Condition("error < 15, np.isfinite('x') & np.isfinite('y')"),
        Stack(),
        OutOfViewFilter(200.0, 5),
        Segregate(window=20, cut_distance=20.0),
        Condition("label >= 0"),
        Debug(stream=_Silent()),
        GroupBy("label"),
        SamplesCondition("sample_size > 20, np.max('t') - np.min('t') > 100"),
        Remove("label", "cluster_*"),
        Interpolate(5.0),
        Swap("y, z"),
        Stack(),
        RemoveStatic(100.0, 1.0),
        Center(),
        Reorient("xyz"),
    ]


def circling(device, count=3000):
    """Two tracers on opposite sides of a circle of 100 mm, with noise, as located points."""
    rng = np.random.default_rng(0)
    t = np.arange(count, dtype=float)
    angle = t / 300 + np.pi * (np.arange(count) % 2)
    rows = np.column_stack([t, 300 + 100 * np.cos(angle), 200 + 100 * np.sin(angle), 0 * t + 50])
    rows[:, 1:] += rng.normal(size=(count, 3)) * [0.2, 0.2, 0.05]
    errors = rng.uniform(1, 10, count)
    errors[::50] = 100.0
    rows[::50, 1:4] = 0.0
    rows[7, 1] = np.nan
    rows = np.column_stack([rows, errors, rng.integers(10, 20, count)])
    return PointData(device.asarray(rows), 100, columns=[*"txyz", "error", "cluster_size"])


def test_points(device):
    points = circling(device)
    found = Pipeline(post_processing()).fit(points, verbose=False)
    assert found.device.startswith(device.name)
    assert list(found.columns) == [*"txyz", "error"]
    rows = device.to_host(found.points)
    assert 1150 < len(rows) <= 1200
    # Both on the circle, which is now about the origin and flat along z.
    np.testing.assert_allclose(np.hypot(rows[:, 1], rows[:, 2]), 100, atol=15)
    assert np.abs(rows[:, 3]).max() < 1.0
    assert found.attrs["eigenvalues"][2] < 1.0 < 1000 < found.attrs["eigenvalues"][1]
    for other in ({"executor": "sequential"}, {"memory": "1MB"}, {"max_workers": 1}):
        again = Pipeline(post_processing()).fit(circling(device), verbose=False, **other)
        np.testing.assert_array_equal(device.to_host(again.points), rows)


@pytest.mark.slow
def test_lines_of_a_measurement(shared):
    lines = parallel_screens(
        shared / "data" / "sample_2p_42rpm.csv",
        712,
        200,
        150,
        skiprows=16,
        nrows=8000,
        verbose=False,
    )
    located = [
        Condition("np.isclose('z1', 0), z2 > 0, 'x1' > 0"),
        Cutpoints(0.5),
        HDBSCAN(0.15, 2),
        SplitLabels() + Centroids(error=True, cluster_size=True),
        Condition("error < 20", lambda rows: rows[:, -1] > 3),
        Stack(),
    ]
    found = Pipeline(located).fit(lines, verbose=False)
    assert len(found.points) > 100
    assert (found["error"] < 20).all()
    whole = Pipeline(located + post_processing()[2:12]).fit(lines, verbose=False)
    assert len(whole) >= 1
    assert len(whole.points) > 20
    assert np.isfinite(whole.points).all()
