"""Averages over cells on sub-grids that are refined cell by cell, until two levels agree.

All cells that are not settled yet are refined together, level by level; those that agree leave.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from gpupept.backend import array_namespace
from gpupept.grids.evaluation import PointEvaluator
from gpupept.kernels import Array

if TYPE_CHECKING:
    from gpupept.grids.over_sampling import OverSamplingIterate
    from gpupept.grids.point_function import PointFunction


class IterationInfo(NamedTuple):
    """How averages were found.

    Attributes
    ----------
    sub_size : (N,) int16
        Sub-cells along each side of each cell, in slim order.
    converged : (N,) bool
        False where the finest sub-grid was taken without a test.
    n_evaluations : int
        Number of points at which the function was evaluated.
    max_error_estimate : float
        Largest difference between the last two levels among the cells that did not converge.
    """

    sub_size: Array
    converged: Array
    n_evaluations: int
    max_error_estimate: float


@dataclass
class Averages:
    """Averages over cells, an array for each element of what the function returned."""

    values: list[Array]
    sub_size: Array
    converged: Array
    n_evaluations: int
    max_error_estimate: float
    is_list: bool

    @property
    def info(self) -> IterationInfo:
        """What is told about them."""
        return IterationInfo(
            self.sub_size, self.converged, self.n_evaluations, self.max_error_estimate
        )


def iterate(
    evaluator: PointEvaluator,
    centres: Array,
    steps: tuple[float, ...],
    sampling: OverSamplingIterate,
    lower: list[Array] | None = None,
) -> Averages:
    """Average a function over cells.

    Parameters
    ----------
    evaluator : PointEvaluator
        The function.
    centres : (N, D) float64
        Centres of the cells.
    steps : D floats
        From one cell to the next along each axis; their sizes are those of a cell.
    sampling : OverSamplingIterate
        Sub-sizes and the test of agreement.
    lower : list of arrays, optional
        Values at the centres, where they are known.

    Returns
    -------
    Averages
    """
    xp = array_namespace(centres)
    count = len(centres)
    compiled = evaluator.compiled_for(centres)
    if compiled is not None and lower is None and count:
        return _iterate_compiled(compiled, centres, steps, sampling)
    state = Averages([], xp.ones(count, dtype=xp.int16), xp.ones(count, dtype=bool), 0, 0.0, False)
    if not count:
        state.values = [xp.empty(0)]
        return state
    if lower is None:
        lower = evaluator.means(centres, steps, 1)
    # Copies, so that results are never the caller's.
    lower = [values.astype(np.float64) for values in lower]
    state.values = [values.copy() for values in lower]
    if not (sampling.zero_exit and not any(bool(values.any()) for values in lower)):
        _refine(state, evaluator, centres, steps, sampling, lower)
    state.n_evaluations, state.is_list = evaluator.evaluations, evaluator.returned_list
    return state


def _iterate_compiled(
    function: PointFunction,
    centres: Array,
    steps: tuple[float, ...],
    sampling: OverSamplingIterate,
) -> Averages:
    """Average a function of single points, each cell through all levels at once."""
    from gpupept.kernels.subgrids import Rules

    lower, xp = function(centres), array_namespace(centres)
    count = len(lower)
    if sampling.zero_exit and not lower.any():
        sizes, every = xp.ones(count, dtype=xp.int16), xp.ones(count, dtype=bool)
        return Averages([lower], sizes, every, count, 0.0, False)
    accuracies = sampling.fractional_accuracy, sampling.absolute_accuracy
    fraction, difference = (np.nan if value is None else value for value in accuracies)
    rules = Rules(
        fraction, difference, sampling.rule == "symmetric", sampling.zero_rule == "accept"
    )
    found = function.refined(centres, steps, sampling.sub_steps, rules, lower)
    evaluations = count + sum(
        int((found.sub_sizes >= size).sum()) * size ** len(steps) for size in sampling.sub_steps
    )
    error = 0.0 if found.converged.all() else float(found.errors[~found.converged].max())
    return Averages([found.values], found.sub_sizes, found.converged, evaluations, error, False)


def _refine(
    state: Averages,
    evaluator: PointEvaluator,
    centres: Array,
    steps: tuple[float, ...],
    sampling: OverSamplingIterate,
    lower: list[Array],
) -> None:
    xp = array_namespace(centres)
    active = xp.arange(len(centres))
    for sub_size in sampling.sub_steps[:-1]:
        upper = evaluator.means(centres[active], steps, sub_size)
        done = xp.ones(len(active), dtype=bool)
        for before, after in zip(lower, upper, strict=True):
            done &= sampling.accepts(before, after)
        settled = active[done]
        state.sub_size[settled] = sub_size
        for values, after in zip(state.values, upper, strict=True):
            values[settled] = after[done]
        active, lower = active[~done], [after[~done] for after in upper]
        if not len(active):
            return
    _take_finest(state, evaluator, centres, steps, sampling.sub_steps[-1], active, lower)


def _take_finest(
    state: Averages,
    evaluator: PointEvaluator,
    centres: Array,
    steps: tuple[float, ...],
    sub_size: int,
    active: Array,
    lower: list[Array],
) -> None:
    """Settle what is left on the finest sub-grid, without a test."""
    upper = evaluator.means(centres[active], steps, sub_size)
    state.sub_size[active], state.converged[active] = sub_size, False
    errors = []
    for values, before, after in zip(state.values, lower, upper, strict=True):
        values[active] = after
        with np.errstate(all="ignore"):
            errors.append(abs(after - before).max())
    state.max_error_estimate = float(np.max([float(error) for error in errors]))


def average(
    evaluator: PointEvaluator, centres: Array, steps: tuple[float, ...], sub_size: int | Array
) -> Averages:
    """Average a function over cells on sub-grids of given sizes.

    Parameters
    ----------
    evaluator, centres, steps
        As of `iterate`.
    sub_size : int or (N,) int array
        Sub-cells along each side, of all cells or of each.

    Returns
    -------
    Averages
    """
    xp = array_namespace(centres)
    count = len(centres)
    sizes = xp.zeros(count, dtype=xp.int16) + xp.asarray(sub_size, dtype=xp.int16)
    state = Averages([xp.empty(0)], sizes, xp.ones(count, dtype=bool), 0, 0.0, False)
    values: list[Array] = []
    for size in [int(found) for found in xp.unique(sizes)]:
        rows = xp.flatnonzero(sizes == size)
        for k, means in enumerate(evaluator.means(centres[rows], steps, size)):
            if k == len(values):
                values.append(xp.empty((count, *means.shape[1:])))
            values[k][rows] = means
    if count:
        state.values = values
    state.n_evaluations, state.is_list = evaluator.evaluations, evaluator.returned_list
    return state
