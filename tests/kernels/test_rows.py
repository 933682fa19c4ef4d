"""Rows copied and ranges of rows, against plain indexing."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gpupept.kernels import rows as kernels
from gpupept.kernels.threads import use_threads

TABLE = np.arange(60.0).reshape(15, 4)
RANGES = st.lists(st.tuples(st.integers(0, 15), st.integers(0, 6)), max_size=8).map(
    lambda pairs: np.array([[a, min(15, a + n)] for a, n in pairs], dtype=np.int64).reshape(-1, 2)
)


def all_rows(ranges):
    return [row for first, last in ranges.tolist() for row in range(first, last)]


class TestTakeRows:
    @settings(max_examples=60)
    @given(
        rows=st.lists(st.integers(0, 14), max_size=30),
        columns=st.none() | st.lists(st.integers(0, 3), max_size=5),
    )
    def test_against_indexing(self, device, rows, columns):
        chosen = device.asarray(np.array(rows, dtype=np.int64))
        found = kernels.take_rows(device.asarray(TABLE), chosen, columns)
        expected = TABLE[rows] if rows else TABLE[:0]
        expected = expected if columns is None else expected[:, columns]
        assert found.flags.c_contiguous
        np.testing.assert_array_equal(device.to_host(found), expected)

    def test_a_copy(self, device):
        table = device.asarray(TABLE.copy())
        found = kernels.take_rows(table, device.asarray(np.arange(15)))
        found[:] = -1
        np.testing.assert_array_equal(device.to_host(table), TABLE)

    @pytest.mark.parametrize("threads", [1, 2, 5])
    def test_more_rows_than_one_thread_takes(self, threads):
        rng = np.random.default_rng(0)
        table = rng.normal(size=(1000, 3))
        rows = rng.integers(0, 1000, 3 * kernels.ROWS_PER_TASK + 7)
        with use_threads(threads):
            np.testing.assert_array_equal(
                kernels.take_rows(table, rows, [2, 0]), table[rows][:, [2, 0]]
            )

    def test_every_value_is_copied_as_it_is(self, device):
        table = np.array([[np.nan, np.inf], [-0.0, 5e-324]])
        found = kernels.take_rows(device.asarray(table), device.asarray(np.array([1, 0])))
        assert device.to_host(found).tobytes() == table[::-1].tobytes()


class TestFlatten:
    @settings(max_examples=100)
    @given(ranges=RANGES)
    def test_against_indexing(self, device, ranges):
        found, sizes = kernels.flatten(device.asarray(TABLE), ranges)
        np.testing.assert_array_equal(device.to_host(found), TABLE[np.array(all_rows(ranges), int)])
        assert sizes.tolist() == (ranges[:, 1] - ranges[:, 0]).tolist()

    @pytest.mark.parametrize("table", [[[0, 15]], [[2, 5], [5, 5], [5, 9]], [[3, 3]]])
    def test_rows_in_place_are_not_copied(self, table):
        found, _ = kernels.flatten(TABLE, np.array(table))
        assert found.base is not None
        assert np.shares_memory(found, TABLE) or not len(found)

    @pytest.mark.parametrize("table", [[[0, 5], [4, 9]], [[5, 9], [0, 5]], [[0, 3], [4, 5]]])
    def test_others_are(self, table):
        found, _ = kernels.flatten(TABLE, np.array(table))
        assert not np.shares_memory(found, TABLE)


class TestRanges:
    @settings(max_examples=100)
    @given(ranges=RANGES)
    def test_rows(self, ranges):
        found = kernels.range_rows(ranges)
        assert found.dtype == np.int64
        assert found.tolist() == all_rows(ranges)

    @settings(max_examples=50)
    @given(sizes=st.lists(st.integers(0, 9), max_size=8))
    def test_consecutive(self, sizes):
        found = kernels.consecutive(np.array(sizes, dtype=np.int64))
        assert found.shape == (len(sizes), 2)
        assert (found[:, 1] - found[:, 0]).tolist() == sizes
        assert all_rows(found) == list(range(sum(sizes)))


@settings(max_examples=60)
@given(
    sizes=st.lists(st.integers(0, 5), max_size=8),
    chosen=st.sets(st.integers(0, 39)),
)
def test_rows_and_their_segments(device, sizes, chosen):
    owners = [segment for segment, size in enumerate(sizes) for _ in range(size)]
    found = kernels.row_owners(
        np.array(sizes, dtype=np.int64), "cpu" if device.name == "cpu" else "cuda"
    )
    assert device.to_host(found).tolist() == owners
    rows = sorted(row for row in chosen if row < len(owners))
    counts = kernels.kept_sizes(
        device.asarray(np.array(rows, dtype=np.int64)), np.array(sizes, dtype=np.int64)
    )
    assert counts.tolist() == [[owners[row] for row in rows].count(s) for s in range(len(sizes))]
