"""Points in pixels."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, ClassVar, Self

import numpy as np

from gpupept.backend import array_namespace, common_device
from gpupept.grids.array_2d import Array2D
from gpupept.grids.cell_structure import CellStructure
from gpupept.grids.checks import as_points, check_kernel, check_numbers, check_shape
from gpupept.grids.errors import GridException
from gpupept.grids.grid_2d_makers import Grid2DMakers
from gpupept.grids.irregular import Grid2DIrregular, ValuesIrregular
from gpupept.grids.layout import native_to_slim, slim_to_native
from gpupept.grids.mask_2d import Mask2D
from gpupept.grids.mask_borders import resized
from gpupept.grids.point_grid import OverSampling
from gpupept.grids.relocation import radial_points, relocated
from gpupept.kernels import Array

_ARC_SECOND = math.pi / 648000.0


class Grid2D(Grid2DMakers):
    """The (y, x) coordinates of a point in each unmasked pixel, or sub-pixel, of a mask.

    Usually the centres, but any points will do. It is used like the array, on either device.

    Parameters
    ----------
    grid : (N * sub_size ** 2, 2) or (H * sub_size, W * sub_size, 2) array_like
        Points in slim or in native layout; they are kept in slim layout.
    mask : Mask2D
        The pixels.
    over_sampling : OverSamplingUniform or OverSamplingIterate, optional
        How finely functions are sampled in each pixel.

    Raises
    ------
    GridException
        If the points are not pairs or do not fit the mask, or there is over-sampling and the sub size
        of the mask is not 1.
    MixedDevicesError
        If points and mask are on different devices.

    Examples
    --------
    >>> from gpupept.grids import Grid2D
    >>> grid = Grid2D.uniform((2, 2), pixel_scales=1.0)
    >>> grid.array.tolist()
    [[0.5, -0.5], [0.5, 0.5], [-0.5, -0.5], [-0.5, 0.5]]
    """

    _values_class: ClassVar[type[CellStructure]] = Array2D

    def __init__(self, grid: Any, mask: Mask2D, over_sampling: OverSampling | None = None) -> None:
        self._set_values(grid, mask)
        self._set_over_sampling(over_sampling)

    # ---- Extremes

    def _extremes(self) -> tuple[list[float], list[float]]:
        points = self._slim_array
        if not len(points):
            raise GridException("the grid has no points, so it has no extent")
        return points.min(axis=0).tolist(), points.max(axis=0).tolist()

    @property
    def scaled_minima(self) -> tuple[float, float]:
        """Smallest y and x of the points."""
        y, x = self._extremes()[0]
        return y, x

    @property
    def scaled_maxima(self) -> tuple[float, float]:
        """Largest y and x of the points."""
        y, x = self._extremes()[1]
        return y, x

    @property
    def shape_native_scaled(self) -> tuple[float, float]:
        """Range of the points along y and x."""
        (y_min, x_min), (y_max, x_max) = self._extremes()
        return y_max - y_min, x_max - x_min

    @property
    def extent(self) -> list[float]:
        """Limits ``[x_min, x_max, y_min, y_max]`` of the points."""
        return self.extent_with_buffer(0.0)

    def extent_with_buffer(self, buffer: float = 1e-8) -> list[float]:
        """Limits ``[x_min, x_max, y_min, y_max]`` of the points, moved out by a buffer."""
        (y_min, x_min), (y_max, x_max) = self._extremes()
        return [x_min - buffer, x_max + buffer, y_min - buffer, y_max + buffer]

    # ---- Other coordinates

    @property
    def flipped(self) -> Array:
        """The points as (x, y), in the layout of the grid."""
        return self._array[..., ::-1].copy()

    @property
    def in_radians(self) -> Array:
        """The points turned from arc-seconds to radians."""
        return self._array * _ARC_SECOND

    # ---- Grids made of this one

    @property
    def unmasked_grid(self) -> Grid2D:
        """Centres of the sub-pixels of all pixels."""
        return Grid2D.from_mask(self._mask.unmasked_mask)

    @property
    def sub_border_grid(self) -> Grid2DIrregular:
        """The points furthest out in the border pixels, see `Mask2D.border_mask`."""
        return Grid2DIrregular(self._slim_array[self._mask.sub_border_slim_indexes])

    def _of_points(self, points: Array, mask: Mask2D) -> Self:
        """Grid with the same settings of other points."""
        new: Self = self._of(points, mask)
        return new

    def blurring_grid_via_kernel_shape_from(self, kernel_shape_native: Any) -> Self:
        """Centres of the masked pixels that a convolution would mix in, see `blurring_grid_from`."""
        mask = self._mask.blurring_mask_from(kernel_shape_native).mask_sub_1
        return self._of_points(mask._centres(~mask.array), mask)

    def padded_grid_from(self, kernel_shape_native: Any) -> Self:
        """Make the grid that a convolution of all pixels needs: half a kernel larger on each side.

        Parameters
        ----------
        kernel_shape_native : (int, int)
            Rows and columns of the kernel, odd.

        Returns
        -------
        grid of the same class
            Without masked pixels, of the same origin, sub size and accuracy.

        Raises
        ------
        GridException
            If a size is even.
        """
        kernel = check_kernel(kernel_shape_native, GridException)
        old = self._mask
        shape = [n + k - 1 for n, k in zip(old.shape, kernel, strict=True)]
        mask = Mask2D.unmasked(shape, old.pixel_scales, old.sub_size, old.origin).to(self.device)
        return self._of_points(mask._sub_points(~mask.array, mask.sub_size), mask)

    def _resized(self, shape: Sequence[int]) -> Self:
        if self.sub_size != 1:
            raise GridException(
                f"only grids of sub size 1 change their shape, found {self.sub_size}; use .binned"
            )
        mask = self._mask.resized_mask_from(shape, pad_value=0)
        points = slim_to_native(mask._centres(~mask.array), ~mask.array, 1)
        known = ~resized(self._mask.array, shape, True)
        points[known] = resized(self.native.array, shape, 0.0)[known]
        return self._of_points(native_to_slim(points, ~mask.array, 1), mask)

    def resized_from(self, new_shape: Any) -> Self:
        """Cut or pad the grid, keeping its middle pixel in the middle; new pixels get their centres.

        Parameters
        ----------
        new_shape : (int, int)
            Rows and columns.

        Raises
        ------
        GridException
            If the sub size is not 1.
        """
        return self._resized(check_shape(new_shape, "new_shape", 2))

    def padded_before_convolution_from(self, kernel_shape: Any) -> Self:
        """Pad by half a kernel on each side, see `Array2D.padded_before_convolution_from`."""
        kernel = check_kernel(kernel_shape, GridException)
        return self._resized([n + k - 1 for n, k in zip(self.shape_native, kernel, strict=True)])

    def trimmed_after_convolution_from(self, kernel_shape: Any) -> Self:
        """Cut half a kernel from each side, see `Array2D.trimmed_after_convolution_from`."""
        kernel = check_kernel(kernel_shape, GridException)
        shape = [n - k + 1 for n, k in zip(self.shape_native, kernel, strict=True)]
        if min(shape) < 1:
            raise GridException(
                f"nothing is left of a grid of shape {self.shape_native} less a kernel of shape {kernel}"
            )
        return self._resized(shape)

    def grid_with_coordinates_within_distance_removed(
        self, coordinates: Any, distance: float
    ) -> Self:
        """Mask the pixels whose points lie, on average, closer than a distance to given points.

        Parameters
        ----------
        coordinates : (n, 2) or (2,) array_like
            One or more points (y, x).
        distance : float
            The distance, mm.

        Returns
        -------
        grid of the same class
            With a larger mask.
        """
        points = Grid2DIrregular(coordinates).get()
        mask, binned = self._mask, self.binned._slim_array
        xp = array_namespace(binned)
        kept = xp.ones(len(binned), dtype=bool)
        for point in points:
            y, x = point.tolist()
            kept &= (binned[:, 0] - y) ** 2 + (binned[:, 1] - x) ** 2 >= distance**2
        masked = mask.array.copy()
        masked[~mask.array] = ~kept
        rows = xp.repeat(kept, mask.sub_length)
        return self._of_points(self._slim_array[rows], mask._like(masked))

    # ---- Moving points

    def relocated_grid_from(self, grid: Any) -> Any:
        """Move the points of a grid that lie outside the border of this one onto that border.

        Parameters
        ----------
        grid : Grid2D or (n, 2) array_like
            The points.

        Returns
        -------
        Grid2D or Grid2DIrregular
            A grid like the one given; see `gpupept.grids.relocation.relocated` for the rule.
        """
        border = self.sub_border_grid.array
        if isinstance(grid, Grid2D):
            common_device(border, grid._array)
            return grid._of_points(relocated(grid._slim_array, border), grid._mask)
        points = as_points(grid, "grid", 2, self.device)
        return Grid2DIrregular(relocated(points, border))

    def relocated_pixelization_grid_from(self, pixelization_grid: Any) -> Any:
        """Move the points of an irregular grid onto the border, see `relocated_grid_from`."""
        return self.relocated_grid_from(pixelization_grid)

    def grid_2d_radial_projected_from(
        self, centre: Any = (0.0, 0.0), angle: float = 0.0
    ) -> Grid2DIrregular:
        """Points along a ray from a centre, as far as the furthest side of the extent.

        Parameters
        ----------
        centre : (float, float)
            First point (y, x).
        angle : float
            Direction from +x, degrees.

        Returns
        -------
        Grid2DIrregular
            Points a sub-pixel apart.
        """
        start = check_numbers(centre, "centre", 2)
        if not np.isfinite(angle):
            raise GridException(f"angle must be finite (degrees), found {angle!r}")
        points = radial_points(
            self.extent, self.pixel_scales, self.sub_size, start, angle, self._array
        )
        return Grid2DIrregular(points)

    # ---- Results of functions

    def structure_2d_from(self, result: Any) -> Any:
        """Wrap what a function returned for the points.

        Parameters
        ----------
        result : (n,) or (n, 2) array_like
            A value or a vector for each point, in slim order.

        Returns
        -------
        Array2D or Grid2D
            Of the same mask.

        Raises
        ------
        GridException
            If it has another shape.
        """
        return self._structure_from(result)

    def structure_2d_list_from(self, result_list: Any) -> list[Any]:
        """Wrap each of a list of results, see `structure_2d_from`."""
        return [self._structure_from(result) for result in result_list]

    def values_from(self, array_slim: Any) -> ValuesIrregular:
        """Make values, one for each point, that know nothing of the mask.

        Raises
        ------
        GridException
            If there are not as many values as points.
        """
        return Grid2DIrregular(self._slim_array).values_from(array_slim)


Grid2D._points_class = Grid2D  # also of its subclasses
