"""Locating tracers as peaks of voxels."""

from __future__ import annotations

import json
import warnings

import numpy as np
import pytest

from gpupept import LineData, Pipeline, PointData, Voxels
from gpupept.base import VoxelList
from gpupept.scanners import parallel_screens
from gpupept.simulation import fit_rotation, rotating_tracers
from gpupept.tracking import (
    FPI,
    HDBSCAN,
    Centroids,
    Cutpoints,
    Segregate,
    SplitLabels,
    Stack,
    Voxelize,
)

COLUMNS = ["t", "x", "y", "z", "error_x", "error_y", "error_z", "error"]
LIMITS = ([0.0, 90.0],) * 3


def grid_of(values, **attrs):
    shape = np.shape(values)
    limits = [[10.0 * d, 10.0 * d + 2.0 * n] for d, n in enumerate(shape)]
    return Voxels(values, *limits, dtype=np.asarray(values).dtype, **attrs)


def lines_through(places, number, seed=0, **options):
    """Lines through the places, in turn."""
    rng = np.random.default_rng(seed)
    middle = np.asarray(places, dtype=float)[np.arange(number) % len(places)]
    away = rng.normal(size=(number, 3))
    away *= 60.0 / np.linalg.norm(away, axis=1)[:, None]
    return LineData(
        np.column_stack([np.arange(float(number)), middle - away, middle + away]), **options
    )


def fit(pipeline, lines, **options):
    return pipeline.fit(lines, verbose=False, **options)


class TestGolden:
    def test_all_cases(self, device, golden):
        """Half a voxel, which pept leaves out, is added to what it gives."""
        g = golden("tracking_fpi")
        for case in json.loads(str(g["index_json"])):
            name = case["name"]
            limits = [g[f"{name}/{axis}lim"] for axis in "xyz"]
            voxels = Voxels(device.asarray(g[f"{name}/voxels"].astype(float)), *limits)
            rule = {key: case[key] for key in ("w", "r", "lld_counts")}
            with pytest.warns(RuntimeWarning, match="1 of 1 voxel grids have no attribute _lines"):
                found = FPI(**rule).fit_sample(voxels)
            points, size = g[f"{name}/points"], voxels.voxel_size
            rows = device.to_host(found.points)
            assert rows.shape == (case["n"], 8)
            assert np.isnan(rows[:, 0]).all()
            if not len(rows):
                continue
            apart = rows[:, 1:4] - (points[:, 1:4] + size / 2)
            assert (np.abs(apart) < 1e-3 * size).all(), name
            assert (np.abs(rows[:, 4:7] - np.abs(points[:, 4:7])) < 1e-3 * size).all(), name
            errors = np.sqrt((rows[:, 4:7] ** 2).sum(axis=1))
            np.testing.assert_allclose(rows[:, 7], errors, rtol=1e-14)


class TestFiles:
    def test_rotating_tracers(self, shared):
        lines = parallel_screens(
            shared / "data/sample_2p_42rpm.csv",
            712,
            sample_size=400,
            overlap=300,
            skiprows=16,
            verbose=False,
        )
        second_pass = [
            Stack(sample_size=60, overlap=59),
            HDBSCAN(0.6, max_tracers=2),
            SplitLabels() + Centroids(),
            Stack(),
            Segregate(window=40, cut_distance=10),
        ]
        found = fit(Voxelize((50, 50, 50)) + FPI(3, 0.4) + Pipeline(second_pass), lines)
        assert set(found["label"]) == {0, 1}
        circles = [fit_rotation(found.points[found["label"] == label]) for label in (0, 1)]
        circles.sort(key=lambda circle: circle.radius)
        for circle, radius in zip(circles, (85.1, 86.1), strict=True):
            assert circle.radius == pytest.approx(radius, abs=0.5)
            assert circle.rpm == pytest.approx(42.3, abs=0.2)


class TestLocations:
    def test_places_and_times(self, device):
        places = [[30.0, 40.0, 45.0], [60.0, 50.0, 50.0]]
        lines = lines_through(places, 2000, sample_size=500, overlap=250).to(device.name)
        found = fit(Voxelize((18, 18, 18), *LIMITS) + FPI(w=2), lines)
        assert isinstance(found, PointData)
        assert list(found.columns) == COLUMNS
        assert found.device.startswith(device.name)
        assert len(found) == len(lines) == 7
        for sample, inside in zip(found, lines, strict=True):
            rows = device.to_host(sample.points)
            assert len(rows) == 2
            np.testing.assert_allclose(rows[:, 1:4], places, atol=1.5)
            mean = device.to_host(inside.lines)[:, 0].mean()
            np.testing.assert_allclose(rows[:, 0], mean, rtol=1e-14)
            assert (rows[:, 4:] > 0.0).all()

    def test_fused_and_step_by_step(self, device):
        lines = lines_through([[30, 40, 45], [60, 50, 50]], 900, sample_size=300).to(device.name)
        voxelize, fpi = Voxelize((12, 13, 14)), FPI(w=1.5, r=0.5)
        fused = fit(Pipeline([voxelize, fpi]), lines)
        lazy = voxelize.fit(lines, verbose=False)
        real = [voxelize.fit_sample(sample) for sample in lines]
        expected = device.to_host(fused.points)
        assert len(expected) > 3
        for samples in (lazy, real, tuple(real), VoxelList(real), lazy[:], iter(real)):
            if not hasattr(samples, "__len__"):
                with pytest.raises(TypeError, match="with a length"):
                    fpi.fit(samples, verbose=False)
                continue
            found = fpi.fit(samples, verbose=False)
            np.testing.assert_allclose(device.to_host(found.points), expected, rtol=1e-6, atol=1e-3)
            assert found.samples_indices.tolist() == fused.samples_indices.tolist()
        single = fpi.fit_sample(real[1])
        np.testing.assert_allclose(
            device.to_host(single.points), device.to_host(fused[1].points), rtol=1e-6, atol=1e-3
        )

    def test_device_asked_for(self, device):
        lines = lines_through([[30, 40, 45], [60, 50, 50]], 900, sample_size=300)
        voxelize = Voxelize((12, 13, 14))
        expected = fit(voxelize + FPI(w=2), lines).points
        on_host = [voxelize.fit_sample(sample) for sample in lines]
        for samples in (voxelize.fit(lines, verbose=False), on_host, VoxelList(on_host)):
            found = FPI(w=2).fit(samples, verbose=False, device=device.name)
            assert found.device.startswith(device.name)
            np.testing.assert_allclose(device.to_host(found.points), expected, rtol=1e-6, atol=1e-3)

    @pytest.mark.parametrize("dtype", [np.uint8, np.int64, np.float32, np.uint32, np.float64, bool])
    def test_dtypes(self, device, dtype):
        values = np.zeros((9, 10, 11), dtype=dtype)
        values[4, 5, 6] = 1
        values[4, 5, 5] = 1 if dtype is bool else 0
        grid = grid_of(values, _lines=np.array([[4.0], [6.0], [np.nan]]))
        (row,) = FPI().fit_sample(grid.to(device.name)).points
        row = device.to_host(row)
        centre = grid.to_physical([4, 5, 5 if dtype is bool else 6])
        np.testing.assert_allclose(row[1:3], centre[:2], atol=1e-6)
        assert abs(row[3] - centre[2]) < 2.0
        assert row[0] == 5.0

    def test_grids_of_several_shapes_and_dtypes(self, device):
        rng = np.random.default_rng(3)
        times = np.array([[1.0, 0, 0]])
        values = [
            rng.poisson(9, (9, 10, 40)).astype(np.uint32),
            rng.random((12, 5, 7)),
            np.zeros((2, 2, 2)),
        ]
        grids = [grid_of(v, _lines=times * i).to(device.name) for i, v in enumerate(values)]
        fpi = FPI(w=1, r=0.8)
        found = fpi.fit(grids, verbose=False)
        assert len(found) == 3
        for sample, grid, time in zip(found, grids, (0.0, 1.0, 2.0), strict=True):
            alone = fpi.fit_sample(grid)
            np.testing.assert_allclose(
                device.to_host(sample.points), device.to_host(alone.points), rtol=1e-6, atol=1e-3
            )
            assert (device.to_host(alone.points)[:, 0] == time).all()
        assert [len(sample.points) > 0 for sample in found] == [True, True, False]

    def test_memory_changes_nothing(self, device):
        lines = lines_through([[30, 40, 45], [60, 50, 50]], 1200, sample_size=100).to(device.name)
        pipeline = Voxelize((12, 12, 12)) + FPI(w=2) + Stack()
        whole = fit(pipeline, lines)
        real = [*Voxelize((12, 12, 12)).fit(lines, verbose=False)]
        assert len(whole.points) > 12
        for budget in (1, 20_000, 100_000):
            for found in (
                fit(pipeline, lines, memory=budget),
                fit(Pipeline([FPI(w=2), Stack()]), real, memory=budget),
            ):
                np.testing.assert_allclose(
                    device.to_host(found.points),
                    device.to_host(whole.points),
                    rtol=1e-6,
                    atol=1e-3,
                )

    def test_without_lines_time_is_not_known(self):
        values = np.zeros((7, 7, 7))
        values[3, 3, 3] = 5.0
        with pytest.warns(RuntimeWarning, match="1 of 2 voxel grids have no attribute _lines"):
            found = FPI().fit([grid_of(values, _lines=[[3.0]]), grid_of(values)], verbose=False)
        assert found["t"][0] == 3.0
        assert np.isnan(found["t"][1])


class TestRobustness:
    """Samples of every kind, with both executors (which a batch does not need)."""

    @pytest.fixture(params=["sequential", "joblib"])
    def executor(self, request):
        return request.param

    def run(self, rows, executor, device=None, **options):
        lines = LineData(np.asarray(rows, dtype=float).reshape(-1, 7), **options)
        pipeline = Voxelize((15, 15, 15), *LIMITS) + FPI() + Stack()
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            found = fit(pipeline, lines, executor=executor, max_workers=2, device=device)
        assert list(found.columns) == COLUMNS
        return found

    def test_empty(self, executor, device):
        found = self.run(np.empty((0, 7)), executor, device.name)
        assert found.points.shape == (0, 8)

    def test_some_samples_empty(self, executor, device):
        rows = lines_through([[45, 45, 45]], 100).lines
        lines = LineData(device.asarray(rows), sample_size=[0, 50, 0, 0, 50, 0])
        found = fit(Voxelize((15, 15, 15), *LIMITS) + FPI(), lines, executor=executor)
        assert [len(sample.points) > 0 for sample in found] == [
            False,
            True,
            False,
            False,
            True,
            False,
        ]

    def test_no_samples(self, executor, device):
        lines = LineData(device.asarray(np.zeros((2, 7))))[0:0]
        assert len(fit(Voxelize((5, 5, 5)) + FPI(), lines, executor=executor)) == 0

    def test_one_row(self, executor, device):
        found = self.run([[7, 0, 45, 45, 90, 45, 45]], executor, device.name)
        assert len(found.points) > 0
        assert (device.to_host(found.points)[:, 0] == 7.0).all()

    def test_not_finite(self, executor, device, caplog):
        rows = lines_through([[45, 45, 45]], 200).lines.copy()
        clean = self.run(rows, executor, device.name)
        nothing = np.full((30, 7), np.nan)
        nothing[:10, 3] = np.inf
        found = self.run(np.concatenate([nothing, rows]), executor, device.name)
        np.testing.assert_array_equal(device.to_host(found.points), device.to_host(clean.points))
        assert "30 of 230 lines were left out of the voxels" in caplog.text
        assert len(self.run(nothing, executor, device.name).points) == 0

    def test_all_identical(self, executor, device):
        rows = np.tile([5.0, 0, 44, 46, 90, 44, 46], (300, 1))
        found = device.to_host(self.run(rows, executor, device.name).points)
        assert len(found) > 0
        assert np.isfinite(found[:, :4]).all()
        assert (found[:, 0] == 5.0).all()
        np.testing.assert_allclose(found[:, 2:4], 45.0, atol=1e-6)
        points = np.tile([5.0, 44, 44, 44, 44, 44, 44], (300, 1))  # lines of no length
        found = device.to_host(self.run(points, executor, device.name).points)
        np.testing.assert_allclose(found[:, 1:4], [[45.0, 45.0, 45.0]], atol=1e-6)
        with pytest.raises(ValueError, match="xlim must be given, since there are only lines"):
            fit(Voxelize((9, 9, 9)) + FPI(), LineData(points), executor=executor)

    def test_million_rows(self, executor):
        lines = lines_through([[45, 45, 45]], 1_000_000)
        found = self.run(lines.lines, executor)
        np.testing.assert_allclose(found.points[:, :4], [[499999.5, 45, 45, 45]], atol=0.5)

    def test_threads_change_nothing(self, executor):
        lines = rotating_tracers(4000, sample_size=100, overlap=50).lines
        pipeline = Voxelize((20, 20, 20)) + FPI(r=0.6)
        found = [fit(pipeline, lines, executor=executor, max_workers=n) for n in (1, 2, 5)]
        assert len(found[0].points) > 100
        assert {sample.points.tobytes() for sample in found} == {found[0].points.tobytes()}


class TestArguments:
    @pytest.mark.parametrize("w", [0.9, 0, -3, np.nan, np.inf])
    def test_w(self, w):
        with pytest.raises(ValueError, match="w must be a number of voxels, at least 1"):
            FPI(w=w)
        fpi = FPI()
        with pytest.raises(ValueError, match="w must"):
            fpi.w = w

    @pytest.mark.parametrize("name", ["r", "lld_counts"])
    def test_numbers(self, name):
        with pytest.raises(ValueError, match=f"{name} must be a number"):
            FPI(**{name: np.nan})

    def test_attributes(self):
        fpi = FPI(2, 0.5, 3, verbose=True)
        assert (fpi.w, fpi.r, fpi.lld_counts, fpi.verbose) == (2.0, 0.5, 3.0, True)
        assert (FPI().w, FPI().r, FPI().lld_counts, FPI().verbose) == (3.0, 0.4, 0.0, False)

    def test_w_is_cut_off(self):
        values = np.zeros((9, 9, 9))
        values[3, 4, 4] = 5.0
        lines = [[1.0]]
        assert len(FPI(w=3.9).fit_sample(grid_of(values, _lines=lines)).points) == 1
        assert len(FPI(w=4).fit_sample(grid_of(values, _lines=lines)).points) == 0

    @pytest.mark.parametrize("sample", [np.zeros((9, 9, 9)), LineData(np.zeros((3, 7))), None, [1]])
    def test_other_samples(self, sample):
        with pytest.raises(TypeError, match="FPI takes samples of Voxels, found"):
            FPI().fit_sample(sample)

    def test_a_single_one(self):
        grid = grid_of(np.zeros((4, 4, 4)))
        for fitted in (FPI(1), Pipeline([FPI(1)])):
            with pytest.raises(TypeError, match="found a single one; give a list"):
                fitted.fit(grid, verbose=False)

    def test_other_sequences(self):
        voxels = grid_of(np.zeros((4, 4, 4)))
        for samples in (voxels, [np.zeros((4, 4, 4))], LineData(np.zeros((3, 7)))):
            with pytest.raises(TypeError, match="samples must be an iterable of Voxels"):
                FPI().fit(samples, verbose=False)
        with pytest.raises(TypeError, match="FPI takes samples of Voxels, found int"):
            FPI().fit([voxels, 3], verbose=False)
        with pytest.raises(TypeError, match="FPI takes samples of Voxels"):
            fit(Pipeline([Cutpoints(0.5), FPI()]), LineData(np.ones((3, 7))))
        with pytest.raises(TypeError, match=r"grids\[0\] must be Voxels, found int"):
            VoxelList([3])
        assert FPI().fit([], verbose=False) == []

    def test_list_of_voxels(self):
        grids = [grid_of(np.full((4, 5, 6), float(i))) for i in range(5)]
        voxels = VoxelList(grids)
        assert [v is g for v, g in zip(voxels, grids, strict=True)] == [True] * 5
        assert voxels[-1] is grids[4]
        assert [v[0, 0, 0] for v in voxels[1:4]] == [1, 2, 3]
        assert repr(voxels) == "VoxelList of 5 samples (4 x 5 x 6, cpu)"
        assert "several shapes" in repr(VoxelList([*grids, grid_of(np.zeros((2, 2, 2)))]))
