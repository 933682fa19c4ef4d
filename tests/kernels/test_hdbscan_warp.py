"""What the kernels of HDBSCAN do by warp and by block: smallest values, sorting."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpupept.backend import KernelSpec, forget_kernels

SOURCE = """
#include "common/warp.cuh"
#include "common/sort.cuh"

extern "C" __global__ void over_warp(const long long *keys, const int *indices, int *lanes,
                                     long long *smallest, int *total) {
    const int i = blockIdx.x * blockDim.x + threadIdx.x;
    lanes[i] = lane_of_smallest(keys[i], indices[i]);
    smallest[i] = warp_min(keys[i]);
    total[i] = warp_count(indices[i] % 3);
}
extern "C" __global__ void sort(long long *keys, int *values, int n) {
    block_sort(keys, values, n);
}
"""
INFINITE = 0x7FF0000000000000
KEYS = st.one_of(
    st.integers(0, 3),
    st.sampled_from([INFINITE, 2**63 - 1, 2**32, 2**32 + 1, 2**32 - 1]),
    st.integers(0, 2**63 - 1),
)


@pytest.fixture
def gpu(gpu_device, tmp_path, monkeypatch):
    (tmp_path / "warps.cu").write_text(SOURCE)
    monkeypatch.setenv("GPUPEPT_KERNEL_DIR", str(tmp_path))
    forget_kernels()
    yield gpu_device
    forget_kernels()


def over_warp(defines):
    names = (("keys", "int64*"), ("indices", "int32*"), ("lanes", "int32*"))
    outputs = (("smallest", "int64*"), ("total", "int32*"))
    return KernelSpec("warps", "over_warp", (*names, *outputs), defines)


@pytest.mark.parametrize("architecture", [None, 750])
@given(data=st.data(), warps=st.integers(1, 3))
def test_smallest_of_a_warp(gpu, architecture, data, warps):
    """By one instruction, or by exchanges where the GPU has none (simulated on the host)."""
    if architecture and gpu.kind != "shim":
        pytest.skip("the architecture of a GPU is what it is")
    size = 32 * warps
    keys = np.array(data.draw(st.lists(KEYS, min_size=size, max_size=size)), dtype=np.int64)
    indices = np.array(data.draw(st.permutations(range(size))), dtype=np.int32)
    lanes, total = (gpu.asarray(np.zeros(size, dtype=np.int32)) for _ in range(2))
    smallest = gpu.asarray(np.zeros(size, dtype=np.int64))
    spec = over_warp({"__CUDA_ARCH__": architecture} if architecture else {})
    spec.launch(1, size, gpu.asarray(keys), gpu.asarray(indices), lanes, smallest, total)
    by_warp = keys.reshape(warps, 32), indices.reshape(warps, 32)
    first = np.lexsort(by_warp[::-1], axis=1)[:, 0]
    np.testing.assert_array_equal(gpu.to_host(lanes), np.repeat(first, 32))
    np.testing.assert_array_equal(gpu.to_host(smallest), np.repeat(by_warp[0].min(axis=1), 32))
    np.testing.assert_array_equal(gpu.to_host(total), np.repeat((by_warp[1] % 3).sum(axis=1), 32))


SORT = KernelSpec("warps", "sort", (("keys", "int64*"), ("values", "int32*"), ("n", "int32")))


@given(keys=st.lists(KEYS, max_size=140), threads=st.sampled_from([1, 7, 32, 100, 256]))
def test_block_sort(gpu, keys, threads):
    """By key, then value, whatever the number of threads; pairs beyond the end are left alone."""
    keys = np.array([*keys, -5], dtype=np.int64)
    values = np.random.default_rng(len(keys)).permutation(len(keys)).astype(np.int32)
    values[-1] = -7
    n = len(keys) - 1
    order = [*np.lexsort((values[:n], keys[:n])), n]
    on_gpu = gpu.asarray(keys).copy(), gpu.asarray(values).copy()
    SORT.launch(1, threads, *on_gpu, n)
    np.testing.assert_array_equal(gpu.to_host(on_gpu[0]), keys[order])
    np.testing.assert_array_equal(gpu.to_host(on_gpu[1]), values[order])
