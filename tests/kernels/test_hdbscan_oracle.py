"""HDBSCAN against a plain implementation, and the results of special clouds stated outright."""

from __future__ import annotations

import numpy as np
import pytest
from hdbscan_clouds import KINDS, batches, blobs, of_cloud, run
from hypothesis import given, settings
from hypothesis import strategies as st
from oracle import hdbscan as oracle
from scipy.sparse.csgraph import minimum_spanning_tree


def check_against_oracle(found, clouds, min_samples, min_cluster_size, single):
    for s, cloud in enumerate(clouds):
        expected = oracle.hdbscan(cloud, min_samples[s], min_cluster_size[s], single)
        result = of_cloud(found, clouds, s)
        np.testing.assert_array_equal(result.labels, expected.labels)
        assert result.found[0] == len(expected.persistence)
        for name in ("probabilities", "core", "weights", "persistence"):
            np.testing.assert_allclose(
                getattr(result, name), getattr(expected, name), rtol=1e-12, atol=0.0, err_msg=name
            )


@settings(max_examples=150)
@given(batch=batches(largest=40), single=st.booleans())
def test_equals_plain_implementation(device, batch, single):
    check_against_oracle(run(device, *batch, single), *batch, single)


@pytest.mark.parametrize("kind", KINDS)
def test_equals_plain_implementation_of_larger_clouds(device, kind):
    """Several leaves and runs of points, ties of core distances across them."""
    rng = np.random.default_rng(len(kind.__name__))
    clouds = [kind(rng, n) for n in (33, 150, 64)]
    batch = clouds, [5, 30, 64], [5, 10, 2]
    for single in (False, True):
        check_against_oracle(run(device, *batch, single), *batch, single)


@pytest.mark.parametrize("k", [1, 16, 100, 449])
def test_core_distances_and_tree_of_a_large_cloud(device, k):
    cloud = blobs(np.random.default_rng(k), 450)
    found = run(device, [cloud], k, 20)
    squared = oracle.squared_distances(cloud)
    core = np.sort(squared, axis=1)[:, k]
    np.testing.assert_array_equal(found.core, core)
    reach = np.sqrt(np.maximum(squared, np.maximum(core[:, None], core[None, :])))
    np.fill_diagonal(reach, 0.0)
    total = np.sqrt(found.weights[:-1]).sum()
    np.testing.assert_allclose(total, minimum_spanning_tree(reach).sum(), rtol=1e-12)
    assert np.isnan(found.weights[-1])


def test_every_distance_equal_but_few(device):
    """More equal distances than a selection keeps at a time, with others on both sides."""
    rng = np.random.default_rng(3)
    shell = rng.integers(0, 2, (900, 3)) * 2.0 - 1.0
    cloud = np.concatenate([[[0.0, 0.0, 0.0]], shell, rng.normal(size=(20, 3))])
    squared = oracle.squared_distances(cloud)
    for k in (1, 15, 300, 900):
        np.testing.assert_array_equal(
            run(device, [cloud], k, 5).core, np.sort(squared, axis=1)[:, k]
        )


IDENTICAL = np.tile([1.0, -2.0, 3.5], (30, 1))
TWO_SPOTS = np.repeat([[0.0, 0.0, 0.0], [3.0, 4.0, 0.0]], 20, axis=0)
TRIPLE = np.array([[0.0, 0.0, 0.0], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])


@pytest.mark.parametrize(
    ("cloud", "phi", "several", "one"),
    [
        (TRIPLE[:0], 2, [], []),
        (TRIPLE[:1], 2, [-1], [-1]),
        (TRIPLE[:2], 2, [-1, -1], [0, 0]),
        (TRIPLE, 2, [-1] * 3, [0] * 3),
        (IDENTICAL, 5, [-1] * 30, [0] * 30),
        (TWO_SPOTS, 10, [0] * 20 + [1] * 20, [0] * 20 + [1] * 20),
        (TWO_SPOTS, 25, [-1] * 40, [0] * 40),
        (TRIPLE, 1000, [-1] * 3, [0] * 3),
    ],
)
def test_special_clouds(device, cloud, phi, several, one):
    for single, labels in ((False, several), (True, one)):
        found = run(device, [cloud], phi, phi, single)
        assert found.labels.tolist() == labels
        assert found.found.tolist() == [len({label for label in labels if label >= 0})]
        assert found.probabilities.tolist() == [float(label >= 0) for label in labels]


def test_clusters_as_large_as_the_cloud(device):
    """Only the points that merge last are the cluster, if there may be one."""
    cloud = np.random.default_rng(0).normal(size=(50, 3))
    assert (run(device, [cloud], 50, 50).labels == -1).all()
    found = run(device, [cloud], 50, 50, single=True)
    assert set(found.labels.tolist()) <= {-1, 0}
    assert (found.labels == 0).sum() >= 2


def test_a_cluster_as_stable_as_its_parts_is_kept(device):
    """Two rows of four points 1 mm apart, 2 mm between them: 8 * 1 / 2 = 2 * 4 * (1 - 1 / 2)."""
    cloud = np.zeros((8, 3))
    cloud[:, 0] = [0, 1, 2, 3, 5, 6, 7, 8]
    found = run(device, [cloud], 1, 4, single=True)
    assert found.labels.tolist() == [0] * 8
    assert found.persistence[0] == 0.5
    assert run(device, [cloud], 1, 4).labels.tolist() == [0] * 4 + [1] * 4


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 1.1e150, -1e200])
def test_unusable_points_are_noise_and_change_nothing(device, bad):
    rng = np.random.default_rng(7)
    cloud = blobs(rng, 120)
    rows = np.sort(rng.choice(150, 120, replace=False))
    spoilt = np.full((150, 3), 0.5)
    spoilt[np.arange(150), rng.integers(0, 3, 150)] = bad
    spoilt[rows] = cloud
    found, clean = run(device, [spoilt], 8, 10), run(device, [cloud], 8, 10)
    assert clean.found[0] >= 2
    np.testing.assert_array_equal(found.found, clean.found)
    for name in ("labels", "probabilities", "core"):
        np.testing.assert_array_equal(getattr(found, name)[rows], getattr(clean, name))
    left_out = np.setdiff1d(np.arange(150), rows)
    assert (found.labels[left_out] == -1).all()
    assert (found.probabilities[left_out] == 0.0).all()
    assert np.isnan(found.core[left_out]).all()
    np.testing.assert_array_equal(found.weights[:119], clean.weights[:119])
    assert np.isnan(found.weights[119:]).all()


def test_unusable_points_stand_behind_the_far_corner_of_the_others(device):
    """A point at the upper end of all axes, whose place along the curve is the last there is."""
    cloud = [[np.nan, 0, 0], [0, 0, 0], [1, 0, 0], [0, 2, 0], [0, 0, 3], [5, 5, 5], [0, np.inf, 0]]
    check_against_oracle(run(device, [cloud], 2, 2), [cloud], [2], [2], False)


def test_clouds_without_usable_points(device):
    cloud = np.full((40, 3), np.nan)
    one = cloud.copy()
    one[17] = 1.0
    found = run(device, [cloud, one], 5, 5, single=True)
    assert found.found.tolist() == [0, 0]
    assert (found.labels == -1).all()
    assert np.isnan(found.core).all()


def test_coordinates_at_the_end_of_the_range(device):
    """Squares of what is allowed stay finite: the two groups are told apart."""
    rng = np.random.default_rng(1)
    cloud = np.concatenate([rng.normal(size=(30, 3)) - 100.0, rng.normal(size=(30, 3)) + 100.0])
    found = run(device, [cloud * 9e147], 5, 5)
    assert np.isfinite(found.core).all()
    np.testing.assert_array_equal(found.labels, run(device, [cloud], 5, 5).labels)
    assert found.found[0] == 2


@pytest.mark.parametrize("limits", [(0, 0), (-3, 1), (1, 2)])
def test_limits_below_the_least_are_raised(device, limits):
    cloud = blobs(np.random.default_rng(5), 60)
    found, least = run(device, [cloud], *limits), run(device, [cloud], 1, 2)
    np.testing.assert_array_equal(found.labels, least.labels)
