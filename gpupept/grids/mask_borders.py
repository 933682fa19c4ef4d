"""Edges and borders of masks, what lies near them, and masks of other sizes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gpupept.backend import array_namespace
from gpupept.grids.errors import MaskException
from gpupept.grids.layout import sub_points
from gpupept.kernels import Array


def dilated(chosen: Array, reach: Sequence[int]) -> Array:
    """Pixels with a chosen one at most `reach` rows and columns away, themselves included."""
    xp = array_namespace(chosen)
    counts = chosen.astype(xp.int64)
    for axis, steps in enumerate(reach):
        size = counts.shape[axis]
        below = [(0, 0), (0, 0)]
        below[axis] = (1, 0)
        sums = xp.pad(xp.cumsum(counts, axis=axis), below)
        index = xp.arange(size)
        last = xp.minimum(index + steps + 1, size)
        first = xp.maximum(index - steps, 0)
        window = xp.take(sums, last, axis=axis) - xp.take(sums, first, axis=axis)
        counts = (window > 0).astype(xp.int64)
    return counts > 0


def edge_pixels(unmasked: Array) -> Array:
    """Unmasked pixels with a masked one among their 8 neighbours; outside everything is masked."""
    xp = array_namespace(unmasked)
    masked = ~xp.pad(unmasked, 1)
    return unmasked & dilated(masked, (1, 1))[1:-1, 1:-1]


def border_pixels(unmasked: Array) -> Array:
    """Edge pixels from which a straight way up, down, left or right meets masked pixels only."""
    xp = array_namespace(unmasked)
    free = xp.zeros(unmasked.shape, dtype=bool)
    counts = unmasked.astype(xp.int64)
    for axis in range(2):
        before = xp.cumsum(counts, axis=axis) - counts
        after = counts.sum(axis=axis, keepdims=True) - before - counts
        free |= (before == 0) | (after == 0)
    return edge_pixels(unmasked) & free


def slim_positions(chosen: Array, unmasked: Array) -> Array:
    """Slim indices of chosen pixels, all of which are unmasked."""
    return array_namespace(unmasked).flatnonzero(chosen[unmasked])


def sub_border_positions(unmasked: Array, sub_size: int) -> Array:
    """Slim sub-index, for each border pixel, of its sub-pixel furthest from the centre of the mask.

    Distances are counted in pixels. Of several as far the last is taken.
    """
    xp = array_namespace(unmasked)
    border = border_pixels(unmasked)
    places = xp.stack(xp.nonzero(border), axis=1).astype(xp.float64)
    slim = slim_positions(border, unmasked)
    if not len(places):
        return slim
    every = xp.stack(xp.nonzero(unmasked), axis=1)
    middle = (every.max(axis=0) + every.min(axis=0)) / 2
    subs = sub_points(places - middle, (1.0, 1.0), sub_size).reshape(len(places), sub_size**2, 2)
    distances = (subs**2).sum(axis=2)
    furthest = sub_size**2 - 1 - xp.argmax(distances[:, ::-1], axis=1)
    return slim * sub_size**2 + furthest


def blurring_pixels(unmasked: Array, kernel: Sequence[int]) -> Array:
    """Masked pixels from which a kernel reaches unmasked ones.

    Raises
    ------
    MaskException
        If the kernel reaches out of the array from an unmasked pixel.
    """
    reach = [size // 2 for size in kernel]
    if footprint_leaves(unmasked, reach):
        raise MaskException(
            f"a kernel of shape {tuple(kernel)} reaches out of a mask of shape "
            f"{tuple(unmasked.shape)}; pad the mask with masked pixels first, for example with "
            "resized_mask_from, or use allow_padding=True"
        )
    return dilated(unmasked, reach) & ~unmasked


def footprint_leaves(unmasked: Array, reach: Sequence[int]) -> bool:
    """Tell whether an unmasked pixel lies closer to the border of the array than `reach`."""
    rows, columns = reach
    inner = unmasked[rows : unmasked.shape[0] - rows, columns : unmasked.shape[1] - columns]
    return int(inner.sum()) != int(unmasked.sum())


def resized(array: Array, new_shape: Sequence[int], pad_value: Any) -> Array:
    """Cut or pad the first two axes, keeping the middle pixel ``n // 2`` in the middle."""
    xp = array_namespace(array)
    result = xp.full((*new_shape, *array.shape[2:]), pad_value, dtype=array.dtype)
    source, target = [], []
    for old, new in zip(array.shape[:2], new_shape, strict=True):
        shift = old // 2 - new // 2  # from the new index to the old one
        first, last = max(0, -shift), min(new, old - shift)
        target.append(slice(first, last))
        source.append(slice(first + shift, last + shift))
    result[tuple(target)] = array[tuple(source)]
    return result


def zoomed_region(unmasked: Array) -> tuple[int, int, int, int]:
    """Rows and columns (first, last + 1) around what is unmasked, made square as far as halves go.

    Raises
    ------
    MaskException
        If everything is masked.
    """
    xp = array_namespace(unmasked)
    rows, columns = xp.flatnonzero(unmasked.any(axis=1)), xp.flatnonzero(unmasked.any(axis=0))
    if not len(rows):
        raise MaskException("every pixel is masked, so there is no region to zoom to")
    top, bottom = int(rows[0]), int(rows[-1])
    left, right = int(columns[0]), int(columns[-1])
    missing = (bottom - top) - (right - left)
    wider = abs(missing) // 2
    if missing > 0:
        left, right = left - wider, right + wider
    else:
        top, bottom = top - wider, bottom + wider
    return top, bottom + 1, left, right + 1
