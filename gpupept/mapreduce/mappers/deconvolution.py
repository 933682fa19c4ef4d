"""Deconvolution of images blurred by a known kernel."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from gpupept.backend import array_namespace
from gpupept.kernels import Array
from gpupept.mapreduce.config import ChoiceField, Config, Field
from gpupept.mapreduce.mapper import ImageMapperConfig
from gpupept.mapreduce.mappers.filters import MODES, FilterMapper, checked_kernel, convolve_fast


class RichardsonLucyMapperConfig(ImageMapperConfig):
    """Configuration of a `RichardsonLucyMapper`."""

    kernel = Field(object, None, "Point-spread function, with the axes of the image and odd sizes")
    iterations = Field(int, 10, "Number of iterations, positive", False, lambda n: n > 0)
    halo = Field(int, None, "Border asked for, if less than all that has an effect")
    mode = ChoiceField(str, MODES, "edge", "What lies outside the image")


class RichardsonLucyMapper(FilterMapper):
    """Sharpens with the algorithm of Richardson and Lucy.

    Each iteration looks as far as twice the kernel does, so that the result of a cell depends on
    ``2 * iterations * (size // 2)`` elements around it; with such a border the cells are those of the
    whole image. The effect of far ones is small, so that a narrower border does if `halo` says so.

    Parameters
    ----------
    kernel : array or point-spread function
        Weights that are not negative, with the axes of the image's array and an odd number along each;
        normalised to a sum of 1. Or what has them, such as a `GaussianPsf`. Kernels that are products of
        weights along each axis, such as a Gaussian, are much faster than others.
    iterations : int, default 10
        Number of iterations, from a uniform image.
    halo : int, optional
        Border that is enough.
    mode : {"edge", "constant", "symmetric", "reflect"}, default "edge"
        What lies outside the image.
    config, name, parentTask, log
        As of `Task`.

    Raises
    ------
    ValueError
        If the kernel has an even size, a negative weight or a sum that is not positive.

    Notes
    -----
    W. H. Richardson, J. Opt. Soc. Am. 62 (1972) 55; L. B. Lucy, Astron. J. 79 (1974) 745.

    Examples
    --------
    >>> import numpy as np
    >>> from gpupept.mapreduce import RichardsonLucyMapper
    >>> RichardsonLucyMapper(np.ones((3, 3)), iterations=4).halo
    (8, 8)
    """

    ConfigClass: ClassVar[type[Config]] = RichardsonLucyMapperConfig
    _DefaultName: ClassVar[str] = "richardsonLucyMapper"

    def __init__(
        self,
        kernel: Any = None,
        iterations: int | None = None,
        halo: int | None = None,
        mode: str | None = None,
        config: Config | None = None,
        **task: Any,
    ) -> None:
        values = {"kernel": kernel, "iterations": iterations, "halo": halo, "mode": mode}
        super().__init__(values, config, **task)
        weights = checked_kernel(self.config.kernel)
        if (weights < 0.0).any() or not weights.sum() > 0.0:
            raise ValueError(
                "kernel: a point-spread function has no negative weights and some light"
            )
        self._kernel = weights / weights.sum()

    @property
    def halo(self) -> int | tuple[int, ...]:  # type: ignore[override]
        """Border asked for."""
        if self.config.halo is not None:
            return int(self.config.halo)
        return tuple(2 * self.config.iterations * (size // 2) for size in self._kernel.shape)

    def filtered(self, array: Array) -> Array:
        """Iterate from a uniform image."""
        xp = array_namespace(array)
        mirrored = self._kernel[(slice(None, None, -1),) * self._kernel.ndim]
        estimate = xp.ones(array.shape, dtype=np.float64)
        for _ in range(self.config.iterations):
            blurred = convolve_fast(estimate, self._kernel, self.config.mode)
            positive = blurred > 0.0
            ratio = xp.where(positive, array / xp.where(positive, blurred, 1.0), 0.0)
            estimate = estimate * convolve_fast(ratio, mirrored, self.config.mode)
        return estimate
