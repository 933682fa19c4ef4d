"""Launching kernels: what is checked before, what runs, and what is said when it cannot."""

from __future__ import annotations

import numpy as np
import pytest
from cuda_host import fake_cupy

from gpupept.backend import (
    BackendError,
    GPUUnavailableError,
    KernelCompileError,
    KernelSpec,
    MixedDevicesError,
    device_of,
    forget_kernels,
    shared_memory_limit,
)

SOURCE = """
#include "common/indexing.cuh"
extern "C" __global__ void scale(REAL *values, long long n, REAL factor, const int *mask) {
    for (long long i = grid_index(); i < n; i += grid_stride()) {
        if (!mask || mask[i]) values[i] *= factor;
    }
}
extern "C" __global__ void scalars(double *out, bool b, int i, unsigned u, long long n, float f,
                                   double d, unsigned char c) {
    out[0] = b; out[1] = i; out[2] = u; out[3] = n; out[4] = f; out[5] = d; out[6] = c;
}
extern "C" __global__ void large(double *out, int n) {
    extern __shared__ double kept[];
    for (int i = threadIdx.x; i < n; i += blockDim.x) kept[i] = i;
    __syncthreads();
    out[threadIdx.x] = kept[n - 1 - threadIdx.x];
}
extern "C" __global__ void both(double *out, int n) {
    __shared__ double fixed[2560];
    extern __shared__ double kept[];
    for (int i = threadIdx.x; i < 2560; i += blockDim.x) fixed[i] = -i;
    for (int i = threadIdx.x; i < n; i += blockDim.x) kept[i] = i;
    __syncthreads();
    out[threadIdx.x] = kept[n - 1 - threadIdx.x] + fixed[2559 - threadIdx.x];
}
extern "C" __global__ void shapes(int *out) {
    out[0] = gridDim.x; out[1] = gridDim.y; out[2] = gridDim.z;
    out[3] = blockDim.x; out[4] = blockDim.y; out[5] = blockDim.z;
}
extern "C" __global__ void one_rounding(double *out, double a, double b, double c) {
    out[0] = a * b - c;
}
"""
SCALARS = ("b", "bool"), ("i", "int32"), ("u", "uint32"), ("n", "int64"), ("f", "float32")
SCALARS = (*SCALARS, ("d", "float64"), ("c", "uint8"))


@pytest.fixture
def kernels(tmp_path, monkeypatch):
    """Directory whose family `sample` has the kernels above."""
    (tmp_path / "sample.cu").write_text(SOURCE)
    monkeypatch.setenv("GPUPEPT_KERNEL_DIR", str(tmp_path))
    forget_kernels()
    yield tmp_path
    forget_kernels()


@pytest.fixture
def gpu(gpu_device, kernels):
    """The devices on which CUDA kernels run, with the kernels above."""
    return gpu_device


def spec(name, *arguments, family="sample", **keywords):
    return KernelSpec(family, name, arguments, defines={"REAL": "double"}, **keywords)


SCALE = spec(
    "scale", ("values", "float64*"), ("n", "int64"), ("factor", "float64"), ("mask", "int32*?")
)


@pytest.mark.parametrize("size", [0, 1, 31, 1000])
def test_runs(gpu, size):
    values = gpu.asarray(np.arange(float(size)))
    SCALE.launch(-(-size // 64), 64, values, size, 3, None)
    np.testing.assert_array_equal(gpu.to_host(values), 3 * np.arange(size))


def test_an_optional_array(gpu):
    values, mask = gpu.asarray(np.ones(5)), gpu.asarray(np.array([1, 0, 1, 0, 1], dtype=np.int32))
    SCALE.launch(1, 32, values, np.int64(5), np.float32(2.5), mask)
    assert gpu.to_host(values).tolist() == [2.5, 1, 2.5, 1, 2.5]


def test_macros_specialise(gpu):
    single = KernelSpec(
        "sample",
        "scale",
        (("values", "float32*"), ("n", "int64"), ("factor", "float32"), ("mask", "int32*?")),
        defines={"REAL": "float"},
    )
    values = gpu.asarray(np.ones(3, dtype=np.float32))
    single.launch((1,), (32,), values, 3, 0.1, None)
    assert (gpu.to_host(values) == np.float32(0.1)).all()


def test_scalars_arrive_as_declared(gpu):
    out = gpu.asarray(np.zeros(7))
    given = (True, -5, 2**32 - 1, -(2**62), 0.1, 0.1, 255)
    spec("scalars", ("out", "float64*"), *SCALARS).launch(1, 1, out, *given)
    expected = [1, -5, 2**32 - 1, -(2.0**62), np.float32(0.1), 0.1, 255]
    assert gpu.to_host(out).tolist() == expected


def test_shapes(gpu):
    for grid, block in [((2, 3), (4, 5, 6)), (7, 8), ((1, 1, 2), (np.int64(3),))]:
        out = gpu.asarray(np.zeros(6, dtype=np.int32))
        spec("shapes", ("out", "int32*")).launch(grid, block, out)
        both = [np.atleast_1d(size).tolist() for size in (grid, block)]
        assert gpu.to_host(out).tolist() == [x for s in both for x in (*s, 1, 1)[:3]]


def test_more_shared_memory_than_by_default(gpu):
    out = gpu.asarray(np.zeros(64))
    limit = shared_memory_limit(device_of(out))
    assert limit >= 64 * 1024
    n = 60 * 1024 // 8
    kernel = spec("large", ("out", "float64*"), ("n", "int32"))
    kernel.launch(1, 64, out, n, shared_bytes=8 * n)
    assert gpu.to_host(out).tolist() == list(range(n - 1, n - 65, -1))
    with pytest.raises(BackendError, match=rf"sample\.large cannot run.*{limit + 8} bytes"):
        kernel.launch(1, 64, out, n, shared_bytes=limit + 8)


def test_static_and_dynamic_shared_memory_count_together(gpu):
    """20 KiB and 40 KiB: neither alone has to be asked for."""
    out = gpu.asarray(np.zeros(32))
    kernel = spec("both", ("out", "float64*"), ("n", "int32"))
    kernel.launch(1, 32, out, 5120, shared_bytes=40 * 1024)
    assert gpu.to_host(out).tolist() == [5119 - i - (2559 - i) for i in range(32)]


def test_products_are_rounded_as_on_the_cpu(gpu):
    a, b = 1 + 2.0**-30, 1 - 2.0**-30
    out = gpu.asarray(np.ones(1))
    arguments = ("out", "float64*"), ("a", "float64"), ("b", "float64"), ("c", "float64")
    spec("one_rounding", *arguments).launch(1, 1, out, a, b, a * b)
    assert gpu.to_host(out)[0] == 0


def test_empty_grids_and_blocks_do_nothing(gpu):
    values = gpu.asarray(np.ones(3))
    for grid, block in [(0, 32), ((4, 0, 2), 32), (1, 0)]:
        SCALE.launch(grid, block, values, 3, 5, None)
    assert gpu.to_host(values).tolist() == [1, 1, 1]
    with pytest.raises(TypeError):  # but what is wrong is said
        SCALE.launch(0, 32, values, 3.5, 5, None)


WRONG = {
    "float32 array": (
        lambda cp: (cp.zeros(2, dtype=np.float32), 2, 1, None),
        TypeError,
        "'values'",
    ),
    "int array": (
        lambda cp: (cp.zeros(2, dtype=np.int64), 2, 1, None),
        TypeError,
        "float64.*int64",
    ),
    "host array": (lambda cp: (np.zeros(2), 2, 1, None), MixedDevicesError, "'values'.*to_device"),
    "list": (lambda cp: ([1.0], 2, 1, None), TypeError, "'values'.*list"),
    "missing array": (lambda cp: (None, 2, 1, None), TypeError, "'values'.*NoneType"),
    "strided": (lambda cp: (cp.zeros(4)[::2], 2, 1, None), ValueError, "'values'.*C-contiguous"),
    "transposed": (lambda cp: (cp.zeros((2, 3)).T, 2, 1, None), ValueError, "C-contiguous"),
    "float size": (lambda cp: (cp.zeros(2), 2.0, 1, None), TypeError, "'n'.*int64.*2.0"),
    "size on the device": (lambda cp: (cp.zeros(2), cp.arange(1)[0], 1, None), TypeError, "'n'"),
    "huge size": (lambda cp: (cp.zeros(2), 2**63, 1, None), ValueError, "'n' must fit int64"),
    "text": (lambda cp: (cp.zeros(2), 2, "1", None), TypeError, "'factor'.*str"),
    "complex": (lambda cp: (cp.zeros(2), 2, 1j, None), TypeError, "'factor'"),
    "mask dtype": (lambda cp: (cp.zeros(2), 2, 1, cp.zeros(2)), TypeError, "'mask'.*int32"),
    "too few": (lambda cp: (cp.zeros(2), 2, 1), TypeError, "takes 4 arguments .values, n"),
    "too many": (lambda cp: (cp.zeros(2), 2, 1, None, 5), TypeError, "takes 4 .*found 5"),
}


@pytest.mark.parametrize("case", WRONG)
def test_arguments_are_checked(fake_gpu, kernels, case):
    arguments, error, message = WRONG[case]
    with pytest.raises(error, match=message) as raised:
        SCALE.launch(1, 32, *arguments(fake_gpu))
    assert "kernel sample.scale" in str(raised.value)
    assert fake_gpu.launches == []


@pytest.mark.parametrize(
    ("values", "error"),
    [
        ((2, 0, 0, 0, 0, 0, 0), TypeError),
        ((True, 2**31, 0, 0, 0, 0, 0), ValueError),
        ((True, 0, -1, 0, 0, 0, 0), ValueError),
        ((True, 0, 0, 0, 0, 0, 256), ValueError),
        ((True, np.float32(1), 0, 0, 0, 0, 0), TypeError),
        ((True, 0, 0, -(2**63) - 1, 0, 0, 0), ValueError),
        ((True, 0, 0, 0, None, 0, 0), TypeError),
    ],
)
def test_scalars_are_checked(fake_gpu, kernels, values, error):
    with pytest.raises(error, match=r"kernel sample\.scalars: argument"):
        spec("scalars", ("out", "float64*"), *SCALARS).launch(1, 1, fake_gpu.zeros(7), *values)


@pytest.mark.parametrize(
    ("grid", "block", "shared"),
    [(1, 1025, 0), (1, (32, 64), 0), (2**31, 1, 0), ((1, 65536), 1, 0), (-1, 1, 0), (1, 1, -8)],
)
def test_launches_too_large(fake_gpu, kernels, grid, block, shared):
    with pytest.raises(ValueError, match=r"kernel sample\.scale: a grid is at most"):
        SCALE.launch(grid, block, fake_gpu.zeros(2), 2, 1, None, shared_bytes=shared)


@pytest.mark.parametrize("grid", [(), (1, 1, 1, 1)])
def test_dimensions(fake_gpu, kernels, grid):
    with pytest.raises(ValueError, match="grid must have one to three dimensions"):
        SCALE.launch(grid, 32, fake_gpu.zeros(2), 2, 1, None)


@pytest.mark.parametrize("kind", ["double*", "float64?", "int", "float64**?x", "complex128"])
def test_unknown_types(kind):
    with pytest.raises(ValueError, match=r"kernel sample\.scale: argument 'values'.*unknown type"):
        spec("scale", ("values", kind))


def test_arrays_on_two_gpus(kernels):
    with fake_cupy.installed(devices=2) as cupy:
        mask = cupy.zeros(3, dtype=np.int32)
        with cupy.cuda.Device(1):
            values = cupy.ones(3)
        with pytest.raises(MixedDevicesError, match="values on cuda:1, mask on cuda:0"):
            SCALE.launch(1, 32, values, 3, 2, mask)
        SCALE.launch(1, 32, values, 3, 2, None)
        assert values.tolist() == [2, 2, 2]


def test_compiled_once_and_again_when_forgotten(fake_gpu, kernels, monkeypatch):
    made = []
    original = fake_gpu.RawModule
    monkeypatch.setattr(
        fake_gpu, "RawModule", lambda **k: made.append(k) or original(**k), raising=False
    )
    values = fake_gpu.ones(2)
    for _ in range(3):
        SCALE.launch(1, 32, values, 2, 2, None)
    spec("shapes", ("out", "int32*")).launch(1, 1, fake_gpu.zeros(6, dtype=np.int32))
    assert len(made) == 1, "one module for the family"
    assert made[0]["options"] == ("-std=c++17", "-fmad=false", "-DREAL=double")
    assert made[0]["backend"] == "nvrtc"
    forget_kernels()
    SCALE.launch(1, 32, values, 2, 2, None)
    assert len(made) == 2
    assert fake_gpu.launches == ["scale"] * 3 + ["shapes", "scale"]


def test_options():
    kernel = KernelSpec("f", "k", (), {"B": 2, "A": None}, fused_multiply_add=True)
    assert kernel.options == ("-std=c++17", "-fmad=true", "-DA", "-DB=2")


def test_source_that_does_not_compile(gpu, kernels):
    (kernels / "sample.cu").write_text(
        '#include "common/indexing.cuh"\nextern "C" __global__ void scale() {\n    nothing();\n}\n'
    )
    with pytest.raises(KernelCompileError) as raised:
        SCALE.launch(1, 32, gpu.asarray(np.zeros(2)), 2, 1, None)
    error = raised.value
    assert error.source == str(kernels / "sample.cu")
    assert error.architecture.startswith("sm_")
    assert "-DREAL=double" in error.options
    assert "nothing" in error.log
    for place in ("sample.cu:3", "sample.cu(3)"):
        if place in error.log:
            break
    else:
        pytest.fail(f"the log does not name the line: {error.log}")


def test_kernel_that_is_not_in_the_source(gpu):
    with pytest.raises(KernelCompileError, match="absent"):
        spec("absent").launch(1, 1)


def test_missing_source(gpu):
    with pytest.raises(FileNotFoundError, match=r"nowhere\.cu"):
        spec("scale", family="nowhere").launch(1, 1)


def test_without_a_gpu(machine):
    for state in ("no cupy", "no driver"):
        machine(state)
        with pytest.raises(GPUUnavailableError, match="CuPy"):
            spec("absent").launch(1, 1)


def test_failure_while_running_names_the_kernel(fake_gpu, kernels):
    (kernels / "sample.cu").write_text('extern "C" __global__ void bad() { __syncwarp(2u); }')
    with pytest.raises(BackendError, match=r"kernel sample\.bad cannot run with grid \(1, 1, 1\)"):
        spec("bad").launch(1, 32)


def test_declaration_that_differs_from_the_source(fake_gpu, kernels):
    """The stand-in reads the parameters from the source, which CUDA cannot."""
    wrong = spec(
        "scale", ("values", "float64*"), ("n", "int32"), ("f", "float64"), ("m", "int32*?")
    )
    with pytest.raises(BackendError, match="parameter 1 is i8 in the source, the argument is i4"):
        wrong.launch(1, 32, fake_gpu.zeros(2), 2, 1, None)
