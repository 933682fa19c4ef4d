"""How an image is divided into cells, and what is done with them."""

from __future__ import annotations

import numpy as np

from gpupept.mapreduce.config import ChoiceField, Config, ConfigurableField, Field, ListField
from gpupept.mapreduce.mapper import ImageMapper
from gpupept.mapreduce.reducer import ImageReducer


def _positive(value: float) -> bool:
    return bool(np.isfinite(value) and value > 0)


def _not_negative(value: float) -> bool:
    return bool(np.isfinite(value) and value >= 0)


def _finite(values: list[float]) -> bool:
    return bool(np.isfinite(values).all())


class ImageMapReduceConfig(Config):
    """Configuration of an `ImageMapReduceTask`; lengths are in elements."""

    mapper = ConfigurableField(ImageMapper, doc="What is done with each cell")
    reducer = ConfigurableField(ImageReducer, doc="How the cells are put together")
    cellCentroidsX = ListField(float, doc="Centres of cells along x, finite", check=_finite)
    cellCentroidsY = ListField(float, doc="Centres of cells along y, finite", check=_finite)
    cellCentroidsZ = ListField(float, doc="Centres of cells along z, finite", check=_finite)
    cellSizeX = Field(float, 10.0, "Size of a cell along x, positive", False, _positive)
    cellSizeY = Field(float, 10.0, "Size of a cell along y, positive", False, _positive)
    cellSizeZ = Field(float, 10.0, "Size of a cell along z, positive", False, _positive)
    gridStepX = Field(float, 10.0, "Distance of cells along x, positive", False, _positive)
    gridStepY = Field(float, 10.0, "Distance of cells along y, positive", False, _positive)
    gridStepZ = Field(float, 10.0, "Distance of cells along z, positive", False, _positive)
    borderSizeX = Field(float, 5.0, "Border of a cell along x, not negative", False, _not_negative)
    borderSizeY = Field(float, 5.0, "Border of a cell along y, not negative", False, _not_negative)
    borderSizeZ = Field(float, 5.0, "Border of a cell along z, not negative", False, _not_negative)
    adjustGridOption = ChoiceField(
        str,
        {
            "spacing": "spread cells of the given size evenly; the step is not used",
            "size": "make cells one element longer than the step; the size is not used",
            "none": "neither: there are gaps if the step is longer than the cells",
        },
        default="spacing",
        doc="How cells are made to cover the exposure",
    )
    scaleByFwhm = Field(
        bool, True, "Whether lengths are in widths (FWHM) of the point-spread function", False
    )
    returnSubImages = Field(bool, False, "Whether results hold the cells that were mapped", False)
    ignoreMaskPlanes = ListField(
        str, default=("INTRP", "EDGE", "DETECTED", "SAT", "CR", "BAD", "NO_DATA"), doc="For mappers"
    )
    onError = ChoiceField(
        str,
        {"raise": "stop", "skip": "leave the cell out and go on"},
        default="raise",
        doc="What an error in the mapper does",
    )
