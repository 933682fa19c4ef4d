"""Which of two grid planes a line crosses first, decided exactly, on the CPU.

A line P + T (Q - P) crosses a plane of an axis at T = (edge - P) / (Q - P). Comparing two such
crossings is finding the sign of a polynomial in the coordinates, which is evaluated in floating point,
where that does not decide with twice the digits, and where that does not either as an exact sum of
products (J. R. Shewchuk, *Adaptive precision floating-point arithmetic and fast robust geometric
predicates*, Discrete Comput. Geom. 18, 305, 1997). It is exact unless the coordinates of an axis differ
by more than some 300 orders of magnitude.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from gpupept.kernels.traverse.compiled import compiled

_SPLITTER = 134217729.0  # 2^27 + 1
_ERROR = 16.0 * 2.0**-53  # of the difference of two crossings, relative to the larger
_ERROR_OF_PAIRS = 2.0**-98  # of the difference of two products, relative to the larger
_LARGE = 2.0**300  # numbers whose products are well within range
_TERMS = 16

# Rows of the array `line`: the two points, Q - P and its reciprocal; the point (high and low part)
# where the line enters the grid, the same in cells, Q - P in cells, and how far (in cells) a place on
# the line may be wrong.
P, Q, V, R, HIGH, LOW, ORIGIN, SPEED, DOUBT = range(9)
# Columns of the array `axes`, one row per axis: first and last edge, size of a cell and its
# reciprocal, and by how much (in cells) a place found in floating point may be wrong.
FIRST, LAST, SIZE, PER_SIZE, SLACK = range(5)


class Grid(NamedTuple):
    """The whole grid, with three axes.

    Attributes
    ----------
    axes : (3, 5) float64
        What is said of its columns above.
    edges : (E,) float64
        Edges of the cells along the three axes, one axis after the other.
    begins, counts : (3,) int64
        Where the edges of an axis begin, and how many cells it has.
    """

    axes: np.ndarray
    edges: np.ndarray
    begins: np.ndarray
    counts: np.ndarray


@compiled
def two_sum(a, b):
    """Return a + b and its rounding error."""
    high = a + b
    back = high - a
    return high, (a - (high - back)) + (b - back)


@compiled
def two_product(a, b):
    """Return a b and its rounding error."""
    high = a * b
    split = _SPLITTER * a
    a_high = split - (split - a)
    a_low = a - a_high
    split = _SPLITTER * b
    b_high = split - (split - b)
    b_low = b - b_high
    low = a_low * b_low - (((high - a_high * b_high) - a_low * b_high) - a_high * b_low)
    return high, low


@compiled
def _put_products(terms, place, a, b, sign):
    """Write (a_high + a_low) (b_high + b_low) as eight numbers with that sum."""
    for x in a:
        for y in b:
            high, low = two_product(x, y)
            terms[place] = sign * high
            terms[place + 1] = sign * low
            place += 2


@compiled
def _sign_of_sum(terms):
    """Sign of the exact sum; `terms` is overwritten."""
    for count in range(1, _TERMS):
        rest = terms[count]
        for i in range(count):
            rest, terms[i] = two_sum(rest, terms[i])
        terms[count] = rest
    for i in range(_TERMS - 1, -1, -1):
        if terms[i] != 0.0:
            return 1 if terms[i] > 0.0 else -1
    return 0


@compiled
def _scale(largest):
    """Power of two that brings a number into range; 1 for nearly all."""
    if 1.0 / _LARGE < largest < _LARGE or largest == 0.0:
        return 1.0
    return math.ldexp(1.0, -min(max(math.frexp(largest)[1], -1000), 1000))


@compiled
def _differences(line, edge, d):
    """How far (exactly) a plane and the end of the line are from its start, along the line.

    Both are multiplied by the same power of two where products would be out of range.
    """
    start, end = line[P, d], line[Q, d]
    scale = min(_scale(max(abs(start), abs(end))), 1.0)
    if end < start:
        scale = -scale
    near, whole = two_sum(edge * scale, -start * scale), two_sum(end * scale, -start * scale)
    scale = _scale(max(abs(near[0]), whole[0]))
    return (near[0] * scale, near[1] * scale), (whole[0] * scale, whole[1] * scale)


@compiled
def _multiply_pairs(a, b):
    high, low = two_product(a[0], b[0])
    return high, low + (a[0] * b[1] + a[1] * b[0])


@compiled
def _compare_exactly(line, terms, d, edge, a, other_edge):
    near, whole = _differences(line, edge, d)
    other_near, other_whole = _differences(line, other_edge, a)
    first, second = _multiply_pairs(near, other_whole), _multiply_pairs(other_near, whole)
    apart = (first[0] - second[0]) + (first[1] - second[1])
    if abs(apart) > _ERROR_OF_PAIRS * max(abs(first[0]), abs(second[0])):
        return 1 if apart > 0.0 else -1
    _put_products(terms, 0, near, other_whole, 1.0)
    _put_products(terms, 8, other_near, whole, -1.0)
    return _sign_of_sum(terms)


@compiled
def compare_crossings(line, terms, d, edge, a, other_edge):
    """Sign of T of a plane of axis `d` less T of a plane of axis `a`; the line must cross both."""
    first = (edge - line[P, d]) * line[R, d]
    second = (other_edge - line[P, a]) * line[R, a]
    apart = first - second
    if abs(apart) > _ERROR * max(abs(first), abs(second)):
        return 1 if apart > 0.0 else -1
    return _compare_exactly(line, terms, d, edge, a, other_edge)
