"""Lines of response from tracers on known paths."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from gpupept.backend import memory_budget
from gpupept.base import LineData
from gpupept.simulation.paths import CircularPath, FloatArray, Path, as_path, positions
from gpupept.simulation.screens import ParallelScreens

BYTES_PER_LOR = 200  # at the most while they are simulated
FWHM_PER_SIGMA = float(2 * np.sqrt(2 * np.log(2)))

_EMISSIONS_AT_ONCE = 1 << 16
_MOST_FRUITLESS = 100


@dataclass(frozen=True)
class SimulatedLines:
    """Simulated lines of response, and the truth about them.

    Attributes
    ----------
    lines : LineData
        LoRs ``t, x1, y1, z1, x2, y2, z2`` in ms and mm, in order of time.
    sources : (N,) int64 array
        The tracer that each LoR comes from; -1 for LoRs that tell nothing of it, because a photon
        was scattered or they are random coincidences.
    paths : tuple of callable
        Position of each tracer (mm) as a function of time (ms).
    screens : ParallelScreens
        The detector.
    """

    lines: LineData
    sources: np.ndarray
    paths: tuple[Path, ...]
    screens: ParallelScreens

    def positions(self, times: ArrayLike) -> FloatArray:
        """Find where the tracers really were.

        Parameters
        ----------
        times : (N,) array_like
            In ms.

        Returns
        -------
        (T, N, 3) float64 array
            Of the T tracers, in mm.
        """
        return positions(self.paths, times)


def simulate_lines(
    paths: Sequence[Any],
    lors: int | None = None,
    seconds: float | None = None,
    *,
    screens: ParallelScreens | None = None,
    activity: float = 250_000.0,
    fwhm: float = 10.0,
    scattered_fraction: float = 0.3,
    random_fraction: float = 0.1,
    seed: int = 0,
    sample_size: Any = None,
    overlap: Any = None,
) -> SimulatedLines:
    """Simulate the LoRs that two parallel screens measure of some tracers.

    Each tracer emits photon pairs at random moments (a Poisson process), back to back, in all
    directions alike. The screens measure the pairs that hit both, with a Gaussian error. Of the
    LoRs measured a fraction is scattered, one end being anywhere on its screen, and another fraction
    is random coincidences, both ends being anywhere. With the defaults a sample of two tracers has
    about as many cutpoints as one measured with an ADAC Forte camera.

    Parameters
    ----------
    paths : sequence
        Position of each tracer (mm) as a function of time (ms), such as `CircularPath`, or as a
        table of rows ``t, x, y, z``. Times begin at 0.
    lors : int, optional
        Number of LoRs to simulate.
    seconds : float, optional
        Time to simulate, instead of a number of LoRs.
    screens : ParallelScreens, optional
        The detector.
    activity : float, default 250 000
        Photon pairs that each tracer emits per second; between the default screens about one in ten
        is measured.
    fwhm : float, default 10
        Full width at half maximum of the errors of the screens along x and y, in mm; the default
        stands for the resolution, the depth of interaction and small-angle scattering together.
    scattered_fraction, random_fraction : float, default 0.3 and 0.1
        Fractions of the LoRs that are scattered and random coincidences.
    seed : int, default 0
        Seed of all random numbers. A longer simulation begins with the LoRs of a shorter one.
    sample_size, overlap
        Samples of the result, see `gpupept.LineData`.

    Returns
    -------
    SimulatedLines
        The LoRs and the truth about them.

    Raises
    ------
    ValueError
        If not exactly one of `lors` and `seconds` is given, a number is out of range, or no photon
        pair reaches both screens.

    Examples
    --------
    >>> import numpy as np
    >>> from gpupept.simulation import simulate_lines
    >>> at_rest = [[0, 190, 255, 356]]  # t, x, y, z
    >>> run = simulate_lines([at_rest], lors=1_000, scattered_fraction=0, random_fraction=0)
    >>> run.lines.lines.shape
    (1000, 7)
    >>> middles = (run.lines.lines[:, 1:3] + run.lines.lines[:, 4:6]) / 2
    >>> bool((abs(middles.mean(axis=0) - [190, 255]) < 1).all())
    True
    """
    _check_length(lors, seconds)
    _check_numbers(activity, fwhm, scattered_fraction, random_fraction)
    _check_memory(activity, lors, seconds)
    screens = ParallelScreens() if screens is None else screens
    known = tuple(as_path(path) for path in paths)
    rng = np.random.default_rng(seed)
    blur = fwhm / FWHM_PER_SIGMA
    detected = _detected(known, screens, activity / 1000.0, blur, rng)
    rows, sources = _collect(detected, lors, seconds)
    corrupting = np.random.default_rng([seed, 1])
    _corrupt(rows, sources, screens, scattered_fraction, random_fraction, corrupting)
    table = np.zeros((len(rows), 7))
    table[:, :3], table[:, 4:6], table[:, 6] = rows[:, :3], rows[:, 3:], screens.separation
    return SimulatedLines(LineData(table, sample_size, overlap), sources, known, screens)


def rotating_tracers(
    lors: int | None = None,
    seconds: float | None = None,
    *,
    radii: Sequence[float] = (85.0, 86.0),
    rpm: float = 42.0,
    screens: ParallelScreens | None = None,
    **options: Any,
) -> SimulatedLines:
    """Simulate tracers that rotate together, evenly spread over circles between two screens.

    Parameters
    ----------
    lors, seconds
        Number of LoRs or time to simulate; 80 000 LoRs if neither is given.
    radii : sequence of float, default (85, 86)
        Radius of the circle of each tracer, in mm. The circles are half-way between the screens and
        parallel to them.
    rpm : float, default 42
        Turns per minute.
    screens : ParallelScreens, optional
        The detector.
    **options
        Further arguments of `simulate_lines`.

    Returns
    -------
    SimulatedLines
        The LoRs and the truth about them.

    Raises
    ------
    ValueError
        See `simulate_lines`.

    Examples
    --------
    >>> import gpupept
    >>> run = gpupept.simulation.rotating_tracers(lors=5_000, sample_size=400, overlap=300)
    >>> len(run.lines), [path.radius for path in run.paths]
    (47, [85.0, 86.0])
    """
    screens = ParallelScreens() if screens is None else screens
    steps = 2 * np.pi / max(len(radii), 1)
    paths = [
        CircularPath(radius, rpm, screens.centre, phase=number * steps)
        for number, radius in enumerate(radii)
    ]
    if lors is None and seconds is None:
        lors = 80_000
    return simulate_lines(paths, lors, seconds, screens=screens, **options)


def _check_length(lors: int | None, seconds: float | None) -> None:
    if (lors is None) == (seconds is None):
        raise ValueError(f"give one of lors and seconds, found {lors!r} and {seconds!r}")
    if lors is not None and lors < 0:
        raise ValueError(f"lors must be zero or more, found {lors!r}")
    if seconds is not None and not 0 <= seconds < np.inf:
        raise ValueError(f"seconds must be zero or more, found {seconds!r}")


def _check_memory(activity: float, lors: int | None, seconds: float | None) -> None:
    pairs = float(lors) if lors is not None else activity * (seconds or 0.0)
    available = 4 * memory_budget("cpu", None)  # by default the budget is a quarter of what is free
    if pairs * BYTES_PER_LOR > available:
        raise ValueError(
            f"lors or seconds are too many: about {pairs:.3g} pairs need "
            f"{pairs * BYTES_PER_LOR / 1e9:.3g} GB of memory, and {available / 1e9:.3g} GB are there"
        )


def _check_numbers(activity: float, fwhm: float, scattered: float, random: float) -> None:
    if not 0 < activity < np.inf:
        raise ValueError(f"activity must be positive (pairs per second), found {activity!r}")
    if not 0 <= fwhm < np.inf:
        raise ValueError(f"fwhm must be zero or more (mm), found {fwhm!r}")
    if not (scattered >= 0 and random >= 0 and scattered + random <= 1):
        raise ValueError(
            "scattered_fraction and random_fraction must be zero or more and at most 1 together, "
            f"found {scattered!r} and {random!r}"
        )


@dataclass(frozen=True)
class _Batch:
    """Measured pairs of some consecutive emissions, and the time of the last emission."""

    rows: FloatArray  # t, x1, y1, x2, y2
    tracers: np.ndarray
    end: float


def _detected(
    paths: tuple[Path, ...],
    screens: ParallelScreens,
    rate: float,
    blur: float,
    rng: np.random.Generator,
) -> Iterator[_Batch]:
    """Endless batches; `rate` is the emissions of each tracer per ms."""
    end, count = 0.0, _EMISSIONS_AT_ONCE
    while True:
        times = end + np.cumsum(rng.exponential(1.0 / (rate * max(len(paths), 1)), count))
        end = float(times[-1])
        tracers = rng.integers(0, max(len(paths), 1), count)
        points = positions(paths, times)[tracers, np.arange(count)]
        hits = screens.crossings(points, rng.standard_normal((count, 3)))
        hits += blur * rng.standard_normal((count, 4))
        seen = screens.detect(hits)
        yield _Batch(np.column_stack([times[seen], hits[seen]]), tracers[seen], end)


def _collect(
    batches: Iterator[_Batch], lors: int | None, seconds: float | None
) -> tuple[FloatArray, np.ndarray]:
    """So many LoRs, or those up to a time."""
    if seconds is None:
        parts = list(_until_count(batches, lors or 0))
    else:
        parts = list(_until_time(batches, 1000.0 * seconds))
    rows = np.concatenate([np.empty((0, 5)), *(part.rows for part in parts)])
    sources = np.concatenate([np.empty(0, np.int64), *(part.tracers for part in parts)])
    kept = lors if seconds is None else int(np.searchsorted(rows[:, 0], 1000.0 * seconds))
    return rows[:kept], sources[:kept]


def _until_count(batches: Iterator[_Batch], lors: int) -> Iterator[_Batch]:
    found = fruitless = 0
    while found < lors:
        batch = next(batches)
        found += len(batch.rows)
        fruitless = 0 if len(batch.rows) else fruitless + 1
        if fruitless == _MOST_FRUITLESS:
            raise ValueError(
                f"found only {found} of {lors} LoRs: after {batch.end / 1000:.3g} s no photon pair "
                "reaches both screens, are the paths between them?"
            )
        yield batch


def _until_time(batches: Iterator[_Batch], end: float) -> Iterator[_Batch]:
    for batch in batches:
        yield batch
        if batch.end >= end:
            return


def _corrupt(
    rows: FloatArray,
    sources: np.ndarray,
    screens: ParallelScreens,
    scattered: float,
    random: float,
    rng: np.random.Generator,
) -> None:
    """Scatter one end of some LoRs and both ends of others, in place."""
    # One row of draws per LoR, so that a longer simulation begins with the LoRs of a shorter one.
    draws = rng.uniform(size=(len(rows), 6))
    size = np.array([screens.width, screens.height])
    both = draws[:, 0] < random
    one = ~both & (draws[:, 0] < random + scattered)
    first = both | (one & (draws[:, 1] < 0.5))
    second = both | (one & (draws[:, 1] >= 0.5))
    rows[first, 1:3] = draws[first, 2:4] * size
    rows[second, 3:5] = draws[second, 4:6] * size
    sources[both | one] = -1
