"""Finding a CUDA source and making the one text that is compiled from it.

Headers are copied into the text instead of being included, because CuPy keeps compiled kernels on
disk under a key that does not see what an included file contains. `#line` directives make the
compiler name the real file and line in its messages.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

DIRECTORY_VARIABLE = "GPUPEPT_KERNEL_DIR"
PRELUDE = "common/prelude.cuh"
_PACKAGE = Path(__file__).resolve().parent.parent
_INCLUDE = re.compile(r'\s*#\s*include\s*"([^"]+)"')
_ONCE = re.compile(r"\s*#\s*pragma\s+once\b")


def kernel_directories() -> tuple[Path, ...]:
    """Directories searched for CUDA sources, in order, those that exist.

    Returns
    -------
    tuple of Path
        GPUPEPT_KERNEL_DIR, the package's own directory (a wheel), and the one beside the package
        in a checkout.

    Raises
    ------
    FileNotFoundError
        If GPUPEPT_KERNEL_DIR is set and is not a directory.

    Examples
    --------
    >>> from gpupept.backend import kernel_directories
    >>> [d.name for d in kernel_directories()][-1]
    'cuda_kernels'
    """
    chosen = os.environ.get(DIRECTORY_VARIABLE, "").strip()
    if chosen and not Path(chosen).is_dir():
        raise FileNotFoundError(
            f"environment variable {DIRECTORY_VARIABLE} names no directory: {chosen}"
        )
    places = [Path(chosen)] if chosen else []
    places += [_PACKAGE / "cuda_kernels", _PACKAGE.parent / "cuda_kernels"]
    return tuple(place.resolve() for place in places if place.is_dir())


def find_kernel_file(name: str) -> Path:
    """Find a file of CUDA source.

    Parameters
    ----------
    name : str
        Path relative to the kernel directories, such as ``"cutpoints.cu"``.

    Returns
    -------
    Path
        The first such file.

    Raises
    ------
    FileNotFoundError
        If no directory has it; the message lists where it was looked for.
    """
    places = kernel_directories()
    for place in places:
        if (place / name).is_file():
            return place / name
    where = ", ".join(str(place) for place in places) or "no directory of kernels was found"
    raise FileNotFoundError(
        f"CUDA source {name!r} not found (looked in: {where}); reinstall gpupept or set "
        f"{DIRECTORY_VARIABLE} to the directory that holds it"
    )


def kernel_source(family: str) -> str:
    """Text compiled for one family of kernels: its `.cu` file with the headers in place.

    Parameters
    ----------
    family : str
        Name of the file without the suffix.

    Returns
    -------
    str
        The prelude (definitions that the run-time compiler lacks), then the file, in which every
        `#include "..."` is replaced by that file's text the first time and by nothing after that.
        `#include <...>` stays.

    Raises
    ------
    FileNotFoundError
        If the file or one that it includes is not found.
    """
    seen: set[Path] = set()
    prelude = _expand(find_kernel_file(PRELUDE), seen)
    return prelude + _expand(find_kernel_file(f"{family}.cu"), seen)


def _expand(path: Path, seen: set[Path]) -> str:
    """Text of a file with its includes in place, empty the second time."""
    if path in seen:
        return ""
    seen.add(path)
    pieces = [_line_directive(1, path)]
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        include = _INCLUDE.match(line)
        if include:
            pieces.append(_expand(_included(include[1], path, number), seen))
            pieces.append(_line_directive(number + 1, path))
        else:  # `#pragma once` warns in a main file, which everything is once it is in place
            pieces.append("\n" if _ONCE.match(line) else f"{line}\n")
    return "".join(pieces)


def _included(name: str, path: Path, number: int) -> Path:
    try:
        return find_kernel_file(name)
    except FileNotFoundError as error:
        raise FileNotFoundError(f"{path}, line {number}: {error}") from None


def _line_directive(number: int, path: Path) -> str:
    return f'#line {number} "{path.as_posix()}"\n'
