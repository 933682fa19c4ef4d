"""Three-dimensional figures: layout, traces, colours, limits."""

from __future__ import annotations

import copy
import json
import logging
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import plotly.graph_objects as go
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import gpupept as pept
from gpupept.base import SampleGroups
from gpupept.plots import PlotlyGrapher


def points_with_labels(labels: Any) -> np.ndarray:
    labels = np.asarray(labels, dtype=np.float64)
    rng = np.random.default_rng(5)
    return np.column_stack([np.arange(len(labels)), rng.uniform(0, 9, (len(labels), 3)), labels])


def test_one_scene_as_documented() -> None:
    layout = PlotlyGrapher(xlim=[0, 1], zlim=(2, 3)).fig.layout
    scene = layout.scene
    assert (scene.xaxis.range, scene.yaxis.range, scene.zaxis.range) == ((0, 1), None, (2, 3))
    titles = [scene[f"{axis}axis"].title.text for axis in "xyz"]
    assert titles == ["<i>x</i> (mm)", "<i>y</i> (mm)", "<i>z</i> (mm)"]
    assert scene.aspectmode == "manual"
    assert scene.aspectratio.to_plotly_json() == {"x": 1, "y": 1, "z": 1}
    assert scene.camera.up.to_plotly_json() == {"x": 0, "y": 1, "z": 0}
    assert scene.camera.eye.to_plotly_json() == {"x": 1.5, "y": 1.5, "z": 1.5}
    assert layout.showlegend is False
    assert layout.margin.to_plotly_json() == {"l": 0, "r": 0, "b": 30, "t": 30}
    assert (layout.font.size, layout.font.family) == (15, "Computer Modern")
    assert scene.zaxis.title.font.size == 15


def test_scenes_are_numbered_row_by_row() -> None:
    fig = PlotlyGrapher(rows=2, cols=3, subplot_titles=["a", "b"]).fig
    corners = [
        fig.layout["scene" if i == 1 else f"scene{i}"].domain.to_plotly_json() for i in range(1, 7)
    ]
    lefts = [corner["x"][0] for corner in corners]
    bottoms = [corner["y"][0] for corner in corners]
    assert lefts[:3] == lefts[3:] == sorted(lefts[:3])
    assert len(set(bottoms[:3])) == len(set(bottoms[3:])) == 1
    assert bottoms[0] > bottoms[3]
    assert [note.text for note in fig.layout.annotations] == ["a", "b", "  ", "  ", "  ", "  "]
    gap = corners[1]["x"][0] - corners[0]["x"][1]
    assert gap == pytest.approx(0.005)
    assert corners[0]["y"][0] - corners[3]["y"][1] == pytest.approx(0.05)


@pytest.mark.parametrize("shape", [(1, 2), (1, 3), (2, 2), (3, 1)])
def test_cameras_stand_back_from_small_scenes(shape: tuple[int, int]) -> None:
    scene = PlotlyGrapher(*shape).fig.layout.scene
    domain = scene.domain
    aspect = 2 * (domain.x[1] - domain.x[0]) / (domain.y[1] - domain.y[0])
    assert scene.camera.eye.x == scene.camera.eye.y == scene.camera.eye.z
    assert 4 > scene.camera.eye.x > 1.5 / min(1, aspect)
    assert scene.xaxis.tickfont.size < 15


def test_cameras_stand_back_from_colour_bars_too() -> None:
    rows = points_with_labels(np.arange(20))
    grapher = PlotlyGrapher(cols=2)
    grapher.fig.layout.scene2.camera.eye = {"x": 1, "y": 1, "z": 1}
    before = grapher.fig.layout.scene.camera.eye.x
    grapher.add_points(rows, colorbar_title="a")
    assert grapher.fig.layout.scene.camera.eye.x > before
    assert grapher.fig.layout.scene2.camera.eye.x == 1
    chosen = PlotlyGrapher(cols=2)
    chosen.fig.layout.scene.camera.eye = {"x": 1, "y": 1, "z": 1}
    chosen.add_points(rows, colorbar_title="a")
    assert chosen.fig.layout.scene.camera.eye.x == 1


def test_a_label_has_a_name_and_one_colour_in_all_subplots() -> None:
    names = ["t", "x", "y", "z", "label"]
    first = pept.PointData(points_with_labels([0, 1, 2.5]), columns=names)
    second = pept.PointData(points_with_labels([1, 7]), columns=names)
    grapher = PlotlyGrapher(cols=2).add_points(first).add_points(second, col=2)
    found = [(trace.name, trace.marker.color) for trace in grapher.fig.data]
    cycle = grapher.fig.layout.template.layout.colorway
    assert found[:3] == list(zip(["label 0", "label 1", "label 2.5"], cycle[:3], strict=True))
    assert found[3:] == [("label 1", cycle[1]), ("label 7", cycle[3])]
    grapher.add_points(second, col=2, name="again", marker={"color": "red"})
    assert {(each.name, each.marker.color) for each in grapher.fig.data[5:]} == {("again", "red")}
    assert grapher.fig.layout.showlegend is False


def test_a_label_drawn_twice_in_a_subplot_is_told_apart() -> None:
    rows = points_with_labels([0, 1])
    grapher = PlotlyGrapher(cols=2).add_points(rows).add_points(rows)
    grapher.add_points(rows, col=2).add_points(rows, col=2)
    colours = [trace.marker.color for trace in grapher.fig.data]
    assert len(set(colours[:4])) == 4
    assert colours[:4] == colours[4:]


def test_many_subplots_still_fit() -> None:
    fig = PlotlyGrapher(rows=30, cols=1).fig
    assert fig.layout.scene30.domain.y[0] == pytest.approx(0.0)


@pytest.mark.parametrize(
    "arguments",
    [
        {"rows": 0},
        {"cols": -1},
        {"rows": 1.5},
        {"xlim": [1, 2, 3]},
        {"ylim": 3},
        {"zlim": ["a", "b"]},
        {"xlim": [0, np.nan]},
        {"subplot_titles": ["a", "b"]},
    ],
)
def test_bad_arguments_are_named(arguments: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(arguments))):
        PlotlyGrapher(**arguments)


def test_no_state_shared_between_figures() -> None:
    titles = ["only"]
    PlotlyGrapher(rows=2, cols=2, subplot_titles=titles)
    assert titles == ["only"]
    PlotlyGrapher(rows=2, cols=2)
    assert len(PlotlyGrapher().fig.layout.annotations) == 1


def test_points_keep_their_axes() -> None:
    rows = points_with_labels(np.arange(20))
    trace = PlotlyGrapher.points_trace(rows, colorbar_title="label")
    assert (trace.type, trace.mode) == ("scatter3d", "markers")
    np.testing.assert_array_equal([trace.x, trace.y, trace.z], rows[:, 1:4].T)
    np.testing.assert_array_equal(trace.marker.color, rows[:, 4])
    assert (trace.marker.size, trace.marker.opacity) == (2.0, 0.8)
    assert trace.marker.colorscale == go.Scatter3d(marker_colorscale="Magma").marker.colorscale
    assert trace.marker.colorbar.title.text == "label"
    assert PlotlyGrapher.points_trace(rows).marker.colorbar.title.text is None


@pytest.mark.parametrize("count", [1, 2, 10])
def test_up_to_ten_values_are_one_trace_each(count: int) -> None:
    values = np.arange(count) * 2.0 - 3
    rows = points_with_labels(np.random.default_rng(0).permutation(np.tile(values, 7)))
    traces = PlotlyGrapher.points_trace(rows)
    assert isinstance(traces, list)
    assert len(traces) == count
    for trace, value in zip(traces, values, strict=True):
        chosen = rows[rows[:, 4] == value]
        np.testing.assert_array_equal([trace.x, trace.y, trace.z], chosen[:, 1:4].T)
        assert trace.marker.color is None
        assert trace.name is None


def test_more_than_ten_values_are_a_continuous_scale() -> None:
    trace = PlotlyGrapher.points_trace(points_with_labels(np.arange(33) % 11))
    assert trace.marker.color is not None
    assert len(trace.marker.color) == 33


def test_nan_is_one_value_with_an_empty_trace(caplog: pytest.LogCaptureFixture) -> None:
    rows = points_with_labels([1, np.nan, 2, np.nan, 1])
    with caplog.at_level(logging.WARNING, logger="gpupept"):
        traces = PlotlyGrapher.points_trace(rows)
    assert [len(trace.x) for trace in traces] == [2, 1, 0]
    assert "2 of 5 points are NaN" in caplog.text
    nine_and_nan = points_with_labels([*range(9), np.nan])
    assert len(PlotlyGrapher.points_trace(nine_and_nan)) == 10
    ten_and_nan = points_with_labels([*range(10), np.nan])
    assert PlotlyGrapher.points_trace(ten_and_nan).marker.color is not None


@pytest.mark.parametrize("options", [{"color": "green"}, {"colorbar": False}])
def test_one_colour_is_one_trace(options: dict[str, Any]) -> None:
    trace = PlotlyGrapher.points_trace(points_with_labels([0, 0, 1]), **options)
    assert len(trace.x) == 3
    assert trace.marker.color == options.get("color")


def test_colour_column_by_name_and_position() -> None:
    data = pept.PointData(points_with_labels(np.zeros(40)), columns=["t", "x", "y", "z", "label"])
    by_name = PlotlyGrapher.points_trace(data, colorbar_col="x").marker.color
    np.testing.assert_array_equal(by_name, data["x"])
    by_position = PlotlyGrapher.points_trace(data, colorbar_col=1).marker.color
    np.testing.assert_array_equal(by_position, data["x"])
    with pytest.raises(ValueError, match=r"no column 'error'.*'label'"):
        PlotlyGrapher.points_trace(data, colorbar_col="error")
    with pytest.raises(IndexError, match="colorbar_col: column 5"):
        PlotlyGrapher.points_trace(data, colorbar_col=5)


def test_attributes_per_point_follow_their_points() -> None:
    rows = points_with_labels([3, 1, 3])
    low, high = PlotlyGrapher.points_trace(rows, size=[1, 2, 3], text=["a", "b", "c"])
    assert (list(low.text), list(low.marker.size)) == (["b"], [2])
    assert (list(high.text), list(high.marker.size)) == (["a", "c"], [1, 3])


def test_further_attributes_merge_with_ours() -> None:
    trace = PlotlyGrapher.points_trace(
        points_with_labels(np.arange(20)), mode="lines+markers", marker={"symbol": "x"}, name="a"
    )
    assert (trace.mode, trace.name) == ("lines+markers", "a")
    assert (trace.marker.symbol, trace.marker.size) == ("x", 2.0)
    placed = PlotlyGrapher.points_trace(
        points_with_labels(np.arange(20)), marker={"colorbar": {"x": 0.9}}
    )
    assert placed.marker.colorbar.x == 0.9


def test_lines_have_a_gap_after_each() -> None:
    rows = np.arange(21.0).reshape(3, 7)
    trace = PlotlyGrapher.lines_trace(rows)
    assert (trace.type, trace.mode, trace.opacity, trace.line.width) == (
        "scatter3d",
        "lines",
        0.6,
        2.0,
    )
    vertices = np.array([trace.x, trace.y, trace.z]).T.reshape(3, 3, 3)
    np.testing.assert_array_equal(vertices[:, 0], rows[:, 1:4])
    np.testing.assert_array_equal(vertices[:, 1], rows[:, 4:7])
    assert np.isnan(vertices[:, 2]).all()
    np.testing.assert_array_equal(trace.line.color, np.repeat(rows[:, 0], 3))
    by_name = PlotlyGrapher.lines_trace(rows, colorbar_col="y2", colorbar_title="y2 (mm)")
    np.testing.assert_array_equal(by_name.line.color, np.repeat(rows[:, 5], 3))
    assert by_name.line.colorbar.title.text == "y2 (mm)"


def test_lines_given_colours() -> None:
    rows = np.arange(14.0).reshape(2, 7)
    assert PlotlyGrapher.lines_trace(rows, color="red").line.color == "red"
    assert PlotlyGrapher.lines_trace(rows, colorbar=False).line.color is None
    assert list(PlotlyGrapher.lines_trace(rows, color=[5, 6]).line.color) == [5, 5, 5, 6, 6, 6]
    six = [1, 2, 3, 4, 5, 6]
    assert list(PlotlyGrapher.lines_trace(rows, color=six).line.color) == six


def test_empty_data_and_empty_figure(tmp_path: Path) -> None:
    grapher = PlotlyGrapher().add_points(np.empty((0, 4))).add_lines(np.empty((0, 7)))
    assert PlotlyGrapher.points_trace(np.empty((0, 5))) == []
    assert grapher.equalise_axes().xlim is None
    grapher.to_html(tmp_path / "empty.html")
    PlotlyGrapher().to_html(tmp_path / "nothing.html")
    assert repr(PlotlyGrapher()).startswith("PlotlyGrapher (rows: 1, cols: 1)\n---")


@pytest.mark.parametrize("wrong", [np.zeros((4, 3)), np.zeros(4), "text", None, [[1, 2], [3]]])
def test_wrong_points_and_lines_are_refused(wrong: Any) -> None:
    grapher = PlotlyGrapher()
    with pytest.raises((ValueError, TypeError), match="points"):
        grapher.add_points(wrong)
    with pytest.raises((ValueError, TypeError), match="lines"):
        grapher.add_lines(wrong)
    assert len(grapher.fig.data) == 0


def test_lists_and_groups_of_containers() -> None:
    samples = [pept.PointData(points_with_labels([k, k])) for k in range(3)]
    rows = np.vstack([sample.points for sample in samples])
    assert len(PlotlyGrapher.points_trace(samples)) == 3
    members = pept.PointData(rows, sample_size=[2, 2, 2])
    groups = SampleGroups(members, np.array([[0, 2], [2, 3]]))
    trace = PlotlyGrapher.points_trace(groups, color="red")
    np.testing.assert_array_equal(trace.x, rows[:, 1])


def test_infinite_coordinates_become_gaps() -> None:
    rows = points_with_labels([0, 0, 0])
    rows[1, 2] = np.inf
    grapher = PlotlyGrapher().add_points(rows).equalise_axes()
    np.testing.assert_array_equal(np.isnan(grapher.fig.data[0].y), [False, True, False])
    assert np.isfinite(grapher.ylim).all()


def test_traces_go_to_their_scene() -> None:
    grapher = PlotlyGrapher(rows=2, cols=2)
    grapher.add_lines(np.ones((1, 7)), col=2).add_points(np.ones((1, 4)), row=2, col=2)
    grapher.add_trace(go.Mesh3d(x=[0], y=[0], z=[0]), row=2)
    grapher.add_traces([go.Cone(x=[0], y=[0], z=[0], u=[1], v=[1], w=[1])])
    assert [trace.scene for trace in grapher.fig.data] == ["scene2", "scene4", "scene3", "scene"]


@pytest.mark.parametrize("place", [{"row": 3}, {"col": 0}, {"row": -1}])
def test_places_outside_the_figure_are_refused(place: dict[str, int]) -> None:
    grapher = PlotlyGrapher(rows=2, cols=2)
    for add in (
        lambda: grapher.add_points(np.ones((1, 4)), **place),
        lambda: grapher.add_lines(np.ones((1, 7)), **place),
        lambda: grapher.add_trace(go.Scatter3d(), **place),
        lambda: grapher.xlabel("x", **place),
    ):
        with pytest.raises(ValueError, match=f"{next(iter(place))}: expected 1 to 2"):
            add()
    assert len(grapher.fig.data) == 0


def test_labels_address_their_own_subplot() -> None:
    grapher = PlotlyGrapher(rows=2, cols=3)
    assert grapher.xlabel("time", row=2, col=1) is grapher
    grapher.ylabel("height", row=1, col=3).zlabel("depth", row=2, col=3)
    layout = grapher.fig.layout
    assert layout.scene4.xaxis.title.text == "time"
    assert layout.scene3.yaxis.title.text == "height"
    assert layout.scene6.zaxis.title.text == "depth"
    untouched = [layout.scene, layout.scene2, layout.scene5]
    assert all(scene.xaxis.title.text == "<i>x</i> (mm)" for scene in untouched)
    assert all(scene.yaxis.title.text == "<i>y</i> (mm)" for scene in untouched)


def test_limits_apply_to_all_scenes() -> None:
    grapher = PlotlyGrapher(cols=2)
    grapher.xlim, grapher.ylim, grapher.zlim = (0, 1), [2, 3], np.array([4, 5])
    assert (grapher.xlim, grapher.ylim, grapher.zlim) == ([0, 1], [2, 3], [4, 5])
    for scene in (grapher.fig.layout.scene, grapher.fig.layout.scene2):
        assert (scene.xaxis.range, scene.yaxis.range, scene.zaxis.range) == ((0, 1), (2, 3), (4, 5))
    with pytest.raises(ValueError, match="zlim"):
        grapher.zlim = [1]
    assert grapher.zlim == [4, 5]
    grapher.zlim = None
    assert grapher.fig.layout.scene2.zaxis.range is None
    with pytest.raises(AttributeError):
        grapher.fig = None  # type: ignore[misc]


def test_equal_axes_are_centred_and_of_the_longest_range() -> None:
    grapher = PlotlyGrapher(cols=2)
    grapher.add_points(np.array([[0, 0, 10, 5], [0, 4, 30, 5.0]]))
    grapher.add_lines(np.array([[0, 1, 20, 5, 2, 25, 6.0]]), col=2)
    grapher.add_trace(go.Scatter3d())
    assert grapher.equalise_axes() is grapher
    assert (grapher.xlim, grapher.ylim, grapher.zlim) == ([-8, 12], [10, 30], [-4.5, 15.5])
    assert grapher.fig.layout.scene2.zaxis.range == (-4.5, 15.5)


def test_equal_axes_of_one_point_have_a_width() -> None:
    grapher = PlotlyGrapher().add_points(np.array([[0, 1e7, 2, np.nan]]), color="red")
    grapher.equalise_axes()
    for low, high in (grapher.xlim, grapher.ylim, grapher.zlim):
        assert high - low >= 0.99
    assert np.mean(grapher.xlim) == pytest.approx(1e7)


def test_showing_follows_the_data_unless_limits_were_set(monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[Any] = []
    monkeypatch.setattr(go.Figure, "show", lambda fig: shown.append(fig.layout.scene.xaxis.range))
    grapher = PlotlyGrapher().add_points(np.array([[0, 0, 0, 0], [0, 2, 1, 1.0]]))
    assert grapher.show() is None
    grapher.add_points(np.array([[0, 4, 0, 0.0]])).show()
    grapher.show(equal_axes=False)
    assert shown == [(0, 2), (0, 4), None]
    grapher.ylim = (0, 10)
    grapher.show()
    assert shown[-1] is None
    fixed = PlotlyGrapher().add_points(np.array([[0, 0, 0, 0], [0, 2, 1, 1.0]])).equalise_axes()
    fixed.add_points(np.array([[0, 9, 0, 0.0]])).show()
    assert shown[-1] == (0, 2)


def test_text_and_notebook_forms_change_nothing() -> None:
    grapher = PlotlyGrapher().add_points(np.array([[0, 0, 0, 0], [0, 2, 1, 1.0]]))
    before = grapher.fig.to_json()
    assert "traces = 2" in repr(grapher)
    grapher._repr_mimebundle_()
    assert grapher.fig.to_json() == before
    assert grapher.xlim is None


def test_create_figure_leaves_the_figure_alone() -> None:
    grapher = PlotlyGrapher(cols=2, xlim=(1, 2)).add_points(np.ones((1, 4)))
    fresh = grapher.create_figure()
    assert len(fresh.data) == 0
    assert fresh.layout.scene2.xaxis.range == (1, 2)
    assert len(grapher.fig.data) == 1


def test_large_inputs_are_thinned_with_a_note(caplog: pytest.LogCaptureFixture) -> None:
    rows = points_with_labels(np.arange(1001))
    with caplog.at_level(logging.INFO, logger="gpupept"):
        grapher = PlotlyGrapher(cols=2).add_points(rows, col=2, max_points=500)
    np.testing.assert_array_equal(grapher.fig.data[0].x, rows[::3, 1])
    np.testing.assert_array_equal(grapher.fig.data[0].marker.color, rows[::3, 4])
    note = grapher.fig.layout.annotations[-1]
    assert note.text == "334 of 1 001 points drawn (max_points=500)"
    assert note.x == grapher.fig.layout.scene2.domain.x[0]
    assert note.text in caplog.text
    lines = np.random.default_rng(0).uniform(size=(10, 7))
    grapher.add_lines(lines, col=2, max_lines=5, color=np.arange(10))
    assert list(grapher.fig.data[1].line.color) == list(np.repeat(np.arange(0, 10, 2), 3))
    assert grapher.fig.layout.annotations[-1].text.endswith("<br>5 of 10 lines drawn (max_lines=5)")


def test_thinning_keeps_every_colour_value() -> None:
    rows = points_with_labels([0] * 100 + [1])
    grapher = PlotlyGrapher().add_points(rows, max_points=20)
    assert [len(trace.x) for trace in grapher.fig.data] == [17, 1]
    complete = PlotlyGrapher().add_points(rows, max_points=None)
    assert sum(len(trace.x) for trace in complete.fig.data) == 101
    assert len(complete.fig.layout.annotations) == 1
    with pytest.raises(ValueError, match="max_points"):
        PlotlyGrapher().add_points(rows, max_points=0)
    with pytest.raises(ValueError, match="max_lines"):
        PlotlyGrapher().add_lines(np.ones((1, 7)), max_lines=-1)


def test_colour_bars_stand_beside_their_subplots() -> None:
    rows = points_with_labels(np.arange(20))
    grapher = PlotlyGrapher(rows=2, cols=2)
    grapher.add_points(rows, colorbar_title="a").add_points(rows, 2, 2, colorbar_title="b")
    first, last = (trace.marker.colorbar for trace in grapher.fig.data)
    layout = grapher.fig.layout
    assert (first.x, first.xanchor) == (layout.scene.domain.x[1], "left")
    assert layout.scene2.domain.x[0] - first.x > 0.13  # room for it, in its whole column
    assert layout.scene3.domain.x == layout.scene.domain.x
    grapher.add_points(rows, 2, 1, colorbar_title="c")
    assert grapher.fig.data[-1].marker.colorbar.x == layout.scene3.domain.x[1] == first.x
    assert first.y > 0.5 > last.y
    assert first.len == pytest.approx(0.475)
    assert (last.x, last.xanchor) == (1.0, "left")
    alone = PlotlyGrapher().add_points(rows, colorbar_title="a").fig.data[0].marker.colorbar
    assert alone.x is None


def test_copies_are_independent_and_still_have_subplots() -> None:
    grapher = PlotlyGrapher(cols=2).add_points(np.ones((1, 4)))
    for other in (grapher.copy(), copy.deepcopy(grapher), pickle.loads(pickle.dumps(grapher))):
        other.add_points(np.ones((1, 4)), col=2).xlim = (0, 1)
        assert [trace.scene for trace in other.fig.data] == ["scene", "scene2"]
    assert len(grapher.fig.data) == 1
    assert grapher.fig.layout.scene.xaxis.range is None


@pytest.mark.parametrize("name", ["figure.npz", "figure.pickle"])
def test_saved_figures_come_back(name: str, tmp_path: Path) -> None:
    grapher = PlotlyGrapher(cols=2, ylim=(0, 9), subplot_titles=["a"])
    grapher.add_points(points_with_labels(np.arange(20))).xlabel("u", col=2)
    grapher.save(tmp_path / name)
    found = PlotlyGrapher.load(tmp_path / name)
    assert json.loads(found.fig.to_json()) == json.loads(grapher.fig.to_json())
    assert found.ylim == [0, 9]
    found.add_points(np.array([[0, 50, 0, 0.0]]), col=2).equalise_axes()
    assert found.xlim[1] == 50
    assert found.xlim[0] < 9
    assert found.fig.data[1].scene == "scene2"


def test_device_data_are_brought_to_the_host(device: Any) -> None:
    rows = points_with_labels([0, 1, 1])
    trace = PlotlyGrapher.points_trace(pept.PointData(device.asarray(rows)), color="red")
    np.testing.assert_array_equal(trace.x, rows[:, 1])
    lines = np.arange(14.0).reshape(2, 7)
    trace = PlotlyGrapher.lines_trace(device.asarray(lines))
    np.testing.assert_array_equal(np.asarray(trace.x)[[0, 3]], lines[:, 1])


@settings(max_examples=30, deadline=None)
@example(np.full((1, 5), 5e-324))
@example(np.array([[0, 1, 2, 3, 0], [0, 1.7e308, -1.7e308, 0, 0]]))
@given(
    hnp.arrays(
        np.float64,
        st.tuples(st.integers(0, 12), st.just(5)),
        elements=st.floats(allow_nan=True, allow_infinity=True) | st.sampled_from([0.0, 1.0]),
    )
)
def test_any_points_make_a_figure(rows: np.ndarray) -> None:
    grapher = PlotlyGrapher().add_points(rows).add_points(rows, colorbar=False).equalise_axes()
    labelled = np.count_nonzero(~np.isnan(rows[:, 4]))
    count = sum(len(trace.x) for trace in grapher.fig.data)
    assert count in (labelled + len(rows), 2 * len(rows))
    for limits in (grapher.xlim, grapher.ylim, grapher.zlim):
        assert limits is None or -np.inf < limits[0] < limits[1] < np.inf
    grapher.fig.to_json()


def test_examples_of_the_manual(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(go.Figure, "show", lambda fig: None)
    lines = pept.LineData(np.arange(70).reshape((10, 7)))
    points = pept.PointData(np.arange(40).reshape((10, 4)))
    PlotlyGrapher().add_lines(lines).show()
    PlotlyGrapher().add_points(points).show()
    grapher = PlotlyGrapher(rows=2, cols=2)
    grapher.add_lines(lines, col=2)
    grapher.add_points(points, row=2, col=2)
    grapher.show()
    assert {trace.scene for trace in grapher.fig.data} == {"scene2", "scene4"}
    sample = PlotlyGrapher()
    sample.add_lines(lines[0])
    sample.add_points(points.points[::10])
    assert len(sample.fig.data) == 2
