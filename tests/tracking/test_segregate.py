"""Segregate: points labelled by trajectory."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from oracle import tracking as oracle

from gpupept import LineData, PointData
from gpupept.base import SampleGroups
from gpupept.tracking import Segregate

COORDINATES = st.sampled_from([0.0, 1.0, 2.0, 3.0, 5.0, 1e100, math.nan, math.inf, -math.inf])
POINTS = st.integers(0, 14).flatmap(lambda n: hnp.arrays(np.float64, (n, 4), elements=COORDINATES))


def walk(rng, count, tracers=3):
    """Tracers that wander in turn, at rising times."""
    steps = rng.normal(0, 1, (tracers, count, 3)).cumsum(axis=1)
    places = steps + 40 * np.arange(tracers)[:, None, None]
    rows = places.transpose(1, 0, 2).reshape(-1, 3)[:count]
    return np.column_stack([np.arange(count, dtype=float), rows])


class TestGolden:
    def test_all(self, golden):
        g = golden("tracking_transformers")
        index = [c for c in json.loads(str(g["index_json"])) if c["name"].startswith("segregate")]
        assert len(index) == 14
        for case in index:
            interval = case["max_time_interval"]
            filter_ = Segregate(
                case["window"],
                case["cut_distance"],
                case["min_trajectory_size"],
                math.inf if interval is None else interval,
            )
            found, expected = filter_.fit(g[f"{case['name']}/points"]), g[f"{case['name']}/out"]
            order = np.lexsort(found.points[:, 3::-1].T)
            order_there = np.lexsort(expected[:, 3::-1].T)
            rows, other = found.points[order], expected[order_there]
            np.testing.assert_array_equal(found.points[:, 0], expected[:, 0])
            np.testing.assert_array_equal(rows[:, :4], other[:, :4])
            np.testing.assert_array_equal(rows[:, 4] == -1, other[:, 4] == -1, case["name"])
            assert oracle.same_partition(rows[:, 4], other[:, 4]) == (0, True), case
            assert found["label"].max() + 1 == case["n_traj"]


class TestLabels:
    @settings(max_examples=200)
    @given(
        points=POINTS,
        window=st.integers(1, 6),
        distance=st.sampled_from([0.0, 1.0, 1.5, 2.5, math.inf]),
        least=st.integers(0, 4),
        interval=st.sampled_from([0.0, 1.0, math.inf]),
    )
    def test_against_the_oracle(self, points, window, distance, least, interval):
        found = Segregate(window, distance, least, interval).fit(points)
        expected = oracle.segregate(points, window, distance, least, interval)
        np.testing.assert_array_equal(found.points, expected.reshape(len(points), 5))

    def test_devices(self, device):
        rows = walk(np.random.default_rng(0), 90)
        rows[[7, 50], [2, 0]] = np.nan
        found = Segregate(6, 8.0).fit(PointData(device.asarray(rows), 20))
        assert found.device.startswith(device.name)
        assert len(found) == 1
        expected = oracle.segregate(rows, 6, 8.0)
        assert expected[:, 4].max() == 2
        np.testing.assert_array_equal(device.to_host(found.points), expected)

    def test_numbered_by_start(self):
        rows = walk(np.random.default_rng(1), 60)
        labels = Segregate(6, 10.0).fit(rows)["label"]
        assert labels[:3].tolist() == [0, 1, 2]

    def test_exactly_the_distance_and_the_size(self):
        rows = np.zeros((10, 4))
        rows[:, 0] = np.arange(10)
        rows[5:, 1] = 10.0
        assert Segregate(20, 10.0).fit(rows)["label"].tolist() == [0] * 5 + [1] * 5
        assert Segregate(20, 10.0, 6).fit(rows)["label"].tolist() == [-1] * 10
        assert Segregate(20, np.nextafter(10, 11)).fit(rows)["label"].tolist() == [0] * 10

    def test_window_of_one_with_two_tracers(self):
        labels = Segregate(1, 10.0).fit(walk(np.random.default_rng(0), 20, 2))["label"]
        assert labels.tolist() == [-1] * 20

    def test_equal_times_keep_their_order(self):
        rows = np.column_stack([np.zeros(6), np.arange(6.0), np.zeros((6, 2))])
        assert Segregate(3, 10).fit(rows)["x"].tolist() == [0, 1, 2, 3, 4, 5]

    @pytest.mark.parametrize("place", [0, 1, 2, 3])
    @pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
    def test_rows_that_are_not_finite_link_nothing(self, device, place, value):
        """Not even two groups that both lie near the finite part of such a row."""
        rows = np.zeros((13, 4))
        rows[:, 0] = np.arange(13)
        rows[6:, 1] = 8.0
        rows[6, 1] = 4.0
        assert Segregate(20, 6.0).fit(rows)["label"].max() == 0
        rows[6, place] = value
        found = Segregate(20, 6.0).fit(device.asarray(rows)).points
        labels = dict(zip(device.to_host(found)[:, 0], device.to_host(found)[:, 4], strict=True))
        time = 6.0 if place else value
        assert labels.pop(time, -1.0) == -1
        assert sorted(labels.values()) in ([0] * 6 + [1] * 6, [-1] + [0] * 6 + [1] * 6)

    def test_few_rows(self, device):
        for count in (0, 1):
            found = Segregate(20, 10).fit(device.asarray(np.ones((count, 4))))
            assert found.points.shape == (count, 5)
            assert device.to_host(found["label"]).tolist() == [-1] * count
            assert list(found.columns) == ["t", "x", "y", "z", "label"]


class TestSamples:
    def test_of_every_kind(self):
        rows = walk(np.random.default_rng(2), 40)
        expected = Segregate(6, 10).fit(PointData(rows)).points
        parts = [PointData(rows[:9]), PointData(rows[9:])]
        for samples in [
            rows,
            parts,
            iter(parts),
            [parts[:1], parts[1:]],
            [rows[:9], rows[9:]],
            PointData(rows, [9, 31]),
            SampleGroups(PointData(parts), [[0, 1], [1, 2]]),
        ]:
            np.testing.assert_array_equal(Segregate(6, 10).fit(samples).points, expected)

    @pytest.mark.parametrize(("size", "overlap"), [(4, 3), (3, 0), (9, 0), ([2, 2], None)])
    def test_samples_play_no_role(self, size, overlap):
        """Overlapping samples do not repeat rows, and rows outside all samples are kept."""
        rows = np.column_stack([np.arange(8.0), np.zeros((8, 3))])
        found = Segregate(6, 10).fit(PointData(rows, size, overlap))
        assert found["t"].tolist() == list(range(8))

    def test_columns_and_attributes(self):
        rows = np.column_stack([walk(np.random.default_rng(2), 10), np.arange(10)])
        data = PointData(rows, columns=[*"txyz", "error"], run=4, _hidden=2)
        found = Segregate(6, 10).fit(data)
        assert list(found.columns) == [*"txyz", "error", "label"]
        assert found.attrs == {"run": 4, "_hidden": 2}
        assert data.points.shape == (10, 5)

    def test_the_input_is_left_alone(self):
        rows = walk(np.random.default_rng(2), 10)[::-1].copy()
        before = rows.copy()
        Segregate(6, 10).fit(rows)
        np.testing.assert_array_equal(rows, before)


class TestArguments:
    @pytest.mark.parametrize("window", [0, -3, 0.9, float("nan"), float("inf")])
    def test_window(self, window):
        with pytest.raises(ValueError, match="window"):
            Segregate(window, 10)
        assert Segregate(1.9, 10).window == 1

    @pytest.mark.parametrize("size", [float("nan"), float("inf")])
    def test_trajectory_size(self, size):
        with pytest.raises(ValueError, match="min_trajectory_size"):
            Segregate(1, 10, min_trajectory_size=size)

    @pytest.mark.parametrize("value", [-1.0, float("nan")])
    def test_distances(self, value):
        with pytest.raises(ValueError, match="cut_distance"):
            Segregate(1, value)
        with pytest.raises(ValueError, match="max_time_interval"):
            Segregate(1, 1, max_time_interval=value)

    @pytest.mark.parametrize("samples", [LineData(np.zeros((2, 7))), np.zeros((2, 3)), 3, [None]])
    def test_samples_refused(self, samples):
        with pytest.raises((TypeError, ValueError)):
            Segregate(1, 1).fit(samples)
