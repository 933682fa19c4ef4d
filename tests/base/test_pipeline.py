"""Pipelines: structure, and built-in, own and reducing steps in any mixture."""

from __future__ import annotations

import logging
import pickle
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from cuda_host import fake_cupy

import gpupept
from gpupept import LineData, Pipeline, PointData, use_backend
from gpupept.backend import GPUUnavailableError, MixedDevicesError, probe
from gpupept.base import Filter, Reducer, SampleGroups
from gpupept.kernels.threads import thread_count
from gpupept.simulation import rotating_tracers
from gpupept.tracking import HDBSCAN, Centroids, Cutpoints, Segregate, SplitLabels, Stack
from gpupept.tracking.recipes import peptml_pipeline

EXECUTORS = ["sequential", "joblib", ThreadPoolExecutor, ProcessPoolExecutor, "an instance"]


class KeepMiddle(Filter):
    """Lines of which the first point lies near the middle; one sample in, one out."""

    def fit_sample(self, sample):
        near = abs(sample.lines[:, 1] - np.median(sample.lines[:, 1])) < 150
        return LineData(sample.lines[near])


class Round(Filter):
    """Points to two decimals, with what else the sample has."""

    def fit_sample(self, sample):
        return sample.copy(data=np.round(sample.points, 2))


class SplitInHalves(Filter):
    """A list of two containers for each sample."""

    def fit_sample(self, sample):
        half = len(sample.points) // 2
        return [PointData(sample.points[:half]), PointData(sample.points[half:])]


class AsArray(Filter):
    def fit_sample(self, sample):
        return sample.points[:, :4]


class Nothing(Filter):
    def fit_sample(self, sample):
        return None


class Inside(Filter):
    """Uses built-in filters itself, in whatever thread or process it finds itself."""

    def fit_sample(self, sample):
        return (Cutpoints(0.5) + HDBSCAN(0.3, 2) + SplitLabels() + Centroids()).fit_sample(sample)


class CountClusters(Filter):
    """Takes what SplitLabels makes, a list of clusters."""

    def fit_sample(self, sample):
        assert isinstance(sample, list)
        return len(sample)


class MeanTime(Reducer):
    def __init__(self):
        self.seen = []

    def fit(self, samples):
        self.seen.append(type(samples).__name__)
        return float(np.mean([sample.points[:, 0].mean() for sample in samples]))


class DropEmpty(Reducer):
    def fit(self, samples):
        return [sample for sample in samples if len(sample.points)]


class Add(Filter):
    def __init__(self, number):
        self.number = number

    def fit_sample(self, sample):
        return sample + self.number


class Sum(Reducer):
    def fit(self, samples):
        return [sum(samples)]


@pytest.fixture(scope="module")
def lines():
    return rotating_tracers(lors=1_500, sample_size=60, overlap=20, radii=(30, 60)).lines


def flat(result):
    """Rows of each sample of a result, for comparing."""
    if isinstance(result, PointData | LineData | SampleGroups | list):
        return [rows_of(sample) for sample in result]
    return rows_of(result)


def rows_of(sample):
    if isinstance(sample, PointData | LineData):
        return sample.data.tolist()
    if isinstance(sample, list):
        return [rows_of(item) for item in sample]
    return sample.tolist() if isinstance(sample, np.ndarray) else sample


def one_by_one(pipeline, samples):
    """Plain meaning of a pipeline: every filter on every sample, one after the other."""
    for step in pipeline.transformers:
        if isinstance(step, Filter):
            samples = [step.fit_sample(sample) for sample in samples]
        else:
            samples = step.fit(samples)
    return samples


class TestStructure:
    def test_steps_golden(self, golden):
        g = golden("core_containers")
        for letters, expected in zip(g["steps_in"], g["steps_out"], strict=True):
            steps = [Add(1) if letter == "F" else Sum() for letter in letters]
            found = []
            for stage in Pipeline(steps).steps():
                inside = "".join(
                    "F" if isinstance(s, Filter) else "R" for s in np.atleast_1d(stage)
                )
                found.append(f"({inside})" if isinstance(stage, tuple) else inside)
            assert " ".join(found) == expected

    def test_kinds(self):
        first, second, third = Add(1), Sum(), Add(2)
        pipeline = Pipeline([first, second, third])
        assert pipeline.transformers == [first, second, third]
        assert pipeline.filters == [first, third]
        assert pipeline.reducers == [second]
        for name in ("transformers", "filters", "reducers"):
            with pytest.raises(AttributeError):
                setattr(pipeline, name, [])

    def test_nested(self):
        a, b, c, d = Add(1), Add(2), Sum(), Add(4)
        assert Pipeline([a, Pipeline([b, Pipeline([c])]), d]).transformers == [a, b, c, d]
        assert Pipeline(iter([a, b])).transformers == [a, b]

    def test_adding_leaves_the_operands(self):
        first, second = Pipeline([Add(1)]), Pipeline([Sum()])
        both = first + second + Add(3)
        assert len(both.transformers) == 3
        assert len(first.transformers) == len(second.transformers) == 1

    @pytest.mark.parametrize("wrong", [Add, 3, None, [Add(1)], "Add"])
    def test_members_refused(self, wrong):
        with pytest.raises(TypeError, match=r"transformers\[1\]"):
            Pipeline([Add(1), wrong])

    @pytest.mark.parametrize("wrong", [Add(1), 3, None])
    def test_not_a_list(self, wrong):
        with pytest.raises(TypeError):
            Pipeline(wrong)

    def test_copies_and_pickles(self):
        pipeline = Pipeline([Add([1]), Sum()])
        deep, shallow = pipeline.copy(), pipeline.copy(deep=False)
        pipeline.filters[0].number.append(2)
        assert deep.filters[0].number == [1]
        assert shallow.filters[0].number == [1, 2]
        chain = Cutpoints(0.5) + HDBSCAN(0.15) + SplitLabels() + Centroids() + Stack()
        assert repr(pickle.loads(pickle.dumps(chain))) == repr(chain)


class TestFit:
    def test_empty_pipeline(self):
        data = PointData(np.zeros((4, 4)))
        assert Pipeline([]).fit(data, verbose=False) is data
        assert Pipeline([]).fit_sample(data) is data

    def test_filters_and_reducers_in_turn(self):
        pipeline = Pipeline([Add(1), Add(10), Sum(), Add(100), Sum(), Sum()])
        assert pipeline.fit([1, 2, 3], "sequential", verbose=False) == [139]
        assert pipeline.fit(iter([1, 2, 3]), "sequential", verbose=False) == [139]

    def test_one_sample(self):
        assert Pipeline([Add(1), Sum()]).fit_sample(5) == [6]
        assert (Add(1) + Add(2)).fit_sample(5) == 8

    def test_one_sample_of_the_recipe(self, lines):
        pipeline = Cutpoints(0.5) + HDBSCAN(0.3, 2) + SplitLabels() + Centroids()
        found = pipeline.fit(lines, verbose=False)
        for i in (0, 3):
            assert flat(pipeline.fit_sample(lines[i])) == flat(found[i : i + 1])
        stacked = (pipeline + Stack()).fit_sample(lines[0])
        assert stacked.points.tolist() == found[0].points.tolist()

    def test_rows_of_an_array_are_its_samples(self):
        assert Pipeline([Add(1)]).fit(np.arange(3), "sequential", verbose=False) == [1, 2, 3]

    def test_the_last_step_decides_the_type(self, lines):
        assert isinstance(Pipeline([Cutpoints(0.5)]).fit(lines, verbose=False), PointData)
        assert isinstance(Pipeline([KeepMiddle()]).fit(lines, "sequential", verbose=False), list)
        assert isinstance((Cutpoints(0.5) + MeanTime()).fit(lines, verbose=False), float)

    def test_reducers_have_the_number_of_threads_asked_for(self, lines):
        found = []

        class Threads(Reducer):
            def fit(self, samples):
                found.append(thread_count())
                return samples

        Pipeline([Threads(), Stack(), Threads()]).fit(lines, max_workers=7, verbose=False)
        assert found == [7, 7]

    @pytest.mark.parametrize("samples", [3, None, 1.5])
    def test_not_iterable(self, samples):
        for pipeline in (Pipeline([]), Pipeline([Add(1)]), Pipeline([Sum()])):
            with pytest.raises(ValueError, match="iterable"):
                pipeline.fit(samples, verbose=False)

    def test_executors_refused(self, lines):
        for pipeline in (Pipeline([]), Pipeline([Cutpoints(0.5)])):
            with pytest.raises(TypeError, match="executor"):
                pipeline.fit(lines, executor="threads", verbose=False)
            with pytest.raises(ValueError, match="max_workers"):
                pipeline.fit(lines, max_workers=0, verbose=False)

    def test_no_samples(self, lines):
        none = lines.with_samples(np.empty((0, 2)))
        found = Pipeline([Cutpoints(0.5), HDBSCAN(0.3), SplitLabels(), Centroids(), Stack()]).fit(
            none, verbose=False
        )
        assert (len(found), found.points.shape) == (0, (0, 4))
        labelled = Segregate(5, 5.0).fit(found)
        assert labelled.points.shape == (0, 5)
        assert (Cutpoints(0.5) + Stack()).fit([], verbose=False) == []

    def test_samples_too_small_to_track(self):
        """One line, or none, in each sample goes through the whole recipe."""
        few = LineData(np.arange(14.0).reshape(2, 7)).with_samples([[0, 1], [1, 1], [1, 2]])
        pipeline = peptml_pipeline()
        assert pipeline.fit(few, verbose=False).points.shape == (0, 5)

    def test_the_input_is_left_alone(self, lines):
        before, table = lines.lines.copy(), lines.samples_indices.copy()
        peptml_pipeline(2).fit(lines, verbose=False)
        np.testing.assert_array_equal(lines.lines, before)
        np.testing.assert_array_equal(lines.samples_indices, table)

    @pytest.mark.parametrize(
        "spoil",
        [
            lambda rows: rows[:0],
            lambda rows: rows[:1],
            lambda rows: np.full_like(rows, np.nan),
            lambda rows: np.repeat(rows[:1], len(rows), axis=0),
            lambda rows: rows[:1] + np.arange(len(rows))[:, None] * [1, 0, 3, 0, 0, 3, 0],
            lambda rows: rows[:, [0, 1, 2, 3, 1, 2, 3]],
        ],
        ids=["none", "one", "not finite", "identical", "parallel", "no length"],
    )
    def test_lines_without_tracers(self, device, lines, spoil):
        rows = device.asarray(np.ascontiguousarray(spoil(lines.lines[:120])))
        found = peptml_pipeline().fit(LineData(rows, 40, 10), verbose=False)
        assert found.device.startswith(device.name)
        assert found.points.shape == (0, 5)

    def test_a_few_lines_that_are_not_finite(self, device, lines):
        """They change nothing for the others but their number."""
        rows = lines.lines[:400].copy()
        rows[[3, 50, 200], [1, 5, 0]] = np.nan, np.inf, -np.inf
        pipeline = Cutpoints(0.5) + HDBSCAN(0.3, 2) + SplitLabels() + Centroids() + Stack()
        found = pipeline.fit(LineData(device.asarray(rows), 100), verbose=False)
        expected = pipeline.fit(
            LineData(np.delete(rows, [3, 50, 200], axis=0), [98, 100, 99, 100]), verbose=False
        )
        np.testing.assert_allclose(device.to_host(found.points), expected.points, rtol=1e-9)

    def test_several_threads_at_once(self, lines):
        pipeline = peptml_pipeline(2, second_sample_size=20)
        expected = pipeline.fit(lines, verbose=False).points.tobytes()
        with ThreadPoolExecutor(4) as pool:
            runs = [pool.submit(pipeline.fit, lines, verbose=False) for _ in range(4)]
            assert all(run.result().points.tobytes() == expected for run in runs)


MIXTURES = {
    "own first": [KeepMiddle(), Cutpoints(0.5), HDBSCAN(0.3, 2)],
    "own between": [Cutpoints(0.5), Round(), HDBSCAN(0.3, 2), SplitLabels(), Centroids()],
    "own last": [Cutpoints(0.5), Round()],
    "own everywhere": [KeepMiddle(), Cutpoints(0.5), Round(), HDBSCAN(0.3, 2), Round()],
    "own takes lists": [Cutpoints(0.5), HDBSCAN(0.3, 2), SplitLabels(), CountClusters()],
    "own makes lists": [Cutpoints(0.5), SplitInHalves(), Centroids(), Stack()],
    "lists where one is wanted": [Cutpoints(0.5), SplitInHalves(), HDBSCAN(0.3, 2)],
    "own makes arrays": [Cutpoints(0.5), AsArray(), HDBSCAN(0.3, 2), SplitLabels(), Centroids()],
    "built-in inside own": [Inside(), Stack()],
    "own makes nothing": [Cutpoints(0.5), Nothing()],
    "own reducer": [Cutpoints(0.5), HDBSCAN(0.3, 2), DropEmpty(), SplitLabels() + Centroids()],
    "stacked lists": [Cutpoints(0.5), SplitInHalves(), Stack(sample_size=50), HDBSCAN(0.3, 2)],
}


class TestMixtures:
    @pytest.mark.parametrize("name", MIXTURES)
    @pytest.mark.parametrize("executor", EXECUTORS, ids=str)
    def test_any_executor(self, lines, name, executor):
        pipeline = Pipeline(MIXTURES[name])
        samples = lines[:8]
        expected = flat(one_by_one(pipeline, samples))
        if executor == "an instance":
            with ThreadPoolExecutor(2) as pool:
                found = pipeline.fit(samples, pool, verbose=False)
        else:
            found = pipeline.fit(samples, executor, max_workers=2, verbose=False)
        assert flat(found) == expected

    @pytest.mark.parametrize("name", MIXTURES)
    def test_any_budget_and_form_of_samples(self, lines, name):
        pipeline = Pipeline(MIXTURES[name])
        samples = lines[:8]
        expected = flat(one_by_one(pipeline, samples))
        for form in (samples, list(samples), tuple(samples), iter(samples)):
            found = pipeline.fit(form, "sequential", verbose=False, memory="20kB")
            assert flat(found) == expected

    def test_reducers_get_everything_at_once(self, lines):
        for steps, kind in [([Cutpoints(0.5)], "PointData"), ([Cutpoints(0.5), Round()], "list")]:
            reducer = MeanTime()
            Pipeline([*steps, reducer]).fit(lines, "sequential", verbose=False)
            assert reducer.seen == [kind]

    def test_generators_of_samples(self, lines):
        pipeline = Cutpoints(0.5) + HDBSCAN(0.3, 2)
        found = pipeline.fit((sample for sample in lines), verbose=False)
        assert flat(found) == flat(pipeline.fit(lines, verbose=False))

    def test_nothing_for_a_built_in_filter(self, lines):
        with pytest.raises(TypeError, match="HDBSCAN"):
            Pipeline([Cutpoints(0.5), Nothing(), HDBSCAN(0.3)]).fit(lines[:3], "sequential")

    def test_samples_of_the_wrong_class(self, lines):
        for pipeline in (Cutpoints(0.5) + Cutpoints(0.5), Round() + Cutpoints(0.5)):
            with pytest.raises((TypeError, AttributeError)):
                pipeline.fit(lines[:3], "sequential", verbose=False)
        with pytest.raises(TypeError, match="HDBSCAN takes samples of PointData"):
            Pipeline([HDBSCAN(0.5)]).fit(lines, verbose=False)

    @pytest.mark.parametrize("executor", EXECUTORS[:4], ids=str)
    def test_errors_of_own_filters(self, executor):
        pipeline = Pipeline([Add("text")])
        with pytest.raises(TypeError, match="unsupported operand"):
            pipeline.fit([1, 2, 3], executor, max_workers=2, verbose=False)


class TestProgress:
    def test_one_bar_for_each_run_of_filters(self, lines, capsys, caplog):
        pipeline = Pipeline([Cutpoints(0.5), HDBSCAN(0.3), Stack(), Round()])
        with caplog.at_level(logging.INFO, "gpupept"):
            pipeline.fit(lines[:4], "sequential")
        shown = capsys.readouterr().err
        assert "Batch 1 / 3 :" in shown
        assert "Batch 3 / 3 :" in shown
        assert "4/4" in shown
        assert "processed in" in caplog.text

    def test_silent(self, lines, capsys):
        Pipeline([Cutpoints(0.5), Round()]).fit(lines[:4], "sequential", verbose=False)
        assert capsys.readouterr() == ("", "")


class TestDevices:
    def test_recipe(self, device, lines):
        """Two tracers in about thirty samples: the same trajectories, to rounding, anywhere."""
        pipeline = peptml_pipeline(2, second_sample_size=20)
        expected = pipeline.fit(lines, verbose=False)
        found = pipeline.fit(lines, verbose=False, device=device.name)
        assert found.device.startswith(device.name)
        rows = device.to_host(found.points)
        assert rows.shape == expected.points.shape
        assert expected["label"].max() == 1
        np.testing.assert_array_equal(rows[:, 4], expected.points[:, 4])
        np.testing.assert_allclose(rows, expected.points, rtol=1e-9, atol=1e-9)
        there = pipeline.fit(lines.to(device.name), verbose=False, memory="50kB")
        assert there.device == found.device
        np.testing.assert_array_equal(device.to_host(there.points), rows)

    def test_own_filters_get_samples_there(self, device, lines):
        seen = []

        class See(Filter):
            def fit_sample(self, sample):
                seen.append(sample.device)
                return sample

        pipeline = Pipeline([See(), Cutpoints(0.5), See(), HDBSCAN(0.3, 2)])
        found = pipeline.fit(lines[:3], "sequential", device=device.name, verbose=False)
        assert set(seen) == {found.device}
        assert found.device.startswith(device.name)

    def test_default_of_the_process(self, gpu_device, lines):
        pipeline = Cutpoints(0.5) + Stack()
        with use_backend("cuda"):
            for samples in (lines[:3], list(lines[:3])):
                assert pipeline.fit(samples, verbose=False).device == "cuda:0"
            assert pipeline.fit(lines[:3], device="cpu", verbose=False).device == "cpu"

    def test_mixed(self, gpu_device, lines):
        samples = [lines[0], lines[1].to("cuda")]
        with pytest.raises(MixedDevicesError):
            Pipeline([Cutpoints(0.5)]).fit(samples, verbose=False)
        with pytest.raises(MixedDevicesError):
            Stack().fit(samples)

    @pytest.mark.skipif(probe().usable, reason="there is a GPU")
    def test_without_a_gpu(self, lines):
        for samples in (lines, list(lines[:2]), [1, 2]):
            with pytest.raises(GPUUnavailableError, match=r"gpupept\[cuda"):
                Pipeline([Cutpoints(0.5)]).fit(samples, device="cuda", verbose=False)
        found = Pipeline([Cutpoints(0.5)]).fit(lines[:2], device="auto", verbose=False)
        assert found.device == "cpu"

    def test_unknown(self, lines):
        with pytest.raises(ValueError, match="device"):
            Pipeline([Cutpoints(0.5)]).fit(lines, device="tpu", verbose=False)


class _Failing(gpupept.base.Filter):
    def fit_sample(self, sample: Any) -> Any:
        raise KeyError("oops")


@pytest.mark.parametrize("executor", ["sequential", "joblib"])
def test_error_of_a_filter_says_where_it_happened(executor: str) -> None:
    points = gpupept.PointData(np.zeros((4, 4)), sample_size=2)
    with pytest.raises(KeyError) as caught:
        gpupept.Pipeline([_Failing()]).fit(points, executor, 1, verbose=False)
    notes = "\n".join(caught.value.__notes__)
    assert "_Failing.fit_sample" in notes
    assert "rows: 2" in notes


def test_rows_that_make_no_sample_are_reported() -> None:
    points = gpupept.PointData(np.zeros((4, 4)), sample_size=5)
    with pytest.warns(UserWarning, match="4 rows given make no sample with sample_size = 5"):
        gpupept.Pipeline([gpupept.tracking.Centroids()]).fit(points, verbose=False)


def test_copy_given_rows_in_place_of_deep() -> None:
    with pytest.raises(TypeError, match=r"copy\(data=rows\)"):
        gpupept.PointData(np.zeros((4, 4))).copy(np.ones((2, 4)))


def test_recipe_stays_on_the_second_of_two_gpus() -> None:
    lines = rotating_tracers(lors=360, sample_size=60).lines
    expected = peptml_pipeline(2, second_sample_size=8, second_overlap=7).fit(lines, verbose=False)
    with fake_cupy.installed(devices=2):
        pipeline = peptml_pipeline(2, second_sample_size=8, second_overlap=7)
        found = pipeline.fit(lines, verbose=False, device="cuda:1")
        assert found.device == "cuda:1"
        np.testing.assert_allclose(found.to("cpu").points, expected.points, atol=1e-9)
        sample = Cutpoints(0.5).fit_sample(lines.to("cuda:1")[0])
        assert sample.device == "cuda:1"


def test_array_on_a_device_given_to_a_reducer(device) -> None:
    rows = np.column_stack([np.arange(8.0), np.zeros((8, 3))])
    found = Pipeline([Segregate(3, 5.0)]).fit(device.asarray(rows), verbose=False)
    assert found.device.partition(":")[0] == device.name
    assert device.to_host(found["label"]).tolist() == [0.0] * 8
