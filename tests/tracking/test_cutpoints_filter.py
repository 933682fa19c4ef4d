"""The Cutpoints filter and the functions of peptml; the kernel has its own tests."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from oracle import tracking as oracle
from oracle.cutpoints import default_cutoffs

import gpupept
from gpupept import LineData, PointData
from gpupept.tracking import Cutpoints, peptml

BOX = [-100.0, 100.0] * 3


def random_lines(rng, count):
    """Lines through the neighbourhood of the origin, at rising times."""
    near, direction = rng.normal(0, 5, (count, 3)), rng.normal(0, 1, (count, 3))
    times = np.arange(count) + rng.uniform(0, 0.5, count)
    return np.column_stack([times, near - 50 * direction, near + 50 * direction])


def by_lines(points):
    """Rows in the order of the numbers of their two lines."""
    return points[np.lexsort((points[:, 5], points[:, 4]))]


def with_rows_replaced(lines, changes):
    """Make some rows useless: not finite, of no length, or copies of the row before."""
    for row, kind in changes:
        row %= len(lines)
        if kind == "same":
            lines[row, 1:] = lines[row - 1, 1:]
        elif kind == "point":
            lines[row, 4:7] = lines[row, 1:4]
        elif kind == "parallel":
            lines[row, 1:] = lines[row - 1, 1:] + 0.25
        else:
            lines[row, len(kind) % 7] = float(kind)
    return lines


class TestGolden:
    def test_default_cutoffs(self, golden):
        g = golden("tracking_cutpoints")
        cases = [key[: -len("/cutoffs")] for key in g.files if key.endswith("/cutoffs")]
        cases = [case for case in cases if "/cut" in case and not case.endswith("custom")]
        assert len(cases) == 6
        for case in cases:
            name, distance = case.split("/cut")
            found = Cutpoints(float(distance), append_indices=True).fit_sample(g[f"{name}/lines"])
            expected = g[f"{case}/points"]
            if f"{case}/indices" in g:
                expected = np.column_stack([expected, g[f"{case}/indices"]])
            rows, expected = by_lines(found.points), by_lines(expected)
            np.testing.assert_array_equal(rows[:, 4:], expected[:, 4:])
            np.testing.assert_allclose(rows, expected, rtol=0, atol=1e-8)
            np.testing.assert_array_equal(found.attrs["_cutoffs"], g[f"{case}/cutoffs"])

    def test_given_cutoffs(self, golden):
        g = golden("tracking_cutpoints")
        cutoffs = g["syn40/cut60_custom/cutoffs"]
        found = Cutpoints(60, cutoffs, append_indices=True).fit_sample(g["syn40/lines"])
        expected = by_lines(g["syn40/cut60_custom/points"])
        np.testing.assert_array_equal(by_lines(found.points)[:, 4:], expected[:, 4:])
        np.testing.assert_allclose(by_lines(found.points), expected, rtol=0, atol=1e-8)


class TestResult:
    def test_against_the_oracle(self, device):
        lines = random_lines(np.random.default_rng(1), 25)
        found = Cutpoints(3.0, append_indices=True).fit_sample(LineData(device.asarray(lines)))
        assert found.device.startswith(device.name)
        expected = oracle.cutpoints(lines, 3.0)
        assert len(expected) > 20
        np.testing.assert_allclose(device.to_host(found.points), expected, rtol=1e-9, atol=1e-9)

    @settings(max_examples=60)
    @given(
        count=st.integers(2, 12),
        seed=st.integers(0, 10**6),
        changes=st.lists(
            st.tuples(
                st.integers(0, 11),
                st.sampled_from(["same", "point", "parallel", "nan", "inf", "-inf"]),
            ),
            max_size=4,
        ),
    )
    def test_useless_lines(self, count, seed, changes):
        lines = with_rows_replaced(random_lines(np.random.default_rng(seed), count), changes)
        found = Cutpoints(4.0, append_indices=True).fit_sample(lines)
        expected = oracle.cutpoints(lines, 4.0)
        np.testing.assert_allclose(found.points, expected, rtol=1e-7, atol=1e-7)
        np.testing.assert_array_equal(found.attrs["_cutoffs"], default_cutoffs(lines))

    def test_columns_and_attributes(self):
        lines = LineData(random_lines(np.random.default_rng(0), 30), 10, name="not passed on")
        plain = Cutpoints(2.0).fit(lines, verbose=False)
        assert isinstance(plain, PointData)
        assert list(plain.columns) == ["t", "x", "y", "z"]
        assert plain[1].attrs.keys() == {"_max_distance", "_cutoffs"}
        assert plain[1].attrs["_max_distance"] == 2.0
        np.testing.assert_array_equal(plain[1].attrs["_cutoffs"], default_cutoffs(lines[1].lines))
        indexed = Cutpoints(2.0, append_indices=True).fit(lines, verbose=False)
        assert list(indexed.columns)[4:] == ["line_index1", "line_index2"]
        assert isinstance(indexed[2].attrs["_lines"], LineData)
        np.testing.assert_array_equal(indexed[2].attrs["_lines"].lines, lines[2].lines)

    def test_rows_are_in_order_of_time(self):
        lines = random_lines(np.random.default_rng(5), 60)
        times = Cutpoints(5.0).fit_sample(lines)["t"]
        assert len(times) > 100
        assert (np.diff(times) >= 0).all()

    @pytest.mark.parametrize("rows", [0, 1])
    @pytest.mark.parametrize("cutoffs", [None, BOX])
    def test_too_few_lines(self, device, rows, cutoffs):
        lines = device.asarray(np.arange(7.0 * rows).reshape(rows, 7))
        for indices, width in [(False, 4), (True, 6)]:
            found = Cutpoints(1.0, cutoffs, indices).fit_sample(lines)
            assert found.points.shape == (0, width)
            if cutoffs is None and rows == 0:
                assert np.isnan(device.to_host(found.attrs["_cutoffs"])).all()

    def test_further_columns_are_ignored(self):
        lines = random_lines(np.random.default_rng(3), 20)
        wide = np.column_stack([lines, np.full(20, np.nan)])
        np.testing.assert_array_equal(
            Cutpoints(3.0).fit_sample(wide).points, Cutpoints(3.0).fit_sample(lines).points
        )

    def test_lines_in_one_plane_give_none(self):
        lines = random_lines(np.random.default_rng(3), 20)
        lines[:, [3, 6]] = 7.0
        assert len(Cutpoints(5.0).fit_sample(lines).points) == 0
        assert len(Cutpoints(5.0, [-1e3, 1e3] * 3).fit_sample(lines).points) == 190

    def test_the_default_box_is_the_samples_own(self):
        """A far line widens the box of its own sample only."""
        lines = random_lines(np.random.default_rng(9), 20)
        lines[15, 1:] += 1e4
        both = Cutpoints(5.0).fit(LineData(lines, 10), verbose=False)
        np.testing.assert_array_equal(both[0].points, Cutpoints(5.0).fit_sample(lines[:10]).points)


class TestArguments:
    def test_properties(self):
        cut = Cutpoints(1)
        cut.max_distance, cut.cutoffs, cut.append_indices = "2.5", range(6), 1
        assert (cut.max_distance, cut.append_indices) == (2.5, True)
        assert cut.cutoffs.tolist() == [0, 1, 2, 3, 4, 5]
        cut.cutoffs = None
        assert cut.cutoffs is None

    @pytest.mark.parametrize("distance", [-1, -1e-300, float("nan")])
    def test_distances_refused(self, distance):
        with pytest.raises(ValueError, match="max_distance"):
            Cutpoints(distance)
        cut = Cutpoints(1)
        with pytest.raises(ValueError, match="max_distance"):
            cut.max_distance = distance
        assert cut.max_distance == 1

    @pytest.mark.parametrize("cutoffs", [[1, 2], 5, np.zeros((2, 3)), [0] * 7])
    def test_cutoffs_refused(self, cutoffs):
        with pytest.raises(ValueError, match="cutoffs"):
            Cutpoints(1, cutoffs)

    @pytest.mark.parametrize("sample", [None, 3, {"t": 1}])
    def test_samples_refused(self, sample):
        with pytest.raises(TypeError):
            Cutpoints(1).fit_sample(sample)

    def test_fit_takes_lines_only(self):
        lines = random_lines(np.random.default_rng(0), 10)
        for samples in [lines, [lines], 3, (x for x in [LineData(lines)]), PointData(lines)]:
            with pytest.raises(TypeError):
                Cutpoints(1).fit(samples, verbose=False)
        with pytest.raises(ValueError, match="at least 7 columns"):
            Cutpoints(1).fit_sample(lines[:, :6])


class TestPeptml:
    def test_find_cutpoints_is_the_filter(self):
        lines = random_lines(np.random.default_rng(2), 25)
        for kwargs in [{}, {"cutoffs": [-5, 5] * 3}, {"append_indices": True}]:
            found = peptml.find_cutpoints(lines, 3.0, **kwargs)
            expected = Cutpoints(3.0, **kwargs).fit_sample(lines)
            assert isinstance(found, PointData)
            np.testing.assert_array_equal(found.points, expected.points)
            assert found.attrs.keys() == expected.attrs.keys()

    def test_get_cutoffs(self, device):
        lines = random_lines(np.random.default_rng(2), 25)
        lines[3, 2] = np.nan
        found = peptml.get_cutoffs(device.asarray(lines))
        assert isinstance(found, np.ndarray)
        np.testing.assert_array_equal(found, default_cutoffs(lines))
        np.testing.assert_array_equal(peptml.get_cutoffs(lines[:0]), [np.nan] * 6)

    @pytest.mark.parametrize("lines", [None, [1, 2], np.zeros(7), np.zeros((3, 6))])
    def test_get_cutoffs_refuses(self, lines):
        with pytest.raises(ValueError, match="at least 7 columns"):
            peptml.get_cutoffs(lines)


def test_repr_names_the_settings():
    text = repr(gpupept.tracking.Cutpoints(0.5))
    assert text == "Cutpoints(append_indices = False, cutoffs = None, max_distance = 0.5)"


def test_memory_is_planned_for_lines_that_all_meet() -> None:
    rng = np.random.default_rng(0)
    directions = rng.normal(size=(600, 3))
    rows = np.column_stack([np.arange(600.0), -directions, directions])
    lines = LineData(rows, sample_size=300)
    filter_ = Cutpoints(0.5)
    result = filter_.fit_batch(lines)
    assert result.data.nbytes > 0.9 * 2 * 300 * 299 / 2 * 32
    assert filter_.batch_bytes(lines).sum() > result.data.nbytes
