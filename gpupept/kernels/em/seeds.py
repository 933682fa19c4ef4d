"""Places that many lines pass, on the CPU."""

from __future__ import annotations

import numpy as np
from numba import njit

from gpupept.kernels.em import CANDIDATES, SEED_LINES
from gpupept.kernels.em.frames import LOADED
from gpupept.kernels.triangulation.samples import QX, QY, QZ, USABLE, UX, UY, UZ, load_lines

PARALLEL = 1e-12  # squared sine of the angle between two lines up to which they are parallel


@njit(nogil=True, cache=True)
def seeds_of_frames(begin, end, lines, frames, draws, taken, reach, seeds):
    """Fill rows ``begin .. end - 1`` of the result of `gpupept.kernels.em.seed_components`."""
    places = np.empty((CANDIDATES, 3))
    for f in range(begin, end):
        rows = lines[frames[f, 0] : frames[f, 1]]
        loaded = np.empty((LOADED, len(rows)))
        load_lines(rows, loaded)
        found = _candidates(loaded, draws, reach, places)
        stride = 1 + (len(rows) - 1) // SEED_LINES if len(rows) else 1
        used = np.ascontiguousarray(loaded[:, ::stride])
        for t in range(taken.shape[1]):
            _use_up(used, taken[f, t], reach)
        for k in range(seeds.shape[1]):
            best, score = 0, 0.0
            for c in range(found):
                value = _score(used, places[c], reach)
                if value > score:
                    best, score = c, value
            seeds[f, k, :] = 0.0
            if score > 0.0:
                seeds[f, k, :3] = places[best]
                seeds[f, k, 3] = score * stride
                _use_up(used, places[best], reach)


@njit(nogil=True, cache=True, error_model="numpy")
def _candidates(loaded, draws, reach, places):
    """Fill places half-way between lines that pass near each other; their number."""
    found, size = 0, loaded.shape[1]
    for p in range(len(draws)):
        i, j = int(draws[p, 0] * size), int(draws[p, 1] * size)
        if found == len(places) or not size:
            break
        if loaded[USABLE, i] * loaded[USABLE, j] == 0.0:
            continue
        u, v = loaded[UX : UZ + 1, i], loaded[UX : UZ + 1, j]
        x = loaded[QX, j] - loaded[QX, i]
        y = loaded[QY, j] - loaded[QY, i]
        z = loaded[QZ, j] - loaded[QZ, i]
        cosine = u[0] * v[0] + u[1] * v[1] + u[2] * v[2]
        square = 1.0 - cosine * cosine
        if not square > PARALLEL:
            continue
        d, e = u[0] * x + u[1] * y + u[2] * z, v[0] * x + v[1] * y + v[2] * z
        a, b = (d - cosine * e) / square, (cosine * d - e) / square
        gap = 0.0
        for axis in range(3):
            one = loaded[QX + axis, i] + a * u[axis]
            other = loaded[QX + axis, j] + b * v[axis]
            gap += (one - other) * (one - other)
            places[found, axis] = 0.5 * (one + other)
        found += gap <= reach * reach
    return found


@njit(nogil=True, cache=True, error_model="numpy", fastmath={"reassoc", "nsz"})
def _score(used, place, reach):
    ux, uy, uz, shares = used[UX], used[UY], used[UZ], used[USABLE]
    qx, qy, qz = used[QX], used[QY], used[QZ]
    px, py, pz, rate = place[0], place[1], place[2], 1.0 / (reach * reach)
    total = 0.0
    for i in range(len(shares)):
        x, y, z = px - qx[i], py - qy[i], pz - qz[i]
        a, b, c = y * uz[i] - z * uy[i], z * ux[i] - x * uz[i], x * uy[i] - y * ux[i]
        near = max(1.0 - (a * a + b * b + c * c) * rate, 0.0)
        total += shares[i] * near * near
    return total


@njit(nogil=True, cache=True, error_model="numpy")
def _use_up(used, place, reach):
    """Leave the share of the lines that a place found does not explain."""
    if np.isnan(place[0]):
        return
    for i in range(used.shape[1]):
        x, y, z = place[0] - used[QX, i], place[1] - used[QY, i], place[2] - used[QZ, i]
        a = y * used[UZ, i] - z * used[UY, i]
        b = z * used[UX, i] - x * used[UZ, i]
        c = x * used[UY, i] - y * used[UX, i]
        used[USABLE, i] *= min(1.0, (a * a + b * b + c * c) / (reach * reach))
