"""What a store may be made of, and whether one that is opened is as it must be."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from gpupept.base.grid_inputs import check_counts, check_limits
from gpupept.volumes.zarr_format import AXES, FORMAT, default_chunks

_KINDS = "buif"


def geometry(array: Any, path: Path) -> tuple[np.ndarray, dict[str, Any]]:
    """Limits and further attributes, checked."""
    found = dict(array.attrs)
    version = found.get("gpupept_format")
    if version is None:
        raise ValueError(
            f"{path} is a Zarr array, but not a volume of gpupept: it has no limits in mm"
        )
    if version != FORMAT:
        raise ValueError(
            f"{path} is a volume of format {version!r}, this version of gpupept reads {FORMAT}"
        )
    try:
        limits = np.array(
            [check_limits(found[f"{axis}lim"], f"{axis}lim") for axis in AXES[: array.ndim]]
        )
        attrs = dict(found["attrs"])
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{path} is damaged: {error}") from error
    if array.ndim not in (2, 3) or np.dtype(array.dtype).kind not in _KINDS:
        raise ValueError(f"{path} is damaged: {array.dtype} of shape {array.shape}")
    limits.setflags(write=False)
    return limits, attrs


def checked_dtype(dtype: Any) -> np.dtype[Any]:
    """Dtype of real numbers."""
    kind: np.dtype[Any] = np.dtype(dtype)
    if kind.kind not in _KINDS or kind.itemsize > 8:
        raise TypeError(
            f"dtype must be bool, integer or floating point of up to 64 bits, found {kind}"
        )
    return kind


def checked_chunks(chunks: Any, shape: tuple[int, ...], itemsize: int) -> tuple[int, ...]:
    """Cells of a chunk along each axis, no more than there are."""
    if chunks is None:
        return default_chunks(shape, itemsize)
    counts = check_counts(chunks, "chunks", len(shape), 1)
    return tuple(min(a, b) for a, b in zip(counts, shape, strict=True))


def checked_attrs(attrs: Mapping[str, Any]) -> dict[str, Any]:
    """Copy of attributes, as JSON has them."""
    try:
        copied: dict[str, Any] = json.loads(json.dumps(dict(attrs), allow_nan=False))
    except (TypeError, ValueError) as error:
        raise TypeError(f"attrs must be what JSON can hold: {error}") from error
    return copied
