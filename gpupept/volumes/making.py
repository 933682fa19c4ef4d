"""Computing a volume slab by slab."""

from __future__ import annotations

import shutil
import warnings
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import numpy as np

from gpupept.backend import cupy_module, device_scope, memory_budget, to_host
from gpupept.base.grid_inputs import check_counts
from gpupept.kernels.traverse import traverse
from gpupept.volumes.job import Job
from gpupept.volumes.partial import Partial
from gpupept.volumes.planning import BUFFERS, Plan, make_plan, slab_ranges


class Maker:
    """Computes slabs and has them written, one while the next is computed.

    Parameters
    ----------
    job : Job
        What to compute.
    memory : str, int or None
        Memory budget, on the host and on the GPU each.
    chunks : sequence of int, optional
        Voxels along each axis that are compressed together.
    """

    def __init__(self, job: Job, memory: str | int | None, chunks: Any) -> None:
        self._job = job
        self._demand = job.demand()
        self._host = memory_budget("cpu", memory)
        self._device = None if job.device == "cpu" else memory_budget(job.device, memory)
        self._chunks = None if chunks is None else check_counts(chunks, "chunks", 3, 1)
        self._plan: Plan
        self._buffers: list[np.ndarray]
        self._warned = False

    def choose_chunks(self, begun: tuple[int, ...] | None) -> tuple[int, ...]:
        """Plan the work and get the memory for it; `begun` are the chunks of an unfinished volume."""
        wanted = self._chunks
        if wanted is not None:
            pairs = zip(wanted, self._job.shape, strict=True)
            wanted = tuple(min(a, b) for a, b in pairs)
        if begun is not None and wanted not in (None, begun):
            raise ValueError(
                f"the unfinished volume has chunks of {begun}, not {wanted}; pass the same, or "
                "resume=False (--restart) to discard it"
            )
        self._allocate(begun or wanted)
        return self._plan.chunks

    def _allocate(self, chunks: tuple[int, ...] | None) -> None:
        self._plan = make_plan(self._demand, self._host, self._device, chunks)
        while True:
            layers = min(self._plan.layers, self._job.shape[0])
            try:
                self._buffers = new_buffers((layers, *self._job.shape[1:]), self._job.dtype)
                return
            except MemoryError:
                self._plan = self._smaller_plan(layers // 2, chunks)

    def _smaller_plan(self, layers: int, chunks: tuple[int, ...] | None) -> Plan:
        host = self._demand.host_bytes(self._plan.chunks, layers)
        try:
            plan = make_plan(self._demand, host, self._device, chunks)
        except ValueError as error:
            raise MemoryError(f"there is not enough memory for a slab of voxels: {error}") from None
        warnings.warn(f"memory ran out; going on with slabs of {plan.layers} layers", stacklevel=2)
        return plan

    def make(self, partial: Partial, progress: bool) -> None:
        """Compute and write what is missing."""
        missing = partial.missing()
        slabs = slab_ranges(missing, self._plan.layers)
        cells = self._demand.layer_cells
        done = partial.store.shape[0] - sum(last - first for first, last in missing)
        with (
            _bar(progress, done * cells, partial.store.shape[0] * cells) as bar,
            ThreadPoolExecutor(1, thread_name_prefix="gpupept-write") as writer,
        ):
            for written, future in self._steps(partial, slabs, writer):
                future.result()
                bar.update(written * cells)
                self._watch_disk(partial)
        self._buffers = []

    def _steps(
        self, partial: Partial, slabs: list[tuple[int, int]], writer: ThreadPoolExecutor
    ) -> Iterator[tuple[int, Future[Any]]]:
        """Hand out the writing of each slab when its buffer is needed again."""
        begun: list[tuple[int, Future[Any]]] = []
        for i, (first, last) in enumerate(slabs):
            if i >= BUFFERS:
                yield begun.pop(0)
            values = self._buffers[i % BUFFERS][: last - first]
            self._compute(first, values)
            begun.append((last - first, writer.submit(partial.keep, first, values)))
        yield from begun

    def _compute(self, first: int, values: np.ndarray) -> None:
        """Write the values of the layers from `first` on to `values`."""
        begin = 0
        while begin < len(values):
            end = min(begin + self._plan.part, len(values))
            try:
                self._compute_part(first + begin, values[begin:end])
                begin = end
            except MemoryError as error:
                self._compute_less(error)

    def _compute_part(self, first: int, values: np.ndarray) -> None:
        job = self._job
        if job.device == "cpu":
            values[...] = 0
            traverse(values, job.lines, job.edges, first, job.weights, job.lengths)
            return
        with device_scope(job.device):
            cells = cupy_module().zeros(values.shape, dtype=job.dtype)
            traverse(cells, job.lines, job.edges, first, job.weights, job.lengths)
            values[...] = to_host(cells)

    def _compute_less(self, error: MemoryError) -> None:
        """Compute fewer layers at a time from now on."""
        plan, job = self._plan, self._job
        if plan.part == 1:
            raise MemoryError(
                f"{job.device} has not enough memory for one layer of {job.shape[1]} x "
                f"{job.shape[2]} {job.dtype} voxels"
            ) from error
        self._plan = Plan(plan.chunks, plan.layers, plan.part // 2)
        if job.device != "cpu":
            cupy_module().get_default_memory_pool().free_all_blocks()
        warnings.warn(
            f"memory ran out on {job.device}; going on with {self._plan.part} layers at a time",
            stacklevel=2,
        )

    def _watch_disk(self, partial: Partial) -> None:
        """Say once when what is to come is larger than the disk."""
        folder = partial.store.path.parent
        free, needed = shutil.disk_usage(folder).free, partial.bytes_to_come()
        if needed > free and not self._warned:
            self._warned = True
            warnings.warn(
                f"the disk of {folder} has {free / 1e6:.0f} MB left, and about {needed / 1e6:.0f} MB "
                "more will be needed",
                stacklevel=2,
            )


def new_buffers(shape: tuple[int, ...], dtype: np.dtype[Any]) -> list[np.ndarray]:
    """Allocate the slabs that are in memory at a time."""
    return [np.empty(shape, dtype) for _ in range(BUFFERS)]


def _bar(progress: bool, done: int, total: int) -> Any:
    from tqdm.auto import tqdm

    return tqdm(
        total=total,
        initial=done,
        desc="voxelizing",
        unit="voxel",
        unit_scale=True,
        disable=not progress,
    )
