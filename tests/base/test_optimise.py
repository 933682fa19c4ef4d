"""Parameter search: what is searched, what is judged, and what is left as it was."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from oracle.objectives import held_out_objective

from gpupept import LineData, Pipeline, PointData
from gpupept.base import Filter, Reducer
from gpupept.base.free_parameters import free_parameters
from gpupept.base.objectives import HeldOutLines, frequency_error, spatial_error
from gpupept.simulation import location_errors, rotating_tracers
from gpupept.tracking import HDBSCAN, Centroids, Cutpoints, Segregate, SplitLabels, Stack

QUIET: dict[str, Any] = {"verbose": False, "executor": "sequential"}


class Shift(Filter):
    """Moves points along x; counts what it was used for, as filters with a state do."""

    def __init__(self, distance: float = 0.0, size: int = 3) -> None:
        if distance < -50:
            raise ValueError(f"distance must be at least -50, found {distance}")
        self.distance = distance
        self.size = size
        self.used = 0
        self.name = "shift"
        self.active = True
        self._hidden = 1.0

    def fit_sample(self, sample: PointData) -> PointData:
        self.used += 1
        return sample.copy(data=sample.points + np.array([0, self.distance, self.size, 0]))


class Join(Reducer):
    def __init__(self, weight: float = 1.0) -> None:
        self._weight = weight

    @property
    def weight(self) -> float:
        return self._weight

    @weight.setter
    def weight(self, weight: float) -> None:
        self._weight = float(weight)

    def fit(self, samples: Any) -> PointData:
        return PointData(np.concatenate([sample.points for sample in samples]) * self.weight)


class Fails(Filter):
    """Raises an error of a kind at every setting above a limit."""

    def __init__(self, kind: type[BaseException], limit: float) -> None:
        self.kind, self.limit, self.level = kind, limit, 0.0

    def fit_sample(self, sample: PointData) -> PointData:
        if self.level > self.limit:
            raise self.kind("too high")
        return sample


def points() -> PointData:
    return PointData(np.arange(32.0).reshape(8, 4), sample_size=4)


def state(pipeline: Pipeline) -> list[dict[str, Any]]:
    return [dict(vars(item)) for item in pipeline.transformers]


def distance_from(x: float, y: float) -> Any:
    """Objective that is least where all points are moved by (x, y)."""
    return lambda result: float(np.abs(result.points - points().points - [0, x, y, 0]).max())


def recipe(**values: Any) -> Pipeline:
    return Pipeline(
        [
            Cutpoints(values.get("max_distance", 0.5)),
            HDBSCAN(values.get("true_fraction", 0.15), 2),
            SplitLabels() + Centroids(error=True),
            Stack(sample_size=values.get("sample_size", 20), overlap=0),
            HDBSCAN(values.get("true_fraction2", 0.6), 2),
            SplitLabels() + Centroids(),
            Stack(),
            Segregate(40, 40.0),
        ]
    )


@pytest.fixture(scope="module")
def run():
    return rotating_tracers(lors=4_000, rpm=300, sample_size=200, overlap=150, random_fraction=0)


class TestNames:
    def test_steps_and_properties(self) -> None:
        steps = [Shift(), Join(), Shift()]
        found = free_parameters(
            steps, {"distance": [0, 1], "weight": (0, 2), "size2": [1, 5], "distance2": [3, 4]}
        )
        assert [(p.step, p.attribute) for p in found] == [
            (0, "distance"),
            (1, "weight"),
            (2, "size"),
            (2, "distance"),
        ]
        assert [p.whole for p in found] == [False, False, True, False]

    def test_a_name_that_ends_with_digits_itself(self) -> None:
        first, second = Shift(), Shift()
        second.distance2 = 1.5
        assert free_parameters([first, second], {"distance2": [0, 1]})[0].attribute == "distance2"
        first.distance2 = 2.5
        (found,) = free_parameters([first, second], {"distance22": [0, 1]})
        assert (found.step, found.attribute) == (1, "distance2")

    @pytest.mark.parametrize(
        "name", ["speed", "distance3", "distance0", "name", "active", "_hidden", "fit_sample", "2"]
    )
    def test_unknown(self, name: str) -> None:
        with pytest.raises(ValueError, match=f"'{name}'.*distance, distance2, size, size2, used"):
            free_parameters([Shift(), Shift()], {name: [0, 1]})

    def test_none(self) -> None:
        with pytest.raises(ValueError, match="none given; available are distance, size, used"):
            Pipeline([Shift()]).optimise(points(), **QUIET)
        with pytest.raises(ValueError, match="available are none"):
            Pipeline([]).optimise(points(), **QUIET)

    def test_twice_the_same(self) -> None:
        shared = Shift()
        for steps in ([Shift(), Shift()], [shared, shared]):
            names = ("size", "size1") if steps[0] is not steps[1] else ("size", "size2")
            with pytest.raises(ValueError, match=f"{names[0]} and {names[1]} are the same"):
                free_parameters(steps, {name: [0, 9] for name in names})

    @pytest.mark.parametrize(
        "bounds",
        [5, [1], [1, 2, 3], [2, 1], [1, 1], [0, np.inf], [np.nan, 1], ["a", "b"], None, [0, 1j]],
    )
    def test_bounds(self, bounds: Any) -> None:
        with pytest.raises(ValueError, match="distance must be"):
            free_parameters([Shift()], {"distance": bounds})

    def test_bounds_of_integers(self) -> None:
        (found,) = free_parameters([Shift()], {"size": [1.5, 4.5]})
        assert (found.low, found.high) == (2, 4)
        with pytest.raises(ValueError, match="size is an integer"):
            free_parameters([Shift()], {"size": [0.2, 1.8]})

    @given(st.floats(-1, 2), st.integers(-20, 20), st.integers(1, 50))
    def test_values_stay_within_bounds(self, share: float, low: int, width: int) -> None:
        for name, kind in (("size", int), ("distance", float)):
            (found,) = free_parameters([Shift()], {name: [low, low + width]})
            value = found.value(share)
            assert type(value) is kind
            assert low <= value <= low + width


class TestSearch:
    @pytest.mark.parametrize("seed", [0, 1, 2])
    def test_known_optimum(self, seed: int) -> None:
        pipeline = Pipeline([Shift(distance=-3.0), Join()])
        found = pipeline.optimise(
            points(),
            max_evals=120,
            objective=distance_from(4.321, 7),
            seed=seed,
            distance=[-10, 10],
            size=[0, 30],
            **QUIET,
        )
        assert found.best["size"] == 7
        assert type(found.best["size"]) is int
        assert found.best["distance"] == pytest.approx(4.321, abs=0.05)
        assert found.objective == found.history["objective"].min() < 0.05
        assert pipeline.transformers[0].distance == found.best["distance"]
        assert type(pipeline.transformers[0].size) is int
        assert len(found.history) <= 120

    def test_second_of_two(self) -> None:
        pipeline = Pipeline([Shift(), Shift(1.0), Join()])
        pipeline.optimise(
            points(), max_evals=60, objective=distance_from(3, 6), distance2=[-5, 5], **QUIET
        )
        assert pipeline.transformers[0].distance == 0
        assert pipeline.transformers[1].distance == pytest.approx(3, abs=0.05)

    @pytest.mark.parametrize("scale", [1e-9, 1e9])
    def test_unit_of_the_objective_does_not_matter(self, scale: float) -> None:
        def settings(factor: float) -> np.ndarray:
            objective = distance_from(4.3, 3)
            found = Pipeline([Shift(), Join()]).optimise(
                points(), 50, objective=lambda x: factor * objective(x), distance=[-9, 9], **QUIET
            )
            return np.asarray(found)[:, 0]

        np.testing.assert_array_equal(settings(scale), settings(1.0))

    def test_optimum_on_the_bounds(self) -> None:
        pipeline = Pipeline([Shift(), Join()])
        found = pipeline.optimise(
            points(), max_evals=60, objective=distance_from(99, 3), distance=[-1, 2], **QUIET
        )
        assert found.best["distance"] == pytest.approx(2, abs=0.01)
        assert found.history["distance"].between(-1, 2).all()

    def test_few_integers_are_each_tried_once(self) -> None:
        seen: list[float] = []

        def objective(result: PointData) -> float:
            seen.append(float(result.points[0, 2] - points().points[0, 2]))
            return (seen[-1] - 4) ** 2

        pipeline = Pipeline([Shift(), Join()])
        found = pipeline.optimise(points(), objective=objective, size=[1, 6], **QUIET)
        assert sorted(seen) == [1, 2, 3, 4, 5, 6]
        assert found.best == {"size": 4}
        assert len(found.history) == 6

    def test_never_more_settings_than_asked_for(self) -> None:
        for count in (1, 2, 7):
            pipeline = Pipeline([Shift(0.5), Join()])
            found = pipeline.optimise(
                points(), count, objective=distance_from(3, 3), distance=[0, 9], **QUIET
            )
            assert len(found.history) == count

    def test_starts_with_what_there_is(self) -> None:
        pipeline = Pipeline([Shift(1.25), Join()])
        found = pipeline.optimise(
            points(), 10, objective=distance_from(1.25, 3), distance=[0, 9], **QUIET
        )
        assert found.history["distance"][0] == pytest.approx(1.25)
        assert found.objective == pytest.approx(0)

    def test_what_there_is_may_lie_outside(self) -> None:
        pipeline = Pipeline([Shift(-20.0), Join()])
        found = pipeline.optimise(
            points(), 10, objective=distance_from(1, 3), distance=[0, 9], **QUIET
        )
        assert found.history["distance"].between(0, 9).all()

    def test_seed(self) -> None:
        def history(seed: int) -> np.ndarray:
            pipeline = Pipeline([Shift(), Join()])
            objective = distance_from(3, 3)
            bounds = {"distance": [-9, 9], "weight": [0.5, 2]}
            return np.asarray(
                pipeline.optimise(points(), 40, objective=objective, seed=seed, **bounds, **QUIET)
            )

        np.testing.assert_array_equal(history(3), history(3))
        assert (history(3)[1:20] != history(4)[1:20]).any()

    def test_table(self, capsys: Any) -> None:
        pipeline = Pipeline([Shift(), Join()])
        found = pipeline.optimise(
            points(),
            12,
            "sequential",
            objective=distance_from(3, 3),
            distance=[0, 9],
            size=[0, 9],
        )
        names = ["distance", "size", "freq_err", "spatial_err", "objective"]
        assert list(found.history.columns) == names
        assert np.asarray(found).shape == (12, 5)
        assert np.asarray(found, dtype=np.float32).dtype == np.float32
        assert "12 settings tried, 0 failed" in str(found)
        assert "12/12" in capsys.readouterr().err

    def test_an_iterator_serves_all_settings(self) -> None:
        pipeline = Pipeline([Shift(), Join()])
        found = pipeline.optimise(
            iter(list(points())), 20, objective=distance_from(3, 3), distance=[0, 9], **QUIET
        )
        assert found.failed == 0
        assert found.history["freq_err"].isna().all()


class TestLeftAsItWas:
    def test_only_the_parameters_change(self) -> None:
        pipeline = Pipeline([Shift(1.0), Join()])
        data = points()
        before = state(pipeline)
        pipeline.optimise(data, 10, objective=distance_from(3, 3), distance=[0, 9], **QUIET)
        after = state(pipeline)
        assert after[0].pop("distance") != before[0].pop("distance")
        assert after == before
        np.testing.assert_array_equal(data.points, points().points)

    @pytest.mark.parametrize("kind", [RuntimeError, KeyboardInterrupt, TypeError])
    def test_other_errors_end_the_search(self, kind: type[BaseException]) -> None:
        pipeline = Pipeline([Fails(kind, 0.5), Join()])
        before = state(pipeline)
        with pytest.raises(kind, match="too high"):
            pipeline.optimise(points(), 30, objective=distance_from(0, 0), level=[0, 1], **QUIET)
        assert state(pipeline) == before

    def test_errors_of_the_objective_end_the_search(self) -> None:
        def objective(result: PointData) -> float:
            raise ValueError("mistaken")

        pipeline = Pipeline([Shift(), Join()])
        before = state(pipeline)
        with pytest.raises(ValueError, match="mistaken"):
            pipeline.optimise(points(), 5, objective=objective, distance=[0, 1], **QUIET)
        assert state(pipeline) == before

    def test_refused_settings_count_as_infinite(self) -> None:
        pipeline = Pipeline([Fails(ValueError, 0.5), Join()])
        found = pipeline.optimise(points(), 30, objective=lambda result: 0.0, level=[0, 1], **QUIET)
        bad = found.history["level"] > 0.5
        assert found.failed == bad.sum() > 0
        assert np.isinf(found.history["objective"][bad]).all()
        assert found.last_failure == "too high"
        assert found.best["level"] <= 0.5

    def test_constructors_refuse_what_attributes_do_not(self) -> None:
        pipeline = Pipeline([Shift(), Join()])
        found = pipeline.optimise(
            points(), 30, objective=lambda result: 0.0, distance=[-200, 100], **QUIET
        )
        assert found.failed == (found.history["distance"] < -50).sum() > 0
        assert "at least -50" in found.last_failure

    def test_nothing_found(self) -> None:
        pipeline = Pipeline([Fails(ValueError, -1.0), Join()])
        before = state(pipeline)
        with pytest.raises(ValueError, match=r"none of the 9 settings.*9 were refused.*too high"):
            pipeline.optimise(points(), 9, objective=lambda result: 0.0, level=[0, 1], **QUIET)
        with pytest.raises(ValueError, match="none of the 9 settings"):
            Pipeline([Shift()]).optimise(
                points(), 9, objective=lambda result: np.nan, distance=[0, 1], **QUIET
            )
        assert state(pipeline) == before


class TestArguments:
    @pytest.mark.parametrize(
        ("wrong", "error", "message"),
        [
            ({"max_evals": 0}, ValueError, "max_evals must be at least 1"),
            ({"seed": -1}, ValueError, "seed must be zero or more"),
            ({"objective": "best"}, ValueError, "one of held-out, pept, found 'best'"),
            ({"objective": 3}, ValueError, "found 3"),
            ({"objective": "held-out"}, ValueError, "LineData, found PointData"),
            ({"lines": 5}, ValueError, "iterable, found int"),
            ({"lines": [1, 2], "objective": "pept"}, ValueError, "LineData, found list"),
            ({"objective": "pept"}, TypeError, r"column 'error'"),
        ],
    )
    def test_wrong(self, wrong: dict[str, Any], error: type[Exception], message: str) -> None:
        arguments = {"lines": points(), "objective": abs} | wrong
        with pytest.raises(error, match=message):
            Pipeline([Shift(), Join()]).optimise(**arguments, distance=[0, 1], **QUIET)

    def test_result_that_is_no_container(self, run: Any) -> None:
        with pytest.raises(TypeError, match=r"end with PointData.*found SampleGroups"):
            Pipeline([Cutpoints(0.5), HDBSCAN(0.5), SplitLabels()]).optimise(
                run.lines, 3, max_distance=[0.1, 1], **QUIET
            )


def trajectories(run: Any, error: float = 0.0, keep: Any = slice(None)) -> PointData:
    """Truth, moved aside by so much, as labelled positions."""
    times = np.linspace(0, run.lines.data[-1, 0], 300)
    tables = [
        np.column_stack([times, path(times), np.full(300, float(label))])
        for label, path in enumerate(run.paths)
    ]
    rows = np.concatenate(tables[keep]) + np.array([0, error, 0, 0, 0])
    return PointData(rows, columns=["t", "x", "y", "z", "label"])


class TestHeldOut:
    def test_oracle(self, run: Any) -> None:
        rng = np.random.default_rng(0)
        judged = HeldOutLines(run.lines)
        rows = trajectories(run).points.copy()
        rows[:, 1:4] += rng.normal(0, 1, (len(rows), 3))
        rows = rng.permutation(rows)[:400]
        rows[:7, 4] = -1
        rows[7:9, 2] = np.nan
        found = PointData(rows, columns=["t", "x", "y", "z", "label"])
        assert judged(found) == pytest.approx(held_out_objective(run.lines.lines, rows), rel=1e-7)

    def test_devices(self, run: Any, device: Any) -> None:
        judged = HeldOutLines(run.lines.to(device.name))
        found = trajectories(run, 1.0)
        assert judged.rest.device.startswith(device.name)
        assert judged(found.to(device.name)) == HeldOutLines(run.lines)(found)

    def test_the_rest_keeps_the_times_of_samples(self, run: Any) -> None:
        rest = HeldOutLines(run.lines).rest
        assert len(rest.lines) == 3_600
        assert len(rest) == len(run.lines)
        for fewer, sample in zip(rest, run.lines, strict=True):
            assert 160 <= len(fewer.lines) <= 200
            assert np.isin(fewer.lines[:, 0], sample.lines[:, 0]).all()

    def test_truth_is_best(self, run: Any) -> None:
        judged = HeldOutLines(run.lines)
        scores = [judged(trajectories(run, error)) for error in (0, 1, 2, 4, 8, 16)]
        assert scores == sorted(scores)
        assert scores[0] < scores[-1] < 0

    def test_lost_false_and_interrupted(self, run: Any) -> None:
        judged = HeldOutLines(run.lines)
        truth = trajectories(run)
        best = judged(truth)
        assert best < judged(trajectories(run, keep=slice(1)))
        false = trajectories(run, 60.0).points + np.array([0, 0, 0, 0, 2])
        both = PointData(np.concatenate([truth.points, false]), columns=truth.columns)
        assert best < judged(both)
        sparse = PointData(truth.points[::75].copy(), columns=truth.columns)
        assert best < judged(sparse)

    def test_nothing(self, run: Any) -> None:
        judged = HeldOutLines(run.lines)
        noise = trajectories(run)
        noise.points[:, 4] = -1
        assert judged(noise) == 0
        assert judged(PointData(np.empty((0, 4)))) == np.inf
        assert judged(PointData(np.full((9, 4), np.nan))) == 0
        assert judged(PointData([[5.0, 1, 1, 1]])) == 0

    def test_far_away(self, run: Any) -> None:
        for error in (1e4, 1e150):
            assert -0.1 < HeldOutLines(run.lines)(trajectories(run, error)) < 0.7

    def test_times_in_any_order_and_lines_that_are_none(self, run: Any) -> None:
        rows = np.random.default_rng(1).permutation(run.lines.lines)
        rows[1000, 1] = np.nan
        rows[1005, 4:7] = rows[1005, 1:4]
        assert np.isfinite(HeldOutLines(LineData(rows))(trajectories(run)))
        with pytest.raises(ValueError, match="at least 20"):
            HeldOutLines(LineData(rows[:19]))
        with pytest.raises(ValueError, match="finite"):
            HeldOutLines(LineData(np.zeros((40, 7))))

    def test_per_sample_attributes_stay(self, run: Any) -> None:
        lines = run.lines.copy(angle=90)
        assert HeldOutLines(lines).rest.attrs == {"angle": 90}


class TestMeasures:
    def test_frequency(self) -> None:
        lines = LineData(np.column_stack([np.linspace(0, 50, 1000), np.ones((1000, 6))]))
        assert frequency_error(PointData(np.zeros((30, 4))), lines) == pytest.approx(0.4**2)
        assert np.isnan(frequency_error(PointData(np.zeros((3, 4))), LineData(np.zeros((9, 7)))))
        assert np.isnan(frequency_error(PointData(np.zeros((3, 4))), LineData(np.zeros((0, 7)))))

    def test_devices(self, device: Any) -> None:
        rows = np.arange(20.0).reshape(4, 5)
        found = PointData(device.asarray(rows), columns=["t", "x", "y", "z", "error"])
        lines = LineData(device.asarray(np.arange(70.0).reshape(10, 7)))
        assert spatial_error(found) == 11.5
        assert frequency_error(found, lines) == pytest.approx((3.9 / 63) ** 2)

    def test_spatial(self) -> None:
        rows = np.zeros((4, 5))
        rows[:, 4] = [1, np.nan, 5, 2]
        assert spatial_error(PointData(rows, columns=["t", "x", "y", "z", "error"])) == 2
        assert np.isnan(spatial_error(PointData(rows)))
        rows[:, 4] = np.nan
        assert np.isnan(spatial_error(PointData(rows, columns=["t", "x", "y", "z", "error"])))

    def test_pept(self, run: Any) -> None:
        pipeline = recipe()
        found = pipeline.optimise(
            run.lines, 6, objective="pept", true_fraction=[0.05, 0.5], **QUIET
        )
        table = found.history[np.isfinite(found.history["objective"])]
        assert len(table) > 0
        np.testing.assert_allclose(table["objective"], table["freq_err"] * table["spatial_err"])


def error_of(found: PointData, run: Any) -> float:
    """Root mean square error in the middle half of the time, 20 mm where there is no trajectory."""
    errors = []
    for path in run.paths:
        times = np.linspace(0.25, 0.75, 200) * run.lines.data[-1, 0]
        nearest = np.full(200, 20.0)
        for label in np.unique(found["label"][found["label"] >= 0]):
            track = found.points[found["label"] == label]
            at = [np.interp(times, track[:, 0], track[:, i], np.nan, np.nan) for i in (1, 2, 3)]
            nearest = np.fmin(nearest, np.linalg.norm(np.transpose(at) - path(times), axis=1))
        errors.append(nearest)
    return float(np.sqrt(np.square(errors).mean()))


class TestRecipe:
    @pytest.mark.parametrize(
        "start",
        [
            {"true_fraction": 0.75, "sample_size": 30},
            {"true_fraction": 0.05, "sample_size": 25, "max_distance": 0.1},
        ],
    )
    def test_improves_a_bad_start(self, run: Any, start: dict[str, Any]) -> None:
        pipeline = recipe(**start)
        before = pipeline.fit(run.lines, verbose=False)
        found = pipeline.optimise(
            run.lines, 16, true_fraction=[0.02, 0.8], sample_size=[6, 40], **QUIET
        )
        after = pipeline.fit(run.lines, verbose=False)
        assert found.objective == found.history["objective"].min()
        judged = HeldOutLines(run.lines)
        assert judged(after) < judged(before)
        assert error_of(after, run) < 2.5 < error_of(before, run)
        assert location_errors(after, run.paths).found == 2

    def test_says_when_nothing_is_better_than_chance(self, run: Any) -> None:
        with pytest.warns(RuntimeWarning, match="no setting tried predicts"):
            found = recipe().optimise(run.lines, 3, sample_size=[100, 200], **QUIET)
        assert found.objective == 0

    def test_workers_do_not_change_it(self, run: Any) -> None:
        def history(**options: Any) -> np.ndarray:
            bounds = {"true_fraction": [0.05, 0.5], "sample_size": [4, 40]}
            found = recipe().optimise(run.lines, 8, verbose=False, **bounds, **options)
            return np.asarray(found)

        np.testing.assert_array_equal(
            history(max_workers=1, memory="4MB"), history(executor="sequential", max_workers=2)
        )
