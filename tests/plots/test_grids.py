"""Pixels, voxels and images in figures."""

from __future__ import annotations

import inspect
import io
import logging
from pathlib import Path
from typing import Any

import numpy as np
import plotly.graph_objects as go
import pytest

import gpupept as pept
from gpupept.plots import PlotlyGrapher, PlotlyGrapher2D

XLIM, YLIM, ZLIM = [10, 18], [100, 112], [-5, 5]


def pixels(device: Any = None, dtype: Any = float) -> Any:
    values = np.arange(24).reshape(4, 6).astype(dtype)
    return pept.Pixels(
        values if device is None else device.asarray(values), XLIM, YLIM, dtype=dtype
    )


def voxels(device: Any = None) -> Any:
    values = np.arange(4 * 6 * 5.0).reshape(4, 6, 5)
    return pept.Voxels(values if device is None else device.asarray(values), XLIM, YLIM, ZLIM)


class TestSurface:
    def test_heights_are_values_over_centres(self, device: Any) -> None:
        grapher = PlotlyGrapher(cols=2)
        found = grapher.add_pixels(pixels(device), col=2, condition=lambda values: values > 7)
        assert found is grapher
        trace = grapher.fig.data[0]
        assert (trace.type, trace.scene, trace.opacity) == ("surface", "scene2", 0.9)
        np.testing.assert_array_equal(trace.x, [11, 13, 15, 17])
        np.testing.assert_array_equal(trace.y, [101, 103, 105, 107, 109, 111])
        heights = np.arange(24.0).reshape(4, 6)
        np.testing.assert_array_equal(trace.z, np.where(heights > 7, heights, 0).T)
        assert trace.colorscale == go.Surface(colorscale="Magma").colorscale

    def test_it_equals_the_trace_of_the_pixels(self) -> None:
        drawn = PlotlyGrapher().add_pixels(pixels(), opacity=0.5, colorscale="Viridis").fig.data[0]
        same = pixels().pixels_trace(opacity=0.5, colorscale="Viridis")
        assert drawn.to_plotly_json().keys() - same.to_plotly_json().keys() <= {"scene"}
        np.testing.assert_array_equal(drawn.z, same.z)
        assert drawn.opacity == same.opacity == 0.5

    def test_further_attributes(self) -> None:
        trace = PlotlyGrapher().add_pixels(pixels(), showscale=False, name="n").fig.data[0]
        assert (trace.showscale, trace.name) == (False, "n")

    def test_values_do_not_stretch_the_plane(self) -> None:
        grapher = PlotlyGrapher().add_pixels(pixels() * 1e6).equalise_axes()
        assert (grapher.xlim, grapher.ylim, grapher.zlim) == ([9, 19], [101, 111], [0, 23e6])
        grapher.add_points(np.array([[0, 14, 106, 0.0]])).equalise_axes()
        assert (grapher.xlim, grapher.zlim) == ([9, 19], [-5, 5])  # with lengths along z as well

    def test_a_scene_of_surfaces_has_its_own_heights(self) -> None:
        grapher = PlotlyGrapher(cols=2).add_points(np.array([[0, 14, 106, 3.0]]))
        grapher.add_pixels(pixels() * 100, col=2).equalise_axes()
        layout = grapher.fig.layout
        assert (grapher.xlim, grapher.ylim, grapher.zlim) == ([9, 19], [101, 111], [-2, 8])
        assert (layout.scene.zaxis.range, layout.scene2.zaxis.range) == ((-2, 8), (0, 2300))
        assert layout.scene2.xaxis.range == (9, 19)
        grapher.zlim = [0, 7]
        assert layout.scene.zaxis.range == layout.scene2.zaxis.range == (0, 7)
        grapher.to_html(io.StringIO(), include_plotlyjs="cdn")
        assert layout.scene2.zaxis.range == (0, 7)

    def test_surfaces_given_point_by_point_are_lengths(self) -> None:
        x, y = np.meshgrid([0.0, 1.0], [0.0, 1.0])
        wall = go.Surface(x=x, y=y, z=50 * x)
        assert PlotlyGrapher().add_trace(wall).equalise_axes().xlim == [-24.5, 25.5]

    def test_many_pixels_become_means(self, caplog: pytest.LogCaptureFixture) -> None:
        with caplog.at_level(logging.INFO, logger="gpupept"):
            grapher = PlotlyGrapher().add_pixels(pixels(), max_pixels=6)
        trace = grapher.fig.data[0]
        np.testing.assert_array_equal(trace.x, [12, 16])
        np.testing.assert_array_equal(trace.y, [103, 109])
        values = np.arange(24.0).reshape(2, 2, 2, 3).mean(axis=(1, 3))
        np.testing.assert_array_equal(trace.z, values.T)
        note = grapher.fig.layout.annotations[-1].text
        assert note == "means of 2 x 3 pixels drawn, of 4 x 6 in all (max_pixels=6)"
        assert note in caplog.text


class TestVoxels:
    def test_squares_at_the_centres(self, device: Any) -> None:
        grapher = PlotlyGrapher(rows=2)
        grid = voxels(device)
        found = grapher.add_voxels(grid, row=2, condition=lambda v: v > 30, colorbar_title="n")
        assert found is grapher
        trace = grapher.fig.data[0]
        chosen = np.argwhere(device.to_host(grid.array) > 30)
        np.testing.assert_allclose([trace.x, trace.y, trace.z], grid.to_physical(chosen).T)
        np.testing.assert_array_equal(trace.marker.color, np.arange(31, 120))
        assert (trace.type, trace.scene, trace.mode) == ("scatter3d", "scene2", "markers")
        marker = trace.marker
        assert (marker.symbol, marker.size, marker.opacity) == ("square", 4, 0.4)
        assert marker.colorbar.title.text == "n"

    @pytest.mark.parametrize("options", [{"color": "green"}, {"colorbar": False}])
    def test_one_colour(self, options: dict[str, Any]) -> None:
        trace = PlotlyGrapher().add_voxels(voxels(), **options).fig.data[0]
        assert trace.marker.color == options.get("color")

    def test_further_attributes_merge_with_ours(self) -> None:
        trace = PlotlyGrapher().add_voxels(voxels(), marker={"cmin": 3}, name="n").fig.data[0]
        assert (trace.name, trace.marker.cmin, trace.marker.symbol) == ("n", 3, "square")

    def test_many_voxels_are_thinned_the_same_way_each_time(self) -> None:
        grapher = PlotlyGrapher().add_voxels(voxels(), max_voxels=40, color=np.arange(1, 120))
        trace = grapher.fig.data[0]
        again = PlotlyGrapher().add_voxels(voxels(), max_voxels=40).fig.data[0]
        assert 38 <= len(trace.x) <= 40
        np.testing.assert_array_equal(trace.x, again.x)
        np.testing.assert_array_equal(trace.marker.color, again.marker.color)  # colours go along
        assert len(np.unique(trace.z)) == 5
        note = grapher.fig.layout.annotations[-1].text
        assert note == "40 of 119 voxels drawn (max_voxels=40)"
        everything = PlotlyGrapher().add_voxels(voxels(), max_voxels=None)
        assert len(everything.fig.data[0].x) == 119
        assert len(everything.fig.layout.annotations) == 1

    def test_a_large_grid_makes_a_small_trace(self) -> None:
        grid = pept.Voxels(
            np.ones((300, 300, 300), dtype=np.uint8), XLIM, YLIM, ZLIM, dtype=np.uint8
        )
        grapher = PlotlyGrapher().add_voxels(grid, max_voxels=1_000)
        trace = grapher.fig.data[0]
        assert len(trace.x) == 1_000
        for axis, (low, high) in zip("xyz", (XLIM, YLIM, ZLIM), strict=True):
            thirds = np.histogram(trace[axis], bins=3, range=(low, high))[0]
            assert thirds.min() > 250  # all over the grid
        assert "1 000 of 27 000 000 voxels drawn" in grapher.fig.layout.annotations[-1].text

    def test_the_trace_alone_is_thinned_too(self, caplog: pytest.LogCaptureFixture) -> None:
        with caplog.at_level(logging.WARNING, logger="gpupept"):
            trace = voxels().voxels_trace(max_voxels=40)
        assert len(trace.x) <= 40
        assert "40 of 119 voxels drawn (max_voxels=40)" in caplog.text
        assert len(voxels().cubes_traces(max_voxels=5)) == 5
        assert "5 of 119 voxels drawn (max_voxels=5)" in caplog.text

    def test_boxes_have_flat_faces(self) -> None:
        assert voxels().cube_trace((1, 2, 3)).flatshading is True
        traces = voxels().cubes_traces(lambda values: values > 115)
        grapher = PlotlyGrapher(cols=2).add_traces(traces)
        assert grapher.fig.layout.scene.domain.x[1] == pytest.approx(0.4975)  # no colour bar
        assert [trace.flatshading for trace in traces] == [True] * 4

    def test_boxes_are_as_many_as_a_browser_turns_fluently(self) -> None:
        grid = pept.Voxels(np.ones((9, 9, 9)), XLIM, YLIM, ZLIM)
        assert 300 < len(grid.cubes_traces()) <= 500
        assert len(grid.cubes_traces(max_voxels=None)) == 729

    def test_plots_with_matplotlib_are_thinned_too(self, caplog: pytest.LogCaptureFixture) -> None:
        matplotlib = pytest.importorskip("matplotlib")
        matplotlib.use("Agg")
        with caplog.at_level(logging.WARNING, logger="gpupept"):
            fig, ax = voxels().plot(max_voxels=40)
        assert len(ax.collections[0].get_offsets()) == 40
        assert "40 of 119 voxels drawn (max_voxels=40)" in caplog.text
        matplotlib.pyplot.close(fig)

    def test_nothing_selected(self, tmp_path: Path) -> None:
        grapher = PlotlyGrapher().add_voxels(voxels(), condition=lambda v: v < 0)
        assert len(grapher.fig.data[0].x) == 0
        grapher.to_html(tmp_path / "page.html", include_plotlyjs="cdn")


class TestHeatMap:
    def test_values_over_centres(self, device: Any) -> None:
        grapher = PlotlyGrapher2D(cols=2)
        assert grapher.add_pixels(pixels(device), col=2, zmin=3, colorscale="Viridis") is grapher
        trace = grapher.fig.data[0]
        assert (trace.type, trace.xaxis, trace.zmin) == ("heatmap", "x2", 3)
        np.testing.assert_array_equal(trace.x, [11, 13, 15, 17])
        np.testing.assert_array_equal(trace.y, [101, 103, 105, 107, 109, 111])
        np.testing.assert_array_equal(trace.z, np.arange(24).reshape(4, 6))
        assert trace.transpose is True
        assert trace.colorscale == go.Heatmap(colorscale="Viridis").colorscale

    def test_gaps_reach_the_trace(self) -> None:
        trace = PlotlyGrapher2D().add_pixels(pixels(), xgap=2.0, ygap=3.0).fig.data[0]
        assert (trace.xgap, trace.ygap) == (2, 3)

    def test_not_transposed_the_axes_change_places(self) -> None:
        grapher = PlotlyGrapher2D().add_pixels(pixels(), transpose=False)
        trace = grapher.fig.data[0]
        assert (len(trace.y), len(trace.x)) == np.shape(trace.z) == (4, 6)
        assert trace.x[0] == 101
        titles = grapher.fig.layout.xaxis.title.text, grapher.fig.layout.yaxis.title.text
        assert titles == ("<i>y</i> (mm)", "<i>x</i> (mm)")
        grapher.equalise_axes()
        assert (grapher.xlim, grapher.ylim) == ([100, 112], [8, 20])

    def test_limits_hold_whole_pixels(self) -> None:
        grapher = PlotlyGrapher2D().add_pixels(pixels()).equalise_axes()
        assert (grapher.xlim, grapher.ylim) == ([8, 20], [100, 112])
        grapher.equalise_separate()
        assert (grapher.xlim, grapher.ylim) == (XLIM, YLIM)
        sliced = PlotlyGrapher2D().add_trace(voxels().heatmap_trace(iy=1)).equalise_separate()
        assert (sliced.xlim, sliced.ylim) == (XLIM, ZLIM)

    def test_many_pixels_become_means_within_the_same_edges(self) -> None:
        grapher = PlotlyGrapher2D().add_pixels(pixels(), max_pixels=9)
        trace = grapher.fig.data[0]
        np.testing.assert_array_equal(trace.x, [10, 14, 18])
        np.testing.assert_array_equal(trace.y, [100, 104, 108, 112])
        np.testing.assert_array_equal(
            trace.z, np.arange(24.0).reshape(2, 2, 3, 2).mean(axis=(1, 3))
        )
        note = grapher.fig.layout.annotations[-1]
        assert note.text == "means of 2 x 2 pixels drawn, of 4 x 6 in all (max_pixels=9)"
        assert note.xref == "x domain"
        grapher.equalise_separate()
        assert (grapher.xlim, grapher.ylim) == (XLIM, YLIM)

    def test_colour_bars_stand_beside_their_subplots(self) -> None:
        grapher = PlotlyGrapher2D(cols=2, subplot_titles=["left", "right"])
        grapher.add_pixels(pixels()).add_pixels(pixels(), col=2)
        left, right = (trace.colorbar for trace in grapher.fig.data)
        end = grapher.fig.layout.xaxis.domain[1]
        assert (left.x, left.xanchor) == (end, "left")
        assert grapher.fig.layout.xaxis2.domain[0] - end > 0.15
        assert grapher.fig.layout.annotations[0].x == pytest.approx(end / 2)
        assert (right.x, right.xanchor) == (1.0, "left")
        grapher.add_pixels(pixels())
        assert grapher.fig.layout.xaxis.domain[1] == end  # narrowed once
        hidden = PlotlyGrapher2D(cols=2).add_pixels(pixels(), showscale=False)
        assert hidden.fig.layout.xaxis.domain[1] == pytest.approx(0.475)

    def test_infinite_and_boolean_values_can_be_drawn(self) -> None:
        grid = pixels()
        grid.array[0, :2] = np.inf, -np.inf
        trace = PlotlyGrapher2D().add_pixels(grid).fig.data[0]
        assert np.isnan(trace.z[0, :2]).all()
        assert np.isfinite(trace.z[0, 2:]).all()
        assert PlotlyGrapher2D().add_pixels(grid > 5).fig.data[0].z.dtype == np.uint8


@pytest.mark.parametrize("draw", ["heatmap_trace", "pixels_trace"])
def test_traces_of_many_pixels_are_means(draw: str, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, logger="gpupept"):
        trace = getattr(pixels(), draw)(max_pixels=6)
    means = np.arange(24.0).reshape(2, 2, 2, 3).mean(axis=(1, 3))
    np.testing.assert_array_equal(trace.z, means if draw == "heatmap_trace" else means.T)
    assert "means of 2 x 3 pixels drawn, of 4 x 6 in all (max_pixels=6)" in caplog.text
    caplog.clear()
    assert np.size(getattr(pixels(), draw)(max_pixels=None).z) == 24
    assert not caplog.records


class TestImage:
    COLOURS = np.random.default_rng(0).integers(0, 255, (4, 6, 3)).astype(np.uint8)

    def test_voxels_lie_where_their_limits_say(self, device: Any) -> None:
        grid = pept.Voxels(device.asarray(self.COLOURS), XLIM, YLIM, [0, 3], dtype=np.uint8)
        grapher = PlotlyGrapher2D(cols=2).add_image(grid, col=2)
        trace = grapher.fig.data[0]
        assert (trace.x0, trace.dx, trace.y0, trace.dy) == (11, 2, 101, 2)  # of the first centre
        np.testing.assert_array_equal(trace.z, self.COLOURS.swapaxes(0, 1))  # rows along y
        assert grapher.fig.layout.yaxis2.autorange is True  # upwards
        grapher.ylim = (0, 200)
        assert grapher.fig.layout.yaxis2.autorange is None  # which would override the limits

    def test_large_images_are_thinned_within_their_outline(self) -> None:
        colours = np.arange(90 * 70 * 3).reshape(90, 70, 3) % 256
        grapher = PlotlyGrapher2D().add_image(colours, max_pixels=400, x0=5.0, dx=2.0)
        trace = grapher.fig.data[0]
        height, width, _ = np.shape(trace.z)
        assert height * width <= 400
        assert trace.x0 - trace.dx / 2 == pytest.approx(4)
        assert trace.dx * width == pytest.approx(140)
        assert trace.y0 - trace.dy / 2 == pytest.approx(-0.5)
        assert trace.dy * height == pytest.approx(90)
        assert (
            f"{height * width} of 6 300 pixels drawn (max_pixels=400)"
            in grapher.fig.layout.annotations[-1].text
        )

    @pytest.mark.parametrize("shape", [(4, 6), (4, 6, 2), (0, 6, 3)])
    def test_other_shapes_are_refused(self, shape: tuple[int, ...]) -> None:
        with pytest.raises(ValueError, match="image: expected"):
            PlotlyGrapher2D().add_image(np.zeros(shape))


@pytest.mark.parametrize("wrong", [np.zeros((4, 6)), None, "text", voxels()])
def test_only_pixels_are_pixels(wrong: Any) -> None:
    for grapher in (PlotlyGrapher(), PlotlyGrapher2D()):
        with pytest.raises(TypeError, match=r"pixels must be gpupept.Pixels.*found"):
            grapher.add_pixels(wrong)
        assert len(grapher.fig.data) == 0


@pytest.mark.parametrize("wrong", [np.zeros((4, 6, 5)), None, pixels()])
def test_only_voxels_are_voxels(wrong: Any) -> None:
    with pytest.raises(TypeError, match=r"voxels must be gpupept.Voxels.*found"):
        PlotlyGrapher().add_voxels(wrong)


def test_of_a_store_a_part_is_drawn(tmp_path: Path) -> None:
    pytest.importorskip("zarr")
    store = pept.volumes.VolumeStore.create(tmp_path / "store", (4, 6, 5), XLIM, YLIM, ZLIM)
    with pytest.raises(TypeError, match=r"found VolumeStore; give store\.voxels\(region\)"):
        PlotlyGrapher().add_voxels(store)
    grapher = PlotlyGrapher().add_voxels(store.voxels(), condition=lambda values: values == 0)
    assert len(grapher.fig.data[0].x) == 120


@pytest.mark.parametrize(
    "method",
    [
        PlotlyGrapher.add_pixels,
        PlotlyGrapher.add_voxels,
        pept.Pixels.pixels_trace,
        pept.Voxels.voxels_trace,
        pept.Voxels.cubes_traces,
        pept.Voxels.plot,
    ],
)
def test_signatures_can_be_read(method: Any) -> None:
    assert inspect.signature(method).parameters["condition"].default is None


def test_places_and_conditions_are_checked_before_anything_is_drawn() -> None:
    scenes, planes = PlotlyGrapher(), PlotlyGrapher2D()
    for add in (
        lambda: scenes.add_pixels(pixels(), row=2),
        lambda: scenes.add_voxels(voxels(), row=2),
        lambda: planes.add_pixels(pixels(), row=2),
        lambda: planes.add_image(np.zeros((2, 2, 3)), row=2),
    ):
        with pytest.raises(ValueError, match="row: expected 1 to 1"):
            add()
    for add in (scenes.add_pixels, scenes.add_voxels):
        grid = pixels() if add == scenes.add_pixels else voxels()
        with pytest.raises(ValueError, match="condition must return a mask"):
            add(grid, condition=lambda values: values)
    for add, grid, name in (
        (scenes.add_pixels, pixels(), "max_pixels"),
        (scenes.add_voxels, voxels(), "max_voxels"),
        (planes.add_pixels, pixels(), "max_pixels"),
        (planes.add_image, np.zeros((2, 2, 3)), "max_pixels"),
    ):
        with pytest.raises(ValueError, match=f"{name}: expected a positive number"):
            add(grid, **{name: 0})
    assert len(scenes.fig.data) == len(planes.fig.data) == 0


def test_saved_figures_of_grids_come_back(tmp_path: Path) -> None:
    grapher = PlotlyGrapher(cols=2).add_pixels(pixels()).add_voxels(voxels(), col=2)
    grapher.save(tmp_path / "figure.npz")
    found = PlotlyGrapher.load(tmp_path / "figure.npz")
    assert [trace.type for trace in found.fig.data] == ["surface", "scatter3d"]
    assert found.equalise_axes().xlim == grapher.equalise_axes().xlim
