"""Time algorithms that locate tracers, of gpupept and of pept, one by one.

``python -m benchmarks.locating`` writes one Markdown table; see README.md.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

import gpupept
from benchmarks import harness, machine, recipe, targets
from benchmarks.harness import Sample
from benchmarks.locators import CASES, Locator
from benchmarks.peer import Started, start_peer
from benchmarks.protocol import Peer, closing_peer
from benchmarks.recipe_report import OWN, Measurements, peer_name
from benchmarks.stages import Target
from gpupept.backend import BackendError


class Sides:
    """What is compared, and the rows that each side made.

    Parameters
    ----------
    path : Path
        NumPy file of LoRs.
    target : Target
        Where gpupept runs.
    peer : Peer or None
        Worker with pept, if there is one.
    executors : sequence of str
        Executors of pept that are timed.
    """

    def __init__(
        self, path: Path, target: Target, peer: Peer | None, executors: Sequence[str]
    ) -> None:
        self.path = path
        self.peer = peer
        self.executors = executors if peer else ()
        self.workers = target.workers
        self.rows: dict[str, dict[str, int]] = {}
        self._locator = Locator(gpupept, str(path), target)

    def sides(self) -> dict[str, harness.Side]:
        """Give what `harness.take_turns` takes."""
        return {OWN: self._own} | {
            peer_name(name): self._peer_side(name) for name in self.executors
        }

    def _own(self, case: str) -> Mapping[str, float]:
        outcome = self._locator.run(case)
        self._see(OWN, case, outcome.counts[case])
        return outcome.seconds

    def _peer_side(self, executor: str) -> harness.Side:
        def side(case: str) -> Mapping[str, float]:
            assert self.peer is not None
            if not CASES[case].in_pept:
                return {}
            reply = self.peer.ask(
                "locate", path=str(self.path), case=case, executor=executor, workers=self.workers
            )
            self._see(peer_name(executor), case, reply["rows"])
            return {case: reply["seconds"]}

        return side

    def _see(self, side: str, case: str, rows: int) -> None:
        self.rows.setdefault(side, {})[case] = rows


def table(measurements: Measurements, cases: Sequence[str], on_gpu: bool) -> str:
    """Tabulate the times, and the ratios of pept's to gpupept's beside what they must be."""
    peers = [peer_name(name) for name in (targets.SEQUENTIAL, targets.JOBLIB)]
    ratios = ["ratio to sequential", "ratio to joblib"]
    header = ["algorithm", OWN, *peers, *ratios, "must / goal", "result"]
    rows = []
    for case in cases:
        measured = [measurements.get(side, {}).get(case) for side in (OWN, *peers)]
        times = [harness.time_cell(value) for value in measured]
        ratio_cells = [harness.ratio_cell(measured[0], other) for other in measured[1:]]
        bars = ["-", "-"] if on_gpu else _target_cells(measurements, case)
        rows.append([case, *times, *ratio_cells, *bars])
    return harness.markdown_table(header, rows)


def _target_cells(measurements: Measurements, case: str) -> list[str]:
    target = targets.LOCATING.get(case)
    if target is None:
        return ["-", "-"]
    own = measurements.get(OWN, {}).get(case)
    other = measurements.get(peer_name(target.executor), {}).get(case)
    value = None
    if isinstance(own, Sample) and isinstance(other, Sample):
        value = other.median / own.median
    bars = f"{target.must:g}x / {target.goal:g}x ({target.executor})"
    return [bars, harness.verdict(value, target.must, target.goal)]


def bound_table(measurements: Measurements, cases: Sequence[str]) -> str:
    """Tabulate the times on a GPU beside the bounds counted for one H200."""
    rows = []
    for case in cases:
        bound, own = targets.LOCATING_H200.get(case), measurements[OWN].get(case)
        if bound is not None and isinstance(own, Sample):
            limits = [harness.duration(bound.least), harness.duration(bound.goal)]
            reached = "yes" if own.median <= bound.goal else "no"
            rows.append([case, harness.time_cell(own), *limits, reached])
    return harness.markdown_table(["algorithm", OWN, "bound", "goal", "goal reached"], rows)


def measure(
    options: argparse.Namespace,
    arguments: Sequence[str],
    target: Target,
    source: tuple[Path, str],
    folder: Path,
) -> str:
    """Run everything and return the text of the results."""
    busy = machine.load()
    path, data = source
    found = gpupept.scanners.parallel_screens(
        str(path), options.separation, skiprows=options.skiprows, verbose=False
    )
    lines = np.ascontiguousarray(found.lines[: options.rows])
    np.save(folder / "lines.npy", lines)
    started = start_peer(options.peer_python)
    with closing_peer(started.peer) as peer:
        compared = Sides(folder / "lines.npy", target, peer, options.executors)
        harness.take_turns(compared.sides(), options.cases, 1)
        measurements = harness.take_turns(
            compared.sides(), options.cases, options.repeats, harness.tell
        )
    facts = run_facts(options, arguments, f"{len(lines)} LoRs of {data}", busy, started)
    facts += [(f"rows made by {side}", _listed(rows)) for side, rows in compared.rows.items()]
    on_gpu = options.device != "cpu"
    sections = [table(measurements, options.cases, on_gpu)]
    if on_gpu:
        sections += [f"Beside bounds counted for one H200 and the whole of {targets.FILE}:\n"]
        sections += [bound_table(measurements, options.cases)]
    title = "Locating tracers: gpupept and pept side by side"
    return harness.document(title, facts, [*sections, *harness.failures(measurements)])


def _listed(rows: Mapping[str, int]) -> str:
    return ", ".join(f"{number} ({name})" for name, number in rows.items())


def run_facts(
    options: argparse.Namespace, arguments: Sequence[str], data: str, busy: str, started: Started
) -> list[tuple[str, str]]:
    """Tell how the measurements were made."""
    where = f"on the CPU, {options.workers} threads"
    if options.device != "cpu":
        where = f"on {options.device}, the data resident there, each call waited for"
    calls = f"median of {options.calls} calls in a row" if options.calls > 1 else "one call"
    sizes = [
        f"{name}: {CASES[name].sample_size} LoRs, overlap {CASES[name].overlap}"
        for name in options.cases
    ]
    return [
        ("hardware", machine.hardware(options.device)),
        ("date", f"{machine.today()} (UTC)"),
        ("command", harness.shown_command("benchmarks.locating", arguments)),
        ("data", data),
        ("samples", "; ".join(sizes)),
        ("load of the machine before the run", busy),
        (
            "method",
            f"rounds: {options.repeats}; in each, every algorithm by gpupept and then by pept with "
            "each executor; both processes stay warm",
        ),
        ("gpupept", f"{where}; each time is {calls}"),
        ("pept", f"{' and '.join(options.executors)} with {options.workers} workers"),
        ("not timed", "first calls (compile or load what was compiled, start workers), reading"),
        ("cells", "median (smallest - largest); a ratio is that of the medians (range of rounds)"),
        ("gpupept side", machine.package_versions(recipe.PACKAGES)),
        ("pept side", started.versions),
    ]


def argument_parser() -> argparse.ArgumentParser:
    """Options of the command: those of the recipe, and which algorithms."""
    parser = recipe.argument_parser()
    parser.prog, parser.description = "python -m benchmarks.locating", __doc__
    parser.set_defaults(out="locating")
    parser.add_argument(
        "--cases",
        type=_cases,
        default=list(CASES),
        help=f"separated by commas (default: {','.join(CASES)})",
    )
    return parser


def _cases(text: str) -> list[str]:
    chosen = text.split(",")
    unknown = [name for name in chosen if name not in CASES]
    if unknown:
        raise argparse.ArgumentTypeError(f"expected some of {', '.join(CASES)}, found {text!r}")
    return chosen


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark from the command line; the exit status."""
    arguments = sys.argv[1:] if arguments is None else list(arguments)
    parser = argument_parser()
    options = parser.parse_args(arguments)
    options.calls = options.calls or (1 if options.device == "cpu" else recipe.CALLS_ON_GPU)
    with tempfile.TemporaryDirectory() as folder:
        try:
            source = recipe.input_file(options, Path(folder))
            target = recipe.own_target(options.device, options.workers, options.calls)
        except (FileNotFoundError, BackendError) as error:
            parser.error(str(error))
        text = measure(options, arguments, target, source, Path(folder))
    harness.publish(text, options.out)
    return 0


if __name__ == "__main__":
    sys.exit(main())
