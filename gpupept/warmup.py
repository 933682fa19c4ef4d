"""Compile all kernels beforehand, so that the first real run does not wait for a compiler."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from gpupept.backend import resolve_device, to_device
from gpupept.base import AdaptiveWindow, LineData, Pipeline, PointData, TimeWindow, Voxels
from gpupept.images import image_statistics
from gpupept.kernels.compile_notice import silence
from gpupept.kernels.components import ROWS_PER_BLOCK
from gpupept.processing import RelativeDeviations, occupancy2d, occupancy3d
from gpupept.scanners import RingGeometricEfficiency
from gpupept.simulation import rotating_tracers
from gpupept.tracking import (
    FPI,
    HDBSCAN,
    PEPTEM,
    BirminghamMethod,
    Centroids,
    Cutpoints,
    CutpointsToF,
    GroupBy,
    HDBSCANClusterer,
    Interpolate,
    LinesCentroids,
    Minpoints,
    Reconnect,
    RemoveStatic,
    SamplesCondition,
    Segregate,
    SplitLabels,
    Stack,
    TimeOfFlight,
    Velocity,
    Voxelize,
)
from gpupept.tracking.recipes import peptml_pipeline

_LORS = 4000
_ELEMENTS = 2**18  # enough that the median of an array is searched for in several steps


@dataclass(frozen=True)
class WarmUpStep:
    """A group of operations that is ready now, and how long that took in s."""

    name: str
    seconds: float


def warm_up(
    device: str | None = None, report: Callable[[WarmUpStep], Any] | None = None
) -> list[WarmUpStep]:
    """Run every built-in operation once on little data, which compiles its kernels.

    Functions compiled for the CPU are kept on disk by Numba, CUDA kernels by CuPy, so this is worth
    doing once after installing, for example when building a container image.

    Parameters
    ----------
    device : {"auto", "cpu", "cuda", "cuda:N"}, optional
        Device whose kernels to compile; the default one if not given.
    report : callable, optional
        Called with each step once it is done.

    Returns
    -------
    list of WarmUpStep
        What was done, in order.

    Raises
    ------
    GPUUnavailableError
        If a GPU is asked for and there is none.
    KernelCompileError
        If a CUDA kernel does not compile.

    Examples
    --------
    >>> from gpupept.warmup import warm_up
    >>> [step.name for step in warm_up("cpu")][-1]
    'recipe'
    """
    silence()
    chosen = resolve_device(device)
    lines = rotating_tracers(_LORS, sample_size=400, overlap=300).lines
    steps: list[tuple[str, Callable[[LineData], Any]]] = [
        ("scanner files", _scanner_files),
        ("samples", _samples),
        ("cutpoints", _cutpoints),
        ("clustering", _clustering),
        ("clusters to positions", _clusters),
        ("trajectories", _trajectories),
        ("voxels", _voxels),
        ("occupancy", _occupancy),
        ("mixing", _mixing),
        ("statistics", _statistics),
        ("sensitivity", _sensitivity),
        ("recipe", lambda data: peptml_pipeline(2).fit(data, verbose=False)),
    ]
    done = []
    for name, run in steps:
        started = time.perf_counter()
        run(lines.to(chosen))
        done.append(WarmUpStep(name, time.perf_counter() - started))
        if report is not None:
            report(done[-1])
    return done


def _scanner_files(_: LineData) -> None:
    from gpupept.scanners import adac_forte, parallel_screens, write_adac_forte

    rows = np.array([[1.5, 59, 482, -10, 177, 231.84, 510], [9, 180, 300, -10, 190, 310, 510]])
    with tempfile.TemporaryDirectory() as folder:
        binary, text = Path(folder) / "run.da01", Path(folder) / "run.csv"
        write_adac_forte(rows, binary)
        adac_forte(binary)
        np.savetxt(text, rows[:, [0, 1, 2, 4, 5]])
        parallel_screens(text, 500)


def _samples(lines: LineData) -> None:
    for size, overlap in ((TimeWindow(10.0), TimeWindow(5.0)), (AdaptiveWindow(10.0), None)):
        LineData(lines, sample_size=size, overlap=overlap)


def _cutpoints(lines: LineData) -> None:
    for indices in (False, True):
        Cutpoints(0.5, append_indices=indices).fit(lines[:2], verbose=False)
    Cutpoints(0.5, cutoffs=[0, 400, 0, 600, 0, 712]).fit(lines[:2], verbose=False)
    timed = LineData(lines.data[:100, [*range(7), 0]])
    CutpointsToF(1.0).fit(TimeOfFlight().fit(timed, verbose=False), verbose=False)
    Minpoints(3, 0.5).fit(LineData(lines.data[:100]), verbose=False)


def _clustering(lines: LineData) -> None:
    cutpoints = Cutpoints(0.5).fit(lines[:2], verbose=False)
    for tracers in (1, 2):
        HDBSCAN(0.15, max_tracers=tracers).fit(cutpoints, verbose=False)
    HDBSCAN(0.15, max_tracers=2, strict=True).fit(cutpoints, verbose=False)
    HDBSCANClusterer().fit(cutpoints, verbose=False)


def _clusters(lines: LineData) -> None:
    labelled = [Cutpoints(0.5, append_indices=True), HDBSCAN(0.15, max_tracers=2)]
    cutpoints = Pipeline(labelled).fit(lines[:2], verbose=False)
    cluster_lines = SplitLabels(extract_lines=True).fit(cutpoints, verbose=False)
    LinesCentroids().fit(cluster_lines, verbose=False)
    BirminghamMethod().fit(lines[:2], verbose=False)
    for motion in range(3):  # a CUDA kernel for each
        PEPTEM(2, motion=motion).fit(lines[:2])
    clusters = SplitLabels(noise=True).fit(cutpoints, verbose=False)
    Centroids(error=True, cluster_size=True).fit(clusters, verbose=False)
    Centroids().fit(cutpoints, verbose=False)


def _trajectories(lines: LineData) -> None:
    points = PointData(lines.data[:, :4])
    labelled = Segregate(window=5, cut_distance=50.0).fit(Stack().fit(points))
    many = PointData(np.zeros((ROWS_PER_BLOCK + 1, 4))).to(lines.device)
    Segregate(window=5, cut_distance=50.0).fit(many)
    joined = Reconnect(tmax=100.0, dmax=50.0).fit(labelled)
    trajectories = GroupBy("label").fit(joined)
    Velocity(window=5).fit(trajectories, verbose=False)
    Interpolate(1.0).fit(trajectories, verbose=False)
    SamplesCondition("np.median('x') > 0, np.mean('y') > 0").fit(trajectories)
    RemoveStatic(5.0, 1.0).fit(points)


def _voxels(lines: LineData) -> None:
    for lengths in (False, True):
        Voxels.from_lines(lines, (8, 8, 8), verbose=False, lengths=lengths)
    grids = Voxelize((8, 8, 8)).fit(lines[:2], verbose=False)
    FPI(w=2).fit(grids, verbose=False)
    for dtype in (np.uint32, np.float64):
        FPI(w=2).fit([grid.astype(dtype) for grid in grids], verbose=False)


def _statistics(lines: LineData) -> None:
    values = np.arange(_ELEMENTS) % 251
    for dtype in (np.uint8, np.uint32, np.float32, np.float64):
        for some in (values, values[:2]):  # with a median that is an element, and between two
            image_statistics(to_device(some.astype(dtype), lines.device))


def _occupancy(lines: LineData) -> None:
    rows = lines.data[:20, :4]
    occupancy2d(rows[:, :3], (8, 8), 1.0, [0, 600], [0, 600], verbose=False)
    occupancy3d(rows, (8, 8, 8), 1.0, [0, 600], [0, 600], [0, 700], verbose=False)


def _mixing(lines: LineData) -> None:
    reducer = RelativeDeviations([0, 0, 0], [600, 0, 0], histogram=False)
    reducer.fit(lines.data[:20, :4], verbose=False)


def _sensitivity(lines: LineData) -> None:
    RingGeometricEfficiency(400.0, 500.0)(Voxels.zeros((4, 4, 4), *[[0, 200]] * 3).to(lines.device))
