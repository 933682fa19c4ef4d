"""Simulated measurements with known truth, and comparing tracked positions with it."""

from __future__ import annotations

from gpupept.simulation.circles import Rotation, fit_rotation
from gpupept.simulation.comparison import (
    LocationErrors,
    TrajectoryErrors,
    location_errors,
    trajectory_errors,
)
from gpupept.simulation.lines import SimulatedLines, rotating_tracers, simulate_lines
from gpupept.simulation.paths import CircularPath, SampledPath
from gpupept.simulation.screens import ParallelScreens

__all__ = [
    "CircularPath",
    "LocationErrors",
    "ParallelScreens",
    "Rotation",
    "SampledPath",
    "SimulatedLines",
    "TrajectoryErrors",
    "fit_rotation",
    "location_errors",
    "rotating_tracers",
    "simulate_lines",
    "trajectory_errors",
]
