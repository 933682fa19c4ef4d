"""How many layers of a volume to compute at a time, so that a memory budget is kept."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from gpupept.volumes.zarr_format import codec_bytes, default_chunks

BUFFERS = 2  # slabs in memory: one is computed while the one before is written
_OWN_COUNTS = (
    32 * 2**20
)  # the most that threads take for counts of their own, which small slabs need
# Larger slabs save time only where following all lines past a slab takes long beside writing it.
_LARGE = 256 * 2**20
_LARGE_PER_LINES = 4
_LINE_PLANS = 48 * 2**20  # on a GPU, of the lines that are followed at a time


@dataclass(frozen=True)
class Demand:
    """What decides how much memory a volume takes while it is made.

    Attributes
    ----------
    shape : tuple of int
        Cells along each axis.
    dtype : dtype
        Of the values.
    summing : bool
        Add up weights or lengths instead of counting.
    lines : int
        Bytes of the lines and weights.
    threads : int
        That follow lines on the CPU.
    on_gpu : bool
        Compute on a GPU, in parts of slabs that are then copied to the host.
    """

    shape: tuple[int, ...]
    dtype: np.dtype[np.generic]
    summing: bool
    lines: int
    threads: int
    on_gpu: bool

    @property
    def layer_cells(self) -> int:
        """Cells of a layer across the first axis."""
        return math.prod(self.shape[1:])

    @property
    def layer_bytes(self) -> int:
        """Bytes of a layer."""
        return self.layer_cells * self.dtype.itemsize

    def host_bytes(self, chunks: tuple[int, ...], layers: int) -> int:
        """Memory on the host with slabs of so many layers."""
        slabs = BUFFERS * layers * self.layer_bytes
        held = self.lines + codec_bytes(self.shape, chunks, self.dtype.itemsize)
        if self.on_gpu:
            return held + slabs + layers * self.layer_bytes
        return held + slabs + self._sums_on_host(layers * self.layer_cells)

    def _sums_on_host(self, cells: int) -> int:
        """Bytes of counts and sums that are added to the slab in the end."""
        if self.summing:
            return 0 if self.dtype == np.float64 else 8 * cells
        own = min(4 * cells * self.threads, _OWN_COUNTS)
        return own if self.dtype == np.uint32 else max(own, 4 * cells)

    def device_bytes(self, layers: int) -> int:
        """Memory on the GPU to compute so many layers at a time."""
        sums = 16 if self.summing else 0 if self.dtype == np.uint32 else 4
        return self.lines + _LINE_PLANS + layers * (self.layer_bytes + sums * self.layer_cells)


@dataclass(frozen=True)
class Plan:
    """How a volume is made.

    Attributes
    ----------
    chunks : tuple of int
        Cells of a chunk along each axis.
    layers : int
        Of a slab: whole chunks along the first axis.
    part : int
        Layers that are computed at a time.
    """

    chunks: tuple[int, ...]
    layers: int
    part: int


def make_plan(
    demand: Demand, host: int, device: int | None = None, chunks: tuple[int, ...] | None = None
) -> Plan:
    """Choose slabs that fit.

    Parameters
    ----------
    demand : Demand
        What is to be made.
    host, device : int
        Bytes that may be used on the host and, for that, on the GPU.
    chunks : tuple of int, optional
        Cells of a chunk; chosen by default, with fewer layers where the budget is small.

    Returns
    -------
    Plan
        What it takes is at most the budget.

    Raises
    ------
    ValueError
        If there is no such plan; the message has the smallest budget with one.
    """
    choices = _chunk_choices(demand) if chunks is None else [chunks]
    for choice in choices:
        layers = _most_layers(demand, host, choice)
        if layers:
            return Plan(choice, layers, _part(demand, device, layers))
    least = demand.host_bytes(choices[-1], choices[-1][0])
    raise ValueError(
        f"memory of {host} bytes is too little: {_what(demand, choices[-1][0])} needs {least} bytes; "
        f"pass memory={least} or more, or fewer voxels"
    )


def _chunk_choices(demand: Demand) -> list[tuple[int, ...]]:
    """Shapes of chunks from the best one to one with a single layer."""
    choices = [default_chunks(demand.shape, demand.dtype.itemsize)]
    while choices[-1][0] > 1:
        deepest = (choices[-1][0] + 1) // 2
        choices.append(default_chunks(demand.shape, demand.dtype.itemsize, deepest))
    return choices


def _most_layers(demand: Demand, host: int, chunks: tuple[int, ...]) -> int:
    """Layers of the largest slab of whole chunks that fits; 0 if there is none."""
    depth = chunks[0]
    if demand.host_bytes(chunks, depth) > host:
        return 0
    enough = max(_LARGE, _LARGE_PER_LINES * demand.lines) // demand.layer_bytes // depth
    fitting = 1
    low, high = 1, max(1, min(enough, -(-demand.shape[0] // depth)))
    while low <= high:
        fitting = (low + high) // 2
        if demand.host_bytes(chunks, fitting * depth) <= host:
            low = fitting + 1
        else:
            high = fitting - 1
    return max(high, 1) * depth


def _part(demand: Demand, device: int | None, layers: int) -> int:
    if device is None:
        return layers
    free = device - demand.device_bytes(0)
    per_layer = demand.device_bytes(1) - demand.device_bytes(0)
    if free < per_layer:
        least = demand.device_bytes(1)
        raise ValueError(
            f"memory of {device} bytes is too little on the GPU: {_what(demand, 1)} needs {least} "
            f"bytes; pass memory={least} or more, or fewer voxels"
        )
    return min(layers, free // per_layer)


def _what(demand: Demand, layers: int) -> str:
    cells = " x ".join(map(str, demand.shape[1:]))
    some = "one layer" if layers == 1 else f"{layers} layers"
    return f"{some} of {cells} {demand.dtype} voxels, with the lines and what is being compressed,"


def slab_ranges(missing: list[tuple[int, int]], layers: int) -> list[tuple[int, int]]:
    """Cut ranges of layers into slabs.

    Parameters
    ----------
    missing : list of (first, last)
        Half-open ranges.
    layers : int
        The most in a slab.

    Returns
    -------
    list of (first, last)
        The slabs, in order.
    """
    return [
        (begin, min(begin + layers, last))
        for first, last in missing
        for begin in range(first, last, layers)
    ]
