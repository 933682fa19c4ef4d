"""Plotly is loaded by the first figure, not by importing the plotters."""

from __future__ import annotations

import subprocess
import sys

SCRIPT = """
import sys
import gpupept.plots
from gpupept.plots import PlotlyGrapher, PlotlyGrapher2D, format_fig, histogram
import gpupept.visualisation
loaded = {name.split(".")[0] for name in sys.modules}
assert not loaded & {"plotly", "pandas", "matplotlib", "numba"}, loaded
assert gpupept.visualisation.PlotlyGrapher is PlotlyGrapher
PlotlyGrapher()
assert "plotly" in sys.modules
"""


def test_importing_the_plotters_leaves_plotly_alone() -> None:
    result = subprocess.run(
        [sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=False
    )
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")
