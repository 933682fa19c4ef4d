"""Averages over the cells of `gpupept.Pixels` and `gpupept.Voxels` in one call."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gpupept.base import Pixels, Voxels
from gpupept.grids.array_2d import Array2D
from gpupept.grids.grid_2d_iterate import Grid2DIterate
from gpupept.grids.grid_3d import Grid3DIterate
from gpupept.grids.mask_2d import Mask2D
from gpupept.grids.mask_3d import Mask3D
from gpupept.kernels import Array


def cell_averages(
    function: Callable[..., Any],
    cells: Any,
    fractional_accuracy: float | None = 0.9999,
    sub_steps: Any = None,
    *,
    condition: Callable[[Array], Any] | None = None,
    fill: float = 0.0,
    return_info: bool = False,
    **options: Any,
) -> Any:
    """Average a function of points over each pixel or voxel, as finely as it takes.

    Parameters
    ----------
    function : callable
        Given, on the device of the cells, an (n, 3) array of points (x, y, z), mm, for voxels, or an (n, 2)
        array of points (y, x), as in all planes of this subpackage, for pixels; returns (n,) values.
        A `PointFunction` is evaluated by compiled code on the CPU.
    cells : Pixels or Voxels
        The cells; their values matter for `condition` only.
    fractional_accuracy, sub_steps, **options
        As of `OverSamplingIterate`.
    condition : callable, optional
        Given the array of values, returns True for cells to average over; by default all.
    fill : float, default 0
        Value of the other cells.
    return_info : bool, default False
        Also return an `IterationInfo`, whose cells are in the order of the grid: rows from the top for
        pixels, the order in memory for voxels.

    Returns
    -------
    Pixels or Voxels
        Averages, with the limits and on the device of the cells.

    Raises
    ------
    TypeError
        If the cells are neither pixels nor voxels.
    ValueError
        If an option is out of range, or the function or the condition returns another shape.

    Examples
    --------
    >>> import gpupept
    >>> from gpupept.grids import cell_averages
    >>> from gpupept.grids.functions import dual_plate_efficiency
    >>> voxels = gpupept.Voxels.zeros((8, 8, 8), [-100, 100], [-100, 100], [-100, 100])
    >>> camera = dual_plate_efficiency(250, 200, 150)
    >>> sensitivity = cell_averages(camera, voxels, 0.999)
    >>> sensitivity.shape, round(float(sensitivity.max()), 3)
    ((8, 8, 8), 0.184)
    """
    if isinstance(cells, Voxels):
        mask = Mask3D.from_voxels(cells, condition)
        grid: Any = Grid3DIterate.from_mask(mask, fractional_accuracy, sub_steps, **options)
        result, info = grid.iterated_result_from(function, return_info=True)
        averages: Any = grid.to_voxels(result, fill)
    elif isinstance(cells, Pixels):
        plane = Mask2D.from_pixels(cells, condition)
        grid = Grid2DIterate.from_mask(plane, fractional_accuracy, sub_steps, **options)
        result, info = grid.iterated_result_from(function, return_info=True)
        averages = Array2D(result, plane.mask_sub_1).to_pixels(fill, cells)
    else:
        raise TypeError(f"cells must be Pixels or Voxels, found {type(cells).__name__}")
    return (averages, info) if return_info else averages
