"""Voxelize into volumes larger than memory: time, peak memory, values, and kills on the way.

``python -m benchmarks.volume`` writes Markdown tables; see README.md.
"""

from __future__ import annotations

import argparse
import contextlib
import random
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

import gpupept
from benchmarks import harness, machine, recipe
from benchmarks.volume_check import direct_counts, sample_voxels, values_at
from gpupept.backend import memory_budget, parse_size
from gpupept.volumes import VolumeStore
from gpupept.volumes.journal import Journal
from gpupept.volumes.store import partial_path

PACKAGES = ("numpy", "numba", "zarr", "numcodecs")
_POLL = 0.02  # s


@dataclass(frozen=True)
class Run:
    """A grid and a budget to make it in."""

    voxels: int  # along each axis
    memory: str

    @classmethod
    def of(cls, text: str) -> Run:
        """Read ``1500:2GB``."""
        number, _, memory = text.partition(":")
        try:
            parse_size(memory)
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from None
        return cls(harness.positive(number), memory)


@dataclass(frozen=True)
class Outcome:
    """What a run of the command came to.

    Attributes
    ----------
    status : int
        Exit status; negative after a signal.
    said : str
        Standard output and errors.
    peak : int
        Largest resident memory, bytes; 0 if not known.
    seconds : float
        From beginning to end of the process.
    """

    status: int
    said: str
    peak: int
    seconds: float

    def figure(self, name: str) -> str:
        """Value in the table that the command prints."""
        found = re.search(rf"^\s*{re.escape(name)}\s\s+(.+)$", self.said, re.MULTILINE)
        return found.group(1).strip() if found else "-"

    @property
    def checksum(self) -> str:
        """Checksum that the command printed."""
        found = re.search(r"^checksum (\w+)$", self.said, re.MULTILINE)
        return found.group(1) if found else ""


class Bench:
    """Runs the command in processes of its own.

    Parameters
    ----------
    options : argparse.Namespace
        Of the benchmark.
    path : Path
        The file with LoRs.
    folder : Path
        Where volumes are made.
    """

    def __init__(self, options: argparse.Namespace, path: Path, folder: Path) -> None:
        self.options = options
        self.path = path
        self.folder = folder

    def volume(self, name: str) -> Path:
        """Where a volume is made."""
        return self.folder / f"{name}.zarr"

    def start(self, run: Run, name: str) -> subprocess.Popen[str]:
        """Begin to make a volume, or go on with it."""
        options = self.options
        words = [sys.executable, "-m", "gpupept", "voxelize", str(self.path)]
        words += ["--separation", str(options.separation), "--skiprows", str(options.skiprows)]
        words += ["--voxels", *[str(run.voxels)] * 3, "--memory", run.memory]
        words += ["--zlim", *map(str, options.zlim), "--out", str(self.volume(name))]
        words += ["--device", options.device, "--max-workers", str(options.workers)]
        words += ["--quiet", "--checksum"]
        return subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def finish(self, run: Run, name: str) -> Outcome:
        """Make a volume and watch the memory that takes."""
        begun = time.perf_counter()
        process, peak = self.start(run, name), 0
        while process.poll() is None:
            peak = max(peak, resident_peak(process.pid))
            time.sleep(_POLL)
        said, _ = process.communicate()
        if process.returncode:
            raise RuntimeError(f"the command failed: {said}")
        return Outcome(process.returncode, said, peak, time.perf_counter() - begun)

    def kill(self, run: Run, name: str, share: float) -> float:
        """Kill the making of a volume when a share of its layers is on disk; the share there was."""
        process = self.start(run, name)
        journal = partial_path(self.volume(name)) / "journal.jsonl"
        while process.poll() is None and share_done(journal, run.voxels) < share:
            time.sleep(_POLL)
        time.sleep(random.uniform(0.0, 0.5))
        process.kill()
        process.communicate()
        if self.volume(name).exists():  # it was faster than the kill
            shutil.rmtree(self.volume(name))
            return 1.0
        return share_done(journal, run.voxels)


def resident_peak(process: int) -> int:
    """Largest resident memory of a process so far, bytes; 0 where the system does not tell."""
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{process}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    return 0


def share_done(journal: Path, layers: int) -> float:
    """Share of the layers that a journal records."""
    found = Journal.read(journal)
    return sum(slab.last - slab.first for slab in found.slabs) / layers if found else 0.0


def run_table(bench: Bench, runs: Sequence[Run]) -> tuple[str, Outcome]:
    """Make a volume in each run; a table, and the outcome of the last run, whose volume is kept."""
    libraries = bench.finish(Run(8, "64MB"), "libraries").peak
    header = ["voxels", "values", "on disk", "--memory", "peak memory", "peak less libraries"]
    header += ["time", "voxels per second"]
    rows = []
    for i, run in enumerate(runs):
        harness.tell(f"{run.voxels}^3 in {run.memory}")
        name = f"run{i}"
        outcome = bench.finish(run, name)
        rows.append(
            [
                f"{run.voxels}^3",
                outcome.figure("values"),
                outcome.figure("on disk"),
                run.memory,
                _size(outcome.peak),
                _size(outcome.peak - libraries) if outcome.peak else "-",
                outcome.figure("time"),
                outcome.figure("voxels per second"),
            ]
        )
        if i + 1 < len(runs):
            shutil.rmtree(bench.volume(name))
    note = f"Libraries alone (a grid of 8^3 voxels): {_size(libraries)}.\n"
    return harness.markdown_table(header, rows) + "\n" + note, outcome


def _size(size: int) -> str:
    return f"{size / 1e6:,.0f} MB" if size else "-"


def check_section(bench: Bench, run: Run, volume: Path, lines: np.ndarray) -> str:
    """Compare sampled voxels with a direct count."""
    harness.tell("comparing sampled voxels")
    store = VolumeStore.open(volume)
    positions = sample_voxels(lines, store, bench.options.samples, seed=0)
    found = values_at(store, positions, run.memory)
    begun = time.perf_counter()
    expected = direct_counts(lines, store, positions)
    seconds = time.perf_counter() - begun
    return (
        f"Of {len(positions):,} sampled voxels (half anywhere, half on lines; {(expected > 0).sum():,} "
        f"are not zero, with {expected.sum():,} lines through them), {(found != expected).sum():,} "
        f"differ from the count by the oracle of the tests ({seconds:.0f} s).\n"
    )


def kill_section(bench: Bench, run: Run, checksum: str) -> str:
    """Kill the making of a volume several times and compare what it comes to in the end."""
    shares = sorted(random.uniform(0.05, 0.95) for _ in range(bench.options.kills))
    reached = []
    for share in shares:
        reached.append(bench.kill(run, "killed", share))
        harness.tell(f"killed with {reached[-1]:.0%} on disk")
    outcome = bench.finish(run, "killed")
    same = "the same" if outcome.checksum == checksum else "ANOTHER"
    kills = ", ".join(f"{share:.0%}" for share in reached)
    return (
        f"Killed (SIGKILL) with {kills} of the layers on disk, and run again each time: {same} checksum, "
        f"`{outcome.checksum[:16]}`; the last run took {outcome.figure('time')}.\n"
    )


def measure(
    options: argparse.Namespace, arguments: Sequence[str], path: Path, data: str, folder: Path
) -> str:
    """Run everything and return the text of the results."""
    busy = machine.load()
    bench, runs = Bench(options, path, folder), options.runs
    table, outcome = run_table(bench, runs)
    lines = gpupept.scanners.parallel_screens(
        str(path), options.separation, skiprows=options.skiprows, verbose=False
    ).lines
    volume = bench.volume(f"run{len(runs) - 1}")
    sections = ["## Time and memory\n", table]
    sections += ["## Values\n", f"Checksum of the last volume: `{outcome.checksum}`.\n"]
    sections += [check_section(bench, runs[-1], volume, lines)]
    if options.kills:
        sections += ["## Kills\n", kill_section(bench, runs[-1], outcome.checksum)]
    facts = run_facts(options, arguments, f"{len(lines)} lines of {data}", busy)
    return harness.document("Volumes larger than memory", facts, sections)


def run_facts(
    options: argparse.Namespace, arguments: Sequence[str], data: str, busy: str
) -> list[tuple[str, str]]:
    """Tell how the measurements were made."""
    return [
        ("hardware", machine.hardware(options.device)),
        ("date", f"{machine.today()} (UTC)"),
        ("command", harness.shown_command("benchmarks.volume", arguments)),
        ("data", data),
        ("load of the machine before the run", busy),
        ("memory available", _size(4 * memory_budget("cpu"))),
        (
            "method",
            f"each run is `gpupept voxelize --checksum` in a process of its own, on {options.device} with "
            f"{options.workers} threads, uint32 counts, z from {options.zlim[0]:g} to "
            f"{options.zlim[1]:g} mm",
        ),
        ("time", "of computing, compressing and writing, with waiting for the disk"),
        ("peak memory", "resident, of the whole process with the checksum at its end"),
        ("versions", machine.package_versions(PACKAGES)),
    ]


def argument_parser() -> argparse.ArgumentParser:
    """Options of the command."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.volume", description=__doc__)
    parser.add_argument("--file", help="LoRs between parallel screens (default: measured ones)")
    parser.add_argument("--separation", type=float, default=712.0, help="of the screens, mm")
    parser.add_argument("--skiprows", type=int, default=16, help="lines before the LoRs")
    parser.add_argument(
        "--runs",
        type=lambda text: [Run.of(part) for part in text.split(",")],
        default=[Run(600, "100MB"), Run(600, "1GB"), Run(1500, "2GB")],
        help="voxels along each axis and memory (default: 600:100MB,600:1GB,1500:2GB); the last one is "
        "checked and killed",
    )
    parser.add_argument(
        "--zlim", type=float, nargs=2, default=[1.0, 711.0], help="mm (default: 1 711)"
    )
    parser.add_argument("--device", default="cpu", help="cpu (default) or cuda")
    parser.add_argument(
        "--workers", type=harness.positive, default=2, help="threads of gpupept (default: 2)"
    )
    parser.add_argument(
        "--samples", type=harness.positive, default=1_000_000, help="voxels to compare"
    )
    parser.add_argument("--kills", type=int, default=3, help="on the way (default: 3)")
    parser.add_argument(
        "--folder", type=Path, help="where volumes are made (default: a temporary one)"
    )
    parser.add_argument("--out", default="volume", help="name of the file of results")
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark from the command line; the exit status."""
    arguments = sys.argv[1:] if arguments is None else list(arguments)
    parser = argument_parser()
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        try:
            path, data = recipe.input_file(options, Path(folder))
        except FileNotFoundError as error:
            parser.error(str(error))
        text = measure(options, arguments, path, data, Path(folder))
    harness.publish(text, options.out)
    return 0


if __name__ == "__main__":
    sys.exit(main())
