"""How good a tracking is, judged from the measured lines alone: one number, lower is better."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from gpupept.backend import to_device, to_host
from gpupept.base.line_data import LineData
from gpupept.base.point_data import PointData

Score = Callable[[Any], float]
FloatArray = np.ndarray[Any, np.dtype[np.float64]]

ONE_IN = 5  # lines of the middle half are held out ...
MOST_HELD_OUT = 20_000  # ... but never more than this
FEWEST_LINES = 4 * ONE_IN
MOST_STEPS = 200
SETTLED = 1e-9  # change of the objective at which the mixture counts as fitted
LEAST_VARIANCE = 1e-8  # of the distances to a tracer, relative to the field of view


class HeldOutLines:
    """Judge trajectories by how well they predict lines that were not used to find them.

    Of the middle half of the lines one in five (at most 20 000, evenly spread) is held out: the
    pipeline gets the others, in samples that span the same times. Trajectories are interpolated
    linearly to the times of the lines held out, and their distances tell how good the trajectories
    are. The first and the last quarter are not judged, as no window can be centred on their ends:
    a part of a recording would make all windows look too long.

    Parameters
    ----------
    lines : LineData
        All lines, on any device.

    Attributes
    ----------
    rest : LineData
        The lines that are not held out, in the same samples.

    Raises
    ------
    ValueError
        If there are fewer than 20 lines, or all that are held out are unusable.

    Notes
    -----
    A line held out at a time when K trajectories run comes with probability w from one of them, any
    alike, and otherwise from anywhere: its density is ``(1 - w) b + (w / K) sum_k exp(-d_k^2 / 2
    s^2) / (2 pi s^2)``, where d_k is its distance from trajectory k (mm) and b the constant density
    of the background, the inverse of the area of the field of view. It is b where no trajectory
    runs. w and s are fitted by expectation maximisation. The objective is minus the mean of
    ``log(density / b)``: how much (in nats per line) trajectories tell about lines, negated.

    Since the lines were not used, trajectories gain nothing from following noise. Errors of
    positions, delays of windows that are too long, gaps and lost tracers all make it worse, and
    so do false trajectories, as they take a share of w.

    Examples
    --------
    >>> import numpy as np
    >>> import gpupept
    >>> from gpupept.base.objectives import HeldOutLines
    >>> run = gpupept.simulation.rotating_tracers(lors=2_000, radii=[50])
    >>> judged = HeldOutLines(run.lines)
    >>> times = np.linspace(0, 100, 500)
    >>> truth = np.column_stack([times, run.paths[0](times)])
    >>> aside = truth + [0, 3, 0, 0]
    >>> judged(gpupept.PointData(truth)) < judged(gpupept.PointData(aside)) < 0
    True
    """

    def __init__(self, lines: LineData) -> None:
        count = len(lines.data)
        if count < FEWEST_LINES:
            raise ValueError(
                f"lines must be at least {FEWEST_LINES} so that some can be held out, found {count}"
            )
        first, last = count // 4, count - count // 4
        held_out = np.zeros(count, dtype=bool)
        held_out[first : last : max(ONE_IN, -(-(last - first) // MOST_HELD_OUT))] = True
        self.rest = _without(lines, held_out)
        rows = to_host(lines.data[to_device(np.nonzero(held_out)[0], lines.device)])[:, :7]
        along = rows[:, 4:7] - rows[:, 1:4]
        usable = np.isfinite(rows).all(axis=1) & (along != 0.0).any(axis=1)
        if not usable.any():
            raise ValueError(
                "lines must be finite and join two points, found none held out that do"
            )
        order = np.nonzero(usable)[0][np.argsort(rows[usable, 0], kind="stable")]
        self._times: FloatArray = np.ascontiguousarray(rows[order, 0])
        self._starts = rows[order, 1:4]
        self._directions = along[order] / np.linalg.norm(along[order], axis=1, keepdims=True)
        ends = np.concatenate([rows[order, 1:4], rows[order, 4:7]])
        self._breadth = float(
            ((ends - ends.mean(axis=0)) ** 2).mean()
        )  # of the field of view, mm^2

    def __call__(self, points: PointData) -> float:
        """Judge trajectories.

        Parameters
        ----------
        points : PointData
            Columns ``t, x, y, z`` (ms, mm) and ``label``, the trajectory, negative for noise.
            Without labels all positions make one trajectory.

        Returns
        -------
        float
            Lower is better; 0 for trajectories that say nothing, infinity without any position.
        """
        if not len(points.data):
            return np.inf
        lines, positions = _at_times(points, self._times)
        offsets = positions - self._starts[lines]
        parallel = (offsets * self._directions[lines]).sum(axis=1)
        squares = np.maximum((offsets * offsets).sum(axis=1) - parallel * parallel, 0.0)
        return 0.0 - _gain(lines, squares, len(self._times), self._breadth)


def _without(lines: LineData, held_out: np.ndarray) -> LineData:
    """Leave rows out of the samples, which keep their times."""
    kept = np.nonzero(~held_out)[0]
    return type(lines).from_batch(
        lines.data[to_device(kept, lines.device)],
        samples_indices=np.searchsorted(kept, lines.row_ranges),
        columns=lines.columns,
        attrs=lines.attrs,
    )


def _at_times(points: PointData, times: FloatArray) -> tuple[np.ndarray, FloatArray]:
    """Interpolate every trajectory to those of the ascending times at which it runs.

    Returns the numbers of the times and the positions there, (P,) and (P, 3).
    """
    rows = to_host(points.data)
    labels = to_host(points["label"]) if "label" in points.columns else np.zeros(len(rows))
    kept = np.isfinite(rows[:, :4]).all(axis=1) & (labels >= 0)
    rows, labels = rows[kept, :4], labels[kept]
    order = np.lexsort([rows[:, 0], labels])
    rows, labels = rows[order], labels[order]
    joined = labels[1:] == labels[:-1]
    before, after = rows[:-1][joined], rows[1:][joined]
    first = np.searchsorted(times, before[:, 0])
    counts = np.searchsorted(times, after[:, 0]) - first
    steps = np.repeat(np.arange(len(counts)), counts)
    within = np.arange(len(steps)) - np.repeat(np.cumsum(counts) - counts, counts)
    numbers = first[steps] + within
    spans = (after[:, 0] - before[:, 0])[steps]
    shares = ((times[numbers] - before[steps, 0]) / spans)[:, None]
    positions = before[steps, 1:] + shares * (after[steps, 1:] - before[steps, 1:])
    return numbers, positions


def _gain(lines: np.ndarray, squares: FloatArray, count: int, breadth: float) -> float:
    """Mean log of the density of lines over that of the background, see `HeldOutLines`.

    `lines` and `squares` hold a line and its squared distance for each trajectory that runs at its
    time; there are `count` lines in all.
    """
    rivals = np.bincount(lines, minlength=count)
    covered = rivals > 0
    if not covered.any() or breadth == 0.0:
        return 0.0
    share, variance, gain = 0.5, breadth / 10.0, -np.inf
    for _ in range(MOST_STEPS):
        # Densities relative to the background, 1 / (2 pi breadth).
        near = share * breadth / variance * np.exp(-squares / (2.0 * variance)) / rivals[lines]
        total = np.bincount(lines, near, count) + np.where(covered, 1.0 - share, 1.0)
        previous, gain = gain, float(np.log(total).mean())
        if gain - previous < SETTLED:
            break
        owned = near / total[lines]
        sum_owned = float(owned.sum())
        if sum_owned == 0.0:
            return 0.0
        share = sum_owned / float(covered.sum())
        variance = max(float(owned @ squares) / (2.0 * sum_owned), LEAST_VARIANCE * breadth)
    return gain


def frequency_error(points: PointData, lines: Any) -> float:
    """Squared difference between the rate of positions and a hundredth of the rate of lines.

    Parameters
    ----------
    points, lines : PointData and LineData
        The rates are counted over the time of all lines.

    Returns
    -------
    float
        In 1 / ms^2; NaN if the lines take no time.
    """
    if not len(lines.data):
        return np.nan
    times = to_host(lines.data[:, 0])
    duration = float(np.nanmax(times) - np.nanmin(times))
    if not duration > 0.0:
        return np.nan
    return float(((len(points.data) - len(lines.data) / 100.0) / duration) ** 2)


def spatial_error(points: PointData) -> float:
    """Median of the column ``error``, such as `gpupept.tracking.Centroids` makes.

    Parameters
    ----------
    points : PointData
        Positions.

    Returns
    -------
    float
        In mm; NaN values do not count. NaN if there is no such column or no value.
    """
    if "error" not in points.columns:
        return np.nan
    errors = to_host(points["error"])
    errors = errors[~np.isnan(errors)]
    return float(np.median(errors)) if len(errors) else np.nan
