"""Swap: values of columns exchanged."""

from __future__ import annotations

import numpy as np
import pytest

from gpupept import LineData, Pipeline, PointData, TimeWindow
from gpupept.tracking import Centroids, Condition, Stack, Swap


def rows(count=6):
    return np.arange(5.0 * count).reshape(count, 5)


@pytest.mark.parametrize(
    ("swaps", "order"),
    [
        (("y, z",), [0, 1, 3, 2, 4]),
        (("y,z", "x, y"), [0, 3, 1, 2, 4]),
        (("'0', '-1'",), [4, 1, 2, 3, 0]),
        (("'1', col4",), [0, 4, 2, 3, 1]),
        (("x, x",), [0, 1, 2, 3, 4]),
        ((), [0, 1, 2, 3, 4]),
    ],
)
@pytest.mark.parametrize("inplace", [True, False])
def test_columns(device, swaps, order, inplace):
    data = device.asarray(rows())
    points = PointData(data, 2, run=1)
    swap = Swap(*swaps, inplace=inplace)
    found = swap.fit(points, verbose=False)
    np.testing.assert_array_equal(device.to_host(found.points), rows()[:, order])
    np.testing.assert_array_equal(device.to_host(data), rows()[:, order] if inplace else rows())
    assert list(found.columns) == ["t", "x", "y", "z", "col4"]
    assert found.attrs == {"run": 1}
    assert (found is points) == inplace
    one = PointData(device.asarray(rows()))
    sample = swap.fit_sample(one)
    np.testing.assert_array_equal(device.to_host(sample.points), rows()[:, order])
    assert (sample is one) == inplace


def test_rows_in_several_samples_are_swapped_once(device):
    points = PointData(device.asarray(rows(10)), 4, 3)
    Swap("x, y").fit(points, verbose=False, memory=1)
    np.testing.assert_array_equal(device.to_host(points.points), rows(10)[:, [0, 2, 1, 3, 4]])


def test_rows_in_no_sample_are_left_alone(device):
    points = PointData(device.asarray(rows(6)))
    points.samples_indices = [[1, 2], [4, 5]]
    Swap("x, y").fit(points, verbose=False)
    expected = rows(6)
    expected[[1, 4]] = expected[[1, 4]][:, [0, 2, 1, 3, 4]]
    np.testing.assert_array_equal(device.to_host(points.points), expected)


def test_after_another_filter_the_input_is_left_alone():
    points = PointData(rows(), TimeWindow(10.0))
    found = Pipeline([Condition("t < 100"), Swap("x, y")]).fit(points, verbose=False)
    np.testing.assert_array_equal(points.points, rows())
    assert (
        found["x"].tolist()
        == found.points[:, 1].tolist()
        == rows()[: len(found.points), 2].tolist()
    )


def test_a_list_is_copied():
    parts = [PointData(rows(2)), PointData(rows(3))]
    found = Swap("x, y").fit(parts, verbose=False)
    assert [sample["x"][0] for sample in found] == [2, 2]
    assert parts[0]["x"][0] == 1


def test_lines():
    lines = LineData(np.arange(14.0).reshape(2, 7))
    assert Swap("x1, x2").fit_sample(lines)["x1"].tolist() == [4, 11]


@pytest.mark.parametrize("swap", ["x", "x, y, z", "x,", ", y", "'', x", ""])
def test_refused(swap):
    with pytest.raises(ValueError, match="two columns"):
        Swap(swap)


def test_other_arguments():
    with pytest.raises(TypeError, match="string"):
        Swap(("x", "y"))
    data = rows()
    for swap in ("x, error", "'5', x", "'-6', x"):
        with pytest.raises(ValueError, match="no column"):
            Swap("y, z", swap).fit_sample(PointData(data))
    np.testing.assert_array_equal(data, rows())


def test_a_list_of_one_and_lists_of_lists_are_copied():
    for samples in ([PointData(rows(3))], [[PointData(rows(3))]]):
        found = Swap("x, y").fit(samples, verbose=False)
        np.testing.assert_array_equal(found.points, rows(3)[:, [0, 2, 1, 3, 4]])
        part = samples[0][0]
        np.testing.assert_array_equal(part.points, rows(3)[: len(part.points)])


@pytest.mark.parametrize("first", [[], [Stack(2)], [Centroids(), Stack()]])
@pytest.mark.parametrize("given", [PointData, lambda data: [PointData(data)], list])
def test_a_pipeline_leaves_its_input_alone(device, first, given):
    data = device.asarray(rows())
    samples = given(data) if given is not list else [[PointData(data)]]
    found = Pipeline([*first, Swap("x, y")]).fit(samples, verbose=False)
    swapped = device.to_host(found.points)
    np.testing.assert_array_equal(device.to_host(data), rows())
    plain = Pipeline([*first, Stack()]).fit(samples, verbose=False)
    plain = PointData(Stack().fit(plain).points)
    np.testing.assert_array_equal(swapped, device.to_host(plain.points)[:, [0, 2, 1, 3, 4]])


def test_read_only_samples_are_refused_in_place():
    data = rows()
    data.flags.writeable = False
    with pytest.raises(ValueError, match="read-only; swap their columns with inplace=False"):
        Swap("x, y").fit(PointData(data), verbose=False)
    assert Swap("x, y", inplace=False).fit(PointData(data), verbose=False)["x"][0] == data[0, 2]
