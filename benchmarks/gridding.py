"""Reducers that turn trajectories into grids, for any library with pept's names.

This module runs in the peer's Python too; it imports NumPy, which pept needs, when it is used.
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from typing import Any

from benchmarks.stages import Target, timed

COLUMNS = ["t", "x", "y", "z", "v", "vx", "vy", "vz"]
SIDE = 100.0  # of the box in which the tracer moves, mm


@dataclass(frozen=True)
class Case:
    """One reducer on one grid."""

    reducer: str
    column: Any
    diameter: float
    cells: int
    rows: int

    @property
    def axes(self) -> int:
        """Number of axes of the grid."""
        return int(self.reducer[-2])


CASES = {
    "average, 512^2": Case("DynamicProbability2D", "v", 2.0, 512, 20_000),
    "average, 512^2, wide tracer": Case("DynamicProbability2D", "v", 10.0, 512, 4_000),
    "residence, 512^2": Case("ResidenceDistribution2D", "t", 2.0, 512, 20_000),
    "average, 50^3": Case("DynamicProbability3D", "v", 5.0, 50, 4_000),
    "average, 50^3, wide tracer": Case("DynamicProbability3D", "v", 20.0, 50, 500),
    "vectors, 50^3": Case("VectorField3D", ["vx", "vy", "vz"], 5.0, 50, 2_000),
}


class Gridder:
    """Runs cases by one library, with one thread, as pept's results are right with one only.

    Parameters
    ----------
    library : module
        `gpupept` or `pept`.
    path : str
        NumPy file of positions, (N, 8) float64 with columns `COLUMNS`.
    target : Target
        Where they run.
    """

    def __init__(self, library: Any, path: str, target: Target) -> None:
        self.package = library
        self.path = path
        self.target = target

    def run(self, name: str) -> tuple[float, float]:
        """Run one of `CASES`; its seconds, and the share of cells that were visited."""
        if name not in CASES:
            raise ValueError(f"case must be one of {', '.join(CASES)}, found {name!r}")
        import numpy as np

        case = CASES[name]
        processing = importlib.import_module(f"{self.package.__name__}.processing")
        rows = np.ascontiguousarray(np.load(self.path)[: case.rows])
        points = self.target.place(self.package.PointData(rows, columns=COLUMNS))
        limits = {f"{axis}lim": [0.0, SIDE] for axis in "xyz"[: case.axes]}
        reducer = getattr(processing, case.reducer)(
            case.diameter,
            case.column,
            resolution=(case.cells,) * case.axes,
            max_workers=self.target.workers,
            verbose=False,
            **limits,
        )
        seconds, result = timed(self.target, lambda: reducer.fit(points))
        grid = getattr(result, "xvoxels", result)
        cells = grid.pixels if case.axes == 2 else grid.voxels
        return seconds, float((cells > cells.min()).mean())


def random_walk(rows: int) -> Any:
    """Positions in the box, and a speed and velocities for each: (rows, 8) float64."""
    import numpy as np

    rng = np.random.default_rng(0)
    walk = np.cumsum(rng.normal(size=(rows, 3)), axis=0) + SIDE / 2
    inside = SIDE - np.abs(walk % (2 * SIDE) - SIDE)  # reflected by the walls
    return np.column_stack([np.arange(float(rows)), inside, rng.uniform(0.5, 3.5, (rows, 4))])
