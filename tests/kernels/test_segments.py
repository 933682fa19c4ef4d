"""Centroids of segments on every device against sums that do not round."""

from __future__ import annotations

import numpy as np
import pytest
from cuda_host import build
from hypothesis import given, settings
from hypothesis import strategies as st
from oracle import segments as oracle
from ragged import CPU, ranges

from gpupept.kernels.segments import Centroids, segment_centroids
from gpupept.kernels.threads import use_threads


def centroids(device, data, segments, weight_column=-1):
    segments = np.asarray(segments, dtype=np.int64).reshape(-1, 2)
    found = segment_centroids(device.asarray(np.ascontiguousarray(data)), segments, weight_column)
    means, spreads, totals = (device.to_host(array) for array in found)
    assert means.shape == (len(segments), data.shape[1])
    assert spreads.shape == totals.shape == (len(segments),)
    return Centroids(means, spreads, totals)


def check(device, data, segments, weight_column=-1):
    found = centroids(device, data, segments, weight_column)
    scale = np.abs(data[np.isfinite(data)]).max(initial=1e-300)
    for g, (start, stop) in enumerate(segments):
        rows = data[start:stop]
        weights = rows[:, weight_column] if weight_column >= 0 else np.ones(len(rows))
        with np.errstate(invalid="ignore", over="ignore"):
            mean, spread, total = oracle.centroid(rows, weights)
        np.testing.assert_allclose(found.means[g], mean, rtol=1e-12, atol=1e-13 * scale)
        np.testing.assert_allclose(found.spreads[g], spread, rtol=1e-9, atol=1e-12 * scale)
        np.testing.assert_allclose(found.totals[g], total, rtol=1e-12)


@st.composite
def batches(draw):
    """Rows with whole, equal and missing numbers; weights that may sum to zero."""
    number = st.one_of(st.integers(-3, 3).map(float), st.floats(-100.0, 100.0))
    odd = st.one_of(number, number, number, st.sampled_from([np.nan, np.inf, -np.inf]))
    columns = draw(st.integers(4, 9))
    size = draw(st.integers(0, 12))
    number = draw(st.sampled_from([number, odd]))
    row = st.tuples(*[number] * columns, st.sampled_from([0.0, 0.5, 1.0, 3.0]))
    rows = draw(st.lists(row, min_size=size, max_size=size))
    data = np.array(rows, dtype=np.float64).reshape(-1, columns + 1)
    return data, draw(ranges(size)), draw(st.sampled_from([-1, columns]))


@settings(max_examples=150)
@given(batch=batches())
def test_any_rows(device, batch):
    check(device, *batch)


@pytest.mark.parametrize("rows", [1, 31, 33, 4095, 4096, 4097, 9000])
def test_long_and_short_segments(device, rows):
    rng = np.random.default_rng(rows)
    data = rng.normal(300.0, 2.0, (rows, 6))
    data[:, 5] = rng.random(rows)
    segments = 4 * [[0, rows], [rows // 2, rows], [3 % rows, 3 % rows], [0, rows], [0, 1]]
    for weight_column in (-1, 5):
        check(device, data, segments, weight_column)


def test_empty_segments_and_weights_of_zero(device):
    data = np.arange(20.0).reshape(4, 5)
    data[:, 4] = [0.0, 0.0, 1.0, -1.0]
    found = centroids(device, data, [[0, 0], [0, 2], [2, 4], [1, 3]], weight_column=4)
    np.testing.assert_array_equal(found.totals, [0.0, 0.0, 0.0, 1.0])
    assert np.isnan(found.means[:3]).all()
    assert np.isnan(found.spreads[:3]).all()
    np.testing.assert_array_equal(found.means[3], data[2])
    assert found.spreads[3] == 0.0
    nothing = centroids(device, data, np.empty((0, 2)))
    assert nothing.means.shape == (0, 5)


def test_points_on_a_sphere_have_no_spread(device):
    directions = np.array([[1, 0, 0], [-1, 0, 0], [0, 1, 0], [0, -1, 0], [0, 0, 1], [0, 0, -1]])
    data = np.column_stack([np.arange(6.0), 5.0 * directions + [1.0, 2.0, 3.0]])
    found = centroids(device, data, [[0, 6]])
    np.testing.assert_allclose(found.means, [[2.5, 1.0, 2.0, 3.0]], rtol=1e-15)
    np.testing.assert_allclose(found.spreads, [0.0], atol=1e-12)


def test_golden_centroids(device, golden):
    archive = golden("tracking_transformers")
    points, weights = archive["centroid/points"], archive["centroid/weights"]
    plain = centroids(device, points, [[0, len(points)]])
    row = np.concatenate([plain.means[0], plain.spreads, plain.totals])
    np.testing.assert_allclose(row, archive["centroid/plain"], rtol=1e-12)
    weighted = np.column_stack([points, weights])
    found = centroids(device, weighted, [[0, len(points)]], weight_column=points.shape[1])
    row = np.concatenate([found.means[0, :-1], found.spreads, found.totals])
    np.testing.assert_allclose(row, archive["centroid/weighted"], rtol=1e-12)


def test_segments_do_not_influence_each_other(device):
    data = np.random.default_rng(1).normal(size=(6000, 5))
    segments = np.array([[0, 6000], [10, 500], [400, 5000], [7, 7], [10, 500], [0, 33]])
    together = centroids(device, data, segments, 4)
    for g in range(len(segments)):
        alone = centroids(device, data, segments[g : g + 1], 4)
        for one, all_of_them in zip(alone, together, strict=True):
            assert one[0].tobytes() == all_of_them[g].tobytes()


def test_number_and_order_of_threads_change_nothing(fake_gpu):
    data = np.random.default_rng(2).normal(size=(5000, 5))
    starts = np.arange(0, 4000, 100)
    segments = np.vstack([np.column_stack([starts, starts + 300]), [[0, 5000]]])
    found = []
    for threads in (1, 2, 5):
        with use_threads(threads):
            result = centroids(CPU, data, segments)
            found.append(b"".join(array.tobytes() for array in result))
    assert found == found[:1] * 3
    on_gpu = [fake_gpu.asnumpy(a) for a in segment_centroids(fake_gpu.asarray(data), segments)]
    with build.threads_from_last():
        again = [fake_gpu.asnumpy(a) for a in segment_centroids(fake_gpu.asarray(data), segments)]
    assert [a.tobytes() for a in on_gpu] == [a.tobytes() for a in again]
