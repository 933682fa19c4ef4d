"""Clustering of cutpoints: which of them belong to which tracer."""

from __future__ import annotations

from typing import Any

import numpy as np

from gpupept.base import BatchFilter, PointData, PointDataFilter
from gpupept.base.batch_filter import sample_bytes
from gpupept.base.samples import whole_number
from gpupept.clustering import ENGINES, cluster_batch
from gpupept.kernels.artificial import add_artificial, discard_artificial
from gpupept.kernels.rows import flatten
from gpupept.tracking.columns import append_columns

BYTES_PER_POINT = 160


class HDBSCAN(BatchFilter, PointDataFilter):
    """Cluster points and append a column ``label``: 0, 1, ... for clusters, -1 for noise.

    An artificial cloud is added to each sample at the upper fence of its points, so that even a
    single tracer is a cluster among others; a cluster that is artificial by majority is discarded
    again.

    Parameters
    ----------
    true_fraction : float
        Fraction f of the points expected to come from tracers, in (0, 1]. About 0.15 for
        cutpoints (first pass), 0.6 for tracer positions (second pass).
    max_tracers : int, default 1
        Number m of tracers expected at most. It sets how large a cluster must be, with `true_fraction`;
        it does not cut off clusters, so with too small a number there can be more of them.
    strict : bool, default False
        Discard a cluster that holds even one artificial point, as earlier implementations do. It
        loses about 1 % of the positions of a first pass.
    engine : {"auto", "batched", "cuml", "hdbscan"}, default "auto"
        See `gpupept.clustering.hdbscan`.
    seed : int, default 0
        Seed of the artificial points; the same draws, scaled, serve every sample.

    Raises
    ------
    ValueError
        If a parameter is out of range.

    Notes
    -----
    Filter signature: ``PointData -> HDBSCAN -> PointData``; all columns and attributes are kept, but for
    a column ``label`` there was.
    For N points ``trunc(N f / m)`` artificial ones are added and the smallest cluster and the
    number of neighbours are ``trunc(f (N + added) / (m + 1))``, between 2 and N. Samples of fewer
    than 2 points become empty. Points that are not finite are noise.

    References
    ----------
    A. L. Nicusan, C. R. K. Windows-Yule, *Positron emission particle tracking using machine
    learning*, Rev. Sci. Instrum. 91, 013329 (2020). Clustering: see `gpupept.clustering`.

    Examples
    --------
    >>> import numpy as np
    >>> import gpupept
    >>> from gpupept.tracking import HDBSCAN
    >>> rng = np.random.default_rng(0)
    >>> tracers = [rng.normal(centre, 1, (100, 4)) for centre in (0, 50)]
    >>> points = gpupept.PointData(np.concatenate(tracers))
    >>> labelled = HDBSCAN(true_fraction=0.9, max_tracers=2).fit_sample(points)
    >>> sorted(set(labelled["label"].tolist()) - {-1})
    [0.0, 1.0]
    """

    _sample_type = PointData

    def __init__(
        self,
        true_fraction: float,
        max_tracers: int = 1,
        strict: bool = False,
        engine: str = "auto",
        seed: int = 0,
    ) -> None:
        self.true_fraction = float(true_fraction)
        self.max_tracers = whole_number("max_tracers", max_tracers)
        self.strict = bool(strict)
        self.engine = engine
        self.seed = whole_number("seed", seed)
        if not 0.0 < self.true_fraction <= 1.0:
            raise ValueError(
                f"true_fraction must be above 0 and at most 1, found {true_fraction!r}"
            )
        if self.max_tracers < 1:
            raise ValueError(f"max_tracers must be at least 1, found {max_tracers!r}")
        if self.seed < 0:
            raise ValueError(f"seed must be zero or more, found {seed!r}")
        if engine not in ENGINES:
            raise ValueError(f"engine must be one of {', '.join(ENGINES)}, found {engine!r}")

    def batch_bytes(self, samples: PointData) -> np.ndarray:
        """Estimate the memory per sample; see `BatchFilter.batch_bytes`."""
        ranges = samples.row_ranges
        rows = ranges[:, 1] - ranges[:, 0]
        labelling = rows * int(BYTES_PER_POINT * (1 + self.true_fraction))
        needed: np.ndarray = 3 * sample_bytes(samples) + labelling
        return needed

    def fit_batch(self, samples: PointData) -> PointData:
        """Label the points of every sample; see `BatchFilter.fit_batch`."""
        ranges = samples.row_ranges.copy()
        lone = ranges[:, 1] - ranges[:, 0] == 1
        ranges[lone, 1] = ranges[lone, 0]
        data, sizes = flatten(samples.data, ranges)
        labels = self._labels(samples.data, ranges, sizes)
        rows, columns = append_columns(data, samples.columns, [labels], ["label"])
        return PointData.from_batch(rows, sizes=sizes, columns=columns, attrs=samples.attrs)

    def artificial_counts(self, sizes: np.ndarray) -> np.ndarray:
        """Count the artificial points for samples of these sizes, (S,) int64."""
        counts: np.ndarray = (sizes * self.true_fraction / self.max_tracers).astype(np.int64)
        return counts

    def cluster_sizes(self, sizes: np.ndarray) -> np.ndarray:
        """Smallest cluster, and number of neighbours, for samples of these sizes, (S,) int64."""
        total = sizes + self.artificial_counts(sizes)
        least = (self.true_fraction * total / (self.max_tracers + 1)).astype(np.int64)
        limited: np.ndarray = np.maximum(np.minimum(least, sizes), 2)
        return limited

    def _labels(self, points: Any, ranges: np.ndarray, sizes: np.ndarray) -> Any:
        added = self.artificial_counts(sizes)
        normals = np.random.default_rng(self.seed).standard_normal((int(added.max(initial=0)), 3))
        positions, offsets = add_artificial(points, ranges, added, normals)
        least = self.cluster_sizes(sizes)
        found = cluster_batch(positions, offsets, least, least, False, self.engine)
        return discard_artificial(found.labels, offsets, sizes, self.strict)
