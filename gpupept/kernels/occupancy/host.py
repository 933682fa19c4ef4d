"""Adding shapes to cells on the CPU: every thread has layers of its own and goes through all shapes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from gpupept.kernels.occupancy import Shapes
from gpupept.kernels.occupancy.cells import spread_in_plane, spread_in_space
from gpupept.kernels.threads import run_ranges


def spread_on_host(
    cells: np.ndarray, shapes: Shapes, weights: np.ndarray, edges: Sequence[np.ndarray]
) -> None:
    """See `gpupept.kernels.occupancy.spread`."""
    target = cells.reshape(len(cells), -1)
    add = spread_in_plane if len(edges) == 2 else spread_in_space

    def task(first: int, last: int) -> None:
        add(first, last, *shapes, weights, *edges, target)

    run_ranges(task, _work_of_layers(shapes, edges[0]))


def _work_of_layers(shapes: Shapes, edges: np.ndarray) -> np.ndarray:
    """Count the shapes that reach each layer."""
    layers = len(edges) - 1
    dimensions = shapes.segments.shape[1] // 2
    ends = np.sort(shapes.segments[:, [0, dimensions]], axis=1)
    begin = np.searchsorted(edges[1:], ends[:, 0] - shapes.radii)
    end = np.searchsorted(edges[:-1], ends[:, 1] + shapes.radii, side="right")
    reached = begin < end
    change = np.bincount(begin[reached], minlength=layers + 1)
    change -= np.bincount(end[reached], minlength=layers + 1)
    return np.cumsum(change[:layers])
