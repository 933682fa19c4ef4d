"""How the functions of this package are compiled."""

from __future__ import annotations

from numba import njit

# What is divided by zero is infinite or NaN, as on a GPU, and ends in a result that is nothing.
compiled = njit(nogil=True, cache=True, error_model="numpy")
inlined = njit(nogil=True, cache=True, error_model="numpy", inline="always")
