"""Grids of pixels and voxels on which functions are averaged, as finely as each cell needs.

A `Mask2D` says which pixels there are and where; an `Array2D` holds their values and a `Grid2D` their
points. A `Grid2DIterate` averages a function over each pixel on finer and finer sub-grids until two
agree, and `Grid3DIterate` does so over voxels. `cell_averages` does it for `gpupept.Pixels` and
`gpupept.Voxels` in one call.
"""

from __future__ import annotations

from gpupept.grids.array_2d import Array2D
from gpupept.grids.array_3d import Array3D
from gpupept.grids.averages import cell_averages
from gpupept.grids.decorators import (
    grid_2d_to_structure,
    grid_2d_to_structure_list,
    over_sample,
)
from gpupept.grids.errors import ArrayException, GridException, MaskException
from gpupept.grids.grid_2d import Grid2D
from gpupept.grids.grid_2d_iterate import Grid2DIterate
from gpupept.grids.grid_3d import Grid3D, Grid3DIterate
from gpupept.grids.irregular import Grid2DIrregular, ValuesIrregular
from gpupept.grids.iteration import IterationInfo
from gpupept.grids.mask_2d import Mask2D
from gpupept.grids.mask_3d import Mask3D
from gpupept.grids.over_sampling import OverSamplingIterate, OverSamplingUniform
from gpupept.grids.point_function import PointFunction, compiled_function

__all__ = [
    "Array2D",
    "Array3D",
    "ArrayException",
    "Grid2D",
    "Grid2DIrregular",
    "Grid2DIterate",
    "Grid3D",
    "Grid3DIterate",
    "GridException",
    "IterationInfo",
    "Mask2D",
    "Mask3D",
    "MaskException",
    "OverSamplingIterate",
    "OverSamplingUniform",
    "PointFunction",
    "ValuesIrregular",
    "cell_averages",
    "compiled_function",
    "grid_2d_to_structure",
    "grid_2d_to_structure_list",
    "over_sample",
]
