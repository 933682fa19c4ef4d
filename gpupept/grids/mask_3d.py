"""Masks of voxels."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from gpupept.backend import array_namespace
from gpupept.base.grid_inputs import check_limits
from gpupept.grids.cell_mask import CellMask
from gpupept.grids.errors import MaskException
from gpupept.kernels import Array

if TYPE_CHECKING:
    from gpupept.base import Voxels


class Mask3D(CellMask):
    """A box of voxels of which some are left out, and where these voxels are.

    Voxels ``[ix, iy, iz]`` and points (x, y, z) go as in `gpupept.Voxels`: coordinates grow with the index.

    Parameters
    ----------
    mask : (nx, ny, nz) array_like
        True where a voxel is masked, that is left out.
    xlim, ylim, zlim : (2,) array_like
        Lower and upper limit along each axis, mm.
    sub_size : int, default 1
        Sub-voxels along each side of a voxel.

    Raises
    ------
    MaskException
        If the mask does not have three axes.
    ValueError
        If limits are not two ascending numbers, or the sub size is not a whole number of at least 1.

    Examples
    --------
    >>> import numpy as np
    >>> from gpupept.grids import Mask3D
    >>> mask = Mask3D(np.zeros((2, 2, 2), bool), [0, 2], [0, 2], [0, 4])
    >>> mask.pixel_scales, mask.pixels_in_mask
    ((1.0, 1.0, 2.0), 8)
    """

    _limits: np.ndarray

    def __init__(self, mask: Any, xlim: Any, ylim: Any, zlim: Any, sub_size: int = 1) -> None:
        self._set_mask(mask, 3, sub_size)
        named = {"xlim": xlim, "ylim": ylim, "zlim": zlim}
        self._limits = np.array([check_limits(limit, name) for name, limit in named.items()])

    def _saved_state(self) -> dict[str, Any]:
        limits = dict(zip(("xlim", "ylim", "zlim"), self._limits, strict=True))
        return {"mask": self._array, "sub_size": self.sub_size, **limits}

    @classmethod
    def _restored(cls, state: dict[str, Any]) -> Self:
        return cls(**state)

    @classmethod
    def from_voxels(
        cls, voxels: Voxels, condition: Callable[[Array], Any] | None = None, sub_size: int = 1
    ) -> Self:
        """Make a mask of the places of `gpupept.Voxels`.

        Parameters
        ----------
        voxels : Voxels
            The voxels.
        condition : callable, optional
            Given the array of values, returns True for voxels to **keep**; by default all are kept.
        sub_size : int
            Sub-voxels along each side of a voxel.

        Raises
        ------
        MaskException
            If the condition does not give an array of the same shape.
        """
        values = voxels.array
        every = array_namespace(values).ones(values.shape, dtype=bool)
        kept = every if condition is None else condition(values)
        if getattr(kept, "shape", None) != values.shape:
            raise MaskException(
                f"condition must return an array of shape {values.shape}, found {type(kept).__name__} "
                f"of shape {getattr(kept, 'shape', ())}"
            )
        return cls(~kept.astype(bool), voxels.xlim, voxels.ylim, voxels.zlim, sub_size)

    # ---- Geometry

    @property
    def limits(self) -> np.ndarray:
        """(3, 2) float64: lower and upper limit along x, y and z, mm."""
        return self._limits

    @property
    def pixel_scales(self) -> tuple[float, ...]:
        """Size of a voxel along x, y and z, mm."""
        sizes: list[float] = ((self._limits[:, 1] - self._limits[:, 0]) / self.shape).tolist()
        return tuple(sizes)

    def _steps(self) -> tuple[float, ...]:
        return self.pixel_scales

    def _axis_centres(self, axis: int) -> np.ndarray:
        index = np.arange(self.shape[axis]) + 0.5
        centres: np.ndarray = self._limits[axis, 0] + index * self.pixel_scales[axis]
        return centres
