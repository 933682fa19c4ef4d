"""Time the file readers of gpupept and of pept on files made for it.

``python -m benchmarks.readers`` writes one Markdown table; see README.md.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import gpupept
from benchmarks import harness, machine, targets
from benchmarks.harness import Measured, Sample
from benchmarks.peer import Started, start_peer
from benchmarks.protocol import Peer, closing_peer

OWN, PEER = "gpupept", "pept"
PACKAGES = ("numpy", "numba", "pandas")
SEPARATION = 712.0
MEGABYTE = 1_000_000
_BLOCK_ROWS = 20_000
# 24 bytes of list mode for each LoR, and clock words now and then.
_ADAC_BYTES_PER_LOR = 24


@dataclass(frozen=True)
class Reading:
    """A function of `scanners`, the file it reads, and its other arguments."""

    reader: str
    path: Path
    options: dict[str, Any]

    @property
    def megabytes(self) -> float:
        """Size of the file."""
        return self.path.stat().st_size / MEGABYTE


def write_text_lors(path: Path, size: int, seed: int = 0) -> None:
    """Write rows ``t, x1, y1, x2, y2`` (ms, mm; one decimal) of at least so many bytes.

    One block of rows is repeated, times included; reading does not look at them.
    """
    rng = np.random.default_rng(seed)
    rows = rng.uniform(0.0, 600.0, (_BLOCK_ROWS, 5))
    rows[:, 0] = np.sort(rng.uniform(1e5, 9e5, _BLOCK_ROWS))
    lines = ["\t".join(f"{value:.1f}" for value in row) for row in rows.tolist()]
    block = ("\n".join(lines) + "\n").encode("ascii")
    with path.open("wb") as file:
        for _ in range(-(-size // len(block))):
            file.write(block)


def write_list_mode(path: Path, size: int, seed: int = 0) -> None:
    """Write ADAC Forte list mode of about so many bytes: LoRs at random, 20 a ms."""
    from gpupept.scanners import write_adac_forte

    rng = np.random.default_rng(seed)
    lors = max(size // _ADAC_BYTES_PER_LOR, 1)
    lines = rng.uniform(1.0, 599.0, (lors, 7))
    lines[:, 0] = np.arange(lors) / 20.0
    lines[:, 3], lines[:, 6] = -10.0, SEPARATION + 10.0
    write_adac_forte(lines, path, separation=int(SEPARATION))


def make_files(folder: Path, megabytes: int) -> dict[str, Reading]:
    """Write both files to a new folder, and give what reads them by name."""
    folder.mkdir()
    text, listed = folder / "lors.csv", folder / "run.da01"
    write_text_lors(text, megabytes * MEGABYTE)
    write_list_mode(listed, megabytes * MEGABYTE)
    return {
        "parallel_screens, text": Reading(
            "parallel_screens", text, {"screen_separation": SEPARATION, "skiprows": 0}
        ),
        "adac_forte, .da01": Reading("adac_forte", listed, {}),
    }


def make_sides(
    peer: Peer | None, readings: Mapping[str, Reading], counts: Mapping[str, dict[str, int]]
) -> dict[str, harness.Side]:
    """Readers of gpupept in this process and of pept in its own; `counts` gets the LoRs found."""

    def own(name: str) -> Mapping[str, float]:
        reading = readings[name]
        function = getattr(gpupept.scanners, reading.reader)
        start = time.perf_counter()
        lines = function(str(reading.path), verbose=False, **reading.options)
        seconds = time.perf_counter() - start
        counts[OWN][name] = len(lines.lines)
        return {name: seconds}

    def other(name: str) -> Mapping[str, float]:
        assert peer is not None
        reading = readings[name]
        reply = peer.ask(
            "read", reader=reading.reader, path=str(reading.path), options=reading.options
        )
        counts[PEER][name] = reply["LoRs"]
        return {name: reply["seconds"]}

    return {OWN: own} if peer is None else {OWN: own, PEER: other}


def table(
    measurements: Mapping[str, Mapping[str, Measured]], megabytes: Mapping[str, float]
) -> str:
    """Tabulate the rates and their ratio."""
    header = ["reader", "file", "gpupept", "pept", "ratio", "must", "result"]
    rows = []
    for name, size in megabytes.items():
        own, other = (measurements.get(side, {}).get(name) for side in (OWN, PEER))
        row = [name, f"{size:.0f} MB", rate_cell(own, size), rate_cell(other, size)]
        row.append(harness.ratio_cell(own, other))
        rows.append([*row, *_rate_target(name, own, size)])
    return harness.markdown_table(header, rows)


def rate_cell(measured: Measured | None, megabytes: float) -> str:
    """MB/s: of the median time, and the slowest and fastest."""
    if not isinstance(measured, Sample):
        return harness.time_cell(measured)
    rates = Sample(tuple(megabytes / seconds for seconds in measured.values))
    return harness.spread_cell(rates, unit=" MB/s")


def _rate_target(name: str, own: Measured | None, megabytes: float) -> list[str]:
    if not name.startswith("adac_forte"):
        return ["-", "-"]
    if not isinstance(own, Sample):
        return [f"{targets.ADAC_RATE} MB/s", "not run"]
    met = megabytes / own.median >= targets.ADAC_RATE
    return [f"{targets.ADAC_RATE} MB/s", "must met" if met else "MISSED"]


def measure(options: argparse.Namespace, arguments: Sequence[str], folder: Path) -> str:
    """Write the files, read them in turns and return the text of the results."""
    busy = machine.load()
    small, full = folder / "small", folder / "full"
    started = start_peer(options.peer_python)
    counts: dict[str, dict[str, int]] = {OWN: {}, PEER: {}}
    with closing_peer(started.peer) as peer:
        first = make_files(small, 1)
        harness.take_turns(make_sides(peer, first, {OWN: {}, PEER: {}}), list(first), 1)
        readings = make_files(full, options.megabytes)
        sides = make_sides(peer, readings, counts)
        measurements = harness.take_turns(sides, list(readings), options.repeats, harness.tell)
    facts = run_facts(options, arguments, busy, started)
    facts += [(f"LoRs read by {side}", _listed(found)) for side, found in counts.items() if found]
    sizes = {name: reading.megabytes for name, reading in readings.items()}
    sections = [table(measurements, sizes), *harness.failures(measurements)]
    return harness.document("Reading files: gpupept and pept side by side", facts, sections)


def _listed(found: Mapping[str, int]) -> str:
    return ", ".join(f"{number} ({name})" for name, number in found.items())


def run_facts(
    options: argparse.Namespace, arguments: Sequence[str], busy: str, started: Started
) -> list[tuple[str, str]]:
    """Tell how the measurements were made."""
    return [
        ("hardware", machine.hardware()),
        ("date", f"{machine.today()} (UTC)"),
        ("command", harness.shown_command("benchmarks.readers", arguments)),
        ("data", "made at random in a temporary folder, just written, so in the file cache"),
        ("load of the machine before the run", busy),
        ("method", f"rounds: {options.repeats}; in each, every file by gpupept and then by pept"),
        ("not timed", "first calls, which read files of 1 MB (compile or load what was compiled)"),
        ("cells", "median (smallest - largest); MB are 10^6 bytes"),
        ("gpupept side", machine.package_versions(PACKAGES)),
        ("pept side", started.versions),
    ]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark from the command line; the exit status."""
    arguments = sys.argv[1:] if arguments is None else list(arguments)
    parser = argparse.ArgumentParser(prog="python -m benchmarks.readers", description=__doc__)
    parser.add_argument(
        "--megabytes", type=harness.positive, default=200, help="of each file (default: 200)"
    )
    harness.common_options(parser, "readers")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        text = measure(options, arguments, Path(folder))
    harness.publish(text, options.out)
    return 0


if __name__ == "__main__":
    sys.exit(main())
