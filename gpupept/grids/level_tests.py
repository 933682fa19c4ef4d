"""The test of two levels of sub-grids, pixel by pixel, and what is taken over from the finer one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gpupept.backend import array_namespace
from gpupept.grids.acceptance import accepted
from gpupept.grids.checks import as_array
from gpupept.kernels import Array

if TYPE_CHECKING:
    from gpupept.grids.array_2d import Array2D
    from gpupept.grids.grid_2d import Grid2D
    from gpupept.grids.mask_2d import Mask2D
    from gpupept.grids.over_sampling import OverSamplingIterate


class LevelTests:
    """Steps of the iteration of `gpupept.grids.Grid2DIterate`, for those who iterate by themselves."""

    if TYPE_CHECKING:

        @property
        def _sampling(self) -> OverSamplingIterate: ...

    def _fractional_mask(self, lower: Any, higher: Any) -> Mask2D:
        mask = higher.mask.mask_sub_1
        before, after = (part.native.array[~mask.array] for part in (lower, higher))
        done = mask.array.copy()
        done[~mask.array] = self._sampling.accepts(before, after)
        result: Mask2D = mask._like(done)
        return result

    def fractional_mask_via_arrays_from(
        self, array_lower_sub_2d: Array2D, array_higher_sub_2d: Array2D
    ) -> Mask2D:
        """Tell where the values of two levels agree.

        Parameters
        ----------
        array_lower_sub_2d, array_higher_sub_2d : Array2D
            Means over the coarser and the finer sub-grid.

        Returns
        -------
        Mask2D
            True where they agree and where the finer ones are masked; False where finer sub-grids are
            needed.
        """
        return self._fractional_mask(array_lower_sub_2d, array_higher_sub_2d)

    def fractional_mask_via_grids_from(
        self, grid_lower_sub_2d: Grid2D, grid_higher_sub_2d: Grid2D
    ) -> Mask2D:
        """Tell where the vectors of two levels agree; as `fractional_mask_via_arrays_from`."""
        return self._fractional_mask(grid_lower_sub_2d, grid_higher_sub_2d)

    threshold_mask_via_arrays_from = fractional_mask_via_arrays_from
    threshold_mask_via_grids_from = fractional_mask_via_grids_from

    @staticmethod
    def fractional_mask_via_arrays_jit_from(
        fractional_accuracy_threshold: float,
        fractional_mask: Any,
        array_higher_sub_2d: Any,
        array_lower_sub_2d: Any,
        array_higher_mask: Any,
    ) -> Array:
        """Tell where native arrays of two levels agree.

        Parameters
        ----------
        fractional_accuracy_threshold : float
            Least ratio.
        fractional_mask : (H, W) bool array
            What to start with, True.
        array_higher_sub_2d, array_lower_sub_2d : (H, W) or (H, W, 2) array
            Means over the finer and the coarser sub-grid.
        array_higher_mask : (H, W) bool array
            Where the finer ones are masked, which stays as it is.

        Returns
        -------
        (H, W) bool array
            A new one.
        """
        mask = as_array(fractional_mask, "fractional_mask").astype(bool)
        kept = ~as_array(array_higher_mask, "array_higher_mask").astype(bool)
        higher = as_array(array_higher_sub_2d, "array_higher_sub_2d")[kept]
        lower = as_array(array_lower_sub_2d, "array_lower_sub_2d")[kept]
        mask[kept] &= accepted(lower, higher, fractional_accuracy_threshold, None)
        return mask

    @staticmethod
    def iterated_array_jit_from(
        iterated_array: Any,
        fractional_mask_higher_sub: Any,
        fractional_mask_lower_sub: Any,
        array_higher_sub_2d: Any,
    ) -> Array:
        """Take over the values of the finer level where pixels are settled on it.

        Parameters
        ----------
        iterated_array : (H, W) or (H, W, 2) array
            Values settled so far.
        fractional_mask_higher_sub, fractional_mask_lower_sub : (H, W) bool array
            Where pixels are settled after and before this level.
        array_higher_sub_2d : (H, W) or (H, W, 2) array
            Means over the finer sub-grid.

        Returns
        -------
        array
            A new one.
        """
        result = as_array(iterated_array, "iterated_array").copy()
        after = as_array(fractional_mask_higher_sub, "fractional_mask_higher_sub").astype(bool)
        before = as_array(fractional_mask_lower_sub, "fractional_mask_lower_sub").astype(bool)
        higher = as_array(array_higher_sub_2d, "array_higher_sub_2d")
        array_namespace(result, after, before, higher)
        settled = after & ~before
        result[settled] = higher[settled]
        return result

    fractional_mask_via_grids_jit_from = fractional_mask_via_arrays_jit_from
    iterated_grid_jit_from = iterated_array_jit_from
