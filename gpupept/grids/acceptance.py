"""When the means over two finer and finer sub-grids agree, so that a cell needs no finer one."""

from __future__ import annotations

from typing import Any

import numpy as np

from gpupept.backend import array_namespace
from gpupept.kernels import Array

RULES = ("ratio", "symmetric")
ZERO_RULES = ("refine", "accept")


def accepted(
    lower: Array,
    upper: Array,
    fractional_accuracy: float | None,
    absolute_accuracy: float | None,
    rule: str = "ratio",
    zero_rule: str = "refine",
) -> Array:
    """Tell which cells agree.

    Parameters
    ----------
    lower, upper : (n,) or (n, c) float64
        Means over the coarser and the finer sub-grid; of vectors the worst component counts.
    fractional_accuracy : float or None
        Least ratio of the smaller to the larger; None for any.
    absolute_accuracy : float or None
        Largest difference; None for any.
    rule : {"ratio", "symmetric"}
        With ``"ratio"`` numbers that are not positive never agree and vectors are compared by
        ``lower / upper``, one where `upper` is zero; ``"symmetric"`` treats negative numbers like positive
        ones.
    zero_rule : {"refine", "accept"}
        Whether two zeros agree under ``"ratio"``.

    Returns
    -------
    (n,) bool array
        False where the finer mean is not finite.
    """
    xp = array_namespace(lower, upper)
    agree = xp.isfinite(upper)
    with np.errstate(all="ignore"):
        if fractional_accuracy is not None:
            ratios = _ratios(xp, lower, upper, rule)
            if zero_rule == "accept":
                ratios = xp.where((lower == 0.0) & (upper == 0.0), 1.0, ratios)
            agree &= ratios >= fractional_accuracy
        if absolute_accuracy is not None:
            agree &= abs(lower - upper) <= absolute_accuracy
    return agree if agree.ndim == 1 else agree.all(axis=1)


def _ratios(xp: Any, lower: Array, upper: Array, rule: str) -> Array:
    """Ratio of the smaller to the larger, or less than any accuracy where they cannot be compared."""
    if rule == "symmetric":
        sizes = abs(lower), abs(upper)
        small, large = xp.minimum(*sizes), xp.maximum(*sizes)
        found = xp.where(xp.sign(lower) * xp.sign(upper) > 0, small / large, 0.0)
        return xp.where((lower == 0.0) & (upper == 0.0), 1.0, found)
    quotient = lower / xp.where(upper == 0.0, 1.0, upper)
    if lower.ndim == 1:
        found = xp.where((lower > 0.0) & (upper != 0.0), quotient, 0.0)
    else:
        found = xp.where(upper == 0.0, 1.0, quotient)
    return xp.where(found > 1.0, 1.0 / xp.where(found == 0.0, 1.0, found), found)
