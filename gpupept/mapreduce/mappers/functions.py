"""Mappers that change elements: any function, and thresholds."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from gpupept.backend import array_namespace
from gpupept.kernels import Array
from gpupept.mapreduce.box import Box
from gpupept.mapreduce.config import Config, Field
from gpupept.mapreduce.exposure import Exposure
from gpupept.mapreduce.mapper import ImageMapperConfig, patch
from gpupept.mapreduce.mappers.filters import FilterMapper
from gpupept.mapreduce.mappers.ready import ReadyMapper
from gpupept.mapreduce.struct import Struct


class FunctionMapperConfig(ImageMapperConfig):
    """Configuration of a `FunctionMapper`."""

    function = Field(object, None, "Takes the array of an expanded cell, gives one of its shape")
    halo = Field(
        int, None, "Elements around a cell that the function needs", check=lambda n: n >= 0
    )


class FunctionMapper(FilterMapper):
    """Applies a function to the array of the expanded cell and keeps the cell.

    Parameters
    ----------
    function : callable
        Takes an array, on the device where cells are mapped, that it must not change, and returns one
        of the same shape. Not called by several threads at once.
    halo : int, optional
        Elements around a cell that it needs to see; borders that are narrower are then refused.
    config, name, parentTask, log
        As of `Task`.

    Examples
    --------
    >>> import numpy as np
    >>> from gpupept.mapreduce import Exposure, FunctionMapper
    >>> mapper = FunctionMapper(np.cumsum, halo=0)
    >>> mapper.config.halo
    0
    """

    ConfigClass: ClassVar[type[Config]] = FunctionMapperConfig
    _DefaultName: ClassVar[str] = "functionMapper"
    threadSafe: ClassVar[bool] = False

    def __init__(
        self,
        function: Callable[[Any], Any] | None = None,
        halo: int | None = None,
        config: Config | None = None,
        **task: Any,
    ) -> None:
        super().__init__({"function": function, "halo": halo}, config, **task)
        if not callable(self.config.function):
            raise TypeError(f"function must be callable, found {self.config.function!r}")
        self.halo = self.config.halo

    def filtered(self, array: Array) -> Array:
        """Call the function."""
        result = self.config.function(array)
        if tuple(getattr(result, "shape", ())) != tuple(array.shape):
            raise ValueError(
                f"function must return an array of shape {tuple(array.shape)}, found "
                f"{tuple(getattr(result, 'shape', ()))}; for a list of any results use "
                'map_reduce(..., reduce="none")'
            )
        return result


class ThresholdMapperConfig(ImageMapperConfig):
    """Configuration of a `ThresholdMapper`."""

    lower = Field(float, None, "Smallest value that is kept")
    upper = Field(float, None, "Largest value that is kept")
    fill = Field(float, 0.0, "What other values become", optional=False)


class ThresholdMapper(ReadyMapper):
    """Replaces values outside a range.

    Parameters
    ----------
    lower, upper : float, optional
        Smallest and largest value that is kept.
    fill : float, default 0
        What others become; NaN leaves them out of what cells are put together from.
    config, name, parentTask, log
        As of `Task`.

    Examples
    --------
    >>> from gpupept.mapreduce import ThresholdMapper
    >>> ThresholdMapper(lower=2.5).config.toDict()
    {'lower': 2.5, 'upper': None, 'fill': 0.0}
    """

    ConfigClass: ClassVar[type[Config]] = ThresholdMapperConfig
    _DefaultName: ClassVar[str] = "thresholdMapper"
    halo = 0

    def __init__(
        self,
        lower: float | None = None,
        upper: float | None = None,
        fill: float | None = None,
        config: Config | None = None,
        **task: Any,
    ) -> None:
        super().__init__({"lower": lower, "upper": upper, "fill": fill}, config, **task)

    def run(
        self, subExposure: Exposure, expandedSubExposure: Exposure, fullBBox: Box, **kwargs: Any
    ) -> Struct:
        """Map one cell; see `ImageMapper.run`."""
        image, config = subExposure.image.array, self.config
        xp = array_namespace(image)
        outside = xp.zeros(image.shape, dtype=bool)
        if config.lower is not None:
            outside |= image < config.lower
        if config.upper is not None:
            outside |= image > config.upper
        kind = image.dtype if image.dtype.kind == "f" else float
        return patch(subExposure, xp.where(outside, config.fill, image).astype(kind, copy=False))
