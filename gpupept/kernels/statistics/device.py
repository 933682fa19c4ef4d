"""Statistics on the GPU: launches the kernels of `cuda_kernels/statistics_*.cu`.

All that comes to the host are the results: 64 bytes of moments, 32 of ranks, and the counts.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np

from gpupept.backend import KernelSpec, array_namespace, device_of, device_scope, to_device, to_host
from gpupept.kernels import Array
from gpupept.kernels.statistics import Moments, pieces

T = TypeVar("T")

_MOMENT_THREADS, _MOMENT_ITEMS, _MOMENT_BLOCKS = 128, 8, 2048  # the first two as in the source
_THREADS, _BLOCKS = 256, 1024
_DIGIT = 11  # bits of a key found in one pass
_SHARED_BINS = 8192  # that fit the shared memory of a block: 32 KiB
_KINDS = {"b": 0, "u": 0, "i": 1, "f": 2}

_ELEMENTS = (("excluded", "bool*?"), ("n", "int64"), ("kind", "int32"))
_COUNTS = (("bins", "int32"), ("shared", "int32"), ("counts", "uint64*"))
_MERGE = KernelSpec(
    "statistics_moments",
    "merge_moments",
    (("parts", "float64*"), ("count", "int64"), ("result", "float64*")),
    {"BITS": 64},
)
_CHOOSE = KernelSpec(
    "statistics_counts",
    "choose_bin",
    (("counts", "uint64*"), ("bins", "int32"), ("width", "int32"), ("state", "int64*")),
    {"BITS": 64},
)


@functools.cache
def _kernel(name: str, bits: int) -> KernelSpec:
    """Return the kernel for elements of a size."""
    further: dict[str, tuple[tuple[str, str], ...]] = {
        "block_moments": (("scale", "float64"), ("results", "float64*")),
        "count_keys": (("low", "int64*"), ("high", "int64"), ("width", "int32"), *_COUNTS),
        "count_values": (("edges", "float64*"), *_COUNTS),
        "next_key": (("high", "int64"), ("state", "int64*")),
    }
    family = "statistics_moments" if name == "block_moments" else "statistics_counts"
    arguments = (("values", f"uint{bits}*"), *_ELEMENTS, *further[name])
    return KernelSpec(family, name, arguments, {"BITS": bits})


def _launch(
    name: str, grid: int, block: int, piece: Array, excluded: Array | None, *args: Any, **how: int
) -> None:
    bits = 8 * piece.dtype.itemsize
    words, kind = piece.view(f"uint{bits}"), _KINDS[piece.dtype.kind]
    _kernel(name, bits).launch(grid, block, words, excluded, piece.size, kind, *args, **how)


def _with_device(function: Callable[..., T]) -> Callable[..., T]:
    """Let a function run with the device of its first argument as the current one."""

    @functools.wraps(function)
    def on_device(values: Array, *args: Any) -> T:
        with device_scope(device_of(values)):
            return function(values, *args)

    return on_device


@_with_device
def moments_on_device(values: Array, excluded: Array | None, scale: float) -> Moments:
    """See `gpupept.kernels.statistics.moments`."""
    parts = []
    for piece, skipped in pieces(values, excluded):
        blocks = min(-(-piece.size // (_MOMENT_THREADS * _MOMENT_ITEMS)), _MOMENT_BLOCKS)
        part = _zeros(values, 8 * max(blocks, 1), np.float64)
        _launch(
            "block_moments", max(blocks, 1), _MOMENT_THREADS, piece, skipped, float(scale), part
        )
        parts.append(_merged(part))
    total = parts[0]
    if len(parts) > 1:
        total = _merged(array_namespace(total).concatenate(parts))
    words = to_host(total)
    count, mean, m2, m3, m4 = words[:5].tolist()
    nans, low, high = words[5:].view(np.int64).tolist()
    return Moments(int(count), nans, mean, m2, m3, m4, scale, low, high)


def _merged(parts: Array) -> Array:
    result = _zeros(parts, 8, np.float64)
    _MERGE.launch(1, _MOMENT_THREADS, parts, parts.size // 8, result)
    return result


def _zeros(like: Array, size: int, dtype: Any) -> Array:
    return array_namespace(like).zeros(size, dtype=dtype)


def _blocks(piece: Array) -> int:
    needed = -(-int(piece.size) // _THREADS)
    return max(1, min(needed, _BLOCKS))


def _count(
    name: str, values: Array, excluded: Array | None, bins: int, *args: Any, counts: Array
) -> None:
    shared = bins <= _SHARED_BINS
    for piece, skipped in pieces(values, excluded):
        grid, memory = _blocks(piece), 4 * bins if shared else 0
        _launch(
            name,
            grid,
            _THREADS,
            piece,
            skipped,
            *args,
            bins,
            int(shared),
            counts,
            shared_bytes=memory,
        )


@_with_device
def count_values_on_device(values: Array, excluded: Array | None, edges: np.ndarray) -> np.ndarray:
    """See `gpupept.kernels.statistics.count_values`."""
    bins = len(edges) - 1
    counts = _zeros(values, bins, np.uint64)
    there = to_device(np.ascontiguousarray(edges, dtype=np.float64), device_of(values))
    _count("count_values", values, excluded, bins, there, counts=counts)
    return to_host(counts).astype(np.int64)


@_with_device
def count_keys_on_device(values: Array, excluded: Array | None, low: int, bins: int) -> np.ndarray:
    """See `gpupept.kernels.statistics.count_integers`."""
    counts = _zeros(values, bins, np.uint64)
    first = to_device(np.array([low], dtype=np.int64), device_of(values))
    _count("count_keys", values, excluded, bins, first, low + bins - 1, 0, counts=counts)
    return to_host(counts).astype(np.int64)


@_with_device
def middle_keys_on_device(values: Array, excluded: Array | None, found: Moments) -> tuple[int, int]:
    """See `gpupept.kernels.statistics.middle_keys`.

    The range of keys that holds the lower rank is narrowed by some bits with each pass. How many is
    known beforehand, so nothing waits for the host.
    """
    last = np.iinfo(np.int64).max
    begin = np.array([found.low, (found.n - 1) // 2, found.n, last], dtype=np.int64)
    state, unknown = to_device(begin, device_of(values)), (found.high - found.low).bit_length()
    while unknown > 0:
        width = max(0, unknown - _DIGIT)
        bins = 1 << (unknown - width)
        counts = _zeros(values, bins, np.uint64)
        _count("count_keys", values, excluded, bins, state, found.high, width, counts=counts)
        _CHOOSE.launch(1, _THREADS, counts, bins, width, state)
        unknown = width
    if found.n % 2 == 0:
        for piece, skipped in pieces(values, excluded):
            _launch("next_key", _blocks(piece), _THREADS, piece, skipped, found.high, state)
    lower, _, _, upper = to_host(state).tolist()
    return lower, lower if found.n % 2 else upper
