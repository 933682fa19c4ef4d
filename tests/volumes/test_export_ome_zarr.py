"""OME-Zarr: metadata as OME-NGFF 0.4 and 0.5 have it, levels, and back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import gpupept
from gpupept.volumes import VolumeStore, export_volume, import_volume

zarr = pytest.importorskip("zarr", minversion="3")

LIMITS = ([-3.3, 10.1], [2.0, 3.0], [0.1, 5.0])


def some_voxels(dtype: Any = "f8", shape: tuple[int, ...] = (7, 5, 6), **attrs: Any) -> Any:
    values = np.random.default_rng(0).integers(0, 100, shape)
    return gpupept.Voxels(values.astype(dtype), *LIMITS, dtype=dtype, **attrs)


def coarser(values: np.ndarray, reduce: str) -> np.ndarray:
    """Blocks of two along each axis, one voxel after the other."""
    shape = tuple(-(-n // 2) for n in values.shape)
    made = np.empty(shape)
    for index in np.ndindex(shape):
        block = values[tuple(slice(2 * i, 2 * i + 2) for i in index)].astype(float)
        made[index] = block.sum() if reduce == "sum" else block.mean()
    return np.rint(made).astype(values.dtype) if values.dtype.kind in "iu" else made


def test_metadata_of_version_0_5(tmp_path: Path) -> None:
    voxels = some_voxels("f4", run=3)
    path = export_volume(voxels, tmp_path / "v.ome.zarr", levels=2)
    group = json.loads((path / "zarr.json").read_text())
    assert (group["zarr_format"], group["node_type"]) == (3, "group")
    ome = group["attributes"]["ome"]
    assert ome["version"] == "0.5"
    (image,) = ome["multiscales"]
    assert image["axes"] == [{"name": a, "type": "space", "unit": "millimeter"} for a in "zyx"]
    assert [each["path"] for each in image["datasets"]] == ["0", "1"]
    for factor, each in zip((1, 2), image["datasets"], strict=True):
        scale, move = each["coordinateTransformations"]
        assert (scale["type"], move["type"]) == ("scale", "translation")
        np.testing.assert_allclose(scale["scale"], factor * voxels.voxel_size[::-1], rtol=1e-14)
        centre = voxels.lower + factor * voxels.voxel_size / 2
        np.testing.assert_allclose(move["translation"], centre[::-1], rtol=1e-14)
        array = json.loads((path / each["path"] / "zarr.json").read_text())
        assert array["dimension_names"] == ["z", "y", "x"]
    np.testing.assert_array_equal(zarr.open_array(path / "0")[:], voxels.array.T)


def test_metadata_of_version_0_4(tmp_path: Path) -> None:
    voxels = some_voxels("u2")
    path = export_volume(voxels, tmp_path / "v.ome.zarr", version="0.4")
    attributes = json.loads((path / ".zattrs").read_text())
    (image,) = attributes["multiscales"]
    assert (image["version"], len(image["datasets"])) == ("0.4", 1)
    array = json.loads((path / "0" / ".zarray").read_text())
    assert (array["zarr_format"], array["dimension_separator"]) == (2, "/")
    assert (path / "0" / "0" / "0" / "0").is_file()
    np.testing.assert_array_equal(import_volume(path).array, voxels.array)


@given(
    shape=st.tuples(*[st.integers(1, 9)] * 3),
    chunks=st.tuples(*[st.integers(1, 4)] * 3),
    downsample=st.sampled_from(["mean", "sum"]),
    dtype=st.sampled_from(["f8", "u4", "i2"]),
)
@settings(max_examples=25)
def test_levels(
    tmp_path_factory: Any, shape: Any, chunks: Any, downsample: str, dtype: str
) -> None:
    folder, voxels = tmp_path_factory.mktemp("levels"), some_voxels(dtype, shape)
    store = VolumeStore.create(
        folder / "s.zarr", shape, *LIMITS, dtype=voxels.dtype, chunks=chunks, attrs={"run": 1}
    )
    store.write(0, voxels.array)
    levels = max(1, int(np.ceil(np.log2(max(shape)))))
    path = export_volume(store, folder / "v.ome.zarr", levels=levels, downsample=downsample)
    expected = voxels.array.T
    for level in range(levels):
        found = zarr.open_array(path / str(level))
        assert found.dtype == voxels.dtype
        np.testing.assert_allclose(found[:], expected, rtol=1e-14)
        expected = coarser(expected, downsample)
    back = import_volume(path)
    np.testing.assert_array_equal(back.array, voxels.array)
    np.testing.assert_array_equal([back.xlim, back.ylim, back.zlim], LIMITS)
    assert back.attrs == {"run": 1}


def test_default_levels_make_the_coarsest_small(tmp_path: Path) -> None:
    path = export_volume(some_voxels("u1", (600, 2, 1)), tmp_path / "long.ome.zarr")
    shapes = [zarr.open_array(path / str(level)).shape for level in range(3)]
    assert shapes == [(1, 2, 600), (1, 1, 300), (1, 1, 150)]
    (image,) = zarr.open_group(path).attrs["ome"]["multiscales"]
    scales = [each["coordinateTransformations"][0]["scale"] for each in image["datasets"]]
    np.testing.assert_allclose(scales[1], np.multiply(scales[0], [1, 2, 2]))
    np.testing.assert_allclose(scales[2], np.multiply(scales[0], [1, 2, 4]))


def test_sums_that_do_not_fit(tmp_path: Path) -> None:
    full = gpupept.Voxels(np.full((4, 4, 4), 200), *LIMITS, dtype="u1")
    with pytest.raises(ValueError, match='a sum of 1600 does not fit uint8; use "mean"'):
        export_volume(full, tmp_path / "v.ome.zarr", levels=2, downsample="sum")
    assert list(tmp_path.iterdir()) == []
    export_volume(full, tmp_path / "v.ome.zarr", levels=2)
    assert int(zarr.open_array(tmp_path / "v.ome.zarr" / "1")[:].min()) == 200


def test_zarr_of_other_programs(tmp_path: Path) -> None:
    group = zarr.create_group(tmp_path / "other.zarr")
    values = np.arange(24, dtype="u2").reshape(1, 2, 3, 4)
    group.create_array("full", data=values)
    axes = [{"name": "c", "type": "channel"}]
    axes += [{"name": a, "type": "space", "unit": "micrometer"} for a in "yzx"]
    transforms = [{"type": "scale", "scale": [1, 500, 1000, 250]}]
    image = {
        "axes": axes,
        "datasets": [{"path": "full", "coordinateTransformations": transforms}],
        "coordinateTransformations": [{"type": "translation", "translation": [0, 0, 0, 1000]}],
    }
    group.attrs["ome"] = {"version": "0.5", "multiscales": [image]}
    found = import_volume(tmp_path / "other.zarr")
    np.testing.assert_array_equal(found.array, values[0].transpose(2, 0, 1))
    np.testing.assert_allclose(found.voxel_size, [0.25, 0.5, 1.0])
    np.testing.assert_allclose(found.to_physical([0, 0, 0]), [1.0, 0.0, 0.0], atol=1e-15)
    for changed in (
        {"axes": axes[:3]},
        {"datasets": []},
        {"datasets": [{"path": "full", "coordinateTransformations": [{"type": "affine"}]}]},
    ):
        group.attrs["ome"] = {"version": "0.5", "multiscales": [image | changed]}
        with pytest.raises(ValueError, match="expected OME-Zarr"):
            import_volume(tmp_path / "other.zarr")
    (tmp_path / "empty.zarr").mkdir()
    with pytest.raises(ValueError, match="not a Zarr folder"):
        import_volume(tmp_path / "empty.zarr")


def test_a_store_is_read_too(tmp_path: Path) -> None:
    store = VolumeStore.create(tmp_path / "s.zarr", (2, 3, 4), *LIMITS, dtype="u4")
    store.write(0, np.arange(24, dtype="u4").reshape(2, 3, 4))
    np.testing.assert_array_equal(import_volume(tmp_path / "s.zarr").array, store[:])
    again = import_volume(tmp_path / "s.zarr", store=tmp_path / "t.zarr")
    assert again.checksum() == store.checksum()


def test_folders_are_whole_and_not_replaced_unasked(tmp_path: Path) -> None:
    path = export_volume(some_voxels(), tmp_path / "v.zarr")
    with pytest.raises(FileExistsError, match="overwrite=True"):
        export_volume(some_voxels(), path)
    export_volume(some_voxels() + 1, path, overwrite=True, progress=True)
    np.testing.assert_array_equal(import_volume(path).array, some_voxels().array + 1)
    (tmp_path / "file.zarr").write_text("")
    (tmp_path / "notes.zarr").mkdir()
    (tmp_path / "notes.zarr" / "mine.txt").write_text("")
    for name in ("file.zarr", "notes.zarr"):
        with pytest.raises(FileExistsError, match="not a Zarr folder, so it is not replaced"):
            export_volume(some_voxels(), tmp_path / name, overwrite=True)
    assert (tmp_path / "notes.zarr" / "mine.txt").exists()
    assert sorted(each.name for each in tmp_path.iterdir()) == ["file.zarr", "notes.zarr", "v.zarr"]
    old = export_volume(some_voxels(), tmp_path / "old.ome.zarr", version="0.4")
    export_volume(some_voxels(), old, overwrite=True)
    assert not (old / ".zgroup").exists()


def test_options_are_checked(tmp_path: Path) -> None:
    for options, message in (
        ({"levels": 0}, "levels must be a positive integer"),
        ({"levels": 9}, "at most 4, whose coarsest is one voxel"),
        ({"downsample": "max"}, 'downsample must be "mean" or "sum"'),
        ({"version": "0.3"}, 'version must be "0.5" or "0.4"'),
    ):
        with pytest.raises(ValueError, match=message):
            export_volume(some_voxels(), tmp_path / "v.ome.zarr", **options)
    with pytest.raises(TypeError, match="unexpected keyword"):
        export_volume(some_voxels(), tmp_path / "v.ome.zarr", level=1)


def test_volumes_on_a_device(tmp_path: Path, device: Any) -> None:
    voxels = some_voxels("f4")
    path = export_volume(voxels.to(device.name), tmp_path / "v.ome.zarr", levels=2)
    np.testing.assert_array_equal(import_volume(path).array, voxels.array)
