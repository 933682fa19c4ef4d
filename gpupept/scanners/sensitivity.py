"""Sensitivity maps: the efficiency of a scanner averaged over cells, and images corrected for it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from gpupept.backend import array_namespace, device_of, to_device
from gpupept.base import Pixels, Voxels
from gpupept.grids import IterationInfo, OverSamplingIterate, cell_averages
from gpupept.kernels import Array
from gpupept.scanners.efficiency import (
    FieldOfView,
    GeometricEfficiency,
    check_height,
    grid_edges,
)


class SensitivityInfo(NamedTuple):
    """How a sensitivity map was found.

    Attributes
    ----------
    n_evaluations : int
        Points at which the efficiency was evaluated.
    border_cells : int
        Cells cut by the border of the field of view, averaged on the finest sub-grid.
    unconverged_cells : int
        Other cells that were averaged on the finest sub-grid, since coarser ones did not agree there or
        next to them.
    max_error_estimate : float
        Largest difference between the last two sub-grids among those where coarser ones did not agree.
    sub_size : Voxels or Pixels
        Sub-cells along each side of each cell; 0 beyond the field of view.
    """

    n_evaluations: int
    border_cells: int
    unconverged_cells: int
    max_error_estimate: float
    sub_size: Any


def sensitivity_map(
    scanner_efficiency: Callable[..., Any],
    cells: Any,
    fractional_accuracy: float | None = 0.9999,
    sub_steps: Any = None,
    *,
    z: float | None = None,
    return_info: bool = False,
    **options: Any,
) -> Any:
    """Average the efficiency of a scanner over each voxel or pixel.

    Inside the field of view each cell is averaged on finer and finer sub-grids until two agree. Cells that
    its border cuts are averaged on the finest one, since values at a few places do not tell where the
    border runs; where the slope of the efficiency is known to jump the first sub-step is left out, since
    it may agree without seeing that. Cells beside finer ones are then refined at least once more. Cells
    beyond the field of view are zero and cost nothing.

    Parameters
    ----------
    scanner_efficiency : GeometricEfficiency or callable
        The scanner. Of any other callable, given (n, 3) points x, y, z in mm on the device of the cells and
        returning (n,) values, the field of view is not known, so that all cells count as inside it.
    cells : Voxels or Pixels
        The cells; their values do not matter.
    fractional_accuracy : float or None, default 0.9999
        Two means agree if the ratio of the smaller to the larger is at least this.
    sub_steps : sequence of int, optional
        Sub-cells along each side, level by level; 2, 4, 8, 16 by default.
    z : float, optional
        Height of pixels, mm; for pixels only.
    return_info : bool, default False
        Also return a `SensitivityInfo`.
    **options
        Further options of `gpupept.grids.OverSamplingIterate`.

    Returns
    -------
    Voxels or Pixels
        float64 means, with the limits and on the device of the cells; with `return_info` a pair.

    Raises
    ------
    TypeError
        If the cells are neither voxels nor pixels, or the efficiency cannot be called.
    ValueError
        If an option is out of range, or `z` is missing for pixels or given for voxels.

    See Also
    --------
    normalise : divide an image by its sensitivity.
    gpupept.grids.cell_averages : average any function.

    Notes
    -----
    The aim is what the finest sub-grid would give everywhere. That two levels agree is a test and not a
    proof: where the efficiency bends within cells, two levels agree by chance in a few. Cells around them
    hardly ever agree too, so that refining beside finer cells finds most of them. Not all: if a crease
    runs along the cells of a plane, they are all alike and may be off by a few times
    ``1 - fractional_accuracy``. Smaller cells, or larger first sub-steps, prevent that.

    Examples
    --------
    >>> import gpupept
    >>> from gpupept.scanners import ADACGeometricEfficiency, sensitivity_map
    >>> voxels = gpupept.Voxels.zeros((10, 10, 10), [100, 500], [50, 550], [0, 500])
    >>> sensitivity = sensitivity_map(ADACGeometricEfficiency(500), voxels, 0.999)
    >>> sensitivity.shape, round(float(sensitivity[5, 5, 5]), 3)
    ((10, 10, 10), 0.241)
    """
    if not callable(scanner_efficiency):
        raise TypeError(
            "scanner_efficiency must be callable, such as ADACGeometricEfficiency(500), found "
            f"{type(scanner_efficiency).__name__}"
        )
    height = _check_cells(cells, z)
    options = {"zero_exit": False} | options
    steps = OverSamplingIterate(fractional_accuracy, sub_steps=sub_steps, **options).sub_steps
    view = _field_of_view(scanner_efficiency, cells, height)
    regions = [  # and the sub-steps in each
        (view.whole & view.smooth, steps),
        (view.whole & ~view.smooth, steps[1:] or steps),
        (view.some & ~view.whole, steps[-1:]),
    ]
    function = scanner_efficiency if height is None else _AtHeight(scanner_efficiency, height)
    found, sizes = (cells.copy(array_namespace(cells.array).zeros(cells.shape)) for _ in range(2))
    average = partial(
        cell_averages, function, cells, fractional_accuracy, return_info=True, **options
    )
    infos = [_average_region(average, *part, found.array, sizes.array) for part in regions]
    for region, levels in _beside_finer_cells(sizes.array, view.whole, steps):
        info = _average_region(average, region, levels, found.array, sizes.array)
        # Of a single level nothing can be said that agreeing levels did not say before.
        infos.append(info if len(levels) > 1 else info._replace(max_error_estimate=0.0))
    if not return_info:
        return found
    border = int(regions[-1][0].sum())
    return found, SensitivityInfo(
        sum(info.n_evaluations for info in infos),
        border,
        int((sizes.array == steps[-1]).sum()) - border,
        max(info.max_error_estimate for info in infos[:2] + infos[3:]),
        sizes,
    )


def _average_region(
    average: Callable[..., Any], region: Array, levels: list[int], found: Array, sizes: Array
) -> IterationInfo:
    """Fill means and sub-sizes of the cells of a region."""
    averages, info = average(sub_steps=levels, condition=partial(_region, region))
    found[...] = array_namespace(found).where(region, averages.array, found)
    _fill(sizes, region, info.sub_size)
    told: IterationInfo = info
    return told


def _beside_finer_cells(
    sizes: Array, inside: Array, steps: list[int]
) -> list[tuple[Array, list[int]]]:
    """Regions of cells whose levels agreed though cells next to them are finer, and the levels left.

    Where the efficiency bends, levels agree by chance in some cells, but hardly in all around them.
    """
    largest = inside * sizes  # the border is fine whatever is beside it
    xp = array_namespace(largest)
    for axis in range(largest.ndim):
        lines = xp.moveaxis(largest, axis, 0)
        wider = lines.copy()
        wider[1:] = xp.maximum(wider[1:], lines[:-1])
        wider[:-1] = xp.maximum(wider[:-1], lines[1:])
        largest = xp.moveaxis(wider, 0, axis)
    beside = inside & (sizes < largest)
    return [(beside & (sizes == size), steps[k + 1 :]) for k, size in enumerate(steps[:-1])]


def geometric_efficiency(
    voxels_like: Voxels, scanner: Callable[..., Any], fractional_accuracy: float | None = 0.9999
) -> Voxels:
    """Average the efficiency of a scanner over voxels, with the options that suit most scanners.

    The same as `sensitivity_map`, except that voxels in which a scanner of unknown field of view has
    efficiency zero on two levels are not refined any further.

    Parameters
    ----------
    voxels_like : Voxels
        The voxels; their values do not matter.
    scanner : GeometricEfficiency or callable
        The scanner, as of `sensitivity_map`.
    fractional_accuracy : float or None, default 0.9999
        As of `sensitivity_map`.

    Returns
    -------
    Voxels
        float64 means, with the limits and on the device of the voxels.

    Raises
    ------
    TypeError
        If there are no voxels, or the scanner cannot be called.
    ValueError
        If the accuracy is out of range.

    Examples
    --------
    >>> import gpupept
    >>> from gpupept.scanners import RingGeometricEfficiency, geometric_efficiency
    >>> voxels = gpupept.Voxels.zeros((9, 9, 5), [-90, 90], [-90, 90], [-50, 50])
    >>> ring = RingGeometricEfficiency(400, axial_length=600)
    >>> round(float(geometric_efficiency(voxels, ring)[4, 4, 2]), 2)
    0.59
    """
    if not isinstance(voxels_like, Voxels):
        raise TypeError(f"voxels_like must be Voxels, found {type(voxels_like).__name__}")
    found: Voxels = sensitivity_map(scanner, voxels_like, fractional_accuracy, zero_rule="accept")
    return found


def _region(region: Array, _: Array) -> Array:
    """Condition of `cell_averages` for cells that are known."""
    return region


def _fill(sizes: Array, region: Array, found: Array) -> None:
    """Put what `cell_averages` tells about the cells of a region in their places."""
    if sizes.ndim == 2:  # whose rows come from the top
        sizes, region = sizes.T[::-1], region.T[::-1]
    sizes[array_namespace(region).nonzero(region)] = found


def normalise(image: Any, sensitivity: Any, threshold: float = 0.0, fill: float = 0.0) -> Any:
    """Divide an image by the sensitivity in each cell.

    Cells whose sensitivity is not above `threshold` times the largest one get `fill`: nothing can be said
    about what a scanner hardly sees, and dividing by next to nothing would only raise its noise. NaN
    in the image stays NaN, and so does NaN in the sensitivity.

    Parameters
    ----------
    image : Voxels, Pixels or array
        Counts, occupancy or another image that is proportional to the sensitivity.
    sensitivity : Voxels, Pixels or array
        Sensitivity of the same cells, not negative; see `sensitivity_map`.
    threshold : float, default 0
        From 0 to less than 1, share of the largest sensitivity; with 0 only cells that are not seen at all
        get `fill`.
    fill : float, default 0
        Value of those cells, for example NaN.

    Returns
    -------
    Voxels, Pixels or float64 array
        Of the kind and on the device of the image.

    Raises
    ------
    ValueError
        If shapes or limits differ, a sensitivity is negative or infinite, or the threshold is out of range.
    MixedDevicesError
        If image and sensitivity are on different devices.

    Examples
    --------
    >>> import numpy as np
    >>> from gpupept.scanners import normalise
    >>> normalise(np.array([6.0, 1.0, 2.0]), np.array([0.3, 0.0, 0.1]), fill=np.nan)
    array([20., nan, 20.])
    """
    if not 0.0 <= threshold < 1.0:
        raise ValueError(f"threshold must be from 0 to less than 1, found {threshold!r}")
    counts, seen = _cell_values(image), _cell_values(sensitivity)
    _check_same_cells(image, sensitivity, counts, seen)
    xp = array_namespace(counts, seen)
    if bool((seen < 0.0).any()) or bool(xp.isinf(seen).any()):
        raise ValueError("sensitivity must be finite and not negative; see sensitivity_map")
    largest = xp.where(xp.isnan(seen), 0.0, seen).max() if seen.size else 0.0
    enough = (seen > threshold * largest) & (seen > 0.0)
    with np.errstate(over="ignore"):  # of the smallest of numbers
        ratio = counts / xp.where(enough, seen, 1.0)
    result = xp.where(enough, ratio, fill)
    result = xp.where(xp.isnan(seen) | xp.isnan(counts), xp.nan, result)
    return image.copy(result) if isinstance(image, Voxels | Pixels) else result


class _AtHeight:
    """Efficiency of points (y, x) of a plane across z."""

    def __init__(self, scanner_efficiency: Callable[..., Any], height: float) -> None:
        self.scanner_efficiency, self.height = scanner_efficiency, height

    def __call__(self, points: Array) -> Any:
        places = array_namespace(points).empty((len(points), 3))
        places[:, 0], places[:, 1], places[:, 2] = points[:, 1], points[:, 0], self.height
        return self.scanner_efficiency(places)


def _check_cells(cells: Any, z: float | None) -> float | None:
    """Height of pixels, None for voxels."""
    if not isinstance(cells, Voxels | Pixels):
        raise TypeError(f"cells must be Voxels or Pixels, found {type(cells).__name__}")
    if isinstance(cells, Voxels):
        if z is not None:
            raise ValueError("z must not be given for voxels, which have heights of their own")
        return None
    if z is None:
        raise ValueError("z must be given for pixels: the height (mm) of the plane they are in")
    return check_height(z)


def _field_of_view(scanner: Any, cells: Any, height: float | None) -> FieldOfView:
    """Tell where cells are in the field of view, on their device."""
    xp, device = array_namespace(cells.array), device_of(cells.array)
    everywhere = xp.ones(cells.shape, dtype=bool)
    if not isinstance(scanner, GeometricEfficiency):
        return FieldOfView(everywhere, everywhere, everywhere)
    edges = grid_edges(cells)
    corners = []
    for places in ([part[:-1] for part in edges], [part[1:] for part in edges]):
        heights = [] if height is None else [np.array([height])]
        spread = np.ix_(*places, *heights)
        corners.append([to_device(np.ascontiguousarray(axis), device) for axis in spread])
    view = scanner.field_of_view(*corners)
    shape = cells.shape if height is None else (*cells.shape, 1)
    return FieldOfView(*(xp.broadcast_to(each, shape).reshape(cells.shape) for each in view))


def _cell_values(value: Any) -> Array:
    array = value.array if isinstance(value, Voxels | Pixels) else value
    xp = array_namespace(array)
    array = xp.asarray(array)
    if array.dtype.kind not in "buif":
        raise TypeError(f"image and sensitivity must hold real numbers, found {array.dtype}")
    return array.astype(np.float64, copy=False)


def _check_same_cells(image: Any, sensitivity: Any, counts: Array, seen: Array) -> None:
    if counts.shape != seen.shape:
        raise ValueError(
            f"image and sensitivity must have the same cells, found shapes {counts.shape} and "
            f"{seen.shape}"
        )
    grids = [value for value in (image, sensitivity) if isinstance(value, Voxels | Pixels)]
    if len(grids) == 2:
        first, second = (np.stack([grid.lower, grid.upper]) for grid in grids)
        if not np.allclose(first, second, rtol=1e-9, atol=1e-9 * float(np.ptp(first))):
            raise ValueError(
                "image and sensitivity must have the same limits, found "
                f"{first.tolist()} and {second.tolist()} mm"
            )
