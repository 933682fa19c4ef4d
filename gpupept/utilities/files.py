"""Writing files so that a reader, or a run killed half-way, never meets half of one."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path

_LONGEST_SUFFIXES = 100  # characters, so that the temporary name is no longer than a name may be


@contextlib.contextmanager
def atomic_write(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Write a file under a temporary name and rename it once it is complete.

    Parameters
    ----------
    path : str or path-like
        The file to write. One that exists is replaced, keeping its permissions. A pipe or a device
        is written to directly.

    Yields
    ------
    Path
        Name to write to, in the same directory and with the same suffixes. When the body raises,
        it is removed and `path` stays as it was.

    Raises
    ------
    FileNotFoundError
        If the directory of `path` does not exist.
    NotADirectoryError, IsADirectoryError
        If its parent is not a directory, or `path` is one.
    PermissionError
        If the directory cannot be written to.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> from gpupept.utilities.files import atomic_write
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     target = pathlib.Path(folder) / "answer.txt"
    ...     with atomic_write(target) as temporary:
    ...         _ = temporary.write_text("42")
    ...     target.read_text()
    '42'
    """
    given = Path(path)
    if given.is_dir():
        raise IsADirectoryError(errno.EISDIR, "the output file is a directory", str(path))
    if given.exists() and not given.is_file():
        yield given
        return
    target = Path(os.path.realpath(path))  # a link stays a link to the new file
    temporary = _create_beside(target)
    try:
        yield temporary
        if target.exists():
            shutil.copymode(target, temporary)
        os.replace(temporary, target)
    finally:
        temporary.unlink(missing_ok=True)


def _create_beside(target: Path) -> Path:
    """Make an empty file next to `target` with its suffixes, which writers look at."""
    folder = target.parent
    if not folder.exists():
        raise FileNotFoundError(errno.ENOENT, "the output directory does not exist", str(folder))
    if not folder.is_dir():
        raise NotADirectoryError(errno.ENOTDIR, "the output directory is a file", str(folder))
    suffixes = "".join(target.suffixes[-2:])[-_LONGEST_SUFFIXES:]
    temporary = folder / f".{target.name[:20]}-{secrets.token_hex(6)}{suffixes}"
    try:
        temporary.open("xb").close()
    except OSError as error:
        # No entry: of a file system that takes no files, since the folder is there.
        if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOENT):
            raise PermissionError(
                errno.EACCES, "the output directory cannot be written to", str(folder)
            ) from None
        raise
    return temporary
