"""Minimum spanning tree of mutual reachability by Prim's algorithm, in squared distances.

Starts at point 0; of equal keys the point of smallest index joins next, and a point keeps the first
neighbour that offered its smallest key. So the tree is one and the same on every device and in every
batch. Each step is two plain loops over close-packed arrays, which the compiler vectorises; smallest keys
are sought among bit patterns read as integers, which order alike and compare faster.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from gpupept.kernels.hdbscan.core_distances import INFINITE_BITS


@njit(nogil=True, cache=True)
def _offer(x, y, z, core, key, parent, n, cx, cy, cz, cc, current):
    """Let every point take the edge to `current` where it is shorter than the best so far."""
    for j in range(n):
        dx = x[j] - cx
        dy = y[j] - cy
        dz = z[j] - cz
        squared = dx * dx + dy * dy + dz * dz
        farthest = core[j] if core[j] > squared else squared
        weight = farthest if farthest > cc else cc
        better = weight < key[j]
        key[j] = weight if better else key[j]
        parent[j] = current if better else parent[j]


@njit(nogil=True, cache=True)
def _first_smallest(key_bits, n):
    smallest = INFINITE_BITS
    for j in range(n):
        smallest = key_bits[j] if key_bits[j] < smallest else smallest
    first = n
    for j in range(n):
        position = j if key_bits[j] == smallest else n
        first = position if position < first else first
    return first


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
def spanning_tree(xyz, core, n, key, parent, index, edges, weights):
    """Fill edges[:n-1] with point pairs and weights[:n-1] with squared mutual reachability.

    `xyz` (3, >= n) and `core` (squared core distances) are used up: points that joined get an infinite
    core distance and are dropped in bulk. `key`, `parent` and `index` are scratch. Edges
    stand in the order in which they join the tree.
    """
    x, y, z, key_bits = xyz[0], xyz[1], xyz[2], key.view(np.int64)
    for j in range(n):
        key[j], parent[j], index[j] = np.inf, 0, j
    left, joined, position = n, 0, 0
    for edge in range(n):
        cx, cy, cz, cc = x[position], y[position], z[position], core[position]
        current = np.int32(index[position])
        if edge:
            edges[edge - 1, 0], edges[edge - 1, 1] = parent[position], current
            weights[edge - 1] = key[position]
        core[position] = key[position] = np.inf
        joined += 1
        if joined * 8 > left:
            left = _drop_joined(x, y, z, core, key, parent, index, left)
            joined = 0
        _offer(x, y, z, core, key, parent, left, cx, cy, cz, cc, current)
        position = _first_smallest(key_bits, left)
