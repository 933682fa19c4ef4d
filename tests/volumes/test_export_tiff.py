"""Stacks of TIFF pages: what tifffile and ImageJ find in them, and what is read again."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import gpupept
from gpupept.volumes import VolumeStore, export_volume, import_volume, tiff
from gpupept.volumes.source import as_source

tifffile = pytest.importorskip("tifffile")

LIMITS = ([-1.0, 4.0], [0.1, 3.7], [10.0, 12.0])
TYPES = ["uint8", "uint16", "float32", "int16", "uint32", "float64", "bool"]


def some_voxels(dtype: Any = "float32", shape: tuple[int, ...] = (5, 4, 3)) -> gpupept.Voxels:
    values = np.arange(np.prod(shape)).reshape(shape).astype(dtype)
    return gpupept.Voxels(values, *LIMITS, dtype=dtype, run=3)


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("shape", [(5, 4, 3), (5, 4, 1), (1, 1, 1), (3, 1, 4)])
def test_what_is_written_is_read(tmp_path: Path, dtype: str, shape: tuple[int, ...]) -> None:
    voxels = some_voxels(dtype, shape)
    path = export_volume(voxels, tmp_path / "v.tif")
    pages = tifffile.imread(path).reshape(shape[::-1])
    np.testing.assert_array_equal(pages.T, voxels.array)
    found = import_volume(path)
    np.testing.assert_array_equal(found.array, voxels.array)
    assert found.dtype == np.dtype("uint8" if dtype == "bool" else dtype)
    assert [pair.tolist() for pair in (found.xlim, found.ylim, found.zlim)] == list(LIMITS)
    assert found.attrs == {"run": 3}


def test_imagej_finds_the_size_of_voxels(tmp_path: Path) -> None:
    path = export_volume(some_voxels("uint16"), tmp_path / "v.tiff")
    with tifffile.TiffFile(path) as file:
        assert file.is_imagej
        assert len(file.pages) == 3
        assert file.imagej_metadata["slices"] == 3
        assert file.imagej_metadata["unit"] == "mm"
        assert file.imagej_metadata["spacing"] == pytest.approx(2 / 3)
        above, below = file.pages[0].tags["XResolution"].value
        assert below / above == pytest.approx(1.0, rel=1e-6)
        above, below = file.pages[0].tags["YResolution"].value
        assert below / above == pytest.approx(0.9, rel=1e-6)


def test_a_store_is_written_in_little_memory(tmp_path: Path) -> None:
    store = VolumeStore.create(
        tmp_path / "v.zarr", (40, 50, 30), *LIMITS, dtype="float32", chunks=(40, 10, 10)
    )
    values = np.random.default_rng(0).random(store.shape, dtype="float32")
    store.write(0, values)
    for memory in ("350kB", "2MB"):  # some rows at a time, and whole pages
        path = export_volume(store, tmp_path / f"{memory}.tif", memory=memory)
        again = import_volume(path, store=tmp_path / f"{memory}.zarr", memory="2MB")
        assert again.checksum() == store.checksum()
    one, other = ((tmp_path / f"{memory}.tif").read_bytes() for memory in ("350kB", "2MB"))
    assert one == other


def test_files_beyond_4_gb_are_bigtiff(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tiff, "_LARGEST", 100)
    path = export_volume(some_voxels(), tmp_path / "v.tif")
    with tifffile.TiffFile(path) as file:
        assert file.is_bigtiff
    found = import_volume(path)
    np.testing.assert_array_equal(found.array, some_voxels().array)
    assert found.zlim.tolist() == LIMITS[2]


def test_files_of_other_programs(tmp_path: Path) -> None:
    pages = np.arange(24, dtype="u2").reshape(2, 3, 4)
    path = tmp_path / "v.tif"
    tifffile.imwrite(path, pages, photometric="minisblack", compression="zlib")
    found = import_volume(path)
    np.testing.assert_array_equal(found.array, pages.T)
    assert found.zlim.tolist() == [0.0, 2.0]
    metadata = {"axes": "ZYX", "spacing": 500.0, "unit": "um"}
    tifffile.imwrite(path, pages, imagej=True, resolution=(0.004, 0.002), metadata=metadata)
    np.testing.assert_allclose(import_volume(path).voxel_size, [0.25, 0.5, 0.5])


def test_what_cannot_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "v.tif"
    path.write_bytes(b"II*\0broken")
    with pytest.raises(ValueError, match="not a TIFF file, or is damaged"):
        import_volume(path)
    path.write_text("text")
    with pytest.raises(ValueError, match="not a TIFF file, or is damaged"):
        import_volume(path)
    tifffile.imwrite(path, np.zeros((4, 5, 3), "u1"), photometric="rgb")
    with pytest.raises(ValueError, match="a number for each element"):
        import_volume(path)
    monkeypatch.setitem(sys.modules, "tifffile", None)
    with pytest.raises(ImportError, match=r"gpupept\[tiff\]"):
        import_volume(path)
    with pytest.raises(ImportError, match=r"gpupept\[tiff\]"):
        export_volume(some_voxels(), tmp_path / "w.tif")
    assert not (tmp_path / "w.tif").exists()


def test_sources_are_read_in_parts(tmp_path: Path) -> None:
    voxels = some_voxels()
    source = tiff.read_tiff(export_volume(voxels, tmp_path / "v.tif"))
    part = source.values[1:3, 0:2, 2:3]
    np.testing.assert_array_equal(part, as_source(voxels).values[1:3, 0:2, 2:3])


def test_pixels_are_one_page(tmp_path: Path, device: Any) -> None:
    values = np.random.default_rng(0).random((7, 5))
    pixels = gpupept.Pixels(values, [0, 7], [1, 2], run=3).to(device.name)
    store = VolumeStore.create(tmp_path / "p.zarr", (7, 5), [0, 7], [1, 2], attrs={"run": 3})
    store.write(0, values)
    for number, each in enumerate((pixels, store)):
        path = export_volume(each, tmp_path / f"{number}.tif", dtype="float32")
        np.testing.assert_array_equal(tifffile.imread(path), values.T.astype("f4"))
        found = import_volume(path)
        assert (found.ylim.tolist(), found.zlim.tolist()) == ([1.0, 2.0], [0.0, 1.0])
        assert found.attrs == {"run": 3}
        for name in ("p.vti", "q.zarr", "p.npz"):
            with pytest.raises(TypeError, match=r'three axes.*"\.tif".*save.*"\.npz"'):
                export_volume(each, tmp_path / name)
