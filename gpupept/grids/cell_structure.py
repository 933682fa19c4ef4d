"""What values of cells and grids of points have in common: an array, and the mask it belongs to."""

from __future__ import annotations

import os
from pathlib import Path
from typing import IO, Any, ClassVar, Self

import numpy as np

from gpupept.backend import common_device
from gpupept.base.array_container import ArrayContainer
from gpupept.grids.cell_mask import CellMask
from gpupept.grids.checks import as_array
from gpupept.grids.layout import bin_means, native_to_slim, slim_to_native
from gpupept.kernels import Array


class CellStructure(ArrayContainer):
    """Base of arrays and grids over the cells of a mask, in slim or in native layout.

    Subclasses say what a cell holds: `_tail` axes of components, as many as `_components`.
    """

    _tail: ClassVar[int] = 0
    _error: ClassVar[type[ValueError]] = ValueError
    _name: ClassVar[str] = "array"
    _mask: CellMask

    def _set_values(self, values: Any, mask: CellMask) -> None:
        array = as_array(values, self._name, mask.device)
        common_device(array, mask.array)
        self._mask = mask
        self._array = self._as_slim(self._converted(array))

    def _converted(self, array: Array) -> Array:
        """Values of the type that is kept."""
        return array.astype(np.float64) if array.dtype.kind == "b" else array

    def _as_slim(self, array: Array) -> Array:
        """Bring values in either layout to the slim one, after checking their shape."""
        mask, tail = self._mask, self._tail_shape()
        slim = (mask.sub_pixels_in_mask, *tail)
        native = (*mask.sub_shape_native, *tail)
        if array.shape == native:
            return native_to_slim(array, ~mask.array, mask.sub_size)
        if array.shape != slim:
            raise self._error(
                f"{self._name} must have shape {slim} (slim) or {native} (native) for a mask with "
                f"{mask.pixels_in_mask} unmasked cells and sub size {mask.sub_size}, found "
                f"{tuple(array.shape)}"
            )
        return array

    def _tail_shape(self) -> tuple[int, ...]:
        return (self._mask.ndim,) * self._tail

    def _of(self, array: Array, mask: CellMask) -> Any:
        """Structure of the same kind of values that are known to fit a mask, in either layout."""
        new = self._with_array(array)
        new._mask = mask
        return new

    def _same_geometry(self, other: ArrayContainer) -> bool:
        if not isinstance(other, CellStructure) or not super()._same_geometry(other):
            return False
        return self._mask.is_same_as(other._mask)

    def to(self, device: str) -> Self:
        """Move to a device, with the mask; see `gpupept.base.array_container.ArrayContainer.to`."""
        mask, moved = self._mask.to(device), super().to(device)
        if moved is not self:
            moved._mask = mask
        return moved

    # ---- Layouts

    @property
    def _is_native(self) -> bool:
        return self.ndim == self._mask.ndim + self._tail

    @property
    def slim(self) -> Self:
        """The values of what is not masked, cell by cell."""
        if not self._is_native:
            return self
        return self._with_array(self._slim_array)

    @property
    def _slim_array(self) -> Array:
        if not self._is_native:
            return self._array
        return native_to_slim(self._array, ~self._mask.array, self._mask.sub_size)

    @property
    def native(self) -> Self:
        """The values of the whole rectangle or box, zero where it is masked."""
        if self._is_native:
            return self
        return self._with_array(slim_to_native(self._array, ~self._mask.array, self._mask.sub_size))

    @property
    def binned(self) -> Any:
        """Means over the sub-cells of each cell, in slim layout."""
        mask = self._mask
        if mask.sub_size == 1:
            return self.slim
        return self._of(bin_means(self._slim_array, mask.pixels_in_mask), mask.mask_sub_1)

    # ---- Geometry of the mask

    @property
    def mask(self) -> Any:
        """The mask: which cells there are, and where."""
        return self._mask

    @property
    def sub_size(self) -> int:
        """Sub-cells along each side of a cell."""
        return self._mask.sub_size

    @property
    def shape_native(self) -> tuple[int, ...]:
        """Number of cells along each axis."""
        return self._mask.shape_native

    @property
    def sub_shape_native(self) -> tuple[int, ...]:
        """Number of sub-cells along each axis."""
        return self._mask.sub_shape_native

    @property
    def shape_slim(self) -> int:
        """Number of cells that are not masked."""
        return self._mask.pixels_in_mask

    @property
    def sub_shape_slim(self) -> int:
        """Number of sub-cells that are not masked."""
        return self._mask.sub_pixels_in_mask

    # ---- Files

    def save(
        self, filepath: str | os.PathLike[str] | IO[bytes], filename: str | None = None
    ) -> None:
        """Save to a file that `load` reads, see `gpupept.save`.

        Parameters
        ----------
        filepath : path or binary file handle
            The file, or its folder if `filename` is given.
        filename : str, optional
            Name in the folder; ``.npz`` is added where it has no suffix.
        """
        super().save(_full_path(filepath, filename))

    @classmethod
    def load(
        cls, filepath: str | os.PathLike[str] | IO[bytes], filename: str | None = None
    ) -> Self:
        """Load what `save` wrote; nothing in the file is executed.

        Parameters
        ----------
        filepath : path or binary file handle
            The file, or its folder if `filename` is given.
        filename : str, optional
            Name in the folder; ``.npz`` is added where it has no suffix.

        Raises
        ------
        TypeError
            If the file holds an object of another class.
        """
        return super().load(_full_path(filepath, filename))

    def _saved_state(self) -> dict[str, Any]:
        return {self._name: self._slim_array, "mask": self._mask}

    @classmethod
    def _restored(cls, state: dict[str, Any]) -> Self:
        return cls(**state)


def _full_path(
    filepath: str | os.PathLike[str] | IO[bytes], filename: str | None
) -> str | os.PathLike[str] | IO[bytes]:
    if filename is None:
        return filepath
    path = Path(os.fspath(filepath)) / filename  # type: ignore[arg-type]
    return path if path.suffix else path.with_suffix(".npz")
