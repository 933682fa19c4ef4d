"""Steps of trajectories: from each position to the next."""

from __future__ import annotations

import logging
from typing import NamedTuple

import numpy as np

from gpupept.backend import array_namespace, device_of, to_device
from gpupept.kernels import Array

logger = logging.getLogger("gpupept.processing")


class Steps(NamedTuple):
    """Steps between consecutive rows.

    Attributes
    ----------
    starts : (N,) int64
        Row where each starts; it ends in the next row.
    last : (N,) bool
        No other step goes on from its end.
    """

    starts: Array
    last: Array

    def segments(self, positions: Array) -> Array:
        """Both ends of each step: (R, D) positions to (N, 2 D)."""
        xp = array_namespace(positions)
        return xp.concatenate([positions[self.starts], positions[self.starts + 1]], axis=1)


def find_steps(rows: Array, sizes: np.ndarray) -> Steps:
    """Find the steps between neighbouring rows of the same sample that are both finite.

    Parameters
    ----------
    rows : (R, C) float64
        All numbers that matter, sample after sample.
    sizes : (S,) int64, on the host
        Rows per sample.

    Returns
    -------
    Steps
        In the order of the rows. A warning tells how many rows are in none.
    """
    xp = array_namespace(rows)
    finite = xp.isfinite(rows).all(axis=1)
    linked = finite[:-1] & finite[1:]
    borders = np.unique(np.cumsum(sizes)) - 1
    borders = borders[(borders >= 0) & (borders < len(rows) - 1)]
    linked[to_device(borders, device_of(rows))] = False
    starts = xp.flatnonzero(linked)
    goes_on = xp.concatenate([linked[1:], xp.zeros(1, dtype=bool)])
    used = xp.zeros(len(rows), dtype=bool)
    used[starts] = True
    used[starts + 1] = True
    if (unused := len(rows) - int(used.sum())) > 0:
        logger.warning(
            "%d of %d positions are in no step: not finite, or without a finite neighbour",
            unused,
            len(rows),
        )
    return Steps(starts, ~goes_on[starts])
