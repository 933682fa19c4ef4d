"""How finely a function is sampled in each cell."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any, Self

import numpy as np

from gpupept.backend import to_device, to_host
from gpupept.base import PEPTObject
from gpupept.grids.acceptance import RULES, ZERO_RULES, accepted
from gpupept.grids.checks import LARGEST_SUB_SIZE, check_sub_size
from gpupept.grids.evaluation import PointEvaluator
from gpupept.grids.iteration import Averages, average, iterate
from gpupept.kernels import Array

NAN_POLICIES = ("propagate", "raise")


class OverSamplingUniform(PEPTObject):
    """The same sub-grid in every cell, or a given one in each.

    Parameters
    ----------
    sub_size : int or (N,) array_like of int
        Sub-cells along each side, of all cells or of each in slim order.

    Raises
    ------
    ValueError
        If a size is not a whole number of at least 1.

    Examples
    --------
    >>> from gpupept.grids import Grid2D, Mask2D, OverSamplingUniform
    >>> mask = Mask2D.unmasked((1, 2), pixel_scales=1.0)
    >>> grid = Grid2D.from_mask(mask, over_sampling=OverSamplingUniform([1, 2]))
    >>> grid.result_from(lambda points: points[:, 1] ** 2).array.tolist()
    [0.25, 0.3125]
    """

    sub_size: int | np.ndarray

    def __init__(self, sub_size: Any) -> None:
        sizes = to_host(sub_size)
        if sizes.ndim == 0:
            self.sub_size = check_sub_size(sizes.item())
            return
        wrong = sizes.ndim != 1 or sizes.dtype.kind not in "iu"
        if wrong or (sizes < 1).any() or (sizes > LARGEST_SUB_SIZE).any():
            raise ValueError(
                f"sub_size must be one whole number from 1 to {LARGEST_SUB_SIZE}, or one for each "
                f"cell, found {sub_size!r}"
            )
        self.sub_size = sizes.astype(np.int16)

    @classmethod
    def _restored(cls, state: dict[str, Any]) -> Self:
        return cls(**state)

    def averages(
        self, evaluator: PointEvaluator, centres: Array, steps: tuple[float, ...], device: str
    ) -> Averages:
        """Average a function over cells, see `gpupept.grids.iteration.average`."""
        if isinstance(self.sub_size, int):
            return average(evaluator, centres, steps, self.sub_size)
        if len(self.sub_size) != len(centres):
            raise ValueError(
                f"sub_size has {len(self.sub_size)} numbers for {len(centres)} unmasked cells; give "
                "one for each, or one for all"
            )
        return average(evaluator, centres, steps, to_device(self.sub_size, device))


class OverSamplingIterate(PEPTObject):
    """Finer and finer sub-grids in each cell, until the means over two of them agree.

    Parameters
    ----------
    fractional_accuracy : float or None, default 0.9999
        Two means agree if the ratio of the smaller to the larger is at least this; None for any ratio.
    relative_accuracy : float, optional
        The same as `absolute_accuracy`, under the name it has elsewhere.
    sub_steps : sequence of int, default (2, 4, 8, 16)
        Sub-cells along each side, level by level.
    absolute_accuracy : float, optional
        Two means agree only if they differ by no more than this.
    rule : {"ratio", "symmetric"}
        ``"ratio"`` refines what is not positive to the last level; ``"symmetric"`` treats negative numbers
        like positive ones.
    zero_rule : {"refine", "accept"}
        Whether cells that are zero on two levels are settled; ``"accept"`` saves work where a function is
        zero in most cells, and misses features smaller than a sub-cell.
    zero_exit : bool, default True
        Return zeros at once if the function is zero at the centres of all cells.
    nan_policy : {"propagate", "raise"}
        Whether values that are not finite are kept, after refining to the last level, or an error.
    max_points : int, optional
        Points that the function is given at a time.

    Raises
    ------
    ValueError
        If an accuracy is out of range or both are None, or the steps do not grow from 2.

    Examples
    --------
    >>> from gpupept.grids import OverSamplingIterate
    >>> OverSamplingIterate(0.99, sub_steps=[2, 4]).sub_steps
    [2, 4]
    """

    def __init__(
        self,
        fractional_accuracy: float | None = 0.9999,
        relative_accuracy: float | None = None,
        sub_steps: Any = None,
        *,
        absolute_accuracy: float | None = None,
        rule: str = "ratio",
        zero_rule: str = "refine",
        zero_exit: bool = True,
        nan_policy: str = "propagate",
        max_points: int | None = None,
    ) -> None:
        if relative_accuracy is not None and absolute_accuracy is not None:
            raise ValueError(
                "relative_accuracy and absolute_accuracy are the same; give one of them"
            )
        self.fractional_accuracy = _check_fraction(fractional_accuracy)
        self.absolute_accuracy = _check_difference(
            relative_accuracy if absolute_accuracy is None else absolute_accuracy
        )
        if self.fractional_accuracy is None and self.absolute_accuracy is None:
            raise ValueError("fractional_accuracy and absolute_accuracy must not both be None")
        self.sub_steps = _check_steps([2, 4, 8, 16] if sub_steps is None else sub_steps)
        self.rule = _check_choice(rule, RULES, "rule")
        self.zero_rule = _check_choice(zero_rule, ZERO_RULES, "zero_rule")
        self.zero_exit = bool(zero_exit)
        self.nan_policy = _check_choice(nan_policy, NAN_POLICIES, "nan_policy")
        if max_points is not None and max_points < 1:
            raise ValueError(f"max_points must be at least 1, found {max_points!r}")
        self.max_points = max_points

    @classmethod
    def _restored(cls, state: dict[str, Any]) -> Self:
        return cls(**state)

    @property
    def relative_accuracy(self) -> float | None:
        """The same as `absolute_accuracy`."""
        return self.absolute_accuracy

    def accepts(self, lower: Array, upper: Array) -> Array:
        """Tell which cells agree, see `gpupept.grids.acceptance.accepted`."""
        return accepted(
            lower,
            upper,
            self.fractional_accuracy,
            self.absolute_accuracy,
            self.rule,
            self.zero_rule,
        )

    def averages(
        self,
        evaluator: PointEvaluator,
        centres: Array,
        steps: tuple[float, ...],
        device: str,
        lower: list[Array] | None = None,
    ) -> Averages:
        """Average a function over cells, see `gpupept.grids.iteration.iterate`."""
        evaluator.max_points, evaluator.nan_policy = self.max_points, self.nan_policy
        return iterate(evaluator, centres, steps, self, lower)


def _check_fraction(value: Any) -> float | None:
    if value is None:
        return None
    if not isinstance(value, (int, float, np.number)) or not 0.0 < float(value) <= 1.0:
        raise ValueError(
            f"fractional_accuracy must be above 0 and at most 1, or None, found {value!r}"
        )
    return float(value)


def _check_difference(value: Any) -> float | None:
    if value is None:
        return None
    if not isinstance(value, (int, float, np.number)) or not 0.0 <= float(value) < math.inf:
        raise ValueError(
            f"absolute_accuracy must be a finite number of at least 0, or None, found {value!r}"
        )
    return float(value)


def _check_steps(value: Any) -> list[int]:
    try:
        steps = [check_sub_size(step, "sub_steps") for step in np.asarray(value).ravel().tolist()]
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"sub_steps must be whole numbers of at least 2, found {value!r}"
        ) from error
    rising = all(low < high for low, high in pairwise(steps))
    if not steps or not rising or (steps[0] < 2 and len(steps) > 1):
        raise ValueError(
            f"sub_steps must be one or more whole numbers that grow from at least 2, found {value!r}"
        )
    return steps


def _check_choice(value: Any, choices: tuple[str, ...], name: str) -> str:
    if value not in choices:
        raise ValueError(f"{name} must be one of {', '.join(choices)}, found {value!r}")
    return str(value)
