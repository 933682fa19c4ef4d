"""Clustering with leaf selection: centres of all dense places, however many there are."""

from __future__ import annotations

import warnings
from typing import Any, NamedTuple

import numpy as np

from gpupept.backend import array_namespace, device_of, to_device, to_host
from gpupept.base import PointData
from gpupept.kernels import Array
from gpupept.kernels.hdbscan import Clusters, hdbscan
from gpupept.kernels.rows import consecutive, flatten, row_owners, take_rows
from gpupept.kernels.segments import segment_centroids
from gpupept.kernels.threads import use_threads
from gpupept.tracking.cluster_sizes import BestSizes, find_sizes, stability

MOST_POINTS = 100_000  # of a sample; the time grows with the square of their number
SINGLE = (True, False, "auto")
LEAST_RATIO = 0.5  # of the two numbers that are searched for; below it they count less


class _Labelled(NamedTuple):
    """Labels of rows, -1 for noise, and which rows stand for their cluster; clusters per sample."""

    labels: Array
    exemplars: Array
    found: np.ndarray


class HDBSCANClusterer:
    """Cluster points into the parts that do not split any further, and average each of them.

    A sample in which nothing is found is clustered again as one that may be a single cluster, if
    `allow_single_cluster` is ``"auto"``.

    Parameters
    ----------
    min_cluster_size : int, default 20
        Fewest points of a cluster, at least 2.
    min_samples : int, optional
        Neighbours that define how dense a place is, at least 2; `min_cluster_size` by default.
    min_cluster_size_single, min_samples_single : int, optional
        The same for samples that may be a single cluster; by default as for the others.
    allow_single_cluster : {"auto", True, False}, default "auto"
        Whether a whole sample may be one cluster: only where no other is found, selected by excess of
        mass; always, where the sample does not split; or never.
    select_exemplars : bool, default False
        Average only the densest points: of the largest density of each part that does not split.
    core_dist_n_jobs : int, default 1
        Accepted for compatibility.

    Raises
    ------
    ValueError
        If `allow_single_cluster` is something else.

    Warns
    -----
    RuntimeWarning
        If a number is below 2, and set to 2.

    See Also
    --------
    gpupept.tracking.HDBSCAN : A filter, for a number of tracers that is known.

    References
    ----------
    R. J. G. B. Campello, D. Moulavi, J. Sander, *Density-based clustering based on hierarchical density
    estimates*, PAKDD 2013.

    Examples
    --------
    >>> import numpy as np
    >>> from gpupept.tracking import HDBSCANClusterer
    >>> rng = np.random.default_rng(0)
    >>> points = np.concatenate([rng.normal(centre, 1, (100, 4)) for centre in (0, 50)])
    >>> centres = HDBSCANClusterer(min_cluster_size=30).fit_sample(points)
    >>> centres[:, 4].tolist()
    [100.0, 100.0]
    """

    def __init__(
        self,
        min_cluster_size: int = 20,
        min_samples: int | None = None,
        min_cluster_size_single: int | None = None,
        min_samples_single: int | None = None,
        allow_single_cluster: bool | str = "auto",
        select_exemplars: bool = False,
        core_dist_n_jobs: int = 1,
    ) -> None:
        if allow_single_cluster not in SINGLE:
            raise ValueError(
                f"allow_single_cluster must be True, False or 'auto', found {allow_single_cluster!r}"
            )
        self.min_cluster_size = min_cluster_size
        self.min_samples = self.min_cluster_size if min_samples is None else min_samples
        own = (self.min_cluster_size, self.min_samples)
        given = (min_cluster_size_single, min_samples_single)
        self.min_cluster_size_single = own[0] if given[0] is None else given[0]
        self.min_samples_single = own[1] if given[1] is None else given[1]
        self.allow_single_cluster = allow_single_cluster
        self.select_exemplars = bool(select_exemplars)
        self.core_dist_n_jobs = core_dist_n_jobs
        self._labels: np.ndarray | None = None

    @property
    def min_cluster_size(self) -> int:
        """Fewest points of a cluster."""
        return self._min_cluster_size

    @min_cluster_size.setter
    def min_cluster_size(self, value: float) -> None:
        self._min_cluster_size = _at_least_two("min_cluster_size", value)

    @property
    def min_samples(self) -> int:
        """Neighbours that define how dense a place is."""
        return self._min_samples

    @min_samples.setter
    def min_samples(self, value: float) -> None:
        self._min_samples = _at_least_two("min_samples", value)

    @property
    def min_cluster_size_single(self) -> int:
        """Fewest points of a cluster in a sample that may be a single one."""
        return self._min_cluster_size_single

    @min_cluster_size_single.setter
    def min_cluster_size_single(self, value: float) -> None:
        self._min_cluster_size_single = _at_least_two("min_cluster_size_single", value)

    @property
    def min_samples_single(self) -> int:
        """Neighbours that define how dense a place is in a sample that may be a single cluster."""
        return self._min_samples_single

    @min_samples_single.setter
    def min_samples_single(self, value: float) -> None:
        self._min_samples_single = _at_least_two("min_samples_single", value)

    @property
    def labels(self) -> np.ndarray | None:
        """Labels of the rows given last, -1 for noise; None before the first call."""
        return self._labels

    def fit_sample(
        self,
        array: Any,
        get_labels: bool = False,
        as_array: bool = True,
        verbose: bool = False,
    ) -> Any:
        """Cluster one sample.

        Parameters
        ----------
        array : PointData or (N, 4 or more) array_like
            Columns ``t, x, y, z`` (ms, mm) and any others.
        get_labels : bool, default False
            Return the points too, with their labels as a further column.
        as_array : bool, default True
            Return arrays instead of PointData.
        verbose : bool, default False
            Accepted for compatibility.

        Returns
        -------
        array or PointData, or two of them
            One row for each cluster: means of all columns, and the number of its points. An empty
            array of one dimension if there is none, or PointData without rows.

        Raises
        ------
        ValueError
            If there are fewer than 4 columns, or more than 100 000 points.
        """
        points = array if isinstance(array, PointData) else PointData(array)
        centres, labelled = self._fit(points.with_samples())
        if not as_array:
            return (centres, labelled) if get_labels else centres
        table = centres.points if len(centres.points) else centres.points[:0, 0]
        return (table, labelled.points) if get_labels else table

    def fit(
        self,
        point_data: PointData,
        get_labels: bool = False,
        max_workers: int | None = None,
        verbose: bool = True,
    ) -> Any:
        """Cluster every sample.

        Parameters
        ----------
        point_data : PointData
            The samples.
        get_labels : bool, default False
            Return the points of all samples too, with their labels as a column ``label``.
        max_workers : int, optional
            Number of threads; every core by default. Results do not depend on it.
        verbose : bool, default True
            Accepted for compatibility; all samples are clustered at once.

        Returns
        -------
        PointData, or two of them
            Centres as of `fit_sample`, a sample for each sample given, with the number of points in the
            column ``cluster_size``.

        Raises
        ------
        TypeError
            If it is not PointData.
        ValueError
            If a sample has more than 100 000 points.
        """
        if not isinstance(point_data, PointData):
            raise TypeError(f"point_data must be PointData, found {type(point_data).__name__}")
        with use_threads(max_workers):
            centres, labelled = self._fit(point_data)
        return (centres, labelled) if get_labels else centres

    def optimise(
        self,
        points: PointData,
        nsamples: int = 16,
        selected_indices: Any = None,
        max_workers: int | None = None,
        verbose: bool = True,
        max_evals: int = 200,
        seed: int = 0,
    ) -> BestSizes:
        """Search for the `min_cluster_size` and `min_samples` of the stablest clusters, and set them.

        Parameters
        ----------
        points : PointData
            The samples.
        nsamples : int, default 16
            Number of samples that are clustered, evenly spread.
        selected_indices : sequence of int, optional
            Which samples instead.
        max_workers : int, optional
            Number of threads; every core by default.
        verbose : bool, default True
            Accepted for compatibility.
        max_evals : int, default 200
            How many pairs of numbers are tried at most.
        seed : int, default 0
            Of the search; equal seeds give equal results.

        Returns
        -------
        BestSizes
            The two numbers, their figure of merit and how many were tried. The figure is the mean over the
            samples of the sum over clusters of mean probability times stability, divided by one more than
            the number of clusters; where one number is less than half of the other, times their ratio.

        Raises
        ------
        ValueError
            If there is no sample to cluster, or `max_evals` is below 1.
        """
        if selected_indices is None:
            spread = np.linspace(0, len(points) - 1, min(nsamples, len(points)))
            selected_indices = np.unique(spread.astype(np.int64)) if len(points) else []
        chosen = points.row_ranges[np.asarray(selected_indices, dtype=np.int64)]
        data, sizes = flatten(points.data, chosen)
        if not sizes.sum():
            raise ValueError("points must have samples that are not empty, found none")
        _check_sizes(sizes)
        positions = array_namespace(data).ascontiguousarray(data[:, 1:4])
        single = self.allow_single_cluster is True

        def merit(size: int, samples: int) -> float:
            ratio = min(size, samples) / max(size, samples)
            result = self._cluster(positions, sizes, samples, size, single)
            return stability(result, sizes) * (ratio if ratio < LEAST_RATIO else 1.0)

        with use_threads(max_workers):
            found = find_sizes(merit, max(2, int(sizes.max()) // 2), max_evals, seed)
        self.min_cluster_size, self.min_samples = found.min_cluster_size, found.min_samples
        return found

    def _fit(self, points: PointData) -> tuple[PointData, PointData]:
        """Centres of the clusters of every sample, and all points with their labels."""
        xp = array_namespace(points.data)
        rows, sizes = flatten(points.data, points.row_ranges)
        _check_sizes(sizes)
        labels, exemplars, found = self._label(rows, sizes)
        self._labels = to_host(labels)
        first = to_device(np.cumsum(found) - found, device_of(rows))
        clusters = first[row_owners(sizes, device_of(rows))] + labels
        chosen = xp.flatnonzero(exemplars)
        order = chosen[xp.lexsort(xp.stack([clusters[chosen]]))]  # stable on both devices
        total = int(found.sum())
        used = to_host(xp.bincount(clusters[chosen], minlength=total))[:total]
        members = xp.bincount(clusters[labels >= 0], minlength=total)[:total]
        means = segment_centroids(take_rows(rows, order), consecutive(used)).means
        table = xp.empty((total, rows.shape[1] + 1), dtype=np.float64)
        table[:, :-1] = means
        table[:, -1] = to_device(used, device_of(rows)) if self.select_exemplars else members
        columns = list(points.columns)
        centres = PointData.from_batch(
            table, sizes=found, columns=[*columns, "cluster_size"], attrs=points.attrs
        )
        marked = xp.concatenate([rows, labels.astype(np.float64)[:, None]], axis=1)
        labelled = PointData.from_batch(
            marked, sizes=sizes, columns=[*columns, "label"], attrs=points.attrs
        )
        return centres, labelled

    def _label(self, rows: Array, sizes: np.ndarray) -> _Labelled:
        """Label the rows of all samples; those where nothing is found once more, if wanted."""
        xp = array_namespace(rows)
        positions = xp.ascontiguousarray(rows[:, 1:4])
        single = self.allow_single_cluster is True
        main = self._cluster(positions, sizes, self.min_samples, self.min_cluster_size, single)
        exemplars = self._exemplars(main.labels, main.probabilities)
        found = to_host(main.found)
        if self.allow_single_cluster != "auto" or found.all():
            return _Labelled(main.labels, exemplars, found)
        again = np.flatnonzero(found == 0)
        owners = row_owners(sizes, device_of(rows))
        chosen = xp.flatnonzero(to_device(found == 0, device_of(rows))[owners])
        numbers = (self.min_samples_single, self.min_cluster_size_single)
        part, counts = positions[chosen], sizes[again]
        single_ones = self._cluster(part, counts, *numbers, True, leaves=False)
        strengths = single_ones.probabilities
        if self.select_exemplars:
            strengths = self._cluster(part, counts, *numbers, True).probabilities
        labels = main.labels
        labels[chosen] = single_ones.labels
        exemplars[chosen] = self._exemplars(single_ones.labels, strengths)
        found[again] = to_host(single_ones.found)
        return _Labelled(labels, exemplars, found)

    def _exemplars(self, labels: Array, strengths: Array) -> Array:
        """Rows that are averaged: the strongest ones of each leaf, or all of each cluster."""
        members = labels >= 0
        return members & (strengths >= 1.0) if self.select_exemplars else members

    @staticmethod
    def _cluster(
        positions: Array,
        sizes: np.ndarray,
        min_samples: int,
        min_cluster_size: int,
        single: bool,
        leaves: bool = True,
    ) -> Clusters:
        offsets = np.concatenate([[0], np.cumsum(sizes)])
        each = np.ones(len(sizes), dtype=np.int64)
        return hdbscan(
            positions, offsets, min_samples * each, min_cluster_size * each, single, leaves
        )


def _check_sizes(sizes: np.ndarray) -> None:
    if sizes.max(initial=0) > MOST_POINTS:
        raise ValueError(
            f"a sample must have at most {MOST_POINTS} points, found {sizes.max()}: use smaller samples"
        )


def _at_least_two(name: str, value: float) -> int:
    number = round(float(value))
    if number >= 2:
        return number
    warnings.warn(
        f"{name} must be at least 2, found {value!r}; set to 2", RuntimeWarning, stacklevel=3
    )
    return 2
