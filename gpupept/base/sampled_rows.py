"""What a container holds - rows, columns, attributes - and how it is cut into samples."""

from __future__ import annotations

import enum
from collections.abc import Sequence
from typing import Any

import numpy as np

from gpupept.backend import device_of, to_host
from gpupept.base.per_sample import PerSample, without_samples
from gpupept.base.samples import custom_table, normalise_overlap, normalise_size, sample_table


class Custom(enum.Enum):
    """Stands for the sample size of samples that are given by their table."""

    TABLE = "table"


class SampledRows:
    """Rows with attributes, a sample size and an overlap, and the row ranges that follow from them."""

    _data: Any
    _columns: Sequence[str]
    _attrs: dict[str, Any]
    _size: Any  # from normalise_size, where None is one sample with everything; or Custom.TABLE
    _overlap: Any
    _samples_indices: np.ndarray

    @property
    def data(self) -> Any:
        """The (N, C) float64 array; changing its elements changes the samples, which are views."""
        return self._data

    @property
    def columns(self) -> Sequence[str]:
        """Names of the columns."""
        return self._columns

    @property
    def attrs(self) -> dict[str, Any]:
        """Further attributes; those whose names start with an underscore are called hidden."""
        return self._attrs

    @property
    def device(self) -> str:
        """Device that holds the data, ``"cpu"`` or ``"cuda:N"``."""
        return device_of(self._data)

    def extra_attrs(self) -> dict[str, Any]:
        """Attributes whose names do not start with an underscore, in a new dict."""
        return {name: value for name, value in self._attrs.items() if not name.startswith("_")}

    def hidden_attrs(self) -> dict[str, Any]:
        """Attributes whose names start with an underscore, in a new dict."""
        return {name: value for name, value in self._attrs.items() if name.startswith("_")}

    @property
    def sample_size(self) -> Any:
        """Rows or time per sample; None when the samples were given by `samples_indices`.

        Setting it keeps the overlap if that is of the same kind, and otherwise resets it to none.
        """
        if self._size is None:
            return len(self._data)
        return None if self._size is Custom.TABLE else self._size

    @sample_size.setter
    def sample_size(self, sample_size: Any) -> None:
        size = normalise_size(sample_size)
        keep = type(size) is type(self._overlap)
        self._define_samples(size, self._overlap if keep else None)
        self._attrs = without_samples(self._attrs)

    @property
    def overlap(self) -> Any:
        """Rows or time shared by consecutive samples; setting None removes the overlap."""
        return self._overlap

    @overlap.setter
    def overlap(self, overlap: Any) -> None:
        if self._size is Custom.TABLE:
            if overlap is None:
                return
            raise TypeError(
                "overlap cannot be set while the samples are given by samples_indices; set "
                "sample_size first"
            )
        self._define_samples(self._size, overlap)
        self._attrs = without_samples(self._attrs)

    @property
    def samples_indices(self) -> np.ndarray:
        """(S, 2) int64 table on the host: first row and row after the last of each sample.

        Setting it makes `sample_size` and `overlap` None. Bounds may lie outside the rows, see
        `row_ranges`.
        """
        return self._samples_indices

    @samples_indices.setter
    def samples_indices(self, samples_indices: Any) -> None:
        self._set_samples(custom_table(samples_indices), Custom.TABLE, None)
        self._attrs = without_samples(self._attrs)

    @property
    def row_ranges(self) -> np.ndarray:
        """(S, 2) int64 table on the host: `samples_indices` limited to the rows there are."""
        table, rows = self._samples_indices, len(self._data)
        starts, ends = table[:, 0], table[:, 1]
        if not len(table) or (starts.min() >= 0 and ends.max() <= rows and (starts <= ends).all()):
            return table
        limited: np.ndarray = np.clip(table, 0, rows)
        limited[:, 1] = np.maximum(limited[:, 0], limited[:, 1])
        return limited

    def __len__(self) -> int:
        return len(self._samples_indices)

    def _define_samples(self, sample_size: Any, overlap: Any) -> None:
        """Set size, overlap and table together, or raise and leave all three as they are."""
        size = normalise_size(sample_size)
        overlap = normalise_overlap(overlap, size)
        table = sample_table(len(self._data), self._times, size, overlap)
        self._set_samples(table, size, overlap)

    def _set_samples(self, table: np.ndarray, size: Any, overlap: Any) -> None:
        self._size, self._overlap, self._samples_indices = size, overlap, table

    def _times(self) -> np.ndarray:
        return to_host(self._data[:, 0])

    def _check_attrs(self) -> None:
        for name, value in self._attrs.items():
            if isinstance(value, PerSample) and len(value) != len(self):
                raise ValueError(
                    f"attribute {name!r} has values for {len(value)} samples, but there are "
                    f"{len(self)}"
                )
