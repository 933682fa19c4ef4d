"""One module per operation: its contract, the Numba version and the launch of the CUDA version.

Nothing here imports Numba until an operation is used, so importing the package compiles nothing.
"""

from __future__ import annotations

from typing import Any, TypeAlias

# A NumPy array, or a CuPy array where the work runs on a GPU.
Array: TypeAlias = Any
