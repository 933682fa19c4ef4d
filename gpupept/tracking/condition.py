"""Keeping the rows that satisfy conditions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import groupby
from typing import Any, Self, TypeAlias, cast

import numpy as np

from gpupept.backend import array_namespace, device_of, to_device, to_host
from gpupept.base import BatchFilter, IterableSamples
from gpupept.base.per_sample import is_array
from gpupept.kernels.rows import consecutive, flatten
from gpupept.tracking.conditions import (
    Node,
    SampleRows,
    all_of,
    evaluate_on_rows,
    parse_row_condition,
    reduces,
)

Step: TypeAlias = Node | Callable[[Any], Any]


class Condition(BatchFilter):
    """Keep the rows of each sample that satisfy all conditions.

    Parameters
    ----------
    *conditions : str, callable, or list of them
        A string is one condition or several, separated by commas: ``"error < 15, y > 100"``. A
        callable is given the (N, C) array of a sample and returns a mask, row numbers or a slice.
        They are applied in order, each to the rows that those before have kept.

    Raises
    ------
    ValueError
        If a string is not a condition; the error (a `ConditionError`) shows where and why. When
        fitted, if there is no such column.
    TypeError
        If a condition is neither a string nor callable.

    Notes
    -----
    Filter signature: ``LineData -> Condition -> LineData`` and ``PointData -> Condition ->
    PointData``; attributes are kept.

    In strings there are

    - columns, by name: ``error``, ``'error'``, ``"my column"``, or by number, in quotes: ``'0'``,
      ``'-1'`` is the last;
    - numbers, arithmetic ``+ - * / // %``, and ``**`` with a number of at most 64;
    - comparisons, also in chains: ``10 < x < y``;
    - ``& | ^ ~`` or ``and or not`` between comparisons, which need brackets beside ``& | ^ ~``;
    - elementwise functions of NumPy, such as ``np.isfinite('x')``, ``np.isclose('x', 3)``,
      ``np.hypot('x', 'y') < 10``, and ``np.pi``;
    - values of a sample, such as ``error < np.median('error')``: ``sum``, ``mean``, ``std``, ``var``,
      ``min``, ``max``, ``median``, ``any``, ``all`` and ``np.quantile('error', 0.9)``;
      ``len(sample)`` is its number of rows.

    Strings are read by a parser that knows nothing else; they are never executed. For anything
    else give a callable, which is called sample by sample.

    Examples
    --------
    >>> import gpupept
    >>> from gpupept.tracking import Condition
    >>> points = gpupept.PointData([[0, 1, 1, 1], [1, 9, 2, 2], [2, 3, 3, 3]])
    >>> Condition("x < 5, t > 0").fit_sample(points)["t"]
    array([2.])
    >>> Condition("np.isclose('x', 3) | ('t' == 0)").fit_sample(points)["t"]
    array([0., 2.])
    >>> Condition(lambda rows: rows[:, 1] > 2).fit_sample(points)["t"]
    array([1., 2.])
    """

    def __init__(self, *conditions: Any) -> None:
        self.conditions = conditions

    @property
    def conditions(self) -> tuple[Any, ...]:
        """The conditions, strings and callables, in order; setting them replaces all."""
        return self._conditions

    @conditions.setter
    def conditions(self, conditions: Any) -> None:
        given = tuple(flat_conditions(conditions))
        self._steps = _steps(given)
        self._conditions = given

    def fit_batch(self, samples: IterableSamples) -> IterableSamples:
        """Choose the rows of every sample; see `BatchFilter.fit_batch`."""
        data, sizes = flatten(samples.data, samples.row_ranges)
        rows = SampleRows(data, sizes, samples.columns)
        for step in self._steps:
            if callable(step):
                rows = rows.kept(*_chosen_rows(step, rows))
            else:
                rows = rows.where(evaluate_on_rows(step, rows))
        return type(samples).from_batch(
            rows.data, sizes=rows.sizes, columns=samples.columns, attrs=samples.attrs
        )

    def _saved_state(self) -> dict[str, Any]:
        return {"conditions": self._conditions}

    @classmethod
    def _restored(cls, state: dict[str, Any]) -> Self:
        return cls(*state["conditions"])


def flat_conditions(conditions: Any) -> list[Any]:
    """Make one list of conditions, of nested lists of them or a single one.

    Parameters
    ----------
    conditions : str, callable or sequence
        The conditions.

    Returns
    -------
    list of str and callables
        In order.

    Raises
    ------
    TypeError
        If one is neither.
    """
    if isinstance(conditions, list | tuple):
        return [item for part in conditions for item in flat_conditions(part)]
    if not isinstance(conditions, str) and not callable(conditions):
        raise TypeError(
            f"conditions must be strings or callables, found {type(conditions).__name__}"
        )
    return [conditions]


def _steps(conditions: Sequence[Any]) -> list[Step]:
    """Read strings; clauses that do not depend on what was kept before are worked out together."""
    steps: list[Step] = []
    for item in conditions:
        steps += [item] if callable(item) else parse_row_condition(item)
    joined: list[Step] = []
    runs = groupby(steps, lambda step: not callable(step) and not reduces(step))
    for together, run in [(key, list(group)) for key, group in runs]:
        joined += [all_of(cast("list[Node]", run))] if together else run
    return joined


def _chosen_rows(function: Callable[[Any], Any], rows: SampleRows) -> tuple[Any, np.ndarray]:
    """Row numbers that a callable chooses of each sample, and how many."""
    xp, device = array_namespace(rows.data), device_of(rows.data)
    chosen = [xp.empty(0, dtype=np.int64)]
    for first, end in consecutive(rows.sizes).tolist():
        choice = function(rows.data[first:end])
        if isinstance(choice, list):
            choice = np.asarray(choice, dtype=None if choice else np.int64)
        if is_array(choice):
            _check_choice(choice, end - first)
            choice = to_device(choice, device)
        elif not isinstance(choice, slice):
            raise TypeError(
                "a condition must return a mask, row numbers or a slice, found "
                f"{type(choice).__name__}"
            )
        chosen.append(xp.arange(first, end, dtype=np.int64)[choice])
    sizes = np.array([len(part) for part in chosen[1:]], dtype=np.int64)
    return xp.concatenate(chosen), sizes


def _check_choice(choice: Any, size: int) -> None:
    if choice.ndim != 1 or choice.dtype.kind not in "bui":
        raise TypeError(
            "a condition must return a mask or row numbers of one dimension, found an array of "
            f"dtype {choice.dtype} and shape {tuple(choice.shape)}"
        )
    if choice.dtype.kind == "b":
        if len(choice) != size:
            raise ValueError(
                f"a condition returned a mask of {len(choice)} elements for a sample of {size} rows"
            )
        return
    numbers = to_host(choice)
    if len(numbers) and not (-size <= numbers.min() and numbers.max() < size):
        raise ValueError(f"a condition returned row numbers outside a sample of {size} rows")
