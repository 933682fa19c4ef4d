"""Turn whatever a plot method is given into rows on the host, with column names."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gpupept.backend import to_host
from gpupept.base import LineData, PointData, SampleGroups
from gpupept.base.inputs import as_table

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class Table:
    """Rows to plot: an (N, C) host array and the C column names."""

    rows: FloatArray
    columns: list[str]

    def column(self, key: int | str) -> FloatArray:
        """Return one column, by position or by name."""
        return self.rows[:, self._position(key)]

    def name(self, key: int | str) -> str:
        """Return the name of one column, given by position or by name."""
        return self.columns[self._position(key)]

    def _position(self, key: int | str) -> int:
        if isinstance(key, str):
            if key not in self.columns:
                raise ValueError(f"colorbar_col: no column {key!r}; the columns are {self.columns}")
            return self.columns.index(key)
        width = self.rows.shape[1]
        if not -width <= key < width:
            raise IndexError(f"colorbar_col: column {key} of rows with {width} columns")
        return int(key)


def point_table(points: Any) -> Table:
    """Rows ``t, x, y, z, ...`` of a `PointData`, its groups, or anything its constructor takes."""
    return _table(points, PointData)


def line_table(lines: Any) -> Table:
    """Rows ``t, x1, y1, z1, x2, y2, z2, ...`` of a `LineData` or anything its constructor takes."""
    return _table(lines, LineData)


def plane_point_table(points: Any) -> Table:
    """Rows ``t, x, y, ...`` of a 2D array; of a `PointData`, its rows as they are."""
    container = _members(points)
    if isinstance(container, PointData):
        return _table(container, PointData)
    rows = _plane_rows(container, 3, "points", "t, x, y")
    return Table(rows, _names(("t", "x", "y"), rows.shape[1]))


def plane_line_rows(lines: Any) -> FloatArray:
    """Rows ``t, x1, y1, x2, y2, ...`` of a 2D array; a `LineData` is projected on x, y."""
    if isinstance(lines, LineData):
        return line_table(lines).rows[:, [0, 1, 2, 4, 5]]
    return _plane_rows(lines, 5, "lines", "t, x1, y1, x2, y2")


def check_grid(grid: Any, kind: type[Any], name: str) -> None:
    """Raise a TypeError unless the grid is of the kind that can be drawn."""
    if not isinstance(grid, kind):
        stored = callable(getattr(grid, "voxels", None))  # as a VolumeStore, too large to draw
        advice = "; give store.voxels(region), the part to draw" if stored else ""
        raise TypeError(
            f"{name} must be gpupept.{kind.__name__}, which know where their {name} lie, found "
            f"{type(grid).__name__}{advice}"
        )


def _members(data: Any) -> Any:
    return data.members if isinstance(data, SampleGroups) else data


def _table(data: Any, kind: type[Any]) -> Table:
    container = _members(data)
    if not isinstance(container, kind):
        container = kind(container)
    return Table(to_host(container.data), [str(column) for column in container.columns])


def _plane_rows(data: Any, width: int, name: str, meaning: str) -> FloatArray:
    rows = to_host(as_table(data, name))
    if rows.shape[1] < width:
        raise ValueError(
            f"{name} must have at least {width} columns ({meaning}), found {rows.shape[1]}"
        )
    return rows


def _names(first: Sequence[str], width: int) -> list[str]:
    return [*first, *(f"col{i}" for i in range(len(first), width))]
