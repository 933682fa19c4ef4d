"""Checks of what filters are given."""

from __future__ import annotations

from typing import Any


def check_iterable(target_type: type, **values: Any) -> None:
    """Check that a value is a sequence whose elements are of a type.

    Parameters
    ----------
    target_type : type
        What the first element must be; an empty sequence passes.
    **values : object
        One or more ``name=value``; the name is used in the error.

    Raises
    ------
    TypeError
        If a value cannot be iterated, has no length (a generator), or starts with an element of
        another type.

    Examples
    --------
    >>> import gpupept
    >>> from gpupept.base import check_iterable
    >>> check_iterable(float, times=[0.5, 1.0])
    >>> check_iterable(gpupept.LineData, samples=[1, 2])
    Traceback (most recent call last):
        ...
    TypeError: samples must be an iterable of LineData, found an element of type int
    """
    for name, value in values.items():
        wanted = f"{name} must be an iterable of {target_type.__name__}"
        if not hasattr(value, "__iter__"):
            raise TypeError(f"{wanted}, found {type(value).__name__}, which cannot be iterated")
        if not hasattr(value, "__len__"):
            raise TypeError(
                f"{wanted} with a length, found {type(value).__name__}; use list({name})"
            )
        if len(value) and not isinstance(first := next(iter(value)), target_type):
            if isinstance(value, target_type):
                raise TypeError(f"{wanted}, found a single one; give a list, [{name}]")
            raise TypeError(f"{wanted}, found an element of type {type(first).__name__}")
