"""Voxelizing to disk: equal to voxels in memory bit for bit, within a budget, and what is refused."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from oracle.traverse import total
from volume_cases import LIMITS, budget, some_lines

import gpupept
from gpupept.backend import to_host
from gpupept.volumes import VolumeStore, making
from gpupept.volumes.planning import Demand, make_plan

SHAPE, CHUNKS = (13, 6, 9), (2, 4, 5)
KINDS = [
    ("uint32", False, False),
    ("float32", False, False),
    ("float64", False, False),
    ("float32", True, False),
    ("float64", False, True),
    ("float32", True, True),
    ("float64", True, True),
]


def voxelize(lines: Any, path: Path, layers: int = 2, **options: Any) -> VolumeStore:
    """Voxelize with slabs of so many layers."""
    dtype = options.get("dtype", "uint32")
    summing = options.get("weights") is not None or options.get("lengths", False)
    count = len(getattr(lines, "lines", lines))
    memory = budget(SHAPE, CHUNKS, layers, count, dtype, summing)
    given = {"number_of_voxels": SHAPE, "memory": memory, "chunks": CHUNKS, "progress": False}
    return gpupept.voxelize(lines, path=path, **(given | LIMITS | options))


def in_memory(lines: Any, **options: Any) -> np.ndarray:
    voxels = gpupept.Voxels.from_lines(lines, SHAPE, **LIMITS, verbose=False, **options)
    return to_host(voxels.array)


@pytest.mark.parametrize(("dtype", "weighted", "lengths"), KINDS)
@given(layers=st.integers(1, 14), seed=st.integers(0, 99), number=st.integers(0, 60))
@settings(max_examples=6)
def test_equal_to_voxels_in_memory_bit_for_bit(
    tmp_path_factory: pytest.TempPathFactory,
    dtype: str,
    weighted: bool,
    lengths: bool,
    layers: int,
    seed: int,
    number: int,
) -> None:
    lines = some_lines(number, seed)
    weights = np.random.default_rng(seed).normal(size=number) if weighted else None
    options = {"dtype": dtype, "weights": weights, "lengths": lengths}
    path = tmp_path_factory.mktemp("volume") / "v.zarr"
    store = voxelize(lines, path, layers, **options)
    expected = in_memory(lines, **options)
    assert store.dtype == expected.dtype
    assert store[...].tobytes() == expected.tobytes()


@pytest.mark.parametrize(("dtype", "weighted", "lengths"), KINDS)
def test_equal_on_every_device(
    device: Any, tmp_path: Path, dtype: str, weighted: bool, lengths: bool
) -> None:
    lines = device.asarray(some_lines(40, bad=[3]))
    weights = device.asarray(np.linspace(-1, 2, 40)) if weighted else None
    options = {"dtype": dtype, "weights": weights, "lengths": lengths}
    expected = in_memory(lines, **options)
    store = voxelize(lines, tmp_path / "v.zarr", 4, memory="1GB", **options)
    assert store[...].tobytes() == expected.tobytes()
    assert store.attrs["skipped_lines"] == 1
    assert store.attrs["weighted"] == weighted
    assert store.attrs["lengths"] == lengths


def test_many_small_parts_on_a_device(fake_gpu: Any, tmp_path: Path, monkeypatch: Any) -> None:
    """Each part on the GPU sums all lines, so that its sums have the same unit."""
    monkeypatch.setattr(making, "make_plan", _one_layer_parts)
    lines, weights = some_lines(50), np.linspace(0.1, 3, 50)
    placed = gpupept.backend.to_device(lines, "cuda")
    factors = gpupept.backend.to_device(weights, "cuda")
    options = {"weights": factors, "lengths": True, "dtype": "float64"}
    store = voxelize(placed, tmp_path / "v.zarr", 4, memory="1GB", **options)
    assert store[...].tobytes() == in_memory(placed, **options).tobytes()


def _one_layer_parts(*arguments: Any) -> Any:
    plan = make_plan(*arguments)
    return type(plan)(plan.chunks, plan.layers, 1)


def test_equal_to_the_definition(tmp_path: Path) -> None:
    lines = some_lines(60, seed=5)
    store = voxelize(lines, tmp_path / "v.zarr")
    assert store.dtype == np.uint32
    assert np.array_equal(store[...], total(lines[:, 1:4], lines[:, 4:7], store.grids))


def test_device_chosen_by_name(fake_gpu: Any, tmp_path: Path) -> None:
    lines = some_lines(30)
    here = voxelize(lines, tmp_path / "a.zarr", memory="1GB")
    there = voxelize(lines, tmp_path / "b.zarr", memory="1GB", device="cuda")
    assert there.checksum() == here.checksum()


def test_default_limits_and_dtypes(tmp_path: Path) -> None:
    lines = some_lines(30, bad=[4, 9])
    free = {"xlim": None, "ylim": None, "zlim": None}
    store = voxelize(lines, tmp_path / "a.zarr", **free)
    voxels = gpupept.Voxels.from_lines(lines, SHAPE, verbose=False)
    assert store.dtype == np.uint32
    assert np.array_equal(store.limits, [voxels.xlim, voxels.ylim, voxels.zlim])
    assert np.array_equal(store[...], voxels.array)
    lengths = voxelize(lines, tmp_path / "b.zarr", memory="1GB", lengths=True)
    assert lengths.dtype == np.float64


def test_facts_are_kept(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    lines = gpupept.LineData(some_lines(30, bad=[4, 9, 11]))
    weights = np.ones(30)
    weights[[4, 20]] = np.nan
    with caplog.at_level(logging.WARNING, logger="gpupept"):
        store = voxelize(lines, tmp_path / "v.zarr", weights=weights, dtype="float64")
    assert "4 of 30 lines were left out" in caplog.text
    found, values = store.attrs, store[...]
    assert (found["lines"], found["skipped_lines"]) == (30, 4)
    assert found["total"] == values.sum()
    assert found["nonzero"] == np.count_nonzero(values)
    assert found["maximum"] == values.max()
    assert not (tmp_path / "v.zarr.partial").exists()


def test_skipped_lines_are_those_of_the_traversal(tmp_path: Path) -> None:
    lines = some_lines(12)
    lines[0, 1], lines[0, 4] = -1.7e308, 1.7e308  # finite, but not their distance
    lines[1, 1:] = 1e300
    lines[2, 2] = np.nan
    cells = np.zeros(SHAPE, np.uint32)
    edges = [np.linspace(*limit, n + 1) for limit, n in zip(LIMITS.values(), SHAPE, strict=True)]
    skipped = gpupept.kernels.traverse.traverse(cells, lines, edges)
    assert skipped == 2
    assert voxelize(lines, tmp_path / "v.zarr").attrs["skipped_lines"] == skipped


def test_sums_do_not_depend_on_slabs(tmp_path: Path) -> None:
    lines = some_lines(50)
    found = [
        voxelize(lines, tmp_path / f"{n}.zarr", n, lengths=True, dtype="float32").attrs
        for n in (2, 6, 13)
    ]
    assert found[0] == found[1] == found[2]


@pytest.mark.parametrize("layers", [2, 13])
def test_sums_beyond_the_largest_number(tmp_path: Path, layers: int) -> None:
    lines = some_lines(50)
    options = {"weights": np.full(50, 1.5e308), "dtype": "float64"}
    store = voxelize(lines, tmp_path / "v.zarr", layers, **options)
    assert store[...].tobytes() == in_memory(lines, **options).tobytes()
    assert store.attrs["total"] is None
    assert "Infinity" not in (store.path / "zarr.json").read_text()


@pytest.mark.parametrize("workers", [1, 3])
def test_results_do_not_depend_on_workers(tmp_path: Path, workers: int) -> None:
    lines = some_lines(50)
    store = voxelize(lines, tmp_path / "v.zarr", memory="1GB", max_workers=workers, lengths=True)
    assert store[...].tobytes() == in_memory(lines, lengths=True).tobytes()


# ---- Memory


def test_the_smallest_budget_is_told_and_works(tmp_path: Path) -> None:
    lines, options = some_lines(30), {"chunks": None}
    with pytest.raises(ValueError, match="too little") as caught:
        voxelize(lines, tmp_path / "v.zarr", memory=1, **options)
    least = int(str(caught.value).split("memory=")[1].split()[0])
    with pytest.raises(ValueError, match=f"needs {least} bytes"):
        voxelize(lines, tmp_path / "v.zarr", memory=least - 1, **options)
    assert not list(tmp_path.iterdir())
    store = voxelize(lines, tmp_path / "v.zarr", memory=least, **options)
    assert store.chunks[0] == 1
    assert np.array_equal(store[...], in_memory(lines))


@given(
    layers=st.integers(2, 3000),
    ny=st.integers(2, 3000),
    nz=st.integers(2, 3000),
    dtype=st.sampled_from(["uint32", "float32", "float64"]),
    summing=st.booleans(),
    lines=st.integers(0, 10**9),
    host=st.integers(10**5, 10**11),
    on_gpu=st.booleans(),
)
def test_plans_keep_their_budget(
    layers: int,
    ny: int,
    nz: int,
    dtype: str,
    summing: bool,
    lines: int,
    host: int,
    on_gpu: bool,
) -> None:
    demand = Demand((layers, ny, nz), np.dtype(dtype), summing, lines, 2, on_gpu)
    device = host if on_gpu else None
    try:
        plan = make_plan(demand, host, device)
    except ValueError as error:
        least = int(str(error).split("needs ")[1].split()[0])
        assert least > host
        return
    assert demand.host_bytes(plan.chunks, plan.layers) <= host
    assert plan.layers % plan.chunks[0] == 0
    assert 1 <= plan.part <= plan.layers
    if on_gpu:
        assert demand.device_bytes(plan.part) <= host


class _OutOfMemory(MemoryError):
    """Stands for CuPy's error."""


def test_a_full_gpu_is_given_less_at_a_time(
    fake_gpu: Any, tmp_path: Path, monkeypatch: Any
) -> None:
    lines, real = some_lines(40), fake_gpu.zeros
    most, sizes = 4 * 3 * 54, []

    def zeros(shape: Any, dtype: Any) -> Any:
        size = int(np.prod(shape)) * np.dtype(dtype).itemsize
        if size > most:
            raise _OutOfMemory(size)
        sizes.append(size)
        return real(shape, dtype=dtype)

    monkeypatch.setattr(fake_gpu, "zeros", zeros)
    with pytest.warns(UserWarning, match="memory ran out on cuda:0") as warned:
        store = voxelize(lines, tmp_path / "v.zarr", memory="1GB", device="cuda")
    assert np.array_equal(store[...], in_memory(lines))
    assert max(sizes) == most
    assert "going on with 3 layers" in str(warned[-1].message)


def test_a_gpu_without_memory_for_a_layer_is_an_error(
    fake_gpu: Any, tmp_path: Path, monkeypatch: Any
) -> None:
    def zeros(shape: Any, dtype: Any) -> Any:
        raise _OutOfMemory

    monkeypatch.setattr(fake_gpu, "zeros", zeros)
    with (
        pytest.raises(MemoryError, match="cuda:0 has not enough memory for one layer of 6 x 9"),
        pytest.warns(UserWarning, match="memory ran out"),
    ):
        voxelize(some_lines(5), tmp_path / "v.zarr", memory="1GB", device="cuda")
    assert not (tmp_path / "v.zarr").exists()


def test_a_budget_too_small_for_a_layer_on_the_gpu_is_told(fake_gpu: Any, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="too little on the GPU: one layer"):
        voxelize(some_lines(5), tmp_path / "v.zarr", memory="1MB", device="cuda")


def test_a_host_without_memory_for_slabs_makes_smaller_ones(
    tmp_path: Path, monkeypatch: Any
) -> None:
    real, sizes = making.new_buffers, []

    def new_buffers(shape: tuple[int, ...], dtype: Any) -> list[np.ndarray]:
        if shape[0] > 4:
            raise MemoryError
        sizes.append(shape[0])
        return real(shape, dtype)

    monkeypatch.setattr(making, "new_buffers", new_buffers)
    lines = some_lines(30)
    with pytest.warns(UserWarning, match="memory ran out; going on with slabs"):
        store = voxelize(lines, tmp_path / "v.zarr", 13)
    assert sizes == [2]
    assert np.array_equal(store[...], in_memory(lines))


def test_a_host_without_any_memory_is_an_error(tmp_path: Path, monkeypatch: Any) -> None:
    def new_buffers(shape: tuple[int, ...], dtype: Any) -> list[np.ndarray]:
        raise MemoryError

    monkeypatch.setattr(making, "new_buffers", new_buffers)
    with (
        pytest.raises(MemoryError, match="not enough memory for a slab"),
        pytest.warns(UserWarning, match="memory ran out"),
    ):
        voxelize(some_lines(3), tmp_path / "v.zarr", 13, chunks=None, memory="1GB")
    assert not list(tmp_path.iterdir())


def test_memory_that_runs_out_on_the_way_halves_the_parts(tmp_path: Path, monkeypatch: Any) -> None:
    real, heights = making.traverse, []

    def traverse(cells: Any, *arguments: Any) -> int:
        cells[0] += 1  # what was begun must not stay
        if len(cells) > 3:
            raise MemoryError
        cells[0] -= 1
        heights.append(len(cells))
        return real(cells, *arguments)

    monkeypatch.setattr(making, "traverse", traverse)
    lines = some_lines(30)
    with pytest.warns(UserWarning, match="memory ran out on cpu") as warned:
        store = voxelize(lines, tmp_path / "v.zarr", 13)
    assert max(heights) == 3
    assert len(warned) == 2
    assert np.array_equal(store[...], in_memory(lines))


PEAK = """
import sys
import numpy as np
import gpupept
path, layers, memory = sys.argv[1], int(sys.argv[2]), sys.argv[3]
lines = np.random.default_rng(0).uniform(0, 1, (200, 7))
limits = dict(xlim=[0, 1], ylim=[0, 1], zlim=[0, 1])
gpupept.voxelize(lines, (layers, 1024, 512), path, memory=memory, progress=False, **limits)
fields = dict(line.split(":") for line in open("/proc/self/status"))
print(int(fields["VmHWM"].split()[0]) // 1024)
"""


@pytest.mark.skipif(not os.path.exists("/proc/self/status"), reason="peak memory is read there")
def test_peak_memory_does_not_grow_with_the_volume(tmp_path: Path) -> None:
    peaks = []
    for layers in (16, 160):  # 34 MB, 336 MB
        command = [
            sys.executable,
            "-c",
            PEAK,
            str(tmp_path / f"{layers}.zarr"),
            str(layers),
            "60MB",
        ]
        peaks.append(int(subprocess.run(command, capture_output=True, check=True).stdout))
    small, large = peaks
    assert large < small + 100


# ---- What is refused


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"number_of_voxels": (3, 3)}, ValueError, "number_of_voxels must be 3 numbers"),
        ({"number_of_voxels": (3, -3, 3)}, ValueError, "number_of_voxels must be 3 numbers"),
        ({"number_of_voxels": (1, 3, 3)}, ValueError, "from 2 to"),
        ({"number_of_voxels": (2**40, 3, 3)}, ValueError, "from 2 to"),
        ({"number_of_voxels": (2, 2**17, 2**17)}, ValueError, "cells in a layer"),
        ({"number_of_voxels": "many"}, ValueError, "number_of_voxels"),
        ({"xlim": [3, 2]}, ValueError, "xlim must be"),
        ({"zlim": [0, np.inf]}, ValueError, "zlim must be"),
        ({"ylim": 3}, ValueError, "ylim must be"),
        ({"dtype": "int32"}, TypeError, "dtype must be uint32, float32 or float64"),
        ({"lengths": True, "dtype": "uint32"}, TypeError, "cannot be added up in uint32"),
        ({"weights": np.ones(4), "dtype": "float64"}, ValueError, "weights must be one number"),
        ({"memory": "plenty"}, ValueError, "size in memory"),
        ({"memory": -5}, ValueError, "size in memory"),
        ({"device": "abacus"}, ValueError, "device"),
        ({"max_workers": 0}, ValueError, "max_workers"),
        ({"chunks": (0, 2, 2)}, ValueError, "chunks must be"),
    ],
)
def test_bad_arguments_leave_nothing(
    tmp_path: Path, change: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        voxelize(some_lines(5), tmp_path / "v.zarr", **({"memory": "1GB"} | change))
    assert not list(tmp_path.iterdir())


def test_bad_lines_leave_nothing(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="7"):
        voxelize(np.zeros((3, 5)), tmp_path / "v.zarr")
    with pytest.raises(ValueError, match="xlim must be given"):
        voxelize(np.zeros((0, 7)), tmp_path / "v.zarr", xlim=None)
    assert not list(tmp_path.iterdir())


def test_without_zarr_the_error_says_what_to_install(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setitem(sys.modules, "zarr", None)
    with pytest.raises(ImportError, match=r"gpupept\[io\]"):
        voxelize(some_lines(5), tmp_path / "v.zarr")
    with pytest.raises(ImportError, match=r"gpupept\[io\]"):
        VolumeStore.open(tmp_path)
    assert not list(tmp_path.iterdir())


def test_progress_is_shown_or_not(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    voxelize(some_lines(5), tmp_path / "a.zarr")
    assert capsys.readouterr().err == ""
    voxelize(some_lines(5), tmp_path / "b.zarr", progress=True)
    assert "100%" in capsys.readouterr().err
