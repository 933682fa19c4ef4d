"""Saving and loading in every format: what comes back, what is refused, damaged files."""

from __future__ import annotations

import io
import os
import pickle
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import gpupept
from gpupept import AdaptiveWindow, LineData, PointData, TimeWindow, load, save
from gpupept.base import IterableSamples, PEPTObject, PerSample, SampleGroups, formats

FORMATS = ["npz", "parquet", "pickle", "pkl", "data"]
SIZES = [
    (None, None),
    (0, 2),
    (3, 1),
    (3, -2),
    ([1, 0, 2], None),
    (TimeWindow(9.0), TimeWindow(4.5)),
    (AdaptiveWindow(9.0, 2), AdaptiveWindow(1.0)),
]


def rows_of(count, width=7):
    return np.arange(float(count * width)).reshape(count, width)


def same(a, b):
    """Equal in type, value and dtype, all the way down."""
    if type(a) is not type(b):
        return False
    if isinstance(a, np.ndarray | np.generic):
        return a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()
    if isinstance(a, AdaptiveWindow):
        return repr(a) == repr(b)
    if isinstance(a, PEPTObject):
        return same(a._saved_state(), b._saved_state())
    if isinstance(a, list | tuple):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, dict):
        return same(list(a.keys()), list(b.keys())) and same(list(a.values()), list(b.values()))
    if isinstance(a, float):
        return np.float64(a).tobytes() == np.float64(b).tobytes()
    return a == b


ATTRS = {
    "number": 5,
    "real": 0.1,
    "special": [float("nan"), float("inf"), -0.0, 10**40],
    "text": 'Zürich "\n\ud800',
    "nothing": None,
    "yes": True,
    "nested": {"a": (1, [2, {3}], frozenset({4})), 5: b"\x00\xff", (6, 7): 1 - 2j},
    "numbers": np.arange(6, dtype=np.int16).reshape(2, 3),
    "fortran": np.asfortranarray(np.arange(6.0).reshape(2, 3)),
    "every_other": np.arange(10)[::2],
    "scalar": np.float32(1.5),
    "zero_dimensional": np.array(3),
    "empty": np.empty((0, 3), dtype=np.uint8),
    "words": np.array(["a", "bcd"]),
    "raw": np.array([b"a", b"bcd"]),
    "dates": np.array(["2020-01-01", "NaT"], dtype="M8[ns]"),
    "big_endian": np.arange(3, dtype=">f4"),
    "window": TimeWindow(2.5),
    "adaptive": AdaptiveWindow(2.5, 7),
    "_lines": LineData(rows_of(3), 2, 1, inner=PointData(rows_of(2, 4), [1, 1])),
}


@pytest.mark.parametrize("suffix", FORMATS)
class TestRoundTrips:
    @pytest.mark.parametrize(("size", "overlap"), SIZES)
    def test_samples(self, suffix, size, overlap, tmp_path):
        path = tmp_path / f"lines.{suffix}"
        for data in (rows_of(10), rows_of(0), rows_of(4, 9)):
            lines = LineData(data, size, overlap)
            lines.save(path)
            found = LineData.load(path)
            assert same(found, lines)
            assert repr(found) == repr(lines)
            assert found.lines.flags.c_contiguous
            assert found.lines.flags.writeable
            found.with_samples(sample_size=2)  # the samples can be defined anew
            assert os.listdir(tmp_path) == [path.name]

    def test_a_table(self, suffix, tmp_path):
        lines = LineData(rows_of(10))
        lines.samples_indices = [[2, 5], [0, 1], [8, 99]]
        save(tmp_path / f"x.{suffix}", lines)
        found = load(str(tmp_path / f"x.{suffix}"))
        assert (found.sample_size, found.overlap) == (None, None)
        assert found.samples_indices.tolist() == [[2, 5], [0, 1], [8, 99]]

    @pytest.mark.parametrize("kind", [LineData, PointData, IterableSamples])
    def test_attributes_and_columns(self, suffix, kind, tmp_path):
        names = ["time", "time", "", "ä b", "3", "data", "meta"]
        container = kind(rows_of(4), 2, columns=names, **ATTRS, each=PerSample(np.arange(2)))
        save(tmp_path / f"x.{suffix}", container)
        found = load(tmp_path / f"x.{suffix}")
        assert same(found, container)
        assert found.columns == names
        assert found[1].attrs["each"] == 1

    def test_per_sample_attributes_of_every_kind(self, suffix, tmp_path):
        points = PointData(
            rows_of(2, 4),
            1,
            array=PerSample(np.array([1.5, 2.5])),
            list=PerSample(["a", None]),
            _lines=PerSample(LineData(rows_of(5), [2, 3])),
        )
        save(tmp_path / f"x.{suffix}", points)
        assert same(load(tmp_path / f"x.{suffix}"), points)

    def test_what_is_on_a_gpu_comes_back_on_the_cpu(self, suffix, device, tmp_path):
        inner = LineData(device.asarray(rows_of(2)))
        points = PointData(
            device.asarray(rows_of(6, 4)), 3, _lines=inner, n=device.asarray(np.arange(2))
        )
        points.save(tmp_path / f"x.{suffix}")
        found = load(tmp_path / f"x.{suffix}")
        assert found.device == found.attrs["_lines"].device == "cpu"
        assert isinstance(found.attrs["n"], np.ndarray)
        assert np.array_equal(found.points, rows_of(6, 4))
        assert found.samples_indices.tolist() == [[0, 3], [3, 6]]

    def test_special_numbers(self, suffix, tmp_path):
        data = rows_of(2)
        data[0, :6] = [np.nan, np.inf, -np.inf, -0.0, 5e-324, 1.7976931348623157e308]
        save(tmp_path / f"x.{suffix}", LineData(data))
        assert load(tmp_path / f"x.{suffix}").lines.tobytes() == data.tobytes()


@pytest.mark.parametrize("suffix", ["npz", "pickle"])
class TestOtherObjects:
    @pytest.mark.parametrize(
        "value",
        [
            rows_of(3),
            [LineData(rows_of(2)), LineData(rows_of(0))],
            {"a": PointData(rows_of(2, 4)), "meta": np.arange(3), "file": np.arange(2)},
            (1, "two", None),
            SampleGroups(PointData(rows_of(3, 4), 1), [[0, 2], [2, 3]]),
            TimeWindow(3),
            [np.arange(3), {"$": "array", "array": "x"}],
        ],
    )
    def test_come_back(self, suffix, value, tmp_path):
        save(tmp_path / f"x.{suffix}", value)
        assert same(load(tmp_path / f"x.{suffix}"), value)

    def test_filters_and_pipelines(self, suffix, tmp_path):
        from gpupept import Pipeline
        from gpupept.tracking import Centroids, Cutpoints, Stack

        cutoffs = np.array([0.0, 500, 0, 500, 0, 500])
        pipeline = Pipeline([Cutpoints(0.5, cutoffs), Centroids(error=True), Stack(30, 20)])
        pipeline.save(tmp_path / f"x.{suffix}")
        found = Pipeline.load(tmp_path / f"x.{suffix}")
        assert repr(found) == repr(pipeline)
        assert np.array_equal(found.transformers[0].cutoffs, cutoffs)
        pipeline.transformers[0].callback = print
        with pytest.raises(TypeError, match=r"\[0\].callback is a builtins"):
            pipeline.save(tmp_path / f"x.{suffix}")

    def test_shared_arrays_stay_shared_and_are_stored_once(self, suffix, tmp_path):
        lines = LineData(np.random.default_rng(0).normal(size=(1000, 7)))
        save(tmp_path / f"x.{suffix}", [PointData(rows_of(1, 4), _lines=lines) for _ in range(20)])
        assert (tmp_path / f"x.{suffix}").stat().st_size < 2 * lines.lines.nbytes
        found = load(tmp_path / f"x.{suffix}")
        assert found[0].attrs["_lines"].lines is found[19].attrs["_lines"].lines

    @given(
        hnp.arrays(
            st.one_of(hnp.scalar_dtypes(), hnp.unicode_string_dtypes(), hnp.byte_string_dtypes()),
            hnp.array_shapes(min_dims=0, min_side=0, max_side=3),
        )
    )
    def test_arrays_of_any_type(self, suffix, array):
        file = io.BytesIO()
        encoder = formats_encoder(array)
        (formats.write_npz if suffix == "npz" else formats.write_pickle)(file, *encoder)
        file.seek(0)
        assert same(load(file), array)


def formats_encoder(value):
    from gpupept.base.encoding import Encoder

    encoder = Encoder()
    return encoder.encode(value, ""), encoder.arrays


class TestFiles:
    def test_handles(self, tmp_path):
        file = io.BytesIO()
        lines = LineData(rows_of(4), 2)
        save(file, lines)
        lines[:1].save(file)
        file.seek(0)
        assert same(load(file), lines)
        assert same(LineData.load(file), lines[:1])
        with (tmp_path / "x.npz").open("wb") as handle:
            lines.save(handle)
        with (tmp_path / "x.npz").open("rb") as handle:
            assert same(load(handle), lines)

    def test_a_pipe(self):
        reader, writer = os.pipe()
        with os.fdopen(writer, "wb") as out:
            save(out, {"a": 1})
        with os.fdopen(reader, "rb") as source:
            assert load(source) == {"a": 1}

    def test_the_content_tells_the_format(self, tmp_path):
        lines = LineData(rows_of(4), 2)
        for suffix in ("npz", "parquet", "pickle"):
            save(tmp_path / f"x.{suffix}", lines)
            (tmp_path / f"x.{suffix}").rename(tmp_path / "renamed")
            assert same(load(tmp_path / "renamed"), lines)

    def test_plain_pickle_reads_it_too(self, tmp_path):
        lines = LineData(rows_of(4), 2)
        save(tmp_path / "x.pickle", lines)
        assert same(pickle.loads((tmp_path / "x.pickle").read_bytes()), lines)

    def test_numpy_and_pandas_read_the_rows(self, tmp_path):
        import pandas as pd

        lines = LineData(rows_of(4), 2)
        save(tmp_path / "x.npz", lines)
        save(tmp_path / "x.parquet", lines)
        with np.load(tmp_path / "x.npz") as archive:
            assert np.array_equal(archive["data"], rows_of(4))
            assert archive["samples_indices"].tolist() == [[0, 2], [2, 4]]
        frame = pd.read_parquet(tmp_path / "x.parquet")
        assert list(frame.columns) == list(lines.columns)
        assert np.array_equal(frame.to_numpy(), rows_of(4))

    def test_the_class_is_checked(self, tmp_path):
        LineData(rows_of(4)).save(tmp_path / "x.npz")
        with pytest.raises(
            TypeError, match=r"x\.npz holds an object of class LineData, not PointData"
        ):
            PointData.load(tmp_path / "x.npz")
        assert type(IterableSamples.load(tmp_path / "x.npz")) is LineData

    def test_files_are_the_same_each_time(self, tmp_path):
        for name in ("a.npz", "b.npz"):
            save(tmp_path / name, LineData(rows_of(4), 2, angle=1))
        a, b = (zipfile.ZipFile(tmp_path / name) for name in ("a.npz", "b.npz"))
        assert [(i.filename, i.CRC) for i in a.infolist()] == [
            (i.filename, i.CRC) for i in b.infolist()
        ]

    @pytest.mark.parametrize("suffix", FORMATS)
    def test_nothing_half_written(self, suffix, tmp_path, monkeypatch):
        path = tmp_path / f"x.{suffix}"
        save(path, LineData(rows_of(4)))
        before = path.read_bytes()
        with pytest.raises(TypeError, match=r"attrs\['f'\] is a builtins.function"):
            save(path, LineData(rows_of(5), f=lambda: 0))

        def fail(file, tree, arrays):
            file.write(b"half")
            raise OSError("the disk is full")

        monkeypatch.setattr("gpupept.base.persistence.write_pickle", fail)
        monkeypatch.setattr("gpupept.base.persistence._WRITERS", {".npz": fail, ".parquet": fail})
        with pytest.raises(OSError, match="the disk is full"):
            save(path, LineData(rows_of(5)))
        assert path.read_bytes() == before
        assert os.listdir(tmp_path) == [path.name]

    @pytest.mark.parametrize("suffix", FORMATS)
    def test_bad_places(self, suffix, tmp_path):
        with pytest.raises(FileNotFoundError, match="no_such"):
            save(tmp_path / "no_such" / f"x.{suffix}", LineData(rows_of(1)))
        with pytest.raises(FileNotFoundError):
            load(tmp_path / f"x.{suffix}")
        assert os.listdir(tmp_path) == []

    def test_bad_arguments(self, tmp_path):
        lines = LineData(rows_of(1))
        with pytest.raises(TypeError, match="filepath must be"):
            save(lines, "x.npz")
        with pytest.raises(TypeError, match="filepath must be"):
            load(5)
        with pytest.raises(TypeError, match="binary mode"):
            load(io.StringIO("text"))
        with pytest.raises(TypeError, match="one LineData or PointData, found list"):
            save(tmp_path / "x.parquet", [lines])


class TestRefusedObjects:
    @pytest.mark.parametrize(
        ("value", "what"),
        [
            (lambda: 0, "function"),
            (os, "module"),
            (object(), "builtins.object"),
            (LineData, "ABCMeta"),
            (np.array([None]), "dtype object"),
            (np.zeros(2, dtype="f8,i4"), "dtype"),
            ({"a": [1, print]}, r"attrs\['bad'\]\['a'\]\[1\]"),
            (LineData(rows_of(1), deep=print), r"attrs\['bad'\].attrs\['deep'\]"),
            (PerSample([print]), r"attrs\['bad'\].values\[0\]"),
        ],
    )
    @pytest.mark.parametrize("suffix", ["npz", "parquet", "pickle"])
    def test_attributes_are_named(self, value, what, suffix, tmp_path):
        lines = LineData(rows_of(1), good=1, bad=value)
        with pytest.raises(TypeError, match=what) as error:
            save(tmp_path / f"x.{suffix}", lines)
        assert "cannot be stored" in str(error.value)
        assert os.listdir(tmp_path) == []

    def test_classes_from_elsewhere(self, tmp_path):
        class Mine(LineData):
            pass

        with pytest.raises(TypeError, match="Mine, which cannot be stored"):
            Mine(rows_of(1)).save(tmp_path / "x.npz")
        LineData(Mine(rows_of(1))).save(tmp_path / "x.npz")

    def test_what_contains_itself(self, tmp_path):
        lines = LineData(rows_of(1))
        lines.attrs["me"] = [lines]
        with pytest.raises(ValueError, match=r"attrs\['me'\]\[0\] contains itself"):
            save(tmp_path / "x.pickle", lines)

    def test_attributes_too_large_for_parquet(self, tmp_path, monkeypatch):
        monkeypatch.setattr(formats, "MOST_METADATA", 20_000)
        noise = np.random.default_rng(1).normal(size=5000)
        with pytest.raises(ValueError, match="attrs_noise is too large for the metadata"):
            save(tmp_path / "x.parquet", PointData(rows_of(1, 4), noise=noise))
        assert os.listdir(tmp_path) == []
        save(tmp_path / "x.parquet", PointData(rows_of(1, 4), zeros=np.zeros(5000)))


def loaded_or_error(path):
    try:
        return load(path)
    except (ValueError, MemoryError) as error:
        return error


@pytest.mark.parametrize("suffix", ["npz", "parquet", "pickle"])
def test_damaged_files_are_errors_that_name_the_file(suffix, tmp_path):
    path = tmp_path / f"x.{suffix}"
    save(path, LineData(rows_of(50), 3, angle=np.arange(5)))
    content = path.read_bytes()
    rng = np.random.default_rng(2)
    damaged = [content[:n] for n in (0, 1, 5, len(content) // 2, len(content) - 1)]
    for _ in range(60):
        changed = bytearray(content)
        changed[rng.integers(len(content))] ^= 1 << int(rng.integers(8))
        damaged.append(bytes(changed))
    for part in damaged:
        path.write_bytes(part)
        found = loaded_or_error(path)
        if isinstance(found, Exception):
            assert str(path) in str(found)
        else:
            assert isinstance(found, LineData)  # one number, or the padding, is another


@pytest.mark.parametrize(
    "content", [b"", b"text", b"\x80\x05N.", b"\x80\x05}.", b"PK\x03\x04", b"PAR1PAR1"]
)
def test_files_of_other_programs(content, tmp_path):
    (tmp_path / "x").write_bytes(content)
    if content.startswith(b"\x80"):  # a pickle of plain values holds nothing to refuse
        assert load(tmp_path / "x") in (None, {})
        return
    with pytest.raises(ValueError, match="x is damaged or was not written by gpupept"):
        load(tmp_path / "x")


def test_npz_and_parquet_of_other_programs(tmp_path):
    import pandas as pd

    np.savez(tmp_path / "x.npz", a=np.arange(3))
    with pytest.raises(ValueError, match="not written by gpupept"):
        load(tmp_path / "x.npz")
    pd.DataFrame({"a": [1.0]}).to_parquet(tmp_path / "x.parquet")
    with pytest.raises(ValueError, match="Parquet file of another program"):
        load(tmp_path / "x.parquet")


def test_saving_needs_no_heavy_imports():
    code = (
        "import io, sys, gpupept\n"
        "file = io.BytesIO()\n"
        "gpupept.LineData([[1, 2, 3, 4, 5, 6, 7]], sample_size=1).save(file)\n"
        "file.seek(0); gpupept.load(file); repr(gpupept.PointData([[1, 2, 3, 4]]))\n"
        "heavy = {'pandas', 'pyarrow', 'numba', 'plotly', 'scipy', 'matplotlib', 'joblib'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    folder = os.path.dirname(os.path.dirname(gpupept.__file__))
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=folder
    )
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("suffix", [".npz", ".parquet", ".pickle"])
def test_equal_objects_are_saved_as_equal_bytes(
    suffix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    points = PointData(np.arange(8.0).reshape(2, 4), name="tracer")
    paths = [tmp_path / f"{number}{suffix}" for number in range(2)]
    for path, now in zip(paths, (1e9, 1.1e9), strict=True):
        monkeypatch.setattr("time.time", lambda now=now: now)
        save(path, points)
    assert paths[0].read_bytes() == paths[1].read_bytes()


@pytest.mark.parametrize("suffix", ["csv", "TXT", "dat", "tsv"])
def test_text_is_not_what_save_writes(suffix: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="use to_csv"):
        save(tmp_path / f"points.{suffix}", PointData(np.zeros((1, 4))))
    assert list(tmp_path.iterdir()) == []


def test_a_text_file_is_not_what_load_reads(tmp_path: Path) -> None:
    PointData(np.zeros((1, 4))).to_csv(tmp_path / "points.csv")
    with pytest.raises(ValueError, match=r"text files are read by gpupept.read_csv"):
        load(tmp_path / "points.csv")


@pytest.mark.parametrize("name", ["v.nii.gz", "v.vti", "v.npy", "v.zarr", "v.TIF", "v.mhd"])
def test_no_pickle_is_written_under_the_name_of_another_format(name, tmp_path):
    voxels = gpupept.Voxels.zeros((2, 2, 2), [0, 1], [0, 1], [0, 1])
    with pytest.raises(ValueError, match=r"does not write .*\.npz.*export_volume"):
        voxels.save(tmp_path / name)
    assert list(tmp_path.iterdir()) == []
