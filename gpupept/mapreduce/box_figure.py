"""A figure of cells and their borders."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from gpupept.mapreduce.box import Box


def boxes_figure(full: Box, boxes0: Sequence[Box], boxes1: Sequence[Box], skip: int) -> Any:
    """Draw cells and their borders, seen along z.

    Parameters
    ----------
    full : Box
        The exposure.
    boxes0, boxes1 : sequence of Box
        The cells, without and with border.
    skip : int
        Every how manieth cell to draw.

    Returns
    -------
    plotly.graph_objects.Figure
    """
    import plotly.graph_objects as go

    figure = go.Figure()
    groups = (("exposure", [full], "black"), ("cells", boxes0[::skip], "red"))
    for name, boxes, colour in (*groups, ("borders", boxes1[::skip], "blue")):
        x, y = _outlines(boxes)
        line = {"color": colour, "width": 1}
        figure.add_scatter(x=x, y=y, mode="lines", name=name, line=line)
    figure.update_layout(xaxis_title="x", yaxis={"title": "y", "scaleanchor": "x"})
    return figure


def _outlines(boxes: Sequence[Box]) -> tuple[np.ndarray, np.ndarray]:
    """Corners of boxes in turn, with NaN between boxes."""
    low = np.array([box.getMin()[:2] for box in boxes], dtype=float).reshape(-1, 2)
    high = np.array([box.getEnd()[:2] for box in boxes], dtype=float).reshape(-1, 2)
    gap = np.full(len(low), np.nan)
    x = np.stack([low[:, 0], high[:, 0], high[:, 0], low[:, 0], low[:, 0], gap], axis=1)
    y = np.stack([low[:, 1], low[:, 1], high[:, 1], high[:, 1], low[:, 1], gap], axis=1)
    return x.ravel(), y.ravel()
