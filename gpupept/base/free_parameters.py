"""Numbers among the attributes of transformers, found by name, that can be varied."""

from __future__ import annotations

import inspect
import numbers
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class FreeParameter:
    """An attribute of one of the transformers, and the values it may take."""

    name: str
    step: int
    attribute: str
    low: float
    high: float
    whole: bool

    def value(self, share: float) -> int | float:
        """Value at a share, 0 to 1, of the way from the lowest to the highest one."""
        value = self.low + min(max(float(share), 0.0), 1.0) * (self.high - self.low)
        return round(value) if self.whole else value

    def share(self, value: float) -> float:
        """Inverse of `value`."""
        return (value - self.low) / (self.high - self.low)


def free_parameters(steps: Sequence[Any], given: Mapping[str, Any]) -> list[FreeParameter]:
    """Find what names such as ``sample_size2`` mean, and check their bounds.

    Parameters
    ----------
    steps : sequence of Transformer
        Of the pipeline.
    given : mapping of str to (min, max)
        Bounds by name: an attribute, and optionally a number n for the n-th transformer that has a
        number as this attribute; without it, the first.

    Returns
    -------
    list of FreeParameter
        In the order given.

    Raises
    ------
    ValueError
        If none is given, a name is unknown or means the same as another, or bounds are not two
        rising finite numbers, whole ones between them where the attribute is an integer.

    Examples
    --------
    >>> from gpupept.base.free_parameters import free_parameters
    >>> from gpupept.tracking import HDBSCAN, Cutpoints
    >>> steps = [Cutpoints(0.5), HDBSCAN(0.15), HDBSCAN(0.6)]
    >>> found = free_parameters(steps, {"max_distance": [0.1, 1], "true_fraction2": [0.3, 0.9]})
    >>> [(parameter.step, parameter.attribute) for parameter in found]
    [(0, 'max_distance'), (2, 'true_fraction')]
    """
    places = _places(steps)
    available = ", ".join(_available(places))
    if not given:
        raise ValueError(f"free_parameters: none given; available are {available or 'none'}")
    found: list[FreeParameter] = []
    for name, bounds in given.items():
        place = _place(places, name)
        if place is None:
            raise ValueError(
                f"free_parameters: there is no number {name!r} to vary; available are "
                f"{available or 'none'}"
            )
        step, attribute = place
        twins = [p.name for p in found if p.attribute == attribute and steps[p.step] is steps[step]]
        if twins:
            raise ValueError(f"free_parameters: {twins[0]} and {name} are the same")
        whole = isinstance(getattr(steps[step], attribute), numbers.Integral)
        low, high = _bounds(name, bounds, whole)
        found.append(FreeParameter(name, step, attribute, low, high, whole))
    return found


def _places(steps: Sequence[Any]) -> dict[str, list[int]]:
    """Attributes that are numbers, and the steps that have them."""
    places: dict[str, list[int]] = {}
    for index, step in enumerate(steps):
        for name in _attributes(step):
            places.setdefault(name, []).append(index)
    return places


def _attributes(step: Any) -> list[str]:
    """Public attributes of an object that are numbers and can be set."""
    settable = [
        name
        for name, member in inspect.getmembers(type(step), lambda m: isinstance(m, property))
        if member.fset is not None
    ]
    names = [name for name in [*vars(step), *settable] if not name.startswith("_")]
    return [name for name in dict.fromkeys(names) if _is_number(getattr(step, name, None))]


def _is_number(value: Any) -> bool:
    return isinstance(value, numbers.Real) and not isinstance(value, bool | np.bool_)


def _available(places: Mapping[str, Sequence[int]]) -> list[str]:
    return [
        name if number == 1 else f"{name}{number}"
        for name, steps in places.items()
        for number in range(1, len(steps) + 1)
    ]


def _place(places: Mapping[str, Sequence[int]], name: str) -> tuple[int, str] | None:
    if name in places:
        return places[name][0], name
    for end in range(1, len(name)):
        steps, number = places.get(name[:end], ()), name[end:]
        if number.isdecimal() and number[0] != "0" and int(number) <= len(steps):
            return steps[int(number) - 1], name[:end]
    return None


def _bounds(name: str, bounds: Any, whole: bool) -> tuple[float, float]:
    try:
        low, high = (float(bound) for bound in bounds)
    except (TypeError, ValueError):
        raise ValueError(f"{name} must be two numbers [min, max], found {bounds!r}") from None
    if not (low < high and np.isfinite([low, high]).all()):
        raise ValueError(f"{name} must be finite [min, max] with min < max, found {bounds!r}")
    if not whole:
        return low, high
    least, most = float(np.ceil(low)), float(np.floor(high))
    if not least < most:
        raise ValueError(
            f"{name} is an integer and [min, max] must leave it a choice, found {bounds!r}; to vary "
            f"it as a fraction, set it to a float first"
        )
    return least, most


def set_values(
    steps: Sequence[Any], parameters: Sequence[FreeParameter], values: Sequence[int | float]
) -> None:
    """Set the parameters on the transformers.

    Parameters
    ----------
    steps : sequence of Transformer
        Of the pipeline, or of a copy.
    parameters, values : sequence
        The values and where they belong.
    """
    for parameter, value in zip(parameters, values, strict=True):
        setattr(steps[parameter.step], parameter.attribute, value)
