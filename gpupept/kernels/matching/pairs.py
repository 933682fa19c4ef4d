"""Greedy choice of pairs, compiled."""

from __future__ import annotations

import numba


@numba.njit(cache=True, nogil=True)
def choose(first, second, taken, partners):
    """Write the partner of each second member; see `gpupept.kernels.matching.choose_pairs`."""
    for pair in range(len(first)):
        a, b = first[pair], second[pair]
        if not taken[a] and partners[b] < 0:
            taken[a] = True
            partners[b] = a
