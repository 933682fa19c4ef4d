"""Statistics of an image from their definitions, in exact arithmetic where numbers are finite."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np


def elements(array, mask=None):
    """The elements that count, as Python numbers, and the number of NaN."""
    chosen = array.ravel() if mask is None else array[~mask]
    numbers = [int(x) if chosen.dtype.kind in "bui" else float(x) for x in chosen]
    valid = [x for x in numbers if x == x]
    return valid, len(numbers) - len(valid)


def _exact(numerator, denominator):
    return float(numerator / denominator)


def statistics(array, mask=None, omit=False):
    """The eight numbers by name; NaN where not defined."""
    names = ("mean", "median", "variance", "standarddev", "skewness", "kurtosis")
    valid, nans = elements(array, mask)
    if not valid or (nans and not omit):
        return dict.fromkeys((*names, "minimum", "maximum"), math.nan)
    ordered = sorted(valid)
    n, low, high = len(valid), ordered[0], ordered[-1]
    a, b = ordered[(n - 1) // 2], ordered[n // 2]
    found = dict.fromkeys(names, math.nan) | {"minimum": low, "maximum": high}
    if math.isinf(low) or math.isinf(high):
        found["mean"] = low + high
        found["median"] = float(a) if a == b else a / 2 + b / 2
        return found
    found["median"] = _exact(Fraction(a) + Fraction(b), 2)
    numbers = [Fraction(x) for x in valid]
    mean = sum(numbers) / n
    second, third, fourth = (sum((x - mean) ** k for x in numbers) / n for k in (2, 3, 4))
    found["mean"] = float(mean)
    found["variance"] = _capped(second)
    found["standarddev"] = _root(second)
    if second:
        scale = Fraction(_root(second))
        if scale:
            found["skewness"] = float(third / scale**3)
            found["kurtosis"] = float(fourth / second**2) - 3.0
    return found


def _capped(number):
    try:
        return float(number)
    except OverflowError:
        return math.inf


def _root(square):
    """Square root of a fraction that may be out of the range of floats."""
    if square == 0:
        return 0.0
    halves = (square.numerator.bit_length() - square.denominator.bit_length()) // 2
    return math.ldexp(math.sqrt(square / Fraction(4) ** halves), halves)


def histogram(array, edges, mask=None):
    """Counts of half-open bins, the last closed."""
    valid, _ = elements(array, mask)
    counts = [0] * (len(edges) - 1)
    for x in valid:
        if not edges[0] <= x <= edges[-1]:
            continue
        k = int(np.searchsorted(edges, float(x), side="right")) - 1
        counts[min(k, len(counts) - 1)] += 1
    return counts
