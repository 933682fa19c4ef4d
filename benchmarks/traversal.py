"""Time how gpupept and pept count the lines through each voxel.

``python -m benchmarks.traversal`` writes one Markdown table; see README.md.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

import gpupept
from benchmarks import harness, machine, recipe, targets
from benchmarks.counting import edges_around
from benchmarks.harness import Measured, Sample
from benchmarks.peer import Started, start_peer
from benchmarks.protocol import Peer, closing_peer
from gpupept.backend import BackendError, cupy_module, resolve_device
from gpupept.kernels.threads import use_threads
from gpupept.kernels.traverse import traverse

OWN, PEER, PROJECTOR = "gpupept", "pept", "parallelproj"
# What gpupept adds to: the counts that pept makes, and what pept does not offer.
KINDS = {
    OWN: (np.float64, False),
    "gpupept, uint32": (np.uint32, False),
    "gpupept, lengths": (np.float64, True),
}
PACKAGES = ("numpy", "numba", "parallelproj", "cupy-cuda12x", "cupy-cuda13x")


def piece(number: int) -> str:
    """Name of the grid with so many cells along each axis."""
    return f"{number}^3"


class Sides:
    """What is compared, and the sums that each side came to.

    Parameters
    ----------
    lines : (N, 7) float64 array
        The lines.
    path : Path
        The same in a file, for the peer.
    options : argparse.Namespace
        Of the command.
    peer : Peer or None
        Worker with pept, if there is one.
    """

    def __init__(
        self, lines: np.ndarray, path: Path, options: argparse.Namespace, peer: Peer | None
    ) -> None:
        self.lines = lines
        self.path = path
        self.options = options
        self.peer = peer
        self.sums: dict[str, dict[str, float]] = {}
        self.device = resolve_device(options.device)

    def sides(self) -> dict[str, harness.Side]:
        """Give what `harness.take_turns` takes."""
        sides: dict[str, harness.Side] = {name: self._own(name) for name in KINDS}
        if self.peer is not None:
            sides[PEER] = self._peer
        if self.device == "cpu" and _has_projector():
            sides[PROJECTOR] = self._projector
        return sides

    def _own(self, side: str) -> harness.Side:
        dtype, lengths = KINDS[side]

        def run(name: str) -> Mapping[str, float]:
            number = int(name.partition("^")[0])
            edges = edges_around(self.lines, number)
            cells = self._place(np.full((number,) * 3, 0, dtype))
            lines = self._place(self.lines)
            with use_threads(self.options.workers):
                seconds = [
                    self._timed(lambda: traverse(cells, lines, edges, lengths=lengths))
                    for _ in range(self.options.calls)
                ]
            self._see(side, name, float(cells.sum(dtype=float)) / self.options.calls)
            return {name: statistics.median(seconds)}

        return run

    def _place(self, array: np.ndarray) -> Any:
        if self.device == "cpu":
            return array
        return cupy_module().asarray(array)

    def _timed(self, call: Callable[[], object]) -> float:
        wait = (lambda: None) if self.device == "cpu" else cupy_module().cuda.Device().synchronize
        wait()
        start = time.perf_counter()
        call()
        wait()
        return time.perf_counter() - start

    def _peer(self, name: str) -> Mapping[str, float]:
        assert self.peer is not None
        reply = self.peer.ask("count", path=str(self.path), number=int(name.partition("^")[0]))
        self._see(PEER, name, reply["sum"])
        return {name: reply["seconds"]}

    def _projector(self, name: str) -> Mapping[str, float]:
        """Joseph back-projection, which spreads every line over neighbouring voxels."""
        import parallelproj

        number = int(name.partition("^")[0])
        edges = edges_around(self.lines, number)
        starts, ends = (self.lines[:, a : a + 3].astype(np.float32) for a in (1, 4))
        size = np.array([axis[1] - axis[0] for axis in edges], dtype=np.float32)
        origin = np.array([axis[0] for axis in edges], dtype=np.float32) + size / 2
        ones = np.ones(len(starts), dtype=np.float32)
        shape = (number,) * 3
        start = time.perf_counter()
        image = parallelproj.joseph3d_back(starts, ends, shape, origin, size, ones)
        seconds = time.perf_counter() - start
        self._see(PROJECTOR, name, float(np.asarray(image).sum(dtype=float)))
        return {name: seconds}

    def _see(self, side: str, name: str, total: float) -> None:
        self.sums.setdefault(side, {})[name] = total


def _has_projector() -> bool:
    try:
        import parallelproj  # noqa: F401
    except ImportError:
        return False
    return True


def table(
    measurements: Mapping[str, Mapping[str, Measured]], numbers: Sequence[int], on_gpu: bool
) -> str:
    """Tabulate the times, and the ratio of pept's to gpupept's beside what it must be."""
    others = [side for side in (*KINDS, PEER, PROJECTOR) if side in measurements and side != OWN]
    header = ["voxels", OWN, *others, "ratio to pept", "must / goal", "result"]
    rows = []
    for number in numbers:
        name = piece(number)
        own, peer = (measurements.get(side, {}).get(name) for side in (OWN, PEER))
        cells = [harness.time_cell(measurements[side].get(name)) for side in (OWN, *others)]
        target = None if on_gpu else targets.TRAVERSAL.get(number)
        goal = f"{target.must:g}x / {target.goal:g}x" if target else "-"
        ratio = harness.ratio(own, peer)
        result = (
            harness.verdict(ratio and ratio.median, target.must, target.goal) if target else "-"
        )
        rows.append([name, *cells, harness.ratio_cell(own, peer), goal, result])
    return harness.markdown_table(header, rows)


def bound_table(measurements: Mapping[str, Mapping[str, Measured]], numbers: Sequence[int]) -> str:
    """Tabulate the times on a GPU beside the bounds counted for one H200."""
    header = ["voxels", OWN, "bound", "goal", "goal reached"]
    rows = []
    for number in numbers:
        bound, own = targets.TRAVERSAL_H200.get(number), measurements[OWN].get(piece(number))
        if bound is not None and isinstance(own, Sample):
            reached = "yes" if own.median <= bound.goal else "no"
            limits = [harness.duration(bound.least), harness.duration(bound.goal)]
            rows.append([piece(number), harness.time_cell(own), *limits, reached])
    return harness.markdown_table(header, rows)


def measure(
    options: argparse.Namespace, arguments: Sequence[str], path: Path, data: str, folder: Path
) -> str:
    """Run everything and return the text of the results."""
    busy = machine.load()
    found = gpupept.scanners.parallel_screens(
        str(path), options.separation, skiprows=options.skiprows, verbose=False
    )
    lines = np.ascontiguousarray(found.lines[: options.rows])
    saved = folder / "lines.npy"
    np.save(saved, lines)
    started = start_peer(options.peer_python)
    names = [piece(number) for number in options.sizes]
    with closing_peer(started.peer) as peer:
        sides = Sides(lines, saved, options, peer)
        harness.take_turns(sides.sides(), [piece(10)], 1)
        sides.sums.clear()
        measurements = harness.take_turns(sides.sides(), names, options.repeats, harness.tell)
    on_gpu = sides.device != "cpu"
    facts = run_facts(options, arguments, f"{len(lines)} lines of {data}", busy, started)
    facts += [(f"sum of {side}", _listed(sums)) for side, sums in sides.sums.items()]
    sections = [table(measurements, options.sizes, on_gpu)]
    if on_gpu:
        sections += ["Beside bounds counted for one H200 and 80 000 lines:\n"]
        sections += [bound_table(measurements, options.sizes)]
    title = "Lines through voxels: gpupept and pept side by side"
    return harness.document(title, facts, [*sections, *harness.failures(measurements)])


def _listed(sums: Mapping[str, float]) -> str:
    return ", ".join(f"{total:.0f} ({name})" for name, total in sums.items())


def run_facts(
    options: argparse.Namespace, arguments: Sequence[str], data: str, busy: str, started: Started
) -> list[tuple[str, str]]:
    """Tell how the measurements were made."""
    where = f"on the CPU, {options.workers} threads"
    if options.device != "cpu":
        where = f"on {options.device}, lines and voxels there, each call waited for"
    calls = f"median of {options.calls} calls in a row" if options.calls > 1 else "one call"
    return [
        ("hardware", machine.hardware(options.device)),
        ("date", f"{machine.today()} (UTC)"),
        ("command", harness.shown_command("benchmarks.traversal", arguments)),
        ("data", data),
        ("load of the machine before the run", busy),
        ("method", f"rounds: {options.repeats}; in each, every grid by one side after the other"),
        ("gpupept", f"{where}; each time is {calls}"),
        ("timed", "adding the lines to voxels that exist; float64 unless stated otherwise"),
        (
            "sums",
            "lines through voxels, which differ by the few lines that pass an edge of voxels in decimal "
            "numbers: pept decides those by rounding, gpupept exactly; lengths in mm",
        ),
        ("not timed", "first calls, with 10^3 voxels (compile or load what was compiled)"),
        ("cells", "median (smallest - largest); a ratio is that of the medians (range of rounds)"),
        ("gpupept side", machine.package_versions(PACKAGES)),
        ("pept side", started.versions),
    ]


def argument_parser() -> argparse.ArgumentParser:
    """Options of the command."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.traversal", description=__doc__)
    parser.add_argument("--file", help="LoRs between parallel screens (default: measured ones)")
    parser.add_argument("--separation", type=float, default=712.0, help="of the screens, mm")
    parser.add_argument("--skiprows", type=int, default=16, help="lines before the LoRs")
    parser.add_argument("--rows", type=harness.positive, default=80_000, help="LoRs (80 000)")
    parser.add_argument(
        "--sizes",
        type=lambda text: [harness.positive(part) for part in text.split(",")],
        default=[100, 300],
        help="voxels along each axis, separated by commas (default: 100,300)",
    )
    parser.add_argument("--device", default="cpu", help="cpu (default) or cuda")
    parser.add_argument(
        "--workers", type=harness.positive, default=2, help="threads of gpupept (default: 2)"
    )
    parser.add_argument("--calls", type=harness.positive, help="of gpupept per measurement")
    harness.common_options(parser, "traversal")
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark from the command line; the exit status."""
    arguments = sys.argv[1:] if arguments is None else list(arguments)
    parser = argument_parser()
    options = parser.parse_args(arguments)
    options.calls = options.calls or (1 if options.device == "cpu" else recipe.CALLS_ON_GPU)
    with tempfile.TemporaryDirectory() as folder:
        try:
            path, data = recipe.input_file(options, Path(folder))
            resolve_device(options.device)
        except (FileNotFoundError, ValueError, BackendError) as error:
            parser.error(str(error))
        text = measure(options, arguments, path, data, Path(folder))
    harness.publish(text, options.out)
    return 0


if __name__ == "__main__":
    sys.exit(main())
