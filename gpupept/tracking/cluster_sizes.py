"""Search for the numbers of points with which clusters are stablest."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any, NamedTuple, cast

import numpy as np

from gpupept.backend import to_host
from gpupept.base.optimise import search
from gpupept.kernels.hdbscan import Clusters

LEAST = 2


class BestSizes(NamedTuple):
    """What a search found.

    Attributes
    ----------
    min_cluster_size, min_samples : int
        The best numbers.
    merit : float
        Their figure of merit; see `HDBSCANClusterer.optimise`.
    evaluations : int
        How many pairs of numbers were tried.
    """

    min_cluster_size: int
    min_samples: int
    merit: float
    evaluations: int


class _Spent(Exception):
    """Not an error: it ends a search whose evaluations are used up."""


class _Trials:
    """Figure of merit of pairs of numbers at points of the unit square, each pair worked out once."""

    def __init__(self, merit: Callable[[int, int], float], largest: int, max_evals: int) -> None:
        self.parameters = ("min_cluster_size", "min_samples")
        self.max_evals = max_evals
        self.known: dict[tuple[int, int], float] = {}
        self._merit, self._largest = merit, largest

    def __call__(self, shares: np.ndarray) -> float:
        size, samples = np.round(LEAST * (self._largest / LEAST) ** shares).astype(int).tolist()
        if (size, samples) not in self.known:
            if len(self.known) >= self.max_evals:
                raise _Spent
            self.known[size, samples] = self._merit(size, samples)
        return -self.known[size, samples]


def find_sizes(
    merit: Callable[[int, int], float], largest: int, max_evals: int, seed: int
) -> BestSizes:
    """Search for the pair of numbers of the largest merit, from 2 to `largest`.

    Parameters
    ----------
    merit : callable
        From `min_cluster_size` and `min_samples` to their figure of merit.
    largest : int
        Upper bound of both, at least 2.
    max_evals : int
        How many pairs are tried at most, at least 1.
    seed : int
        Of the search; equal seeds give equal results.

    Returns
    -------
    BestSizes
        The best of all that were tried, the first of equal ones.

    Raises
    ------
    ValueError
        If `max_evals` is below 1.
    """
    if max_evals < 1:
        raise ValueError(f"max_evals must be at least 1, found {max_evals!r}")
    trials = _Trials(merit, largest, max_evals)
    with suppress(_Spent):
        search(cast(Any, trials), None, seed)
    best = max(trials.known, key=trials.known.__getitem__)
    return BestSizes(*best, trials.known[best], len(trials.known))


def stability(result: Clusters, sizes: np.ndarray) -> float:
    """Mean over samples of the sum of probability times persistence, over one more than the clusters.

    Parameters
    ----------
    result : Clusters
        Of `gpupept.kernels.hdbscan.hdbscan`.
    sizes : (S,) int64
        Points per sample.
    """
    labels, found = to_host(result.labels), to_host(result.found)
    starts = np.cumsum(sizes) - sizes
    rows = labels >= 0
    # Of cluster k of a sample, the persistence is in its row k; sums are kept there too.
    places = (np.repeat(starts, sizes) + labels)[rows]
    sums = np.bincount(places, to_host(result.probabilities)[rows], minlength=len(labels))
    members = np.maximum(np.bincount(places, minlength=len(labels)), 1)
    numbers = np.arange(len(labels)) - np.repeat(starts, sizes)
    within = numbers < np.repeat(found, sizes)
    values = (sums / members * to_host(result.persistence))[within]
    owners = np.repeat(np.arange(len(sizes)), sizes)[within]
    totals = np.bincount(owners, values, minlength=len(sizes))
    return float((totals / (found + 1)).mean())
