"""The HDBSCAN filter: its artificial cluster, what it discards, and what it makes of odd samples."""

from __future__ import annotations

import json

import numpy as np
import pytest
from oracle import artificial
from oracle import tracking as oracle

from gpupept import LineData, PointData
from gpupept.clustering import cluster_batch, hdbscan
from gpupept.kernels.artificial import add_artificial, discard_artificial
from gpupept.tracking import HDBSCAN


def blobs(rng, sizes, distance=60.0, noise=0):
    """Clouds of these sizes some way apart, and points anywhere: rows t, x, y, z."""
    parts = [rng.normal(distance * i, 1.0, (n, 3)) for i, n in enumerate(sizes)]
    parts.append(rng.uniform(-distance, distance * (len(sizes) + 1), (noise, 3)))
    points = rng.permutation(np.concatenate(parts))
    return np.column_stack([np.arange(len(points), dtype=float), points])


def cases(golden):
    g = golden("tracking_hdbscan_filter")
    return g, json.loads(str(g["index_json"]))


class TestGolden:
    def test_counts(self, golden):
        g, index = cases(golden)
        assert len(index) == 25
        for case in index:
            found = HDBSCAN(case["true_fraction"], case["max_tracers"])
            size = np.array([case["n"]])
            if case["phi"] is not None:
                assert found.artificial_counts(size).tolist() == [case["n_injected"]], case
                assert found.cluster_sizes(size).tolist() == [case["phi"]], case
            labelled = found.fit_sample(g[f"{case['name']}/points"])
            assert labelled.points.shape == (case["out_rows"], 5)

    def test_labels_with_the_artificial_points_that_were_drawn(self, golden, device):
        g, index = cases(golden)
        largest = 10_000 if device.kind != "shim" else 400
        index = [case for case in index if 2 <= case["n"] <= largest]
        points = [g[f"{case['name']}/points"][:, 1:4] for case in index]
        drawn = [g[f"{case['name']}/injected_xyz"] for case in index]
        clouds = [np.concatenate(pair) for pair in zip(points, drawn, strict=True)]
        offsets = np.concatenate([[0], np.cumsum([len(cloud) for cloud in clouds])])
        least = np.array([case["phi"] for case in index])
        found = cluster_batch(
            device.asarray(np.concatenate(clouds)), offsets, least, least, False, "batched"
        )
        sizes = np.array([len(cloud) for cloud in points])
        labels = device.to_host(discard_artificial(found.labels, offsets, sizes, True))
        for case, part in zip(index, np.split(labels, np.cumsum(sizes)[:-1]), strict=True):
            wrong, same_number = oracle.same_partition(part, g[f"{case['name']}/labels_exact"])
            assert wrong <= 2, case
            assert same_number, case

    def test_the_filter_finds_the_golden_clusters(self, golden):
        """With our own artificial points: no cluster is lost and nearly all points agree."""
        g, index = cases(golden)
        for case in index:
            if case["n"] < 60:
                continue
            points = g[f"{case['name']}/points"]
            labels = HDBSCAN(case["true_fraction"], case["max_tracers"]).fit_sample(points)["label"]
            wrong, same_number = oracle.same_partition(labels, g[f"{case['name']}/labels_exact"])
            assert same_number, case
            assert wrong <= 0.1 * len(points), case

    def test_one_stray_point_does_not_delete_a_tracer(self, golden):
        g, index = cases(golden)
        (case,) = (case for case in index if case["name"] == "pass1_432")
        points, stray = g["pass1_432/points"][:, 1:4], g["pass1_432/injected_xyz"].copy()
        stray[0] = points[g["pass1_432/labels_exact"] == 0].mean(axis=0)
        cloud = np.concatenate([points, stray])
        labels = hdbscan(cloud, min_cluster_size=case["phi"]).labels
        offsets, sizes = np.array([0, len(cloud)]), np.array([len(points)])
        assert discard_artificial(labels, offsets, sizes, True).max() == 0
        assert discard_artificial(labels, offsets, sizes, False).max() == 1


class TestArtificialCluster:
    def test_positions(self, device):
        rng = np.random.default_rng(0)
        points = np.column_stack([np.arange(90), rng.gamma(2, [1, 10, 100], (90, 3))])
        points[3, 1], points[7, 2], points[80, 3] = np.nan, np.inf, -np.inf
        ranges = np.array([[0, 40], [20, 90], [5, 5], [60, 61], [70, 90]])
        added, normals = np.array([6, 30, 0, 2, 9]), rng.normal(size=(30, 3))
        cloud, offsets = add_artificial(device.asarray(points), ranges, added, normals)
        cloud = device.to_host(cloud)
        assert offsets.tolist() == [0, 46, 146, 146, 149, 178]
        for s, (first, last) in enumerate(ranges):
            mine = cloud[offsets[s] : offsets[s + 1]]
            np.testing.assert_array_equal(mine[: last - first], points[first:last, 1:4])
            expected = artificial.positions(points[first:last], added[s], normals)
            np.testing.assert_allclose(mine, expected, rtol=1e-12)

    def test_distribution(self, golden):
        """Centre and spread as drawn for the golden file, judged by their standard errors."""
        g, index = cases(golden)
        for name in ("pass1_0", "oneblob_f0.6_m1"):
            (case,) = (case for case in index if case["name"] == name)
            points, count = g[f"{name}/points"], case["n_injected"]
            lower, upper = np.quantile(points[:, 1:4], [0.25, 0.75], axis=0)
            centre, deviation = upper + 1.5 * (upper - lower), 0.3 * (upper - lower)
            normals = np.random.default_rng(0).standard_normal((count, 3))
            ours, _ = add_artificial(points, np.array([[0, len(points)]]), [count], normals)
            for drawn in (g[f"{name}/injected_xyz"], ours[len(points) :]):
                error = deviation / np.sqrt(count)
                assert (abs(drawn.mean(axis=0) - centre) < 4 * error).all()
                assert (abs(drawn.std(axis=0) - deviation) < 4 * error).all()

    def test_exactly_half_is_artificial(self):
        for strays, expected in [([0, 0], [-1, -1]), ([0], [0, 0])]:
            both = np.array([0, 0, *strays])
            found = discard_artificial(both, np.array([0, len(both)]), np.array([2]), False)
            assert found.tolist() == expected


class TestLabels:
    @pytest.mark.parametrize("strict", [False, True])
    def test_against_the_package(self, strict):
        """The whole rule, with the reference implementation as clusterer."""
        package = pytest.importorskip("hdbscan")
        rng = np.random.default_rng(4)
        normals = np.random.default_rng(7).standard_normal((300, 3))
        for sizes, noise, fraction, tracers in [
            ((150, 120), 60, 0.6, 2),
            ((150, 120, 40), 20, 0.3, 3),
            ((200,), 100, 0.4, 1),
        ]:
            points = blobs(rng, sizes, 25.0, noise)
            count = oracle.artificial_count(len(points), fraction, tracers)
            least = oracle.smallest_cluster(len(points), fraction, tracers)
            cloud = artificial.positions(points, count, normals)
            model = package.HDBSCAN(
                min_cluster_size=least, min_samples=least, approx_min_span_tree=False
            ).fit(cloud)
            expected = artificial.discard(model.labels_, len(points), strict)
            found = HDBSCAN(fraction, tracers, strict=strict, seed=7).fit_sample(points)["label"]
            wrong, same_number = oracle.same_partition(found, expected)
            assert wrong <= 2
            assert same_number

    def test_other_columns_and_attributes_are_kept(self, device):
        rng = np.random.default_rng(0)
        rows = np.column_stack([blobs(rng, (40, 40)), np.arange(80)])
        points = PointData(
            device.asarray(rows), columns=["t", "x", "y", "z", "n"], run=3, _hidden="h"
        )
        found = HDBSCAN(0.9, 2).fit_sample(points)
        assert list(found.columns) == ["t", "x", "y", "z", "n", "label"]
        assert found.attrs == {"run": 3, "_hidden": "h"}
        np.testing.assert_array_equal(device.to_host(found.points)[:, :5], rows)
        labels = device.to_host(found["label"])
        assert sorted(set(labels)) in ([0, 1], [-1, 0, 1])
        side = rows[:, 1] > 30
        assert (labels[side] != labels[~side][0]).all()
        assert list(points.columns) == ["t", "x", "y", "z", "n"]

    def test_labels_do_not_depend_on_the_batch(self):
        rng = np.random.default_rng(8)
        rows = blobs(rng, (100, 100), 20.0, 100)
        points = PointData(rows, 100, 60)
        together = HDBSCAN(0.5, 2).fit(points, verbose=False)
        reversed_batch = HDBSCAN(0.5, 2).fit(points[::-1], verbose=False)
        assert len(together) == 6
        for i in range(6):
            alone = HDBSCAN(0.5, 2).fit_sample(points[i])
            assert together[i].points.tobytes() == alone.points.tobytes()
            assert reversed_batch[5 - i].points.tobytes() == alone.points.tobytes()

    def test_the_seed_decides(self):
        rows = np.random.default_rng(3).uniform(size=(100, 4))
        labels = {HDBSCAN(0.6, 1, seed=s).fit_sample(rows)["label"].tobytes() for s in range(12)}
        again = {HDBSCAN(0.6, 1, seed=s).fit_sample(rows)["label"].tobytes() for s in range(12)}
        assert labels == again
        assert len(labels) > 1

    @pytest.mark.parametrize("engine", ["auto", "batched", "hdbscan"])
    def test_engines(self, engine):
        if engine == "hdbscan":
            pytest.importorskip("hdbscan")
        rows = blobs(np.random.default_rng(5), (80, 90, 70))
        labels = HDBSCAN(0.9, 3, engine=engine).fit_sample(rows)["label"]
        expected = HDBSCAN(0.9, 3).fit_sample(rows)["label"]
        wrong, same_number = oracle.same_partition(labels, expected)
        assert (wrong, same_number) == (0, True)


class TestOddSamples:
    @pytest.mark.parametrize("rows", [0, 1])
    def test_fewer_than_two_points_vanish(self, device, rows):
        found = HDBSCAN(0.6).fit_sample(device.asarray(np.ones((rows, 4))))
        assert found.points.shape == (0, 5)
        assert list(found.columns) == ["t", "x", "y", "z", "label"]

    @pytest.mark.parametrize("rows", [2, 3, 4])
    def test_a_few_points_are_noise(self, device, rows):
        points = np.random.default_rng(rows).normal(size=(rows, 4))
        found = HDBSCAN(0.6).fit_sample(device.asarray(points))
        assert device.to_host(found["label"]).tolist() == [-1] * rows

    def test_five_points_are_a_cluster(self, device):
        points = np.array([[0, 0, 0, 0], [1, 1, 0, 0], [2, 0, 1, 0], [3, 0, 0, 1], [4, 1, 1, 1.0]])
        found = HDBSCAN(0.6).fit_sample(device.asarray(points))
        assert device.to_host(found["label"]).tolist() == [0] * 5

    def test_true_fraction_of_one(self):
        found = HDBSCAN(1.0, 1).fit_sample(blobs(np.random.default_rng(0), (40,)))
        assert found["label"].tolist() == [-1] * 40

    def test_identical_points_are_noise(self, device):
        found = HDBSCAN(0.5).fit_sample(device.asarray(np.full((30, 4), 7.0)))
        assert device.to_host(found["label"]).tolist() == [-1] * 30

    @pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
    def test_points_that_are_not_finite(self, device, value):
        rows = blobs(np.random.default_rng(2), (60, 60))
        expected = HDBSCAN(0.8, 2).fit_sample(rows)["label"]
        assert expected.max() == 1
        rows[[5, 17], [1, 3]] = value
        labels = device.to_host(HDBSCAN(0.8, 2).fit_sample(device.asarray(rows))["label"])
        assert labels[[5, 17]].tolist() == [-1, -1]
        kept = np.delete(np.arange(120), [5, 17])
        wrong, same_number = oracle.same_partition(labels[kept], expected[kept])
        assert same_number
        assert wrong <= 4

    def test_nothing_finite(self, device):
        found = HDBSCAN(0.5).fit_sample(device.asarray(np.full((20, 4), np.nan)))
        assert device.to_host(found["label"]).tolist() == [-1] * 20

    def test_time_does_not_matter(self):
        rows = blobs(np.random.default_rng(2), (60, 60))
        labels = HDBSCAN(0.8, 2).fit_sample(rows)["label"].tolist()
        rows[:, 0] = np.nan
        assert HDBSCAN(0.8, 2).fit_sample(rows)["label"].tolist() == labels

    def test_in_a_batch(self, device):
        """Samples of every kind, side by side, keep their own results."""
        rng = np.random.default_rng(1)
        samples = [
            blobs(rng, (30, 30)),
            np.empty((0, 4)),
            np.ones((1, 4)),
            np.full((6, 4), np.nan),
            np.ones((9, 4)),
            blobs(rng, (25,), noise=5),
            np.empty((0, 4)),
        ]
        batch = PointData(device.asarray(np.concatenate(samples)), [len(s) for s in samples])
        found = HDBSCAN(0.7, 2).fit(batch, verbose=False)
        assert [len(sample.points) for sample in found] == [60, 0, 0, 6, 9, 30, 0]
        for sample, rows in zip(found, samples, strict=True):
            alone = HDBSCAN(0.7, 2).fit_sample(rows)
            np.testing.assert_array_equal(device.to_host(sample.points), alone.points)

    def test_no_samples(self, device):
        none = PointData(device.asarray(np.empty((0, 4))), [])
        found = HDBSCAN(0.5).fit(none, verbose=False)
        assert (len(found), found.points.shape) == (0, (0, 5))


class TestArguments:
    @pytest.mark.parametrize("fraction", [0, -0.1, 1.1, float("nan"), float("inf")])
    def test_fractions_refused(self, fraction):
        with pytest.raises(ValueError, match="true_fraction"):
            HDBSCAN(fraction)

    @pytest.mark.parametrize("tracers", [0, -1, 0.9, float("nan"), float("inf")])
    def test_tracers_refused(self, tracers):
        with pytest.raises(ValueError, match="max_tracers"):
            HDBSCAN(0.5, tracers)

    @pytest.mark.parametrize("seed", [-1, float("nan"), float("inf")])
    def test_seeds_refused(self, seed):
        with pytest.raises(ValueError, match="seed"):
            HDBSCAN(0.5, seed=seed)

    def test_truncated(self):
        assert HDBSCAN(0.5, 2.9).max_tracers == 2

    def test_engine_refused(self):
        with pytest.raises(ValueError, match="auto, batched, cuml, hdbscan"):
            HDBSCAN(0.5, engine="fast")

    def test_samples_refused(self):
        with pytest.raises(ValueError, match="at least 4 columns"):
            HDBSCAN(0.5).fit_sample(np.zeros((5, 3)))
        lines = LineData(np.zeros((5, 7)))
        for samples in [lines, [lines], np.zeros((5, 4)), 3]:
            with pytest.raises(TypeError):
                HDBSCAN(0.5).fit(samples, verbose=False)
        with pytest.raises(TypeError):
            HDBSCAN(0.5).fit_sample(lines)

    def test_a_list_is_one_sample(self):
        """Rows and containers alike, as the constructor of PointData takes them."""
        rows = blobs(np.random.default_rng(0), (40, 40))
        expected = HDBSCAN(0.9, 2).fit_sample(rows)
        for sample in [rows.tolist(), [PointData(rows[:50]), PointData(rows[50:])]]:
            np.testing.assert_array_equal(
                HDBSCAN(0.9, 2).fit_sample(sample).points, expected.points
            )
