"""Files of volumes: each format read by other means than its writer, and back by its own reader."""

from __future__ import annotations

import gzip
import logging
import re
import sys
import tracemalloc
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import Any

import hypothesis.extra.numpy as arrays_of
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import gpupept
from gpupept.volumes import VolumeStore, export_volume, import_volume
from gpupept.volumes.source import as_source, in_file_order, in_layers

nibabel = pytest.importorskip("nibabel")

FILES = ("v.nii", "v.nii.gz", "v.vti", "v.mhd", "v.raw", "v.mha", "v.npz")
LIMITS = ([-3.3, 10.1], [2.0, 3.0], [0.1, 5.0])
DTYPES = ("u1", "i1", "u2", "i2", "u4", "i4", "u8", "i8", "f4", "f8")


def some_voxels(dtype: Any = "f8", shape: tuple[int, ...] = (7, 5, 6), **attrs: Any) -> Any:
    values = np.arange(np.prod(shape)).reshape(shape) % 120
    return gpupept.Voxels(values.astype(dtype), *LIMITS, dtype=dtype, **attrs)


def stored(path: Path, voxels: Any, chunks: Any = (3, 2, 4)) -> VolumeStore:
    limits = (voxels.xlim, voxels.ylim, voxels.zlim)
    store = VolumeStore.create(
        path, voxels.shape, *limits, dtype=voxels.dtype, chunks=chunks, attrs=voxels.attrs
    )
    store.write(0, voxels.array)
    return store


def same(found: Any, voxels: Any, dtype: Any = None) -> None:
    np.testing.assert_array_equal(found.array[...], voxels.array)
    assert found.dtype == (voxels.dtype if dtype is None else dtype)
    for axis in ("xlim", "ylim", "zlim"):
        np.testing.assert_allclose(getattr(found, axis), getattr(voxels, axis), rtol=1e-12)


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("dtype", DTYPES)
def test_files_come_back(tmp_path: Path, name: str, dtype: str) -> None:
    voxels = some_voxels(dtype)
    assert export_volume(voxels, tmp_path / name) == tmp_path / name
    same(import_volume(tmp_path / name), voxels)


@pytest.mark.parametrize("name", FILES)
def test_stores_and_memory_make_the_same_file(tmp_path: Path, name: str) -> None:
    voxels = some_voxels("f4")
    store = stored(tmp_path / "store.zarr", voxels)
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    export_volume(voxels, tmp_path / "a" / name)
    export_volume(store, tmp_path / "b" / name, memory=20_000)
    files = sorted(path.name for path in (tmp_path / "a").iterdir())
    assert files == sorted(path.name for path in (tmp_path / "b").iterdir())
    for each in files:
        assert (tmp_path / "a" / each).read_bytes() == (tmp_path / "b" / each).read_bytes()


@pytest.mark.parametrize("name", FILES)
def test_volumes_on_a_device(tmp_path: Path, name: str, device: Any) -> None:
    voxels = some_voxels("f4")
    export_volume(voxels.to(device.name), tmp_path / name)
    same(import_volume(tmp_path / name), voxels)


@given(
    shape=st.tuples(*[st.integers(1, 7)] * 3),
    chunks=st.tuples(*[st.integers(1, 4)] * 3),
    room=st.integers(0, 200),
)
@settings(max_examples=60)
def test_blocks_are_the_file_whatever_the_memory(shape: Any, chunks: Any, room: int) -> None:
    voxels = some_voxels("f8", shape)
    source = as_source(voxels)
    pieces = type(source)(
        source.values, shape, source.dtype, source.limits, {}, chunks, reading=100
    )
    memory = 100 + 4 * 8 * (shape[0] + room)
    blocks = list(in_file_order(pieces, memory))
    assert max(block.nbytes for block in blocks) <= (memory - 100) // 4
    flat = np.concatenate([block.reshape(-1) for block in blocks])
    np.testing.assert_array_equal(flat, voxels.array.ravel(order="F"))
    memory = 100 + 4 * 8 * (shape[1] * shape[2] + room)
    layers = list(in_layers(pieces, memory))
    assert max(block.nbytes for block in layers) <= (memory - 100) // 4
    np.testing.assert_array_equal(np.concatenate(layers), voxels.array)


def test_too_little_memory_is_an_error(tmp_path: Path) -> None:
    for name in ("v.vti", "v.npz"):
        with pytest.raises(ValueError, match=r"memory of 10 bytes is too little .* at least \d+"):
            export_volume(some_voxels(), tmp_path / name, memory=10)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["v.nii", "v.vti", "v.mha", "v.npz"])
def test_memory_is_bounded(tmp_path: Path, name: str) -> None:
    """A volume of 4 MB is written, and read into a store, in 2 MB."""
    store = VolumeStore.create(
        tmp_path / "s.zarr", (128, 64, 64), *LIMITS, dtype="f8", chunks=(16, 16, 16)
    )
    for first in range(0, 128, 16):
        store.write(first, np.full((16, 64, 64), float(first)))
    export_volume(some_voxels(), tmp_path / f"first-{name}")  # imports what is needed
    tracemalloc.start()
    try:
        export_volume(store, tmp_path / name, memory="2MB")
        assert tracemalloc.get_traced_memory()[1] < 2.5e6
        if name != "v.npz":
            tracemalloc.reset_peak()
            chunks = (32, 32, 4)
            import_volume(
                tmp_path / name, store=tmp_path / "again.zarr", memory="2MB", chunks=chunks
            )
            assert tracemalloc.get_traced_memory()[1] < 2.5e6
    finally:
        tracemalloc.stop()
    if name != "v.npz":
        np.testing.assert_array_equal(VolumeStore.open(tmp_path / "again.zarr")[:], store[:])


# ---- NIfTI, by nibabel


@pytest.mark.parametrize("name", ["v.nii", "v.nii.gz"])
def test_nifti_as_nibabel_reads_it(tmp_path: Path, name: str) -> None:
    voxels = some_voxels("f4")
    image = nibabel.load(export_volume(voxels, tmp_path / name))
    assert isinstance(image, nibabel.Nifti1Image)
    np.testing.assert_array_equal(np.asarray(image.dataobj), voxels.array)
    assert image.header.get_xyzt_units()[0] == "mm"
    for index in ((0, 0, 0), (3, 1, 2), (6, 4, 5)):
        place = nibabel.affines.apply_affine(image.affine, index)
        np.testing.assert_allclose(place, voxels.to_physical(index), rtol=1e-6)
    np.testing.assert_allclose(image.get_qform(), image.get_sform(), rtol=1e-6, atol=1e-6)


def test_long_axes_make_nifti_2(tmp_path: Path) -> None:
    voxels = some_voxels("u1", (32768, 2, 1))
    image = nibabel.load(export_volume(voxels, tmp_path / "long.nii"))
    assert isinstance(image, nibabel.Nifti2Image)
    np.testing.assert_array_equal(np.asarray(image.dataobj), voxels.array)
    same(import_volume(tmp_path / "long.nii"), voxels)


def test_nifti_of_other_programs(tmp_path: Path) -> None:
    values = np.arange(24.0).reshape(2, 3, 4)
    affine = np.array([[0, 2, 0, 10], [3, 0, 0, 20], [0, 0, -4, 50], [0, 0, 0, 1.0]])
    path = tmp_path / "turned.nii"
    nibabel.save(nibabel.Nifti1Image(values, affine), path)
    found = import_volume(path)
    np.testing.assert_array_equal(found.array, values.transpose(1, 0, 2)[:, :, ::-1])
    for index in ((0, 0, 0), (1, 2, 3)):
        place = nibabel.affines.apply_affine(affine, index)
        cell = np.rint(found.from_physical(place)).astype(int)
        assert found.array[tuple(cell)] == values[index]
    header = nibabel.load(path).header
    header.set_xyzt_units("micron")
    nibabel.save(nibabel.Nifti1Image(values, np.diag([2.0, 2, 2, 1]), header), path)
    assert import_volume(path).voxel_size.tolist() == pytest.approx([0.002] * 3)


def test_scaled_nifti(tmp_path: Path) -> None:
    image = nibabel.Nifti1Image(np.arange(8, dtype="i2").reshape(2, 2, 2), np.eye(4))
    image.header.set_slope_inter(0.5, 1.0)
    nibabel.save(image, tmp_path / "scaled.nii")
    raw = bytearray((tmp_path / "scaled.nii").read_bytes())
    expected = np.asarray(nibabel.load(tmp_path / "scaled.nii").dataobj)
    assert raw[:4] == (348).to_bytes(4, "little")
    np.testing.assert_array_equal(import_volume(tmp_path / "scaled.nii").array, expected)


def test_oblique_and_cropped_nifti(tmp_path: Path) -> None:
    turned = np.eye(4)
    turned[:2, :2] = [[0.8, -0.6], [0.6, 0.8]]
    nibabel.save(nibabel.Nifti1Image(np.zeros((2, 2, 2)), turned), tmp_path / "oblique.nii")
    with pytest.raises(ValueError, match="obliquely"):
        import_volume(tmp_path / "oblique.nii")
    nibabel.save(nibabel.Nifti1Image(np.zeros((2, 2, 2, 3)), np.eye(4)), tmp_path / "four.nii")
    with pytest.raises(ValueError, match="three axes"):
        import_volume(tmp_path / "four.nii")
    image = nibabel.load(export_volume(some_voxels(run=1), tmp_path / "v.nii"))
    nibabel.save(image.slicer[2:5], tmp_path / "part.nii")  # keeps the note of the whole
    part = import_volume(tmp_path / "part.nii")
    size = some_voxels().voxel_size[0]
    np.testing.assert_allclose(part.xlim, [-3.3 + 2 * size, -3.3 + 5 * size], rtol=1e-5)
    assert part.attrs == {}


# ---- VTK, by its own parts


def test_vti_by_its_parts(tmp_path: Path) -> None:
    voxels = some_voxels("u2")
    content = export_volume(voxels, tmp_path / "v.vti").read_bytes()
    head, data = content.split(b'<AppendedData encoding="raw">')
    root = ElementTree.fromstring(head + b"</VTKFile>")
    assert root.attrib == {
        "type": "ImageData",
        "version": "1.0",
        "byte_order": "LittleEndian",
        "header_type": "UInt64",
    }
    image, array = root.find("ImageData"), root.find("ImageData/Piece/CellData/DataArray")
    assert image is not None
    assert array is not None
    assert image.get("WholeExtent") == root.find("ImageData/Piece").get("Extent") == "0 7 0 5 0 6"
    origin = [float(word) for word in image.get("Origin").split()]
    spacing = np.array([float(word) for word in image.get("Spacing").split()])
    assert origin == [-3.3, 2.0, 0.1]
    np.testing.assert_allclose(origin + spacing * [7, 5, 6], [10.1, 3.0, 5.0], rtol=1e-12)
    assert (array.get("type"), array.get("format"), array.get("offset")) == (
        "UInt16",
        "appended",
        "0",
    )
    start = data.index(b"_") + 1
    assert data[:start].strip() == b"_"
    count = int.from_bytes(data[start : start + 8], "little")
    assert count == voxels.nbytes
    values = np.frombuffer(data, "<u2", voxels.size, start + 8)
    np.testing.assert_array_equal(values, voxels.array.ravel(order="F"))
    assert data[start + 8 + count :].split() == [b"</AppendedData>", b"</VTKFile>"]


def test_vti_that_cannot_be_read(tmp_path: Path) -> None:
    path = export_volume(some_voxels(), tmp_path / "v.vti")
    content = path.read_bytes()
    changes = {
        "of one piece": (b"<CellData", b"<PointData"),
        "raw binary": (b'encoding="raw"', b'encoding="base64"'),
        "number of the types": (b'type="Float64"', b'type="String"'),
        "not a VTK XML": (b"</Piece>", b"</piece>"),
        "whole extent": (b'<Piece Extent="0 7', b'<Piece Extent="0 6'),
        "document type": (b"<VTKFile type", b"<!DOCTYPE a><VTKFile type"),
    }
    for message, (old, new) in changes.items():
        changed = content.replace(old, new).replace(
            b"</CellData", b"</PointData" if b"Point" in new else b"</CellData"
        )
        assert changed != content
        path.write_bytes(changed)
        with pytest.raises(ValueError, match=message):
            import_volume(path)
    path.write_bytes(content[:-200])
    with pytest.raises(ValueError, match=r"expected 1680 bytes of values from byte \d+, found 15"):
        import_volume(path)


# ---- MetaImage, by its own parts


def test_metaimage_by_its_parts(tmp_path: Path) -> None:
    voxels = some_voxels("i4")
    export_volume(voxels, tmp_path / "v.mhd")
    lines = (tmp_path / "v.mhd").read_text().splitlines()
    fields = dict(line.split(" = ") for line in lines)
    assert lines[-1] == "ElementDataFile = v.raw"
    assert (fields["ObjectType"], fields["NDims"], fields["DimSize"]) == ("Image", "3", "7 5 6")
    assert (fields["ElementType"], fields["BinaryDataByteOrderMSB"]) == ("MET_INT", "False")
    offset = [float(word) for word in fields["Offset"].split()]
    np.testing.assert_allclose(offset, voxels.to_physical([0, 0, 0]), rtol=1e-14)
    spacing = [float(word) for word in fields["ElementSpacing"].split()]
    np.testing.assert_allclose(spacing, voxels.voxel_size, rtol=1e-14)
    values = np.fromfile(tmp_path / "v.raw", "<i4").reshape((7, 5, 6), order="F")
    np.testing.assert_array_equal(values, voxels.array)


def test_metaimage_of_other_programs(tmp_path: Path) -> None:
    header = (
        "ObjectType = Image\nNDims = 3\nBinaryDataByteOrderMSB = True\nHeaderSize = -1\n"
        "DimSize = 2 3 4\nElementSize = 1 2 3\nElementType = MET_SHORT\nElementDataFile = x.bin\n"
    )
    values = np.arange(24, dtype=">i2")
    (tmp_path / "x.mhd").write_text(header)
    (tmp_path / "x.bin").write_bytes(b"some header" + values.tobytes())
    found = import_volume(tmp_path / "x.mhd")
    np.testing.assert_array_equal(found.array, values.reshape((2, 3, 4), order="F"))
    assert found.dtype == np.int16
    assert found.voxel_size.tolist() == [1, 2, 3]
    assert found.xlim.tolist() == [-0.5, 1.5]
    changes = {
        "compressed": ("NDims = 3", "CompressedData = True"),
        "three dimensions": ("DimSize = 2 3 4", "DimSize = 2 3 4\nElementNumberOfChannels = 2"),
        "one of the types": ("MET_SHORT", "MET_STRING"),
        "three numbers": ("DimSize = 2 3 4", "DimSize = 2 3"),
        "TransformMatrix": ("NDims = 3", "TransformMatrix = 0 1 0 1 0 0 0 0 1"),
        "no ElementDataFile": ("ElementDataFile = x.bin\n", ""),
        "has no DimSize": ("DimSize = 2 3 4\n", ""),
        "expected 96 bytes": ("DimSize = 2 3 4", "DimSize = 2 6 4"),
    }
    for message, (old, new) in changes.items():
        (tmp_path / "x.mhd").write_text(header.replace(old, new))
        with pytest.raises(ValueError, match=message):
            import_volume(tmp_path / "x.mhd")
    (tmp_path / "y.raw").write_bytes(b"")
    with pytest.raises(FileNotFoundError, match=r"y\.mhd does not exist"):
        import_volume(tmp_path / "y.raw")


# ---- All of them


def test_npz_is_what_load_reads(tmp_path: Path) -> None:
    voxels = some_voxels("u4", run=3, note={"a": [1, 2]})
    export_volume(voxels, tmp_path / "v.npz")
    found = gpupept.load(tmp_path / "v.npz")
    same(found, voxels)
    assert found.attrs == voxels.attrs
    np.testing.assert_array_equal(np.load(tmp_path / "v.npz")["voxels"], voxels.array)
    gpupept.save(tmp_path / "other.npz", [1])
    with pytest.raises(ValueError, match="holds list, not Voxels"):
        import_volume(tmp_path / "other.npz")


@pytest.mark.parametrize("name", ["v.nii", "v.vti", "v.mha"])
def test_types_that_a_format_lacks(tmp_path: Path, name: str) -> None:
    flags = gpupept.Voxels(some_voxels().array > 50, *LIMITS, dtype=bool)
    export_volume(flags, tmp_path / name)
    same(import_volume(tmp_path / name), flags, np.uint8)
    halves = some_voxels("f2")
    export_volume(halves, tmp_path / name, overwrite=True)
    same(import_volume(tmp_path / name), halves, np.float32)


def test_attributes_that_are_not_kept_are_logged(tmp_path: Path, caplog: Any) -> None:
    voxels = some_voxels(run=np.float64(1.5), thing=object())
    with caplog.at_level(logging.WARNING, logger="gpupept"):
        export_volume(voxels, tmp_path / "v.nii")
    assert [record.getMessage() for record in caplog.records] == [
        "attributes not kept in a file of NIfTI: thing"
    ]
    assert import_volume(tmp_path / "v.nii").attrs == {"run": 1.5}
    with caplog.at_level(logging.WARNING, logger="gpupept"):
        export_volume(voxels, tmp_path / "v.vti")
        export_volume(voxels, tmp_path / "v.mha")
    assert all(re.search("of VTK|of MetaImage", r.getMessage()) for r in caplog.records[1:])
    assert len(caplog.records) == 3


@pytest.mark.parametrize("name", FILES)
def test_what_exists_is_kept_unless_asked(tmp_path: Path, name: str) -> None:
    path = export_volume(some_voxels(), tmp_path / name)
    with pytest.raises(FileExistsError, match="overwrite=True"):
        export_volume(some_voxels(), path)
    export_volume(some_voxels() + 1, path, overwrite=True)
    same(import_volume(path), some_voxels() + 1)


@pytest.mark.parametrize("name", FILES)
def test_files_are_written_whole_or_not_at_all(tmp_path: Path, name: str) -> None:
    store = stored(tmp_path / "s.zarr", some_voxels())
    broken = sorted((tmp_path / "s.zarr" / "c").rglob("1"))[-1]
    (broken if broken.is_file() else broken / "0").write_bytes(b"no chunk")
    target = tmp_path / "out"
    target.mkdir()
    with pytest.raises(Exception):  # noqa: B017  what Zarr raises is its own affair
        export_volume(store, target / name)
    assert list(target.iterdir()) == []


def test_arguments_are_checked(tmp_path: Path) -> None:
    voxels = some_voxels()
    with pytest.raises(TypeError, match=r"Voxels or a VolumeStore of three axes, found ndarray"):
        export_volume(voxels.array, tmp_path / "v.vti")
    with pytest.raises(ValueError, match=r"must end with one of .*\.vti"):
        export_volume(voxels, tmp_path / "v.png")
    with pytest.raises(ValueError, match="format must be one of"):
        export_volume(voxels, tmp_path / "v.vti", format="jpeg")
    with pytest.raises(TypeError, match="has no options, found levels"):
        export_volume(voxels, tmp_path / "v.vti", levels=2)
    with pytest.raises(FileNotFoundError, match="output directory does not exist"):
        export_volume(voxels, tmp_path / "missing" / "v.vti")
    with pytest.raises(FileNotFoundError, match="there is no volume"):
        import_volume(tmp_path / "v.vti")
    with pytest.raises(ValueError, match="no type for"):
        raise_for(np.longdouble)
    export_volume(voxels, tmp_path / "volume", format="vti", progress=True)
    same(import_volume(tmp_path / "volume", format="vti"), voxels)
    pixels = VolumeStore.create(tmp_path / "p.zarr", (2, 2), [0, 1], [0, 1])
    with pytest.raises(TypeError, match="three axes"):
        export_volume(pixels, tmp_path / "p.vti")


def raise_for(dtype: Any) -> None:
    from gpupept.volumes.source import stored_dtype

    try:
        stored_dtype(np.dtype(dtype), {"float64": 1}, "VTK")
    except TypeError as error:
        raise ValueError(str(error)) from None


@given(
    values=arrays_of.arrays(
        st.sampled_from(["f4", "f8", "u1", "i8"]), arrays_of.array_shapes(min_dims=3, max_dims=3)
    ),
    name=st.sampled_from(FILES),
)
@settings(max_examples=40)
def test_any_values_come_back(tmp_path_factory: Any, values: np.ndarray, name: str) -> None:
    """NaN, infinities and the extremes of integers too, bit for bit."""
    path = tmp_path_factory.mktemp("any") / name
    export_volume(gpupept.Voxels(values, *LIMITS, dtype=values.dtype), path)
    found = import_volume(path)
    assert found.array.tobytes() == values.tobytes()


def test_compressed_files_are_the_same_each_time(tmp_path: Path) -> None:
    first = export_volume(some_voxels(), tmp_path / "a.nii.gz").read_bytes()
    assert export_volume(some_voxels(), tmp_path / "b.nii.gz").read_bytes() == first
    assert len(gzip.decompress(first)) > 8 * 210


def test_chunks_of_an_imported_volume_fit_the_memory(tmp_path: Path) -> None:
    path = export_volume(some_voxels("f8", (64, 64, 64)), tmp_path / "v.mha")
    thin = import_volume(path, store=tmp_path / "thin.zarr", memory="2MB")
    assert isinstance(thin, VolumeStore)
    assert thin.chunks[2] == 4
    same(thin, some_voxels("f8", (64, 64, 64)))
    with pytest.raises(FileExistsError):
        import_volume(path, store=tmp_path / "thin.zarr")


@pytest.mark.parametrize("name", FILES)
def test_files_cut_short(tmp_path: Path, name: str) -> None:
    """However little is missing, it is an error and never a smaller volume."""
    path = export_volume(some_voxels(), tmp_path / name)
    content = path.with_suffix(".raw").read_bytes() if name == "v.mhd" else path.read_bytes()
    cut = path.with_suffix(".raw") if name == "v.mhd" else path
    missing = {"v.vti": 40, "v.nii.gz": 12}.get(name, 1)  # what follows the values is not needed
    for length in (0, 3, 200, len(content) // 2, len(content) - missing):
        cut.write_bytes(content[:length])
        with pytest.raises(ValueError, match=re.escape(str(tmp_path))):
            import_volume(path)


@pytest.mark.parametrize("name", ["v.nii", "v.zarr"])
def test_missing_packages_are_named(tmp_path: Path, name: str, monkeypatch: Any) -> None:
    package, extra = {"v.nii": ("nibabel", "nifti"), "v.zarr": ("zarr", "io")}[name]
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(ImportError, match=rf"pip install '?gpupept\[{extra}\]"):
        export_volume(some_voxels(), tmp_path / name)
    assert list(tmp_path.iterdir()) == []


def test_metaimage_with_a_name_beyond_ascii(tmp_path: Path) -> None:
    voxels = gpupept.Voxels(np.arange(8.0).reshape(2, 2, 2), [0, 1], [0, 1], [0, 1])
    path = export_volume(voxels, tmp_path / "Gefäß 木.mhd")
    assert np.array_equal(import_volume(path), voxels)


def test_metaimage_tells_what_its_files_are_called(tmp_path: Path) -> None:
    voxels = gpupept.Voxels(np.arange(8.0).reshape(2, 2, 2), [0, 1], [0, 1], [0, 1])
    for name in ("a.RAW", "b.MHD"):
        path = export_volume(voxels, tmp_path / name)
        assert path.name == name.lower()
        assert np.array_equal(import_volume(path), voxels)
