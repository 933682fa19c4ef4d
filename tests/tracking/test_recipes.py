"""The PEPT-ML recipe as one function, and runs with figures."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import gpupept as pept
from gpupept.base import PointDataFilter
from gpupept.simulation import location_errors, rotating_tracers
from gpupept.tracking import (
    HDBSCAN,
    Centroids,
    Cutpoints,
    Segregate,
    SplitLabels,
    Stack,
)
from gpupept.tracking.recipes import (
    Stage,
    TrackingRun,
    peptml_pipeline,
    peptml_samples,
    run_pipeline,
)

COLUMNS = ["t", "x", "y", "z", "label"]


@pytest.fixture(scope="module")
def simulated() -> Any:
    return rotating_tracers(lors=9_000, sample_size=400, overlap=300)


def test_defaults_are_those_of_the_manual() -> None:
    written_out = pept.Pipeline(
        [
            Cutpoints(0.5),
            HDBSCAN(0.15, max_tracers=2),
            SplitLabels() + Centroids(),
            Stack(sample_size=60, overlap=59),
            HDBSCAN(0.6, max_tracers=2),
            SplitLabels() + Centroids(),
            Stack(),
            Segregate(window=40, cut_distance=10),
        ]
    )
    assert repr(peptml_pipeline(max_tracers=2)) == repr(written_out)
    assert peptml_samples(2) == (400, 300)
    assert peptml_samples() == (200, 150)


def test_every_parameter_arrives() -> None:
    pipeline = peptml_pipeline(
        3,
        max_distance=0.7,
        true_fraction=0.2,
        second_true_fraction=0.5,
        second_sample_size=50,
        second_overlap=10,
        segregate_window=33,
        cut_distance=4.0,
        min_trajectory_size=9,
        strict=True,
        engine="batched",
        seed=5,
    )
    steps = pipeline.transformers
    cutpoints, first, second = steps[0], steps[1], steps[5]
    stack, segregate = steps[4], steps[-1]
    assert cutpoints.max_distance == 0.7
    assert [(s.true_fraction, s.max_tracers) for s in (first, second)] == [(0.2, 3), (0.5, 3)]
    assert all((s.strict, s.engine, s.seed) == (True, "batched", 5) for s in (first, second))
    assert (stack.sample_size, stack.overlap) == (50, 10)
    assert (segregate.window, segregate.cut_distance) == (33, 4.0)
    assert segregate.min_trajectory_size == 9
    assert peptml_pipeline(second_sample_size=50).transformers[4].overlap == 49


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"max_tracers": 0}, "max_tracers .* 0"),
        ({"max_distance": -1.0}, "max_distance"),
        ({"max_distance": float("nan")}, "max_distance"),
        ({"true_fraction": 0.0}, "true_fraction"),
        ({"second_true_fraction": 1.5}, "true_fraction"),
        ({"second_sample_size": 1}, "second_sample_size"),
        ({"second_sample_size": 20, "second_overlap": 20}, "second_overlap .* 20"),
        ({"segregate_window": 0}, "window"),
        ({"cut_distance": -1.0}, "cut_distance"),
        ({"engine": "magic"}, "engine"),
    ],
)
def test_wrong_parameters(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        peptml_pipeline(**options)


def test_wrong_number_of_tracers_for_samples() -> None:
    with pytest.raises(ValueError, match="max_tracers"):
        peptml_samples(0)


def test_run_is_the_pipeline_with_figures(simulated: Any) -> None:
    pipeline = peptml_pipeline(max_tracers=2)
    expected = pipeline.fit(simulated.lines, verbose=False)
    run = run_pipeline(pipeline, simulated.lines, verbose=False)
    assert run.trajectories.points.tobytes() == expected.points.tobytes()
    assert list(run.trajectories.columns) == COLUMNS
    assert (run.lors, run.samples, run.device) == (9_000, 87, "cpu")
    names = [stage.name for stage in run.stages]
    assert names == ["first pass", "stacking", "second pass", "separation"]
    assert all(stage.seconds >= 0 for stage in run.stages)
    assert run.seconds == pytest.approx(sum(stage.seconds for stage in run.stages))
    assert run.rate == pytest.approx(9_000 / run.seconds)
    # With the majority rule every sample yields both tracers, and so does every window.
    first = 2 * 87
    second = 2 * (first - 60 + 1)
    assert [stage.rows for stage in run.stages] == [first, first, second, second]
    assert run.trajectory_sizes() == {0: second // 2, 1: second // 2}


def test_tracers_are_found_where_they_are(simulated: Any) -> None:
    run = run_pipeline(peptml_pipeline(max_tracers=2), simulated.lines, verbose=False)
    errors = location_errors(run.trajectories, simulated.paths)
    assert errors.found == 2
    assert errors.mean < 0.8
    assert errors.percentile(95) < 1.2


def test_result_depends_neither_on_memory_nor_on_workers(simulated: Any) -> None:
    pipeline = peptml_pipeline(max_tracers=2)
    whole = run_pipeline(pipeline, simulated.lines, verbose=False)
    for options in ({"memory": "100kB"}, {"max_workers": 1}, {"max_workers": 5, "memory": 1}):
        again = run_pipeline(pipeline, simulated.lines, verbose=False, **options)
        assert again.trajectories.points.tobytes() == whole.trajectories.points.tobytes()


def test_same_positions_on_every_device(device: Any) -> None:
    lines = rotating_tracers(lors=1_500, sample_size=200, overlap=100, radii=(30, 60)).lines
    pipeline = peptml_pipeline(max_tracers=2, second_sample_size=8)
    host = run_pipeline(pipeline, lines, verbose=False, device="cpu")
    there = run_pipeline(pipeline, lines, verbose=False, device=device.name)
    assert there.device.startswith(device.name)
    assert there.trajectories.device == "cpu"
    assert [stage.rows for stage in there.stages] == [stage.rows for stage in host.stages]
    assert there.trajectory_sizes() == host.trajectory_sizes()
    assert np.allclose(there.trajectories.points, host.trajectories.points, rtol=0, atol=1e-6)


class OnlyUpperHalf(PointDataFilter):
    """A filter as a user writes one."""

    def fit_sample(self, sample: Any) -> Any:
        return pept.PointData(sample.points[sample["y"] > 255], columns=list(sample.columns))


def test_a_filter_of_ones_own_in_a_run(simulated: Any) -> None:
    pipeline = pept.Pipeline(
        [Cutpoints(0.5), HDBSCAN(0.15, 2), SplitLabels() + Centroids(), OnlyUpperHalf(), Stack()]
    )
    run = run_pipeline(pipeline, simulated.lines, verbose=False)
    assert [stage.name for stage in run.stages] == ["first pass", "stacking"]
    assert 0 < len(run.trajectories.points) < 174
    assert (run.trajectories["y"] > 255).all()
    assert run.trajectory_sizes() == {0: len(run.trajectories.points)}


def test_pipelines_that_do_not_end_with_points(simulated: Any) -> None:
    with pytest.raises(ValueError, match=r"end with PointData, .* LineData"):
        run_pipeline(pept.Pipeline([]), simulated.lines)
    with pytest.raises(ValueError, match="SampleGroups"):
        run_pipeline(
            pept.Pipeline([Cutpoints(0.5), HDBSCAN(0.15), SplitLabels()]),
            simulated.lines[:2],
            verbose=False,
        )


def lines_without_a_tracer(kind: str) -> np.ndarray:
    rng = np.random.default_rng(0)
    rows = np.zeros((500, 7))
    rows[:, 0] = np.arange(500)
    rows[:, 6] = 700
    rows[:, [1, 2, 4, 5]] = rng.uniform(0, 400, (500, 4))
    if kind == "parallel":
        rows[:, 4:6] = rows[:, 1:3]
    elif kind == "identical":
        rows[:, 1:] = rows[0, 1:]
    elif kind == "zero length":
        rows[:, 4:7] = rows[:, 1:4]
    elif kind == "NaN":
        rows[:, 1] = np.nan
    elif kind == "infinite":
        rows[:, 5] = np.inf
    return rows


@pytest.mark.parametrize("kind", ["parallel", "identical", "zero length", "NaN", "infinite"])
def test_lines_without_a_tracer_give_no_trajectory(kind: str) -> None:
    lines = pept.LineData(lines_without_a_tracer(kind), sample_size=200, overlap=150)
    run = run_pipeline(peptml_pipeline(), lines, verbose=False)
    assert run.trajectory_sizes() == {}
    assert run.trajectories.points.shape == (0, 5)
    assert list(run.trajectories.columns) == COLUMNS


def test_a_few_lines_that_are_not_finite_do_no_harm(simulated: Any) -> None:
    rows = simulated.lines.lines.copy()
    rows[::50, 1] = np.nan
    rows[7::50, 5] = np.inf
    lines = pept.LineData(rows, sample_size=400, overlap=300)
    run = run_pipeline(peptml_pipeline(max_tracers=2), lines, verbose=False)
    errors = location_errors(run.trajectories, simulated.paths)
    assert errors.found == 2
    assert errors.mean < 0.8


@pytest.mark.parametrize("count", [0, 1, 2, 399])
def test_too_few_lines_for_a_sample(count: int) -> None:
    lines = rotating_tracers(lors=count, sample_size=400, overlap=300).lines
    run = run_pipeline(peptml_pipeline(max_tracers=2), lines, verbose=False)
    assert (run.samples, len(run.trajectories.points), run.trajectory_sizes()) == (0, 0, {})


def test_progress_bars_have_the_names_of_the_passes(
    simulated: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    run_pipeline(peptml_pipeline(max_tracers=2), simulated.lines[:80], verbose=True)
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "first pass" in shown.err
    assert "second pass" in shown.err


def test_wrong_run_options(simulated: Any) -> None:
    pipeline = peptml_pipeline()
    with pytest.raises(ValueError, match="max_workers"):
        run_pipeline(pipeline, simulated.lines, max_workers=0)
    with pytest.raises(ValueError, match="device"):
        run_pipeline(pipeline, simulated.lines, device="gpu")


def test_rate_of_a_run_without_stages() -> None:
    points = pept.PointData(np.empty((0, 5)), columns=COLUMNS)
    assert TrackingRun(10, 1, "cpu", (), points).rate == 0
    assert TrackingRun(10, 1, "cpu", (Stage("first pass", 2.0, 0),), points).rate == 5
