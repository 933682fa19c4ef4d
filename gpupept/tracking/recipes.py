"""The PEPT-ML recipe as one pipeline, and running a pipeline with figures about each stage."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import numpy as np

from gpupept.backend import cupy_module, resolve_device
from gpupept.base import BatchFilter, Filter, LineData, Pipeline, PointData, Transformer
from gpupept.base.batch_filter import as_batch, run_batch
from gpupept.executors import check_executor
from gpupept.tracking.centroids import Centroids
from gpupept.tracking.cutpoints import Cutpoints
from gpupept.tracking.hdbscan import HDBSCAN
from gpupept.tracking.segregate import Segregate
from gpupept.tracking.split_labels import SplitLabels
from gpupept.tracking.stack import Stack

LORS_PER_TRACER = 200
OVERLAP_PER_TRACER = 150
POSITIONS_PER_TRACER = 30
SEGREGATE_PER_TRACER = 20

_ORDINALS = ("first", "second", "third", "fourth", "fifth")


def peptml_samples(max_tracers: int = 1) -> tuple[int, int]:
    """Sample size and overlap, in LoRs, that suit so many tracers.

    Parameters
    ----------
    max_tracers : int, default 1
        Largest number of tracers to be found.

    Returns
    -------
    sample_size, overlap : int
        200 and 150 LoRs per tracer.

    Raises
    ------
    ValueError
        If `max_tracers` is less than 1.

    Examples
    --------
    >>> from gpupept.tracking.recipes import peptml_samples
    >>> peptml_samples(max_tracers=2)
    (400, 300)
    """
    _check_tracers(max_tracers)
    return LORS_PER_TRACER * max_tracers, OVERLAP_PER_TRACER * max_tracers


def peptml_pipeline(
    max_tracers: int = 1,
    *,
    max_distance: float = 0.5,
    true_fraction: float = 0.15,
    second_true_fraction: float = 0.6,
    second_sample_size: int | None = None,
    second_overlap: int | None = None,
    segregate_window: int | None = None,
    cut_distance: float = 10.0,
    min_trajectory_size: int = 5,
    strict: bool = False,
    engine: str = "auto",
    seed: int = 0,
) -> Pipeline:
    """Chain the steps from LoRs to trajectories: two passes of clustering, then separation.

    First pass: cutpoints of each sample of LoRs, clustered, and the centroid of each cluster. Second
    pass: the same clustering on a window sliding over these positions, which averages them and
    leaves out stray ones. Then positions are separated into trajectories.

    Parameters
    ----------
    max_tracers : int, default 1
        Largest number of tracers to be found.
    max_distance : float, default 0.5
        Only LoRs that pass each other nearer than this (mm) give a cutpoint.
    true_fraction : float, default 0.15
        Fraction of the cutpoints expected to come from tracers.
    second_true_fraction : float, default 0.6
        Fraction of the first-pass positions expected to come from tracers.
    second_sample_size : int, optional
        Positions per sample of the second pass, by default 30 per tracer.
    second_overlap : int, optional
        Overlap of its samples, by default one less than `second_sample_size`.
    segregate_window : int, optional
        Largest number of places between linked positions, by default 20 per tracer.
    cut_distance : float, default 10
        Positions this far apart (mm) or farther are not linked.
    min_trajectory_size : int, default 5
        Trajectories of fewer positions are noise.
    strict, engine, seed
        Of both clusterings, see `HDBSCAN`.

    Returns
    -------
    Pipeline
        Takes a `LineData` in samples (see `peptml_samples`) to one `PointData` of columns ``t, x, y,
        z, label``; label -1 is noise.

    Raises
    ------
    ValueError
        If a parameter is out of range.

    References
    ----------
    A. L. Nicusan, C. R. K. Windows-Yule, *Positron emission particle tracking using machine
    learning*, Rev. Sci. Instrum. 91, 013329 (2020).

    Examples
    --------
    >>> import numpy as np
    >>> import gpupept
    >>> from gpupept.tracking.recipes import peptml_pipeline
    >>> run = gpupept.simulation.rotating_tracers(lors=8_000)
    >>> samples = gpupept.LineData(run.lines, sample_size=400, overlap=300)
    >>> trajectories = peptml_pipeline(max_tracers=2).fit(samples, verbose=False)
    >>> np.unique(trajectories["label"])
    array([0., 1.])
    """
    _check_tracers(max_tracers)
    size = POSITIONS_PER_TRACER * max_tracers if second_sample_size is None else second_sample_size
    overlap = size - 1 if second_overlap is None else second_overlap
    window = SEGREGATE_PER_TRACER * max_tracers if segregate_window is None else segregate_window
    _check_window(size, overlap)
    clustering: dict[str, Any] = {"strict": strict, "engine": engine, "seed": seed}
    return Pipeline(
        [
            Cutpoints(max_distance),
            HDBSCAN(true_fraction, max_tracers, **clustering),
            SplitLabels() + Centroids(),
            Stack(sample_size=size, overlap=overlap),
            HDBSCAN(second_true_fraction, max_tracers, **clustering),
            SplitLabels() + Centroids(),
            Stack(),
            Segregate(window, cut_distance, min_trajectory_size),
        ]
    )


def _check_tracers(max_tracers: int) -> None:
    if max_tracers < 1:
        raise ValueError(f"max_tracers must be at least 1, found {max_tracers!r}")


def _check_window(size: int, overlap: int) -> None:
    if size < 2:
        raise ValueError(f"second_sample_size must be at least 2, found {size!r}")
    if overlap >= size:
        raise ValueError(
            f"second_overlap must be less than second_sample_size ({size}), found {overlap!r}"
        )


@dataclass(frozen=True)
class Stage:
    """One stage of a run: its name, the time it took in s, and the rows of its result."""

    name: str
    seconds: float
    rows: int


@dataclass(frozen=True)
class TrackingRun:
    """What a pipeline made of some LoRs, and the figures of each stage.

    Attributes
    ----------
    lors, samples : int
        LoRs and samples that went in.
    device : str
        Where it ran, ``"cpu"`` or ``"cuda:N"``.
    stages : tuple of Stage
        In order; runs of filters are called "first pass", "second pass" and so on.
    trajectories : PointData
        The result, on the host.
    """

    lors: int
    samples: int
    device: str
    stages: tuple[Stage, ...]
    trajectories: PointData

    @property
    def seconds(self) -> float:
        """Time of all stages together, in s."""
        return sum(stage.seconds for stage in self.stages)

    @property
    def rate(self) -> float:
        """LoRs tracked per second."""
        return self.lors / self.seconds if self.seconds > 0 else 0.0

    def trajectory_sizes(self) -> dict[int, int]:
        """Count the positions of each trajectory, by label; -1 is noise.

        Returns
        -------
        dict of int to int
            Without noise if there is none.
        """
        points = self.trajectories
        if "label" not in points.columns:
            return {0: len(points.data)} if len(points.data) else {}
        labels, counts = np.unique(points["label"].astype(np.int64), return_counts=True)
        return dict(zip(labels.tolist(), counts.tolist(), strict=True))


def run_pipeline(
    pipeline: Pipeline,
    lines: LineData,
    *,
    max_workers: int | None = None,
    device: str | None = None,
    memory: int | str | None = None,
    verbose: bool = True,
) -> TrackingRun:
    """Run a pipeline from LoRs to positions, and keep the time and the size of each stage.

    Parameters
    ----------
    pipeline : Pipeline
        Its result must be points, such as that of `peptml_pipeline`.
    lines : LineData
        LoRs in samples.
    max_workers, device, memory, verbose
        See `gpupept.Pipeline.fit`.

    Returns
    -------
    TrackingRun
        The result and its figures; the positions are the same as those of ``pipeline.fit``.

    Raises
    ------
    GPUUnavailableError
        If a GPU is asked for and there is none.
    ValueError
        If the pipeline is empty, or does not end with points.

    Examples
    --------
    >>> import gpupept
    >>> from gpupept.tracking.recipes import peptml_pipeline, run_pipeline
    >>> run = gpupept.simulation.rotating_tracers(lors=8_000, sample_size=400, overlap=300)
    >>> found = run_pipeline(peptml_pipeline(max_tracers=2), run.lines, verbose=False)
    >>> [stage.name for stage in found.stages]
    ['first pass', 'stacking', 'second pass', 'separation']
    """
    check_executor("joblib", max_workers)
    chosen = resolve_device(device, lines.data)
    current: Any = lines.to(chosen)
    stages = []
    for name, steps in _named_stages(pipeline):
        started = time.perf_counter()
        current = _run_stage(steps, current, name, max_workers, memory, verbose)
        _finish(chosen)
        rows = len(current.data) if isinstance(current, PointData) else len(current)
        stages.append(Stage(name, time.perf_counter() - started, rows))
    if not isinstance(current, PointData):
        raise ValueError(
            f"pipeline must end with PointData, such as Stack gives, found {type(current).__name__}"
        )
    return TrackingRun(len(lines.data), len(lines), chosen, tuple(stages), current.to("cpu"))


def _run_stage(
    steps: list[Transformer],
    samples: Any,
    name: str,
    max_workers: int | None,
    memory: int | str | None,
    verbose: bool,
) -> Any:
    """Run one stage where its samples are; a progress bar of built-in filters has its name."""
    built_in = [step for step in steps if isinstance(step, BatchFilter)]
    batch = as_batch(samples)
    if batch is not None and len(built_in) == len(steps):
        return run_batch(built_in, batch, max_workers, verbose, memory, name)
    return Pipeline(steps).fit(samples, max_workers=max_workers, memory=memory, verbose=verbose)


def _named_stages(pipeline: Pipeline) -> list[tuple[str, list[Transformer]]]:
    """Divide the steps into runs of filters and runs of reducers, and name them."""
    stages = []
    passes = 0
    for is_filter, run in groupby(pipeline.transformers, lambda item: isinstance(item, Filter)):
        steps = list(run)
        name = _ordinal_pass(passes) if is_filter else _reducer_name(steps)
        passes += is_filter
        stages.append((name, steps))
    return stages


def _ordinal_pass(number: int) -> str:
    return f"{_ORDINALS[number] if number < len(_ORDINALS) else number + 1} pass"


def _reducer_name(steps: Sequence[Transformer]) -> str:
    separates = any(isinstance(step, Segregate) for step in steps)
    return "separation" if separates else "stacking"


def _finish(device: str) -> None:
    """Wait for a GPU, whose work goes on after the calls return, so that times are those of it."""
    if device == "cpu":
        return
    index = int(device.partition(":")[2])
    cupy_module().cuda.Device(index).synchronize()
