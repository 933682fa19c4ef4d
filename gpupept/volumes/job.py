"""What is to be counted in the voxels of a volume."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

import numpy as np

from gpupept.backend import array_namespace, device_of, resolve_device, to_device, to_host
from gpupept.base import LineData, Voxels
from gpupept.base.grid_inputs import check_counts, check_limits, check_weights
from gpupept.kernels import Array
from gpupept.kernels.threads import thread_count
from gpupept.volumes.journal import Parameters
from gpupept.volumes.planning import Demand

_COUNTABLE = (np.uint32, np.float32, np.float64)
_ROWS = 65536  # lines whose fingerprint is taken at a time


@dataclass(frozen=True)
class Job:
    """What is to be computed.

    Attributes
    ----------
    lines : (N, C) array
        Lines, where they are followed.
    weights : (N,) array or None
        What they add, in the same place.
    lengths : bool
        Whether they add lengths.
    limits : list of (2,) array
        Of the grid, along x, y and z, mm.
    shape : tuple of int
        Voxels along each axis.
    dtype : dtype
        Of the values.
    device : str
        Where lines are followed.
    """

    lines: Array
    weights: Array | None
    lengths: bool
    limits: list[np.ndarray]
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    device: str

    @property
    def summing(self) -> bool:
        """Whether weights or lengths are added up instead of lines counted."""
        return self.weights is not None or self.lengths

    @property
    def edges(self) -> list[np.ndarray]:
        """Edges of the voxels along each axis, mm."""
        return [
            np.linspace(low, high, count + 1)
            for (low, high), count in zip(self.limits, self.shape, strict=True)
        ]

    def demand(self) -> Demand:
        """Say what decides how much memory this takes."""
        held = self.lines.nbytes + (0 if self.weights is None else self.weights.nbytes)
        on_gpu = self.device != "cpu"
        return Demand(self.shape, self.dtype, self.summing, held, thread_count(), on_gpu)

    def parameters(self) -> Parameters:
        """All that decides the values."""
        limits = dict(zip(("xlim", "ylim", "zlim"), self.limits, strict=True))
        kind = "cpu" if self.device == "cpu" else "gpu"
        return {
            "shape": list(self.shape),
            "dtype": self.dtype.name,
            **{name: limit.tolist() for name, limit in limits.items()},
            "lengths": self.lengths,
            "lines": _fingerprint(self.lines[:, 1:7]),
            "weights": None if self.weights is None else _fingerprint(self.weights),
            "kind of device": kind if self.summing else "any",
        }

    def attrs(self) -> dict[str, Any]:
        """Facts to keep with the volume."""
        return {
            "lines": len(self.lines),
            "skipped_lines": self._skipped(),
            "lengths": self.lengths,
            "weighted": self.weights is not None,
        }

    def extent(self) -> str:
        """Say where the ends of the lines lie, and the grid, for a message."""
        xp = array_namespace(self.lines)
        ends = self.lines[:, 1:7].reshape(-1, 3)
        ends = to_host(ends[xp.isfinite(ends).all(axis=1)])
        if not len(ends):
            return ""
        pairs = zip("xyz", ends.min(axis=0), ends.max(axis=0), self.limits, strict=True)
        told = (
            f"{a} {low:g} to {high:g} of {lim[0]:g} to {lim[1]:g}" for a, low, high, lim in pairs
        )
        return f" (ends of lines, mm, and limits: {', '.join(told)})"

    def _skipped(self) -> int:
        """Lines that `traverse` skips."""
        xp = array_namespace(self.lines)
        with np.errstate(over="ignore", invalid="ignore"):
            finite = xp.isfinite(self.lines[:, 4:7] - self.lines[:, 1:4]).all(axis=1)
        if self.weights is not None:
            finite &= xp.isfinite(self.weights)
        return len(self.lines) - int(finite.sum())


def checked_job(
    lines: Any,
    number: Any,
    limits: tuple[Any, ...],
    weights: Any,
    lengths: bool,
    dtype: Any,
    device: str | None,
) -> Job:
    """Check the arguments of `gpupept.voxelize`."""
    shape = check_counts(number, "number_of_voxels", 3, 2)
    default = np.float64 if weights is not None or lengths else np.uint32
    kind: np.dtype[Any] = np.dtype(default if dtype is None else dtype)
    if kind not in _COUNTABLE:
        raise TypeError(f"dtype must be uint32, float32 or float64, found {kind}")
    rows = (lines if isinstance(lines, LineData) else LineData(lines)).lines
    factors = check_weights(weights, rows, lengths, kind)
    bounds = [
        check_limits(limit, f"{axis}lim")
        for axis, limit in zip("xyz", Voxels.default_limits(rows, limits), strict=True)
    ]
    where = device_of(rows) if device is None else resolve_device(device)
    placed = None if factors is None else to_device(factors, where)
    return Job(to_device(rows, where), placed, bool(lengths), bounds, shape, kind, where)


def _fingerprint(rows: Array) -> str:
    digest = hashlib.sha256(str(rows.shape).encode())
    for begin in range(0, len(rows), _ROWS):
        digest.update(np.ascontiguousarray(to_host(rows[begin : begin + _ROWS])).data)
    return digest.hexdigest()
