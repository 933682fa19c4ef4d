"""Counting the lines through the cells of a grid, by any library with pept's `traverse3d`.

This module runs in the peer's Python too; it imports NumPy, which pept needs, when it is used.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any


def edges_around(lines: Any, number: int) -> list[Any]:
    """Edges of `number` cells along each axis of the box around both ends of the lines."""
    import numpy as np

    ends = np.concatenate([lines[:, 1:4], lines[:, 4:7]])
    return [np.linspace(low, high, number + 1) for low, high in zip(ends.min(0), ends.max(0))]  # noqa: B905


def count_lines(traverse3d: Callable[..., object], path: str, number: int) -> tuple[float, float]:
    """Seconds that `traverse3d` takes to add the lines of a file to cells, and the sum of the cells."""
    import numpy as np

    lines = np.load(path)
    cells = np.zeros((number,) * 3)
    cells.fill(0.0)  # so that the memory is there
    edges = edges_around(lines, number)
    start = time.perf_counter()
    traverse3d(cells, lines, *edges)
    return time.perf_counter() - start, float(cells.sum())
