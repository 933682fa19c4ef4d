"""Access, text forms and CSV text of containers against reference results; exact."""

from __future__ import annotations

import io

import numpy as np
import pytest

from gpupept import AdaptiveWindow, LineData, PointData, TimeWindow

COLUMNS = ["t", "x1", "y1", "z1", "x2", "y2", "z2", "e1"]
SELECTIONS = {
    "s_0_2": slice(0, 2),
    "s_1_none_2": slice(1, None, 2),
    "s_all": slice(None),
    "l_0_3": [0, 3],
    "l_neg1": [-1],
    "l_empty": [],
    "l_1_2_4": [1, 2, 4],
}


@pytest.fixture
def reference(golden):
    return golden("core_containers")


@pytest.fixture
def lines(reference):
    return LineData(
        reference["data"], sample_size=7, overlap=3, columns=COLUMNS, alpha=1.5, _hid="h"
    )


def renamed(text):
    """Reference text with this library's name; the rule below the title is as long as the title."""
    title, rule, rest = str(text).split("\n", 2)
    title = title.replace("pept.", "gpupept.", 1)
    assert len(rule) + 3 == len(title)
    return "\n".join([title, "-" * len(title), rest])


def test_samples_and_columns(lines, reference):
    assert list(lines.columns) == reference["columns"].tolist()
    assert np.array_equal(lines.samples_indices, reference["samples_indices"])
    assert np.array_equal(lines[1].lines, reference["sample_1"])
    assert np.array_equal(lines[-1].lines, reference["sample_neg1"])
    for name in ("y2", "e1", "col8"):
        assert np.array_equal(lines[name], reference[f"col_{name}"])


@pytest.mark.parametrize("name", SELECTIONS)
def test_selections(lines, reference, name):
    chosen = lines[SELECTIONS[name]]
    assert np.array_equal(chosen.lines, reference[f"sel_{name}_data"])
    assert np.array_equal(chosen.samples_indices, reference[f"sel_{name}_samples_indices"])
    assert chosen.sample_size is None
    assert chosen.overlap is None
    assert chosen.attrs == lines.attrs


@pytest.mark.parametrize("name", ["l_3_0", "l_2_2", "s_rev", "l_1_4_0"])
def test_selections_in_any_order(lines, reference, name):
    index = reference[f"seldefect_{name}_index"].tolist()
    chosen = lines[slice(None, None, -1)] if name == "s_rev" else lines[index]
    assert np.array_equal(chosen.lines, reference[f"seldefect_{name}_data"])
    table = reference[f"seldefect_{name}_samples_indices_right"]
    assert np.array_equal(chosen.samples_indices, table)
    for sample, number in zip(chosen, index, strict=True):
        assert np.array_equal(sample.lines, lines[number].lines)


def test_rows(lines, reference):
    table = lines.select[:12].samples_indices
    assert np.array_equal(table, reference["select_5_samples_indices"])


def test_a_list_of_containers(lines, reference):
    data = reference["data"]
    joined = LineData([lines[0], lines[2], LineData(data[:4])])
    assert np.array_equal(joined.samples_indices, reference["vstack_sizes"])


def test_text_of_lines(lines, reference):
    data = reference["data"]
    assert repr(lines) == str(lines) == renamed(reference["repr_line"])
    assert repr(lines[[0, 3]]) == renamed(reference["repr_line_sel"])
    assert repr(LineData(data[:, :7], [1, 2, 3])) == renamed(reference["repr_line_sizes"])
    windows = LineData(data[:, :7], TimeWindow(5.5))
    assert repr(windows) == renamed(reference["repr_line_tw"])


def test_text_of_points(reference):
    pair = PointData(np.arange(8).reshape(2, 4))
    assert repr(pair) == renamed(reference["repr_point"])
    points = PointData(
        reference["data"][:, :5],
        10,
        2,
        columns=["t", "x", "y", "z", "error"],
        _lines=np.arange(60),
        name="tracer",
    )
    assert repr(points) == renamed(reference["repr_point_attr"])


def test_text_of_windows(reference):
    assert repr(TimeWindow(5.5)) == str(reference["repr_timewindow"])
    adaptive = [repr(AdaptiveWindow(5.5)), repr(AdaptiveWindow(5, 200))]
    assert adaptive == reference["repr_adaptive"].tolist()


@pytest.mark.parametrize(("name", "delimiter"), [("space", " "), ("comma", ",")])
def test_csv(lines, reference, name, delimiter, tmp_path):
    first = lines.select[:5]
    first.to_csv(tmp_path / "lines.csv", delimiter)
    expected = str(reference[f"csv_{name}_first5"])
    assert (tmp_path / "lines.csv").read_bytes().decode() == expected
    text, binary = io.StringIO(), io.BytesIO()
    first.to_csv(text, delimiter=delimiter)
    first.to_csv(binary, delimiter=delimiter)
    assert text.getvalue() == expected
    assert binary.getvalue().decode() == expected
