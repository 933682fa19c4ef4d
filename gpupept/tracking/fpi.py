"""Feature point identification: tracers are where most lines meet."""

from __future__ import annotations

import logging
import math
import warnings
from typing import Any

import numpy as np

from gpupept.backend import array_namespace, to_device
from gpupept.base import (
    BatchFilter,
    PointData,
    VoxelizedLines,
    VoxelList,
    Voxels,
    VoxelSamples,
    VoxelsFilter,
)
from gpupept.base.checks import check_iterable
from gpupept.kernels import Array
from gpupept.kernels.fpi import peaks_of_grids, peaks_of_lines
from gpupept.kernels.traverse.batch import describe_grids

logger = logging.getLogger("gpupept.tracking")

COLUMNS = ["t", "x", "y", "z", "error_x", "error_y", "error_z", "error"]
BYTES_PER_SAMPLE = 4096  # for its peaks, and the description of its grid
BYTES_PER_EDGE = 16
BYTES_PER_LINE = 400  # on a GPU, while it is followed


class FPI(BatchFilter, VoxelsFilter):
    """Find tracers as the peaks of voxels, however many there are.

    A voxel is a peak if no other of the cube of ``2 w + 1`` voxels around it is larger; of several as
    large and as near to each other the first is taken. Where between voxels the tracer is follows from
    Gaussians fitted to the peak and its neighbours along each axis.

    Parameters
    ----------
    w : float, default 3
        Reach of the search in voxels, at least 1; fractions are cut off. As many voxels along each face
        of the grid are not searched. Typically 2 to 5: lower for more tracers, or nearer ones.
    r : float, default 0.4
        Peaks are at least this fraction of the largest voxel. Typically 0.3 to 0.6: lower for more
        tracers, higher for more background.
    lld_counts : float, default 0
        Peaks are larger than this.
    verbose : bool, default False
        Accepted for compatibility.

    Raises
    ------
    ValueError
        If `w` is less than 1 or not finite, or `r` or `lld_counts` is not a number.

    Notes
    -----
    Filter signature: ``Voxels -> FPI -> PointData`` with a row ``t, x, y, z, error_x, error_y, error_z,
    error`` for each tracer. The time is the mean of those of the lines that the voxels were made from,
    their attribute ``_lines``; NaN without. Errors are the standard deviations (mm) of the Gaussians, and
    the root of the sum of their squares: they say how wide the peak is, not how well it is known.

    After `Voxelize` in a pipeline, voxels of only a few samples are in memory at a time. Positions are
    those of the centres of voxels, half a voxel higher than of pept up to 0.5.1.

    References
    ----------
    C. Wiggins, R. Santos, A. Ruggles, *A feature point identification method for positron emission
    particle tracking with multiple tracers*, Nucl. Instrum. Methods Phys. Res. A 843, 22-28 (2017).

    Examples
    --------
    >>> import gpupept
    >>> from gpupept.tracking import FPI, Stack, Voxelize
    >>> lines = gpupept.LineData(
    ...     [[1, 2, 43, 45, 92, 47, 45], [2, 43, 2, 45, 47, 92, 45], [6, 45, 43, 2, 45, 47, 92]]
    ... )
    >>> limits = [0, 90]
    >>> pipeline = Voxelize((9, 9, 9), limits, limits, limits) + FPI(w=3) + Stack()
    >>> found = pipeline.fit(lines, verbose=False)
    >>> found["t"], found.points[:, 1:4].round(3)
    (array([3.]), array([[45., 45., 45.]]))
    """

    _sample_type = Voxels

    def __init__(
        self, w: float = 3.0, r: float = 0.4, lld_counts: float = 0.0, verbose: bool = False
    ) -> None:
        self.w = w
        self.r = r
        self.lld_counts = lld_counts
        self.verbose = bool(verbose)

    @property
    def w(self) -> float:
        """Reach of the search, voxels."""
        return self._w

    @w.setter
    def w(self, w: float) -> None:
        value = float(w)
        if not 1.0 <= value < 2.0**31:
            raise ValueError(f"w must be a number of voxels, at least 1, found {w!r}")
        self._w = value

    @property
    def r(self) -> float:
        """Least fraction of the largest voxel."""
        return self._r

    @r.setter
    def r(self, r: float) -> None:
        self._r = _number(r, "r")

    @property
    def lld_counts(self) -> float:
        """Value that peaks are larger than."""
        return self._lld_counts

    @lld_counts.setter
    def lld_counts(self, lld_counts: float) -> None:
        self._lld_counts = _number(lld_counts, "lld_counts")

    def batch_of(self, samples: Any) -> VoxelSamples | None:
        """Make a batch of voxels; see `BatchFilter.batch_of`."""
        if isinstance(samples, VoxelSamples) or not len(samples):
            return samples if isinstance(samples, VoxelSamples) else None
        check_iterable(Voxels, samples=samples)
        return VoxelList([self._checked(grid) for grid in samples])

    def _batch_of_one(self, sample: Any) -> VoxelList:
        return VoxelList([self._checked(sample)])

    def _checked(self, sample: Any) -> Voxels:
        if not isinstance(sample, Voxels):
            raise TypeError(f"FPI takes samples of Voxels, found {type(sample).__name__}")
        return sample

    def suited(self, batch: Any) -> VoxelSamples:
        """Check that a batch holds voxels; see `BatchFilter.suited`."""
        if not isinstance(batch, VoxelSamples):
            raise TypeError(f"FPI takes samples of Voxels, found {type(batch).__name__}")
        return batch

    def batch_bytes(self, samples: VoxelSamples) -> np.ndarray:
        """Estimate the memory per sample; see `BatchFilter.batch_bytes`."""
        cells, edges = samples.shapes.prod(axis=1), samples.shapes.sum(axis=1)
        needed: np.ndarray = BYTES_PER_SAMPLE + BYTES_PER_EDGE * edges
        if isinstance(samples, VoxelList):
            needed += 16 * cells
        elif isinstance(samples, VoxelizedLines) and samples.device != "cpu":
            ranges = samples.lines.row_ranges
            needed += 5 * cells + BYTES_PER_LINE * (ranges[:, 1] - ranges[:, 0])
        return needed  # on the CPU besides a grid for each thread

    def fit_batch(self, samples: VoxelSamples) -> PointData:
        """Find the peaks of every grid; see `BatchFilter.fit_batch`."""
        places, sizes = self._peaks(samples)
        xp, owners = array_namespace(places), np.repeat(np.arange(len(samples)), sizes)
        limits = samples.limits
        voxel = (limits[:, :, 1] - limits[:, :, 0]) / samples.shapes
        frame = to_device(np.concatenate([limits[:, :, 0], voxel], axis=1)[owners], samples.device)
        rows = xp.empty((len(places), len(COLUMNS)), dtype=np.float64)
        rows[:, 0] = _times(samples)[to_device(owners, samples.device)]
        rows[:, 1:4] = frame[:, :3] + (places[:, :3] + 0.5) * frame[:, 3:]
        rows[:, 4:7] = places[:, 3:] * frame[:, 3:]
        rows[:, 7] = xp.sqrt((rows[:, 4:7] ** 2).sum(axis=1))
        return PointData.from_batch(rows, sizes=sizes, columns=COLUMNS)

    def _peaks(self, samples: VoxelSamples) -> tuple[Array, np.ndarray]:
        rule = (int(self.w), self.r, self.lld_counts)
        if isinstance(samples, VoxelList):
            values, offsets = samples.flat()
            return peaks_of_grids(values, offsets, samples.shapes, *rule)
        assert isinstance(samples, VoxelizedLines)
        grids = describe_grids(samples.limits, samples.number_of_voxels)
        ranges = samples.lines.row_ranges
        places, sizes, skipped = peaks_of_lines(samples.lines.data, ranges, grids, *rule)
        if skipped:
            logger.warning(
                "%d of %d lines were left out of the voxels, since they are not finite",
                skipped,
                int((ranges[:, 1] - ranges[:, 0]).sum()),
            )
        return places, sizes


def _times(samples: VoxelSamples) -> Array:
    if isinstance(samples, VoxelList):
        without = sum("_lines" not in grid.attrs for grid in samples.grids)
        if without:
            warnings.warn(
                f"{without} of {len(samples)} voxel grids have no attribute _lines, so that the time of "
                "what is found there is NaN",
                RuntimeWarning,
                stacklevel=2,
            )
    return samples.times()


def _number(value: float, name: str) -> float:
    number = float(value)
    if math.isnan(number):
        raise ValueError(f"{name} must be a number, found {value!r}")
    return number
