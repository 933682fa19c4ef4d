"""ADAC Forte list mode: golden files, an independent decoder, damaged files."""

from __future__ import annotations

import shutil
import struct
import warnings
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from oracle import adac as oracle

from gpupept.kernels import adac as kernel
from gpupept.kernels.adac_format import position_table
from gpupept.scanners import adac as reader
from gpupept.scanners import adac_forte

MARKER = oracle.MARKER
ONE_FILE = [
    "plain.da01",
    "short.da01",
    "messy.da01",
    "multi.da1",
    "multi.da2",
    "multi.da10",
    "tiny.da01",
]
ONE_LOR = [0x0AA83F00, 0x0BA52D80, 0x0CAD7F80, 0x0D607B00, 0x0E4D6980]


@pytest.fixture
def read_words(tmp_path: Path):
    """Write words to a file and read them with the package."""

    def read(words, separation=500, **kwargs):
        path = tmp_path / "words.da01"
        oracle.write_words(path, words, separation)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return adac_forte(path, verbose=False, **kwargs)

    return read


@pytest.mark.parametrize("name", ONE_FILE)
def test_golden_files(name, shared, golden):
    path = shared / "golden" / f"core_adac_{name}"
    expected = golden("core_adac")[f"{name.replace('.', '_')}_lines"]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        lines = adac_forte(path).lines
    np.testing.assert_array_equal(lines[:, 1:], expected[:, 1:])
    np.testing.assert_allclose(lines[:, 0], expected[:, 0], rtol=1e-12, atol=0)


def test_golden_files_joined_in_natural_order(shared, golden):
    lines = adac_forte(f"{shared}/golden/core_adac_multi.da*", sample_size=30, overlap=10)
    expected = golden("core_adac")
    np.testing.assert_array_equal(lines.lines[:, 1:], expected["multi_all_lines"][:, 1:])
    np.testing.assert_allclose(lines.lines[:, 0], expected["multi_all_lines"][:, 0], rtol=1e-12)
    np.testing.assert_array_equal(lines.samples_indices, expected["multi_all_samples_indices"])


def test_stray_bytes_are_reported(shared):
    with pytest.warns(UserWarning, match=r"byte 9540: ignored the 3 bytes"):
        lines = adac_forte(shared / "golden" / "core_adac_messy.da01")
    assert lines.attrs["trailing_bytes"] == 3
    assert lines.attrs["incomplete_events"] > 0
    assert lines.attrs["ignored_clock_steps"] > 0


def test_one_clock_word_only_gives_ticks_and_a_warning(shared, golden):
    with pytest.warns(UserWarning, match="times are in ticks"):
        lines = adac_forte(shared / "golden" / "core_adac_onemark.da01").lines
    expected = golden("core_adac")["onemark_da01_lines"]
    np.testing.assert_array_equal(lines[:, 1:], expected[:, 1:])
    tags = [int(word) >> 24 for word in golden("core_adac")["onemark_da01_words"]]
    assert np.isfinite(lines[:, 0]).all()
    assert lines[0, 0] == tags[6]  # the clock of the word that completed the pair


def test_one_later_clock_word_gives_the_slope(read_words):
    words = [MARKER, 1000, *ONE_LOR, MARKER, 1002]  # 4 ticks in 2 ms
    lines = read_words(words).lines
    assert lines[:, 0].tolist() == [14 / 2]


def test_equal_clock_words_use_the_last_usable_ratio(read_words):
    words = [MARKER, 0, *ONE_LOR, MARKER, 8, MARKER, 8, MARKER, 8]
    assert read_words(words).lines[0, 0] == 14 / 0.5


def test_clock_counter_may_wrap(read_words):
    later = [word + (20 << 24) for word in ONE_LOR]
    start = 2**32 - 1
    words = [MARKER, start, *ONE_LOR, MARKER, 3, *later, MARKER, 13]
    # pairs (4 ms, 4 ticks), (14 ms, 24 ticks)
    np.testing.assert_allclose(read_words(words).lines[:, 0], [14 / 2.0, 34 / 2.0], rtol=1e-15)


def test_worked_example(read_words):
    lines = read_words([MARKER, 0, *ONE_LOR, MARKER, 4, MARKER, 5]).lines
    expected = [59, 482, -10, 177, 231.84, 510]
    np.testing.assert_allclose(lines[0, 1:], expected, rtol=1e-15)


def test_word_table(golden):
    """Every position bit, in every kind of word."""
    for position, is_x, is_y, second_head, second_photon, word in golden("core_adac")[
        "word_table"
    ].tolist():
        assert position_table()[(word >> 8) & 0x3FFF] == position
        assert ((word & 128) == 0, (word & 512) == 0) == (bool(is_x), bool(is_y))
        assert (word >> 23) & 1 == 1 - second_head
        assert (word >> 22) & 1 == second_photon


def encoded(position: int) -> int:
    bits = [13, 11, 18, 19, 21, 16, 14, 12, 10, 8]
    return sum(1 << bit for i, bit in enumerate(bits) if not (position >> i) & 1)


@st.composite
def streams(draw):
    """Word streams from nearly valid to random."""
    tag = draw(st.integers(0, 255))
    words = [MARKER, draw(st.sampled_from([0, 7, 2**31, 2**32 - 2]))]
    clock = words[1]
    for _ in range(draw(st.integers(0, 25))):
        kind = draw(st.sampled_from(["event", "event", "event", "clock", "word", "random"]))
        tag = (tag + draw(st.sampled_from([0, 1, 5, 60, 129, 130, 200]))) % 256
        if kind == "event":
            heads = draw(st.permutations([1 << 23, 0]))
            for photon, head in enumerate(heads):
                for field in (512, 128, 640):
                    if draw(st.integers(0, 19)):
                        position = draw(st.integers(0, 1023))
                        words.append(tag << 24 | head | photon << 22 | encoded(position) | field)
        elif kind == "clock":
            clock = (clock + draw(st.integers(0, 1000))) % 2**32
            words += [MARKER, clock]
        elif kind == "word":
            words.append(tag << 24 | draw(st.integers(0, 2**24 - 1)))
        else:
            words += draw(
                st.lists(
                    st.sampled_from([MARKER, 0, 2**32 - 1]) | st.integers(0, 2**32 - 1), max_size=4
                )
            )
    return words


@settings(
    max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(words=streams(), separation=st.integers(0, 2000))
def test_against_the_plain_decoder(words, separation, read_words):
    lines = read_words(words, separation).lines
    expected = np.array(oracle.decode_words(words, separation)).reshape(-1, 7)
    np.testing.assert_array_equal(lines[:, 1:], expected[:, 1:])
    np.testing.assert_allclose(lines[:, 0], expected[:, 0], rtol=1e-9)


@settings(max_examples=50, deadline=None)
@given(words=streams(), data=st.data())
def test_result_does_not_depend_on_block_borders(words, data):
    array = np.array(words, dtype=np.uint32)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(words)), max_size=6)))
    results = []
    for blocks in ([array], np.split(array, cuts)):
        state, fit, rows = kernel.new_state(3), np.zeros(kernel.FIT_SIZE), np.zeros((len(words), 7))
        for block in blocks:
            kernel.scan_words(block, position_table(), state, fit, 2.5, 300.0, rows)
        results.append((state, fit, rows))
    for whole, parts in zip(*results, strict=True):
        np.testing.assert_array_equal(whole, parts)


def test_file_larger_than_one_block(monkeypatch, shared, golden):
    monkeypatch.setattr(reader, "_BLOCK_WORDS", 7)
    lines = adac_forte(shared / "golden" / "core_adac_plain.da01").lines
    np.testing.assert_allclose(lines, golden("core_adac")["plain_da01_lines"], rtol=1e-12)


def test_counts_of_what_is_left_out(read_words):
    lost = ONE_LOR[:2]  # a first photon only
    late = [word + (200 << 24) for word in ONE_LOR]
    words = [MARKER, 0, *ONE_LOR, MARKER, 1, *lost, *late, *lost, MARKER, 2]
    lines = read_words(words)
    assert len(lines.lines) == 2
    assert lines.attrs["incomplete_events"] == 2
    assert lines.attrs["ignored_clock_steps"] == 2  # from tag 11 to 210, and from 214 to 10
    assert all(type(value) is int for value in lines.attrs.values())


def test_no_lor_is_an_empty_result_with_a_warning(tmp_path):
    path = tmp_path / "idle.da01"
    oracle.write_words(path, [MARKER, 0, 0x0CAD7F80, MARKER, 5])
    with pytest.warns(UserWarning, match=r"idle\.da01: no complete line of response"):
        lines = adac_forte(path)
    assert lines.lines.shape == (0, 7)


def test_times_continue_over_a_file_without_lors(tmp_path):
    for name, words in (("a1", ONE_LOR), ("a2", []), ("a10", ONE_LOR)):
        oracle.write_words(
            tmp_path / name, [MARKER, 0, *words, MARKER, 4, MARKER, 8], 300 + len(name)
        )
    lines = adac_forte(f"{tmp_path}/a*").lines
    assert lines[1, 0] == 2 * lines[0, 0]
    assert lines[:, 6].tolist() == [312, 313]


def test_natural_order():
    names = ["DS1.da10", "DS1.da2", "DS1.da02_02", "DS1.da02", "DS1.da1"]
    ordered = sorted(names, key=reader._natural_order)
    assert ordered == ["DS1.da1", "DS1.da02", "DS1.da2", "DS1.da02_02", "DS1.da10"]


def test_strings_and_paths(tmp_path, shared):
    path = tmp_path / "copy.da01"
    shutil.copy(shared / "golden" / "core_adac_tiny.da01", path)
    assert adac_forte(str(path)).lines.tolist() == adac_forte(path).lines.tolist()
    assert adac_forte(tmp_path / "*.da01").lines.tolist() == adac_forte(path).lines.tolist()


class TestBadFiles:
    def test_missing(self, tmp_path):
        with pytest.raises(FileNotFoundError, match=r"absent\.da01"):
            adac_forte(tmp_path / "absent.da01")

    def test_directory(self, tmp_path):
        with pytest.raises(FileNotFoundError, match="no file"):
            adac_forte(tmp_path)

    def test_pattern_without_match(self, tmp_path):
        with pytest.raises(FileNotFoundError, match=r"pattern .*x\*"):
            adac_forte(tmp_path / "x*")

    def test_empty(self, tmp_path):
        (tmp_path / "empty.da01").touch()
        with pytest.raises(ValueError, match=r"empty\.da01: the file is empty"):
            adac_forte(tmp_path / "empty.da01")

    @pytest.mark.parametrize("size", [1, 4, 1007, 1008, 1011])
    def test_header_too_short(self, tmp_path, size):
        (tmp_path / "short.da01").write_bytes(b"\1" * size)
        with pytest.raises(ValueError, match=rf"short\.da01: byte {size}: "):
            adac_forte(tmp_path / "short.da01")

    def test_no_marker(self, tmp_path):
        (tmp_path / "text.da01").write_bytes(b"0123456789" * 200)
        with pytest.raises(
            ValueError, match=r"text\.da01: byte 1008: expected the marker 0xFACEFACE, found|text"
        ):
            adac_forte(tmp_path / "text.da01")

    def test_negative_separation(self, tmp_path):
        oracle.write_words(tmp_path / "n.da01", [MARKER, 0], -5)
        with pytest.raises(ValueError, match=r"byte 0: .*-5 mm"):
            adac_forte(tmp_path / "n.da01")

    def test_one_bad_file_of_many_is_named(self, tmp_path):
        oracle.write_words(tmp_path / "f1", [MARKER, 0, *ONE_LOR])
        (tmp_path / "f2").write_bytes(struct.pack("<i", 1))
        with pytest.raises(ValueError, match=r"f2: byte 4"):
            adac_forte(tmp_path / "f*")

    def test_overlap_too_large(self, shared):
        with pytest.raises(ValueError, match="overlap"):
            adac_forte(shared / "golden" / "core_adac_plain.da01", sample_size=5, overlap=5)

    def test_words_end_after_the_marker(self, tmp_path):
        oracle.write_words(tmp_path / "cut.da01", [MARKER])
        with pytest.warns(UserWarning, match="no complete"):
            assert adac_forte(tmp_path / "cut.da01").lines.shape == (0, 7)


def test_elapsed_time_is_logged_not_printed(shared, caplog, capsys):
    path = shared / "golden" / "core_adac_tiny.da01"
    with caplog.at_level("INFO", "gpupept"):
        adac_forte(path, verbose=False)
        assert not caplog.records
        adac_forte(path)
    assert "Initialised PEPT data" in caplog.text
    assert capsys.readouterr().out == ""
