"""Grouping rows by label on every device against dictionaries."""

from __future__ import annotations

from itertools import chain

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from oracle import grouping as oracle
from ragged import CPU, ranges

from gpupept.kernels.grouping import group_by_label
from gpupept.kernels.threads import use_threads


def check(device, labels, samples, noise):
    labels = np.array(labels, dtype=np.float64)
    samples = np.asarray(samples, dtype=np.int64).reshape(-1, 2)
    found = group_by_label(device.asarray(labels), samples, noise)
    expected = oracle.groups(labels, samples, noise)
    flat = [group for sample in expected for group in sample]
    assert device.to_host(found.rows).tolist() == list(chain(*flat))
    for host, values in (
        (found.sizes, [len(group) for group in flat]),
        (found.per_sample, [len(sample) for sample in expected]),
    ):
        assert isinstance(host, np.ndarray)
        assert host.dtype == np.int64
        assert host.tolist() == values


CLUSTERS = st.integers(-1, 4).map(float)
ANY = st.one_of(CLUSTERS, st.sampled_from([0.5, -3.0, 1e300, np.inf, -np.inf, np.nan, -0.0, 100.0]))


@st.composite
def batches(draw):
    labels = draw(st.lists(draw(st.sampled_from([CLUSTERS, ANY])), max_size=20))
    return labels, draw(ranges(len(labels)))


@settings(max_examples=200)
@given(batch=batches(), noise=st.booleans())
def test_any_labels(device, batch, noise):
    check(device, *batch, noise)


@pytest.mark.parametrize("noise", [False, True])
def test_many_rows_keep_their_order(device, noise):
    rng = np.random.default_rng(0)
    labels = rng.integers(-1, 6, 3000).astype(float)
    labels[2000:2300] = rng.normal(size=300).round(1)
    labels[rng.random(3000) < 0.02] = np.nan
    starts = np.arange(0, 2900, 90)
    check(device, labels, np.column_stack([starts, starts + 100]), noise)


@pytest.mark.parametrize("samples", [[], [[0, 0]], [[3, 3], [0, 5], [5, 5]]])
def test_no_rows_and_nothing_but_noise(device, samples):
    check(device, [-1.0] * 5, samples, False)
    check(device, [-1.0] * 5, samples, True)
    check(device, [np.nan] * 5, samples, True)


def test_golden_clusters(device, golden):
    archive = golden("tracking_transformers")
    points = archive["split/points"]
    labels = np.ascontiguousarray(points[:, -1])
    found = group_by_label(device.asarray(labels), np.array([[0, len(points)]]))
    assert found.per_sample.tolist() == [3]
    groups = np.split(device.to_host(found.rows), np.cumsum(found.sizes)[:-1])
    for number, rows in enumerate(groups):
        np.testing.assert_array_equal(points[rows, :-1], archive[f"split/cluster_{number}"])


def test_number_of_threads_changes_nothing():
    labels = np.random.default_rng(1).integers(-1, 5, 2000).astype(float)
    starts = np.arange(0, 1900, 31)
    for threads in (1, 2, 5):
        with use_threads(threads):
            check(CPU, labels, np.column_stack([starts, starts + 100]), False)


def test_two_small_copies_leave_the_gpu(fake_gpu, monkeypatch):
    from cuda_host.fake_array import ndarray

    labels = fake_gpu.asarray(np.random.default_rng(2).integers(-1, 3, 1000).astype(float))
    copies = []
    get = ndarray.get
    monkeypatch.setattr(ndarray, "get", lambda a, *rest: copies.append(a.size) or get(a, *rest))
    samples = np.column_stack([np.arange(0, 1000, 100), np.arange(100, 1100, 100)])
    groups = group_by_label(labels, samples)
    assert groups.per_sample.tolist() == [3] * 10
    assert sum(copies) <= 2 * (30 + 1)
