"""Filters and reducers on odd data: a defined result or a clear error, whichever way they are run."""

from __future__ import annotations

import re
import warnings

import numpy as np
import pytest

from gpupept import LineData, Pipeline, PointData
from gpupept.base import IterableSamples
from gpupept.tracking import (
    Center,
    Condition,
    Debug,
    GroupBy,
    Interpolate,
    OptimizeWindow,
    OutOfViewFilter,
    Reconnect,
    Remove,
    RemoveStatic,
    Reorient,
    SamplesCondition,
    Segregate,
    SplitAll,
    Stack,
    Swap,
)

MANY = 1_000_000
COLUMNS = [*"txyz", "error"]


class _Stream:
    def write(self, text):
        assert text


STEPS = {
    "condition": lambda: Condition("error < 15, np.isfinite('x')", "t >= np.min('t')"),
    "callable condition": lambda: Condition(lambda rows: rows[:, 1] > 0),
    "samples condition": lambda: SamplesCondition("sample_size > 0, np.mean('x') < 1e9"),
    "callable samples condition": lambda: SamplesCondition(lambda sample: len(sample.data) > 0),
    "remove": lambda: Remove("error"),
    "swap": lambda: Swap("y, z", inplace=False),
    "swap in place": lambda: Swap("y, z"),
    "interpolate": lambda: Interpolate(0.5),
    "interpolate nearest": lambda: Interpolate(0.5, kind="nearest"),
    "interpolate cubic": lambda: Interpolate(0.5, kind="cubic"),
    "reorient": lambda: Reorient("zyx"),
    "center": lambda: Center(),
    "out of view": lambda: OutOfViewFilter(20.0, 5),
    "out of view, far": lambda: OutOfViewFilter(1e5, 10_000),
    "remove static": lambda: RemoveStatic(100.0, 2.0),
    "optimize window": lambda: OptimizeWindow(100),
    "debug": lambda: Debug(stream=_Stream()),
    "group by": lambda: GroupBy("error"),
    "split all": lambda: SplitAll("error"),
}
# How steps may refuse: data without two different times, samples too small, spans too long.
REFUSALS = {
    "optimize window": "two different times",
    "interpolate": "timestep",
    "interpolate nearest": "timestep",
    "interpolate cubic": "timestep|interpolator failed",
}
FEW = ["interpolate cubic"]  # which would take long on much data


def _rows(kind):
    if kind == "empty":
        return np.empty((0, 5))
    if kind == "one row":
        return np.array([[5.0, 1, 2, 3, 4]])
    if kind == "two rows":
        return np.array([[5.0, 1, 2, 3, 4], [6.0, 1, 2, 3, 4]])
    if kind == "identical":
        return np.tile([5.0, 1, 2, 3, 4], (1000, 1))
    rng = np.random.default_rng(0)
    if kind == "NaN":
        return np.full((50, 5), np.nan)
    if kind == "some NaN":
        rows = rng.normal(size=(300, 5))
        rows[:, 0] = np.sort(rows[:, 0])
        rows[rng.random((300, 5)) < 0.1] = np.nan
        return rows
    if kind == "infinite":
        rows = rng.normal(size=(60, 5))
        rows[rng.random((60, 5)) < 0.3] = np.inf
        rows[rng.random((60, 5)) < 0.3] = -np.inf
        return rows
    if kind == "huge":
        return rng.choice([-1e308, 1e308, 1e-308, 0.0], (40, 5))
    rows = rng.normal(size=(MANY, 5))
    rows[:, 0] = np.arange(MANY) / 4
    rows[:, 1:4] = rows[:, 1:4].cumsum(axis=0)
    rows[:, 4] = rng.integers(0, 20, MANY)
    return rows


def _run(name, rows, sample_size, executor):
    """Result of a step on a copy of the rows, or its refusal as text."""
    points = PointData(rows.copy(), sample_size, columns=COLUMNS)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return Pipeline([STEPS[name]()]).fit(points, executor=executor, verbose=False)
        except (ValueError, TypeError) as error:
            return str(error)


def _same(first, second):
    if isinstance(first, str):
        assert first == second
        return
    np.testing.assert_array_equal(first.data, second.data)
    np.testing.assert_array_equal(first.samples_indices, second.samples_indices)


KINDS = ["empty", "one row", "two rows", "identical", "NaN", "some NaN", "infinite", "huge"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", STEPS)
def test_odd_data(name, kind):
    rows = _rows(kind)
    for sample_size in (None, 7, [0, len(rows), 0]):
        found = _run(name, rows, sample_size, "sequential")
        if isinstance(found, str):
            assert re.search(REFUSALS.get(name, "no refusal"), found), found
        else:
            assert isinstance(found, IterableSamples)
            assert found.data.dtype == np.float64
        _same(found, _run(name, rows, sample_size, "joblib"))


@pytest.mark.parametrize("name", [name for name in STEPS if name not in FEW])
def test_a_million_rows_in_one_sample(name):
    rows = _rows("many")
    found = _run(name, rows, None, "sequential")
    assert isinstance(found, IterableSamples), found
    assert len(found.data) > 1000
    _same(found, _run(name, rows, None, "joblib"))


@pytest.mark.parametrize(
    "name", ["condition", "samples condition", "remove", "swap", "out of view", "debug"]
)
@pytest.mark.parametrize("count", [0, 1, 20])
def test_lines(name, count):
    lines = LineData(
        np.arange(8.0 * count).reshape(count, 8), 3, columns=["t", "x", "y", "z", *"abc", "error"]
    )
    found = (
        Pipeline([STEPS[name]()]).fit(lines, verbose=False)
        if len(lines)
        else STEPS[name]().fit(lines)
    )
    assert isinstance(found, LineData)


@pytest.mark.parametrize("name", STEPS)
def test_without_samples(name):
    """Rows that are in no sample, as with windows longer than the data."""
    points = PointData(np.ones((3, 5)), 10, columns=COLUMNS)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if name == "optimize window":
            with pytest.raises(ValueError, match=REFUSALS[name]):
                STEPS[name]().fit(points)
            return
        found = STEPS[name]().fit(points)
    assert isinstance(found, IterableSamples)


REDUCERS = [
    *(
        Center(),
        Debug(stream=_Stream()),
        GroupBy("error"),
        OptimizeWindow(5),
        Reconnect(9, 9, "error"),
    ),
    *(OutOfViewFilter(), RemoveStatic(5, 1), Reorient(), SamplesCondition("sample_size > 0")),
    *(Segregate(3, 1.0), Stack(4)),
]


@pytest.mark.parametrize("reducer", REDUCERS, ids=lambda reducer: type(reducer).__name__)
def test_reducers_are_fitted_with_the_options_of_filters(reducer):
    points = PointData(_rows("many")[:200], columns=COLUMNS)
    found = reducer.fit(points, executor="sequential", max_workers=1, verbose=False)
    _same(found, reducer.fit(points))
    with pytest.raises(TypeError, match="executor"):
        reducer.fit(points, executor="nobody")
