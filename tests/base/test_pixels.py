"""Pixels: what differs from `Voxels`, whose tests cover what they have in common."""

from __future__ import annotations

import numpy as np
import pytest
from oracle import traverse as oracle

from gpupept import LineData, Pixels


@pytest.fixture(scope="module")
def found(golden):
    return golden("core_voxels")


def lines_of(count, columns=5):
    rows = np.random.default_rng(1).uniform(-1, 10, (count, columns))
    rows[:, 0] = np.arange(count)
    return rows


def expected_counts(pixels, lines):
    return oracle.total(lines[:, 1:3], lines[:, 3:5], pixels.pixel_grids)


class TestGolden:
    def grid(self, found, device):
        return Pixels(device.asarray(found["pix"]), found["pxlim"], found["pylim"])

    def test_geometry(self, found, device):
        grid = self.grid(found, device)
        np.testing.assert_array_equal(grid.pixel_size, found["pixel_size"])
        for axis, edges in zip("xy", grid.pixel_grids, strict=True):
            np.testing.assert_array_equal(edges, found[f"pg{axis}"])
        assert grid.number_of_pixels == (4, 5)
        assert grid.pixels is grid.array

    def test_places_and_cells(self, found, device):
        grid = self.grid(found, device)
        for corner, ending in ((False, ""), (True, "_corner")):
            np.testing.assert_allclose(
                grid.from_physical(found["ploc"], corner), found[f"pfrom{ending}"], atol=1e-12
            )
            np.testing.assert_allclose(
                grid.to_physical(found["ploc"], corner), found[f"pto{ending}"], atol=1e-12
            )
        for wrong in ([1.0, 2.0, 3.0], 5.0, [[1.0]]):
            with pytest.raises(ValueError, match="locations"):
                grid.from_physical(wrong)

    def test_heatmap(self, found, device):
        trace = self.grid(found, device).heatmap_trace(xgap=2.0, colorscale="Viridis")
        for part in "xyz":
            np.testing.assert_allclose(getattr(trace, part), found[f"pheat_{part}"])
        assert (trace.transpose, trace.xgap, trace.ygap) == (True, 2.0, 0.0)

    def test_text(self, found, device):
        grid = Pixels(device.asarray(np.zeros((3, 3))), [0, 10], [-5, 5], dpi=300)
        assert repr(grid) == str(found["repr_pixels"])


class TestLines:
    def test_from_lines(self, device):
        lines = lines_of(40, columns=6)
        grid = Pixels.from_lines(device.asarray(lines), (7, 5), verbose=False)
        np.testing.assert_array_equal(grid.get(), expected_counts(grid, lines))
        x, y = lines[:, [1, 3]], lines[:, [2, 4]]
        np.testing.assert_array_equal(grid.xlim, [x.min(), x.max()])
        np.testing.assert_array_equal(grid.ylim, [y.min(), y.max()])

    def test_add_lines(self, device):
        lines = lines_of(40)
        grid = Pixels.zeros((7, 5), [0, 8], [2, 9], dtype=np.uint32, device=device.name)
        assert grid.add_lines(device.asarray(lines[:15])) is None
        grid.add_lines(device.asarray(lines[15:]))
        np.testing.assert_array_equal(grid.get(), expected_counts(grid, lines))

    def test_lengths_are_those_in_the_plane(self, device):
        lines = np.array([[0, 0, 0, 3, 4]], dtype=float)
        grid = Pixels.empty((3, 4), [0, 3], [0, 4], device=device.name)
        grid.add_lines(device.asarray(lines), lengths=True, weights=device.asarray([2.0]))
        assert float(grid.sum()) == pytest.approx(10.0, rel=1e-12)

    def test_line_data_is_projected(self, device):
        lines = np.random.default_rng(2).uniform(0, 9, (20, 8))
        grid = Pixels.from_lines(LineData(device.asarray(lines)), (4, 4), verbose=False)
        flat = lines[:, [0, 1, 2, 4, 5]]
        np.testing.assert_array_equal(grid.get(), expected_counts(grid, flat))

    def test_wrong_lines_and_numbers(self):
        with pytest.raises(ValueError, match="lines must have at least 5 columns"):
            Pixels.from_lines(lines_of(3)[:, :4], (4, 4))
        for number in [(4,), (4, 4, 4), (1, 4)]:
            with pytest.raises(ValueError, match="number_of_pixels"):
                Pixels.from_lines(lines_of(3), number)
        with pytest.raises(ValueError, match="pixels_array"):
            Pixels(np.zeros((2, 2, 2)), [0, 1], [0, 1])
        with pytest.raises(ValueError, match="ylim"):
            Pixels(np.zeros((2, 2)), [0, 1], [1, 0])


class TestPlots:
    grid = Pixels([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]], [0, 4], [0, 3])

    def test_surface(self):
        trace = self.grid.pixels_trace(lambda values: values > 2, opacity=0.5)
        np.testing.assert_array_equal(trace.x, [1, 3])
        np.testing.assert_array_equal(trace.y, [0.5, 1.5, 2.5])
        np.testing.assert_array_equal(trace.z, [[0, 4], [0, 5], [3, 6]])
        assert trace.opacity == 0.5

    def test_plot(self):
        matplotlib = pytest.importorskip("matplotlib")
        matplotlib.use("Agg")
        from matplotlib import pyplot

        fig, ax = self.grid.plot()
        (image,) = ax.images
        np.testing.assert_array_equal(image.get_array(), self.grid.array.T)
        assert image.get_extent() == [0, 4, 0, 3]
        assert image.origin == "lower"
        assert self.grid.plot(ax) == (fig, ax)
        pyplot.close(fig)


def test_copies_and_files(tmp_path):
    grid = Pixels([[1.0, 2.0], [3.0, 4.0]], [0, 4], [0, 3], run=1)
    assert grid.copy(ylim=[1, 2], run=2).ylim.tolist() == [1, 2]
    assert grid.copy([[5, 6]]).array.tolist() == [[5.0, 6.0]]
    grid.save(tmp_path / "pixels.npz")
    back = Pixels.load(tmp_path / "pixels.npz")
    assert back._same_geometry(grid)
    assert back.attrs == {"run": 1}
    np.testing.assert_array_equal(back.array, grid.array)
