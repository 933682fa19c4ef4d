"""The LinesCentroids filter; its kernel has its own tests."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from oracle import triangulation as oracle

from gpupept import LineData, PointData
from gpupept.base import PerSample, SampleGroups
from gpupept.tracking import HDBSCAN, Cutpoints, LinesCentroids, SplitLabels, Stack


def cloud(rng, count, source=(100.0, 200.0, 300.0), stray=0.3):
    near = rng.normal(source, 1.0, (count, 3))
    near[rng.random(count) < stray] += 40.0
    direction = rng.normal(size=(count, 3))
    return np.column_stack([np.arange(count), near - 50 * direction, near + 50 * direction])


def test_golden(device, golden):
    g = golden("tracking_transformers")
    for name in ("synthetic", "real"):
        lines = device.asarray(g[f"linescentroids/{name}/lines"])
        for remove, iterations in ((0.1, 6), (0.1, 0), (0.05, 10)):
            found = LinesCentroids(remove, iterations).fit_sample(LineData(lines))
            expected = g[f"linescentroids/{name}/intended_r{remove}_i{iterations}"]
            np.testing.assert_allclose(device.to_host(found.points), [expected], rtol=0, atol=1e-9)


class TestRows:
    @settings(max_examples=25)
    @given(
        seed=st.integers(0, 10**6),
        sizes=st.lists(st.integers(0, 25), min_size=1, max_size=4),
        remove=st.sampled_from([0.0, 0.1, 0.3]),
        iterations=st.integers(0, 5),
    )
    def test_against_the_oracle(self, device, seed, sizes, remove, iterations):
        lines = cloud(np.random.default_rng(seed), sum(sizes))
        clusters = list(LineData(device.asarray(lines), sizes))
        found = LinesCentroids(remove, iterations).fit_sample(clusters)
        results = [oracle.trimmed(device.to_host(c.lines), remove, iterations) for c in clusters]
        expected = [result.location[:4] for result in results if result.location is not None]
        points = device.to_host(found.points)
        assert points.shape == (len(expected), 4)
        if expected and all(r.condition < 1e6 and r.margin > 1e-6 for r in results):
            np.testing.assert_allclose(points, expected, rtol=1e-9, atol=1e-7)

    def test_each_sample_of_a_container(self):
        lines = LineData(cloud(np.random.default_rng(1), 60), [20, 1, 0, 39])
        found = LinesCentroids().fit(lines, verbose=False)
        assert [len(sample.points) for sample in found] == [1, 0, 0, 1]
        assert found.points[:, 0].tolist() == [9.5, 40.0]  # of all lines, not of those used
        alone = LinesCentroids().fit_sample(lines[3])
        np.testing.assert_array_equal(found[3].points, alone.points)

    def test_far_lines_do_not_matter(self):
        lines = cloud(np.random.default_rng(2), 200)
        everything = LinesCentroids(iterations=0).fit_sample(lines).points[0, 1:]
        trimmed = LinesCentroids().fit_sample(lines).points[0, 1:]
        source = [100, 200, 300]
        assert np.linalg.norm(everything - source) > 5
        assert np.linalg.norm(trimmed - source) < 0.5

    def test_a_million_lines(self):
        found = LinesCentroids().fit_sample(cloud(np.random.default_rng(8), 10**6)).points
        np.testing.assert_allclose(found[0, 1:4], [100, 200, 300], atol=0.05)

    @pytest.mark.parametrize("rows", [np.empty((0, 7)), np.ones((1, 7)), np.ones((9, 7))])
    def test_nothing_to_find(self, device, rows):
        for sample in (LineData(device.asarray(rows)), [LineData(device.asarray(rows))] * 2):
            found = LinesCentroids().fit_sample(sample)
            assert found.points.shape == (0, 4)
            assert list(found.columns) == ["t", "x", "y", "z"]


class TestGroups:
    def test_lines_of_clusters(self, device):
        """Two tracers: the lines of each cluster of cutpoints give its position."""
        rng = np.random.default_rng(3)
        sources = np.array([[100.0, 100, 100], [160.0, 110, 120]])
        parts = []
        for _ in range(3):
            both = np.concatenate([cloud(rng, 40, source, stray=0.0) for source in sources])
            parts.append(both[np.argsort(both[:, 0], kind="stable")])
        lines = LineData(device.asarray(np.concatenate(parts)), 80)
        clusters = Cutpoints(2.0, append_indices=True).fit(lines, verbose=False)
        clusters = HDBSCAN(0.3, max_tracers=2).fit(clusters, verbose=False)
        groups = SplitLabels(extract_lines=True).fit(clusters, verbose=False)
        assert isinstance(groups, SampleGroups)
        found = LinesCentroids().fit(groups, verbose=False)
        assert [len(sample.points) for sample in found] == [len(group) for group in groups]
        positions = device.to_host(found.points)[:, 1:]
        apart = np.linalg.norm(positions[:, None] - sources, axis=2)
        assert (apart.min(axis=1) < 2).all()
        assert set(apart.argmin(axis=1)) == {0, 1}
        stacked = Stack().fit(found)
        assert stacked.points.shape == (len(positions), 4)

    def test_attributes_of_the_first(self):
        lines = cloud(np.random.default_rng(4), 40)
        members = LineData(lines, 10, name=PerSample(list("abcd")), run=3, _hidden=1)
        found = LinesCentroids().fit(SampleGroups(members, [[0, 2], [2, 4]]), verbose=False)
        assert [sample.attrs for sample in found] == [
            {"name": "a", "run": 3},
            {"name": "c", "run": 3},
        ]

    def test_arrays_lists_and_mixtures(self):
        lines = cloud(np.random.default_rng(5), 40)
        expected = LinesCentroids().fit_sample([LineData(lines[:15]), LineData(lines[15:])]).points
        assert len(expected) == 2
        for sample in ([lines[:15], lines[15:]], (lines[:15].tolist(), LineData(lines[15:]))):
            np.testing.assert_array_equal(LinesCentroids().fit_sample(sample).points, expected)
        alone = LinesCentroids().fit_sample(lines[:15]).points
        np.testing.assert_array_equal(alone, expected[:1])

    def test_empty_list(self):
        with pytest.raises(ValueError, match="empty list"):
            LinesCentroids().fit_sample([])


class TestArguments:
    @pytest.mark.parametrize("remove", [-0.1, 1.1, np.nan])
    def test_fractions_refused(self, remove):
        with pytest.raises(ValueError, match="remove must be a fraction"):
            LinesCentroids(remove)

    def test_iterations_refused(self):
        with pytest.raises(ValueError, match="iterations must be zero or more"):
            LinesCentroids(iterations=-1)

    @pytest.mark.parametrize("sample", [None, 3, PointData(np.zeros((2, 4))), [None], ["ab"]])
    def test_samples_refused(self, sample):
        with pytest.raises((TypeError, ValueError)):
            LinesCentroids().fit_sample(sample)


class TestPlainArrays:
    def test_predict(self, device):
        lines = cloud(np.random.default_rng(6), 50)
        found = device.to_host(LinesCentroids(0.1, 4).predict(device.asarray(lines)))
        np.testing.assert_array_equal(found, LinesCentroids(0.1, 4).fit_sample(lines).points[0])
        assert np.isnan(LinesCentroids().predict(lines[:1])).all()
        with pytest.raises(ValueError, match="7 columns"):
            LinesCentroids().predict(lines[:, :6])

    def test_centroid_and_distances(self, device):
        lines = cloud(np.random.default_rng(7), 30)
        direction = lines[:, 4:7] - lines[:, 1:4]
        direction /= np.linalg.norm(direction, axis=1, keepdims=True)
        lors = np.column_stack([lines[:, :4], direction])
        expected, _ = oracle.least_squares_point(lors[:, 1:4], direction)
        found = LinesCentroids.centroid(device.asarray(lors))
        np.testing.assert_allclose(device.to_host(found), expected, rtol=1e-10)
        squares = LinesCentroids.distance_matrix(found, device.asarray(lors))
        distances = np.linalg.norm(np.cross(expected - lors[:, 1:4], direction), axis=1)
        np.testing.assert_allclose(device.to_host(squares), distances**2, rtol=1e-8, atol=1e-9)
        assert np.isnan(LinesCentroids.centroid(lors[:1])).all()
        with pytest.raises(ValueError, match="7 columns"):
            LinesCentroids.centroid(lors[:, :6])
