"""Values of another type: rounded where they may be, refused where they do not fit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import gpupept
from gpupept.cli import main
from gpupept.mapreduce import map_reduce
from gpupept.volumes import export_volume, import_volume
from gpupept.volumes.conversion import converted

LIMITS = ([0.0, 4.0], [0.0, 3.0], [0.0, 2.0])
TYPES = ["uint8", "int16", "uint32", "int64", "uint64", "float32", "float64"]


@given(
    hnp.arrays(st.sampled_from(TYPES), 6),
    st.sampled_from(["bool", "uint8", "int16", "uint64", "int64", "float16", "float32"]),
)
def test_no_value_is_changed_but_rounded(values: np.ndarray, name: str) -> None:
    kind = np.dtype(name)
    try:
        found = converted(values, kind)
    except ValueError:
        with np.errstate(all="ignore"):
            fits = [_fits(value, kind) for value in values.tolist()]
        assert not all(fits)
        return
    assert found.dtype == kind
    if kind.kind == "f":
        with np.errstate(over="ignore"):
            np.testing.assert_array_equal(found, values.astype(kind))
        assert np.array_equal(np.isinf(found), np.isinf(values))
    else:
        assert found.tolist() == values.tolist()  # Python's numbers compare exactly


def _fits(value: Any, kind: np.dtype[Any]) -> bool:
    if kind.kind == "f":
        return bool(np.isinf(value)) or not np.isinf(np.float64(value).astype(kind))
    if not np.isfinite(value) or value != int(value):
        return False
    low, high = (0, 1) if kind.kind == "b" else (np.iinfo(kind).min, np.iinfo(kind).max)
    return bool(low <= int(value) <= high)


@pytest.fixture
def voxels(device: Any) -> gpupept.Voxels:
    values = np.random.default_rng(2).random((4, 3, 2)) * 300
    return gpupept.Voxels(values, *LIMITS).to(device.name)


@pytest.mark.parametrize("name", ["v.nii", "v.vti", "v.mha", "v.npz", "v.ome.zarr", "v.zarr"])
def test_exported_values(tmp_path: Path, voxels: gpupept.Voxels, name: str) -> None:
    if ".nii" in name:
        pytest.importorskip("nibabel")
    found = import_volume(export_volume(voxels, tmp_path / name, dtype="float32"))
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found.array, voxels.get().astype("f4"))
    whole = voxels.round()
    found = import_volume(export_volume(whole, tmp_path / f"w{name}", dtype="uint16"))
    assert (found.dtype, found.array.tolist()) == (np.uint16, whole.get().tolist())
    for other, dtype in ((whole, "uint8"), (voxels, "uint16"), (voxels * 1e40, "float32")):
        with pytest.raises(ValueError, match="do not fit"):
            export_volume(other, tmp_path / f"x{name}", dtype=dtype)
    assert not (tmp_path / f"x{name}").exists()


def test_the_command_converts(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    voxels = gpupept.Voxels(np.full((2, 2, 2), 300.0), [0, 1], [0, 1], [0, 1])
    voxels.save(tmp_path / "v.npz")
    words = ["export", str(tmp_path / "v.npz"), str(tmp_path / "v.mha"), "--quiet", "--dtype"]
    assert main([*words, "uint8"]) == 1
    assert "8 of 8 values in a block do not fit uint8, such as 300.0" in capsys.readouterr().err
    assert main([*words, "uint16"]) == 0
    assert import_volume(tmp_path / "v.mha").dtype == np.uint16
    assert "uint16" in capsys.readouterr().out


def test_dtype_of_a_store_that_is_made(tmp_path: Path) -> None:
    voxels = gpupept.Voxels(np.arange(24).reshape(4, 3, 2), *LIMITS, dtype="uint32")
    out: Any = tmp_path / "v.zarr"
    found = map_reduce(voxels, np.sqrt, out=out, dtype="float32", progress=False)
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found[...], np.sqrt(voxels.array).astype("f4"))
    options = {"out": out, "overwrite": True, "progress": False}
    with pytest.raises(ValueError, match="do not fit float32"):
        map_reduce(voxels, lambda part: part * 1e40, dtype="float32", **options)
    with pytest.raises(TypeError, match="floating-point type"):
        map_reduce(voxels, np.sqrt, dtype="uint8", **options)
    with pytest.raises(ValueError, match="a store made at a path"):
        map_reduce(voxels, np.sqrt, dtype="float32")
