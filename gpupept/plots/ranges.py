"""Ranges of axes: checked, equal, or fitted to the data."""

from __future__ import annotations

import base64
import math
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from gpupept.plots.inputs import FloatArray

Limits = list[float]


def check_limits(name: str, limits: Any) -> Limits | None:
    """Return the limits as a list of two floats, None when not given.

    Parameters
    ----------
    name : str
        What the limits are called in error messages.
    limits : pair of float or None
        Lower and upper limit; a reversed pair reverses the axis.

    Raises
    ------
    ValueError
        If it is not a pair of finite numbers.

    Examples
    --------
    >>> from gpupept.plots.ranges import check_limits
    >>> check_limits("xlim", (0, 600))
    [0.0, 600.0]
    """
    if limits is None:
        return None
    try:
        pair = np.asarray(limits, dtype=np.float64)
    except (TypeError, ValueError):
        pair = np.empty(0)
    if pair.shape != (2,) or not np.isfinite(pair).all():
        raise ValueError(f"{name}: expected a pair of finite numbers or None, found {limits!r}")
    return [float(value) for value in pair]


def finite_span(arrays: Iterable[FloatArray]) -> tuple[float, float] | None:
    """Smallest and largest finite value of all arrays, None if there is none."""
    finite = [values[np.isfinite(values)] for values in arrays]
    finite = [values for values in finite if len(values)]
    if not finite:
        return None
    return min(float(v.min()) for v in finite), max(float(v.max()) for v in finite)


def widened(middle: float, span: float) -> Limits:
    """Range of the given width about a middle; of 1 where there is no width to speak of."""
    least = max(1e-12 * abs(middle), 1e-100)
    width = span if span > least else max(1.0, 1e-6 * abs(middle))
    return [middle - width / 2, middle + width / 2]


def equal_ranges(spans: Mapping[str, tuple[float, float] | None]) -> dict[str, Limits]:
    """Ranges of one common length about the middle of each span.

    Empty without any span, and for spans too wide for floating-point numbers.
    """
    known = {axis: span or (0.0, 0.0) for axis, span in spans.items()}
    if not any(spans.values()):
        return {}
    length = max(high - low for low, high in known.values())
    ranges = {axis: widened(low / 2 + high / 2, length) for axis, (low, high) in known.items()}
    return ranges if np.isfinite(list(ranges.values())).all() else {}


def own_range(span: tuple[float, float] | None, padding: float = 1.0) -> Limits | None:
    """Range about a span; None without one, or with one too wide for floating-point numbers."""
    if span is None:
        return None
    low, high = span
    limits = widened(low / 2 + high / 2, (high - low) * padding)
    return limits if math.isfinite(limits[0] + limits[1]) else None


def coordinate(trace: Any, axis: str) -> FloatArray | None:
    """Values of a trace along one axis, None if it has none that are numbers."""
    values = getattr(trace, axis, None)
    if values is None:
        return None
    if isinstance(values, dict) and "bdata" in values:  # an array in a figure read from JSON
        values = np.frombuffer(base64.b64decode(values["bdata"]), dtype=values["dtype"])
    try:
        found = np.asarray(values, dtype=np.float64).ravel()
    except (TypeError, ValueError):
        return None
    return _cell_edges(trace, axis, found) if trace.type == "heatmap" else found


def _cell_edges(trace: Any, axis: str, places: FloatArray) -> FloatArray:
    """Outer edges of the cells of a heat map whose centres are given."""
    shape = np.shape(trace.z)
    horizontal = 0 if trace.transpose else 1
    if len(shape) != 2 or len(places) != shape[horizontal if axis == "x" else 1 - horizontal]:
        return places
    steps = np.diff(places[[0, 1, -2, -1]])[::2] if len(places) > 1 else np.zeros(2)
    return np.array([places[0] - steps[0] / 2, places[-1] + steps[1] / 2])
