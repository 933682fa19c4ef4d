"""Clouds of points for the tests of HDBSCAN, and calling it on any device."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from gpupept.kernels.hdbscan import Clusters, hdbscan

COORDINATES = st.one_of(
    st.integers(-2, 2).map(float),
    st.floats(-100.0, 100.0),
    st.sampled_from(
        [-0.0, np.nan, np.inf, -np.inf, 1e149, -1e150, 1.1e150, 1e200, 1e-160, 1e-170, 5e-324]
    ),
)


def run(device, clouds, min_samples, min_cluster_size, single=False) -> Clusters:
    """Cluster a list of clouds as one batch; the result on the host."""
    clouds = [np.reshape(np.asarray(cloud, dtype=np.float64), (-1, 3)) for cloud in clouds]
    offsets = offsets_of(clouds)
    points = np.concatenate([np.empty((0, 3)), *clouds])
    per_cloud = (
        np.array(np.broadcast_to(value, len(clouds)), dtype=np.int64)
        for value in (min_samples, min_cluster_size)
    )
    found = hdbscan(device.asarray(points), offsets, *per_cloud, single)
    return Clusters(*(device.to_host(array) for array in found))


def offsets_of(clouds) -> np.ndarray:
    return np.cumsum([0, *map(len, clouds)], dtype=np.int64)


def of_cloud(found: Clusters, clouds, number: int) -> Clusters:
    """Result of one cloud of a batch; its persistence is cut to the clusters found."""
    start, stop = offsets_of(clouds)[number : number + 2]
    clusters = int(found.found[number])
    per_point = (a[start:stop] for a in (found.labels, found.probabilities))
    return Clusters(
        *per_point,
        found.persistence[start : start + clusters],
        found.found[number : number + 1],
        found.core[start:stop],
        found.weights[start:stop],
    )


def assert_same(found: Clusters, expected: Clusters) -> None:
    """Same bits, whatever the device."""
    for name, a, b in zip(Clusters._fields, found, expected, strict=True):
        np.testing.assert_array_equal(a, b, err_msg=name)


def blobs(rng, n, clusters=3, spread=1.0, distance=20.0, noise=0.1) -> np.ndarray:
    """Gaussian clouds of points with some uniform noise between."""
    centres = rng.uniform(-distance, distance, (clusters, 3))
    points = centres[rng.integers(0, clusters, n)] + rng.normal(0.0, spread, (n, 3))
    stray = rng.random(n) < noise
    points[stray] = rng.uniform(-2.0 * distance, 2.0 * distance, (int(stray.sum()), 3))
    return points


def lattice(rng, n) -> np.ndarray:
    return rng.integers(0, 5, (n, 3)).astype(np.float64)


def duplicates(rng, n) -> np.ndarray:
    return rng.normal(size=(n // 4 + 1, 3))[rng.integers(0, n // 4 + 1, n)]


def identical(rng, n) -> np.ndarray:
    return np.tile(rng.normal(size=3), (n, 1))


def collinear(rng, n) -> np.ndarray:
    return np.outer(rng.normal(size=n).round(2), rng.normal(size=3))


def all_scales(rng, n) -> np.ndarray:
    """Every pair of points a different order of magnitude apart."""
    return rng.normal(size=(n, 3)) * 10.0 ** rng.uniform(-150.0, 149.0, (n, 1))


def ladder(rng, n) -> np.ndarray:
    """Each step half as long as the one before."""
    points = np.zeros((n, 3))
    points[:, rng.integers(0, 3)] = 1e149 * 0.5 ** np.arange(n)
    return points[rng.permutation(n)]


def spoilt(rng, n) -> np.ndarray:
    """Blobs in which some coordinates are no numbers or far beyond reason."""
    points = blobs(rng, n)
    bad = rng.random((n, 3)) < 0.05
    points[bad] = rng.choice([np.nan, np.inf, -np.inf, 1e149, 1e151, -1e200], int(bad.sum()))
    return points


KINDS = (blobs, lattice, duplicates, identical, collinear, all_scales, ladder, spoilt)


@st.composite
def made_clouds(draw, largest):
    """Cloud of one of the kinds above."""
    kind, n = draw(st.sampled_from(KINDS)), draw(st.integers(0, largest))
    return kind(np.random.default_rng(draw(st.integers(0, 2**32))), n)


@st.composite
def batches(draw, largest, most=5):
    """Clouds, and for each the neighbours of a core distance and the smallest cluster."""
    drawn = st.integers(0, 8).flatmap(lambda n: arrays(np.float64, (n, 3), elements=COORDINATES))
    clouds = draw(st.lists(st.one_of(drawn, made_clouds(largest)), max_size=most))
    limits = st.lists(
        st.one_of(st.integers(1, 8), st.integers(1, largest + 5)),
        min_size=len(clouds),
        max_size=len(clouds),
    )
    return clouds, draw(limits), [max(2, limit) for limit in draw(limits)]
