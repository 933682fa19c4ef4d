"""Text forms of objects and containers."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Any

import numpy as np

from gpupept.backend import array_namespace, to_host

if TYPE_CHECKING:
    from gpupept.base.iterable_samples import IterableSamples

EDGE_ROWS = 2


def shorten(text: str, longest: int, keep: int) -> str:
    """Cut text longer than `longest` characters to its first `keep` and three dots."""
    return text if len(text) <= longest else text[:keep] + "..."


def public_values(obj: object) -> dict[str, Any]:
    """Public attributes that are not callable, in alphabetical order."""
    names = [name for name in dir(obj) if not name.startswith("_")]
    values = {name: getattr(obj, name) for name in names}
    return {name: value for name, value in values.items() if not callable(value)}


def object_text(obj: object) -> str:
    """Class name, a rule, and one line per public attribute."""
    name = type(obj).__name__
    lines = [f"{key} = {shorten(str(value), 80, 78)}" for key, value in public_values(obj).items()]
    return "\n".join([name, "-" * len(name), *lines])


def container_text(container: IterableSamples, data_name: str) -> str:
    """Text form of a `LineData` or `PointData`."""
    kind = type(container)
    prefix = "gpupept." if kind.__module__.partition(".")[0] == "gpupept" else ""
    title = f"{prefix}{kind.__name__} (samples: {len(container)})"
    size = container.sample_size
    if isinstance(size, np.ndarray):
        size = _array_text(size)
    parts = [title, "-" * len(title), f"sample_size = {size}", f"overlap = {container.overlap}"]
    if size is None:
        parts += ["samples_indices = ", _indent(_array_text(container.samples_indices))]
    rows, columns = container.data.shape
    parts += [
        f"{data_name} = ",
        f"  (rows: {rows}, columns: {columns})",
        _indent(_array_text(_edge_rows(container.data))),
        f"columns = {container.columns}",
        _attrs_text(container.attrs),
    ]
    return "\n".join(parts) + "\n"


def grid_text(
    name: str, limits: dict[str, np.ndarray], cells_name: str, cells: Any, attrs: dict[str, Any]
) -> str:
    """Text form of a `Pixels` or `Voxels`."""
    shape = tuple(int(count) for count in cells.shape)
    parts = [name, "-" * len(name), *(f"{key} = {limit}" for key, limit in limits.items())]
    parts += [
        f"{cells_name} = ",
        f"  (shape: {shape})",
        _indent(_array_text(_edge_cells(cells))),
        _attrs_text(attrs),
    ]
    return "\n".join(parts) + "\n"


def _attrs_text(attrs: dict[str, Any]) -> str:
    if not attrs:
        return "attrs = {}"
    lines = [shorten(f"  {name!r}: {value}", 75, 72) for name, value in attrs.items()]
    return "\n".join(["attrs = {", *lines, "}"])


def _array_text(array: np.ndarray) -> str:
    with np.printoptions(threshold=5, edgeitems=EDGE_ROWS):
        return str(array)


def _edge_rows(data: Any) -> np.ndarray:
    """Rows that are shown, on the host: enough of them to print like the whole array."""
    if len(data) <= 2 * EDGE_ROWS:
        return to_host(data)
    head, tail = to_host(data[: EDGE_ROWS + 1]), to_host(data[-EDGE_ROWS:])
    return np.concatenate([head, tail])


def _edge_cells(cells: Any) -> np.ndarray:
    """Cells at both ends of each axis, on the host: enough of them to print like all."""
    xp = array_namespace(cells)
    for axis in range(cells.ndim):
        if cells.shape[axis] > 2 * EDGE_ROWS:
            before = (slice(None),) * axis
            ends = (slice(EDGE_ROWS + 1), slice(-EDGE_ROWS, None))
            cells = xp.concatenate([cells[(*before, end)] for end in ends], axis=axis)
    return to_host(cells)


def _indent(text: str) -> str:
    return textwrap.indent(text, "  ")
