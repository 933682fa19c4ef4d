"""Values of voxels."""

from __future__ import annotations

from typing import Any, ClassVar, Self

from gpupept.backend import array_namespace
from gpupept.base import Voxels
from gpupept.grids.cell_structure import CellStructure
from gpupept.grids.errors import ArrayException
from gpupept.grids.mask_3d import Mask3D


class Array3D(CellStructure):
    """A value for each unmasked voxel, or sub-voxel, of a mask; see `Array2D`.

    Parameters
    ----------
    array : (N * sub_size ** 3,) or (nx * sub_size, ny * sub_size, nz * sub_size) array_like
        Values in slim or in native layout; they are kept in slim layout.
    mask : Mask3D
        The voxels.

    Raises
    ------
    ArrayException
        If the values fit the mask in neither layout.

    Examples
    --------
    >>> import gpupept
    >>> from gpupept.grids import Array3D, Mask3D
    >>> voxels = gpupept.Voxels.zeros((2, 2, 2), [0, 1], [0, 1], [0, 1])
    >>> mask = Mask3D.from_voxels(voxels)
    >>> Array3D(range(8), mask).to_voxels()[1, 0, 1]
    np.float64(5.0)
    """

    _error: ClassVar[type[ValueError]] = ArrayException
    _mask: Mask3D

    def __init__(self, array: Any, mask: Mask3D) -> None:
        self._set_values(array, mask)

    @classmethod
    def from_voxels(cls, voxels: Voxels, mask: Mask3D | None = None) -> Self:
        """Make an array of `gpupept.Voxels`, of all or of those that a mask keeps."""
        return cls(voxels.array, Mask3D.from_voxels(voxels) if mask is None else mask)

    def to_voxels(self, fill: float = 0.0) -> Voxels:
        """Turn the values, binned, to `gpupept.Voxels` of the same limits.

        Parameters
        ----------
        fill : float, default 0
            Value of masked voxels.

        Returns
        -------
        Voxels
            On the device of the values.
        """
        binned = self.binned
        xp = array_namespace(binned.array)
        return Voxels(xp.where(self._mask.array, fill, binned.native.array), *self._mask.limits)
