"""HDBSCAN against partitions by the reference package, under the rules of their README."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hdbscan_clouds import assert_same, of_cloud, run
from scipy.optimize import linear_sum_assignment

LATTICE_LIKE = {"grid_125", "collinear_equal_50"}
TIE_DEPENDENT_SCALE = {"rounded_300", "dup3_138"}
# The simulated GPU takes seconds for clouds that a real one clusters at once.
LARGEST_ON_SHIM = 600


@pytest.fixture(scope="module")
def vectors(golden):
    archive = golden("tracking_hdbscan_plain")
    return {name: archive[name] for name in archive.files}


def cases_of(vectors, device, single):
    largest = LARGEST_ON_SHIM if device.kind == "shim" else np.inf
    cases = json.loads(str(vectors["index_json"]))
    return [case for case in cases if bool(case["single"]) == single and case["n"] <= largest]


def cluster_cases(vectors, device, single):
    """All cases as one batch; the results, case by case."""
    cases = cases_of(vectors, device, single)
    clouds = [vectors[f"{case['key'].split('/')[0]}/X"] for case in cases]
    phi = [case["phi"] for case in cases]
    found = run(device, clouds, phi, phi, single)
    return [(case, of_cloud(found, clouds, s)) for s, case in enumerate(cases)]


def matching(labels, expected):
    """The clusters of `expected` that have most points in common with those of `labels`."""
    table = np.zeros((labels.max() + 1, expected.max() + 1), dtype=int)
    both = (labels >= 0) & (expected >= 0)
    np.add.at(table, (labels[both], expected[both]), 1)
    return dict(zip(*linear_sum_assignment(table, maximize=True), strict=True))


def translated(labels, expected):
    """`labels` in the numbers of `expected`; -2 for a cluster that has no counterpart."""
    partner = matching(labels, expected)
    return np.array([label if label < 0 else partner.get(label, -2) for label in labels])


def check_valid(case, found):
    assert set(found.labels) <= set(range(-1, found.found[0]))
    assert set(range(found.found[0])) <= set(found.labels)
    assert ((found.probabilities >= 0) & (found.probabilities <= 1)).all()
    assert (found.probabilities[found.labels < 0] == 0).all()
    assert found.core.shape == (case["n"],)


def check_case(vectors, case, found):
    key, name = case["key"], case["key"].split("/")[0]
    check_valid(case, found)
    if name in LATTICE_LIKE and not case["strict"]:
        return
    expected = vectors[f"{key}/labels"].astype(int)
    certain = np.unpackbits(vectors[f"{key}/ambiguous"])[: case["n"]] == 0
    labels = translated(found.labels, expected)
    wrong = int((labels != expected)[certain].sum())
    if not case["strict"]:
        assert wrong <= max(2, 0.01 * case["n"]), key
        return
    assert (wrong, found.found[0]) == (0, case["n_clusters"]), key
    if name not in TIE_DEPENDENT_SCALE:
        difference = np.abs(found.probabilities - vectors[f"{key}/prob"])[certain]
        assert difference.max(initial=0.0) <= 1e-4, key
    if certain.all():  # else the number of points of a cluster may differ
        partner = matching(found.labels, expected)
        persistence = vectors[f"{key}/persistence"][[partner[c] for c in range(found.found[0])]]
        np.testing.assert_allclose(found.persistence, persistence, rtol=1e-9, err_msg=key)


@pytest.mark.parametrize("single", [False, True])
def test_partitions_of_the_reference_package(vectors, device, single):
    results = cluster_cases(vectors, device, single)
    assert len(results) == {"shim": 156}.get(device.kind, 177)
    for case, found in results:
        check_case(vectors, case, found)


@pytest.mark.parametrize("name", ["real_pass1_432", "blob2_3000"])
def test_large_clouds_on_the_gpu_as_on_the_cpu(vectors, gpu_device, name):
    """A cloud of the size at which the GPU matters, and one beyond its shared memory."""
    cloud = vectors[f"{name}/X"]
    if gpu_device.kind == "shim":
        cloud = cloud[:2300]
    cpu = type(gpu_device)("cpu")
    assert_same(run(gpu_device, [cloud], 60, 60), run(cpu, [cloud], 60, 60))
