"""Geometry that arrays and grids over pixels take from their mask."""

from __future__ import annotations

from gpupept.grids.cell_structure import CellStructure
from gpupept.grids.mask_2d import Mask2D


class PlaneStructure(CellStructure):
    """Base of `Array2D` and `Grid2D`."""

    _mask: Mask2D

    @property
    def pixel_scales(self) -> tuple[float, ...]:
        """Size of a pixel along y and x, mm."""
        return self._mask.pixel_scales

    @property
    def pixel_scale(self) -> float:
        """Size of a pixel, if it is the same along both axes; see `Mask2D.pixel_scale`."""
        return self._mask.pixel_scale

    @property
    def origin(self) -> tuple[float, ...]:
        """Place (y, x) of the middle of the mask, mm."""
        return self._mask.origin
