"""A table of rows cut into samples."""

from __future__ import annotations

import copy
import operator
import os
from collections.abc import Collection, Iterator, Sequence
from typing import IO, Any, Self

import numpy as np

from gpupept.backend import array_namespace, to_device, to_host
from gpupept.base.csv_text import write_csv
from gpupept.base.derived import DerivableSamples, complete_columns
from gpupept.base.inputs import as_table, gather_rows
from gpupept.base.joining import concatenate
from gpupept.base.pept_object import PEPTObject
from gpupept.base.per_sample import is_array, take_sample, take_samples, without_samples
from gpupept.base.sampled_rows import Custom
from gpupept.base.samples import custom_table, normalise_overlap, normalise_size
from gpupept.base.selection import RowSelector, sample_numbers, union_of_samples

__all__ = ["IterableSamples", "complete_columns", "concatenate"]


class IterableSamples(DerivableSamples, PEPTObject, Collection[Any]):
    """A 2D array, on the CPU or a GPU, and the row ranges that are its samples.

    Indexing with an integer gives a sample, with a slice, a list of integers or a boolean mask
    several samples, with a string a column. `select` indexes rows.

    Parameters
    ----------
    data : (N, C) array
        NumPy or CuPy array, or anything that can be made one; it is not copied when it is float64
        and C-contiguous. Column 0 is the time in ms, ascending.
    sample_size : int, list of int, TimeWindow, AdaptiveWindow or None
        Rows per sample (0 or None: one sample with everything), rows of each sample, or the time
        that a sample spans.
    overlap : int, TimeWindow, AdaptiveWindow or None
        Rows or time shared by consecutive samples, of the kind of `sample_size` and less than it;
        negative to skip.
    columns : sequence of str, optional
        Column names; missing ones become ``col<position>``, surplus ones are dropped.
    **kwargs : object
        Further attributes, kept in `attrs`.

    Raises
    ------
    TypeError
        If an argument is of the wrong kind.
    ValueError
        If the data does not have two dimensions, or sample size and overlap do not go together.

    Examples
    --------
    >>> import numpy as np
    >>> from gpupept.base import IterableSamples
    >>> samples = IterableSamples(np.arange(20).reshape(10, 2), sample_size=4, overlap=1)
    >>> len(samples), samples.samples_indices.tolist()
    (3, [[0, 4], [3, 7], [6, 10]])
    >>> samples[1].data[:, 0]
    array([ 6.,  8., 10., 12.])
    """

    def __init__(
        self,
        data: Any,
        sample_size: Any = None,
        overlap: Any = None,
        columns: Sequence[str] | None = None,
        **kwargs: Any,
    ) -> None:
        rows = gather_rows(data, self._kind(), self._data_name)
        inherited = rows.attrs is not None
        if rows.sizes is not None and (sample_size is None or inherited):
            sample_size = rows.sizes
        if columns is None or inherited:
            columns = rows.columns if rows.columns is not None else list(self._default_columns)
        self._data = self._check_width(rows.data)
        self._columns = complete_columns(columns, self._data.shape[1])
        self._attrs = kwargs | without_samples(rows.attrs or {})
        self._define_samples(sample_size, overlap)
        self._check_attrs()

    @classmethod
    def _kind(cls) -> type[IterableSamples]:
        """Class whose instances, subclasses included, count as rows of the same kind."""
        return IterableSamples

    def __contains__(self, value: object) -> bool:
        return bool(array_namespace(self._data).any(self._data == value))

    def __iter__(self) -> Iterator[Self]:
        return (self[i] for i in range(len(self)))

    def __getitem__(self, key: Any) -> Any:
        if isinstance(key, str):
            return self._data[:, self._column_number(key)]
        if hasattr(key, "__index__") and np.ndim(key) == 0:
            return self._sample(operator.index(key))
        return self._several(sample_numbers(key, len(self)))

    def _column_number(self, name: str) -> int:
        names = list(self._columns)
        if name not in names:
            raise ValueError(f"there is no column {name!r}; the columns are {names}")
        return names.index(name)

    def _sample(self, number: int) -> Self:
        count, rows = len(self), len(self._data)
        if not -count <= number < count:
            raise IndexError(f"sample {number} is out of range for {count} samples")
        first, last = self._samples_indices[number].tolist()
        first = min(max(first, 0), rows)
        data = self._data[first : max(last, first)]
        return self._like(data, attrs=take_sample(self._attrs, number % count))

    def _several(self, numbers: np.ndarray) -> Self:
        kept, table = union_of_samples(self.row_ranges[numbers], len(self._data))
        if len(kept) and kept[-1] - kept[0] == len(kept) - 1:
            data = self._data[kept[0] : kept[-1] + 1].copy()
        else:
            data = self._data[to_device(kept, self.device)]
        return self._like(data, table, take_samples(self._attrs, numbers))

    @property
    def select(self) -> RowSelector[Self]:
        """Choose rows instead of samples: ``container.select[rows]``.

        `rows` is a slice, a mask or an index array. The result keeps the sample size; samples given
        by a list or a table keep those of their rows that are chosen.
        """
        return RowSelector(self)

    def _select_rows(self, rows: Any) -> Self:
        if isinstance(rows, list):
            rows = np.asarray(rows, dtype=None if rows else np.int64)
        if is_array(rows):
            rows = to_device(rows, self.device)
        data = self._data[rows]
        if data.ndim != 2 or data.shape[1] != self._data.shape[1]:
            raise ValueError(
                f"select needs a choice of rows that keeps all columns, found {rows!r}"
            )
        attrs = without_samples(self._attrs)
        chosen = self._like(as_table(data, self._data_name), attrs=attrs)
        if self._size is Custom.TABLE or isinstance(self._size, np.ndarray):
            chosen._keep_ranges(self, to_host(rows) if is_array(rows) else rows)
        else:
            chosen._define_samples(self._size, self._overlap)
        return chosen

    def _keep_ranges(self, origin: Self, rows: Any) -> None:
        """Give each sample those of its rows that were chosen, if they are in ascending order."""
        numbers = np.arange(len(origin.data))[rows]
        if (numbers[1:] > numbers[:-1]).all():
            table = np.searchsorted(numbers, origin.row_ranges)
            custom = origin.sample_size is None
            self._set_samples(table, Custom.TABLE if custom else table[:, 1] - table[:, 0], None)

    def copy(
        self,
        deep: bool = True,
        data: Any = None,
        extra: bool = True,
        hidden: bool = True,
        **attrs: Any,
    ) -> Self:
        """Make a similar container, with the same or with other rows.

        Parameters
        ----------
        deep : bool, default True
            Copy rows, table and attributes instead of sharing them.
        data : (N, C) array, optional
            Other rows, as one sample unless `sample_size` and `overlap` are given too; `columns`
            may be given with them.
        extra, hidden : bool, default True
            Keep the attributes whose names do not, and do, start with an underscore.
        **attrs : object
            Attributes to set; they replace those of the same name.

        Returns
        -------
        container of the same class

        Raises
        ------
        TypeError, ValueError
            As by the constructor.

        Examples
        --------
        >>> import numpy as np
        >>> import gpupept
        >>> lines = gpupept.LineData(np.zeros((10, 7)), sample_size=5, angle=90)
        >>> lines.copy(data=np.ones((2, 7)), angle=45).attrs
        {'angle': 45}
        """
        if not isinstance(deep, bool | np.bool_):
            raise TypeError(
                f"deep must be True or False, found {type(deep).__name__}; other rows are given as "
                "copy(data=rows)"
            )
        given = {name: attrs.pop(name, None) for name in ("sample_size", "overlap", "columns")}
        kept = (self.extra_attrs() if extra else {}) | (self.hidden_attrs() if hidden else {})
        kept = {name: value for name, value in self._attrs.items() if name in kept}
        if deep:
            kept = {k: copy.deepcopy(v) for k, v in kept.items() if k not in attrs}
        if data is not None:
            return self._with_data(data, given, without_samples(kept) | attrs)
        new = self._like(self._data.copy() if deep else self._data, attrs=kept | attrs)
        table = self._samples_indices.copy() if deep else self._samples_indices
        new._set_samples(table, self._size, self._overlap)
        new._check_attrs()
        return new

    def _with_data(self, data: Any, given: dict[str, Any], attrs: dict[str, Any]) -> Self:
        rows = gather_rows(data, self._kind(), "data")
        new = self._like(self._check_width(rows.data), attrs=attrs)
        columns = given["columns"] if given["columns"] is not None else self._columns
        new._columns = complete_columns(columns, new._data.shape[1])
        new._define_samples(given["sample_size"], given["overlap"])
        new._check_attrs()
        return new

    def __copy__(self) -> Self:
        return self.copy(deep=False)

    def to_csv(self, filepath: str | os.PathLike[str] | IO[Any], delimiter: str = " ") -> None:
        """Write all rows as text, which `gpupept.read_csv` reads back.

        The first line is ``#`` and the column names; numbers are written with 19 digits.

        Parameters
        ----------
        filepath : path or file handle
            The file.
        delimiter : str, default " "
            What separates columns.

        Raises
        ------
        FileNotFoundError, PermissionError
            If the directory does not exist or cannot be written to.

        Examples
        --------
        >>> import io
        >>> import gpupept
        >>> file = io.StringIO()
        >>> gpupept.LineData([[1, 2, 3, 4, 5, 6, 7]]).to_csv(file)
        >>> file.getvalue()[:19]
        '# t x1 y1 z1 x2 y2 '
        """
        write_csv(filepath, self._data, self._columns, delimiter)

    def _saved_state(self) -> dict[str, Any]:
        custom = self._size is Custom.TABLE
        return {
            "data": self._data,
            "columns": list(self._columns),
            "attrs": self._attrs,
            "samples_indices": self._samples_indices,
            "custom": custom,
            "sample_size": None if custom else self._size,
            "overlap": self._overlap,
        }

    @classmethod
    def _restored(cls, state: dict[str, Any]) -> Self:
        new = cls.from_batch(state["data"], columns=state["columns"], attrs={})
        size = Custom.TABLE if state["custom"] else normalise_size(state["sample_size"])
        overlap = None if state["custom"] else normalise_overlap(state["overlap"], size)
        new._set_samples(custom_table(state["samples_indices"]), size, overlap)
        new._attrs = {str(name): value for name, value in state["attrs"].items()}
        new._check_attrs()
        return new
