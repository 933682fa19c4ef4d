"""How large cells may be for an image to be mapped in a given memory."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from gpupept.backend import memory_budget, resolve_device
from gpupept.kernels.threads import thread_count
from gpupept.mapreduce.box import Box
from gpupept.mapreduce.exposure import Exposure
from gpupept.mapreduce.mapper import ImageMapper
from gpupept.mapreduce.outputs import image_dtype
from gpupept.volumes.zarr_format import codec_bytes, default_chunks

_DEEPEST = 128  # rows of a cell: more would not be faster
_SHORTEST = 32  # edge of cells that are never too large
# What things take, about, as much as mapping so many elements: an element that is read, a cell besides its
# elements; and what one more thread brings.
_READING = 0.2
_CELL = 20_000
_GAIN = 0.8
_LARGEST = 2**28  # bytes of a cell that is mapped, so that there are cells for all threads
_OUTPUTS = 4 * 8  # bytes of an element of a layer while it is handed over, besides the sums


@dataclass(frozen=True)
class Needs:
    """What mapping takes.

    Attributes
    ----------
    exposure : Exposure
        The image.
    mapper : ImageMapper
        What is done with each cell.
    border : tuple of int
        Around cells, along each axis of boxes.
    copies : bool
        Whether cells are put together as copies, in the type of the image.
    """

    exposure: Exposure
    mapper: ImageMapper
    border: tuple[int, ...]
    copies: bool

    def layers(self, cell: Sequence[int]) -> int:
        """Bytes of the layers that cells of a size are put together in."""
        image: Any = self.exposure.image.array
        element = image_dtype(image.dtype).itemsize if self.copies else 2 * 8 + _OUTPUTS
        return math.prod((cell[0], *self.exposure.getDimensions()[1:])) * element

    def expanded(self, cell: Sequence[int]) -> tuple[int, ...]:
        """Sizes of a cell with its border."""
        sizes = self.exposure.getDimensions()
        return tuple(min(n + 2 * b, s) for n, b, s in zip(cell, self.border, sizes, strict=True))

    def work(self, cell: Sequence[int]) -> float:
        """Elements to read and to map for each element of the result, about."""
        wide = self.expanded(cell)
        image: Any = self.exposure.image.array
        chunks = getattr(image, "chunks", None)
        chunks = chunks if isinstance(chunks, tuple) else (1,) * len(wide)
        chunks = chunks[::-1] if self.exposure._reversed else chunks
        # A cell lies anywhere between chunks, which are read whole.
        read = math.prod(
            min(n + c - 1, s)
            for n, c, s in zip(wide, chunks, self.exposure.getDimensions(), strict=True)
        )
        return (math.prod(wide) + _READING * read + _CELL) / math.prod(cell)

    def mapping(self, cell: Sequence[int]) -> int:
        """Bytes of one cell that is being mapped."""
        arrays = [array for array in self.exposure._arrays() if array is not None]
        wide = self.expanded(cell)
        itemsize = sum(array.dtype.itemsize for array in arrays)
        return self.mapper.scratchBytes(Box((0,) * len(wide), wide), itemsize)

    def cells(self, cell: Sequence[int], workers: int) -> int:
        """Bytes of the cells that are mapped at a time and of results that wait for their turn."""
        waiting = 2 * workers * 8 * math.prod(cell)
        return workers * self.mapping(cell) + waiting

    def files(self, cell: Sequence[int]) -> int:
        """Bytes that reading from and writing to stores takes."""
        image: Any = self.exposure.image.array
        chunks = getattr(image, "chunks", None)
        if not isinstance(chunks, tuple):
            return 0
        size = image_dtype(image.dtype).itemsize
        written = default_chunks(image.shape, size, cell[0])
        reading = codec_bytes(image.shape, chunks, image.dtype.itemsize)
        return reading + codec_bytes(image.shape, written, size)


def plan_cell(
    needs: Needs,
    memory: int | str | None,
    n_workers: int | None = None,
    device: str | None = None,
    n_streams: int = 2,
    max_device_bytes: int | str | None = None,
) -> tuple[tuple[int, ...], int]:
    """Find large cells, and how many to map at a time, that fit a memory budget.

    Parameters
    ----------
    needs : Needs
        What mapping takes.
    memory : int, str or None
        Memory of the host, as `gpupept.backend.memory_budget` reads it.
    n_workers, device, n_streams, max_device_bytes
        As of `ImageMapReduceTask.run`.

    Returns
    -------
    cell : tuple of int
        Sizes of a cell along each axis of boxes: of those that fit the one that takes least time,
        about.
    workers : int
        Cells to map at a time, on the host.

    Raises
    ------
    ValueError
        If nothing fits; the message says what would.
    """
    exposure = needs.exposure
    target = resolve_device("cuda" if device == "gpu" else device, exposure.image.array)
    budget, on_device = memory_budget("cpu", memory), None
    if target != "cpu" and exposure.device == "cpu":
        on_device = memory_budget(target, max_device_bytes) // (2 * n_streams)
    wanted = n_streams if on_device else (n_workers or thread_count())
    wanted = wanted if needs.mapper.threadSafe else 1
    limit = on_device or _LARGEST
    least, best = 0, None
    for cell, workers in _candidates(exposure.getDimensions(), wanted):
        needed = needs.layers(cell) + needs.cells(cell, workers) + needs.files(cell)
        small = needs.mapping(cell) <= limit or max(cell) <= _SHORTEST
        least = min(least or needed, needed)
        if needed > budget or not small:
            continue
        time = needs.work(cell) / (1 + _GAIN * (workers - 1))
        if best is None or time < best[0]:
            best = time, cell, workers
    if best is None:
        raise ValueError(
            f"memory of {budget} bytes is too little to map this image; it takes at least {least} "
            "bytes"
        )
    return best[1], best[2]


def _candidates(sizes: tuple[int, ...], workers: int) -> Iterator[tuple[tuple[int, ...], int]]:
    """Cells and numbers of threads to choose from."""
    depths = [n for n in (_DEEPEST, 64, 32, 16, 8, 4, 2, 1) if n < 2 * sizes[0]]
    for depth in depths:
        for cell in _flat_cells(sizes, depth):
            yield from ((cell, threads) for threads in {workers, max(1, workers // 2), 1})


def _flat_cells(sizes: tuple[int, ...], depth: int) -> Iterator[tuple[int, ...]]:
    """Cells of one depth, with ever shorter edges along the other axes."""
    cell = [min(depth, sizes[0]), *sizes[1:]]
    yield tuple(cell)
    while max(cell[1:]) > 1:
        axis = max(range(1, len(cell)), key=lambda k: cell[k])
        cell[axis] = -(-cell[axis] // 2)
        yield tuple(cell)
