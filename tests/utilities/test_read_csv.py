"""Tables of numbers in text files."""

from __future__ import annotations

import bz2
import io
import lzma
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import gpupept
from gpupept import LineData, read_csv
from gpupept.utilities import text

TABLE = np.array([[0.0, 1.5, -2e-5], [3, 4, 5], [np.inf, 7, 8]])


def as_text(sep: str = " ", end: str = "\n") -> str:
    return "".join(sep.join(repr(float(x)) for x in row) + end for row in TABLE)


class TestGolden:
    def test_file(self, shared, golden):
        g = golden("core_utilities")
        path = shared / "golden" / "core_table.csv"
        for argument in (path, str(path)):
            np.testing.assert_array_equal(read_csv(argument), g["table"])
        np.testing.assert_array_equal(read_csv(path, skiprows=2, nrows=5), g["read_2_5"])
        np.testing.assert_array_equal(read_csv(path, nrows=5), g["table"][:5])
        assert len(path.read_text().splitlines()) == int(g["file_lines"])


@settings(max_examples=60, deadline=None)
@given(
    data=hnp.arrays(
        float, st.tuples(st.integers(1, 5), st.just(8)), elements=st.floats(allow_nan=False)
    ),
    delimiter=st.sampled_from([" ", ",", "\t", ";"]),
)
def test_csv_of_a_container_is_read_back_bit_for_bit(tmp_path_factory, data, delimiter):
    path = tmp_path_factory.mktemp("csv") / "lines.csv"
    LineData(data).to_csv(path, delimiter=delimiter)
    back = read_csv(path, sep=r"\s+" if delimiter.isspace() else delimiter)
    assert back.dtype == np.float64
    assert back.tobytes() == (data + 0.0).tobytes() or np.array_equal(back, data)


@pytest.mark.parametrize("end", ["\n", "\r\n", "\n\n", " \n"])
@pytest.mark.parametrize("start", ["", "\n", "# a\n#b\n", "\ufeff# a\n", "  # a\n\n"])
@pytest.mark.parametrize("sep", [" ", "\t", "   ", ","])
def test_layouts(tmp_path, start, end, sep):
    content = start + as_text(sep, end)
    (tmp_path / "t.csv").write_text(content, newline="", encoding="utf-8")
    option = {"sep": ","} if sep == "," else {}
    for source in (tmp_path / "t.csv", io.StringIO(content), io.BytesIO(content.encode())):
        result = read_csv(source, **option)
        np.testing.assert_array_equal(result, TABLE)
        assert result.flags.c_contiguous


def test_skipped_and_commented_lines_add_up(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("title\n# a\n\n# b\n1 2\n3 4\n5 6\n")
    rows = [[1, 2], [3, 4], [5, 6]]
    assert read_csv(path, skiprows=1).tolist() == rows
    assert read_csv(path, skiprows=2).tolist() == rows
    assert read_csv(path, skiprows=5).tolist() == rows[1:]
    assert read_csv(path, skiprows=[0, 5]).tolist() == [rows[0], rows[2]]
    assert read_csv(path, skiprows=np.array([0, 5])).tolist() == [rows[0], rows[2]]
    assert read_csv(path, skiprows=lambda line: line in (0, 5)).tolist() == [rows[0], rows[2]]
    assert read_csv(path, skiprows=1, nrows=1).tolist() == rows[:1]


def test_comments_further_down_are_errors():
    with pytest.raises(ValueError, match=r"line 2: '#' is not a number"):
        read_csv(io.StringIO("1 2\n# 3\n"))


def test_handles_and_compressed_files(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text(as_text())
    with path.open() as file:
        np.testing.assert_array_equal(read_csv(file), TABLE)
        assert not file.closed
    with path.open("rb") as file:
        file.readline()
        np.testing.assert_array_equal(read_csv(file), TABLE[1:])
    (tmp_path / "t.csv.bz2").write_bytes(bz2.compress(b"# c\n" + as_text().encode()))
    (tmp_path / "t.csv.xz").write_bytes(lzma.compress(b"# c\n" + as_text().encode()))
    np.testing.assert_array_equal(read_csv(tmp_path / "t.csv.bz2"), TABLE)
    np.testing.assert_array_equal(read_csv(tmp_path / "t.csv.xz"), TABLE)
    np.testing.assert_array_equal(read_csv(path.as_uri()), TABLE)
    np.testing.assert_array_equal(read_csv(path, compression=None), TABLE)


def test_other_options_of_pandas():
    assert read_csv(io.StringIO("1,5 2\n"), decimal=",").tolist() == [[1.5, 2]]
    assert read_csv(io.StringIO("1 2 3\n"), usecols=[0, 2]).tolist() == [[1, 3]]
    assert read_csv(io.StringIO("a b\n1 2\n"), header=0).tolist() == [[1, 2]]
    assert read_csv(io.StringIO("1 2\n"), dtype=np.int32).dtype == np.int32
    np.testing.assert_array_equal(read_csv(io.StringIO("1 nan\n"), na_filter=True), [[1, np.nan]])
    assert read_csv(io.StringIO("1::2\n"), sep="::", engine="python").tolist() == [[1, 2]]
    assert read_csv(io.BytesIO("1 2\n".encode("utf-16")), encoding="utf-16").tolist() == [[1, 2]]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("1 2\n3 x\n", r"line 2: 'x' is not a number: '3 x'"),
        ("1 2\n\n3\n", r"line 3: expected 2 numbers as in the first row, found 1: '3'"),
        ("1 2\n3 4 5\n", r"line 2: expected 2 numbers as in the first row, found 3: '3 4 5'"),
        ("# a\n1 NA\n", r"line 2: 'NA' is not a number \(pass na_filter=True"),
        ("1 nan\n", r"line 1: 'nan'"),
        ("1,2\n3,4\n", r"line 1: '1,2' is not a number .*sep=\",\""),
        ("1 2_0\n", r"line 1: '2_0'"),
        ("1 1e\n", r"line 1: '1e'"),
        ("\n \n", r"no rows of numbers"),
        ("# only a comment", r"no rows of numbers"),
    ],
)
def test_malformed(tmp_path, content, message):
    path = tmp_path / "bad.csv"
    path.write_text(content)
    with pytest.raises(ValueError, match=re.escape(str(path)) + ": " + message):
        read_csv(path)
    with pytest.raises(ValueError, match="<filepath_or_buffer>: " + message):
        read_csv(io.StringIO(content))


def test_malformed_far_down_and_long(tmp_path):
    path = tmp_path / "bad.csv"
    path.write_text("1 2\n" * 300_000 + "3 " + "y" * 5000 + "\n" + "1 2\n" * 10)
    with pytest.raises(ValueError, match="line 300001: 'yyy") as caught:
        read_csv(path)
    assert len(str(caught.value)) < 500


def test_malformed_with_other_options_keeps_the_words_of_pandas(tmp_path):
    path = tmp_path / "bad.csv"
    path.write_text("a b\n1 x\n")
    with pytest.raises(ValueError, match=r"bad\.csv: .*x"):
        read_csv(path, header=0)


def test_bytes_that_are_no_text(tmp_path):
    path = tmp_path / "bad.csv"
    path.write_bytes(b"1 2\n\xff\xfe 3\n")
    with pytest.raises(ValueError, match=r"bad\.csv: line 2: "):
        read_csv(path)


def test_missing_empty_and_wrong_kind(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"absent\.csv"):
        read_csv(tmp_path / "absent.csv")
    with pytest.raises(IsADirectoryError, match="is a directory"):
        read_csv(tmp_path)
    (tmp_path / "empty.csv").touch()
    for empty in (tmp_path / "empty.csv", io.StringIO(), io.BytesIO()):
        with pytest.raises(ValueError, match="the file is empty"):
            read_csv(empty)
    with pytest.raises(
        TypeError, match="filepath_or_buffer: expected a path or a file, found ndarray"
    ):
        read_csv(np.zeros((2, 2)))


@given(st.floats())
def test_numbers_are_recognised(value):
    assert text.is_number(repr(value)) == (value == value)


def test_part_of_a_file(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text(as_text("\t", "\r\n"))
    source = text.text_source(path, "path").until(12)
    with source.open() as file:
        assert file.read() == path.read_bytes()[:12]
    assert source.line_number(0) == 1
    assert source.line_number(path.read_bytes().index(b"\n") + 1) == 2


def test_name_in_the_package():
    assert gpupept.read_csv is gpupept.utilities.read_csv


@pytest.mark.parametrize("lines", [2, 10**9, 10**30])
def test_skipping_more_lines_than_there_are(lines):
    with pytest.raises(ValueError):
        read_csv(io.StringIO("1 2\n3 4\n"), skiprows=lines)
