"""Lines and budgets for tests of volumes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from gpupept.kernels.threads import thread_count
from gpupept.volumes.planning import Demand

LIMITS = {"xlim": [0.0, 10.0], "ylim": [-3.0, 4.0], "zlim": [0.0, 5.0]}


def some_lines(number: int, seed: int = 0, bad: Sequence[int] = ()) -> np.ndarray:
    """Lines in and about the limits; some on planes between voxels; `bad` ones are not finite."""
    rng = np.random.default_rng(seed)
    lines = np.empty((number, 7))
    lines[:, 0] = np.arange(number)
    low, high = np.array(list(LIMITS.values())).T
    for columns in (slice(1, 4), slice(4, 7)):
        lines[:, columns] = rng.uniform(low - 2, high + 2, (number, 3))
    lines[::5, 1:] = np.round(lines[::5, 1:])
    for i, row in enumerate(bad):
        lines[row, 1 + i % 6] = (np.nan, np.inf, -np.inf)[i % 3]
    return lines


def budget(
    shape: Sequence[int],
    chunks: Sequence[int],
    layers: int,
    lines: int,
    dtype: Any = np.uint32,
    summing: bool = False,
) -> int:
    """Smallest memory budget with slabs of so many layers."""
    held = lines * (64 if summing else 56)
    demand = Demand(tuple(shape), np.dtype(dtype), summing, held, thread_count(), False)
    deep = tuple(min(a, b) for a, b in zip(chunks, shape, strict=True))
    return demand.host_bytes(deep, math.ceil(layers / deep[0]) * deep[0])
