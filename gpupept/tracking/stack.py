"""Bringing processed samples back together."""

from __future__ import annotations

from typing import Any

import numpy as np

from gpupept.backend import array_namespace, is_device_array
from gpupept.base import BatchReducer, IterableSamples, PointData, SampleGroups
from gpupept.base.batch_filter import as_batch


class Stack(BatchReducer):
    """Stack samples into one container, and optionally define the samples anew.

    Parameters
    ----------
    sample_size : int, list of int, TimeWindow, AdaptiveWindow or None
        Rows, or time, of the new samples; by default the samples stay as they are.
    overlap : int, TimeWindow, AdaptiveWindow or None
        Overlap of the new samples.

    Notes
    -----
    Reducer signature: a container is returned as it is, or, with a sample size or overlap, as a
    new one that shares its rows. A list of containers becomes one container with one sample for
    each, with the columns and attributes of the first. A list of lists is flattened by one level,
    and stacked further only if the samples are to be defined anew; `gpupept.base.SampleGroups`
    become one container of all clusters. A list of arrays is stacked to one array. Anything else
    is returned unchanged.

    Examples
    --------
    >>> import numpy as np
    >>> import gpupept
    >>> from gpupept.tracking import Stack
    >>> samples = [gpupept.PointData(np.zeros((n, 4))) for n in (2, 3)]
    >>> len(Stack().fit(samples)), len(Stack(sample_size=2, overlap=1).fit(samples))
    (2, 4)
    """

    def __init__(self, sample_size: Any = None, overlap: Any = None) -> None:
        self.sample_size = sample_size
        self.overlap = overlap

    def fit_all(self, samples: Any) -> Any:
        """Stack the samples.

        Parameters
        ----------
        samples : iterable
            See the notes of the class.

        Returns
        -------
        object
            See the notes of the class.

        Raises
        ------
        ValueError
            If `samples` cannot be iterated, their widths differ, or arrays are given with a
            sample size.
        """
        if not hasattr(samples, "__iter__"):
            raise ValueError(f"samples must be iterable, found {type(samples).__name__}")
        if not isinstance(samples, IterableSamples | SampleGroups):
            samples = samples if isinstance(samples, list | tuple) else _materialised(samples)
            samples = _joined(samples)
        elif isinstance(samples, SampleGroups):
            samples = samples[:].members
        if self.sample_size is None and self.overlap is None:
            return samples
        return self._with_new_samples(samples)

    def _with_new_samples(self, samples: Any) -> Any:
        if isinstance(samples, list | tuple):  # flattened lists are containers now
            samples = _joined(samples)
            if not len(samples):
                return samples
        if not isinstance(samples, IterableSamples):
            raise ValueError(
                "sample_size and overlap need samples that are LineData or PointData, found "
                f"{type(samples).__name__}"
            )
        size = samples.sample_size if self.sample_size is None else self.sample_size
        return samples.with_samples(sample_size=size, overlap=self.overlap)


def _materialised(samples: Any) -> Any:
    """List of the elements of an iterator; arrays and other collections stay as they are."""
    return samples if hasattr(samples, "__len__") else list(samples)


def _joined(samples: Any) -> Any:
    if not isinstance(samples, list | tuple) or not samples:
        return samples
    first = samples[0]
    if isinstance(first, IterableSamples):
        batch = as_batch(samples)
        return type(first)(list(samples)) if batch is None else batch
    if isinstance(first, list | tuple | SampleGroups):
        return [item for group in samples for item in group]
    if isinstance(first, np.ndarray) or is_device_array(first):
        return array_namespace(*samples).vstack(list(samples))
    return samples


def stacked_container(samples: Any) -> IterableSamples:
    """Stack samples of any form, lists of lists and arrays too, into one container.

    Parameters
    ----------
    samples : container, array, or list of them
        Arrays are points.

    Returns
    -------
    LineData or PointData
        A container given stays as it is.

    Raises
    ------
    TypeError, ValueError
        If the samples are something else, or an empty list.
    """
    stacked = Stack().fit(samples)
    if isinstance(stacked, list | tuple) and len(stacked):  # of containers, from a list of lists
        stacked = Stack().fit(stacked)
    return stacked if isinstance(stacked, IterableSamples) else PointData(stacked)


def stacked_points(samples: Any) -> PointData:
    """Stack samples of points; see `stacked_container`. ValueError if they are lines."""
    stacked = stacked_container(samples)
    return stacked if isinstance(stacked, PointData) else PointData(stacked)
