"""``gpupept track``: from a scanner file to trajectories."""

from __future__ import annotations

import sys
import time
import warnings
from argparse import Namespace
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gpupept.base import LineData
from gpupept.cli.reading import existing_source, make_reader, records_skipped
from gpupept.cli.running import (
    Writer,
    check_outputs,
    page_writer,
    run_options,
    say,
    trajectory_writer,
    write_outputs,
    written_text,
)

if TYPE_CHECKING:
    from gpupept.report import Facts
    from gpupept.tracking.recipes import TrackingRun

_RECIPE = (
    "max_tracers",
    "max_distance",
    "true_fraction",
    "second_true_fraction",
    "second_sample_size",
    "second_overlap",
    "segregate_window",
    "cut_distance",
    "min_trajectory_size",
)


def track(options: Namespace) -> None:
    """Track the tracers of a file and write the results.

    Parameters
    ----------
    options : argparse.Namespace
        As `gpupept.cli.arguments.make_parser` parses them.

    Raises
    ------
    ValueError, OSError, BackendError
        If the input, the options or the device cannot be used, before anything is written.
    """
    from gpupept.report import facts_text, run_facts
    from gpupept.tracking.recipes import peptml_pipeline, run_pipeline

    running, samples = run_options(options), _samples(options)
    recipe = {name: getattr(options, name) for name in _RECIPE if hasattr(options, name)}
    pipeline = peptml_pipeline(**recipe)
    read, source = make_reader(options), existing_source(options.file, options.scanner)
    check_outputs(_outputs(options), [Path(options.file)])

    measured = _measure(read, source, samples, options.quiet)
    run = run_pipeline(pipeline, measured.lines, **running)
    if not any(label >= 0 for label in run.trajectory_sizes()):
        warnings.warn("no trajectory was found", stacklevel=2)
    _warn_of_more_tracers(run, options.max_tracers)
    facts = run_facts(run, measured.skipped, measured.seconds)
    writers = _writers(options, measured, run, facts)
    write_outputs(writers)
    sys.stdout.write(facts_text(facts) + written_text(writers))


def _warn_of_more_tracers(run: TrackingRun, max_tracers: int) -> None:
    """Say so when samples hold more tracers than the recipe was made for."""
    per_sample = run.stages[0].rows / max(run.samples, 1)
    if per_sample > max_tracers + 0.5:
        warnings.warn(
            f"about {per_sample:.1f} positions were found per sample, more than --max-tracers "
            f"{max_tracers}: trajectories may be broken; try --max-tracers {round(per_sample)}",
            stacklevel=2,
        )


@dataclass(frozen=True)
class _Measured:
    """What was read, the records left out, and the time it took in s."""

    lines: LineData
    skipped: int
    seconds: float


def _outputs(options: Namespace) -> list[Path]:
    return [getattr(options, name) for name in ("out", "csv", "html") if hasattr(options, name)]


def _samples(options: Namespace) -> dict[str, int]:
    from gpupept.tracking.recipes import peptml_samples

    size, overlap = peptml_samples(options.max_tracers)
    size = getattr(options, "sample_size", size)
    overlap = getattr(options, "overlap", min(overlap, size * 3 // 4))
    if overlap >= size:
        raise ValueError(f"--overlap must be less than --sample-size ({size}), found {overlap}")
    return {"sample_size": size, "overlap": overlap}


def _measure(read: Any, source: str, samples: dict[str, int], quiet: bool) -> _Measured:
    say(f"reading {source}", quiet)
    started = time.perf_counter()
    lines = read(source, **samples)
    seconds = time.perf_counter() - started
    if not len(lines.data):
        raise ValueError(f"{source}: there is no line of response")
    if not len(lines):
        raise ValueError(
            f"{source}: the {len(lines.data)} LoRs are fewer than the {samples['sample_size']} of "
            "one sample; pass a smaller --sample-size"
        )
    return _Measured(lines, records_skipped(lines), seconds)


def _writers(
    options: Namespace, measured: _Measured, run: TrackingRun, facts: Facts
) -> dict[Path, Writer]:
    """Files to write, and how."""
    points = run.trajectories
    writers = {options.out: trajectory_writer(points, options.out.suffix)}
    if hasattr(options, "csv"):
        writers[options.csv] = points.to_csv
    if hasattr(options, "html"):
        writers[options.html] = page_writer(lambda: _page(options, measured, run, facts))
    return writers


def _page(options: Namespace, measured: _Measured, run: TrackingRun, facts: Facts) -> str:
    from gpupept.report import report_page, trajectory_illustrations

    subtitle = (
        f"{options.scanner}, PEPT-ML for up to {options.max_tracers} tracer(s), samples of "
        f"{measured.lines.sample_size} LoRs overlapping by {measured.lines.overlap}"
    )
    pictures = trajectory_illustrations(run.trajectories, measured.lines)
    return report_page(Path(options.file).name, subtitle, facts, pictures)
