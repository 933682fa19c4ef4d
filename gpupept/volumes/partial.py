"""A volume in the making: a directory beside its path, which gets that name when it is complete."""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from gpupept.volumes import locking
from gpupept.volumes.journal import (
    Journal,
    Parameters,
    Slab,
    files_digest,
    synchronise_folder,
    write_through,
)
from gpupept.volumes.statistics import total
from gpupept.volumes.store import VolumeStore, partial_path

logger = logging.getLogger("gpupept.volumes")

_VOLUME, _JOURNAL, _REPLACED = "volume.zarr", "journal.jsonl", "replaced.zarr"
_NAMES = {locking.NAME, _VOLUME, _JOURNAL, _REPLACED}
_LIMITS = ("xlim", "ylim", "zlim")
_FULL = {errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC)}


@dataclass
class Partial:
    """A volume in the making, on which no other process works.

    Attributes
    ----------
    target : Path
        What it is going to be called.
    store : VolumeStore
        Its values so far.
    journal : Journal
        Which of them are on disk.
    """

    target: Path
    store: VolumeStore
    journal: Journal

    def missing(self) -> list[tuple[int, int]]:
        """Half-open ranges of the layers that are still to be made."""
        return self.journal.missing(self.store.shape[0])

    def keep(self, first: int, values: np.ndarray) -> Slab:
        """Write whole chunks of layers and record them.

        Parameters
        ----------
        first : int
            The first of the layers.
        values : array
            The layers.

        Raises
        ------
        OSError
            If they cannot be written. On a full disk the message says how much more is needed.
        """
        last = first + len(values)
        try:
            self.store.write(first, values)
            files = self.store.chunk_files(first, last)
            write_through(files, self.store.path)
            slab = _described(first, values, *files_digest(files))
            self.journal.append(slab)
        except OSError as error:
            if error.errno not in _FULL:
                raise
            raise self._full(error.errno or errno.ENOSPC) from error
        return slab

    def bytes_to_come(self) -> int:
        """Estimate of the bytes that are still to be written, from those that were."""
        done = [(slab.last - slab.first, slab.bytes) for slab in self.journal.slabs]
        layers, written = map(sum, zip(*done, strict=True)) if done else (0, 0)
        if not layers:
            return self.store.nbytes
        return -(-written * (self.store.shape[0] - layers) // layers)

    def _full(self, number: int) -> OSError:
        left = sum(last - first for first, last in self.missing()) * self.store.layer_bytes
        return OSError(
            number,
            f"the disk is full: about {_megabytes(self.bytes_to_come())} more is needed (at most "
            f"{_megabytes(left)}); what is done is kept, so make room and run it again",
            str(self.store.path.parent),
        )

    def publish(self, attrs: dict[str, Any], overwrite: bool) -> VolumeStore:
        """Give the volume its name, now that it is complete.

        Parameters
        ----------
        attrs : dict
            Attributes to add.
        overwrite : bool
            Replace a volume of that name.
        """
        self.store.array.update_attributes({"attrs": self.store.attrs | attrs})
        write_through([self.store.path / "zarr.json"], self.store.path)
        check_target(self.target, overwrite)
        folder = self.store.path.parent
        if self.target.exists():
            os.rename(self.target, folder / _REPLACED)
        os.rename(self.store.path, self.target)
        synchronise_folder(self.target.parent)
        self.journal.path.unlink()
        for leftover in folder.glob(".*"):
            leftover.unlink()
        if (folder / _REPLACED).exists():
            shutil.rmtree(folder / _REPLACED)
        return VolumeStore.open(self.target)


def _described(first: int, values: np.ndarray, size: int, digest: str) -> Slab:
    return Slab(
        first,
        first + len(values),
        size,
        digest,
        [total(layer) for layer in values],
        int(np.count_nonzero(values)),
        values.max().item(),
    )


def _megabytes(size: int) -> str:
    return f"{size / 1e9:.2f} GB" if size >= 1e9 else f"{size / 1e6:.1f} MB"


@contextlib.contextmanager
def opened_partial(
    path: Path, parameters: Parameters, chunks: Any, resume: bool, overwrite: bool
) -> Iterator[Partial]:
    """Begin a volume, or go on with one that was begun, and keep others away from it meanwhile.

    Parameters
    ----------
    path : Path
        What it is going to be called.
    parameters : dict
        What it is, without chunks: shape, dtype, limits and what decides the values.
    chunks : callable
        Given the chunks of a volume that was begun, or None, returns those to use.
    resume : bool
        Go on; otherwise what was begun is discarded.
    overwrite : bool
        Replace a volume of that name in the end.

    Raises
    ------
    FileExistsError
        If there is a volume of that name and it is not to be replaced, or something else.
    BlockingIOError
        If another process is making it.
    ValueError
        If what was begun is another volume, or no volume.
    OSError
        If it cannot be written.
    """
    if path.is_symlink() and path.exists():
        path = Path(os.path.realpath(path))  # what it stands for is replaced, and the link stays
    folder = partial_path(path)
    if not folder.exists():
        check_target(path, overwrite)
    with locking.locked(folder):
        _check_names(folder)
        _put_back(folder, path)
        check_target(path, overwrite)
        begun = _resumed(folder, parameters) if resume else None
        if begun is None:
            begun = _begun(folder, parameters, chunks(None))
        else:
            chunks(begun[0].chunks)
        yield Partial(path, *begun)


def check_target(path: Path, overwrite: bool) -> None:
    """Check that a volume may get a name.

    Parameters
    ----------
    path : Path
        The name.
    overwrite : bool
        Whether a volume of that name may be replaced.

    Raises
    ------
    FileExistsError
        If there is something else, or it may not be replaced.
    """
    if not path.exists() and not path.is_symlink():
        return
    if not overwrite:
        raise FileExistsError(
            f"{path} exists already; pass overwrite=True (--overwrite) to replace it"
        )
    try:
        VolumeStore.open(path)
    except (ValueError, FileNotFoundError) as error:
        raise FileExistsError(
            f"{path} exists and is not a volume, so it is not overwritten"
        ) from error


def _check_names(folder: Path) -> None:
    others = sorted(
        {path.name for path in folder.iterdir() if not path.name.startswith(".")} - _NAMES
    )
    if others:
        raise FileExistsError(
            f"{folder} is not an unfinished volume, it holds {others[0]!r}; rename or remove it"
        )


def _put_back(folder: Path, path: Path) -> None:
    """Undo the replacement of a volume that a kill cut in two."""
    replaced = folder / _REPLACED
    if replaced.exists() and not path.exists():
        os.rename(replaced, path)
    elif replaced.exists():
        shutil.rmtree(replaced)


def _resumed(folder: Path, parameters: Parameters) -> tuple[VolumeStore, Journal] | None:
    """Open what was begun, without slabs whose files are not as they were recorded."""
    journal = Journal.read(folder / _JOURNAL)
    if journal is None:
        return None
    _check_same(folder, journal.parameters, parameters)
    try:
        store = VolumeStore.open(folder / _VOLUME, mode="r+")
    except (FileNotFoundError, ValueError):
        return None
    if (list(store.shape), store.dtype.name) != (parameters["shape"], parameters["dtype"]):
        return None
    for leftover in (folder / _VOLUME).rglob("*.partial"):
        leftover.unlink(missing_ok=True)
    sound: list[Slab] = []
    for slab in journal.slabs:
        if _is_sound(store, slab) and not any(_overlap(slab, other) for other in sound):
            sound.append(slab)
    if len(sound) < len(journal.slabs):
        logger.warning(
            "%d of %d recorded slabs in %s are damaged and made again",
            len(journal.slabs) - len(sound),
            len(journal.slabs),
            folder,
        )
    journal.slabs = sound
    journal.write()
    return store, journal


def _check_same(folder: Path, found: Parameters, wanted: Parameters) -> None:
    names = sorted(name for name in found | wanted if found.get(name) != wanted.get(name))
    if names:
        raise ValueError(
            f"{folder} is an unfinished volume with other {', '.join(names)}; give the same input and "
            "arguments to go on with it, or pass resume=False (--restart) to discard it"
        )


def _is_sound(store: VolumeStore, slab: Slab) -> bool:
    depth, layers = store.chunks[0], store.shape[0]
    whole = slab.first % depth == 0 and (slab.last % depth == 0 or slab.last == layers)
    if not whole or slab.last > layers:
        return False
    return files_digest(store.chunk_files(slab.first, slab.last)) == (slab.bytes, slab.digest)


def _overlap(one: Slab, other: Slab) -> bool:
    return one.first < other.last and other.first < one.last


def _begun(
    folder: Path, parameters: Parameters, chunks: tuple[int, ...]
) -> tuple[VolumeStore, Journal]:
    (folder / _JOURNAL).unlink(missing_ok=True)
    if (folder / _VOLUME).exists():
        shutil.rmtree(folder / _VOLUME)
    limits = [parameters[name] for name in _LIMITS]
    store = VolumeStore.create(
        folder / _VOLUME, parameters["shape"], *limits, dtype=parameters["dtype"], chunks=chunks
    )
    journal = Journal(folder / _JOURNAL, parameters)
    journal.write()
    return store, journal
