"""Copy rows of tables: chosen ones, or those of samples that may overlap."""

from __future__ import annotations

import numpy as np

from gpupept.backend import array_namespace, device_of, is_device_array, to_device, to_host
from gpupept.kernels import Array
from gpupept.kernels.threads import run_ranges

ROWS_PER_TASK = 4096


def take_rows(data: Array, rows: Array, columns: list[int] | None = None) -> Array:
    """Copy chosen rows and columns to a new table.

    Parameters
    ----------
    data : (R, C) float64
        The table.
    rows : (K,) int64, where the data are
        Row numbers.
    columns : list of int, optional
        Column numbers; all by default.

    Returns
    -------
    (K, len(columns)) float64, C-contiguous
    """
    if is_device_array(data):
        chosen = data[rows]
        return chosen if columns is None else chosen[:, columns].copy()
    columns = list(range(data.shape[1])) if columns is None else columns
    from gpupept.kernels.rows.copying import copy_rows

    out = np.empty((len(rows), len(columns)), dtype=np.float64)
    chosen_columns = np.asarray(columns, dtype=np.int64)

    def task(begin: int, end: int) -> None:
        copy_rows(
            begin * ROWS_PER_TASK,
            min(end * ROWS_PER_TASK, len(rows)),
            data,
            rows,
            chosen_columns,
            out,
        )

    run_ranges(task, np.ones(-(-len(rows) // ROWS_PER_TASK)))
    return out


def flatten(data: Array, samples: np.ndarray) -> tuple[Array, np.ndarray]:
    """Rows of all samples one after another.

    Parameters
    ----------
    data : (R, C) float64
        The table.
    samples : (S, 2) int64, on the host
        Row range of each sample; ranges may overlap.

    Returns
    -------
    rows : (K, C) float64
        A view of `data` where the samples lie in it one after another, otherwise a copy.
    sizes : (S,) int64, on the host
        Rows per sample.
    """
    sizes = samples[:, 1] - samples[:, 0]
    if not len(samples):
        return data[:0], sizes
    if (samples[1:, 0] == samples[:-1, 1]).all():
        return data[samples[0, 0] : samples[-1, 1]], sizes
    return take_rows(data, to_device(range_rows(samples), device_of(data))), sizes


def range_rows(ranges: np.ndarray) -> np.ndarray:
    """Row numbers of ranges, one after another: (S, 2) int64 to (sum of sizes,) int64."""
    sizes = ranges[:, 1] - ranges[:, 0]
    before = np.cumsum(sizes) - sizes
    rows: np.ndarray = np.arange(sizes.sum()) + np.repeat(ranges[:, 0] - before, sizes)
    return rows


def consecutive(sizes: np.ndarray) -> np.ndarray:
    """Row ranges of samples that lie one after another: (S,) int64 sizes to an (S, 2) int64 table."""
    ends = np.cumsum(sizes)
    return np.stack([ends - sizes, ends], axis=1)


def row_owners(sizes: np.ndarray, device: str) -> Array:
    """Segment of each row: (S,) int64 sizes to (sum of sizes,) int64 numbers, on a device."""
    return to_device(np.repeat(np.arange(len(sizes)), sizes), device)


def kept_sizes(rows: Array, sizes: np.ndarray) -> np.ndarray:
    """Count how many of some rows are in each segment.

    Parameters
    ----------
    rows : (K,) int64
        Row numbers, ascending.
    sizes : (S,) int64, on the host
        Rows of segments that lie one after another.

    Returns
    -------
    (S,) int64, on the host
    """
    ends = to_device(np.cumsum(sizes), device_of(rows))
    before = to_host(array_namespace(rows).searchsorted(rows, ends))
    return np.diff(before, prepend=0).astype(np.int64)
