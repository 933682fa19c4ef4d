"""Which elements and blocks are drawn of too many."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gpupept.base import thinning
from gpupept.base.thinning import (
    block_edges,
    block_factors,
    block_means,
    find_ranks,
    spread_ranks,
    thinning_stride,
)


@given(st.integers(0, 5_000), st.integers(1, 500))
def test_one_of_every_group_within_the_limit(count: int, limit: int) -> None:
    stride = thinning_stride(count, limit)
    ranks = spread_ranks(count, stride)
    assert len(ranks) <= limit
    assert ((ranks >= 0) & (ranks < count)).all()
    np.testing.assert_array_equal(ranks[:-1] // stride, np.arange(len(ranks))[:-1])
    assert len(ranks) >= count // stride


@pytest.mark.parametrize("stride", [2, 10, 100, 1_000, 2_000, 1 << 20])
def test_places_within_groups_are_spread_evenly(stride: int) -> None:
    ranks = spread_ranks(4_000 * stride, stride)
    parts = min(stride, 10)
    shares = np.bincount(ranks % stride * parts // stride, minlength=parts)
    assert shares.min() > 0.9 * shares.mean()
    assert shares.max() < 1.1 * shares.mean()


def test_thinning_a_grid_keeps_to_no_plane() -> None:
    shape = (40, 50, 60)
    cells = np.unravel_index(spread_ranks(40 * 50 * 60, 120), shape)  # two rows of z at a time
    for places, count in zip(cells, shape, strict=True):
        assert len(np.unique(places)) > 0.9 * min(count, len(places))


@pytest.mark.parametrize("limit", [0, -1])
def test_limits_are_positive(limit: int) -> None:
    with pytest.raises(ValueError, match="max_voxels: expected a positive number or None"):
        thinning_stride(5, limit, "max_voxels")
    with pytest.raises(ValueError, match="max_pixels"):
        block_factors((5, 5), limit)


@pytest.mark.parametrize("chunk", [1, 7, 1 << 24])
def test_ranks_are_found_whatever_the_chunks(
    chunk: int, device: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(thinning, "_CHUNK", chunk)
    mask = np.random.default_rng(3).random((5, 6, 7)) < 0.4
    everything = np.flatnonzero(mask)
    ranks = spread_ranks(len(everything), 3)
    found = find_ranks(device.asarray(mask), ranks)
    np.testing.assert_array_equal(device.to_host(found), everything[ranks])
    nothing = find_ranks(device.asarray(np.zeros((3, 3), dtype=bool)), np.arange(0))
    assert len(nothing) == 0


@settings(deadline=None)
@given(st.tuples(st.integers(1, 40), st.integers(1, 40)), st.integers(1, 60))
def test_blocks_stay_within_the_limit(shape: tuple[int, int], limit: int) -> None:
    factors = block_factors(shape, limit)
    edges = [block_edges(np.arange(n + 1.0), k) for n, k in zip(shape, factors, strict=True)]
    assert (len(edges[0]) - 1) * (len(edges[1]) - 1) <= limit
    cells = np.random.default_rng(1).random(shape)
    means = block_means(cells, factors)
    assert means.shape == (len(edges[0]) - 1, len(edges[1]) - 1)
    rows, columns = ([int(edge) for edge in each] for each in edges)
    for i in range(len(rows) - 1):
        for j in range(len(columns) - 1):
            block = cells[rows[i] : rows[i + 1], columns[j] : columns[j + 1]]
            assert means[i, j] == pytest.approx(block.mean())


def test_means_of_counts_on_every_device(device: Any) -> None:
    counts = np.array([[1, 2, 3], [4, 5, 6], [2**32 - 1, 7, 8]], dtype=np.uint32)
    means = device.to_host(block_means(device.asarray(counts), (2, 2)))
    np.testing.assert_array_equal(means, [[3, 4.5], [(2**32 + 6) / 2, 8]])
    np.testing.assert_array_equal(
        device.to_host(block_means(device.asarray(counts), (1, 1))), counts
    )


def test_missing_values_stay_missing() -> None:
    means = block_means(np.array([1.0, np.nan, 3, np.inf, 5]), (2,))
    np.testing.assert_array_equal(means, [np.nan, np.inf, 5])
