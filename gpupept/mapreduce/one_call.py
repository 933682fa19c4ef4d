"""Map-reduce with a function, in one call."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from gpupept.base.array_container import ArrayContainer
from gpupept.mapreduce.exposure import Exposure
from gpupept.mapreduce.map_reduce_config import ImageMapReduceConfig
from gpupept.mapreduce.map_reduce_task import ImageMapReduceTask, as_exposure
from gpupept.mapreduce.mappers import FunctionMapper


def map_reduce(
    array: Any,
    func: Callable[[Any], Any],
    cell: int | Sequence[int] = 64,
    border: int | Sequence[int] = 0,
    reduce: str = "copy",
    **kwargs: Any,
) -> Any:
    """Apply a function to an image cell by cell.

    Parameters
    ----------
    array : array, Pixels, Voxels or Exposure
        The image; see `ImageMapReduceTask.run`.
    func : callable
        Takes the array of a cell with its border and returns one of the same shape, of which the
        cell is kept.
    cell : int or tuple of int, default 64
        Size of cells along each axis.
    border : int or tuple of int, default 0
        Border around cells along each axis: what `func` needs to see.
    reduce : str, default "copy"
        Reduce operation; cells do not overlap, so "copy", "sum" and "average" are the same.
    **kwargs
        Of `ImageMapReduceTask.run`, such as `device`, `n_workers` and `out`.

    Returns
    -------
    array, Pixels, Voxels, Exposure or list
        The result, of the kind that was given; a list of the results of `func`, without border, for
        "none".

    Examples
    --------
    >>> import numpy as np
    >>> from gpupept.mapreduce import map_reduce
    >>> image = np.arange(12.0).reshape(3, 4)
    >>> map_reduce(image, lambda part: part + 1, cell=2).tolist()
    [[1.0, 2.0, 3.0, 4.0], [5.0, 6.0, 7.0, 8.0], [9.0, 10.0, 11.0, 12.0]]
    """
    whole = as_exposure(array)
    config = ImageMapReduceConfig(adjustGridOption="none", scaleByFwhm=False)
    for name, given in (("cellSize", cell), ("gridStep", cell), ("borderSize", border)):
        sizes = (given,) * whole.ndim if isinstance(given, int) else tuple(given)
        if len(sizes) != whole.ndim:
            raise ValueError(f"{name}: expected {whole.ndim} numbers, found {given!r}")
        config.update(**{name + axis: size for axis, size in zip("XYZ", sizes, strict=False)})
    config.reducer.reduceOperation = reduce
    task = ImageMapReduceTask(config, mapper=FunctionMapper(func))
    result = task.run(whole, **kwargs)
    if reduce == "none":
        return [part.subExposure.image.array for part in result.result]
    if isinstance(array, Exposure):
        return result.exposure
    image = result.exposure.image.array
    fits = isinstance(array, ArrayContainer) and kwargs.get("out") is None
    return array._with_array(image) if fits else image
