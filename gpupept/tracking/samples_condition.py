"""Keeping the samples that satisfy conditions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Self, TypeAlias

import numpy as np

from gpupept.base import BatchReducer, IterableSamples
from gpupept.kernels.rows import flatten
from gpupept.tracking.condition import flat_conditions
from gpupept.tracking.conditions import (
    Node,
    SampleRows,
    all_of,
    evaluate_on_samples,
    parse_sample_condition,
)
from gpupept.tracking.stack import stacked_container

Step: TypeAlias = Node | Callable[[Any], Any]


class SamplesCondition(BatchReducer):
    """Keep the samples that satisfy all conditions, whole.

    Parameters
    ----------
    *conditions : str, callable, or list of them
        A string is one condition or several, separated by commas: ``"sample_size > 30,
        np.mean('error') < 10"``. A callable is given a sample, a container, and returns whether to
        keep it. They are applied in order; callables see only samples that those before have kept.

    Raises
    ------
    ValueError
        If a string is not a condition on samples; the error (a `ConditionError`) shows where and
        why. When fitted, if there is no such column.
    TypeError
        If a condition is neither a string nor callable.

    Notes
    -----
    Reducer signature: a container, or a list of them, to one container with the samples kept, in
    order and with their attributes; if none is, with one empty sample.

    Strings are those of `Condition`, but columns are always in quotes, ``sample_size`` and
    ``len(sample)`` are the number of rows, and each condition has one value for a sample: rows are
    brought together by ``np.sum``, ``mean``, ``std``, ``var``, ``min``, ``max``, ``median``, ``any``,
    ``all`` or ``np.quantile('x', 0.9)``. Of an empty sample these are NaN, but for the sum, 0, for
    ``any``, false, and for ``all``, true. All samples are looked at at once; callables are called
    sample by sample.

    Examples
    --------
    >>> import numpy as np
    >>> import gpupept
    >>> from gpupept.tracking import SamplesCondition
    >>> points = gpupept.PointData(np.arange(24.0).reshape(6, 4), sample_size=[1, 3, 2])
    >>> kept = SamplesCondition("sample_size > 1, np.max('x') < 15").fit(points)
    >>> [sample["x"].tolist() for sample in kept]
    [[5.0, 9.0, 13.0]]
    >>> len(SamplesCondition(lambda sample: sample["t"][0] > 0).fit(points))
    2
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
        self._steps = [
            item if callable(item) else all_of(parse_sample_condition(item)) for item in given
        ]
        self._conditions = given

    def fit_all(self, samples: Any) -> Any:
        """Choose among the samples.

        Parameters
        ----------
        samples : container or list of containers
            All samples.

        Returns
        -------
        container
            See the notes of the class; an empty list is returned as it is.

        Raises
        ------
        TypeError, ValueError
            If the samples are something else, or there is no such column.
        """
        if isinstance(samples, list | tuple) and not len(samples):
            return samples
        stacked = stacked_container(samples)
        kept = np.arange(len(stacked))
        for step in self._steps:
            kept = kept[_holds(step, stacked, kept)]
        if len(kept):
            return stacked[kept]
        return stacked[kept].with_samples()

    def _saved_state(self) -> dict[str, Any]:
        return {"conditions": self._conditions}

    @classmethod
    def _restored(cls, state: dict[str, Any]) -> Self:
        return cls(*state["conditions"])


def _holds(step: Step, samples: IterableSamples, numbers: np.ndarray) -> np.ndarray:
    """Whether a condition holds for samples given by their numbers, on the host."""
    if callable(step):
        return np.array([bool(step(samples[int(i)])) for i in numbers], dtype=bool)
    data, sizes = flatten(samples.data, samples.row_ranges[numbers])
    return evaluate_on_samples(step, SampleRows(data, sizes, samples.columns))
