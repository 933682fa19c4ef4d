"""``gpupept voxelize``: from a scanner file to a grid of voxels on disk."""

from __future__ import annotations

import sys
import time
from argparse import Namespace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gpupept.base import LineData
from gpupept.cli.reading import existing_source, make_reader, records_skipped
from gpupept.cli.running import run_options, say, written_text

if TYPE_CHECKING:
    from gpupept.volumes import VolumeStore

_ARGUMENTS = ("xlim", "ylim", "zlim", "dtype", "chunks")


def voxelize(options: Namespace) -> None:
    """Count the LoRs of a file that go through each voxel, and write the counts to a Zarr store.

    Parameters
    ----------
    options : argparse.Namespace
        As `gpupept.cli.arguments.make_parser` parses them.

    Raises
    ------
    ValueError, OSError, MemoryError, ImportError, BackendError
        If the input, the options, the device or the disk cannot be used.
    """
    from gpupept.volumes import voxelize as make_volume
    from gpupept.volumes.partial import check_target
    from gpupept.volumes.zarr_format import zarr_package

    zarr_package()
    if options.lengths and getattr(options, "dtype", "") == "uint32":
        raise ValueError("--lengths needs a float dtype, found --dtype uint32")
    check_target(options.out, options.overwrite)
    running = run_options(options)
    read, source = make_reader(options), existing_source(options.file, options.scanner)
    say(f"reading {source}", options.quiet)
    lines = read(source)
    if not len(lines.data):
        raise ValueError(f"{source}: there is no line of response")
    started = time.perf_counter()
    volume = make_volume(
        lines,
        options.voxels,
        options.out,
        **{name: getattr(options, name) for name in _ARGUMENTS if hasattr(options, name)},
        lengths=options.lengths,
        device=running["device"],
        memory=running["memory"],
        max_workers=running["max_workers"],
        resume=not options.restart,
        overwrite=options.overwrite,
        progress=running["verbose"],
    )
    seconds = time.perf_counter() - started
    checksum = volume.checksum(running["memory"]) if options.checksum else None
    _report(volume, lines, seconds, checksum)


def _report(volume: VolumeStore, lines: LineData, seconds: float, checksum: str | None) -> None:
    """Write what was made to standard output."""
    from gpupept.report import facts_text

    attrs = volume.attrs
    data = [
        ("LoRs read", f"{len(lines.data):,}"),
        ("records skipped", f"{records_skipped(lines):,}"),
        ("LoRs not finite", f"{attrs['skipped_lines']:,}"),
    ]
    what = "sum of lengths, mm" if attrs["lengths"] else "LoRs through voxels, sum"
    cells = volume.nbytes // volume.dtype.itemsize
    values = [
        ("voxels", " x ".join(map(str, volume.shape))),
        ("voxel size, mm", " x ".join(f"{size:.4g}" for size in volume.voxel_size)),
        (what, _number(attrs["total"])),
        ("voxels not zero", f"{attrs['nonzero']:,}"),
        ("largest value", _number(attrs["maximum"])),
    ]
    work = [
        ("time", f"{seconds:.2f} s"),
        ("voxels per second", f"{cells / max(seconds, 1e-9):.3g}"),
        ("values", f"{volume.nbytes / 1e6:,.1f} MB of {volume.dtype}"),
        ("on disk", f"{_size(volume.path) / 1e6:,.1f} MB"),
    ]
    facts = [("Data", data), ("Volume", values), ("Work", work)]
    text = facts_text(facts)
    if checksum is not None:
        text += f"checksum {checksum}\n"
    sys.stdout.write(text + written_text([volume.path]))


def _number(value: Any) -> str:
    if value is None:
        return "not finite"
    return f"{value:,}" if isinstance(value, int) else f"{value:.10g}"


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
