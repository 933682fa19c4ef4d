"""The public `hdbscan`: arguments, engines, and every number of points from none."""

from __future__ import annotations

import json
import logging
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from oracle.tracking import same_partition

import gpupept
from gpupept import clustering
from gpupept.backend import GPUUnavailableError, probe
from gpupept.clustering import Clustering, hdbscan
from gpupept.tracking import HDBSCAN


def blobs(sizes, seed=0, distance=30.0):
    rng = np.random.default_rng(seed)
    return np.concatenate([rng.normal(distance * i, 1.0, (n, 3)) for i, n in enumerate(sizes)])


class TestResult:
    def test_one_cloud(self, device):
        points = blobs([40, 30])
        found = hdbscan(device.asarray(points), min_cluster_size=10)
        assert isinstance(found, Clustering)
        labels = device.to_host(found.labels)
        assert (labels.dtype, labels.shape) == (np.int64, (70,))
        assert set(labels[:40]) <= {-1, labels[20]}
        assert set(labels[40:]) <= {-1, 1 - labels[20]}
        probabilities = device.to_host(found.probabilities)
        assert ((probabilities > 0) == (labels >= 0)).all()
        assert probabilities.max() <= 1
        for values in (found.n_clusters, found.persistence):
            assert isinstance(values, np.ndarray)
        assert found.n_clusters.tolist() == [2]
        assert ((found.persistence > 0) & (found.persistence <= 1)).all()

    def test_many_clouds(self, device):
        """As if each were alone, empty ones included, with sizes of their own."""
        clouds = [blobs([20, 25], 1), np.empty((0, 3)), blobs([30], 3)]
        clouds += [np.zeros((1, 3)), blobs([15, 15, 15], 4), np.empty((0, 3))]
        offsets = np.concatenate([[0], np.cumsum([len(c) for c in clouds])])
        sizes, neighbours = [5, 2, 8, 3, 6, 2], [4, 1, 8, 3, 20, 1]
        for single in (False, True):
            options = {"allow_single_cluster": single}
            found = hdbscan(
                device.asarray(np.concatenate(clouds)),
                offsets,
                min_cluster_size=sizes,
                min_samples=neighbours,
                **options,
            )
            parts = [
                hdbscan(c, min_cluster_size=m, min_samples=k, **options)
                for c, m, k in zip(clouds, sizes, neighbours, strict=True)
            ]
            for name in ("labels", "n_clusters"):
                together = device.to_host(getattr(found, name)).tolist()
                assert together == np.concatenate([getattr(p, name) for p in parts]).tolist()
            for name in ("probabilities", "persistence"):
                together = device.to_host(getattr(found, name))
                alone = np.concatenate([getattr(p, name) for p in parts])
                np.testing.assert_allclose(together, alone, rtol=1e-9)

    def test_golden_persistence(self, golden):
        g = golden("tracking_hdbscan_plain")
        tied = ("rounded_300", "dup3_138")  # persistence depends on the order of the points there
        index = [case for case in json.loads(str(g["index_json"])) if case["strict"]]
        index = [case for case in index if not case["n_ambiguous"] and case["n"] <= 1000]
        assert len(index) > 100
        for case in index:
            name = case["key"].split("/")[0]
            if name in tied:
                continue
            found = hdbscan(
                g[f"{name}/X"],
                min_cluster_size=case["phi"],
                allow_single_cluster=bool(case["single"]),
            )
            expected = g[f"{case['key']}/persistence"]
            assert found.n_clusters.tolist() == [case["n_clusters"]]
            np.testing.assert_allclose(
                np.sort(found.persistence), np.sort(expected), atol=1e-4, err_msg=case["key"]
            )

    @pytest.mark.parametrize("single", [False, True])
    @pytest.mark.parametrize("count", range(9))
    def test_every_number_of_points(self, device, count, single):
        points = device.asarray(np.random.default_rng(count).normal(size=(count, 3)))
        for size in (2, 3, 50):
            found = hdbscan(points, min_cluster_size=size, allow_single_cluster=single)
            labels = device.to_host(found.labels)
            assert labels.shape == found.probabilities.shape == (count,)
            assert found.n_clusters.tolist() == [labels.max(initial=-1) + 1]
            if count < size:  # no cluster but, if it may be, all of them
                assert set(labels) <= {0 if single and count > 1 else -1}

    def test_degenerate(self, device):
        """The table of results that the reference package gives for such clouds."""
        two = np.repeat([[0.0, 0, 0], [9.0, 0, 0]], 20, axis=0)
        for points, size, single, expected in [
            (np.eye(3)[:2], 2, False, [-1] * 2),
            (np.eye(3)[:2], 2, True, [0] * 2),
            (np.eye(3), 2, False, [-1] * 3),
            (np.eye(3), 2, True, [0] * 3),
            (np.ones((30, 3)), 5, False, [-1] * 30),
            (np.ones((30, 3)), 5, True, [0] * 30),
            (two, 10, False, [0] * 20 + [1] * 20),
            (two, 10, True, [0] * 20 + [1] * 20),
            (two, 25, False, [-1] * 40),
            (two, 25, True, [0] * 40),
        ]:
            found = hdbscan(
                device.asarray(points), min_cluster_size=size, allow_single_cluster=single
            )
            labels = device.to_host(found.labels)
            assert same_partition(labels, expected) == (0, True)
        same = device.asarray(np.ones((9, 3)))
        found = hdbscan(same, min_cluster_size=2, allow_single_cluster=True)
        assert device.to_host(found.probabilities).tolist() == [1.0] * 9

    @pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e200])
    def test_unusable_points_are_left_out(self, device, value):
        points = blobs([20, 20])
        expected = hdbscan(points, min_cluster_size=5)
        spoiled = np.insert(points, [0, 13, 40], 5.0, axis=0)
        spoiled[[0, 14, 42], [0, 1, 2]] = value
        found = hdbscan(device.asarray(spoiled), min_cluster_size=5)
        labels = device.to_host(found.labels)
        assert labels[[0, 14, 42]].tolist() == [-1] * 3
        assert device.to_host(found.probabilities)[[0, 14, 42]].tolist() == [0] * 3
        assert np.delete(labels, [0, 14, 42]).tolist() == expected.labels.tolist()

    def test_min_samples_defaults_to_the_cluster_size(self):
        points = blobs([30, 30], distance=6.0)
        for single in (False, True):
            both = [
                hdbscan(points, min_cluster_size=9, min_samples=k, allow_single_cluster=single)
                for k in (None, 9)
            ]
            assert both[0].labels.tolist() == both[1].labels.tolist()
            np.testing.assert_array_equal(both[0].probabilities, both[1].probabilities)

    def test_any_table_of_numbers(self):
        points = np.round(blobs([20, 20]) * 8) / 8
        expected = hdbscan(points, min_cluster_size=5).labels.tolist()
        wide = np.repeat(points, 2, axis=1)[:, ::2]
        for table in (points.tolist(), points.astype(np.float32), np.asfortranarray(points), wide):
            assert hdbscan(table, min_cluster_size=5).labels.tolist() == expected
        assert hdbscan((8 * points).astype(int), min_cluster_size=5).labels.tolist() == expected


class TestEngines:
    @settings(max_examples=25)
    @given(
        sizes=st.lists(st.integers(15, 40), min_size=2, max_size=4),
        seed=st.integers(0, 1000),
        single=st.booleans(),
    )
    def test_hdbscan_and_batched(self, sizes, seed, single):
        pytest.importorskip("hdbscan")
        points = blobs(sizes, seed, 60.0)
        options = {"min_cluster_size": 8, "allow_single_cluster": single}
        expected = hdbscan(points, engine="batched", **options)
        found = hdbscan(points, engine="hdbscan", **options)
        wrong, same_number = same_partition(found.labels, expected.labels)
        assert (wrong <= 1, same_number) == (True, True)
        assert found.n_clusters.tolist() == expected.n_clusters.tolist()
        assert np.isnan(found.persistence).all()
        assert len(found.persistence) == int(found.n_clusters[0])

    def test_hdbscan_on_odd_clouds(self):
        """Clouds that the package itself refuses, and smaller ones than a cluster, are as batched."""
        pytest.importorskip("hdbscan")
        clouds = [np.empty((0, 3)), np.ones((1, 3)), np.full((4, 3), np.nan), blobs([3])]
        clouds += [blobs([20, 20]), np.full((1, 3), np.inf)]
        offsets = np.concatenate([[0], np.cumsum([len(c) for c in clouds])])
        for single in (False, True):
            both = [
                hdbscan(
                    np.concatenate(clouds),
                    offsets,
                    min_cluster_size=5,
                    allow_single_cluster=single,
                    engine=engine,
                )
                for engine in ("hdbscan", "batched")
            ]
            assert both[0].n_clusters.tolist() == both[1].n_clusters.tolist()
            assert same_partition(both[0].labels, both[1].labels) == (0, True)

    def test_hdbscan_is_not_installed(self, monkeypatch):
        monkeypatch.setitem(sys.modules, "hdbscan", None)
        for points in (blobs([20, 20]), np.empty((0, 3))):
            with pytest.raises(ModuleNotFoundError, match=r"gpupept\[hdbscan\]"):
                hdbscan(points, min_cluster_size=5, engine="hdbscan")

    def test_hdbscan_takes_host_arrays_only(self, gpu_device):
        points = gpu_device.asarray(blobs([20, 20]))
        with pytest.raises(ValueError, match="cuda:0"):
            hdbscan(points, min_cluster_size=5, engine="hdbscan")

    @pytest.mark.skipif(probe().usable, reason="there is a GPU")
    @pytest.mark.parametrize("points", [blobs([20, 20]), np.empty((0, 3))], ids=["points", "none"])
    def test_cuml_is_not_there(self, points):
        with pytest.raises(GPUUnavailableError, match=r"gpupept\[rapids-cuda12\]"):
            hdbscan(points, min_cluster_size=5, engine="cuml")
        with pytest.raises(GPUUnavailableError, match=r"gpupept\[rapids-cuda13\]"):
            HDBSCAN(0.5, engine="cuml").fit_sample(np.zeros((5, 4)))

    def test_cuml_is_not_there_on_a_gpu(self, fake_gpu, monkeypatch):
        monkeypatch.setitem(sys.modules, "rmm", None)
        points = fake_gpu.asarray(blobs([20, 20]))
        with pytest.raises(GPUUnavailableError, match=r"gpupept\[rapids-cuda12\]"):
            hdbscan(points, min_cluster_size=5, engine="cuml")

    def test_cuml_takes_device_arrays_only(self, monkeypatch):
        monkeypatch.setattr(clustering, "cuml_available", lambda *device: True)
        with pytest.raises(ValueError, match=r"\.to\('cuda'\)"):
            hdbscan(blobs([20, 20]), min_cluster_size=5, engine="cuml")

    @pytest.mark.parametrize("engine", ["", "Batched", "sklearn", None, 3])
    def test_others_refused(self, engine):
        with pytest.raises(ValueError, match="auto, batched, cuml, hdbscan"):
            hdbscan(blobs([20, 20]), min_cluster_size=5, engine=engine)


class TestLargeClouds:
    """On a GPU clouds beyond a size go to cuML, each by its own size."""

    @pytest.fixture
    def cuml_calls(self, fake_gpu, monkeypatch):
        calls = []

        def stand_in(points, size, neighbours, single):
            calls.append((len(points), size, neighbours, single))
            return fake_gpu.full(len(points), 4, dtype=np.int64), fake_gpu.ones(len(points))

        monkeypatch.setattr(clustering, "LARGE_CLOUD", 50)
        monkeypatch.setattr(clustering, "cuml_available", lambda *device: True)
        monkeypatch.setattr(clustering, "cuml_hdbscan", stand_in)
        return calls

    def test_shared_out(self, fake_gpu, cuml_calls, caplog):
        clouds = [blobs([20, 20]), blobs([40, 30]), np.empty((0, 3)), blobs([25, 25]), blobs([60])]
        offsets = np.concatenate([[0], np.cumsum([len(c) for c in clouds])])
        points = fake_gpu.asarray(np.concatenate(clouds))
        with caplog.at_level(logging.INFO, "gpupept"):
            found = hdbscan(points, offsets, min_cluster_size=[5, 6, 7, 8, 9], min_samples=4)
        assert cuml_calls == [(70, 6, 4, False), (60, 9, 4, False)]
        assert "2 clouds" in caplog.text
        labels = np.split(found.labels.get(), offsets[1:-1])
        for i, size in [(0, 5), (3, 8)]:
            alone = hdbscan(clouds[i], min_cluster_size=size, min_samples=4)
            assert labels[i].tolist() == alone.labels.tolist()
        assert labels[1].tolist() == [4] * 70
        assert found.n_clusters.tolist() == [2, 5, 0, 2, 5]
        persistence = np.split(found.persistence, np.cumsum(found.n_clusters)[:-1])
        assert [np.isnan(p).all() for p in persistence] == [False, True, True, False, True]

    def test_too_many_neighbours_for_cuml(self, fake_gpu, cuml_calls):
        points = fake_gpu.asarray(blobs([40, 30]))
        hdbscan(points, min_cluster_size=5, min_samples=1024)
        assert cuml_calls == []

    def test_other_engines_are_obeyed(self, fake_gpu, cuml_calls):
        points = fake_gpu.asarray(blobs([40, 30]))
        hdbscan(points, min_cluster_size=5, engine="batched")
        assert cuml_calls == []
        hdbscan(points[:20], min_cluster_size=5, engine="cuml")
        assert cuml_calls == [(20, 5, 5, False)]

    def test_never_on_the_cpu(self, cuml_calls):
        hdbscan(blobs([40, 30]), min_cluster_size=5)
        assert cuml_calls == []

    def test_batched_without_cuml(self, fake_gpu, cuml_calls, monkeypatch):
        monkeypatch.setattr(clustering, "cuml_available", lambda *device: False)
        found = hdbscan(fake_gpu.asarray(blobs([40, 30])), min_cluster_size=5)
        assert (cuml_calls, found.n_clusters.tolist()) == ([], [2])


class TestArguments:
    @pytest.mark.parametrize(
        "points",
        [np.zeros((5, 2)), np.zeros((5, 4)), np.zeros(3), np.zeros((2, 3, 3)), [], 3.0, "abc",
         np.zeros((5, 3), complex), [[1, 2, "a"]], None],
    )  # fmt: skip
    def test_points(self, points):
        with pytest.raises(ValueError, match="points"):
            hdbscan(points, min_cluster_size=2)

    @pytest.mark.parametrize(
        "offsets",
        [[], [0], [0, 4], [1, 5], [0, 3, 2, 5], [0, 6], [[0, 5]], 5, [0, 2.5, 5], ["0", "5"],
         [-1, 5], [0, 5, 5, 4]],
    )  # fmt: skip
    def test_offsets(self, offsets):
        with pytest.raises(ValueError, match="offsets"):
            hdbscan(np.zeros((5, 3)), offsets, min_cluster_size=2)

    def test_offsets_of_any_integral_kind(self):
        points = blobs([20, 20])
        expected = hdbscan(points, [0, 20, 40], min_cluster_size=5).labels.tolist()
        for offsets in ((0, 20, 40), np.array([0, 20, 40], np.uint8), [np.int32(0), 20, 40]):
            assert hdbscan(points, offsets, min_cluster_size=5).labels.tolist() == expected

    def test_offsets_on_a_gpu(self, gpu_device):
        points, offsets = gpu_device.asarray(blobs([20, 20])), gpu_device.asarray([0, 20, 40])
        assert len(hdbscan(points, offsets, min_cluster_size=5).n_clusters) == 2

    @pytest.mark.parametrize("name", ["min_cluster_size", "min_samples"])
    @pytest.mark.parametrize("value", [0, -1, 2.0, "5", [2, 3], [[2]], True, np.nan])
    def test_sizes(self, name, value):
        with pytest.raises(ValueError, match=name):
            hdbscan(np.zeros((5, 3)), **({"min_cluster_size": 2} | {name: value}))

    def test_smallest_sizes(self):
        with pytest.raises(ValueError, match="at least 2, found 1"):
            hdbscan(np.zeros((5, 3)), min_cluster_size=1)
        assert len(hdbscan(blobs([9, 9]), min_cluster_size=2, min_samples=1).labels) == 18

    def test_no_clouds(self, device):
        points = device.asarray(np.empty((0, 3)))
        for sizes in (5, []):
            found = hdbscan(points, [0], min_cluster_size=sizes)
            assert (len(found.labels), len(found.n_clusters), len(found.persistence)) == (0, 0, 0)

    def test_devices(self, gpu_device):
        found = hdbscan(blobs([20, 20]), min_cluster_size=5, device="cuda")
        assert type(found.labels) is type(gpu_device.asarray(np.zeros(1)))
        back = hdbscan(gpu_device.asarray(blobs([20, 20])), min_cluster_size=5, device="cpu")
        assert isinstance(back.labels, np.ndarray)
        assert gpu_device.to_host(found.labels).tolist() == back.labels.tolist()

    @pytest.mark.skipif(probe().usable, reason="there is a GPU")
    def test_without_a_gpu(self):
        with pytest.raises(GPUUnavailableError):
            hdbscan(blobs([20, 20]), min_cluster_size=5, device="cuda")


def test_containers_are_not_positions() -> None:
    points = gpupept.PointData(np.zeros((30, 4)))
    with pytest.raises(TypeError, match=r"points.data\[:, 1:4\]"):
        hdbscan(points, min_cluster_size=5)
