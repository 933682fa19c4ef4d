"""Grids, and lines that are hard to follow through them."""

from __future__ import annotations

import numpy as np

GRIDS = {
    "unit": [np.arange(7.0), np.arange(6.0), np.arange(5.0)],
    "decimal": [np.linspace(-0.3, 1.7, 11), np.linspace(0.1, 2.2, 8), np.linspace(7, 7.7, 8)],
    "far": [
        np.linspace(1e3, 1e3 + 1, 9),
        np.linspace(-1e5, -1e5 + 3, 5),
        np.linspace(0, 1e-3, 6),
    ],
    "single": [np.array([0.0, 1.0]), np.array([0.0, 1.0]), np.arange(9.0) * 0.1],
    "plane": [np.linspace(-1, 1.3, 8), np.arange(9.0)],
}


class Families:
    """Lines by the way in which they are hard; each method gives two (count, D) arrays of ends."""

    NAMES = (
        "inside",
        "around",
        "through_corners",
        "between_corners",
        "through_two_corners",
        "along_faces",
        "parallel_to_axes",
        "near_corners",
        "through_points_near_corners",
        "from_afar",
        "of_any_slope",
        "rounded",
        "huge",
    )

    def __init__(self, edges, seed, count):
        self.rng = np.random.default_rng(seed)
        self.edges, self.count = edges, count
        self.shape = (count, len(edges))
        self.low = np.array([axis[0] for axis in edges])
        self.size = np.array([axis[-1] for axis in edges]) - self.low

    def anywhere(self, margin=0.0):
        return (
            self.low
            - margin * self.size
            + (1 + 2 * margin) * self.size * self.rng.random(self.shape)
        )

    def corner(self):
        return np.stack([self.rng.choice(axis, self.count) for axis in self.edges], axis=1)

    def chance(self, share):
        return self.rng.random(self.shape) < share

    def inside(self):
        return self.anywhere(), self.anywhere()

    def around(self):
        return self.anywhere(1.0), self.anywhere(1.0)

    def through_corners(self):
        corner, along = self.corner(), self.rng.normal(size=self.shape) * self.size
        before, after = self.rng.random((2, self.count, 1))
        return corner - before * along, corner + after * along

    def between_corners(self):
        return self.corner(), self.corner()

    def through_two_corners(self):
        a, b = self.corner(), self.corner()
        times = self.rng.integers(0, 3, (2, self.count, 1))
        return a + (a - b) * times[0], b + (b - a) * times[1]

    def along_faces(self):
        p, q, corner, on = self.anywhere(0.3), self.anywhere(0.3), self.corner(), self.chance(0.4)
        return np.where(on, corner, p), np.where(on & self.chance(0.7), corner, q)

    def parallel_to_axes(self):
        p = self.anywhere(0.5)
        return p, np.where(self.chance(0.6), p, self.anywhere(0.5))

    def near_corners(self):
        moved = self.rng.choice([-1e-9, 0.0, 1e-9], (2, *self.shape))
        return self.corner() + moved[0], self.corner() + moved[1]

    def through_points_near_corners(self):
        a, b = self.near_corners()
        return a + (a - b), b + (b - a)

    def from_afar(self):
        p = self.anywhere(1e4)
        return p, self.anywhere() + (self.anywhere() - p) * self.rng.choice([0.0, 0.5, 1.0])

    def of_any_slope(self):
        p = self.anywhere(0.2)
        slopes = [1e-12, 1e-300, 1.0, -1.0, -1e-12, 0.0]
        return p, p + self.size * self.rng.choice(slopes, self.shape)

    def rounded(self):
        digits = int(self.rng.integers(0, 2))
        return np.round(self.anywhere(0.5), digits), np.round(self.anywhere(0.5), digits)

    def huge(self):
        scale = 10.0 ** self.rng.integers(-5, 300, (self.count, 1))
        p = self.rng.normal(size=self.shape) * scale
        return p, self.anywhere() - p * self.rng.random((self.count, 1))


def table(starts, ends):
    """Rows with a time and both ends."""
    return np.hstack([np.zeros((len(starts), 1)), starts, ends])
