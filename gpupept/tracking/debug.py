"""Looking at the data between two steps of a pipeline."""

from __future__ import annotations

import sys
from typing import IO, Any

import numpy as np

from gpupept.backend import to_host
from gpupept.base import BatchReducer, IterableSamples, SampleGroups
from gpupept.base.batch_filter import as_batch, as_sized
from gpupept.base.samples import whole_number

_RULE = 80
_COLUMN = 12


class Debug(BatchReducer):
    """Print a description of the data that arrives, and pass it on unchanged.

    Parameters
    ----------
    verbose : int, default 5
        0 prints nothing, 1 what the data is, 2 and more also a table of its columns.
    max_samples : int, default 10
        Of a list of different things, describe so many.
    stream : text file, optional
        Where to print; the standard output by default.

    Notes
    -----
    The table has the number of values that are not NaN, their mean, standard deviation (divided by
    N - 1), smallest value, quartiles and largest value, their dtype and the number of NaN.

    Examples
    --------
    >>> import io
    >>> import gpupept
    >>> from gpupept.tracking import Debug
    >>> text = io.StringIO()
    >>> points = gpupept.PointData([[0, 1, 2, 3], [1, 4, 5, 6]])
    >>> Debug(stream=text).fit(points) is points
    True
    >>> [line for line in text.getvalue().splitlines() if line.startswith("mean")]
    ['mean           0.5         2.5         3.5         4.5']
    """

    def __init__(
        self, verbose: int = 5, max_samples: int = 10, stream: IO[str] | None = None
    ) -> None:
        self.verbose = whole_number("verbose", verbose)
        self.max_samples = whole_number("max_samples", max_samples)
        self.stream = stream

    def fit_all(self, samples: Any) -> Any:
        """Describe the samples.

        Parameters
        ----------
        samples : object
            Anything.

        Returns
        -------
        object
            The same; the elements of an iterator as a list.
        """
        if self.verbose < 1:
            return samples
        if hasattr(samples, "__next__"):
            samples = as_sized(samples)
        parts = ["", "=" * _RULE, "Debug Start", "-" * _RULE]
        parts += self._described(samples)
        parts += ["-" * _RULE, "Debug End", "=" * _RULE, ""]
        stream = sys.stdout if self.stream is None else self.stream
        stream.write("\n".join(parts))
        return samples

    def _described(self, samples: Any) -> list[str]:
        if isinstance(samples, list | tuple):
            return self._list(samples)
        parts = [f"one {_name(samples)}", repr(samples)]
        if isinstance(samples, SampleGroups):
            samples = samples.members
        table = samples.data if isinstance(samples, IterableSamples) else samples
        if self.verbose > 1 and getattr(table, "ndim", 0) == 2 and hasattr(table, "dtype"):
            parts += ["", *_statistics(to_host(table), getattr(samples, "columns", None)), ""]
        return parts

    def _list(self, samples: Any) -> list[str]:
        kinds = dict.fromkeys(_name(sample) for sample in samples)
        parts = [f"{_name(samples)} of {len(samples)}: {', '.join(kinds) or 'nothing'}"]
        batch = as_batch(samples)
        if isinstance(batch, IterableSamples):
            return [*parts, "all together", *self._described(batch)]
        for number, sample in enumerate(samples[: max(self.max_samples, 0)]):
            parts += [f"element {number}", *self._described(sample)]
        left_out = len(samples) - max(self.max_samples, 0)
        return parts + [f"... and {left_out} more"] * (left_out > 0)


def _name(value: Any) -> str:
    kind = type(value)
    return kind.__name__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__name__}"


def _statistics(table: np.ndarray, names: Any) -> list[str]:
    """Lines of a table that describes each column."""
    titles = [str(i) for i in range(table.shape[1])] if names is None else list(names)
    columns = [_column(table[:, i]) for i in range(table.shape[1])]
    rows = ["count", "mean", "std", "min", "25%", "50%", "75%", "max", "dtype", "NaN"]
    lines = [" " * 6 + "".join(f"{title:>{_COLUMN}}" for title in titles)]
    for i, row in enumerate(rows):
        lines.append(f"{row:<6}" + "".join(f"{column[i]:>{_COLUMN}}" for column in columns))
    return lines


def _column(values: np.ndarray) -> list[str]:
    numbers = values[~np.isnan(values)] if values.dtype.kind == "f" else values
    count = len(numbers)
    with np.errstate(all="ignore"):
        found = [
            numbers.mean() if count else np.nan,
            np.std(numbers, ddof=1) if count > 1 else np.nan,
        ]
        found += list(np.quantile(numbers, [0.0, 0.25, 0.5, 0.75, 1.0])) if count else [np.nan] * 5
    texts = [f"{value:.6g}" for value in found]
    return [str(count), *texts, str(values.dtype), str(len(values) - count)]
