"""SplitLabels: one container per label."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from oracle import tracking as oracle

from gpupept import LineData, PointData
from gpupept.base import IterableSamples, PerSample, SampleGroups
from gpupept.tracking import Centroids, Cutpoints, SplitLabels

LABELS = st.lists(st.sampled_from([-1.0, 0.0, 1.0, 2.0, 0.5, -3.0, 7.0, np.nan]), max_size=12)
COLUMNS = ["t", "x", "y", "z", "label"]


def labelled(labels, place=4):
    """Rows of distinct numbers with the labels in one column."""
    rows = np.arange(4.0 * len(labels)).reshape(len(labels), 4)
    return np.insert(rows, place, labels, axis=1) if len(labels) else np.empty((0, 5))


def points_with(labels, device=None, **attrs):
    rows = labelled(labels)
    rows = rows if device is None else device.asarray(rows)
    return PointData(rows, columns=COLUMNS, **attrs)


def indexed(device=None):
    """Cutpoints with the rows of their lines, labelled in turn, of two samples."""
    rng = np.random.default_rng(0)
    lines = np.column_stack([np.arange(24), rng.uniform(-9, 9, (24, 6))])
    lines = LineData(lines if device is None else device.asarray(lines), 12, scan="a")
    points = Cutpoints(8.0, append_indices=True).fit(lines, verbose=False)
    rows = points.points if device is None else device.to_host(points.points)
    table = np.column_stack([rows, np.arange(len(rows)) % 3 - 1])
    table = table if device is None else device.asarray(table)
    columns = [*points.columns, "label"]
    sizes = np.diff(points.samples_indices, axis=1)[:, 0]
    return lines, PointData.from_batch(table, sizes=sizes, columns=columns, attrs=points.attrs)


class TestGolden:
    def test_clusters_and_their_lines(self, golden):
        g = golden("tracking_transformers")
        columns = ["t", "x", "y", "z", "line_index1", "line_index2", "label"]
        points = PointData(g["split/points"], columns=columns, _lines=LineData(g["split/lines"]))
        clusters = SplitLabels().fit_sample(points)
        lines = SplitLabels(extract_lines=True).fit_sample(points)
        assert len(clusters) == len(lines) == 3
        for i in range(3):
            np.testing.assert_array_equal(clusters[i].points, g[f"split/cluster_{i}"])
            expected = g[f"split/cluster_{i}_lines"]
            np.testing.assert_array_equal(clusters[i].attrs["_lines"].lines, expected)
            assert isinstance(lines[i], LineData)
            np.testing.assert_array_equal(lines[i].lines, g[f"split/extracted_lines_{i}"])


class TestClusters:
    @settings(max_examples=150)
    @given(labels=LABELS, remove=st.booleans(), noise=st.booleans())
    def test_against_the_oracle(self, labels, remove, noise):
        rows = labelled(labels)
        found = SplitLabels(remove, noise=noise).fit_sample(PointData(rows, columns=COLUMNS))
        expected = oracle.split_labels(rows, 4, remove, noise)
        assert len(found) == len(expected)
        for cluster, part in zip(found, expected, strict=True):
            assert isinstance(cluster, PointData)
            assert list(cluster.columns) == (COLUMNS[:4] if remove else COLUMNS)
            np.testing.assert_array_equal(cluster.points, part)

    def test_devices(self, device):
        labels = [1, 0, -1, 1, np.nan, 2.5, 0]
        points = points_with([*labels, -1, -1, 3], device).with_samples([[0, 7], [7, 9], [7, 10]])
        groups = SplitLabels().fit(points, verbose=False)
        assert isinstance(groups, SampleGroups)
        assert groups.device.startswith(device.name)
        found = [[device.to_host(c["t"]).tolist() for c in group] for group in groups]
        assert found == [[[4, 24], [0, 12], [20]], [[]], [[36]]]

    def test_the_label_may_be_anywhere(self):
        for place in range(5):
            columns = [*"txyz"[:place], "label", *"txyz"[place:]]
            points = PointData(labelled([0, 1, 0], place), columns=columns)
            first, second = SplitLabels().fit_sample(points)
            assert first.points.tolist() == [[0, 1, 2, 3], [8, 9, 10, 11]]
            assert second.points.tolist() == [[4, 5, 6, 7]]
            assert list(first.columns) == ["t", "x", "y", "z"]

    def test_attributes_are_kept(self):
        points = points_with([0, 1, 1], run="r", _hidden=[1], limit=PerSample([np.arange(3)]))
        for cluster in SplitLabels().fit_sample(points):
            assert cluster.attrs.keys() == {"run", "_hidden", "limit"}
            assert cluster.attrs["limit"].tolist() == [0, 1, 2]

    def test_attributes_of_each_sample_go_to_its_clusters(self, device):
        points = points_with([0, 1, -1, 2, 2], device).with_samples([[0, 2], [2, 3], [3, 5]])
        points.attrs["name"] = PerSample(["a", "b", "c"])
        groups = SplitLabels().fit(points, verbose=False)
        found = [[cluster.attrs["name"] for cluster in group] for group in groups]
        assert found == [["a", "a"], ["b"], ["c"]]

    def test_lines_are_split_too(self):
        lines = LineData(
            np.column_stack([np.arange(14.0).reshape(2, 7), [1, 0]]),
            columns=["t", "x1", "y1", "z1", "x2", "y2", "z2", "label"],
        )
        found = SplitLabels().fit_sample(lines)
        assert [type(cluster) for cluster in found] == [LineData, LineData]
        assert [cluster.lines[0, 0] for cluster in found] == [7, 0]

    def test_without_rows(self, device):
        (empty,) = SplitLabels().fit_sample(points_with([], device))
        assert empty.points.shape == (0, 4)
        no_samples = points_with([1.0], device).with_samples(np.empty((0, 2)))
        assert len(SplitLabels().fit(no_samples, verbose=False)) == 0


class TestLines:
    def test_each_cluster_gets_its_lines(self, device):
        lines, points = indexed(device)
        groups = SplitLabels().fit(points, verbose=False)
        extracted = SplitLabels(extract_lines=True).fit(points, verbose=False)
        for s in range(2):
            rows = device.to_host(points[s].points)
            for label in (0, 1):
                used = rows[rows[:, 6] == label][:, 4:6].astype(int)
                expected = device.to_host(lines[s].lines)[np.unique(used)]
                cluster = groups[s][label]
                assert isinstance(extracted[s][label], LineData)
                for found in (cluster.attrs["_lines"], extracted[s][label]):
                    assert found.attrs == {"scan": "a"}
                    np.testing.assert_array_equal(device.to_host(found.lines), expected)

    def test_one_sample_is_as_in_a_batch(self):
        _, points = indexed()
        groups = SplitLabels().fit(points, verbose=False)
        for s in range(2):
            for alone, found in zip(SplitLabels().fit_sample(points[s]), groups[s], strict=True):
                np.testing.assert_array_equal(alone.points, found.points)
                lines, expected = alone.attrs["_lines"], found.attrs["_lines"]
                np.testing.assert_array_equal(lines.lines, expected.lines)

    def test_samples_in_a_list(self):
        _, points = indexed()
        found = SplitLabels(extract_lines=True).fit([points[1], points[0]], verbose=False)
        expected = SplitLabels(extract_lines=True).fit(points, verbose=False)
        for s in range(2):
            for cluster, other in zip(found[s], expected[1 - s], strict=True):
                np.testing.assert_array_equal(cluster.lines, other.lines)

    def test_lines_with_attributes_of_their_own(self):
        lines, _ = indexed()
        named = [lines[0].copy(name="first"), lines[1].copy(name="second")]
        points = Cutpoints(8.0, append_indices=True).fit(named, verbose=False)
        rows = np.column_stack([points.points, np.arange(len(points.points)) % 2])
        table = PointData.from_batch(
            rows,
            samples_indices=points.samples_indices,
            columns=[*points.columns, "label"],
            attrs=points.attrs,
        )
        groups = SplitLabels(extract_lines=True).fit(table, verbose=False)
        names = [[cluster.attrs["name"] for cluster in group] for group in groups]
        assert names == [["first"] * 2, ["second"] * 2]

    def test_a_sample_without_clusters(self):
        _, points = indexed()
        points.points[:, 6] = -1
        for found in (SplitLabels(), SplitLabels(extract_lines=True)):
            (empty,) = found.fit_sample(points[0])
            assert len(empty.data) == 0
        assert empty.lines.shape == (0, 7)

    def test_no_columns_of_indices(self):
        points = points_with([0, 1], _lines=LineData(np.zeros((3, 7))))
        split = SplitLabels(extract_lines=True)
        with pytest.warns(RuntimeWarning, match="line_index"):
            found = split.fit_sample(points)
        assert split.extract_lines
        assert [type(cluster) for cluster in found] == [PointData, PointData]
        assert found[0].attrs["_lines"] is points.attrs["_lines"]

    def test_no_lines(self):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            SplitLabels().fit_sample(points_with([0, 1]))
        with pytest.raises(ValueError, match="append_indices=True"):
            SplitLabels(extract_lines=True).fit_sample(points_with([0, 1]))

    @pytest.mark.parametrize("index", [-1, 12, 1e300, np.nan])
    def test_indices_of_other_lines(self, index):
        _, points = indexed()
        points.points[:, 6] = 0
        points.points[3, 5] = index
        with pytest.raises(ValueError, match="line_index"):
            SplitLabels().fit(points, verbose=False)

    def test_lines_that_are_not_lines(self):
        _, points = indexed()
        points.attrs["_lines"] = np.zeros((12, 7))
        with pytest.raises(TypeError, match="LineData"):
            SplitLabels().fit_sample(points)


class TestArguments:
    def test_no_label(self):
        with pytest.raises(ValueError, match="label"):
            SplitLabels().fit_sample(PointData(np.zeros((3, 4))))
        with pytest.raises(ValueError, match="label"):
            SplitLabels().fit_sample(PointData(np.zeros((3, 5)), columns=[*"txyz", "labels"]))

    @pytest.mark.parametrize("sample", [None, 3, "label", np.zeros((3, 5)), {"label": 1}])
    def test_samples_refused(self, sample):
        with pytest.raises(TypeError):
            SplitLabels().fit_sample(sample)
        if not isinstance(sample, np.ndarray):
            with pytest.raises((TypeError, ValueError)):
                SplitLabels().fit(sample, verbose=False)

    def test_any_iterable_of_samples(self):
        samples = [points_with([0, 1]), points_with([2])]
        expected = SplitLabels().fit(samples, verbose=False)
        for other in (tuple(samples), iter(samples), (sample for sample in samples)):
            found = SplitLabels().fit(other, verbose=False)
            assert [len(group) for group in found] == [len(group) for group in expected] == [2, 1]
        assert SplitLabels().fit([], verbose=False) == []

    def test_samples_of_different_widths(self):
        wide = PointData(np.column_stack([labelled([0, 1]), [5, 6]]), columns=[*COLUMNS, "n"])
        found = SplitLabels().fit([points_with([0, 0]), wide], verbose=False)
        assert [len(group) for group in found] == [1, 2]
        assert found[1][1].points[0, 4] == 6

    def test_a_container_of_no_kind(self):
        plain = IterableSamples(np.array([[1.0, 0.0], [2.0, 1.0]]), columns=["v", "label"])
        assert [c.data.tolist() for c in SplitLabels().fit_sample(plain)] == [[[1.0]], [[2.0]]]


def test_then_centroids_of_the_lines_clusters():
    """Lines are not points: their means are refused instead of being taken for positions."""
    _, points = indexed()
    lines = SplitLabels(extract_lines=True).fit(points, verbose=False)
    with pytest.raises(TypeError, match="PointData"):
        Centroids().fit(lines, verbose=False)
    with pytest.raises(TypeError, match="PointData"):
        Centroids().fit_sample(lines[0])
