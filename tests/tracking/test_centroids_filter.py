"""Centroids of clusters."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from oracle import tracking as oracle

from gpupept import LineData, PointData
from gpupept.base import IterableSamples, PerSample, SampleGroups
from gpupept.tracking import Centroids, SplitLabels, Stack

NUMBERS = st.floats(-1e3, 1e3, allow_subnormal=False)
CLUSTERS = st.lists(st.lists(st.tuples(*[NUMBERS] * 5), max_size=5), min_size=1, max_size=5)
WEIGHTED = ["t", "x", "y", "z", "weight"]


def cluster(rows, columns=None, **attrs):
    return PointData(np.array(rows, dtype=float).reshape(len(rows), -1), columns=columns, **attrs)


def tables(clusters):
    return [np.array(rows, dtype=float).reshape(len(rows), 5) for rows in clusters]


class TestGolden:
    def test_plain(self, golden):
        g = golden("tracking_transformers")
        found = Centroids(error=True, cluster_size=True).fit_sample(g["centroid/points"])
        np.testing.assert_allclose(found.points[0], g["centroid/plain"], rtol=1e-12, atol=1e-12)
        assert list(found.columns) == ["t", "x", "y", "z", "col4", "error", "cluster_size"]

    def test_weighted(self, golden):
        g = golden("tracking_transformers")
        points = PointData(
            np.column_stack([g["centroid/points"], g["centroid/weights"]]),
            columns=["t", "x", "y", "z", "extra", "weight"],
        )
        found = Centroids(error=True, cluster_size=True).fit_sample(points)
        np.testing.assert_allclose(found.points[0], g["centroid/weighted"], rtol=1e-12, atol=1e-12)
        assert list(found.columns) == ["t", "x", "y", "z", "extra", "error", "cluster_size"]


class TestRows:
    @settings(max_examples=150)
    @given(clusters=CLUSTERS, error=st.booleans(), size=st.booleans())
    def test_against_the_oracle(self, clusters, error, size):
        found = Centroids(error, size).fit_sample(tables(clusters))
        expected = oracle.centroids(tables(clusters), error, size)
        assert found.points.shape == (len(expected), 5 + error + size)
        if expected:
            np.testing.assert_allclose(found.points, expected, rtol=1e-9, atol=1e-9)

    @settings(max_examples=100)
    @given(
        clusters=CLUSTERS,
        weights=st.lists(st.integers(0, 3), min_size=25, max_size=25),
        use=st.booleans(),
    )
    def test_weights(self, clusters, weights, use):
        parts = tables(clusters)
        for part in parts:
            part[:, 4] = weights[: len(part)]
        points = [PointData(part, columns=WEIGHTED) for part in parts]
        found = Centroids(True, True, weight=use).fit_sample(points)
        expected = oracle.centroids(parts, True, True, 4 if use else None)
        names = WEIGHTED[:4] if use else WEIGHTED
        assert list(found.columns) == [*names, "error", "cluster_size"]
        assert found.points.shape == (len(expected), len(names) + 2)
        if expected:
            np.testing.assert_allclose(found.points, expected, rtol=1e-9, atol=1e-7)

    def test_devices(self, device):
        rows = np.random.default_rng(0).normal(size=(40, 6))
        labels = np.arange(40) % 5 - 1
        points = PointData(
            device.asarray(np.column_stack([rows, labels])),
            [15, 0, 1, 24],
            columns=["t", "x", "y", "z", "a", "b", "label"],
        )
        groups = SplitLabels().fit(points, verbose=False)
        found = Centroids(error=True, cluster_size=True).fit(groups, verbose=False)
        assert found.device.startswith(device.name)
        sizes = np.diff(found.samples_indices, axis=1)[:, 0].tolist()
        assert sizes == [4, 0, 0, 4]
        for sample, group in zip(found, groups, strict=True):
            parts = [device.to_host(c.points) for c in group]
            expected = oracle.centroids(parts, True, True)
            if expected:
                np.testing.assert_allclose(device.to_host(sample.points), expected, rtol=1e-12)

    def test_spread_of_the_distances(self):
        on_a_sphere = [[0, 1, 0, 0], [1, -1, 0, 0], [2, 0, 1, 0], [3, 0, -1, 0]]
        for rows in (on_a_sphere, [[5, 1, 2, 3]]):
            assert Centroids(error=True).fit_sample(cluster(rows))["error"].tolist() == [0]

    def test_each_sample_of_a_container(self):
        """A sample of points that is not split is one cluster; empty samples give no row."""
        points = PointData(np.arange(24.0).reshape(6, 4), [2, 0, 4])
        found = Centroids().fit(points, verbose=False)
        assert [len(sample.points) for sample in found] == [1, 0, 1]
        assert found.points[:, 0].tolist() == [2, 14]

    @pytest.mark.parametrize("value", [np.nan, np.inf])
    def test_not_finite(self, value):
        rows = np.arange(8.0).reshape(2, 4)
        rows[1, 2] = value
        found = Centroids(error=True).fit_sample(rows)
        assert found.points[0, [0, 1, 3]].tolist() == [2, 3, 5]
        assert not np.isfinite(found.points[0, [2, 4]]).any()

    def test_all_elements_empty(self, device):
        empty = PointData(device.asarray(np.empty((0, 5))), columns=WEIGHTED)
        for sample in (empty, [empty], [empty, empty]):
            found = Centroids(True, True).fit_sample(sample)
            assert found.points.shape == (0, 6)
            assert list(found.columns) == ["t", "x", "y", "z", "error", "cluster_size"]


class TestAttributes:
    def test_those_of_the_first_element(self):
        first, second = cluster([[1, 2, 3, 4]], run="a", _hidden=1), cluster([[5, 6, 7, 8]], n=2)
        assert Centroids().fit_sample([first, second]).attrs == {"run": "a"}
        assert Centroids().fit_sample([second, first]).attrs == {"n": 2}

    def test_those_of_each_sample(self):
        members = PointData(
            np.arange(16.0).reshape(4, 4), [1, 1, 1, 1], name=PerSample(list("abcd"))
        )
        groups = SampleGroups(members, [[0, 2], [2, 4]])
        found = Centroids().fit(groups, verbose=False)
        assert [sample.attrs["name"] for sample in found] == ["a", "c"]

    def test_names_of_the_input_stay(self):
        """Appending to the default column names must not rename the columns of other objects."""
        points = cluster([[1, 2, 3, 4]])
        Centroids(error=True, cluster_size=True).fit_sample([points])
        assert list(points.columns) == list(PointData(np.zeros((1, 4))).columns) == [*"txyz"]


class TestArguments:
    def test_arrays_lists_and_mixtures(self):
        rows = np.arange(20.0).reshape(5, 4)
        expected = Centroids().fit_sample([rows[:2], rows[2:]]).points
        for sample in [
            (PointData(rows[:2]), rows[2:]),
            [rows[:2].tolist(), PointData(rows[2:])],
            [rows[:2].astype(np.float32), rows[2:]],
        ]:
            np.testing.assert_array_equal(Centroids().fit_sample(sample).points, expected)

    def test_samples_in_any_iterable(self):
        rows = np.arange(20.0).reshape(5, 4)
        samples = [[rows[:2], rows[2:]], [rows[:1]], rows[1:], PointData(rows)]
        expected = [Centroids().fit_sample(sample).points for sample in samples]
        for iterable in (samples, iter(samples), tuple(samples)):
            found = Centroids().fit(iterable, verbose=False)
            assert len(found) == 4
            for sample, points in zip(found, expected, strict=True):
                np.testing.assert_array_equal(sample.points, points)

    def test_empty_list(self):
        with pytest.raises(ValueError, match="empty list"):
            Centroids().fit_sample([])
        with pytest.raises(ValueError, match="empty list"):
            Centroids().fit([[], [np.zeros((1, 4))]], verbose=False)
        groups = SampleGroups(PointData(np.zeros((2, 4)), [1, 1]), [[0, 2], [2, 2]])
        with pytest.raises(ValueError, match="empty list"):
            Centroids().fit(groups, verbose=False)
        assert Centroids().fit([], verbose=False) == []

    def test_groups_in_any_order(self):
        members = PointData(np.arange(16.0).reshape(4, 4), [1, 1, 1, 1])
        found = Centroids().fit(SampleGroups(members, [[2, 4], [0, 1]]), verbose=False)
        assert [sample["t"].tolist() for sample in found] == [[8, 12], [0]]

    @pytest.mark.parametrize("sample", [None, 3, LineData(np.zeros((2, 7))), [None], ["ab"]])
    def test_samples_refused(self, sample):
        with pytest.raises((TypeError, ValueError)):
            Centroids().fit_sample(sample)

    def test_not_iterable(self):
        with pytest.raises(ValueError, match="iterable"):
            Centroids().fit(3)

    def test_widths_that_differ(self):
        with pytest.raises(ValueError, match="columns"):
            Centroids().fit_sample([np.zeros((1, 4)), np.zeros((1, 5))])

    def test_containers_of_no_kind(self):
        with pytest.raises(TypeError, match="PointData"):
            Centroids().fit_sample(IterableSamples(np.zeros((3, 4))))


def test_stacked_as_in_the_recipe():
    rows = np.column_stack([np.arange(80.0).reshape(20, 4), np.arange(20) % 3 - 1])
    points = PointData(rows, 10, columns=[*"txyz", "label"])
    pipeline = SplitLabels() + Centroids() + Stack()
    expected = [Centroids().fit_sample(SplitLabels().fit_sample(s)).points for s in points]
    np.testing.assert_allclose(
        pipeline.fit(points, verbose=False).points, np.concatenate(expected), rtol=1e-15
    )
