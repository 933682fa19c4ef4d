"""The artificial cluster, added and discarded, on every device against plain NumPy."""

from __future__ import annotations

import json
from itertools import chain, pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from oracle import artificial as oracle
from ragged import CPU, ranges, tables

from gpupept.kernels.artificial import add_artificial, discard_artificial
from gpupept.kernels.threads import use_threads


def add(device, points, samples, added, normals):
    """Positions on the host, in one array per sample."""
    samples, added = np.asarray(samples, np.int64).reshape(-1, 2), np.asarray(added, np.int64)
    positions, offsets = add_artificial(
        device.asarray(np.ascontiguousarray(points)), samples, added, normals
    )
    np.testing.assert_array_equal(np.diff(offsets), samples[:, 1] - samples[:, 0] + added)
    found = device.to_host(positions)
    assert found.shape == (offsets[-1], 3)
    return [found[a:b] for a, b in pairwise(offsets)]


def check(device, points, samples, added, normals):
    """Positions, and so quartiles, are equal to the last bit, but for the sign of zero."""
    found = add(device, points, samples, added, normals)
    for rows, (start, stop), count in zip(found, samples, added, strict=True):
        expected = oracle.positions(points[start:stop], count, normals)
        np.testing.assert_array_equal(rows, expected)


@st.composite
def batches(draw):
    points = draw(tables(columns=draw(st.sampled_from([4, 7])), largest=14))
    samples = draw(ranges(len(points)))
    count = st.integers(0, 5)
    return points, samples, draw(st.lists(count, min_size=len(samples), max_size=len(samples)))


@settings(max_examples=150)
@given(batch=batches())
def test_any_points(device, batch):
    """Ties, one point, no finite point, numbers whose differences overflow, negative ones."""
    check(device, *batch, np.random.default_rng(0).normal(size=(5, 3)))


@pytest.mark.parametrize("rows", [1, 2, 3, 4, 5, 255, 257, 1000, 2560, 2561, 4000])
@pytest.mark.parametrize("kind", ["wide", "narrow", "whole", "shared", "alternating"])
def test_quartiles_of_many_points(device, rows, kind):
    """Sizes on both sides of what is kept in fast memory; bits that differ early, late, and seldom."""
    rng = np.random.default_rng(rows)
    points = {
        "wide": rng.normal(size=(rows, 4)) * 10.0 ** rng.uniform(-200, 200, (rows, 4)),
        "narrow": 1e6 + rng.integers(0, 8, (rows, 4)) * 2.0**-33,
        "whole": rng.integers(-5, 6, (rows, 4)).astype(float),
        "shared": np.full((rows, 4), -7.25),
        "alternating": np.where(rng.random((rows, 4)) < 0.5, -1e-300, 1e300),
    }[kind]
    points[rng.random((rows, 4)) < 0.02] = np.nan
    samples = np.array([[0, rows], [rows // 3, rows], [0, rows // 2]])
    check(device, points, samples, [3, 0, 7], rng.normal(size=(7, 3)))


def test_zeros_of_both_signs(device):
    """Which of them is in the middle must not show."""
    rng = np.random.default_rng(1)
    points = np.where(rng.random((40, 4)) < 0.5, -0.0, 0.0)
    samples = [[start, start + size] for start in range(20) for size in (1, 3, 6, 20)]
    found = add(device, points, samples, [2] * 80, np.array([[-1.0] * 3, [1.0] * 3]))
    artificial = np.concatenate([rows[-2:] for rows in found])
    assert artificial.tobytes() == np.zeros((160, 3)).tobytes()


def test_golden_distribution(device, golden):
    """Artificial points drawn elsewhere have the centre and spread of these, within their noise."""
    archive = golden("tracking_hdbscan_filter")
    cases = [c["name"] for c in json.loads(str(archive["index_json"])) if c["n_injected"]]
    large = [name for name in cases if len(archive[f"{name}/injected_xyz"]) >= 60]
    assert len(large) >= 5
    for name in large:
        points, drawn = archive[f"{name}/points"], archive[f"{name}/injected_xyz"]
        ends = np.array([[0.0] * 3, [1.0] * 3])  # the centre, and one standard deviation from it
        (rows,) = add(device, points, [[0, len(points)]], [2], ends)
        np.testing.assert_array_equal(rows[:-2], points[:, 1:4])
        centre, deviation = rows[-2], rows[-1] - rows[-2]
        error = deviation / np.sqrt(len(drawn))
        assert (abs(drawn.mean(axis=0) - centre) < 4 * error).all()
        assert (abs(drawn.std(axis=0) - deviation) < 4 * error).all()


def discard(device, labels, sizes, added, strict):
    offsets = np.concatenate([[0], np.cumsum(np.asarray(sizes) + added)]).astype(np.int64)
    kept = discard_artificial(device.asarray(labels), offsets, np.asarray(sizes, np.int64), strict)
    return device.to_host(kept), offsets


def check_discarded(device, labels, sizes, added, strict):
    found, offsets = discard(device, labels, sizes, added, strict)
    expected = [
        oracle.discard(labels[offsets[s] : offsets[s + 1]], size, strict)
        for s, size in enumerate(sizes)
    ]
    np.testing.assert_array_equal(found, np.concatenate([np.empty(0, np.int64), *expected]))
    assert found.dtype == np.int64


@st.composite
def labelled(draw):
    """Labels of samples, some of them empty, some without artificial points."""
    sizes = draw(st.lists(st.integers(0, 12), max_size=4))
    added = draw(st.lists(st.integers(0, 6), min_size=len(sizes), max_size=len(sizes)))
    label = [st.integers(-1, min(3, s + a - 1)) for s, a in zip(sizes, added, strict=True)]
    rows = [
        draw(st.lists(one, min_size=s + a, max_size=s + a))
        for one, s, a in zip(label, sizes, added, strict=True)
    ]
    return np.array(list(chain(*rows)), dtype=np.int64), sizes, added


@settings(max_examples=150)
@given(batch=labelled(), strict=st.booleans())
def test_discarding(device, batch, strict):
    check_discarded(device, *batch, strict)


@pytest.mark.parametrize("clusters", [1, 3, 255, 257, 700])
@pytest.mark.parametrize("strict", [False, True])
def test_discarding_among_many_clusters(device, clusters, strict):
    rng = np.random.default_rng(clusters)
    sizes, added = [900, 0, 1000], [200, 750, 0]
    rows = [rng.integers(-1, clusters, a + b) for a, b in zip(sizes, added, strict=True)]
    rows[0][900:] = rng.integers(0, 1 + clusters // 4, 200)
    check_discarded(device, np.concatenate(rows), sizes, added, strict)


def test_half_of_a_cluster_makes_it_artificial(device):
    labels = np.array([0, 0, 1, 1, 2, -1, 0, 1, 1, 3, -1])  # six real ones, five artificial
    expected = {False: [0, 0, -1, -1, 1, -1], True: [-1, -1, -1, -1, 0, -1]}
    for strict, kept in expected.items():
        assert discard(device, labels, [6], [5], strict)[0].tolist() == kept


def test_number_of_threads_changes_nothing():
    rng = np.random.default_rng(3)
    points = rng.normal(size=(500, 4))
    starts = np.arange(0, 450, 7)
    samples, added = np.column_stack([starts, starts + 50]), np.arange(len(starts)) % 5
    labels = rng.integers(-1, 4, int(50 * len(starts) + added.sum()))
    found = []
    for threads in (1, 2, 5):
        with use_threads(threads):
            rows = np.concatenate(add(CPU, points, samples, added, np.ones((5, 3))))
            kept, _ = discard(CPU, labels, [50] * len(starts), added, True)
            found.append(rows.tobytes() + kept.tobytes())
    assert found == found[:1] * 3
