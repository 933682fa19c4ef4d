"""Expectation maximisation on the GPU: launches the kernels of `cuda_kernels/em_*.cu`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from gpupept.backend import KernelSpec, array_namespace, device_of, to_device
from gpupept.kernels import Array
from gpupept.kernels.em import MOST_ORDER, SEED_LINES

if TYPE_CHECKING:
    from gpupept.kernels.em import Fitted

THREADS = 128  # of a block, which has one frame; as in the sources
LINE_COLUMNS = 7  # of work space for each line, besides one for each component

TIMES = KernelSpec(
    "em_seeds",
    "em_times",
    (("lines", "float64*"), ("columns", "int64"), ("frames", "int64*"), ("times", "float64*")),
)
SEEDS = KernelSpec(
    "em_seeds",
    "em_seeds",
    (
        ("lines", "float64*"),
        ("columns", "int64"),
        ("frames", "int64*"),
        ("offsets", "int64*"),
        ("draws", "float64*"),
        ("pairs", "int64"),
        ("taken", "float64*"),
        ("taken_count", "int64"),
        ("reach", "float64"),
        ("count", "int64"),
        ("stride", "int64"),
        ("work", "float64*"),
        ("seeds", "float64*"),
    ),
)
STEPS = [
    KernelSpec(
        "em_steps",
        "em_steps",
        (
            ("lines", "float64*"),
            ("columns", "int64"),
            ("frames", "int64*"),
            ("offsets", "int64*"),
            ("times", "float64*"),
            ("count", "int64"),
            ("steps", "int64"),
            ("area", "float64"),
            ("floor", "float64"),
            ("stride", "int64"),
            ("work", "float64*"),
            ("table", "float64*"),
            ("moments", "float64*"),
            ("likelihoods", "float64*"),
        ),
        defines={"ORDER": order},
        fused_multiply_add=True,
    )
    for order in range(MOST_ORDER + 1)
]


def times_on_device(lines: Array, frames: np.ndarray, times: Array) -> None:
    """Fill `times`; see `gpupept.kernels.em.frame_times`."""
    ranges = to_device(np.ascontiguousarray(frames, dtype=np.int64), device_of(lines))
    TIMES.launch(len(frames), THREADS, lines, lines.shape[1], ranges, times)


def seeds_on_device(
    lines: Array, frames: np.ndarray, draws: np.ndarray, taken: Array, reach: float, seeds: Array
) -> None:
    """Fill `seeds`; see `gpupept.kernels.em.seed_components`."""
    sizes = frames[:, 1] - frames[:, 0]
    used = -(-sizes // np.maximum(1 + (sizes - 1) // SEED_LINES, 1))
    ranges, offsets, work = _work_space(lines, frames, used, LINE_COLUMNS)
    SEEDS.launch(
        len(frames),
        THREADS,
        lines,
        lines.shape[1],
        ranges,
        offsets,
        to_device(np.ascontiguousarray(draws), device_of(lines)),
        len(draws),
        array_namespace(taken).ascontiguousarray(taken),
        taken.shape[1],
        reach,
        seeds.shape[1],
        int(used.sum()),
        work,
        seeds,
    )


def steps_on_device(
    lines: Array,
    frames: np.ndarray,
    times: Array,
    steps: int,
    area: float,
    floor: float,
    result: Fitted,
) -> None:
    """Fill `result`, whose table holds the components before; see `gpupept.kernels.em.em_steps`."""
    sizes = frames[:, 1] - frames[:, 0]
    components = result.table.shape[1]
    ranges, offsets, work = _work_space(lines, frames, sizes, LINE_COLUMNS + components)
    STEPS[result.table.shape[2] // 3 - 1].launch(
        len(frames),
        THREADS,
        lines,
        lines.shape[1],
        ranges,
        offsets,
        times,
        components,
        steps,
        area,
        floor,
        int(sizes.sum()),
        work,
        *result,
    )


def _work_space(
    lines: Array, frames: np.ndarray, sizes: np.ndarray, columns: int
) -> tuple[Array, Array, Array]:
    """Row ranges of the frames and where their parts of a column begin, and the columns."""
    offsets = np.concatenate([[0], np.cumsum(sizes)])
    table = to_device(
        np.concatenate([np.ravel(frames), offsets]).astype(np.int64), device_of(lines)
    )
    split = 2 * len(frames)
    work = array_namespace(lines).empty(max(columns * int(offsets[-1]), 1))
    return table[:split], table[split:], work
