"""Columns appended to tables: a name stands for one column, the newest."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

from gpupept import LineData, PointData
from gpupept.tracking import (
    HDBSCAN,
    BirminghamMethod,
    Centroids,
    GroupBy,
    Segregate,
    SplitLabels,
    Velocity,
)
from gpupept.tracking.columns import append_columns

STALE = -77.0


def points(device, *names):
    """Two tracers in turn, with columns that were made before."""
    rng = np.random.default_rng(0)
    t = np.arange(80.0)
    rows = np.column_stack([t, 50 * (t % 2), t / 10, t / 10])
    rows[:, 1:] += rng.normal(scale=0.5, size=(80, 3))
    table = np.column_stack([rows, np.full((80, len(names)), STALE)])
    return PointData(device.asarray(table), columns=["t", "x", "y", "z", *names])


@pytest.mark.parametrize("filter_", [Segregate(4, 20.0), HDBSCAN(0.9, 2)])
def test_labels_are_the_new_ones(device, filter_):
    found = filter_.fit(points(device, "label", "kept"))
    assert list(found.columns) == ["t", "x", "y", "z", "kept", "label"]
    assert set(device.to_host(found["label"]).tolist()) - {-1.0} == {0.0, 1.0}
    assert (device.to_host(found["kept"]) == STALE).all()
    assert len(SplitLabels().fit_sample(found)) == 2
    assert len(GroupBy("label").fit(found)) >= 2
    again = filter_.fit(found)
    np.testing.assert_array_equal(device.to_host(again.data), device.to_host(found.data))


def test_measures_of_a_centroid_and_velocities_are_the_new_ones(device):
    found = Centroids(error=True, cluster_size=True).fit_sample(points(device, "error"))
    assert list(found.columns) == ["t", "x", "y", "z", "error", "cluster_size"]
    assert float(found["error"][0]) > 0.0
    found = Velocity(5).fit_sample(points(device, "vy", "v"))
    assert list(found.columns) == ["t", "x", "y", "z", "v", "vx", "vy", "vz"]
    assert (device.to_host(found["vy"]) != STALE).all()


def test_lines_used_are_the_new_ones(device):
    rng = np.random.default_rng(0)
    table = np.column_stack([np.arange(30.0), rng.normal(size=(30, 6)), np.full(30, STALE)])
    names = ["t", "x1", "y1", "z1", "x2", "y2", "z2", "used"]
    lines = LineData(device.asarray(table), columns=names)
    used = BirminghamMethod(0.5, get_used=True).fit_sample(lines).attrs["_lines"]
    assert list(used.columns) == names
    assert set(device.to_host(used["used"]).tolist()) == {0.0, 1.0}


def test_the_first_columns_stay_whatever_their_names():
    rows, names = append_columns(np.zeros((2, 5)), ["v", "x", "y", "z", "v"], [np.ones(2)], ["v"])
    assert names == ["v", "x", "y", "z", "v"]
    np.testing.assert_array_equal(rows, [[0, 0, 0, 0, 1]] * 2)


def test_velocities_between_trajectories_are_warned_of(device):
    mixed = Segregate(4, 20.0).fit(points(device))
    with pytest.warns(RuntimeWarning, match="several values in their column 'label'"):
        Velocity(5).fit(mixed, verbose=False)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        Velocity(5).fit(GroupBy("label").fit(mixed), verbose=False)
        Velocity(5).fit(points(device, "label"), verbose=False)
