"""Positions along lines of response from the times of flight of both gamma rays."""

from __future__ import annotations

import numpy as np

from gpupept.backend import array_namespace
from gpupept.base import BatchFilter, LineData, LineDataFilter, PerSample, PointData
from gpupept.kernels import Array
from gpupept.kernels.rows import flatten

SPEED_OF_LIGHT = 299792458.0  # mm/ms
BYTES_PER_LINE = 400


class TimeOfFlight(BatchFilter, LineDataFilter):
    """Locate the annihilation on each line of response from the times at which both ends detect it.

    Parameters
    ----------
    temporal_resolution : float, optional
        Full width at half maximum (ms) of the differences of times. If given, it is kept as the attribute
        ``temporal_resolution`` of the points, and ``spatial_resolution`` (mm) with it.
    points : bool, default False
        Return the points. By default the lines are returned, with the points as the attribute ``tof``,
        which is what `CutpointsToF` takes.

    Raises
    ------
    ValueError
        If `temporal_resolution` is negative or not a number. When fitting: if the lines have fewer than
        8 columns.

    Notes
    -----
    Filter signature: ``LineData -> TimeOfFlight -> LineData``, or ``PointData`` with columns
    ``t, x, y, z``, one row for each line. The lines have columns ``t1, x1, y1, z1, x2, y2, z2, t2``, in mm
    and ms. With c the speed of light and L the length of a line from P1 to P2,

        ratio = 1/2 - c (t2 - t1) / (2 L),    point = P1 + ratio (P2 - P1),    t = t1 - |point - P1| / c.

    Lines of no length, and those that are not finite, give NaN. The lines given are not changed.

    References
    ----------
    S. Surti, J. S. Karp, *Advances in time-of-flight PET*, Phys. Med. 32, 12 (2016).

    Examples
    --------
    >>> import gpupept
    >>> from gpupept.tracking import TimeOfFlight
    >>> lines = gpupept.LineData([[1e-6, 0, 0, 0, 0, 0, 600, 2e-6]])
    >>> TimeOfFlight(points=True).fit_sample(lines).points[:, 3].round(3)
    array([150.104])
    """

    _sample_type = LineData

    def __init__(self, temporal_resolution: float | None = None, points: bool = False) -> None:
        self.temporal_resolution = temporal_resolution
        self.points = points

    @property
    def temporal_resolution(self) -> float | None:
        """Full width at half maximum (ms) of the differences of times, or None."""
        return self._temporal_resolution

    @temporal_resolution.setter
    def temporal_resolution(self, temporal_resolution: float | None) -> None:
        if temporal_resolution is not None and not float(temporal_resolution) >= 0.0:
            raise ValueError(
                f"temporal_resolution must be zero or more (ms), found {temporal_resolution!r}"
            )
        given = temporal_resolution is not None
        self._temporal_resolution = float(temporal_resolution) if given else None  # type: ignore[arg-type]

    @property
    def points(self) -> bool:
        """Whether the points are returned instead of the lines."""
        return self._points

    @points.setter
    def points(self, points: bool) -> None:
        self._points = bool(points)

    def batch_bytes(self, samples: LineData) -> np.ndarray:
        """Estimate the memory per sample; see `BatchFilter.batch_bytes`."""
        ranges = samples.row_ranges
        needed: np.ndarray = (ranges[:, 1] - ranges[:, 0]) * BYTES_PER_LINE
        return needed

    def fit_batch(self, samples: LineData) -> LineData | PointData:
        """Locate the points of every sample; see `BatchFilter.fit_batch`."""
        if samples.data.shape[1] < 8:
            raise ValueError(
                "lines must have at least 8 columns t1, x1, y1, z1, x2, y2, z2, t2, found "
                f"{samples.data.shape[1]}"
            )
        rows, sizes = flatten(samples.data, samples.row_ranges)
        attrs = {}
        if self.temporal_resolution is not None:
            attrs["temporal_resolution"] = self.temporal_resolution
            attrs["spatial_resolution"] = self.temporal_resolution * SPEED_OF_LIGHT
        points: PointData = PointData.from_batch(
            _points(rows), sizes=sizes, columns=["t", "x", "y", "z"], attrs=attrs
        )
        if self.points:
            return points
        kept = {**samples.attrs, "tof": PerSample(points)}
        lines: LineData = LineData.from_batch(
            rows, sizes=sizes, columns=samples.columns, attrs=kept
        )
        return lines


def _points(lines: Array) -> Array:
    """Rows t, x, y, z of the annihilations on lines."""
    xp = array_namespace(lines)
    first, along = lines[:, 1:4], lines[:, 4:7] - lines[:, 1:4]
    with np.errstate(all="ignore"):
        length = xp.sqrt((along * along).sum(axis=1))
        ratio = 0.5 - SPEED_OF_LIGHT * (lines[:, 7] - lines[:, 0]) / (2.0 * length)
        ratio = xp.where(length > 0.0, ratio, np.nan)
        points = xp.empty((len(lines), 4), dtype=np.float64)
        points[:, 1:] = first + ratio[:, None] * along
        points[:, 0] = lines[:, 0] - abs(ratio) * length / SPEED_OF_LIGHT
    points[~xp.isfinite(points).all(axis=1)] = np.nan
    return points
