"""``gpupept export``: from a volume on disk to a file of another program."""

from __future__ import annotations

import sys
from argparse import Namespace
from pathlib import Path

from gpupept.backend import memory_budget
from gpupept.cli.running import say, written_text


def export(options: Namespace) -> None:
    """Write a volume in another format.

    Parameters
    ----------
    options : argparse.Namespace
        As `gpupept.cli.arguments.make_parser` parses them.

    Raises
    ------
    ValueError, OSError, ImportError
        If the volume cannot be read, or the file cannot be written.
    """
    from gpupept.volumes.export import export_volume, open_source

    memory = getattr(options, "memory", None)
    memory_budget("cpu", memory)
    source = open_source(options.volume)
    say(f"writing {options.path}", options.quiet)
    chosen = {"levels": options.levels} if hasattr(options, "levels") else {}
    try:
        path = export_volume(
            source,
            options.path,
            memory=memory,
            overwrite=options.overwrite,
            progress=not options.quiet,
            dtype=getattr(options, "dtype", None),
            **chosen,
        )
    except TypeError as error:  # of the values, or levels of a format without them
        raise ValueError(str(error)) from None
    shape = " x ".join(map(str, source.shape))
    kept = getattr(options, "dtype", source.dtype)
    sizes = " x ".join(f"{size:g}" for size in source.voxel_size)
    sys.stdout.write(f"{shape} voxels of {sizes} mm, {kept}\n{written_text([Path(path)])}")
