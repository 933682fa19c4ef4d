"""What grids of pixels and of voxels have in common: equal cells between limits along each axis."""

from __future__ import annotations

import copy
import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np

from gpupept.backend import array_namespace, common_device, cupy_module, device_of, to_host
from gpupept.base.array_container import FORWARDED, ArrayContainer
from gpupept.base.grid_inputs import (
    as_cells,
    check_counts,
    check_limits,
    check_weights,
    new_cells,
    timed,
)
from gpupept.base.inputs import is_on_device
from gpupept.base.statistics_mixin import StatisticsMixin
from gpupept.base.text import grid_text
from gpupept.kernels.traverse import traverse

if TYPE_CHECKING:
    from gpupept.kernels import Array

logger = logging.getLogger("gpupept.base")

_COUNTABLE = (np.uint32, np.float32, np.float64)


class RegularGrid(ArrayContainer, StatisticsMixin):
    """Base of `Pixels` and `Voxels`: an array, the limits between which its cells lie, attributes.

    Element ``[i, j, ...]`` is cell i along x, j along y, and so on. Cells of an axis are equally large.
    """

    _axes: ClassVar[str]
    _cells: ClassVar[str]  # what they are called

    _limits: np.ndarray
    _attrs: dict[str, Any]

    def _set(self, array: Any, limits: Sequence[Any], dtype: Any, attrs: dict[str, Any]) -> None:
        self._array = as_cells(array, f"{self._cells}_array", len(self._axes), dtype)
        named = zip(self._axes, limits, strict=True)
        self._limits = np.array([check_limits(limit, f"{axis}lim") for axis, limit in named])
        self._limits.setflags(write=False)
        self._attrs = dict(attrs)

    def _limit(self, axis: int) -> np.ndarray:
        pair: np.ndarray = self._limits[axis]
        return pair

    def _with_array(self, array: Array) -> Self:
        new = super()._with_array(array)
        new._attrs = dict(self._attrs)
        return new

    def _same_geometry(self, other: ArrayContainer) -> bool:
        if not isinstance(other, RegularGrid) or not super()._same_geometry(other):
            return False
        return np.array_equal(self._limits, other._limits)

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._limits.setflags(write=False)  # which neither pickles nor deep copies keep

    # ---- Attributes

    def __getattr__(self, name: str) -> Any:
        try:
            return super().__getattr__(name)
        except AttributeError as error:
            if name in self.__dict__.get("_attrs", {}):
                raise AttributeError(f"{error}; it is in attrs: .attrs[{name!r}]") from None
            raise

    def __setattr__(self, name: str, value: Any) -> None:
        kind = type(self)
        own = kind.__module__.startswith("gpupept.")  # classes derived elsewhere may have more
        if own and not name.startswith("_") and not hasattr(kind, name) and name not in FORWARDED:
            raise AttributeError(
                f"{kind.__name__!r} object has no attribute {name!r} to set; what is to be kept with the "
                f"{self._cells} goes into attrs: .attrs[{name!r}] = ..."
            )
        super().__setattr__(name, value)

    # ---- Geometry

    @property
    def xlim(self) -> np.ndarray:
        """Lower and upper limit along x, mm."""
        return self._limit(0)

    @property
    def ylim(self) -> np.ndarray:
        """Lower and upper limit along y, mm."""
        return self._limit(1)

    @property
    def lower(self) -> np.ndarray:
        """Corner of the grid with the smallest coordinates, mm."""
        return self._limits[:, 0]

    @property
    def upper(self) -> np.ndarray:
        """Corner of the grid with the largest coordinates, mm."""
        return self._limits[:, 1]

    @property
    def attrs(self) -> dict[str, Any]:
        """Further attributes, by name."""
        return self._attrs

    def _sizes(self) -> np.ndarray:
        sizes: np.ndarray = (self.upper - self.lower) / self.shape
        return sizes

    def _grids(self) -> list[np.ndarray]:
        return [
            np.linspace(low, high, count + 1)
            for (low, high), count in zip(self._limits, self.shape, strict=True)
        ]

    def from_physical(self, locations: Any, corner: bool = False) -> Array:
        """Turn places into cells.

        Parameters
        ----------
        locations : (..., D) array_like
            Coordinates, mm, for D axes.
        corner : bool, default False
            Count from the lower corners of cells instead of from their centres.

        Returns
        -------
        (..., D) float64 array
            Positions in cells along each axis: i at the centre of cell i, or i at its corner.

        Raises
        ------
        ValueError
            If there are not as many coordinates as axes.
        """
        places, lower, size, offset = self._frame(locations, "locations", corner)
        return (places - lower - offset) / size

    def to_physical(self, indices: Any, corner: bool = False) -> Array:
        """Turn cells into places; the opposite of `from_physical`.

        Parameters
        ----------
        indices : (..., D) array_like
            Positions in cells, not necessarily whole, for D axes.
        corner : bool, default False
            Count from the lower corners of cells instead of from their centres.

        Returns
        -------
        (..., D) float64 array
            Coordinates, mm.

        Raises
        ------
        ValueError
            If there are not as many positions as axes.
        """
        cells, lower, size, offset = self._frame(indices, "indices", corner)
        return lower + cells * size + offset

    def _frame(self, values: Any, name: str, corner: bool) -> tuple[Array, ...]:
        xp = cupy_module() if is_on_device(values) else np
        table = xp.asarray(values, dtype=np.float64)
        if table.ndim == 0 or table.shape[-1] != len(self._axes):
            raise ValueError(
                f"{name} must have {len(self._axes)} values ({', '.join(self._axes)}) along the last "
                f"axis, found shape {table.shape}"
            )
        lower, size = xp.asarray(self.lower), xp.asarray(self._sizes())
        return table, lower, size, 0.0 if corner else size / 2

    @staticmethod
    def get_cutoff(p1: Any, p2: Any) -> np.ndarray:
        """Smallest and largest value of two arrays together.

        Parameters
        ----------
        p1, p2 : (N,) array_like
            The values, such as the coordinates of both ends of lines.

        Returns
        -------
        (2,) float64 array
            Smallest and largest value, on the host; NaN if there is a NaN.

        Raises
        ------
        ValueError
            If both are empty.
        """
        parts = [part for part in (to_host(p1), to_host(p2)) if part.size]
        if not parts:
            raise ValueError("p1 and p2 are both empty, so they have no smallest and largest value")
        return np.array(
            [min(part.min() for part in parts), max(part.max() for part in parts)], dtype=float
        )

    # ---- Making grids

    def copy(  # type: ignore[override]
        self, array: Any = None, *limits: Any, deep: bool = True, **attrs: Any
    ) -> Self:
        """Copy the grid, with other values, limits or attributes where they are given.

        Parameters
        ----------
        array : array_like, optional
            Other values; not copied if they are C-contiguous and of the type of these or float64,
            which others become.
        *limits : (2,) array_like
            Other limits along x, y, ..., mm; also by name.
        deep : bool, default True
            Copy values and attributes instead of sharing them.
        **attrs : object
            Attributes to set; they replace those of the same name.

        Returns
        -------
        grid of the same class
            The copy.
        """
        if isinstance(array, bool | str):  # copy(deep) and copy(order), as of arrays
            array, deep = None, array is not False
        names = [f"{axis}lim" for axis in self._axes]
        changed = dict(zip(names, limits, strict=False))
        changed |= {name: attrs.pop(name) for name in names if name in attrs}
        kept = {name: value for name, value in self._attrs.items() if name not in attrs}
        cells = self._array if array is None else array
        # Values of the same type stay what they are; others become float64, as in the constructor.
        dtype = self.dtype if getattr(cells, "dtype", None) == self.dtype else None
        new = object.__new__(type(self))
        new._set(
            cells.copy() if array is None and deep else cells,
            [
                old if changed.get(name) is None else changed[name]
                for name, old in zip(names, self._limits, strict=True)
            ],
            dtype,
            (copy.deepcopy(kept) if deep else kept) | attrs,
        )
        return new

    @classmethod
    def _zeros(
        cls,
        shape: Any,
        limits: Sequence[Any],
        least: int,
        dtype: Any,
        device: str | None,
        attrs: dict[str, Any],
    ) -> Self:
        counts = check_counts(shape, f"number_of_{cls._cells}", len(cls._axes), least)
        checked = [
            check_limits(limit, f"{axis}lim") for axis, limit in zip(cls._axes, limits, strict=True)
        ]
        new = object.__new__(cls)
        new._set(new_cells(counts, dtype, device or "cpu"), checked, dtype, attrs)
        return new

    @classmethod
    def _from_lines(
        cls,
        lines: Array,
        number: Any,
        limits: Sequence[Any],
        verbose: bool,
        weights: Any,
        lengths: bool,
        dtype: Any,
    ) -> Self:
        with timed(verbose, f"Initialised {cls.__name__} class"):
            check_counts(number, f"number_of_{cls._cells}", len(cls._axes), 2)
            bounds = cls.default_limits(lines, limits)
            new = cls._zeros(number, bounds, 2, dtype, device_of(lines), {})
            new._add(lines, weights, lengths)
        return new

    @classmethod
    def default_limits(cls, lines: Array, limits: Sequence[Any]) -> list[Any]:
        """Fill in the limits that are None: those of both ends of the lines that are finite.

        Parameters
        ----------
        lines : (N, C) array
            Rows ``t, x1, y1, x2, y2`` for two axes, ``t, x1, y1, z1, x2, y2, z2`` for three (ms, mm),
            on either device.
        limits : sequence
            The limits along each axis (mm), or None.

        Returns
        -------
        list
            The limits along each axis.

        Raises
        ------
        ValueError
            If limits cannot be found, since no line is finite, or all are in a plane.

        Examples
        --------
        >>> import numpy as np
        >>> import gpupept
        >>> lines = np.array([[0.0, 0, 1, 5, 4], [1.0, 2, 3, 4, 9]])
        >>> [limit.tolist() for limit in gpupept.Pixels.default_limits(lines, (None, None))]
        [[0.0, 5.0], [1.0, 9.0]]
        """
        if all(limit is not None for limit in limits):
            return list(limits)
        xp, axes = array_namespace(lines), len(cls._axes)
        ends = lines[:, 1 : 1 + 2 * axes]
        ends = to_host(ends[xp.isfinite(ends).all(axis=1)])
        filled = []
        for d, (axis, limit) in enumerate(zip(cls._axes, limits, strict=True)):
            if limit is None and not len(ends):
                raise ValueError(
                    f"{axis}lim must be given, since there are no lines to take it from"
                )
            bounds = cls.get_cutoff(ends[:, d], ends[:, axes + d]) if limit is None else limit
            if limit is None and bounds[0] == bounds[1]:
                raise ValueError(
                    f"{axis}lim must be given, since all lines have {axis} = {bounds[0]:g}"
                )
            filled.append(bounds)
        return filled

    def _add(self, lines: Array, weights: Any, lengths: bool) -> None:
        if self.dtype not in _COUNTABLE:
            raise TypeError(
                f"lines can be added to {self._cells} of dtype uint32, float32 or float64, found "
                f"{self.dtype}; use .astype(float)"
            )
        factors = check_weights(weights, lines, lengths, self.dtype)
        common_device(self._array, lines, factors)
        xp = array_namespace(self._array)
        cells = xp.ascontiguousarray(self._array)
        skipped = traverse(cells, lines, self._grids(), 0, factors, bool(lengths))
        if cells is not self._array:
            self._array[...] = cells
        if skipped:
            logger.warning(
                "%d of %d lines were left out of the %s, since they%s are not finite",
                skipped,
                len(lines),
                self._cells,
                "" if factors is None else " or their weights",
            )

    def _saved_state(self) -> dict[str, Any]:
        return {self._cells: self._array, "limits": self._limits, "attrs": self._attrs}

    @classmethod
    def _restored(cls, state: dict[str, Any]) -> Self:
        array, limits, attrs = state[cls._cells], state["limits"], state["attrs"]
        if not isinstance(array, np.ndarray) or np.shape(limits) != (len(cls._axes), 2):
            raise ValueError(f"there is no array of {cls._cells} with limits")
        new = object.__new__(cls)
        new._set(array, list(limits), array.dtype, {str(name): attrs[name] for name in attrs})
        return new

    def __repr__(self) -> str:
        limits = {f"{axis}lim": limit for axis, limit in zip(self._axes, self._limits, strict=True)}
        return grid_text(type(self).__name__, limits, self._cells, self._array, self._attrs)
