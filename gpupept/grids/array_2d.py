"""Values of pixels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, Self

import numpy as np

from gpupept.backend import array_namespace, device_of
from gpupept.base import Pixels
from gpupept.grids.checks import as_array, check_kernel, check_shape
from gpupept.grids.errors import ArrayException, MaskException
from gpupept.grids.mask_2d import Mask2D
from gpupept.grids.mask_borders import resized
from gpupept.grids.plane_structure import PlaneStructure

_ORIGIN = (0.0, 0.0)


class Array2D(PlaneStructure):
    """A value for each unmasked pixel, or sub-pixel, of a mask.

    It is used like the array, on either device, see `gpupept.base.array_container.ArrayContainer`; the
    array is in slim layout, one value after another, or in native layout, the rectangle.

    Parameters
    ----------
    array : (N * sub_size ** 2,) or (H * sub_size, W * sub_size) array_like
        Values in slim or in native layout; they are kept in slim layout.
    mask : Mask2D
        The pixels.

    Raises
    ------
    ArrayException
        If the values fit the mask in neither layout.
    TypeError
        If they are not real numbers.
    MixedDevicesError
        If values and mask are on different devices.

    Examples
    --------
    >>> from gpupept.grids import Array2D, Mask2D
    >>> mask = Mask2D([[False, True], [False, False]], pixel_scales=1.0)
    >>> values = Array2D([1.0, 2.0, 3.0], mask)
    >>> (2 * values).native.array
    array([[2., 0.],
           [4., 6.]])
    """

    _error: ClassVar[type[ValueError]] = ArrayException

    def __init__(self, array: Any, mask: Mask2D) -> None:
        self._set_values(array, mask)

    @property
    def extent(self) -> list[float]:
        """Limits ``[x_min, x_max, y_min, y_max]`` at the outer edges of pixels, mm."""
        return self._mask.extent

    # ---- Constructors

    @classmethod
    def manual_slim(
        cls,
        array: Any,
        shape_native: Any,
        pixel_scales: Any,
        sub_size: int = 1,
        origin: Any = _ORIGIN,
    ) -> Self:
        """Make an array of the values of all sub-pixels, pixel by pixel."""
        values = as_array(array, "array")
        mask = Mask2D.unmasked(shape_native, pixel_scales, sub_size, origin)
        if values.ndim != 1:
            raise ArrayException(f"array must have one axis, found shape {tuple(values.shape)}")
        return cls(values, mask.to(device_of(values)))

    @classmethod
    def manual_native(
        cls, array: Any, pixel_scales: Any, sub_size: int = 1, origin: Any = _ORIGIN
    ) -> Self:
        """Make an array of the rectangle of the values of all sub-pixels.

        Raises
        ------
        ArrayException
            If its sides are not multiples of the sub size.
        """
        values = as_array(array, "array")
        if values.ndim != 2 or any(n % sub_size for n in values.shape):
            raise ArrayException(
                f"array must have two axes whose lengths are multiples of the sub size {sub_size}, "
                f"found shape {tuple(values.shape)}"
            )
        shape = [n // sub_size for n in values.shape]
        mask = Mask2D.unmasked(shape, pixel_scales, sub_size, origin)
        return cls(values, mask.to(device_of(values)))

    @classmethod
    def manual_mask(cls, array: Any, mask: Mask2D) -> Self:
        """Make an array for a mask, of values in either layout; the same as the class itself."""
        return cls(array, mask)

    @classmethod
    def full(
        cls,
        fill_value: float,
        shape_native: Any,
        pixel_scales: Any,
        sub_size: int = 1,
        origin: Any = _ORIGIN,
    ) -> Self:
        """Make an array of one value everywhere.

        Examples
        --------
        >>> from gpupept.grids import Array2D
        >>> Array2D.full(2.0, (2, 3), pixel_scales=1.0).sum()
        np.float64(12.0)
        """
        mask = Mask2D.unmasked(shape_native, pixel_scales, sub_size, origin)
        return cls(np.full(mask.sub_pixels_in_mask, float(fill_value)), mask)

    @classmethod
    def zeros(
        cls, shape_native: Any, pixel_scales: Any, sub_size: int = 1, origin: Any = _ORIGIN
    ) -> Self:
        """Make an array of zeros."""
        return cls.full(0.0, shape_native, pixel_scales, sub_size, origin)

    @classmethod
    def ones(
        cls, shape_native: Any, pixel_scales: Any, sub_size: int = 1, origin: Any = _ORIGIN
    ) -> Self:
        """Make an array of ones."""
        return cls.full(1.0, shape_native, pixel_scales, sub_size, origin)

    @classmethod
    def from_pixels(cls, pixels: Pixels, mask: Mask2D | None = None) -> Self:
        """Make an array of `gpupept.Pixels`, whose x comes first and whose y grows with the index.

        Parameters
        ----------
        pixels : Pixels
            Values ``[ix, iy]``.
        mask : Mask2D, optional
            Which of them to take; all by default. See `Mask2D.from_pixels`.

        Examples
        --------
        >>> import gpupept
        >>> from gpupept.grids import Array2D
        >>> pixels = gpupept.Pixels([[1, 2, 3], [4, 5, 6]], xlim=[0, 2], ylim=[0, 3])
        >>> Array2D.from_pixels(pixels).native.array
        array([[3., 6.],
               [2., 5.],
               [1., 4.]])
        """
        return cls(pixels.array.T[::-1, :], Mask2D.from_pixels(pixels) if mask is None else mask)

    def to_pixels(self, fill: float = 0.0, like: Pixels | None = None) -> Pixels:
        """Turn the values, binned, to `gpupept.Pixels`; the opposite of `from_pixels`.

        Parameters
        ----------
        fill : float, default 0
            Value of masked pixels.
        like : Pixels, optional
            Pixels whose limits to take as they are; those of the mask differ by rounding.

        Returns
        -------
        Pixels
            On the device of the values.

        Raises
        ------
        ArrayException
            If `like` has another number of pixels.
        """
        binned = self.binned
        xp = array_namespace(binned.array)
        native = xp.where(self._mask.array, fill, binned.native.array).T[:, ::-1]
        if like is not None:
            if like.shape != native.shape:
                raise ArrayException(
                    f"like must have {native.shape} pixels, as the array has, found {like.shape}"
                )
            return Pixels(native, like.xlim, like.ylim)
        x_min, x_max, y_min, y_max = self._mask.extent
        return Pixels(native, [x_min, x_max], [y_min, y_max])

    # ---- Other sizes

    def _resized(self, shape: Sequence[int], pad_value: float) -> Self:
        """Cut or pad the rectangle of pixels, whose sub size is 1; new pixels are not masked."""
        if self.sub_size != 1:
            raise ArrayException(
                f"only arrays of sub size 1 change their shape, found {self.sub_size}; use .binned"
            )
        mask = self._mask.resized_mask_from(shape, pad_value=0)
        return type(self)(resized(self.native.array, shape, pad_value), mask)

    def resized_from(self, new_shape: Any, pad_value: float = 0.0) -> Self:
        """Cut or pad the array, keeping its middle pixel in the middle.

        Parameters
        ----------
        new_shape : (int, int)
            Rows and columns.
        pad_value : float, default 0
            Value of new pixels.
        """
        return self._resized(check_shape(new_shape, "new_shape", 2), pad_value)

    def padded_before_convolution_from(self, kernel_shape: Any) -> Self:
        """Pad by half a kernel on each side, so that a convolution has all it needs.

        Raises
        ------
        ArrayException
            If a size of the kernel is even, or the sub size is not 1.
        """
        kernel = check_kernel(kernel_shape, ArrayException)
        return self._resized([n + k - 1 for n, k in zip(self.shape_native, kernel, strict=True)], 0)

    def trimmed_after_convolution_from(self, kernel_shape: Any) -> Self:
        """Cut half a kernel from each side, after a convolution.

        Raises
        ------
        ArrayException
            If a size of the kernel is even, the sub size is not 1 or nothing is left.
        """
        kernel = check_kernel(kernel_shape, ArrayException)
        shape = [n - k + 1 for n, k in zip(self.shape_native, kernel, strict=True)]
        if min(shape) < 1:
            raise ArrayException(
                f"nothing is left of an array of shape {self.shape_native} less a kernel of shape "
                f"{kernel}"
            )
        return self._resized(shape, 0)

    def zoomed_around_mask(self, buffer: int = 1) -> Self:
        """Cut out the region of the unmasked pixels, see `Mask2D.zoom_region`.

        Parameters
        ----------
        buffer : int, default 1
            Pixels to keep around it. What lies outside the array is zero.

        Raises
        ------
        ArrayException
            If every pixel is masked.
        """
        mask = self._mask
        try:
            y0, y1, x0, x1 = mask.zoom_region
        except MaskException as error:
            raise ArrayException(str(error)) from error
        native = self.binned.native.array
        rows, columns = native.shape
        top, bottom, left, right = y0 - buffer, y1 + buffer, x0 - buffer, x1 + buffer
        margins = [max(0, -top), max(0, bottom - rows)], [max(0, -left), max(0, right - columns)]
        padded = array_namespace(native).pad(native, margins)
        top, left = top + margins[0][0], left + margins[1][0]
        cut = padded[top : top + y1 - y0 + 2 * buffer, left : left + x1 - x0 + 2 * buffer]
        origin = [o + shift for o, shift in zip(mask.origin, mask.zoom_offset_scaled, strict=True)]
        return type(self).manual_native(cut, mask.pixel_scales, 1, origin)
