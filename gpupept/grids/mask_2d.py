"""Masks of pixels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import numpy as np

from gpupept.backend import array_namespace, to_device
from gpupept.grids import mask_borders
from gpupept.grids.checks import as_points, check_kernel, check_numbers, check_scales, check_shape
from gpupept.grids.errors import MaskException
from gpupept.grids.mask_2d_makers import Mask2DMakers
from gpupept.kernels import Array

if TYPE_CHECKING:
    from gpupept.grids.grid_2d import Grid2D


class Mask2D(Mask2DMakers):
    """A rectangle of pixels of which some are left out, and where these pixels are.

    Rows are counted from the top: the pixel ``[0, 0]`` has the largest y and the smallest x. Points are
    (y, x) pairs. It is used like the array of booleans, on either device.

    Parameters
    ----------
    mask : (H, W) array_like
        True where a pixel is masked, that is left out.
    pixel_scales : float or (float, float)
        Size of a pixel along y and x, mm.
    sub_size : int, default 1
        Sub-pixels along each side of a pixel.
    origin : (float, float), default (0, 0)
        Place (y, x) of the middle of the rectangle, mm.

    Raises
    ------
    MaskException
        If the mask does not have two axes, a scale is not above zero or the origin is not finite.
    ValueError
        If the sub size is not a whole number of at least 1.

    Examples
    --------
    >>> from gpupept.grids import Mask2D
    >>> mask = Mask2D([[False, True], [False, False]], pixel_scales=2.0)
    >>> mask.pixels_in_mask, mask.extent
    (3, [-2.0, 2.0, -2.0, 2.0])
    >>> mask.masked_grid.array.tolist()
    [[1.0, -1.0], [-1.0, -1.0], [-1.0, 1.0]]
    """

    pixel_scales: tuple[float, ...]
    origin: tuple[float, ...]

    def __init__(
        self, mask: Any, pixel_scales: Any, sub_size: int = 1, origin: Any = (0.0, 0.0)
    ) -> None:
        self._set_mask(mask, 2, sub_size)
        self.pixel_scales = check_scales(pixel_scales, 2)
        self.origin = check_numbers(origin, "origin", 2)

    def _saved_state(self) -> dict[str, Any]:
        return {
            "mask": self._array,
            "pixel_scales": self.pixel_scales,
            "sub_size": self.sub_size,
            "origin": self.origin,
        }

    @classmethod
    def _restored(cls, state: dict[str, Any]) -> Self:
        return cls(**state)

    # ---- Geometry

    def _steps(self) -> tuple[float, ...]:
        return -self.pixel_scales[0], self.pixel_scales[1]

    def _axis_centres(self, axis: int) -> np.ndarray:
        index = np.arange(self.shape[axis]) - (self.shape[axis] - 1) / 2
        centres: np.ndarray = self.origin[axis] + self._steps()[axis] * index
        return centres

    @property
    def pixel_scale(self) -> float:
        """Size of a pixel, the same along both axes.

        Raises
        ------
        MaskException
            If it is not the same.
        """
        tall, wide = self.pixel_scales
        if tall != wide:
            raise MaskException(
                f"pixels have no single scale, since their scales are {self.pixel_scales}; use "
                "pixel_scales"
            )
        return tall

    @property
    def shape_native_scaled(self) -> tuple[float, float]:
        """Height and width of the rectangle."""
        (rows, columns), (tall, wide) = self.shape, self.pixel_scales
        return rows * tall, columns * wide

    @property
    def scaled_maxima(self) -> tuple[float, float]:
        """Largest y and x of the rectangle, at the outer edges of pixels."""
        height, width = self.shape_native_scaled
        return self.origin[0] + height / 2, self.origin[1] + width / 2

    @property
    def scaled_minima(self) -> tuple[float, float]:
        """Smallest y and x of the rectangle, at the outer edges of pixels."""
        height, width = self.shape_native_scaled
        return self.origin[0] - height / 2, self.origin[1] - width / 2

    @property
    def extent(self) -> list[float]:
        """Limits ``[x_min, x_max, y_min, y_max]`` of the rectangle, at the outer edges of pixels."""
        (y_min, x_min), (y_max, x_max) = self.scaled_minima, self.scaled_maxima
        return [x_min, x_max, y_min, y_max]

    @property
    def mask_centre(self) -> tuple[float, float]:
        """Middle (y, x) between the outermost centres of unmasked pixels.

        Raises
        ------
        MaskException
            If every pixel is masked.
        """
        if self.is_all_true:
            raise MaskException("every pixel is masked, so the mask has no centre")
        centres = self._centres(self._unmasked)
        y, x = ((centres.max(axis=0) + centres.min(axis=0)) / 2).tolist()
        return y, x

    # ---- Edges and borders

    @property
    def edge_mask(self) -> Self:
        """Keeps the pixels of this mask that have a masked one among their 8 neighbours.

        What lies outside the array counts as masked.
        """
        return self._like(~mask_borders.edge_pixels(self._unmasked))

    @property
    def border_mask(self) -> Self:
        """Keeps the edge pixels from which a straight way leads out through masked pixels only."""
        return self._like(~mask_borders.border_pixels(self._unmasked))

    @property
    def edge_buffed_mask(self) -> Self:
        """Keeps the pixels of this mask and their 8 neighbours."""
        return self._like(~mask_borders.dilated(self._unmasked, (1, 1)))

    @property
    def edge_slim_indexes(self) -> Array:
        """Slim indices of the pixels of `edge_mask`."""
        return mask_borders.slim_positions(~self.edge_mask.array, self._unmasked)

    @property
    def border_slim_indexes(self) -> Array:
        """Slim indices of the pixels of `border_mask`."""
        return mask_borders.slim_positions(~self.border_mask.array, self._unmasked)

    @property
    def sub_border_slim_indexes(self) -> Array:
        """Slim sub-index, for each border pixel, of its sub-pixel furthest from the mask's centre."""
        return mask_borders.sub_border_positions(self._unmasked, self.sub_size)

    def blurring_mask_from(self, kernel_shape_native: Any, allow_padding: bool = False) -> Self:
        """Keep the masked pixels that a convolution would mix into unmasked ones.

        Parameters
        ----------
        kernel_shape_native : (int, int)
            Rows and columns of the kernel, odd.
        allow_padding : bool, default False
            Where the kernel reaches out of the array, pad it by half the kernel on each side first.

        Raises
        ------
        MaskException
            If a size is even, or the kernel reaches out of the array.
        """
        kernel = check_kernel(kernel_shape_native, MaskException)
        reach = [size // 2 for size in kernel]
        padded = self
        if allow_padding and mask_borders.footprint_leaves(self._unmasked, reach):
            larger = [n + size - 1 for n, size in zip(self.shape, kernel, strict=True)]
            padded = self.resized_mask_from(larger, pad_value=1)
        return padded._like(~mask_borders.blurring_pixels(padded._unmasked, kernel))

    def resized_mask_from(self, new_shape: Any, pad_value: int = 0) -> Self:
        """Cut or pad the mask, keeping its middle pixel ``n // 2`` in the middle.

        Pixels stay where they are, so the origin moves by half a pixel if an odd number of rows or columns
        is added or removed.

        Parameters
        ----------
        new_shape : (int, int)
            Rows and columns.
        pad_value : {0, 1}
            1 to mask the new pixels.
        """
        shape = check_shape(new_shape, "new_shape", 2)
        new = self._like(mask_borders.resized(self._array, shape, bool(pad_value)))
        shifts = [n // 2 - m // 2 - (n - m) / 2 for n, m in zip(self.shape, shape, strict=True)]
        parts = zip(self.origin, self._steps(), shifts, strict=True)
        new.origin = tuple(place + step * shift for place, step, shift in parts)
        return new

    # ---- Zooming

    @property
    def zoom_region(self) -> list[int]:
        """Rows and columns ``[y0, y1, x0, x1]``, ends excluded, around all unmasked pixels.

        The shorter side is widened by half the difference on both sides, rounded down, so that the
        region is square within a pixel; it may reach out of the array.
        """
        return list(mask_borders.zoomed_region(self._unmasked))

    @property
    def zoom_centre(self) -> tuple[float, float]:
        """Middle (row, column) of the zoomed region, in pixels."""
        y0, y1, x0, x1 = self.zoom_region
        return (y0 + y1 - 1) / 2, (x0 + x1 - 1) / 2

    @property
    def zoom_offset_scaled(self) -> tuple[float, float]:
        """Place (y, x) of the middle of the zoomed region, from that of the array."""
        steps, middle = self._steps(), self.zoom_centre
        y, x = (s * (m - (n - 1) / 2) for s, m, n in zip(steps, middle, self.shape, strict=True))
        return y, x

    @property
    def zoom_shape_native(self) -> tuple[int, int]:
        """Rows and columns of the zoomed region."""
        y0, y1, x0, x1 = self.zoom_region
        return y1 - y0, x1 - x0

    # ---- Grids

    def _grid(self, mask: Mask2D) -> Grid2D:
        from gpupept.grids.grid_2d import Grid2D

        return Grid2D.from_mask(mask)

    @property
    def masked_grid(self) -> Grid2D:
        """Centres of the sub-pixels that are not masked."""
        return self._grid(self)

    @property
    def masked_grid_sub_1(self) -> Grid2D:
        """Centres of the pixels that are not masked."""
        return self._grid(self.mask_sub_1)

    @property
    def unmasked_grid_sub_1(self) -> Grid2D:
        """Centres of all pixels."""
        return self._grid(self.unmasked_mask.mask_sub_1)

    @property
    def edge_grid_sub_1(self) -> Grid2D:
        """Centres of the pixels of `edge_mask`."""
        return self._grid(self.edge_mask.mask_sub_1)

    @property
    def border_grid_sub_1(self) -> Grid2D:
        """Centres of the pixels of `border_mask`."""
        return self._grid(self.border_mask.mask_sub_1)

    # ---- Places and pixels

    def _frame(self) -> tuple[Array, Array, Array]:
        """Origin, steps and position of the origin in pixels, where the mask is."""
        halves = np.array(self.shape) / 2
        parts = (np.array(self.origin), np.array(self._steps()), halves)
        origin, steps, middle = (to_device(part, self.device) for part in parts)
        return origin, steps, middle

    def grid_pixels_from(self, grid_scaled_2d: Any) -> Array:
        """Turn places into positions in pixels.

        Parameters
        ----------
        grid_scaled_2d : (n, 2) array_like or Grid2D
            Points (y, x).

        Returns
        -------
        (n, 2) float64 array
            Positions (row, column); the centre of pixel ``[i, j]`` is at (i + 0.5, j + 0.5).
        """
        points = as_points(grid_scaled_2d, "grid_scaled_2d", 2, self.device)
        origin, steps, middle = self._frame()
        return (points - origin) / steps + middle

    def grid_pixel_centres_from(self, grid_scaled_2d: Any) -> Array:
        """Turn places into the pixels that hold them.

        Returns
        -------
        (n, 2) int64 array
            Row and column; negative, or too large, outside the array.

        Raises
        ------
        GridException
            If a place is not finite.
        """
        from gpupept.grids.errors import GridException

        positions = self.grid_pixels_from(grid_scaled_2d)
        xp = array_namespace(positions)
        lost = int((~xp.isfinite(positions)).any(axis=1).sum()) if len(positions) else 0
        if lost:
            raise GridException(
                f"{lost} of {len(positions)} points are not finite and so in no pixel; leave them out"
            )
        return xp.floor(positions).astype(xp.int64)

    def grid_pixel_indexes_from(self, grid_scaled_2d: Any) -> Array:
        """Turn places into flat indices of pixels, ``row * columns + column``, (n,) int64."""
        pixels = self.grid_pixel_centres_from(grid_scaled_2d)
        return pixels[:, 0] * self.shape[1] + pixels[:, 1]

    def grid_scaled_from(self, grid_pixels_2d: Any) -> Array:
        """Turn positions in pixels into places; the opposite of `grid_pixels_from`."""
        positions = as_points(grid_pixels_2d, "grid_pixels_2d", 2, self.device)
        origin, steps, middle = self._frame()
        return origin + (positions - middle) * steps

    def pixel_coordinates_2d_from(self, scaled_coordinates_2d: Any) -> tuple[int, int]:
        """Find the pixel (row, column) that holds one place (y, x)."""
        point = np.array([check_numbers(scaled_coordinates_2d, "scaled_coordinates_2d", 2)])
        row, column = self.grid_pixel_centres_from(to_device(point, self.device))[0].tolist()
        return row, column

    def scaled_coordinates_2d_from(self, pixel_coordinates_2d: Any) -> tuple[float, float]:
        """Find the centre (y, x) of one pixel (row, column)."""
        pixel = np.array([check_numbers(pixel_coordinates_2d, "pixel_coordinates_2d", 2)]) + 0.5
        y, x = self.grid_scaled_from(to_device(pixel, self.device))[0].tolist()
        return y, x
