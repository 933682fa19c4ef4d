"""Fonts and templates of figures, and the histogram."""

from __future__ import annotations

from typing import Any

import numpy as np
import plotly.graph_objects as go
import pytest
from plotly.subplots import make_subplots

from gpupept.plots import format_fig, histogram


def test_every_text_gets_the_font() -> None:
    fig = make_subplots(
        rows=1, cols=2, specs=[[{"type": "xy"}, {"type": "scatter3d"}]], subplot_titles=["a", "b"]
    )
    fig.update_layout(title_text="whole", xaxis_title_text="x")
    assert format_fig(fig, size=11, font="Serif", template="plotly_dark") is fig
    layout = fig.layout
    scene = layout.scene
    fonts = [layout.font, layout.title.font, layout.xaxis.title.font, layout.yaxis.title.font]
    fonts += [note.font for note in layout.annotations]
    fonts += [scene[f"{axis}axis"].title.font for axis in "xyz"]
    assert {(font.family, font.size) for font in fonts} == {("Serif", 11)}
    assert (layout.title.text, layout.xaxis.title.text) == ("whole", "x")
    assert layout.template.layout.paper_bgcolor == "rgb(17,17,17)"


def test_defaults() -> None:
    layout = format_fig(go.Figure()).layout
    assert (layout.font.size, layout.font.family) == (20, "Computer Modern")
    assert layout.template.layout.plot_bgcolor == "white"


def test_histogram() -> None:
    values = np.random.default_rng(0).normal(size=50)
    fig = histogram(
        values,
        nbins=7,
        xlim=(-2, 2),
        ylim=(0, 60),
        xaxis_title="v",
        yaxis_title="share",
        opacity=0.5,
    )
    bars, box = fig.data
    assert (bars.type, box.type) == ("histogram", "box")
    np.testing.assert_array_equal(bars.x, values)
    assert (bars.nbinsx, bars.histnorm, bars.marker.opacity) == (7, "percent", 0.5)
    assert fig.layout.xaxis.range == (-2, 2)
    assert fig.layout.yaxis.range == (0, 60)
    assert (fig.layout.xaxis.title.text, fig.layout.yaxis.title.text) == ("v", "share")
    assert fig.layout.font.size == 20


def test_histogram_without_a_margin_or_data() -> None:
    assert [trace.type for trace in histogram([1, 2], marginal=None).data] == ["histogram"]
    assert len(histogram(np.empty(0)).data) == 0


def test_many_values_are_thinned_with_a_note() -> None:
    values = np.tile([0.0, 1.0], 5_000)  # of which every second would be all the same
    fig = histogram(values, max_values=5_000)
    bars, box = fig.data
    assert len(bars.x) == len(box.x) == 5_000
    assert 0.45 < np.mean(bars.x) < 0.55
    assert fig.layout.annotations[-1].text == "5 000 of 10 000 values drawn (max_values=5000)"
    complete = histogram(values, max_values=None)
    assert len(complete.data[0].x) == 10_000
    assert len(complete.layout.annotations) == 0


@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        ({"data": np.zeros((2, 2))}, "data"),
        ({"data": [1.0], "xlim": [1]}, "xlim"),
        ({"data": [1.0], "max_values": 0}, "max_values"),
    ],
)
def test_bad_histogram_arguments_are_named(arguments: dict[str, Any], name: str) -> None:
    with pytest.raises(ValueError, match=name):
        histogram(**arguments)


def test_histogram_of_device_data(device: Any) -> None:
    assert list(histogram(device.asarray(np.array([1.0, 2.0]))).data[0].x) == [1.0, 2.0]
