"""Constructors of masks of pixels."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from gpupept.backend import array_namespace
from gpupept.grids.cell_mask import CellMask
from gpupept.grids.checks import check_scales, check_shape
from gpupept.grids.errors import MaskException
from gpupept.grids.mask_shapes import Offsets, check_radius, listed_pixels

if TYPE_CHECKING:
    from gpupept.base import Pixels
    from gpupept.kernels import Array

_ORIGIN = (0.0, 0.0)


class Mask2DMakers(CellMask):
    """Named constructors of `gpupept.grids.Mask2D`.

    All take `pixel_scales` (one number, or one along y and one along x), `sub_size`, `origin` (y, x) and
    `invert`, which swaps what is masked and what is not. A `centre` (y, x) counts from the middle of the
    array, whatever the origin. Lengths are in the unit of the pixel scales, mm as a rule.
    """

    if TYPE_CHECKING:

        def __init__(
            self, mask: Any, pixel_scales: Any, sub_size: int = 1, origin: Any = _ORIGIN
        ) -> None: ...

    @classmethod
    def manual(
        cls,
        mask: Any,
        pixel_scales: Any,
        sub_size: int = 1,
        origin: Any = _ORIGIN,
        invert: bool = False,
    ) -> Self:
        """Make a mask of an array or list, True where a pixel is masked.

        Raises
        ------
        MaskException
            If it does not have two axes.
        """
        new = cls(mask, pixel_scales, sub_size, origin)
        return new._like(~new.array) if invert else new

    @classmethod
    def unmasked(
        cls,
        shape_native: Any,
        pixel_scales: Any,
        sub_size: int = 1,
        origin: Any = _ORIGIN,
        invert: bool = False,
    ) -> Self:
        """Make a mask that leaves out nothing.

        Examples
        --------
        >>> from gpupept.grids import Mask2D
        >>> Mask2D.unmasked((3, 4), pixel_scales=0.5).pixels_in_mask
        12
        """
        mask = np.zeros(check_shape(shape_native, "shape_native", 2), dtype=bool)
        return cls.manual(mask, pixel_scales, sub_size, origin, invert)

    @classmethod
    def all_false(
        cls,
        shape_native: Any,
        pixel_scales: Any,
        sub_size: int = 1,
        origin: Any = _ORIGIN,
        invert: bool = False,
    ) -> Self:
        """Make a mask that leaves out nothing; the same as `unmasked`."""
        return cls.unmasked(shape_native, pixel_scales, sub_size, origin, invert)

    @classmethod
    def circular(
        cls,
        shape_native: Any,
        radius: float,
        pixel_scales: Any,
        sub_size: int = 1,
        origin: Any = _ORIGIN,
        centre: Any = (0.0, 0.0),
        invert: bool = False,
    ) -> Self:
        """Keep the pixels whose centres lie in a circle, or on it.

        Raises
        ------
        MaskException
            If the radius is negative or not finite.

        Examples
        --------
        >>> from gpupept.grids import Mask2D
        >>> Mask2D.circular((3, 3), radius=1.0, pixel_scales=1.0).array.astype(int).tolist()
        [[1, 0, 1], [0, 0, 0], [1, 0, 1]]
        """
        outer = check_radius(radius, "radius")
        radii = Offsets(shape_native, check_scales(pixel_scales, 2), centre).radii()
        return cls.manual(radii > outer, pixel_scales, sub_size, origin, invert)

    @classmethod
    def circular_annular(
        cls,
        shape_native: Any,
        inner_radius: float,
        outer_radius: float,
        pixel_scales: Any,
        sub_size: int = 1,
        origin: Any = _ORIGIN,
        centre: Any = (0.0, 0.0),
        invert: bool = False,
    ) -> Self:
        """Keep the pixels whose centres lie in a ring, or on its two circles."""
        inner, outer = (
            check_radius(inner_radius, "inner_radius"),
            check_radius(outer_radius, "outer_radius"),
        )
        radii = Offsets(shape_native, check_scales(pixel_scales, 2), centre).radii()
        masked = (radii < inner) | (radii > outer)
        return cls.manual(masked, pixel_scales, sub_size, origin, invert)

    @classmethod
    def circular_anti_annular(
        cls,
        shape_native: Any,
        inner_radius: float,
        outer_radius: float,
        outer_radius_2: float,
        pixel_scales: Any,
        sub_size: int = 1,
        origin: Any = _ORIGIN,
        centre: Any = (0.0, 0.0),
        invert: bool = False,
    ) -> Self:
        """Keep the pixels in a circle, and those in a ring around it."""
        inner, outer = (
            check_radius(inner_radius, "inner_radius"),
            check_radius(outer_radius, "outer_radius"),
        )
        last = check_radius(outer_radius_2, "outer_radius_2")
        radii = Offsets(shape_native, check_scales(pixel_scales, 2), centre).radii()
        kept = (radii <= inner) | ((radii >= outer) & (radii <= last))
        return cls.manual(~kept, pixel_scales, sub_size, origin, invert)

    @classmethod
    def elliptical(
        cls,
        shape_native: Any,
        major_axis_radius: float,
        axis_ratio: float,
        angle: float,
        pixel_scales: Any,
        sub_size: int = 1,
        origin: Any = _ORIGIN,
        centre: Any = (0.0, 0.0),
        invert: bool = False,
    ) -> Self:
        """Keep the pixels in an ellipse; the angle of its long axis counts from +x, in degrees."""
        major = check_radius(major_axis_radius, "major_axis_radius")
        offsets = Offsets(shape_native, check_scales(pixel_scales, 2), centre)
        masked = offsets.elliptical_radii(axis_ratio, angle) > major
        return cls.manual(masked, pixel_scales, sub_size, origin, invert)

    @classmethod
    def elliptical_annular(
        cls,
        shape_native: Any,
        inner_major_axis_radius: float,
        inner_axis_ratio: float,
        inner_phi: float,
        outer_major_axis_radius: float,
        outer_axis_ratio: float,
        outer_phi: float,
        pixel_scales: Any,
        sub_size: int = 1,
        origin: Any = _ORIGIN,
        centre: Any = (0.0, 0.0),
        invert: bool = False,
    ) -> Self:
        """Keep the pixels in one ellipse that are not in another; angles as of `elliptical`."""
        inner = check_radius(inner_major_axis_radius, "inner_major_axis_radius")
        outer = check_radius(outer_major_axis_radius, "outer_major_axis_radius")
        offsets = Offsets(shape_native, check_scales(pixel_scales, 2), centre)
        kept = offsets.elliptical_radii(inner_axis_ratio, inner_phi) >= inner
        kept &= offsets.elliptical_radii(outer_axis_ratio, outer_phi) <= outer
        return cls.manual(~kept, pixel_scales, sub_size, origin, invert)

    @classmethod
    def from_pixel_coordinates(
        cls,
        shape_native: Any,
        pixel_coordinates: Any,
        pixel_scales: Any,
        sub_size: int = 1,
        origin: Any = _ORIGIN,
        buffer: int = 0,
        invert: bool = False,
    ) -> Self:
        """Keep the pixels listed, (row, column), and those up to `buffer` rows and columns away.

        Raises
        ------
        MaskException
            If a pixel is not in the array.
        """
        masked = listed_pixels(shape_native, pixel_coordinates, buffer)
        return cls.manual(masked, pixel_scales, sub_size, origin, invert)

    @classmethod
    def from_pixels(
        cls, pixels: Pixels, condition: Callable[[Array], Any] | None = None, sub_size: int = 1
    ) -> Self:
        """Make a mask of the places of `gpupept.Pixels`, turned to rows from the top.

        Parameters
        ----------
        pixels : Pixels
            Values ``[ix, iy]``.
        condition : callable, optional
            Given the array of values, returns True for pixels to **keep**; by default all are kept.
        sub_size : int
            Sub-pixels along each side of a pixel.

        Raises
        ------
        MaskException
            If the condition does not give an array of the same shape.

        Examples
        --------
        >>> import gpupept
        >>> from gpupept.grids import Mask2D
        >>> pixels = gpupept.Pixels([[1, 0], [2, 3]], xlim=[0, 2], ylim=[0, 2])
        >>> Mask2D.from_pixels(pixels, lambda values: values > 0).array.tolist()
        [[True, False], [False, False]]
        """
        values = pixels.array
        every = array_namespace(values).ones(values.shape, dtype=bool)
        kept = every if condition is None else condition(values)
        if getattr(kept, "shape", None) != values.shape:
            raise MaskException(
                f"condition must return an array of shape {values.shape}, found {type(kept).__name__} "
                f"of shape {getattr(kept, 'shape', ())}"
            )
        scales = tuple(pixels.pixel_size[::-1].tolist())
        origin = tuple(((pixels.lower + pixels.upper) / 2)[::-1].tolist())
        return cls(~kept.astype(bool).T[::-1, :], scales, sub_size, origin)
