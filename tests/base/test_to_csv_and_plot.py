"""Containers as text files and as Matplotlib figures."""

from __future__ import annotations

import os
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import gpupept
from gpupept import LineData, PointData


def rows_of(count, width=7):
    return np.arange(float(count * width)).reshape(count, width)


class TestCSV:
    @given(hnp.arrays(np.float64, st.tuples(st.integers(1, 5), st.integers(4, 6)),
                      elements=st.floats(width=64)))  # fmt: skip
    def test_reads_back_exactly(self, tmp_path_factory, data):
        path = tmp_path_factory.mktemp("csv") / "points.csv"
        PointData(data).to_csv(path)
        assert np.array_equal(gpupept.read_csv(path, na_filter=True), data, equal_nan=True)
        if not np.isnan(data).any():
            assert np.array_equal(gpupept.read_csv(path), data)

    def test_more_rows_than_are_written_at_once(self, device, tmp_path):
        data = np.random.default_rng(0).normal(size=(10_000, 7)) * 10.0 ** np.arange(-3, 4)
        lines = LineData(device.asarray(data), 100)
        lines.to_csv(str(tmp_path / "lines.csv"))
        assert np.array_equal(gpupept.read_csv(tmp_path / "lines.csv"), data)
        lines.to_csv(tmp_path / "commas.csv", ",")
        assert np.array_equal(np.loadtxt(tmp_path / "commas.csv", delimiter=","), data)
        assert sum(1 for _ in (tmp_path / "lines.csv").open()) == 10_001

    def test_no_rows_and_odd_delimiters(self, tmp_path):
        LineData(np.empty((0, 7))).to_csv(tmp_path / "x.csv")
        assert (tmp_path / "x.csv").read_text() == "# t x1 y1 z1 x2 y2 z2\n"
        PointData(rows_of(1, 4)).to_csv(tmp_path / "x.csv", "%s")
        assert (tmp_path / "x.csv").read_text().count("%s") == 6
        with pytest.raises(TypeError, match="delimiter must be a string, found 5"):
            PointData(rows_of(1, 4)).to_csv(tmp_path / "x.csv", 5)

    def test_nothing_half_written(self, tmp_path, monkeypatch):
        path = tmp_path / "x.csv"
        PointData(rows_of(2, 4)).to_csv(path)
        before = path.read_bytes()
        calls = []

        def fail(array):
            calls.append(len(array))
            if len(calls) == 2:
                raise OSError("the device is gone")
            return array

        monkeypatch.setattr("gpupept.base.csv_text.to_host", fail)
        with pytest.raises(OSError, match="the device is gone"):
            PointData(rows_of(9000, 4)).to_csv(path)
        assert path.read_bytes() == before
        assert os.listdir(tmp_path) == ["x.csv"]
        with pytest.raises(FileNotFoundError, match="no_such"):
            PointData(rows_of(1, 4)).to_csv(tmp_path / "no_such" / "x.csv")


class TestPlot:
    @pytest.fixture(autouse=True)
    def _figures(self):
        matplotlib = pytest.importorskip("matplotlib")
        matplotlib.use("Agg")
        yield
        from matplotlib import pyplot

        pyplot.close("all")

    def segments(self, ax):
        return np.array(ax.collections[0]._segments3d)

    def test_lines(self, device):
        rows = rows_of(6) + 0.5
        lines = LineData(device.asarray(rows), 2)
        fig, ax = lines.plot()
        assert fig is ax.get_figure()
        assert np.allclose(self.segments(ax), rows[:, 1:7].reshape(6, 2, 3))
        assert (ax.get_xlabel(), ax.get_ylabel(), ax.get_zlabel()) == ("x (mm)", "y (mm)", "z (mm)")
        from matplotlib import colormaps

        colours = ax.collections[0].get_colors()
        assert np.allclose(colours[:, :3], colormaps["magma"](rows[:, 0] / rows[-1, 0])[:, :3])
        assert np.allclose(colours[:, 3], 0.8)
        assert ax.get_xlim()[0] <= 1.5
        assert ax.get_xlim()[1] >= rows[-1, 4]

    @pytest.mark.parametrize(
        ("chosen", "numbers"),
        [
            (1, [2, 3]),
            ([0, 2], [0, 1, 4, 5]),
            (..., range(6)),
            (slice(1, None), [2, 3, 4, 5]),
            (-1, [4, 5]),
        ],
    )
    def test_some_samples(self, chosen, numbers):
        lines = LineData(rows_of(6), 2)
        _, ax = lines.plot(chosen)
        assert np.allclose(self.segments(ax), rows_of(6)[list(numbers), 1:7].reshape(-1, 2, 3))
        points = PointData(rows_of(6, 4), 2)
        _, ax = points.plot(chosen)
        assert np.allclose(
            np.array(ax.collections[0]._offsets3d).T, rows_of(6, 4)[list(numbers), 1:]
        )

    def test_alternative_axes(self):
        lines, points = LineData(rows_of(3)), PointData(rows_of(3, 4))
        _, ax = lines.plot(alt_axes=True)
        expected = rows_of(3)[:, 1:7].reshape(-1, 2, 3)[..., [2, 0, 1]]
        assert np.allclose(self.segments(ax), expected)
        _, ax = points.plot(alt_axes=True)
        assert np.allclose(np.array(ax.collections[0]._offsets3d).T, rows_of(3, 4)[:, [3, 1, 2]])
        assert (ax.get_xlabel(), ax.get_ylabel(), ax.get_zlabel()) == ("z (mm)", "x (mm)", "y (mm)")

    def test_on_given_axes(self):
        from matplotlib import pyplot

        figure = pyplot.figure()
        ax = figure.add_subplot(projection="3d")
        fig, same = PointData(rows_of(3, 4)).plot(ax=ax)
        assert (fig, same) == (figure, ax)
        LineData(rows_of(2)).plot(ax=ax)
        assert len(ax.collections) == 2

    def test_colours_of_points(self):
        from matplotlib import colormaps

        rows = rows_of(4, 5)
        for column, values in [(-1, rows[:, 4]), (1, rows[:, 1])]:
            fig, ax = PointData(rows).plot(colorbar_col=column)
            fig.canvas.draw()
            found = np.unique(ax.collections[0].get_facecolors()[:, :3], axis=0)
            expected = np.unique(colormaps["magma"](values / values.max())[:, :3], axis=0)
            assert np.allclose(found, expected)
        with pytest.raises(IndexError, match="colorbar_col must be one of 5 columns, found 5"):
            PointData(rows).plot(colorbar_col=5)

    def test_odd_values(self):
        rows = rows_of(3)
        rows[1] = np.nan
        for lines in (LineData(np.empty((0, 7))), LineData(np.zeros((2, 7))), LineData(rows)):
            fig, _ = lines.plot()
            fig.canvas.draw()
            fig, _ = PointData(lines.lines).plot()
            fig.canvas.draw()


def test_without_matplotlib_the_error_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(ImportError, match=r"pip install gpupept\[plot\]"):
        LineData(rows_of(1)).plot()
