"""Files made to run code or to upset the process when loaded: each is a plain error."""

from __future__ import annotations

import builtins
import io
import json
import os
import pickle
import struct
import subprocess
import sys
import zipfile

import numpy as np
import pytest

import gpupept
from gpupept import LineData, load
from gpupept.base import PEPTObject, formats
from gpupept.base.encoding import Decoder, find_stored_class
from gpupept.base.persistence import UnsafeFileError

UNPACK = (formats.unpack.__module__, formats.unpack.__name__)


class Call:
    """Pickles as a call of a function."""

    def __init__(self, function, *arguments):
        self.reduced = (function, arguments)

    def __reduce__(self):
        return self.reduced


@pytest.fixture
def refused(tmp_path):
    """Check that loading some bytes is refused and leaves no trace."""
    trace = tmp_path / "trace"

    def check(content, error=UnsafeFileError):
        (tmp_path / "x.pickle").write_bytes(content)
        with pytest.raises(error, match=r"x\.pickle") as found:
            load(tmp_path / "x.pickle")
        assert not trace.exists()
        return found

    check.trace = trace
    return check


def text(value):
    return b"\x8c" + struct.pack("<B", len(value.encode())) + value.encode()


def global_name(module, name):
    return text(module) + text(name) + b"\x93"  # STACK_GLOBAL


@pytest.mark.parametrize("protocol", range(6))
def test_calls_of_functions(refused, protocol):
    command = f"touch {refused.trace}"
    for value in (
        Call(os.system, command),
        Call(subprocess.check_output, ["touch", str(refused.trace)]),
        Call(builtins.eval, f"open({str(refused.trace)!r}, 'w')"),
        Call(builtins.exec, f"open({str(refused.trace)!r}, 'w')"),
        Call(builtins.open, str(refused.trace), "w"),
        Call(builtins.getattr, "a", "upper"),
        Call(builtins.__import__, "os"),
        Call(np.load, str(refused.trace)),
        Call(np.save, str(refused.trace), 5),
        Call(gpupept.save, str(refused.trace), 5),
        Call(gpupept.load, str(refused.trace)),
        [1, {"deep": (Call(os.system, command),)}],
    ):
        error = refused(pickle.dumps(value, protocol=protocol))
        assert "asks for" in str(error.value)


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("os", "system"),
        ("posix", "system"),
        ("builtins", "getattr"),
        ("numpy", "ndarray"),
        ("numpy", "dtype"),
        ("numpy._core.multiarray", "_reconstruct"),
        ("numpy.core.multiarray", "scalar"),
        ("numpy.testing._private.utils", "runstring"),
        ("gpupept", "base"),
        ("gpupept.base.persistence", "os"),
        ("gpupept.base.persistence", "os.system"),
        ("gpupept.base.persistence", "pickle.loads"),
        ("gpupept.base.persistence", "atomic_write"),
        ("gpupept.base.formats", "np"),
        ("gpupept.base.formats", "unpack.__globals__"),
        ("gpupept.base.formats", "unpack.__globals__.__getitem__"),
        ("gpupept.base.formats", "zipfile.os.system"),
        ("gpupept.base.formats.unpack", "__call__"),
        ("gpupept.base.encoding", "importlib.import_module"),
        ("gpupept.base.line_data", "LineData"),
        ("gpupept.utilities.files", "shutil.rmtree"),
        ("gpupept.__main__", "main"),
        ("__main__", "unpack"),
        ("", "unpack"),
        ("gpupept.base.formats ", "unpack"),
    ],
)
def test_names(refused, module, name):
    refused(b"\x80\x04" + global_name(module, name) + b".")
    arguments = text("x") + b"\x85R."  # TUPLE1 REDUCE
    refused(b"\x80\x04" + global_name(module, name) + arguments)
    if module.strip() == module != "":
        refused(b"c" + module.encode() + b"\n" + name.encode() + b"\n.")  # GLOBAL
        refused(b"(S'x'\ni" + module.encode() + b"\n" + name.encode() + b"\n.")  # INST


@pytest.mark.parametrize(
    "after",
    [
        b")\x81.",  # NEWOBJ with no arguments
        b")}\x92.",  # NEWOBJ_EX
        b"}" + text("__call__") + text("x") + b"sb.",  # BUILD with a dict
        b"N}" + text("__call__") + text("x") + b"s\x86b.",  # BUILD with slots
        b"(" + text("x") + b"o.",  # OBJ
        b"(lR.",  # arguments that are no tuple
    ],
)
def test_the_one_admitted_function_cannot_be_misused(refused, after):
    refused(b"\x80\x04" + global_name(*UNPACK) + after, ValueError)
    assert type(formats.unpack).__name__ == "function"
    file = io.BytesIO()
    gpupept.save(file, 5)
    file.seek(0)
    assert load(file) == 5


def test_references_to_objects_outside(refused):
    refused(b"P1\n.")  # PERSID
    refused(b"\x80\x04K\x05Q.")  # BINPERSID
    refused(b"\x80\x04\x82\x05.", ValueError)  # EXT1


def call_of_unpack(tree, arrays=None, header=...):
    """A pickle as `save` writes it, of any tree."""
    if header is ...:
        header = json.dumps({"format": formats.FORMAT, "version": formats.VERSION, "tree": tree})
    return pickle.dumps(Call(formats.unpack, header, arrays or {}), protocol=5)


@pytest.mark.parametrize(
    "name",
    [
        "os:system",
        "builtins:eval",
        "gpupept:LineData",
        "gpupept.base:load",
        "gpupept.base.persistence:os",
        "gpupept.base.persistence:Path",
        "gpupept.base.persistence:Encoder",
        "gpupept.base.formats:UnsafeFileError",
        "gpupept.base.line_data:IterableSamples.mro",
        "gpupept.base:LineData.__init__",
        "gpupept.base:TimeWindow",
        "gpupept.backend:use_backend",
        "gpupept.backend.devices:subprocess",
        "gpupept.__main__:main",
        "gpupept._version:__version__",
        "gpupept.base..line_data:LineData",
        "gpupept.base.no_such_module:LineData",
        "gpupept.base:NoSuchClass",
        "gpupept.base:line_data",
        "gpupept/base:LineData",
        "gpupept.base",
        "",
        None,
        5,
        ["gpupept.base:LineData"],
    ],
)
def test_classes(refused, name):
    tree = {"$": "object", "class": name, "state": {}}
    refused(call_of_unpack(tree), ValueError)
    with pytest.raises(ValueError, match=r"not the name of a class|no module"):
        find_stored_class(name)


def test_modules_from_elsewhere_are_not_imported(refused, tmp_path, monkeypatch):
    (tmp_path / "gpupept_evil.py").write_text(f"open({str(refused.trace)!r}, 'w')")
    monkeypatch.syspath_prepend(tmp_path)
    for name in ("gpupept_evil:Thing", "gpupept.base.gpupept_evil:Thing"):
        refused(call_of_unpack({"$": "object", "class": name, "state": {}}), ValueError)
    refused(b"\x80\x04" + global_name("gpupept_evil", "Thing") + b".")
    assert "gpupept_evil" not in sys.modules


def line_state(**changes):
    tree, arrays = {}, {}
    state = {
        "data": {"$": "array", "array": "data"},
        "columns": list("txyzabc"),
        "attrs": {"$": "dict", "items": []},
        "samples_indices": {"$": "array", "array": "table"},
        "custom": False,
        "sample_size": 2,
        "overlap": 0,
    }
    arrays = {"data": ("<f8", (2, 7), bytes(112)), "table": ("<i8", (1, 2), bytes(16))}
    tree = {"$": "object", "class": "gpupept.base:LineData", "state": state | changes}
    return tree, arrays


def test_the_trees_below_are_fine_otherwise():
    found = load(io.BytesIO(call_of_unpack(*line_state())))
    assert isinstance(found, LineData)
    assert found.samples_indices.tolist() == [[0, 0]]


@pytest.mark.parametrize(
    "changes",
    [
        {"data": None},
        {"data": "text"},
        {"data": [1, 2]},
        {"data": {"$": "array", "array": "no_such"}},
        {"data": {"$": "array", "array": "table"}},
        {"data": {"$": "object", "class": "gpupept.base:LineData", "state": {}}},
        {"columns": 5},
        {"columns": "txyz"},
        {"attrs": [1]},
        {"attrs": None},
        {"attrs": {"$": "dict", "items": [[[], 1]]}},
        {"attrs": {"$": "dict", "items": [["a", {"$": "call", "function": "os.system"}]]}},
        {"attrs": {"$": "dict", "items": [["a", {"$": []}]]}},
        {"samples_indices": None},
        {"samples_indices": [1, 2, 3]},
        {"sample_size": "text"},
        {"sample_size": -1.0e400},
        {"overlap": {"$": "TimeWindow", "window": 1}},
        {"custom": {"$": "dict", "items": 5}},
        {"sample_size": {"$": "AdaptiveWindow", "window": "x", "max_elems": 1}},
    ],
)
def test_containers_with_parts_that_do_not_fit(refused, changes):
    refused(call_of_unpack(*line_state(**changes)), ValueError)


@pytest.mark.parametrize(
    "array",
    [
        ("|O", (1,), bytes(8)),
        ("O", (1,), bytes(8)),
        ("f8,O", (1,), bytes(16)),
        ("V8", (1,), bytes(8)),
        ("<f8", (3,), bytes(8)),
        ("<f8", (2**62, 2**62), bytes(8)),
        ("<f8", (-1,), bytes(8)),
        ("<f8", (-1, -1), bytes(8)),
        ("<f8", 1, bytes(8)),
        ("<f8", ("a",), bytes(8)),
        ("<f8", (1,), "text"),
        ("<f8", (1,), None),
        (5, (1,), bytes(8)),
        ("<f8", (1,)),
        ("f8" * 1000, (1,), bytes(8)),
        ("<f3", (1,), bytes(3)),
        ("datetime64[x]", (1,), bytes(8)),
    ],
)
def test_arrays_that_do_not_fit(refused, array):
    refused(call_of_unpack({"$": "array", "array": "a"}, {"a": array}), ValueError)


@pytest.mark.parametrize(
    "header",
    [
        "",
        "[]",
        "5",
        "not json",
        "{}",
        '{"format": "gpupept"}',
        '{"format": "gpupept", "version": 1}',
        '{"format": "gpupept", "version": 99, "tree": 1}',
        '{"format": "gpupept", "version": "1", "tree": 1}',
        '{"format": "other", "version": 1, "tree": 1}',
        b"\xff\xfe",
        None,
        7,
        "[" * 200_000,
        '{"format": "gpupept", "version": 1, "tree": ' + "[" * 5000 + "]" * 5000 + "}",
    ],
)
def test_headers(refused, header):
    refused(call_of_unpack(None, header=header), ValueError)


def test_attributes_that_hide_methods_are_data(refused):
    state = {"__class__": 5, "__reduce__": 6, "save": "x", "values": [1]}
    tree = {"$": "object", "class": "gpupept.base:PEPTObject", "state": state}
    found = load(io.BytesIO(call_of_unpack(tree)))
    assert type(found) is PEPTObject
    assert PEPTObject.save is not found.save


def archive(tmp_path, members):
    with zipfile.ZipFile(tmp_path / "x.pickle", "w") as file:
        for name, content in members.items():
            file.writestr(name, content)
    return (tmp_path / "x.pickle").read_bytes()


def test_archives_with_pickled_arrays(refused, tmp_path):
    pickled = io.BytesIO()
    hostile = np.array([Call(os.system, f"touch {refused.trace}")], dtype=object)
    np.save(pickled, hostile, allow_pickle=True)
    header = formats.header_text({"$": "array", "array": "a"})
    good = archive(tmp_path, {"gpupept.json": header, "a.npy": pickled.getvalue()})
    refused(good, ValueError)
    refused(archive(tmp_path, {"gpupept.json": header, "a": b"text"}), ValueError)
    refused(archive(tmp_path, {"gpupept.json": header}), ValueError)
    refused(archive(tmp_path, {"gpupept.json.npy": pickled.getvalue()}), ValueError)
    tree = {"$": "object", "class": "os:system", "state": {}}
    refused(archive(tmp_path, {"gpupept.json": formats.header_text(tree)}), ValueError)


def test_tables_with_hostile_metadata(refused, tmp_path):
    import pyarrow
    from pyarrow import parquet

    for metadata in (
        {"gpupept": "{}", "gpupept.arrays": "{}"},
        {"gpupept": formats.header_text({"$": "object", "class": "os:system", "state": {}})},
        {"gpupept": formats.header_text(1), "gpupept.arrays": "[]"},
        {"gpupept": formats.header_text({"$": "array", "array": "a"}),
         "gpupept.arrays": json.dumps({"a": ["<f8", [1], "!!!"]})},
        {"gpupept": formats.header_text({"$": "array", "array": "a"}),
         "gpupept.arrays": json.dumps({"a": ["|O", [1], "eJwDAAAAAAE="]})},
    ):  # fmt: skip
        table = pyarrow.table({"t": [1.0]}).replace_schema_metadata(metadata)
        parquet.write_table(table, tmp_path / "t.parquet")
        refused((tmp_path / "t.parquet").read_bytes(), ValueError)
    text_table = pyarrow.table({"t": ["a"]}).replace_schema_metadata({"gpupept": "{}"})
    parquet.write_table(text_table, tmp_path / "t.parquet")
    refused((tmp_path / "t.parquet").read_bytes(), ValueError)


def test_compressed_attributes_cannot_grow_beyond_their_shape():
    dtype, _, packed = formats.pack_text(np.zeros(1_000_000))
    with pytest.raises(ValueError, match="an array of shape"):
        formats.unpack_text(dtype, [10], packed)


def test_the_decoder_makes_nothing_of_unknown_kinds():
    for tree in ({"$": "eval"}, {}, {"a": 1}, {"$": None}, {"$": "object"}, {"$": "tuple"}):
        with pytest.raises((ValueError, KeyError)):
            Decoder({}).decode(tree)
