"""What gpupept has to reach: times that pept takes, and bounds counted for one NVIDIA H200."""

from __future__ import annotations

from dataclasses import dataclass

from benchmarks import locators, stages

SEQUENTIAL, JOBLIB = "sequential", "joblib"


@dataclass(frozen=True)
class RatioTarget:
    """Times faster than pept with that executor, on two cores of a CPU."""

    executor: str
    must: float
    goal: float


@dataclass(frozen=True)
class Bound:
    """Least seconds by counted operations, and the goal, for `FILE` on one H200 in float64."""

    least: float
    goal: float


# The file that the bounds were counted for.
FILE = "sample_2p_42rpm.csv"

RATIOS = {
    stages.CUTPOINTS: RatioTarget(SEQUENTIAL, 5, 15),
    stages.FIRST_PASS: RatioTarget(JOBLIB, 8, 25),
    stages.SECOND_PASS: RatioTarget(JOBLIB, 30, 100),
    stages.WHOLE_WITHOUT_READING: RatioTarget(JOBLIB, 7, 20),
    stages.WHOLE: RatioTarget(JOBLIB, 7, 20),
}
# LoRs per second; the detector delivers 48 000.
REAL_TIME = (50_000, 150_000)
REAL_TIME_H200 = 10_000_000  # goal

H200 = {
    stages.CUTPOINTS: Bound(76e-6, 0.2e-3),
    stages.FIRST_PASS: Bound(0.8e-3, 3e-3),
    stages.WHOLE_WITHOUT_READING: Bound(1.3e-3, 8e-3),
}
# Lines through so many voxels along each axis, 80 000 lines of `FILE`.
TRAVERSAL = {number: RatioTarget(SEQUENTIAL, 2, 4) for number in (100, 300)}
TRAVERSAL_H200 = {100: Bound(0.09e-3, 0.3e-3), 300: Bound(0.6e-3, 1.5e-3)}
# Other algorithms that locate tracers, by the names of `locators.CASES`.
LOCATING = {
    locators.BIRMINGHAM: RatioTarget(SEQUENTIAL, 4, 10),
    locators.FPI: RatioTarget(SEQUENTIAL, 3, 8),
    locators.MINPOINTS: RatioTarget(SEQUENTIAL, 5, 10),
}
LOCATING_H200 = {locators.BIRMINGHAM: Bound(0.1e-3, 0.2e-3)}
# ADAC Forte list mode, MB/s.
ADAC_RATE = 100
