"""Lines of response between parallel screens, from files and arrays."""

from __future__ import annotations

import gzip
import io
import re
import warnings
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from gpupept import LineData
from gpupept.backend import MixedDevicesError
from gpupept.scanners import parallel_screens

ROWS = np.array([[0.5, 1, 2, 3, 4], [1.5, 5, 6, 7, 8], [2.5, 9, 10, 11, 12]])
TEXT = "0.5 1 2 3 4\n1.5 5 6 7 8\n2.5 9 10 11 12\n"


def with_screens(rows: np.ndarray, separation) -> np.ndarray:
    """The rule, column by column."""
    rows = np.asarray(rows, dtype=float)
    ones = np.ones(len(rows))
    first = [
        rows[:, 0],
        rows[:, 1],
        rows[:, 2],
        0 * ones,
        rows[:, 3],
        rows[:, 4],
        separation * ones,
    ]
    return np.column_stack([*first, rows[:, 5:]])


def write(folder: Path, text: str | bytes) -> Path:
    path = folder / "lors.csv"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


class TestGolden:
    def test_arrays(self, golden):
        g = golden("core_parallel")
        np.testing.assert_array_equal(parallel_screens(g["array_in"], 500).lines, g["array_out"])
        extra = parallel_screens(g["array6_in"], 500)
        np.testing.assert_array_equal(extra.lines, g["array6_out"])
        assert extra.columns[-1] == "col7"

    def test_file(self, shared, golden):
        g = golden("core_parallel")
        for kwargs in ({}, {"skiprows": 3}, {"skiprows": 2}):
            path = shared / "golden" / "core_parallel.csv"
            lines = parallel_screens(path, 500, sample_size=5, overlap=2, **kwargs)
            np.testing.assert_array_equal(lines.lines, g["csv_lines"])
            np.testing.assert_array_equal(lines.samples_indices, g["csv_samples_indices"])

    @pytest.mark.parametrize("kwargs", [{}, {"skiprows": 15}, {"skiprows": 14, "nrows": None}])
    def test_rotating_tracers(self, shared, golden, kwargs):
        g = golden("core_parallel")
        lines = parallel_screens(shared / "data" / "sample_2p_42rpm.csv", 712, **kwargs)
        assert lines.lines.shape == tuple(g["real_shape"])
        np.testing.assert_array_equal(lines.lines[:5], g["real_first5"])
        np.testing.assert_array_equal(lines.lines[-5:], g["real_last5"])
        np.testing.assert_allclose(lines.lines.sum(axis=0), g["real_colsum"], rtol=1e-12)
        assert lines.attrs["skipped_lines"] == 0

    @pytest.mark.parametrize("kwargs", [{}, {"skiprows": 15}, {"skiprows": 14, "nrows": 50000}])
    def test_static_tracers_and_the_cut_line(self, shared, golden, kwargs):
        g = golden("core_parallel")
        path = shared / "data" / "sample_2p_static.csv"
        with pytest.warns(
            UserWarning, match=r"static\.csv: line 30042: .*incomplete last line '7'"
        ):
            lines = parallel_screens(str(path), 712, **kwargs)
        assert lines.lines.shape == tuple(g["static_shape"])
        assert lines.attrs["skipped_lines"] == 1
        np.testing.assert_array_equal(lines.lines[:5], g["static_first5"])
        np.testing.assert_array_equal(lines.lines[-5:], g["static_last5"])
        np.testing.assert_allclose(lines.lines.sum(axis=0), g["static_colsum"], rtol=1e-12)

    def test_reading_less_than_the_cut_line_says_nothing(self, shared, golden):
        path = shared / "data" / "sample_2p_static.csv"
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            lines = parallel_screens(path, 712, skiprows=14, nrows=30026)
        assert lines.lines.shape == tuple(golden("core_parallel")["static_shape"])
        assert lines.attrs["skipped_lines"] == 0

    def test_skipping_one_line_too_many_loses_the_first_lor(self, shared, golden):
        lines = parallel_screens(shared / "data" / "sample_2p_42rpm.csv", 712, skiprows=16)
        np.testing.assert_array_equal(lines.lines[:4], golden("core_parallel")["real_first5"][1:])


@pytest.mark.parametrize(
    "header",
    [
        "",
        "t x1 y1 x2 y2\n",
        "# t x1 y1 x2 y2\n",
        "#\n# comment\n\n",
        "\n\n   \n",
        "Run 7 of 12, 3 May 2019\nSeparation= 712\nf(opt) : 0.05 300, 400, 1500\n\n",
        "712\n300, 400, 1500\n",
        "1 2 3 4 mm\n0.1 0.2 0.3 0.4 0.5 end\n",
        "1 2 3 4\nname\n",
        "\ufeffCaf\u00e9\n",
        "date;12.5.2019\r\n\r\n",
    ],
)
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
@pytest.mark.parametrize("columns", [" ", "\t", "  \t "])
def test_headers(tmp_path, header, newline, columns):
    body = TEXT.replace(" ", columns).replace("\n", newline)
    lines = parallel_screens(write(tmp_path, header + body), 10)
    np.testing.assert_array_equal(lines.lines, with_screens(ROWS, 10))


def test_header_in_another_encoding(tmp_path):
    lines = parallel_screens(
        write(tmp_path, "Größe ± 5 °C\n".encode("latin-1") + TEXT.encode()), 10
    )
    np.testing.assert_array_equal(lines.lines, with_screens(ROWS, 10))


def test_old_mac_line_ends_blank_lines_and_no_final_newline(tmp_path):
    lines = parallel_screens(write(tmp_path, "head\r" + TEXT.replace("\n", "\r\r")[:-2]), 10)
    np.testing.assert_array_equal(lines.lines, with_screens(ROWS, 10))


def test_a_short_row_before_the_rows_is_reported(tmp_path):
    with pytest.warns(UserWarning, match=r"line 2 was taken for .*'5 6 7'"):
        lines = parallel_screens(write(tmp_path, "head\n5 6 7\n" + TEXT), 10)
    assert len(lines.lines) == 3


def test_a_header_line_of_five_numbers_is_not_guessed_at(tmp_path):
    path = write(tmp_path, "1 2 3 4 5\nand now the data\n" + TEXT)
    with pytest.raises(ValueError, match=r"line 2: .*begin at line 1.*pass skiprows"):
        parallel_screens(path, 10)
    np.testing.assert_array_equal(
        parallel_screens(path, 10, skiprows=2).lines, with_screens(ROWS, 10)
    )


@pytest.mark.parametrize(
    "end", ["3", "3.5 9 10 11", "3.5 9 10 11 -", "3.5 9 10 11 1e", "-\n", "END\n \n", "\0\0"]
)
def test_cut_last_line(tmp_path, end):
    with pytest.warns(UserWarning, match=r"lors\.csv: line 5: left out the incomplete last line"):
        lines = parallel_screens(write(tmp_path, "header\n" + TEXT + end), 10)
    np.testing.assert_array_equal(lines.lines, with_screens(ROWS, 10))
    assert lines.attrs == {"skipped_lines": 1}


def test_cut_last_line_of_a_buffer():
    with pytest.warns(UserWarning, match=r"<filepath_or_array>: line 4: "):
        assert len(parallel_screens(io.StringIO(TEXT + "7"), 10).lines) == 3


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        ("2.0 abc 1 2 3\n", r"line 4: 'abc' is not a number: '2.0 abc 1 2 3'"),
        ("2.0 1 2\n", r"line 4: expected 5 numbers as in the first row, found 3: '2.0 1 2'"),
        ("2.0 1 2 3 4 5\n", r"line 4: expected 5 numbers as in the first row, found 6"),
        ("2.0 1 nan 3 4\n", r"line 4: 'nan' is not a number \(pass na_filter=True"),
        ("# comment\n", r"line 4: expected 5 numbers as in the first row, found 2: '# comment'"),
    ],
)
def test_malformed_line(tmp_path, bad, message):
    lines = TEXT.splitlines(keepends=True)
    path = write(tmp_path, "".join(["head\n", *lines[:2], bad, lines[2]]))
    with pytest.raises(ValueError, match=rf"{re.escape(str(path))}: {message}"):
        parallel_screens(path, 10)
    with pytest.raises(ValueError, match=message):
        parallel_screens(path, 10, skiprows=1)


@pytest.mark.parametrize("last", ["3 4 x 6 7", "3 4 5 6 x", "3 4 5 6 7 8", "3 4 5 6 nan"])
def test_a_last_line_that_is_complete_but_wrong_is_an_error(tmp_path, last):
    with pytest.raises(ValueError, match="line 4: "):
        parallel_screens(write(tmp_path, TEXT + last), 10)


class TestBadFiles:
    def test_missing(self, tmp_path):
        with pytest.raises(FileNotFoundError, match="absent"):
            parallel_screens(tmp_path / "absent.csv", 10)

    def test_directory(self, tmp_path):
        with pytest.raises(IsADirectoryError):
            parallel_screens(tmp_path, 10)

    @pytest.mark.parametrize("kwargs", [{}, {"skiprows": 0}])
    def test_empty(self, tmp_path, kwargs):
        with pytest.raises(ValueError, match=r"lors\.csv: the file is empty"):
            parallel_screens(write(tmp_path, ""), 10, **kwargs)

    @pytest.mark.parametrize("text", ["a header\nand nothing else\n", "\n\n", "# t x\n"])
    def test_header_only(self, tmp_path, text):
        with pytest.raises(ValueError, match=r"expected rows of at least 5 numbers .* found none"):
            parallel_screens(write(tmp_path, text), 10)

    def test_skipping_everything(self, tmp_path):
        with pytest.raises(ValueError, match=r"lors\.csv: no rows of numbers"):
            parallel_screens(write(tmp_path, TEXT), 10, skiprows=3)

    def test_too_few_columns(self, tmp_path):
        path = write(tmp_path, "head\n1 2 3 4\n5 6 7 8\n")
        with pytest.raises(
            ValueError, match=r"at least 5 numbers.*found 4 columns in line 2: '1 2 3 4'"
        ):
            parallel_screens(path, 10)
        with pytest.raises(ValueError, match=r"expected at least 5 columns .*, found 4"):
            parallel_screens(path, 10, skiprows=1)

    def test_commas_without_sep(self, tmp_path):
        path = write(tmp_path, "head\n" + TEXT.replace(" ", ","))
        with pytest.raises(ValueError, match=r"pass sep=','"):
            parallel_screens(path, 10)
        with pytest.raises(ValueError, match=r"pass sep"):
            parallel_screens(path, 10, skiprows=1)
        np.testing.assert_array_equal(
            parallel_screens(path, 10, sep=",").lines, with_screens(ROWS, 10)
        )

    def test_binary(self, tmp_path):
        content = np.random.default_rng(0).bytes(50_000)
        with pytest.raises(ValueError, match=r"lors\.csv: "):
            parallel_screens(write(tmp_path, content), 10)

    def test_damaged_compression(self, tmp_path):
        (tmp_path / "l.csv.gz").write_bytes(gzip.compress(TEXT.encode() * 50)[:-12])
        with pytest.raises(ValueError, match=r"l\.csv\.gz: the compressed file is damaged"):
            parallel_screens(tmp_path / "l.csv.gz", 10)


def test_kinds_of_files(tmp_path):
    path = write(tmp_path, "head\n" + TEXT)
    (tmp_path / "lors.csv.gz").write_bytes(gzip.compress(path.read_bytes()))
    expected = with_screens(ROWS, 10)
    for argument in (
        path,
        str(path),
        tmp_path / "lors.csv.gz",
        io.StringIO(TEXT),
        io.BytesIO(TEXT.encode()),
    ):
        np.testing.assert_array_equal(parallel_screens(argument, 10).lines, expected)
    with path.open() as text, path.open("rb") as binary:
        np.testing.assert_array_equal(parallel_screens(text, 10).lines, expected)
        np.testing.assert_array_equal(parallel_screens(binary, 10).lines, expected)


def test_options_beyond_the_plain_ones_are_followed_as_given(tmp_path):
    path = write(tmp_path, "skip me\n" + TEXT.replace(".5", ",5"))
    lines = parallel_screens(path, 10, skiprows=1, decimal=",")
    np.testing.assert_array_equal(lines.lines, with_screens(ROWS, 10))
    picked = parallel_screens(write(tmp_path, TEXT), 10, skiprows=[1])
    np.testing.assert_array_equal(picked.lines, with_screens(ROWS[[0, 2]], 10))


def test_arrays_stay_on_their_device(device):
    lines = parallel_screens(device.asarray(ROWS), 10, sample_size=2)
    assert lines.device.startswith(device.name)
    np.testing.assert_array_equal(device.to_host(lines.lines), with_screens(ROWS, 10))
    distances = device.asarray(np.array([10.0, 20, 30]))
    lines = parallel_screens(device.asarray(ROWS), distances)
    np.testing.assert_array_equal(
        device.to_host(lines.lines), with_screens(ROWS, np.array([10, 20, 30]))
    )
    with pytest.raises(ValueError, match="screen_separation"):
        parallel_screens(device.asarray(ROWS), -distances)


def test_mixed_devices(fake_gpu):
    with pytest.raises(MixedDevicesError):
        parallel_screens(fake_gpu.asarray(ROWS), np.array([10.0, 20, 30]))


class TestArrays:
    def test_nested_lists_and_dtypes(self):
        expected = with_screens(ROWS, 10)
        for rows in (
            ROWS.tolist(),
            tuple(map(tuple, ROWS)),
            ROWS.astype(np.float32),
            ROWS[:, ::-1][:, ::-1],
        ):
            lines = parallel_screens(rows, 10)
            assert lines.lines.dtype == np.float64
            assert lines.lines.flags.c_contiguous
            np.testing.assert_array_equal(lines.lines, expected)
            assert lines.attrs == {}

    def test_input_is_not_changed_or_shared(self):
        rows = ROWS.copy()
        parallel_screens(rows, 10).lines[:] = -1
        np.testing.assert_array_equal(rows, ROWS)

    @settings(max_examples=50, deadline=None)
    @given(
        rows=hnp.arrays(
            float, st.tuples(st.integers(0, 6), st.integers(5, 8)), elements=st.floats()
        ),
        separation=st.floats(1e-3, 1e6),
    )
    def test_any_values_pass_through(self, rows, separation):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            lines = parallel_screens(rows, separation)
        np.testing.assert_array_equal(lines.lines, with_screens(rows, separation))
        bad = (~np.isfinite(rows)).any(axis=1).sum()
        assert [str(w.message) for w in caught] == (
            [f"{bad} of {len(rows)} lines of response have NaN or infinite values; they are kept"]
            * bool(bad)
        )

    def test_one_separation_per_row(self):
        lines = parallel_screens(ROWS, [10, 20, 30])
        np.testing.assert_array_equal(lines.lines, with_screens(ROWS, np.array([10, 20, 30])))
        with pytest.raises(ValueError, match=r"one per row, \(3,\), found shape \(2,\)"):
            parallel_screens(ROWS, [10, 20])

    @pytest.mark.parametrize("separation", [0, -1, np.nan, np.inf, None, [1, 2, -3]])
    def test_bad_separation(self, separation):
        with pytest.raises(
            ValueError, match="screen_separation: expected a positive, finite distance"
        ):
            parallel_screens(ROWS, separation)

    @pytest.mark.parametrize(
        ("rows", "message"),
        [
            (ROWS[0], r"found shape \(5,\)"),
            (ROWS[:, :4], r"found shape \(3, 4\)"),
            (ROWS[None], r"found shape \(1, 3, 5\)"),
            ([], r"found shape \(0,\)"),
            (3.0, r"found shape \(\)"),
            ([[1, 2, 3, 4, 5], [1, 2]], "list: "),
            ([["a"] * 5], "list: "),
            (None, r"found shape \(\)"),
            (object(), "object: "),
        ],
    )
    def test_bad_rows(self, rows, message):
        with pytest.raises(ValueError, match=rf"filepath_or_array: expected .*{message}"):
            parallel_screens(rows, 10)

    def test_lines_are_not_rows(self):
        with pytest.raises(TypeError, match="LineData"):
            parallel_screens(LineData(np.zeros((3, 7))), 10)

    def test_options_of_files(self):
        with pytest.raises(TypeError, match="skiprows: options of files only"):
            parallel_screens(ROWS, 10, skiprows=1)

    def test_bad_sampling(self):
        with pytest.raises(ValueError, match="overlap"):
            parallel_screens(ROWS, 10, sample_size=2, overlap=2)


def test_elapsed_time_is_logged_not_printed(caplog, capsys):
    with caplog.at_level("INFO", "gpupept"):
        parallel_screens(ROWS, 10, verbose=False)
        assert not caplog.records
        parallel_screens(ROWS, 10)
    assert "Initialised PEPT data in" in caplog.text
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("line", ["1 2 nan 4 5", "1 2 3 4 0x10", "1 2 3 4 5,", "1 2 3"])
def test_a_first_row_that_may_be_damaged_is_not_skipped_in_silence(tmp_path, line):
    with pytest.warns(UserWarning, match=rf"line 2 was taken for the last .* header.*{line}"):
        lines = parallel_screens(write(tmp_path, f"Run 7\n{line}\n1 2 3 4 5\n"), 10)
    assert lines.lines.shape == (1, 7)


@pytest.mark.parametrize("line", ["t x1 y1 x2 y2", "run 3 of 5 samples", "712", ""])
def test_a_header_is_skipped_in_silence(tmp_path, line):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        lines = parallel_screens(write(tmp_path, f"Run 7\n{line}\n1 2 3 4 5\n"), 10)
    assert lines.lines.shape == (1, 7)


def test_skipping_more_lines_than_there_are(tmp_path):
    with pytest.raises(ValueError):
        parallel_screens(write(tmp_path, "1 2 3 4 5\n"), 10, skiprows=10**30)
