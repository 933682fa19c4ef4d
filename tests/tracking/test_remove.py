"""Remove: columns left out."""

from __future__ import annotations

import io

import numpy as np
import pytest

import gpupept
from gpupept import LineData, PointData
from gpupept.tracking import Remove

COLUMNS = ["t", "x", "y", "z", "line_index1", "line_index2", "error", "a.b", "label"]


@pytest.mark.parametrize(
    ("columns", "left"),
    [
        (("error",), "t x y z line_index1 line_index2 a.b label"),
        (("line_index*",), "t x y z error a.b label"),
        ((["line_index*", -1],), "t x y z error a.b"),
        (("line_index*", [["label"], -3]), "t x y z a.b"),
        ((0,), "x y z line_index1 line_index2 error a.b label"),
        (("*",), ""),
        (("*_index*",), "t x y z error a.b label"),
        (("line",), "t x y z line_index1 line_index2 error a.b label"),
        (("a*",), "t x y z line_index1 line_index2 error a.b label"),  # a dot is no word character
        (("a.b", "err.r", "(", 9, -10), "t x y z line_index1 line_index2 error label"),
        ((), "t x y z line_index1 line_index2 error a.b label"),
    ],
)
def test_columns(device, columns, left):
    rows = np.arange(45.0).reshape(5, 9)
    points = PointData(device.asarray(rows), [2, 3], columns=COLUMNS, run=1)
    if not left:
        with pytest.raises(ValueError, match="at least 4 columns"):
            Remove(*columns).fit(points, verbose=False)
        return
    found = Remove(*columns).fit(points, verbose=False)
    assert found.columns == left.split()
    expected = rows[:, [COLUMNS.index(name) for name in left.split()]]
    np.testing.assert_array_equal(device.to_host(found.points), expected)
    assert [len(sample.points) for sample in found] == [2, 3]
    assert found.attrs == {"run": 1}
    assert list(points.columns) == COLUMNS
    assert found.points.flags.c_contiguous


def test_lines_need_seven_columns():
    lines = LineData(np.zeros((3, 8)))
    assert Remove(-1).fit_sample(lines).lines.shape == (3, 7)
    with pytest.raises(ValueError, match="at least 7 columns"):
        Remove(0, 1).fit_sample(lines)


def test_overlapping_samples_do_not_depend_on_chunks():
    points = PointData(np.arange(60.0).reshape(10, 6), 4, 3)
    whole = Remove("col4").fit(points, verbose=False)
    chunks = Remove("col4").fit(points, verbose=False, memory=1)
    np.testing.assert_array_equal(whole.points, chunks.points)
    np.testing.assert_array_equal(whole[6].points, points[6].points[:, [0, 1, 2, 3, 5]])


def test_setting_columns_replaces_them():
    remove = Remove("error")
    remove.columns = [["label"], np.int64(-2)]
    assert remove.columns == ("label", -2)


@pytest.mark.parametrize("column", [1.0, None, True, b"error"])
def test_other_columns(column):
    with pytest.raises(TypeError, match="names or numbers"):
        Remove(column)


def test_saved():
    file = io.BytesIO()
    Remove("error", [-1]).save(file)
    file.seek(0)
    assert gpupept.load(file).columns == ("error", -1)
