"""Containers of samples, and the filters and pipelines that work on them."""

from __future__ import annotations

from gpupept.base.batch_filter import BatchFilter
from gpupept.base.batch_reducer import BatchReducer
from gpupept.base.checks import check_iterable
from gpupept.base.iterable_samples import IterableSamples
from gpupept.base.joining import concatenate
from gpupept.base.line_data import LineData
from gpupept.base.pept_object import PEPTObject
from gpupept.base.per_sample import PerSample
from gpupept.base.persistence import load, save
from gpupept.base.pipeline import Pipeline
from gpupept.base.pixels import Pixels
from gpupept.base.point_data import PointData
from gpupept.base.sample_groups import SampleGroups
from gpupept.base.transformers import (
    Filter,
    LineDataFilter,
    PointDataFilter,
    Reducer,
    Transformer,
    VoxelsFilter,
)
from gpupept.base.voxel_samples import VoxelizedLines, VoxelList, VoxelSamples
from gpupept.base.voxels import Voxels
from gpupept.base.windows import AdaptiveWindow, TimeWindow

__all__ = [
    "AdaptiveWindow",
    "BatchFilter",
    "BatchReducer",
    "Filter",
    "IterableSamples",
    "LineData",
    "LineDataFilter",
    "PEPTObject",
    "PerSample",
    "Pipeline",
    "Pixels",
    "PointData",
    "PointDataFilter",
    "Reducer",
    "SampleGroups",
    "TimeWindow",
    "Transformer",
    "VoxelList",
    "VoxelSamples",
    "VoxelizedLines",
    "Voxels",
    "VoxelsFilter",
    "check_iterable",
    "concatenate",
    "load",
    "save",
]
