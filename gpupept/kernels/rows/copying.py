"""Copying rows on the CPU."""

from __future__ import annotations

from numba import njit


@njit(nogil=True, cache=True)
def copy_rows(begin, end, data, rows, columns, out):
    """Fill rows ``begin .. end - 1`` of `out`."""
    for i in range(begin, end):
        row = rows[i]
        for c in range(len(columns)):
            out[i, c] = data[row, columns[c]]
