"""Where sub-pixels are, and the two ways in which their values are stored.

The slim layout holds what is not masked, pixel by pixel, and the sub-pixels of each one after another.
The native layout is the whole rectangle (or box) of sub-pixels. Written for any number of axes.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from gpupept.backend import array_namespace, device_of, to_device
from gpupept.kernels import Array


def sub_offsets(sub_size: int) -> np.ndarray:
    """Centres of the sub-pixels along one axis from the centre of their pixel, in pixels."""
    offsets: np.ndarray = (np.arange(sub_size) + 0.5) / sub_size - 0.5
    return offsets


def sub_points(centres: Array, steps: Sequence[float], sub_size: int) -> Array:
    """Centres of the sub-pixels of pixels.

    Parameters
    ----------
    centres : (n, D) float64
        Centres of the pixels.
    steps : D floats
        From one pixel to the next along each axis; negative where coordinates fall with the index.
    sub_size : int
        Sub-pixels along each side.

    Returns
    -------
    (n * sub_size ** D, D) float64
        Pixel by pixel, and in each with the last axis fastest.
    """
    xp = array_namespace(centres)
    count, axes = centres.shape
    points = xp.empty((count, *(sub_size,) * axes, axes))
    offsets, device = sub_offsets(sub_size), device_of(centres)
    for axis, step in enumerate(steps):
        along = [1] * (axes + 1)
        along[axis + 1] = sub_size
        shift = to_device(step * offsets, device).reshape(along)
        points[..., axis] = centres[:, axis].reshape(count, *(1,) * axes) + shift
    return points.reshape(-1, axes)


def bin_means(values: Array, pixels: int) -> Array:
    """Mean over the sub-pixels of each pixel, in float64; one row or value for each pixel."""
    xp = array_namespace(values)
    blocks = values.reshape(pixels, len(values) // max(1, pixels), *values.shape[1:])
    length = max(1, blocks.shape[1])
    if blocks.ndim == 2:
        return blocks.sum(axis=1, dtype=np.float64) / length
    # By component, since a sum of adjacent numbers is added up in the same order for any `pixels`.
    sums = [blocks[:, :, c].sum(axis=1, dtype=np.float64) for c in range(blocks.shape[2])]
    return xp.stack(sums, axis=1) / length


def slim_to_native(values: Array, unmasked: Array, sub_size: int) -> Array:
    """Spread values over the rectangle of sub-pixels; masked ones get zero."""
    xp = array_namespace(values, unmasked)
    tail, subs = values.shape[1:], (sub_size,) * unmasked.ndim
    blocks = xp.zeros((*unmasked.shape, *subs, *tail), dtype=values.dtype)
    blocks[unmasked] = values.reshape(-1, *subs, *tail)
    axes = unmasked.ndim
    order = [k for axis in range(axes) for k in (axis, axes + axis)]
    order += range(2 * axes, blocks.ndim)
    return blocks.transpose(order).reshape(*(n * sub_size for n in unmasked.shape), *tail)


def native_to_slim(values: Array, unmasked: Array, sub_size: int) -> Array:
    """Collect the values of what is not masked; the opposite of `slim_to_native`."""
    axes = unmasked.ndim
    tail = values.shape[axes:]
    pairs = [size for n in unmasked.shape for size in (n, sub_size)]
    order = [*range(0, 2 * axes, 2), *range(1, 2 * axes, 2)]
    order += range(2 * axes, 2 * axes + len(tail))
    blocks = values.reshape(*pairs, *tail).transpose(order)
    return blocks[unmasked].reshape(-1, *tail)


def sub_indices(unmasked: Array, sub_size: int) -> Array:
    """Native indices of the sub-pixels in slim order, one row for each."""
    xp = array_namespace(unmasked)
    axes = unmasked.ndim
    pixels = xp.argwhere(unmasked)
    within = xp.argwhere(xp.ones((sub_size,) * axes, dtype=bool))
    return (pixels[:, None, :] * sub_size + within[None]).reshape(-1, axes)
