"""The simulation obeys its geometry and its statistics, and its seed."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from gpupept.simulation import (
    CircularPath,
    ParallelScreens,
    SimulatedLines,
    rotating_tracers,
    simulate_lines,
)

CLEAN = {"fwhm": 0.0, "scattered_fraction": 0.0, "random_fraction": 0.0}
AT_REST = [[0.0, 190.0, 255.0, 356.0]]  # t, x, y, z: the centre of the default screens
# Bounds below are five standard deviations; seeds are fixed, so a test passes always or never.
SIGMAS = 5.0


def distances_from_truth(run: SimulatedLines) -> np.ndarray:
    """Distance (mm) of each LoR from where the tracer that it comes from was."""
    rows = run.lines.lines
    truth = run.positions(rows[:, 0])[run.sources, np.arange(len(rows))]
    along = rows[:, 4:7] - rows[:, 1:4]
    offset = np.cross(along, rows[:, 1:4] - truth)
    return np.linalg.norm(offset, axis=1) / np.linalg.norm(along, axis=1)


def test_clean_lines_go_through_their_tracer() -> None:
    run = rotating_tracers(lors=5_000, **CLEAN)
    assert set(run.sources.tolist()) == {0, 1}
    assert distances_from_truth(run).max() < 1e-9


def test_moving_tracer_from_a_table() -> None:
    path = [[0, 100, 200, 300], [50, 150, 250, 400]]
    run = simulate_lines([path], lors=3_000, **CLEAN)
    assert run.lines["t"].max() > 50  # also after the table ends, where it rests
    assert distances_from_truth(run).max() < 1e-9


def test_lines_are_in_order_of_time_and_on_the_screens() -> None:
    screens = ParallelScreens(separation=500, width=300, height=400)
    rows = rotating_tracers(lors=20_000, screens=screens, seed=4).lines.lines
    assert (np.diff(rows[:, 0]) >= 0).all()
    assert set(rows[:, 3]) == {0.0}
    assert set(rows[:, 6]) == {500.0}
    for first in (1, 4):
        assert ((rows[:, first : first + 2] > 0) & (rows[:, first : first + 2] < [300, 400])).all()


@pytest.mark.parametrize("size", [(380.0, 510.0), (100.0, 900.0)])
def test_rate_follows_from_activity_and_solid_angle(size: tuple[float, float]) -> None:
    width, height = size
    screens = ParallelScreens(width=width, height=height)
    a, b, d = width / 2, height / 2, screens.separation / 2
    solid_angle = 4 * np.arctan(a * b / (d * np.sqrt(a * a + b * b + d * d)))
    centre = [[0.0, *screens.centre]]
    run = simulate_lines([centre], seconds=1.0, screens=screens, activity=300_000.0, **CLEAN)
    expected = 300_000.0 * 2 * solid_angle / (4 * np.pi)
    assert abs(len(run.lines.lines) - expected) < SIGMAS * np.sqrt(expected)


def test_times_are_a_poisson_process() -> None:
    times = simulate_lines([AT_REST], lors=40_000).lines["t"]
    gaps = np.diff(times)
    assert gaps.std() == pytest.approx(gaps.mean(), rel=0.05)
    counts = np.histogram(times, bins=400)[0]
    dispersion = counts.var() / counts.mean()
    assert abs(dispersion - 1) < SIGMAS * np.sqrt(2 / 400)


def test_directions_are_isotropic() -> None:
    wide = ParallelScreens(separation=10, width=1e5, height=1e5)
    centre = [[0.0, *wide.centre]]
    rows = simulate_lines([centre], lors=20_000, screens=wide, **CLEAN).lines.lines
    along = rows[:, 4:7] - rows[:, 1:4]
    cosines = along[:, 2] / np.linalg.norm(along, axis=1)
    # The cosine to any axis is uniform from 0 to 1 up to the sign.
    assert abs(cosines.mean() - 0.5) < SIGMAS * np.sqrt(1 / 12 / len(rows))
    assert abs((cosines**2).mean() - 1 / 3) < SIGMAS * np.sqrt(4 / 45 / len(rows))
    azimuths = np.arctan2(along[:, 1], along[:, 0])
    assert abs(np.cos(2 * azimuths).mean()) < SIGMAS * np.sqrt(0.5 / len(rows))


def test_tracers_are_equally_active() -> None:
    sources = rotating_tracers(lors=40_000, radii=(50, 50, 50), **CLEAN).sources
    counts = np.bincount(sources)
    assert len(counts) == 3
    assert np.abs(counts - 40_000 / 3).max() < SIGMAS * np.sqrt(40_000 * 2 / 9)


@pytest.mark.parametrize("fwhm", [2.0, 10.0])
def test_blur_has_the_width_asked_for(fwhm: float) -> None:
    options = {**CLEAN, "fwhm": fwhm}
    rows = simulate_lines([AT_REST], lors=20_000, **options).lines.lines
    # Half-way between the screens both errors average: sigma / sqrt(2). Pairs lost at the edges of
    # the screens hardly matter for the width.
    middles = (rows[:, 1:3] + rows[:, 4:6]) / 2 - [190, 255]
    assert middles.std() == pytest.approx(fwhm / 2.35482 / np.sqrt(2), rel=0.03)


def test_corrupted_lines_are_as_many_as_asked_for_and_the_others_untouched() -> None:
    clean = rotating_tracers(lors=30_000, **CLEAN)
    run = rotating_tracers(lors=30_000, fwhm=0.0, scattered_fraction=0.2, random_fraction=0.1)
    changed = run.lines.lines != clean.lines.lines
    ends = changed[:, 1:3].any(axis=1).astype(int) + changed[:, 4:6].any(axis=1)
    assert not changed[:, [0, 3, 6]].any()
    for number, share in ((0, 0.7), (1, 0.2), (2, 0.1)):
        deviation = np.sqrt(share * (1 - share) / 30_000)
        assert abs((ends == number).mean() - share) < SIGMAS * deviation
    assert (run.sources == np.where(ends > 0, -1, clean.sources)).all()
    first = (changed[:, 1] & ~changed[:, 4]).sum()
    assert abs(first / (ends == 1).sum() - 0.5) < 0.05


def test_random_hits_are_spread_evenly() -> None:
    rows = simulate_lines(
        [AT_REST], lors=20_000, scattered_fraction=0, random_fraction=1
    ).lines.lines
    for column, size in ((1, 380), (2, 510), (4, 380), (5, 510)):
        counts = np.histogram(rows[:, column], bins=10, range=(0, size))[0]
        assert counts.sum() == 20_000
        assert np.abs(counts - 2_000).max() < SIGMAS * np.sqrt(2_000 * 0.9)


def test_seed_decides_everything() -> None:
    one, same, other = (rotating_tracers(lors=2_000, seed=seed) for seed in (7, 7, 8))
    assert one.lines.lines.tobytes() == same.lines.lines.tobytes()
    assert (one.sources == same.sources).all()
    assert (one.lines.lines != other.lines.lines).any()


def test_longer_runs_begin_with_shorter_ones() -> None:
    long = rotating_tracers(lors=25_000, seed=3)  # more than one batch of emissions
    for length in (0, 1, 2_500, 9_999):
        short = rotating_tracers(lors=length, seed=3)
        assert short.lines.lines.shape == (length, 7)
        assert (short.lines.lines == long.lines.lines[:length]).all()
        assert (short.sources == long.sources[:length]).all()
    timed = rotating_tracers(seconds=0.2, seed=3)
    within = long.lines["t"] < 200.0
    assert within.sum() > 1_000
    assert (timed.lines.lines == long.lines.lines[within]).all()


def test_samples_of_the_result() -> None:
    run = rotating_tracers(lors=1_000, sample_size=400, overlap=300)
    assert (run.lines.sample_size, run.lines.overlap, len(run.lines)) == (400, 300, 7)


def test_eighty_thousand_lines_unless_told_otherwise() -> None:
    run = rotating_tracers()
    assert len(run.lines.lines) == 80_000
    assert [path.radius for path in run.paths] == [85.0, 86.0]
    start = run.positions([0.0])[:, 0]
    assert np.allclose(start, [[275, 255, 356], [104, 255, 356]])


def test_rotation_has_the_speed_asked_for() -> None:
    path = CircularPath(radius=2.0, rpm=-15.0, centre=(1, 2, 3), phase=np.pi / 2)
    assert np.allclose(path([0.0, 1_000.0]), [[1, 4, 3], [3, 2, 3]])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "lors and seconds"),
        ({"lors": 5, "seconds": 1.0}, "lors and seconds"),
        ({"lors": -1}, "lors .* -1"),
        ({"seconds": float("nan")}, "seconds .* nan"),
        ({"seconds": -0.5}, "seconds .* -0.5"),
        ({"lors": 5, "activity": 0.0}, "activity"),
        ({"lors": 5, "fwhm": -1.0}, "fwhm"),
        ({"lors": 5, "scattered_fraction": -0.1}, "scattered_fraction"),
        ({"lors": 5, "scattered_fraction": 0.6, "random_fraction": 0.5}, "random_fraction"),
        ({"lors": 5, "random_fraction": float("nan")}, "random_fraction"),
    ],
)
def test_wrong_numbers(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        simulate_lines([AT_REST], **options)


@pytest.mark.parametrize("name", ["separation", "width", "height"])
@pytest.mark.parametrize("value", [0.0, -1.0, float("nan"), float("inf")])
def test_wrong_screens(name: str, value: float) -> None:
    with pytest.raises(ValueError, match=name):
        ParallelScreens(**{name: value})


def test_wrong_paths() -> None:
    with pytest.raises(ValueError, match="at least one path"):
        simulate_lines([], lors=5)
    with pytest.raises(ValueError, match=r"paths\[1\]"):
        simulate_lines([AT_REST, lambda t: np.zeros((len(t), 2))], lors=5)
    with pytest.raises(ValueError, match="table of t, x, y, z"):
        simulate_lines([[1.0, 2.0]], lors=5)
    with pytest.raises(ValueError, match="order of time"):
        simulate_lines([[[1, 0, 0, 0], [0, 0, 0, 0]]], lors=5)
    with pytest.raises(ValueError, match="finite"):
        simulate_lines([[[1, 0, np.nan, 0]]], lors=5)


def test_a_tracer_out_of_sight_ends_the_simulation() -> None:
    aside = [[0.0, 5_000.0, 255.0, 356.0]]
    with pytest.raises(ValueError, match="found only 0 of 5 LoRs"):
        simulate_lines([aside], lors=5)
    assert simulate_lines([aside], seconds=0.1).lines.lines.shape == (0, 7)
    leaves = [[0, *AT_REST[0][1:]], [50, 5_000.0, 255.0, 356.0]]
    assert len(simulate_lines([leaves], seconds=0.1).lines.lines) > 0


@pytest.mark.parametrize("length", [{"seconds": 1e300}, {"lors": 10**15}])
def test_more_than_memory_holds_is_refused(length: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"lors or seconds are too many.*GB"):
        rotating_tracers(**length)
