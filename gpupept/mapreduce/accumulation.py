"""Putting mapped cells together, with memory for the cells that can still change only.

Cells come in the order of their list, in which the first axis of boxes usually varies slowest. What
lies before the beginning of every cell to come is final and handed to the output, so the sums of a
volume larger than memory fit it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from gpupept.backend import (
    array_namespace,
    cupy_module,
    device_of,
    device_scope,
    to_device,
    to_host,
)
from gpupept.kernels import Array
from gpupept.mapreduce.box import Box
from gpupept.mapreduce.exposure import Exposure
from gpupept.volumes.conversion import converted

WEIGHTED = ("average", "weighted")


@dataclass
class Coverage:
    """How many cells cover the elements: for the log.

    Attributes
    ----------
    most, least : float
        Extreme sums of weights.
    total : float
        Sum over all elements.
    empty, elements : int
        Elements that no cell covers, and all.
    """

    most: float = 0.0
    least: float = np.inf
    total: float = 0.0
    empty: int = 0
    elements: int = 0

    def add(self, weight: Array) -> None:
        """Include the weights of some elements."""
        if weight.size == 0:
            return
        self.most = max(self.most, float(weight.max()))
        self.least = min(self.least, float(weight.min()))
        self.total += float(weight.sum())
        self.empty += int((weight == 0).sum())
        self.elements += int(weight.size)


@dataclass
class Output:
    """Where the results go.

    Attributes
    ----------
    image : array
        Anything with a shape and a dtype that slices can be assigned to.
    variance : array or None
    mask : integer array or None
        Bits of the input, to which those of the cells are added.
    bad : int
        Bits for elements without a value.
    """

    image: Any
    variance: Any
    mask: Any
    bad: int
    coverage: Coverage = field(default_factory=Coverage)


class Accumulation:
    """Sums over cells, in a window along the first axis of boxes.

    Parameters
    ----------
    exposure : Exposure
        What the cells are of: its place, axes and dimensions.
    reach : list of Box
        Box that each cell may have an effect in, in order.
    operation : str
        A reduce operation of `ImageReducerConfig`, one that gives an exposure.
    independent : bool
        Whether variances of overlapping cells are independent.
    output : Output
        Where the results go.
    device : str
        Where the sums are kept.
    """

    def __init__(
        self,
        exposure: Exposure,
        reach: Sequence[Box],
        operation: str,
        independent: bool,
        output: Output,
        device: str,
    ) -> None:
        self._exposure, self._operation, self._independent = exposure, operation, independent
        self._output, self._device = output, device
        self._axis = exposure.ndim - 1 if exposure._reversed else 0  # of arrays
        self._full = exposure.getBBox()
        self._reach = list(reach)
        self._final = _final_before(self._reach, self._full, layers_of(output.image, self._axis))
        self._start = self._full.getMin()[0]  # place of the window's first row
        with device_scope(device):
            self._allocate(_window(self._reach, self._final, self._start))

    # ---- The window

    def _allocate(self, rows: int) -> None:
        shape = list(self._exposure.image.array.shape)
        shape[self._axis] = rows
        xp = np if self._device == "cpu" else cupy_module()
        self._image = xp.empty(shape, dtype=_sums_dtype(self._operation, self._output.image.dtype))
        spread, weighted = self._output.variance is not None, self._operation in WEIGHTED
        self._variance = xp.empty(shape, dtype=np.float64) if spread else None
        self._weight = xp.empty(shape, dtype=np.float64) if weighted else None
        self._bits = None if self._output.mask is None else xp.empty(shape, dtype=np.int64)
        self._clear(0, rows)

    def _rows(self, first: int, last: int) -> tuple[slice, ...]:
        return (slice(None),) * self._axis + (slice(first, last),)

    def _clear(self, first: int, last: int) -> None:
        rows = self._rows(first, last)
        start = np.nan if self._operation in ("copy", "max", "min") else 0.0
        for array, value in (
            (self._image, start),
            (self._variance, start),
            (self._weight, 0.0),
            (self._bits, 0),
        ):
            if array is not None:
                array[rows] = value

    def _region(self, box: Box) -> tuple[slice, ...]:
        """Index of a box in the window."""
        origin = (self._start, *self._full.getMin()[1:])
        slices = box.slices(origin)
        return slices[::-1] if self._exposure._reversed else slices

    # ---- Cells

    def add(self, number: int, patch: Exposure | None, flagged: Box | None = None) -> None:
        """Put in the cell of a number; the cells come in order.

        Parameters
        ----------
        number : int
            Of the cell.
        patch : Exposure or None
            Its values; None for a cell that was left out.
        flagged : Box, optional
            Box to be flagged as bad.
        """
        with device_scope(self._device):
            self._flush(self._final[number])
            self._add(number, patch, flagged)

    def _add(self, number: int, patch: Exposure | None, flagged: Box | None) -> None:
        if flagged is not None and self._bits is not None:
            self._bits[self._region(flagged)] |= self._output.bad
        if patch is None:
            return
        box = patch.getBBox()
        if not self._reach[number].contains(box):
            raise ValueError(
                f"the mapper returned {box} for cell {number}, which is not within the expanded "
                f"cell {self._reach[number]}"
            )
        image, variance, mask = self._arrays_of(patch)
        region = self._region(box)
        if mask is not None and self._bits is not None:
            self._bits[region] |= mask.astype(np.int64)
        self._combine(image, variance, region)

    def _arrays_of(self, patch: Exposure) -> tuple[Array, Array | None, Array | None]:
        arrays: list[Any] = []
        for array in patch._arrays():
            if array is None:
                arrays.append(None)
                continue
            there = to_device(array, self._device)
            turned = patch._reversed != self._exposure._reversed
            arrays.append(there.T if turned else there)
        image, variance, mask = arrays
        if image.dtype.kind not in "buif":
            raise TypeError(f"cells must hold real numbers, found {image.dtype} from the mapper")
        variance = None if self._variance is None else variance
        if self._variance is not None and variance is None:
            raise ValueError("the mapper returned no variance for an exposure that has one")
        if image.dtype.itemsize > self._image.dtype.itemsize:
            image = converted(image, self._image.dtype)
        wide = image.astype(np.float64, copy=False)
        return wide, None if variance is None else variance.astype(np.float64, copy=False), mask

    def _combine(self, image: Array, variance: Array | None, region: tuple[slice, ...]) -> None:
        xp = array_namespace(image)
        valid = ~xp.isnan(image)
        if variance is not None:
            valid &= ~xp.isnan(variance)
        total, spread = self._image[region], None
        if variance is not None and self._variance is not None:
            spread = self._variance[region]
        if self._operation in ("copy", "max", "min"):
            chosen = valid
            if self._operation != "copy":
                better = image > total if self._operation == "max" else image < total
                chosen = valid & (xp.isnan(total) | better)
            total[...] = xp.where(chosen, image, total)
            if spread is not None:
                spread[...] = xp.where(chosen, variance, spread)
            return
        weight = self._weights(xp, image.shape) if self._operation == "weighted" else 1.0
        total += xp.where(valid, image * weight, 0.0)
        if spread is not None and variance is not None:
            factor = weight * weight if self._independent else weight
            spread += xp.where(valid, variance * factor, 0.0)
        if self._weight is not None:
            self._weight[region] += valid * weight

    @staticmethod
    def _weights(xp: Any, shape: tuple[int, ...]) -> Array:
        """Return a raised cosine: 1 in the middle of a cell, towards 0 at its faces."""
        weight = xp.ones((1,) * len(shape))
        for axis, size in enumerate(shape):
            along = xp.sin(np.pi * (xp.arange(size) + 0.5) / size) ** 2
            weight = weight * along.reshape([-1 if k == axis else 1 for k in range(len(shape))])
        return weight

    # ---- The output

    def _flush(self, before: int) -> None:
        """Hand over what lies before a place, and move the window there."""
        end = min(before, self._full.getEnd()[0])
        rows = self._image.shape[self._axis]
        while self._start < end:
            done = min(end - self._start, rows)
            self._write(done)
            self._move(done, rows)

    def _move(self, done: int, rows: int) -> None:
        for array in (self._image, self._variance, self._weight, self._bits):
            if array is not None and done < rows:
                array[self._rows(0, rows - done)] = array[self._rows(done, rows)].copy()
        self._clear(rows - done, rows)
        self._start += done

    def _write(self, rows: int) -> None:
        part = self._rows(0, rows)
        image = self._image[part]
        variance = None if self._variance is None else self._variance[part]
        weight = None if self._weight is None else self._weight[part]
        xp = array_namespace(image)
        if weight is not None:
            self._output.coverage.add(weight)
            covered = weight > 0
            safe = xp.where(covered, weight, 1.0)
            image = xp.where(covered, image / safe, np.nan)
            if variance is not None:
                divisor = safe * safe if self._independent else safe
                variance = xp.where(covered, variance / divisor, np.nan)
        begin = self._start - self._full.getMin()[0]
        place = self._rows(begin, begin + rows)
        _assign(self._output.image, place, image)
        if variance is not None:
            _assign(self._output.variance, place, variance)
        if self._bits is not None:
            self._write_bits(place, self._bits[part], image, variance)

    def _write_bits(
        self, place: tuple[slice, ...], bits: Array, image: Array, variance: Array | None
    ) -> None:
        xp = array_namespace(image)
        missing = xp.isnan(image)
        if variance is not None:
            missing |= xp.isnan(variance)
        bits = bits | xp.where(missing, self._output.bad, 0)
        mask = self._output.mask
        mask[place] |= to_device(bits, device_of(mask)).astype(mask.dtype)

    def finish(self) -> None:
        """Hand over the rest."""
        with device_scope(self._device):
            self._flush(self._full.getEnd()[0])


def layers_of(output: Any, axis: int = 0) -> int:
    """Rows of an output that are written fastest together: those of a chunk."""
    chunks = getattr(output, "chunks", None)
    return int(chunks[axis]) if isinstance(chunks, tuple) else 1


def _sums_dtype(operation: str, dtype: Any) -> np.dtype[Any]:
    """Type of sums; copies need no wider one than the output's."""
    return np.dtype(dtype if operation == "copy" else np.float64)


def _final_before(reach: list[Box], full: Box, layers: int = 1) -> list[int]:
    """Place along the first axis before which neither a cell nor those after it change anything.

    Places are between chunks of the output, so that none is written twice, unless chunks are longer
    than every cell.
    """
    start = full.getMin()[0]
    begins = [full.getEnd()[0] if box.isEmpty() else box.getMin()[0] for box in reach]
    final = np.minimum.accumulate(np.array(begins, dtype=int)[::-1])[::-1]
    if layers <= max((box.getWidth() for box in reach), default=0):
        final = start + (final - start) // layers * layers
    return [int(place) for place in final]


def window_bytes(
    exposure: Exposure, reach: Sequence[Box], operation: str = "weighted", output: Any = None
) -> int:
    """Memory that an `Accumulation` takes at most.

    Parameters
    ----------
    exposure : Exposure
        What the cells are of.
    reach : list of Box
        As of `Accumulation`.
    operation : str
        A reduce operation; by default one that takes most.
    output : array, optional
        Where the image goes.
    """
    full = exposure.getBBox()
    axis = exposure.ndim - 1 if exposure._reversed else 0
    final = _final_before(list(reach), full, layers_of(output, axis))
    rows = _window(list(reach), final, full.getMin()[0])
    kept = 8 if output is None else _sums_dtype(operation, output.dtype).itemsize
    kept += 8 * (operation in WEIGHTED)
    kept += 8 * sum(part is not None for part in (exposure.variance, exposure.mask))
    return kept * rows * math.prod(full.getDimensions()[1:])


def _window(reach: list[Box], final: list[int], start: int) -> int:
    """Rows between what is final and the end of what was put in, at most."""
    ends = np.maximum.accumulate(np.array([start, *(box.getEnd()[0] for box in reach)]))[1:]
    return int(max([1, *(ends - np.maximum(np.array(final, dtype=int), start))]))


def _assign(output: Any, place: tuple[slice, ...], values: Array) -> None:
    """Write to an array on either device, or to a store."""
    kind = np.dtype(output.dtype)
    if kind.itemsize < values.dtype.itemsize:
        values = converted(values, kind)
    values = values.astype(kind, copy=False)
    device = device_of(output)
    output[place] = to_host(values) if device == "cpu" else to_device(values, device)
