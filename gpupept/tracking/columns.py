"""Finding columns by name or number, and appending others."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from gpupept.backend import array_namespace
from gpupept.kernels import Array

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


def append_columns(
    rows: Array, names: Sequence[str], added: Sequence[Any], added_names: Sequence[str]
) -> tuple[Array, list[str]]:
    """Append columns; they replace columns of the same names, which would be found instead of them.

    Parameters
    ----------
    rows : (N, C) float64 array
        The table. Its first four columns stay, whatever their names.
    names : sequence of str
        Names of its columns.
    added : sequence of (N,) or (N, K) arrays
        What is appended, where the table is.
    added_names : sequence of str
        Names of the columns appended.

    Returns
    -------
    rows : (N, C') float64 array
        The new table, C-contiguous.
    names : list of str
        Names of its columns.

    Examples
    --------
    >>> import numpy as np
    >>> from gpupept.tracking.columns import append_columns
    >>> append_columns(np.zeros((1, 5)), ["t", "x", "y", "z", "label"], [np.ones(1)], ["label"])
    (array([[0., 0., 0., 0., 1.]]), ['t', 'x', 'y', 'z', 'label'])
    """
    xp = array_namespace(rows)
    kept = [i for i, name in enumerate(names) if i < 4 or name not in added_names]
    tables = [rows if len(kept) == len(names) else rows[:, kept]]
    tables += [(part if part.ndim == 2 else part[:, None]).astype(rows.dtype) for part in added]
    table = xp.ascontiguousarray(xp.concatenate(tables, axis=1))
    return table, [names[i] for i in kept] + list(added_names)
