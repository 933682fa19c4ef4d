"""What masks of pixels and of voxels have in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, Self

import numpy as np

from gpupept.backend import array_namespace, to_device
from gpupept.base.array_container import ArrayContainer
from gpupept.grids.checks import as_array, check_sub_size
from gpupept.grids.errors import MaskException
from gpupept.grids.layout import sub_indices, sub_points
from gpupept.kernels import Array


class CellMask(ArrayContainer, ABC):
    """Base of `Mask2D` and `Mask3D`: an array that is True where a cell is left out.

    Subclasses give `pixel_scales`, `_steps` and `_axis_centres`.
    """

    sub_size: int

    def _set_mask(self, mask: Any, axes: int, sub_size: Any) -> None:
        array = as_array(mask, "mask")
        if array.ndim != axes or 0 in array.shape:
            raise MaskException(
                f"mask must have {axes} axes with at least one cell along each, found shape "
                f"{tuple(array.shape)}"
            )
        array = array.astype(bool)  # a copy, so that the caller's array may change
        self._array = array
        self.sub_size = check_sub_size(sub_size)

    def _with_array(self, array: Array) -> Self:
        # Sums and the like of masks are numbers, not masks.
        if array.dtype != bool:
            return array  # type: ignore[no-any-return]
        return super()._with_array(array)

    def _same_geometry(self, other: ArrayContainer) -> bool:
        if not isinstance(other, CellMask) or not super()._same_geometry(other):
            return False
        same = self.sub_size == other.sub_size and self._steps() == other._steps()
        return same and all(
            np.array_equal(self._axis_centres(axis), other._axis_centres(axis))
            for axis in range(self.ndim)
        )

    def is_same_as(self, other: CellMask) -> bool:
        """Tell whether another mask leaves out the same cells of the same places.

        Parameters
        ----------
        other : mask
            The other one, on the same device.

        Returns
        -------
        bool
        """
        if other is self:
            return True
        return self._same_geometry(other) and bool((self._array == other._array).all())

    # ---- Geometry, which subclasses know

    @abstractmethod
    def _steps(self) -> tuple[float, ...]:
        """Distance from one cell to the next along each axis, negative where coordinates fall."""

    @abstractmethod
    def _axis_centres(self, axis: int) -> np.ndarray:
        """Coordinates of the centres of cells along an axis, on the host."""

    def _centres(self, selected: Array) -> Array:
        """Centres of the cells selected, (n, D), in slim order."""
        xp = array_namespace(selected)
        places = xp.nonzero(selected)
        columns = [
            to_device(self._axis_centres(axis), self.device)[index]
            for axis, index in enumerate(places)
        ]
        return xp.stack(columns, axis=1)

    def _sub_points(self, selected: Array, sub_size: int) -> Array:
        return sub_points(self._centres(selected), self._steps(), sub_size)

    @property
    def _unmasked(self) -> Array:
        return ~self._array

    # ---- Numbers of cells

    @property
    def shape_native(self) -> tuple[int, ...]:
        """Number of cells along each axis."""
        return self.shape

    @property
    def sub_shape_native(self) -> tuple[int, ...]:
        """Number of sub-cells along each axis."""
        return tuple(n * self.sub_size for n in self.shape)

    @property
    def sub_length(self) -> int:
        """Number of sub-cells of a cell."""
        length: int = self.sub_size**self.ndim
        return length

    @property
    def sub_fraction(self) -> float:
        """Part of a cell that a sub-cell is."""
        return 1.0 / self.sub_length

    @property
    def pixels_in_mask(self) -> int:
        """Number of cells that are not masked."""
        return int(self._array.size - self._array.sum())

    @property
    def sub_pixels_in_mask(self) -> int:
        """Number of sub-cells that are not masked."""
        return self.pixels_in_mask * self.sub_length

    @property
    def is_all_true(self) -> bool:
        """Whether every cell is masked."""
        return bool(self._array.all())

    @property
    def is_all_false(self) -> bool:
        """Whether no cell is masked."""
        return not bool(self._array.any())

    # ---- Indices

    @property
    def native_index_for_slim_index(self) -> Array:
        """(N, D) int64: native index of each cell in slim order."""
        return array_namespace(self._array).argwhere(self._unmasked)

    @property
    def sub_mask_index_for_sub_mask_1d_index(self) -> Array:
        """(N * sub_length, D) int64: native index of each sub-cell in slim order."""
        return sub_indices(self._unmasked, self.sub_size)

    @property
    def slim_index_for_sub_slim_index(self) -> Array:
        """(N * sub_length,) int64: which cell each sub-cell belongs to, both in slim order."""
        xp = array_namespace(self._array)
        return xp.repeat(xp.arange(self.pixels_in_mask), self.sub_length)

    # ---- Other masks

    def _like(self, array: Array, sub_size: int | None = None) -> Self:
        """Mask of the same places."""
        new = self._with_array(array)
        if sub_size is not None:
            new.sub_size = sub_size
        return new

    @property
    def mask_sub_1(self) -> Self:
        """The same mask with one sub-cell for each cell."""
        return self._like(self._array, 1)

    @property
    def unmasked_mask(self) -> Self:
        """A mask of the same places that leaves out nothing."""
        return self._like(array_namespace(self._array).zeros(self.shape, dtype=bool))

    @property
    def sub_mask(self) -> Array:
        """The mask as an array of sub-cells."""
        array, xp = self._array, array_namespace(self._array)
        for axis in range(self.ndim):
            array = xp.repeat(array, self.sub_size, axis=axis)
        return array

    @staticmethod
    def mask_new_sub_size_from(mask: Any, sub_size: int = 1) -> Any:
        """Return a mask with another number of sub-cells.

        Parameters
        ----------
        mask : mask
            The mask.
        sub_size : int
            Sub-cells along each side of a cell.

        Returns
        -------
        mask
            Of the same cells.

        Raises
        ------
        ValueError
            If `sub_size` is not a whole number of at least 1.
        """
        return mask._like(mask.array, check_sub_size(sub_size))
