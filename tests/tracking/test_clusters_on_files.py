"""Tracers from clusters of cutpoints by other means than the recipe's, on real measurements of two."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import gpupept as pept
from gpupept.simulation import fit_rotation
from gpupept.tracking import (
    HDBSCAN,
    Centroids,
    Cutpoints,
    GaussianDensity,
    HDBSCANClusterer,
    Segregate,
    SplitLabels,
    Stack,
)


@pytest.fixture(scope="module")
def cutpoints(shared: Any) -> pept.PointData:
    raw = pept.read_csv(shared / "data" / "sample_2p_42rpm.csv", skiprows=16)
    lors = pept.scanners.parallel_screens(raw, 712, sample_size=400, overlap=300, verbose=False)
    return Cutpoints(0.5).fit(lors, verbose=False)


def by_clusterer(cutpoints: pept.PointData) -> pept.PointData:
    return HDBSCANClusterer(min_cluster_size=100).fit(cutpoints, verbose=False)


def by_densest_places(cutpoints: pept.PointData) -> pept.PointData:
    steps = [
        HDBSCAN(0.15, max_tracers=2),
        SplitLabels(),
        GaussianDensity(5.0),
        Centroids(),
        Stack(),
    ]
    return pept.Pipeline(steps).fit(cutpoints, verbose=False)


@pytest.mark.parametrize("locate", [by_clusterer, by_densest_places])
def test_both_tracers_are_found(cutpoints, locate):
    positions = pept.PointData(np.ascontiguousarray(locate(cutpoints).points[:, :4]))
    second_pass = pept.Pipeline(
        [
            Stack(sample_size=60, overlap=59),
            HDBSCAN(0.6, max_tracers=2),
            SplitLabels() + Centroids(),
            Stack(),
            Segregate(window=40, cut_distance=10),
        ]
    )
    found = second_pass.fit(positions, verbose=False)
    assert set(found["label"]) == {0, 1}
    circles = [fit_rotation(found.points[found["label"] == label]) for label in (0, 1)]
    circles.sort(key=lambda circle: circle.radius)
    for circle, radius in zip(circles, (85.1, 86.1), strict=True):
        assert circle.radius == pytest.approx(radius, abs=0.5)
        assert circle.rpm == pytest.approx(42.3, abs=0.2)
