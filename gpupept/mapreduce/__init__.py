"""Map-reduce over the cells of an image: filters, measurements and reconstructions, tile by tile.

An `ImageMapReduceTask` divides an image (or an `Exposure`, with variance, mask and point-spread
function) into overlapping cells, gives each with a border to an `ImageMapper`, and has an
`ImageReducer` put the results together. `map_reduce` does that with a function in one call.
"""

from __future__ import annotations

from gpupept.mapreduce.box import Box
from gpupept.mapreduce.config import (
    ChoiceField,
    Config,
    Configurable,
    ConfigurableField,
    Field,
    FieldValidationError,
    ListField,
)
from gpupept.mapreduce.execution import autoCell
from gpupept.mapreduce.exposure import Exposure, Image, MaskedImage
from gpupept.mapreduce.map_reduce_config import ImageMapReduceConfig
from gpupept.mapreduce.map_reduce_task import ImageMapReduceTask
from gpupept.mapreduce.mapper import ImageMapper, ImageMapperConfig
from gpupept.mapreduce.mappers import (
    ConvolveMapper,
    FunctionMapper,
    GaussianFilterMapper,
    LocalMaximaMapper,
    MedianFilterMapper,
    RasteriseLinesMapper,
    RichardsonLucyMapper,
    StatisticsMapper,
    ThresholdMapper,
)
from gpupept.mapreduce.mask import Mask
from gpupept.mapreduce.one_call import map_reduce
from gpupept.mapreduce.psf import CoaddPsf, GaussianPsf, KernelPsf
from gpupept.mapreduce.reducer import ImageReducer, ImageReducerConfig
from gpupept.mapreduce.struct import SkippedCell, Struct
from gpupept.mapreduce.task import Task

__all__ = [
    "Box",
    "ChoiceField",
    "CoaddPsf",
    "Config",
    "Configurable",
    "ConfigurableField",
    "ConvolveMapper",
    "Exposure",
    "Field",
    "FieldValidationError",
    "FunctionMapper",
    "GaussianFilterMapper",
    "GaussianPsf",
    "Image",
    "ImageMapReduceConfig",
    "ImageMapReduceTask",
    "ImageMapper",
    "ImageMapperConfig",
    "ImageReducer",
    "ImageReducerConfig",
    "KernelPsf",
    "ListField",
    "LocalMaximaMapper",
    "Mask",
    "MaskedImage",
    "MedianFilterMapper",
    "RasteriseLinesMapper",
    "RichardsonLucyMapper",
    "SkippedCell",
    "StatisticsMapper",
    "Struct",
    "Task",
    "ThresholdMapper",
    "autoCell",
    "map_reduce",
]
