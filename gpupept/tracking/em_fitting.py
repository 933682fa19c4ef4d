"""Fitting mixtures of tracers to the frames of a data set."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from gpupept.backend import array_namespace
from gpupept.base import LineData
from gpupept.kernels import Array
from gpupept.kernels.em import em_steps, frame_times, seed_components
from gpupept.tracking.em_mixture import Limits, survivors

_PAIRS = 1024  # of lines drawn for each frame


@dataclass(frozen=True)
class Settings:
    """What `PEPTEM` was given; see there."""

    components: int
    motion: int
    area: float
    min_spread: float
    first_steps: int
    next_steps: int
    patience: int
    seed: int
    limits: Limits

    @property
    def max_spread(self) -> float:
        """Largest spread of a tracer (mm)."""
        return self.limits.max_spread

    @property
    def min_weight(self) -> float:
        """Smallest share of the lines of a tracer."""
        return self.limits.min_weight


class FrameFitter:
    """Starts and improves the components of frames.

    Parameters
    ----------
    lines : LineData
        Each sample is a frame.
    settings : Settings
        How.
    """

    def __init__(self, lines: LineData, settings: Settings) -> None:
        self.lines = lines
        self.settings = settings
        self._ranges = lines.row_ranges
        self.times = frame_times(lines.data, self._ranges)

    @cached_property
    def _draws(self) -> np.ndarray:
        return np.random.default_rng(self.settings.seed).random((_PAIRS, 2))

    def started(self, first: int, last: int) -> tuple[Array, Array]:
        """Find the tracers of frames ``first .. last - 1`` from nothing.

        Returns
        -------
        table, moments
            See `gpupept.kernels.em.Fitted`.
        """
        xp, settings = array_namespace(self.lines.data), self.settings
        table = self.seeded(xp.empty((last - first, 0, 3)), first, last)
        # Most seeds are gone after a few steps; the last ones hand their lines to those that stay.
        few = settings.first_steps // 5
        for steps, share in ((few, 0.5), (settings.first_steps - 2 * few, 1.0), (few, 1.0)):
            table, moments = self.improved(table, steps, first, last)
            table = survivors(table, settings.limits, share)
        return table, moments

    def seeded(self, taken: Array, first: int, last: int) -> Array:
        """Make components where many lines of frames pass.

        Parameters
        ----------
        taken : (F, T, 3) float64
            Places of components there are; see `gpupept.kernels.em.seed_components`.
        first, last : int
            Range of frames.

        Returns
        -------
        (F, components, 3 (motion + 1) + 2) float64
            A table of components.
        """
        xp, settings = array_namespace(self.lines.data), self.settings
        count, reach = settings.components, settings.max_spread
        ranges = self._ranges[first:last]
        seeds = seed_components(self.lines.data, ranges, self._draws, taken, count, reach)
        table = xp.zeros((last - first, count, 3 * (settings.motion + 1) + 2))
        table[:, :, :3] = seeds[:, :, :3]
        table[:, :, -2] = (0.5 * (settings.min_spread + settings.max_spread)) ** 2
        table[:, :, -1] = xp.where(seeds[:, :, 3] > 0.0, 0.5 / count, 0.0)
        return table

    def improved(self, table: Array, steps: int, first: int, last: int) -> tuple[Array, Array]:
        """Take components of frames some steps on; see `gpupept.kernels.em.em_steps`."""
        settings = self.settings
        fitted = em_steps(
            self.lines.data,
            self._ranges[first:last],
            self.times[first:last],
            table,
            steps,
            settings.area,
            settings.min_spread,
        )
        return fitted.table, fitted.moments
