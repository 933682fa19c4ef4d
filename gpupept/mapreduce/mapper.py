"""Mappers: what is done with each cell."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar

from gpupept.kernels import Array
from gpupept.mapreduce.box import Box
from gpupept.mapreduce.config import Config
from gpupept.mapreduce.exposure import Exposure
from gpupept.mapreduce.struct import Struct
from gpupept.mapreduce.task import Task


class ImageMapperConfig(Config):
    """Configuration of an `ImageMapper`: no fields; subclasses add theirs."""


class ImageMapper(Task, ABC):
    """What is done with each cell of an exposure; the base of mappers.

    A subclass defines `run`, and may set the class attributes below. The arrays it is given are views
    that it must not change; those on the CPU refuse to be written to.

    Attributes
    ----------
    halo : int, tuple of int or None
        Elements around a cell, along each axis of arrays, that the result of the cell depends on;
        borders must not be narrower.
    threadSafe : bool
        Whether cells may be mapped by several threads at once.
    returnsCell : bool
        Whether the result of a cell never reaches beyond it into its border; sums then take less
        memory.

    Examples
    --------
    >>> import numpy as np
    >>> from gpupept.mapreduce import ImageMapper, ImageMapReduceConfig, ImageMapReduceTask, Struct
    >>> class Double(ImageMapper):
    ...     def run(self, subExposure, expandedSubExposure, fullBBox, **kwargs):
    ...         result = subExposure.clone()
    ...         result.image.array *= 2
    ...         return Struct(subExposure=result)
    >>> config = ImageMapReduceConfig()
    >>> config.mapper.retarget(Double)
    >>> task = ImageMapReduceTask(config)
    >>> float(task.run(np.ones((32, 32))).exposure.image.array.max())
    2.0
    """

    ConfigClass: ClassVar[type[Config]] = ImageMapperConfig
    _DefaultName: ClassVar[str] = "ip_diffim_ImageMapper"
    threadSafe: ClassVar[bool] = False
    returnsCell: ClassVar[bool] = False
    halo: int | tuple[int, ...] | None = None

    @abstractmethod
    def run(
        self, subExposure: Exposure, expandedSubExposure: Exposure, fullBBox: Box, **kwargs: Any
    ) -> Struct:
        """Map one cell.

        Parameters
        ----------
        subExposure : Exposure
            The cell.
        expandedSubExposure : Exposure
            The cell with its border.
        fullBBox : Box
            Box of the whole exposure.
        **kwargs
            What `ImageMapReduceTask.run` was given besides.

        Returns
        -------
        Struct
            With an item `subExposure`, the mapped cell, to be put together; anything if the reduce
            operation is "none".
        """

    def scratchBytes(self, box: Box, itemsize: int) -> int:
        """Return the memory that mapping an expanded cell takes, about, for planning.

        Parameters
        ----------
        box : Box
            The expanded cell.
        itemsize : int
            Bytes of one of its elements.
        """
        return box.getArea() * (itemsize + 4 * 8)


def cropped(array: Array, expanded: Exposure, box: Box) -> Array:
    """Part of an array of the shape of an expanded cell that is the cell."""
    return array[expanded.index(box)]


def patch(subExposure: Exposure, image: Array) -> Struct:
    """Return a result with another image, and the variance and mask of the cell."""
    _, variance, mask = subExposure._arrays()
    return Struct(subExposure=subExposure.like(image, variance, subExposure._mask_of(mask)))
