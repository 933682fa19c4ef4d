"""Volumes as the archives that `gpupept.save` writes (``.npz``), slab by slab."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from gpupept.base import Voxels, load
from gpupept.base.encoding import Encoder
from gpupept.base.formats import write_npz
from gpupept.volumes.source import VolumeSource, as_source

_VALUES = "voxels"  # the array of the archive that holds them


def write_archive(
    path: Path, source: VolumeSource, slabs: Callable[[], Iterator[np.ndarray]]
) -> None:
    """Write a volume so that `gpupept.load` gives `Voxels`.

    Parameters
    ----------
    path : Path
        The file.
    source : VolumeSource
        The volume.
    slabs : callable
        Gives its layers in order.

    Raises
    ------
    TypeError
        If an attribute cannot be stored.
    """
    encoder = Encoder()
    x, y, z = source.limits
    one = Voxels(np.zeros((1, 1, 1)), x, y, z, dtype=source.dtype)
    one.attrs.update(source.attrs)
    tree = encoder.encode(one, "")
    arrays = {name: array for name, array in encoder.arrays.items() if name != _VALUES}
    with path.open("wb") as file:
        write_npz(file, tree, arrays)
    kind = np.lib.format.dtype_to_descr(source.dtype)
    header = {"shape": source.shape, "fortran_order": False, "descr": kind}
    # With a fixed date, so that equal volumes make equal files.
    entry = zipfile.ZipInfo(f"{_VALUES}.npy")
    with zipfile.ZipFile(path, "a") as archive, archive.open(entry, "w", force_zip64=True) as part:
        np.lib.format.write_array_header_1_0(part, header)
        for slab in slabs():
            part.write(slab.data)


def read_archive(path: Path) -> VolumeSource:
    """Load the voxels of an archive.

    Parameters
    ----------
    path : Path
        A file written by `gpupept.save`.

    Returns
    -------
    VolumeSource

    Raises
    ------
    ValueError
        If it holds something else.
    """
    found = load(path)
    if not isinstance(found, Voxels):
        raise ValueError(f"{path} holds {type(found).__name__}, not Voxels; use gpupept.load")
    return as_source(found)
