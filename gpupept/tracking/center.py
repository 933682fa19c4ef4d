"""Moving points to the origin."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from gpupept.backend import array_namespace, to_host
from gpupept.base import BatchReducer, PointData
from gpupept.tracking.stack import stacked_points


class Center(BatchReducer):
    """Move all points so that their middle is at the origin.

    Parameters
    ----------
    origin : (3,) array_like, optional
        The point (mm) that becomes the origin; by default the median of all positions along each
        axis, of the data that is fitted.

    Raises
    ------
    ValueError
        If `origin` is not three finite numbers.

    Notes
    -----
    Reducer signature: ``PointData -> Center -> PointData`` with the same samples and attributes.
    Coordinates that are NaN do not count; an axis without others is not moved.

    Examples
    --------
    >>> import gpupept
    >>> from gpupept.tracking import Center
    >>> points = gpupept.PointData([[0, 1, 2, 3], [1, 2, 3, 4], [2, 9, 4, 5]])
    >>> Center().fit(points)["x"]
    array([-1.,  0.,  7.])
    """

    def __init__(self, origin: Any = None) -> None:
        self.origin = origin

    @property
    def origin(self) -> np.ndarray | None:
        """The point (mm) that becomes the origin, or None for the median of each data set."""
        return self._origin

    @origin.setter
    def origin(self, origin: Any) -> None:
        if origin is not None:
            given = origin
            origin = np.array(to_host(given), dtype=np.float64)
            if origin.shape != (3,) or not np.isfinite(origin).all():
                raise ValueError(f"origin must be three finite numbers (mm), found {given!r}")
        self._origin: np.ndarray | None = origin

    def fit_all(self, samples: Any) -> PointData:
        """Move the points.

        Parameters
        ----------
        samples : PointData, list of PointData, or (N, 4 or more) array
            All points; columns ``t, x, y, z, ...`` (ms, mm).

        Returns
        -------
        PointData
            See the notes of the class.

        Raises
        ------
        TypeError, ValueError
            If the samples are not points.
        """
        points = stacked_points(samples)
        origin = _middle(points.data[:, 1:4]) if self.origin is None else self.origin
        data = points.data.copy()
        for i in range(3):
            data[:, 1 + i] -= float(origin[i])
        return points.with_rows(data)


def _middle(positions: Any) -> np.ndarray:
    """Median along each axis, without NaN; 0 where it is not finite."""
    if not len(positions):
        return np.zeros(3)
    xp = array_namespace(positions)
    with warnings.catch_warnings(), np.errstate(invalid="ignore"):
        warnings.simplefilter("ignore", RuntimeWarning)  # an axis of NaN
        middle = to_host(xp.nanmedian(positions, axis=0))
    found: np.ndarray = np.where(np.isfinite(middle), middle, 0.0)
    return found
