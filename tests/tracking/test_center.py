"""Center: points moved to the origin."""

from __future__ import annotations

import numpy as np
import pytest

from gpupept import LineData, PointData, TimeWindow
from gpupept.tracking import Center


def rows(seed=0):
    rng = np.random.default_rng(seed)
    return np.column_stack([np.arange(31.0), rng.normal([100, 0, -5, 0], size=(31, 4))])


def test_golden(golden):
    g = golden("tracking_transformers")
    found = Center().fit(g["reorient/points"])
    np.testing.assert_allclose(found.points, g["center/points"], rtol=1e-12, atol=1e-12)


def test_median(device):
    found = device.to_host(Center().fit(PointData(device.asarray(rows()))).points)
    expected = rows()
    expected[:, 1:4] -= np.median(rows()[:, 1:4], axis=0)
    np.testing.assert_array_equal(found, expected)


def test_each_data_set_has_its_own_middle():
    center = Center()
    for seed in (0, 1):
        np.testing.assert_allclose(
            np.median(center.fit(rows(seed)).points[:, 1:4], axis=0), 0, atol=1e-13
        )
    assert center.origin is None


def test_a_given_origin(device):
    found = Center([1, 2, 3]).fit(PointData(device.asarray(rows())))
    np.testing.assert_array_equal(device.to_host(found.points)[:, 1:4], rows()[:, 1:4] - [1, 2, 3])


def test_nan_does_not_count(device):
    data = rows()
    data[[3, 9], 1] = np.nan
    data[:, 2] = np.nan
    found = device.to_host(Center().fit(PointData(device.asarray(data))).points)
    np.testing.assert_array_equal(found[:, 1], data[:, 1] - np.nanmedian(data[:, 1]))
    assert np.isnan(found[:, 2]).all()


def test_an_axis_without_a_finite_middle_is_not_moved(device):
    data = rows()
    data[:20, 1] = np.inf
    found = device.to_host(Center().fit(PointData(device.asarray(data))).points)
    np.testing.assert_array_equal(found[:, 1], data[:, 1])


@pytest.mark.parametrize("count", [0, 1])
def test_few_rows(device, count):
    found = Center().fit(PointData(device.asarray(rows()[:count])))
    assert device.to_host(found.points)[:, 1:4].tolist() == [[0.0, 0.0, 0.0]] * count


def test_samples_are_kept():
    points = PointData(rows(), TimeWindow(7.0), TimeWindow(2.0), run=1)
    found = Center().fit(points)
    assert (found.sample_size, found.overlap, found.attrs) == (
        TimeWindow(7.0),
        TimeWindow(2.0),
        {"run": 1},
    )
    np.testing.assert_array_equal(found.samples_indices, points.samples_indices)
    np.testing.assert_array_equal(points.points, rows())


@pytest.mark.parametrize("origin", [[1, 2], [1, 2, 3, 4], 3, [1, 2, np.nan]])
def test_refused(origin):
    with pytest.raises(ValueError, match="origin"):
        Center(origin)


def test_lines_refused():
    with pytest.raises((TypeError, ValueError)):
        Center().fit(LineData(np.zeros((3, 7))))
