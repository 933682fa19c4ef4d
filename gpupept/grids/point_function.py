"""Functions of points that are compiled, so that grids evaluate them many times faster."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from gpupept.backend import array_namespace, is_device_array
from gpupept.grids.checks import as_array
from gpupept.kernels import Array

if TYPE_CHECKING:
    from gpupept.kernels.subgrids import Refined, Rules


class PointFunction:
    """A function of one point, compiled, that takes arrays of points like any other.

    Parameters
    ----------
    scalar : callable
        ``scalar(y, x, *parameters)`` for points in pixels or ``scalar(x, y, z, *parameters)`` for points in
        voxels, all numbers; returns a number. It is compiled by Numba when it is first used, so it may use
        the `math` module and Numba's part of Python; dividing by zero gives infinity or NaN.
    parameters : sequence of float
        Further arguments.
    array : callable, optional
        The same as an array expression, ``array(points, *parameters)``, for points on a GPU.
    source : str, optional
        The same as statements of CUDA C++ that return the value, for points on a GPU: the coordinates are
        ``y`` and ``x``, or ``x``, ``y`` and ``z``, and the parameters ``p[0]``, ``p[1]``, ... Grids then
        refine all cells in one launch.

    Raises
    ------
    TypeError
        If the function does not take two or three coordinates and the parameters.

    Examples
    --------
    >>> import math
    >>> from gpupept.grids import Grid2DIterate, compiled_function
    >>> @compiled_function
    ... def gauss(y, x):
    ...     return math.exp(-(x * x + y * y))
    >>> grid = Grid2DIterate.uniform((200, 200), pixel_scales=0.05)
    >>> round(float(grid.iterated_result_from(gauss).sum()) * 0.05**2, 4)  # pi
    3.1416
    """

    def __init__(
        self,
        scalar: Callable[..., Any],
        parameters: Any = (),
        *,
        array: Callable[..., Any] | None = None,
        source: str | None = None,
    ) -> None:
        self.scalar = scalar
        self.parameters = tuple(float(parameter) for parameter in parameters)
        self.array = array
        self.source = source
        self.axes = _coordinates(scalar, len(self.parameters))
        if self.axes not in (2, 3):
            raise TypeError(
                f"{_name(scalar)} must take 2 or 3 coordinates and {len(self.parameters)} parameters, "
                f"found {self.axes + len(self.parameters)} arguments"
            )
        self._compiled: Any = None

    def compiled(self) -> Any:
        """Return the function compiled by Numba."""
        if self._compiled is None:
            from gpupept.kernels.subgrids import compile_scalar

            self._compiled = compile_scalar(self.scalar)
        return self._compiled

    def __call__(self, points: Any) -> Array:
        """Evaluate the function.

        Parameters
        ----------
        points : (n, D) array_like
            The points.

        Returns
        -------
        (n,) float64 array
            Values, where the points are.

        Raises
        ------
        ValueError
            If points do not have the number of coordinates that the function takes.
        TypeError
            If they are on a GPU and the function was given without an array expression.
        """
        table = as_array(points, "points")
        if table.ndim != 2 or table.shape[1] != self.axes:
            raise ValueError(
                f"points must have shape (n, {self.axes}), as {_name(self.scalar)} takes, found "
                f"{tuple(table.shape)}"
            )
        if is_device_array(table):
            return self._on_device(table)
        from gpupept.kernels.subgrids import means_at_points

        table = table.astype(np.float64, copy=False)
        return means_at_points(self.compiled(), self.parameters, table)

    def _on_device(self, points: Array) -> Array:
        if self.array is not None:
            return self.array(points, *self.parameters)
        if self.source is None:
            raise TypeError(
                f"{_name(self.scalar)} is compiled for the CPU, but the points are on a GPU; give it as "
                "an array expression or CUDA source too, PointFunction(scalar, array=..., source=...), "
                'or move the grid with .to("cpu")'
            )
        from gpupept.kernels.subgrids import NO_TEST

        steps = (0.0,) * self.axes  # the mean over one sub-cell
        zeros = array_namespace(points).zeros(len(points))
        return self.refined(points, steps, [1], NO_TEST, zeros).values

    def refined(
        self,
        centres: Array,
        steps: tuple[float, ...],
        sub_steps: list[int],
        rules: Rules,
        lower: Array,
    ) -> Refined:
        """Average the function over cells, see `gpupept.kernels.subgrids.refine_cells`."""
        from gpupept.kernels.subgrids import refine_cells, refine_cells_on_device

        if is_device_array(centres):
            return refine_cells_on_device(
                str(self.source), self.parameters, centres, steps, sub_steps, rules, lower
            )
        return refine_cells(
            self.compiled(), self.parameters, centres, steps, sub_steps, rules, lower
        )


def compiled_function(scalar: Callable[..., Any]) -> PointFunction:
    """Compile a function of one point, as a decorator; see `PointFunction`.

    Parameters
    ----------
    scalar : callable
        ``scalar(y, x)`` or ``scalar(x, y, z)``.

    Returns
    -------
    PointFunction
    """
    return PointFunction(scalar)


def as_point_function(function: Any, args: tuple[Any, ...], axes: int) -> PointFunction | None:
    """Recognise a function of one point: a `PointFunction`, or one that Numba compiled."""
    if isinstance(function, PointFunction):
        return None if args else function
    numeric = all(isinstance(arg, (int, float, np.number)) for arg in args)
    single = hasattr(function, "py_func") and _coordinates(function, len(args)) == axes
    if single and numeric:
        return PointFunction(function, args)
    return None


def _coordinates(function: Callable[..., Any], parameters: int) -> int:
    """Count the arguments before the parameters."""
    plain = getattr(function, "py_func", function)
    return len(inspect.signature(plain).parameters) - parameters


def _name(function: Any) -> str:
    return str(getattr(function, "__name__", "the function"))
