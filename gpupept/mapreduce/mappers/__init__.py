"""Mappers that are ready to use."""

from __future__ import annotations

from gpupept.mapreduce.mappers.deconvolution import (
    RichardsonLucyMapper,
    RichardsonLucyMapperConfig,
)
from gpupept.mapreduce.mappers.filters import (
    ConvolveMapper,
    ConvolveMapperConfig,
    GaussianFilterMapper,
    GaussianFilterMapperConfig,
    MedianFilterMapper,
    MedianFilterMapperConfig,
)
from gpupept.mapreduce.mappers.functions import (
    FunctionMapper,
    FunctionMapperConfig,
    ThresholdMapper,
    ThresholdMapperConfig,
)
from gpupept.mapreduce.mappers.lines import RasteriseLinesMapper, RasteriseLinesMapperConfig
from gpupept.mapreduce.mappers.measurements import (
    LocalMaximaMapper,
    LocalMaximaMapperConfig,
    StatisticsMapper,
    StatisticsMapperConfig,
)

__all__ = [
    "ConvolveMapper",
    "ConvolveMapperConfig",
    "FunctionMapper",
    "FunctionMapperConfig",
    "GaussianFilterMapper",
    "GaussianFilterMapperConfig",
    "LocalMaximaMapper",
    "LocalMaximaMapperConfig",
    "MedianFilterMapper",
    "MedianFilterMapperConfig",
    "RasteriseLinesMapper",
    "RasteriseLinesMapperConfig",
    "RichardsonLucyMapper",
    "RichardsonLucyMapperConfig",
    "StatisticsMapper",
    "StatisticsMapperConfig",
    "ThresholdMapper",
    "ThresholdMapperConfig",
]
