"""The record of a volume in the making: what it is, and which of its layers are on disk."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from gpupept.utilities.files import atomic_write

Parameters = dict[str, Any]


@dataclass(frozen=True)
class Slab:
    """Layers that are on disk.

    Attributes
    ----------
    first, last : int
        Half-open range of layers.
    bytes : int
        Of their files.
    digest : str
        Fingerprint of their files.
    totals : list of int or float
        Sum of each layer.
    nonzero : int
        Values that are not zero.
    maximum : int or float
        Largest value.
    """

    first: int
    last: int
    bytes: int
    digest: str
    totals: list[int | float]
    nonzero: int
    maximum: int | float

    @classmethod
    def of(cls, entry: Any) -> Slab | None:
        """Make one of an entry of a journal; None if the entry is damaged."""
        try:
            slab = cls(**entry)
        except TypeError:
            return None
        whole = (slab.first, slab.last, slab.bytes, slab.nonzero)
        if not all(_is_number(value, int) for value in whole) or not 0 <= slab.first < slab.last:
            return None
        totals = slab.totals if isinstance(slab.totals, list) else []
        numbers = all(_is_number(value, int | float) for value in (*totals, slab.maximum))
        return slab if numbers and len(totals) == slab.last - slab.first else None


def _is_number(value: Any, kind: Any) -> bool:
    return isinstance(value, kind) and not isinstance(value, bool)


class Journal:
    """A text file with the parameters in its first line and then one line for each slab on disk.

    Parameters
    ----------
    path : Path
        The file.
    parameters : dict
        What the volume is, as JSON has it.
    slabs : sequence of Slab
        What is on disk already.
    """

    def __init__(self, path: Path, parameters: Parameters, slabs: Sequence[Slab] = ()) -> None:
        self.path = path
        self.parameters = parameters
        self.slabs = list(slabs)

    @classmethod
    def read(cls, path: Path) -> Journal | None:
        """Read a journal; None if there is none that can be used.

        Lines from the first one that is damaged on are left out: a kill or a full disk may have cut the
        last one.
        """
        try:
            lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
        except FileNotFoundError:
            return None
        entries: list[Any] = []
        for line in lines:
            try:
                entries.append(json.loads(line))
            except ValueError:
                break
        if not entries or not isinstance(entries[0], dict):
            return None
        slabs: list[Slab] = []
        for entry in entries[1:]:
            slab = Slab.of(entry)
            if slab is None:
                break
            slabs.append(slab)
        return cls(path, entries[0], slabs)

    def write(self) -> None:
        """Write all of it anew, whole or not at all."""
        entries = [self.parameters, *map(asdict, self.slabs)]
        with atomic_write(self.path) as temporary, temporary.open("w", encoding="utf-8") as file:
            file.writelines(f"{json.dumps(entry)}\n" for entry in entries)
            file.flush()
            os.fsync(file.fileno())

    def append(self, slab: Slab) -> None:
        """Record a slab whose files are on disk; returns when the record is there too."""
        with self.path.open("a", encoding="utf-8") as file:
            file.write(f"{json.dumps(asdict(slab))}\n")
            file.flush()
            os.fsync(file.fileno())
        self.slabs.append(slab)

    def missing(self, layers: int) -> list[tuple[int, int]]:
        """Half-open ranges of those of `layers` layers that are not on disk."""
        ranges, begin = [], 0
        for slab in sorted(self.slabs, key=lambda slab: slab.first):
            if slab.first > begin:
                ranges.append((begin, slab.first))
            begin = max(begin, slab.last)
        if begin < layers:
            ranges.append((begin, layers))
        return ranges


def files_digest(files: Sequence[Path]) -> tuple[int, str]:
    """Size and fingerprint of some files; those that do not exist, as of empty chunks, count as such."""
    digest, size = hashlib.blake2b(digest_size=16), 0
    for path in files:
        try:
            content = path.read_bytes()
        except FileNotFoundError:
            digest.update(b"-")
            continue
        size += len(content)
        digest.update(f"{len(content)}:".encode())
        digest.update(content)
    return size, digest.hexdigest()


def write_through(files: Sequence[Path], root: Path) -> None:
    """Wait until files, and the directories that they are in from `root` on, are on disk."""
    folders = {parent for path in files for parent in path.parents if parent.is_relative_to(root)}
    for path in files:
        with contextlib.suppress(FileNotFoundError):  # an empty chunk has none
            _synchronise(path, os.O_RDWR)
    for folder in sorted(folders):
        with contextlib.suppress(FileNotFoundError):
            synchronise_folder(folder)


def synchronise_folder(folder: Path) -> None:
    """Wait until the names in a directory are on disk."""
    if os.name == "posix":  # elsewhere directories cannot be opened
        _synchronise(folder, os.O_RDONLY)


def _synchronise(path: Path, flags: int) -> None:
    """Wait until a file or directory is on disk."""
    file = os.open(path, flags)
    try:
        os.fsync(file)
    finally:
        os.close(file)
