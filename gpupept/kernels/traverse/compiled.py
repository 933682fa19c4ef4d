"""How the functions of this package are compiled."""

from __future__ import annotations

from typing import Any

from numba import njit
from numba.core.options import DefaultOptions

# The functions create no arrays, and every array they are given is held by their caller. So they need
# not count references, which takes longer than following a short line: each count is an atomic
# operation on memory that all threads share.
_UNCOUNTED: dict[str, Any] = {"_nrt": False} if hasattr(DefaultOptions, "_nrt") else {}

compiled = njit(nogil=True, cache=True, **_UNCOUNTED)
# For what is called once or more for every line: handing over arrays takes longer than the work.
inlined = njit(nogil=True, cache=True, inline="always", **_UNCOUNTED)
