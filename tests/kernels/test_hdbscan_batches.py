"""HDBSCAN gives a cloud the same result in every batch, on every device and however it is launched."""

from __future__ import annotations

import contextlib
from unittest import mock

import numpy as np
import pytest
from hdbscan_clouds import KINDS, assert_same, batches, blobs, of_cloud, offsets_of, run
from hypothesis import given, settings
from hypothesis import strategies as st

from gpupept.backend import device_of, to_device, to_host
from gpupept.kernels.hdbscan import device as on_device
from gpupept.kernels.hdbscan import hdbscan
from gpupept.kernels.threads import use_threads


def make_clouds(seed, sizes):
    rng = np.random.default_rng(seed)
    return [KINDS[i % len(KINDS)](rng, n) for i, n in enumerate(sizes)]


SIZES = (0, 1, 2, 3, 15, 16, 17, 31, 32, 33, 63, 64, 65, 0, 130, 200, 7)


@contextlib.contextmanager
def shared_memory(limit):
    """Launch as if a block could have no more shared memory than this."""
    limit += on_device.STATIC_BYTES
    with mock.patch.object(on_device, "shared_memory_limit", return_value=limit):
        yield


@settings(max_examples=150)
@given(batch=batches(largest=90), single=st.booleans())
def test_gpu_equals_cpu(gpu_device, batch, single):
    cpu = type(gpu_device)("cpu")
    assert_same(run(gpu_device, *batch, single), run(cpu, *batch, single))


@settings(max_examples=60)
@given(batch=batches(largest=60), single=st.booleans())
def test_a_cloud_alone_equals_the_cloud_in_a_batch(device, batch, single):
    clouds, *limits = batch
    found = run(device, *batch, single)
    for s, cloud in enumerate(clouds):
        alone = run(device, [cloud], *([limit[s]] for limit in limits), single)
        assert_same(of_cloud(found, clouds, s), of_cloud(alone, [cloud], 0))


def test_order_of_the_clouds_does_not_matter(device):
    clouds = make_clouds(3, SIZES)
    phi = [max(2, len(cloud) // 6) for cloud in clouds]
    found = run(device, clouds, phi, phi)
    order = np.random.default_rng(0).permutation(len(clouds))
    shuffled = [clouds[s] for s in order]
    again = run(device, shuffled, [phi[s] for s in order], [phi[s] for s in order])
    for place, s in enumerate(order):
        assert_same(of_cloud(again, shuffled, place), of_cloud(found, clouds, s))


@pytest.mark.parametrize("threads", [1, 2, 7])
def test_number_of_threads_does_not_matter(threads):
    rng = np.random.default_rng(1)
    clouds = make_clouds(4, rng.integers(0, 150, 60))
    points, offsets = np.concatenate(clouds), offsets_of(clouds)
    phi = np.maximum(2, np.diff(offsets) // 8)
    expected = hdbscan(points, offsets, phi, phi)
    with use_threads(threads):
        assert_same(hdbscan(points, offsets, phi, phi), expected)


def test_arguments_are_left_as_they_are(device):
    clouds = make_clouds(5, (40, 90))
    points = device.asarray(np.concatenate(clouds))
    offsets, phi = offsets_of(clouds), np.array([5, 9])
    before = [device.to_host(points).copy(), offsets.copy(), phi.copy()]
    hdbscan(points, offsets, phi, phi)
    for array, copy in zip([device.to_host(points), offsets, phi], before, strict=True):
        np.testing.assert_array_equal(array, copy)


def test_no_clouds_and_no_points(device):
    for clouds in ([], [[]], [[], [], []]):
        found = run(device, clouds, 5, 5)
        assert [len(array) for array in found] == [0, 0, 0, len(clouds), 0, 0]
        assert (found.found == 0).all()


# ---- Launching -----------------------------------------------------------------------------------


@pytest.mark.parametrize("limit", [0, 500, 12 * 65, 44 * 65, 44 * 130])
def test_without_enough_shared_memory_global_memory_does(gpu_device, limit):
    """Sorting and the spanning tree leave shared memory at different sizes."""
    clouds = make_clouds(6, SIZES)
    phi = [max(2, len(cloud) // 6) for cloud in clouds]
    expected = run(type(gpu_device)("cpu"), clouds, phi, phi, single=True)
    with shared_memory(limit):
        assert_same(run(gpu_device, clouds, phi, phi, single=True), expected)


@pytest.mark.parametrize("points_per_thread", [1, 1000])
def test_number_of_gpu_threads_does_not_matter(gpu_device, points_per_thread):
    """From blocks of one warp to as many threads as points."""
    clouds = make_clouds(7, SIZES)
    phi = [max(2, len(cloud) // 6) for cloud in clouds]
    expected = run(type(gpu_device)("cpu"), clouds, phi, phi)
    with mock.patch.object(on_device, "POINTS_PER_THREAD", points_per_thread):
        assert_same(run(gpu_device, clouds, phi, phi), expected)
        with shared_memory(0):
            assert_same(run(gpu_device, clouds, phi, phi), expected)


def test_order_in_which_threads_run_does_not_matter(fake_gpu):
    from cuda_host.build import threads_from_last

    clouds = make_clouds(8, SIZES)
    points, offsets = np.concatenate(clouds), offsets_of(clouds)
    phi = np.maximum(2, np.diff(offsets) // 6)
    expected = hdbscan(points, offsets, phi, phi)
    for limit in (0, 60_000):
        with threads_from_last(), shared_memory(limit):
            found = hdbscan(to_device(points, "cuda"), offsets, phi, phi)
        assert_same([to_host(array) for array in found], expected)


def test_launches_do_not_grow_with_the_batch(fake_gpu):
    counts = []
    for samples in (3, 40):
        clouds = make_clouds(9, [20, 70, 120, 0] * samples)
        phi = np.full(len(clouds), 4)
        points = to_device(np.concatenate(clouds), "cuda")
        fake_gpu.launches.clear()
        with mock.patch.object(type(points), "get", side_effect=AssertionError("waits")):
            hdbscan(points, offsets_of(clouds), phi, phi)
        counts.append(len(fake_gpu.launches))
    assert counts == [5, 5]


def test_results_are_on_the_gpu_of_the_points():
    from cuda_host import build, fake_cupy

    if build.compiler() is None:
        pytest.skip("no C++ compiler found")
    cloud = blobs(np.random.default_rng(0), 50)
    with fake_cupy.installed(devices=2):
        found = hdbscan(to_device(cloud, "cuda:1"), np.array([0, 50]), np.array([5]), np.array([5]))
        assert {device_of(array) for array in found} == {"cuda:1"}


def test_clouds_beyond_the_numbers_of_the_kernels_are_refused(fake_gpu):
    points = to_device(np.zeros((36, 3)), "cuda")
    phi = np.full(2, 3)
    with mock.patch.object(on_device, "LARGEST_SAMPLE", 30):
        hdbscan(points, np.array([0, 30, 36]), phi, phi)
        with pytest.raises(ValueError, match=r"30 points.*found 31"):
            hdbscan(points, np.array([0, 31, 36]), phi, phi)


@given(
    sizes=st.lists(st.integers(0, 2**20), max_size=60),
    limit=st.sampled_from([0, 1000, 60_000, 95_000, 160_000, 228_000]),
)
def test_groups_share_what_fits_all_their_samples(sizes, limit):
    sizes = np.array(sizes, dtype=np.int64)
    members, groups = on_device.group_samples(sizes, limit)
    assert sorted(members) == list(range(len(sizes)))
    assert [g.first for g in groups] == [0, *(g.last for g in groups[:-1])][: len(groups)]
    assert not groups or groups[-1].last == len(sizes)
    assert len(groups) <= 6
    for group in groups:
        own = sizes[members[group.first : group.last]]
        assert own.max() == group.largest
        assert group.threads in (32, 64, 128, 256, 512, 1024)
        for size in (on_device.SORT_BYTES, on_device.TREE_BYTES):
            fits = own * size <= limit
            assert fits.all() or not fits.any()
            shared = group.shared_points(size, limit)
            assert shared == (group.largest if fits.all() else 0)
