"""Boxes, masks, exposures and point-spread functions."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpupept.backend import MixedDevicesError
from gpupept.images import ImageArray
from gpupept.mapreduce import Box, CoaddPsf, Exposure, GaussianPsf, Image, KernelPsf, Mask

coordinates = st.tuples(st.integers(-6, 12), st.integers(-6, 12))


def elements(box):
    return {
        (x, y) for x in range(box.minimum[0], box.end[0]) for y in range(box.minimum[1], box.end[1])
    }


@given(coordinates, coordinates, coordinates, coordinates, st.integers(0, 3))
def test_boxes_are_sets(a, b, c, d, border):
    first, second = Box(a, b), Box(c, d)
    own = elements(first)
    assert first.getArea() == len(own)
    assert first.isEmpty() == (not own)
    assert elements(first.clip(second)) == own & elements(second)
    assert first.overlaps(second) == bool(own & elements(second))
    assert first.contains(second) == (elements(second) <= own)
    assert all(first.contains(place) for place in own)
    assert not first.contains(first.getEnd())
    if own:
        wider = first.grow(border)
        assert wider.getDimensions() == tuple(n + 2 * border for n in first.getDimensions())
        assert elements(first.shift((2, -1))) == {(x + 2, y - 1) for x, y in own}
        assert first.getMax() == tuple(n - 1 for n in first.getEnd())


def test_boxes():
    box = Box.sized((1, 2, 3), (4, 5, 6))
    assert (box.getWidth(), box.getHeight(), box.getDepth()) == (4, 5, 6)
    assert box == Box((1, 2, 3), (5, 7, 9)) == Box(np.array([1, 2, 3]), [5, 7, 9])
    assert len({box, Box((1, 2, 3), (5, 7, 9))}) == 1
    assert Box((0, 0), (0, 5)) == Box((3, 3), (1, 9)) == Box((0, 0), (0, 0))
    assert Box((0, 0), (0, 5)).grow(3).isEmpty()
    assert Box((2, 2), (3, 3)).grow((1, 0)) == Box((1, 2), (4, 3))
    with pytest.raises(ValueError, match="as many axes"):
        Box((0, 0), (1, 1, 1))


def test_masks():
    mask = Mask(np.zeros((2, 2), dtype=np.int32))
    assert mask.getMaskPlane("NO_DATA") == 8
    assert mask.addMaskPlane("MINE") == 9
    assert mask.addMaskPlane("MINE") == 9
    assert mask.getPlaneBitMask(["BAD", "MINE"]) == 1 | 1 << 9
    assert mask.getPlaneBitMask("SAT") == 2
    assert mask.getMaskPlaneDict()["CR"] == 3
    for wrong in (lambda: mask.getMaskPlane("X"), lambda: mask.getPlaneBitMask(["BAD", "X"])):
        with pytest.raises(KeyError, match="no mask plane 'X'"):
            wrong()
    for k in range(21):
        mask.addMaskPlane(f"P{k}")
    with pytest.raises(ValueError, match="all 31 bits"):
        mask.addMaskPlane("one more")
    with pytest.raises(TypeError, match="integers"):
        Mask(np.zeros((2, 2)))


@pytest.fixture
def exposure(device):
    rng = np.random.default_rng(0)
    return Exposure(
        device.asarray(rng.random((6, 8))),
        device.asarray(rng.random((6, 8))),
        device.asarray(np.zeros((6, 8), dtype=np.int32)),
        psf=GaussianPsf(1.0),
        wcs="here",
        xy0=(10, -5),
    )


def test_parts_are_views(device, exposure):
    part = exposure.Factory(exposure, Box((11, -4), (13, -1)))
    assert part.getBBox() == Box((11, -4), (13, -1))
    assert (part.width, part.height, part.depth) == (2, 3, 1)
    assert part.getWcs() == "here"
    assert part.getPsf() is exposure.getPsf()
    part.image.array[...] = 7.0
    part.variance.array[...] = 8.0
    part.mask.array[...] = 4
    for array, value in zip(exposure._arrays(), (7.0, 8.0, 4), strict=True):
        assert (device.to_host(array)[1:3, 1:4] == value).all()
        assert (device.to_host(array) == value).sum() == 6
    part.mask.addMaskPlane("FAR")
    assert exposure.mask.getMaskPlane("FAR") == 9


def test_parts_of_parts(device, exposure):
    part = exposure.Factory(exposure, Box((11, -4), (15, 2)))
    inner = part.Factory(part, Box((12, 0), (14, 1)))
    expected = device.to_host(exposure.image.array)[2:4, 5:6]
    np.testing.assert_array_equal(device.to_host(inner.image.array), expected)


def test_parts_outside(exposure):
    for box in (Box((0, 0), (2, 2)), Box((10, -5), (17, 3)), Box((10, -5), (10, -5))):
        with pytest.raises(ValueError, match="must have elements"):
            exposure.Factory(exposure, box)


def test_axes_the_other_way(device):
    image = np.arange(24.0).reshape(4, 6)
    exposure = Exposure.from_yx(device.asarray(image), xy0=(100, 200))
    assert exposure.getDimensions() == (6, 4)
    part = exposure.Factory(exposure, Box((101, 202), (104, 204)))
    np.testing.assert_array_equal(device.to_host(part.image.array), image[2:4, 1:4])
    assert part.getBBox() == Box((101, 202), (104, 204))


def test_copies(device, exposure):
    again = exposure.clone()
    again.image.array[...] = -1
    again.mask.array[...] = 5
    assert float(exposure.image.array.min()) >= 0
    assert int(exposure.mask.array.max()) == 0
    assert again.getXY0() == exposure.getXY0()
    again.setPsf(None)
    again.setWcs("there")
    assert exposure.getPsf() is not None
    assert exposure.getWcs() == "here"


def test_views_that_cannot_be_written_to(device, exposure):
    locked = exposure.readOnly()
    if device.kind == "cpu":
        for array in locked._arrays():
            with pytest.raises(ValueError, match="read-only"):
                array[...] = 0
    exposure.image.array[...] = 3.0
    assert float(locked.image.array.max()) == 3.0


def test_image_and_variance_together(device, exposure):
    image, variance, _ = (device.to_host(array).copy() for array in exposure._arrays())
    masked = exposure.getMaskedImage()
    masked *= 2.0
    masked += 1.0
    masked -= 0.5
    masked /= 4.0
    exposure.maskedImage = masked
    np.testing.assert_allclose(device.to_host(exposure.image.array), (image * 2 + 0.5) / 4)
    np.testing.assert_allclose(device.to_host(exposure.variance.array), variance / 4)


def test_made_of_containers(device):
    image = ImageArray(device.asarray(np.zeros((3, 4))))
    assert Exposure(image).image.array is image.array
    assert Exposure(Image(image.array)).image.array is image.array
    assert Exposure([[1, 2], [3, 4]]).image.array.tolist() == [[1, 2], [3, 4]]


def test_wrong_parts(fake_gpu):
    with pytest.raises(ValueError, match="two or three axes"):
        Exposure(np.zeros(3))
    with pytest.raises(ValueError, match="variance: expected shape"):
        Exposure(np.zeros((3, 3)), np.zeros((3, 2)))
    with pytest.raises(TypeError, match="mask: expected integers"):
        Exposure(np.zeros((3, 3)), mask=np.zeros((3, 3)))
    with pytest.raises(ValueError, match="xy0"):
        Exposure(np.zeros((3, 3)), xy0=(1, 2, 3))
    with pytest.raises(TypeError, match="found an Exposure"):
        Exposure(Exposure(np.zeros((3, 3))))
    with pytest.raises(MixedDevicesError):
        Exposure(np.zeros((3, 3)), fake_gpu.zeros((3, 3)))


# ---- Point-spread functions


def test_widths():
    assert GaussianPsf(2.0).computeShape().getDeterminantRadius() == 2.0
    kernel = GaussianPsf(2.0).computeKernelImage()
    assert kernel.shape == (17, 17)
    np.testing.assert_allclose(kernel.sum(), 1.0)
    measured = KernelPsf(5 * kernel).computeShape().getDeterminantRadius()
    np.testing.assert_allclose(measured, 2.0, rtol=1e-2)
    narrow = np.multiply.outer(np.exp(-0.5 * np.arange(-9, 10) ** 2 / 4), [0, 1, 0])
    assert KernelPsf(narrow).computeShape().getDeterminantRadius() == 0.0
    volume = GaussianPsf(1.0, ndim=3)
    assert volume.computeKernelImage().shape == (9, 9, 9)
    np.testing.assert_allclose(KernelPsf(volume.kernel).computeShape().radius, 1.0, rtol=1e-2)


def test_kernels_of_different_sizes():
    dot, wide = np.ones((1, 1)), np.ones((3, 5)) / 15
    psf = CoaddPsf([(dot, Box((0, 0), (2, 2))), (KernelPsf(wide), Box((0, 0), (4, 4)), 3.0)])
    expected = np.full((3, 5), 3 / 4 / 15)
    expected[1, 2] += 1 / 4
    np.testing.assert_allclose(psf.computeImage((1, 1)), expected)
    np.testing.assert_allclose(psf.computeKernelImage((3, 3)), wide)
    assert psf.computeShape((3, 3)).getDeterminantRadius() > 0


def test_wrong_point_spread_functions():
    psf = CoaddPsf([(np.ones((3, 3)), Box((0, 0), (2, 2)))])
    with pytest.raises(ValueError, match="in none of the 1 parts"):
        psf.computeKernelImage((5, 5))
    with pytest.raises(ValueError, match="at least one"):
        CoaddPsf([])
    with pytest.raises(ValueError, match="coordinates"):
        CoaddPsf([(np.ones((1, 1)), Box((0, 0), (2, 2)), 1.0, wcs) for wcs in ("a", "b")])
    for sigma in (0.0, -1.0, np.nan):
        with pytest.raises(ValueError, match="sigma"):
            GaussianPsf(sigma)
    for kernel in (np.zeros((3, 3)), np.full((3, 3), np.nan)):
        with pytest.raises(ValueError, match="positive sum"):
            KernelPsf(kernel)
