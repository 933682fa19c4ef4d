"""GroupBy and SplitAll: the whole data set split by a column."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from oracle import tracking as oracle

from gpupept import LineData, PointData
from gpupept.base import SampleGroups
from gpupept.tracking import GroupBy, SplitAll

VALUES = st.lists(st.sampled_from([-1.0, 0.0, 1.0, 2.5, -7.0, 1e300, np.nan, np.inf]), max_size=15)
COLUMNS = ["t", "x", "y", "z", "label"]


def table(values, place=4):
    return np.insert(np.arange(4.0 * len(values)).reshape(len(values), 4), place, values, axis=1)


def points(values):
    return PointData(table(values), columns=COLUMNS)


class TestContainers:
    @settings(max_examples=150)
    @given(values=VALUES, place=st.integers(0, 4))
    def test_against_the_oracle(self, values, place):
        rows = table(values, place)
        columns = [*"txyz"[:place], "label", *"txyz"[place:]]
        data = PointData(rows, columns=columns)
        expected = oracle.group_by(rows, place)
        for column in ("label", place, str(place), place - 5, float(place)):
            found = GroupBy(column).fit(data)
            assert isinstance(found, PointData)
            assert len(found) == len(expected)
            for sample, part in zip(found, expected, strict=True):
                np.testing.assert_array_equal(sample.points, part)

    def test_devices(self, device):
        rows = table([1, 0, -1, 1, np.nan, 0])
        data = PointData(device.asarray(rows), 2, columns=COLUMNS, name="n", _hidden=1)
        found = GroupBy("label").fit(data)
        assert found.device.startswith(device.name)
        times = [device.to_host(sample["t"]).tolist() for sample in found]
        assert times == [[8], [4, 20], [0, 12], [16]]
        assert list(found.columns) == COLUMNS
        assert found[2].attrs == {"name": "n", "_hidden": 1}

    def test_no_rows(self, device):
        found = GroupBy("x").fit(PointData(device.asarray(np.empty((0, 4)))))
        assert len(found) == 1
        assert found[0].points.shape == (0, 4)

    def test_samples_play_no_role(self):
        for table_ in ([[0, 2]], [[0, 3], [1, 4], [2, 4]], np.empty((0, 2))):
            data = points([0, 1, 0, 1]).with_samples(table_)
            assert [s["t"].tolist() for s in GroupBy("label").fit(data)] == [[0, 8], [4, 12]]

    def test_copies(self):
        data = points([0, 1])
        GroupBy("label").fit(data).points[:] = -5
        assert data.points[0, 0] == 0


class TestSamples:
    def test_are_stacked_first(self):
        parts = [points([0, 1]), points([2, 0])]
        nested = [[parts[0]], [parts[1]]]
        grouped = SampleGroups(PointData(parts), [[0, 1], [1, 2]])
        for samples in (parts, tuple(parts), iter(parts), nested, grouped):
            found = GroupBy("label").fit(samples)
            assert [sample["t"].tolist() for sample in found] == [[0, 4], [4], [0]]

    def test_lines(self):
        found = GroupBy("y1").fit(LineData(np.arange(21.0).reshape(3, 7)))
        assert isinstance(found, LineData)
        assert len(found) == 3

    def test_arrays(self, device):
        rows = table([1, 0, 1, np.nan])
        expected = oracle.group_by(rows, 4)
        for samples in (device.asarray(rows), [device.asarray(rows[:2]), device.asarray(rows[2:])]):
            found = GroupBy(-1).fit(samples)
            assert isinstance(found, list)
            for part, other in zip(found, expected, strict=True):
                np.testing.assert_array_equal(device.to_host(part), other)
        (empty,) = GroupBy(0).fit(device.asarray(rows[:0]))
        assert empty.shape == (0, 5)

    def test_names_for_arrays(self):
        with pytest.raises(TypeError, match="'label'"):
            GroupBy("label").fit(table([1, 2]))
        assert len(GroupBy("4").fit(table([1, 2]))) == 2


class TestErrors:
    @pytest.mark.parametrize("column", ["labels", 5, -6, None, float("nan"), float("inf"), "5"])
    def test_no_such_column(self, column):
        with pytest.raises(ValueError, match="column"):
            GroupBy(column).fit(points([1, 2]))

    @pytest.mark.parametrize("samples", [[1, 2], [None], "text", []])
    def test_samples_refused(self, samples):
        with pytest.raises(TypeError, match="LineData, PointData or arrays"):
            GroupBy("label").fit(samples)

    def test_not_iterable(self):
        with pytest.raises(ValueError, match="iterable"):
            GroupBy(0).fit(5)


def test_split_all_is_the_same():
    found, expected = (
        SplitAll("label").fit(points([1, 0, 1])),
        GroupBy("label").fit(points([1, 0, 1])),
    )
    np.testing.assert_array_equal(found.points, expected.points)
    assert repr(SplitAll("label")) == "SplitAll(column = label)"
