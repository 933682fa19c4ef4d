"""Plain HDBSCAN of one cloud, written from the algorithm's description: dense tables, sets of points.

Steps after R. J. G. B. Campello, D. Moulavi, J. Sander (2013). Where that leaves a choice, the one that
`gpupept.kernels.hdbscan` states is made: the tree starts at the first point, of equal edges the one to
the smallest point is taken, edges of equal length merge in the order in which they joined the tree, and
of two groups that merge the one with the smallest point comes first.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np

LARGEST = 1e150


@dataclass
class Result:
    """As `gpupept.kernels.hdbscan.Clusters`, of one cloud."""

    labels: np.ndarray
    probabilities: np.ndarray
    core: np.ndarray
    weights: np.ndarray
    persistence: list[float] = field(default_factory=list)


@dataclass
class Merge:
    """Points united at a squared distance, and the two groups that they were before."""

    points: frozenset[int]
    squared: float = 0.0
    parts: tuple[Merge, ...] = ()


@dataclass
class Cluster:
    """Where a cluster came from, and at which density what left it."""

    birth: float
    parent: int | None
    left: list[tuple[float, Merge]] = field(default_factory=list)
    fallen: list[tuple[float, Merge]] = field(default_factory=list)  # what was too small to live on

    def stability(self) -> float:
        total = 0.0
        for density, group in self.left:
            total += (density - self.birth) * len(group.points)
        return total

    def densest(self) -> float:
        return max((density for density, _ in self.left), default=0.0)


def hdbscan(points, min_samples, min_cluster_size, single=False) -> Result:
    points = np.asarray(points, dtype=float)
    result = Result(
        np.full(len(points), -1),
        np.zeros(len(points)),
        np.full(len(points), np.nan),
        np.full(len(points), np.nan),
    )
    rows = [r for r, p in enumerate(points) if all(abs(x) <= LARGEST for x in p)]
    if len(rows) < 2:
        return result
    squared = squared_distances(points[rows])
    core = core_distances(squared, min_samples)
    edges = spanning_tree(np.maximum(squared, np.maximum(core[:, None], core[None, :])))
    result.core[rows] = core
    result.weights[: len(edges)] = [weight for weight, _, _ in edges]
    clusters = condense(merges(edges), max(2, min_cluster_size))
    label(clusters, select(clusters, single), rows, result)
    return result


def squared_distances(points) -> np.ndarray:
    dx, dy, dz = (points[:, None, a] - points[None, :, a] for a in range(3))
    return dx * dx + dy * dy + dz * dz


def core_distances(squared, min_samples) -> np.ndarray:
    """Each row holds the point itself, at no distance, before all others."""
    k = max(1, min(len(squared) - 1, min_samples))
    return np.sort(squared, axis=1)[:, k]


def spanning_tree(reach) -> list[tuple[float, int, int]]:
    """Edges (squared length, point in the tree, point that joins), in the order of joining."""
    inside, outside, edges = [0], list(range(1, len(reach))), []
    while outside:
        table = reach[np.ix_(outside, inside)]
        joins, over = np.unravel_index(np.argmin(table), table.shape)  # the first of equal ones
        edges.append((float(table[joins, over]), inside[over], outside[joins]))
        inside.append(outside.pop(joins))
    return edges


def merges(edges) -> list[Merge]:
    """Unite groups along the edges from the shortest on."""
    group = {p: Merge(frozenset([p])) for _, a, b in edges for p in (a, b)}
    united = []
    for squared, a, b in sorted(edges, key=lambda edge: edge[0]):  # stable
        parts = tuple(sorted((group[a], group[b]), key=lambda part: min(part.points)))
        united.append(Merge(parts[0].points | parts[1].points, squared, parts))
        group.update(dict.fromkeys(united[-1].points, united[-1]))
    return united


def condense(united, least) -> list[Cluster]:
    """Undo the merges from the last; only a split into two large enough parts makes new clusters."""
    clusters = [Cluster(0.0, None)]
    number_of = {id(united[-1]): 0}
    for merge in reversed(united):
        number = number_of.get(id(merge))
        if number is None:
            continue
        density = math.inf if merge.squared == 0.0 else 1.0 / math.sqrt(merge.squared)
        split = all(len(part.points) >= least for part in merge.parts)
        for part in merge.parts:
            if split:
                number_of[id(part)] = len(clusters)
                clusters.append(Cluster(density, number))
                clusters[number].left.append((density, part))
            elif len(part.points) >= least:
                number_of[id(part)] = number
            else:
                clusters[number].left.append((density, part))
                clusters[number].fallen.append((density, part))
    return clusters


def select(clusters, single) -> tuple[list[float], list[int | None]]:
    """Stability of each cluster or of those chosen below it, and the chosen cluster that holds it."""
    stability = [cluster.stability() for cluster in clusters]
    chosen: list[int | None] = [None] * len(clusters)
    for number in reversed(range(len(clusters))):
        below = [stability[c] for c, cluster in enumerate(clusters) if cluster.parent == number]
        beaten = below and sum(below) > stability[number]
        if beaten or (number == 0 and not single):
            stability[number] = sum(below)
        else:
            chosen[number] = number
    for number, cluster in enumerate(clusters[1:], start=1):
        if chosen[cluster.parent] is not None:
            chosen[number] = chosen[cluster.parent]
    return stability, chosen


def label(clusters, selection, rows, result) -> None:
    """Label the points, with how strongly each belongs to its cluster, and rate the clusters."""
    stability, chosen = selection
    numbers = sorted(c for c in range(len(clusters)) if chosen[c] == c)
    sizes = dict.fromkeys(numbers, 0)
    for c, cluster in enumerate(clusters):
        holder = chosen[c]
        for density, group in cluster.fallen:
            if holder is None or (holder == 0 and density < clusters[0].densest()):
                continue
            densest = clusters[holder].densest()
            whole = densest == 0.0 or density == math.inf
            for row in (rows[point] for point in group.points):
                result.labels[row] = numbers.index(holder)
                result.probabilities[row] = 1.0 if whole else min(density, densest) / densest
            sizes[holder] += len(group.points)
    greatest = max(cluster.densest() for cluster in clusters)
    for c in numbers:
        defined = sizes[c] > 0 and 0.0 < greatest < math.inf
        result.persistence.append(stability[c] / (sizes[c] * greatest) if defined else 1.0)
