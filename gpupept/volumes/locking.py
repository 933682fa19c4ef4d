"""A lock on a directory that one process works in; it ends with the process, however that ends."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

NAME = "lock"


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Make a directory, unless it is there, and keep other processes from working in it.

    In the end it is removed if there is nothing in it.

    Parameters
    ----------
    folder : Path
        The directory.

    Raises
    ------
    BlockingIOError
        If another process, or another call in this one, works in it; the message names the process.
    OSError
        If it cannot be made.
    """
    file = _open_locked(folder)
    try:
        yield
    finally:
        if os.name == "posix":  # removed while it is locked, so that no one else is in it
            _remove_if_empty(folder)
        os.close(file)
        if os.name != "posix":  # files that are open cannot be removed there
            _remove_if_empty(folder)


def _remove_if_empty(folder: Path) -> None:
    """Remove a directory in which there is nothing but the lock."""
    with contextlib.suppress(OSError):
        if {path.name for path in folder.iterdir()} <= {NAME}:
            shutil.rmtree(folder)


def _open_locked(folder: Path) -> int:
    while True:
        _make(folder)
        try:
            file = os.open(folder / NAME, os.O_RDWR | os.O_CREAT, 0o666)
        except FileNotFoundError:  # removed since: who worked there is done
            continue
        try:
            _lock(file, folder)
            if _is_there(file, folder):
                os.ftruncate(file, 0)
                os.write(file, f"{os.getpid()}\n".encode())
                return file
        except BaseException:
            os.close(file)
            raise
        os.close(file)


def _make(folder: Path) -> None:
    try:
        folder.mkdir(exist_ok=True)
    except FileNotFoundError:
        if folder.parent.is_dir():  # of a file system that takes no folders
            raise _not_writable(errno.EACCES, folder) from None
        raise FileNotFoundError(
            errno.ENOENT, "the output directory does not exist", str(folder.parent)
        ) from None
    except NotADirectoryError:
        raise NotADirectoryError(
            errno.ENOTDIR, "the output directory is a file", str(folder.parent)
        ) from None
    except OSError as error:
        if error.errno not in (errno.EACCES, errno.EPERM, errno.EROFS):
            raise
        raise _not_writable(error.errno, folder) from None


def _not_writable(number: int, folder: Path) -> PermissionError:
    return PermissionError(number, "the output directory cannot be written to", str(folder.parent))


def _lock(file: int, folder: Path) -> None:
    try:
        _lock_file(file)
    except OSError as error:
        if error.errno not in (errno.EAGAIN, errno.EACCES, errno.EDEADLK):
            raise
        owner = os.read(file, 20).decode(errors="replace").strip()
        raise BlockingIOError(
            errno.EAGAIN,
            f"another process ({owner or 'of unknown number'}) is making this volume",
            str(folder),
        ) from None


if sys.platform == "win32":
    import msvcrt

    def _lock_file(file: int) -> None:
        os.lseek(file, 64, os.SEEK_SET)  # beyond the number, which others may then read
        try:
            msvcrt.locking(file, msvcrt.LK_NBLCK, 1)
        finally:
            os.lseek(file, 0, os.SEEK_SET)

else:
    import fcntl

    def _lock_file(file: int) -> None:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


def _is_there(file: int, folder: Path) -> bool:
    """Whether the file that was locked still is the one in the directory."""
    with contextlib.suppress(FileNotFoundError):
        return os.path.samestat(os.fstat(file), os.stat(folder / NAME))
    return False
