"""Volumes as files of other programs, and back."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from gpupept.backend import memory_budget
from gpupept.base import Pixels, Voxels
from gpupept.utilities.files import atomic_write
from gpupept.volumes.archive import read_archive, write_archive
from gpupept.volumes.conversion import with_dtype
from gpupept.volumes.flat import flat_source, is_flat
from gpupept.volumes.folders import atomic_folder, check_target, checked_store_name
from gpupept.volumes.metaimage import read_metaimage, write_mha, write_mhd
from gpupept.volumes.nifti import read_nifti, write_nifti
from gpupept.volumes.ome_zarr import read_zarr, write_ome_zarr
from gpupept.volumes.source import (
    COPIES,
    VolumeSource,
    as_source,
    in_file_order,
    in_layers,
    plain_attrs,
)
from gpupept.volumes.store import VolumeStore
from gpupept.volumes.tiff import read_tiff, write_tiff
from gpupept.volumes.vtk_image import read_vti, write_vti
from gpupept.volumes.zarr_format import codec_bytes, default_chunks

FORMATS = {
    ".ome.zarr": "ome-zarr",
    ".zarr": "zarr",
    ".nii": "nifti",
    ".nii.gz": "nifti",
    ".vti": "vti",
    ".mhd": "mhd",
    ".raw": "mhd",
    ".mha": "mha",
    ".npz": "npz",
    ".tif": "tiff",
    ".tiff": "tiff",
}
_WRITERS: dict[str, Callable[..., None]] = {
    "nifti": write_nifti,
    "vti": write_vti,
    "mha": write_mha,
    "npz": write_archive,
    "tiff": write_tiff,
}
_READERS: dict[str, Callable[[Path], VolumeSource]] = {
    "ome-zarr": read_zarr,
    "zarr": read_zarr,
    "nifti": read_nifti,
    "vti": read_vti,
    "mhd": read_metaimage,
    "mha": read_metaimage,
    "npz": read_archive,
    "tiff": read_tiff,
}


def export_volume(
    volume: Voxels | Pixels | VolumeStore | VolumeSource,
    path: str | os.PathLike[str],
    format: str | None = None,
    memory: int | str | None = None,
    overwrite: bool = False,
    progress: bool = False,
    *,
    dtype: Any = None,
    **options: Any,
) -> Path:
    """Write a volume for other programs, in bounded memory and completely or not at all.

    ========================  ===========================================  ==========================
    Suffix                    Format                                       Keeps attributes
    ========================  ===========================================  ==========================
    ``.zarr``                 a `VolumeStore`; needs the extra "io"        those that JSON can hold
    ``.ome.zarr``             OME-Zarr, a folder; needs the extra "io"     those that JSON can hold
    ``.nii``, ``.nii.gz``     NIfTI-1, or NIfTI-2 if an axis is longer     those that JSON can hold
                              than 32767; needs the extra "nifti"
    ``.vti``                  VTK image data, one value per cell           no
    ``.mhd``, ``.raw``        MetaImage: a header ``.mhd`` and values      no
                              ``.raw``, both written
    ``.mha``                  MetaImage, one file                          no
    ``.tif``, ``.tiff``       a stack of pages along z, for ImageJ; needs  those that JSON can hold
                              the extra "tiff"
    ``.npz``                  what `gpupept.load` reads                    yes
    ========================  ===========================================  ==========================

    Parameters
    ----------
    volume : Voxels, VolumeStore or VolumeSource
        The volume, on either device or larger than memory; or one that `open_source` opened. `Pixels`,
        and stores of them, are written as one page of ``.tif``; their `save` writes ``.npz``.
    path : str or path-like
        The file, or folder of Zarr.
    format : {"zarr", "ome-zarr", "nifti", "vti", "mhd", "mha", "npz", "tiff"}, optional
        By default the suffix decides.
    memory : int or str, optional
        Working memory to take, such as ``"2GB"``; by default as `gpupept.backend.memory_budget`.
    overwrite : bool, default False
        Whether to replace what there is.
    progress : bool, default False
        Whether to show a progress bar.
    dtype : dtype, optional
        Of the values in the file; by default that of the volume. Floating-point numbers are rounded;
        a value that does not fit is an error.
    **options
        Of OME-Zarr, see `gpupept.volumes.ome_zarr.write_ome_zarr`: ``levels``, ``downsample`` and
        ``version``.

    Returns
    -------
    Path
        The path, as the file is called: a MetaImage always ends with ``.mhd`` and ``.raw``.

    Raises
    ------
    TypeError
        If `volume` is something else, the format has no such type of values, or an option is unknown.
    ValueError
        If the format is not known, or `memory` is too little; the message says how much it takes.
    FileExistsError
        If there is something at `path` and it is not to be replaced.
    BlockingIOError
        If another process is making the same folder.
    FileNotFoundError
        If the folder to write to does not exist.
    ImportError
        If a package is missing; the message says which extra has it.

    Notes
    -----
    Limits are written as the centre of the first voxel, or the lower corner, and the size of voxels in
    mm; the axes x, y and z stay what they are. Values keep their type where the format has it; bool
    becomes uint8 and float16 float32.

    Examples
    --------
    >>> import tempfile
    >>> import gpupept
    >>> from gpupept.volumes import export_volume, import_volume
    >>> voxels = gpupept.Voxels.zeros((4, 3, 2), [0, 8], [0, 6], [0, 4])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = export_volume(voxels + 1, f"{folder}/ones.vti")
    ...     again = import_volume(path)
    ...     path.name, float(again.sum()), again.xlim.tolist()
    ('ones.vti', 24.0, [0.0, 8.0])
    """
    target = Path(path)
    kind = _format_of(target, format)
    source = flat_source(volume, kind) if is_flat(volume) else as_source(volume)
    if dtype is not None:
        source = with_dtype(source, dtype)
    if options and kind != "ome-zarr":
        raise TypeError(f"a file of format {kind!r} has no options, found {', '.join(options)}")
    check_target(target, overwrite)
    if kind == "ome-zarr":
        with atomic_folder(target, overwrite) as folder:
            write_ome_zarr(folder, source, progress=progress, **options)
        return target
    if kind == "zarr":
        with atomic_folder(target, overwrite) as folder:
            _fill(folder, source, memory, None, progress)
        return target
    read = in_layers if kind == "npz" else in_file_order
    blocks = partial(_shown, read, source, memory, progress)
    if kind == "mhd":
        return _write_pair(target, source, blocks, overwrite)
    else:
        with atomic_write(target) as temporary:
            _WRITERS[kind](temporary, source, blocks)
    return target


def _write_pair(
    path: Path, source: VolumeSource, blocks: Callable[[], Iterator[np.ndarray]], overwrite: bool
) -> Path:
    """Write the two files of a MetaImage; that of the values gets its name first."""
    header, values = path.with_suffix(".mhd"), path.with_suffix(".raw")
    for each in (header, values):
        check_target(each, overwrite)
    with atomic_write(header) as first, atomic_write(values) as second:
        write_mhd(first, second, values.name, source, blocks)
    return values if path.suffix.lower() == ".raw" else header


def _shown(
    read: Callable[..., Iterable[np.ndarray]],
    source: VolumeSource,
    memory: int | str | None,
    progress: bool,
) -> Iterator[np.ndarray]:
    """Read blocks, and show how far it is."""
    if not progress:
        yield from read(source, memory)
        return
    from tqdm import tqdm

    with tqdm(total=source.nbytes, unit="B", unit_scale=True, desc="written") as bar:
        for block in read(source, memory):
            yield block
            bar.update(block.nbytes)


def import_volume(
    path: str | os.PathLike[str],
    format: str | None = None,
    store: str | os.PathLike[str] | None = None,
    memory: int | str | None = None,
    chunks: Any = None,
) -> Voxels | VolumeStore:
    """Read a volume from a file of one of the formats of `export_volume`.

    Parameters
    ----------
    path : str or path-like
        The file, or the folder of OME-Zarr or of a `VolumeStore`.
    format : str, optional
        As of `export_volume`; by default the suffix decides.
    store : str or path-like, optional
        Put the values into a new `VolumeStore` there, for volumes larger than memory.
    memory : int or str, optional
        Working memory to take for that.
    chunks : (3,) sequence of int, optional
        Voxels of a chunk of it along each axis; by default about 2 MB together.

    Returns
    -------
    Voxels or VolumeStore
        On the CPU; the latter if `store` is given.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If the format is not known, the file is damaged, or holds what voxels cannot, such as oblique
        axes.
    FileExistsError
        If there is something at `store`.
    ImportError
        If a package is missing; the message says which extra has it.

    Examples
    --------
    >>> import tempfile
    >>> import gpupept
    >>> from gpupept.volumes import export_volume, import_volume
    >>> voxels = gpupept.Voxels.zeros((2, 2, 2), [0, 1], [0, 1], [0, 1], run=7)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     import_volume(export_volume(voxels, f"{folder}/v.npz")).attrs
    {'run': 7}
    """
    source = open_source(path, format)
    if store is None:
        return source.voxels()
    with atomic_folder(checked_store_name(store)) as folder:
        _fill(folder, source, memory, chunks)
    return VolumeStore.open(store)


def open_source(path: str | os.PathLike[str], format: str | None = None) -> VolumeSource:
    """Open a volume in a file of one of the formats of `export_volume`, without reading its values.

    Parameters
    ----------
    path, format
        As of `import_volume`.

    Returns
    -------
    VolumeSource
        What `export_volume` takes as a volume, too.

    Raises
    ------
    FileNotFoundError, ValueError, ImportError
        As `import_volume` does.
    """
    given = Path(path)
    kind = _format_of(given, format)
    if not given.exists():
        raise FileNotFoundError(f"there is no volume {str(given)!r}")
    return _READERS[kind](given)


def _fill(
    folder: Path,
    source: VolumeSource,
    memory: int | str | None,
    chunks: Any,
    progress: bool = False,
) -> None:
    """Make a store of the values and attributes of a volume."""
    attrs = plain_attrs(source.attrs, "Zarr")
    x, y, z = source.limits
    if chunks is None:
        chunks = _fitting_chunks(source, memory)
    made = VolumeStore.create(
        folder, source.shape, x, y, z, dtype=source.dtype, chunks=chunks, attrs=attrs
    )
    # Read in the order of the chunks to be written, so that each is written once.
    place = as_source(made)
    wanted = VolumeSource(
        source.values, source.shape, source.dtype, source.limits, {}, place.chunks, place.reading
    )
    z = y = 0
    for block in _shown(in_file_order, wanted, memory, progress):
        layers, rows, _ = block.shape
        made.array[:, y : y + rows, z : z + layers] = block.T
        y += rows
        if y == source.shape[1]:
            z, y = z + layers, 0


def _fitting_chunks(source: VolumeSource, memory: int | str | None) -> tuple[int, ...]:
    """Usual chunks, thin enough along z for a layer of them to fit the memory, so each is written once."""
    nx, ny, _ = source.shape
    itemsize = source.dtype.itemsize
    cx, cy, cz = default_chunks(source.shape, itemsize)
    while cz > 1:
        reading = codec_bytes(source.shape, (cx, cy, cz), itemsize)
        if reading + COPIES * itemsize * nx * ny * cz <= memory_budget("cpu", memory):
            break
        cz //= 2
    return cx, cy, cz


def _format_of(path: Path, format: str | None) -> str:
    if format is not None:
        if format not in _READERS:
            raise ValueError(f"format must be one of {', '.join(_READERS)}, found {format!r}")
        return format
    name = path.name.lower()
    for suffix, kind in FORMATS.items():
        if name.endswith(suffix):
            return kind
    raise ValueError(
        f"{str(path)!r} must end with one of {', '.join(FORMATS)}, which decides the format"
    )
