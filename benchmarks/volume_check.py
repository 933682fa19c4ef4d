"""Count lines through sampled voxels of a volume in another way, and compare."""

from __future__ import annotations

import numpy as np

from gpupept.volumes import VolumeStore

_LINES = 4000  # that are followed at a time


def sample_voxels(lines: np.ndarray, store: VolumeStore, number: int, seed: int) -> np.ndarray:
    """Choose voxels: half of them anywhere, half where there are lines.

    Parameters
    ----------
    lines : (N, 7) float64 array
        The lines.
    store : VolumeStore
        The volume.
    number, seed : int
        How many, and of the random choice.

    Returns
    -------
    (number,) int64 array
        Positions in the flattened grid, ascending and each one once.
    """
    rng = np.random.default_rng(seed)
    chosen = np.empty(0, dtype=np.int64)
    cells = store.nbytes // store.dtype.itemsize
    while len(chosen) < min(number, cells // 4):
        anywhere = rng.integers(0, cells, number)
        some = lines[rng.integers(0, len(lines), number)]
        places = some[:, 1:4] + rng.random((number, 1)) * (some[:, 4:7] - some[:, 1:4])
        low, high = store.limits.T
        inside = places[((places > low) & (places < high)).all(axis=1)]
        at = ((inside - low) / store.voxel_size).astype(np.int64)
        on_lines = np.ravel_multi_index(np.minimum(at, np.array(store.shape) - 1).T, store.shape)
        mixed = np.concatenate([anywhere[: number // 2], on_lines[: number - number // 2]])
        chosen = np.union1d(chosen, mixed)
    return np.sort(rng.permutation(chosen)[:number])


def values_at(store: VolumeStore, positions: np.ndarray, memory: str) -> np.ndarray:
    """Read the values of some voxels in one pass over the volume."""
    found = np.empty(len(positions), dtype=store.dtype)
    layer = store.layer_bytes // store.dtype.itemsize
    for first, slab in store.slabs(memory):
        begin, end = np.searchsorted(positions, [first * layer, (first + len(slab)) * layer])
        found[begin:end] = slab.reshape(-1)[positions[begin:end] - first * layer]
    return found


def direct_counts(lines: np.ndarray, store: VolumeStore, positions: np.ndarray) -> np.ndarray:
    """Count the lines through voxels with the oracle of the tests.

    It shares no code with the kernels: all lines walk from voxel to voxel in floating point at once, and
    those for which that leaves a doubt again in rational numbers.

    Parameters
    ----------
    lines : (N, 7) float64 array
        The lines.
    store : VolumeStore
        Whose grid it is.
    positions : (K,) int64 array
        Voxels, ascending.

    Returns
    -------
    (K,) int64 array
        Lines through each.
    """
    from tests.oracle.traverse import cells_of_lines

    counts = np.zeros(len(positions), dtype=np.int64)
    for begin in range(0, len(lines), _LINES):
        some = lines[begin : begin + _LINES]
        _, cells = cells_of_lines(some[:, 1:4], some[:, 4:7], store.grids)
        places = np.minimum(np.searchsorted(positions, cells), len(positions) - 1)
        hits = places[positions[places] == cells]
        counts += np.bincount(hits, minlength=len(positions))
    return counts
