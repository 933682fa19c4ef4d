"""Turning points into their principal axes."""

from __future__ import annotations

from typing import Any

import numpy as np

from gpupept.backend import array_namespace, device_of, to_device, to_host
from gpupept.base import BatchReducer, PointData
from gpupept.tracking.stack import stacked_points

_NAMES = "xyz"


class Reorient(BatchReducer):
    """Turn all points about their centre so that their principal axes are those of the system.

    Parameters
    ----------
    dimensions : str or list of int, default "xyz"
        Which axis the points shall extend along most, second most and least; as numbers of
        columns, 1 to 3, too. With "zyx" the longest extent is along z.
    basis : (3, 3) array_like, optional
        Axes, as columns, onto which to turn instead of the principal ones; needs `origin`.
    origin : (3,) array_like, optional
        Point (mm) about which to turn; needs `basis`.

    Raises
    ------
    ValueError
        If `dimensions` does not name each axis once, or one of `basis` and `origin` is missing, not
        finite or of another shape.

    Notes
    -----
    Reducer signature: ``PointData -> Reorient -> PointData`` with the same samples: positions p become
    ``origin + (p - origin) @ basis``. The attributes ``origin`` (mm), ``basis`` and ``eigenvalues``
    (variances along the new x, y and z, in mm^2; None for a given basis) say what was done; they
    replace those of the same names.

    Origin and axes are the mean and the eigenvectors of the covariance (divided by N - 1) of the
    positions that are finite. The largest component of each axis is positive, but for the axis of
    least extent, whose sign makes the basis a rotation. Points that do not differ are not turned.

    References
    ----------
    K. Pearson, *On lines and planes of closest fit to systems of points in space*, Philosophical
    Magazine 2, 559 (1901).

    Examples
    --------
    >>> import numpy as np
    >>> import gpupept
    >>> from gpupept.tracking import Reorient
    >>> t = np.arange(5.0)
    >>> points = gpupept.PointData(np.column_stack([t, t, t, 0.0 * t]))
    >>> turned = Reorient("zyx").fit(points)
    >>> (turned.points[:, 1:] - turned.attrs["origin"]).round(3).tolist()[0]
    [0.0, 0.0, -2.828]
    """

    def __init__(self, dimensions: Any = "xyz", basis: Any = None, origin: Any = None) -> None:
        self.dimensions = dimensions
        if (basis is None) != (origin is None):
            raise ValueError("basis and origin must be given together, or neither")
        self.basis = None if basis is None else _finite("basis", basis, (3, 3))
        self.origin = None if origin is None else _finite("origin", origin, (3,))

    @property
    def dimensions(self) -> Any:
        """Axes in order of extent, as given."""
        return self._dimensions

    @dimensions.setter
    def dimensions(self, dimensions: Any) -> None:
        self._axes = _axes(dimensions)
        self._dimensions = dimensions

    def fit_all(self, samples: Any) -> PointData:
        """Turn the points.

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
        origin, basis, variances = self.origin, self.basis, None
        if origin is None or basis is None:
            origin, basis, variances = _principal_axes(points.data[:, 1:4], self._axes)
        data = points.data.copy()
        device = device_of(data)
        centre, axes = to_device(origin, device), to_device(basis, device)
        shifted = data[:, 1:4] - centre
        # Written out, so that a row does not depend on how many there are.
        for i in range(3):
            along = shifted[:, 0] * axes[0, i] + shifted[:, 1] * axes[1, i]
            data[:, 1 + i] = centre[i] + (along + shifted[:, 2] * axes[2, i])
        turned = points.with_rows(data)
        turned.attrs.update(origin=origin, basis=basis, eigenvalues=variances)
        return turned


def _finite(name: str, value: Any, shape: tuple[int, ...]) -> np.ndarray:
    found = np.array(to_host(value), dtype=np.float64)
    if found.shape != shape or not np.isfinite(found).all():
        raise ValueError(f"{name} must be {shape} finite numbers, found {value!r}")
    return found


def _axes(dimensions: Any) -> list[int]:
    """Axes 0 to 2 in order of extent."""
    if isinstance(dimensions, str):
        axes = [_NAMES.find(letter) for letter in dimensions]
    elif isinstance(dimensions, list | tuple | np.ndarray):
        axes = [int(column) - 1 for column in dimensions]
    else:
        axes = []
    if sorted(axes) != [0, 1, 2]:
        raise ValueError(
            "dimensions must be 'x', 'y' and 'z', or 1, 2 and 3, in any order, each once, found "
            f"{dimensions!r}"
        )
    return axes


def _principal_axes(positions: Any, axes: list[int]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Origin, basis and variances along the new axes, on the host."""
    origin, covariance = _covariance(positions)
    if not np.isfinite(covariance).all() or not covariance.any():
        return origin, np.eye(3), np.diagonal(covariance).copy()
    rising, vectors = np.linalg.eigh(covariance)
    vectors = vectors[:, ::-1]
    largest = vectors[np.abs(vectors).argmax(axis=0), range(3)]
    vectors = vectors * np.where(largest < 0, -1.0, 1.0)
    basis, variances = np.empty((3, 3)), np.empty(3)
    basis[:, axes], variances[axes] = vectors, rising[::-1]
    if np.linalg.det(basis) < 0:
        basis[:, axes[2]] *= -1.0
    return origin, basis, variances


def _covariance(positions: Any) -> tuple[np.ndarray, np.ndarray]:
    """Mean and covariance (ddof 1) of the rows that are finite; NaN for fewer than two."""
    xp = array_namespace(positions)
    finite = xp.isfinite(positions).all(axis=1)
    count = int(finite.sum())
    if not count:
        return np.zeros(3), np.full((3, 3), np.nan)
    # Column by column: sums along contiguous memory are trees that depend on nothing else.
    columns = [xp.ascontiguousarray(positions[finite, i]) for i in range(3)]
    means = [float(column.mean()) for column in columns]
    centred = [column - mean for column, mean in zip(columns, means, strict=True)]
    covariance = np.full((3, 3), np.nan)
    for i in range(3):
        for j in range(i + 1):
            total = float((centred[i] * centred[j]).sum())
            covariance[i, j] = covariance[j, i] = total / (count - 1) if count > 1 else np.nan
    return np.array(means), covariance
