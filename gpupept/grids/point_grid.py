"""What grids of points in pixels and in voxels have in common."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar, Self

import numpy as np

from gpupept.backend import array_namespace
from gpupept.grids.cell_mask import CellMask
from gpupept.grids.cell_structure import CellStructure
from gpupept.grids.checks import as_array
from gpupept.grids.errors import GridException
from gpupept.grids.evaluation import PointEvaluator
from gpupept.grids.irregular import deflected, squared_distances
from gpupept.grids.iteration import Averages
from gpupept.grids.layout import bin_means, native_to_slim, slim_to_native
from gpupept.grids.over_sampling import OverSamplingIterate, OverSamplingUniform
from gpupept.kernels import Array

OverSampling = OverSamplingUniform | OverSamplingIterate


class PointGrid(CellStructure):
    """Base of `Grid2D` and `Grid3D`: the coordinates of points in the cells of a mask."""

    _tail: ClassVar[int] = 1
    _error: ClassVar[type[ValueError]] = GridException
    _name: ClassVar[str] = "grid"
    _values_class: ClassVar[type[CellStructure]]
    _points_class: ClassVar[type[PointGrid]]
    _over_sampling: OverSampling | None

    def _converted(self, array: Array) -> Array:
        return array.astype(np.float64)  # a copy, so that the caller's array may change

    def _set_over_sampling(self, over_sampling: OverSampling | None) -> None:
        kinds = (OverSamplingUniform, OverSamplingIterate)
        if over_sampling is not None and not isinstance(over_sampling, kinds):
            raise TypeError(
                "over_sampling must be an OverSamplingUniform or OverSamplingIterate, found "
                f"{type(over_sampling).__name__}"
            )
        if over_sampling is not None and self.sub_size != 1:
            raise GridException(
                f"a grid with over-sampling must have sub size 1, found {self.sub_size}; use "
                "mask.mask_sub_1"
            )
        self._over_sampling = over_sampling

    @property
    def over_sampling(self) -> OverSampling | None:
        """How finely functions are sampled in each cell; None for once at each point."""
        return self._over_sampling

    def _saved_state(self) -> dict[str, Any]:
        return {**super()._saved_state(), "over_sampling": self._over_sampling}

    # ---- Points

    @property
    def total_pixels(self) -> int:
        """Number of points."""
        return self.sub_shape_slim

    def squared_distances_to_coordinate(self, coordinate: Any = None) -> Any:
        """Squared distance of each point from one, by default from zero."""
        zero = (0.0,) * self._mask.ndim
        point = zero if coordinate is None else coordinate
        return self._values(squared_distances(self._slim_array, point))

    def distances_to_coordinate(self, coordinate: Any = None) -> Any:
        """Distance of each point from one, by default from zero."""
        squared = self.squared_distances_to_coordinate(coordinate)
        return self._values(array_namespace(squared.array).sqrt(squared.array))

    def grid_via_deflection_grid_from(self, deflection_grid: Any) -> Self:
        """Subtract a deflection from each point.

        Parameters
        ----------
        deflection_grid : (N, D) array_like
            One for each point, in slim order.

        Returns
        -------
        grid of the same class
            Of the same mask and with the same accuracy.

        Raises
        ------
        GridException
            If there is not one for each point.
        """
        shifts = deflection_grid
        shifts = shifts._slim_array if isinstance(shifts, CellStructure) else shifts
        return self._with_array(deflected(self._slim_array, shifts))

    # ---- Functions of the points

    def _values(self, array: Array) -> Any:
        return self._made(self._values_class, array, self._mask)

    @staticmethod
    def _made(kind: type[Any], array: Array, mask: CellMask) -> Any:
        return kind(array, mask)

    def _structure_from(self, result: Any, mask: CellMask | None = None) -> Any:
        """Wrap what a function returned: a number for each point, or coordinates."""
        mask = self._mask if mask is None else mask
        array = as_array(result, "result", self.device)
        count = mask.sub_pixels_in_mask
        if array.shape == (count,):
            return self._made(self._values_class, array, mask)
        if array.shape == (count, mask.ndim):
            return self._made(self._points_class, array, mask)
        raise GridException(
            f"result must have shape ({count},) or ({count}, {mask.ndim}), found {tuple(array.shape)}"
        )

    def result_from(
        self,
        func: Callable[..., Any],
        cls: Any = None,
        *args: Any,
        return_info: bool = False,
        **kwargs: Any,
    ) -> Any:
        """Average a function over the cells, as the over-sampling of the grid says.

        Parameters
        ----------
        func : callable
            Given an (n, D) array of points, where the grid is; returns (n,) values, (n, D) vectors or a
            list of those.
        cls : object, optional
            First argument of the function, before the points: the object whose method it is.
        *args, **kwargs : object
            Further arguments of the function.
        return_info : bool, default False
            Also return an `IterationInfo`.

        Returns
        -------
        array, grid or list of them
            With sub size 1. Without over-sampling, the means over the points of each cell.

        Raises
        ------
        ValueError
            If the function returns something of another shape.
        """
        evaluator = PointEvaluator(func, cls, args, kwargs)
        if self._over_sampling is None:
            averages = self._means_of_points(evaluator)
        else:
            averages = self._over_sampling.averages(
                evaluator, self._slim_array, self._mask._steps(), self.device
            )
        result = self._wrapped(averages)
        return (result, averages.info) if return_info else result

    def _means_of_points(self, evaluator: PointEvaluator) -> Averages:
        xp, count = array_namespace(self._array), self.shape_slim
        values = [xp.empty(0)]
        if count:
            values = [bin_means(part, count) for part in evaluator.at(self._slim_array)]
        sizes = xp.full(count, self.sub_size, dtype=xp.int16)
        every = xp.ones(count, dtype=bool)
        return Averages(values, sizes, every, evaluator.evaluations, 0.0, evaluator.returned_list)

    def _wrapped(self, averages: Averages) -> Any:
        mask = self._mask.mask_sub_1
        found = [self._structure_from(values, mask) for values in averages.values]
        return found if averages.is_list else found[0]

    def _centres_of(self, mask: CellMask) -> Array:
        """Centres of the cells that another mask of the same shape keeps, this grid's where it has them."""
        centres = mask._centres(~mask.array)
        if mask.shape != self._mask.shape or self.sub_size != 1:
            return centres
        native = slim_to_native(centres, ~mask.array, 1)
        native[~self._mask.array] = self._slim_array
        return native_to_slim(native, ~mask.array, 1)
