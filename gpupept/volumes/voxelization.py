"""Counting lines in the voxels of a grid that need not fit into memory."""

from __future__ import annotations

import logging
import math
import os
from typing import Any

from gpupept.executors import check_executor
from gpupept.kernels.threads import use_threads
from gpupept.volumes.folders import checked_store_name
from gpupept.volumes.job import checked_job
from gpupept.volumes.making import Maker
from gpupept.volumes.partial import Partial, opened_partial
from gpupept.volumes.statistics import sum_of_totals
from gpupept.volumes.store import VolumeStore
from gpupept.volumes.zarr_format import zarr_package

logger = logging.getLogger("gpupept.volumes")


def voxelize(
    lines: Any,
    number_of_voxels: Any,
    path: str | os.PathLike[str],
    *,
    xlim: Any = None,
    ylim: Any = None,
    zlim: Any = None,
    weights: Any = None,
    lengths: bool = False,
    dtype: Any = None,
    memory: str | int | None = None,
    device: str | None = None,
    max_workers: int | None = None,
    chunks: Any = None,
    resume: bool = True,
    overwrite: bool = False,
    progress: bool = True,
) -> VolumeStore:
    """Count the lines that go through each voxel of a grid on disk, of any size.

    Layers of the grid are computed and written some at a time; which, and how many, never changes a
    value: all are those of `Voxels.from_lines` with the same dtype on the same kind of device, bit for
    bit. (Counts are the same on every device. Sums of weights and lengths are rounded in other places
    on a GPU than on the CPU.)

    The volume is made in the directory ``<path>.partial`` and gets its name when it is complete. When
    that is cut short, by Ctrl-C, a kill, a full disk or a crash, the same call goes on where it ended.

    Parameters
    ----------
    lines : LineData or (N, C >= 7) array_like
        Lines with columns ``t, x1, y1, z1, x2, y2, z2`` (ms, mm), others are ignored. Those that are
        not finite are left out, and a warning says how many.
    number_of_voxels : (3,) sequence of int
        Voxels along each axis, at least 2.
    path : str or path-like
        The store to make; its name ends with ``.zarr``.
    xlim, ylim, zlim : (2,) array_like, optional
        Limits, mm; by default those of both ends of the lines.
    weights : (N,) array_like, optional
        What a line adds to each of its voxels; 1 by default.
    lengths : bool, default False
        Multiply by the length (mm) of the line in the voxel.
    dtype : dtype, optional
        uint32, float32 or float64; by default uint32 for counts, float64 for weights and lengths.
    memory : str or int, optional
        Memory for slabs, lines and what is being compressed, such as ``"2GB"``, on the host and on
        the GPU each; by default as `gpupept.backend.memory_budget` has it. The interpreter with its
        libraries takes some 250 MB besides.
    device : str, optional
        ``"cpu"``, ``"cuda"`` or ``"cuda:N"``; by default where the lines are.
    max_workers : int, optional
        Threads that follow lines on the CPU; as many as there are cores by default.
    chunks : (3,) sequence of int, optional
        Voxels along each axis that are compressed together; by default about 2 MB, and thinner ones
        for a small budget.
    resume : bool, default True
        Go on with an unfinished volume; False discards it.
    overwrite : bool, default False
        Replace a volume at `path`, once the new one is complete.
    progress : bool, default True
        Show a progress bar.

    Returns
    -------
    VolumeStore
        Open for reading. Its attributes tell ``lines``, ``skipped_lines``, ``lengths``, ``weighted``,
        and ``total``, ``nonzero`` and ``maximum`` of the values (None where they are not finite).

    Raises
    ------
    ValueError
        If an argument is not as it must be, the memory is too little for a layer of chunks (the message
        has the smallest that works), or an unfinished volume is another one.
    TypeError
        If lines cannot be added up in this dtype.
    FileExistsError
        If there is something at `path` that is not to be, or must not be, overwritten.
    BlockingIOError
        If another process is making the same volume.
    OSError
        If the store cannot be written.
    MemoryError
        If not even a layer can be computed.
    ImportError
        If Zarr is not installed; ``pip install gpupept[io]``.

    References
    ----------
    .. [1] J. Amanatides, A. Woo, "A fast voxel traversal algorithm for ray tracing", Eurographics 1987,
       see `gpupept.kernels.traverse`.

    Examples
    --------
    >>> import tempfile
    >>> import gpupept
    >>> lines = [[0, 0, 0, 0, 4, 4, 4], [1, 0, 3, 0, 4, 3, 0]]
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     volume = gpupept.voxelize(
    ...         lines, (2, 2, 2), f"{folder}/vol.zarr", zlim=[0, 4], memory="100MB", progress=False
    ...     )
    ...     volume.attrs["total"], volume[0].tolist()
    (6, [[1, 1], [1, 1]])
    """
    zarr_package()
    target = checked_store_name(path)
    check_executor("sequential", max_workers)
    job = checked_job(lines, number_of_voxels, (xlim, ylim, zlim), weights, lengths, dtype, device)
    with use_threads(max_workers):
        maker = Maker(job, memory, chunks)
        with opened_partial(
            target, job.parameters(), maker.choose_chunks, resume, overwrite
        ) as partial:
            maker.make(partial, progress)
            attrs = job.attrs() | _summary(partial)
            store = partial.publish(attrs, overwrite)
    if attrs["skipped_lines"]:
        logger.warning(
            "%d of %d lines were left out of the voxels, since they%s are not finite",
            attrs["skipped_lines"],
            attrs["lines"],
            " or their weights" if attrs["weighted"] else "",
        )
    if attrs["total"] == 0:
        logger.warning(
            "the sum of all values is 0: does any line go through the voxels?%s", job.extent()
        )
    return store


def _summary(partial: Partial) -> dict[str, Any]:
    """Sum, number and largest of the values, from what was recorded of each slab."""
    slabs = sorted(partial.journal.slabs, key=lambda slab: slab.first)
    whole = sum_of_totals([total for slab in slabs for total in slab.totals])
    return {
        "total": _finite(whole),
        "nonzero": sum(slab.nonzero for slab in slabs),
        "maximum": _finite(max(slab.maximum for slab in slabs)),
    }


def _finite(value: int | float) -> int | float | None:
    """Return what JSON can hold: None for what is not finite."""
    return value if math.isfinite(value) else None
