"""The Minpoints filter and the functions that wrap it; the kernel has its own tests."""

from __future__ import annotations

import numpy as np
import pytest
from oracle.cutpoints import default_cutoffs

import gpupept
from gpupept import LineData, PointData
from gpupept.simulation import fit_rotation
from gpupept.tracking import (
    HDBSCAN,
    Centroids,
    Cutpoints,
    Minpoints,
    Segregate,
    SplitLabels,
    Stack,
    peptml,
)
from gpupept.utilities import find_minpoints

BOX = [-100.0, 100.0] * 3


def random_lines(rng, count):
    """Lines through the neighbourhood of the origin, at rising times."""
    near, direction = rng.normal(0, 2, (count, 3)), rng.normal(0, 1, (count, 3))
    times = np.arange(count) + rng.uniform(0, 0.5, count)
    return np.column_stack([times, near - 50 * direction, near + 50 * direction])


class TestGolden:
    def test_default_cutoffs(self, device, golden):
        g = golden("tracking_cutpoints")
        cases = [key[: -len("/points")] for key in g.files if "/min" in key and "points" in key]
        assert len(cases) == 5
        for case in cases:
            name, rest = case.split("/min")
            count, distance, rows = [*rest.split("_"), "n1000"][:3]
            lines = g[f"{name}/lines"][: int(rows[1:])]
            filter_ = Minpoints(int(count), float(distance[1:]), append_indices=True)
            found = filter_.fit_sample(LineData(device.asarray(lines)))
            points, expected = device.to_host(found.points), g[f"{case}/points"]
            points = points[np.lexsort(points[:, :3:-1].T)]
            expected = expected[np.lexsort(expected[:, :3:-1].T)]
            np.testing.assert_array_equal(points[:, 4:], expected[:, 4:])
            np.testing.assert_allclose(points, expected, rtol=0, atol=1e-8)
            if f"{case}/cutoffs" in g:
                limits = device.to_host(found.attrs["_cutoffs"])
                np.testing.assert_array_equal(limits, g[f"{case}/cutoffs"])


class TestResult:
    def test_pairs_are_cutpoints(self, device):
        lines = LineData(device.asarray(random_lines(np.random.default_rng(1), 60)), 20)
        found = Minpoints(2, 1.5, append_indices=True).fit(lines, verbose=False)
        expected = Cutpoints(3.0, append_indices=True).fit(lines, verbose=False)
        assert len(found) == len(expected) == 3
        assert len(expected.points) > 100
        rows, cut = device.to_host(found.points), device.to_host(expected.points)
        np.testing.assert_array_equal(rows[:, 4:], cut[:, 4:])
        np.testing.assert_allclose(rows, cut, rtol=0, atol=1e-7)

    def test_columns_and_attributes(self):
        lines = LineData(random_lines(np.random.default_rng(0), 30), 10, name="not passed on")
        plain = Minpoints(3, 2.0).fit(lines, verbose=False)
        assert isinstance(plain, PointData)
        assert list(plain.columns) == ["t", "x", "y", "z"]
        assert plain[1].attrs.keys() == {"_num_lines", "_max_distance", "_cutoffs"}
        assert (plain[1].attrs["_num_lines"], plain[1].attrs["_max_distance"]) == (3, 2.0)
        np.testing.assert_array_equal(plain[1].attrs["_cutoffs"], default_cutoffs(lines[1].lines))
        indexed = Minpoints(3, 2.0, append_indices=True).fit(lines, verbose=False)
        assert list(indexed.columns)[4:] == ["line_index1", "line_index2", "line_index3"]
        np.testing.assert_array_equal(indexed[2].attrs["_lines"].lines, lines[2].lines)
        np.testing.assert_array_equal(indexed.points[:, :4], plain.points)
        assert (np.diff(plain[0]["t"]) >= 0).all()

    @pytest.mark.parametrize("rows", [0, 1, 2])
    @pytest.mark.parametrize("cutoffs", [None, BOX])
    def test_too_few_lines(self, device, rows, cutoffs):
        lines = device.asarray(np.arange(7.0 * rows).reshape(rows, 7))
        for indices, width in [(False, 4), (True, 7)]:
            found = Minpoints(3, 1.0, cutoffs, indices).fit_sample(lines)
            assert found.points.shape == (0, width)

    @pytest.mark.parametrize(
        "options", [{"memory": 20_000}, {"max_workers": 1}, {"max_workers": 3}], ids=str
    )
    def test_the_same_bytes_however_it_runs(self, options):
        lines = LineData(random_lines(np.random.default_rng(5), 200), 30, 10)
        whole = Minpoints(3, 1.0, append_indices=True).fit(lines, verbose=False)
        again = Minpoints(3, 1.0, append_indices=True).fit(lines, verbose=False, **options)
        assert len(whole.points) > 100
        assert again.points.tobytes() == whole.points.tobytes()
        assert [len(sample.points) for sample in again] == [len(sample.points) for sample in whole]

    def test_memory_is_planned_for_lines_that_all_meet(self):
        directions = np.random.default_rng(0).normal(size=(200, 3))
        rows = np.column_stack([np.arange(200.0), -directions, directions])
        lines = LineData(rows, sample_size=50)
        filter_ = Minpoints(3, 0.5)
        result = filter_.fit_batch(lines)
        assert len(result.points) == 4 * 50 * 49 * 48 // 6
        assert filter_.batch_bytes(lines).sum() > 2 * result.data.nbytes

    @pytest.mark.parametrize("executor", ["sequential", "joblib"])
    @pytest.mark.parametrize(
        "rows",
        [
            np.empty((0, 7)),
            np.ones((1, 7)),
            np.full((50, 7), np.nan),
            np.tile([1.0, 0, 0, 0, 1, 2, 3], (200, 1)),
        ],
        ids=["empty", "one", "nan", "identical"],
    )
    def test_samples_without_points(self, rows, executor):
        found = Minpoints(3, 1.0).fit(LineData(rows), executor, verbose=False)
        assert found.points.shape == (0, 4)

    @pytest.mark.parametrize("executor", ["sequential", "joblib"])
    def test_more_than_can_be_worked_out(self, executor):
        lines = LineData(np.random.default_rng(0).normal(size=(10**6, 7)))
        with pytest.raises(ValueError, match="at most 30000 lines, found 1000000"):
            Minpoints(3, 1.0).fit(lines, executor, verbose=False)
        few = LineData(lines.lines[:2000])
        with pytest.raises(ValueError, match="combinations of 8 lines near each other"):
            Minpoints(8, 1.0).fit(few, executor, verbose=False)


class TestArguments:
    @pytest.mark.parametrize("count", [1, 0, -3])
    def test_numbers_of_lines_refused(self, count):
        with pytest.raises(ValueError, match="num_lines must be at least 2"):
            Minpoints(count, 1.0)
        with pytest.raises(ValueError, match="num_lines must be at least 2"):
            find_minpoints(np.ones((5, 7)), count, 1.0, BOX)

    @pytest.mark.parametrize("count", [2.5, "3", None])
    def test_what_is_no_number_of_lines(self, count):
        with pytest.raises((TypeError, ValueError), match="num_lines"):
            Minpoints(count, 1.0)
        with pytest.raises((TypeError, ValueError), match="num_lines"):
            find_minpoints(np.ones((5, 7)), count, 1.0, BOX)

    @pytest.mark.parametrize("distance", [-1, float("nan")])
    def test_distances_refused(self, distance):
        with pytest.raises(ValueError, match="max_distance"):
            Minpoints(3, distance)
        with pytest.raises(ValueError, match="max_distance"):
            find_minpoints(np.ones((5, 7)), 3, distance, BOX)

    def test_cutoffs_refused(self):
        with pytest.raises(ValueError, match="cutoffs"):
            Minpoints(3, 1.0, [1, 2])
        with pytest.raises(ValueError, match="cutoffs"):
            find_minpoints(np.ones((5, 7)), 3, 1.0, [1, 2])

    def test_repr_names_the_settings(self):
        text = (
            "Minpoints(append_indices = False, cutoffs = None, max_distance = 0.5, num_lines = 3)"
        )
        assert " ".join(repr(Minpoints(3, 0.5)).split()) == text


class TestFunctions:
    def test_one_sample(self, device):
        lines = random_lines(np.random.default_rng(2), 25)
        for options in [{}, {"cutoffs": [-5, 5] * 3}, {"append_indices": True}]:
            found = peptml.find_minpoints(device.asarray(lines), 3, 1.0, **options)
            expected = Minpoints(3, 1.0, **options).fit_sample(LineData(lines))
            assert isinstance(found, PointData)
            np.testing.assert_array_equal(device.to_host(found.points), expected.points)

    def test_arrays_however_they_lie_in_memory(self, device):
        lines = random_lines(np.random.default_rng(3), 50)
        expected = Minpoints(3, 1.0, BOX, True).fit_sample(lines[::2].copy()).points
        assert len(expected) > 0
        for given in (lines[::2], np.asfortranarray(lines[::2]), lines[::2].tolist()):
            table = device.asarray(given)
            found = find_minpoints(table, 3, 1.0, BOX, append_indices=True)
            np.testing.assert_array_equal(device.to_host(found), expected)


def test_two_tracers_in_real_measurements(shared):
    raw = gpupept.read_csv(shared / "data" / "sample_2p_42rpm.csv", skiprows=16)
    lors = gpupept.scanners.parallel_screens(raw, 712, sample_size=200, overlap=100, verbose=False)
    pipeline = gpupept.Pipeline(
        [
            Minpoints(3, 0.6),
            HDBSCAN(0.15, max_tracers=2),
            SplitLabels() + Centroids(),
            Stack(sample_size=60, overlap=59),
            HDBSCAN(0.6, max_tracers=2),
            SplitLabels() + Centroids(),
            Stack(),
            Segregate(window=40, cut_distance=10),
        ]
    )
    found = pipeline.fit(lors, verbose=False)
    assert set(found["label"]) == {0, 1}
    circles = [fit_rotation(found.points[found["label"] == label]) for label in (0, 1)]
    circles.sort(key=lambda circle: circle.radius)
    for circle, radius in zip(circles, (85.1, 86.1), strict=True):
        assert circle.radius == pytest.approx(radius, abs=0.5)
        assert circle.rpm == pytest.approx(42.3, abs=0.2)
