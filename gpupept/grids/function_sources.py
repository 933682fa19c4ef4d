"""CUDA source of the functions of `gpupept.grids.functions`: the bodies of functions of one point.

Coordinates are ``y, x`` or ``x, y, z``, parameters ``p[0]``, ``p[1]``, ... in the order of `PointFunction`.
"""

from __future__ import annotations

PLATES_2D = """
    const double h = p[0], w = p[1];
    if (!(fabs(y) < h)) return 0.0;
    const double low = fmax((-w - x) / (h - y), (x - w) / (h + y));
    const double high = fmin((w - x) / (h - y), (x + w) / (h + y));
    return fmax(0.0, atan(high) - atan(low)) / 3.14159265358979323846;
"""

BALL = """
    const double a = x - p[1], b = y - p[2], c = z - p[3];
    return a * a + b * b + c * c <= p[0] * p[0] ? 1.0 : 0.0;
"""

RESPONSE = """
    const double sigma = p[0], tof = p[1], along = x * p[2] + y * p[3] + z * p[4];
    const double across = x * x + y * y + z * z - along * along;
    const double exponent = across / (2.0 * sigma * sigma) + along * along / (2.0 * tof * tof);
    return exp(-exponent) / (15.749609945722419 * sigma * sigma * tof);
"""
