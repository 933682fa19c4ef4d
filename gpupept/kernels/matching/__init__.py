"""Choosing pairs greedily, the best first. Each choice depends on those before: one CPU core."""

from __future__ import annotations

import numpy as np


def choose_pairs(first: np.ndarray, second: np.ndarray, count: int) -> np.ndarray:
    """Choose pairs in the order given, each unless one of its members is taken in that place.

    Parameters
    ----------
    first, second : (P,) int64
        The members of each pair, numbers from 0 to ``count - 1``; best pairs first.
    count : int
        How many numbers there are.

    Returns
    -------
    (count,) int64
        The first member of the pair chosen for each second one; -1 where there is none.
    """
    from gpupept.kernels.matching.pairs import choose

    partners = np.full(count, -1, dtype=np.int64)
    choose(first, second, np.zeros(count, dtype=np.bool_), partners)
    return partners
