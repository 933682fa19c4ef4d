"""Map-reduce with a function or a mapper, in one call."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import numpy as np

from gpupept.mapreduce.box import Box
from gpupept.mapreduce.cell_planning import Needs, plan_cell
from gpupept.mapreduce.exposure import Exposure
from gpupept.mapreduce.grid import tiles
from gpupept.mapreduce.map_reduce_config import ImageMapReduceConfig
from gpupept.mapreduce.map_reduce_task import ImageMapReduceTask, as_exposure
from gpupept.mapreduce.mapper import ImageMapper, cropped
from gpupept.mapreduce.mappers import FunctionMapper
from gpupept.mapreduce.outputs import is_path
from gpupept.mapreduce.struct import Struct

_CELL = 64
_CHOICES = ("n_workers", "device", "n_streams", "max_device_bytes")


class _AnyResultMapper(FunctionMapper):
    """A function whose results are listed, so that they may be anything."""

    returnsCell: ClassVar[bool] = False

    def run(
        self, subExposure: Exposure, expandedSubExposure: Exposure, fullBBox: Box, **kwargs: Any
    ) -> Struct:
        """Map one cell; see `ImageMapper.run`."""
        array = expandedSubExposure.image.array
        value = self.config.function(array)
        if getattr(value, "shape", None) == array.shape:
            value = cropped(value, expandedSubExposure, subExposure.getBBox())
        return Struct(value=value)


def map_reduce(
    array: Any,
    func: Callable[[Any], Any] | ImageMapper,
    cell: int | Sequence[int] | None = None,
    border: int | Sequence[int] | None = None,
    reduce: str = "copy",
    *,
    memory: int | str | None = None,
    progress: bool | None = None,
    **kwargs: Any,
) -> Any:
    """Apply a function or a mapper to an image cell by cell.

    Parameters
    ----------
    array : array, Pixels, Voxels, VolumeStore or Exposure
        The image; see `ImageMapReduceTask.run`.
    func : callable or ImageMapper
        Takes the array of a cell with its border and returns one of the same shape, of which the
        cell is kept; for "none" it may return anything. Or a mapper, such as a
        `GaussianFilterMapper`.
    cell : int or tuple of int, optional
        Size of cells along each axis; by default 64, or what fits `memory` if that is given or the
        image is in a store.
    border : int or tuple of int, optional
        Border around cells along each axis: what `func` needs to see. The `halo` of a mapper, and
        none for a function, by default.
    reduce : str, default "copy"
        Reduce operation; cells do not overlap, so "copy", "sum" and "average" are the same.
    memory : int or str, optional
        Working memory to take on the host, such as ``"1GB"``; it decides the size of cells, which
        does not change results.
    progress : bool, optional
        Whether to show a progress bar; by default if a store is read or made.
    **kwargs
        Of `ImageMapReduceTask.run`, such as `device`, `n_workers`, `out`, `dtype` and `overwrite`.

    Returns
    -------
    array, Pixels, Voxels, VolumeStore, Exposure or list
        The result, of the kind that was given, or what `out` is; `Voxels` (`Pixels`) of a store
        without `out`. A `VolumeStore` if `out` is a path. For "none" a list of what `func` returned,
        without the border where it has the shape of the cell with it, or of what the mapper returned.

    Raises
    ------
    ValueError
        If `memory` is too little or given besides `cell`, `cell` or `border` has not a number for
        each axis, or as `ImageMapReduceTask.run` does.

    Examples
    --------
    >>> import numpy as np
    >>> from gpupept.mapreduce import map_reduce
    >>> image = np.arange(12.0).reshape(3, 4)
    >>> map_reduce(image, lambda part: part + 1, cell=2).tolist()
    [[1.0, 2.0, 3.0, 4.0], [5.0, 6.0, 7.0, 8.0], [9.0, 10.0, 11.0, 12.0]]

    A volume on disk, smoothed in bounded memory:

    >>> import tempfile
    >>> from gpupept.mapreduce import GaussianFilterMapper
    >>> from gpupept.volumes import VolumeStore
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     limits = [0, 8], [0, 8], [0, 8]
    ...     store = VolumeStore.create(f"{folder}/counts.zarr", (8, 8, 8), *limits, dtype="float32")
    ...     store.write(4, np.ones((1, 8, 8), dtype="float32"))
    ...     out = f"{folder}/smooth.zarr"
    ...     smooth = map_reduce(store, GaussianFilterMapper(sigma=1.0), out=out, memory="1GB")
    ...     type(smooth).__name__, smooth.xlim.tolist(), round(float(smooth[4, 4, 4]), 4)
    ('VolumeStore', [0.0, 8.0], 0.3988)
    """
    whole = as_exposure(array)
    kind = _AnyResultMapper if reduce == "none" else FunctionMapper
    mapper = func if isinstance(func, ImageMapper) else kind(func)
    borders = _per_axis("border", _halo(mapper, whole) if border is None else border, 0, whole.ndim)
    if cell is not None and memory is not None:
        raise ValueError(f"cell or memory decides the size of cells, found {cell!r} and {memory!r}")
    if cell is None and (memory is not None or _in_parts(whole)):
        needs = Needs(whole, mapper, borders, reduce == "copy")
        given = {name: kwargs[name] for name in _CHOICES if name in kwargs}
        cell, kwargs["n_workers"] = plan_cell(needs, memory, **given)
    cells = _per_axis("cell", _CELL if cell is None else cell, 1, whole.ndim)
    config = ImageMapReduceConfig()
    config.reducer.reduceOperation = reduce
    task = ImageMapReduceTask(config, mapper=mapper)
    task.boxes0, task.boxes1 = tiles(whole.getBBox(), cells, borders)
    if progress is None:
        progress = _in_parts(whole) or is_path(kwargs.get("out"))
    result = task.run(whole, progress=progress, **kwargs)
    if reduce == "none":
        plain = mapper is not func
        return [each.value for each in result.result] if plain else result.result
    if reduce == "coaddPsf":
        return result.result
    return _like_given(array, result.exposure, kwargs.get("out"))


def _per_axis(name: str, given: int | Sequence[int], least: int, ndim: int) -> tuple[int, ...]:
    parts: Any = given
    sizes: tuple[Any, ...] = (given,) * ndim if np.ndim(parts) == 0 else tuple(parts)
    whole = all(isinstance(size, int | np.integer) and size >= least for size in sizes)
    if len(sizes) != ndim or not whole:
        raise ValueError(
            f"{name}: expected {ndim} numbers, whole and at least {least}, found {given!r}"
        )
    return tuple(map(int, sizes))


def _halo(mapper: ImageMapper, whole: Exposure) -> int | tuple[int, ...]:
    """Tell what a mapper needs to see, along the axes of boxes."""
    halo = mapper.halo or 0
    return halo if isinstance(halo, int) or not whole._reversed else tuple(halo)[::-1]


def _in_parts(whole: Exposure) -> bool:
    """Tell whether an image is read from a store."""
    return isinstance(getattr(whole.image.array, "chunks", None), tuple)


def _like_given(array: Any, found: Exposure, out: Any) -> Any:
    if isinstance(array, Exposure):
        return found
    if out is not None and not is_path(out):
        return out
    return found.image.array if found.container is None else found.container
