"""Following the components of mixtures from frame to frame."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from gpupept.backend import to_device, to_host
from gpupept.kernels import Array
from gpupept.tracking.em_mixture import at_time, coincident, is_tracer, ranks, reported

if TYPE_CHECKING:
    from gpupept.tracking.em_fitting import FrameFitter

_MEMORY = 0.8  # of the running mean of the weight of outliers


class Tracks:
    """Tracers that are followed through frames, one frame after the other.

    A frame starts from the one before, so frames cannot be worked on at once; what is kept for each
    tracer is little, and stays on the host.

    Parameters
    ----------
    fitter : FrameFitter
        The frames, in order of time.
    """

    def __init__(self, fitter: FrameFitter) -> None:
        self._fitter = fitter
        self._settings = fitter.settings
        self._times = to_host(fitter.times)
        count = self._settings.components
        self._labels = np.full(count, -1)
        self._lost = np.zeros(count, dtype=np.int64)  # frames since a tracer was seen
        self._seen = np.zeros(count, dtype=np.int64)  # frames that it was seen in
        # Place and velocity, as of a time of its own; accelerations are too uncertain to go by.
        self._paths = np.zeros((count, 6))
        self._clocks = np.zeros(count)
        self._shape = np.zeros((count, 2))  # square of the spread, weight
        self._born = 0
        self._outliers = self._calm = 1.0

    def rows(self, frame: int) -> np.ndarray:
        """Follow the tracers into the next frame.

        Parameters
        ----------
        frame : int
            Its number.

        Returns
        -------
        (K, 10) float64
            Rows ``t, x, y, z, error, weight, label, vx, vy, vz`` in rising order of labels.
        """
        if not self._times[frame, 0]:
            return np.empty((0, 10))
        followed = self._labels >= 0
        expected = self._expected(frame, followed)
        if not followed.any():
            table, moments = self._fitter.started(frame, frame + 1)
        else:
            table, moments = self._followed(frame, followed, expected)
        table, moments = to_host(table)[0], to_host(moments)[0]
        good = self._good(table, moments, followed, expected)
        rows = to_host(reported(table[None], moments[None], self._times[frame : frame + 1])[0])[0]
        self._update(table, rows, good, self._times[frame, 1])
        velocities = rows[:, 6:9] if self._settings.motion else self._paths[:, 3:6]
        shown = np.column_stack([rows[:, :6], self._labels, velocities])[good]
        result: np.ndarray = shown[np.argsort(shown[:, 6])]
        return result

    def _expected(self, frame: int, followed: np.ndarray) -> np.ndarray:
        """Components that the tracers followed should be in a frame, (K, 3 (motion + 1) + 2)."""
        paths = at_time(self._paths, self._times[frame, 1] - self._clocks)
        unknowns = 3 * (self._settings.motion + 1)
        expected = np.zeros((len(paths), unknowns + 2))
        expected[:, : min(unknowns, 6)] = paths[:, :unknowns]
        expected[:, -2:] = self._shape
        expected[~followed, -1] = 0.0
        return expected

    def _followed(
        self, frame: int, followed: np.ndarray, expected: np.ndarray
    ) -> tuple[Array, Array]:
        """Components of a frame that is started from those expected, and new ones if they are due."""
        table = expected
        due = self._outliers > self._calm + self._settings.min_weight
        if due and not followed.all():
            table = self._with_new_ones(frame, followed, expected)
            self._calm = self._outliers
        on_device = to_device(table[None], self._fitter.lines.device)
        return self._fitter.improved(on_device, self._settings.next_steps, frame, frame + 1)

    def _with_new_ones(self, frame: int, followed: np.ndarray, expected: np.ndarray) -> np.ndarray:
        """Add components where outliers meet, and keep those that become tracers."""
        device = self._fitter.lines.device
        taken = np.where(followed[:, None], expected[:, :3], np.nan)[None]
        fresh = to_host(self._fitter.seeded(to_device(taken, device), frame, frame + 1))[0]
        tried = expected.copy()
        tried[~followed] = fresh[: int((~followed).sum())]
        tried[:, -1] /= max(1.0, tried[:, -1].sum() / 0.9)
        steps, on_device = self._settings.first_steps, to_device(tried[None], device)
        table, moments = self._fitter.improved(on_device, steps, frame, frame + 1)
        found = to_host(table)[0]
        new = self._good(found, to_host(moments)[0], followed, expected) & ~followed
        return np.where(new[:, None], found, expected)

    def _good(
        self, table: np.ndarray, moments: np.ndarray, followed: np.ndarray, expected: np.ndarray
    ) -> np.ndarray:
        """Tell which components are tracers.

        Of those at one place the oldest is. New ones must not be where a tracer that is followed is
        expected, either: they would take its lines.
        """
        limits = self._settings.limits
        good = is_tracer(table[None], limits)[0] & (moments[:, 1] > 0.0)
        old, new = good & followed, good & ~followed
        by_age = table.copy()
        by_age[followed, -1] = 2.0 + self._born - self._labels[followed]
        old &= ~coincident(by_age[None], old[None])[0]
        by_age[followed, :-1] = expected[followed, :-1]
        new &= ~coincident(by_age[None], (followed | new)[None])[0]
        if limits.max_tracers is not None:
            new &= ranks(table[None], new[None])[0] < limits.max_tracers - followed.sum()
        result: np.ndarray = old | new
        return result

    def _update(self, table: np.ndarray, rows: np.ndarray, good: np.ndarray, now: float) -> None:
        """Remember the tracers seen, label new ones, and end those lost for too long."""
        for k in np.flatnonzero(good):  # at most 16
            if self._labels[k] < 0:
                self._labels[k], self._seen[k] = self._born, 0
                self._paths[k] = 0.0
                self._born += 1
        self._remember_paths(table, rows, good, now)
        self._shape[good] = table[good, -2:]
        self._seen[good] += 1
        self._lost = np.where(good, 0, self._lost + 1)
        self._labels[self._lost > self._settings.patience] = -1
        outliers = 1.0 - table[good, -1].sum()
        self._outliers = _MEMORY * self._outliers + (1.0 - _MEMORY) * outliers
        self._calm = min(self._calm, self._outliers)

    def _remember_paths(
        self, table: np.ndarray, rows: np.ndarray, good: np.ndarray, now: float
    ) -> None:
        """Paths to move tracers on by; of tracers at rest within frames, from their last two places."""
        if self._settings.motion:
            self._paths[good], self._clocks[good] = table[good, :6], now
            return
        later = rows[good, 0] - self._clocks[good]
        moved = rows[good, 1:4] - self._paths[good, :3]
        known = (self._seen[good] > 0) & (later > 0.0)
        velocity = np.where(known[:, None], moved / np.where(known, later, 1.0)[:, None], 0.0)
        share = np.where(self._seen[good] > 1, 0.5, 1.0)[:, None]
        kept = np.where(known[:, None], (1.0 - share) * self._paths[good, 3:6], 0.0)
        self._paths[good, :3], self._clocks[good] = rows[good, 1:4], rows[good, 0]
        self._paths[good, 3:6] = share * velocity + kept
