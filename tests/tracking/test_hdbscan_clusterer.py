"""The clusterer with leaf selection, against the package hdbscan."""

from __future__ import annotations

import numpy as np
import pytest
from oracle.tracking import same_partition

from gpupept import PointData
from gpupept.tracking import HDBSCANClusterer


def clouds(rng, *centres, size=60):
    """Points around centres (mm), at rising times."""
    places = np.concatenate([rng.normal(centre, 1.0, (size, 3)) for centre in centres])
    return np.column_stack([np.arange(len(places)), places])


TWO = clouds(np.random.default_rng(0), 0.0, 30.0)
ONE = TWO[:60]


class TestLeaves:
    @pytest.mark.parametrize("size", [8, 15, 20, 40])
    def test_the_package_finds_the_same(self, device, size):
        package = pytest.importorskip("hdbscan")
        rng = np.random.default_rng(size)
        points = clouds(rng, 0.0, 12.0, 40.0, 45.0, size=70)
        model = package.HDBSCAN(
            size, cluster_selection_method="leaf", approx_min_span_tree=False, algorithm="generic"
        ).fit(points[:, 1:])
        clusterer = HDBSCANClusterer(size, allow_single_cluster=False)
        centres = device.to_host(clusterer.fit_sample(device.asarray(points)))
        expected = model.labels_
        assert expected.max() >= 1
        assert len(centres) == expected.max() + 1
        differing, same_number = same_partition(clusterer.labels, expected)
        assert same_number
        assert differing <= 0.02 * len(points)

    def test_centres_are_means_of_members(self, device):
        clusterer = HDBSCANClusterer(20)
        centres, labelled = clusterer.fit_sample(device.asarray(TWO), get_labels=True)
        centres, labelled = device.to_host(centres), device.to_host(labelled)
        np.testing.assert_array_equal(labelled[:, :4], TWO)
        np.testing.assert_array_equal(labelled[:, 4], clusterer.labels)
        for label in (0, 1):
            members = TWO[labelled[:, 4] == label]
            np.testing.assert_allclose(centres[label, :4], members.mean(axis=0), rtol=1e-12)
            assert centres[label, 4] == len(members)
        np.testing.assert_allclose(np.sort(centres[:, 1]), [0, 30], atol=0.5)

    def test_exemplars_are_the_densest_points(self, device):
        package = pytest.importorskip("hdbscan")
        model = package.HDBSCAN(
            20, cluster_selection_method="leaf", approx_min_span_tree=False, algorithm="generic"
        ).fit(TWO[:, 1:])
        centres = HDBSCANClusterer(20, select_exemplars=True).fit_sample(device.asarray(TWO))
        found = device.to_host(centres)
        expected = [members.mean(axis=0) for members in model.exemplars_]
        order, expected_order = np.argsort(found[:, 1]), np.argsort([row[0] for row in expected])
        np.testing.assert_allclose(
            found[order, 1:4], np.array(expected)[expected_order], rtol=1e-9, atol=1e-9
        )


class TestSingleClusters:
    def test_auto_finds_one(self, device):
        clusterer = HDBSCANClusterer(20)
        centres = device.to_host(clusterer.fit_sample(device.asarray(ONE)))
        assert centres.shape == (1, 5)
        assert centres[0, 4] == (clusterer.labels == 0).sum() > 0
        np.testing.assert_allclose(centres[0, 1:4], 0, atol=0.6)

    def test_without_there_is_none(self, device):
        centres = HDBSCANClusterer(20, allow_single_cluster=False).fit_sample(device.asarray(ONE))
        assert centres.shape == (0,)

    def test_always(self):
        always = HDBSCANClusterer(20, allow_single_cluster=True)
        assert always.fit_sample(ONE).shape == (1, 5)
        assert always.fit_sample(TWO).shape == (2, 5)

    @pytest.mark.parametrize("exemplars", [False, True])
    def test_each_sample_of_a_batch_as_alone(self, device, exemplars):
        table = device.asarray(np.concatenate([TWO, ONE, ONE[:1], TWO[30:]]))
        points = PointData(table, [120, 60, 0, 1, 90])
        clusterer = HDBSCANClusterer(20, select_exemplars=exemplars)
        centres, labelled = clusterer.fit(points, get_labels=True, verbose=False)
        assert list(centres.columns) == ["t", "x", "y", "z", "cluster_size"]
        assert list(labelled.columns) == ["t", "x", "y", "z", "label"]
        assert [len(sample.points) for sample in centres] == [2, 1, 0, 0, 2]
        np.testing.assert_array_equal(clusterer.labels, device.to_host(labelled["label"]))
        for sample, result in zip(points, centres, strict=True):
            alone = clusterer.fit_sample(sample, as_array=False)
            np.testing.assert_array_equal(
                device.to_host(alone.points), device.to_host(result.points)
            )

    def test_other_numbers_for_single_clusters(self):
        few = HDBSCANClusterer(20, min_cluster_size_single=5, min_samples_single=5)
        assert few.fit_sample(ONE)[:, 4].sum() != HDBSCANClusterer(20).fit_sample(ONE)[0, 4]


class TestOptimise:
    def test_finds_numbers_that_find_the_clusters(self, device):
        rng = np.random.default_rng(2)
        table = np.concatenate([clouds(rng, 0.0, 30.0, 60.0, size=40) for _ in range(3)])
        points = PointData(device.asarray(table), 120)
        clusterer = HDBSCANClusterer(60)
        assert len(clusterer.fit(points, verbose=False).points) < 9
        found = clusterer.optimise(points, max_evals=40, verbose=False)
        assert found.evaluations <= 40
        assert (clusterer.min_cluster_size, clusterer.min_samples) == found[:2]
        assert [len(sample.points) for sample in clusterer.fit(points, verbose=False)] == [3, 3, 3]
        again = HDBSCANClusterer(60).optimise(points, 3, [0, 1, 2], 1, False, max_evals=40)
        assert again == found

    def test_nothing_to_optimise_for(self):
        with pytest.raises(ValueError, match="samples that are not empty"):
            HDBSCANClusterer().optimise(PointData(np.empty((0, 4))))
        with pytest.raises(ValueError, match="max_evals must be at least 1"):
            HDBSCANClusterer().optimise(PointData(TWO), max_evals=0)


class TestBadData:
    @pytest.mark.parametrize("rows", [0, 1, 50])
    @pytest.mark.parametrize("value", [1.0, np.nan])
    def test_nothing_to_find(self, device, rows, value):
        clusterer = HDBSCANClusterer(60)
        centres = clusterer.fit_sample(device.asarray(np.full((rows, 4), value)))
        assert len(clusterer.labels) == rows
        if np.isnan(value) or rows < 2:
            assert centres.shape == (0,)
            assert (clusterer.labels == -1).all()

    def test_more_than_can_be_clustered(self):
        many = PointData(np.zeros((10**6, 4)))
        for call in (HDBSCANClusterer().fit_sample, HDBSCANClusterer().optimise):
            with pytest.raises(ValueError, match="at most 100000 points, found 1000000"):
                call(many)

    def test_arguments(self):
        with pytest.raises(ValueError, match="allow_single_cluster"):
            HDBSCANClusterer(allow_single_cluster="maybe")
        with pytest.warns(RuntimeWarning, match="min_samples must be at least 2, found 1"):
            assert HDBSCANClusterer(10, 1).min_samples == 2
        plain = HDBSCANClusterer(10.4)
        numbers = (plain.min_samples, plain.min_cluster_size_single, plain.min_samples_single)
        assert (plain.min_cluster_size, *numbers) == (10, 10, 10, 10)
        assert plain.labels is None
        with pytest.raises(TypeError, match="PointData"):
            plain.fit(TWO)
