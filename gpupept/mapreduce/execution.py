"""Where and by how many threads cells are mapped."""

from __future__ import annotations

import contextlib
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TypeVar

from gpupept.backend import cupy_module, device_scope, memory_budget, resolve_device
from gpupept.kernels.threads import thread_count
from gpupept.mapreduce.box import Box
from gpupept.mapreduce.exposure import Exposure
from gpupept.mapreduce.mapper import ImageMapper

T = TypeVar("T")


@dataclass(frozen=True)
class Execution:
    """How an exposure is mapped.

    Attributes
    ----------
    device : str
        Where the cells are mapped.
    workers : int
        Cells that are mapped at a time.
    staged : bool
        Whether cells are copied to the device one by one.
    sums : str
        Where they are put together.
    """

    device: str
    workers: int
    staged: bool
    sums: str
    _streams: threading.local = field(default_factory=threading.local, repr=False, compare=False)

    @contextlib.contextmanager
    def stream(self) -> Iterator[None]:
        """Let a thread copy and compute in a stream of its own; all is done when the block ends."""
        with device_scope(self.device):
            if not self.staged or self.device == "cpu":
                yield
                return
            if not hasattr(self._streams, "own"):
                self._streams.own = cupy_module().cuda.Stream(non_blocking=True)
            with self._streams.own:
                yield
            self._streams.own.synchronize()


def plan(
    exposure: Exposure,
    mapper: ImageMapper,
    expanded: Sequence[Box],
    sums: int,
    device: str | None = None,
    n_workers: int | None = None,
    n_streams: int = 2,
    max_device_bytes: int | str | None = None,
    accumulate: str = "auto",
) -> Execution:
    """Decide how to map an exposure.

    Parameters
    ----------
    exposure : Exposure
        What is mapped.
    mapper : ImageMapper
        What is done with each cell.
    expanded : list of Box
        The cells with their borders.
    sums : int
        Bytes that putting them together takes.
    device, n_workers, n_streams, max_device_bytes, accumulate
        As of `ImageMapReduceTask.run`.

    Raises
    ------
    ValueError
        If a number is not positive, a name is unknown, or a cell does not fit the device's budget.
    """
    for name, number in (("n_workers", n_workers), ("n_streams", n_streams)):
        if number is not None and (not isinstance(number, int) or number < 1):
            raise ValueError(f"{name} must be a positive integer, found {number!r}")
    if accumulate not in ("auto", "device", "host"):
        raise ValueError(f'accumulate must be "auto", "device" or "host", found {accumulate!r}')
    target = resolve_device("cuda" if device == "gpu" else device, exposure.image.array)
    staged = target != exposure.device
    if target == "cpu" or not staged:
        parallel = (n_workers or thread_count()) if mapper.threadSafe else (n_workers or 1)
        return Execution(target, parallel if target == "cpu" else 1, staged, target)
    budget = memory_budget(target, max_device_bytes)
    streams = n_streams if mapper.threadSafe else 1
    needed = max((_cell_bytes(exposure, mapper, box) for box in expanded), default=1)
    if accumulate == "auto":
        accumulate = "device" if sums + streams * needed <= budget else "host"
    left = budget - (sums if accumulate == "device" else 0)
    if needed > left:
        raise ValueError(
            f"mapping a cell takes about {needed} bytes on {target}, more than the {max(left, 0)} "
            "of max_device_bytes that are left; use smaller cells, such as autoCell proposes"
        )
    workers = int(min(streams, left // needed))
    return Execution(target, workers, staged, target if accumulate == "device" else "cpu")


def _cell_bytes(exposure: Exposure, mapper: ImageMapper, box: Box) -> int:
    sizes = [array.dtype.itemsize for array in exposure._arrays() if array is not None]
    return mapper.scratchBytes(box, sum(sizes))


def in_order(function: Callable[[int], T], count: int, workers: int) -> Iterator[T]:
    """Call ``function(0) ... function(count - 1)``, some at a time; yield the results in order.

    No more than two results for each thread are ahead of the one that is asked for.
    """
    if workers <= 1:
        yield from map(function, range(count))
        return
    ahead: deque[Future[T]] = deque()
    pool = ThreadPoolExecutor(workers)
    try:
        for number in range(count):
            ahead.append(pool.submit(function, number))
            if len(ahead) >= 2 * workers:
                yield ahead.popleft().result()
        while ahead:
            yield ahead.popleft().result()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def autoCell(
    shape: Sequence[int],
    border: int | Sequence[int],
    max_device_bytes: int | str,
    bytes_per_voxel: float = 40.0,
    n_streams: int = 2,
    align: int | Sequence[int] | None = None,
) -> tuple[int, ...]:
    """Find the largest cell that fits a memory budget.

    Parameters
    ----------
    shape : tuple of int
        Elements of the image along each axis.
    border : int or tuple of int
        Border on either side of a cell.
    max_device_bytes : int or str
        Memory for the cells that are mapped at a time, in bytes or such as ``"2GB"``.
    bytes_per_voxel : float, default 40
        Memory that one element of an expanded cell takes while it is mapped.
    n_streams : int, default 2
        Cells mapped at a time.
    align : int or tuple of int, optional
        Sizes are multiples of it where they do not span the image; 32 along the last axis and 1
        along others by default.

    Returns
    -------
    tuple of int
        Sizes of the cell.

    Raises
    ------
    ValueError
        If not even the smallest cell fits.

    Examples
    --------
    >>> from gpupept.mapreduce import autoCell
    >>> autoCell((2048, 2048, 2048), 4, "2GB")
    (283, 282, 288)
    """
    sizes = tuple(map(int, shape))
    ndim = len(sizes)
    borders = (border,) * ndim if isinstance(border, int) else tuple(border)
    steps = (1,) * (ndim - 1) + (32,) if align is None else align
    steps = (steps,) * ndim if isinstance(steps, int) else tuple(steps)
    budget = memory_budget("cpu", max_device_bytes) / (n_streams * bytes_per_voxel)
    cell = tuple(min(step, size) for step, size in zip(steps, sizes, strict=True))
    if _expanded(cell, borders, sizes) > budget:
        raise ValueError(
            f"max_device_bytes must hold {n_streams} cells of at least {cell} with their borders, "
            f"{int(_expanded(cell, borders, sizes) * n_streams * bytes_per_voxel)} bytes, found "
            f"{max_device_bytes!r}"
        )
    return _grown(cell, borders, sizes, steps, budget)


def _expanded(cell: Sequence[int], borders: Sequence[int], sizes: Sequence[int]) -> float:
    total = 1.0
    for length, border, size in zip(cell, borders, sizes, strict=True):
        total *= min(length + 2 * border, size)
    return total


def _grown(
    cell: tuple[int, ...],
    borders: Sequence[int],
    sizes: Sequence[int],
    steps: Sequence[int],
    budget: float,
) -> tuple[int, ...]:
    """Grow the shortest axis that can still grow, until none can."""
    open_axes = set(range(len(cell)))
    while open_axes:
        axis = min(open_axes, key=lambda k: (cell[k], k))
        longer = min(cell[axis] + steps[axis], sizes[axis])
        candidate = (*cell[:axis], longer, *cell[axis + 1 :])
        if longer == cell[axis] or _expanded(candidate, borders, sizes) > budget:
            open_axes.discard(axis)
        else:
            cell = candidate
    return cell
