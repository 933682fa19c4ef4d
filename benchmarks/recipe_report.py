"""What `benchmarks.recipe` writes: the table of the stages, and the record of the run."""

from __future__ import annotations

from collections.abc import Mapping

from benchmarks import harness, stages, targets
from benchmarks.harness import Measured, Missing, Sample

OWN = "gpupept"
Measurements = Mapping[str, Mapping[str, Measured]]


def peer_name(executor: str) -> str:
    """Name of pept's side with an executor."""
    return f"pept {executor}"


def found(measurements: Measurements, side: str, stage: str) -> Measured | None:
    """Measurement of a stage; both kinds of whole recipe are one piece of work, and fail together."""
    measured = measurements.get(side, {})
    if stage == stages.WHOLE_WITHOUT_READING and isinstance(measured.get(stages.WHOLE), Missing):
        return measured[stages.WHOLE]
    return measured.get(stage)


def ratio_table(measurements: Measurements, lors: int, on_gpu: bool = False) -> str:
    """Tabulate the times of all stages, ratios to pept beside what they must be, and LoRs/s.

    What the ratios must be is for a CPU alone; on a GPU there is a goal for LoRs/s only.
    """
    header = [
        "stage",
        "gpupept",
        "pept sequential",
        "pept joblib",
        "ratio to sequential",
        "ratio to joblib",
        "must / goal",
        "result",
    ]
    rows = [_ratio_row(measurements, stage, on_gpu) for stage in stages.STAGES]
    return harness.markdown_table(header, [*rows, _real_time_row(measurements, lors, on_gpu)])


def _ratio_row(measurements: Measurements, stage: str, on_gpu: bool) -> list[str]:
    own, *others = (
        found(measurements, side, stage)
        for side in (OWN, peer_name(targets.SEQUENTIAL), peer_name(targets.JOBLIB))
    )
    times = [harness.time_cell(measured) for measured in (own, *others)]
    ratios = [harness.ratio_cell(own, other) for other in others]
    target_cells = ["-", "-"] if on_gpu else _target_cells(measurements, stage)
    return [stage, *times, *ratios, *target_cells]


def _target_cells(measurements: Measurements, stage: str) -> list[str]:
    target = targets.RATIOS.get(stage)
    if target is None:
        return ["-", "-"]
    own = found(measurements, OWN, stage)
    other = found(measurements, peer_name(target.executor), stage)
    value = None
    if isinstance(own, Sample) and isinstance(other, Sample):
        value = other.median / own.median
    bars = f"{target.must:g}x / {target.goal:g}x ({target.executor})"
    return [bars, harness.verdict(value, target.must, target.goal)]


def _real_time_row(measurements: Measurements, lors: int, on_gpu: bool) -> list[str]:
    must, goal = (0, targets.REAL_TIME_H200) if on_gpu else targets.REAL_TIME
    sides = [OWN, peer_name(targets.SEQUENTIAL), peer_name(targets.JOBLIB)]
    whole = [found(measurements, side, stages.WHOLE_WITHOUT_READING) for side in sides]
    rates = [rate_cell(lors, measured) for measured in whole]
    own = lors / whole[0].median if isinstance(whole[0], Sample) else None
    bars = f"{_grouped(must) if must else '-'} / {_grouped(goal)} LoR/s"
    result = harness.verdict(own, must, goal)
    if on_gpu and result == "must met":
        result = "goal missed"
    return ["real time", *rates, "-", "-", bars, result]


def _grouped(number: float) -> str:
    """Whole number with its thousands set apart."""
    return f"{number:,.0f}".replace(",", " ")


def rate_cell(lors: int, measured: Measured | None) -> str:
    """LoRs per second at the median, slowest and fastest time."""
    if not isinstance(measured, Sample):
        return harness.time_cell(measured)
    rates = [lors / seconds for seconds in (*measured.values, measured.median)]
    middle, low, high = (
        _grouped(float(f"{rate:.3g}")) for rate in (rates[-1], min(rates), max(rates))
    )
    return f"{middle} LoR/s ({low} - {high})"


def bound_table(measurements: Measurements, counted_for_this: bool) -> str:
    """Tabulate times on a GPU beside the bounds counted for one H200."""
    header = ["stage", "gpupept", "counted bound", "goal", "times the bound", "result"]
    rows = []
    for stage in stages.STAGES:
        own, bound = found(measurements, OWN, stage), targets.H200.get(stage)
        if bound is None or not counted_for_this:
            rows.append([stage, harness.time_cell(own), "-", "-", "-", "-"])
            continue
        cells = [harness.duration(bound.least), harness.duration(bound.goal), "-", "not run"]
        if isinstance(own, Sample):
            cells[2] = f"{harness.digits(own.median / bound.least)}x"
            cells[3] = "goal met" if own.median <= bound.goal else "goal missed"
        rows.append([stage, harness.time_cell(own), *cells])
    return harness.markdown_table(header, rows)
