"""TimeOfFlight, CutpointsToF and GaussianDensity, on golden vectors, definitions and simulated lines."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from oracle.cutpoints import cutpoints as all_cutpoints
from oracle.cutpoints import default_cutoffs

import gpupept
from gpupept import LineData, PointData
from gpupept.tracking import Centroids, CutpointsToF, GaussianDensity, TimeOfFlight

C = 299792458.0


def simulated(rng, count, source=(10.0, -20.0, 30.0), resolution=0.0):
    """Lines through near a source whose ends are met when light from there arrives."""
    direction = rng.normal(size=(count, 3))
    direction /= np.linalg.norm(direction, axis=1, keepdims=True)
    place = rng.normal(source, 0.5, (count, 3))
    before, after = rng.uniform(200, 400, (2, count))
    error = rng.normal(0, resolution / 2.3548, count)
    ends = [place - before[:, None] * direction, place + after[:, None] * direction]
    lines = np.column_stack([before / C, *ends, after / C + error])
    return lines, place


@pytest.fixture
def tof(golden):
    g = golden("tracking_transformers")
    return {key[len("tof/") :]: g[key] for key in g.files if key.startswith("tof/")}


class TestTimeOfFlight:
    def test_golden(self, device, tof):
        lines = LineData(device.asarray(tof["lines"]))
        found = TimeOfFlight(float(tof["spatial_resolution"]) / C, points=True).fit_sample(lines)
        np.testing.assert_allclose(device.to_host(found.points), tof["points"], rtol=0, atol=1e-6)
        assert found.attrs["spatial_resolution"] == pytest.approx(float(tof["spatial_resolution"]))

    def test_finds_where_light_came_from(self, device):
        lines, place = simulated(np.random.default_rng(0), 50)
        found = TimeOfFlight(points=True).fit_sample(LineData(device.asarray(lines)))
        points = device.to_host(found.points)
        np.testing.assert_allclose(points[:, 1:], place, rtol=0, atol=1e-6)
        np.testing.assert_allclose(points[:, 0], 0.0, atol=1e-13)
        assert found.attrs == {}

    def test_lines_keep_their_points(self):
        lines = LineData(simulated(np.random.default_rng(0), 50)[0], 20, run="a")
        found = TimeOfFlight(1e-6).fit(lines, verbose=False)
        assert isinstance(found, LineData)
        assert "tof" not in lines.attrs
        assert found[1].attrs["run"] == "a"
        points = TimeOfFlight(points=True).fit(lines, verbose=False)
        np.testing.assert_array_equal(found[1].attrs["tof"].points, points[1].points)
        assert found[1].attrs["tof"].attrs["temporal_resolution"] == 1e-6

    def test_lines_without_a_point(self, device):
        lines, _ = simulated(np.random.default_rng(0), 5)
        lines[1, 4:7] = lines[1, 1:4]
        lines[2, 0], lines[3, 7], lines[4, 5] = np.nan, np.inf, np.nan
        found = TimeOfFlight(points=True).fit_sample(LineData(device.asarray(lines)))
        finite = np.isfinite(device.to_host(found.points)).all(axis=1)
        assert finite.tolist() == [True, False, False, False, False]

    def test_refused(self):
        with pytest.raises(ValueError, match="at least 8 columns"):
            TimeOfFlight().fit_sample(np.ones((3, 7)))
        for value in (-1.0, float("nan")):
            with pytest.raises(ValueError, match="temporal_resolution"):
                TimeOfFlight(value)


def located(device, lines, sizes=None, resolution=None):
    data = LineData(device.asarray(lines), sizes)
    return TimeOfFlight(resolution).fit(data, verbose=False)


class TestCutpointsToF:
    def test_golden(self, device, tof):
        resolution = float(tof["spatial_resolution"]) / C
        (lines,) = located(device, tof["lines"], None, resolution)
        for distance, name in ((None, "cutpoints_default"), (5.0, "cutpoints_5")):
            only = distance is not None
            found = CutpointsToF(distance, None, True, cutpoints_only=only).fit_sample(lines)
            points, expected = device.to_host(found.points), tof[name]
            assert points.shape == expected.shape
            cut = len(expected) - (0 if only else len(tof["lines"]))
            for part in (slice(0, cut), slice(cut, None)):
                rows, other = points[part], expected[part]
                rows = rows[np.lexsort((rows[:, 5], rows[:, 4]))]
                other = other[np.lexsort((other[:, 5], other[:, 4]))]
                np.testing.assert_array_equal(rows[:, 4:], other[:, 4:])
                np.testing.assert_allclose(rows, other, rtol=0, atol=1e-6)
            if not only:
                limit = float(tof["cutpoints_default_max_distance"])
                assert found.attrs["_max_distance"] == pytest.approx(limit, rel=1e-6)

    @settings(max_examples=30)
    @given(
        seed=st.integers(0, 10**6),
        sizes=st.lists(st.integers(0, 30), min_size=1, max_size=4),
        distance=st.sampled_from([0.0, 0.5, 1.5, 1e3]),
    )
    def test_against_the_definition(self, device, seed, sizes, distance):
        rng = np.random.default_rng(seed)
        lines, _ = simulated(rng, sum(sizes))
        lines[rng.random(len(lines)) < 0.1, 7] = np.nan
        data = located(device, lines, sizes)
        found = CutpointsToF(distance, None, True).fit(data, verbose=False)
        assert len(found) == len(sizes)
        for sample, result in zip(data, found, strict=True):
            rows = device.to_host(sample.lines)
            points = device.to_host(sample.attrs["tof"].points)[:, 1:]
            near = {
                (i, j)
                for i, j in itertools.combinations(range(len(rows)), 2)
                if ((points[i] - points[j]) ** 2).sum() < distance**2
            }
            pairs = all_cutpoints(rows[:, :7], np.inf, default_cutoffs(rows))
            expected = np.array([row for row in pairs if row[4:] in near]).reshape(-1, 6)
            table = device.to_host(result.points)
            np.testing.assert_array_equal(table[: len(expected)], expected)
            usable = np.flatnonzero(np.isfinite(points).all(axis=1))
            np.testing.assert_array_equal(table[len(expected) :, 4], usable)
            np.testing.assert_array_equal(table[len(expected) :, 5], usable)

    def test_cutpoints_only(self, device):
        data = located(device, simulated(np.random.default_rng(1), 90)[0], 30)
        everything = CutpointsToF(1.5).fit(data, verbose=False)
        only = CutpointsToF(1.5, cutpoints_only=True).fit(data, verbose=False)
        for many, few, lines in zip(everything, only, data, strict=True):
            rows, count = device.to_host(many.points), len(few.points)
            assert count > 0
            np.testing.assert_array_equal(rows[:count], device.to_host(few.points))
            tof_points = device.to_host(lines.attrs["tof"].points)
            np.testing.assert_array_equal(rows[count:], tof_points)

    def test_more_lines_than_a_tile(self, device):
        lines, place = simulated(np.random.default_rng(2), 150)
        found = CutpointsToF(0.7, [-1e3, 1e3] * 3, True, True).fit(located(device, lines))
        distances = np.linalg.norm(place[:, None] - place[None], axis=2)
        assert len(found.points) == (distances[np.triu_indices(150, 1)] < 0.7).sum()

    @pytest.mark.parametrize("executor", ["sequential", "joblib"])
    @pytest.mark.parametrize("rows", [np.empty((0, 8)), np.ones((1, 8)), np.full((9, 8), np.nan)])
    def test_nothing_to_find(self, device, rows, executor):
        lines = TimeOfFlight().fit(LineData(device.asarray(rows)), executor, verbose=False)
        found = CutpointsToF().fit(lines, executor, verbose=False)
        assert found.points.shape == (0, 4)
        weighted = GaussianDensity(1.0).fit(found, executor, verbose=False)
        assert weighted.points.shape == (0, 5)

    def test_refused(self):
        lines, _ = simulated(np.random.default_rng(1), 20)
        with pytest.raises(AttributeError, match="tof"):
            CutpointsToF().fit_sample(lines)
        with pytest.raises(ValueError, match="max_distance"):
            CutpointsToF(-1.0)
        wrong = LineData(lines, tof=PointData(np.zeros((3, 4))))
        with pytest.raises(ValueError, match="one point for each line"):
            CutpointsToF().fit_sample(wrong)

    @pytest.mark.parametrize("executor", ["sequential", "joblib"])
    def test_a_million_lines(self, executor):
        rows = np.random.default_rng(0).normal(size=(10**6, 8))
        lines = TimeOfFlight().fit(LineData(rows), executor, verbose=False)
        assert np.isfinite(lines[0].attrs["tof"].points).all()
        with pytest.raises(ValueError, match="at most 100000 lines, found 1000000"):
            CutpointsToF(1.0).fit(lines, executor, verbose=False)

    def test_lines_divided_afterwards(self):
        lines = TimeOfFlight().fit_sample(simulated(np.random.default_rng(1), 60)[0])
        divided = LineData(lines.lines, 20, tof=lines.attrs["tof"])
        found = CutpointsToF(1.0).fit(divided, verbose=False)
        expected = CutpointsToF(1.0).fit(TimeOfFlight().fit(divided, verbose=False), verbose=False)
        np.testing.assert_array_equal(found.points, expected.points)


def density(x, points, sigma):
    return np.exp(-((points - x) ** 2).sum(axis=1) / (2 * sigma**2)).sum()


class TestGaussianDensity:
    def test_golden(self, device, tof):
        points = PointData(
            device.asarray(tof["points"]), spatial_resolution=float(tof["spatial_resolution"])
        )
        for filter_ in (GaussianDensity(), GaussianDensity(float(tof["gaussian_sigma"]))):
            found = filter_.fit_sample(points)
            weights = device.to_host(found["weight"])
            np.testing.assert_allclose(weights, tof["gaussian_weights"], rtol=0, atol=1e-4)
            assert found.attrs == points.attrs

    @settings(max_examples=30)
    @given(
        seed=st.integers(0, 10**6),
        count=st.integers(1, 60),
        spread=st.sampled_from([0.0, 0.5, 3.0, 40.0, 1e4]),
    )
    def test_a_maximum_not_below_the_median(self, device, seed, count, spread):
        rng = np.random.default_rng(seed)
        table = rng.normal(1e3, spread, (count, 4))
        found = GaussianDensity(2.0).fit_sample(PointData(device.asarray(table)))
        weights = device.to_host(found["weight"])
        positions = table[:, 1:]
        assert ((weights >= 0) & (weights <= 1)).all()
        # At a maximum the place is the mean of the points, weighted.
        place = weights @ positions / weights.sum()
        again = np.exp(-((positions - place) ** 2).sum(axis=1) / 8)
        np.testing.assert_allclose(again, weights, rtol=0, atol=1e-6)
        median = np.median(positions, axis=0)
        assert weights.sum() >= density(median, positions, 2.0) * (1 - 1e-9)

    def test_samples_do_not_influence_each_other(self, device):
        rng = np.random.default_rng(3)
        table = rng.normal(0, 3, (100, 5))
        table[[3, 60], [1, 3]] = np.nan, np.inf
        points = PointData(
            device.asarray(table), [30, 0, 1, 69], columns=["t", "x", "y", "z", "energy"]
        )
        found = GaussianDensity(1.0).fit(points, verbose=False)
        assert list(found.columns) == ["t", "x", "y", "z", "energy", "weight"]
        weights = device.to_host(found["weight"])
        assert weights[[3, 60]].tolist() == [0, 0]
        for sample, result in zip(points, found, strict=True):
            alone = GaussianDensity(1.0).fit_sample(sample)
            np.testing.assert_array_equal(
                device.to_host(alone["weight"]), device.to_host(result["weight"])
            )

    def test_lists_stay_lists(self):
        rng = np.random.default_rng(4)
        clusters = [PointData(rng.normal(0, 1, (n, 4))) for n in (5, 9)]
        found = GaussianDensity(1.0).fit_sample(clusters)
        assert [len(cluster.points) for cluster in found] == [5, 9]
        np.testing.assert_array_equal(
            found[1].points, GaussianDensity(1.0).fit_sample(clusters[1]).points
        )

    def test_refused(self):
        for value in (0.0, -1.0, float("nan"), float("inf")):
            with pytest.raises(ValueError, match="sigma must be above zero"):
                GaussianDensity(value)
        with pytest.raises(AttributeError, match="spatial_resolution"):
            GaussianDensity().fit_sample(np.ones((3, 4)))

    def test_a_million_identical_points(self):
        found = GaussianDensity(1.0).fit_sample(np.ones((10**6, 4)))
        assert (found["weight"] == 1.0).all()


def test_two_positions_of_a_tracer():
    """Lines of two samples with 60 ps resolution, one line in five from anywhere."""
    rng = np.random.default_rng(5)
    parts = []
    for source in ((10.0, -20.0, 30.0), (60.0, 0.0, -10.0)):
        good, _ = simulated(rng, 240, source, 6e-8)
        bad, _ = simulated(rng, 60, (0, 0, 0), 1e-6)
        bad[:, 1:7] += rng.normal(0, 100, (60, 6))
        parts.append(np.concatenate([good, bad]))
    lines = LineData(np.concatenate(parts), 300)
    pipeline = gpupept.Pipeline(
        [TimeOfFlight(6e-8), CutpointsToF(cutpoints_only=True), GaussianDensity(), Centroids()]
    )
    found = pipeline.fit(lines, verbose=False)
    np.testing.assert_allclose(found.points[:, 1:4], [[10, -20, 30], [60, 0, -10]], atol=0.5)
