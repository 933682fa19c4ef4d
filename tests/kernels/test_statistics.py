"""Moments, ranks and counts: exact oracle, every dtype and layout, on the CPU and by the CUDA source."""

from __future__ import annotations

import numpy as np
import pytest
from cuda_host import build, fake_cupy
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from oracle import statistics as oracle

from gpupept.base.statistics import compute_histogram, image_statistics
from gpupept.kernels.statistics import (
    count_values,
    extreme_value,
    middle_keys,
    moments,
    pieces,
    value_of_key,
)
from gpupept.kernels.threads import use_threads

DTYPES = ("?", "b", "B", "h", "H", "i", "I", "q", "Q", "e", "f", "d")
EXACT = ("minimum", "maximum")


def random_image(dtype, shape, seed=0):
    rng = np.random.default_rng(seed)
    kind = np.dtype(dtype)
    if kind.kind == "f":
        return rng.gamma(2.0, 3.0, size=shape).astype(kind)
    if kind.kind == "b":
        return rng.integers(0, 2, size=shape).astype(bool)
    limits = np.iinfo(kind)
    return rng.integers(limits.min, limits.max, size=shape, dtype=kind, endpoint=True)


def check(found, expected, rtol=1e-11, atol=1e-11):
    numbers = found.as_dict()
    assert list(numbers) == list(expected) or set(numbers) == set(expected)
    for name, value in expected.items():
        if name in EXACT:
            assert numbers[name] == value or (value != value and numbers[name] != numbers[name])
            continue
        slack = atol if name in ("skewness", "kurtosis") else 0.0
        np.testing.assert_allclose(numbers[name], value, rtol=rtol, atol=slack, err_msg=name)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(1,), (2,), (7, 9), (3, 11, 53)], ids=str)
def test_every_dtype(device, dtype, shape):
    image = random_image(dtype, shape)
    found = image_statistics(device.asarray(image))
    check(found, oracle.statistics(image), rtol=1e-11)
    counts, edges = found.histogram
    assert counts.tolist() == oracle.histogram(image, edges)
    assert found.n == image.size


@pytest.mark.parametrize("dtype", ["B", "i", "f", "d"])
def test_masks(device, dtype):
    image = random_image(dtype, (13, 31))
    mask = np.random.default_rng(1).random(image.shape) < 0.4
    found = image_statistics(device.asarray(image), device.asarray(mask))
    check(found, oracle.statistics(image, mask))
    assert found.histogram[0].tolist() == oracle.histogram(image, found.histogram[1], mask)
    assert found.n == (~mask).sum()


LAYOUTS = {
    "fortran": lambda a: a.copy("F") if isinstance(a, np.ndarray) else a.copy().T.copy().T,
    "reversed": lambda a: a[::-1, :, ::-1],
    "permuted": lambda a: a.transpose(1, 2, 0),
    "strided": lambda a: a[::2, 1:, ::3],
    "slice": lambda a: a[2],
    "column": lambda a: a[:, 3:4, :],
    "broadcast": lambda a: a[:1],
}


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("masked", [False, True])
def test_layouts(device, layout, masked, monkeypatch):
    monkeypatch.setattr("gpupept.kernels.statistics.elements.PIECE", 40)
    image = random_image("d", (8, 9, 10))
    mask = np.random.default_rng(2).random(image.shape) < 0.3
    view = LAYOUTS[layout]
    given = view(device.asarray(mask)) if masked else None
    found = image_statistics(view(device.asarray(image)), given)
    check(found, oracle.statistics(view(image), view(mask) if masked else None))


def test_masked_arrays():
    image, mask = random_image("d", (8, 9)), np.random.default_rng(0).random((8, 9)) < 0.3
    masked = np.ma.MaskedArray(image, mask)
    check(image_statistics(masked), oracle.statistics(image, mask))
    check(
        image_statistics(masked, mask.T.reshape(8, 9)),
        oracle.statistics(image, mask | mask.T.reshape(8, 9)),
    )


def test_other_byte_order_and_broadcast_arrays():
    image = random_image("d", (5, 6))
    swapped = image.astype(">f8")
    check(image_statistics(swapped), oracle.statistics(image))
    wide = np.broadcast_to(random_image("i", (6,)), (5, 6))
    check(image_statistics(wide), oracle.statistics(wide))


def test_arrays_that_fill_their_memory_are_not_copied(device):
    image = device.asarray(random_image("f", (4, 5, 6)))
    for view in (image, image.T, image[::-1], image.transpose(2, 0, 1), image[:, ::-1]):
        ((piece, skipped),) = list(pieces(view, None))
        assert skipped is None
        assert np.shares_memory(*(getattr(a, "_host", a) for a in (piece, image))) or (
            device.kind == "gpu"
        )


def test_pieces_hold_each_element_once(monkeypatch):
    monkeypatch.setattr("gpupept.kernels.statistics.elements.PIECE", 10)
    image = np.arange(3 * 5 * 25).reshape(3, 5, 25)[:, :, ::2]
    found = [piece for piece, _ in pieces(image, None)]
    assert max(map(len, found)) <= 10
    assert sorted(np.concatenate(found).tolist()) == sorted(image.ravel().tolist())


numbers = st.one_of(
    st.sampled_from([0.0, -0.0, 1.0, 1.0, 5e-324, 1e-300, 1e300, -1.7e308, 1.7e308, 0.1]),
    st.floats(allow_nan=False, allow_infinity=False),
    st.floats(-10, 10),
)


@settings(max_examples=60)
@given(npst.arrays(np.float64, st.integers(1, 40), elements=numbers))
def test_any_finite_numbers(device, image):
    found = image_statistics(device.asarray(image))
    expected = oracle.statistics(image)
    valid = {name: expected[name] for name in ("median", "minimum", "maximum")}
    for name, value in valid.items():
        assert found.as_dict()[name] == value
    assert found.minimum <= found.mean_value <= found.maximum
    size = np.abs(image).max()
    np.testing.assert_allclose(found.mean_value / 2, expected["mean"] / 2, atol=size * 1e-15)
    if found.minimum == found.maximum:
        assert found.variance == found.standarddev == 0.0
        assert np.isnan(found.skewness)
        assert np.isnan(found.kurtosis)
    elif expected["standarddev"] > 0.0:
        # Numbers are rounded to 1e-16 of the largest before anything is summed.
        slack = 1e-14 * size / expected["standarddev"]
        np.testing.assert_allclose(found.standarddev, expected["standarddev"], rtol=1e-11 + slack)
        if expected["standarddev"] > 1e-8 * size:
            check(found, expected | {"mean": found.mean_value}, rtol=1e-6, atol=1e-6)
    assert found.histogram[0].sum() == image.size
    assert found.histogram[0].tolist() == oracle.histogram(image, found.histogram[1])


special = st.sampled_from([np.nan, -np.nan, np.inf, -np.inf, 0.0, 1.0, -2.5, 3.0])


@settings(max_examples=60)
@given(
    npst.arrays(np.float32, st.integers(1, 30), elements=special),
    st.sampled_from(["propagate", "omit"]),
)
def test_numbers_that_are_not_finite(device, image, policy):
    found = image_statistics(device.asarray(image), nan_policy=policy)
    check(found, oracle.statistics(image, omit=policy == "omit"))
    assert found.n_nan == np.isnan(image).sum()
    assert found.n == image.size - found.n_nan
    kept = image[~np.isnan(image)] if policy == "omit" else image
    assert (found.histogram is not None) == (kept.size > 0 and np.isfinite(kept).all())


@settings(max_examples=40)
@given(npst.arrays(np.int64, st.integers(1, 30)) | npst.arrays(np.uint64, st.integers(1, 30)))
def test_wide_integers(device, image):
    found = image_statistics(device.asarray(image))
    ordered = sorted(image.tolist())
    assert (found.minimum, found.maximum) == (ordered[0], ordered[-1])
    middle = (ordered[(len(ordered) - 1) // 2] + ordered[len(ordered) // 2]) / 2
    assert found.median == middle
    assert isinstance(found.minimum, int)
    assert found.histogram[0].sum() == image.size


@pytest.mark.parametrize("dtype", ["B", "f", "d", "q"])
def test_results_depend_on_neither_threads_nor_order(device, dtype):
    image = random_image(dtype, 300_000 if device.kind == "cpu" else 20_000)
    array = device.asarray(image)
    found = []
    for threads in (1, 2, 5):
        with use_threads(threads):
            found.append(image_statistics(array))
    if device.kind == "shim":
        with build.threads_from_last():
            found.append(image_statistics(array))
    for other in found[1:]:
        assert other == found[0]
        np.testing.assert_array_equal(other.histogram[0], found[0].histogram[0])


def test_devices_agree(gpu_device):
    image = random_image("f", (40, 41))
    on_host, there = image_statistics(image), image_statistics(gpu_device.asarray(image))
    check(there, on_host.as_dict(), rtol=1e-13, atol=1e-13)
    np.testing.assert_array_equal(on_host.histogram[0], there.histogram[0])
    assert (on_host.median, on_host.minimum) == (there.median, there.minimum)


@pytest.mark.parametrize("dtype", ["d", "f", "i", "B"])
@pytest.mark.parametrize("background", [0.0, 0.5, 0.97])
@pytest.mark.parametrize("even", [0, 1])
def test_median_of_many(dtype, background, even):
    """More elements than are taken out at once, so that ranges are narrowed."""
    rng = np.random.default_rng(3)
    image = (rng.normal(size=400_000 + even) * 50 + 100).clip(0, 255).astype(dtype)
    image[rng.random(image.size) < background] = 0
    found = moments(image)
    keys = middle_keys(image, None, found)
    a, b = (extreme_value(key, image) for key in keys)
    ordered = np.sort(image)
    assert (a, b) == (ordered[(image.size - 1) // 2], ordered[image.size // 2])


@pytest.mark.parametrize("shift", [0.0, 1.0, -1.0])
def test_median_of_many_where_a_sample_misleads(shift, monkeypatch):
    """Every element that is sampled is the same, or above or below all others."""
    image = np.random.default_rng(4).normal(size=(3, 200_000))
    image[:, :: image[0].size // 16384] = 9 * shift
    mask = np.random.default_rng(5).random(image.shape) < 0.2
    image[1, 1::1000] = np.nan
    monkeypatch.setattr("gpupept.kernels.statistics.elements.PIECE", 150_000)
    for view, skipped in ((image, mask), (image[:, 100:], mask[:, 100:]), (image.T, None)):
        kept = view[~np.isnan(view)] if skipped is None else view[~np.isnan(view) & ~skipped]
        assert image_statistics(view, skipped, "omit").median == np.median(kept)


def test_median_between_two_far_values(device):
    image = np.repeat([-1e10, 1e-3], 500)
    assert image_statistics(device.asarray(image)).median == (-1e10 + 1e-3) / 2


def test_large_offsets_keep_their_spread(device):
    rng = np.random.default_rng(5)
    image = 1e6 + 1e-2 * rng.normal(size=3000)
    expected = oracle.statistics(image)
    check(image_statistics(device.asarray(image)), expected, rtol=1e-8, atol=1e-8)


def test_subnormal_float32(device):
    image = (np.arange(1, 100) * 1e-43).astype(np.float32)
    check(image_statistics(device.asarray(image)), oracle.statistics(image))


def test_counts_on_and_beside_edges(device):
    edges = np.linspace(-3.0, 7.0, 256)
    image = np.concatenate([edges, np.nextafter(edges, -np.inf), np.nextafter(edges, np.inf)])
    counts = count_values(device.asarray(image), None, edges)
    assert (
        counts.tolist() == np.histogram(image, edges)[0].tolist() == oracle.histogram(image, edges)
    )


@pytest.mark.parametrize("bins", [1, 2, 255, 8192, 8193, 30000])
def test_any_number_of_bins(device, bins):
    image = random_image("d", 2000)
    counts, edges = compute_histogram(device.asarray(image), bins)
    np.testing.assert_array_equal(counts, np.histogram(image, bins)[0])
    np.testing.assert_array_equal(edges, np.histogram(image, bins)[1])


def test_little_comes_from_the_device(fake_gpu, monkeypatch):
    """All statistics of an image: less than 4 KB, however large the image."""
    array = fake_gpu.asarray(random_image("f", (30, 31, 32)))
    copied = []
    get = fake_gpu.ndarray.get
    monkeypatch.setattr(
        fake_gpu.ndarray, "get", lambda self, *a, **k: copied.append(self.nbytes) or get(self)
    )
    image_statistics(array)
    assert 0 < sum(copied) < 4096
    assert fake_gpu.launches.count("block_moments") == 1


def test_on_another_device():
    with fake_cupy.installed(devices=2) as cupy:
        image = random_image("f", (30, 20))
        with cupy.cuda.Device(1):
            array = cupy.asarray(image)
        check(image_statistics(array), oracle.statistics(image))


@pytest.mark.parametrize("kind", ["e", "f", "d", "i", "Q"])
def test_keys_are_in_order(kind):
    dtype = np.dtype(kind)
    if kind in "efd":
        keys = [-5, -1, 0, 1, 2, int(np.finfo(dtype).nmant) << 3]
        values = [value_of_key(key, dtype) for key in keys]
        assert values == sorted(values)
        assert value_of_key(0, dtype) == 0.0
        return
    assert value_of_key(7, dtype) == (7 if kind == "i" else 7 + 2**63)
