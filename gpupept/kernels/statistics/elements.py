"""Elements of an array of any layout as contiguous runs, and the order of values as integers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from gpupept.backend import array_namespace
from gpupept.kernels import Array

PIECE = 2**22  # elements copied at a time where the layout asks for it


def pieces(values: Array, excluded: Array | None) -> Iterator[tuple[Array, Array | None]]:
    """Cut an array into contiguous vectors that hold each element once, in any order.

    Arrays that fill their memory, whatever the order and direction of their axes, are one piece and
    not copied; others are copied a bounded number of elements at a time.
    """
    values, excluded = _in_memory_order(values, excluded)
    if _is_dense(values) and (excluded is None or _is_dense(excluded)):
        yield values.reshape(-1), None if excluded is None else excluded.reshape(-1)
    else:
        yield from _copied(values, excluded)


def _is_dense(values: Array) -> bool:
    return bool(values.flags.c_contiguous) and values.dtype.isnative


def _in_memory_order(values: Array, excluded: Array | None) -> tuple[Array, Array | None]:
    axes = sorted(range(values.ndim), key=lambda axis: -abs(values.strides[axis]))
    index = tuple(slice(None, None, -1 if values.strides[a] < 0 else 1) for a in axes)
    ordered = values.transpose(axes)[(*index, ...)]
    return ordered, None if excluded is None else excluded.transpose(axes)[(*index, ...)]


def _copied(values: Array, excluded: Array | None) -> Iterator[tuple[Array, Array | None]]:
    if values.size > PIECE:
        rows = PIECE // (values.size // len(values))
        if rows == 0:
            for i in range(len(values)):
                yield from _copied(values[i], None if excluded is None else excluded[i])
            return
        for a in range(0, len(values), rows):
            part = slice(a, a + rows)
            yield from _copied(values[part], None if excluded is None else excluded[part])
        return
    xp = array_namespace(values)
    native = values.astype(values.dtype.newbyteorder("="), copy=False)
    yield (
        xp.ascontiguousarray(native).reshape(-1),
        None if excluded is None else xp.ascontiguousarray(excluded).reshape(-1),
    )


def value_of_key(key: int, dtype: np.dtype[Any]) -> float | int:
    """Value of an order-preserving key.

    The keys are signed integers: signed integers themselves; unsigned ones, those of 64 bits less 2^63;
    the bits of floating-point numbers, all but the sign inverted where the sign is set.
    """
    if dtype.kind != "f":
        return key + 2**63 if dtype.kind == "u" and dtype.itemsize == 8 else key
    bits = 8 * dtype.itemsize
    pattern = key if key >= 0 else key ^ (2 ** (bits - 1) - 1)
    word = np.array(pattern % 2**bits, dtype=f"uint{bits}")
    return float(word.view(dtype.newbyteorder("=")))
