"""Weights of points by the densest place among them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from gpupept.backend import array_namespace, device_of, to_device, to_host
from gpupept.base import BatchFilter, PerSample, PointData, PointDataFilter, SampleGroups
from gpupept.base.batch_filter import sample_bytes
from gpupept.kernels import Array
from gpupept.kernels.rows import consecutive, flatten, row_owners
from gpupept.kernels.segments import segment_centroids
from gpupept.kernels.segments.reductions import reduce_segments

BYTES_PER_POINT = 400
WIDTHS = 2.0 * math.sqrt(2.0 * math.log(2.0))  # full width at half maximum, in standard deviations
MOST_STEPS = 1000
TOLERANCE = 1e-9  # of sigma; steps are not followed by smaller ones
PRODUCTS = ((0, 0), (1, 1), (2, 2), (0, 1), (0, 2), (1, 2))
LONGEST_STEP = 3.0  # sigma; where the density is not like a parabola


class GaussianDensity(BatchFilter, PointDataFilter):
    """Weight points by how near they are to the densest place of their sample.

    The place is where the sum of Gaussians around all points has a maximum, reached uphill from the
    median; a column ``weight``, the height there of a point's own Gaussian, is appended, which
    `Centroids` uses.

    Parameters
    ----------
    sigma : float, optional
        Standard deviation (mm) of the Gaussians. By default that of a full width at half maximum of
        the attribute ``spatial_resolution`` of the points; see `TimeOfFlight`.

    Raises
    ------
    ValueError
        If `sigma` is not above zero and finite.
    AttributeError
        When fitting: if `sigma` is not given and the points do not have the attribute
        ``spatial_resolution``.

    Notes
    -----
    Filter signature: ``PointData -> GaussianDensity -> PointData``, and a list of PointData for a list;
    all columns and attributes are kept. For points p_i and the place x, the weights are
    exp(-|x - p_i|^2 / (2 sigma^2)); those of points that are not finite are 0, and these do not count.
    Newton's steps are taken where they lead uphill, else mean shifts, which always do.

    References
    ----------
    Y. Cheng, *Mean shift, mode seeking, and clustering*, IEEE Trans. Pattern Anal. Mach. Intell. 17, 790
    (1995).

    Examples
    --------
    >>> import gpupept
    >>> from gpupept.tracking import GaussianDensity
    >>> points = gpupept.PointData([[0, 1, 1, 1], [1, 1, 1, 1], [2, 1, 1, 1], [3, 1, 1, 900]])
    >>> GaussianDensity(sigma=2.0).fit_sample(points)["weight"].tolist()
    [1.0, 1.0, 1.0, 0.0]
    """

    _sample_type = PointData
    _takes_groups = True

    def __init__(self, sigma: float | None = None) -> None:
        self.sigma = sigma

    @property
    def sigma(self) -> float | None:
        """Standard deviation (mm) of the Gaussians, or None for that of the points' resolution."""
        return self._sigma

    @sigma.setter
    def sigma(self, sigma: float | None) -> None:
        if sigma is not None and not 0.0 < float(sigma) < math.inf:
            raise ValueError(f"sigma must be above zero and finite (mm), found {sigma!r}")
        self._sigma = None if sigma is None else float(sigma)

    def batch_bytes(self, samples: Any) -> np.ndarray:
        """Estimate the memory per sample; see `BatchFilter.batch_bytes`."""
        needed: np.ndarray = sample_bytes(samples) * (3 + BYTES_PER_POINT // 32)
        return needed

    def fit_batch(self, samples: Any) -> Any:
        """Weight the points of every sample; see `BatchFilter.fit_batch`."""
        if isinstance(samples, SampleGroups):
            return SampleGroups(self.fit_batch(samples.members), samples.groups_indices)
        xp = array_namespace(samples.data)
        data, sizes = flatten(samples.data, samples.row_ranges)
        sigmas = to_device(self._sigmas(samples), samples.device)
        weighted = xp.empty((len(data), data.shape[1] + 1), dtype=np.float64)
        weighted[:, :-1] = data
        weighted[:, -1] = densest_weights(data[:, 1:4], sizes, sigmas)
        return PointData.from_batch(
            weighted, sizes=sizes, columns=[*samples.columns, "weight"], attrs=samples.attrs
        )

    def _sigmas(self, samples: PointData) -> np.ndarray:
        """Give the standard deviation for each sample, (S,) float64."""
        if self.sigma is not None:
            return np.full(len(samples), self.sigma)
        resolution = samples.attrs.get("spatial_resolution")
        if resolution is None:
            raise AttributeError(
                "sigma must be given, or the points must have the attribute 'spatial_resolution', as "
                "TimeOfFlight(temporal_resolution=...) gives them"
            )
        values = list(resolution) if isinstance(resolution, PerSample) else resolution
        sigmas = np.asarray(values, dtype=np.float64) / WIDTHS
        if not ((sigmas > 0.0) & (sigmas < math.inf)).all():
            raise ValueError(
                f"spatial_resolution must be above zero and finite (mm), found {resolution!r}"
            )
        return np.ascontiguousarray(np.broadcast_to(sigmas, len(samples)))


def densest_weights(positions: Array, sizes: np.ndarray, sigmas: Array) -> Array:
    """Heights of the points' Gaussians at the densest place of their sample.

    Parameters
    ----------
    positions : (K, 3) float64
        Positions (mm), sample after sample.
    sizes : (S,) int64, on the host
        Points per sample.
    sigmas : (S,) float64, where the positions are
        Standard deviation (mm) of each sample.

    Returns
    -------
    (K,) float64
        0 for points that are not finite.
    """
    xp = array_namespace(positions)
    usable = xp.isfinite(positions).all(axis=1)
    kept = row_owners(sizes, device_of(positions))[usable]
    counts = np.bincount(to_host(kept), minlength=len(sizes))
    # Relative to the medians, so that squares are precise far from the origin.
    relative = positions[usable]
    medians = [reduce_segments("median", relative[:, axis], counts) for axis in range(3)]
    relative = (relative - xp.stack(medians, axis=1)[kept]) / sigmas[kept][:, None]
    place = _climb(relative, counts, kept)
    weights = xp.zeros(len(positions), dtype=np.float64)
    weights[usable] = xp.exp(-0.5 * ((place[kept] - relative) ** 2).sum(axis=1))
    return weights


def _climb(points: Array, counts: np.ndarray, owners: Array) -> Array:
    """Go uphill from the origin in every sample, in units of sigma, (S, 3) float64."""
    xp = array_namespace(points)
    best = xp.zeros((len(counts), 3), dtype=np.float64)
    height, shift, covariance = _heights(points, counts, owners, best)
    step = _next_step(shift, covariance)
    last = xp.zeros(len(counts), dtype=bool)  # the step is the mean shift, tried after another one
    loaded = xp.arange(len(counts))
    for _ in range(MOST_STEPS):
        moving = (abs(step) > TOLERANCE).any(axis=1)
        number = int(moving.sum())
        if not number:
            break
        if 2 * number <= len(loaded):  # leave out the samples that have arrived
            points, counts, owners = _rows_of(moving[loaded], points, counts, owners)
            loaded = xp.flatnonzero(moving)
        trial = best[loaded] + xp.where(moving[loaded, None], step[loaded], 0.0)
        found, mean_shift, spread = _heights(points, counts, owners, trial)
        higher = found >= height[loaded]
        best[loaded] = xp.where(higher[:, None], trial, best[loaded])
        height[loaded] = xp.where(higher, found, height[loaded])
        shift[loaded] = xp.where(higher[:, None], mean_shift, shift[loaded])
        # Where a step led downhill, a mean shift from the place before leads up, but for rounding.
        onward = xp.where(higher[:, None], _next_step(mean_shift, spread), shift[loaded])
        done = (~higher & last[loaded]) | ~moving[loaded]
        step[loaded] = xp.where(done[:, None], 0.0, onward)
        last[loaded] = ~higher
    return best


def _rows_of(
    wanted: Array, points: Array, counts: np.ndarray, owners: Array
) -> tuple[Array, np.ndarray, Array]:
    """Points, counts and owners of some of the samples."""
    counts = counts[to_host(wanted)]
    return points[wanted[owners]], counts, row_owners(counts, device_of(points))


def _heights(
    points: Array, counts: np.ndarray, owners: Array, places: Array
) -> tuple[Array, Array, Array]:
    """Logarithm of the density at one place per sample, mean shift from it (S, 3), covariance (S, 6)."""
    xp = array_namespace(points)
    away = points - places[owners]
    exponents = -0.5 * (away * away).sum(axis=1)
    greatest = reduce_segments("max", exponents, counts)
    table = xp.empty((len(points), 10), dtype=np.float64)
    table[:, 0] = xp.exp(exponents - greatest[owners])
    table[:, 1:4] = away
    for column, (a, b) in enumerate(PRODUCTS, start=4):
        table[:, column] = away[:, a] * away[:, b]
    means, _, totals = segment_centroids(table, consecutive(counts), 0)
    empty = ~(totals > 0.0)
    totals[empty], means[empty], greatest[empty] = 1.0, 0.0, 0.0
    shift = means[:, 1:4]
    products = [means[:, 4 + k] - shift[:, a] * shift[:, b] for k, (a, b) in enumerate(PRODUCTS)]
    return xp.log(totals) + greatest, shift, xp.stack(products, axis=1)


def _next_step(shift: Array, covariance: Array) -> Array:
    """Newton's step where the density curves downward, at most LONGEST_STEP long, else the mean shift."""
    xp = array_namespace(shift)
    xx, yy, zz, xy, xz, yz = covariance.T
    a, b, c = 1.0 - xx, 1.0 - yy, 1.0 - zz  # of the matrix 1 - covariance, off-diagonal negative
    minor = a * b - xy * xy
    determinant = c * minor - a * yz * yz - b * xz * xz - 2.0 * xy * xz * yz
    curved = (a > 0.0) & (minor > 0.0) & (determinant > 0.0)
    x, y, z = shift.T
    rows = [
        (b * c - yz * yz) * x + (xy * c + xz * yz) * y + (xy * yz + xz * b) * z,
        (xy * c + xz * yz) * x + (a * c - xz * xz) * y + (a * yz + xy * xz) * z,
        (xy * yz + xz * b) * x + (a * yz + xy * xz) * y + minor * z,
    ]
    newton = xp.stack(rows, axis=1) / xp.where(curved, determinant, 1.0)[:, None]
    within = curved & ((newton * newton).sum(axis=1) <= LONGEST_STEP**2)
    return xp.where(within[:, None], newton, shift)
