"""The functions of the golden vectors, for arrays of either device."""

from __future__ import annotations

import numpy as np


def _stack(a, b):
    from gpupept.backend import array_namespace

    return array_namespace(a).stack([a, b], axis=1)


def gauss(p):
    return np.exp(-((p[:, 0] - 0.3) ** 2 + (p[:, 1] + 0.2) ** 2) / (2 * 0.7**2))


def sersic(p):
    r = np.sqrt((p[:, 0] - 0.11) ** 2 + (p[:, 1] - 0.07) ** 2 + 1e-12)
    return np.exp(-7.67 * ((r / 1.5) ** 0.25 - 1))


def disc(p):
    return 1.0 * ((p[:, 0] - 0.2) ** 2 + (p[:, 1] + 0.4) ** 2 <= 1.7**2)


def signed(p):
    return np.sin(3 * p[:, 1]) * np.cos(2 * p[:, 0])


def iso(p):
    y, x = p[:, 0] - 0.13, p[:, 1] + 0.21
    r = np.sqrt(y**2 + x**2 + 0.01)
    return _stack(1.2 * y / r, 1.2 * x / r)


def gradgauss(p):
    e = np.exp(-(p[:, 0] ** 2 + p[:, 1] ** 2) / 2)
    return _stack(-p[:, 0] * e + 0.5, -p[:, 1] * e + 0.7)


def ycomp_zero(p):
    return _stack(0.0 * p[:, 0], np.exp(-(p[:, 0] ** 2 + p[:, 1] ** 2)))


def plates(p, h=6.0, w=3.0):
    y, x = p[:, 0], p[:, 1]
    low = np.maximum((-w - x) / (h - y), (x - w) / (h + y))
    high = np.minimum((w - x) / (h - y), (x + w) / (h + y))
    return np.maximum(0.0, np.arctan(high) - np.arctan(low)) / np.pi


def plates3(p, h=30.0, wx=20.0, wy=15.0):
    ends = []
    for w, a in ((wx, p[:, 0]), (wy, p[:, 1])):
        below, above = h + p[:, 2], h - p[:, 2]
        ends.append(np.maximum((-w - a) / above, (a - w) / below))
        ends.append(np.minimum((w - a) / above, (a + w) / below))
    a0, a1, b0, b1 = ends
    corner = lambda a, b: np.arctan(a * b / np.sqrt(1 + a**2 + b**2))  # noqa: E731
    solid = corner(a1, b1) - corner(a0, b1) - corner(a1, b0) + corner(a0, b0)
    return solid * (a1 > a0) * (b1 > b0) / (2 * np.pi)


def gauss3(p):
    shifts = (p[:, 0] - 1) ** 2 + (p[:, 1] + 2) ** 2 + (p[:, 2] - 0.5) ** 2
    return np.exp(-shifts / (2 * 4.0**2))


def ball(p):
    return 1.0 * ((p[:, 0] - 3) ** 2 + (p[:, 1] - 1) ** 2 + (p[:, 2] + 2) ** 2 <= 64.0)


def edge_ring(p):
    r = np.hypot(p[:, 0], p[:, 1])
    return np.exp(-r) * (r > 0.8) + 1.0 * (r <= 0.05)


def edge_spots(p):
    y, x = p[:, 0], p[:, 1]
    r = np.hypot(y, x)
    spots = (abs(abs(y) - 0.25) < 0.02) & (abs(abs(x) - 0.25) < 0.02)
    return np.exp(-r) * (r > 0.8) + 7.0 * (r <= 0.05) + 1.0 * spots


def speck(p):
    return 1.0 * (np.hypot(p[:, 0] - 0.27, p[:, 1] - 0.23) < 0.12)


PLANE = {
    "gauss": gauss,
    "sersic": sersic,
    "disc": disc,
    "plates": plates,
    "signed": signed,
    "linear_pos": lambda p: 20 + 3 * p[:, 0] - 2 * p[:, 1],
    "zero": lambda p: 0.0 * p[:, 0],
    "const": lambda p: 0.0 * p[:, 0] + 2.5,
    "iso": iso,
    "gradgauss": gradgauss,
    "identity": lambda p: p,
    "ycomp_zero": ycomp_zero,
    "zerov": lambda p: 0.0 * p,
}
SPACE = {"gauss3": gauss3, "ball": ball, "plates3": plates3}
