"""Points in voxels."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar, Self

from gpupept.base import Voxels
from gpupept.grids.array_3d import Array3D
from gpupept.grids.cell_structure import CellStructure
from gpupept.grids.mask_3d import Mask3D
from gpupept.grids.over_sampling import OverSamplingIterate
from gpupept.grids.point_grid import OverSampling, PointGrid


class Grid3D(PointGrid):
    """The (x, y, z) coordinates of a point in each unmasked voxel, or sub-voxel, of a mask.

    Parameters
    ----------
    grid : (N * sub_size ** 3, 3) array_like
        Points in slim layout, or in native layout with one axis more.
    mask : Mask3D
        The voxels.
    over_sampling : OverSamplingUniform or OverSamplingIterate, optional
        How finely functions are sampled in each voxel.

    Raises
    ------
    GridException
        If the points do not fit the mask.

    Examples
    --------
    >>> import gpupept
    >>> from gpupept.grids import Grid3D
    >>> voxels = gpupept.Voxels.zeros((1, 1, 2), [0, 1], [0, 1], [0, 4])
    >>> Grid3D.from_voxels(voxels).array.tolist()
    [[0.5, 0.5, 1.0], [0.5, 0.5, 3.0]]
    """

    _values_class: ClassVar[type[CellStructure]] = Array3D
    _mask: Mask3D

    def __init__(self, grid: Any, mask: Mask3D, over_sampling: OverSampling | None = None) -> None:
        self._set_values(grid, mask)
        self._set_over_sampling(over_sampling)

    @classmethod
    def from_mask(cls, mask: Mask3D, over_sampling: OverSampling | None = None) -> Self:
        """Make a grid of the centres of the sub-voxels that are not masked."""
        return cls(mask._sub_points(~mask.array, mask.sub_size), mask, over_sampling)

    @classmethod
    def from_voxels(
        cls,
        voxels: Voxels,
        mask: Mask3D | None = None,
        over_sampling: OverSampling | None = None,
    ) -> Self:
        """Make a grid of the centres of `gpupept.Voxels`, of all or of those that a mask keeps."""
        return cls.from_mask(Mask3D.from_voxels(voxels) if mask is None else mask, over_sampling)

    def structure_3d_from(self, result: Any) -> Any:
        """Wrap what a function returned for the points: an `Array3D` of (n,), a `Grid3D` of (n, 3).

        Raises
        ------
        GridException
            If it has another shape.
        """
        return self._structure_from(result)


Grid3D._points_class = Grid3D  # also of its subclasses


class Grid3DIterate(Grid3D):
    """A grid that averages functions over its voxels, refined voxel by voxel; see `Grid2DIterate`.

    Parameters
    ----------
    grid : (N, 3) array_like
        Points (x, y, z), one for each unmasked voxel.
    mask : Mask3D
        The voxels; its sub size is taken to be 1.
    fractional_accuracy, relative_accuracy, sub_steps, **options
        As of `OverSamplingIterate`.

    Examples
    --------
    >>> import gpupept
    >>> from gpupept.grids import Grid3DIterate
    >>> voxels = gpupept.Voxels.zeros((10, 10, 10), [-5, 5], [-5, 5], [-5, 5])
    >>> grid = Grid3DIterate.from_voxels(voxels, sub_steps=[8, 16])
    >>> ball = lambda points: ((points**2).sum(axis=1) <= 9.0).astype(float)
    >>> covered = grid.iterated_result_from(ball).to_voxels()
    >>> round(float(covered.sum()))  # mm^3 of a ball of radius 3 mm
    113
    """

    def __init__(
        self,
        grid: Any,
        mask: Mask3D,
        fractional_accuracy: float | None = 0.9999,
        relative_accuracy: float | None = None,
        sub_steps: Any = None,
        **options: Any,
    ) -> None:
        sampling = OverSamplingIterate(fractional_accuracy, relative_accuracy, sub_steps, **options)
        super().__init__(grid, mask.mask_sub_1, sampling)

    @classmethod
    def _restored(cls, state: dict[str, Any]) -> Self:
        new = cls(state["grid"], state["mask"])
        new._set_over_sampling(state["over_sampling"])
        return new

    @classmethod
    def from_mask(  # type: ignore[override]
        cls,
        mask: Mask3D,
        fractional_accuracy: float | None = 0.9999,
        sub_steps: Any = None,
        **options: Any,
    ) -> Self:
        """Make a grid of the centres of unmasked voxels."""
        points = mask._centres(~mask.array)
        return cls(points, mask, fractional_accuracy, sub_steps=sub_steps, **options)

    @classmethod
    def from_voxels(  # type: ignore[override]
        cls,
        voxels: Voxels,
        mask: Mask3D | None = None,
        fractional_accuracy: float | None = 0.9999,
        sub_steps: Any = None,
        **options: Any,
    ) -> Self:
        """Make a grid of the centres of `gpupept.Voxels`, of all or of those that a mask keeps."""
        kept = Mask3D.from_voxels(voxels) if mask is None else mask
        return cls.from_mask(kept, fractional_accuracy, sub_steps, **options)

    def iterated_result_from(
        self,
        func: Callable[..., Any],
        cls: Any = None,
        *args: Any,
        return_info: bool = False,
        **kwargs: Any,
    ) -> Any:
        """Average a function over each voxel, see `Grid2DIterate.iterated_result_from`.

        The function is given (n, 3) points (x, y, z); the result is an `Array3D` or `Grid3D`.
        """
        return self.result_from(func, cls, *args, return_info=return_info, **kwargs)

    def to_voxels(self, result: Any, fill: float = 0.0) -> Voxels:
        """Turn a result to `gpupept.Voxels` of the same limits.

        Parameters
        ----------
        result : Array3D or (N,) array_like
            Values of the unmasked voxels.
        fill : float, default 0
            Value of masked voxels.
        """
        values = result if isinstance(result, Array3D) else Array3D(result, self._mask)
        return values.to_voxels(fill)
