"""Points nearest to lines on every device against an oracle that moves one line at a time."""

from __future__ import annotations

import numpy as np
import pytest
from cuda_host import build
from hypothesis import given, settings
from hypothesis import strategies as st
from oracle import triangulation as oracle
from ragged import CPU, ranges, tables

from gpupept.kernels.threads import use_threads
from gpupept.kernels.triangulation import SHORT, birmingham_points, trimmed_points

METHODS = {"birmingham": birmingham_points, "trimmed": trimmed_points}


def located(device, method, lines, samples, *arguments):
    """Points (S, 5), and for each sample which of its lines are used."""
    samples = np.asarray(samples, dtype=np.int64).reshape(-1, 2)
    lines = device.asarray(np.ascontiguousarray(lines, dtype=np.float64))
    points, used = (device.to_host(a) for a in METHODS[method](lines, samples, *arguments))
    sizes = samples[:, 1] - samples[:, 0]
    assert points.shape == (len(samples), 5)
    assert used.shape == (sizes.sum(),)
    assert used.dtype == np.uint8
    return points, np.split(used, np.cumsum(sizes)[:-1]) if len(samples) else []


def check_sample(point, used, lines, method, arguments, atol=1e-8):
    """Compare with the oracle unless it came near to deciding otherwise."""
    expected = getattr(oracle, method)(lines, *arguments)
    scale = np.abs(lines[oracle.usable(lines)][:, :7]).max(initial=0.0)
    if expected.condition > 1e9 or expected.margin < 1e-13 * scale * expected.condition:
        return
    if expected.location is None:
        assert np.isnan(point).all()
        assert not used.any()
        return
    np.testing.assert_array_equal(used, expected.used)
    atol = max(atol, 1e-13 * scale * expected.condition)
    np.testing.assert_allclose(point, expected.location, rtol=1e-9, atol=atol)


def cloud(rng, count, spread=2.0, stray=0.4):
    """Lines past a source, some of them anywhere, seen by a detector of 300 mm radius."""
    source = np.array([100.0, 200.0, 300.0])
    direction = rng.normal(size=(count, 3))
    direction /= np.linalg.norm(direction, axis=1, keepdims=True)
    near = source + rng.normal(0.0, spread, (count, 3))
    is_stray = rng.random(count) < stray
    near[is_stray] = source + rng.uniform(-200, 200, (is_stray.sum(), 3))
    times = np.sort(rng.uniform(0, 10, count))
    return np.column_stack([times, near - 300 * direction, near + 300 * direction])


class TestGolden:
    def test_birmingham(self, device, golden):
        g = golden("tracking_birmingham")
        cases = [key.split("/")[:2] for key in g.files if key.endswith("/location")]
        assert len(cases) > 50
        for name, share in cases:
            lines = g[f"{name}/lines"]
            points, (used,) = located(
                device, "birmingham", lines, [[0, len(lines)]], float(share[4:])
            )
            np.testing.assert_array_equal(used, g[f"{name}/{share}/used"])
            atol = 1e-6 if name == "syn2" else 1e-9
            np.testing.assert_allclose(points[0], g[f"{name}/{share}/location"], rtol=0, atol=atol)

    def test_trimmed(self, device, golden):
        g = golden("tracking_transformers")
        for name in ("synthetic", "real"):
            lines = g[f"linescentroids/{name}/lines"]
            for remove, iterations in ((0.1, 6), (0.1, 0), (0.05, 10)):
                points, _ = located(device, "trimmed", lines, [[0, len(lines)]], remove, iterations)
                expected = g[f"linescentroids/{name}/intended_r{remove}_i{iterations}"]
                np.testing.assert_allclose(points[0, :4], expected, rtol=0, atol=1e-9)


class TestAgainstTheOracle:
    @settings(max_examples=60)
    @given(
        seed=st.integers(0, 10**6),
        count=st.integers(2, 40),
        fraction=st.sampled_from([0.1, 0.3, 0.5, 0.75, 1.0]),
        spread=st.sampled_from([0.1, 2.0, 50.0]),
    )
    def test_birmingham(self, device, seed, count, fraction, spread):
        lines = cloud(np.random.default_rng(seed), count, spread)
        points, (used,) = located(device, "birmingham", lines, [[0, count]], fraction)
        check_sample(points[0], used, lines, "birmingham", (fraction,))

    @settings(max_examples=60)
    @given(
        seed=st.integers(0, 10**6),
        count=st.integers(2, 40),
        remove=st.sampled_from([0.0, 0.05, 0.1, 0.4, 1.0]),
        iterations=st.integers(0, 6),
    )
    def test_trimmed(self, device, seed, count, remove, iterations):
        lines = cloud(np.random.default_rng(seed), count)
        points, (used,) = located(device, "trimmed", lines, [[0, count]], remove, iterations)
        check_sample(points[0], used, lines, "trimmed", (remove, iterations))

    @settings(max_examples=80)
    @given(data=st.data(), lines=tables(8, 14), fraction=st.sampled_from([0.3, 0.5, 1.0]))
    def test_any_numbers(self, device, data, lines, fraction):
        """Whole numbers that make lines meet, be parallel, or coincide; extreme ones; overlaps."""
        samples = data.draw(ranges(len(lines)))
        for method, arguments in (("birmingham", (fraction,)), ("trimmed", (fraction, 3))):
            points, used = located(device, method, lines, samples, *arguments)
            for (start, stop), point, mask in zip(samples, points, used, strict=True):
                rows = lines[start:stop]
                assert not mask[~oracle.usable(rows)].any()
                assert np.isfinite(point).all() or (np.isnan(point).all() and not mask.any())
                if np.abs(rows[oracle.usable(rows)]).max(initial=0) < 1e6:
                    check_sample(point, mask, rows, method, arguments)

    @pytest.mark.parametrize("count", [SHORT - 1, SHORT, SHORT + 1, 3 * SHORT + 77])
    def test_long_samples(self, device, count):
        lines = cloud(np.random.default_rng(count), count)
        samples = [[0, count], [5, 80], [count - 40, count]]
        for method, arguments in (("birmingham", (0.5,)), ("trimmed", (0.1, 3))):
            points, used = located(device, method, lines, samples, *arguments)
            for (start, stop), point, mask in zip(samples, points, used, strict=True):
                check_sample(point, mask, lines[start:stop], method, arguments)


def through_origin(directions):
    ends = np.asarray(directions, dtype=np.float64)
    return np.column_stack([np.arange(len(ends)), -ends, ends])


class TestTies:
    def test_lines_that_meet_in_a_point(self, device):
        """All distances are zero: one line is left out in each step, the first one that is used."""
        axes = [[1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 0, 0], [0, 1, 0], [0, 0, 1]]
        lines = through_origin(axes)
        for fraction, expected in ((0.5, [0, 0, 0, 1, 1, 1]), (0.8, [0, 0, 1, 1, 1, 1])):
            points, (used,) = located(device, "birmingham", lines, [[0, 6]], fraction)
            assert used.tolist() == expected
            time = np.nonzero(expected)[0].mean()
            np.testing.assert_array_equal(points, [[time, 0, 0, 0, 0]])

    def test_the_first_of_equal_lines_are_kept_when_trimming(self, device):
        lines = through_origin([[1, 0, 0], [0, 1, 0], [0, 0, 1]] * 30)
        points, (used,) = located(device, "trimmed", lines, [[0, 90]], 0.25, 2)
        assert np.nonzero(used)[0].tolist() == list(range(45))
        np.testing.assert_array_equal(points, [[44.5, 0, 0, 0, 0]])

    def test_far_lines_in_pairs(self, device):
        """Of lines equally far the first is left out first, and the first added first."""
        lines = through_origin([[1, 0, 0], [0, 1, 0], [0, 0, 1]] * 10)
        lines[0:12:6, [2, 5]] += 8.0
        lines[3:12:6, [2, 5]] -= 8.0
        for fraction in (0.9, 0.92, 0.95, 0.97):
            expected = oracle.birmingham(lines, fraction)
            points, (used,) = located(device, "birmingham", lines, [[0, 30]], fraction)
            np.testing.assert_array_equal(used, expected.used)
            np.testing.assert_allclose(points[0], expected.location, atol=1e-12)


STARTS = np.random.default_rng(8).uniform(0, 50, (9, 3))
PARALLEL = np.column_stack([np.arange(9.0), STARTS, STARTS + np.array([1, 2, 3])])


class TestDegenerate:
    @pytest.mark.parametrize("method", [("birmingham", 0.5), ("trimmed", 0.1, 6)])
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
    def test_no_point(self, device, lines, method):
        points, (used,) = located(device, method[0], lines, [[0, len(lines)]], *method[1:])
        assert np.isnan(points).all()
        assert not used.any()

    def test_too_few_lines_in_the_end(self, device):
        lines = cloud(np.random.default_rng(1), 10)
        points, (used,) = located(device, "birmingham", lines, [[0, 10]], 0.19)
        assert np.isnan(points).all()
        assert not used.any()
        points, (used,) = located(device, "birmingham", lines, [[0, 10]], 0.2)
        assert np.isfinite(points).all()
        assert used.sum() == 2

    def test_no_samples(self, device):
        lines = cloud(np.random.default_rng(1), 10)
        for method in (("birmingham", 0.5), ("trimmed", 0.1, 2)):
            points, used = located(device, method[0], lines, np.empty((0, 2)), *method[1:])
            assert len(points) == len(used) == 0

    @pytest.mark.parametrize("method", [("birmingham", 0.5), ("trimmed", 0.1, 6)])
    @pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e101])
    def test_useless_lines_do_not_count(self, device, method, value):
        lines = cloud(np.random.default_rng(2), 60)
        worse = np.insert(lines, [0, 7, 7, 40, 60], 1.0, axis=0)
        rows = np.array([0, 8, 9, 43, 64])
        worse[rows, [0, 1, 3, 5, 6]] = value
        worse[9] = [3, 5, 5, 5, 5, 5, 5]
        # The lanes that add up lines change, so sums may differ in the last bits.
        points, (used,) = located(device, method[0], lines, [[0, 60]], *method[1:])
        found, (mask,) = located(device, method[0], worse, [[0, 65]], *method[1:])
        np.testing.assert_allclose(found, points, rtol=1e-12, atol=1e-11)
        assert not mask[rows].any()
        np.testing.assert_array_equal(np.delete(mask, rows), used)

    def test_lines_along_the_axes(self, device):
        lines = through_origin(np.eye(3))
        lines[:, 1:] += np.tile([10.0, 20.0, 30.0], 2)
        lines[0, [2, 5]] += 1.0
        points, _ = located(device, "birmingham", lines, [[0, 3]], 1.0)
        expected = [1, 10, 20.5, 30, np.sqrt(0.5 / 3)]
        np.testing.assert_allclose(points[0], expected, rtol=1e-14)

    def test_far_from_the_origin(self, device):
        lines = cloud(np.random.default_rng(5), 100)
        points, (used,) = located(device, "birmingham", lines, [[0, 100]], 0.4)
        lines[:, 1:7] += 1e6
        found, (mask,) = located(device, "birmingham", lines, [[0, 100]], 0.4)
        np.testing.assert_array_equal(mask, used)
        np.testing.assert_allclose(found[:, 1:4] - 1e6, points[:, 1:4], atol=1e-7)


def batch():
    rng = np.random.default_rng(11)
    lines = np.concatenate([cloud(rng, 700), cloud(rng, 1500)])
    lines[rng.integers(0, 2200, 20), rng.integers(0, 7, 20)] = np.nan
    starts = np.arange(0, 600, 60)
    samples = np.vstack([np.column_stack([starts, starts + 90]), [[700, 2200], [5, 5], [0, 1]]])
    return lines, samples


@pytest.mark.parametrize("method", [("birmingham", 0.5), ("trimmed", 0.1, 6)])
class TestReproducible:
    def test_samples_do_not_influence_each_other(self, device, method):
        lines, samples = batch()
        points, used = located(device, method[0], lines, samples, *method[1:])
        for s in range(len(samples)):
            point, (mask,) = located(device, method[0], lines, samples[s : s + 1], *method[1:])
            assert point[0].tobytes() == points[s].tobytes()
            assert mask.tobytes() == used[s].tobytes()

    def test_the_same_bits_everywhere(self, fake_gpu, method):
        """On any number of threads, on a GPU, and whichever of its threads is first."""
        lines, samples = batch()
        found = []
        for threads in (1, 2, 5):
            with use_threads(threads):
                points, used = located(CPU, method[0], lines, samples, *method[1:])
                found.append(points.tobytes() + np.concatenate(used).tobytes())
        for _ in range(2):
            on_gpu = METHODS[method[0]](fake_gpu.asarray(lines), samples, *method[1:])
            found.append(b"".join(fake_gpu.asnumpy(array).tobytes() for array in on_gpu))
        with build.threads_from_last():
            on_gpu = METHODS[method[0]](fake_gpu.asarray(lines), samples, *method[1:])
            found.append(b"".join(fake_gpu.asnumpy(array).tobytes() for array in on_gpu))
        assert found == found[:1] * 6
