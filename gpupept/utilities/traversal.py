"""Adding lines to plain arrays of pixels and voxels."""

from __future__ import annotations

import logging
from typing import Any

import numpy as np

from gpupept.backend import array_namespace, common_device, is_device_array, to_host
from gpupept.kernels import Array
from gpupept.kernels.traverse import traverse

logger = logging.getLogger("gpupept.utilities")

_DTYPES = ("uint32", "float32", "float64")
_UNEVEN = 1e-3  # of a cell: edges may be so far from where equal spacing puts them


def traverse2d(pixels: Any, lines: Any, grid_x: Any, grid_y: Any) -> None:
    """Add one to each pixel that a line goes through, for each line, in place.

    A line is the segment between its two points. Which pixels it goes through is decided exactly, see
    `gpupept.kernels.traverse`. `gpupept.Pixels.add_lines` does the same for pixels with limits.

    Parameters
    ----------
    pixels : (nx, ny) uint32, float32 or float64 array
        NumPy or CuPy array that is added to.
    lines : (N, 5 or more) array_like
        Columns ``t, x1, y1, x2, y2`` (ms, mm), others are ignored; where the pixels are. Lines that are
        not finite are left out, and a warning says how many.
    grid_x : (nx + 1,) array_like
        Edges of the pixels along x, mm, ascending and equally spaced.
    grid_y : (ny + 1,) array_like
        Edges of the pixels along y.

    Raises
    ------
    TypeError
        If `pixels` is not an array.
    ValueError
        If an argument does not have the right shape, dtype or spacing, or `pixels` is read-only.
    MixedDevicesError
        If pixels and lines are on different devices.

    References
    ----------
    J. Amanatides, A. Woo, *A fast voxel traversal algorithm for ray tracing*, Eurographics (1987).

    Examples
    --------
    >>> import numpy as np
    >>> from gpupept.utilities import traverse2d
    >>> pixels = np.zeros((3, 2))
    >>> traverse2d(pixels, [[0, 0.5, 0.5, 1.5, 1.5]], grid_x=[0, 1, 2, 3], grid_y=[0, 1, 2])
    >>> pixels
    array([[1., 1.],
           [0., 1.],
           [0., 0.]])
    """
    _traverse(pixels, lines, "pixels", {"grid_x": grid_x, "grid_y": grid_y})


def traverse3d(voxels: Any, lines: Any, grid_x: Any, grid_y: Any, grid_z: Any) -> None:
    """Add one to each voxel that a line goes through, for each line, in place.

    A line is the segment between its two points. Which voxels it goes through is decided exactly, see
    `gpupept.kernels.traverse`. `gpupept.Voxels.add_lines` does the same for voxels with limits.

    Parameters
    ----------
    voxels : (nx, ny, nz) uint32, float32 or float64 array
        NumPy or CuPy array that is added to.
    lines : (N, 7 or more) array_like
        Columns ``t, x1, y1, z1, x2, y2, z2`` (ms, mm), others are ignored; where the voxels are. Lines
        that are not finite are left out, and a warning says how many.
    grid_x : (nx + 1,) array_like
        Edges of the voxels along x, mm, ascending and equally spaced.
    grid_y : (ny + 1,) array_like
        Edges of the voxels along y.
    grid_z : (nz + 1,) array_like
        Edges of the voxels along z.

    Raises
    ------
    TypeError
        If `voxels` is not an array.
    ValueError
        If an argument does not have the right shape, dtype or spacing, or `voxels` is read-only.
    MixedDevicesError
        If voxels and lines are on different devices.

    References
    ----------
    J. Amanatides, A. Woo, *A fast voxel traversal algorithm for ray tracing*, Eurographics (1987).

    Examples
    --------
    >>> import numpy as np
    >>> from gpupept.utilities import traverse3d
    >>> voxels = np.zeros((2, 2, 2))
    >>> traverse3d(voxels, [[0, 0, 0, 0.5, 2, 0, 0.5]], [0, 1, 2], [0, 1, 2], [0, 1, 2])
    >>> voxels[:, 0, 0].tolist()
    [1.0, 1.0]
    """
    _traverse(voxels, lines, "voxels", {"grid_x": grid_x, "grid_y": grid_y, "grid_z": grid_z})


def _traverse(cells: Any, lines: Any, name: str, grids: dict[str, Any]) -> None:
    cells = getattr(cells, "array", cells)
    _check_cells(cells, name, len(grids))
    edges = [
        _check_edges(grid, count, axis)
        for (axis, grid), count in zip(grids.items(), cells.shape, strict=True)
    ]
    xp = array_namespace(cells)
    table = _check_lines(lines, 1 + 2 * len(grids))
    common_device(cells, table)
    target = xp.ascontiguousarray(cells)
    skipped = traverse(target, table, edges)
    if target is not cells:
        cells[...] = target
    if skipped:
        logger.warning(
            "%d of %d lines were left out, since they are not finite", skipped, len(table)
        )


def _check_cells(cells: Any, name: str, dimensions: int) -> None:
    if not (isinstance(cells, np.ndarray) or is_device_array(cells)):
        raise TypeError(
            f"{name} must be a NumPy or CuPy array, which is added to, found {type(cells).__name__}"
        )
    if cells.ndim != dimensions or 0 in cells.shape:
        raise ValueError(
            f"{name} must have {dimensions} axes with at least one cell along each, found shape "
            f"{cells.shape}"
        )
    if cells.dtype.name not in _DTYPES or not cells.dtype.isnative:
        raise ValueError(f"{name} must be of dtype {', '.join(_DTYPES)}, found {cells.dtype}")
    if isinstance(cells, np.ndarray) and not cells.flags.writeable:
        raise ValueError(f"{name} must be writeable, since it is added to; use {name}.copy()")


def _check_edges(grid: Any, count: int, name: str) -> np.ndarray:
    try:
        edges = np.ascontiguousarray(to_host(grid), dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{name} must be the edges of the cells, found {grid!r}") from error
    if edges.shape != (count + 1,):
        raise ValueError(
            f"{name} must have one edge more than the {count} cells along its axis, found shape "
            f"{edges.shape}"
        )
    with np.errstate(over="ignore", invalid="ignore"):
        size = (edges[-1] - edges[0]) / count
        away = np.abs(edges - (edges[0] + size * np.arange(count + 1))) / size
        usable = 0.0 < size < np.inf and np.isfinite(edges).all() and (np.diff(edges) > 0).all()
    if not usable or away.max() > _UNEVEN:
        raise ValueError(f"{name} must be finite, ascending and equally spaced, found {edges}")
    return edges


def _check_lines(lines: Any, columns: int) -> Array:
    table = lines.data if hasattr(lines, "samples_indices") else lines
    xp = array_namespace(table)
    try:
        table = xp.asarray(table)
    except (TypeError, ValueError) as error:
        raise ValueError(f"lines cannot be made an array of numbers: {error}") from error
    if table.dtype.kind not in "buif" or table.ndim != 2 or table.shape[1] < columns:
        raise ValueError(
            f"lines must be a table of numbers with at least {columns} columns, found dtype "
            f"{table.dtype} and shape {table.shape}"
        )
    return xp.ascontiguousarray(table, dtype=np.float64)
