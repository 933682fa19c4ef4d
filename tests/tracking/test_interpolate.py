"""Interpolate: points at a fixed rate."""

from __future__ import annotations

import io
import warnings

import numpy as np
import pytest
import scipy.interpolate
from hypothesis import given, settings
from hypothesis import strategies as st
from oracle import transformers as oracle

import gpupept
from gpupept import LineData, PointData
from gpupept.tracking import Interpolate

TIMES = st.one_of(
    st.integers(0, 12).map(float), st.floats(-20, 20, allow_subnormal=False, width=32)
)
ROWS = st.lists(st.tuples(TIMES, *[st.integers(-9, 9).map(float)] * 4), max_size=9)
STEPS = st.sampled_from([0.1, 0.3, 0.5, 1.0, 2.5, 7.0, 1000.0])


def as_rows(rows):
    return np.array(rows, dtype=float).reshape(-1, 5)


@pytest.mark.parametrize(
    ("kind", "step"),
    [("linear", 0.25), ("linear", 1.0), ("linear", 30.0), ("nearest", 0.25), ("cubic", 0.25)],
)
def test_golden(golden, kind, step):
    g = golden("tracking_transformers")
    points = g["interpolate/points"]
    expected = g[f"interpolate/{kind}_{step}"]
    for settings_ in ({"kind": kind}, {"kind": kind, "interpolator": scipy.interpolate.interp1d}):
        found = Interpolate(step, **settings_).fit_sample(points).points
        np.testing.assert_allclose(found, expected, rtol=1e-10, atol=1e-10)


@settings(max_examples=120)
@given(samples=st.lists(ROWS, max_size=4), step=STEPS, nearest=st.booleans())
def test_against_the_oracle(device, samples, step, nearest):
    parts = [as_rows(rows) for rows in samples]
    points = PointData(
        device.asarray(np.concatenate([np.empty((0, 5)), *parts])), [len(p) for p in parts]
    )
    found = Interpolate(step, kind="nearest" if nearest else "linear").fit(points, verbose=False)
    assert found.device.startswith(device.name)
    for sample, part in zip(found, parts, strict=True):
        expected = oracle.interpolate(part, step, nearest)
        np.testing.assert_allclose(device.to_host(sample.points), expected, rtol=1e-9, atol=1e-9)


def test_many_samples_at_once(device):
    rng = np.random.default_rng(0)
    times = rng.uniform(0, 50, (40, 30))
    rows = np.concatenate([times.reshape(-1, 1), rng.normal(size=(1200, 4))], axis=1)
    points = PointData(device.asarray(rows), 30)
    for memory in (None, 1):
        found = Interpolate(0.7).fit(points, verbose=False, memory=memory)
        expected = np.concatenate(
            [oracle.interpolate(rows[30 * i : 30 * i + 30], 0.7) for i in range(40)]
        )
        np.testing.assert_allclose(device.to_host(found.points), expected, rtol=1e-9, atol=1e-12)


def test_the_last_time_is_never_passed():
    """Adding up steps gives 1.3 and a bit here."""
    found = Interpolate(0.1).fit_sample(np.array([[1.0, 0, 0, 0], [1.3, 3, 3, 3]]))
    np.testing.assert_allclose(found["t"], [1.0, 1.1, 1.2])
    for start in np.random.default_rng(1).uniform(0, 1e6, 200):
        times = np.array([start, start + 0.3])
        made = Interpolate(0.1).fit_sample(np.column_stack([times] * 4)).points
        assert made[-1, 0] < times[1]
        assert 3 <= len(made) <= 4


def test_steps_finer_than_the_rounding_of_times():
    found = Interpolate(0.01).fit_sample(np.array([[1e15, 0, 0, 0], [1e15 + 1, 1, 1, 1]])).points
    assert 90 < len(found) <= 100
    assert (found[:, 0] < 1e15 + 1).all()
    assert ((found[:, 1:] >= 0) & (found[:, 1:] <= 1)).all()


@pytest.mark.parametrize("rows", [0, 1])
def test_few_rows(device, rows):
    for kind in ("linear", "cubic"):
        found = Interpolate(1.0, kind=kind).fit_sample(
            PointData(device.asarray(np.ones((rows, 5))))
        )
        assert found.points.shape == (0, 5)


def test_rows_of_equal_time_count_as_one(device):
    rows = np.zeros((5, 4))
    rows[:, 0] = [2, 0, 0, 2, 0]
    rows[:, 1] = [10, 1, 2, 20, 3]
    found = Interpolate(0.5).fit_sample(PointData(device.asarray(rows)))
    assert device.to_host(found.points)[:, :2].tolist() == [
        [0, 2], [0.5, 5.25], [1, 8.5], [1.5, 11.75],
    ]  # fmt: skip


def test_times_that_are_not_finite_are_reported(device):
    rows = np.zeros((4, 4))
    rows[:, 0] = [0, np.nan, 2, np.inf]
    points = PointData(device.asarray(rows), [1, 3])
    with pytest.warns(RuntimeWarning, match="2 rows are left out"):
        found = Interpolate(1.0).fit(points, verbose=False)
    assert found.points.shape == (0, 4)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        Interpolate(1.0).fit(PointData(np.zeros((3, 4))), verbose=False)


def test_nan_stays_where_it_is():
    rows = np.array([[0, 1, np.nan, 1], [1, 2, 3, np.inf], [2.0, 3, 3, 3], [3, 3, 3, 3]])
    found = Interpolate(0.5).fit_sample(rows).points
    assert np.isnan(found[:, 2]).tolist() == [True, True, False, False, False, False]
    assert found[:, 1].tolist() == [1, 1.5, 2, 2.5, 3, 3]


class TestOtherInterpolators:
    def test_called_for_each_sample_and_column(self, device):
        rng = np.random.default_rng(0)
        rows = np.column_stack([np.arange(14.0), rng.normal(size=(14, 3))])
        points = PointData(device.asarray(rows), [6, 1, 7])
        found = Interpolate(0.25, scipy.interpolate.PchipInterpolator).fit(points, verbose=False)
        assert found.device.startswith(device.name)
        assert np.diff(found.samples_indices)[:, 0].tolist() == [20, 0, 24]
        grid = np.arange(7, 13, 0.25)
        for column in (1, 2, 3):
            expected = scipy.interpolate.PchipInterpolator(rows[7:, 0], rows[7:, column])(grid)
            np.testing.assert_allclose(device.to_host(found[2].points)[:, column], expected)

    def test_kinds_not_done_here(self):
        rows = np.column_stack([np.arange(5.0)] * 4)
        for kind in ("previous", "next", "quadratic", "zero"):
            expected = scipy.interpolate.interp1d(rows[:, 0], rows[:, 1], kind=kind)(
                np.arange(0, 4, 0.3)
            )
            np.testing.assert_allclose(Interpolate(0.3, kind=kind).fit_sample(rows)["x"], expected)

    def test_failing(self):
        points = PointData(np.column_stack([np.arange(9.0)] * 4), [6, 3])
        with pytest.raises(
            ValueError, match=r"sample of 3 rows at different times from 6.0 ms to 8.0 ms"
        ):
            Interpolate(0.5, kind="cubic").fit(points, verbose=False)
        with pytest.raises(NotImplementedError):
            Interpolate(0.5, kind="no such kind").fit(points, verbose=False)


def test_containers():
    rows = np.column_stack([np.arange(8.0)] * 5)
    points = PointData(rows, 4, columns=[*"txyz", "error"], run=2)
    found = Interpolate(1.5).fit(points, verbose=False)
    assert list(found.columns) == [*"txyz", "error"]
    assert found.attrs == {"run": 2}
    assert [sample["error"].tolist() for sample in found] == [[0, 1.5], [4, 5.5]]
    np.testing.assert_array_equal(points.points, np.column_stack([np.arange(8.0)] * 5))
    assert Interpolate(1.5).fit_sample(rows)["t"].tolist() == [0, 1.5, 3, 4.5, 6]


@pytest.mark.parametrize("step", [0, -1.0, np.nan, np.inf])
def test_refused(step):
    with pytest.raises(ValueError, match="timestep"):
        Interpolate(step)


def test_too_many_rows():
    with pytest.raises(ValueError, match="more than"):
        Interpolate(1e-9).fit_sample(np.array([[0, 0, 0, 0], [1e6, 0, 0, 0]]))


def test_lines_refused():
    with pytest.raises(TypeError, match="PointData"):
        Interpolate(1.0).fit(LineData(np.zeros((2, 7))), verbose=False)


def test_saved():
    file = io.BytesIO()
    Interpolate(0.5, kind="nearest").save(file)
    file.seek(0)
    found = gpupept.load(file)
    assert (found.timestep, found.kwargs) == (0.5, {"kind": "nearest"})
    assert len(found.fit_sample(np.array([[0.0, 0, 0, 0], [1, 0, 0, 0]])).points) == 2
