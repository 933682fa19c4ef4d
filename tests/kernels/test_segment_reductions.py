"""One value for each segment of numbers."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from oracle import transformers as oracle

from gpupept.kernels.segments.reductions import reduce_segments, segment_quantiles

NUMBERS = st.one_of(
    st.floats(-1e6, 1e6, allow_subnormal=False),
    st.sampled_from([0.0, -0.0, 1.0, np.nan, np.inf, -np.inf]),
)
SEGMENTS = st.lists(st.lists(NUMBERS, max_size=7), max_size=6)
NUMERIC = ("sum", "mean", "std", "var", "min", "max", "median")


def flat(segments, dtype=float):
    sizes = np.array([len(values) for values in segments], dtype=np.int64)
    return np.array([v for values in segments for v in values], dtype=dtype), sizes


@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")
@settings(max_examples=150)
@given(segments=SEGMENTS, function=st.sampled_from(NUMERIC))
def test_numbers(device, segments, function):
    values, sizes = flat(segments)
    found = device.to_host(reduce_segments(function, device.asarray(values), sizes))
    assert found.shape == (len(segments),)
    with np.errstate(invalid="ignore"):
        expected = [oracle.reduction(function, part) for part in segments]
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-6)


@settings(max_examples=150)
@given(segments=SEGMENTS, fraction=st.one_of(st.floats(0, 1), st.sampled_from([0.0, 0.5, 1.0])))
def test_quantiles_are_those_of_numpy(device, segments, fraction):
    finite = [[v for v in part if np.isfinite(v)] for part in segments]
    values, sizes = flat(finite)
    found = device.to_host(segment_quantiles(device.asarray(values), sizes, fraction))
    expected = [oracle.reduction("quantile", part, fraction) for part in finite]
    np.testing.assert_array_equal(found, expected)


@settings(max_examples=100)
@given(segments=st.lists(st.lists(st.booleans(), max_size=5), max_size=8))
def test_conditions(device, segments):
    values, sizes = flat(segments, bool)
    for function in ("any", "all"):
        found = device.to_host(reduce_segments(function, device.asarray(values), sizes))
        assert found.dtype == bool
        assert found.tolist() == [bool(oracle.reduction(function, part)) for part in segments]


def test_devices_agree_to_the_bit_on_quantiles(device):
    rng = np.random.default_rng(0)
    sizes = rng.integers(0, 200, 60)
    values = rng.normal(size=sizes.sum())
    parts = np.split(values, np.cumsum(sizes)[:-1])
    for name, fraction in (("min", 0.0), ("max", 1.0), ("median", 0.5)):
        found = device.to_host(reduce_segments(name, device.asarray(values), sizes))
        expected = [oracle.reduction("quantile", part, fraction) for part in parts]
        np.testing.assert_array_equal(found, expected)


def test_sums_of_whole_numbers_are_exact(device):
    """So that a sum can be compared with a number."""
    values = np.arange(3000.0)
    found = reduce_segments("sum", device.asarray(values), np.array([3, 2990, 7]))
    assert device.to_host(found).tolist() == [3, sum(range(3, 2993)), sum(range(2993, 3000))]


@pytest.mark.parametrize("value", [np.inf, -np.inf])
def test_equal_infinities(device, value):
    values = device.asarray(np.full(4, value))
    assert device.to_host(segment_quantiles(values, np.array([4]), 0.4)).tolist() == [value]


def test_next_to_infinity(device):
    values = device.asarray(np.array([0.0, np.inf, -np.inf, 3.0, -np.inf, np.inf]))
    found = device.to_host(reduce_segments("median", values, np.array([2, 2, 2])))
    np.testing.assert_array_equal(found, [np.inf, -np.inf, np.nan])


def test_nan_makes_its_segment_nan(device):
    values = device.asarray(np.array([1.0, np.nan, 2.0, 3.0]))
    for function in NUMERIC:
        found = device.to_host(reduce_segments(function, values, np.array([2, 2])))
        assert np.isnan(found).tolist() == [True, False]
