"""Point-spread functions: kernels, Gaussians, and the weighted mean of those of several parts."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from gpupept.backend import to_host
from gpupept.mapreduce.box import Box

FWHM_OF_SIGMA = 2.0 * math.sqrt(2.0 * math.log(2.0))
_SIGMAS = 4.0  # of a Gaussian that its kernel reaches


@dataclass(frozen=True)
class Shape:
    """Second moments of a kernel: their determinant as a length.

    Attributes
    ----------
    radius : float
        ``det(Q) ** (1 / (2 d))`` of the matrix Q of second moments of a kernel with d axes, in
        elements; the standard deviation of a round Gaussian.
    """

    radius: float

    def getDeterminantRadius(self) -> float:
        """Return the radius."""
        return self.radius


class KernelPsf:
    """A point-spread function that is the same everywhere.

    Parameters
    ----------
    kernel : array
        Its values, with the axes of the image; normalised to a sum of 1.

    Raises
    ------
    ValueError
        If the values are not finite or their sum is not positive.

    Examples
    --------
    >>> import numpy as np
    >>> from gpupept.mapreduce import KernelPsf
    >>> psf = KernelPsf(np.ones((3, 3)))
    >>> round(float(psf.computeShape().getDeterminantRadius()), 6)
    0.816497
    """

    def __init__(self, kernel: Any) -> None:
        values = np.array(to_host(kernel), dtype=np.float64)
        total = values.sum()
        if not (np.isfinite(total) and total > 0.0):
            raise ValueError(f"kernel: the values must have a positive sum, found {total}")
        self.kernel: np.ndarray = values / total

    def getAveragePosition(self) -> None:
        """Return None: the function is the same everywhere."""

    def computeKernelImage(self, point: Sequence[float] | None = None) -> np.ndarray:
        """Return the kernel at a place, with a sum of 1."""
        return self.kernel

    def computeImage(self, point: Sequence[float] | None = None) -> np.ndarray:
        """Return the image of a point at a place; the kernel."""
        return self.computeKernelImage(point)

    def computeShape(self, point: Sequence[float] | None = None) -> Shape:
        """Return the second moments."""
        return _shape(self.computeKernelImage(point))


class GaussianPsf(KernelPsf):
    """A round Gaussian.

    Parameters
    ----------
    sigma : float
        Standard deviation, in elements.
    ndim : int, default 2
        Number of axes.

    Raises
    ------
    ValueError
        If `sigma` is not positive.

    Examples
    --------
    >>> from gpupept.mapreduce import GaussianPsf
    >>> psf = GaussianPsf(1.5)
    >>> psf.computeKernelImage().shape, psf.computeShape().getDeterminantRadius()
    ((13, 13), 1.5)
    """

    def __init__(self, sigma: float, ndim: int = 2) -> None:
        if not (math.isfinite(sigma) and sigma > 0.0):
            raise ValueError(f"sigma must be a positive length in elements, found {sigma!r}")
        self.sigma = float(sigma)
        reach = math.ceil(_SIGMAS * sigma)
        along = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma) ** 2)
        kernel = along
        for _ in range(ndim - 1):
            kernel = np.multiply.outer(kernel, along)
        super().__init__(kernel)

    def computeShape(self, point: Sequence[float] | None = None) -> Shape:
        """Return the second moments."""
        return Shape(self.sigma)


class CoaddItem(NamedTuple):
    """Point-spread function of a part: a kernel or object with `computeKernelImage`, and where."""

    psf: Any
    box: Box
    weight: float = 1.0
    wcs: Any = None


class CoaddPsf:
    """The weighted mean of the point-spread functions of all parts that contain a point.

    Parameters
    ----------
    items : iterable of (psf, box[, weight[, wcs]])
        The parts, on one grid.

    Raises
    ------
    ValueError
        If there are none, or their coordinates differ.

    Examples
    --------
    >>> import numpy as np
    >>> from gpupept.mapreduce import Box, CoaddPsf
    >>> sharp = np.array([[0, 0, 0], [0, 1.0, 0], [0, 0, 0]])
    >>> psf = CoaddPsf([(sharp, Box((0, 0), (4, 4))), (np.ones((3, 3)) / 9, Box((2, 0), (6, 4)))])
    >>> psf.computeKernelImage((3, 1))[1, 1].round(3).item()
    0.556
    """

    def __init__(self, items: Iterable[Any]) -> None:
        self.items = [CoaddItem(*item) for item in items]
        if not self.items:
            raise ValueError("items: a CoaddPsf needs at least one part")
        first = self.items[0].wcs
        if any(item.wcs is not first and item.wcs != first for item in self.items):
            raise ValueError("items: all parts must have the coordinates (wcs) of the first")

    def getAveragePosition(self) -> tuple[float, ...]:
        """Return a point within a part: the centre of the first."""
        low, high = self.items[0].box.getMin(), self.items[0].box.getMax()
        return tuple((a + b) // 2 for a, b in zip(low, high, strict=True))

    def computeKernelImage(self, point: Sequence[float] | None = None) -> np.ndarray:
        """Return the kernel at a place, with a sum of 1.

        Parameters
        ----------
        point : (x, y[, z]), optional
            The place; `getAveragePosition` by default.

        Raises
        ------
        ValueError
            If no part contains it.
        """
        place = self.getAveragePosition() if point is None else tuple(point)
        found = [item for item in self.items if item.box.contains(place)]
        if not found:
            raise ValueError(f"point {place} is in none of the {len(self.items)} parts")
        kernels = [_kernel(item, place) for item in found]
        shape = np.max([kernel.shape for kernel in kernels], axis=0)
        total = np.zeros(shape)
        for kernel, item in zip(kernels, found, strict=True):
            total += item.weight * _padded(kernel, shape)
        mean: np.ndarray = total / total.sum()
        return mean

    def computeImage(self, point: Sequence[float] | None = None) -> np.ndarray:
        """Return the image of a point at a place; the kernel."""
        return self.computeKernelImage(point)

    def computeShape(self, point: Sequence[float] | None = None) -> Shape:
        """Return the second moments at a place."""
        return _shape(self.computeKernelImage(point))


def determinant_radius(psf: Any) -> float:
    """Radius of a point-spread function at its average position, in elements."""
    return float(psf.computeShape(psf.getAveragePosition()).getDeterminantRadius())


def _kernel(item: CoaddItem, place: tuple[float, ...]) -> np.ndarray:
    psf = item.psf
    kernel = psf.computeKernelImage(place) if hasattr(psf, "computeKernelImage") else psf
    return np.asarray(to_host(kernel), dtype=np.float64)


def _padded(kernel: np.ndarray, shape: np.ndarray) -> np.ndarray:
    """Kernel with zeros around it, its centre in the centre."""
    before = [size // 2 - own // 2 for size, own in zip(shape, kernel.shape, strict=True)]
    sizes = zip(before, shape, kernel.shape, strict=True)
    return np.pad(kernel, [(a, int(size) - own - a) for a, size, own in sizes])


def _shape(kernel: np.ndarray) -> Shape:
    """Second moments of a kernel about its centroid."""
    places = np.indices(kernel.shape).reshape(kernel.ndim, -1)
    weights = kernel.ravel() / kernel.sum()
    apart = places - (places @ weights)[:, None]
    moments = (apart * weights) @ apart.T
    return Shape(float(max(np.linalg.det(moments), 0.0)) ** (0.5 / kernel.ndim))
