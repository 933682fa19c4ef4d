"""Filters: Gaussian, any kernel, and median."""

from __future__ import annotations

import itertools
import math
from abc import abstractmethod
from collections.abc import Iterator
from typing import Any, ClassVar

import numpy as np

from gpupept.backend import array_namespace, to_host
from gpupept.kernels import Array
from gpupept.mapreduce.box import Box
from gpupept.mapreduce.config import ChoiceField, Config, Field
from gpupept.mapreduce.exposure import Exposure
from gpupept.mapreduce.mapper import ImageMapperConfig, cropped, patch
from gpupept.mapreduce.mappers.ready import ReadyMapper
from gpupept.mapreduce.struct import Struct

MODES = {
    "constant": "zeros",
    "edge": "the nearest element",
    "symmetric": "the image mirrored at its faces",
    "reflect": "the image mirrored at its outermost elements",
}
_CACHED = 2**15  # elements of a part of an array that are worked on together
_SAME = 1e-14  # relative to the largest weight of a kernel
_MOST_WINDOWS = 2**24  # elements of all windows of a median at a time


def windows(array: Array, shape: tuple[int, ...], mode: str) -> Iterator[Array]:
    """Yield views of an array moved by each offset of a window, with what lies outside by `mode`.

    Yields
    ------
    array
        For each offset in C order, an array of the shape of `array` whose elements are those that
        far from each element.
    """
    xp = array_namespace(array)
    reach = [size // 2 for size in shape]
    padded = xp.pad(array, [(n, n) for n in reach], mode=mode)
    for offset in itertools.product(*map(range, shape)):
        ends = zip(offset, array.shape, strict=True)
        yield padded[tuple(slice(a, a + n) for a, n in ends)]


def convolve(array: Array, kernel: np.ndarray, mode: str) -> Array:
    """Convolve with a kernel of odd sizes: ``out[i] = sum of kernel[j] * array[i - j]``, j about 0."""
    xp = array_namespace(array)
    total = xp.zeros(array.shape, dtype=np.float64)
    flipped = kernel[(slice(None, None, -1),) * kernel.ndim].ravel().tolist()
    pairs = zip(flipped, windows(array, kernel.shape, mode), strict=True)
    weighted = [(weight, moved) for weight, moved in pairs if weight != 0.0]
    for block in _cached_blocks(array.shape) if xp is np else [...]:
        part = total[block]
        product = xp.empty(part.shape, dtype=(1.0 * array[:0]).dtype)
        for weight, moved in weighted:
            part += xp.multiply(moved[block], weight, out=product)
    return total


def _cached_blocks(shape: tuple[int, ...]) -> Iterator[tuple[slice, ...]]:
    """Cut an array into parts that a processor's cache holds; sums of elements stay what they are."""
    room, ranges = _CACHED, []
    for count in reversed(shape):
        step = max(1, min(count, room))
        ranges.append([slice(a, min(a + step, count)) for a in range(0, count, step)])
        room //= max(1, count)
    return itertools.product(*reversed(ranges))


def convolve_fast(array: Array, kernel: np.ndarray, mode: str) -> Array:
    """Convolve along one axis after the other where the kernel is a product of weights along each.

    The result is that of `convolve` to a few units of the last digit. Like that it does not depend on
    what else is in the array, as Fourier transforms would, and so not on how an image is divided.
    """
    factors = _factors(kernel)
    for factor in factors or [kernel]:
        array = convolve(array, factor, mode)
    return array


def _factors(kernel: np.ndarray) -> list[np.ndarray] | None:
    """Weights along each axis whose product is the kernel; None if there are none."""
    top = np.unravel_index(np.abs(kernel).argmax(), kernel.shape)
    most = float(kernel[top])
    if most == 0.0:
        return None
    factors = []
    for axis, size in enumerate(kernel.shape):
        line = kernel[(*top[:axis], slice(None), *top[axis + 1 :])]
        factors.append(line.reshape([size if k == axis else 1 for k in range(kernel.ndim)]) / most)
    factors[0] = factors[0] * most
    apart = np.abs(math.prod(factors[1:], start=factors[0]) - kernel).max()
    return factors if apart <= _SAME * abs(most) else None


def gaussian(sigma: float, truncate: float) -> np.ndarray:
    """Gaussian weights along one axis, with a sum of 1."""
    reach = math.ceil(truncate * sigma)
    weights = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma) ** 2)
    normalised: np.ndarray = weights / weights.sum()
    return normalised


def window_size() -> Field:
    """Field of the size of a window about each element."""
    doc = "Length of the window along each axis, odd"
    return Field(int, 3, doc, optional=False, check=lambda n: n > 0 and n % 2 == 1)


class FilterMapperConfig(ImageMapperConfig):
    """What the configurations of filters have in common."""

    mode = ChoiceField(str, MODES, "constant", "What lies outside the image")


class FilterMapper(ReadyMapper):
    """Base of filters: applies `filtered` to the expanded cell and keeps the cell."""

    @abstractmethod
    def filtered(self, array: Array) -> Array:
        """Return the array after filtering."""

    def run(
        self, subExposure: Exposure, expandedSubExposure: Exposure, fullBBox: Box, **kwargs: Any
    ) -> Struct:
        """Map one cell; see `ImageMapper.run`."""
        result = self.filtered(expandedSubExposure.image.array)
        return patch(subExposure, cropped(result, expandedSubExposure, subExposure.getBBox()))


class GaussianFilterMapperConfig(FilterMapperConfig):
    """Configuration of a `GaussianFilterMapper`."""

    sigma = Field(
        float, 1.0, "Standard deviation in elements, positive", False, lambda s: 0 < s < math.inf
    )
    truncate = Field(
        float, 4.0, "Reach in standard deviations, positive", False, lambda s: 0 < s < math.inf
    )


class GaussianFilterMapper(FilterMapper):
    """Smooths with a round Gaussian.

    Parameters
    ----------
    sigma : float, default 1
        Standard deviation, in elements.
    truncate : float, default 4
        Standard deviations that it reaches; ``ceil(truncate * sigma)`` elements.
    mode : {"constant", "edge", "symmetric", "reflect"}, default "constant"
        What lies outside the image: zeros, or a continuation as `numpy.pad` makes it.
    config, name, parentTask, log
        As of `Task`.

    Examples
    --------
    >>> from gpupept.mapreduce import GaussianFilterMapper
    >>> GaussianFilterMapper(sigma=1.2).halo
    5
    """

    ConfigClass: ClassVar[type[Config]] = GaussianFilterMapperConfig
    _DefaultName: ClassVar[str] = "gaussianFilterMapper"

    def __init__(
        self,
        sigma: float | None = None,
        truncate: float | None = None,
        mode: str | None = None,
        config: Config | None = None,
        **task: Any,
    ) -> None:
        super().__init__({"sigma": sigma, "truncate": truncate, "mode": mode}, config, **task)

    @property
    def halo(self) -> int:  # type: ignore[override]
        """Reach of the filter."""
        reach: float = self.config.truncate * self.config.sigma
        return math.ceil(reach)

    def filtered(self, array: Array) -> Array:
        """Convolve along one axis after the other."""
        weights = gaussian(self.config.sigma, self.config.truncate)
        for axis in range(array.ndim):
            shape = [len(weights) if k == axis else 1 for k in range(array.ndim)]
            array = convolve(array, weights.reshape(shape), self.config.mode)
        return array


class ConvolveMapperConfig(FilterMapperConfig):
    """Configuration of a `ConvolveMapper`."""

    kernel = Field(object, None, "Weights, with the axes of the image and odd sizes")


class ConvolveMapper(FilterMapper):
    """Convolves with a kernel.

    Parameters
    ----------
    kernel : array or point-spread function
        Weights, with the axes of the image's array, an odd number along each, or what has them, such as
        a `GaussianPsf`. Computed by summing moved copies of a cell, so meant for kernels of up to some
        hundred weights.
    mode : {"constant", "edge", "symmetric", "reflect"}, default "constant"
        What lies outside the image: zeros, or a continuation as `numpy.pad` makes it.
    config, name, parentTask, log
        As of `Task`.

    Raises
    ------
    ValueError
        If the kernel has an even size or weights that are not finite.

    Examples
    --------
    >>> import numpy as np
    >>> from gpupept.mapreduce import ConvolveMapper
    >>> ConvolveMapper(np.ones((5, 3)) / 15).halo
    (2, 1)
    """

    ConfigClass: ClassVar[type[Config]] = ConvolveMapperConfig
    _DefaultName: ClassVar[str] = "convolveMapper"

    def __init__(
        self,
        kernel: Any = None,
        mode: str | None = None,
        config: Config | None = None,
        **task: Any,
    ) -> None:
        super().__init__({"kernel": kernel, "mode": mode}, config, **task)
        self._kernel = checked_kernel(self.config.kernel)

    @property
    def halo(self) -> tuple[int, ...]:  # type: ignore[override]
        """Reach of the kernel along each axis."""
        return tuple(size // 2 for size in self._kernel.shape)

    def filtered(self, array: Array) -> Array:
        """Convolve with the kernel."""
        return convolve(array, self._kernel, self.config.mode)


def checked_kernel(kernel: Any) -> np.ndarray:
    """Kernel as float64 on the host, if it can be used."""
    if hasattr(kernel, "computeKernelImage"):
        kernel = kernel.computeKernelImage()
    if kernel is None:
        raise ValueError("kernel: expected an array of weights, found None")
    values = np.array(to_host(kernel), dtype=np.float64)
    if values.ndim not in (2, 3) or any(size % 2 == 0 for size in values.shape):
        raise ValueError(
            f"kernel: expected two or three axes with an odd size each, found shape {values.shape}"
        )
    if not np.isfinite(values).all():
        raise ValueError("kernel: the weights must be finite")
    return values


class MedianFilterMapperConfig(FilterMapperConfig):
    """Configuration of a `MedianFilterMapper`."""

    size = window_size()


class MedianFilterMapper(FilterMapper):
    """Takes the median of a cube (or square) about each element.

    Parameters
    ----------
    size : int, default 3
        Elements along its edge, an odd number.
    mode : {"constant", "edge", "symmetric", "reflect"}, default "constant"
        What lies outside the image: zeros, or a continuation as `numpy.pad` makes it.
    config, name, parentTask, log
        As of `Task`.

    Examples
    --------
    >>> from gpupept.mapreduce import MedianFilterMapper
    >>> MedianFilterMapper(size=5).halo
    2
    """

    ConfigClass: ClassVar[type[Config]] = MedianFilterMapperConfig
    _DefaultName: ClassVar[str] = "medianFilterMapper"

    def __init__(
        self,
        size: int | None = None,
        mode: str | None = None,
        config: Config | None = None,
        **task: Any,
    ) -> None:
        super().__init__({"size": size, "mode": mode}, config, **task)

    @property
    def halo(self) -> int:  # type: ignore[override]
        """Reach of the window."""
        return int(self.config.size) // 2

    def scratchBytes(self, box: Box, itemsize: int) -> int:
        """Return the memory that mapping an expanded cell takes; see `ImageMapper.scratchBytes`."""
        size: int = self.config.size
        stacked: int = min(box.getArea() * size**box.ndim, _MOST_WINDOWS)
        return super().scratchBytes(box, itemsize) + 3 * 8 * stacked

    def filtered(self, array: Array) -> Array:
        """Take medians, of some rows at a time."""
        xp = array_namespace(array)
        shape = (self.config.size,) * array.ndim
        moved = list(windows(array, shape, self.config.mode))
        rows = max(1, _MOST_WINDOWS // max(1, len(moved) * (array.size // max(1, len(array)))))
        parts = [
            xp.median(xp.stack([view[a : a + rows] for view in moved]), axis=0)
            for a in range(0, len(array), rows)
        ]
        return xp.concatenate(parts)
