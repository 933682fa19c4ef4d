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

PLATES = """
    const double h = p[0], wx = p[1], wy = p[2], above = h - z, below = h + z;
    if (!(fabs(z) < h)) return 0.0;
    const double a0 = fmax((-wx - x) / above, (x - wx) / below);
    const double a1 = fmin((wx - x) / above, (x + wx) / below);
    const double b0 = fmax((-wy - y) / above, (y - wy) / below);
    const double b1 = fmin((wy - y) / above, (y + wy) / below);
    if (!(a0 < a1 && b0 < b1)) return 0.0;
    const auto corner = [](double a, double b) { return atan(a * b / sqrt(1.0 + a * a + b * b)); };
    const double solid = corner(a1, b1) - corner(a0, b1) + (corner(a0, b0) - corner(a1, b0));
    return solid / (2.0 * 3.14159265358979323846);
"""

RING = """
    const double missing = p[0] * p[0] - x * x - y * y, half = p[1];
    if (!(missing > 0.0 && fabs(z) < half)) return 0.0;
    double total = 0.0;
    for (int k = 0; k < 64; ++k) {
        const double turn = 3.14159265358979323846 * (k + 0.5) / 64.0;
        const double along = x * cos(turn) + y * sin(turn);
        const double reach = sqrt(along * along + missing);
        const double ahead = reach - along, behind = reach + along;
        const double high = fmin((half - z) / ahead, (half + z) / behind);
        const double low = fmax((-half - z) / ahead, (z - half) / behind);
        total += high / sqrt(1.0 + high * high) - low / sqrt(1.0 + low * low);
    }
    return total / 128.0;
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
