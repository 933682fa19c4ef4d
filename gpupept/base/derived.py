"""Making containers from batches and from other containers: views, other samples or devices."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, Self

import numpy as np

from gpupept.backend import resolve_device, to_device, to_host
from gpupept.base.inputs import as_table
from gpupept.base.per_sample import move_value, take_samples, without_samples
from gpupept.base.sampled_rows import Custom, SampledRows
from gpupept.base.samples import custom_table


class DerivableSamples(SampledRows):
    """A container that others are made from; all of them have its class and its attributes."""

    _least_columns: ClassVar[int] = 0
    _default_columns: ClassVar[tuple[str, ...]] = ()
    _data_name: ClassVar[str] = "data"

    @classmethod
    def _check_width(cls, data: Any) -> Any:
        if data.shape[1] < cls._least_columns:
            raise ValueError(
                f"{cls._data_name} must have at least {cls._least_columns} columns "
                f"({', '.join(cls._default_columns)}), found shape {tuple(data.shape)}"
            )
        return data

    def _like(
        self, data: Any, table: np.ndarray | None = None, attrs: dict[str, Any] | None = None
    ) -> Self:
        """Make a container of this class from rows, with a table or as one sample."""
        new = object.__new__(type(self))
        new.__dict__.update(self.__dict__)
        new._data = data
        new._attrs = dict(self._attrs) if attrs is None else attrs
        if table is None:
            new._set_samples(np.array([[0, len(data)]], dtype=np.int64), None, 0)
        else:
            new._set_samples(table, Custom.TABLE, None)
        return new

    @classmethod
    def from_batch(
        cls,
        data: Any,
        sizes: Any = None,
        samples_indices: Any = None,
        columns: Sequence[str] | None = None,
        attrs: dict[str, Any] | None = None,
    ) -> Self:
        """Wrap the result of a batched stage, without copying.

        Parameters
        ----------
        data : (N, C) float64 array
            C-contiguous, NumPy or CuPy.
        sizes : (S,) array_like of int, optional
            Rows of consecutive samples.
        samples_indices : (S, 2) array_like of int, optional
            Row ranges of the samples, instead of `sizes`. With neither there is one sample.
        columns : sequence of str, optional
            Column names, completed as by the constructor.
        attrs : dict, optional
            Attributes, `PerSample` values among them.

        Returns
        -------
        container of this class

        Raises
        ------
        ValueError
            If the data is too narrow, both kinds of samples are given, or a `PerSample` attribute
            does not have one value per sample.

        Examples
        --------
        >>> import numpy as np
        >>> import gpupept
        >>> batch = gpupept.PointData.from_batch(np.zeros((5, 4)), sizes=[2, 0, 3])
        >>> [len(sample.points) for sample in batch]
        [2, 0, 3]
        """
        if sizes is not None and samples_indices is not None:
            raise ValueError("give either sizes or samples_indices, not both")
        new = object.__new__(cls)
        new._data = cls._check_width(as_table(data, cls._data_name))
        new._columns = complete_columns(
            list(cls._default_columns) if columns is None else columns, data.shape[1]
        )
        new._attrs = dict(attrs or {})
        new._define_samples(to_host(sizes) if sizes is not None else None, None)
        if samples_indices is not None:
            new._set_samples(custom_table(samples_indices), Custom.TABLE, None)
        new._check_attrs()
        return new

    def with_samples(
        self, samples_indices: Any = None, *, sample_size: Any = None, overlap: Any = None
    ) -> Self:
        """Define the samples anew, in a new container that shares the rows.

        Parameters
        ----------
        samples_indices : (S, 2) array_like of int, optional
            Row ranges; without it sample_size and overlap define the samples.
        sample_size, overlap : object, optional
            As for the constructor.

        Returns
        -------
        container of the same class
            With its own attrs; `PerSample` ones have become the value of the first sample.

        Raises
        ------
        TypeError, ValueError
            As by the constructor.

        Examples
        --------
        >>> import numpy as np
        >>> import gpupept
        >>> lines = gpupept.LineData(np.zeros((10, 7)))
        >>> len(lines.with_samples(sample_size=5, overlap=4))
        6
        """
        new = self._like(self._data, attrs=without_samples(self._attrs))
        if samples_indices is not None:
            new._set_samples(custom_table(samples_indices), Custom.TABLE, None)
        else:
            new._define_samples(sample_size, overlap)
        return new

    def with_rows(self, data: Any) -> Self:
        """Put other values in the rows, in a new container with the same samples.

        Parameters
        ----------
        data : (N, C) float64 array
            As many rows and columns as there are, C-contiguous, NumPy or CuPy; not copied.

        Returns
        -------
        container of the same class
            With its own attrs.

        Raises
        ------
        ValueError
            If the data has another shape.

        Examples
        --------
        >>> import numpy as np
        >>> import gpupept
        >>> lines = gpupept.LineData(np.zeros((10, 7)), sample_size=5)
        >>> len(lines.with_rows(lines.lines + 1.0))
        2
        """
        if data.shape != self._data.shape:
            raise ValueError(
                f"data must have shape {tuple(self._data.shape)}, found {tuple(data.shape)}"
            )
        new = self._like(data)
        new._set_samples(self._samples_indices, self._size, self._overlap)
        return new

    def samples_view(self, first: int, last: int) -> Self:
        """Take samples `first` to ``last - 1`` as a container that shares the rows with this one.

        Parameters
        ----------
        first, last : int
            Range of samples, ``0 <= first <= last <= S``.

        Returns
        -------
        container of the same class
            Its data is a view of the rows between the first and the last that the samples use.

        Examples
        --------
        >>> import numpy as np
        >>> import gpupept
        >>> lines = gpupept.LineData(np.zeros((10, 7)), sample_size=4, overlap=2)
        >>> lines.samples_view(1, 3).samples_indices.tolist()
        [[0, 4], [2, 6]]
        """
        if first == 0 and last == len(self):
            return self
        table = self.row_ranges[first:last]
        used = table[table[:, 1] > table[:, 0]]
        low, high = (int(used[:, 0].min()), int(used[:, 1].max())) if len(used) else (0, 0)
        attrs = take_samples(self._attrs, slice(first, last))
        return self._like(self._data[low:high], np.clip(table - low, 0, high - low), attrs)

    def to(self, device: str) -> Self:
        """Move the data, and containers among the attributes, to a device.

        Parameters
        ----------
        device : str
            ``"cpu"``, ``"cuda"``, ``"cuda:N"`` or ``"auto"``.

        Returns
        -------
        container of the same class
            self when its data is there already.

        Raises
        ------
        ValueError
            If there is no such name of a device.
        GPUUnavailableError
            If a GPU is asked for and cannot be used.

        Examples
        --------
        >>> import numpy as np
        >>> import gpupept
        >>> lines = gpupept.LineData(np.zeros((10, 7)))
        >>> lines.to("cpu") is lines
        True
        """
        target = resolve_device(device)
        if target == self.device:
            return self
        new = self._like(self._data)
        new._data = to_device(self._data, target)
        new._set_samples(self._samples_indices, self._size, self._overlap)
        new._attrs = {name: move_value(value, target) for name, value in self._attrs.items()}
        return new


def complete_columns(columns: Sequence[str], width: int) -> Sequence[str]:
    """Make as many column names as there are columns.

    Parameters
    ----------
    columns : sequence of str
        The names there are.
    width : int
        Number of columns.

    Returns
    -------
    sequence of str
        `columns` itself if it has that length; otherwise a list, filled up with ``col<position>``
        or cut.

    Raises
    ------
    TypeError
        If `columns` is a single string or not a sequence.
    """
    if isinstance(columns, str) or not hasattr(columns, "__len__"):
        raise TypeError(f"columns must be a list of names, found {columns!r}")
    if len(columns) == width:
        return columns
    return [*columns, *(f"col{i}" for i in range(len(columns), width))][:width]
