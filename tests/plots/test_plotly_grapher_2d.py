"""Figures in a plane, and coordinates against time."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import numpy as np
import plotly.graph_objects as go
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import gpupept as pept
from gpupept.plots import PlotlyGrapher2D


@pytest.fixture
def trajectory() -> np.ndarray:
    """Two tracers: columns t, x, y, z, label; ranges 0-99, 0-10, 100-120, -1-1."""
    t = np.arange(100.0)
    rows = np.column_stack([t, t / 9.9, 100 + t / 4.95, np.cos(t), t % 2])
    rows[0, 3], rows[1, 3] = -1, 1
    return rows


def axes(fig: Any, letter: str) -> list[Any]:
    found = [fig.layout[name] for name in fig.layout if name.startswith(f"{letter}axis")]
    return [axis for axis in found if axis.domain is not None]


def test_layout_as_documented() -> None:
    grapher = PlotlyGrapher2D(rows=2, cols=2, ylim=(1, 2), subplot_titles=["a"])
    layout = grapher.fig.layout
    assert layout.xaxis.title.text == layout.xaxis4.title.text == "<i>x</i> (mm)"
    assert layout.yaxis3.title.text == "<i>y</i> (mm)"
    ties = [(axis.scaleanchor, axis.scaleratio) for axis in axes(grapher.fig, "y")]
    assert sorted(ties) == [("x", 1), ("x2", 1), ("x3", 1), ("x4", 1)]
    assert layout.yaxis2.scaleanchor == "x2"
    assert {axis.range for axis in axes(grapher.fig, "y")} == {(1, 2)}
    assert {axis.range for axis in axes(grapher.fig, "x")} == {None}
    assert layout.showlegend is False
    assert layout.margin.to_plotly_json() == {"l": 0, "r": 0, "b": 30, "t": 30}
    assert (layout.font.size, layout.xaxis2.title.font.size) == (20, 20)
    assert layout.xaxis2.domain[0] - layout.xaxis.domain[1] == pytest.approx(0.05)
    assert layout.yaxis.domain[0] - layout.yaxis3.domain[1] == pytest.approx(0.08)


def test_further_options_reach_make_subplots() -> None:
    grapher = PlotlyGrapher2D(rows=2, row_heights=[3, 1], vertical_spacing=0.2)
    first, second = grapher.fig.layout.yaxis.domain, grapher.fig.layout.yaxis2.domain
    assert (first[1] - first[0]) / (second[1] - second[0]) == pytest.approx(3)
    assert first[0] - second[1] == pytest.approx(0.2)


def test_labels_find_subplots_of_other_arrangements() -> None:
    specs = [[{"colspan": 2}, None], [{}, {"secondary_y": True}]]
    grapher = PlotlyGrapher2D(rows=2, cols=2, specs=specs).xlabel("u", 2, 2)
    assert grapher.fig.layout.xaxis3.title.text == "u"
    grapher.add_points(np.ones((1, 3)), 2, 1)
    assert grapher.fig.data[0].xaxis == "x2"
    with pytest.raises(ValueError, match=r"no x, y axes at \(1, 2\)"):
        grapher.xlabel("u", 1, 2)
    below = PlotlyGrapher2D(rows=2, start_cell="bottom-left").xlabel("u", row=2)
    assert below.fig.layout.xaxis2.title.text == "u"
    assert below.fig.layout.yaxis2.domain[0] > 0.5


@pytest.mark.parametrize(
    "arguments", [{"rows": 0}, {"cols": 0}, {"xlim": [1]}, {"ylim": "ab"}, {"subplot_titles": "ab"}]
)
def test_bad_arguments_are_named(arguments: dict[str, Any]) -> None:
    if "subplot_titles" in arguments:
        assert PlotlyGrapher2D(**arguments).fig.layout.annotations[0].text == "ab"
        return
    with pytest.raises(ValueError, match=next(iter(arguments))):
        PlotlyGrapher2D(**arguments)


def test_no_state_shared_between_figures() -> None:
    titles = ["only"]
    PlotlyGrapher2D(rows=2, subplot_titles=titles)
    assert titles == ["only"]
    assert len(PlotlyGrapher2D().fig.layout.annotations) == 1


def test_limit_setters_change_their_own_axes() -> None:
    grapher = PlotlyGrapher2D(cols=2, xlim=(0, 1))
    grapher.ylim = (5, 6)
    assert {axis.range for axis in axes(grapher.fig, "x")} == {(0, 1)}
    assert {axis.range for axis in axes(grapher.fig, "y")} == {(5, 6)}
    grapher.xlim = None
    assert {axis.range for axis in axes(grapher.fig, "x")} == {None}
    with pytest.raises(ValueError, match="ylim"):
        grapher.ylim = [1, 2, 3]


def test_labels_address_their_own_subplot() -> None:
    grapher = PlotlyGrapher2D(rows=2, cols=3)
    assert grapher.xlabel("u", row=2, col=1).ylabel("v", row=1, col=3) is grapher
    assert grapher.fig.layout.xaxis4.title.text == "u"
    assert grapher.fig.layout.yaxis3.title.text == "v"
    assert grapher.fig.layout.xaxis2.title.text == "<i>x</i> (mm)"


def test_points() -> None:
    rows = np.random.default_rng(0).uniform(size=(30, 4))
    trace = PlotlyGrapher2D.points_trace(rows)
    assert (trace.type, trace.mode, trace.marker.size) == ("scatter", "markers", 2.0)
    np.testing.assert_array_equal([trace.x, trace.y], rows[:, 1:3].T)
    np.testing.assert_array_equal(trace.marker.color, rows[:, 3])
    grapher = PlotlyGrapher2D(rows=2, cols=3).add_points(rows, 2, 1, colorbar_title="c")
    drawn = grapher.fig.data[0]
    assert (drawn.xaxis, drawn.yaxis, drawn.marker.size) == ("x4", "y4", 6.0)
    labelled = np.column_stack([rows[:, :3], np.arange(30) % 10])
    assert len(PlotlyGrapher2D.points_trace(labelled)) == 10
    labelled[:, 3] = np.arange(30) % 11
    assert PlotlyGrapher2D.points_trace(labelled).type == "scatter"


def test_points_of_a_container_lie_in_its_xy_plane(trajectory: np.ndarray) -> None:
    data = pept.PointData(trajectory, columns=["t", "x", "y", "z", "label"])
    trace = PlotlyGrapher2D.points_trace(data, colorbar_col="z")
    np.testing.assert_array_equal(trace.y, trajectory[:, 2])
    np.testing.assert_array_equal(trace.marker.color, trajectory[:, 3])


def test_lines() -> None:
    rows = np.arange(10.0).reshape(2, 5)
    trace = PlotlyGrapher2D.lines_trace(rows, width=3.0, color="red", opacity=0.5, name="n")
    np.testing.assert_array_equal(trace.x, [1, 3, np.nan, 6, 8, np.nan])
    np.testing.assert_array_equal(trace.y, [2, 4, np.nan, 7, 9, np.nan])
    assert (trace.type, trace.mode, trace.opacity, trace.name) == ("scatter", "lines", 0.5, "n")
    assert (trace.line.width, trace.line.color) == (3.0, "red")
    lors = pept.LineData(np.arange(7.0)[None])
    projected = PlotlyGrapher2D().add_lines(lors).fig.data[0]
    np.testing.assert_array_equal(projected.x, [1, 4, np.nan])
    np.testing.assert_array_equal(projected.y, [2, 5, np.nan])


@pytest.mark.parametrize("wrong", [np.zeros((4, 2)), np.zeros(5), "text", None])
def test_wrong_data_are_refused(wrong: Any) -> None:
    grapher = PlotlyGrapher2D()
    for add, name in (
        (grapher.add_points, "points"),
        (grapher.add_lines, "lines"),
        (grapher.add_timeseries, "points"),
    ):
        with pytest.raises((ValueError, TypeError), match=name):
            add(wrong)
    assert len(grapher.fig.data) == 0
    assert "yaxis2" not in grapher.fig.layout.to_plotly_json()


def test_many_marks_are_drawn_by_the_graphics_card() -> None:
    rows = np.random.default_rng(0).uniform(size=(20_001, 5))
    assert PlotlyGrapher2D.points_trace(rows[:20_000], color="red").type == "scatter"
    assert PlotlyGrapher2D.points_trace(rows, color="red").type == "scattergl"
    assert PlotlyGrapher2D.lines_trace(rows).type == "scattergl"
    assert PlotlyGrapher2D.timeseries_trace(rows)[2].type == "scattergl"
    assert PlotlyGrapher2D().add_points(rows, max_points=20_000).fig.data[0].type == "scatter"


def test_large_inputs_are_thinned_with_a_note(trajectory: np.ndarray) -> None:
    grapher = PlotlyGrapher2D(cols=2).add_points(trajectory[:, :4], col=2, max_points=50)
    note = grapher.fig.layout.annotations[-1]
    assert (note.text, note.xref) == ("50 of 100 points drawn (max_points=50)", "x2 domain")
    np.testing.assert_array_equal(grapher.fig.data[0].x, trajectory[::2, 1])
    lines = np.arange(50.0).reshape(10, 5)
    grapher.add_lines(lines, max_lines=3)
    assert len(grapher.fig.data[1].x) == 9
    assert "3 of 10 lines drawn (max_lines=3)" in grapher.fig.layout.annotations[-1].text
    series = PlotlyGrapher2D().add_timeseries(trajectory, max_points=10)
    assert [len(trace.x) for trace in series.fig.data] == [5] * 6
    assert len(series.fig.layout.annotations) == 4


def test_equal_axes() -> None:
    grapher = PlotlyGrapher2D(cols=2)
    grapher.add_points(np.array([[0, 0, 10], [0, 4, 30.0]])).add_lines([[0, 1, 20, 2, 25]], col=2)
    assert grapher.equalise_axes() is grapher
    assert (grapher.xlim, grapher.ylim) == ([-8, 12], [10, 30])
    assert grapher.fig.layout.yaxis2.range == (10, 30)
    assert grapher.equalise_separate() is grapher
    assert (grapher.xlim, grapher.ylim) == ([0, 4], [10, 30])


def test_equalising_needs_coordinates_of_all_traces() -> None:
    grapher = PlotlyGrapher2D()
    assert grapher.equalise_axes().equalise_separate().xlim is None
    grapher.add_points(np.array([[0, 0, 10], [0, 4, 30.0]])).add_image(np.zeros((4, 6, 3)))
    assert grapher.equalise_axes().equalise_separate().xlim is None


def test_showing(monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[Any] = []
    monkeypatch.setattr(
        go.Figure,
        "show",
        lambda fig: shown.append((fig.layout.xaxis.range, fig.layout.yaxis.range)),
    )
    grapher = PlotlyGrapher2D().add_points(np.array([[0, 0, 0], [0, 2, 1.0]]))
    grapher.show()
    grapher.show(equal_axes=False)
    assert shown == [((0, 2), (-0.5, 1.5)), ((0, 2), (0, 1))]
    grapher.xlim = (0, 5)
    grapher.show()
    assert shown[-1][0] == (0, 5)


def test_timeseries_traces(trajectory: np.ndarray) -> None:
    continuous = PlotlyGrapher2D.timeseries_trace(trajectory, colorbar_col="x", colorbar_title="x")
    assert [trace.type for trace in continuous] == ["scatter"] * 3
    for column, trace in enumerate(continuous, start=1):
        np.testing.assert_array_equal(trace.x, trajectory[:, 0])
        np.testing.assert_array_equal(trace.y, trajectory[:, column])
        assert (trace.mode, trace.marker.size) == ("markers", 6.0)
    assert [trace.marker.showscale for trace in continuous] == [None, False, False]
    labelled = PlotlyGrapher2D.timeseries_trace(trajectory)
    assert [len(traces) for traces in labelled] == [2, 2, 2]
    np.testing.assert_array_equal(labelled[2][1].y, trajectory[1::2, 3])
    single = PlotlyGrapher2D.timeseries_trace(trajectory, color="black", marker={"symbol": "x"})
    assert [trace.marker.symbol for trace in single] == ["x"] * 3


def test_timeseries_makes_room_and_labels(trajectory: np.ndarray) -> None:
    grapher = PlotlyGrapher2D()
    assert grapher.add_timeseries(pept.PointData(trajectory)) is grapher
    layout = grapher.fig.layout
    assert len(axes(grapher.fig, "x")) == 3
    assert layout.xaxis.title.text == layout.xaxis3.title.text == "t (ms)"
    titles = [layout[f"yaxis{i}"].title.text for i in ("", 2, 3)]
    assert titles == ["x (mm)", "y (mm)", "z (mm)"]
    assert (layout.xaxis.matches, layout.xaxis2.matches, layout.xaxis3.matches) == (None, "x", "x")
    assert {axis.scaleanchor for axis in axes(grapher.fig, "y")} == {None}
    assert [trace.yaxis for trace in grapher.fig.data] == ["y", "y", "y2", "y2", "y3", "y3"]


def test_a_trajectory_has_one_colour_in_all_coordinates(trajectory: np.ndarray) -> None:
    grapher = PlotlyGrapher2D().add_timeseries(trajectory).add_timeseries(trajectory + 1)
    colours = {name: [] for name in ("y", "y2", "y3")}
    for trace in grapher.fig.data:
        colours[trace.yaxis].append(trace.marker.color)
    assert colours["y"] == colours["y2"] == colours["y3"]
    assert colours["y"] == list(grapher.fig.layout.template.layout.colorway[:4])


def test_stacked_time_axes_have_one_row_of_tick_labels(trajectory: np.ndarray) -> None:
    layout = PlotlyGrapher2D().add_timeseries(trajectory).fig.layout
    hidden = [layout[f"xaxis{i}"].showticklabels for i in ("", 2, 3)]
    assert hidden == [False, False, None]
    cells = [(2, 1), (1, 1), (1, 2)]
    layout = PlotlyGrapher2D().add_timeseries(trajectory, rows_cols=cells).fig.layout
    hidden = [layout[f"xaxis{i}"].showticklabels for i in ("", 2, 3)]
    assert hidden == [False, None, None]


def test_timeseries_ranges_fit_each_coordinate(trajectory: np.ndarray, tmp_path: Path) -> None:
    grapher = PlotlyGrapher2D().add_timeseries(trajectory)
    for _ in range(2):
        ranges = [np.array(axis.range) for axis in axes(grapher.fig, "y")]
        ranges.sort(key=lambda pair: pair[0])
        np.testing.assert_allclose(ranges, [[-1.1, 1.1], [-0.5, 10.5], [99, 121]], atol=1e-9)
        for axis in axes(grapher.fig, "x"):
            np.testing.assert_allclose(axis.range, [-4.95, 103.95])
        grapher.to_html(tmp_path / "series.html")  # showing must not make the ranges equal
    grapher.add_trace(go.Scatter(x=[0, 1], y=[-10, 0]), row=3)
    np.testing.assert_allclose(grapher.fig.layout.yaxis3.range, [-10.55, 1.55])
    grapher.equalise_axes().equalise_separate()
    np.testing.assert_allclose(grapher.fig.layout.yaxis2.range, [99, 121])
    grapher.xlim = (0, 50)
    assert {axis.range for axis in axes(grapher.fig, "x")} == {(0, 50)}
    grapher.ylim = (0, 1)
    assert {axis.range for axis in axes(grapher.fig, "y")} == {(0, 1)}
    grapher.ylim = None
    np.testing.assert_allclose(grapher.fig.layout.yaxis2.range, [99, 121])


def test_times_and_coordinates_that_are_not_finite() -> None:
    rows = np.array([[0, 1, 1.7e308, 5], [np.nan, 2, -1.7e308, 5], [2, np.inf, 0, 5.0]])
    grapher = PlotlyGrapher2D().add_timeseries(rows, color="red").equalise_separate()
    layout = grapher.fig.layout
    np.testing.assert_allclose(layout.xaxis3.range, [-0.1, 2.1])
    np.testing.assert_allclose(layout.yaxis.range, [0.95, 2.05])
    assert layout.yaxis2.range is None
    np.testing.assert_allclose(layout.yaxis3.range, [4.5, 5.5])
    plane = PlotlyGrapher2D().add_points(rows, color="red").equalise_axes()
    assert plane.equalise_separate().ylim is None


def test_limits_given_first_hold_for_a_timeseries(trajectory: np.ndarray) -> None:
    grapher = PlotlyGrapher2D(xlim=(10, 20)).add_timeseries(trajectory)
    assert {axis.range for axis in axes(grapher.fig, "x")} == {(10, 20)}


def test_a_timeseries_never_discards_what_is_there(
    trajectory: np.ndarray, caplog: pytest.LogCaptureFixture
) -> None:
    grapher = PlotlyGrapher2D(rows=2, cols=2, subplot_titles=["a", "b", "c", "d"])
    grapher.add_points(trajectory[:, :3], 2, 1, color="red", max_points=50)
    grapher.add_points(trajectory[:, :3], 2, 2, color="blue")
    grapher.xlabel("across", 2, 1)
    grapher.fig.add_shape(type="line", x0=0, x1=1, y0=0, y1=1, row=2, col=1)
    grapher.fig.update_layout(title_text="whole", paper_bgcolor="ivory")
    grapher.fig.layout.annotations[2].text = "renamed"
    with caplog.at_level(logging.INFO, logger="gpupept"):
        grapher.add_timeseries(trajectory, rows_cols=[(1, 3), (2, 3), (3, 3)], color="black")
    fig = grapher.fig
    assert len(axes(fig, "x")) == 9
    places = {trace.marker.color: [] for trace in fig.data}
    for trace in fig.data:
        places[trace.marker.color].append((trace.xaxis, trace.yaxis))
    assert places == {
        "red": [("x4", "y4")],
        "blue": [("x5", "y5")],
        "black": [("x3", "y3"), ("x6", "y6"), ("x9", "y9")],
    }
    texts = [note.text for note in fig.layout.annotations]
    assert texts[:9] == ["a", "b", "  ", "renamed", "d", "  ", "  ", "  ", "  "]
    assert "50 of 100 points drawn" in texts[9]
    assert fig.layout.annotations[9].xref == "x4 domain"
    assert (fig.layout.shapes[0].xref, fig.layout.shapes[0].yref) == ("x4", "y4")
    assert (fig.layout.title.text, fig.layout.paper_bgcolor) == ("whole", "ivory")
    assert fig.layout.xaxis4.title.text == "across"
    assert fig.layout.yaxis4.scaleanchor == "x4"
    assert fig.layout.yaxis6.scaleanchor is None
    assert (fig.layout.xaxis3.matches, fig.layout.xaxis9.matches) == (None, "x3")
    assert "enlarged" in caplog.text


def test_colour_bars_follow_their_subplots(trajectory: np.ndarray) -> None:
    options = {"colorbar_col": 0, "colorbar_title": "t (ms)"}
    grapher = PlotlyGrapher2D(cols=2).add_points(trajectory, col=2, **options)
    grapher.add_points(trajectory, **options, marker={"colorbar": {"x": 0.1, "y": 0.2}})
    bar = grapher.fig.data[0].marker.colorbar
    assert (bar.x, bar.xanchor, bar.y, bar.len) == (1.0, "left", 0.5, 1.0)
    grapher.add_timeseries(trajectory)
    bar = grapher.fig.data[0].marker.colorbar
    low, high = grapher.fig.layout.yaxis2.domain
    assert (bar.y, bar.len) == ((low + high) / 2, high - low)
    chosen = grapher.fig.data[1].marker.colorbar
    assert (chosen.x, chosen.y) == (0.1, 0.2)


def test_a_second_timeseries_overlays_or_stands_beside_the_first(trajectory: np.ndarray) -> None:
    grapher = PlotlyGrapher2D().add_timeseries(trajectory, color="red")
    fig = grapher.fig
    grapher.add_timeseries(trajectory, color="blue")
    assert grapher.fig is fig
    beside = [(1, 2), (2, 2), (3, 2)]
    grapher.add_timeseries(trajectory + 1, rows_cols=beside, color="black")
    black = [trace.yaxis for trace in grapher.fig.data if trace.marker.color == "black"]
    red = [trace.yaxis for trace in grapher.fig.data if trace.marker.color == "red"]
    assert (red, black) == (["y", "y3", "y5"], ["y2", "y4", "y6"])
    assert {axis.matches for axis in axes(grapher.fig, "x")} == {None, "x"}
    assert grapher.fig.layout.xaxis.matches is None
    np.testing.assert_allclose(grapher.fig.layout.xaxis6.range, [-5, 105])


def test_equal_axes_of_the_plane_leave_the_timeseries_alone(trajectory: np.ndarray) -> None:
    grapher = PlotlyGrapher2D(cols=2).add_points(trajectory[:, :3], col=2, color="red")
    grapher.add_timeseries(trajectory).equalise_axes()
    assert (grapher.xlim, grapher.ylim) == ([-5, 15], [100, 120])
    assert grapher.fig.layout.xaxis2.range == (-5, 15)
    np.testing.assert_allclose(grapher.fig.layout.xaxis5.range, [-4.95, 103.95])
    np.testing.assert_allclose(grapher.fig.layout.yaxis5.range, [-1.1, 1.1])


def test_labels_have_the_colours_of_the_timeseries_in_the_plane(trajectory: np.ndarray) -> None:
    labelled = np.column_stack([trajectory, np.arange(100) % 2])
    grapher = PlotlyGrapher2D(rows=3, cols=2).add_timeseries(labelled)
    grapher.add_points(labelled[labelled[:, 4] == 1][:, [0, 1, 2, 4]], 1, 2)
    plane = grapher.fig.data[-1]
    assert plane.name == "col3 1"
    assert plane.marker.color == grapher.fig.data[1].marker.color
    assert plane.marker.color == grapher.fig.layout.template.layout.colorway[1]


def test_coordinates_may_share_a_subplot(trajectory: np.ndarray) -> None:
    grapher = PlotlyGrapher2D().add_timeseries(trajectory, rows_cols=[(1, 1), (1, 1), (2, 1)])
    assert grapher.fig.layout.yaxis.title.text == "x, y (mm)"
    assert grapher.fig.layout.yaxis2.title.text == "z (mm)"


@pytest.mark.parametrize(
    "cells", [[(1, 1)], [(0, 1), (1, 1), (2, 1)], [(1, 1), (2, 1), (3,)], 5, "abc"]
)
def test_bad_places_of_a_timeseries_are_refused(cells: Any, trajectory: np.ndarray) -> None:
    grapher = PlotlyGrapher2D()
    with pytest.raises(ValueError, match="rows_cols"):
        grapher.add_timeseries(trajectory, rows_cols=cells)
    assert len(grapher.fig.data) == 0


def test_a_fixed_shape_is_not_enlarged(trajectory: np.ndarray) -> None:
    grapher = PlotlyGrapher2D(rows=2, row_heights=[2, 1]).add_points(trajectory[:, :3])
    before = grapher.fig.to_json()
    with pytest.raises(ValueError, match=r"2 x 1.*3 x 1.*row_heights"):
        grapher.add_timeseries(trajectory)
    assert grapher.fig.to_json() == before
    PlotlyGrapher2D(rows=3, row_heights=[2, 1, 1]).add_timeseries(trajectory)


def test_empty_timeseries(tmp_path: Path) -> None:
    grapher = PlotlyGrapher2D().add_timeseries(np.empty((0, 4)))
    assert grapher.fig.layout.yaxis3.title.text == "z (mm)"
    grapher.to_html(tmp_path / "empty.html")
    assert "traces = 0" in repr(grapher)


def test_images() -> None:
    picture = np.zeros((4, 6, 3), dtype=np.uint8)
    grapher = PlotlyGrapher2D(cols=2).add_image(picture, col=2, x0=1.0, dx=2.0)
    trace = grapher.fig.data[0]
    assert (trace.type, trace.xaxis, trace.x0, trace.dx) == ("image", "x2", 1.0, 2.0)
    assert trace.colormodel == "rgb"
    assert PlotlyGrapher2D().add_image(np.zeros((4, 6, 4))).fig.data[0].colormodel == "rgba"
    with pytest.raises(ValueError, match=r"image.*\(4, 6\)"):
        grapher.add_image(picture[..., 0])
    with pytest.raises(ValueError, match="col"):
        grapher.add_image(picture, col=3)


def test_traces_of_the_timeseries_can_be_added_by_hand(trajectory: np.ndarray) -> None:
    traces = PlotlyGrapher2D.timeseries_trace(trajectory)
    grapher = PlotlyGrapher2D(rows=3)
    for row, each in enumerate(traces, start=1):
        grapher.add_traces(each, row=row)
    assert [trace.yaxis for trace in grapher.fig.data] == ["y", "y", "y2", "y2", "y3", "y3"]


def test_device_data_are_brought_to_the_host(device: Any, trajectory: np.ndarray) -> None:
    traces = PlotlyGrapher2D.timeseries_trace(
        pept.PointData(device.asarray(trajectory)), color="red"
    )
    np.testing.assert_array_equal(traces[2].y, trajectory[:, 3])
    points = PlotlyGrapher2D.points_trace(device.asarray(trajectory), color="red")
    np.testing.assert_array_equal(points.y, trajectory[:, 2])


@settings(max_examples=15, deadline=None)
@given(
    shape=st.tuples(st.integers(1, 3), st.integers(1, 3)),
    target=st.lists(st.tuples(st.integers(1, 4), st.integers(1, 4)), min_size=3, max_size=3),
)
def test_enlarging_keeps_every_trace_in_its_place(
    shape: tuple[int, int], target: list[tuple[int, int]]
) -> None:
    rows, cols = shape
    grapher = PlotlyGrapher2D(rows, cols)
    for row in range(1, rows + 1):
        for col in range(1, cols + 1):
            grapher.add_trace(go.Scatter(x=[0, 1], y=[0, 1], name=f"{row},{col}"), row, col)
    grapher.add_timeseries(np.ones((3, 4)), rows_cols=target, name="series")
    wide = max(cols, *(col for _, col in target))
    wanted = [f"{row},{col}" for row in range(1, rows + 1) for col in range(1, cols + 1)]
    named = {trace.name: trace for trace in grapher.fig.data if trace.name != "series"}
    assert list(named) == wanted
    for name, trace in named.items():
        row, col = map(int, name.split(","))
        number = (row - 1) * wide + col
        assert trace.yaxis == ("y" if number == 1 else f"y{number}")
    assert len(grapher.fig.data) == len(wanted) + 3
