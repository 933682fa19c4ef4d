"""Working out a condition for all rows of all samples at once, where the rows are."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from typing import Any

import numpy as np

from gpupept.backend import array_namespace, device_of, to_device, to_host
from gpupept.kernels.rows import kept_sizes, row_owners, take_rows
from gpupept.kernels.segments.reductions import reduce_segments
from gpupept.tracking.columns import column_number
from gpupept.tracking.conditions.nodes import (
    ROW,
    SAMPLE,
    AsNumber,
    Call,
    Column,
    Comparison,
    Constant,
    Node,
    Reduction,
    SampleSize,
)


class SampleRows:
    """Rows of samples that lie one after another.

    Parameters
    ----------
    data : (K, C) float64 array
        The rows, NumPy or CuPy.
    sizes : (S,) int64 array
        Rows per sample, on the host.
    names : sequence of str
        Names of the columns.
    """

    def __init__(self, data: Any, sizes: np.ndarray, names: Sequence[str]) -> None:
        self.data, self.sizes, self.names = data, sizes, names

    def column(self, key: str) -> Any:
        """Values of a column, (K,); ValueError if there is none of this name or number."""
        return self.data[:, column_number(key, self.names)]

    def on_rows(self, values: Any) -> Any:
        """Repeat (S,) values of samples for their rows, (K,)."""
        return values[row_owners(self.sizes, device_of(self.data))]

    def kept(self, rows: Any, sizes: np.ndarray) -> SampleRows:
        """Keep only some rows, given by (R,) numbers; `sizes` tells how many of each sample."""
        return SampleRows(take_rows(self.data, rows), sizes, self.names)

    def where(self, mask: Any) -> SampleRows:
        """Keep only the rows for which a (K,) mask is true."""
        rows = array_namespace(self.data).flatnonzero(mask)
        return self.kept(rows, kept_sizes(rows, self.sizes))


def evaluate_on_rows(node: Node, rows: SampleRows) -> Any:
    """Work out a condition for each row.

    Parameters
    ----------
    node : Node
        From `gpupept.tracking.conditions.parse_row_condition`.
    rows : SampleRows
        What it is asked of.

    Returns
    -------
    (K,) bool array
        Whether it holds. What is not a number compares as false, and differs from everything.

    Raises
    ------
    ValueError
        If a column does not exist.
    """
    found = _found(node, rows)
    if node.level == SAMPLE:
        return rows.on_rows(found)
    return found if node.level == ROW else _repeated(found, len(rows.data), rows)


def evaluate_on_samples(node: Node, rows: SampleRows) -> np.ndarray:
    """Work out a condition for each sample.

    Parameters
    ----------
    node : Node
        From `gpupept.tracking.conditions.parse_sample_condition`.
    rows : SampleRows
        The rows of the samples.

    Returns
    -------
    (S,) bool array
        Whether it holds, on the host; as `evaluate_on_rows`.

    Raises
    ------
    ValueError
        If a column does not exist.
    """
    found = _found(node, rows)
    return to_host(found if node.level == SAMPLE else _repeated(found, len(rows.sizes), rows))


def _found(node: Node, rows: SampleRows) -> Any:
    with np.errstate(all="ignore"):
        return _value(node, rows)


def _repeated(value: Any, count: int, rows: SampleRows) -> Any:
    return array_namespace(rows.data).full(count, bool(value))


def _value(node: Node, rows: SampleRows) -> Any:
    """Value of a node: a number, (S,) or (K,) values, by its level."""
    match node:
        case Constant(value=value, logical=logical):
            return np.bool_(value) if logical else np.float64(value)
        case Column(key=key):
            return rows.column(key)
        case SampleSize():
            return to_device(rows.sizes.astype(np.float64), device_of(rows.data))
        case AsNumber(operand=operand):
            return _value(operand, rows).astype(np.float64)
        case Comparison():
            return _compare(node, rows)
        case Reduction():
            operand = _value(node.operand, rows)
            return reduce_segments(node.function, operand, rows.sizes, node.fraction)
        case Call():
            return _call(node, rows)


def _operands(node: Call | Comparison, rows: SampleRows) -> list[Any]:
    """Values of all operands, on the level of the node."""
    values = []
    for operand in node.operands:
        value = _value(operand, rows)
        values.append(
            rows.on_rows(value) if operand.level == SAMPLE and node.level == ROW else value
        )
    return values


def _compare(node: Comparison, rows: SampleRows) -> Any:
    values = _operands(node, rows)
    return reduce(
        lambda first, second: first & second,
        [_apply(function, values[i : i + 2]) for i, function in enumerate(node.functions)],
    )


def _call(node: Call, rows: SampleRows) -> Any:
    values = _operands(node, rows)
    if node.function in ("logical_and", "logical_or"):
        return reduce(lambda first, second: _apply(node.function, [first, second]), values)
    options = {name: bool(v) if name == "equal_nan" else v for name, v in node.options}
    return _apply(node.function, values, **options)


def _apply(function: str, values: list[Any], **options: Any) -> Any:
    """Call a function of the library of the values; plain numbers alone are NumPy's."""
    xp = array_namespace(*values)
    if function == "where" and not getattr(values[0], "ndim", 0):
        values = [xp.asarray(values[0]), *values[1:]]
    if xp is not np:
        values = [value.item() if isinstance(value, np.generic) else value for value in values]
    return getattr(xp, function)(*values, **options)
