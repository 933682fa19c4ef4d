"""Condition: the language, and the rows kept."""

from __future__ import annotations

import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import gpupept
from gpupept import LineData, PointData
from gpupept.base import IterableSamples, PerSample
from gpupept.tracking import Condition, ConditionError
from gpupept.tracking.conditions.functions import FUNCTIONS

COLUMNS = ["t", "x", "y", "z", "error", "my column"]
SIZES = [4, 0, 1, 9, 6]
NUMBERS = st.one_of(st.integers(-3, 3).map(float), st.sampled_from([np.nan, np.inf, -np.inf, 0.5]))

# A condition, and the same in NumPy on one sample.
MEANINGS = {
    "error < 15": lambda c: c["error"] < 15,
    "error<1.5e0,y>=.5": lambda c: (c["error"] < 1.5) & (c["y"] >= 0.5),
    "t != 3": lambda c: c["t"] != 3,
    "'1' < 0.5": lambda c: c["x"] < 0.5,
    "'-2' < 0.5": lambda c: c["error"] < 0.5,
    "np.isfinite('x')": lambda c: np.isfinite(c["x"]),
    "0 < 'error'": lambda c: c["error"] > 0,
    "0 < error": lambda c: c["error"] > 0,
    "x > y": lambda c: c["x"] > c["y"],
    "'x' > 'y'": lambda c: c["x"] > c["y"],
    "-1 < x <= y < 2": lambda c: (c["x"] > -1) & (c["x"] <= c["y"]) & (c["y"] < 2),
    "('t' < -1) | ('t' > 1)": lambda c: (c["t"] < -1) | (c["t"] > 1),
    "t < -1 or not x > 1 and y == y": lambda c: (
        (c["t"] < -1) | (~(c["x"] > 1) & (c["y"] == c["y"]))
    ),
    "~(x > 0) & (y > 0) | (z > 0)": lambda c: ~(c["x"] > 0) & (c["y"] > 0) | (c["z"] > 0),
    "(x > 0) ^ (y > 0)": lambda c: (c["x"] > 0) ^ (c["y"] > 0),
    "(x > 0) + (y > 0) + (z > 0) >= 2": lambda c: (
        np.array([c["x"] > 0, c["y"] > 0, c["z"] > 0]).sum(axis=0) >= 2
    ),
    "np.isclose('x', 3)": lambda c: np.isclose(c["x"], 3),
    "np.isclose(x, y, atol=1, equal_nan=True), t > 0": lambda c: (
        np.isclose(c["x"], c["y"], atol=1, equal_nan=True) & (c["t"] > 0)
    ),
    "np.sqrt(x**2 + y**2) < 2": lambda c: np.sqrt(c["x"] ** 2 + c["y"] ** 2) < 2,
    "np.hypot(x, y) < 2": lambda c: np.hypot(c["x"], c["y"]) < 2,
    "x ** -1 > 0.4": lambda c: c["x"] ** -1.0 > 0.4,
    "abs(x) > 1": lambda c: np.abs(c["x"]) > 1,
    "-x + 1 // 2 - y % 2 / 3 * 2 < 0": lambda c: -c["x"] + 1 // 2 - c["y"] % 2 / 3 * 2 < 0,
    "np.where(x > 0, y, z) > 0": lambda c: np.where(c["x"] > 0, c["y"], c["z"]) > 0,
    "np.where(True, y, z) > 0": lambda c: c["y"] > 0,
    "np.clip(x, 0, 1) == 1": lambda c: np.clip(c["x"], 0, 1) == 1,
    "np.sin(np.pi * x) > 0.1": lambda c: np.sin(np.pi * c["x"]) > 0.1,
    "np.logical_or(x > 1, y > 1)": lambda c: (c["x"] > 1) | (c["y"] > 1),
    "np.minimum(x, y) == -np.inf": lambda c: np.minimum(c["x"], c["y"]) == -np.inf,
    "sample['x'] < 0": lambda c: c["x"] < 0,
    '"my column" > 0': lambda c: c["my column"] > 0,
    "1 < 2": lambda c: np.ones(len(c["x"]), bool),
    "1 / 0 < 2, x == x": lambda c: np.zeros(len(c["x"]), bool),
    "not True": lambda c: np.zeros(len(c["x"]), bool),
    " x\n<\t1 ": lambda c: c["x"] < 1,
    # Values of the sample, of the rows that conditions before have kept
    "x <= np.median('x')": lambda c: c["x"] <= _of(np.median, c["x"]),
    "x < np.mean('x') + np.std(y)": lambda c: c["x"] < _of(np.mean, c["x"]) + _of(np.std, c["y"]),
    "x < np.quantile(x, 0.3) and t > np.min(t)": lambda c: (
        (c["x"] < _of(np.quantile, c["x"], 0.3)) & (c["t"] > _of(np.min, c["t"]))
    ),
    "len(sample) > 4": lambda c: np.full(len(c["x"]), len(c["x"]) > 4),
    "np.any(x > 2)": lambda c: np.full(len(c["x"]), np.any(c["x"] > 2)),
    "np.all('x')": lambda c: np.full(len(c["x"]), np.all(c["x"] != 0)),
}

REFUSED = {
    "9**9**9 < x": 3,
    "x ** 9**9 < 1": 5,
    "x ** y < 1": 5,
    "x ** 65 < 1": 5,
    "2 ** x < 1": 0,
    "t < 3 | t > 7": 4,
    "x < 1 and y": 10,
    "x": 0,
    "y > 0,  x + 1": 8,
    "": 0,
    "x < 1,": 6,
    "x < 1,, y < 1": 6,
    "x < (1, 2)": 4,
    "np.load('x') < 1": 0,
    "np.linalg.norm(x) < 1": 0,
    "np.mean('x', axis=0) > 1": 0,
    "np.mean(3) > 1": 8,
    "np.quantile(x, 2) > 1": 15,
    "np.quantile(x, x) > 1": 15,
    "np.sqrt(x, y) < 1": 0,
    "np.isclose(x, y, rtol=x)": 17,
    "np.isclose(x, y, out=1)": 17,
    "np.abs(x, out=1) < 1": 10,
    "np.pi(x) < 1": 0,
    "np.sin < 1": 0,
    "np < 1": 0,
    "x.real < 1": 0,
    "x[0] < 1": 0,
    "data[:, 0] < 1": 5,
    "sample[0] < 1": 0,
    "len(x < 1) > 1": 0,
    "open('file')": 0,
    "(x)(y) < 1": 1,
    "x << 2 < 1": 5,
    "x @ y < 1": 2,
    "x if y else z": 2,
    "lambda: x": 0,
    "[x for x in y]": 3,
    "(x := 3) < 1": 3,
    "f'x' < 1": 1,
    "b'x' < 1": 1,
    "'x' 'y' < 1": 4,
    "'''x''' < 1": 2,
    "'x\\n' < 1": 0,
    "'x < 1": 0,
    "'' < 1": 0,
    "__class__ < 1": 0,
    "x.__class__ < 1": 2,
    "x is y": 2,
    "None < 1": 0,
    "... < 1": 0,
    "1_0 < x": 1,
    "0x1f < x": 1,
    "1j < x": 1,
    "1e400 < x": 0,
    "9" * 41 + " < x": 0,
    "x # < 1": 2,
    "x < 1)": 5,
    "(x < 1": 0,
    "x < (1]": 6,
    "np.abs(*x) < 1": 7,
    "\u00e9 < 1": 0,
    "'\u00e9' < 1, y < open('')": 13,
}  # fmt: skip
# Refused by Python's parser, whose versions differ in where they see the problem.
MALFORMED = [
    "x >",
    "x = 1",
    "*x < 1",
    "y > > 2",
    "x y < 1",
    "007 < x",
    "x < 1 and",
    "not",
    "x + * y",
    "()",
]


def _of(function, values, *args):
    return function(values, *args) if len(values) else np.nan


def table(seed=0):
    rng = np.random.default_rng(seed)
    rows = rng.choice([-2.0, -1.0, 0.0, 0.5, 1.0, 2.0, 3.0, np.nan, np.inf, -np.inf], (20, 6))
    rows[rng.random((20, 6)) < 0.5] = 1.5
    return rows


def chosen(rows, mask):
    columns = dict(zip(COLUMNS, rows.T, strict=True))
    with np.errstate(all="ignore"):
        return rows[mask(columns)]


class TestMeaning:
    @pytest.mark.filterwarnings("ignore::RuntimeWarning")
    @pytest.mark.parametrize("condition", MEANINGS)
    def test_in_batches(self, device, condition):
        for seed in range(3):
            rows = table(seed)
            points = PointData(device.asarray(rows), SIZES, columns=COLUMNS)
            found = Condition(condition).fit(points, verbose=False)
            assert found.device.startswith(device.name)
            assert len(found) == len(SIZES)
            for sample, part in zip(found, np.split(rows, np.cumsum(SIZES)[:-1]), strict=True):
                expected = chosen(part, MEANINGS[condition])
                np.testing.assert_array_equal(device.to_host(sample.points), expected)

    @settings(max_examples=60)
    @given(
        rows=st.lists(st.tuples(*[NUMBERS] * 6), max_size=12),
        size=st.integers(1, 5),
        overlap=st.integers(0, 4),
        condition=st.sampled_from([c for c in MEANINGS if "np.m" not in c and "std" not in c]),
    )
    @pytest.mark.filterwarnings("ignore::RuntimeWarning")
    def test_overlapping_samples(self, rows, size, overlap, condition):
        rows = np.array(rows).reshape(-1, 6)
        points = PointData(rows, size, min(overlap, size - 1), columns=COLUMNS)
        found = Condition(condition).fit(points, verbose=False, memory=1)
        whole = Condition(condition).fit(points, verbose=False)
        np.testing.assert_array_equal(found.points, whole.points)
        np.testing.assert_array_equal(found.samples_indices, whole.samples_indices)
        for sample, original in zip(found, points, strict=True):
            expected = chosen(original.points, MEANINGS[condition])
            np.testing.assert_array_equal(sample.points, expected)

    def test_later_conditions_see_the_rows_kept(self, device):
        rows = np.zeros((5, 4))
        rows[:, 1] = [1, 2, 3, 100, 200]
        points = PointData(device.asarray(rows))
        for conditions in (["x < 50", "x < np.mean('x')"], ["x < 50, x < np.mean('x')"]):
            found = Condition(*conditions).fit_sample(points)
            assert device.to_host(found["x"]).tolist() == [1]
        assert len(Condition("x < np.mean(x), x < 50").fit_sample(points).points) == 3

    @pytest.mark.filterwarnings("ignore::RuntimeWarning")
    @pytest.mark.parametrize("name", FUNCTIONS)
    def test_each_function(self, device, name):
        signature = FUNCTIONS[name]
        rows = np.random.default_rng(0).uniform(-2, 2, (40, 6)).round(1)
        rows[0], rows[1] = np.nan, np.inf
        texts = [f"x{i} > 0" if logical else f"x{i}" for i, logical in enumerate(signature.takes)]
        arguments = [
            rows[:, i] > 0 if logical else rows[:, i] for i, logical in enumerate(signature.takes)
        ]
        names = [f"x{i}" for i in range(6)]
        condition = f"np.{name}({', '.join(texts)})" + ("" if signature.logical else " > 0.01")
        found = Condition(condition).fit_sample(PointData(device.asarray(rows), columns=names))
        with np.errstate(all="ignore"):
            values = getattr(np, name)(*arguments)
        mask = values if signature.logical else values > 0.01
        assert mask.any()
        np.testing.assert_array_equal(device.to_host(found.points), rows[mask])

    def test_lines(self):
        lines = LineData(np.arange(21.0).reshape(3, 7), 1, angle=3)
        found = Condition("x1 > 5").fit(lines, verbose=False)
        assert isinstance(found, LineData)
        assert [len(sample.lines) for sample in found] == [0, 1, 1]
        assert found.attrs == {"angle": 3}

    def test_as_in_the_manual_of_pept(self):
        points = PointData(np.arange(40.0).reshape(10, 4))
        for conditions, kept in [
            (("t < 15, y > 6",), [8, 12]),
            (("np.isfinite('x')", "'0' < 8"), [0, 4]),
            (("np.isclose('x', 5)",), [4]),
            ((lambda x: x[:, 0] < 10,), [0, 4, 8]),
            ((lambda x: x[:, -1] > 10, "'t' < 20"), [8, 12, 16]),
            ((["t < 10", "t > 2"],), [4, 8]),
        ]:
            assert Condition(*conditions).fit_sample(points)["t"].tolist() == kept


class TestRefusal:
    @pytest.mark.parametrize("condition", REFUSED)
    def test_where(self, condition):
        with pytest.raises(ConditionError, match="condition refused at column") as caught:
            Condition(condition)
        assert caught.value.position == REFUSED[condition], str(caught.value)

    @pytest.mark.parametrize("condition", MALFORMED)
    def test_malformed(self, condition):
        with pytest.raises(ConditionError, match="condition refused at column") as caught:
            Condition("t > 1, " + condition)
        assert 6 <= caught.value.position <= len(condition) + 7

    def test_excerpt(self):
        with pytest.raises(ValueError, match="column 110: ") as caught:
            Condition("x < 1, " * 15 + "y > open('z') , x < 3")
        _, line, caret = str(caught.value).split("\n")
        assert line[caret.index("^") :].startswith("open('z')")

    @pytest.mark.parametrize(
        ("condition", "message"),
        [
            ("x + " * 1000 + "1 < 2", "4000 characters"),
            ("x+" * 300 + "1 < 2", "500 parts"),
            ("(" * 25 + "x" + ")" * 25, "24 deep"),
            ("-" * 150 + "x < 1", "100 deep"),
            ("x" + " + 1" * 150 + " < 2", "100 deep"),
        ],
    )
    def test_too_large(self, condition, message):
        with pytest.raises(ConditionError, match=message):
            Condition(condition)

    def test_large_but_not_too_large(self):
        points = PointData(np.arange(40.0).reshape(10, 4))
        joined = " or ".join(f"t == {4 * i}" for i in range(0, 100))
        assert len(Condition(joined).fit_sample(points).points) == 10
        nested = "0 <= (" * 23 + "t > 8" + ") <= 1" * 23  # each is worked out once
        assert len(Condition(nested).fit_sample(points).points) == 10
        many = Condition(*["t > 8"] * 2000)
        assert len(many.fit_sample(points).points) == 7

    def test_unknown_columns(self, device):
        points = PointData(device.asarray(np.zeros((2, 4))))
        for condition in ("error < 1", "'4' < 1", "'-5' < 1", "'99999999999999999999999' < 1"):
            with pytest.raises(ValueError, match=r"no column.*'t', 'x', 'y', 'z'"):
                Condition(condition).fit_sample(points)

    def test_other_arguments(self):
        with pytest.raises(TypeError, match="found int"):
            Condition("x < 1", 3)
        with pytest.raises(TypeError, match="samples of LineData or PointData"):
            Condition("x < 1").fit_sample(np.zeros((3, 4)))


class TestCallables:
    @pytest.mark.parametrize(
        ("function", "kept"),
        [
            (lambda rows: rows[:, 0] > 1, [2, 3, 4]),
            (lambda rows: [0], [0, 3]),
            (lambda rows: [-1, 0], [2, 0, 4, 3]),
            (lambda rows: [], []),
            (lambda rows: [True, False, True][: len(rows)], [0, 2, 3]),
            (lambda rows: slice(1, None), [1, 2, 4]),
            (lambda rows: np.arange(len(rows))[::-1].astype(np.uint8), [2, 1, 0, 4, 3]),
        ],
    )
    def test_masks_and_numbers(self, device, function, kept):
        rows = np.zeros((5, 4))
        rows[:, 0] = range(5)
        points = PointData(device.asarray(rows), [3, 2])
        found = Condition(function).fit(points, verbose=False)
        assert device.to_host(found["t"]).tolist() == kept
        assert len(found) == 2

    def test_given_the_rows_kept_so_far_of_one_sample(self):
        seen = []
        points = PointData(np.arange(24.0).reshape(6, 4), [2, 4])
        Condition(
            "t > 0",
            lambda rows: seen.append(rows.copy()) or rows[:, 0] > 4,
            "t < 20",
            lambda rows: slice(0, 1),
        ).fit(points, verbose=False)
        assert [rows[:, 0].tolist() for rows in seen] == [[4], [8, 12, 16, 20]]

    @pytest.mark.parametrize(
        ("answer", "error"),
        [
            (np.ones(3, bool), ValueError),
            (np.array([2]), ValueError),
            (np.array([-3]), ValueError),
            (np.ones(2), TypeError),
            (np.ones((2, 2), bool), TypeError),
            (True, TypeError),
            (None, TypeError),
        ],
    )
    def test_other_answers(self, answer, error):
        with pytest.raises(error, match="a condition"):
            Condition(lambda rows: answer).fit_sample(PointData(np.zeros((2, 4))))


class TestContainers:
    def test_attributes(self):
        points = PointData(np.arange(16.0).reshape(4, 4), 2, run=1, _own=PerSample([5, 6]))
        found = Condition("x > 4").fit(points, verbose=False)
        assert found[1].attrs == {"run": 1, "_own": 6}
        assert points.points.shape == (4, 4)

    def test_in_a_list(self):
        parts = [PointData(np.arange(8.0).reshape(2, 4)), PointData(np.empty((0, 4)))]
        found = Condition("x > 4").fit(parts, verbose=False)
        assert [len(sample.points) for sample in found] == [1, 0]
        assert Condition("x > 4").fit([], verbose=False) == []

    def test_other_tables(self):
        samples = IterableSamples(np.arange(6.0).reshape(3, 2), columns=["a", "b"])
        assert Condition("a > b - 2").fit_sample(samples).data.shape == (3, 2)

    def test_setting_them_again(self):
        condition = Condition("x > 4")
        condition.conditions = ["x > 8", "y < 3"]
        assert condition.conditions == ("x > 8", "y < 3")
        assert not len(condition.fit_sample(PointData(np.arange(16.0).reshape(4, 4))).points)
        with pytest.raises(ValueError, match="column 1"):
            condition.conditions = "9"
        assert condition.conditions == ("x > 8", "y < 3")

    def test_saved(self):
        file = io.BytesIO()
        Condition("x > 4", ["y < 3"]).save(file)
        file.seek(0)
        found = gpupept.load(file)
        assert found.conditions == ("x > 4", "y < 3")
        assert len(found.fit_sample(PointData([[0, 5, 1, 1], [0, 3, 1, 1.0]])).points) == 1
        with pytest.raises(TypeError, match="function"):
            Condition(lambda rows: [0]).save(io.BytesIO())
