"""Reading the file that a subcommand is given."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path
from typing import Any

from gpupept.base import LineData


def existing_source(file: str, scanner: str) -> str:
    """Check that there is something behind the name of a file, a pattern or an address.

    Parameters
    ----------
    file : str
        The name.
    scanner : str
        As the option ``--scanner`` has it.

    Returns
    -------
    str
        The name.

    Raises
    ------
    FileNotFoundError, IsADirectoryError
        If it is not that of a file.
    """
    path = Path(file)
    pattern = "*" in file and scanner == "adac-forte"
    if pattern or "://" in file or path.is_file():
        return file
    if path.is_dir():
        raise IsADirectoryError(f"{file!r} is a directory, expected a file with LoRs")
    if path.exists():  # a pipe
        return file
    raise FileNotFoundError(f"there is no file {file!r}")


def make_reader(options: Namespace) -> Any:
    """Choose the function that reads the file.

    Parameters
    ----------
    options : argparse.Namespace
        ``scanner``, and those of ``separation``, ``skiprows``, ``nrows`` and ``sep`` that were given.

    Returns
    -------
    callable
        Given the file, and sizes of samples if there are to be any, it returns `LineData`.

    Raises
    ------
    ValueError
        If an option is missing, or not for this scanner.
    """
    from gpupept.scanners import adac_forte, parallel_screens

    given = {
        name: getattr(options, name)
        for name in ("skiprows", "nrows", "sep", "separation")
        if hasattr(options, name)
    }
    if options.scanner == "adac-forte":
        if given:
            names = ", ".join(f"--{name}" for name in given)
            raise ValueError(f"{names}: not for --scanner adac-forte, whose files say it")
        return lambda source, **samples: adac_forte(source, **samples)
    if "separation" not in given:
        raise ValueError("--scanner parallel-screens needs --separation, their distance in mm")
    separation = given.pop("separation")
    return lambda source, **samples: parallel_screens(source, separation, **samples, **given)


def records_skipped(lines: LineData) -> int:
    """Count the records of a file that are no lines of response.

    Parameters
    ----------
    lines : LineData
        As the readers make them.

    Returns
    -------
    int
        Records that could not be read, and events without a partner.
    """
    attrs = lines.attrs
    return int(attrs.get("skipped_lines", 0)) + int(attrs.get("incomplete_events", 0))
