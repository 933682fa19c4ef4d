"""Cells and reductions, element by element in plain Python."""

from __future__ import annotations

import itertools
import math

import numpy as np


def axis_cells(option, size, cell, step, border):
    """Intervals of an axis, without and with border, before clipping to it."""
    if option == "spacing":
        count = size // cell + 1
        span = size - 2 * (cell // 2)
        apart = span / (count - 1) if count > 1 else 0.0
        centres = [cell // 2 + k * apart for k in range(count)]
        centres[-1] = size - cell // 2 if count > 1 else cell // 2
        length = cell
    elif option == "size":
        centres = list(range(step // 2, size + step // 2, step))
        length = step + 1
    else:
        centres = list(range(cell // 2, size + cell // 2, step))
        length = cell
    first = [math.floor(c) - length // 2 for c in centres]
    return [((a, a + length), (a - border, a + length + border)) for a in first]


def cells(option, sizes, cell, step, border):
    """Boxes (low, high) of all cells, without and with border, clipped to the image."""
    boxes = []
    axes = [axis_cells(option, *each) for each in zip(sizes, cell, step, border, strict=True)]
    for intervals in itertools.product(*axes):
        pair = []
        for k in (0, 1):
            low = [max(0, min(i[k][0], n)) for i, n in zip(intervals, sizes, strict=True)]
            high = [max(0, min(i[k][1], n)) for i, n in zip(intervals, sizes, strict=True)]
            pair.append((low, high))
        if all(math.prod(b - a for a, b in zip(*box, strict=True)) > 1 for box in pair):
            boxes.append(pair)
    return boxes


def raised_cosine(place, size):
    return math.sin(math.pi * (place + 0.5) / size) ** 2


def reduced(shape, patches, operation, independent=False, start_mask=None, bad=0):
    """Image, variance and mask from patches (low, image, variance, mask), in order."""
    empty = math.nan if operation in ("copy", "max", "min") else 0.0
    image, variance = np.full(shape, empty), np.full(shape, empty)
    weight = np.zeros(shape)
    mask = np.zeros(shape, dtype=int) if start_mask is None else start_mask.copy()
    for low, values, variances, bits in patches:
        for index in np.ndindex(values.shape):
            place = tuple(a + i for a, i in zip(low, index, strict=True))
            mask[place] |= bits[index]
            value, spread = values[index], variances[index]
            if math.isnan(value) or math.isnan(spread):
                continue
            old = image[place]
            if operation == "copy" or (
                operation in ("max", "min")
                and (math.isnan(old) or (value > old if operation == "max" else value < old))
            ):
                image[place], variance[place] = value, spread
            if operation in ("sum", "average", "weighted"):
                w = 1.0
                if operation == "weighted":
                    for i, n in zip(index, values.shape, strict=True):
                        w *= raised_cosine(i, n)
                image[place] += w * value
                variance[place] += (w * w if independent else w) * spread
                weight[place] += w
    if operation in ("average", "weighted"):
        for place in np.ndindex(*shape):
            w = weight[place]
            image[place] = image[place] / w if w else math.nan
            variance[place] = variance[place] / (w * w if independent else w) if w else math.nan
    mask[np.isnan(image) | np.isnan(variance)] |= bad
    return image, variance, mask
