"""What the filters share that find points between lines: cutoffs, and rows of the lines."""

from __future__ import annotations

from typing import Any

import numpy as np

from gpupept.backend import array_namespace, to_device
from gpupept.base import BatchFilter, LineData, LineDataFilter
from gpupept.kernels.cutpoints import default_cutoffs


class LinePoints(BatchFilter, LineDataFilter):
    """Base of the filters that find points between lines of response.

    Parameters
    ----------
    cutoffs : (6,) array_like, optional
        Limits of the points; by default the bounding box of the lines of each sample.
    append_indices : bool, default False
        Append the rows of the lines in their sample.
    """

    _sample_type = LineData

    def __init__(self, cutoffs: Any = None, append_indices: bool = False) -> None:
        self.cutoffs = cutoffs
        self.append_indices = append_indices

    @property
    def cutoffs(self) -> np.ndarray | None:
        """Limits ``[xmin, xmax, ymin, ymax, zmin, zmax]`` (mm), or None for those of each sample."""
        return self._cutoffs

    @cutoffs.setter
    def cutoffs(self, cutoffs: Any) -> None:
        self._cutoffs = None if cutoffs is None else six_cutoffs(cutoffs)

    @property
    def append_indices(self) -> bool:
        """Whether the rows of the lines are appended."""
        return self._append_indices

    @append_indices.setter
    def append_indices(self, append_indices: bool) -> None:
        self._append_indices = bool(append_indices)

    def limits(self, samples: LineData, ranges: np.ndarray) -> Any:
        """Cutoffs of each sample, where the lines are.

        Parameters
        ----------
        samples : LineData
            The lines.
        ranges : (S, 2) int64
            Row range of each sample.

        Returns
        -------
        (S, 6) float64 array
            ``xmin, xmax, ymin, ymax, zmin, zmax`` (mm).
        """
        if self.cutoffs is None:
            return default_cutoffs(samples.data, ranges)
        table = np.ascontiguousarray(np.broadcast_to(self.cutoffs, (len(ranges), 6)))
        return to_device(table, samples.device)


def distance_limit(max_distance: Any) -> float:
    """Check a largest distance (mm) and return it."""
    value = float(max_distance)
    if not value >= 0.0:
        raise ValueError(f"max_distance must be zero or more (mm), found {max_distance!r}")
    return value


def probed_ranges(ranges: np.ndarray, samples: int, lines: int) -> np.ndarray:
    """Rows of the first lines of a few samples, by which memory is planned, (K, 2) int64."""
    chosen: np.ndarray = ranges[
        np.linspace(0, len(ranges) - 1, min(len(ranges), samples)).astype(int)
    ]
    chosen[:, 1] = np.minimum(chosen[:, 1], chosen[:, 0] + lines)
    return chosen


def six_cutoffs(cutoffs: Any) -> np.ndarray:
    """Check limits ``[xmin, xmax, ymin, ymax, zmin, zmax]`` and return them as a (6,) array."""
    values = np.asarray(cutoffs, dtype=np.float64)
    if values.shape != (6,):
        raise ValueError(
            "cutoffs must be six values [xmin, xmax, ymin, ymax, zmin, zmax], found shape "
            f"{values.shape}"
        )
    return values


def line_cutoffs(lines: Any) -> np.ndarray:
    """Bounding box (6,) of both end points of all lines of an (N, 7 or more) array."""
    xp = array_namespace(lines)
    if getattr(lines, "ndim", 0) != 2 or lines.shape[1] < 7:
        raise ValueError(
            "lines must be an array of at least 7 columns t, x1, y1, z1, x2, y2, z2, found "
            f"{type(lines).__name__} of shape {getattr(lines, 'shape', None)}"
        )
    table = xp.ascontiguousarray(lines, dtype=np.float64)
    limits: np.ndarray = to_device(default_cutoffs(table, np.array([[0, len(table)]])), "cpu")[0]
    return limits
