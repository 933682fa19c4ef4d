"""Tracers located from the lines of clusters of cutpoints, on real measurements of two of them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import gpupept as pept
from gpupept.simulation import fit_rotation
from gpupept.tracking import (
    HDBSCAN,
    BirminghamMethod,
    Centroids,
    Cutpoints,
    LinesCentroids,
    Segregate,
    SplitLabels,
    Stack,
)


@pytest.fixture(scope="module")
def cluster_lines(shared: Any) -> Any:
    """Lines that gave the cutpoints of each cluster."""
    raw = pept.read_csv(shared / "data" / "sample_2p_42rpm.csv", skiprows=16)
    lors = pept.scanners.parallel_screens(raw, 712, sample_size=400, overlap=300, verbose=False)
    clustering = [Cutpoints(0.5, append_indices=True), HDBSCAN(0.15, max_tracers=2)]
    pipeline = pept.Pipeline([*clustering, SplitLabels(extract_lines=True)])
    return pipeline.fit(lors, verbose=False)


@pytest.fixture(params=["lines centroids", "Birmingham method"])
def positions(request: pytest.FixtureRequest, cluster_lines: Any) -> pept.PointData:
    if request.param == "lines centroids":
        located = LinesCentroids().fit(cluster_lines, verbose=False)
    else:
        # One tracer in each sample: here each cluster is one.
        located = BirminghamMethod(0.5).fit(Stack().fit(cluster_lines), verbose=False)
    points = Stack().fit(located)
    return pept.PointData(np.ascontiguousarray(points.points[:, :4]))


def rotations(trajectories: pept.PointData) -> list[Any]:
    """Circles through both trajectories, the smaller one first."""
    assert set(trajectories["label"]) == {0, 1}
    circles = [
        fit_rotation(trajectories.points[trajectories["label"] == label]) for label in (0, 1)
    ]
    return sorted(circles, key=lambda circle: circle.radius)


def test_every_sample_locates_both_tracers(positions):
    trajectories = Segregate(window=40, cut_distance=10).fit(positions)
    assert np.unique(trajectories["label"], return_counts=True)[1].tolist() == [796, 796]
    for circle in rotations(trajectories):
        assert circle.rpm == pytest.approx(42.3, abs=0.2)


def test_trajectories_after_a_second_pass(positions):
    pipeline = pept.Pipeline(
        [
            Stack(sample_size=60, overlap=59),
            HDBSCAN(0.6, max_tracers=2),
            SplitLabels() + Centroids(),
            Stack(),
            Segregate(window=40, cut_distance=10),
        ]
    )
    trajectories = pipeline.fit(positions, verbose=False)
    assert np.unique(trajectories["label"], return_counts=True)[1].tolist() == [1533, 1533]
    for circle, radius in zip(rotations(trajectories), (85.1, 86.1), strict=True):
        assert circle.radius == pytest.approx(radius, abs=0.5)
        assert circle.rpm == pytest.approx(42.3, abs=0.2)
