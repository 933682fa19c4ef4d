"""Geometric efficiencies by tracing photons, and that of a ring by adding up directions."""

from __future__ import annotations

import itertools

import numpy as np


def isotropic(count, rng):
    """Directions that are equally likely."""
    directions = rng.normal(size=(count, 3))
    return directions / np.linalg.norm(directions, axis=1)[:, None]


def meets_rectangle(point, directions, z, xlim, ylim):
    """Whether each photon meets a rectangle across z."""
    with np.errstate(divide="ignore", invalid="ignore"):
        ahead = (z - point[2]) / directions[:, 2]
        x, y = (point[axis] + ahead * directions[:, axis] for axis in range(2))
        return (ahead > 0) & (xlim[0] <= x) & (x <= xlim[1]) & (ylim[0] <= y) & (y <= ylim[1])


def meets_cylinder(point, directions, radius, zlim):
    """Whether each photon from inside a cylinder around z meets it between two limits."""
    across = directions[:, 0] ** 2 + directions[:, 1] ** 2
    along = directions[:, :2] @ point[:2]
    rest = radius**2 - point[0] ** 2 - point[1] ** 2
    ahead = (np.sqrt(along**2 + across * rest) - along) / across
    z = point[2] + ahead * directions[:, 2]
    return (zlim[0] <= z) & (z <= zlim[1])


def ring(r, below, above, radius, parts=24):
    """Efficiency of a cylinder at the distance r from its axis, by Gauss-Legendre integration.

    The integrand is analytic but for one change of the limit that counts. Close to the wall it changes
    quickly around a quarter of a turn, so its neighbourhood is spread out by a hyperbolic sine.
    """
    rest = (radius - r) * (radius + r)
    width = np.sqrt(rest) / r if r > 0 else 1.0
    end = np.arcsinh(np.pi / 2 / width)
    marks = [-end, 0.0, end]
    change = np.sqrt(rest * above / below)  # distance ahead at which both limits are met together
    cosine = (rest - change**2) / (2 * r * change) if r > 0 else 2.0
    if abs(cosine) < 1:
        marks.insert(1, -np.arcsinh(np.arcsin(cosine) / width))
    marks = sorted(marks)
    edges = np.unique(
        np.concatenate([np.linspace(a, b, parts + 1) for a, b in itertools.pairwise(marks)])
    )
    nodes, weights = np.polynomial.legendre.leggauss(30)
    half = np.diff(edges)[:, None] / 2
    places = (edges[:-1, None] + half) + half * nodes
    along = -r * np.sin(width * np.sinh(places))  # r cos(phi)
    long = np.sqrt(rest + along**2) + abs(along)
    ahead = np.where(along > 0, rest / long, long)
    behind = np.where(along > 0, long, rest / long)
    values = np.minimum(above / np.hypot(above, ahead), below / np.hypot(below, behind))
    return float((values * width * np.cosh(places) * half * weights).sum() / np.pi)
