"""Writing folders so that nobody ever meets half of one."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from gpupept.volumes import locking
from gpupept.volumes.store import partial_path

_NEW, _OLD = "volume.zarr", "replaced.zarr"  # in the folder beside the one to be made
_ZARR = ("zarr.json", ".zgroup", ".zarray")  # what a Zarr folder holds one of


@contextlib.contextmanager
def atomic_folder(path: str | os.PathLike[str], overwrite: bool = False) -> Iterator[Path]:
    """Fill a folder under a temporary name and rename it once it is complete.

    The temporary name is in a folder ``<path>.partial`` beside it. What a killed run leaves there is not
    gone on with; the next run for the same path replaces it.

    Parameters
    ----------
    path : str or path-like
        The folder to make.
    overwrite : bool, default False
        Whether one that exists is replaced, if it is a Zarr folder.

    Yields
    ------
    Path
        Name of a folder that is not there yet. When the body raises, it is removed and `path`
        stays as it was.

    Raises
    ------
    FileExistsError
        If there is something at `path` and it is not to be replaced, or not a Zarr folder.
    BlockingIOError
        If another process is making the same folder.
    FileNotFoundError
        If the folder in which to make it does not exist.
    """
    target = Path(os.path.realpath(path))
    check_target(path, overwrite)
    work = partial_path(target)
    with locking.locked(work):
        _make_empty(work, target)
        check_target(path, overwrite)
        if target.exists() and not any((target / name).is_file() for name in _ZARR):
            raise FileExistsError(f"{path} exists and is not a Zarr folder, so it is not replaced")
        temporary, old = work / _NEW, work / _OLD
        try:
            yield temporary
            _replace(target, temporary, old)
        finally:
            if temporary.exists():
                shutil.rmtree(temporary)


def _replace(target: Path, new: Path, old: Path) -> None:
    """Give a folder its name; the one that has it is called `old` until then, and stays if that fails."""
    try:
        if target.exists():
            target.rename(old)
        new.rename(target)
    except BaseException:
        if old.exists() and not target.exists():
            old.rename(target)
        raise
    if old.exists():
        shutil.rmtree(old)


def _make_empty(work: Path, target: Path) -> None:
    """Clear away what a run left behind that was killed, after putting back what it was replacing."""
    others = sorted({path.name for path in work.iterdir()} - {_NEW, _OLD, locking.NAME})
    if others:
        raise FileExistsError(
            f"{work} is in the way, it holds {others[0]!r}; if it is a volume that voxelize did not "
            "finish, run that again, otherwise rename or remove it"
        )
    if (work / _OLD).exists() and not target.exists():
        (work / _OLD).rename(target)
    for leftover in (work / _NEW, work / _OLD):
        if leftover.exists():
            shutil.rmtree(leftover)


def checked_store_name(path: str | os.PathLike[str]) -> Path:
    """Check that the name of a store to be made does not belong to another format.

    Parameters
    ----------
    path : str or path-like
        The name.

    Returns
    -------
    Path
        The same.

    Raises
    ------
    ValueError
        If it does not end with ``.zarr``, or ends with ``.ome.zarr``.
    """
    name = Path(path).name.lower()
    if not name.endswith(".zarr") or name.endswith(".ome.zarr"):
        raise ValueError(
            f"{str(path)!r} must end with .zarr, and not with .ome.zarr, since a store is made there; "
            "gpupept.volumes.export_volume writes other formats"
        )
    return Path(path)


def check_target(path: str | os.PathLike[str], overwrite: bool) -> None:
    """Raise an error if something cannot be made at a path.

    Parameters
    ----------
    path : str or path-like
        The file or folder to make.
    overwrite : bool
        Whether one that exists is replaced.

    Raises
    ------
    FileExistsError
        If there is something at `path` and it is not to be replaced.
    FileNotFoundError
        If the folder in which to make it does not exist.
    """
    given = Path(path)
    if not overwrite and (given.exists() or given.is_symlink()):
        raise FileExistsError(
            f"{path} exists already; pass overwrite=True (--overwrite) to replace it"
        )
    folder = Path(os.path.realpath(path)).parent
    if not folder.is_dir():
        raise FileNotFoundError(errno.ENOENT, "the output directory does not exist", str(folder))
