"""Making containers, reaching samples, rows and columns, changing samples, copying."""

from __future__ import annotations

import copy
import pickle
import threading
import time

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpupept import AdaptiveWindow, LineData, PointData, TimeWindow
from gpupept.backend import MixedDevicesError, device_of
from gpupept.base import IterableSamples, PerSample

KINDS = [(LineData, 7), (PointData, 4), (IterableSamples, 2)]


def rows_of(count, width=7):
    return np.arange(float(count * width)).reshape(count, width)


def points_at(times):
    rows = np.zeros((len(times), 4))
    rows[:, 0] = times
    return PointData(rows)


class TestConstruction:
    @pytest.mark.parametrize(("kind", "width"), KINDS)
    def test_an_array_is_used_without_a_copy(self, kind, width, device):
        data = device.asarray(rows_of(5, width))
        container = kind(data)
        assert container.data is data
        assert container.device.startswith(device.name)
        assert container.samples_indices.tolist() == [[0, 5]]
        assert isinstance(container.samples_indices, np.ndarray)
        assert (container.sample_size, container.overlap) == (5, 0)

    @pytest.mark.parametrize(
        "data",
        [
            rows_of(4).astype(np.float32),
            rows_of(4).astype(int),
            np.asfortranarray(rows_of(4)),
            rows_of(8)[::2],
            np.array([[True] * 7]),
            rows_of(4).astype(">f8"),
            rows_of(4).tolist(),
            [tuple(row) for row in rows_of(4).tolist()],
            list(rows_of(4)),
        ],
    )
    def test_everything_else_becomes_float64_in_c_order(self, data):
        lines = LineData(data).lines
        assert lines.dtype == np.float64
        assert lines.dtype.isnative
        assert lines.flags.c_contiguous
        assert np.array_equal(lines, np.array(data, dtype=float))

    def test_a_list_of_rows_is_one_array_with_one_sample(self):
        lines = LineData([[1, 2, 3, 4, 5, 6, 7]])
        assert len(lines) == 1
        assert lines.lines.tolist() == [[1, 2, 3, 4, 5, 6, 7]]
        assert len(LineData(rows_of(10).tolist(), sample_size=5)) == 2

    def test_a_list_of_arrays_has_one_sample_per_array(self, device):
        arrays = [device.asarray(rows_of(n)) for n in (2, 0, 3)]
        lines = LineData(arrays)
        assert lines.samples_indices.tolist() == [[0, 2], [2, 2], [2, 5]]
        assert lines.sample_size.tolist() == [2, 0, 3]
        assert lines.overlap is None
        assert lines.device.startswith(device.name)
        assert LineData(arrays, sample_size=2).samples_indices.tolist() == [[0, 2], [2, 4]]
        assert LineData([rows_of(2).tolist(), rows_of(1).tolist()]).sample_size.tolist() == [2, 1]

    def test_device_rows_stay_on_the_device(self, device):
        lines = LineData([device.asarray(row) for row in rows_of(3)])
        assert lines.device.startswith(device.name)
        assert np.array_equal(device.to_host(lines.lines), rows_of(3))

    def test_a_container_gives_rows_columns_and_attrs_but_not_its_samples(self, device):
        names = ["time", *"abcdef"]
        lines = LineData(device.asarray(rows_of(6)), 3, columns=names, angle=1)
        other = LineData(lines, 2, columns=["ignored"], angle=2, more=3)
        assert other.columns == names
        assert other.attrs == {"angle": 1, "more": 3}
        assert len(other) == 3
        assert len(LineData(lines)) == 1
        other.lines[0, 0] = 99
        assert float(lines.lines[0, 0]) == 0

    def test_a_list_of_containers_is_joined(self, device):
        first = LineData(device.asarray(rows_of(4)), 2, columns=[*"tabcdefg"], angle=1)
        second = LineData(device.asarray(-rows_of(3)), columns=[*"tuvwxyz"], angle=2)
        lines = LineData([first, second], sample_size=1)
        assert lines.sample_size.tolist() == [4, 3]
        assert np.array_equal(device.to_host(lines.lines), np.vstack([rows_of(4), -rows_of(3)]))
        assert list(lines.columns) == [*"tabcdef"]
        assert lines.attrs == {"angle": 1}
        assert lines[1].attrs is not first.attrs
        with pytest.raises(TypeError, match="overlap"):
            LineData([first, second], overlap=1)

    def test_a_data_frame(self):
        frame = pd.DataFrame(rows_of(3), columns=[*"tabcdef"])
        assert list(LineData(frame).columns) == [*"tabcdef"]
        assert list(LineData(frame, columns=["when"]).columns) == [
            "when",
            *(f"col{i}" for i in range(1, 7)),
        ]
        assert np.array_equal(LineData(frame).lines, rows_of(3))
        assert list(PointData(pd.DataFrame(rows_of(3, 4))).columns) == ["t", "x", "y", "z"]
        with pytest.raises(ValueError, match="lines: the data frame"):
            LineData(frame.assign(a="text"))

    def test_arrays_of_other_gpu_libraries_stay_on_the_device(self, fake_gpu, monkeypatch):
        array = fake_gpu.asarray(rows_of(3))

        class Foreign:
            ndim = 2
            __cuda_array_interface__ = array.__cuda_array_interface__

        # The stand-in knows only its own arrays, so what is tested is that CuPy is asked.
        known = fake_gpu.asarray
        monkeypatch.setattr(
            fake_gpu,
            "asarray",
            lambda a, *args: array if isinstance(a, Foreign) else known(a, *args),
        )
        assert LineData(Foreign()).lines is array
        assert LineData([Foreign(), array]).device == "cuda:0"

    def test_mixed_devices(self, fake_gpu):
        with pytest.raises(MixedDevicesError):
            LineData([rows_of(2), fake_gpu.asarray(rows_of(2))])
        with pytest.raises(MixedDevicesError):
            LineData([LineData(rows_of(2)), LineData(fake_gpu.asarray(rows_of(2)))])

    @pytest.mark.parametrize("kind_and_width", KINDS[:2])
    def test_no_rows_are_fine(self, kind_and_width):
        kind, width = kind_and_width
        empty = kind(np.empty((0, width)))
        assert empty.samples_indices.tolist() == [[0, 0]]
        assert (empty.sample_size, empty.overlap) == (0, 0)
        assert empty[0].data.shape == (0, width)
        assert len(kind(np.empty((0, width)), 3)) == 0
        assert len(kind(np.empty((0, width)), TimeWindow(3.0))) == 0
        assert repr(empty).count("rows: 0")

    @pytest.mark.parametrize(
        ("value", "error", "message"),
        [
            ([], ValueError, "lines must not be an empty sequence"),
            (np.zeros(7), ValueError, r"two dimensions \(rows, columns\), found shape \(7,\)"),
            (np.zeros((2, 7, 1)), ValueError, "two dimensions"),
            (np.zeros((2, 6)), ValueError, r"at least 7 columns .*found shape \(2, 6\)"),
            ([[1, 2, 3]], ValueError, "at least 7 columns"),
            ([1, 2, 3], ValueError, "two dimensions"),
            ([[1] * 7, [1] * 8], ValueError, "lines"),
            ([np.zeros((1, 7)), np.zeros((1, 8))], ValueError, r"lines\[1\] must have 7 columns"),
            ([np.zeros((1, 7)), np.zeros(7)], ValueError, r"lines\[1\] must have two dimensions"),
            ((row for row in rows_of(2)), TypeError, "found generator"),
            ("text", TypeError, "found str"),
            ({"a": 1}, TypeError, "found dict"),
            (None, TypeError, "found NoneType"),
            (3.5, TypeError, "found float"),
            (np.array([["a"] * 7]), TypeError, "real numbers, found dtype <U1"),
            (np.zeros((1, 7), complex), TypeError, "real numbers"),
            (np.array([[None] * 7 + ["x"]], dtype=object), ValueError, "array of numbers"),
            (PointData(np.zeros((1, 7))), ValueError, "must not be a PointData"),
            ([LineData(np.zeros((1, 7))), 5], TypeError, r"lines\[1\] must be a LineData"),
        ],
    )
    def test_bad_data(self, value, error, message):
        with pytest.raises(error, match=message):
            LineData(value)

    def test_columns(self):
        nine = np.zeros((1, 9))
        assert LineData(nine).columns[7:] == ["col7", "col8"]
        assert LineData(nine, columns=[*"abcdefghijkl"]).columns == [*"abcdefghi"]
        names = tuple("abcdefghi")
        assert LineData(nine, columns=names).columns is names
        with pytest.raises(TypeError, match="columns"):
            LineData(nine, columns="txyz")

    def test_default_columns_are_not_shared(self):
        first, second = PointData(np.zeros((1, 4))), PointData(np.zeros((1, 4)))
        first.columns.append("error")
        first.columns[0] = "time"
        assert second.columns == ["t", "x", "y", "z"]
        assert PointData(np.zeros((1, 4))).columns == ["t", "x", "y", "z"]

    def test_what_it_holds_cannot_be_replaced(self):
        lines = LineData(rows_of(3), angle=1)
        for name in ("data", "lines", "columns", "attrs"):
            with pytest.raises(AttributeError):
                setattr(lines, name, None)
        with pytest.raises(AttributeError):
            _ = lines.angle
        lines.attrs["angle"] = 2
        assert lines.attrs == {"angle": 2}

    def test_hidden_and_extra_attrs(self):
        lines = LineData(rows_of(3), angle=1, _secret=2)
        assert lines.extra_attrs() == {"angle": 1}
        assert lines.hidden_attrs() == {"_secret": 2}


class TestDefinition:
    @pytest.mark.parametrize("size", [3, 3.9, np.int64(3), np.float32(3), np.array(3)])
    @pytest.mark.parametrize("overlap", [1, np.int32(1), True, 1.5])
    def test_any_numbers(self, size, overlap):
        lines = LineData(rows_of(10), size, overlap)
        assert lines.samples_indices.tolist() == [[0, 3], [2, 5], [4, 7], [6, 9]]
        assert type(lines.sample_size) is int
        assert type(lines.overlap) is int

    def test_zero_is_everything_in_one_sample(self):
        lines = LineData(rows_of(10), 0, 4)
        assert lines.samples_indices.tolist() == [[0, 10]]
        assert (lines.sample_size, lines.overlap) == (0, 4)
        assert len(LineData(rows_of(10), None, 0)) == 1

    @pytest.mark.parametrize(
        "sizes", [[2, 2, 2], [3], [0, 0], [], (1, 2), np.array([4, 1]), range(3)]
    )
    def test_lists_are_honoured(self, sizes):
        lines = LineData(rows_of(10), sizes)
        assert len(lines) == len(sizes)
        assert [len(sample.lines) for sample in lines] == list(sizes)
        assert lines.overlap is None

    def test_sizes_on_the_device(self, device):
        lines = LineData(rows_of(10), device.asarray(np.array([1, 2])))
        assert lines.samples_indices.tolist() == [[0, 1], [1, 3]]

    def test_a_list_may_ask_for_more_rows_than_there_are(self, device):
        lines = LineData(device.asarray(rows_of(4)), [3, 3, 2])
        assert lines.samples_indices.tolist() == [[0, 3], [3, 6], [6, 8]]
        assert lines.row_ranges.tolist() == [[0, 3], [3, 4], [4, 4]]
        assert [len(sample.lines) for sample in lines] == [3, 1, 0]
        assert [len(sample.lines) for sample in lines[[1, 2]]] == [1, 0]
        assert lines.samples_view(1, 3).samples_indices.tolist() == [[0, 1], [1, 1]]

    def test_windows(self, device):
        data = rows_of(6)
        data[:, 0] = [0, 1, 2, 10, 11, 12]
        lines = LineData(device.asarray(data), TimeWindow(2.0))
        assert lines.samples_indices.tolist() == [[0, 2], [2, 3], [3, 5]]
        adaptive = LineData(device.asarray(data), AdaptiveWindow(5.0, 2))
        assert adaptive.samples_indices.tolist() == [[0, 2], [2, 3], [3, 5], [5, 6]]

    def test_windows_copy_only_the_times_to_the_host(self, fake_gpu, monkeypatch):
        copied, get = [], fake_gpu.ndarray.get
        monkeypatch.setattr(
            fake_gpu.ndarray, "get", lambda self, *a: copied.append(self.shape) or get(self, *a)
        )
        LineData(fake_gpu.asarray(rows_of(6)), TimeWindow(2.0))
        assert copied == [(6,)]
        LineData(fake_gpu.asarray(rows_of(6)), 2)[1:]
        assert copied == [(6,)]

    @pytest.mark.parametrize(
        ("size", "overlap", "error", "message"),
        [
            (-1, None, ValueError, "must not be negative, found -1"),
            (3, 3, ValueError, "overlap = 3 with sample_size = 3"),
            (3, 7, ValueError, "overlap must be smaller"),
            (np.nan, None, ValueError, "sample_size must be finite"),
            (3, np.inf, ValueError, "overlap must be finite"),
            ("three", None, TypeError, "found 'three'"),
            (1j, None, TypeError, "sample_size must be"),
            ([1, "a"], None, TypeError, "integers"),
            ([1, -1], None, ValueError, r"sample_size\[1\] must not be negative, found -1"),
            ([[1, 2]], None, ValueError, "one dimension"),
            ([1.0, np.nan], None, ValueError, "not finite"),
            ([1, 2], 1, TypeError, "overlap"),
            (3, TimeWindow(1.0), TypeError, "overlap must be of the kind of sample_size"),
            (TimeWindow(3.0), 1, TypeError, "expected TimeWindow, found 1"),
            (TimeWindow(3.0), AdaptiveWindow(1.0), TypeError, "expected TimeWindow"),
            (AdaptiveWindow(3.0), TimeWindow(1.0), TypeError, "expected AdaptiveWindow"),
            (TimeWindow(3.0), TimeWindow(3.0), ValueError, "overlap must be smaller"),
            (TimeWindow(-3.0), None, ValueError, "negative"),
            (AdaptiveWindow(3.0, 0), None, ValueError, "max_elems must be at least 1"),
        ],
    )
    def test_bad_samples(self, size, overlap, error, message):
        with pytest.raises(error, match=message):
            LineData(rows_of(10), size, overlap)
        lines = LineData(rows_of(10), 2)
        with pytest.raises(error, match=message):
            lines.with_samples(sample_size=size, overlap=overlap)

    def test_setting_the_sample_size(self):
        lines = LineData(rows_of(10), 3, 2)
        lines.sample_size = 5
        assert lines.overlap == 2
        assert lines.samples_indices.tolist() == [[0, 5], [3, 8]]
        lines.sample_size = TimeWindow(14.0)
        assert lines.overlap == TimeWindow(0.0)
        lines.overlap = TimeWindow(7.0)
        lines.sample_size = TimeWindow(21.0)
        assert lines.overlap == TimeWindow(7.0)
        lines.sample_size = AdaptiveWindow(14.0)
        assert lines.overlap.window == 0.0
        lines.sample_size = [1, 2]
        assert lines.overlap is None
        lines.sample_size = 4
        assert lines.overlap == 0
        lines.sample_size = None
        assert (lines.sample_size, lines.overlap, len(lines)) == (10, 0, 1)

    def test_a_refused_size_or_overlap_changes_nothing(self):
        lines = LineData(rows_of(10), 3, 2)
        before = (3, 2, lines.samples_indices.tolist())
        for name, value in [
            ("sample_size", 2),
            ("sample_size", "x"),
            ("overlap", 3),
            ("overlap", TimeWindow(1.0)),
            ("samples_indices", [1, 2]),
        ]:
            with pytest.raises((ValueError, TypeError)):
                setattr(lines, name, value)
            assert (lines.sample_size, lines.overlap, lines.samples_indices.tolist()) == before

    def test_setting_the_overlap(self):
        lines = LineData(rows_of(10), 3)
        lines.overlap = -1
        assert lines.samples_indices.tolist() == [[0, 3], [4, 7]]
        lines.overlap = None
        assert lines.overlap == 0
        assert len(lines) == 3

    def test_setting_the_table(self):
        lines = LineData(rows_of(10), 3)
        lines.samples_indices = [[0.9, 4.2], [2, 2], [8, 50], [-5, 3], [5, 2]]
        assert lines.sample_size is None
        assert lines.overlap is None
        assert lines.samples_indices.dtype == np.int64
        assert [len(sample.lines) for sample in lines] == [4, 0, 2, 3, 0]
        with pytest.raises(TypeError, match="set sample_size first"):
            lines.overlap = 2
        lines.overlap = None
        assert len(lines) == 5
        for bad in ([1, 2], [[1, 2, 3]], [[[1, 2]]]):
            with pytest.raises(ValueError, match="samples_indices must have shape"):
                lines.samples_indices = bad
        with pytest.raises(ValueError, match="not finite"):
            lines.samples_indices = [[0, np.nan]]


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
