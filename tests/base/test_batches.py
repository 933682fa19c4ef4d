"""What batched stages rely on: per-sample attributes, views, joining, groups."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpupept import LineData, PointData
from gpupept.backend import MixedDevicesError
from gpupept.base import PerSample, SampleGroups, check_iterable, concatenate


def rows_of(count, width=4):
    return np.arange(float(count * width)).reshape(count, width)


def batch(device, sizes=(2, 0, 3)):
    """Points with an attribute per sample of each kind, and one that is common."""
    count = len(sizes)
    return PointData.from_batch(
        device.asarray(rows_of(sum(sizes))),
        sizes=sizes,
        attrs={
            "limits": PerSample(np.arange(2.0 * count).reshape(count, 2)),
            "on_device": PerSample(device.asarray(np.arange(count))),
            "names": PerSample([f"s{i}" for i in range(count)]),
            "_lines": PerSample(
                LineData.from_batch(device.asarray(rows_of(count, 7)), [1] * count)
            ),
            "common": "c",
        },
    )


def summary(container, device):
    """Attributes of a container of one sample, as plain values."""
    attrs = container.attrs
    return (
        attrs["limits"].tolist(),
        int(attrs["on_device"]),
        attrs["names"],
        device.to_host(attrs["_lines"].lines)[:, 0].tolist(),
        attrs["common"],
    )


def expected(i):
    return ([2.0 * i, 2.0 * i + 1], i, f"s{i}", [7.0 * i], "c")


class TestPerSample:
    def test_taking_a_sample(self, device):
        points = batch(device)
        for i in range(3):
            assert summary(points[i], device) == expected(i)
            assert summary(points[i - 3], device) == expected(i)
        assert [summary(sample, device)[2] for sample in points] == ["s0", "s1", "s2"]
        assert isinstance(points.attrs["limits"], PerSample)

    def test_taking_several(self, device):
        points = batch(device)
        for key, numbers in [
            ([2, 0], [2, 0]),
            (slice(None, None, -1), [2, 1, 0]),
            ([True, False, True], [0, 2]),
            ([], []),
        ]:
            part = points[key]
            assert [summary(sample, device) for sample in part] == [expected(i) for i in numbers]
            assert len(part.attrs["names"]) == len(numbers)

    @pytest.mark.parametrize(
        "change",
        [
            lambda p: setattr(p, "sample_size", 2),
            lambda p: setattr(p, "samples_indices", [[0, 1]]),
            lambda p: p.with_samples(sample_size=2),
            lambda p: p.with_samples([[1, 3]]),
            lambda p: p.select[:3],
            lambda p: PointData(p, 2),
            lambda p: p.copy(data=rows_of(3)),
        ],
    )
    def test_defining_samples_anew_leaves_the_value_of_the_first(self, change):
        points = PointData(rows_of(4), [2, 2], angle=PerSample([5, 6]), common=1)
        changed = change(points)
        assert (points if changed is None else changed).attrs == {"angle": 5, "common": 1}
        empty = PointData(np.empty((0, 4)), [], angle=PerSample([]), common=1)
        empty.sample_size = None
        assert empty.attrs == {"common": 1}

    def test_other_rows_keep_samples_and_values(self, device):
        points = PointData(device.asarray(rows_of(4)), 2, 1, angle=PerSample([5, 6, 7]))
        changed = points.with_rows(points.points + 1.0)
        assert (changed.sample_size, changed.overlap, len(changed)) == (2, 1, 3)
        assert [sample.attrs["angle"] for sample in changed] == [5, 6, 7]
        changed.attrs["angle"] = 0
        assert points[1].attrs["angle"] == 6
        np.testing.assert_array_equal(device.to_host(changed.points), rows_of(4) + 1.0)
        with pytest.raises(ValueError, match="shape"):
            points.with_rows(points.points[:3])

    def test_setting_the_overlap_too(self):
        points = PointData(rows_of(4), 2, angle=PerSample([5, 6]))
        points.overlap = 1
        assert points.attrs == {"angle": 5}

    def test_a_refused_change_keeps_the_values(self):
        points = PointData(rows_of(4), 2, angle=PerSample([5, 6]))
        with pytest.raises(ValueError, match="negative"):
            points.sample_size = -1
        assert points[1].attrs == {"angle": 6}

    def test_there_must_be_a_value_for_each_sample(self):
        for make in (
            lambda: PointData(rows_of(4), 2, angle=PerSample([1])),
            lambda: PointData.from_batch(rows_of(4), sizes=[2, 2], attrs={"angle": PerSample([1])}),
            lambda: PointData(rows_of(4), 2).copy(angle=PerSample([1])),
        ):
            with pytest.raises(
                ValueError, match="'angle' has values for 1 samples, but there are 2"
            ):
                make()
        for bad in (5, "text", {"a": 1}, np.array(3)):
            with pytest.raises(TypeError, match="values must"):
                PerSample(bad)

    def test_copies(self, device):
        points = batch(device)
        other = points.copy()
        other.attrs["limits"].values[0, 0] = 99
        assert summary(points[0], device) == expected(0)
        assert summary(other[1], device) == expected(1)
        assert points.copy(deep=False).attrs["limits"] is points.attrs["limits"]
        assert len(PerSample((1, 2)).copy()) == 2
        assert list(PerSample((1, 2))) == [1, 2]
        assert repr(PerSample([1, 2])) == "PerSample(list of 2 values)"

    def test_moving(self, device):
        points = batch(device)
        host = points.to("cpu")
        assert summary(host[2], device) == expected(2)
        assert host.attrs["_lines"].values.device == "cpu"
        assert isinstance(host.attrs["on_device"].values, np.ndarray)
        assert points.attrs["_lines"].values.device == points.device
        assert host.to(device.name).attrs["_lines"].values.device == points.device


class TestViews:
    @given(st.lists(st.integers(0, 4), min_size=1, max_size=8), st.data())
    def test_a_view_has_the_same_samples(self, sizes, data):
        points = PointData(rows_of(sum(sizes)), sizes, number=PerSample(list(range(len(sizes)))))
        first = data.draw(st.integers(0, len(sizes)))
        last = data.draw(st.integers(first, len(sizes)))
        view = points.samples_view(first, last)
        assert len(view) == last - first
        for i, sample in enumerate(view):
            assert np.array_equal(sample.points, points[first + i].points)
            assert sample.attrs == {"number": first + i}
        if len(view.points):
            assert np.shares_memory(view.points, points.points)

    def test_overlapping_samples_and_any_order(self, device):
        points = PointData(device.asarray(rows_of(10)), 4, 2)
        view = points.samples_view(1, 3)
        assert device.to_host(view.points)[:, 0].tolist() == [8, 12, 16, 20, 24, 28]
        assert view.samples_indices.tolist() == [[0, 4], [2, 6]]
        assert points.samples_view(0, 4) is points
        points.samples_indices = [[8, 12], [3, 5], [4, 4], [0, 1]]
        part = points.samples_view(1, 3)
        assert device.to_host(part.points)[:, 0].tolist() == [12, 16]
        assert part.samples_indices.tolist() == [[0, 2], [1, 1]]
        assert points.samples_view(2, 3).points.shape == (0, 4)

    def test_with_samples_shares_rows_only(self, device):
        points = PointData(device.asarray(rows_of(10)), 4, 2, common=[1])
        other = points.with_samples(sample_size=5)
        assert other.points is points.points
        assert (len(other), other.sample_size, other.overlap) == (2, 5, 0)
        assert (len(points), points.sample_size, points.overlap) == (4, 4, 2)
        other.attrs["new"] = 1
        assert points.attrs == {"common": [1]}
        assert points.with_samples([[0, 1]]).sample_size is None
        assert len(points.with_samples()) == 1

    def test_from_batch(self, device):
        data = device.asarray(rows_of(5, 5))
        points = PointData.from_batch(
            data, sizes=np.array([2, 3]), columns=["t", "x", "y", "z", "e"]
        )
        assert points.points is data
        assert points.columns == ["t", "x", "y", "z", "e"]
        assert points.sample_size.tolist() == [2, 3]
        assert PointData.from_batch(data).samples_indices.tolist() == [[0, 5]]
        assert PointData.from_batch(data).columns == ["t", "x", "y", "z", "col4"]
        table = PointData.from_batch(data, samples_indices=[[1, 3]])
        assert (table.sample_size, len(table)) == (None, 1)
        with pytest.raises(ValueError, match="not both"):
            PointData.from_batch(data, [5], [[0, 5]])
        with pytest.raises(ValueError, match="at least 4 columns"):
            PointData.from_batch(data[:, :3])


class TestConcatenate:
    @given(st.lists(st.lists(st.integers(0, 3), max_size=4), min_size=1, max_size=4))
    def test_chunks_join_to_the_whole(self, chunks):
        sizes = [size for chunk in chunks for size in chunk]
        numbers = iter(range(len(sizes)))
        start, parts = 0, []
        for chunk in chunks:
            data = rows_of(sum(sizes))[start : start + sum(chunk)]
            start += sum(chunk)
            each = PerSample([next(numbers) for _ in chunk])
            parts.append(PointData.from_batch(data, sizes=chunk, attrs={"number": each}))
        joined = concatenate(parts)
        assert np.array_equal(joined.points, rows_of(sum(sizes)))
        assert [len(sample.points) for sample in joined] == sizes
        assert [sample.attrs["number"] for sample in joined] == list(range(len(sizes)))
        assert joined.sample_size.tolist() == sizes

    def test_attributes_of_every_kind(self, device):
        first, second = batch(device), batch(device, (1, 2))
        second.attrs["common"] = "other"
        joined = concatenate([first, second])
        assert [summary(sample, device) for sample in joined] == [
            expected(i) for i in (0, 1, 2, 0, 1)
        ]
        assert joined.device == first.device

    def test_values_of_different_kinds(self):
        first = PointData(rows_of(2), 1, where=PerSample(np.array([1, 2])))
        second = PointData(rows_of(3), 1, where=7)
        third = PointData(rows_of(1), 1)
        joined = concatenate([first, second, third])
        assert [sample.attrs["where"] for sample in joined] == [1, 2, 7, 7, 7, None]

    def test_samples_that_overlap_or_end_early(self):
        first = PointData(rows_of(5), 3, 1)
        second = PointData(rows_of(4), [1, 9])
        joined = concatenate([first, second])
        assert joined.samples_indices.tolist() == [[0, 3], [2, 5], [5, 6], [6, 9]]
        assert joined.sample_size is None

    def test_bad_batches(self, fake_gpu):
        points = PointData(rows_of(2))
        assert concatenate([points]) is points
        with pytest.raises(ValueError, match="must not be empty"):
            concatenate([])
        with pytest.raises(TypeError, match=r"batches\[1\] must be a PointData"):
            concatenate([points, LineData(rows_of(2, 7))])
        with pytest.raises(ValueError, match=r"batches\[1\] must have 4 columns"):
            concatenate([points, PointData(rows_of(2, 5))])
        with pytest.raises(MixedDevicesError):
            concatenate([points, points.to("cuda")])


class TestSampleGroups:
    @pytest.fixture
    def groups(self, device):
        members = PointData.from_batch(
            device.asarray(rows_of(9)),
            sizes=[1, 2, 3, 3],
            attrs={"number": PerSample([0, 1, 2, 3])},
        )
        return SampleGroups(members, [[0, 2], [2, 2], [2, 3], [3, 4]])

    def test_is_a_sequence_of_lists(self, groups, device):
        assert len(groups) == 4
        assert [[len(c.points) for c in group] for group in groups] == [[1, 2], [], [3], [3]]
        assert [c.attrs["number"] for group in groups for c in group] == [0, 1, 2, 3]
        assert [len(group) for group in reversed(groups)] == [1, 1, 0, 2]
        assert all(type(group) is list for group in groups)
        assert groups[-1][0].attrs == {"number": 3}
        with pytest.raises(IndexError):
            groups[4]
        with pytest.raises(TypeError):
            groups["a"]

    def test_slices(self, groups):
        for key in (slice(1, 3), slice(None), slice(None, None, -1), slice(0, 4, 2), slice(2, 2)):
            part = groups[key]
            assert isinstance(part, SampleGroups)
            numbers = [[c.attrs["number"] for c in group] for group in part]
            assert numbers == [[c.attrs["number"] for c in g] for g in list(groups)[key]]
            assert len(part.members) == sum(map(len, numbers))
        assert len(groups.samples_view(2, 4).members) == 2

    def test_joining(self, groups, device):
        joined = concatenate([groups[:2], groups[2:]])
        assert joined.groups_indices.tolist() == groups.groups_indices.tolist()
        assert np.array_equal(
            device.to_host(joined.members.points), device.to_host(groups.members.points)
        )
        assert [[c.attrs["number"] for c in group] for group in joined] == [[0, 1], [], [2], [3]]

    def test_moving_and_copying(self, groups, device):
        assert groups.device == groups.members.device
        assert groups.to(device.name) is groups
        assert groups.to("cpu").members.device == "cpu"
        for other in (groups.copy(), copy.deepcopy(groups), pickle.loads(pickle.dumps(groups))):
            assert other.groups_indices.tolist() == groups.groups_indices.tolist()
        assert repr(groups) == "SampleGroups (4 samples, 4 PointData groups)"

    def test_no_samples(self):
        none = SampleGroups(PointData(np.empty((0, 4)), []), [])
        assert len(none) == 0
        assert list(none) == []
        assert len(none[:]) == 0

    def test_bad_tables(self):
        members = PointData(rows_of(4), 2)
        for bad in ([[0, 3]], [[-1, 1]], [[2, 1]]):
            with pytest.raises(ValueError, match=r"groups_indices\[0\] = .*2 samples of members"):
                SampleGroups(members, bad)
        with pytest.raises(ValueError, match="must have shape"):
            SampleGroups(members, [1, 2])


class TestCheckIterable:
    def test_accepts(self):
        lines = LineData(np.zeros((4, 7)), 2)
        check_iterable(LineData, samples=lines)
        check_iterable(LineData, samples=[lines, lines])
        check_iterable(LineData, samples=[])
        check_iterable(PointData, samples=LineData(np.zeros((0, 7)), 2))

    @pytest.mark.parametrize(
        ("value", "message"),
        [
            (5, "samples must be an iterable of LineData, found int, which cannot be iterated"),
            ((x for x in [1]), r"found generator; use list\(samples\)"),
            ([1], "found an element of type int"),
            (PointData(np.zeros((4, 4))), "found an element of type PointData"),
        ],
    )
    def test_refuses(self, value, message):
        with pytest.raises(TypeError, match=message):
            check_iterable(LineData, samples=value)
