"""The list mode writer: what is written is what the reader, and an independent one, give back."""

from __future__ import annotations

import os
import warnings
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from oracle import adac as oracle

from gpupept import LineData
from gpupept.scanners import adac_forte, adac_writer, parallel_screens, write_adac_forte

PITCH = 0.59


def lors_from(positions, times, separation: int) -> np.ndarray:
    p = np.asarray(positions, dtype=float).reshape(-1, 4)
    rows = np.empty((len(p), 7))
    rows[:, 0] = times
    rows[:, 1], rows[:, 2], rows[:, 3] = PITCH * p[:, 0], 600 - PITCH * p[:, 1], -10
    rows[:, 4], rows[:, 5] = PITCH * p[:, 2], 600 - PITCH * (1024 - p[:, 3])
    rows[:, 6] = separation + 10
    return rows


def read(path) -> np.ndarray:
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*no complete line")
        return adac_forte(path, verbose=False).lines


def words_of(path) -> list[int]:
    return np.fromfile(path, dtype="<u4", offset=1008).tolist()


@st.composite
def list_mode(draw):
    n = draw(st.integers(0, 12))
    positions = draw(st.lists(st.tuples(*[st.integers(0, 1023)] * 4), min_size=n, max_size=n))
    steps = st.sampled_from([0, 0.04, 0.1, 1, 12.8, 12.9, 13, 25.6, 777.77, 130_000.3])
    times = np.cumsum(draw(st.lists(steps, min_size=n, max_size=n)))
    return lors_from(positions, times, draw(st.integers(0, 3000)))


@settings(
    max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(rows=list_mode(), rate=st.sampled_from([1, 10, 129, 130, 200]))
def test_round_trip(tmp_path, rows, rate):
    path = tmp_path / "trip.da01"
    separation = int(rows[0, 6]) - 10 if len(rows) else 500
    assert write_adac_forte(rows, path, separation, ticks_per_ms=rate) == len(rows)
    back = read(path)
    np.testing.assert_array_equal(back[:, 1:], rows[:, 1:])
    np.testing.assert_allclose(back[:, 0], rows[:, 0], rtol=1e-14, atol=0.500001 / rate)


@settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(rows=list_mode().filter(lambda rows: len(rows) == 0 or rows[-1, 0] < 10_000))
def test_an_independent_reader_agrees_and_the_clock_is_recoverable(tmp_path, rows):
    path = tmp_path / "trip.da01"
    write_adac_forte(rows, path, int(rows[0, 6]) - 10 if len(rows) else 500)
    words = words_of(path)
    decoded = np.array(
        oracle.decode_words(words, int(rows[0, 6]) - 10 if len(rows) else 0)
    ).reshape(-1, 7)
    np.testing.assert_array_equal(decoded[:, 1:], rows[:, 1:])
    np.testing.assert_allclose(decoded[:, 0], np.rint(rows[:, 0] * 10) / 10, rtol=1e-9, atol=1e-12)

    assert len({ms for ms, _ in oracle.clock_pairs(words)}) >= 2
    assert words[-2] == oracle.MARKER
    labelled = oracle.split_words(words)[0]
    tags = [word >> 24 for label, word in labelled if label == "event"]
    assert all((b - a) % 256 < 130 for a, b in pairwise(tags))


def test_reading_and_writing_again_gives_the_same_lines(tmp_path, shared):
    lines = adac_forte(shared / "golden" / "core_adac_plain.da01", sample_size=20)
    write_adac_forte(lines, tmp_path / "again.da01", ticks_per_ms=1000)
    back = read(tmp_path / "again.da01")
    np.testing.assert_array_equal(back[:, 1:], lines.lines[:, 1:])
    np.testing.assert_allclose(back[:, 0], lines.lines[:, 0], atol=0.0005001)


def test_lines_on_any_device(tmp_path, device):
    rows = lors_from([[5, 6, 7, 8], [0, 1023, 1023, 0]], [1, 2.5], 400)
    write_adac_forte(LineData(device.asarray(rows)), tmp_path / "d.da01")
    np.testing.assert_allclose(read(tmp_path / "d.da01"), rows, rtol=1e-14)


def test_pieces_and_blocks_do_not_show(tmp_path, monkeypatch):
    rng = np.random.default_rng(3)
    times = np.cumsum(rng.exponential(2, 2000))
    times[1000:] += 500_000
    rows = lors_from(rng.integers(0, 1024, (2000, 4)), times, 650)
    write_adac_forte(rows, tmp_path / "whole.da01")
    monkeypatch.setattr(adac_writer, "_BLOCK_LORS", 64)
    monkeypatch.setattr(adac_writer, "_BLOCK_WORDS", 100)
    write_adac_forte(rows, tmp_path / "pieces.da01")
    assert (tmp_path / "whole.da01").read_bytes() == (tmp_path / "pieces.da01").read_bytes()
    monkeypatch.setattr(adac_writer, "_LORS_PER_CLOCK", 100)
    write_adac_forte(rows, tmp_path / "clocks.da01")
    np.testing.assert_allclose(
        read(tmp_path / "clocks.da01"), read(tmp_path / "whole.da01"), rtol=1e-14
    )


def test_lines_between_the_screens_are_extended_to_the_heads(tmp_path):
    lines = parallel_screens([[1, 300, 200, 310, 220]], 500)
    write_adac_forte(lines, tmp_path / "x.da01", separation=500)
    (row,) = read(tmp_path / "x.da01")
    expected = [1, 299.8, 199.6, -10, 310.2, 220.4, 510]
    np.testing.assert_allclose(row, expected, atol=0.5 * PITCH + 1e-9)
    swapped = LineData(lines.lines[:, [0, 4, 5, 6, 1, 2, 3]])
    write_adac_forte(swapped, tmp_path / "y.da01", separation=500)
    np.testing.assert_array_equal(read(tmp_path / "y.da01")[0], row)


def test_start_moves_the_clock(tmp_path):
    rows = lors_from([[1, 2, 3, 4]], [86_400_000.25], 300)
    write_adac_forte(rows, tmp_path / "s.da01", start=86_400_000)
    assert abs(read(tmp_path / "s.da01")[0, 0] - 0.25) <= 0.05
    assert (tmp_path / "s.da01").stat().st_size < 1200


def test_description_and_separation_are_in_the_header(tmp_path):
    write_adac_forte(np.empty((0, 7)), tmp_path / "h.da01", 321, description="mill, 42 rpm")
    head = (tmp_path / "h.da01").read_bytes()
    assert head[:4] == (321).to_bytes(4, "little")
    assert head[8:1008].rstrip(b"\0") == b"mill, 42 rpm"


@pytest.mark.parametrize(
    ("column", "value"),
    [
        (1, -0.4),
        (1, 604.1),
        (2, -4.0),
        (2, 600.4),
        (4, np.nan),
        (5, 599.9),
        (5, np.inf),
        (0, np.nan),
    ],
)
def test_what_cannot_be_represented(tmp_path, column, value):
    rows = lors_from([[5, 6, 7, 8]] * 3, [1, 2, 3], 400)
    rows[1, column] = value
    with pytest.raises(ValueError, match=r"1 of 3 LoRs cannot be represented.*row 1.*skip"):
        write_adac_forte(rows, tmp_path / "bad.da01", 400)
    assert os.listdir(tmp_path) == []
    with pytest.warns(UserWarning, match="1 of 3 LoRs"):
        assert write_adac_forte(rows, tmp_path / "bad.da01", 400, out_of_range="skip") == 2
    np.testing.assert_allclose(read(tmp_path / "bad.da01"), rows[[0, 2]], rtol=1e-14)


def test_lines_parallel_to_the_heads(tmp_path):
    rows = np.array([[0, 1, 2, 50, 3, 4, 50], [0, 1, 2, 50, 1, 2, 50.0]])
    with pytest.raises(ValueError, match="2 of 2 LoRs"):
        write_adac_forte(rows, tmp_path / "p.da01", 400)


@pytest.mark.parametrize(
    ("times", "kwargs", "message"),
    [
        ([1, 3, 2], {}, r"2\.0 ms of row 2 is earlier"),
        ([1, 2, 3], {"start": 1.5}, r"1\.0 ms of row 0 is before start = 1\.5"),
        ([1, 2, 2**31], {}, r"row 2 is more than 2\*\*31 ms"),
        ([1, 2, 3], {"start": np.nan}, "start: "),
        ([1, 2, 3], {"ticks_per_ms": 0}, "ticks_per_ms: "),
        ([1, 2, 3], {"ticks_per_ms": 2.5}, "ticks_per_ms: "),
        ([1, 2, 3], {"separation": 400.5}, "separation: "),
        ([1, 2, 3], {"separation": -1}, "separation: "),
        ([1, 2, 3], {"separation": np.nan}, "separation: "),
        ([1, 2, 3], {"out_of_range": "clip"}, "out_of_range: .*clip"),
        ([1, 2, 3], {"description": "é" * 501}, "description: .*1002"),
    ],
)
def test_bad_arguments(tmp_path, times, kwargs, message):
    rows = lors_from([[5, 6, 7, 8]] * 3, times, 400)
    with pytest.raises(ValueError, match=message):
        write_adac_forte(rows, tmp_path / "bad.da01", **kwargs)
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(
    "rows",
    [
        [[0, 1, 2, 0, 3, 4, 500]],  # not on the heads
        [[0, 1, 2, -10, 3, 4, 500.5]],  # no whole number
        [[0, 1, 2, -10, 3, 4, 510], [1, 1, 2, -10, 3, 4, 520]],  # two separations
        np.empty((0, 7)),
    ],
)
def test_separation_that_cannot_be_inferred(tmp_path, rows):
    with pytest.raises(ValueError, match="separation: cannot be inferred"):
        write_adac_forte(rows, tmp_path / "bad.da01")


@pytest.mark.parametrize("rows", [[0, 1, 2, -10, 3, 4, 510], [[0, 1, 2, 3, 4]]])
def test_wrong_shape(tmp_path, rows):
    with pytest.raises(ValueError, match=r"lines: expected an array of shape \(N, M >= 7\)"):
        write_adac_forte(rows, tmp_path / "bad.da01")


def test_missing_directory(tmp_path):
    with pytest.raises(FileNotFoundError, match="absent"):
        write_adac_forte(np.empty((0, 7)), tmp_path / "absent" / "f.da01", 500)
