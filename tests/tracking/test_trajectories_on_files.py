"""Trajectories of real tracers on a turntable: separated, joined where they were cut, and their speed."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import gpupept as pept
from gpupept.simulation import fit_rotation, trajectory_errors
from gpupept.tracking import GroupBy, Reconnect, Segregate, Velocity
from gpupept.tracking.recipes import peptml_pipeline

RPM = 42.3


@pytest.fixture(scope="module")
def positions(shared: Any) -> np.ndarray:
    """Positions of both tracers by turns, as the recipe finds them; rows t, x, y, z."""
    raw = pept.read_csv(shared / "data" / "sample_2p_42rpm.csv", skiprows=16)
    lors = pept.scanners.parallel_screens(raw, 712, sample_size=400, overlap=300, verbose=False)
    found: np.ndarray = peptml_pipeline(2).fit(lors, verbose=False).points[:, :4]
    return found


def speed(radius: float) -> float:
    """Speed on a circle of a radius (mm), in mm / ms."""
    return 2 * np.pi * radius * RPM / 60_000


def trajectories(device: Any, rows: np.ndarray, absolute: bool = True) -> Any:
    pipeline = pept.Pipeline(
        [
            Segregate(window=40, cut_distance=10, max_time_interval=50),
            Reconnect(tmax=150, dmax=60),
            GroupBy("label"),
            Velocity(window=41, absolute=absolute),
        ]
    )
    return pipeline.fit(pept.PointData(device.asarray(rows)), verbose=False)


@pytest.mark.parametrize("start", [0.0, 1e9])
def test_speed(device: Any, positions: np.ndarray, start: float) -> None:
    """What the turntable gives them, to 1 %, whenever the measurement began."""
    found = trajectories(device, np.add(positions, [start, 0, 0, 0]))
    assert len(found) == 2
    for sample in found:
        speeds = device.to_host(sample["v"])
        expected = speed(fit_rotation(sample).radius)
        assert speeds.mean() == pytest.approx(expected, rel=0.01)
        assert np.median(speeds) == pytest.approx(expected, rel=0.01)
        assert np.percentile(abs(speeds / expected - 1), 95) < 0.03


def test_velocities_are_tangents(device: Any, positions: np.ndarray) -> None:
    for sample in trajectories(device, positions, absolute=False):
        rows, circle = device.to_host(sample.points), fit_rotation(sample)
        tangents = np.cross(circle.normal, rows[:, 1:4] - circle.centre)
        expected = tangents * (2 * np.pi * RPM / 60_000)
        apart = np.linalg.norm(rows[:, -3:] - expected, axis=1)
        assert np.median(apart) < 0.05 * speed(circle.radius)


def test_trajectories_that_were_cut_are_joined(device: Any, positions: np.ndarray) -> None:
    """Out of view for 100 ms, in which each tracer goes on by nearly 40 mm."""
    seen = (positions[:, 0] % 500) > 100
    rows = positions[seen]
    pieces = Segregate(40, 10, max_time_interval=50).fit(device.asarray(rows))
    assert int(device.to_host(pieces["label"]).max()) + 1 == 8
    found = trajectories(device, rows)
    assert len(found) == 2
    errors = trajectory_errors(found, trajectories(device, positions))
    assert errors.fragments.tolist() == [1, 1]
    assert (errors.purity, errors.switches, errors.noise) == (1.0, 0, 0)
    assert len(errors.differences) == len(rows)
    assert errors.rms < 0.2
