"""PEPT-EM on simulated and measured lines; its kernels have their own tests."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import gpupept
from gpupept import LineData, PointData
from gpupept.base import PerSample
from gpupept.kernels.threads import use_threads
from gpupept.simulation import (
    fit_rotation,
    location_errors,
    rotating_tracers,
    simulate_lines,
    trajectory_errors,
)
from gpupept.tracking import PEPTEM, Segregate, Stack

COLUMNS = ["t", "x", "y", "z", "error", "weight"]
CROSSING = [
    [[0, 100, 250, 340], [500, 300, 250, 340]],
    [[0, 200, 150, 360], [500, 200, 350, 360]],
]


@pytest.fixture(scope="module")
def rotating():
    return rotating_tracers(lors=6000, sample_size=300, overlap=100)


@pytest.fixture(scope="module")
def crossing():
    """Two tracers that pass each other at 20 mm."""
    return simulate_lines(CROSSING, seconds=0.5, sample_size=300, overlap=150)


class TestIndependent:
    def test_both_tracers_in_every_frame(self, device, rotating):
        found = PEPTEM(max_tracers=2).fit(rotating.lines.to(device.name))
        assert isinstance(found, PointData)
        assert found.device.startswith(device.name)
        assert list(found.columns) == COLUMNS
        assert [len(sample.points) for sample in found] == [2] * len(rotating.lines)
        points = device.to_host(found.points)
        errors = location_errors(PointData(points), rotating.paths)
        assert errors.found == 2
        assert errors.mean < 1.5
        assert errors.distances.max() < 5.0
        assert ((points[:, 4] > 2.0) & (points[:, 4] < 6.0)).all()
        weights = points[:, 5].reshape(-1, 2)
        assert (weights[:, 0] >= weights[:, 1]).all()
        assert (weights.sum(axis=1) < 1.0).all()

    @pytest.mark.parametrize("motion", [0, 1, 2])
    def test_the_same_on_every_device(self, device, rotating, motion):
        few = rotating.lines[:5]
        expected = PEPTEM(motion=motion).fit(few)
        found = PEPTEM(motion=motion).fit(few.to(device.name))
        assert found.samples_indices.tolist() == expected.samples_indices.tolist()
        np.testing.assert_allclose(
            device.to_host(found.points), expected.points, rtol=1e-6, atol=1e-6
        )

    @given(seed=st.integers(0, 10**6), tracers=st.integers(1, 4))
    @settings(max_examples=8)
    def test_tracers_anywhere(self, seed, tracers):
        rng = np.random.default_rng(seed)
        while True:
            places = rng.uniform([100, 150, 250], [300, 350, 450], (tracers, 3))
            apart = np.linalg.norm(places[:, None] - places, axis=2) + 1e9 * np.eye(tracers)
            if apart.min() > 50.0:
                break
        paths = [[[0, *place]] for place in places]
        lors = 250 * tracers
        run = simulate_lines(paths, lors=2 * lors, seed=seed, sample_size=lors)
        found = PEPTEM(tracers, min_weight=0.02).fit(run.lines)
        for sample in found:
            errors = location_errors(PointData(sample.points), run.paths)
            assert errors.found == tracers
            assert errors.distances.max() < 8.0

    def test_motion_removes_the_bias_of_a_fast_tracer(self):
        """Lines lean one way at first and the other way later: at rest, they meet far from the path."""
        path = [[0, 180, 250, 350], [40, 200, 250, 350]]  # 0.5 m / s
        run = simulate_lines([path], seconds=0.04, random_fraction=0.0, activity=1e6)
        lines = run.lines.lines
        leans = lines[:, 4] > lines[:, 1]
        kept = LineData(np.ascontiguousarray(lines[leans == (lines[:, 0] < 20.0)]))
        bias = {}
        for motion in (0, 1):
            found = PEPTEM(1, motion=motion).fit(kept)
            bias[motion] = location_errors(found, run.paths).bias
        assert abs(bias[0][2]) > 4.0
        assert np.linalg.norm(bias[1]) < 1.0

    @pytest.mark.parametrize("motion", [1, 2])
    def test_velocities(self, motion):
        run = simulate_lines([CROSSING[0]], seconds=0.5, sample_size=1000, activity=1e6)
        found = PEPTEM(1, motion=motion, velocity=True).fit(run.lines)
        assert list(found.columns) == [*COLUMNS, "vx", "vy", "vz"]
        velocities = found.points[:, 6:]
        assert len(velocities) == len(run.lines) > 40
        np.testing.assert_allclose(velocities.mean(axis=0), [0.4, 0.0, 0.0], atol=0.03)

    @pytest.mark.parametrize("memory", [1, 2_000_000])
    def test_chunks_and_threads_change_nothing(self, rotating, memory, monkeypatch):
        expected = PEPTEM().fit(rotating.lines)
        monkeypatch.setenv("GPUPEPT_MEMORY", str(memory))
        for threads in (1, 3):
            with use_threads(threads):
                found = PEPTEM().fit(rotating.lines)
            assert found.points.tobytes() == expected.points.tobytes()
            np.testing.assert_array_equal(found.samples_indices, expected.samples_indices)

    def test_seeds_hardly_matter(self, rotating):
        first = PEPTEM(2).fit(rotating.lines[:8])
        other = PEPTEM(2, seed=5).fit(rotating.lines[:8])
        assert first.points.tobytes() != other.points.tobytes()
        np.testing.assert_allclose(other.points, first.points, atol=0.1)

    def test_in_a_pipeline(self, rotating):
        pipeline = gpupept.Pipeline([PEPTEM(2), Stack(), Segregate(20, 20.0)])
        trajectories = pipeline.fit(rotating.lines, verbose=False)
        errors = trajectory_errors(trajectories, rotating.paths)
        assert errors.fragments.tolist() == [1, 1]
        assert errors.purity == 1.0


class TestTracking:
    @pytest.mark.parametrize("motion", [0, 1, 2])
    def test_labels_of_crossing_tracers(self, crossing, motion):
        tracker = PEPTEM(2, mode="tracking", motion=motion, velocity=True)
        found = tracker.fit(crossing.lines)
        assert list(found.columns) == [*COLUMNS, "label", "vx", "vy", "vz"]
        assert len(found) == len(crossing.lines)
        errors = trajectory_errors(found, crossing.paths, reach=5.0)
        assert errors.fragments.tolist() == [1, 1]
        assert errors.switches == 0
        assert errors.purity == 1.0
        assert len(errors.nearest) > 1.9 * len(crossing.lines)
        for label, velocity in enumerate(([0.4, 0, 0], [0, 0.4, 0])):
            own = found.points[found["label"] == errors_label(found, crossing, label)]
            np.testing.assert_allclose(np.median(own[:, 7:], axis=0), velocity, atol=0.1)

    def test_the_same_on_every_device(self, device, crossing):
        few = crossing.lines[:12]
        expected = PEPTEM(mode="tracking", motion=1).fit(few)
        found = PEPTEM(mode="tracking", motion=1).fit(few.to(device.name))
        assert found.device.startswith(device.name)
        np.testing.assert_allclose(
            device.to_host(found.points), expected.points, rtol=1e-5, atol=1e-5
        )

    def test_birth_and_death(self):
        """One tracer is there all the time, another comes later and a third goes."""
        places = ([100, 200, 350], [250, 300, 350], [250, 150, 380])
        runs = [
            simulate_lines([[[0, *place]]], seconds=0.4, seed=seed).lines.lines
            for seed, place in enumerate(places)
        ]
        times = [run[:, 0] for run in runs]
        rows = [runs[0], runs[1][times[1] > 200.0], runs[2][times[2] < 150.0]]
        lines = np.concatenate(rows)
        lines = lines[np.argsort(lines[:, 0])]
        data = LineData(lines, sample_size=400, overlap=200)
        found = PEPTEM(mode="tracking", patience=3).fit(data)
        labels, counts = np.unique(found["label"], return_counts=True)
        assert (counts >= 5).sum() == 3
        assert counts[counts < 5].sum() <= 2
        lives = {}
        for label in labels[counts >= 5]:
            own = found.points[found["label"] == label]
            nearest = np.linalg.norm(own[:, 1:4].mean(axis=0) - places, axis=1)
            assert nearest.min() < 2.0
            lives[int(nearest.argmin())] = own[[0, -1], 0]
        assert len(lives) == 3
        np.testing.assert_allclose(lives[0], [0, 400], atol=25)
        np.testing.assert_allclose(lives[1], [200, 400], atol=25)
        np.testing.assert_allclose(lives[2], [0, 150], atol=25)

    def test_a_tracer_that_is_hidden_for_a_while_keeps_its_label(self, crossing):
        lines = crossing.lines.lines
        hidden = (lines[:, 0] > 300.0) & (lines[:, 0] < 315.0) & (crossing.sources == 0)
        data = LineData(np.ascontiguousarray(lines[~hidden]), sample_size=200, overlap=100)
        found = PEPTEM(2, mode="tracking", motion=1, patience=20).fit(data)
        errors = trajectory_errors(found, crossing.paths, reach=5.0)
        assert errors.fragments.tolist() == [1, 1]
        assert errors.purity == 1.0
        frames = [len(sample.points) for sample in found]
        assert 1 in frames[20:-20]

    def test_frames_without_lines_are_passed_over(self, crossing):
        lines = LineData(crossing.lines.lines[:1800], [0, 300, 300, 300, 0, 300, 300, 300])
        found = PEPTEM(2, mode="tracking").fit(lines)
        sizes = [len(sample.points) for sample in found]
        assert sizes[0] == sizes[4] == 0
        assert sum(sizes) == len(found.points) >= 11
        assert set(found["label"]) == {0, 1}

    @pytest.mark.parametrize("motion", [0, 2])
    def test_the_same_in_every_run(self, crossing, motion):
        first, again = (
            PEPTEM(mode="tracking", motion=motion).fit(crossing.lines) for _ in range(2)
        )
        assert first.points.tobytes() == again.points.tobytes()


def errors_label(points, run, tracer):
    """Label of the trajectory that follows a tracer."""
    errors = trajectory_errors(points, run.paths)
    return np.unique(points["label"])[np.flatnonzero(errors.owners == tracer)[0]]


DEGENERATE = {
    "none": np.empty((0, 7)),
    "one": np.arange(7.0)[None],
    "identical": np.repeat(np.arange(7.0)[None], 50, axis=0),
    "parallel": np.column_stack(
        [np.arange(50.0), np.random.default_rng(0).uniform(0, 30, (50, 3)), np.zeros((50, 3))]
    ),
    "points": np.ones((50, 7)),
    "nan": np.full((50, 7), np.nan),
    "inf": np.full((50, 7), np.inf),
}
DEGENERATE["parallel"][:, 4:] = DEGENERATE["parallel"][:, 1:4] + [0, 0, 500]


@pytest.mark.parametrize("mode", ["independent", "tracking"])
class TestOddData:
    @pytest.mark.parametrize("name", DEGENERATE)
    @pytest.mark.parametrize("motion", [0, 2])
    def test_no_position(self, device, mode, name, motion):
        lines = LineData(device.asarray(DEGENERATE[name]), [len(DEGENERATE[name])])
        found = PEPTEM(mode=mode, motion=motion).fit(lines)
        assert len(found) == 1
        assert found.points.shape == (0, 6 + (mode == "tracking"))

    def test_no_frames(self, mode):
        found = PEPTEM(mode=mode).fit(LineData(np.zeros((3, 7)), 5))
        assert len(found) == 0
        assert found.points.shape == (0, 6 + (mode == "tracking"))

    def test_lines_that_are_not_finite_do_not_count(self, mode, rotating):
        rows = np.insert(rotating.lines.lines[:300], [0, 50, 300], np.nan, axis=0)
        rows[1, 4] = np.inf
        found = PEPTEM(2, mode=mode).fit(LineData(rows, [303]))
        errors = location_errors(PointData(found.points[:, :4]), rotating.paths)
        assert errors.found == 2
        assert errors.distances.max() < 5.0

    def test_attributes_and_further_columns(self, mode, rotating):
        rows = np.column_stack([rotating.lines.lines[:600], np.arange(600.0)])
        names = ["t", "x1", "y1", "z1", "x2", "y2", "z2", "energy"]
        lines = LineData(rows, 300, columns=names, run="a", part=PerSample([10, 11]))
        found = PEPTEM(2, mode=mode).fit(lines)
        assert found[1].attrs == {"run": "a", "part": 11}
        plain = PEPTEM(2, mode=mode).fit(LineData(rows[:, :7], 300))
        np.testing.assert_array_equal(found.points, plain.points)
        listed = PEPTEM(2, mode=mode).fit([LineData(rows[:300, :7]), LineData(rows[300:, :7])])
        np.testing.assert_array_equal(listed.points, plain.points)


def test_a_frame_of_a_million_lines():
    rng = np.random.default_rng(1)
    place, direction = np.array([200.0, 250.0, 350.0]), rng.normal(size=(10**6, 3))
    near = rng.normal(place, 3.0, (10**6, 3))
    near[::2] = rng.uniform(0, 500, (500_000, 3))
    times = np.arange(1e6)
    lines = LineData(np.column_stack([times, near - 300 * direction, near + 300 * direction]))
    found = PEPTEM(1, components=2, first_steps=5).fit(lines)
    np.testing.assert_allclose(found.points[0, 1:4], place, atol=0.2)
    assert found.points[0, 5] == pytest.approx(0.5, abs=0.02)


class TestArguments:
    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({"max_tracers": 0}, "max_tracers must be 1 or more, found 0"),
            ({"components": 17}, "components must be from 1 to 16, found 17"),
            ({"components": 0}, "components must be from 1 to 16"),
            ({"motion": 3}, "motion must be from 0 to 2, found 3"),
            ({"mode": "both"}, "mode must be one of independent, tracking, found 'both'"),
            ({"area": 0}, "area must be positive"),
            ({"area": np.nan}, "area must be positive"),
            ({"min_spread": 0}, "min_spread must be positive"),
            ({"max_spread": 0.1}, "max_spread at least that"),
            ({"max_spread": np.inf}, "and finite"),
            ({"min_weight": 1.0}, "min_weight must be from 0 to below 1"),
            ({"min_weight": np.nan}, "min_weight must be"),
            ({"first_steps": 0}, "first_steps must be 1 or more"),
            ({"next_steps": -1}, "next_steps must be 1 or more"),
            ({"patience": -1}, "patience must be 0 or more"),
            ({"seed": -1}, "seed must be 0 or more"),
            ({"velocity": True}, "velocity needs motion of 1 or 2, or mode 'tracking'"),
        ],
    )
    def test_refused(self, options, message):
        with pytest.raises(ValueError, match=message):
            PEPTEM(**options)

    @pytest.mark.parametrize("samples", [np.zeros((5, 7)), PointData(np.zeros((5, 4))), 3, []])
    def test_samples_refused(self, samples):
        with pytest.raises((TypeError, ValueError), match=r"LineData|iterable"):
            PEPTEM().fit(samples)


@pytest.mark.parametrize("mode", ["independent", "tracking"])
def test_two_measured_tracers(shared, mode):
    raw = gpupept.read_csv(shared / "data" / "sample_2p_42rpm.csv", skiprows=16)
    lines = gpupept.scanners.parallel_screens(raw, 712, 400, overlap=300, verbose=False)
    found = PEPTEM(max_tracers=2, mode=mode).fit(lines)
    if mode == "independent":
        found = Segregate(window=40, cut_distance=10).fit(found)
    labels, counts = np.unique(found["label"], return_counts=True)
    assert labels.tolist() == [0, 1]
    assert counts.tolist() == [796, 796]
    circles = [fit_rotation(found.points[found["label"] == label]) for label in (0, 1)]
    circles.sort(key=lambda circle: circle.radius)
    for circle, radius in zip(circles, (85.1, 86.1), strict=True):
        assert circle.radius == pytest.approx(radius, abs=1.0)
        assert circle.rpm == pytest.approx(42.3, abs=0.2)
        assert circle.in_plane < 0.6
