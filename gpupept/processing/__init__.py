"""What tracers do: where they are, for how long, how they move there, and how they mix.

Functions turn plain arrays of positions into `gpupept.Pixels` and `gpupept.Voxels`; reducers turn the
trajectories of a pipeline into grids of averages, residence times and vectors, and their passes across
planes into measures of mixing. Areas and volumes are exact, and results do not depend on the number of
workers.
"""

from __future__ import annotations

from gpupept.processing.autocorrelation import AutoCorrelation
from gpupept.processing.circles import circles2d, spheres3d
from gpupept.processing.dynamic_probability import DynamicProbability2D, DynamicProbability3D
from gpupept.processing.lacey import LaceyColors
from gpupept.processing.lacey_linear import LaceyColorsLinear
from gpupept.processing.occupancy import occupancy2d, occupancy3d
from gpupept.processing.relative_deviations import RelativeDeviations
from gpupept.processing.relative_deviations_linear import RelativeDeviationsLinear
from gpupept.processing.residence_distribution import (
    ResidenceDistribution2D,
    ResidenceDistribution3D,
)
from gpupept.processing.spatial_projections import SpatialProjections
from gpupept.processing.vector_field import VectorField2D, VectorField3D
from gpupept.processing.vector_grid import VectorGrid2D, VectorGrid3D

__all__ = [
    "AutoCorrelation",
    "DynamicProbability2D",
    "DynamicProbability3D",
    "LaceyColors",
    "LaceyColorsLinear",
    "RelativeDeviations",
    "RelativeDeviationsLinear",
    "ResidenceDistribution2D",
    "ResidenceDistribution3D",
    "SpatialProjections",
    "VectorField2D",
    "VectorField3D",
    "VectorGrid2D",
    "VectorGrid3D",
    "circles2d",
    "occupancy2d",
    "occupancy3d",
    "spheres3d",
]
