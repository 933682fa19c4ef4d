"""How well tracers mix between two planes, as a picture in two colours."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from gpupept.backend import array_namespace, device_of, to_device, to_host
from gpupept.base import PointData, Reducer, Voxels
from gpupept.base.grid_inputs import check_counts
from gpupept.executors import Executor
from gpupept.kernels import Array
from gpupept.processing.grids import as_grid, check_all_limits, fill_limits
from gpupept.processing.passes import (
    Planes,
    check_axis,
    check_distance,
    check_point,
    fitting,
    logger,
    nearest_positions,
    report_missed,
)

_FULL = 255.0
_DEPTH = np.array([0.0, 2.0])


class Crossings(NamedTuple):
    """Where passes cross two planes: positions relative to the points of the planes, mm.

    Attributes
    ----------
    starts, ends : (N, 3) float64
        At plane 1 and plane 2, of the passes that come near both.
    """

    starts: Array
    ends: Array


class Coloured(NamedTuple):
    """A picture of mixing, and what it was made with."""

    image: Voxels
    counts: np.ndarray
    """(2, X, Y) int64: red and blue passes in each cell."""
    passes: int
    """How many come near both planes."""
    basis1: np.ndarray
    basis2: np.ndarray
    xlim: np.ndarray
    ylim: np.ndarray


class LaceyColors(Reducer):
    """Colour passes by where they cross a first plane, and show where they cross a second one.

    Passes that cross plane 1 on one side of `p1` are red, those on the other side blue. The picture shows
    how many of each cross each cell of plane 2: what starts unmixed and ends in cells of one colour has
    not mixed.

    Parameters
    ----------
    p1, p2 : (3,) array_like
        Points of the two planes, mm; origins of their bases.
    ax1, ax2 : (3,) array_like, optional
        Vectors across the planes, of any length; by default from `p1` to `p2`.
    basis1, basis2 : (3, 2) array_like, optional
        Unit vectors in the planes, as columns. By default the two directions in which the crossings
        are spread most, the wider first; the component of each that is largest is positive.
    xlim, ylim : (2,) array_like, optional
        Limits of the picture along the columns of `basis2`, mm; by default those of the crossings.
    max_distance : float, default 10
        A pass is used if it comes nearer than this to both planes, mm.
    resolution : (2,) sequence of int, default (8, 8)
        Cells of the picture.

    Attributes
    ----------
    basis1_, basis2_ : (3, 2) float64
        Bases of the last fit; None before it, as the following.
    xlim_, ylim_ : (2,) float64
        Limits of the last fit, mm.
    counts_ : (2, X, Y) int64
        Red and blue passes in each cell.
    passes_ : int
        Passes that come near both planes.

    Raises
    ------
    ValueError
        If an argument is not as described; from `fit` if there are too few passes to take bases or limits
        from.
    TypeError
        From `fit`, if the trajectories are not points.

    Notes
    -----
    Reducer signature: ``PointData -> LaceyColors -> Voxels``, each sample one pass. A pass crosses a plane
    where its position is nearest to it, the first of those equally near; positions that are not finite do
    not count. Red is what has a coordinate below 0 along the first column of `basis1`. Cells hold their
    lower limit and not their upper one. Nothing that one `fit` finds is used by another.

    References
    ----------
    P. M. C. Lacey, *Developments in the theory of particle mixing*, J. Appl. Chem. 4, 257-268 (1954).

    Examples
    --------
    Four passes that do not mix: those that start at y < 0 end there.

    >>> import gpupept
    >>> from gpupept.processing import LaceyColors
    >>> rows = [[t, x, y, y * z] for y in (-2, 2) for z in (-1, 1) for t, x in ((0, 0), (9, 50))]
    >>> passes = gpupept.PointData(rows, sample_size=2)
    >>> lacey = LaceyColors([0, 0, 0], [50, 0, 0], resolution=(2, 1), xlim=[-3, 3], ylim=[-3, 3],
    ...                     basis1=[[0, 0], [1, 0], [0, 1]], basis2=[[0, 0], [1, 0], [0, 1]])
    >>> image = lacey.fit(passes, verbose=False)
    >>> image.voxels[:, 0].tolist()
    [[255.0, 0.0, 0.0], [0.0, 0.0, 255.0]]
    """

    def __init__(
        self,
        p1: Any,
        p2: Any,
        ax1: Any = None,
        ax2: Any = None,
        basis1: Any = None,
        basis2: Any = None,
        xlim: Any = None,
        ylim: Any = None,
        max_distance: float = 10,
        resolution: Sequence[int] = (8, 8),
    ) -> None:
        self.p1, self.p2 = check_point(p1, "p1"), check_point(p2, "p2")
        self.ax1 = check_axis(ax1, "ax1", self.p1, self.p2)
        self.ax2 = check_axis(ax2, "ax2", self.p1, self.p2)
        self.basis1, self.basis2 = check_basis(basis1, "basis1"), check_basis(basis2, "basis2")
        self.xlim, self.ylim = check_all_limits((xlim, ylim))
        self.max_distance = check_distance(max_distance)
        self.resolution = check_counts(resolution, "resolution", 2, 1)
        self.basis1_: np.ndarray | None = None
        self.basis2_: np.ndarray | None = None
        self.xlim_: np.ndarray | None = None
        self.ylim_: np.ndarray | None = None
        self.counts_: np.ndarray | None = None
        self.passes_: int | None = None

    def fit(
        self,
        trajectories: Any,
        executor: Executor = "joblib",
        max_workers: int | None = None,
        verbose: bool = True,
    ) -> Voxels:
        """Colour the passes.

        Parameters
        ----------
        trajectories : PointData, list of PointData, or (N, 4 or more) array
            Each sample one pass; columns ``t, x, y, z, ...`` (ms, mm).
        executor : str, class or instance, default "joblib"
            Checked, and of no influence: all passes are treated at once.
        max_workers : int, optional
            Threads, on the CPU; every core by default. They do not influence the result.
        verbose : bool, default True
            Log how long it took.

        Returns
        -------
        (X, Y, 3) Voxels
            Red, green (zero) and blue from 0 to 255, the largest number of red and of blue passes being
            255; on the device of the trajectories. Limits along z are 0 and 2.

        Raises
        ------
        TypeError, ValueError
            See the class.
        """
        with fitting(type(self).__name__, trajectories, executor, max_workers, verbose) as points:
            found = self.coloured(points)
        passes = len(points.row_ranges)
        report_missed(passes, found.passes, self.max_distance, "both planes")
        report_outside([found])
        self.basis1_, self.basis2_ = found.basis1, found.basis2
        self.xlim_, self.ylim_ = found.xlim, found.ylim
        self.counts_, self.passes_ = found.counts, found.passes
        return found.image

    def coloured(self, points: PointData) -> Coloured:
        """Picture of some passes with all that belongs to it; changes no attributes.

        Parameters
        ----------
        points : PointData
            Each sample one pass.

        Returns
        -------
        Coloured
        """
        planes = Planes(np.stack([self.p1, self.p2]), np.stack([self.ax1, self.ax2]))
        crossings = _crossings(points, planes, self.max_distance)
        basis1 = _chosen_basis(self.basis1, crossings.starts, "basis1")
        basis2 = _chosen_basis(self.basis2, crossings.ends, "basis2")
        ends = _in_basis(crossings.ends, basis2)
        limits = fill_limits([self.xlim, self.ylim], ends, _widened)
        red = _in_basis(crossings.starts, basis1)[:, 0] < 0.0
        counts = _count(ends, red, limits, self.resolution)
        image = as_grid(_colours(counts), [*limits, _DEPTH])
        return Coloured(image, to_host(counts), len(ends), basis1, basis2, *limits)


def check_basis(value: Any, name: str) -> np.ndarray | None:
    """Two vectors as columns, if given."""
    if value is None:
        return None
    try:
        basis = np.array(to_host(value), dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{name} must be numbers of shape (3, 2), found {value!r}") from error
    if basis.shape != (3, 2) or not np.isfinite(basis).all():
        raise ValueError(
            f"{name} must be two finite vectors as columns, shape (3, 2), found {value!r}"
        )
    return basis


def report_outside(pictures: Sequence[Coloured]) -> None:
    """Warn of passes that end outside of the pictures."""
    outside = [picture.passes - int(picture.counts.sum()) for picture in pictures]
    if (most := max(outside)) > 0:
        logger.warning("up to %d passes of a picture end outside xlim and ylim", most)


def _crossings(points: PointData, planes: Planes, max_distance: float) -> Crossings:
    xp = array_namespace(points.data)
    rows, distances = nearest_positions(points, planes)
    used = rows[(distances < max_distance).all(axis=1)]
    origins = to_device(planes.points, device_of(points.data))
    positions = xp.ascontiguousarray(points.data[:, 1:4])
    return Crossings(*(positions[used[:, k]] - origins[k] for k in (0, 1)))


def _chosen_basis(given: np.ndarray | None, offsets: Array, name: str) -> np.ndarray:
    """Basis that is given, or the two principal axes of some positions with a fixed sign."""
    if given is not None:
        return given
    if len(offsets) < 2:
        raise ValueError(
            f"{name} must be given, since {len(offsets)} passes come near both planes and two are "
            "needed to take it from; or give a larger max_distance"
        )
    centred = to_host(offsets)
    centred = centred - centred.mean(axis=0)
    # Plain sums: a matrix product may depend on the number of threads.
    covariance = [[(a * b).sum() for b in centred.T] for a in centred.T]
    if not np.isfinite(covariance).all():
        raise ValueError(f"{name} must be given, since the positions are too far apart to square")
    _, vectors = np.linalg.eigh(np.array(covariance) / (len(centred) - 1))
    basis = vectors[:, :0:-1]
    largest = np.abs(basis).argmax(axis=0)
    chosen: np.ndarray = basis * np.where(basis[largest, [0, 1]] < 0.0, -1.0, 1.0)
    return chosen


def _in_basis(offsets: Array, basis: np.ndarray) -> Array:
    """Coordinates (N, 2) along the columns of a basis, rounded alike on every device."""
    xp = array_namespace(offsets)
    x, y, z = offsets.T
    return xp.stack([x * float(a) + y * float(b) + z * float(c) for a, b, c in basis.T], axis=1)


def _widened(low: float, high: float) -> tuple[float, float]:
    """Range a little larger than that of the values."""
    lower = low * (0.9999 if low >= 0.0 else 1.0001) - 1e-15
    upper = high * (1.0001 if high >= 0.0 else 0.9999) + 1e-15
    return lower, upper


def _count(
    positions: Array, red: Array, limits: Sequence[np.ndarray], counts: tuple[int, ...]
) -> Array:
    """Count red and blue positions in each cell, (2, X, Y); what is outside is left out."""
    xp = array_namespace(positions)
    cells = xp.empty(positions.shape, dtype=np.float64)
    for d, (low, high) in enumerate(limits):
        cells[:, d] = xp.floor((positions[:, d] - float(low)) / float((high - low) / counts[d]))
    shape = to_device(np.array(counts, dtype=np.float64), device_of(positions))
    inside = ((cells >= 0.0) & (cells < shape)).all(axis=1)
    x, y = cells[inside].astype(np.int64).T
    flat = (x + counts[0] * xp.where(red[inside], 0, 1)) * counts[1] + y
    if not len(flat):  # whose largest number is not defined
        return xp.zeros((2, *counts), dtype=np.int64)
    found: Array = xp.bincount(flat, minlength=2 * counts[0] * counts[1])
    return found.reshape(2, *counts)


def _colours(counts: Array) -> Array:
    """Red, green and blue (X, Y, 3) of the numbers of red and of blue passes."""
    xp = array_namespace(counts)
    cells = xp.zeros((*counts.shape[1:], 3))
    for channel, number in ((0, counts[0]), (2, counts[1])):
        most = int(number.max())
        if most:  # a colour that is nowhere stays zero
            cells[..., channel] = xp.trunc(number * _FULL / most)
    return cells
