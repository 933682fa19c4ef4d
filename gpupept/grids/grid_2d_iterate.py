"""Points in pixels at which functions are averaged over each pixel, as finely as it takes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Self

from gpupept.backend import device_of
from gpupept.grids.array_2d import Array2D
from gpupept.grids.cell_structure import CellStructure
from gpupept.grids.checks import as_array
from gpupept.grids.evaluation import PointEvaluator
from gpupept.grids.grid_2d import Grid2D
from gpupept.grids.level_tests import LevelTests
from gpupept.grids.mask_2d import Mask2D
from gpupept.grids.over_sampling import OverSamplingIterate

_ORIGIN = (0.0, 0.0)


class Grid2DIterate(LevelTests, Grid2D):
    """A grid that averages functions over its pixels on sub-grids refined pixel by pixel.

    A function is first evaluated at the points, then at the sub-pixels around them, finer from step to
    step; a pixel is settled as soon as the means over two sub-grids agree, and takes the finer mean.
    Sub-grids lie around the points as they are, also where they are not the centres of pixels, and have
    the size of a pixel.

    Parameters
    ----------
    grid : (N, 2) or (H, W, 2) array_like
        Points (y, x), one for each unmasked pixel.
    mask : Mask2D
        The pixels; its sub size is taken to be 1.
    fractional_accuracy : float or None, default 0.9999
        How close the ratio of two means must be to 1.
    relative_accuracy : float, optional
        Largest difference of two means; also called ``absolute_accuracy``.
    sub_steps : sequence of int, default (2, 4, 8, 16)
        Sub-pixels along each side, level by level.
    **options : object
        Further options of `OverSamplingIterate`: ``rule``, ``zero_rule``, ``zero_exit``, ``nan_policy``,
        ``max_points``.

    Raises
    ------
    GridException
        If the points do not fit the mask.
    ValueError
        If an option is not as it must be.

    Examples
    --------
    >>> import numpy as np
    >>> from gpupept.grids import Grid2DIterate
    >>> grid = Grid2DIterate.uniform((1, 3), pixel_scales=1.0, fractional_accuracy=0.99)
    >>> means, info = grid.iterated_result_from(
    ...     lambda points: np.exp(-points[:, 1] ** 2), return_info=True
    ... )
    >>> means.array.round(3).tolist(), info.sub_size.tolist(), info.n_evaluations
    ([0.395, 0.924, 0.395], [8, 8, 8], 255)
    """

    def __init__(
        self,
        grid: Any,
        mask: Mask2D,
        fractional_accuracy: float | None = 0.9999,
        relative_accuracy: float | None = None,
        sub_steps: Any = None,
        **options: Any,
    ) -> None:
        sampling = OverSamplingIterate(fractional_accuracy, relative_accuracy, sub_steps, **options)
        super().__init__(grid, mask.mask_sub_1, sampling)

    @property
    def _sampling(self) -> OverSamplingIterate:
        assert isinstance(self._over_sampling, OverSamplingIterate)
        return self._over_sampling

    @property
    def fractional_accuracy(self) -> float | None:
        """Least ratio of two means that agree."""
        return self._sampling.fractional_accuracy

    @property
    def relative_accuracy(self) -> float | None:
        """Largest difference of two means that agree; the same as `absolute_accuracy`."""
        return self._sampling.absolute_accuracy

    @property
    def absolute_accuracy(self) -> float | None:
        """Largest difference of two means that agree."""
        return self._sampling.absolute_accuracy

    @property
    def sub_steps(self) -> list[int]:
        """Sub-pixels along each side, level by level."""
        return self._sampling.sub_steps

    @classmethod
    def _restored(cls, state: dict[str, Any]) -> Self:
        new = cls(state["grid"], state["mask"])
        new._set_over_sampling(state["over_sampling"])
        return new

    # ---- Constructors

    @classmethod
    def manual_slim(  # type: ignore[override]
        cls,
        grid: Any,
        shape_native: Any,
        pixel_scales: Any,
        origin: Any = _ORIGIN,
        fractional_accuracy: float | None = 0.9999,
        sub_steps: Any = None,
        **options: Any,
    ) -> Self:
        """Make a grid of given points, one after another, for a mask that leaves out nothing."""
        points = as_array(grid, "grid")
        mask = Mask2D.unmasked(shape_native, pixel_scales, 1, origin).to(device_of(points))
        return cls(points, mask, fractional_accuracy, None, sub_steps, **options)

    @classmethod
    def uniform(  # type: ignore[override]
        cls,
        shape_native: Any,
        pixel_scales: Any,
        origin: Any = _ORIGIN,
        fractional_accuracy: float | None = 0.9999,
        sub_steps: Any = None,
        **options: Any,
    ) -> Self:
        """Make a grid of the centres of all pixels."""
        mask = Mask2D.unmasked(shape_native, pixel_scales, 1, origin)
        return cls.from_mask(mask, fractional_accuracy, sub_steps, **options)

    @classmethod
    def from_mask(  # type: ignore[override]
        cls,
        mask: Mask2D,
        fractional_accuracy: float | None = 0.9999,
        sub_steps: Any = None,
        **options: Any,
    ) -> Self:
        """Make a grid of the centres of unmasked pixels."""
        points = mask._centres(~mask.array)
        return cls(points, mask, fractional_accuracy, sub_steps=sub_steps, **options)

    @classmethod
    def blurring_grid_from(  # type: ignore[override]
        cls,
        mask: Mask2D,
        kernel_shape_native: Any,
        fractional_accuracy: float | None = 0.9999,
        sub_steps: Any = None,
        **options: Any,
    ) -> Self:
        """Make a grid of the masked pixels that a convolution would mix into unmasked ones."""
        blurring = mask.blurring_mask_from(kernel_shape_native)
        return cls.from_mask(blurring, fractional_accuracy, sub_steps, **options)

    # ---- One level

    def array_at_sub_size_from(
        self,
        func: Callable[..., Any],
        cls: Any,
        mask: Mask2D,
        sub_size: int,
        *args: Any,
        **kwargs: Any,
    ) -> Any:
        """Average a function on one sub-grid of the pixels that a mask keeps.

        Parameters
        ----------
        func : callable
            As of `iterated_result_from`.
        cls : object or None
            Its first argument.
        mask : Mask2D
            The pixels, of the same rectangle.
        sub_size : int
            Sub-pixels along each side.
        *args, **kwargs : object
            Further arguments of the function.

        Returns
        -------
        Array2D or Grid2D
            Of sub size 1, in native layout.
        """
        evaluator = PointEvaluator(func, cls, args, kwargs, self._sampling.max_points)
        means = evaluator.means(self._centres_of(mask), self._mask._steps(), sub_size)
        return self._structure_from(means[0], mask.mask_sub_1).native

    def grid_at_sub_size_from(
        self,
        func: Callable[..., Any],
        cls: Any,
        mask: Mask2D,
        sub_size: int,
        *args: Any,
        **kwargs: Any,
    ) -> Any:
        """Average a function that returns vectors; the same as `array_at_sub_size_from`."""
        return self.array_at_sub_size_from(func, cls, mask, sub_size, *args, **kwargs)

    # ---- All levels

    def iterated_result_from(
        self,
        func: Callable[..., Any],
        cls: Any = None,
        *args: Any,
        return_info: bool = False,
        **kwargs: Any,
    ) -> Any:
        """Average a function over each pixel, on sub-grids that are refined until the means agree.

        Parameters
        ----------
        func : callable
            ``func(cls, points, ...)``, or ``func(points, ...)`` without `cls`. Given an (n, 2) array of
            points (y, x), NumPy's or CuPy's as the grid is; returns (n,) values, (n, 2) vectors or a list
            of those, for points each on their own. Of a list a pixel is settled when all its elements are.
        cls : object, optional
            First argument of the function, the object whose method it is.
        *args, **kwargs : object
            Further arguments, passed at every level.
        return_info : bool, default False
            Also return an `IterationInfo`: sub sizes, convergence, number of evaluations.

        Returns
        -------
        Array2D, Grid2D or list of them
            Of sub size 1.

        Raises
        ------
        ValueError
            If the function returns something of another shape, or values that are not finite with
            ``nan_policy="raise"``.

        Notes
        -----
        Scalars L > 0 and U of two levels agree if min(L / U, U / L) is at least the fractional accuracy;
        scalars that are not positive are refined to the last level, unless the rule is ``"symmetric"``.
        Both components of vectors must agree, also negative ones. The last level is taken as it is. If the
        function is zero at all points, it is taken to be zero everywhere, unless ``zero_exit=False``.

        References
        ----------
        The iterative grids of PyAutoLens: Nightingale et al., Journal of Open Source Software 6 (2021)
        2825.
        """
        return self.result_from(func, cls, *args, return_info=return_info, **kwargs)

    def _iterated_from(
        self, func: Callable[..., Any], cls: Any, lower: Any, args: Any, kwargs: Any
    ) -> Any:
        values = lower._slim_array if isinstance(lower, CellStructure) else lower
        first = self._structure_from(values)._slim_array
        evaluator = PointEvaluator(func, cls, args, kwargs)
        averages = self._sampling.averages(
            evaluator, self._slim_array, self._mask._steps(), self.device, [first]
        )
        return self._wrapped(averages)

    def iterated_array_from(
        self,
        func: Callable[..., Any],
        cls: Any,
        array_lower_sub_2d: Any,
        *args: Any,
        **kwargs: Any,
    ) -> Array2D:
        """Average a function whose values at the points are known, see `iterated_result_from`.

        Parameters
        ----------
        func, cls : callable, object
            The function, which returns (n,), and its first argument or None.
        array_lower_sub_2d : Array2D
            Its values at the points.
        *args, **kwargs : object
            Further arguments of the function.

        Returns
        -------
        Array2D
        """
        result: Array2D = self._iterated_from(func, cls, array_lower_sub_2d, args, kwargs)
        return result

    def iterated_grid_from(
        self,
        func: Callable[..., Any],
        cls: Any,
        grid_lower_sub_2d: Any,
        *args: Any,
        **kwargs: Any,
    ) -> Grid2D:
        """Average a function that returns vectors known at the points; as `iterated_array_from`."""
        result: Grid2D = self._iterated_from(func, cls, grid_lower_sub_2d, args, kwargs)
        return result

    def return_iterated_array_result(self, iterated_array: Any) -> Array2D:
        """Turn native values to an `Array2D` of the mask of this grid."""
        values = iterated_array.array if isinstance(iterated_array, Array2D) else iterated_array
        return Array2D(values, self._mask)
