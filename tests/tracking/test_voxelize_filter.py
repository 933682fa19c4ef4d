"""Voxel grids of samples of lines."""

from __future__ import annotations

import numpy as np
import pytest

import gpupept
from gpupept import LineData, Pipeline, PointData, Voxels
from gpupept.base import VoxelizedLines, VoxelsFilter
from gpupept.tracking import Cutpoints, Voxelize


def some_lines(rows=60, seed=0, **options):
    rng = np.random.default_rng(seed)
    table = np.column_stack([np.arange(float(rows)), rng.uniform(0, 100, (rows, 6))])
    return LineData(table, **options)


class Totals(VoxelsFilter):
    """A filter of a user."""

    def fit_sample(self, voxels):
        return float(voxels.sum())


class TestSamples:
    def test_golden(self, golden):
        g = golden("core_voxels")
        found = Voxelize((3, 4, 5)).fit_sample(g["doc_lines"])
        np.testing.assert_array_equal(found.array, g["doc_voxels"])
        for axis in "xyz":
            np.testing.assert_array_equal(getattr(found, f"{axis}lim"), g[f"doc_{axis}lim"])

    @pytest.mark.parametrize("ylim", [None, [20.0, 60.0]])
    def test_same_as_from_lines(self, device, ylim):
        lines = some_lines(sample_size=20, overlap=5).to(device.name)
        found = Voxelize((7, 8, 9), ylim=ylim).fit(lines, verbose=False)
        assert isinstance(found, VoxelizedLines)
        assert len(found) == len(lines) == 3
        for voxels, sample in zip(found, lines, strict=True):
            expected = Voxels.from_lines(sample, (7, 8, 9), ylim=ylim, verbose=False)
            assert isinstance(voxels, Voxels)
            assert voxels.device == sample.device
            assert voxels.dtype == np.float64
            np.testing.assert_array_equal(voxels.get(), expected.get())
            for axis in "xyz":
                limits = getattr(voxels, f"{axis}lim"), getattr(expected, f"{axis}lim")
                np.testing.assert_array_equal(*limits)
            assert voxels.attrs["_lines"].lines.tolist() == sample.lines.tolist()

    def test_one_sample(self):
        lines = some_lines()
        for sample in (lines, lines.lines, lines.lines.tolist()):
            found = Voxelize((4, 4, 4)).fit_sample(sample)
            assert isinstance(found, Voxels)
            assert isinstance(found.attrs["_lines"], LineData)
            np.testing.assert_array_equal(found.attrs["_lines"].lines, lines.lines)

    def test_time_that_is_not_a_number_is_no_obstacle(self, device):
        rows = some_lines(10).lines.copy()
        rows[3, 0] = np.nan
        rows[4, 1], rows[5, 5] = np.inf, np.nan
        found = Voxelize((4, 4, 4)).fit_sample(LineData(device.asarray(rows)))
        expected = Voxels.from_lines(rows, (4, 4, 4), verbose=False)
        np.testing.assert_array_equal(found.get(), expected.get())
        np.testing.assert_array_equal(found.xlim, expected.xlim)

    def test_filter_of_a_user_comes_next(self):
        lines = some_lines(sample_size=20)
        voxelize = Voxelize((5, 5, 5))
        expected = [float(voxelize.fit_sample(sample).sum()) for sample in lines]
        for executor in ("sequential", "joblib"):
            found = Pipeline([voxelize, Totals()]).fit(lines, executor, 2, verbose=False)
            assert found == expected
        assert Totals().fit(voxelize.fit(lines, verbose=False), verbose=False) == expected

    def test_filter_of_lines_after_it(self):
        pipeline = Pipeline([Voxelize((5, 5, 5)), Cutpoints(0.5)])
        with pytest.raises(TypeError, match="Cutpoints takes samples of LineData, found Voxel"):
            pipeline.fit(some_lines(sample_size=20), verbose=False)

    def test_no_lines(self, device):
        limits = [0.0, 1.0]
        lines = LineData(device.asarray(np.empty((0, 7))))
        found = Voxelize((3, 3, 3), limits, limits, limits).fit_sample(lines)
        assert found.shape == (3, 3, 3)
        assert found.sum() == 0
        with pytest.raises(ValueError, match="ylim must be given, since there are no lines"):
            Voxelize((3, 3, 3), limits, None, limits).fit_sample(lines)

    def test_lines_in_a_plane(self):
        rows = some_lines(9).lines.copy()
        rows[3:6, [3, 6]] = 2.5
        with pytest.raises(ValueError, match=r"zlim must .* only lines with z = 2.5 in sample 1"):
            Voxelize((3, 3, 3)).fit(LineData(rows, sample_size=3), verbose=False)
        found = Voxelize((3, 3, 3), zlim=[0, 9]).fit(LineData(rows, sample_size=3), verbose=False)
        assert found[1].sum() > 0


class TestArguments:
    @pytest.mark.parametrize("number", [(3, 4), (3, 4, 5, 6), (3, 1, 3), 5, ("a", 2, 2)])
    def test_numbers_of_voxels(self, number):
        with pytest.raises(ValueError, match="number_of_voxels must be 3 numbers"):
            Voxelize(number)

    @pytest.mark.parametrize("limit", [[0], [0, 1, 2], [1, 0], [0, np.nan], "ab"])
    def test_limits(self, limit):
        for name in ("xlim", "ylim", "zlim"):
            with pytest.raises(ValueError, match=f"{name} must be"):
                Voxelize((3, 3, 3), **{name: limit})

    def test_properties(self):
        voxelize = Voxelize([3, 4.9, 5], zlim=[0, 1])
        assert voxelize.number_of_voxels == (3, 4, 5)
        assert voxelize.xlim is None
        assert voxelize.ylim is None
        assert voxelize.zlim.tolist() == [0, 1]
        for name in ("number_of_voxels", "xlim", "ylim", "zlim"):
            with pytest.raises(AttributeError):
                setattr(voxelize, name, None)

    def test_other_samples(self):
        with pytest.raises(TypeError, match="LineData"):
            Voxelize((3, 3, 3)).fit([np.zeros((3, 7))], verbose=False)
        with pytest.raises(TypeError, match="LineData"):
            Voxelize((3, 3, 3)).fit(PointData(np.zeros((3, 4))), verbose=False)

    def test_list_of_containers_is_one_sample_each(self):
        parts = [some_lines(10, 1, sample_size=5), some_lines(20, 2)]
        found = Voxelize((4, 4, 4)).fit(parts, verbose=False)
        assert [float(v.sum()) for v in found] == [
            float(Voxels.from_lines(part, (4, 4, 4), verbose=False).sum()) for part in parts
        ]


class TestSetLims:
    def test_box_of_all_lines(self, device):
        lines = some_lines(sample_size=20)
        ends = np.concatenate([lines.lines[:, 1:4], lines.lines[:, 4:7]])
        box = np.stack([ends.min(axis=0), ends.max(axis=0)], axis=1)
        voxelize = Voxelize((4, 4, 4), ylim=[10, 20], set_lims=lines.to(device.name))
        np.testing.assert_array_equal(voxelize.xlim, box[0])
        np.testing.assert_array_equal(voxelize.ylim, [10, 20])
        np.testing.assert_array_equal(voxelize.zlim, box[2])
        voxelize.set_lims(lines.lines)
        np.testing.assert_array_equal(voxelize.ylim, box[1])
        assert {v.xlim[0] for v in voxelize.fit(lines, verbose=False)} == {box[0, 0]}

    def test_some_axes(self):
        voxelize = Voxelize((4, 4, 4), xlim=[0, 1])
        flat = some_lines().lines.copy()
        flat[:, [1, 4]] = 3.0  # no limits along x, which are not asked for
        voxelize.set_lims(flat, set_xlim=False, set_zlim=False)
        assert voxelize.xlim.tolist() == [0, 1]
        assert voxelize.ylim is not None
        assert voxelize.zlim is None

    def test_what_gives_no_limits(self):
        voxelize = Voxelize((4, 4, 4), ylim=[0, 1])
        with pytest.raises(ValueError, match=r"xlim .* no lines in the lines given"):
            voxelize.set_lims(np.full((2, 7), np.nan))
        assert voxelize.ylim.tolist() == [0, 1]
        with pytest.raises(ValueError, match="columns"):
            Voxelize((4, 4, 4), set_lims=np.zeros((2, 5)))


class TestSequence:
    def test_indices_and_slices(self, device):
        lines = some_lines(sample_size=10).to(device.name)
        found = Voxelize((3, 4, 5)).fit(lines, verbose=False)
        totals = [float(v.sum()) for v in found]
        assert [float(found[i].sum()) for i in (0, -1, np.int64(2))] == [
            totals[0],
            totals[-1],
            totals[2],
        ]
        for index in (slice(1, 4), slice(None, None, 2), slice(4, 1), slice(-2, None), slice(9, 3)):
            part = found[index]
            assert isinstance(part, VoxelizedLines)
            assert [float(v.sum()) for v in part] == totals[index]
        for index in (6, -7):
            with pytest.raises(IndexError, match=f"sample {index} is out of range for 6"):
                found[index]
        assert "VoxelizedLines of 6 samples (3 x 4 x 5, " in repr(found)

    def test_chunks_are_joined(self, monkeypatch):
        lines = some_lines(sample_size=10, overlap=5)
        whole = Voxelize((3, 4, 5)).fit(lines, verbose=False)
        parts = Voxelize((3, 4, 5)).fit(lines, verbose=False, memory=150)
        assert len(parts) == len(whole) == 11
        for one, other in zip(whole, parts, strict=True):
            np.testing.assert_array_equal(one, other)
            np.testing.assert_array_equal(one.xlim, other.xlim)

    def test_moving(self, device):
        lines = some_lines(sample_size=10)
        found = Voxelize((3, 4, 5)).fit(lines, verbose=False, device=device.name)
        assert found.device.startswith(device.name)
        assert found.to("cpu").device == "cpu"
        np.testing.assert_array_equal(found[0].get(), found.to("cpu")[0].get())

    def test_saving(self, tmp_path):
        found = Voxelize((3, 4, 5)).fit(some_lines(sample_size=10), verbose=False)
        found.save(tmp_path / "voxels.npz")
        again = gpupept.load(tmp_path / "voxels.npz")
        assert isinstance(again, VoxelizedLines)
        np.testing.assert_array_equal(again[3], found[3])
        np.testing.assert_array_equal(again[1:][2], found[3])
