"""Plain reference of the objective made from held out lines: one line at a time."""

from __future__ import annotations

import numpy as np
from scipy.optimize import minimize


def held_out_objective(lines: np.ndarray, rows: np.ndarray) -> float:
    """Minus the mean log density of a fifth of the middle lines over that of the background.

    The parameters of the mixture are fitted by a general optimiser.
    """
    held_out = lines[len(lines) // 4 : len(lines) - len(lines) // 4 : 5]
    ends = np.concatenate([held_out[:, 1:4], held_out[:, 4:7]])
    breadth = ends.var(axis=0).mean()
    distances = [_distances(line, rows) for line in held_out]

    def objective(parameters: np.ndarray) -> float:
        share, variance = 1 / (1 + np.exp(-parameters[0])), np.exp(parameters[1])
        logs = []
        for found in distances:
            if not found:
                logs.append(0.0)
                continue
            near = np.mean(np.exp(-np.square(found) / (2 * variance))) * breadth / variance
            logs.append(np.log(share * near + 1 - share))
        return -float(np.mean(logs))

    options = {"xatol": 1e-8, "fatol": 1e-12, "maxfev": 2_000}
    starts = [np.array([1.0, np.log(breadth / scale)]) for scale in (10, 1_000)]
    found = [minimize(objective, x, method="Nelder-Mead", options=options) for x in starts]
    return float(min(result.fun for result in found))


def _distances(line: np.ndarray, rows: np.ndarray) -> list[float]:
    """Distances of a line from every trajectory that runs at its time."""
    found = []
    for label in np.unique(rows[rows[:, 4] >= 0, 4]):
        track = rows[(rows[:, 4] == label) & np.isfinite(rows).all(axis=1)]
        track = track[np.argsort(track[:, 0])]
        if not track[0, 0] < line[0] <= track[-1, 0]:
            continue
        position = np.array([np.interp(line[0], track[:, 0], track[:, i]) for i in (1, 2, 3)])
        along = (line[4:7] - line[1:4]) / np.linalg.norm(line[4:7] - line[1:4])
        offset = position - line[1:4]
        found.append(float(np.linalg.norm(offset - (offset @ along) * along)))
    return found
