"""The helpers that the kernels share, run on the host and on a GPU."""

from __future__ import annotations

import contextlib

import numpy as np
import pytest
from cuda_host import build
from hypothesis import given
from hypothesis import strategies as st

from gpupept.backend import KernelSpec, forget_kernels

SOURCE = """
#include "common/indexing.cuh"
#include "common/reduce.cuh"

extern "C" __global__ void sums(const double *values, long long n, double *totals) {
    __shared__ double scratch[32];
    double total = 0, again = 0;
    for (long long i = grid_index(); i < n; i += grid_stride()) total += values[i];
    again = block_sum(total, scratch);
    totals[grid_index()] = block_sum(1.0, scratch) == blockDim.x ? again : -1;
}
extern "C" __global__ void smallest(const double *keys, const int *indices, int n, int *places) {
    __shared__ KeyIndex<double, int> scratch[32];
    KeyIndex<double, int> best = {INFINITY, INT_MAX};
    for (int i = threadIdx.x; i < n; i += blockDim.x) {
        const KeyIndex<double, int> other = {keys[i], indices[i]};
        best = smaller(best, other);
    }
    places[threadIdx.x] = block_argmin(best, scratch).index;
}
extern "C" __global__ void segments(const long long *offsets, long long count, long long rows,
                                    long long *found) {
    const long long row = grid_index();
    if (row < rows) found[row] = segment_of(offsets, count, row);
}
"""
SUMS = KernelSpec(
    "helpers", "sums", (("values", "float64*"), ("n", "int64"), ("totals", "float64*"))
)
SMALLEST = KernelSpec(
    "helpers",
    "smallest",
    (("keys", "float64*"), ("indices", "int32*"), ("n", "int32"), ("places", "int32*")),
)
SEGMENTS = KernelSpec(
    "helpers",
    "segments",
    (("offsets", "int64*"), ("count", "int64"), ("rows", "int64"), ("found", "int64*")),
)


@pytest.fixture
def gpu(gpu_device, tmp_path, monkeypatch):
    (tmp_path / "helpers.cu").write_text(SOURCE)
    monkeypatch.setenv("GPUPEPT_KERNEL_DIR", str(tmp_path))
    forget_kernels()
    yield gpu_device
    forget_kernels()


@pytest.mark.parametrize("threads", [32, 64, 96, 1024])
def test_block_sum(gpu, threads):
    values = np.random.default_rng(threads).normal(size=5000) * 1e9
    found = []
    for order in (contextlib.nullcontext(), build.threads_from_last()):
        totals = gpu.asarray(np.zeros(2 * threads))
        with order:
            SUMS.launch(2, threads, gpu.asarray(values), values.size, totals)
        found.append(gpu.to_host(totals).reshape(2, threads))
    assert (found[0] == found[0][:, :1]).all(), "every thread has the same bits"
    assert found[0].tobytes() == found[1].tobytes(), "whatever the order of the threads"
    np.testing.assert_allclose(found[0][:, 0].sum(), values.sum(), rtol=1e-9)


@given(
    st.lists(st.sampled_from([-np.inf, -1.0, 0.0, -0.0, 2.0, np.inf]), min_size=1, max_size=150),
    st.sampled_from([32, 96, 128]),
)
def test_block_argmin_takes_the_first_of_equal_keys(gpu, keys, threads):
    keys = np.array(keys)
    indices = np.random.default_rng(keys.size).permutation(keys.size).astype(np.int32)
    places = gpu.asarray(np.zeros(threads, dtype=np.int32))
    SMALLEST.launch(1, threads, gpu.asarray(keys), gpu.asarray(indices), keys.size, places)
    assert set(gpu.to_host(places)) == {indices[keys == keys.min()].min()}


@given(st.lists(st.integers(0, 5), min_size=1, max_size=50).filter(any))
def test_segments_of_rows(gpu, sizes):
    offsets = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
    rows = int(offsets[-1])
    found = gpu.asarray(np.zeros(rows, dtype=np.int64))
    SEGMENTS.launch(-(-rows // 32), 32, gpu.asarray(offsets), len(sizes), rows, found)
    np.testing.assert_array_equal(gpu.to_host(found), np.repeat(np.arange(len(sizes)), sizes))
