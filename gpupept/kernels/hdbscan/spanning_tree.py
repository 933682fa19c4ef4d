"""Minimum spanning tree of mutual reachability by Prim's algorithm, in squared distances.

Starts at point 0; of equal keys the point of smallest index joins next, and a point keeps the first
neighbour that offered its smallest key. So the tree is one and the same on every device and in every
batch. Each step is several plain loops over close-packed arrays, because the compiler vectorises those
and not one clever loop; smallest keys are sought among bit patterns read as integers, which order alike
and compare faster.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from gpupept.kernels.hdbscan.core_distances import INFINITE_BITS

SCAN = 64


@njit(nogil=True, cache=True)
def _reachability(x, y, z, core, n, cx, cy, cz, cc, weight):
    for j in range(n):
        dx = x[j] - cx
        dy = y[j] - cy
        dz = z[j] - cz
        squared = dx * dx + dy * dy + dz * dz
        farthest = core[j] if core[j] > squared else squared
        weight[j] = farthest if farthest > cc else cc


@njit(nogil=True, cache=True)
def _offer(weight, key, parent, n, current):
    """Let every point take the edge to `current` where it is shorter than the best so far."""
    for j in range(n):
        better = weight[j] < key[j]
        key[j] = weight[j] if better else key[j]
        parent[j] = current if better else parent[j]


@njit(nogil=True, cache=True)
def _first_smallest(key_bits, n):
    smallest = INFINITE_BITS
    for j in range(n):
        smallest = key_bits[j] if key_bits[j] < smallest else smallest
    for start in range(0, n, SCAN):
        hits = 0
        for j in range(start, min(start + SCAN, n)):
            hits += key_bits[j] == smallest
        if hits:
            for j in range(start, n):
                if key_bits[j] == smallest:
                    return j
    return 0


@njit(nogil=True, cache=True)
def _drop_joined(x, y, z, core, key, parent, index, n):
    """Close the gaps left by points that joined the tree, keeping the order."""
    kept = 0
    for j in range(n):
        x[kept], y[kept], z[kept] = x[j], y[j], z[j]
        core[kept], key[kept] = core[j], key[j]
        parent[kept], index[kept] = parent[j], index[j]
        kept += core[j] < np.inf
    return kept


@njit(nogil=True, cache=True)
def spanning_tree(xyz, core, n, key, weight, parent, index, edges, weights):
    """Fill edges[:n-1] with point pairs and weights[:n-1] with squared mutual reachability.

    `xyz` (3, >= n) and `core` (squared core distances) are used up: points that joined get an infinite
    core distance and are dropped in bulk. `key`, `weight`, `parent` and `index` are scratch. Edges
    stand in the order in which they join the tree.
    """
    x, y, z, key_bits = xyz[0], xyz[1], xyz[2], key.view(np.int64)
    for j in range(n):
        key[j], parent[j], index[j] = np.inf, 0, j
    left, joined, position = n, 0, 0
    for edge in range(n):
        cx, cy, cz, cc = x[position], y[position], z[position], core[position]
        current = index[position]
        if edge:
            edges[edge - 1, 0], edges[edge - 1, 1] = parent[position], current
            weights[edge - 1] = key[position]
        core[position] = key[position] = np.inf
        joined += 1
        if joined * 8 > left:
            left = _drop_joined(x, y, z, core, key, parent, index, left)
            joined = 0
        _reachability(x, y, z, core, left, cx, cy, cz, cc, weight)
        _offer(weight, key, parent, left, current)
        position = _first_smallest(key_bits, left)
