"""The two-pass PEPT-ML recipe, stage by stage, for any library with pept's names.

This module runs in the peer's Python too, so it imports nothing but the standard library.
"""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

READ = "read file"
CUTPOINTS = "cutpoints"
FIRST_PASS = "HDBSCAN first pass"
SPLIT = "split + centroids"
SECOND_PASS = "second pass"
SEGREGATE = "segregate"
WHOLE_WITHOUT_READING = "whole recipe without reading"
WHOLE = "whole recipe"

# What is run, in order; the last one gives the times of both kinds of whole recipe.
RUNS = (READ, CUTPOINTS, FIRST_PASS, SPLIT, SECOND_PASS, SEGREGATE, WHOLE)
STAGES = (*RUNS[:-1], WHOLE_WITHOUT_READING, WHOLE)


@dataclass(frozen=True)
class Settings:
    """Parameters of the recipe and of reading the file; lengths in mm."""

    separation: float = 712.0
    sample_size: int = 400
    overlap: int = 300
    skiprows: int = 16
    rows: int | None = None
    max_tracers: int = 2
    max_distance: float = 0.5
    first_fraction: float = 0.15
    second_size: int = 60
    second_overlap: int = 59
    second_fraction: float = 0.6
    window: int = 40
    cut_distance: float = 10.0


@dataclass(frozen=True)
class Outcome:
    """Seconds of each stage that was run, and what came out of it."""

    seconds: dict[str, float]
    counts: dict[str, int]


@dataclass(frozen=True)
class Target:
    """Where and how a recipe runs: arguments of `fit`, bringing the lines there, and how to time it.

    ``place`` takes the lines that were read; ``wait`` returns when all work is done. Each time is the
    median of `calls` calls in a row.
    """

    executor: str = "sequential"
    workers: int = 2
    place: Callable[[Any], Any] = lambda lines: lines
    wait: Callable[[], object] = lambda: None
    calls: int = 1


def timed(target: Target, call: Callable[[], Any]) -> tuple[float, Any]:
    """Call something as often as the target says: the median of the seconds, and the last result."""
    times = []
    for _ in range(target.calls):
        result = None  # frees the result of the call before
        gc.collect()
        target.wait()
        start = time.perf_counter()
        result = call()
        target.wait()
        times.append(time.perf_counter() - start)
    return statistics.median(times), result


class Recipe:
    """The stages of the recipe by one library; each takes what the stage before it left.

    Parameters
    ----------
    library : module
        `gpupept` or `pept`.
    path : str
        File of LoRs between parallel screens.
    settings : Settings
        Parameters.
    target : Target
        Where and how it runs.
    """

    def __init__(self, library: Any, path: str, settings: Settings, target: Target) -> None:
        self.package = library
        self.path = path
        self.settings = settings
        self.target = target
        self._left: dict[str, Any] = {}

    def run(self, stage: str) -> Outcome:
        """Run one of `RUNS`, after those before it (but for the whole recipe, which needs none).

        Raises
        ------
        ValueError
            If there is no such stage, or the stage before it was not run.
        """
        if stage == WHOLE:
            return self._run_whole()
        if stage not in RUNS:
            raise ValueError(f"stage must be one of {', '.join(RUNS)}, found {stage!r}")
        if stage == READ:
            seconds, result = timed(self.target, self._read)
        else:
            before = RUNS[RUNS.index(stage) - 1]
            if before not in self._left:
                raise ValueError(f"stage {stage!r} needs the result of {before!r}")
            given, step = self._left[before], self._step(stage)
            seconds, result = timed(self.target, lambda: self._fit(step, given))
        self._left[stage] = result
        return Outcome({stage: seconds}, count(stage, result))

    def _run_whole(self) -> Outcome:
        self._left.clear()
        reading, lines = timed(self.target, self._read)
        steps = [self._step(stage) for stage in RUNS[1:-1]]
        working, result = timed(self.target, lambda: self._fit(self._chain(steps), lines))
        seconds = {WHOLE: reading + working, WHOLE_WITHOUT_READING: working}
        return Outcome(seconds, count(SEGREGATE, result))

    def _fit(self, step: Any, samples: Any) -> Any:
        target = self.target
        return step.fit(
            samples, executor=target.executor, max_workers=target.workers, verbose=False
        )

    def _read(self) -> Any:
        s = self.settings
        options = {} if s.rows is None else {"nrows": s.rows}
        lines = self.package.scanners.parallel_screens(
            self.path,
            s.separation,
            sample_size=s.sample_size,
            overlap=s.overlap,
            verbose=False,
            skiprows=s.skiprows,
            **options,
        )
        return self.target.place(lines)

    def _step(self, stage: str) -> Any:
        s, tracking = self.settings, self.package.tracking
        if stage == CUTPOINTS:
            return tracking.Cutpoints(s.max_distance)
        if stage == FIRST_PASS:
            return tracking.HDBSCAN(s.first_fraction, s.max_tracers)
        if stage == SPLIT:
            return self._chain([tracking.SplitLabels(), tracking.Centroids()])
        if stage == SECOND_PASS:
            return self._chain(
                [
                    tracking.Stack(sample_size=s.second_size, overlap=s.second_overlap),
                    tracking.HDBSCAN(s.second_fraction, s.max_tracers),
                    tracking.SplitLabels(),
                    tracking.Centroids(),
                ]
            )
        return self._chain(
            [tracking.Stack(), tracking.Segregate(window=s.window, cut_distance=s.cut_distance)]
        )

    def _chain(self, steps: list[Any]) -> Any:
        return self.package.Pipeline(steps)


def count(stage: str, result: Any) -> dict[str, int]:
    """Tell what a stage made, to see that two libraries did the same work.

    Parameters
    ----------
    stage : str
        One of `RUNS`.
    result : container or list of containers
        What it returned.

    Returns
    -------
    dict
        Names and numbers; empty for stages that make nothing countable.
    """
    if stage == READ:
        return {"LoRs": len(result.lines), "samples": len(result)}
    if stage == SEGREGATE:
        labels = {float(label) for label in result["label"].tolist()}
        return {"trajectories": len(labels - {-1.0}), "points of trajectories": len(result.points)}
    names = {
        CUTPOINTS: "cutpoints",
        SPLIT: "first-pass positions",
        SECOND_PASS: "second-pass positions",
    }
    return {names[stage]: rows_of(result)} if stage in names else {}


def rows_of(result: Any) -> int:
    """Count the points of a container, or of a list of them."""
    if hasattr(result, "points"):
        return len(result.points)
    return sum(len(sample.points) for sample in result)
