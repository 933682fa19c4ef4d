"""PEPT-EM: tracers as a mixture fitted to lines by expectation maximisation."""

from __future__ import annotations

from typing import Any

import numpy as np

from gpupept.backend import (
    array_namespace,
    device_scope,
    memory_budget,
    plan_chunks,
    to_device,
    to_host,
)
from gpupept.base import BatchReducer, LineData, PointData
from gpupept.base.batch_filter import LARGEST_CHUNK, as_batch, as_sized
from gpupept.base.joining import concatenate
from gpupept.base.samples import whole_number
from gpupept.kernels import Array
from gpupept.kernels.em import MOST_COMPONENTS
from gpupept.tracking.em_fitting import FrameFitter, Settings
from gpupept.tracking.em_mixture import Limits, by_weight, reported
from gpupept.tracking.em_tracks import Tracks

_BYTES_PER_LINE = 400  # while a frame is worked on
_MODES = ("independent", "tracking")


class PEPTEM(BatchReducer):
    """Locate tracers by expectation maximisation (EM) on lines of response (LoRs).

    The lines of a frame, which is a sample, are taken for a mixture: those of each tracer are spread
    normally about it, those of scattered and random coincidences evenly over an area. EM alternates
    between the shares that tracers have in each line, and the tracers that explain their lines best.
    There is no clustering and hardly a parameter to choose; every line counts with its share.

    Parameters
    ----------
    max_tracers : int, optional
        Most tracers that are reported in a frame, those of the largest weights; no limit by default.
    components : int, default 6
        Components that a frame is started with, up to 16 and more than there are tracers. Components
        without enough lines, too wide or at the place of another are dropped.
    motion : {0, 1, 2}, default 0
        What tracers do within a frame: 0, rest; 1, move at constant velocity; 2, at constant
        acceleration.
    mode : {"independent", "tracking"}, default "independent"
        "independent": each frame is started afresh, all frames at once. "tracking": one after the
        other, a frame is started with the tracers of the one before, moved on by their velocities.
        Lost tracers are moved on for some frames, new ones searched for when the weight of outliers
        rises. Tracers have labels.
    area : float, default 250 000
        Area (mm^2) that outliers are spread over, such as that of a screen.
    min_spread, max_spread : float, default 0.5 and 10
        Smallest and largest spread (mm) of the lines about a tracer, a standard deviation along each of
        the two directions across a line. The largest is also how far from a place lines count when
        tracers are searched for.
    min_weight : float, default 0.05
        Smallest share of the lines of a frame that makes a tracer.
    first_steps : int, default 50
        Steps of EM for a frame that is started afresh.
    next_steps : int, default 10
        Steps of EM for a frame that is started from the one before.
    patience : int, default 5
        In mode "tracking", successive frames that a tracer may be lost in before its label ends.
    velocity : bool, default False
        Append the velocities ``vx, vy, vz`` (mm / ms).
    seed : int, default 0
        Seed of the pairs of lines that suggest where tracers may be.

    Raises
    ------
    ValueError
        If a number is out of range, the mode is unknown, or velocities are asked for of frames that
        are independent and tracers at rest.

    Notes
    -----
    Reducer signature: ``LineData -> PEPTEM -> PointData`` with columns ``t, x, y, z, error, weight``
    (ms, mm) and ``label`` in mode "tracking"; one sample for each frame, with a row for each tracer. The
    time is the mean of the times of the tracer's lines, weighted by their shares; `error` is the spread
    and `weight` the tracer's share of the lines. In mode "independent" the rows of a sample fall in
    weight; link them by `Segregate`.

    A first frame starts with points that many lines pass, found one after the other among points
    half-way between random pairs of lines. Frames without lines, or whose lines do not determine
    positions, such as parallel ones, give no rows. Lines that are not finite or of no length do not
    count.

    References
    ----------
    S. Manger, A. Renaud, J. Vanneste, *An expectation-maximization algorithm for positron emission
    particle tracking*, Rev. Sci. Instrum. 92, 085102 (2021).

    Examples
    --------
    >>> import gpupept
    >>> from gpupept.tracking import PEPTEM
    >>> run = gpupept.simulation.rotating_tracers(lors=4_000, sample_size=400)
    >>> positions = PEPTEM(max_tracers=2).fit(run.lines)
    >>> len(positions), positions.points.shape
    (10, (20, 6))
    >>> gpupept.simulation.location_errors(positions, run.paths).mean < 1.5  # mm
    True
    """

    def __init__(
        self,
        max_tracers: int | None = None,
        components: int = 6,
        *,
        motion: int = 0,
        mode: str = "independent",
        area: float = 250_000.0,
        min_spread: float = 0.5,
        max_spread: float = 10.0,
        min_weight: float = 0.05,
        first_steps: int = 50,
        next_steps: int = 10,
        patience: int = 5,
        velocity: bool = False,
        seed: int = 0,
    ) -> None:
        self.max_tracers = None if max_tracers is None else whole_number("max_tracers", max_tracers)
        self.components = whole_number("components", components)
        self.motion = whole_number("motion", motion)
        self.mode = mode
        self.area = float(area)
        self.min_spread = float(min_spread)
        self.max_spread = float(max_spread)
        self.min_weight = float(min_weight)
        self.first_steps = whole_number("first_steps", first_steps)
        self.next_steps = whole_number("next_steps", next_steps)
        self.patience = whole_number("patience", patience)
        self.velocity = bool(velocity)
        self.seed = whole_number("seed", seed)
        self._check_numbers()

    def _check_numbers(self) -> None:
        if self.mode not in _MODES:
            raise ValueError(f"mode must be one of {', '.join(_MODES)}, found {self.mode!r}")
        for name, least, most in (
            ("components", 1, MOST_COMPONENTS),
            ("max_tracers", 1, np.inf),
            ("motion", 0, 2),
            ("first_steps", 1, np.inf),
            ("next_steps", 1, np.inf),
            ("patience", 0, np.inf),
            ("seed", 0, np.inf),
        ):
            value = getattr(self, name)
            if value is not None and not least <= value <= most:
                limit = f"{least} or more" if most == np.inf else f"from {least} to {most}"
                raise ValueError(f"{name} must be {limit}, found {value!r}")
        if not 0.0 < self.area < np.inf:
            raise ValueError(f"area must be positive and finite, found {self.area!r}")
        if not 0.0 < self.min_spread <= self.max_spread < np.inf:
            raise ValueError(
                "min_spread must be positive and max_spread at least that and finite, found "
                f"{self.min_spread!r} and {self.max_spread!r}"
            )
        if not 0.0 <= self.min_weight < 1.0:
            raise ValueError(f"min_weight must be from 0 to below 1, found {self.min_weight!r}")
        if self.velocity and self.motion == 0 and self.mode == "independent":
            raise ValueError("velocity needs motion of 1 or 2, or mode 'tracking'")

    @property
    def columns(self) -> list[str]:
        """Names of the columns of the result."""
        label = ["label"] if self.mode == "tracking" else []
        velocity = ["vx", "vy", "vz"] if self.velocity else []
        return ["t", "x", "y", "z", "error", "weight", *label, *velocity]

    @property
    def _settings(self) -> Settings:
        return Settings(
            components=self.components,
            motion=self.motion,
            area=self.area,
            min_spread=self.min_spread,
            first_steps=self.first_steps,
            next_steps=self.next_steps,
            patience=self.patience,
            seed=self.seed,
            limits=Limits(self.min_weight, self.max_spread, self.max_tracers),
        )

    def fit_all(self, samples: Any) -> PointData:
        """Locate the tracers of all frames.

        Parameters
        ----------
        samples : LineData, or list of LineData
            Each sample is a frame; in mode "tracking" they must be in order of time.

        Returns
        -------
        PointData
            See the notes of the class; on the device of the lines.

        Raises
        ------
        TypeError
            If the samples are not LineData.
        """
        frames = as_batch(as_sized(samples), LineData)
        if not isinstance(frames, LineData):
            raise TypeError(f"samples must be LineData, found {type(samples).__name__}")
        with device_scope(frames.device):
            if self.mode == "tracking":
                return self._track(frames)
            sizes = _BYTES_PER_LINE * np.diff(frames.row_ranges, axis=1)[:, 0]
            budget = min(memory_budget(frames.device), LARGEST_CHUNK)
            chunks = plan_chunks(sizes, budget) or [(0, 0)]
            return concatenate([self._locate(frames.samples_view(a, b)) for a, b in chunks])  # type: ignore[no-any-return]

    def _locate(self, frames: LineData) -> PointData:
        """All frames at once, each by itself."""
        fitter = FrameFitter(frames, self._settings)
        table, moments = fitter.started(0, len(frames))
        rows, kept = reported(table, moments, fitter.times)
        xp = array_namespace(rows)
        order = by_weight(table, kept)
        kept = xp.take_along_axis(kept, order, axis=1)
        rows = xp.take_along_axis(rows, order[:, :, None], axis=1)[kept]
        return self._points(rows[:, : len(self.columns)], to_host(kept.sum(axis=1)), frames)

    def _track(self, frames: LineData) -> PointData:
        """One frame after the other."""
        tracks = Tracks(FrameFitter(frames, self._settings))
        found = [tracks.rows(f) for f in range(len(frames))]
        rows = np.concatenate([np.empty((0, 10)), *found])[:, : len(self.columns)]
        return self._points(to_device(rows, frames.device), [len(part) for part in found], frames)

    def _points(self, rows: Array, sizes: Any, frames: LineData) -> PointData:
        rows = array_namespace(rows).ascontiguousarray(rows)
        return PointData.from_batch(
            rows, sizes=sizes, columns=self.columns, attrs=frames.extra_attrs()
        )
