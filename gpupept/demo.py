"""The demonstration: simulate rotating tracers, track them, and compare with the truth."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from gpupept.base import PointData
from gpupept.plots import histogram
from gpupept.report import (
    Facts,
    Illustration,
    report_page,
    run_facts,
    trajectory_illustrations,
)
from gpupept.simulation import (
    LocationErrors,
    Rotation,
    SimulatedLines,
    fit_rotation,
    location_errors,
    rotating_tracers,
)
from gpupept.tracking.recipes import (
    TrackingRun,
    peptml_pipeline,
    peptml_samples,
    run_pipeline,
)

RADII = (85.0, 86.0)  # mm
RPM = 42.0
_DRAWN_PATH_STEPS = 400
_LEAST_ARC = 0.25  # turns; a circle fitted to less of it is mostly noise


@dataclass(frozen=True)
class Demonstration:
    """What was simulated, what was found, and how far apart they are.

    Attributes
    ----------
    simulated : SimulatedLines
        LoRs and truth.
    run : TrackingRun
        Trajectories found and figures of the run.
    errors : LocationErrors
        Of all positions that belong to a trajectory.
    rotations : dict of int to Rotation
        Circle through the positions assigned to each tracer that was found.
    """

    simulated: SimulatedLines
    run: TrackingRun
    errors: LocationErrors
    rotations: dict[int, Rotation]

    def facts(self) -> Facts:
        """Tabulate the figures, as `gpupept.report.run_facts` does."""
        return [*run_facts(self.run), ("Against the truth", self._accuracy_rows())]

    def _accuracy_rows(self) -> list[tuple[str, str]]:
        errors = self.errors
        rows = [
            ("tracers found", f"{errors.found} of {errors.tracer_count}"),
            ("positions compared", f"{len(errors.differences):,}"),
            ("mean 3D error", f"{errors.mean:.2f} mm"),
            ("median 3D error", f"{errors.percentile(50):.2f} mm"),
            ("95 % of errors below", f"{errors.percentile(95):.2f} mm"),
        ]
        for tracer, found in sorted(self.rotations.items()):
            true = RADII[tracer]
            rows.append((f"tracer {tracer} at {true:g} mm", f"{found.radius:.2f} mm"))
            rows.append((f"tracer {tracer} at {RPM:g} rpm", f"{found.rpm:.2f} rpm"))
        return rows

    def page(self) -> str:
        """Write the report as a web page.

        Returns
        -------
        str
            HTML that needs no other file.
        """
        times = np.linspace(0.0, self.simulated.lines["t"].max(initial=0.0), _DRAWN_PATH_STEPS)
        truth = [np.column_stack([times, path]) for path in self.simulated.positions(times)]
        pictures = trajectory_illustrations(self.run.trajectories, self.simulated.lines, truth)
        if len(self.errors.differences):
            pictures.append(_error_histogram(self.errors))
        return report_page(
            "Two rotating tracers",
            "Simulated between two parallel screens 712 mm apart, tracked with PEPT-ML, compared "
            "with the truth",
            self.facts(),
            pictures,
        )


def _error_histogram(errors: LocationErrors) -> Illustration:
    figure = histogram(
        errors.distances,
        nbins=80,
        xaxis_title="distance from the true position (mm)",
        yaxis_title="positions (%)",
    )
    caption = (
        "Distance of each position from where its tracer was at that time. The second pass averages "
        "over an arc of the circle, which draws positions inwards."
    )
    return Illustration(figure, "Errors", caption, 420)


def run_demo(
    lors: int | None = None,
    seconds: float | None = None,
    *,
    seed: int = 0,
    max_workers: int | None = None,
    device: str | None = None,
    memory: int | str | None = None,
    verbose: bool = False,
) -> Demonstration:
    """Simulate two rotating tracers, track them, and compare with the truth.

    The tracers turn at 42 rpm on circles of 85 and 86 mm radius between two screens 712 mm apart;
    see `gpupept.simulation.simulate_lines` for the detector and the noise.

    Parameters
    ----------
    lors, seconds
        Number of LoRs, or time, to simulate; 80 000 LoRs (about 1.5 s) if neither is given.
    seed : int, default 0
        Seed of the simulation; equal seeds give equal results.
    max_workers, device, memory, verbose
        See `gpupept.Pipeline.fit`.

    Returns
    -------
    Demonstration
        Simulation, result and comparison.

    Raises
    ------
    ValueError
        If a number is out of range, or there are fewer LoRs than one sample needs.
    GPUUnavailableError
        If a GPU is asked for and there is none.

    Examples
    --------
    >>> from gpupept.demo import run_demo
    >>> demonstration = run_demo(lors=10_000)
    >>> demonstration.errors.found, demonstration.errors.mean < 1.5
    (2, True)
    """
    sample_size, overlap = peptml_samples(len(RADII))
    simulated = rotating_tracers(
        lors, seconds, radii=RADII, rpm=RPM, seed=seed, sample_size=sample_size, overlap=overlap
    )
    if not len(simulated.lines):
        raise ValueError(
            f"{len(simulated.lines.lines)} LoRs are fewer than the {sample_size} of one sample"
        )
    pipeline = peptml_pipeline(len(RADII))
    options: dict[str, Any] = {"max_workers": max_workers, "device": device, "memory": memory}
    # Compiles the kernels if they are not yet, so that times are those of tracking.
    run_pipeline(pipeline, simulated.lines[:2], verbose=False, **options)
    run = run_pipeline(pipeline, simulated.lines, verbose=verbose, **options)
    points = run.trajectories
    tracked = PointData(points.points[points["label"] >= 0], columns=list(points.columns))
    errors = location_errors(tracked, simulated.paths)
    return Demonstration(simulated, run, errors, _rotations(tracked.points, errors))


def _rotations(rows: np.ndarray, errors: LocationErrors) -> dict[int, Rotation]:
    """Circle through the positions of each tracer that was followed far enough."""
    found = {tracer: rows[errors.tracers == tracer] for tracer in range(errors.tracer_count)}
    return {tracer: fit_rotation(own) for tracer, own in found.items() if _turns(own) > _LEAST_ARC}


def _turns(rows: np.ndarray) -> float:
    return float(np.ptp(rows[:, 0])) * RPM / 60_000.0 if len(rows) else 0.0
