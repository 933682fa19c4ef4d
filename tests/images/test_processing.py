"""Normalising and cropping images."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

import gpupept
from gpupept.images import ImageArray, crop_image, normalize_data


@given(
    npst.arrays(
        st.sampled_from(["u1", "i2", "u2", "i4", "f8"]),
        st.integers(1, 20),
        elements={"allow_nan": False, "allow_infinity": False, "max_value": 100, "min_value": 0},
    ),
    st.sampled_from([(0, 255), (0, 65535), (0, 1), (-5, 3), (7, 2)]),
)
def test_normalised(device, values, limits):
    found = device.to_host(normalize_data(device.asarray(values), limits))
    low, high = int(values.min()) if values.dtype.kind != "f" else values.min(), values.max()
    exact = np.full(values.shape, float(limits[0]))
    if high > low:
        exact += (values - np.float64(low)) / (np.float64(high) - low) * (limits[1] - limits[0])
    kinds = {(0, 255): np.uint8, (0, 65535): np.uint16, (0, 1): np.float32}
    assert found.dtype == kinds.get(limits, np.float64)
    if found.dtype.kind == "u":
        assert (np.abs(found - exact) <= 1 + 1e-9).all()
        assert (found <= exact + 1e-9 * limits[1]).all(), "truncated"
    else:
        np.testing.assert_allclose(found, exact, rtol=1e-6, atol=1e-6)


def test_type_of_the_result(device):
    image = device.asarray(np.array([1.0, 2.0], dtype=np.float32))
    assert normalize_data(image, (0, 10)).dtype == np.float32
    assert type(normalize_data(ImageArray(image), (0, 1))) is ImageArray


def test_input_range(device):
    image = device.asarray(np.array([-10.0, 0.0, 50.0, 200.0]))
    assert device.to_host(normalize_data(image, (0, 255), (0, 100))).tolist() == [0, 0, 127, 255]
    assert device.to_host(normalize_data(image, (0, 2), (0, 100))).tolist() == [-0.2, 0, 1, 4]


def test_nan_becomes_the_lower_end_of_integers(device):
    image = device.asarray(np.array([1.0, np.nan, 3.0, np.inf, -np.inf]))
    found = normalize_data(image, (0, 255), (0, 3))
    assert device.to_host(found).tolist() == [85, 0, 255, 255, 0]


@pytest.mark.parametrize(("dtype", "largest"), [("f8", 1.7e308), ("f4", 3.4e38)])
def test_the_largest_numbers(device, dtype, largest):
    image = device.asarray(np.array([-largest, 0, largest], dtype=dtype))
    assert device.to_host(normalize_data(image, (0, 65535))).tolist() == [0, 32767, 65535]
    assert device.to_host(normalize_data(image, (0, 1))).tolist() == [0.0, 0.5, 1.0]


def test_bad_ranges():
    for limits in ((0,), (0, np.nan), "ab"):
        with pytest.raises(ValueError):
            normalize_data(np.arange(3), limits)
    with pytest.raises(ValueError, match="data_range_input"):
        normalize_data(np.array([1.0, np.nan]), (0, 1))
    with pytest.raises(ValueError, match="at least one element"):
        normalize_data(np.zeros(0), (0, 1))


def test_cropped(device):
    values = np.arange(60).reshape(3, 4, 5)
    image = ImageArray(device.asarray(values))
    block = crop_image(image, (0, 3), (1, 3), (4, 5))
    assert type(block) is ImageArray
    np.testing.assert_array_equal(device.to_host(block.array), values[:, 1:3, 4:])
    block[...] = 0
    assert image.array[0, 1, 4] == 0, "a view"
    flat = crop_image(device.asarray(values[0]), (1, 2), (0, 5))
    np.testing.assert_array_equal(device.to_host(flat), values[0, 1:2])


@pytest.mark.parametrize("ranges", [((0, 2), (0, 4)), ((1, 3), (1, 3))])
def test_cropped_pixels_keep_their_type_and_share_nothing(device, ranges):
    values = np.arange(12, dtype=np.uint32).reshape(3, 4)
    pixels = gpupept.Pixels(device.asarray(values), [0, 3], [0, 8], dtype=np.uint32)
    block = crop_image(pixels, *ranges)
    assert block.dtype == np.uint32
    assert block.xlim.tolist() == list(ranges[0])
    block += 1
    np.testing.assert_array_equal(device.to_host(pixels.array), values)


@pytest.mark.parametrize(
    ("ranges", "message"),
    [
        (((0, 4), (0, 4), (0, 5)), "x must be"),
        (((0, 3), (2, 2), (0, 5)), "y must be"),
        (((0, 3), (0, 4), (-1, 5)), "z must be"),
        (((0, 3), (0, 4)), "2 axes"),
    ],
)
def test_not_cropped(ranges, message):
    with pytest.raises(ValueError, match=message):
        crop_image(np.zeros((3, 4, 5)), *ranges)
