"""Velocity: velocities appended to trajectories."""

from __future__ import annotations

import numpy as np
import pytest
from oracle import velocity as oracle

from gpupept import LineData, Pipeline, PointData
from gpupept.base import PerSample
from gpupept.simulation import CircularPath
from gpupept.tracking import GroupBy, Segregate, Velocity

FIRST = CircularPath(radius=85, rpm=42, centre=(190, 255, 356))
SECOND = CircularPath(radius=40, rpm=-90, centre=(190, 255, 300), phase=np.pi)


def circle(path=FIRST, rows=200, start=0.0):
    times = start + 2.0 * np.arange(rows)
    return np.column_stack([times, path(times)])


def speed(path):
    """In mm / ms."""
    return 2 * np.pi * path.radius * abs(path.rpm) / 60_000


class TestVelocities:
    @pytest.mark.parametrize("start", [0.0, 1e9])
    def test_on_a_circle(self, device, start):
        found = Velocity(5).fit_sample(device.asarray(circle(start=start)))
        assert list(found.columns) == ["t", "x", "y", "z", "vx", "vy", "vz"]
        rows = device.to_host(found.points)
        turned = 2 * np.pi * FIRST.rpm / 60_000 * np.stack([255 - rows[:, 2], rows[:, 1] - 190], 1)
        np.testing.assert_allclose(rows[:, 4:6], turned, atol=2e-4)
        np.testing.assert_allclose(rows[:, 6], 0, atol=1e-9)

    def test_speed(self, device):
        found = Velocity(7, absolute=True).fit_sample(device.asarray(circle()))
        assert list(found.columns) == ["t", "x", "y", "z", "v"]
        np.testing.assert_allclose(device.to_host(found["v"]), speed(FIRST), rtol=1e-3)
        each = device.to_host(Velocity(7).fit_sample(device.asarray(circle())).points)[:, 4:]
        np.testing.assert_allclose(device.to_host(found["v"]), np.linalg.norm(each, axis=1))

    def test_trajectories_of_two_tracers(self, device):
        """Each is a sample of its own, once segregated and split."""
        both = np.concatenate([circle(), circle(SECOND)])
        steps = [Segregate(10, 20.0), GroupBy("label"), Velocity(7, absolute=True)]
        found = Pipeline(steps).fit(PointData(device.asarray(both)), verbose=False)
        speeds = [device.to_host(sample["v"]) for sample in found]
        for values, path in zip(speeds, (FIRST, SECOND), strict=True):
            assert len(values) == 200
            np.testing.assert_allclose(values, speed(path), rtol=1e-2)


class TestSamples:
    def test_one_by_one_and_all_at_once(self, device):
        rng = np.random.default_rng(0)
        rows = np.column_stack([np.arange(60.0), rng.normal(size=(60, 4))])
        points = PointData(device.asarray(rows), sample_size=20, overlap=5)
        together = Velocity(5).fit(points, verbose=False)
        assert len(together) == 3
        for sample, result in zip(points, together, strict=True):
            alone = Velocity(5).fit_sample(sample)
            found, expected = device.to_host(alone.points), device.to_host(sample.points)
            np.testing.assert_array_equal(found, device.to_host(result.points))
            np.testing.assert_array_equal(found[:, :5], expected)
            exact = oracle.velocities(expected, 5, 2)
            np.testing.assert_allclose(found[:, 5:], exact, rtol=1e-9, atol=1e-12)

    def test_chunks_and_threads_change_nothing(self):
        points = PointData(np.random.default_rng(1).normal(size=(3000, 4)), sample_size=100)
        whole = Velocity(9).fit(points, verbose=False, max_workers=1)
        for memory, workers in (("20kB", 1), ("100kB", 2), (None, 3)):
            found = Velocity(9).fit(points, verbose=False, memory=memory, max_workers=workers)
            assert found.points.tobytes() == whole.points.tobytes()
            np.testing.assert_array_equal(found.samples_indices, whole.samples_indices)

    @pytest.mark.parametrize("rows", [0, 1, 4, 5])
    def test_few_rows(self, device, rows):
        found = Velocity(5).fit_sample(device.asarray(np.ones((rows, 4))))
        assert found.points.shape == (rows, 7)
        assert np.isnan(device.to_host(found.points)[:, 4:]).all()
        absolute = Velocity(5, absolute=True).fit_sample(device.asarray(np.ones((rows, 4))))
        assert absolute.points.shape == (rows, 5)

    def test_no_samples(self):
        empty = PointData(np.empty((0, 4)), sample_size=4)
        found = Velocity(5).fit(empty, verbose=False)
        assert (len(found), found.points.shape) == (len(empty), (0, 7))

    def test_attributes_and_columns_are_kept(self):
        values = PerSample(np.array([1.5, 2.5]))
        points = PointData(np.zeros((12, 5)), 6, columns=[*"txyz", "error"], run=3, _hidden=values)
        found = Velocity(3).fit(points, verbose=False)
        assert list(found.columns) == [*"txyz", "error", "vx", "vy", "vz"]
        assert found.attrs["run"] == 3
        assert found[1].attrs["_hidden"] == 2.5
        assert points.points.shape == (12, 5)

    def test_the_input_is_left_alone(self):
        rows = circle(rows=20)
        before = rows.copy()
        Velocity(3).fit_sample(rows)
        np.testing.assert_array_equal(rows, before)

    def test_coordinates_that_are_huge(self, device):
        """No error and no warning; what can be represented is right."""
        rows = circle(rows=30)
        rows[:, 1:] *= 1e150
        found = device.to_host(Velocity(5).fit_sample(device.asarray(rows)).points)[:, 4:]
        plain = Velocity(5).fit_sample(device.asarray(circle(rows=30)))
        expected = 1e150 * device.to_host(plain.points)[:, 4:]
        np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e140)
        fast = Velocity(5, absolute=True).fit_sample(
            device.asarray(circle(rows=30) * [1, *[1e200] * 3])
        )
        speeds = np.linalg.norm(device.to_host(plain.points)[:, 4:], axis=1)
        np.testing.assert_allclose(device.to_host(fast["v"]), 1e200 * speeds, rtol=1e-9)
        rows[:, 1:] = np.where(np.arange(30)[:, None] % 2, 1.7e308, -1.7e308)
        assert not np.isfinite(
            device.to_host(Velocity(5).fit_sample(device.asarray(rows)).points)[:, 4:]
        ).any()


class TestArguments:
    @pytest.mark.parametrize("window", [0, 1, 2, 4, -3, float("nan"), float("inf")])
    def test_window(self, window):
        with pytest.raises(ValueError, match="window"):
            Velocity(window)

    @pytest.mark.parametrize("degree", [0, -1, 3, 4, float("nan")])
    def test_degree(self, degree):
        with pytest.raises(ValueError, match="degree"):
            Velocity(3, degree)

    @pytest.mark.parametrize("samples", [LineData(np.zeros((2, 7))), np.zeros((9, 4)), 3])
    def test_samples_refused(self, samples):
        with pytest.raises((TypeError, ValueError)):
            Velocity(3).fit(samples, verbose=False)

    def test_saved_and_loaded(self, tmp_path):
        Velocity(7, 3, True).save(tmp_path / "velocity.pickle")
        again = Velocity.load(tmp_path / "velocity.pickle")
        assert (again.window, again.degree, again.absolute) == (7, 3, True)
