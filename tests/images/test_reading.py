"""Images and volumes from files of all kinds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import gpupept
from gpupept.images import ImageArray, load_data
from gpupept.volumes import export_volume

VALUES = np.arange(24, dtype="u2").reshape(2, 3, 4)


@pytest.mark.parametrize(
    "name", ["v.vti", "v.mhd", "v.raw", "v.mha", "v.npz", "v.nii", "v.ome.zarr"]
)
def test_volumes(tmp_path: Path, name: str) -> None:
    needed = {".nii": "nibabel", ".zarr": "zarr"}.get(Path(name).suffix)
    if needed:
        pytest.importorskip(needed)
    path = export_volume(
        gpupept.Voxels(VALUES, [0, 1], [0, 1], [0, 1], dtype="u2"), tmp_path / name
    )
    found = load_data(path)
    assert isinstance(found, ImageArray)
    assert found.dtype == np.uint16
    np.testing.assert_array_equal(found.array, VALUES)


def test_arrays(tmp_path: Path, device: Any) -> None:
    np.save(tmp_path / "a.npy", VALUES)
    np.testing.assert_array_equal(load_data(str(tmp_path / "a.npy")).array, VALUES)
    array = device.asarray(VALUES)
    assert load_data(array).array is array
    mapped = load_data(array, data_range=255, normalize=True)
    assert mapped.dtype == np.uint8
    np.testing.assert_array_equal(
        device.to_host(mapped.array), (VALUES.astype(float) * 255 / 23).astype("u1")
    )
    np.testing.assert_array_equal(load_data(VALUES, data_range=255).array, VALUES)
    assert load_data(VALUES, (1.0, 2.0), normalize=True).minimum == 1.0
    np.save(tmp_path / "objects.npy", np.array([{}]), allow_pickle=True)
    with pytest.raises(ValueError, match="allow_pickle"):
        load_data(tmp_path / "objects.npy")


def test_pictures(tmp_path: Path) -> None:
    pictures = pytest.importorskip("PIL.Image")
    page = (np.arange(12) * 20).astype("u1").reshape(3, 4)
    for name in ("p.png", "p.tif", "p.bmp"):
        pictures.fromarray(page).save(tmp_path / name)
        np.testing.assert_array_equal(load_data(tmp_path / name).array, page)
    deep = [pictures.fromarray((page * 200).astype("u2")), pictures.fromarray(page.astype("u2"))]
    deep[0].save(tmp_path / "stack.tiff", save_all=True, append_images=deep[1:])
    found = load_data(tmp_path / "stack.tiff").array
    np.testing.assert_array_equal(found, np.stack([(page * 200).astype("u2"), page]))
    sizes = [pictures.fromarray(page), pictures.fromarray(page[:2])]
    sizes[0].save(tmp_path / "sizes.tif", save_all=True, append_images=sizes[1:])
    with pytest.raises(ValueError, match="pages of one size"):
        load_data(tmp_path / "sizes.tif")
    (tmp_path / "bad.png").write_bytes(b"no image")
    with pytest.raises(ValueError, match="damaged or not an image"):
        load_data(tmp_path / "bad.png")


def test_raw_files_without_header(tmp_path: Path) -> None:
    VALUES.ravel(order="F").astype(">u2").tofile(tmp_path / "v.raw")
    found = load_data(tmp_path / "v.raw", shape=(2, 3, 4), dtype=">u2")
    np.testing.assert_array_equal(found.array, VALUES)
    for given, message in (
        ({"shape": (2, 3, 5), "dtype": ">u2"}, "found a file of 48 bytes"),
        ({"shape": (2, 3, 2), "dtype": "V5"}, "found a file of 48 bytes"),
        ({"shape": (2, 3, 4)}, "both shape and dtype"),
    ):
        with pytest.raises(ValueError, match=message):
            load_data(tmp_path / "v.raw", **given)
    np.save(tmp_path / "a.npy", VALUES)
    with pytest.raises(ValueError, match=r"are for \.raw files"):
        load_data(tmp_path / "a.npy", dtype="u2")


def test_what_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="there is no file"):
        load_data(tmp_path / "missing.npy")
    (tmp_path / "notes.txt").write_text("")
    with pytest.raises(ValueError, match=r"must end with one of \.npy, \.png, \.tif, .*\.nii"):
        load_data(tmp_path / "notes.txt")
    with pytest.raises(ValueError, match="data_range must be given"):
        load_data(VALUES, normalize=True)
