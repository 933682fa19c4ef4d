"""Algorithms that locate tracers, apart from the recipe, for any library with pept's names.

This module runs in the peer's Python too; it imports NumPy, which pept needs, when it is used.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from benchmarks.stages import Outcome, Target, rows_of, timed

BIRMINGHAM = "Birmingham method"


@dataclass(frozen=True)
class Case:
    """One algorithm: what is run, with which samples, and what it is given.

    Both functions are called with the library. ``steps`` gives the filters that are timed, as one
    pipeline if there are several; ``prepare`` makes of the samples of LoRs what they take, untimed.
    Of the LoRs `rows` are used, or all.
    """

    steps: Callable[[Any], list[Any]]
    sample_size: int
    overlap: int = 0
    rows: int | None = None
    prepare: Callable[[Any, Any], Any] = lambda library, lines: lines


CASES = {
    BIRMINGHAM: Case(lambda library: [library.tracking.BirminghamMethod(0.5)], sample_size=200),
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
        steps = CASES[name].steps(self.package)
        step = steps[0] if len(steps) == 1 else self.package.Pipeline(steps)
        given = self._given(name)
        options = {"executor": self.target.executor, "max_workers": self.target.workers}
        seconds, result = timed(self.target, lambda: step.fit(given, verbose=False, **options))
        return Outcome({name: seconds}, {name: rows_of(result)})

    def _given(self, name: str) -> Any:
        if name not in self._prepared:
            import numpy as np

            case = CASES[name]
            rows = np.ascontiguousarray(np.load(self.path)[: case.rows])
            lines = self.package.LineData(rows, sample_size=case.sample_size, overlap=case.overlap)
            self._prepared[name] = case.prepare(self.package, self.target.place(lines))
        return self._prepared[name]
