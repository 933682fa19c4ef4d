"""Minpoints on every device against the definition, golden vectors and each other."""

from __future__ import annotations

from itertools import combinations
from math import comb

import numpy as np
import pytest
from cuda_host import build
from hypothesis import given, settings
from hypothesis import strategies as st
from oracle import minpoints as oracle
from ragged import CPU, ranges, tables

import gpupept.kernels.minpoints as kernel
from gpupept.kernels.minpoints import combinations_at_most, expected_combinations, minpoints
from gpupept.kernels.threads import use_threads

EVERYWHERE = [-1e9, 1e9] * 3
CORE_SETS = ("random_n2", "random_n2_all", "random_n3", "source_n3", "source_n4", "real_n3")


def find(device, lines, samples, cutoffs, count, max_distance):
    """Minpoints with their lines on the host, one array per sample."""
    samples = np.asarray(samples, dtype=np.int64).reshape(-1, 2)
    limits = np.ascontiguousarray(np.broadcast_to(np.asarray(cutoffs, float), (len(samples), 6)))
    given_lines = device.asarray(np.ascontiguousarray(lines))
    points, sizes = minpoints(
        given_lines, samples, device.asarray(limits), count, max_distance, True
    )
    found = device.to_host(points)
    assert isinstance(sizes, np.ndarray)
    assert (found.shape, sizes.dtype) == ((sizes.sum(), 4 + count), np.int64)
    return np.split(found, np.cumsum(sizes)[:-1]) if len(sizes) else []


def by_lines(rows):
    return rows[np.lexsort(rows[:, :3:-1].T)]


def near_lines(rng, count, spread=2.0):
    """Lines past two places, at times of which some are equal."""
    near = rng.normal(0, spread, (count, 3)) + rng.choice([0.0, 30.0], (count, 1))
    direction = rng.normal(size=(count, 3))
    times = np.sort(rng.integers(0, count, count)) / 4.0
    return np.column_stack([times, near - 50 * direction, near + 80 * direction])


class TestGolden:
    @pytest.mark.parametrize("name", [*CORE_SETS, "random_n18"])
    def test_core(self, device, golden, name):
        g = golden("core_minpoints")
        lines, expected = g[f"{name}_lines"], g[f"{name}_out"]
        count, distance = int(g[f"{name}_num_lines"]), float(g[f"{name}_max_distance"])
        (rows,) = find(device, lines, [[0, len(lines)]], g[f"{name}_cutoffs"], count, distance)
        assert (np.diff(rows[:, 0]) >= 0).all()
        np.testing.assert_array_equal(by_lines(rows)[:, 4:], expected[:, 4:])
        np.testing.assert_allclose(by_lines(rows), expected, rtol=0, atol=1e-7)

    def test_edges_of_the_cutoffs(self, device, golden):
        g = golden("core_minpoints")
        samples = np.tile([0, 2], (len(g["edge_names"]), 1))
        found = find(device, g["edge_lines"], samples, g["edge_cutoffs"], 2, 1e3)
        # Rounding decides where a cutoff is the coordinate that another program found.
        gaps = np.abs(np.repeat(g["edge_point"][0, 1:], 2) - g["edge_cutoffs"]).min(axis=1)
        counts = np.array([len(rows) for rows in found])
        np.testing.assert_array_equal(counts[gaps > 1e-12], g["edge_counts"][gaps > 1e-12])
        assert (gaps > 1e-12).sum() == 12
        np.testing.assert_allclose(max(found, key=len)[:, :4], g["edge_point"], atol=1e-12)

    def test_combinations_that_others_lose(self, device, golden):
        g = golden("core_minpoints")
        names = [key[: -len("_right")] for key in g.files if key.endswith("_right")]
        assert len(names) == 4
        for name in names:
            lines = g[f"{name}_lines"]
            (rows,) = find(device, lines, [[0, len(lines)]], EVERYWHERE, len(lines), 1.0)
            np.testing.assert_allclose(rows[:, :4], [g[f"{name}_right"]], atol=1e-12)


class TestAgainstTheDefinition:
    @settings(max_examples=40)
    @given(
        seed=st.integers(0, 10**6),
        size=st.integers(0, 9),
        count=st.integers(2, 5),
        distance=st.sampled_from([0.1, 1.0, 3.0, 10.0, 1e3]),
        spread=st.sampled_from([0.5, 5.0]),
    )
    def test_random_lines(self, device, seed, size, count, distance, spread):
        lines = near_lines(np.random.default_rng(seed), size, spread)
        cutoffs = [-8.0, 45.0] * 3
        (rows,) = find(device, lines, [[0, size]], cutoffs, count, distance)
        expected = oracle.minpoints(lines, count, distance, cutoffs)
        if expected.margin > 1e-6 and expected.condition < 1e6:
            np.testing.assert_array_equal(rows[:, 4:], expected.rows[:, 4:])
            np.testing.assert_allclose(rows, expected.rows, rtol=1e-9, atol=1e-7)

    @settings(max_examples=50)
    @given(
        data=st.data(),
        lines=tables(8, 9),
        count=st.integers(2, 4),
        distance=st.sampled_from([0.0, 0.5, 2.0, 300.0, 1e200]),
    )
    def test_any_numbers(self, device, data, lines, count, distance):
        """Whole numbers that make lines meet, be parallel, or coincide; extreme ones; overlaps."""
        samples = data.draw(ranges(len(lines)))
        found = find(device, lines, samples, EVERYWHERE, count, distance)
        for (start, stop), rows in zip(samples, found, strict=True):
            good = oracle.usable(lines[start:stop])
            chosen = rows[:, 4:].astype(int)
            assert np.isfinite(rows[:, 1:4]).all()
            assert good[chosen].all()
            assert (np.diff(chosen, axis=1) > 0).all()
            assert len(np.unique(chosen, axis=0)) == len(chosen)
            if np.abs(lines[start:stop][good]).max(initial=0) > 1e6:
                continue
            expected = oracle.minpoints(lines[start:stop], count, distance, EVERYWHERE)
            if expected.margin > 1e-6 and expected.condition < 1e6:
                np.testing.assert_array_equal(chosen, expected.rows[:, 4:])
                np.testing.assert_allclose(rows, expected.rows, rtol=1e-9, atol=1e-6)

    @pytest.mark.parametrize("size", [63, 64, 65, 150])
    def test_several_words_of_bits(self, device, size):
        lines = near_lines(np.random.default_rng(size), size, 20.0)
        (rows,) = find(device, lines, [[0, size]], EVERYWHERE, 2, 1.0)
        expected = oracle.minpoints(lines, 2, 1.0, EVERYWHERE)
        assert len(expected.rows) > 5
        np.testing.assert_array_equal(rows[:, 4:], expected.rows[:, 4:])

    def test_many_lines_at_a_time(self, device):
        """Giving up early leaves out no combination: six lines meet, the others pass near them."""
        rng = np.random.default_rng(4)
        lines = near_lines(rng, 14, 3.0)
        lines[3:13:2, 1:4] = -lines[3:13:2, 4:7]
        for count in (5, 6):
            (rows,) = find(device, lines, [[0, 14]], EVERYWHERE, count, 2.5)
            expected = oracle.minpoints(lines, count, 2.5, EVERYWHERE)
            assert len(expected.rows) > 0
            np.testing.assert_array_equal(rows[:, 4:], expected.rows[:, 4:])


def through(point, directions, times=None):
    directions = np.asarray(directions, dtype=float)
    times = np.arange(len(directions)) if times is None else times
    return np.column_stack([times, point - directions, point + directions])


class TestExactPlaces:
    def test_distances_are_inclusive(self, device):
        lines = through([0.0, 0.0, 0.0], np.eye(3))
        lines[1, [3, 6]] = 1.0  # one along y at z = 1: half a millimetre from either
        for distance, expected in ((0.5, 1), (np.nextafter(0.5, 0), 0)):
            (rows,) = find(device, lines[:2], [[0, 2]], EVERYWHERE, 2, distance)
            assert len(rows) == expected

    def test_cutoffs_are_inclusive(self, device):
        lines = near_lines(np.random.default_rng(2), 4)
        ((row,),) = find(device, lines, [[0, 4]], EVERYWHERE, 4, 1e3)
        exact = np.repeat(row[1:4], 2)
        (rows,) = find(device, lines, [[0, 4]], exact, 4, 1e3)
        assert len(rows) == 1
        for limit in range(6):
            beyond = exact.copy()
            beyond[limit] = np.nextafter(exact[limit], -np.inf if limit % 2 else np.inf)
            (rows,) = find(device, lines, [[0, 4]], beyond, 4, 1e3)
            assert len(rows) == 0

    def test_equal_times_are_in_order_of_the_lines(self, device):
        rng = np.random.default_rng(0)
        lines = through([1.0, 2.0, 3.0], rng.normal(size=(7, 3)), [0, 0, 0, 0, 1, 1, 1])
        (rows,) = find(device, lines, [[0, 7]], EVERYWHERE, 3, 1.0)
        expected = sorted(combinations(range(7), 3), key=lambda c: (sum(i > 3 for i in c), c))
        assert rows[:, 4:].astype(int).tolist() == [list(c) for c in expected]

    def test_two_of_three_may_be_parallel(self, device):
        lines = through([0.0, 0.0, 0.0], [[1, 0, 0], [1, 0, 0], [0, 1, 0]])
        lines[1, [2, 5]] = 3.0
        (rows,) = find(device, lines, [[0, 3]], EVERYWHERE, 3, 2.0)
        np.testing.assert_allclose(rows, [[1, 0, 1.5, 0, 0, 1, 2]], atol=1e-12)
        (rows,) = find(device, lines[:2], [[0, 2]], EVERYWHERE, 2, 2.0)
        assert len(rows) == 0

    @pytest.mark.parametrize(
        "lines",
        [
            np.empty((0, 7)),
            np.arange(7.0)[None],
            np.repeat(np.arange(7.0)[None], 9, axis=0),
            np.column_stack([np.arange(5.0), np.ones((5, 6))]),
            np.full((6, 7), np.nan),
            np.full((6, 7), np.inf),
        ],
        ids=["none", "one", "identical", "points", "nan", "inf"],
    )
    def test_no_points(self, device, lines):
        for count in (2, 3, 40):
            (rows,) = find(device, lines, [[0, len(lines)]], EVERYWHERE, count, 1e9)
            assert len(rows) == 0

    def test_useless_lines_do_not_count(self, device):
        lines = near_lines(np.random.default_rng(3), 12)
        worse = np.insert(lines, [0, 5, 5, 12], 1.0, axis=0)
        kept = np.delete(np.arange(16), [0, 6, 7, 15])
        worse[[0, 6, 15], [0, 4, 6]] = np.nan, np.inf, 1e101
        worse[7] = [3, 5, 5, 5, 5, 5, 5]
        (expected,) = find(device, lines, [[0, 12]], EVERYWHERE, 3, 3.0)
        (rows,) = find(device, worse, [[0, 16]], EVERYWHERE, 3, 3.0)
        assert len(rows) > 0
        np.testing.assert_array_equal(rows[:, :4], expected[:, :4])
        np.testing.assert_array_equal(rows[:, 4:], kept[expected[:, 4:].astype(int)])


class TestBounds:
    def test_binomials(self):
        sizes = np.array([0, 3, 10, 100, 10, 30_000])
        expected = [0, 1, comb(10, 3), comb(100, 3), comb(10, 3), comb(30_000, 3)]
        np.testing.assert_allclose(combinations_at_most(sizes, 3), expected, rtol=1e-9)
        assert combinations_at_most(np.array([30_000]), 9_000)[0] == np.inf

    def test_estimates_of_pairs_and_triples_are_exact(self, device):
        lines = through([0.0, 0.0, 0.0], np.random.default_rng(1).normal(size=(20, 3)))
        samples = np.array([[0, 20], [4, 4], [3, 15]])
        for count in (2, 3):
            found = expected_combinations(device.asarray(lines), samples, count, 1.0)
            assert found.tolist() == [comb(20, count), 0, comb(12, count)]

    def test_estimates_of_more_lines(self, device):
        lines = through([0.0, 0.0, 0.0], np.random.default_rng(1).normal(size=(70, 3)))
        (found,) = expected_combinations(device.asarray(lines), np.array([[0, 70]]), 4, 1.0)
        # Parts of three lines count too, where another line is left.
        assert found == pytest.approx(comb(70, 4) + comb(70, 3), rel=0.2)

    def test_too_many_combinations_are_refused(self, device):
        lines = through([0.0, 0.0, 0.0], np.random.default_rng(1).normal(size=(400, 3)))
        with pytest.raises(ValueError, match="combinations of 8 lines near each other"):
            find(device, lines, [[0, 5], [0, 400]], EVERYWHERE, 8, 1.0)

    def test_many_that_are_far_from_each_other_are_not(self, device):
        lines = near_lines(np.random.default_rng(1), 90, 100.0)
        (rows,) = find(device, lines, [[0, 90]], EVERYWHERE, 8, 0.5)
        assert len(rows) == 0

    def test_too_many_lines(self, device):
        lines = np.zeros((kernel.MOST_LINES + 1, 7))
        with pytest.raises(ValueError, match="at most 30000 lines, found 30001"):
            find(device, lines, [[0, len(lines)]], EVERYWHERE, 3, 1.0)

    def test_more_lines_than_a_thread_keeps(self, gpu_device):
        lines = near_lines(np.random.default_rng(1), 70)
        with pytest.raises(ValueError, match="num_lines must be at most 64 on a GPU, found 65"):
            find(gpu_device, lines, [[0, 70]], EVERYWHERE, 65, 1.0)
        (rows,) = find(CPU, through([0.0, 0, 0], lines[:, 1:4]), [[0, 70]], EVERYWHERE, 69, 1e-6)
        assert len(rows) == 70


class TestReproducible:
    def batch(self):
        rng = np.random.default_rng(11)
        lines = near_lines(rng, 200, 6.0)
        lines[rng.integers(0, 200, 5), rng.integers(0, 7, 5)] = np.nan
        starts = np.arange(0, 140, 20)
        samples = np.vstack([np.column_stack([starts, starts + 45]), [[5, 5], [0, 1], [60, 200]]])
        return lines, samples

    def test_samples_do_not_influence_each_other(self, device):
        lines, samples = self.batch()
        found = find(device, lines, samples, EVERYWHERE, 3, 1.5)
        assert sum(map(len, found)) > 100
        for s, rows in enumerate(found):
            (alone,) = find(device, lines, samples[s : s + 1], EVERYWHERE, 3, 1.5)
            assert alone.tobytes() == rows.tobytes()

    @pytest.mark.parametrize("count", [2, 3, 4])
    def test_the_same_bits_everywhere(self, fake_gpu, count):
        """On any number of threads, on a GPU, and whichever of its threads is first."""
        lines, samples = self.batch()
        limits = np.tile([-1e3, 1e3] * 3, (len(samples), 1))
        found = []
        for threads in (1, 2, 5):
            with use_threads(threads):
                found.append(minpoints(lines, samples, limits, count, 1.5, True)[0].tobytes())
        arrays = fake_gpu.asarray(lines), samples, fake_gpu.asarray(limits)
        found.append(fake_gpu.asnumpy(minpoints(*arrays, count, 1.5, True)[0]).tobytes())
        with build.threads_from_last():
            found.append(fake_gpu.asnumpy(minpoints(*arrays, count, 1.5, True)[0]).tobytes())
        assert len(found[0]) > 0
        assert found == found[:1] * 5
