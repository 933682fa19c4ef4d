"""The BirminghamMethod filter; its kernel has its own tests."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from oracle import triangulation as oracle

import gpupept
from gpupept import LineData, PointData
from gpupept.base import PerSample
from gpupept.tracking import BirminghamMethod, Segregate, Stack


def cloud(rng, count, spread=1.0):
    """Lines that pass near a point, three of ten of them not so near, at rising times."""
    near = rng.normal([100.0, 200.0, 300.0], spread, (count, 3))
    near[rng.random(count) < 0.3] += 40.0
    direction = rng.normal(size=(count, 3))
    return np.column_stack([np.arange(count), near - 50 * direction, near + 50 * direction])


class TestGolden:
    def test_the_whole_file(self, device, shared, golden):
        g = golden("tracking_birmingham_file")
        raw = gpupept.read_csv(shared / "data" / "sample_2p_42rpm.csv", skiprows=int(g["skiprows"]))
        lines = gpupept.scanners.parallel_screens(
            raw, float(g["separation"]), int(g["sample_size"]), int(g["overlap"]), verbose=False
        )
        step = 8 if device.kind == "shim" else 1
        found = BirminghamMethod(float(g["fopt"])).fit(lines[::step].to(device.name), verbose=False)
        assert len(found) == len(g["locations"][::step])
        points = device.to_host(found.points)
        np.testing.assert_allclose(points, g["locations"][::step], rtol=0, atol=1e-9)

    def test_lines_used(self, device, golden):
        g = golden("tracking_birmingham")
        lines = LineData(device.asarray(g["real200_0/lines"]))
        found = BirminghamMethod(0.3, get_used=True).fit_sample(lines)
        used = device.to_host(found.attrs["_lines"]["used"])
        np.testing.assert_array_equal(used, g["real200_0/fopt0.3/used"])


class TestResult:
    @settings(max_examples=25)
    @given(seed=st.integers(0, 10**6), sizes=st.lists(st.integers(0, 30), min_size=1, max_size=4))
    def test_against_the_oracle(self, device, seed, sizes):
        lines = cloud(np.random.default_rng(seed), sum(sizes))
        samples = LineData(device.asarray(lines), sizes)
        found = BirminghamMethod(0.4, get_used=True).fit(samples, verbose=False)
        assert found.device.startswith(device.name)
        assert len(found) == len(sizes)
        for sample, result in zip(samples, found, strict=True):
            rows = device.to_host(sample.lines)
            expected = oracle.birmingham(rows, 0.4)
            points = device.to_host(result.points)
            kept = device.to_host(result.attrs["_lines"].lines)
            np.testing.assert_array_equal(kept[:, :-1], rows)
            if expected.location is None:
                assert points.shape == (0, 5)
                assert not kept[:, -1].any()
            elif expected.condition < 1e6 and expected.margin > 1e-6:
                np.testing.assert_allclose(points, [expected.location], rtol=1e-9, atol=1e-7)
                np.testing.assert_array_equal(kept[:, -1], expected.used)

    def test_columns_and_attributes(self):
        lines = LineData(
            np.column_stack([cloud(np.random.default_rng(0), 60), np.arange(60.0)]),
            20,
            columns=["t", "x1", "y1", "z1", "x2", "y2", "z2", "energy"],
            run="a",
            part=PerSample([10, 11, 12]),
            _hidden=1,
        )
        plain = BirminghamMethod().fit(lines, verbose=False)
        assert isinstance(plain, PointData)
        assert list(plain.columns) == ["t", "x", "y", "z", "error"]
        assert plain[2].attrs == {"run": "a", "part": 12}
        used = BirminghamMethod(get_used=True).fit(lines, verbose=False)
        np.testing.assert_array_equal(used.points, plain.points)
        kept = used[1].attrs["_lines"]
        assert isinstance(kept, LineData)
        assert list(kept.columns) == [*lines.columns, "used"]
        assert kept["used"].sum() == 10
        np.testing.assert_array_equal(kept.lines[:, :8], lines[1].lines)
        assert list(lines.columns) == list(lines[0].columns) == [*kept.columns[:-1]]

    def test_samples_that_overlap(self):
        lines = LineData(cloud(np.random.default_rng(3), 50), 20, 15)
        found = BirminghamMethod(get_used=True).fit(lines, verbose=False)
        assert len(found) == len(lines) == 7
        for sample, result in zip(lines, found, strict=True):
            alone = BirminghamMethod(get_used=True).fit_sample(sample)
            np.testing.assert_array_equal(result.points, alone.points)
            kept, expected = result.attrs["_lines"], alone.attrs["_lines"]
            np.testing.assert_array_equal(kept.lines, expected.lines)

    def test_no_row_without_a_position(self, device):
        lines = cloud(np.random.default_rng(4), 12)
        lines[4:8, 1:] = lines[4, 1:]
        samples = LineData(device.asarray(lines), [4, 4, 0, 1, 3])
        found = BirminghamMethod(1.0).fit(samples, verbose=False)
        assert [len(sample.points) for sample in found] == [1, 0, 0, 0, 1]
        assert found.points.shape == (2, 5)
        used = BirminghamMethod(1.0, get_used=True).fit(samples, verbose=False)
        assert [len(sample.attrs["_lines"].lines) for sample in used] == [4, 4, 0, 1, 3]

    @pytest.mark.parametrize(
        "options", [{"memory": 5000}, {"max_workers": 1}, {"max_workers": 3}], ids=str
    )
    def test_the_same_bytes_however_it_runs(self, options):
        lines = LineData(cloud(np.random.default_rng(5), 300), 40, 10)
        whole = BirminghamMethod(get_used=True).fit(lines, verbose=False)
        again = BirminghamMethod(get_used=True).fit(lines, verbose=False, **options)
        assert again.points.tobytes() == whole.points.tobytes()
        for mine, theirs in zip(again, whole, strict=True):
            np.testing.assert_array_equal(mine.attrs["_lines"].lines, theirs.attrs["_lines"].lines)

    def test_a_million_lines(self):
        """Leaving them out could take hours, so that is refused; using all of them is quick."""
        lines = LineData(cloud(np.random.default_rng(6), 10**6))
        with pytest.raises(ValueError, match="at most 100000 lines, found 1000000: set a smaller"):
            BirminghamMethod().fit(lines, verbose=False)
        found = BirminghamMethod(1.0).fit_sample(lines).points
        np.testing.assert_allclose(found[0, 1:4], [112, 212, 312], atol=0.5)


class TestArguments:
    def test_default_values(self):
        assert BirminghamMethod().fopt == 0.5
        assert BirminghamMethod().get_used is False

    @pytest.mark.parametrize("fopt", [0, -0.1, 1.0001, np.nan, np.inf])
    def test_fractions_refused(self, fopt):
        with pytest.raises(ValueError, match="fopt must be above 0 and at most 1"):
            BirminghamMethod(fopt)

    def test_arrays(self):
        lines = cloud(np.random.default_rng(7), 30)
        expected = BirminghamMethod().fit_sample(LineData(lines)).points
        for sample in (lines, lines.tolist(), np.column_stack([lines, np.full(30, np.nan)])):
            np.testing.assert_array_equal(BirminghamMethod().fit_sample(sample).points, expected)

    def test_samples_refused(self):
        with pytest.raises(TypeError, match="LineData"):
            BirminghamMethod().fit(np.zeros((5, 7)), verbose=False)
        with pytest.raises(TypeError, match="LineData"):
            BirminghamMethod().fit_sample(PointData(np.zeros((5, 4))))
        with pytest.raises(ValueError, match="7"):
            BirminghamMethod().fit_sample(np.zeros((5, 6)))

    def test_no_samples(self):
        found = BirminghamMethod().fit(LineData(np.zeros((3, 7)), 5), verbose=False)
        assert len(found) == 0
        assert found.points.shape == (0, 5)


def test_the_manuals_recipes():
    rng = np.random.default_rng(9)
    lors = LineData(np.concatenate([cloud(rng, 80, 0.2) for _ in range(30)]), 80)
    locations = gpupept.Pipeline([BirminghamMethod(fopt=0.5), Stack()]).fit(lors, verbose=False)
    assert locations.points.shape == (30, 5)
    pipeline = gpupept.Pipeline([BirminghamMethod(fopt=0.5), Segregate(window=20, cut_distance=10)])
    trajectories = pipeline.fit(lors, verbose=False)
    assert list(trajectories.columns) == ["t", "x", "y", "z", "error", "label"]
    assert set(trajectories["label"]) == {0}
