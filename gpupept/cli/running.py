"""What the subcommands have in common: options of a run, and outputs."""

from __future__ import annotations

import contextlib
import sys
from argparse import Namespace
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from gpupept.backend import current_backend, memory_budget, probe, resolve_device
from gpupept.base import PointData
from gpupept.utilities.files import atomic_write

Writer = Callable[[Path], Any]


def run_options(options: Namespace) -> dict[str, Any]:
    """Check the options that say how to run, before any work, and return them as arguments.

    Parameters
    ----------
    options : argparse.Namespace
        Attributes ``device``, ``memory``, ``max_workers`` may be missing; ``quiet``.

    Returns
    -------
    dict
        Arguments ``device``, ``memory``, ``max_workers``, ``verbose``.

    Raises
    ------
    ValueError
        If the device or the size in memory cannot be read.
    GPUUnavailableError
        If the device cannot be used.
    """
    device = chosen_device(getattr(options, "device", None))
    memory = getattr(options, "memory", None)
    memory_budget(device, memory)
    return {
        "device": device,
        "memory": memory,
        "max_workers": getattr(options, "max_workers", None),
        "verbose": not options.quiet,
    }


def chosen_device(name: str | None) -> str:
    """Resolve the device asked for; without one the default, else a GPU if there is one.

    Parameters
    ----------
    name : str or None
        As `gpupept.backend.resolve_device` takes it.

    Returns
    -------
    str
        ``"cpu"`` or ``"cuda:N"``.

    Raises
    ------
    ValueError, GPUUnavailableError
        If it is not known or cannot be used.
    """
    if name is None and current_backend() is None:
        return resolve_device("cuda" if probe().usable else "cpu")
    return resolve_device(name)


def check_outputs(paths: Sequence[Path], inputs: Sequence[Path] = ()) -> None:
    """Find out, before the work, whether files could be written, leaving nothing behind.

    Parameters
    ----------
    paths : sequence of Path
        Files to write.
    inputs : sequence of Path
        Files that must not be overwritten.

    Raises
    ------
    ValueError
        If two of the paths are the same file, or one is an input.
    OSError
        If a directory is missing or cannot be written to, or a path is a directory.
    """
    seen = {path.resolve() for path in inputs}
    for path in paths:
        if path.resolve() in seen:
            raise ValueError(f"{path} is the input, or is given for two outputs")
        seen.add(path.resolve())
        with contextlib.suppress(_NotYetError), atomic_write(path):
            raise _NotYetError


class _NotYetError(Exception):
    """Leaves `atomic_write` without writing."""


def write_outputs(writers: dict[Path, Writer]) -> None:
    """Write files under temporary names, and rename them once all are complete.

    Parameters
    ----------
    writers : dict
        For each file the function that writes it to the path given.

    Raises
    ------
    OSError
        If something cannot be written; none of the files is there then, or changed, unless
        renaming itself failed half-way.
    """
    with contextlib.ExitStack() as stack:
        places = [(stack.enter_context(atomic_write(path)), path) for path in writers]
        for temporary, path in places:
            writers[path](temporary)


def trajectory_writer(points: PointData, suffix: str) -> Writer:
    """Choose how to write trajectories by the suffix of the file.

    Parameters
    ----------
    points : PointData
        The trajectories.
    suffix : str
        Such as ``".csv"``.

    Returns
    -------
    callable
        Takes the path.
    """
    return points.to_csv if suffix.lower() == ".csv" else points.save


def page_writer(page: Callable[[], str]) -> Writer:
    """Return a function that makes a page and writes it to a path.

    Parameters
    ----------
    page : callable
        Makes the text; only called when it is needed.

    Returns
    -------
    callable
        Takes the path.
    """
    return lambda path: path.write_text(page(), encoding="utf-8")


def written_text(paths: Iterable[Path]) -> str:
    """Say which files were written, a line each.

    Parameters
    ----------
    paths : iterable of Path
        The files.

    Returns
    -------
    str
        Ends with a newline, or is empty.
    """
    return "".join(f"written to {path}\n" for path in paths)


def say(message: str, quiet: bool) -> None:
    """Announce on standard error what is being done.

    Parameters
    ----------
    message : str
        Such as ``"reading run.csv"``.
    quiet : bool
        Say nothing.
    """
    if not quiet:
        sys.stderr.write(f"{message}\n")
        sys.stderr.flush()
