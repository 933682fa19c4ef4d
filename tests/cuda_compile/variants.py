"""What each family of CUDA kernels is compiled with, and what its kernels may take.

Every `cuda_kernels/NAME.cu` has an entry, with one variant for each set of macros that
`gpupept/kernels` defines. The budgets hold for every kernel of the file on every architecture; give
what the kernels need and little more, so that a change that costs occupancy shows.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Variant:
    """One way to compile a family: macros, and budgets per thread or (shared memory) per block."""

    registers: int
    shared_bytes: int = 0
    stack_bytes: int = 0
    spill_bytes: int = 0
    defines: Mapping[str, object] = field(default_factory=dict)


FAMILIES: dict[str, list[Variant]] = {}
