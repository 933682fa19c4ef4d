"""Time the two-pass PEPT-ML recipe of gpupept and of pept, stage by stage.

``python -m benchmarks.recipe`` writes one Markdown table; see README.md.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

import gpupept
from benchmarks import harness, machine, stages, targets
from benchmarks.peer import Started, start_peer
from benchmarks.protocol import CHECKOUT, Peer, PeerError, closing_peer
from benchmarks.recipe_report import (
    OWN,
    Measurements,
    bound_table,
    peer_name,
    ratio_table,
)
from benchmarks.stages import Recipe, Settings, Target
from gpupept.backend import BackendError, cupy_module, resolve_device

PACKAGES = ("numpy", "numba", "pandas", "cupy-cuda12x", "cupy-cuda13x")
CALLS_ON_GPU = 20


def find_file() -> Path | None:
    """Measured data of two rotating tracers, where the reference data are; None without them."""
    for place in (os.environ.get("GPUPEPT_SHARED"), CHECKOUT.parent / "shared"):
        path = Path(place, "data", targets.FILE) if place else None
        if path and path.is_file():
            return path
    return None


def own_target(device: str, workers: int, calls: int) -> Target:
    """Where gpupept runs; on a GPU times include waiting until it has finished."""
    if device == "cpu":
        return Target(workers=workers, calls=calls)
    place = resolve_device(device)
    gpu = cupy_module().cuda.Device(int(place.partition(":")[2] or 0))
    return Target(
        workers=workers,
        place=lambda lines: lines.to(place),
        wait=gpu.synchronize,
        calls=calls,
    )


class Comparison:
    """The sides of the comparison and what they were seen to make.

    Parameters
    ----------
    recipe : Recipe
        gpupept's.
    peer : Peer or None
        Worker with pept, if there is one.
    executors : sequence of str
        Executors of pept that are timed.
    workers : int
        Number of workers of them.
    """

    def __init__(
        self, recipe: Recipe, peer: Peer | None, executors: Sequence[str], workers: int
    ) -> None:
        self.recipe = recipe
        self.peer = peer
        self.executors = list(executors) if peer else []
        self.failed: dict[str, str] = {}
        self.workers = workers
        self.counts: dict[str, dict[str, int]] = {}

    def warm_up(self) -> float:
        """First calls, which compile or load compiled functions; seconds that those of gpupept took."""
        start = time.perf_counter()
        for stage in stages.RUNS:
            self.recipe.run(stage)
        own = time.perf_counter() - start
        for executor in list(self.executors):
            try:
                self._prepare_peer(executor)
            except PeerError as error:
                self.failed[peer_name(executor)] = str(error)
                self.executors.remove(executor)
        return own

    def _prepare_peer(self, executor: str) -> None:
        assert self.peer is not None
        self.peer.ask(
            "prepare",
            path=self.recipe.path,
            settings=asdict(self.recipe.settings),
            executor=executor,
            workers=self.workers,
        )

    def sides(self) -> dict[str, harness.Side]:
        """Give what `harness.take_turns` takes."""
        peers = {peer_name(executor): self._peer_side(executor) for executor in self.executors}
        return {OWN: self._own, **peers}

    def _own(self, stage: str) -> Mapping[str, float]:
        outcome = self.recipe.run(stage)
        self._see(OWN, outcome.counts)
        return outcome.seconds

    def _peer_side(self, executor: str) -> harness.Side:
        def side(stage: str) -> Mapping[str, float]:
            assert self.peer is not None
            reply = self.peer.ask("run", executor=executor, stage=stage)
            self._see(peer_name(executor), reply["counts"])
            seconds: dict[str, float] = reply["seconds"]
            return seconds

        return side

    def _see(self, side: str, counts: dict[str, int]) -> None:
        self.counts.setdefault(side, {}).update(counts)


def results(
    options: argparse.Namespace,
    comparison: Comparison,
    started: Started,
    measurements: Measurements,
    facts: Sequence[tuple[str, str]],
) -> str:
    """All that is written: the record of the run, the table, and one more when a GPU was used."""
    counts = comparison.counts
    made = [(f"made by {side}", _listed(numbers)) for side, numbers in counts.items()]
    lors = counts.get(OWN, {}).get("LoRs", 0)
    on_gpu = options.device != "cpu"
    sections = [ratio_table(measurements, lors, on_gpu)]
    if on_gpu:
        counted = Path(comparison.recipe.path).name == targets.FILE and options.rows is None
        text = f"On the GPU, beside bounds counted for one H200 and the whole of {targets.FILE}"
        text += ":" if counted else ", so none here:"
        sections += [text + "\n", bound_table(measurements, counted)]
    sections += harness.failures(measurements, comparison.failed)
    versions = [
        ("gpupept side", machine.package_versions(PACKAGES)),
        ("pept side", started.versions),
    ]
    title = "Two-pass PEPT-ML recipe: gpupept and pept side by side"
    return harness.document(title, [*facts, *versions, *made], sections)


def _listed(numbers: Mapping[str, int]) -> str:
    return ", ".join(f"{number} {name}" for name, number in numbers.items())


def run_facts(
    options: argparse.Namespace, arguments: Sequence[str], data: str, busy: str, first: float
) -> list[tuple[str, str]]:
    """How the measurements were made."""
    calls = f"median of {options.calls} calls in a row" if options.calls > 1 else "one call"
    where = f"on the CPU, {options.workers} threads"
    if options.device != "cpu":
        where = (
            f"on {options.device}, the lines resident there (moving them is in the time of "
            f'"{stages.READ}" and "{stages.WHOLE}"), every call waited for'
        )
    return [
        ("hardware", machine.hardware(options.device)),
        ("date", f"{machine.today()} (UTC)"),
        ("command", harness.shown_command("benchmarks.recipe", arguments)),
        ("data", data),
        ("load of the machine before the run", busy),
        (
            "method",
            f"rounds: {options.repeats}; in each, every stage by gpupept and then by pept with each "
            "executor, given what its own stage before made; both processes stay warm",
        ),
        ("gpupept", f"{where}; each time is {calls}"),
        ("pept", f'executors "sequential" and "joblib" with {options.workers} workers'),
        (
            "not timed",
            f"first calls (gpupept: all stages once, {harness.duration(first)} with compiling or "
            "loading what was compiled; pept: a recipe on the first LoRs, which starts its workers)",
        ),
        (
            "cells",
            "median (smallest - largest); a ratio is that of the medians (range of the rounds). "
            "Reading and segregating use no executor. Real time: LoRs of the file per second of the "
            f'"{stages.WHOLE_WITHOUT_READING}"',
        ),
    ]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark from the command line; the exit status."""
    arguments = sys.argv[1:] if arguments is None else list(arguments)
    parser = argument_parser()
    options = parser.parse_args(arguments)
    options.calls = options.calls or (1 if options.device == "cpu" else CALLS_ON_GPU)
    with tempfile.TemporaryDirectory() as folder:
        try:
            path, data = input_file(options, Path(folder))
            target = own_target(options.device, options.workers, options.calls)
        except (FileNotFoundError, BackendError) as error:
            parser.error(str(error))
        text = measure(
            options, arguments, Recipe(gpupept, str(path), settings(options), target), data
        )
    harness.publish(text, options.out)
    return 0


def input_file(options: argparse.Namespace, folder: Path) -> tuple[Path, str]:
    """Choose the file and what to call it: the one given, the measured one, or one simulated.

    Raises
    ------
    FileNotFoundError
        If the one given does not exist.
    """
    if options.file is not None:
        if not Path(options.file).is_file():
            raise FileNotFoundError(f"--file: there is no file {options.file!r}")
        return Path(options.file), Path(options.file).name
    measured = find_file()
    if measured is not None:
        return measured, f"{measured.name} (measured: two tracers rotating at 42 rpm)"
    from benchmarks.simulated import write_rotating_tracers

    path = folder / "simulated.csv"
    write_rotating_tracers(path, header_lines=options.skiprows)
    return path, "simulated: two tracers rotating at 42 rpm (gpupept.simulation.rotating_tracers)"


def settings(options: argparse.Namespace) -> Settings:
    """Parameters of the recipe that the command line gives."""
    return Settings(separation=options.separation, skiprows=options.skiprows, rows=options.rows)


def measure(
    options: argparse.Namespace, arguments: Sequence[str], recipe: Recipe, data: str
) -> str:
    """Run everything and return the text of the results."""
    busy = machine.load()
    started = start_peer(options.peer_python)
    with closing_peer(started.peer):
        comparison = Comparison(recipe, started.peer, options.executors, options.workers)
        first = comparison.warm_up()
        measurements = harness.take_turns(
            comparison.sides(), stages.RUNS, options.repeats, harness.tell
        )
        facts = run_facts(options, arguments, data, busy, first)
        return results(options, comparison, started, measurements, facts)


def argument_parser() -> argparse.ArgumentParser:
    """Options of the command."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.recipe", description=__doc__)
    parser.add_argument("--file", help="LoRs between parallel screens (default: measured ones)")
    parser.add_argument("--separation", type=float, default=712.0, help="of the screens, mm")
    parser.add_argument("--skiprows", type=int, default=16, help="lines before the LoRs")
    parser.add_argument("--rows", type=harness.positive, help="LoRs to read (default: all)")
    parser.add_argument("--device", type=_device, default="cpu", help="cpu (default) or cuda")
    parser.add_argument(
        "--workers", type=harness.positive, default=2, help="threads and workers (default: 2)"
    )
    parser.add_argument(
        "--executors",
        type=_executors,
        default=[targets.SEQUENTIAL, targets.JOBLIB],
        help="of pept, separated by commas (default: sequential,joblib)",
    )
    parser.add_argument(
        "--calls",
        type=harness.positive,
        help=f"calls of gpupept per measurement (default: 1, on a GPU {CALLS_ON_GPU})",
    )
    harness.common_options(parser, "recipe")
    return parser


def _device(text: str) -> str:
    name, colon, number = text.partition(":")
    if text == "cpu" or (name == "cuda" and (not colon or number.isdecimal())):
        return text
    raise argparse.ArgumentTypeError(f"expected cpu, cuda or cuda:N, found {text!r}")


def _executors(text: str) -> list[str]:
    chosen = text.split(",")
    for name in chosen:
        if name not in (targets.SEQUENTIAL, targets.JOBLIB):
            raise argparse.ArgumentTypeError(
                f"expected sequential, joblib or both separated by a comma, found {text!r}"
            )
    return chosen


if __name__ == "__main__":
    sys.exit(main())
