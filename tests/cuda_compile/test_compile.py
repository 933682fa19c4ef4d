"""Every CUDA source compiles to machine code for every architecture, within its budgets."""

from __future__ import annotations

import importlib
import os
import pkgutil
from pathlib import Path

import pytest
from cuda_compile.compilers import (
    ARCHITECTURES,
    CompileError,
    available,
    compile_with_nvrtc,
    nvrtc_library,
    read_report,
)
from cuda_compile.variants import FAMILIES, Variant

import gpupept.kernels
from gpupept.backend import KernelSpec, kernel_source

SOURCES = Path(__file__).resolve().parents[2] / "cuda_kernels"
CASES = [
    pytest.param(family, variant, id="-".join([family, *map(str, variant.defines.values())]))
    for family, variants in sorted(FAMILIES.items())
    for variant in variants
]


@pytest.fixture(params=available() or ["none"])
def compiler(request):
    """Each of the compilers that are here; without any, CUDA sources go untested."""
    if request.param == "none":
        reason = "neither nvcc nor NVRTC found: install the extra kernels-test"
        if os.environ.get("GPUPEPT_REQUIRE_CUDA_COMPILER"):
            pytest.fail(reason)
        pytest.skip(reason)
    return available()[request.param]


def options(family, variant):
    """What the launcher and CuPy give to the compiler."""
    return (*KernelSpec(family, "", (), variant.defines).options, "-ftz=true")


def check_budgets(report, variant):
    assert {architecture for _, architecture in report} == set(ARCHITECTURES)
    for (kernel, architecture), found in report.items():
        for what in ("registers", "shared_bytes", "stack_bytes", "spill_bytes"):
            used, allowed = getattr(found, what), getattr(variant, what)
            assert used <= allowed, f"{kernel} on {architecture}: {what} {used} > {allowed}"


@pytest.mark.parametrize(("family", "variant"), CASES)
def test_compiles_within_budgets(compiler, family, variant, tmp_path):
    source = kernel_source(family)
    report = compiler(source, options(family, variant), ARCHITECTURES, tmp_path)
    check_budgets(report, variant)


def test_every_family_has_budgets():
    assert sorted(FAMILIES) == sorted(path.stem for path in SOURCES.glob("*.cu"))


def test_every_kernel_launched_is_compiled_here():
    """The macros that the package defines are those that are tested."""
    tested = {(f, frozenset(v.defines.items())) for f, all_ in FAMILIES.items() for v in all_}
    modules = pkgutil.walk_packages(gpupept.kernels.__path__, "gpupept.kernels.")
    for found in modules:
        for name, value in vars(importlib.import_module(found.name)).items():
            if isinstance(value, KernelSpec):
                defines = frozenset(value.defines.items())
                assert (value.family, defines) in tested, f"{found.name}.{name}"


SAMPLE = """
extern "C" __global__ void small(double *x) { x[threadIdx.x] = INFINITY; }
extern "C" __global__ void shared(double *x, int64_t i) {
    __shared__ double kept[512];
    kept[threadIdx.x] = x[threadIdx.x];
    __syncthreads();
    x[threadIdx.x] = kept[i];
}
extern "C" __global__ void local(double *x, int i) {
    double kept[32];
    for (int k = 0; k < 32; ++k) kept[k] = x[k] * k;
    x[0] = kept[i];
}
"""


@pytest.fixture
def sample(tmp_path, monkeypatch):
    """Text of a family made for these tests."""
    (tmp_path / "sample.cu").write_text(SAMPLE)
    monkeypatch.setenv("GPUPEPT_KERNEL_DIR", str(tmp_path))
    return kernel_source("sample")


def test_resources_are_read(compiler, sample, tmp_path):
    report = compiler(sample, options("sample", Variant(32)), ("sm_80", "sm_90"), tmp_path)
    kernels = ("small", "shared", "local")
    assert set(report) == {(k, a) for k in kernels for a in ("sm_80", "sm_90")}
    assert report["shared", "sm_90"].shared_bytes == 4096
    assert report["small", "sm_90"].shared_bytes == 0
    assert report["local", "sm_80"].stack_bytes == 256
    assert all(0 < resources.registers < 200 for resources in report.values())


@pytest.mark.parametrize("tight", ["registers", "shared_bytes", "stack_bytes"])
def test_more_than_the_budget_fails(compiler, sample, tmp_path, tight):
    generous = {"registers": 255, "shared_bytes": 4096, "stack_bytes": 256}
    report = compiler(sample, options("sample", Variant(255)), ARCHITECTURES, tmp_path)
    check_budgets(report, Variant(**generous))
    with pytest.raises(AssertionError, match=tight):
        check_budgets(report, Variant(**{**generous, tight: 3}))


def test_spills_are_read():
    """Made-up output: whether a compiler spills is not ours to say."""
    report = read_report(
        "ptxas info    : Compiling entry function 'f' for 'sm_75'\n"
        "ptxas info    : Function properties for f\n"
        "    16 bytes stack frame, 8 bytes spill stores, 12 bytes spill loads\n"
        "ptxas info    : Used 255 registers, used 1 barriers, 40 bytes smem, 368 bytes cmem[0]\n"
    )
    (found,) = report.values()
    assert (found.registers, found.shared_bytes, found.stack_bytes) == (255, 40, 16)
    assert found.spill_bytes == 20


def test_errors_name_the_file_and_line(compiler, sample, tmp_path):
    text = sample.replace("= INFINITY", "= nothing")
    with pytest.raises(CompileError, match=r"sample\.cu\(2\): error.*nothing"):
        compiler(text, options("sample", Variant(32)), ("sm_90",), tmp_path)


def test_the_run_time_compiler_has_the_prelude(sample, tmp_path):
    """What nvcc and a host compiler have from their own headers, NVRTC has from the prelude."""
    if nvrtc_library() is None:
        pytest.skip("NVRTC not found: install the extra kernels-test")
    body = "x[0] = NAN + FLT_MAX + DBL_MAX + DBL_EPSILON + INT_MAX + LLONG_MAX; uint8_t q = 1; x[1] = q;"
    text = sample.replace("x[threadIdx.x] = INFINITY;", body + "uint64_t r = UINT_MAX; x[2] = r;")
    assert compile_with_nvrtc(text, (), ("sm_90",), tmp_path)
