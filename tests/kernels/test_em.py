"""Expectation maximisation in the space of lines on every device, against a plain oracle."""

from __future__ import annotations

import numpy as np
import pytest
from cuda_host import build
from hypothesis import given, settings
from hypothesis import strategies as st
from oracle import em as oracle
from ragged import CPU, ranges, tables

from gpupept.kernels.em import SEED_LINES, em_steps, frame_times, seed_components
from gpupept.kernels.threads import use_threads

AREA, FLOOR = 2e5, 0.5
# Lines take part in sums in any order, so results are equal but for rounding, which steps amplify
# where the lines hardly determine a component.
CLOSE = {"rtol": 1e-8, "atol": 1e-8}


def cloud(rng, count, tracers=2, stray=0.3, speed=0.0, spread=2.0):
    """Lines past tracers that move, some lines anywhere, seen by a detector of 300 mm radius."""
    sources = rng.uniform(-100, 100, (tracers, 3))
    velocities = speed * rng.normal(size=(tracers, 3))
    times = np.sort(rng.uniform(50, 90, count))
    tracer = rng.integers(0, tracers, count)
    near = sources[tracer] + velocities[tracer] * (times[:, None] - 70.0)
    near += rng.normal(0.0, spread, (count, 3))
    is_stray = rng.random(count) < stray
    near[is_stray] = rng.uniform(-200, 200, (is_stray.sum(), 3))
    direction = rng.normal(size=(count, 3))
    direction /= np.linalg.norm(direction, axis=1, keepdims=True)
    return np.column_stack([times, near - 300 * direction, near + 300 * direction])


def guess(rng, frames, components, order):
    """Components anywhere, one of them missing."""
    table = np.zeros((frames, components, 3 * (order + 1) + 2))
    table[:, :, :3] = rng.uniform(-100, 100, (frames, components, 3))
    table[:, :, 3:-2] = rng.normal(0.0, 1e-2, (frames, components, 3 * order))
    table[:, :, -2] = rng.uniform(5.0, 60.0, (frames, components)) ** 2
    table[:, :, -1] = rng.uniform(0.05, 0.8 / components, (frames, components))
    if components > 1:
        table[:, rng.integers(components), -1] = 0.0
    return table


def stepped(device, lines, frames, table, steps=1, area=AREA, floor=FLOOR):
    frames = np.asarray(frames, dtype=np.int64).reshape(-1, 2)
    data = device.asarray(np.ascontiguousarray(lines, dtype=np.float64))
    before = device.asarray(table)
    fitted = em_steps(data, frames, frame_times(data, frames), before, steps, area, floor)
    np.testing.assert_array_equal(device.to_host(before), table)
    return [device.to_host(array) for array in fitted]


def seeded(device, lines, frames, draws, taken, count, reach):
    frames = np.asarray(frames, dtype=np.int64).reshape(-1, 2)
    data = device.asarray(np.ascontiguousarray(lines, dtype=np.float64))
    return device.to_host(seed_components(data, frames, draws, device.asarray(taken), count, reach))


class TestTimes:
    @given(data=st.data(), lines=tables(8, 12))
    @settings(max_examples=60)
    def test_against_the_oracle(self, device, data, lines):
        frames = data.draw(ranges(len(lines)))
        found = device.to_host(frame_times(device.asarray(lines), frames))
        assert found.shape == (len(frames), 3)
        for (first, last), row in zip(frames, found, strict=True):
            expected = oracle.times(lines[first:last])
            # Equal times may have a deviation of rounding errors on one side only.
            if expected[2] > 1e-9 * abs(expected[1]):
                np.testing.assert_allclose(row, expected, rtol=1e-9, atol=1e-12)
            else:
                np.testing.assert_allclose(row[:2], expected[:2], rtol=1e-12)


class TestSteps:
    @given(
        seed=st.integers(0, 10**6),
        count=st.integers(40, 150),
        components=st.integers(1, 5),
        order=st.integers(0, 2),
    )
    @settings(max_examples=40)
    def test_one_step_against_the_oracle(self, device, seed, count, components, order):
        rng = np.random.default_rng(seed)
        lines, table = cloud(rng, count, speed=0.1), guess(rng, 1, components, order)
        found, moments, (likelihood,) = stepped(device, lines, [[0, count]], table)
        expected, delays = oracle.step(lines, table[0], AREA, FLOOR)
        total = oracle.likelihood(lines, table[0], AREA)
        assert likelihood == pytest.approx(total, rel=1e-12, abs=1e-9)
        # A component that a handful of lines make up may have any path that fits them.
        full = (table[0, :, -1] > 0.0) & (expected[:, -1] * count > 3 * (order + 1))
        np.testing.assert_allclose(found[0, :, -1], expected[:, -1], rtol=1e-9, atol=1e-15)
        np.testing.assert_allclose(found[0, full], expected[full], rtol=1e-6, atol=1e-6)
        np.testing.assert_allclose(moments[0, full, 0], delays[full], rtol=1e-9, atol=1e-9)
        assert (moments[0, full, 1] == 1.0).all()
        dead = table[0, :, -1] == 0.0
        np.testing.assert_allclose(found[0, dead], table[0, dead], rtol=1e-14)
        assert (moments[0, dead] == 0.0).all()

    @given(
        seed=st.integers(0, 10**6),
        count=st.integers(0, 60),
        components=st.integers(1, 6),
        order=st.integers(0, 2),
        spread=st.sampled_from([0.0, 0.3, 3.0]),
    )
    @settings(max_examples=40)
    def test_the_likelihood_never_falls(self, device, seed, count, components, order, spread):
        rng = np.random.default_rng(seed)
        lines = cloud(rng, count, int(rng.integers(1, 4)), rng.random(), 0.2, spread)
        table = guess(rng, 1, components, order)
        before = -np.inf
        for _ in range(12):
            table, _, (likelihood,) = stepped(device, lines, [[0, count]], table)
            assert likelihood >= before - 1e-9 * (1.0 + abs(likelihood))
            assert np.isfinite(table).all()
            assert (table[:, :, -2] >= FLOOR**2 * (1 - 1e-12)).all()
            assert (table[:, :, -1] >= 0.0).all()
            assert table[:, :, -1].sum() <= 1.0 + 1e-12
            before = likelihood

    def test_many_steps_are_single_ones_one_after_another(self, device):
        rng = np.random.default_rng(3)
        lines, table = cloud(rng, 200), guess(rng, 1, 3, 1)
        at_once = stepped(device, lines, [[0, 200]], table, 7)
        for _ in range(7):
            singly = stepped(device, lines, [[0, 200]], table)
            table = singly[0]
        for one, other in zip(at_once, singly, strict=True):
            np.testing.assert_allclose(one, other, **CLOSE)

    def test_the_same_everywhere(self, device):
        rng = np.random.default_rng(4)
        lines = cloud(rng, 900, speed=0.05)
        lines[::50, 3] = np.nan
        frames = [[0, 300], [200, 500], [500, 500], [500, 501], [400, 900]]
        for order in (0, 1, 2):
            table = guess(rng, len(frames), 4, order)
            expected = stepped(CPU, lines, frames, table, 10)
            found = stepped(device, lines, frames, table, 10)
            for one, other in zip(found, expected, strict=True):
                np.testing.assert_allclose(one, other, rtol=1e-6, atol=1e-6)

    def test_a_tracer_at_constant_acceleration(self, device):
        rng = np.random.default_rng(5)
        lines = cloud(rng, 400, 1, 0.0, 0.0, 0.0)
        place = (lines[0, 1:4] + lines[0, 4:7]) / 2
        since = lines[:, 0] - lines[:, 0].mean()
        velocity, acceleration = np.array([0.5, -0.3, 0.2]), np.array([0.0, 0.02, -0.01])
        moved = since[:, None] * velocity + since[:, None] ** 2 * acceleration
        lines[:, 1:4] += moved
        lines[:, 4:7] += moved
        table = np.zeros((1, 1, 11))
        table[0, 0, :3], table[0, 0, -2:] = place + 3.0, (100.0, 0.9)
        found, moments, _ = stepped(device, lines, [[0, 400]], table, 30)
        path = np.concatenate([place, velocity, acceleration])
        np.testing.assert_allclose(found[0, 0, :9], path, atol=1e-8)
        assert found[0, 0, -2] == FLOOR**2
        assert moments[0, 0, 1] == 1.0

    def test_sixteen_components(self, device):
        rng = np.random.default_rng(6)
        lines, table = cloud(rng, 300, 5), guess(rng, 1, 16, 0)
        found, _, _ = stepped(device, lines, [[0, 300]], table)
        np.testing.assert_allclose(
            found[0, :, -1], oracle.step(lines, table[0], AREA, FLOOR)[0][:, -1], rtol=1e-9
        )


class TestDegenerate:
    PARALLEL = np.column_stack(
        [np.arange(9.0), np.random.default_rng(0).uniform(-9, 9, (9, 3)).repeat(2, 0).reshape(9, 6)]
    )
    PARALLEL[:, 4:7] += [1.0, 2.0, 3.0]

    @pytest.mark.parametrize("order", [0, 1, 2])
    @pytest.mark.parametrize(
        "lines",
        [
            np.empty((0, 7)),
            np.arange(7.0)[None],
            np.repeat(np.arange(7.0)[None], 9, axis=0),
            PARALLEL,
            np.column_stack([np.arange(5.0), np.ones((5, 6))]),
            np.full((6, 7), np.nan),
            np.full((6, 7), np.inf),
        ],
        ids=["none", "one", "identical", "parallel", "points", "nan", "inf"],
    )
    def test_no_position_is_determined(self, device, lines, order):
        table = guess(np.random.default_rng(1), 1, 1, order)
        table[0, 0, :3] = 1.0
        found, moments, likelihoods = stepped(device, lines, [[0, len(lines)]], table, 5)
        assert (moments[:, :, 1] == 0.0).all()
        assert np.isfinite(found).all()
        assert np.isfinite(likelihoods).all()
        if not oracle.usable(lines).any():
            np.testing.assert_array_equal(found, table)

    @pytest.mark.parametrize("order", [1, 2])
    def test_lines_of_one_moment_leave_velocities_as_they_are(self, device, order):
        rng = np.random.default_rng(2)
        lines = cloud(rng, 100, 1)
        lines[:, 0] = 7.0
        table = guess(rng, 1, 1, order)
        table[0, 0, :3] = (lines[0, 1:4] + lines[0, 4:7]) / 2
        found, moments, _ = stepped(device, lines, [[0, 100]], table, 20)
        np.testing.assert_array_equal(found[0, 0, 3:-2], table[0, 0, 3:-2])
        at_rest = np.delete(table, np.s_[3:-2], axis=2)
        expected, _, _ = stepped(device, lines, [[0, 100]], at_rest, 20)
        np.testing.assert_allclose(found[0, 0, [0, 1, 2, -2, -1]], expected[0, 0], **CLOSE)
        assert moments[0, 0, 1] == 1.0

    @given(data=st.data(), lines=tables(7, 10), order=st.integers(0, 2))
    @settings(max_examples=60)
    def test_any_numbers(self, device, data, lines, order):
        frames = data.draw(ranges(len(lines)))
        table = guess(np.random.default_rng(3), len(frames), 2, order)
        found, moments, likelihoods = stepped(device, lines, frames, table, 3)
        assert np.isfinite(found).all()
        assert np.isfinite(moments).all()
        assert np.isfinite(likelihoods).all()

    def test_useless_lines_do_not_count(self, device):
        rng = np.random.default_rng(7)
        lines, table = cloud(rng, 80), guess(rng, 1, 2, 1)
        worse = np.insert(lines, [0, 7, 7, 80], [3.0, 5, 5, 5, 5, 5, 5], axis=0)
        worse[0, 0], worse[8, 2] = np.nan, np.inf
        expected = stepped(device, lines, [[0, 80]], table, 5)
        found = stepped(device, worse, [[0, 84]], table, 5)
        for one, other in zip(found, expected, strict=True):
            np.testing.assert_allclose(one, other, **CLOSE)

    def test_far_from_the_origin(self, device):
        rng = np.random.default_rng(8)
        lines, table = cloud(rng, 200), guess(rng, 1, 2, 0)
        expected, _, _ = stepped(device, lines, [[0, 200]], table, 5)
        lines[:, 1:7] += 1e6
        table[:, :, :3] += 1e6
        found, _, _ = stepped(device, lines, [[0, 200]], table, 5)
        found[:, :, :3] -= 1e6
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)


class TestSeeds:
    @given(seed=st.integers(0, 10**6), count=st.integers(0, 80), taken=st.integers(0, 2))
    @settings(max_examples=30)
    def test_against_the_oracle(self, device, seed, count, taken):
        rng = np.random.default_rng(seed)
        lines, draws = cloud(rng, count), rng.random((60, 2))
        places = rng.uniform(-100, 100, (1, taken, 3))
        places[:, :1] = np.nan
        found = seeded(device, lines, [[0, count]], draws, places, 3, 8.0)
        expected = oracle.seeds(lines, draws, places[0], 3, 8.0)
        np.testing.assert_allclose(found[0], expected, rtol=1e-7, atol=1e-7)

    @given(data=st.data(), lines=tables(7, 10))
    @settings(max_examples=40)
    def test_any_numbers(self, device, data, lines):
        frames, draws = data.draw(ranges(len(lines))), np.random.default_rng(1).random((40, 2))
        found = seeded(device, lines, frames, draws, np.zeros((len(frames), 1, 3)), 2, 8.0)
        assert np.isfinite(found).all()
        assert (found[:, :, 3] >= 0.0).all()

    def test_tracers_are_found_first(self, device):
        rng = np.random.default_rng(9)
        lines = cloud(rng, 400, 3, spread=1.0)
        direction = (lines[:, 4:7] - lines[:, 1:4]) / 600
        draws = rng.random((1024, 2))
        found = seeded(device, lines, [[0, 400]], draws, np.zeros((1, 0, 3)), 3, 8.0)
        near = lines[:, None, 1:4] - found[0, None, :, :3]
        across = near - (near * direction[:, None]).sum(axis=2)[..., None] * direction[:, None]
        owners = (np.linalg.norm(across, axis=2) < 5.0).sum(axis=0)
        assert (owners > 60).all()  # of about 93 each
        again = seeded(device, lines, [[0, 400]], draws, found[:, :2, :3], 1, 8.0)
        np.testing.assert_allclose(again[0, 0], found[0, 2], rtol=1e-12)

    def test_long_frames_use_some_lines(self, device):
        rng = np.random.default_rng(10)
        count = 2 * SEED_LINES + 5
        lines, draws = cloud(rng, count), rng.random((20, 2))
        found = seeded(device, lines, [[0, count], [3, 9]], draws, np.zeros((2, 0, 3)), 2, 8.0)
        for place, rows in zip(found, (lines, lines[3:9]), strict=True):
            expected = oracle.seeds(rows, draws, np.zeros((0, 3)), 2, 8.0)
            np.testing.assert_allclose(place, expected, rtol=1e-7, atol=1e-7)


class TestReproducible:
    def batch(self):
        rng = np.random.default_rng(11)
        frames = np.array([[0, 300], [100, 400], [400, 400], [399, 401], [350, 900]])
        return cloud(rng, 900), frames, guess(rng, 5, 3, 1), rng.random((200, 2))

    def test_frames_do_not_influence_each_other(self, device):
        lines, frames, table, draws = self.batch()
        nothing = np.zeros((5, 0, 3))
        found = stepped(device, lines, frames, table, 5)
        places = seeded(device, lines, frames, draws, nothing, 2, 8.0)
        for f in range(5):
            alone = stepped(device, lines, frames[f : f + 1], table[f : f + 1], 5)
            for one, other in zip(alone, found, strict=True):
                assert one.tobytes() == other[f : f + 1].tobytes()
            place = seeded(device, lines, frames[f : f + 1], draws, nothing[:1], 2, 8.0)
            assert place.tobytes() == places[f : f + 1].tobytes()

    def test_the_number_of_threads_changes_nothing(self):
        lines, frames, table, _ = self.batch()
        found = []
        for threads in (1, 3):
            with use_threads(threads):
                found.append([a.tobytes() for a in stepped(CPU, lines, frames, table, 5)])
        assert found[0] == found[1]

    def test_the_order_of_threads_of_a_gpu_changes_nothing(self, fake_gpu):
        lines, frames, table, draws = self.batch()
        on_gpu = fake_gpu.asarray(lines)

        def everything():
            times = frame_times(on_gpu, frames)
            fitted = em_steps(on_gpu, frames, times, fake_gpu.asarray(table), 5, AREA, FLOOR)
            nothing = fake_gpu.asarray(np.zeros((5, 0, 3)))
            places = seed_components(on_gpu, frames, draws, nothing, 2, 8.0)
            return [fake_gpu.asnumpy(a).tobytes() for a in (times, *fitted, places)]

        forwards = everything()
        with build.threads_from_last():
            assert everything() == forwards
