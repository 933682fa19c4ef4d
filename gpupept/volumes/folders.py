"""Writing folders so that nobody ever meets half of one."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path

_ZARR = ("zarr.json", ".zgroup", ".zarray")  # what a Zarr folder holds one of


@contextlib.contextmanager
def atomic_folder(path: str | os.PathLike[str], overwrite: bool = False) -> Iterator[Path]:
    """Fill a folder under a temporary name and rename it once it is complete.

    Parameters
    ----------
    path : str or path-like
        The folder to make.
    overwrite : bool, default False
        Whether one that exists is replaced, if it is a Zarr folder.

    Yields
    ------
    Path
        Name of a folder, not there yet, beside it. When the body raises, it is removed and `path`
        stays as it was.

    Raises
    ------
    FileExistsError
        If there is something at `path` and it is not to be replaced, or not a Zarr folder.
    FileNotFoundError
        If the folder in which to make it does not exist.
    """
    target = Path(os.path.realpath(path))
    check_target(path, overwrite)
    if target.exists() and not any((target / name).is_file() for name in _ZARR):
        message = "it exists and is not a Zarr folder, so it is not replaced"
        raise FileExistsError(errno.EEXIST, message, str(path))
    temporary, old = (
        target.with_name(f".{target.name[:40]}-{secrets.token_hex(6)}{what}")
        for what in (".partial", ".old")
    )
    try:
        yield temporary
        if target.exists():
            target.rename(old)
        temporary.rename(target)
    finally:
        for leftover in (temporary, old):
            if leftover.exists():
                shutil.rmtree(leftover)


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
            errno.EEXIST, "there is something already; pass overwrite=True to replace it", str(path)
        )
    folder = Path(os.path.realpath(path)).parent
    if not folder.is_dir():
        raise FileNotFoundError(errno.ENOENT, "the output directory does not exist", str(folder))
