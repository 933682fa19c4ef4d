"""Choose what to draw of more than a browser can show: some of the elements, or means of blocks.

And the words that say so.
"""

from __future__ import annotations

import numpy as np

from gpupept.backend import array_namespace
from gpupept.kernels import Array

_FRACTION_BITS = 32
_GOLDEN = 2_654_435_769  # of 2**32: its multiples fall evenly into any interval
_CHUNK = 1 << 24  # elements of a mask searched at a time


def thinning_stride(count: int, limit: int | None, name: str = "max_points") -> int:
    """Return the k for which drawing one of every k elements stays within the limit.

    Parameters
    ----------
    count : int
        Number of elements.
    limit : int or None
        Largest number of elements to draw; None draws all.
    name : str
        What the limit is called in error messages.

    Raises
    ------
    ValueError
        If the limit is smaller than 1.

    Examples
    --------
    >>> from gpupept.base.thinning import thinning_stride
    >>> thinning_stride(1_000, 300), thinning_stride(1_000, None)
    (4, 1)
    """
    if limit is None:
        return 1
    if limit < 1:
        raise ValueError(f"{name}: expected a positive number or None, found {limit!r}")
    return max(1, -(-count // int(limit)))


def thinning_note(drawn: int, count: int, limit: int | None, name: str = "max_points") -> str:
    """Say that not everything is drawn.

    Parameters
    ----------
    drawn, count : int
        Number of elements drawn, and of all.
    limit : int or None
        Largest number of elements to draw.
    name : str
        What the limit is called: ``max_`` and the elements.

    Examples
    --------
    >>> from gpupept.base.thinning import thinning_note
    >>> thinning_note(4980, 781752, 5000, "max_voxels")
    '4 980 of 781 752 voxels drawn (max_voxels=5000)'
    """
    what = name.removeprefix("max_")
    return f"{_spaced(drawn)} of {_spaced(count)} {what} drawn ({name}={limit})"


def blocks_note(factors: tuple[int, ...], shape: tuple[int, ...], limit: int | None) -> str:
    """Say that the means of blocks of so many pixels are drawn.

    Examples
    --------
    >>> from gpupept.base.thinning import blocks_note
    >>> blocks_note((2, 3), (4000, 6000), 4_000_000)
    'means of 2 x 3 pixels drawn, of 4 000 x 6 000 in all (max_pixels=4000000)'
    """
    size = " x ".join(str(factor) for factor in factors)
    whole = " x ".join(_spaced(count) for count in shape)
    return f"means of {size} pixels drawn, of {whole} in all (max_pixels={limit})"


def spread_ranks(count: int, stride: int) -> np.ndarray:
    """Choose one of every `stride` elements, at a place that differs from group to group.

    Taking the first of each group would follow the rows of a grid, or the tracers that alternate in a
    list, and show only one plane or one tracer.

    Parameters
    ----------
    count : int
        Number of elements.
    stride : int
        Size of a group.

    Returns
    -------
    (M,) int64 array
        Ascending numbers of elements, the same for the same arguments.

    Examples
    --------
    >>> from gpupept.base.thinning import spread_ranks
    >>> spread_ranks(12, 3)
    array([ 0,  4,  6, 11])
    """
    groups = np.arange(-(-count // stride))
    offsets = (groups * _GOLDEN % (1 << _FRACTION_BITS)) * stride >> _FRACTION_BITS
    ranks: np.ndarray = groups * stride + offsets
    return ranks[ranks < count]


def find_ranks(mask: Array, ranks: np.ndarray) -> Array:
    """Find the elements of a mask that are true and have the given ranks among those.

    Parameters
    ----------
    mask : bool array
        On either device.
    ranks : (M,) int64 array
        Ascending, on the host, smaller than the number of elements that are true.

    Returns
    -------
    (M,) int64 array
        Flat positions, row by row, on the device of the mask.

    Examples
    --------
    >>> import numpy as np
    >>> from gpupept.base.thinning import find_ranks
    >>> find_ranks(np.array([[True, False], [True, True]]), np.array([0, 2]))
    array([0, 3])
    """
    xp, flat = array_namespace(mask), mask.ravel()
    parts, passed = [xp.empty(0, dtype=np.int64)], 0
    for start in range(0, flat.size, _CHUNK):
        found = xp.flatnonzero(flat[start : start + _CHUNK])
        low, high = np.searchsorted(ranks, [passed, passed + len(found)])
        parts.append(found[xp.asarray(ranks[low:high] - passed)] + start)
        passed += len(found)
    return xp.concatenate(parts)


def block_factors(
    shape: tuple[int, ...], limit: int | None, name: str = "max_pixels"
) -> tuple[int, ...]:
    """Return how many cells to join along each axis for the blocks to stay within the limit.

    Parameters
    ----------
    shape : tuple of int
        Number of cells along each axis.
    limit : int or None
        Largest number of blocks; None leaves every cell by itself.
    name : str
        What the limit is called in error messages.

    Raises
    ------
    ValueError
        If the limit is smaller than 1.

    Examples
    --------
    >>> from gpupept.base.thinning import block_factors
    >>> block_factors((3_000, 500), 1_000_000), block_factors((1_000, 1_000), 1_000_000)
    ((3, 1), (1, 1))
    """
    if thinning_stride(int(np.prod(shape)), limit, name) == 1 or limit is None:
        return (1,) * len(shape)
    side = max(1, int(limit ** (1 / len(shape)) + 1e-9))
    return tuple(max(1, -(-count // side)) for count in shape)


def block_edges(edges: np.ndarray, factor: int) -> np.ndarray:
    """Edges of blocks of so many cells; the last block takes what is left.

    Examples
    --------
    >>> import numpy as np
    >>> from gpupept.base.thinning import block_edges
    >>> block_edges(np.arange(8.0), 3)
    array([0., 3., 6., 7.])
    """
    return np.append(edges[:-1:factor], edges[-1])


def block_means(cells: Array, factors: tuple[int, ...]) -> Array:
    """Mean of every block of cells, in float64; blocks at the ends may be smaller.

    Parameters
    ----------
    cells : array
        On either device.
    factors : tuple of int
        Cells of a block along each axis.

    Returns
    -------
    array
        The means; the cells themselves where there is nothing to join.

    Examples
    --------
    >>> import numpy as np
    >>> from gpupept.base.thinning import block_means
    >>> block_means(np.arange(7), (3,))
    array([1., 4., 6.])
    """
    xp = array_namespace(cells)
    for axis, factor in enumerate(factors):
        if factor > 1:
            ahead = xp.moveaxis(cells, axis, 0)
            whole = len(ahead) // factor * factor
            blocks = ahead[:whole].reshape(-1, factor, *ahead.shape[1:]).mean(axis=1, dtype=float)
            if whole < len(ahead):
                rest = ahead[whole:].mean(axis=0, dtype=float, keepdims=True)
                blocks = xp.concatenate([blocks, rest])
            cells = xp.moveaxis(blocks, 0, axis)
    return cells


def _spaced(count: int) -> str:
    return f"{count:,}".replace(",", " ")
