"""Finding columns by name or number."""

from __future__ import annotations

import re
from collections.abc import Sequence

_NUMBER = re.compile(r"[-+]?\d+", re.ASCII)


def column_number(key: str, names: Sequence[str]) -> int:
    """Find a column.

    Parameters
    ----------
    key : str
        A name; digits, with a sign if negative, mean a number instead and count from the end if
        negative.
    names : sequence of str
        The names of all columns.

    Returns
    -------
    int
        Number of the column, from 0.

    Raises
    ------
    ValueError
        If there is no such column.

    Examples
    --------
    >>> from gpupept.tracking.columns import column_number
    >>> column_number("y", ["t", "x", "y", "z"]), column_number("-1", ["t", "x", "y", "z"])
    (2, 3)
    """
    names = list(names)
    if _NUMBER.fullmatch(key):
        number = int(key) if len(key) < 20 else len(names)
        if not -len(names) <= number < len(names):
            raise ValueError(f"there is no column number {key}; the columns are {names}")
        return number % len(names)
    if key not in names:
        raise ValueError(f"there is no column {key!r}; the columns are {names}")
    return names.index(key)
