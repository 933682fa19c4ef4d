"""The stand-in for CuPy refuses what CuPy refuses, and computes what NumPy computes."""

from __future__ import annotations

import copy
import sys

import numpy as np
import pytest
from cuda_host import fake_cupy

from gpupept.backend import (
    MixedDevicesError,
    array_namespace,
    cupy_module,
    device_of,
    is_device_array,
    namespace,
    probe,
    to_device,
    to_host,
)


@pytest.fixture
def cp():
    with fake_cupy.installed() as module:
        yield module


def test_installed_is_undone():
    before, report, loaded = namespace._cupy, probe(), sys.modules.get("cuml")
    with fake_cupy.installed() as module:
        import plistlib  # noqa: F401 - imported in here, it stays

        assert cupy_module() is module
        assert probe().usable
        array = module.zeros(2)
    assert namespace._cupy is before
    assert probe() == report
    assert sys.modules.get("cuml") is loaded
    assert "plistlib" in sys.modules
    assert not is_device_array(array)


def test_round_trip_and_identity(cp):
    host = np.arange(6, dtype=np.int32).reshape(2, 3)
    array = to_device(host, "cuda")
    assert is_device_array(array)
    assert device_of(array) == "cuda:0"
    assert array_namespace(array) is cp
    assert to_device(array, "cuda:0") is array
    back = to_host(array)
    assert type(back) is np.ndarray
    np.testing.assert_array_equal(back, host)
    host[0, 0] = 9
    assert int(array[0, 0]) == 0, "moving copies"


def test_no_implicit_conversion(cp):
    array = cp.zeros(3)
    for convert in (np.asarray, np.array, np.ascontiguousarray, np.float64):
        with pytest.raises(TypeError, match="Implicit conversion"):
            convert(array)


@pytest.mark.parametrize(
    "mix",
    [
        lambda cp, a, h: a + h,
        lambda cp, a, h: h + a,
        lambda cp, a, h: cp.concatenate([a, h]),
        lambda cp, a, h: cp.where(h > 0, a, 0),
        lambda cp, a, h: np.concatenate([a, h]),
        lambda cp, a, h: a[h.astype(int)],
        lambda cp, a, h: cp.sum(h),
        lambda cp, a, h: cp.sum([1.0, 2.0]),
        lambda cp, a, h: a.__iadd__(h),
    ],
)
def test_host_arrays_are_refused(cp, mix):
    with pytest.raises(TypeError):
        mix(cp, cp.zeros(3), np.zeros(3))


def test_assigning_host_arrays_is_refused(cp):
    array = cp.zeros(3)
    for value in (np.ones(3), [1, 2, 3]):
        with pytest.raises(ValueError, match="cannot be used for fill"):
            array[:] = value
    array[:] = np.float64(2)
    array[0] = cp.ones(())
    assert array.tolist() == [1, 2, 2]


def test_reductions_stay_on_the_device(cp):
    total = cp.arange(5).sum()
    assert isinstance(total, cp.ndarray)
    assert total.shape == ()
    assert int(total) == 10
    assert total.item() == 10
    assert isinstance(cp.any(cp.ones(3) > 0), cp.ndarray)
    assert isinstance(np.max(cp.arange(4)), cp.ndarray)


def test_elements_are_views(cp):
    array = cp.zeros(3)
    element = array[1]
    element += 5
    assert array.tolist() == [0, 5, 0]
    array += 1
    assert array.tolist() == [1, 6, 1]


def test_limits_of_cupy(cp):
    array = cp.arange(4)
    with pytest.raises(ValueError, match="repeats"):
        cp.repeat(array, array)
    with pytest.raises(ValueError, match="repeats"):
        array.repeat(array)
    with pytest.raises(AttributeError):
        cp.lexsort((array, array))
    with pytest.raises(NotImplementedError):
        cp.searchsorted(array, 2)
    with pytest.raises(AttributeError):
        _ = cp.add.reduceat
    with pytest.raises(TypeError):
        np.add.reduceat(array, cp.arange(2))
    with pytest.raises(TypeError, match="initial"):
        array.max(initial=0)
    with pytest.raises(TypeError, match="slice"):
        _ = array[: array[1]]
    with pytest.raises(TypeError):
        range(array[1])
    with pytest.raises(AttributeError, match="nanquantile"):
        _ = cp.nanquantile
    with pytest.raises(AttributeError):
        _ = array.searchsorted_


def test_same_numbers_as_numpy(cp):
    host = np.array([3, 1, 2, 1, 5], dtype=np.int64)
    array = cp.asarray(host)
    pairs = [
        (cp.cumsum(array), np.cumsum(host)),
        (cp.argsort(array, kind="stable"), np.argsort(host, kind="stable")),
        (cp.lexsort(cp.stack([array, -array])), np.lexsort([host, -host])),
        (cp.searchsorted(array[:1], array, side="right"), np.searchsorted(host[:1], host, "right")),
        (cp.unique(array, return_counts=True)[1], np.unique(host, return_counts=True)[1]),
        (cp.bincount(array, minlength=8), np.bincount(host, minlength=8)),
        (cp.nonzero(array > 1)[0], np.nonzero(host > 1)[0]),
        (array[array > 1], host[host > 1]),
        (array[::-1].T @ array, host[::-1].T @ host),
        (cp.where(array > 1, array, 0), np.where(host > 1, host, 0)),
        (np.sqrt(array), np.sqrt(host)),
        (array.astype(np.float32) / 2, host.astype(np.float32) / 2),
        (copy.deepcopy(array), host),
        (cp.array([array[0], array[1]]), host[:2]),
    ]
    for found, expected in pairs:
        assert isinstance(found, cp.ndarray)
        assert found.dtype == expected.dtype
        np.testing.assert_array_equal(found.get(), expected)


def test_empty_shows_when_it_is_read(cp):
    assert cp.isnan(cp.empty(3)).all()
    assert (cp.empty((2, 2), dtype=np.int64) > 2**60).all()
    assert (cp.empty_like(cp.zeros(2, dtype=np.int32)) > 2**30).all()


def test_devices_do_not_mix():
    with fake_cupy.installed(devices=2) as cp:
        first = cp.zeros(3)
        second = to_device(np.zeros(3), "cuda:1")
        assert (device_of(first), device_of(second)) == ("cuda:0", "cuda:1")
        assert device_of(second + 1) == "cuda:1"
        with pytest.raises(ValueError, match="device"):
            first + second
        with pytest.raises(MixedDevicesError, match="cuda:0, cuda:1"):
            array_namespace(first, second)
        assert device_of(to_device(first, "cuda:1")) == "cuda:1"
