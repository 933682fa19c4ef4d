"""Uniform fonts for figures, and a histogram in the same style."""

from __future__ import annotations

from typing import Any

import numpy as np

from gpupept.backend import to_host
from gpupept.base.thinning import spread_ranks, thinning_note, thinning_stride
from gpupept.plots.ranges import check_limits
from gpupept.plots.thinning import annotate


def format_fig(
    fig: Any, size: float = 20, font: str = "Computer Modern", template: str = "plotly_white"
) -> Any:
    """Give a figure one font, one text size and a template.

    Parameters
    ----------
    fig : plotly.graph_objects.Figure
        Changed in place.
    size : float, default 20
        Font size of the layout, title, annotations and axis titles, in points.
    font : str, default "Computer Modern"
        Font family; browsers without it fall back on their serif font.
    template : str, default "plotly_white"
        Name of a Plotly template.

    Returns
    -------
    plotly.graph_objects.Figure
        The figure given.

    Examples
    --------
    >>> import plotly.graph_objects as go
    >>> from gpupept.plots import format_fig
    >>> fig = format_fig(go.Figure(go.Scatter(y=[1, 2, 4])), size=12)
    >>> fig.layout.font.size
    12
    """
    style = {"family": font, "size": size}
    fig.update_layout(font=style, title={"font": style}, template=template)
    fig.update_annotations(font=style)
    fig.update_xaxes(title={"font": style})
    fig.update_yaxes(title={"font": style})
    fig.update_scenes({f"{axis}axis": {"title": {"font": style}} for axis in "xyz"})
    return fig


def histogram(
    data: Any,
    nbins: int | None = None,
    histnorm: str | None = "percent",
    marginal: str | None = "box",
    xlim: Any = None,
    ylim: Any = None,
    xaxis_title: str | None = None,
    yaxis_title: str | None = None,
    max_values: int | None = 500_000,
    **kwargs: Any,
) -> Any:
    """Draw the histogram of a vector, with a box plot above it.

    Parameters
    ----------
    data : (N,) array-like
        Values, on either device; a column of a container, for example.
    nbins : int, optional
        Largest number of bins; chosen by Plotly when not given.
    histnorm : str, default "percent"
        Unit of the bars: None for counts, "percent", "probability", "density" or
        "probability density".
    marginal : str, default "box"
        Plot above the histogram: "box", "violin", "rug", "histogram" or None.
    xlim, ylim : pair of float, optional
        Axis ranges; automatic when not given.
    xaxis_title, yaxis_title : str, optional
        Axis titles.
    max_values : int or None, default 500_000
        Draw at most so many values, evenly taken, and say so in the figure; counts are then of
        those. None draws all.
    **kwargs
        Further arguments of `plotly.express.histogram`.

    Returns
    -------
    plotly.graph_objects.Figure
        A figure with the histogram and the marginal plot as its traces.

    Raises
    ------
    ValueError
        If `data` is not one-dimensional, a limit is not a pair, or `max_values` is smaller than 1.

    Examples
    --------
    >>> import numpy as np
    >>> from gpupept.plots import histogram
    >>> fig = histogram(np.random.default_rng(0).normal(size=100), xaxis_title="speed (m/s)")
    >>> [trace.type for trace in fig.data]
    ['histogram', 'box']
    """
    values = np.asarray(to_host(data), dtype=np.float64)
    if values.ndim != 1:
        raise ValueError(f"data: expected a vector, found shape {values.shape}")
    ranges = {"range_x": check_limits("xlim", xlim), "range_y": check_limits("ylim", ylim)}
    stride = thinning_stride(len(values), max_values, "max_values")
    drawn = values if stride == 1 else values[spread_ranks(len(values), stride)]
    import plotly.express as px

    fig = px.histogram(
        x=drawn, nbins=nbins, histnorm=histnorm, marginal=marginal, **ranges, **kwargs
    )
    for axis, title in (("xaxis", xaxis_title), ("yaxis", yaxis_title)):
        if title is not None:
            fig.layout[axis].title.text = title
    format_fig(fig)
    if stride > 1:
        note = thinning_note(len(drawn), len(values), max_values, "max_values")
        place = {"xref": "paper", "yref": "paper", "x": 0, "y": 1, "yanchor": "bottom"}
        annotate(fig, "thinned", note, place)
    return fig
