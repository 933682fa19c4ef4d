"""Filters that treat a whole batch: chunks, samples of every form, devices, memory."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gpupept import LineData, PointData, use_backend
from gpupept.backend import GPUUnavailableError, MixedDevicesError, probe
from gpupept.base import (
    BatchFilter,
    IterableSamples,
    PerSample,
    PointDataFilter,
    SampleGroups,
)
from gpupept.base.batch_filter import as_batch, run_batch, sample_bytes
from gpupept.tracking import HDBSCAN, Centroids, Cutpoints, SplitLabels

COLUMNS = ["t", "x", "y", "z", "label"]


class Scale(BatchFilter):
    """Multiplies; notes how many samples each call had."""

    _sample_type = PointData

    def __init__(self, factor=2.0):
        self.factor = factor
        self.calls = []

    def fit_batch(self, samples):
        self.calls.append(len(samples))
        return PointData.from_batch(
            samples.data * self.factor,
            samples_indices=samples.row_ranges,
            columns=samples.columns,
            attrs=samples.attrs,
        )

    def batch_bytes(self, samples):
        return np.full(len(samples), 10)


class Either(BatchFilter):
    """Takes any container, and gives it back."""

    def fit_batch(self, samples):
        return samples


class CheckedScale(Scale, PointDataFilter):
    pass


def points(sizes=(2, 0, 3, 1), **attrs):
    rows = np.arange(4.0 * sum(sizes)).reshape(sum(sizes), 4)
    return PointData.from_batch(rows, sizes, attrs=attrs)


def fit(filter_, samples, **kwargs):
    return filter_.fit(samples, verbose=False, **kwargs)


# ---- Built-in filters: a batch is its samples


def lines_in_samples(device):
    rng = np.random.default_rng(0)
    near, direction = rng.normal(0, 4, (60, 3)), rng.normal(0, 1, (60, 3))
    rows = np.column_stack([np.arange(60), near - 50 * direction, near + 50 * direction])
    rows[20, 3] = np.nan
    table = [[0, 15], [10, 30], [30, 30], [40, 41], [35, 60], [0, 2]]
    return LineData(device.asarray(rows), scan=1).with_samples(table)


def points_in_samples(device):
    rng = np.random.default_rng(1)
    rows = np.column_stack(
        [np.arange(90), rng.normal(0, 1, (90, 3)) + 15 * (np.arange(90) % 2)[:, None]]
    )
    rows[70, 1] = np.inf
    table = [[0, 40], [20, 60], [5, 5], [7, 8], [60, 90], [0, 3]]
    return PointData(device.asarray(rows), scan=1, _hidden="h").with_samples(table)


def labelled_samples(device):
    rng = np.random.default_rng(2)
    rows = np.column_stack([rng.normal(size=(50, 4)), rng.integers(-1, 3, 50)])
    rows[3, 4], rows[10:14, 4] = np.nan, -1
    table = [[0, 10], [5, 30], [10, 14], [30, 30], [30, 50]]
    limits = PerSample(np.arange(10.0).reshape(5, 2))
    data = PointData(device.asarray(rows), columns=COLUMNS, run=3).with_samples(table)
    data.attrs["limits"] = limits
    return data


def groups_of_samples(device):
    return fit(SplitLabels(), labelled_samples(device))


BUILT_IN = [
    (Cutpoints(3.0), lines_in_samples),
    (Cutpoints(3.0, [-3, 3] * 3, append_indices=True), lines_in_samples),
    (HDBSCAN(0.7, 2), points_in_samples),
    (HDBSCAN(0.3, 1, strict=True, seed=5), points_in_samples),
    (SplitLabels(), labelled_samples),
    (SplitLabels(remove_labels=False, noise=True), labelled_samples),
    (Centroids(), points_in_samples),
    (Centroids(error=True, cluster_size=True), groups_of_samples),
]
NAMES = [f"{type(f).__name__}-{i}" for i, (f, _) in enumerate(BUILT_IN)]


def values_of(result, device):
    """Rows, columns and attributes of a result, down to lists of clusters."""
    if isinstance(result, list):
        return [values_of(item, device) for item in result]
    attrs = {}
    for name, value in result.attrs.items():
        if isinstance(value, IterableSamples):
            value = device.to_host(value.data).tobytes()
        elif hasattr(value, "tolist"):
            value = device.to_host(value).tobytes()
        attrs[name] = value
    rows = device.to_host(result.data)
    return type(result).__name__, rows.shape, rows.tobytes(), list(result.columns), attrs


@pytest.mark.parametrize(("filter_", "make"), BUILT_IN, ids=NAMES)
class TestBuiltIn:
    def test_batch_is_its_samples(self, device, filter_, make):
        samples = make(device)
        together = fit(filter_, samples)
        alone = [filter_.fit_sample(sample) for sample in samples]
        assert len(together) == len(samples) >= 5
        assert together.device.startswith(device.name)
        assert values_of(list(together), device) == values_of(alone, device)

    def test_chunks_and_lists_change_nothing(self, device, filter_, make):
        samples = make(device)
        expected = values_of(list(fit(filter_, samples)), device)
        for memory in (1, 3000):
            assert values_of(list(fit(filter_, samples, memory=memory)), device) == expected
        assert values_of(list(fit(filter_, list(samples))), device) == expected
        assert values_of(list(fit(filter_, list(samples), memory=1)), device) == expected

    def test_no_samples(self, device, filter_, make):
        samples = make(device)
        none = fit(filter_, samples.samples_view(2, 2))
        assert len(none) == 0
        assert type(none) is type(fit(filter_, samples))


# ---- The base class


class TestChunks:
    @settings(max_examples=80)
    @given(sizes=st.lists(st.integers(0, 4), max_size=12), memory=st.integers(1, 60))
    def test_all_samples_once(self, sizes, memory):
        scale = Scale()
        found = fit(scale, points(sizes), memory=memory)
        assert len(found) == len(sizes)
        assert sum(scale.calls) == len(sizes)
        assert all(n <= max(1, memory // 10) for n in scale.calls)
        np.testing.assert_array_equal(found.points, 2 * points(sizes).points)
        table = points(sizes).samples_indices
        np.testing.assert_array_equal(found.samples_indices, table.reshape(-1, 2))

    def test_attributes_of_each_sample(self):
        data = points(n=PerSample(list("abcd")), limits=PerSample(np.arange(4)), run=7)
        found = fit(Scale(), data, memory=10)
        assert [s.attrs for s in found] == [s.attrs for s in data]
        assert [s.attrs["n"] for s in found] == list("abcd")

    def test_a_chain_goes_through_chunk_by_chunk(self):
        first, second = Scale(2), Scale(3)
        found = run_batch([first, second], points(), 1, False, 20, "")
        assert first.calls == second.calls == [2, 2]
        np.testing.assert_array_equal(found.points, 6 * points().points)

    def test_memory_is_bounded(self):
        """Four times the samples in the same budget: only the results grow."""
        rng = np.random.default_rng(0)

        def peak_beyond_results(samples):
            rows = rng.normal(size=(samples * 200, 7))
            lines = LineData(rows, 200)
            filters = [Cutpoints(0.1), HDBSCAN(0.5), SplitLabels(), Centroids()]
            run_batch(filters, lines.samples_view(0, 2), 1, False, "300kB", "")
            tracemalloc.start()
            try:
                found = run_batch(filters, lines, 1, False, "300kB", "")
                peak = tracemalloc.get_traced_memory()[1]
            finally:
                tracemalloc.stop()
            return peak - 2 * found.points.nbytes - 100 * samples

        small, large = peak_beyond_results(15), peak_beyond_results(60)
        assert large < 1.3 * small + 100_000


class TestSamples:
    def test_arrays_are_wrapped(self, device):
        rows = device.asarray(points().points)
        for sample in (rows, PointData(rows, 2), [PointData(rows)]):
            found = Scale().fit_sample(sample)
            assert isinstance(found, PointData)
            assert found.device.startswith(device.name)
            np.testing.assert_array_equal(device.to_host(found.points), 2 * points().points)

    def test_a_container_is_one_sample_however_divided(self):
        found = Scale().fit_sample(points(n=PerSample(list("abcd"))))
        assert (len(found), len(found.points), found.attrs["n"]) == (1, 6, "a")

    @pytest.mark.parametrize("sample", [None, 3, "t", {}, LineData(np.zeros((2, 7)))])
    def test_one_of_another_kind(self, sample):
        with pytest.raises(TypeError, match="Scale takes samples of PointData"):
            Scale().fit_sample(sample)

    def test_any_iterable(self):
        expected = fit(Scale(), points())
        for samples in (list(points()), tuple(points()), iter(points())):
            found = fit(Scale(), samples)
            np.testing.assert_array_equal(found.samples_indices, expected.samples_indices)
            np.testing.assert_array_equal(found.points, expected.points)
        assert fit(Scale(), []) == []
        with pytest.raises(ValueError, match="iterable"):
            fit(Scale(), 3)
        with pytest.raises(TypeError, match="length"):
            fit(CheckedScale(), iter(points()))

    def test_arrays_among_them(self):
        samples = [np.ones((2, 4)), np.zeros((1, 4))]
        assert [len(sample.points) for sample in fit(Scale(), samples)] == [2, 1]
        with pytest.raises(TypeError, match="PointData"):
            fit(CheckedScale(), samples)

    @pytest.mark.parametrize(
        "other",
        [
            PointData(np.ones((1, 5))),
            PointData(np.ones((1, 4)), columns=[*"tabc"]),
            PointData(np.ones((1, 4)), name="n"),
            [PointData(np.ones((1, 4)))],
        ],
        ids=["width", "columns", "attributes", "list"],
    )
    def test_samples_that_differ_run_one_by_one(self, other):
        """They cannot be one batch; nothing may be lost, or taken from another sample."""
        scale = Scale()
        found = fit(scale, [points(), other])
        assert isinstance(found, list)
        assert scale.calls == [1, 1]
        expected = other[0] if isinstance(other, list) else other
        assert found[1].points.tolist() == (2 * expected.points).tolist()
        assert list(found[1].columns) == list(expected.columns)
        assert found[1].attrs == expected.attrs

    def test_attributes_that_differ_stay_with_their_samples(self):
        samples = [PointData(np.ones((1, 4)), name=name, same=[1]) for name in "abc"]
        found = fit(Scale(), samples, memory=20)
        assert [sample.attrs for sample in found] == [{"name": n, "same": [1]} for n in "abc"]

    def test_wrong_samples_are_refused_before_they_are_read(self):
        with pytest.raises(TypeError, match="Cutpoints takes samples of LineData"):
            run_batch([Cutpoints(1)], points(), 1, False, None, "")
        with pytest.raises(TypeError, match="HDBSCAN takes samples of PointData"):
            run_batch([HDBSCAN(0.5)], LineData(np.zeros((9, 7))), 1, False, None, "")

    def test_lists_of_containers_are_joined_where_one_is_wanted(self):
        members = points(name=PerSample(list("abcd")))
        groups = SampleGroups(members, [[0, 2], [2, 3], [3, 4]])
        found = fit(Scale(), groups)
        assert [len(sample.points) for sample in found] == [2, 3, 1]
        assert [sample.attrs["name"] for sample in found] == list("acd")
        alone = [Scale().fit_sample(group) for group in groups]
        for sample, other in zip(found, alone, strict=True):
            assert sample.points.tolist() == other.points.tolist()
            assert sample.attrs == other.attrs
        with pytest.raises(ValueError, match="empty list"):
            fit(Scale(), SampleGroups(members, [[0, 2], [2, 2]]))

    def test_any_container(self):
        lines = LineData(np.zeros((4, 7)), 2)
        assert fit(Either(), lines) is lines
        for sample in (np.zeros((3, 4)), [np.zeros((3, 4))], 3):
            with pytest.raises(TypeError, match="LineData or PointData"):
                Either().fit_sample(sample)


class TestAsBatch:
    def test_of_containers(self):
        data = points()
        assert as_batch(data) is data
        batch = as_batch(list(data))
        assert [len(s.points) for s in batch] == [2, 0, 3, 1]

    def test_of_lists(self):
        parts = list(points())
        groups = as_batch([parts[:3], (parts[3],)])
        assert isinstance(groups, SampleGroups)
        assert [[len(m.points) for m in group] for group in groups] == [[2, 0, 3], [1]]

    @pytest.mark.parametrize("samples", [[], (), None, 3, "ab", [1], [None], [[]], [[1]], iter([])])
    def test_of_what_is_none(self, samples):
        assert as_batch(samples) is None

    def test_sizes_in_bytes(self):
        data = points()
        assert sample_bytes(data).tolist() == [64, 0, 96, 32]
        assert sample_bytes(SampleGroups(data, [[0, 3], [3, 4], [1, 1]])).tolist() == [160, 32, 0]


class TestDevices:
    def test_the_result_stays_where_the_samples_are(self, device):
        data = points().to(device.name)
        assert fit(Scale(), data).device == data.device
        assert fit(Scale(), list(data)).device == data.device

    def test_asked_for(self, gpu_device):
        for samples in (points(), list(points()), [s.points for s in points()]):
            assert fit(Scale(), samples, device="cuda").device == "cuda:0"
            with use_backend("cuda"):
                assert fit(Scale(), samples).device == "cuda:0"
        there = points().to("cuda")
        assert fit(Scale(), there, device="cpu").device == "cpu"
        with use_backend("cpu"):
            assert fit(Scale(), list(there)).device == "cpu"

    def test_mixed(self, gpu_device):
        with pytest.raises(MixedDevicesError):
            fit(Scale(), [points(), points().to("cuda")])
        found = fit(Scale(), [points(), points().to("cuda")], device="cpu")
        assert len(found) == 2

    @pytest.mark.skipif(probe().usable, reason="there is a GPU")
    def test_without_a_gpu(self):
        for samples in (points(), list(points()), []):
            with pytest.raises(GPUUnavailableError, match=r"gpupept\[cuda"):
                fit(Scale(), samples, device="cuda")
        assert fit(Scale(), points(), device="auto").device == "cpu"

    def test_names_refused(self):
        with pytest.raises(ValueError, match="device"):
            fit(Scale(), points(), device="gpu")


class TestArguments:
    def test_executors_are_checked(self):
        with pytest.raises(TypeError, match="executor"):
            fit(Scale(), points(), executor="threads")
        with pytest.raises(ValueError, match="max_workers"):
            fit(Scale(), points(), max_workers=0)

    def test_memory(self):
        for memory in ("2 potatoes", -1, 0):
            with pytest.raises(ValueError):
                fit(Scale(), points(), memory=memory)

    def test_progress_counts_samples(self, capsys):
        Scale().fit(points(), memory=10)
        shown = capsys.readouterr().err
        assert "Scale" in shown
        assert "4/4" in shown
        fit(Scale(), points())
        assert capsys.readouterr() == ("", "")

    def test_needs_fit_batch(self):
        class Half(BatchFilter):
            pass

        with pytest.raises(TypeError, match="abstract"):
            Half()
