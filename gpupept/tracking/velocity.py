"""Velocities of tracers along their trajectories."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np

from gpupept.backend import array_namespace, device_of
from gpupept.base import BatchFilter, PointData
from gpupept.base.batch_filter import sample_bytes
from gpupept.base.samples import whole_number
from gpupept.base.transformers import PointDataFilter
from gpupept.kernels.rows import flatten, row_owners
from gpupept.kernels.velocity import local_velocities
from gpupept.tracking.columns import append_columns


class Velocity(BatchFilter, PointDataFilter):
    """Append the velocity at each point, from a polynomial fitted to the points about it in time.

    Parameters
    ----------
    window : int
        Number of points fitted at once, an odd number: as many before as after the point, and the
        first or last ones of the sample near its ends.
    degree : int, default 2
        Degree of the polynomial, less than `window`.
    absolute : bool, default False
        Append the speed ``v`` instead of the velocities ``vx, vy, vz``.

    Raises
    ------
    ValueError
        If `window` is not odd or not more than `degree`, or `degree` is less than 1.

    Warns
    -----
    RuntimeWarning
        If a sample has a column ``label`` with several values: then it is several trajectories.

    Notes
    -----
    Filter signature: ``PointData -> Velocity -> PointData``, a sample being one trajectory in order
    of time: separate trajectories with `Segregate` and `GroupBy` first. Velocities are in mm / ms,
    which is m / s; other columns of their names are replaced. They are NaN in samples of no more
    than `window` points, for points whose window holds a time or position that is not finite, and
    where all times of the window are equal. Where some times are equal, the degree is lowered to
    what the others determine. Attributes are kept.

    The times of a window count from the point's own, so velocities do not depend on when a
    measurement began.

    References
    ----------
    A. Savitzky, M. J. E. Golay, *Smoothing and differentiation of data by simplified least squares
    procedures*, Anal. Chem. 36, 1627 (1964). G. E. Forsythe, *Generation and use of orthogonal
    polynomials for data-fitting with a digital computer*, J. SIAM 5, 74 (1957).

    Examples
    --------
    >>> import numpy as np
    >>> import gpupept
    >>> from gpupept.tracking import Velocity
    >>> t = np.arange(9.0)
    >>> points = gpupept.PointData(np.column_stack([t, 3 * t, 4 * t, t**2]))
    >>> Velocity(window=5).fit_sample(points)["vz"].round(6)
    array([ 0.,  2.,  4.,  6.,  8., 10., 12., 14., 16.])
    """

    _sample_type = PointData

    def __init__(self, window: int, degree: int = 2, absolute: bool = False) -> None:
        self.window = whole_number("window", window)
        self.degree = whole_number("degree", degree)
        self.absolute = bool(absolute)
        if self.degree < 1:
            raise ValueError(f"degree must be at least 1, found {degree!r}")
        if self.window % 2 != 1 or self.window <= self.degree:
            raise ValueError(
                f"window must be an odd number of more than degree = {self.degree} points, found "
                f"{window!r}"
            )

    def batch_bytes(self, samples: Any) -> np.ndarray:
        """Estimate the memory of each sample; see `BatchFilter.batch_bytes`."""
        columns = samples.data.shape[1]
        sizes: np.ndarray = sample_bytes(samples) // columns * (3 * columns + 12)
        return sizes

    def fit_batch(self, samples: PointData) -> PointData:
        """Append the velocities to all samples; see `BatchFilter.fit_batch`."""
        xp = array_namespace(samples.data)
        rows, sizes = flatten(samples.data, samples.row_ranges)
        _warn_of_labels(rows, sizes, samples.columns)
        velocities = local_velocities(rows, sizes, self.window, self.degree)
        names = ["vx", "vy", "vz"]
        if self.absolute:
            names = ["v"]
            vx, vy, vz = velocities.T
            velocities = xp.hypot(xp.hypot(vx, vy), vz)[:, None]  # whose squares may overflow
        rows, columns = append_columns(rows, samples.columns, [velocities], names)
        return PointData.from_batch(rows, sizes=sizes, columns=columns, attrs=samples.attrs)


def _warn_of_labels(rows: Any, sizes: np.ndarray, columns: Sequence[str]) -> None:
    """Say so where a sample holds points of several trajectories: its velocities mean nothing."""
    if "label" not in columns or len(rows) < 2:
        return
    labels = rows[:, list(columns).index("label")]
    owners = row_owners(sizes, device_of(rows))
    if bool(((labels[1:] != labels[:-1]) & (owners[1:] == owners[:-1])).any()):
        warnings.warn(
            "there are samples with several values in their column 'label', between which velocities "
            "mean nothing; make each trajectory a sample with GroupBy('label')",
            RuntimeWarning,
            stacklevel=3,
        )
