"""Algorithms on lines and positions, apart from the recipe, for any library with pept's names.

This module runs in the peer's Python too; it imports NumPy, which pept needs, when it is used.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from benchmarks.stages import Outcome, Target, rows_of, timed

BIRMINGHAM = "Birmingham method"
MINPOINTS = "Minpoints"
FPI = "Voxelize 50^3 + FPI"
SEGREGATE = "Segregate, 1e6 positions"
VELOCITY = "Velocity, 1e5 positions"
RECONNECT = "Reconnect, 1e6 positions in 1000 pieces"
PEPT_EM = "PEPT-EM"
PEPT_EM_TRACKING = "PEPT-EM, tracking"


@dataclass(frozen=True)
class Case:
    """One algorithm: what is run, with which samples, and what it is given.

    Both functions are called with the library. ``steps`` gives what is timed, as one pipeline;
    ``prepare`` makes of the samples of LoRs what it takes, untimed. Of the LoRs `rows` are used, or
    all. `in_pept` tells whether pept has the algorithm.
    """

    steps: Callable[[Any], list[Any]]
    sample_size: int
    overlap: int = 0
    rows: int | None = None
    prepare: Callable[[Any, Any], Any] = lambda library, lines: lines
    in_pept: bool = True


def positions(library: Any, rows: int, pieces: int = 1) -> Any:
    """Make two tracers on circles, seen in turn with some error; labelled if in several pieces.

    Between pieces, which take turns of the tracers too, 5 ms are missing.
    """
    import numpy as np

    number = np.arange(rows)
    piece = number * pieces // rows
    t = 0.02 * number + 5.0 * piece
    tracer = piece % 2 if pieces > 1 else number % 2
    angle = 0.0044 * t + np.pi * tracer
    noise = np.random.default_rng(1).normal(scale=0.3, size=(rows, 3))
    path = np.stack([86 * np.cos(angle), 30.0 * tracer, 86 * np.sin(angle)], axis=1)
    columns = [t, *(path + noise).T]
    if pieces == 1:
        return library.PointData(np.stack(columns, axis=1))
    names = ["t", "x", "y", "z", "label"]
    return library.PointData(np.stack([*columns, piece], axis=1), columns=names)


CASES = {
    BIRMINGHAM: Case(lambda library: [library.tracking.BirminghamMethod(0.5)], 400, 300),
    FPI: Case(
        lambda library: [library.tracking.Voxelize((50, 50, 50)), library.tracking.FPI()],
        sample_size=400,
        overlap=300,
        rows=20_300,  # 200 samples
    ),
    MINPOINTS: Case(
        lambda library: [library.tracking.Minpoints(3, 1.0)], sample_size=100, rows=10_000
    ),
    SEGREGATE: Case(
        lambda library: [library.tracking.Segregate(20, 10.0)],
        sample_size=400,
        prepare=lambda library, lines: positions(library, 1_000_000),
    ),
    VELOCITY: Case(
        lambda library: [library.tracking.Velocity(11)],
        sample_size=400,
        prepare=lambda library, lines: positions(library, 100_000),
    ),
    RECONNECT: Case(
        lambda library: [library.tracking.Reconnect(tmax=15.0, dmax=10.0)],
        sample_size=400,
        prepare=lambda library, lines: positions(library, 1_000_000, pieces=1000),
    ),
    PEPT_EM: Case(
        lambda library: [library.tracking.PEPTEM(2)], sample_size=400, overlap=300, in_pept=False
    ),
    PEPT_EM_TRACKING: Case(
        lambda library: [library.tracking.PEPTEM(2, mode="tracking")],
        sample_size=400,
        overlap=300,
        in_pept=False,
    ),
}


class Locator:
    """Runs cases by one library.

    Parameters
    ----------
    library : module
        `gpupept` or `pept`.
    path : str
        NumPy file of LoRs, (N, 7) float64.
    target : Target
        Where and how they run.
    """

    def __init__(self, library: Any, path: str, target: Target) -> None:
        self.package = library
        self.path = path
        self.target = target
        self._prepared: dict[str, Any] = {}

    def run(self, name: str) -> Outcome:
        """Run one of `CASES`; its seconds, and the rows that came out."""
        if name not in CASES:
            raise ValueError(f"case must be one of {', '.join(CASES)}, found {name!r}")
        pipeline = self.package.Pipeline(CASES[name].steps(self.package))
        given = self._given(name)
        options = {"executor": self.target.executor, "max_workers": self.target.workers}
        seconds, result = timed(self.target, lambda: pipeline.fit(given, verbose=False, **options))
        return Outcome({name: seconds}, {name: rows_of(result)})

    def _given(self, name: str) -> Any:
        if name not in self._prepared:
            import numpy as np

            case = CASES[name]
            rows = np.ascontiguousarray(np.load(self.path)[: case.rows])
            lines = self.package.LineData(rows, sample_size=case.sample_size, overlap=case.overlap)
            self._prepared[name] = self.target.place(case.prepare(self.package, lines))
        return self._prepared[name]
