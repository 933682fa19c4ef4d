"""Making containers and defining their samples."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from gpupept import AdaptiveWindow, LineData, PointData, TimeWindow
from gpupept.backend import MixedDevicesError
from gpupept.base import IterableSamples

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
