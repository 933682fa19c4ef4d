"""SamplesCondition: whole samples kept or not."""

from __future__ import annotations

import io

import numpy as np
import pytest

import gpupept
from gpupept import LineData, PointData
from gpupept.base import PerSample, SampleGroups
from gpupept.tracking import ConditionError, SamplesCondition

COLUMNS = ["t", "x", "y", "z", "error"]
SIZES = [4, 0, 1, 9, 6, 30]
MEANINGS = {
    "sample_size > 4": lambda c: len(c["x"]) > 4,
    "len(sample) >= 4, len(data) < 9": lambda c: 4 <= len(c["x"]) < 9,
    "len('x') == 1": lambda c: len(c["x"]) == 1,
    "np.mean('x') > 0": lambda c: len(c["x"]) and np.mean(c["x"]) > 0,
    "np.median('error') < 0.1": lambda c: len(c["x"]) and np.median(c["error"]) < 0.1,
    "np.std('x') < np.std('y')": lambda c: len(c["x"]) and np.std(c["x"]) < np.std(c["y"]),
    "np.sum('x' > 0) >= 4": lambda c: np.sum(c["x"] > 0) >= 4,
    "np.max('x') - np.min('x') < 3": lambda c: len(c["x"]) and np.ptp(c["x"]) < 3,
    "np.any('x' > 1.5)": lambda c: np.any(c["x"] > 1.5),
    "np.all('x' < 1.5)": lambda c: np.all(c["x"] < 1.5),
    "np.all('x' < np.mean('y') + 2)": lambda c: (
        not len(c["x"]) or np.all(c["x"] < np.mean(c["y"]) + 2)
    ),
    "np.quantile('x', 0.75) < 0.8": lambda c: len(c["x"]) and np.quantile(c["x"], 0.75) < 0.8,
    "np.sum('x') < 1 or not sample_size > 5": lambda c: np.sum(c["x"]) < 1 or len(c["x"]) <= 5,
    "np.var(sample['z']) > 0.5": lambda c: len(c["x"]) and np.var(c["z"]) > 0.5,
    "True": lambda c: True,
}


def parts(seed=0):
    rng = np.random.default_rng(seed)
    return [rng.normal(size=(n, 5)) for n in SIZES]


def columns(rows):
    return dict(zip(COLUMNS, rows.T, strict=True))


@pytest.mark.parametrize("condition", MEANINGS)
def test_meaning(device, condition):
    for seed in range(3):
        rows = parts(seed)
        points = PointData(device.asarray(np.concatenate(rows)), SIZES, columns=COLUMNS)
        found = SamplesCondition(condition).fit(points)
        expected = [part for part in rows if MEANINGS[condition](columns(part))]
        assert found.device.startswith(device.name)
        if not expected:
            expected = [np.empty((0, 5))]
        for sample, part in zip(found, expected, strict=True):
            np.testing.assert_array_equal(device.to_host(sample.points), part)


def test_callables_see_the_samples_that_are_left():
    seen = []
    points = PointData(np.concatenate(parts()), SIZES, columns=COLUMNS)
    found = SamplesCondition(
        "sample_size > 1", lambda sample: seen.append(len(sample.points)) or len(sample.points) < 9
    ).fit(points)
    assert seen == [4, 9, 6, 30]
    assert [len(sample.points) for sample in found] == [4, 6]


def test_samples_may_overlap():
    points = PointData(
        np.arange(40.0).reshape(10, 4), 4, 3, run=2, number=PerSample(list(range(7)))
    )
    found = SamplesCondition("np.min('t') > 7, np.max('t') < 30").fit(points)
    assert [sample["t"].tolist() for sample in found] == [
        [8, 12, 16, 20],
        [12, 16, 20, 24],
        [16, 20, 24, 28],
    ]
    assert [sample.attrs for sample in found] == [{"run": 2, "number": i} for i in (2, 3, 4)]


def test_samples_of_every_form():
    rows = [part for part in parts() if len(part)]
    points = [PointData(part, columns=COLUMNS) for part in rows]
    for samples in (
        points,
        iter(points),
        [points[:2], points[2:]],
        SampleGroups(PointData(points), [[0, 5]]),
    ):
        found = SamplesCondition("sample_size > 4").fit(samples)
        assert [len(sample.points) for sample in found] == [9, 6, 30]
    assert SamplesCondition("sample_size > 4").fit([]) == []


@pytest.mark.parametrize("kind", [LineData, PointData])
def test_none_left_is_one_empty_sample(kind):
    rows = np.zeros((4, 8))
    found = SamplesCondition("sample_size > 10").fit(kind(rows, 2, run=1))
    assert isinstance(found, kind)
    assert [sample.data.shape for sample in found] == [(0, 8)]
    assert found.attrs == {"run": 1}


@pytest.mark.parametrize(
    "condition",
    ["'x' > 3", "x > 3", "np.mean('x')", "np.abs('x') > 3, sample_size > 2", "sample > 2", "data[0] > 1",
     "sample.attrs > 1", "sample_size", "np.max('x', axis=0) > 1", "len(sample['x']) > 1", ""],
)  # fmt: skip
def test_refused(condition):
    with pytest.raises(ConditionError, match="refused at column"):
        SamplesCondition(condition)


def test_other_arguments():
    with pytest.raises(TypeError, match="found int"):
        SamplesCondition(3)
    with pytest.raises(ValueError, match="no column"):
        SamplesCondition("np.max('error') > 1").fit(PointData(np.zeros((2, 4))))
    with pytest.raises((TypeError, ValueError)):
        SamplesCondition("sample_size > 1").fit([None])


def test_saved():
    file = io.BytesIO()
    SamplesCondition("sample_size > 1").save(file)
    file.seek(0)
    assert len(gpupept.load(file).fit(PointData(np.zeros((9, 4)), [1, 8]))) == 1
