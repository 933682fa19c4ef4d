"""Pixels as a volume of one layer, for formats of pages."""

from __future__ import annotations

from typing import Any, TypeGuard

import numpy as np

from gpupept.base import Pixels
from gpupept.kernels import Array
from gpupept.volumes.source import VolumeSource
from gpupept.volumes.store import VolumeStore
from gpupept.volumes.zarr_format import codec_bytes


def is_flat(volume: Any) -> TypeGuard[Pixels | VolumeStore]:
    """Tell whether something has pixels in place of voxels."""
    return isinstance(volume, Pixels) or (isinstance(volume, VolumeStore) and volume.ndim == 2)


def flat_source(pixels: Pixels | VolumeStore, kind: str) -> VolumeSource:
    """Make a volume of one layer, 1 mm thick.

    Parameters
    ----------
    pixels : Pixels or VolumeStore
        With two axes.
    kind : str
        Name of the format.

    Raises
    ------
    TypeError
        If the format is not one of pages.
    """
    if kind != "tiff":
        raise TypeError(
            f"a file of format {kind!r} needs three axes, found {type(pixels).__name__} with two; write "
            'pixels as ".tif", by their method save as ".npz", or the array with numpy.save'
        )
    limits = np.array([pixels.xlim, pixels.ylim, [0.0, 1.0]])
    nx, ny = map(int, pixels.shape)
    dtype, attrs = np.dtype(pixels.dtype), dict(pixels.attrs)
    if isinstance(pixels, Pixels):
        return VolumeSource(pixels.array[:, :, None], (nx, ny, 1), dtype, limits, attrs)
    cx, cy = pixels.chunks
    reading = codec_bytes(pixels.shape, pixels.chunks, dtype.itemsize)
    return VolumeSource(_Layer(pixels), (nx, ny, 1), dtype, limits, attrs, (cx, cy, 1), reading)


class _Layer:
    """A store of pixels, read as one layer."""

    def __init__(self, store: VolumeStore) -> None:
        self._store = store

    def __getitem__(self, index: tuple[slice, slice, slice]) -> Array:
        return self._store[index[:2]][:, :, None]
