"""Functions of points, called with points or cells at a time, and what they may return."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from gpupept.backend import array_namespace, common_device, is_device_array
from gpupept.base.array_container import ArrayContainer
from gpupept.grids.layout import bin_means, sub_points
from gpupept.grids.point_function import PointFunction, as_point_function
from gpupept.kernels import Array

# Points that a function is given at a time: few enough for the caches of a processor, and enough to keep
# a GPU busy.
_MAX_POINTS_HOST = 2**16
_MAX_POINTS_DEVICE = 2**24


@dataclass
class PointEvaluator:
    """A function of points, with the other arguments it is to be given.

    Parameters
    ----------
    function : callable
        Called as ``function(points, ...)``, or ``function(owner, points, ...)`` if there is an owner.
        Returns (n,) or (n, D) numbers for (n, D) points, or a list of such arrays.
    owner : object, optional
        First argument, the object whose method the function is.
    args, kwargs : optional
        Further arguments.
    max_points : int, optional
        Points in a call, at most, unless one cell has more.
    nan_policy : {"propagate", "raise"}
        Whether values that are not finite are an error.
    """

    function: Callable[..., Any]
    owner: Any = None
    args: tuple[Any, ...] = ()
    kwargs: dict[str, Any] = field(default_factory=dict)
    max_points: int | None = None
    nan_policy: str = "propagate"
    evaluations: int = field(default=0, init=False)
    returned_list: bool = field(default=False, init=False)

    def compiled_for(self, centres: Array) -> PointFunction | None:
        """Return the function if it is one of single points that may run cell by cell."""
        if self.owner is not None or self.kwargs:
            return None
        if self.nan_policy == "raise":  # which is told from the values at all points
            return None
        single = as_point_function(self.function, self.args, centres.shape[1])
        if single is None or (is_device_array(centres) and single.source is None):
            return None
        return single

    def at(self, points: Array) -> list[Array]:
        """Values at points, one array for each element of a list."""
        found = self._call(points)
        self.evaluations += len(points)
        self.returned_list = isinstance(found, list | tuple)
        parts = found if isinstance(found, list | tuple) else [found]
        results = [_checked(part, points) for part in parts]
        if not results:
            raise ValueError("the function returned an empty list; return at least one array")
        if self.nan_policy == "raise":
            _check_finite(results)
        return results

    def _call(self, points: Array) -> Any:
        if self.owner is not None:
            return self.function(self.owner, points, *self.args, **self.kwargs)
        single = as_point_function(self.function, self.args, points.shape[1])
        if single is not None and not self.kwargs:
            return single(points)
        return self.function(points, *self.args, **self.kwargs)

    def means(self, centres: Array, steps: tuple[float, ...], sub_size: int) -> list[Array]:
        """Means over the sub-cells of cells, in float64."""
        xp = array_namespace(centres)
        limit = self.max_points or (
            _MAX_POINTS_DEVICE if is_device_array(centres) else _MAX_POINTS_HOST
        )
        per_call = max(1, limit // sub_size ** centres.shape[1])
        parts: list[list[Array]] = []
        for first in range(0, len(centres), per_call):
            chunk = centres[first : first + per_call]
            values = self.at(sub_points(chunk, steps, sub_size))
            parts.append([bin_means(value, len(chunk)) for value in values])
        if len(parts) <= 1:
            return parts[0] if parts else [xp.empty(0)]
        return [xp.concatenate(pieces) for pieces in zip(*parts, strict=True)]


def _checked(part: Any, points: Array) -> Array:
    """One result of a function: an array for the points, on their device."""
    if isinstance(part, ArrayContainer):
        part = part.array
    array = part if is_device_array(part) else np.asarray(part)
    shapes = ((len(points),), tuple(points.shape))
    if array.shape not in shapes:
        raise ValueError(
            f"the function must return an array of shape {shapes[0]} or {shapes[1]} for "
            f"{len(points)} points, found shape {tuple(array.shape)}"
        )
    if array.dtype.kind not in "buif":
        raise TypeError(f"the function must return real numbers, found dtype {array.dtype}")
    common_device(points, array)
    return array


def _check_finite(results: list[Array]) -> None:
    for result in results:
        xp = array_namespace(result)
        lost = int((~xp.isfinite(result)).sum())
        if lost:
            raise ValueError(
                f"the function returned {lost} of {result.size} values that are not finite; mask the "
                'places where it is not defined, or use nan_policy="propagate"'
            )
