"""Reaching samples, rows and columns of containers; copying and moving them; their text."""

from __future__ import annotations

import copy
import pickle
import threading
import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpupept import LineData, PointData, TimeWindow
from gpupept.backend import device_of
from gpupept.base import IterableSamples, PerSample

KINDS = [(LineData, 7), (PointData, 4), (IterableSamples, 2)]


def rows_of(count, width=7):
    return np.arange(float(count * width)).reshape(count, width)


def points_at(times):
    rows = np.zeros((len(times), 4))
    rows[:, 0] = times
    return PointData(rows)


class TestAccess:
    def test_a_sample_is_a_view(self, device):
        lines = LineData(device.asarray(rows_of(10)), 3, 1, angle=[1])
        sample = lines[1]
        sample.lines[0, 0] = -5
        assert float(lines.lines[2, 0]) == -5
        assert type(sample) is LineData
        assert (sample.sample_size, sample.overlap, len(sample)) == (3, 0, 1)
        assert sample.columns is lines.columns
        assert sample.attrs is not lines.attrs
        assert sample.attrs["angle"] is lines.attrs["angle"]

    def test_python_rules_for_integers(self):
        lines = LineData(rows_of(10), 3)
        for index in (-3, np.int32(-3), np.array(0)):
            assert np.array_equal(lines[index].lines, rows_of(10)[:3])
        for index in (3, -4, 10**30, -(10**30)):
            with pytest.raises(IndexError):
                lines[index]
        for index in (1.0, None, ..., np.array([[0]]), [0.5], [9], ["t"]):
            with pytest.raises(IndexError):
                lines[index]
        none = LineData(rows_of(2), 5)
        with pytest.raises(IndexError, match="sample -1 is out of range for 0 samples"):
            none[-1]

    def test_columns(self, device):
        points = PointData(device.asarray(rows_of(5, 4)))
        assert device.to_host(points["y"]).tolist() == [2, 6, 10, 14, 18]
        points["y"][0] = 0
        assert float(points.points[0, 2]) == 0
        with pytest.raises(ValueError, match="no column 'q'"):
            points["q"]

    @given(
        st.integers(1, 30),
        st.integers(1, 6),
        st.integers(-4, 5),
        st.lists(st.integers(0, 99), max_size=6),
    )
    def test_several_samples_are_those_samples(self, rows, size, overlap, chosen):
        lines = LineData(rows_of(rows), size, min(overlap, size - 1))
        chosen = [i % len(lines) for i in chosen] if len(lines) else []
        part = lines[chosen]
        assert len(part) == len(chosen)
        for sample, number in zip(part, chosen, strict=True):
            assert np.array_equal(sample.lines, lines[number].lines)
        used = sorted({row for a, b in lines.samples_indices[chosen] for row in range(a, b)})
        assert np.array_equal(part.lines, rows_of(rows)[used])
        assert not np.shares_memory(part.lines, lines.lines)

    def test_several_samples_on_every_device(self, device):
        lines = LineData(device.asarray(rows_of(10)), 3, 1, _hidden=1)
        for key in ([0, 3], [3, 0], slice(None, None, 2), slice(1, 3), [], (1,)):
            part, numbers = lines[key], np.arange(4)[list(key) if isinstance(key, tuple) else key]
            assert part.device == lines.device
            assert part.attrs == {"_hidden": 1}
            for sample, number in zip(part, np.asarray(numbers, dtype=int), strict=True):
                expected = rows_of(10)[2 * number : 2 * number + 3]
                assert np.array_equal(device.to_host(sample.lines), expected)

    def test_masks_over_samples(self, device):
        lines = LineData(device.asarray(rows_of(9)), 3)
        for mask in (
            [True, False, True],
            np.array([1, 0, 1], bool),
            device.asarray(np.array([1, 0, 1], bool)),
        ):
            assert device.to_host(lines[mask].lines)[:, 0].tolist() == [0, 7, 14, 42, 49, 56]
        with pytest.raises(IndexError, match="mask has 2 elements for 3 samples"):
            lines[[True, False]]

    def test_iterators_are_independent(self):
        lines = LineData(rows_of(9), 3)
        for _ in lines:
            break
        pairs = [(a.lines[0, 0], b.lines[0, 0]) for a in lines for b in lines]
        assert len(pairs) == 9
        assert [a is not b for a, b in zip(lines, lines, strict=True)] == [True] * 3
        seen = []
        threads = [
            threading.Thread(target=lambda: seen.append([s.lines[0, 0] for s in lines]))
            for _ in range(4)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert seen == [[0.0, 21.0, 42.0]] * 4

    def test_contains(self, device):
        lines = LineData(device.asarray(rows_of(3)))
        assert 5 in lines
        assert 500 not in lines
        assert np.nan not in lines

    def test_rows(self, device):
        lines = LineData(device.asarray(rows_of(10)), 3, 1, angle=1)
        for key in (
            slice(0, 9, 2),
            [0, 2, 4, 6, 8],
            device.asarray(np.arange(0, 9, 2)),
            np.arange(0, 9, 2),
            device.asarray(np.arange(10) % 2 == 0),
        ):
            chosen = lines.select[key]
            assert device.to_host(chosen.lines)[:, 0].tolist() == [0, 14, 28, 42, 56]
            assert (chosen.sample_size, chosen.overlap, len(chosen)) == (3, 1, 2)
            assert chosen.attrs == {"angle": 1}
            assert chosen.columns is lines.columns
            assert chosen.device == lines.device
        assert len(LineData(rows_of(10)).select[:4]) == 1
        for bad in (0, (slice(None), 0), (slice(None), slice(0, 3))):
            with pytest.raises(ValueError, match="keeps all columns"):
                lines.select[bad]

    def test_rows_of_samples_of_given_sizes(self):
        lines = LineData(rows_of(10), [4, 3, 2])
        even = lines.select[::2]
        assert even.sample_size.tolist() == [2, 2, 1]
        assert [s.lines[:, 0].tolist() for s in even] == [[0, 14], [28, 42], [56]]
        lines.samples_indices = [[0, 4], [2, 6]]
        assert lines.select[np.arange(10) > 2].samples_indices.tolist() == [[0, 1], [0, 3]]
        assert len(lines.select[[3, 1]]) == 1


class TestCopies:
    def test_a_deep_copy_shares_nothing(self, device):
        lines = LineData(device.asarray(rows_of(10)), 3, 1, where=[1], _table=np.zeros(2))
        lines.samples_indices = [[0, 2], [5, 9]]
        other = lines.copy()
        other.lines[0, 0] = 99
        other.samples_indices[0, 0] = 1
        other.attrs["where"].append(2)
        other.attrs["_table"][0] = 1
        assert float(lines.lines[0, 0]) == 0
        assert lines.samples_indices.tolist() == [[0, 2], [5, 9]]
        assert lines.attrs["where"] == [1]
        assert lines.attrs["_table"].tolist() == [0, 0]
        assert other.device == lines.device

    @pytest.mark.parametrize("make", [lambda c: c.copy(deep=False), copy.copy])
    def test_a_shallow_copy_shares_values_but_not_the_dict(self, make):
        lines = LineData(rows_of(10), 3, 1, where=[1])
        other = make(lines)
        assert other.lines is lines.lines
        assert other.attrs["where"] is lines.attrs["where"]
        other.attrs["new"] = 1
        other.sample_size = 5
        assert "new" not in lines.attrs
        assert lines.sample_size == 3

    def test_attributes(self):
        lines = LineData(rows_of(3), angle=1, _secret=2)
        assert lines.copy(extra=False).attrs == {"_secret": 2}
        assert lines.copy(hidden=False).attrs == {"angle": 1}
        assert lines.copy(angle=5, more=6).attrs == {"angle": 5, "_secret": 2, "more": 6}
        assert lines.attrs == {"angle": 1, "_secret": 2}

    def test_the_same_rows_keep_their_samples(self):
        for size in (4, [1, 2], TimeWindow(14.0), None):
            lines = LineData(rows_of(10), size)
            other = lines.copy(sample_size=1, overlap=3, columns=["ignored"])
            assert np.array_equal(other.samples_indices, lines.samples_indices)
            assert other.columns == lines.columns
            assert repr(other) == repr(lines)
            assert repr(pickle.loads(pickle.dumps(lines))) == repr(lines)
            assert repr(copy.deepcopy(lines)) == repr(lines)
        lines.samples_indices = [[0, 2]]
        assert pickle.loads(pickle.dumps(lines)).sample_size is None

    def test_other_rows(self, device):
        lines = LineData(device.asarray(rows_of(10)), 3, columns=[*"abcdefg"], angle=1)
        other = lines.copy(data=device.asarray(rows_of(4, 8)))
        assert (len(other), other.sample_size) == (1, 4)
        assert list(other.columns) == [*"abcdefg", "col7"]
        assert other.attrs == {"angle": 1}
        sized = lines.copy(
            data=device.asarray(rows_of(4)), sample_size=2, overlap=1, columns=[*"ABCDEFG"]
        )
        assert len(sized) == 3
        assert sized.columns == [*"ABCDEFG"]
        with pytest.raises(ValueError, match="at least 7 columns"):
            lines.copy(data=rows_of(3, 6))

    def test_subclasses_stay_what_they_are(self):
        class Marked(LineData):
            def __init__(self, lines, mark, **kwargs):
                super().__init__(lines, **kwargs)
                self.mark = mark

        marked = Marked(rows_of(6), "m", sample_size=2)
        for other in (
            marked[0],
            marked[:2],
            marked.copy(),
            marked.select[:3],
            marked.copy(data=rows_of(1)),
        ):
            assert type(other) is Marked
            assert other.mark == "m"
        assert LineData([marked[0], marked[1]]).sample_size.tolist() == [2, 2]

    def test_moving_to_a_device(self, device):
        inner = PointData(rows_of(2, 4))
        points = PointData(
            rows_of(6, 4), 2, _inner=inner, numbers=np.arange(3), each=PerSample([inner] * 3)
        )
        moved = points.to(device.name)
        assert moved.device.startswith(device.name)
        assert moved.to(device.name) is moved
        assert moved.attrs["_inner"].device == moved.device
        assert moved[1].attrs["each"].device == moved.device
        assert isinstance(moved.attrs["numbers"], np.ndarray)
        assert (moved.sample_size, len(moved)) == (2, 3)
        back = moved.to("cpu")
        assert np.array_equal(back.points, points.points)
        assert back.attrs["_inner"].device == "cpu"
        assert repr(moved).split("attrs")[0] == repr(points).split("attrs")[0]

    def test_device_arrays_among_the_attributes_come_back(self, fake_gpu):
        points = PointData(fake_gpu.asarray(rows_of(6, 4)), table=fake_gpu.arange(3))
        assert device_of(points.to("cpu").attrs["table"]) == "cpu"
        assert device_of(points.attrs["table"]) == "cuda:0"


def test_the_text_of_long_tables_is_short():
    lines = LineData(rows_of(1000), [1] * 1000)
    assert "sample_size = [1 1 ... 1 1]" in repr(lines)
    assert len(repr(lines[:500]).splitlines()) < 25


def test_the_text_of_a_plain_container_lists_its_attributes():
    text = repr(IterableSamples(rows_of(3, 2), 2, columns=["t", "x"], name="a" * 90))
    title, rule, *lines = text.split("\n")
    assert (title, rule) == ("IterableSamples", "-" * 15)
    assert lines[0] == f"attrs = {{'name': '{'a' * 68}..."
    assert "sample_size = 2" in lines
    names = [line.split(" = ")[0] for line in lines if " = " in line]
    assert names == sorted(names)
    assert "select" in names


def test_going_through_many_samples_is_fast():
    lines = LineData(np.zeros((100_000, 7)), 2, 1, name="n")
    start = time.perf_counter()
    assert sum(1 for _ in lines) == 99_999
    assert time.perf_counter() - start < 5
