"""Time reducers that turn trajectories into grids, of gpupept and of pept, one by one.

``python -m benchmarks.processing`` writes one Markdown table; see README.md.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

import gpupept
from benchmarks import harness, machine, recipe
from benchmarks.gridding import CASES, Gridder, random_walk
from benchmarks.harness import Measured
from benchmarks.peer import Started, start_peer
from benchmarks.protocol import Peer, closing_peer
from benchmarks.stages import Target
from gpupept.backend import BackendError

OWN, PEER = "gpupept", "pept"


class Sides:
    """What is compared, and the share of cells that each side visited.

    Parameters
    ----------
    path : Path
        NumPy file of positions.
    target : Target
        Where gpupept runs.
    peer : Peer or None
        Worker with pept, if there is one.
    """

    def __init__(self, path: Path, target: Target, peer: Peer | None) -> None:
        self.path = path
        self.peer = peer
        self.visited: dict[str, dict[str, float]] = {}
        self._gridder = Gridder(gpupept, str(path), target)

    def sides(self) -> dict[str, harness.Side]:
        """Give what `harness.take_turns` takes."""
        sides: dict[str, harness.Side] = {OWN: self._own}
        return sides if self.peer is None else sides | {PEER: self._peer}

    def _own(self, case: str) -> Mapping[str, float]:
        seconds, visited = self._gridder.run(case)
        self.visited.setdefault(OWN, {})[case] = visited
        return {case: seconds}

    def _peer(self, case: str) -> Mapping[str, float]:
        assert self.peer is not None
        reply = self.peer.ask("grid", path=str(self.path), case=case)
        self.visited.setdefault(PEER, {})[case] = reply["visited"]
        return {case: reply["seconds"]}


def table(measurements: Mapping[str, Mapping[str, Measured]], cases: Sequence[str]) -> str:
    """Tabulate the times, and the ratio of pept's to gpupept's."""
    rows = []
    for case in cases:
        own, peer = (measurements.get(side, {}).get(case) for side in (OWN, PEER))
        times = [harness.time_cell(own), harness.time_cell(peer)]
        rows.append([case, f"{CASES[case].rows}", *times, harness.ratio_cell(own, peer)])
    return harness.markdown_table(["grid", "positions", OWN, PEER, "ratio to pept"], rows)


def measure(
    options: argparse.Namespace, arguments: Sequence[str], target: Target, folder: Path
) -> str:
    """Run everything and return the text of the results."""
    busy = machine.load()
    path = folder / "positions.npy"
    np.save(path, random_walk(max(CASES[case].rows for case in options.cases)))
    started = start_peer(options.peer_python)
    with closing_peer(started.peer) as peer:
        compared = Sides(path, target, peer)
        harness.take_turns(compared.sides(), options.cases, 1)
        measurements = harness.take_turns(
            compared.sides(), options.cases, options.repeats, harness.tell
        )
    facts = run_facts(options, arguments, busy, started)
    facts += [
        (f"cells visited by {side}", _listed(cells)) for side, cells in compared.visited.items()
    ]
    title = "Grids of trajectories: gpupept and pept side by side"
    sections = [table(measurements, options.cases), *harness.failures(measurements)]
    return harness.document(title, facts, sections)


def _listed(shares: Mapping[str, float]) -> str:
    return ", ".join(f"{share:.2%} ({name})" for name, share in shares.items())


def run_facts(
    options: argparse.Namespace, arguments: Sequence[str], busy: str, started: Started
) -> list[tuple[str, str]]:
    """Tell how the measurements were made."""
    where = "on the CPU, one thread"
    if options.device != "cpu":
        where = f"on {options.device}, positions resident there, each call waited for"
    calls = f"median of {options.calls} calls in a row" if options.calls > 1 else "one call"
    return [
        ("hardware", machine.hardware(options.device)),
        ("date", f"{machine.today()} (UTC)"),
        ("command", harness.shown_command("benchmarks.processing", arguments)),
        ("data", "a random walk with steps of some 1.6 mm in a box of 100 mm"),
        ("load of the machine before the run", busy),
        ("method", f"rounds: {options.repeats}; in each, every grid by one side after the other"),
        ("gpupept", f"{where}; each time is {calls}; areas and volumes are exact"),
        ("pept", "one worker, since with more its results are wrong; polygons with 32 corners"),
        ("not timed", "first calls (compile or load what was compiled), reading"),
        ("cells", "median (smallest - largest); a ratio is that of the medians (range of rounds)"),
        ("gpupept side", machine.package_versions(recipe.PACKAGES)),
        ("pept side", started.versions),
    ]


def argument_parser() -> argparse.ArgumentParser:
    """Options of the command."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.processing", description=__doc__)
    parser.add_argument(
        "--cases",
        type=_cases,
        default=list(CASES),
        help=f"separated by semicolons (default: {'; '.join(CASES)})",
    )
    parser.add_argument("--device", default="cpu", help="cpu (default) or cuda")
    parser.add_argument("--calls", type=harness.positive, help="of gpupept per measurement")
    harness.common_options(parser, "processing")
    return parser


def _cases(text: str) -> list[str]:
    chosen = [name.strip() for name in text.split(";")]
    if any(name not in CASES for name in chosen):
        raise argparse.ArgumentTypeError(f"expected some of {'; '.join(CASES)}, found {text!r}")
    return chosen


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark from the command line; the exit status."""
    arguments = sys.argv[1:] if arguments is None else list(arguments)
    parser = argument_parser()
    options = parser.parse_args(arguments)
    options.calls = options.calls or (1 if options.device == "cpu" else recipe.CALLS_ON_GPU)
    try:
        target = recipe.own_target(options.device, 1, options.calls)
    except (ValueError, BackendError) as error:
        parser.error(str(error))
    with tempfile.TemporaryDirectory() as folder:
        text = measure(options, arguments, target, Path(folder))
    harness.publish(text, options.out)
    return 0


if __name__ == "__main__":
    sys.exit(main())
