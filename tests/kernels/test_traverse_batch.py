"""Lines of many samples through grids of their own, on every device, against one grid after the other."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from line_families import GRIDS, Families, table
from ragged import CPU, ranges, tables

from gpupept import Voxels
from gpupept.kernels.threads import use_threads
from gpupept.kernels.traverse import device as device_module
from gpupept.kernels.traverse import traverse
from gpupept.kernels.traverse.batch import describe_grids, traverse_batch


def count(device, lines, samples, limits, counts, start=None):
    """Counts of each sample, and how many lines were skipped."""
    cells = np.zeros((len(samples), *counts), dtype=np.uint32) if start is None else start
    cells = device.asarray(cells)
    skipped = traverse_batch(cells, device.asarray(lines), samples, describe_grids(limits, counts))
    return device.to_host(cells), skipped


def check(device, lines, samples, limits, counts):
    found, skipped = count(device, lines, samples, limits, counts)
    expected_skipped = 0
    for s, (first, last) in enumerate(samples):
        edges = [np.linspace(*limits[s, d], counts[d] + 1) for d in range(3)]
        alone = np.zeros(counts, dtype=np.uint32)
        rows = np.ascontiguousarray(lines[first:last])
        expected_skipped += traverse(alone, rows, edges)
        np.testing.assert_array_equal(found[s], alone)
    assert skipped == expected_skipped


@pytest.mark.parametrize("grid", [name for name, edges in GRIDS.items() if len(edges) == 3])
def test_hard_lines(device, grid):
    edges = GRIDS[grid]
    counts = tuple(len(axis) - 1 for axis in edges)
    limit = np.array([[axis[0], axis[-1]] for axis in edges])
    parts = []
    for seed, name in enumerate(Families.NAMES):
        families = Families(edges, seed, 30)
        parts.append(table(*getattr(families, name)()))
    lines = np.ascontiguousarray(np.concatenate(parts))
    step = np.arange(0, len(lines), 30)
    samples = np.concatenate([np.stack([step, step + 30], axis=1), [[5, 5], [0, len(lines)]]])
    limits = np.stack([limit + 0.01 * (s % 3) for s in range(len(samples))])
    check(device, lines, samples, limits, counts)


@settings(max_examples=60)
@given(data=st.data())
def test_any_lines(device, data):
    lines = data.draw(tables(8, 12))
    samples = data.draw(ranges(len(lines)))
    counts = data.draw(st.tuples(*[st.integers(1, 6)] * 3))
    low = np.array(data.draw(st.lists(st.floats(-50, 50), min_size=3, max_size=3)))
    size = np.array(data.draw(st.lists(st.floats(0.01, 60), min_size=3, max_size=3)))
    limits = np.stack([[low + s, low + s + size] for s in range(len(samples))] or [[low, low]])
    limits = limits.transpose(0, 2, 1)[: len(samples)]
    check(device, lines, samples, limits, counts)


def test_edges_are_those_of_voxels():
    rng = np.random.default_rng(0)
    low = np.concatenate([rng.normal(0, 300, (50, 3)), [[0, 0, 0], [1e10, -1e-9, 5]]])
    limits = np.stack([low, low + 10.0 ** rng.uniform(-3, 3, low.shape)], axis=2)
    limits[-1] = [[0.0, 1e-130], [-1e300, 1e300], [0.1, 0.3]]
    counts = (50, 7, 3)
    grids = describe_grids(limits, counts)
    for s, limit in enumerate(limits):
        edges = Voxels.empty(counts, *limit).voxel_grids
        np.testing.assert_array_equal(grids.edges[s], np.concatenate(edges))


def test_counts_are_added_and_no_sample_is_none(device):
    lines = np.array([[0.0, 0.5, 0.5, 0.5, 0.5, 0.5, 1.5]])
    start = np.full((1, 2, 2, 2), 7, dtype=np.uint32)
    limits = np.array([[[0.0, 2.0]] * 3])
    found, _ = count(device, lines, np.array([[0, 1]]), limits, (2, 2, 2), start)
    assert found[0, 0, 0].tolist() == [8, 8]
    assert found.sum() == 58
    none = np.empty((0, 2), dtype=np.int64)
    assert count(device, lines, none, limits[:0], (2, 2, 2))[0].shape == (0, 2, 2, 2)


def test_lines_that_are_not_finite_are_counted(device):
    lines = np.tile([0.0, 0.5, 0.5, 0.5, 1.5, 1.5, 1.5], (4, 1))
    lines[1, 3] = np.nan
    lines[2, 0] = np.nan  # only a time
    samples = np.array([[0, 4], [1, 2], [2, 4]])
    found, skipped = count(device, lines, samples, np.array([[[0.0, 2.0]] * 3] * 3), (2, 2, 2))
    assert skipped == 2
    assert found[:, 0, 0, 0].tolist() == [3, 0, 2]


def test_chunks_and_threads_change_nothing(fake_gpu, monkeypatch):
    rng = np.random.default_rng(1)
    lines = np.column_stack([np.arange(400.0), rng.uniform(-5, 15, (400, 6))])
    starts = np.arange(0, 350, 10)
    samples = np.stack([starts, starts + rng.integers(0, 50, len(starts))], axis=1)
    limits = np.tile([[0.0, 10.0]] * 3, (len(samples), 1, 1))
    found = []
    for threads in (1, 2, 5):
        with use_threads(threads):
            found.append(count(CPU, lines, samples, limits, (8, 9, 10))[0])
    monkeypatch.setattr(device_module, "_CHUNK", 37)
    on_gpu = fake_gpu.zeros((len(samples), 8, 9, 10), dtype=np.uint32)
    grids = describe_grids(limits, (8, 9, 10))
    traverse_batch(on_gpu, fake_gpu.asarray(lines), samples, grids)
    found.append(fake_gpu.asnumpy(on_gpu))
    for other in found[1:]:
        np.testing.assert_array_equal(other, found[0])


def test_too_many_cells():
    limits = np.zeros((0, 3, 2))
    with pytest.raises(ValueError, match=r"2\^32 in a grid, found 2000 x 2000 x 2000"):
        describe_grids(limits, (2000, 2000, 2000))
    with pytest.raises(ValueError, match=r"2\^21 cells along an axis"):
        describe_grids(limits, (2**21 + 1, 2, 2))


@pytest.mark.filterwarnings("ignore:overflow", "ignore:invalid value")
@pytest.mark.parametrize("limit", [[0.0, 5e-324], [0.0, 1e-141], [-1.7e308, 1.7e308]])
def test_cells_of_absurd_size(limit):
    with pytest.raises(ValueError, match="cells must be 1e-140 to 1e"):
        describe_grids(np.array([[[0.0, 1.0], limit, [0.0, 1.0]]]), (2, 2, 2))
    with pytest.raises(ValueError, match="cells must be 1e-140 to 1e"):
        Voxels.from_lines(np.ones((1, 7)), (2, 2, 2), [0, 1], limit, [0, 1], verbose=False)
