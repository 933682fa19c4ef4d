"""Constructors of grids of points in pixels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import numpy as np

from gpupept.backend import array_namespace, device_of
from gpupept.base import Pixels
from gpupept.grids.checks import as_array, check_numbers, check_shape
from gpupept.grids.errors import GridException
from gpupept.grids.mask_2d import Mask2D
from gpupept.grids.plane_structure import PlaneStructure
from gpupept.grids.point_grid import OverSampling, PointGrid

_ORIGIN = (0.0, 0.0)


class Grid2DMakers(PointGrid, PlaneStructure):
    """Named constructors of `gpupept.grids.Grid2D`."""

    if TYPE_CHECKING:

        def __init__(
            self, grid: Any, mask: Mask2D, over_sampling: OverSampling | None = None
        ) -> None: ...

    @classmethod
    def manual_slim(
        cls,
        grid: Any,
        shape_native: Any,
        pixel_scales: Any,
        sub_size: int = 1,
        origin: Any = _ORIGIN,
    ) -> Self:
        """Make a grid of one point (y, x) after another, for a mask that leaves out nothing."""
        points = as_array(grid, "grid")
        if points.ndim != 2:
            raise GridException(f"grid must have two axes, found shape {tuple(points.shape)}")
        mask = Mask2D.unmasked(shape_native, pixel_scales, sub_size, origin)
        return cls(points, mask.to(device_of(points)))

    @classmethod
    def manual_native(
        cls, grid: Any, pixel_scales: Any, sub_size: int = 1, origin: Any = _ORIGIN
    ) -> Self:
        """Make a grid of a rectangle of points (y, x), for a mask that leaves out nothing.

        Raises
        ------
        GridException
            If it does not have three axes, or its sides are not multiples of the sub size.
        """
        points = as_array(grid, "grid")
        if points.ndim != 3 or any(n % sub_size for n in points.shape[:2]):
            raise GridException(
                "grid must have three axes, of lengths that are multiples of the sub size "
                f"{sub_size} and 2, found shape {tuple(points.shape)}"
            )
        shape = [n // sub_size for n in points.shape[:2]]
        mask = Mask2D.unmasked(shape, pixel_scales, sub_size, origin)
        return cls(points, mask.to(device_of(points)))

    @classmethod
    def manual(
        cls,
        grid: Any,
        shape_native: Any = None,
        pixel_scales: Any = None,
        sub_size: int = 1,
        origin: Any = _ORIGIN,
    ) -> Self:
        """Make a grid of points in either layout; the slim one needs `shape_native`."""
        points = as_array(grid, "grid")
        if points.ndim == 3:
            return cls.manual_native(points, pixel_scales, sub_size, origin)
        if shape_native is None:
            raise GridException("shape_native must be given for points in slim layout")
        return cls.manual_slim(points, shape_native, pixel_scales, sub_size, origin)

    @classmethod
    def manual_mask(cls, grid: Any, mask: Mask2D) -> Self:
        """Make a grid for a mask, of points in either layout; the same as the class itself."""
        return cls(grid, mask)

    @classmethod
    def manual_yx_1d(
        cls,
        y: Any,
        x: Any,
        shape_native: Any,
        pixel_scales: Any,
        sub_size: int = 1,
        origin: Any = _ORIGIN,
    ) -> Self:
        """Make a grid of separate y and x, point by point."""
        points = _joined(y, x, 1)
        return cls.manual_slim(points, shape_native, pixel_scales, sub_size, origin)

    @classmethod
    def manual_yx_2d(
        cls, y: Any, x: Any, pixel_scales: Any, sub_size: int = 1, origin: Any = _ORIGIN
    ) -> Self:
        """Make a grid of separate rectangles of y and x."""
        return cls.manual_native(_joined(y, x, 2), pixel_scales, sub_size, origin)

    @classmethod
    def uniform(
        cls,
        shape_native: Any,
        pixel_scales: Any,
        sub_size: int = 1,
        origin: Any = _ORIGIN,
    ) -> Self:
        """Make a grid of the centres of all sub-pixels.

        Examples
        --------
        >>> from gpupept.grids import Grid2D
        >>> Grid2D.uniform((1, 1), pixel_scales=1.0, sub_size=2, origin=(0.0, 5.0)).array.tolist()
        [[0.25, 4.75], [0.25, 5.25], [-0.25, 4.75], [-0.25, 5.25]]
        """
        return cls.from_mask(Mask2D.unmasked(shape_native, pixel_scales, sub_size, origin))

    @classmethod
    def from_mask(cls, mask: Mask2D, over_sampling: OverSampling | None = None) -> Self:
        """Make a grid of the centres of the sub-pixels that are not masked.

        Parameters
        ----------
        mask : Mask2D
            The pixels.
        over_sampling : OverSamplingUniform or OverSamplingIterate, optional
            How finely functions are sampled in each pixel.
        """
        return cls(mask._sub_points(~mask.array, mask.sub_size), mask, over_sampling)

    @classmethod
    def from_pixels(cls, pixels: Pixels, sub_size: int = 1) -> Self:
        """Make a grid of the centres of the sub-pixels of `gpupept.Pixels`."""
        return cls.from_mask(Mask2D.from_pixels(pixels, sub_size=sub_size))

    @classmethod
    def bounding_box(
        cls,
        bounding_box: Any,
        shape_native: Any,
        sub_size: int = 1,
        buffer_around_corners: bool = False,
    ) -> Self:
        """Make a grid of pixels that fill a box.

        Parameters
        ----------
        bounding_box : [y_min, y_max, x_min, x_max]
            The box.
        shape_native : (int, int)
            Rows and columns.
        sub_size : int
            Sub-pixels along each side of a pixel.
        buffer_around_corners : bool, default False
            Let the centres of the outermost pixels lie on the box, instead of their edges.

        Raises
        ------
        GridException
            If the limits do not rise, or there are fewer than two pixels along a side when the centres are
            to lie on the box.
        """
        y_min, y_max, x_min, x_max = check_numbers(bounding_box, "bounding_box", 4)
        rows, columns = check_shape(shape_native, "shape_native", 2)
        steps = (rows - 1, columns - 1) if buffer_around_corners else (rows, columns)
        if y_min >= y_max or x_min >= x_max or min(steps) < 1:
            raise GridException(
                "bounding_box must be [y_min, y_max, x_min, x_max] with rising limits, and at least "
                "two pixels along each side when centres lie on it, found "
                f"{bounding_box!r} and shape {shape_native!r}"
            )
        scales = (y_max - y_min) / steps[0], (x_max - x_min) / steps[1]
        origin = (y_min + y_max) / 2, (x_min + x_max) / 2
        return cls.uniform((rows, columns), scales, sub_size, origin)

    @classmethod
    def blurring_grid_from(cls, mask: Mask2D, kernel_shape_native: Any, sub_size: int = 1) -> Self:
        """Make a grid of the masked pixels that a convolution would mix into unmasked ones.

        Parameters
        ----------
        mask : Mask2D
            The mask.
        kernel_shape_native : (int, int)
            Rows and columns of the kernel, odd.
        sub_size : int
            Sub-pixels along each side of a pixel.

        Raises
        ------
        MaskException
            If a size is even, or the kernel reaches out of the array.
        """
        blurring = mask.blurring_mask_from(kernel_shape_native)
        return cls.from_mask(Mask2D.mask_new_sub_size_from(blurring, sub_size))


def _joined(y: Any, x: Any, axes: int) -> Any:
    high, wide = as_array(y, "y"), as_array(x, "x")
    if high.ndim != axes or high.shape != wide.shape:
        raise GridException(
            f"y and x must have {axes} axes and the same shape, found {tuple(high.shape)} and "
            f"{tuple(wide.shape)}"
        )
    return array_namespace(high, wide).stack([high, wide], axis=-1).astype(np.float64)
