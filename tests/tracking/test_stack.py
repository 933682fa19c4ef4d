"""Stack: samples brought together again."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gpupept import AdaptiveWindow, LineData, PointData, TimeWindow
from gpupept.backend import MixedDevicesError
from gpupept.base import PerSample, SampleGroups
from gpupept.simulation import rotating_tracers
from gpupept.tracking import HDBSCAN, Cutpoints, SplitLabels, Stack

ROWS = np.arange(40.0).reshape(10, 4)


def groups():
    return SampleGroups(PointData(ROWS, [3, 3, 4], run=1), [[0, 2], [2, 3]])


class TestContainers:
    def test_returned_as_they_are(self, device):
        points = PointData(device.asarray(ROWS), 3)
        assert Stack().fit(points) is points

    def test_new_samples(self, device):
        points = PointData(device.asarray(ROWS), 9, 8, columns=[*"tabc"], name="n")
        before = points.samples_indices.copy()
        stacked = Stack(sample_size=3, overlap=1).fit(points)
        assert stacked.samples_indices.tolist() == [[0, 3], [2, 5], [4, 7], [6, 9]]
        assert (stacked.sample_size, stacked.overlap) == (3, 1)
        assert (list(stacked.columns), stacked.attrs) == ([*"tabc"], {"name": "n"})
        assert stacked.device == points.device
        np.testing.assert_array_equal(points.samples_indices, before)
        assert (points.sample_size, points.overlap) == (9, 8)

    def test_rows_are_shared(self):
        points = PointData(ROWS.copy(), 3)
        assert np.shares_memory(Stack(sample_size=2).fit(points).points, points.points)

    @pytest.mark.parametrize(
        ("size", "overlap"),
        [([1, 2, 3], None), (TimeWindow(9.0), TimeWindow(4.0)), (AdaptiveWindow(9.0), None)],
    )
    def test_other_sizes(self, size, overlap):
        stacked = Stack(size, overlap).fit(PointData(ROWS, 5))
        expected = PointData(ROWS, size, overlap)
        assert stacked.samples_indices.tolist() == expected.samples_indices.tolist()

    def test_overlap_alone(self):
        stacked = Stack(overlap=2).fit(PointData(ROWS, 4))
        assert stacked.samples_indices.tolist() == [[0, 4], [2, 6], [4, 8], [6, 10]]

    def test_overlap_that_does_not_fit(self):
        with pytest.raises(ValueError, match="overlap"):
            Stack(sample_size=3, overlap=3).fit(PointData(ROWS, 4))
        with pytest.raises(TypeError, match="overlap"):
            Stack(sample_size=3, overlap=TimeWindow(1.0)).fit(PointData(ROWS, 4))

    def test_too_few_rows(self, device):
        stacked = Stack(sample_size=60, overlap=59).fit(PointData(device.asarray(ROWS)))
        assert len(stacked) == 0
        assert stacked.points.shape == (10, 4)

    def test_attributes_per_sample(self):
        points = PointData(ROWS, 5, limit=PerSample([7, 8]))
        assert Stack(sample_size=3).fit(points).attrs == {"limit": 7}


class TestLists:
    @settings(max_examples=100)
    @given(
        sizes=st.lists(st.integers(0, 5), min_size=1, max_size=8),
        size=st.none() | st.integers(1, 6),
        overlap=st.none() | st.integers(-3, 5),
    )
    def test_against_concatenation(self, sizes, size, overlap):
        samples = [np.full((n, 4), float(i)) for i, n in enumerate(sizes)]
        if overlap is not None and (size is None or overlap >= size):
            return
        stacked = Stack(size, overlap).fit([PointData(sample) for sample in samples])
        np.testing.assert_array_equal(stacked.points, np.concatenate(samples))
        ends = np.cumsum(sizes).tolist()
        if size is None:
            expected = [[end - n, end] for end, n in zip(ends, sizes, strict=True)]
        else:
            step, rows = size - (overlap or 0), sum(sizes)
            expected = [[i, i + size] for i in range(0, rows - size + 1, step)]
        assert stacked.samples_indices.tolist() == expected

    def test_columns_and_attributes_of_the_first(self, device):
        first = PointData(device.asarray(ROWS[:2]), columns=[*"tabc"], name="n", _hidden=1)
        second = PointData(device.asarray(ROWS[2:]), other=5)
        stacked = Stack().fit([first, second])
        assert list(stacked.columns) == [*"tabc"]
        assert stacked.attrs == {"name": "n", "_hidden": 1}
        assert stacked.sample_size.tolist() == [2, 8]
        assert stacked.device.startswith(device.name)

    def test_golden_sizes(self, golden):
        g = golden("core_containers")
        lines = LineData(np.zeros((18, 9)), sample_size=7, overlap=3)
        stacked = Stack().fit([lines[0], lines[2], LineData(np.zeros((4, 9)))])
        np.testing.assert_array_equal(stacked.samples_indices, g["vstack_sizes"])

    def test_any_iterable(self):
        samples = [PointData(ROWS[:3]), PointData(ROWS[3:])]
        for iterable in (tuple(samples), iter(samples), (sample for sample in samples)):
            assert Stack().fit(iterable).sample_size.tolist() == [3, 7]

    @pytest.mark.parametrize("empty", [[], ()])
    def test_nothing(self, empty):
        assert Stack().fit(empty) is empty
        assert Stack(sample_size=3).fit(empty) is empty

    def test_lists_of_lists_are_flattened(self):
        parts = [PointData(ROWS[:3]), PointData(ROWS[3:6]), PointData(ROWS[6:])]
        flat = Stack().fit([[parts[0], parts[1]], [parts[2]]])
        assert isinstance(flat, list)
        assert [a is b for a, b in zip(flat, parts, strict=True)] == [True] * 3
        stacked = Stack(sample_size=2).fit([[parts[0], parts[1]], (parts[2],)])
        np.testing.assert_array_equal(stacked.points, ROWS)
        assert len(stacked) == 5

    def test_groups_become_one_container(self, device):
        members = groups().members
        on_device = SampleGroups(
            PointData(device.asarray(members.points), [3, 3, 4], run=1), [[0, 2], [2, 3]]
        )
        stacked = Stack().fit(on_device)
        assert isinstance(stacked, PointData)
        assert [len(sample.points) for sample in stacked] == [3, 3, 4]
        assert len(Stack(sample_size=5).fit(on_device)) == 2

    def test_some_of_the_groups(self):
        stacked = Stack().fit(groups()[1:])
        np.testing.assert_array_equal(stacked.points, ROWS[6:])

    def test_arrays(self, device):
        parts = [device.asarray(ROWS[:3]), device.asarray(ROWS[3:])]
        np.testing.assert_array_equal(device.to_host(Stack().fit(parts)), ROWS)
        with pytest.raises(ValueError, match="sample_size"):
            Stack(sample_size=3).fit(parts)

    @pytest.mark.parametrize("other", [[1, 2], ["a"], [None], "text"])
    def test_other_lists_are_unchanged(self, other):
        assert Stack().fit(other) is other


class TestErrors:
    @pytest.mark.parametrize("value", [None, 3, 2.5])
    def test_not_iterable(self, value):
        with pytest.raises(ValueError, match="iterable"):
            Stack().fit(value)

    def test_widths_that_differ(self):
        for kind in (np.asarray, PointData):
            with pytest.raises(ValueError):
                Stack().fit([kind(ROWS), kind(np.zeros((2, 5)))])

    def test_classes_that_differ(self):
        with pytest.raises(TypeError, match="PointData"):
            Stack().fit([PointData(np.zeros((2, 7))), LineData(np.zeros((2, 7)))])

    def test_devices_that_differ(self, gpu_device):
        mixed = [PointData(ROWS), PointData(gpu_device.asarray(ROWS))]
        with pytest.raises(MixedDevicesError):
            Stack().fit(mixed)

    @pytest.mark.parametrize("other", [[1, 2], np.zeros((3, 4))])
    def test_new_samples_of_what_has_none(self, other):
        with pytest.raises(ValueError, match="sample_size and overlap"):
            Stack(sample_size=3).fit(other)


@pytest.mark.parametrize("stacked", ["list", "sizes"])
def test_lines_of_the_first_sample_are_not_taken_for_those_of_all(stacked: str) -> None:
    lines = rotating_tracers(lors=240, sample_size=80).lines
    points = Cutpoints(2.0, append_indices=True).fit(lines, verbose=False)
    labelled = HDBSCAN(0.3, 2).fit(points, verbose=False)
    if stacked == "list":
        extract = SplitLabels(extract_lines=True)
        expected = extract.fit(labelled, verbose=False)
        found = extract.fit(Stack().fit(list(labelled)), verbose=False)
        np.testing.assert_array_equal(found.members.lines, expected.members.lines)
        assert len(expected) == 3
    else:
        again = Stack(sample_size=50).fit(labelled)
        with pytest.raises(ValueError, match="'_lines'"):
            SplitLabels(extract_lines=True).fit(again, verbose=False)
