"""From a spanning tree to flat clusters: dendrogram, condensed tree, excess of mass, labels.

Each stage is one pass over flat arrays. A merge always has a larger number than the merges below it and
a cluster a larger number than the cluster it split from, so passes in falling or rising order visit
parents before children or the reverse; nothing recurses and nothing is allocated per node.
"""

from __future__ import annotations

import numpy as np
from numba import njit

DIGITS = 8
FEW = 128  # weights that are sorted faster by insertion


@njit(nogil=True, cache=True)
def _sort_few(weights, n, order):
    for i in range(n):
        weight, j = weights[i], i
        while j > 0 and weights[order[j - 1]] > weight:
            order[j] = order[j - 1]
            j -= 1
        order[j] = i


@njit(nogil=True, cache=True)
def _sort_stably(weights, n, order, spare):
    """Radix sort of non-negative weights by their bit patterns; equal weights keep their order."""
    if n <= FEW:
        _sort_few(weights, n, order)
        return
    bits = weights.view(np.int64)
    counts = np.zeros((DIGITS, 256), np.int64)
    for i in range(n):
        order[i] = i
        for digit in range(DIGITS):
            counts[digit, (bits[i] >> (8 * digit)) & 255] += 1
    source, target = order, spare
    for digit in range(DIGITS):
        start, single = 0, False
        for value in range(256):
            single |= counts[digit, value] == n
            counts[digit, value], start = start, start + counts[digit, value]
        if single:
            continue
        for i in range(n):
            value = (bits[source[i]] >> (8 * digit)) & 255
            target[counts[digit, value]] = source[i]
            counts[digit, value] += 1
        source, target = target, source
    for i in range(n):
        order[i] = source[i]


@njit(nogil=True, cache=True)
def _root(above, node):
    top = node
    while above[top] >= 0:
        top = above[top]
    while above[node] >= 0:
        above[node], node = top, above[node]
    return top


@njit(nogil=True, cache=True)
def dendrogram(edges, weights, n, order, above, first, size, children):
    """Merge along the edges from the shortest: node n + i joins children[i], ``size`` counts points.

    The child that holds the smallest point stands first, whichever way an edge was found. `order`
    ends as the edges' order of length; `above` and `first` are scratch of 2n.
    """
    _sort_stably(weights, n - 1, order, above)
    for node in range(2 * n - 1):
        above[node] = -1
    for point in range(n):
        first[point], size[point] = point, 1
    for i in range(n - 1):
        a, b = _root(above, edges[order[i], 0]), _root(above, edges[order[i], 1])
        if first[b] < first[a]:
            a, b = b, a
        node = n + i
        children[i, 0], children[i, 1] = a, b
        above[a] = above[b] = node
        first[node], size[node] = first[a], size[a] + size[b]


@njit(nogil=True, cache=True)
def _leave(cluster, density, count, birth, stability, densest):
    stability[cluster] += (density - birth[cluster]) * count
    densest[cluster] = max(densest[cluster], density)


@njit(nogil=True, cache=True)
def condense(weights, order, n, children, size, least, alive, fallen, tree, parent):
    """Keep only splits into two parts of at least `least` points; the number of clusters.

    On return ``alive[node]`` is the cluster each node (a point or a merge) belongs to and
    ``fallen[node]`` the density (inverse distance) at which it left that cluster. Rows of `tree`:
    birth density, stability, largest density recorded; `parent` the cluster each one split from.
    """
    birth, stability, densest = tree[0], tree[1], tree[2]
    root = 2 * n - 2
    alive[root], fallen[root] = 0, -1.0
    birth[0], stability[0], densest[0], parent[0] = 0.0, 0.0, 0.0, -1
    clusters = 1
    for node in range(root, n - 1, -1):
        a, b = children[node - n, 0], children[node - n, 1]
        cluster = alive[node]
        alive[a] = alive[b] = cluster
        fallen[a] = fallen[b] = fallen[node]
        if fallen[node] >= 0.0:
            continue
        distance = np.sqrt(weights[order[node - n]])
        density = 1.0 / distance if distance > 0.0 else np.inf
        split = size[a] >= least and size[b] >= least
        for child in (a, b):
            if split:
                alive[child], parent[clusters] = clusters, cluster
                birth[clusters], stability[clusters], densest[clusters] = density, 0.0, 0.0
                clusters += 1
            elif size[child] < least:
                fallen[child] = density
            if split or size[child] < least:
                _leave(cluster, density, size[child], birth, stability, densest)
    return clusters


@njit(nogil=True, cache=True)
def select_leaves(clusters, parent, single, chosen):
    """Select the clusters that do not split: afterwards ``chosen[c]`` is c for them, else -1."""
    for c in range(clusters):
        chosen[c] = c
    for c in range(1, clusters):
        chosen[parent[c]] = -1
    if not single:
        chosen[0] = -1


@njit(nogil=True, cache=True)
def select(clusters, parent, stability, single, below, chosen):
    """Excess of mass: a cluster beats its descendants unless they are stabler together.

    Afterwards ``chosen[c]`` is the selected cluster that holds cluster c, or -1, and `stability` has
    the larger of the two sums.
    """
    for c in range(clusters):
        below[c], chosen[c] = -1.0, -1  # -1: no descendants
    for c in range(clusters - 1, -1, -1):
        # Written so that an undefined (NaN) stability, born and ended at one place, keeps the parent.
        if not below[c] > stability[c] and (c or single):
            chosen[c] = c
        else:
            stability[c] = below[c]
        if c:
            below[parent[c]] = max(below[parent[c]], 0.0) + stability[c]
    for c in range(1, clusters):
        if chosen[parent[c]] >= 0:
            chosen[c] = chosen[parent[c]]


@njit(nogil=True, cache=True)
def label(n, clusters, alive, fallen, tree, chosen, number, labels, probabilities, persistence):
    """Give the points the numbers of the selected clusters, and return how many those are.

    ``persistence[:found]`` gets stability per point relative to the largest density of the sample.
    """
    stability, densest = tree[1], tree[2]
    found = 0
    greatest = 0.0
    for c in range(clusters):
        number[c] = -1
        greatest = max(greatest, densest[c])
        if chosen[c] == c:
            number[c] = found
            persistence[found] = 0.0
            found += 1
    for point in range(n):
        c = chosen[alive[point]]
        # Only the densest core of a single structureless cloud counts as its cluster.
        if c < 0 or (c == 0 and fallen[point] < densest[0]):
            labels[point], probabilities[point] = -1, 0.0
            continue
        labels[point] = number[c]
        persistence[number[c]] += 1.0
        if densest[c] == 0.0 or fallen[point] == np.inf:
            probabilities[point] = 1.0
        else:
            probabilities[point] = min(fallen[point], densest[c]) / densest[c]
    for c in range(clusters):
        if chosen[c] == c:
            members = persistence[number[c]]
            defined = members > 0.0 and 0.0 < greatest < np.inf
            persistence[number[c]] = stability[c] / (members * greatest) if defined else 1.0
    return found
