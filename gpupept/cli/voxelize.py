"""``gpupept voxelize``: from a scanner file to a grid of voxels on disk."""

from __future__ import annotations

import sys
import time
from argparse import Namespace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from gpupept.backend import memory_budget
from gpupept.base import LineData
from gpupept.base.grid_inputs import check_counts, check_limits
from gpupept.cli.reading import existing_source, make_reader, records_skipped
from gpupept.cli.running import check_outputs, run_options, say, written_text
from gpupept.kernels.threads import thread_count

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
    _check_before_reading(options, running)
    read, source = make_reader(options), existing_source(options.file, options.scanner)
    say(f"reading {source}", options.quiet)
    lines = read(source)
    if not len(lines.data):
        raise ValueError(f"{source}: there is no line of response")
    started = time.perf_counter()
    try:
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
    except KeyboardInterrupt:
        raise KeyboardInterrupt("run the same command again to go on") from None
    seconds = time.perf_counter() - started
    checksum = volume.checksum(running["memory"]) if options.checksum else None
    _report(volume, lines, seconds, checksum)


def _check_before_reading(options: Namespace, running: dict[str, Any]) -> None:
    """Find out what cannot be made before a large file is read."""
    from gpupept.volumes.planning import Demand, make_plan

    shape = check_counts(options.voxels, "--voxels", 3, 2)
    for name in ("xlim", "ylim", "zlim"):
        if hasattr(options, name):
            check_limits(getattr(options, name), f"--{name}")
    check_outputs([options.out.with_name(f"{options.out.name}.try")])  # in the same folder
    dtype = np.dtype(getattr(options, "dtype", "float64" if options.lengths else "uint32"))
    device, memory = running["device"], running["memory"]
    on_gpu = device != "cpu"
    demand = Demand(shape, dtype, options.lengths, 0, thread_count(), on_gpu)
    chunks = getattr(options, "chunks", None)
    chunks = None if chunks is None else tuple(map(min, chunks, shape))
    make_plan(
        demand,
        memory_budget("cpu", memory),
        memory_budget(device, memory) if on_gpu else None,
        chunks,
    )


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
