"""Mappers that measure cells; for the reduce operation "none"."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from gpupept.backend import array_namespace, to_host
from gpupept.base.statistics import image_statistics
from gpupept.kernels import Array
from gpupept.mapreduce.box import Box
from gpupept.mapreduce.config import ChoiceField, Config, Field, ListField
from gpupept.mapreduce.exposure import Exposure
from gpupept.mapreduce.mapper import ImageMapperConfig, cropped
from gpupept.mapreduce.mappers.filters import window_size, windows
from gpupept.mapreduce.mappers.ready import ReadyMapper
from gpupept.mapreduce.struct import Struct


class StatisticsMapperConfig(ImageMapperConfig):
    """Configuration of a `StatisticsMapper`."""

    nan_policy = ChoiceField(
        str,
        {"propagate": "NaN statistics", "omit": "count nowhere", "raise": "are an error"},
        default="omit",
        doc="What NaN elements do",
    )
    histogram = Field(bool, False, "Whether to compute histograms", optional=False)
    maskPlanes = ListField(
        str, default=(), doc="Elements with a bit of one of these planes do not count"
    )


class StatisticsMapper(ReadyMapper):
    """Computes the statistics of each cell.

    Results have the items `statistics`, a `gpupept.images.Statistics` (None where no element
    counts), and `box`.

    Parameters
    ----------
    nan_policy : {"omit", "propagate", "raise"}, default "omit"
        What NaN elements do.
    histogram : bool, default False
        Whether to compute histograms.
    maskPlanes : list of str, optional
        Elements with a bit of one of these planes do not count.
    config, name, parentTask, log
        As of `Task`.

    Examples
    --------
    >>> import numpy as np
    >>> from gpupept.mapreduce import ImageMapReduceConfig, ImageMapReduceTask, StatisticsMapper
    >>> config = ImageMapReduceConfig()
    >>> config.reducer.reduceOperation = "none"
    >>> task = ImageMapReduceTask(config, mapper=StatisticsMapper())
    >>> results = task.run(np.arange(400.0).reshape(20, 20)).result
    >>> results[0].statistics.maximum, results[0].box
    (189.0, Box(minimum=(0, 0), end=(10, 10)))
    """

    ConfigClass: ClassVar[type[Config]] = StatisticsMapperConfig
    _DefaultName: ClassVar[str] = "statisticsMapper"
    halo = 0

    def __init__(
        self,
        nan_policy: str | None = None,
        histogram: bool | None = None,
        maskPlanes: list[str] | None = None,
        config: Config | None = None,
        **task: Any,
    ) -> None:
        values = {"nan_policy": nan_policy, "histogram": histogram, "maskPlanes": maskPlanes}
        super().__init__(values, config, **task)

    def run(
        self, subExposure: Exposure, expandedSubExposure: Exposure, fullBBox: Box, **kwargs: Any
    ) -> Struct:
        """Map one cell; see `ImageMapper.run`."""
        config, mask, excluded = self.config, subExposure.mask, None
        if mask is not None and config.maskPlanes:
            excluded = (mask.array & mask.getPlaneBitMask(config.maskPlanes)) != 0
            if bool(excluded.all()):
                return Struct(statistics=None, box=subExposure.getBBox())
        found = image_statistics(
            subExposure.image.array, excluded, config.nan_policy, config.histogram
        )
        return Struct(statistics=found, box=subExposure.getBBox())


class LocalMaximaMapperConfig(ImageMapperConfig):
    """Configuration of a `LocalMaximaMapper`."""

    size = window_size()
    threshold = Field(float, None, "Maxima are larger than this")


class LocalMaximaMapper(ReadyMapper):
    """Finds the elements that are the largest of a cube (or square) about them.

    Of equal elements next to one another, the first in the order of the array is taken. Results have
    the items `positions` (K, ndim), integer places of the maxima in the exposure in the order x, y(, z),
    and `values` (K,), both on the host. Each maximum of the exposure is in the result of every cell
    that contains it.

    Parameters
    ----------
    size : int, default 3
        Elements along the edge of the window, an odd number.
    threshold : float, optional
        Maxima are larger than this.
    config, name, parentTask, log
        As of `Task`.

    Examples
    --------
    >>> import numpy as np
    >>> from gpupept.mapreduce import ImageMapReduceConfig, ImageMapReduceTask, LocalMaximaMapper
    >>> image = np.zeros((10, 10))
    >>> image[3, 4] = 7.0
    >>> config = ImageMapReduceConfig()
    >>> config.reducer.reduceOperation = "none"
    >>> task = ImageMapReduceTask(config, mapper=LocalMaximaMapper(threshold=1.0))
    >>> task.run(image).result[0].positions.tolist()
    [[3, 4]]
    """

    ConfigClass: ClassVar[type[Config]] = LocalMaximaMapperConfig
    _DefaultName: ClassVar[str] = "localMaximaMapper"

    def __init__(
        self,
        size: int | None = None,
        threshold: float | None = None,
        config: Config | None = None,
        **task: Any,
    ) -> None:
        super().__init__({"size": size, "threshold": threshold}, config, **task)

    @property
    def halo(self) -> int:  # type: ignore[override]
        """Reach of the window."""
        return int(self.config.size) // 2

    def run(
        self, subExposure: Exposure, expandedSubExposure: Exposure, fullBBox: Box, **kwargs: Any
    ) -> Struct:
        """Map one cell; see `ImageMapper.run`."""
        image = expandedSubExposure.image.array
        box = subExposure.getBBox()
        chosen = cropped(self._maxima(image), expandedSubExposure, box)
        values = subExposure.image.array[chosen]
        places = np.stack([to_host(axis) for axis in chosen.nonzero()], axis=1)
        places = places[:, ::-1] if subExposure._reversed else places
        return Struct(positions=places + np.array(box.getMin()), values=to_host(values), box=box)

    def _maxima(self, image: Array) -> Array:
        """Tell which elements are maxima: larger than those before, no smaller than those after."""
        xp = array_namespace(image)
        values = image.astype(np.float64, copy=False)
        values = xp.where(xp.isnan(values), -np.inf, values)
        found = values > (-np.inf if self.config.threshold is None else self.config.threshold)
        shape = (self.config.size,) * image.ndim
        middle = self.config.size**image.ndim // 2
        reach = self.halo
        inner = tuple(slice(reach, reach + size) for size in image.shape)
        padded = xp.full([size + 2 * reach for size in image.shape], -np.inf)
        padded[inner] = values
        for number, moved in enumerate(windows(padded, shape, "edge")):
            other = moved[inner]
            if number != middle:
                found &= values > other if number < middle else values >= other
        return found
