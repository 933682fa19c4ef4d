"""Kernels that are products of weights along each axis, cache blocks, and point-spread functions."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from gpupept.backend import to_host
from gpupept.mapreduce import (
    ConvolveMapper,
    GaussianFilterMapper,
    GaussianPsf,
    RichardsonLucyMapper,
    map_reduce,
)
from gpupept.mapreduce.mappers import filters

RNG = np.random.default_rng(5)
IMAGE = RNG.random((23, 17, 19))
KERNELS = {
    "gaussian": GaussianPsf(0.7, ndim=3).kernel,
    "product": np.einsum("i,j,k", [1.0, -2.0, 0.5], [3.0], RNG.random(5)),
    "zeros": np.zeros((3, 3, 3)),
    "one": np.array([[[2.0]]]),
    "any": RNG.random((3, 5, 1)),
    "nearly": np.ones((3, 3, 3)) + 1e-12 * np.eye(27)[0].reshape(3, 3, 3),
}


def plain(image: np.ndarray, kernel: np.ndarray, mode: str) -> np.ndarray:
    """Sum up moved copies."""
    reach = [size // 2 for size in kernel.shape]
    padded = np.pad(image, [(n, n) for n in reach], mode=mode)
    total = np.zeros(image.shape)
    for place, weight in np.ndenumerate(kernel[::-1, ::-1, ::-1]):
        ends = zip(place, image.shape, strict=True)
        total += weight * padded[tuple(slice(a, a + n) for a, n in ends)]
    return total


@pytest.mark.parametrize("name", KERNELS)
@pytest.mark.parametrize("mode", filters.MODES)
def test_fast_convolution_is_convolution(name: str, mode: Any, device: Any) -> None:
    kernel = KERNELS[name]
    expected = plain(IMAGE, kernel, mode)
    image = device.asarray(IMAGE)
    found = to_host(filters.convolve_fast(image, kernel, mode))
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-13 * max(1.0, np.abs(kernel).sum()))


def test_which_kernels_are_products() -> None:
    found = {name: filters._factors(kernel) is not None for name, kernel in KERNELS.items()}
    assert [name for name, product in found.items() if not product] == ["zeros", "any", "nearly"]
    for sigma in (0.3, 1.0, 2.7):
        assert filters._factors(GaussianPsf(sigma, ndim=3).kernel) is not None


@pytest.mark.parametrize("cached", [1, 7, 100, 2**20])
def test_blocks_do_not_change_a_bit(cached: int, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = [filters.convolve(IMAGE, KERNELS[name], "edge") for name in KERNELS]
    monkeypatch.setattr(filters, "_CACHED", cached)
    found = [filters.convolve(IMAGE[:9], KERNELS[name], "edge") for name in KERNELS]
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_array_equal(one[:5], other[:5])


def test_deconvolution_does_not_depend_on_cells() -> None:
    mapper = RichardsonLucyMapper(GaussianPsf(0.5, ndim=3), iterations=2)
    whole = mapper.filtered(IMAGE)
    np.testing.assert_array_equal(map_reduce(IMAGE, mapper, cell=(7, 8, 19)), whole)
    direct = RichardsonLucyMapper(GaussianPsf(0.5, ndim=3).kernel, iterations=2)
    np.testing.assert_array_equal(direct.filtered(IMAGE), whole)


def test_point_spread_functions_are_kernels() -> None:
    psf = GaussianPsf(1.0)
    expected = ConvolveMapper(psf.kernel).filtered(IMAGE[0])
    np.testing.assert_array_equal(ConvolveMapper(psf).filtered(IMAGE[0]), expected)
    smooth = GaussianFilterMapper(sigma=1.0).filtered(IMAGE[0])
    np.testing.assert_allclose(ConvolveMapper(psf).filtered(IMAGE[0]), smooth, atol=1e-15)
