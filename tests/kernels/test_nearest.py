"""Nearest rows of segments on every device against trying all."""

from __future__ import annotations

import numpy as np
import pytest
from cuda_host import build
from hypothesis import given, settings
from hypothesis import strategies as st
from oracle import nearest as oracle
from ragged import CPU, ranges, tables

from gpupept.kernels.nearest import Nearest, nearest_rows
from gpupept.kernels.threads import use_threads


def nearest(device, positions, segments, points, axes):
    segments = np.asarray(segments, dtype=np.int64).reshape(-1, 2)
    found = nearest_rows(
        device.asarray(np.ascontiguousarray(positions)),
        segments,
        np.asarray(points, dtype=np.float64),
        np.asarray(axes, dtype=np.float64),
    )
    rows, distances = (device.to_host(array) for array in found)
    assert rows.shape == distances.shape == (len(segments), len(points))
    return Nearest(rows, distances)


@st.composite
def cases(draw):
    """Positions with odd and with equal numbers, segments, and planes across any axis."""
    positions = draw(tables(draw(st.sampled_from([1, 2, 3])), 40))
    columns = positions.shape[1]
    vectors = st.lists(
        st.tuples(*[st.integers(-3, 3).map(float)] * columns), min_size=0, max_size=3
    )
    points = np.array(draw(vectors), dtype=np.float64).reshape(-1, columns)
    axes = draw(st.sampled_from([np.eye(columns)[0], np.full(columns, columns**-0.5)]))
    return positions, draw(ranges(len(positions))), points, np.tile(axes, (len(points), 1))


@settings(max_examples=150)
@given(case=cases())
def test_any_rows(device, case):
    positions, segments, points, axes = case
    found = nearest(device, *case)
    with np.errstate(all="ignore"):
        expected = oracle.nearest_rows(positions, segments, points, axes)
    for g, pairs in enumerate(expected):
        for k, (row, distance) in enumerate(pairs):
            assert found.rows[g, k] == row
            assert found.distances[g, k] == distance


@pytest.mark.parametrize("size", [1, 31, 32, 33, 5000])
def test_the_first_of_equally_near_rows(device, size):
    positions = np.full((size, 1), 7.0)
    positions[::3] = 5.0  # equally near to 6
    found = nearest(device, positions, [[0, size], [size // 2, size]], [[6.0]], [[1.0]])
    np.testing.assert_array_equal(found.rows, [[0], [size // 2]])
    np.testing.assert_array_equal(found.distances, [[1.0], [1.0]])


def test_rows_that_are_not_finite_are_not_near(device):
    positions = np.array([[np.nan, 0, 0], [0, np.inf, 0], [0, 0, -np.inf], [9, 9, 9], [np.nan] * 3])
    segments = [[0, 5], [0, 3], [2, 2], [4, 5]]
    found = nearest(device, positions, segments, np.zeros((1, 3)), [[1.0, 0, 0]])
    np.testing.assert_array_equal(found.rows[:, 0], [3, -1, -1, -1])
    np.testing.assert_array_equal(found.distances[:, 0], [9, np.inf, np.inf, np.inf])


def test_many_segments_and_planes(device):
    rng = np.random.default_rng(0)
    positions = rng.normal(size=(3000, 3))
    borders = np.sort(rng.integers(0, 3001, 99))
    segments = np.column_stack([[0, *borders], [*borders, 3000]])
    points = np.linspace([-2, 0, 0], [2, 1, 0], 17)
    axes = np.tile(np.array([4.0, 1.0, 0.0]) / np.sqrt(17), (17, 1))
    found = nearest(device, positions, segments, points, axes)
    across = np.abs((positions[:, None] - points) @ axes[0])
    for g, (start, stop) in enumerate(segments):
        if start < stop:
            np.testing.assert_array_equal(found.rows[g], start + across[start:stop].argmin(axis=0))
        else:
            assert (found.rows[g] == -1).all()


def test_number_and_order_of_threads_change_nothing(fake_gpu):
    rng = np.random.default_rng(2)
    positions = rng.integers(0, 9, (4000, 3)).astype(float)  # many ties
    starts = np.arange(0, 3900, 50)
    case = (
        np.column_stack([starts, starts + 100]),
        rng.normal(size=(5, 3)),
        np.eye(3)[[0, 1, 2, 0, 1]],
    )
    found = []
    for threads in (1, 2, 5):
        with use_threads(threads):
            found.append(b"".join(array.tobytes() for array in nearest(CPU, positions, *case)))
    with build.threads_from_last():
        on_gpu = nearest_rows(fake_gpu.asarray(positions), *case)
        found.append(b"".join(fake_gpu.asnumpy(array).tobytes() for array in on_gpu))
    assert found == found[:1] * 4
