"""Judging the components of mixtures, tables as `gpupept.kernels.em.em_steps` takes them."""

from __future__ import annotations

from typing import NamedTuple

from gpupept.backend import array_namespace
from gpupept.kernels import Array


class Limits(NamedTuple):
    """What makes a component a tracer: weight, spread (mm), and how many there may be."""

    min_weight: float
    max_spread: float
    max_tracers: int | None


def survivors(table: Array, limits: Limits, share: float = 1.0) -> Array:
    """Set the weight of components that are no tracers to zero.

    Parameters
    ----------
    table : (F, K, 3 (order + 1) + 2) float64
        The components of F frames.
    limits : Limits
        What they must be.
    share : float
        Of the smallest weight; below 1 the number of tracers is not limited.

    Returns
    -------
    (F, K, 3 (order + 1) + 2) float64
        Components that are too light, too wide, or nearer to a heavier one than the sum of both
        spreads, have the weight 0, and so have those beyond the number of tracers.
    """
    xp = array_namespace(table)
    good = is_tracer(table, limits, share)
    good &= ~coincident(table, good)
    if limits.max_tracers is not None and share == 1.0:
        good &= ranks(table, good) < limits.max_tracers
    kept = xp.array(table)
    kept[:, :, -1] = xp.where(good, table[:, :, -1], 0.0)
    return kept


def is_tracer(table: Array, limits: Limits, share: float = 1.0) -> Array:
    """Tell which components are heavy and narrow enough, (F, K); see `survivors`."""
    xp = array_namespace(table)
    weights = table[:, :, -1]
    good = (weights >= share * limits.min_weight) & (weights > 0.0)
    good &= table[:, :, -2] <= (limits.max_spread / share) ** 2
    enough: Array = good & xp.isfinite(table).all(axis=2)
    return enough


def reported(table: Array, moments: Array, times: Array) -> tuple[Array, Array]:
    """Rows of the tracers.

    Parameters
    ----------
    table, moments
        The tracers of F frames and what `gpupept.kernels.em.em_steps` says of them.
    times : (F, 3) float64
        From `gpupept.kernels.em.frame_times`.

    Returns
    -------
    rows : (F, K, 9) float64
        Rows ``t, x, y, z, error, weight, vx, vy, vz`` at the mean time of a tracer's lines.
    kept : (F, K) bool
        Whether there is a tracer whose position is determined.
    """
    xp = array_namespace(table)
    delay = xp.where(moments[:, :, 1] > 0.0, moments[:, :, 0], 0.0)
    path = at_time(table[:, :, :-2], delay)
    rows = xp.zeros((*table.shape[:2], 9))
    rows[:, :, 0] = times[:, 1, None] + delay
    rows[:, :, 1:4] = path[:, :, :3]
    rows[:, :, 4] = xp.sqrt(table[:, :, -2])
    rows[:, :, 5] = table[:, :, -1]
    if path.shape[2] > 3:
        rows[:, :, 6:9] = path[:, :, 3:6]
    kept: Array = (table[:, :, -1] > 0.0) & (moments[:, :, 1] > 0.0)
    return rows, kept


def by_weight(table: Array, kept: Array) -> Array:
    """Order of the components of each frame, (F, K): those kept fall in weight, then the others."""
    xp = array_namespace(table)
    order: Array = xp.argsort(xp.where(kept, ranks(table, kept), table.shape[1]), axis=1)
    return order


def at_time(paths: Array, delay: Array) -> Array:
    """Coefficients of paths, (..., 3 (order + 1)), as of a later time; the delay (...) is in ms."""
    xp = array_namespace(paths)
    late, delay = xp.array(paths), delay[..., None]
    if paths.shape[-1] > 3:
        late[..., :3] += delay * paths[..., 3:6]
    if paths.shape[-1] > 6:
        late[..., :3] += delay**2 * paths[..., 6:9]
        late[..., 3:6] += 2.0 * delay * paths[..., 6:9]
    return late


def heavier(table: Array, good: Array) -> Array:
    """Tell whether the first of two good components is heavier, or equal and first, (F, K, K)."""
    xp = array_namespace(table)
    weights = xp.where(good, table[:, :, -1], -1.0)
    first = xp.arange(weights.shape[1])[:, None] < xp.arange(weights.shape[1])[None, :]
    one, other = weights[:, :, None], weights[:, None, :]
    above: Array = (one > other) | ((one == other) & first)
    return above


def ranks(table: Array, good: Array) -> Array:
    """Count the good components heavier than each, (F, K): a different number for each good one."""
    counts: Array = (heavier(table, good) & good[:, :, None]).sum(axis=1)
    return counts


def coincident(table: Array, good: Array) -> Array:
    """Tell which components are nearer to a heavier good one than the sum of both spreads."""
    xp = array_namespace(table)
    apart = table[:, :, None, :3] - table[:, None, :, :3]
    spreads = xp.sqrt(table[:, :, -2])
    reach = spreads[:, :, None] + spreads[:, None, :]
    near = (apart**2).sum(axis=3) < reach**2
    meets: Array = (near & heavier(table, good) & good[:, :, None]).any(axis=1)
    return meets
