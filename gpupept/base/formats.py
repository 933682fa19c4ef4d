"""The file formats: an encoded object (see `encoding`) as npz, Parquet or pickle."""

from __future__ import annotations

import base64
import json
import math
import pickle
import re
import zipfile
import zlib
from collections.abc import Mapping
from typing import IO, Any, NoReturn

import numpy as np

from gpupept.base.encoding import Decoder

FORMAT = "gpupept"
VERSION = 1
_HEADER = "gpupept.json"  # the part of an npz file that is not an array
_TABLE = "data"  # the array that is the table of a Parquet file
MOST_METADATA = 64 * 2**20
_DTYPE = re.compile(r"[<>|=]?[buifcSU]\d+|[<>|=]?[mM]8(\[\w+\])?")


class UnsafeFileError(pickle.UnpicklingError, ValueError):
    """A file asks for something that loading must not do, such as calling a function."""


def header_text(tree: Any) -> str:
    """Write the encoded object and the version of the format as JSON."""
    return json.dumps({"format": FORMAT, "version": VERSION, "tree": tree})


def decode_header(header: str | bytes, arrays: Mapping[str, np.ndarray]) -> Any:
    """Make the object from its JSON and its arrays."""
    meta = json.loads(header)
    if not isinstance(meta, dict) or meta.get("format") != FORMAT:
        raise ValueError(f"it has no header of {FORMAT}")
    if not meta["version"] <= VERSION:
        raise ValueError(f"it is of version {meta['version']}; update {FORMAT} to load it")
    return Decoder(arrays).decode(meta["tree"])


def write_npz(file: IO[bytes], tree: Any, arrays: dict[str, np.ndarray]) -> None:
    """Write an archive of arrays that `numpy.load` opens too, and the JSON beside them."""
    with zipfile.ZipFile(file, "w") as archive:
        # A dated entry would make the bytes of equal results differ from run to run.
        archive.writestr(zipfile.ZipInfo(_HEADER), header_text(tree))
        for name, array in arrays.items():
            with archive.open(f"{name}.npy", "w", force_zip64=True) as part:
                np.lib.format.write_array(part, array, allow_pickle=False)


def read_npz(file: IO[bytes]) -> Any:
    """Read what `write_npz` wrote; arrays of Python objects are refused."""
    with np.load(file, allow_pickle=False) as archive:
        return decode_header(archive[_HEADER], archive)


def write_parquet(file: IO[bytes], tree: Any, arrays: dict[str, np.ndarray]) -> None:
    """Write the rows of a container as a table; all the rest goes into the file's metadata.

    Raises
    ------
    ValueError
        If the attributes hold too much for metadata.
    """
    import pyarrow
    from pyarrow import parquet

    data, columns = arrays[_TABLE], [str(name) for name in tree["state"]["columns"]]
    packed = {name: pack_text(array) for name, array in arrays.items() if name != _TABLE}
    sizes = {name: len(text) for name, (_, _, text) in packed.items()}
    if sum(sizes.values()) > MOST_METADATA:
        largest = max(sizes, key=lambda name: sizes[name])
        raise ValueError(
            f"{largest} is too large for the metadata of a Parquet file "
            f"({sizes[largest] / 2**20:.0f} MiB of at most {MOST_METADATA // 2**20}); remove it "
            "from the attributes or save as .npz"
        )
    fields = [pyarrow.array(np.ascontiguousarray(column)) for column in data.T]
    table = pyarrow.Table.from_arrays(fields, names=columns)
    metadata = {FORMAT: header_text(tree), f"{FORMAT}.arrays": json.dumps(packed)}
    parquet.write_table(
        table.replace_schema_metadata(metadata), file, compression="zstd", use_dictionary=False
    )


def read_parquet(file: IO[bytes]) -> Any:
    """Read what `write_parquet` wrote."""
    from pyarrow import parquet

    source = parquet.ParquetFile(file)
    metadata = source.schema_arrow.metadata or {}
    if FORMAT.encode() not in metadata:
        raise ValueError(
            "it is a Parquet file of another program; read it with pandas.read_parquet and give the "
            "data frame to LineData or PointData"
        )
    table = source.read()
    data = np.empty((table.num_rows, table.num_columns), dtype=np.float64)
    for number, column in enumerate(table.columns):
        data[:, number] = column.to_numpy()
    packed = json.loads(metadata[f"{FORMAT}.arrays".encode()])
    arrays = {name: unpack_text(*parts) for name, parts in packed.items()}
    return decode_header(metadata[FORMAT.encode()], arrays | {_TABLE: data})


class StoredObject:
    """An encoded object on its way into a pickle: its JSON and the bytes of its arrays."""

    def __init__(self, tree: Any, arrays: dict[str, np.ndarray]) -> None:
        packed = {
            name: (_dtype(a), a.shape, pickle.PickleBuffer(_raw(a))) for name, a in arrays.items()
        }
        self._parts = (header_text(tree), packed)

    def __reduce__(self) -> tuple[Any, ...]:
        return (unpack, self._parts)


def unpack(header: str, arrays: dict[str, tuple[str, tuple[int, ...], Any]]) -> Any:
    """Make an object from the parts in a pickle."""
    return decode_header(header, {name: _array(*parts) for name, parts in arrays.items()})


def write_pickle(file: IO[bytes], tree: Any, arrays: dict[str, np.ndarray]) -> None:
    """Write a pickle of plain values and bytes and one call, of `unpack`."""
    pickle.dump(StoredObject(tree, arrays), file, protocol=5)


def read_pickle(file: IO[bytes]) -> Any:
    """Read what `write_pickle` wrote; any other name in the pickle is refused."""
    return _OnlyUnpack(file).load()


class _Unpack:
    """Stands for `unpack` while a pickle is read; nothing can be set on it."""

    __slots__ = ()

    def __call__(self, header: str, arrays: dict[str, Any]) -> Any:
        return unpack(header, arrays)


class _OnlyUnpack(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == (unpack.__module__, unpack.__name__):
            return _Unpack()
        raise UnsafeFileError(
            f"refused, because this pickle asks for {module}.{name}: only files written by "
            f"{FORMAT}.save are loaded. If you trust its author, read it with the pickle module or "
            "the program that wrote it"
        )

    def persistent_load(self, pid: Any) -> NoReturn:
        raise UnsafeFileError("refused, because this pickle refers to objects outside of it")


def pack_text(array: np.ndarray) -> tuple[str, list[int], str]:
    """Dtype, shape and compressed bytes of an array as text."""
    compressed = zlib.compress(_raw(array), 1)
    return _dtype(array), list(array.shape), base64.b64encode(compressed).decode("ascii")


def unpack_text(dtype: str, shape: list[int], text: str) -> np.ndarray:
    """Make an array from what `pack_text` made, of no more bytes than its shape needs."""
    wanted = _checked_dtype(dtype).itemsize * math.prod(map(int, shape))
    packed = base64.b64decode(text, validate=True)
    # One byte more than wanted, since 0 would mean no limit; a surplus fails in _array.
    raw = zlib.decompressobj().decompress(packed, wanted + 1)
    return _array(dtype, tuple(shape), bytearray(raw))


def _raw(array: np.ndarray) -> memoryview:
    return np.ascontiguousarray(array).reshape(-1).view(np.uint8).data


def _dtype(array: np.ndarray) -> str:
    return array.dtype.str


def _array(dtype: str, shape: tuple[int, ...], raw: Any) -> np.ndarray:
    """Make an array on top of the bytes read."""
    kind = _checked_dtype(dtype)
    if kind.itemsize * math.prod(shape) != len(raw):
        raise ValueError(f"an array of shape {shape} has {len(raw)} bytes")
    return np.ndarray(shape, dtype=kind, buffer=raw) if len(raw) else np.empty(shape, dtype=kind)


def _checked_dtype(dtype: str) -> np.dtype[Any]:
    if not isinstance(dtype, str) or not _DTYPE.fullmatch(dtype):
        raise ValueError(f"an array has dtype {dtype!r}")
    return np.dtype(dtype)
