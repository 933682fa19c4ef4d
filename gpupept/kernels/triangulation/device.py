"""Points nearest to lines on the GPU: launches the kernels of `cuda_kernels/triangulation.cu`."""

from __future__ import annotations

import numpy as np

from gpupept.backend import KernelSpec, array_namespace, device_of, to_device
from gpupept.kernels import Array
from gpupept.kernels.triangulation import SHORT, Located

LONG_THREADS = 256  # of the block for a long sample; as in the source
WORK_COLUMNS = 7

_ARGUMENTS = (
    ("lines", "float64*"),
    ("columns", "int64"),
    ("samples", "int64*"),
    ("offsets", "int64*"),
    ("chosen", "int64*"),
    ("fraction", "float64"),
    ("iterations", "int64"),
    ("stride", "int64"),
    ("work", "float64*"),
    ("used", "uint8*"),
    ("points", "float64*"),
)
LOCATE_SHORT = KernelSpec("triangulation", "locate_short", _ARGUMENTS)
LOCATE_LONG = KernelSpec("triangulation", "locate_long", _ARGUMENTS)


def locate_on_device(
    lines: Array,
    samples: np.ndarray,
    offsets: np.ndarray,
    fraction: float,
    iterations: int,
    result: Located,
) -> None:
    """Fill `result`; see `gpupept.kernels.triangulation`."""
    xp = array_namespace(lines)
    count, stride = len(samples), int(offsets[-1])
    is_long = np.diff(offsets) > SHORT
    order = np.argsort(is_long, kind="stable")
    short = int(count - is_long.sum())
    table = to_device(
        np.concatenate([np.ravel(samples), offsets, order]).astype(np.int64), device_of(lines)
    )
    ranges, firsts, chosen = table[: 2 * count], table[2 * count :], table[3 * count + 1 :]
    work = xp.empty(WORK_COLUMNS * stride, dtype=np.float64)
    for kernel, numbers, threads in (
        (LOCATE_SHORT, chosen[:short], 32),
        (LOCATE_LONG, chosen[short:], LONG_THREADS),
    ):
        kernel.launch(
            len(numbers),
            threads,
            lines,
            lines.shape[1],
            ranges,
            firsts,
            numbers,
            fraction,
            iterations,
            stride,
            work,
            result.used,
            result.points,
        )
