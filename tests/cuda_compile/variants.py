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


FAMILIES: dict[str, list[Variant]] = {
    # Pairs are tested by five blocks of four warps or more on a multiprocessor. Sorting takes 112 bytes of
    # shared memory per thread besides; two blocks of 512 threads, for which a few values are spilled.
    "cutpoints_lines": [Variant(56, shared_bytes=512)],
    "cutpoints_pairs": [Variant(96, shared_bytes=14336)],
    "cutpoints_places": [Variant(96)],
    "cutpoints_points": [Variant(64, shared_bytes=16, stack_bytes=24, spill_bytes=32)],
    # Threads that follow combinations of lines have one row of a table on the stack for each line.
    "minpoints_pairs": [Variant(72)],
    "minpoints_points": [
        Variant(r, stack_bytes=b, spill_bytes=64, defines={"LINES": n})
        for n, r, b in ((2, 96, 16), (3, 128, 64), (4, 144, 96), (64, 255, 1072))
    ],
    "artificial": [Variant(64, shared_bytes=23552)],
    "segments": [Variant(80, shared_bytes=256)],
    "components": [Variant(32)],
    "nearest": [Variant(64)],
    "efficiency": [Variant(64)],
    # A warp or one block of eight for each sample, which is far from filling a multiprocessor.
    "triangulation": [Variant(128, shared_bytes=256)],
    # Four warps to a block. Of accelerated paths the sums fill the registers, and the factors that one
    # thread makes of them the stack on some architectures.
    "em_seeds": [Variant(80, shared_bytes=3600, stack_bytes=16, spill_bytes=24)],
    "em_steps": [
        Variant(r, shared_bytes=b, stack_bytes=s, spill_bytes=p, defines={"ORDER": o})
        for o, r, b, s, p in (
            (0, 114, 896, 48, 136),
            (1, 128, 1280, 0, 0),
            (2, 208, 1664, 1000, 32),
        )
    ],
    "velocity": [
        Variant(r, defines={"DEGREE": d}) for d, r in ((1, 64), (2, 64), (3, 72), (8, 104))
    ],
    # One block of up to 1024 threads for a sample, so 64 registers at most; the tree's 3 KiB lie beside
    # 44 bytes for each point. Core distances: three blocks of 256 threads on a multiprocessor.
    "hdbscan_order": [Variant(64, shared_bytes=640)],
    "hdbscan_core": [Variant(80, shared_bytes=16384)],
    "hdbscan_tree": [Variant(60, shared_bytes=3072)],
    "hdbscan_merges": [Variant(48)],
    "hdbscan_clusters": [Variant(64, shared_bytes=16)],
    # Comparing crossings exactly takes the stack and most of the registers.
    "traverse_lines": [Variant(168, stack_bytes=384)],
    "traverse_cells": [
        Variant(72, defines={"SETTLE": 0}),
        Variant(128, stack_bytes=384, defines={"SETTLE": 1}),
    ],
    # Compilers keep to a few registers so that more blocks fit, and spill a few values for it.
    "fpi_search": [
        Variant(60, stack_bytes=8, spill_bytes=16, defines={"VALUE": value})
        for value in ("unsigned", "double")
    ],
    "fpi_peaks": [
        Variant(60, shared_bytes=256, stack_bytes=16, spill_bytes=56, defines={"VALUE": value})
        for value in ("unsigned", "double")
    ],
    "fpi_refine": [
        Variant(96, stack_bytes=256, spill_bytes=64, defines={"VALUE": value})
        for value in ("unsigned", "double")
    ],
    # Closed forms for the part of a shape in a cell: many numbers at a time, but nothing is spilled.
    "occupancy": [
        Variant(136, shared_bytes=384, stack_bytes=24, defines={"DIMENSIONS": 2}),
        Variant(232, shared_bytes=672, stack_bytes=120, defines={"DIMENSIONS": 3}),
    ],
    "subgrids": [
        Variant(72, defines={"DIMENSIONS": axes, "SAMPLE_FUNCTION": None}) for axes in (2, 3)
    ],
    # Eight elements are in registers while their moments are computed: six blocks of four warps. Between
    # 16 and 32 bits only constants differ.
    "statistics_moments": [
        Variant(80, shared_bytes=8192, defines={"BITS": bits}) for bits in (8, 32, 64)
    ],
    "statistics_counts": [
        Variant(64, shared_bytes=2048, defines={"BITS": bits}) for bits in (8, 32, 64)
    ],
}
