"""Voxels: golden vectors, geometry, lines, files, text and traces, on every device."""

from __future__ import annotations

import io
import logging
import pickle
import textwrap
from copy import copy as shallow_copy
from copy import deepcopy

import numpy as np
import pytest
from oracle import traverse as oracle

import gpupept
from gpupept import LineData, Voxels
from gpupept.backend import MixedDevicesError

BOX = ([0.0, 2.0], [0.0, 6.0], [1.0, 9.0])


@pytest.fixture(scope="module")
def found(golden):
    return golden("core_voxels")


@pytest.fixture
def grid(found, device):
    limits = [found[f"{axis}lim"] for axis in "xyz"]
    return Voxels(device.asarray(found["vox"]), *limits)


def lines_of(count, seed=0, columns=7):
    rows = np.random.default_rng(seed).uniform(-1, 10, (count, columns))
    rows[:, 0] = np.arange(count)
    return rows


def expected_counts(voxels, lines, **options):
    return oracle.total(lines[:, 1:4], lines[:, 4:7], voxels.voxel_grids, **options)


class TestGolden:
    def test_geometry(self, found, grid):
        for axis, edges in zip("xyz", grid.voxel_grids, strict=True):
            np.testing.assert_array_equal(edges, found[f"g{axis}"])
            np.testing.assert_array_equal(getattr(grid, f"{axis}lim"), found[f"{axis}lim"])
        np.testing.assert_array_equal(grid.voxel_size, found["voxel_size"])
        np.testing.assert_array_equal(grid.lower, found["lower"])
        np.testing.assert_array_equal(grid.upper, found["upper"])
        assert grid.number_of_voxels == grid.shape == (4, 5, 6)
        assert grid.voxels is grid.array

    def test_places_and_cells(self, found, grid, device):
        for corner, ending in ((False, ""), (True, "_corner")):
            for places in (found["loc"], found["loc"].tolist(), device.asarray(found["loc"])):
                cells = device.to_host(grid.from_physical(places, corner))
                np.testing.assert_allclose(cells, found[f"from_phys{ending}"], rtol=0, atol=1e-12)
            places = grid.to_physical(found["ind"], corner)
            np.testing.assert_allclose(places, found[f"to_phys{ending}"], rtol=0, atol=1e-12)

    def test_scatter(self, found, grid):
        trace = grid.scatter_trace(lambda values: values > 0.5)
        for axis in "xyz":
            np.testing.assert_allclose(getattr(trace, axis), found[f"scatter_{axis}"])
        np.testing.assert_array_equal(trace.marker.color, found["scatter_color"])
        assert (trace.marker.symbol, trace.marker.size, trace.marker.opacity) == ("square", 4, 0.4)

    def test_cube(self, found, grid):
        trace = grid.cube_trace((1, 2, 3))
        for name in "xyzijk":
            np.testing.assert_allclose(getattr(trace, name), found[f"cube_{name}"])

    @pytest.mark.parametrize(
        ("name", "options"),
        [
            ("ix", {"ix": 1}),
            ("iy", {"iy": 2, "width": 1}),
            ("iz", {"iz": 3, "width": 2}),
        ],
    )
    def test_heatmap(self, found, grid, name, options):
        trace = grid.heatmap_trace(**options)
        for part in "xyz":
            np.testing.assert_allclose(getattr(trace, part), found[f"heat_{name}_{part}"])
        assert trace.transpose

    def test_text(self, found, device):
        grid = Voxels(device.asarray(np.zeros((2, 3, 4))), *BOX, foo=3)
        text = str(found["repr_voxels"]).replace("zlim = [0. 6.]", "zlim = [1. 9.]")  # see the spec
        assert repr(grid) == str(grid) == text

    def test_example_of_the_manual(self, found, device):
        lines = device.asarray(found["doc_lines"])
        grid = Voxels.from_lines(lines, [3, 4, 5], verbose=False)
        np.testing.assert_array_equal(grid.get(), found["doc_voxels"])
        for axis in "xyz":
            np.testing.assert_array_equal(getattr(grid, f"{axis}lim"), found[f"doc_{axis}lim"])


class TestMaking:
    def test_an_array_that_fits_is_shared(self):
        array = np.zeros((2, 3, 4))
        assert Voxels(array, *BOX).array is array
        for other in (array.astype(int), np.asfortranarray(array), array.tolist()):
            made = Voxels(other, *BOX).array
            assert made.dtype == np.float64
            assert made.flags.c_contiguous

    def test_dtype(self):
        array = np.zeros((2, 3, 4), np.uint32)
        assert Voxels(array, *BOX, dtype=np.uint32).array is array
        assert Voxels(array, *BOX).dtype == np.float64

    def test_from_voxels(self):
        grid = Voxels(np.ones((2, 3, 4)), *BOX)
        assert Voxels(grid, *BOX).array is grid.array

    @pytest.mark.parametrize(
        "array",
        [np.zeros((2, 3)), np.zeros((2, 3, 4, 1)), 3.0, np.zeros((0, 2, 2)), [[[1], [1, 2]]]],
    )
    def test_wrong_arrays(self, array):
        with pytest.raises(ValueError, match="voxels_array"):
            Voxels(array, *BOX)

    @pytest.mark.parametrize("array", [np.zeros((2, 2, 2), complex), np.full((2, 2, 2), "x")])
    def test_wrong_elements(self, array):
        with pytest.raises(TypeError, match="voxels_array"):
            Voxels(array, *BOX)

    @pytest.mark.parametrize("axis", "xyz")
    @pytest.mark.parametrize(
        "limit", [[1, 0], [1, 1], [0, 1, 2], 5, [0, np.inf], [np.nan, 1], "ab", ["a", "b"], None]
    )
    def test_wrong_limits(self, axis, limit):
        limits = {"xlim": [0, 1], "ylim": [0, 1], "zlim": [0, 1]} | {f"{axis}lim": limit}
        with pytest.raises(ValueError, match=f"{axis}lim"):
            Voxels(np.zeros((2, 2, 2)), **limits)

    def test_limits_cannot_be_changed(self):
        grid = Voxels(np.zeros((2, 2, 2)), *BOX)
        for name in ("xlim", "voxels", "voxel_size", "number_of_voxels", "lower"):
            with pytest.raises(AttributeError):
                setattr(grid, name, 1)
        with pytest.raises(ValueError, match="read-only"):
            grid.xlim[0] = 5

    def test_empty_and_zeros(self, device):
        for make in (Voxels.empty, Voxels.zeros):
            grid = make((2.9, 3, 4), *BOX, dtype=np.float32, device=device.name)
            assert (grid.shape, grid.dtype) == ((2, 3, 4), np.float32)
            assert grid.device == ("cpu" if device.name == "cpu" else "cuda:0")
            assert not grid.get().any()
        assert Voxels.zeros((1, 1, 1), *BOX, angle=3).attrs == {"angle": 3}

    @pytest.mark.parametrize(
        "number",
        [
            (2, 3),
            (2, 3, 4, 5),
            (1, 3, 4),
            (-2, 3, 4),
            5,
            "abc",
            (2, 3, np.nan),
            (2, 2, 10**9),
            None,
        ],
    )
    def test_wrong_numbers(self, number):
        with pytest.raises(ValueError, match="number_of_voxels"):
            Voxels.empty(number, *BOX)
        with pytest.raises(ValueError, match="number_of_voxels"):
            Voxels.from_lines(lines_of(3), number)

    def test_more_than_there_is_memory_for(self):
        with pytest.raises(
            MemoryError, match=r"100000 x 50000 x 50000 float64 cells takes 2000000"
        ):
            Voxels.empty((100_000, 50_000, 50_000), *BOX)
        with pytest.raises(ValueError, match="2\\^32"):
            Voxels.empty((2, 2**20, 2**20), *BOX)

    def test_get_cutoff(self, device):
        cutoff = Voxels.get_cutoff(device.asarray(np.array([3.0, 1.0])), device.asarray([2, 9]))
        np.testing.assert_array_equal(cutoff, [1, 9])
        with pytest.raises(ValueError, match="p1 and p2"):
            Voxels.get_cutoff([], [])


class TestLines:
    def test_from_lines(self, device):
        lines = lines_of(30)
        grid = Voxels.from_lines(device.asarray(lines), (5, 6, 7), verbose=False)
        ends = lines[:, 1:].reshape(-1, 3)
        for low, high, limit in zip(
            ends.min(0), ends.max(0), (grid.xlim, grid.ylim, grid.zlim), strict=True
        ):
            np.testing.assert_array_equal(limit, [low, high])
        np.testing.assert_array_equal(grid.get(), expected_counts(grid, lines))
        assert grid.device == ("cpu" if device.name == "cpu" else "cuda:0")

    @pytest.mark.parametrize("dtype", [np.uint32, np.float32, np.float64])
    def test_add_lines(self, device, dtype):
        lines = lines_of(40, columns=9)
        grid = Voxels.zeros((4, 3, 5), *BOX, dtype=dtype, device=device.name)
        assert grid.add_lines(device.asarray(lines[:25])) is None
        grid.add_lines(LineData(device.asarray(lines[25:])))
        assert grid.dtype == dtype
        np.testing.assert_array_equal(grid.get(), expected_counts(grid, lines))

    def test_weights_and_lengths(self, device):
        lines = lines_of(40)
        weights = np.arange(40.0)
        grid = Voxels.zeros((4, 3, 5), *BOX, device=device.name)
        grid.add_lines(device.asarray(lines), weights=device.asarray(weights))
        np.testing.assert_allclose(grid.get(), expected_counts(grid, lines, weights=weights))
        grid = Voxels.from_lines(
            device.asarray(lines), (4, 3, 5), *BOX, verbose=False, lengths=True, dtype=np.float32
        )
        right = sum(
            sum(oracle.exact_lengths(line[1:4], line[4:7], grid.voxel_grids).values())
            for line in lines
        )
        assert float(grid.get().sum(dtype=float)) == pytest.approx(right, rel=1e-6)

    def test_lists_and_no_lines(self):
        grid = Voxels.zeros((4, 3, 5), *BOX)
        grid.add_lines(lines_of(3).tolist())
        np.testing.assert_array_equal(grid.array, expected_counts(grid, lines_of(3)))
        grid.add_lines(np.empty((0, 7)))
        assert Voxels.from_lines(np.empty((0, 7)), (2, 2, 2), *BOX).sum() == 0

    def test_an_array_that_is_not_contiguous(self):
        grid = Voxels.zeros((4, 3, 5), *BOX)._with_array(np.zeros((4, 3, 5), order="F"))
        grid.add_lines(lines_of(9))
        np.testing.assert_array_equal(grid.array, expected_counts(grid, lines_of(9)))

    def test_lines_that_are_not_finite_are_reported(self, caplog):
        lines = lines_of(5)
        lines[2, 3] = np.nan
        with caplog.at_level(logging.WARNING):
            grid = Voxels.from_lines(lines, (3, 3, 3), verbose=False)
        assert "1 of 5 lines were left out of the voxels" in caplog.text
        np.testing.assert_array_equal(grid.array, expected_counts(grid, np.delete(lines, 2, 0)))

    def test_verbose_logs_the_time(self, caplog):
        with caplog.at_level(logging.INFO):
            grid = Voxels.from_lines(lines_of(5), (3, 3, 3))
            grid.add_lines(lines_of(5), verbose=True)
        assert "Initialised Voxels class in" in caplog.text
        assert "Added lines to Voxels in" in caplog.text

    def test_limits_that_cannot_be_found(self):
        with pytest.raises(ValueError, match="ylim must be given"):
            Voxels.from_lines(np.empty((0, 7)), (2, 2, 2), xlim=[0, 1], zlim=[0, 1])
        flat = lines_of(5)
        flat[:, [3, 6]] = 4.0
        with pytest.raises(ValueError, match="zlim must be given, since all lines have z = 4"):
            Voxels.from_lines(flat, (2, 2, 2))

    def test_wrong_lines_weights_and_dtypes(self):
        grid = Voxels.zeros((4, 3, 5), *BOX)
        for lines in (lines_of(3)[:, :6], lines_of(3)[0]):
            with pytest.raises(ValueError, match="lines"):
                grid.add_lines(lines)
        with pytest.raises(ValueError, match="weights must be one number for each of 3 lines"):
            grid.add_lines(lines_of(3), weights=[1, 2])
        counts = Voxels.zeros((4, 3, 5), *BOX, dtype=np.uint32)
        for options in ({"weights": [1, 2, 3]}, {"lengths": True}):
            with pytest.raises(TypeError, match="uint32"):
                counts.add_lines(lines_of(3), **options)
        with pytest.raises(TypeError, match="astype"):
            (grid > 0).add_lines(lines_of(3))
        assert grid.sum() == 0

    def test_other_devices(self, gpu_device):
        grid = Voxels.zeros((4, 3, 5), *BOX)
        with pytest.raises(MixedDevicesError, match="one device"):
            grid.add_lines(gpu_device.asarray(lines_of(3)))
        with pytest.raises(MixedDevicesError, match="one device"):
            grid.to_gpu().add_lines(lines_of(3))


class TestCopies:
    def test_deep_and_shallow(self):
        grid = Voxels(np.ones((2, 3, 4)), *BOX, notes=[1])
        for copy in (grid.copy(), grid.copy(True), grid.copy("C")):
            assert not np.shares_memory(copy.array, grid.array)
            assert copy.attrs == grid.attrs
            assert copy.attrs["notes"] is not grid.attrs["notes"]
        for copy in (grid.copy(deep=False), grid.copy(False)):
            assert copy.array is grid.array
            assert copy.attrs["notes"] is grid.attrs["notes"]

    def test_changes(self):
        grid = Voxels(np.ones((2, 3, 4), np.uint32), *BOX, dtype=np.uint32, a=1, b=2)
        other = grid.copy(np.zeros((5, 5, 5)), zlim=[0, 1], b=3, c=4)
        assert other.shape == (5, 5, 5)
        assert other.attrs == {"a": 1, "b": 3, "c": 4}
        assert other.zlim.tolist() == [0, 1]
        assert other.ylim.tolist() == BOX[1]
        assert grid.copy(None, [5, 6]).xlim.tolist() == [5, 6]
        assert grid.copy().dtype == np.uint32
        with pytest.raises(ValueError, match="ylim"):
            grid.copy(ylim=[2, 1])


class TestFiles:
    @pytest.mark.parametrize("suffix", ["npz", "pickle"])
    @pytest.mark.parametrize("dtype", [np.uint32, np.float32, np.float64, bool])
    def test_what_is_saved_comes_back(self, device, tmp_path, suffix, dtype):
        values = (np.arange(24).reshape(2, 3, 4) % 5).astype(dtype)
        grid = Voxels(device.asarray(values), *BOX, dtype=dtype, angle=90, notes=["a", 1.5])
        path = tmp_path / f"grid.{suffix}"
        grid.save(path)
        for back in (Voxels.load(path), gpupept.load(path)):
            assert type(back) is Voxels
            assert (back.dtype, back.device, back.attrs) == (dtype, "cpu", grid.attrs)
            np.testing.assert_array_equal(back.array, values)
            assert back._same_geometry(grid)
            back += 1 if dtype is not bool else True

    def test_a_container_of_voxels_among_attributes(self):
        file = io.BytesIO()
        grid = Voxels(np.ones((2, 3, 4)), *BOX)
        gpupept.save(file, {"grids": [grid, grid + 1]})
        file.seek(0)
        np.testing.assert_array_equal(gpupept.load(file)["grids"][1].array, np.full((2, 3, 4), 2.0))

    def test_tables_and_other_classes_are_refused(self, tmp_path):
        grid = Voxels(np.ones((2, 3, 4)), *BOX)
        with pytest.raises(TypeError, match="parquet"):
            grid.save(tmp_path / "grid.parquet")
        grid.save(tmp_path / "grid.npz")
        with pytest.raises(TypeError, match="not Pixels"):
            gpupept.Pixels.load(tmp_path / "grid.npz")
        assert not (tmp_path / "grid.parquet").exists()

    @pytest.mark.parametrize(
        "damage",
        [
            {"voxels": 5},
            {"voxels": np.ones((2, 3))},
            {"voxels": np.full((2, 2, 2), "a")},
            {"limits": np.ones((3, 2))},
            {"limits": [[0, 1]]},
            {"attrs": 3},
        ],
    )
    def test_states_that_make_no_sense(self, damage):
        state = Voxels(np.ones((2, 3, 4)), *BOX)._saved_state() | damage
        with pytest.raises((ValueError, TypeError)):
            Voxels._restored(state)


class TestText:
    def test_large_grids_are_shortened(self, device):
        values = np.arange(7.0 * 5 * 6).reshape(7, 5, 6)
        grid = Voxels(device.asarray(values), *BOX)
        with np.printoptions(threshold=5, edgeitems=2):
            expected = textwrap.indent(str(values), "  ")
        assert expected in repr(grid)
        assert "(shape: (7, 5, 6))" in repr(grid)
        assert "attrs = {}" in repr(grid)


class TestTraces:
    def grid(self):
        return Voxels(np.arange(24.0).reshape(2, 3, 4), *BOX)

    def test_voxels_trace(self):
        trace = self.grid().voxels_trace(colorscale="Viridis", colorbar_title="counts", size=9)
        assert len(trace.x) == 23  # the first is zero
        assert trace.marker.colorbar.title.text == "counts"
        assert trace.marker.size == 9
        assert self.grid().voxels_trace(color="red").marker.color == "red"
        assert self.grid().voxels_trace(colorbar=False).marker.color is None

    def test_cubes(self):
        traces = self.grid().cubes_traces(lambda values: values > 20, opacity=0.2)
        assert len(traces) == 3
        assert traces[-1].color == "rgb(252, 253, 191)"  # the end of the scale
        assert traces[0].opacity == 0.2
        assert self.grid().cubes_traces(color="blue")[0].color == "blue"
        assert self.grid().cube_trace((1, 2, 3), colorbar=False).color is None
        assert Voxels.zeros((1, 1, 1), *BOX).cube_trace((0, 0, 0)).color == "rgb(0, 0, 4)"
        endless = Voxels(np.array([[[np.inf, 1.0, np.nan]]]), *BOX)
        colours = [endless.cube_trace((0, 0, k)).color for k in range(3)]
        assert colours == ["rgb(0, 0, 4)"] * 3
        with pytest.raises(ValueError, match="index"):
            self.grid().cube_trace((1, 2))
        with pytest.raises(IndexError, match="out of range"):
            self.grid().cube_trace((1, 2, 4))

    def test_slices(self):
        values = self.grid().array
        first = self.grid().heatmap_trace(iz=0, width=1)  # no layers from the far side
        np.testing.assert_array_equal(first.z, values[:, :, :2].sum(axis=2))
        last = self.grid().heatmap_trace(ix=-1, iy=0, transpose=False)
        np.testing.assert_array_equal(last.z, values[1])
        assert not last.transpose
        with pytest.raises(ValueError, match="ix, iy and iz"):
            self.grid().heatmap_trace()
        with pytest.raises(ValueError, match="width"):
            self.grid().heatmap_trace(ix=0, width=-1)
        with pytest.raises(IndexError, match="iy = 3"):
            self.grid().heatmap_trace(iy=3)

    @pytest.mark.parametrize(
        "condition",
        [lambda v: v, lambda v: v[0] > 1, lambda v: 3],
        ids=["values", "part", "number"],
    )
    def test_conditions_that_are_no_masks(self, condition):
        for draw in (self.grid().voxels_trace, self.grid().cubes_traces, self.grid().plot):
            with pytest.raises(ValueError, match="condition must return a mask"):
                draw(condition)

    def test_plot(self):
        matplotlib = pytest.importorskip("matplotlib")
        matplotlib.use("Agg")
        from matplotlib import pyplot

        fig, ax = self.grid().plot(alt_axes=True)
        (points,) = ax.collections
        np.testing.assert_allclose(points._offsets3d[0][:3], [4.0, 6.0, 8.0])
        assert ax.get_xlabel() == "z (mm)"
        assert self.grid().plot(ax=ax) == (fig, ax)
        pyplot.close(fig)


def test_statistics():
    assert Voxels(np.arange(8.0).reshape(2, 2, 2), *BOX).mean_value == 3.5


@pytest.mark.parametrize("again", [shallow_copy, deepcopy, lambda v: pickle.loads(pickle.dumps(v))])
def test_limits_of_copies_cannot_be_changed(again):
    voxels = again(Voxels.zeros((2, 2, 2), *BOX))
    with pytest.raises(ValueError, match="read-only"):
        voxels.xlim[0] = 5


def test_copies_with_other_values_keep_their_type(device):
    counts = Voxels.zeros((2, 3, 4), *BOX, dtype=np.uint32, device=device.name)
    other = counts.array + np.uint32(1)
    assert counts.copy(other).array is other
    assert counts.copy(other.astype(np.int16)).dtype == np.float64


@pytest.mark.parametrize("dtype", [complex, object, "S3"])
def test_types_that_are_no_real_numbers(dtype):
    with pytest.raises(TypeError, match="must hold real numbers"):
        Voxels(np.zeros((2, 2, 2)), *BOX, dtype=dtype)
    with pytest.raises(TypeError, match="real numbers"):
        Voxels.zeros((2, 2, 2), *BOX, dtype=dtype)


def test_layers_of_float32_are_added_up_in_float64(device):
    ones = np.ones((3, 2, 2), dtype=np.float32)
    ones[0] = 2**25
    voxels = Voxels(device.asarray(ones), *BOX, dtype=np.float32)
    assert (voxels.heatmap_trace(ix=1, width=1).z == 2**25 + 2).all()
