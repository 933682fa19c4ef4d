"""Voxel grids of many samples."""

from __future__ import annotations

import operator
from abc import abstractmethod
from collections.abc import Iterator, Sequence
from typing import Any, Self, overload

import numpy as np

from gpupept.backend import array_namespace, common_device, device_of, to_device
from gpupept.base.iterable_samples import IterableSamples
from gpupept.base.joining import concatenate
from gpupept.base.line_data import LineData
from gpupept.base.pept_object import PEPTObject
from gpupept.base.per_sample import is_array
from gpupept.base.samples import list_samples
from gpupept.base.voxels import Voxels
from gpupept.kernels import Array
from gpupept.kernels.fpi import mean_times


class VoxelSamples(PEPTObject, Sequence[Voxels]):
    """Base of sequences of S `Voxels`, one grid for each sample, on one device.

    Attributes
    ----------
    shapes : (S, 3) int64 array
        Number of voxels of each grid along each axis, on the host.
    limits : (S, 3, 2) float64 array
        Lower and upper limit of each grid along each axis, mm, on the host.
    """

    shapes: np.ndarray
    limits: np.ndarray

    @property
    @abstractmethod
    def device(self) -> str:
        """Device that holds the data, ``"cpu"`` or ``"cuda:N"``."""

    @property
    @abstractmethod
    def array(self) -> Array | None:
        """An array on that device; None if there is none."""

    @abstractmethod
    def to(self, device: str) -> Self:
        """Move the data to a device; returns self if they are there."""

    @abstractmethod
    def times(self) -> Array:
        """Mean of the times (ms) of the lines of each sample, (S,) float64; NaN if not known."""

    @abstractmethod
    def _voxels(self, number: int) -> Voxels:
        """Grid of one sample."""

    @abstractmethod
    def _several(self, index: slice) -> Self:
        """Grids of several samples."""

    @classmethod
    @abstractmethod
    def joined(cls, batches: Sequence[Any]) -> Self:
        """Put sequences of this class one after the other."""

    def samples_view(self, first: int, last: int) -> Self:
        """Take the grids of samples `first` to ``last - 1``, sharing data with these."""
        return self._several(slice(first, last))

    def __len__(self) -> int:
        return len(self.limits)

    def __iter__(self) -> Iterator[Voxels]:
        return (self._voxels(i) for i in range(len(self)))

    @overload
    def __getitem__(self, index: int) -> Voxels: ...

    @overload
    def __getitem__(self, index: slice) -> Self: ...

    def __getitem__(self, index: int | slice) -> Voxels | Self:
        if isinstance(index, slice):
            return self._several(index)
        number, count = operator.index(index), len(self)
        if not -count <= number < count:
            raise IndexError(f"sample {number} is out of range for {count} samples")
        return self._voxels(number % count)

    def __repr__(self) -> str:
        shapes = {tuple(shape) for shape in self.shapes.tolist()}
        text = " x ".join(map(str, shapes.pop())) if len(shapes) == 1 else "several shapes"
        return f"{type(self).__name__} of {len(self)} samples ({text}, {self.device})"


class VoxelizedLines(VoxelSamples):
    """The voxels of many samples of lines, made only when they are asked for.

    It is a sequence: ``voxels[i]``, or a loop, counts the lines of a sample in its voxels anew, so that
    never more grids are in memory than are used at a time. The lines must not be changed in between.

    Parameters
    ----------
    lines : LineData
        Lines, in S samples.
    number_of_voxels : (3,) sequence of int
        Voxels along each axis.
    limits : (S, 3, 2) float64 array
        Lower and upper limit along each axis, mm, of the grid of each sample.

    Examples
    --------
    >>> import gpupept
    >>> from gpupept.tracking import Voxelize
    >>> lines = gpupept.LineData([[0, 0, 0, 0, 3, 3, 3], [1, 0, 3, 0, 3, 0, 3]], sample_size=1)
    >>> voxels = Voxelize((3, 3, 3)).fit(lines, verbose=False)
    >>> voxels
    VoxelizedLines of 2 samples (3 x 3 x 3, cpu)
    >>> [float(grid.sum()) for grid in voxels]
    [7.0, 7.0]
    """

    def __init__(self, lines: LineData, number_of_voxels: Any, limits: np.ndarray) -> None:
        self.lines = lines
        self.number_of_voxels = tuple(int(number) for number in number_of_voxels)
        self.limits = limits
        self.shapes = np.tile(np.array(self.number_of_voxels, dtype=np.int64), (len(limits), 1))

    @property
    def device(self) -> str:
        """Device that holds the lines, ``"cpu"`` or ``"cuda:N"``."""
        return self.lines.device

    @property
    def array(self) -> Array:
        """The lines."""
        return self.lines.data

    def to(self, device: str) -> VoxelizedLines:  # type: ignore[override]
        """Move the lines to a device; returns self if they are there.

        Parameters
        ----------
        device : str
            ``"cpu"``, ``"cuda"`` or ``"cuda:N"``.

        Returns
        -------
        VoxelizedLines
            With its lines there.
        """
        lines = self.lines.to(device)
        if lines is self.lines:
            return self
        return VoxelizedLines(lines, self.number_of_voxels, self.limits)

    def times(self) -> Array:
        """Mean of the finite times (ms) of the lines of each sample, (S,) float64."""
        return mean_times(self.lines.data, self.lines.row_ranges)

    def _voxels(self, number: int) -> Voxels:
        lines = self.lines[number]
        x, y, z = self.limits[number]
        voxels = Voxels.from_lines(lines, self.number_of_voxels, x, y, z, verbose=False)
        voxels.attrs["_lines"] = lines
        return voxels

    def _several(self, index: slice) -> VoxelizedLines:  # type: ignore[override]
        first, last, step = index.indices(len(self))
        lines = self.lines.samples_view(first, max(first, last)) if step == 1 else self.lines[index]
        return VoxelizedLines(lines, self.number_of_voxels, self.limits[index])

    @classmethod
    def joined(cls, batches: Sequence[VoxelizedLines]) -> VoxelizedLines:  # type: ignore[override]
        """Put sequences of as many voxels one after the other."""
        lines = concatenate([batch.lines for batch in batches])
        limits = np.concatenate([batch.limits for batch in batches])
        return cls(lines, batches[0].number_of_voxels, limits)


class VoxelList(VoxelSamples):
    """Voxels that are in memory, of any shapes and dtypes, as a batch.

    Parameters
    ----------
    grids : sequence of Voxels
        The voxels, on one device.

    Raises
    ------
    TypeError
        If one of them is something else.
    MixedDevicesError
        If they are on different devices.

    Examples
    --------
    >>> import gpupept
    >>> from gpupept.base import VoxelList
    >>> VoxelList([gpupept.Voxels.empty((4, 5, 6), [0, 1], [0, 1], [0, 1])])
    VoxelList of 1 samples (4 x 5 x 6, cpu)
    """

    def __init__(self, grids: Sequence[Voxels]) -> None:
        self.grids = list(grids)
        for i, grid in enumerate(self.grids):
            if not isinstance(grid, Voxels):
                raise TypeError(f"grids[{i}] must be Voxels, found {type(grid).__name__}")
        common_device(*(grid.array for grid in self.grids))
        shapes = [grid.shape for grid in self.grids]
        self.shapes = np.array(shapes, dtype=np.int64).reshape(-1, 3)
        limits = [(grid.xlim, grid.ylim, grid.zlim) for grid in self.grids]
        self.limits = np.array(limits, dtype=np.float64).reshape(-1, 3, 2)

    @property
    def device(self) -> str:
        """Device that holds the voxels, ``"cpu"`` or ``"cuda:N"``."""
        return device_of(self.array)

    @property
    def array(self) -> Array | None:
        """The first of the arrays of voxels."""
        return self.grids[0].array if self.grids else None

    def to(self, device: str) -> VoxelList:  # type: ignore[override]
        """Move the voxels to a device.

        Parameters
        ----------
        device : str
            ``"cpu"``, ``"cuda"`` or ``"cuda:N"``.

        Returns
        -------
        VoxelList
            With its voxels there.
        """
        return VoxelList([grid.to(device) for grid in self.grids])

    def flat(self) -> tuple[Array, np.ndarray]:
        """All values one grid after the other, and where each begins.

        Returns
        -------
        values : (N,) array
            uint32 if all voxels are, otherwise float64.
        offsets : (S + 1,) int64 array
            On the host; N at the end.
        """
        arrays = [grid.array for grid in self.grids]
        xp = array_namespace(*arrays)
        counting = bool(arrays) and all(array.dtype == np.uint32 for array in arrays)
        kind = np.uint32 if counting else np.float64
        parts = [xp.ascontiguousarray(array, dtype=kind).reshape(-1) for array in arrays]
        offsets = np.concatenate([[0], np.cumsum(self.shapes.prod(axis=1))]).astype(np.int64)
        if len(parts) == 1:
            return parts[0], offsets
        return (xp.concatenate(parts) if parts else xp.empty(0)), offsets

    def times(self) -> Array:
        """Mean of the finite times (ms) of the lines in the attribute ``_lines``, (S,) float64."""
        parts = [self._times_of_lines(grid.attrs.get("_lines")) for grid in self.grids]
        xp = array_namespace(self.array)
        table = xp.concatenate([xp.empty((0, 1)), *parts])
        return mean_times(table, list_samples(np.array([len(part) for part in parts], dtype=int)))

    def _times_of_lines(self, lines: Any) -> Array:
        """Take the times (N, 1) of lines in a container or an array; none of None."""
        if lines is None:
            return array_namespace(self.array).empty((0, 1))
        rows = lines.data if isinstance(lines, IterableSamples) else lines
        if not is_array(rows):
            rows = np.asarray(rows, dtype=np.float64)
        return to_device(rows[:, :1], self.device).astype(np.float64)

    def _voxels(self, number: int) -> Voxels:
        return self.grids[number]

    def _several(self, index: slice) -> VoxelList:  # type: ignore[override]
        return VoxelList(self.grids[index])

    @classmethod
    def joined(cls, batches: Sequence[VoxelList]) -> VoxelList:  # type: ignore[override]
        """Put lists one after the other."""
        return cls([grid for batch in batches for grid in batch.grids])
