"""Choosing pairs greedily, the best first. Each choice depends on those before: one CPU core."""

from __future__ import annotations

import numba
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
    partners = np.full(count, -1, dtype=np.int64)
    _choose(first, second, np.zeros(count, dtype=np.bool_), partners)
    return partners


@numba.njit(cache=True, nogil=True)
def _choose(first, second, taken, partners):  # type: ignore[no-untyped-def]
    for pair in range(len(first)):
        a, b = first[pair], second[pair]
        if not taken[a] and partners[b] < 0:
            taken[a] = True
            partners[b] = a
