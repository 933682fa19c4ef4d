"""Interactive figures of PEPT data, built with Plotly.

`PlotlyGrapher` draws lines, points, pixels and voxels in three dimensions, `PlotlyGrapher2D` lines,
points, pixels and images in two, and positions against time. Both accept gpupept containers on
either device and plain NumPy arrays, hold a Plotly figure (``.fig``) and write it as a web page
(``.to_html``). Plotly itself is imported when the first figure or trace is made.
"""

from __future__ import annotations

from gpupept.plots.formatting import format_fig, histogram
from gpupept.plots.plotly_grapher import PlotlyGrapher
from gpupept.plots.plotly_grapher_2d import PlotlyGrapher2D
from gpupept.plots.video import make_video

__all__ = ["PlotlyGrapher", "PlotlyGrapher2D", "format_fig", "histogram", "make_video"]
