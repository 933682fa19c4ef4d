"""Voxel grids of samples of lines."""

from __future__ import annotations

from typing import Any

import numpy as np

from gpupept.backend import array_namespace, to_host
from gpupept.base import BatchFilter, LineData, LineDataFilter, VoxelizedLines
from gpupept.base.grid_inputs import check_counts, check_limits
from gpupept.kernels.cutpoints import default_cutoffs

BYTES_PER_SAMPLE = 64
AXES = "xyz"


class Voxelize(BatchFilter, LineDataFilter):
    """Count the lines of each sample in the voxels of a grid.

    Parameters
    ----------
    number_of_voxels : (3,) sequence of int
        Voxels along each axis, at least 2.
    xlim, ylim, zlim : (2,) array_like, optional
        Lower and upper limit of the grid along each axis, mm. By default, for each sample, those of both
        ends of its lines.
    set_lims : LineData or (N, C >= 7) array_like, optional
        Lines whose bounding box gives the limits that are not given, the same for all samples.

    Raises
    ------
    ValueError
        If `number_of_voxels` is not three numbers of at least 2, or a limit is not two ascending ones.

    Notes
    -----
    Filter signature: ``LineData -> Voxelize -> Voxels``; the attribute ``_lines`` of the voxels are the
    lines. `fit` returns a `gpupept.base.VoxelizedLines`, a sequence that makes the voxels of a sample
    when they are asked for: the voxels of all samples at once would often not fit in memory. In a
    pipeline the next filter, such as `FPI`, takes as many at a time as fit.

    Which voxels a line goes through is decided exactly, see `gpupept.Voxels.add_lines`. Lines that are not
    finite are left out.

    Examples
    --------
    >>> import gpupept
    >>> from gpupept.tracking import FPI, Stack, Voxelize
    >>> lines = gpupept.LineData([[0, 0, 0, 0, 3, 3, 3], [1, 0, 3, 0, 3, 0, 3]])
    >>> voxels = Voxelize((3, 3, 3), xlim=[0, 3]).fit_sample(lines)
    >>> float(voxels[1, 1, 1]), voxels.ylim.tolist(), len(voxels.attrs["_lines"].lines)
    (2.0, [0.0, 3.0], 2)
    >>> pipeline = Voxelize((50, 50, 50)) + FPI(w=3, r=0.4) + Stack()
    """

    _sample_type = LineData

    def __init__(
        self,
        number_of_voxels: Any,
        xlim: Any = None,
        ylim: Any = None,
        zlim: Any = None,
        set_lims: Any = None,
    ) -> None:
        self._number_of_voxels = check_counts(number_of_voxels, "number_of_voxels", 3, 2)
        given = zip(AXES, (xlim, ylim, zlim), strict=True)
        self._limits = [
            None if limit is None else check_limits(limit, f"{axis}lim") for axis, limit in given
        ]
        if set_lims is not None:
            self.set_lims(set_lims, *(limit is None for limit in self._limits))

    @property
    def number_of_voxels(self) -> tuple[int, ...]:
        """Voxels along each axis."""
        return self._number_of_voxels

    @property
    def xlim(self) -> np.ndarray | None:
        """Limits along x, mm; None for those of each sample."""
        return self._limits[0]

    @property
    def ylim(self) -> np.ndarray | None:
        """Limits along y, mm; None for those of each sample."""
        return self._limits[1]

    @property
    def zlim(self) -> np.ndarray | None:
        """Limits along z, mm; None for those of each sample."""
        return self._limits[2]

    def set_lims(
        self, lines: Any, set_xlim: bool = True, set_ylim: bool = True, set_zlim: bool = True
    ) -> None:
        """Take the limits from the bounding box of some lines.

        Parameters
        ----------
        lines : LineData or (N, C >= 7) array_like
            The lines, however they are divided into samples; those that are not finite are left out.
        set_xlim, set_ylim, set_zlim : bool, default True
            Along which axes.

        Raises
        ------
        ValueError
            If there are no lines, or they give no limits that differ.

        Examples
        --------
        >>> from gpupept.tracking import Voxelize
        >>> voxelize = Voxelize((10, 10, 10), zlim=[0, 5])
        >>> voxelize.set_lims([[0, 1, 2, 3, 4, 5, 6]], set_zlim=False)
        >>> voxelize.xlim.tolist(), voxelize.ylim.tolist(), voxelize.zlim.tolist()
        ([1.0, 4.0], [2.0, 5.0], [0.0, 5.0])
        """
        container = lines if isinstance(lines, LineData) else LineData(lines)
        rows = container.lines
        limits = _bounding_boxes(rows, np.array([[0, len(rows)]]))
        chosen = [bool(flag) for flag in (set_xlim, set_ylim, set_zlim)]
        _check_boxes(limits, chosen, "the lines given")
        for axis in range(3):
            if chosen[axis]:
                self._limits[axis] = limits[0, axis]

    def batch_bytes(self, samples: LineData) -> np.ndarray:
        """Estimate the memory per sample, without its voxels; see `BatchFilter.batch_bytes`."""
        return np.full(len(samples), BYTES_PER_SAMPLE, dtype=np.int64)

    def fit_batch(self, samples: LineData) -> VoxelizedLines:
        """Find the limits of the grid of each sample; see `BatchFilter.fit_batch`."""
        limits = np.empty((len(samples), 3, 2))
        missing = [limit is None for limit in self._limits]
        if any(missing):
            limits = _bounding_boxes(samples.data, samples.row_ranges)
            _check_boxes(limits, missing, "sample {} of this batch")
        for axis, limit in enumerate(self._limits):
            if limit is not None:
                limits[:, axis] = limit
        return VoxelizedLines(samples, self._number_of_voxels, limits)


def _bounding_boxes(lines: Any, ranges: np.ndarray) -> np.ndarray:
    """Limits (S, 3, 2) of both ends of the lines of each sample; NaN if none is finite."""
    xp = array_namespace(lines)
    if len(lines) and not bool(xp.isfinite(lines[:, 0]).all()):
        lines = lines[:, :7].copy()  # only where a line is decides
        lines[:, 0] = 0.0
    return to_host(default_cutoffs(lines, ranges)).reshape(-1, 3, 2)


def _check_boxes(limits: np.ndarray, axes: list[bool], whose: str) -> None:
    """Raise a ValueError if limits along chosen axes do not exist or are equal."""
    for axis in range(3):
        bad = ~(limits[:, axis, 0] < limits[:, axis, 1])
        if not axes[axis] or not bad.any():
            continue
        sample = int(np.argmax(bad))
        value = limits[sample, axis, 0]
        found = "no lines" if np.isnan(value) else f"only lines with {AXES[axis]} = {value:g}"
        raise ValueError(
            f"{AXES[axis]}lim must be given, since there are {found} in {whose.format(sample)}"
        )
