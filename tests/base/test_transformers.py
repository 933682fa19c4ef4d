"""Filters and reducers: their text, chaining, and what `fit` takes and returns."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from gpupept import LineData, Pipeline, PointData, Voxels
from gpupept.base import (
    Filter,
    LineDataFilter,
    PointDataFilter,
    Reducer,
    Transformer,
    VoxelsFilter,
)


class Shift(Filter):
    def __init__(self, by=1.0):
        self.by = by

    def fit_sample(self, sample):
        return PointData(sample.points + self.by)


class Return(Filter):
    """Gives back whatever a function makes of the sample."""

    def __init__(self, function):
        self.function = function

    def fit_sample(self, sample):
        return self.function(sample)


class Count(Reducer):
    def fit(self, samples):
        return len(list(samples))


class Lines(LineDataFilter):
    def fit_sample(self, sample):
        return len(sample.lines)


class Points(PointDataFilter):
    def fit_sample(self, sample):
        return len(sample.points)


class Grids(VoxelsFilter):
    def fit_sample(self, sample):
        return sample.voxels.sum()


def points(samples=3):
    return PointData(np.arange(8.0 * samples).reshape(2 * samples, 4), 2)


def run(filter_, samples, **kwargs):
    return filter_.fit(samples, executor="sequential", verbose=False, **kwargs)


class TestText:
    def test_golden(self, golden):
        class Thing(Filter):
            def __init__(self):
                self.alpha, self.beta, self.gamma, self.z = 1, "two", None, 2.5
                self.delta = np.arange(4)
                self.long_attribute_name = "x" * 90
                self._hidden = "not shown"

            def fit_sample(self, sample):
                return sample

        class Bare(Filter):
            def fit_sample(self, sample):
                return sample

        class Red(Reducer):
            def __init__(self):
                self.n = 4

            def fit(self, samples):
                return samples

        g = golden("core_containers")
        assert repr(Thing()) == str(g["repr_filter"])
        assert repr(Bare()) == str(g["repr_bare"])
        assert repr(Pipeline([Thing(), Bare(), Red()])) == str(g["repr_pipeline"])


class TestChaining:
    def test_two(self):
        first, second = Shift(), Count()
        pipeline = first + second
        assert isinstance(pipeline, Pipeline)
        assert pipeline.transformers == [first, second]

    def test_with_a_pipeline(self):
        first, second, third = Shift(), Shift(), Count()
        assert (first + (second + third)).transformers == [first, second, third]

    def test_sum(self):
        steps = [Shift(), Shift(), Count()]
        assert sum(steps).transformers == steps
        assert sum([Pipeline(steps[:2]), steps[2]]).transformers == steps

    @pytest.mark.parametrize("other", [3, None, Shift, [], "Shift"])
    def test_with_anything_else(self, other):
        for chain in (Shift(), Pipeline([])):
            with pytest.raises(TypeError):
                chain + other
            with pytest.raises(TypeError):
                other + chain

    def test_of_no_kind(self):
        """A transformer that is neither filter nor reducer could not be run."""

        class Neither(Transformer):
            pass

        with pytest.raises(TypeError, match=r"transformers\[1\]"):
            Shift() + Neither()


class TestFilter:
    def test_needs_fit_sample(self):
        class Half(Filter):
            pass

        class HalfReducer(Reducer):
            pass

        for kind in (Half, HalfReducer):
            with pytest.raises(TypeError, match="abstract"):
                kind()

    def test_whatever_fit_sample_returns(self):
        results = [None, [1, [2]], np.arange(3), "text", {}, PointData(np.zeros((1, 4)))]
        found = run(Return(lambda i: results[i]), range(6))
        assert isinstance(found, list)
        assert all(a is b for a, b in zip(found, results, strict=True))

    @pytest.mark.parametrize(
        "make",
        [lambda p: p, list, tuple, iter, lambda p: (sample for sample in p)],
        ids=["container", "list", "tuple", "iterator", "generator"],
    )
    def test_any_iterable(self, make):
        found = run(Shift(0.5), make(points()))
        assert [sample.points[0, 0] for sample in found] == [0.5, 8.5, 16.5]

    def test_nothing(self):
        assert run(Shift(), []) == []
        assert run(Shift(), points().with_samples(np.empty((0, 2)))) == []

    def test_errors_are_the_filters_own(self):
        class OwnError(Exception):
            pass

        def fail(sample):
            raise OwnError(f"sample {sample}")

        with pytest.raises(OwnError, match="sample 0"):
            run(Return(fail), range(3))

    @pytest.mark.parametrize("samples", [3, None, 2.5])
    def test_not_iterable(self, samples):
        with pytest.raises(ValueError, match="iterable"):
            run(Shift(), samples)

    def test_executors_refused(self):
        for executor in ("threads", None, 3, object):
            with pytest.raises(TypeError, match="executor"):
                Shift().fit(points(), executor=executor, verbose=False)
        for workers in (0, -1):
            with pytest.raises(ValueError, match="max_workers"):
                Shift().fit(points(), max_workers=workers, verbose=False)

    def test_progress(self, capsys):
        Shift().fit(points(), executor="sequential", verbose=True)
        shown = capsys.readouterr().err
        assert "Shift" in shown
        assert "3/3" in shown
        run(Shift(), points())
        assert capsys.readouterr() == ("", "")

    def test_copies(self):
        original = Shift([1.0])
        deep, shallow = original.copy(), original.copy(deep=False)
        original.by.append(2.0)
        assert (deep.by, shallow.by) == ([1.0], [1.0, 2.0])


class TestKindsOfSamples:
    def test_right_ones(self):
        lines = LineData(np.zeros((4, 7)), 2)
        assert run(Lines(), lines) == run(Lines(), [lines[0], lines[1]]) == [2, 2]
        assert run(Points(), points()) == [2, 2, 2]
        grid = Voxels(np.ones((2, 2, 2)), [0, 1], [0, 1], [0, 1])
        assert run(Grids(), [grid, grid]) == [8, 8]
        for kind in (Lines, Points, Grids):
            assert run(kind(), []) == []

    @pytest.mark.parametrize("kind", [Lines, Points, Grids])
    @pytest.mark.parametrize(
        "samples",
        [3, None, np.zeros((3, 7)), [np.zeros((3, 7))], [1, 2], iter([]), (i for i in [])],
        ids=["number", "None", "array", "arrays", "numbers", "iterator", "generator"],
    )
    def test_wrong_ones(self, kind, samples):
        with pytest.raises(TypeError, match="samples"):
            run(kind(), samples)

    def test_each_others(self):
        with pytest.raises(TypeError, match="LineData"):
            run(Lines(), points())
        with pytest.raises(TypeError, match="PointData"):
            run(Points(), LineData(np.zeros((4, 7))))
        with pytest.raises(TypeError, match="Voxels"):
            run(Grids(), points())
        with pytest.raises(TypeError):
            run(Grids(), Voxels.zeros((1, 1, 1), [0, 1], [0, 1], [0, 1]))

    def test_one_sample_is_not_checked(self):
        """As in a pipeline, where what comes before decides what a filter is given."""
        assert Lines().fit_sample(SimpleNamespace(lines=[1, 2, 3])) == 3
