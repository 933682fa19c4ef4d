"""Filters that treat a whole ragged batch at once, in chunks that fit the memory budget."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Sequence
from typing import Any, ClassVar, TypeAlias

import numpy as np

from gpupept.backend import (
    current_backend,
    device_scope,
    memory_budget,
    plan_chunks,
    resolve_device,
    to_device,
)
from gpupept.base.checks import check_iterable
from gpupept.base.inputs import is_on_device
from gpupept.base.iterable_samples import IterableSamples
from gpupept.base.joining import concatenate
from gpupept.base.per_sample import PerSample, take_samples
from gpupept.base.sample_groups import SampleGroups
from gpupept.base.transformers import Filter, LineDataFilter, PointDataFilter, VoxelsFilter
from gpupept.base.voxel_samples import VoxelSamples
from gpupept.base.voxels import Voxels
from gpupept.executors import Executor, check_executor, map_samples
from gpupept.kernels.rows import flatten
from gpupept.kernels.threads import use_threads

Batch: TypeAlias = IterableSamples | SampleGroups | VoxelSamples

# Chunks are kept below this so that intermediate results stay small and progress shows.
LARGEST_CHUNK = 256 * 2**20


class BatchFilter(Filter):
    """Base of the built-in filters: one call transforms all samples of a batch.

    Subclasses define `fit_batch`; `fit_sample` is a batch of one sample.
    """

    # What a sample is; arrays are wrapped in it, but for `IterableSamples`, which any sample is.
    _sample_type: ClassVar[type[Any]] = IterableSamples
    # Whether a sample may be a list of such, as `SplitLabels` makes.
    _takes_groups: ClassVar[bool] = False

    @abstractmethod
    def fit_batch(self, samples: Any) -> Any:
        """Transform all samples of a batch.

        Parameters
        ----------
        samples : LineData, PointData or SampleGroups
            The samples, on any device.

        Returns
        -------
        LineData, PointData or SampleGroups
            One sample for each one given, on the same device.
        """

    def batch_bytes(self, samples: Any) -> np.ndarray:
        """Estimate the memory that each sample takes while it is transformed.

        Parameters
        ----------
        samples : LineData, PointData or SampleGroups
            A batch.

        Returns
        -------
        (S,) int64 array
            Bytes, result included.
        """
        return 3 * sample_bytes(samples)

    def fit_sample(self, sample: Any) -> Any:
        """Transform one sample.

        Parameters
        ----------
        sample : container or (N, C) array
            All its rows are one sample, however they are divided. Some filters take a list of
            containers too.

        Returns
        -------
        container, or list of containers
            The result for this sample.

        Raises
        ------
        TypeError
            If it is something else.
        ValueError
            If it is an empty list.
        """
        batch = self._batch_of_one(sample)
        with device_scope(batch.device):
            return self.fit_batch(batch)[0]

    def fit(
        self,
        samples: Any,
        executor: Executor = "joblib",
        max_workers: int | None = None,
        verbose: bool = True,
        device: str | None = None,
        memory: int | str | None = None,
    ) -> Any:
        """Transform every sample, all of them together.

        Parameters
        ----------
        samples : container, SampleGroups or list of containers
            The samples; each container of a list is one sample.
        executor : str, class or instance, default "joblib"
            Accepted for compatibility; a batch runs on threads, or on a GPU, in this process.
        max_workers : int, optional
            Number of threads; every core by default. Results do not depend on it.
        verbose : bool, default True
            Show a progress bar.
        device : {"auto", "cpu", "cuda", "cuda:N"}, optional
            Where to compute; by default where the data is.
        memory : int or str, optional
            Memory budget in bytes or like ``"2GB"``. Results do not depend on it.

        Returns
        -------
        container or SampleGroups
            A sequence of the results, one per sample, in order.

        Raises
        ------
        TypeError
            If the samples are not what the filter takes.
        """
        check_executor(executor, max_workers)
        if isinstance(self, LineDataFilter | PointDataFilter | VoxelsFilter):
            check_iterable(self._sample_type, samples=samples)
        elif not hasattr(samples, "__iter__"):
            raise ValueError(f"samples must be iterable, found {type(samples).__name__}")
        samples = on_device(as_sized(samples), device)
        label = type(self).__name__
        batch = self.batch_of(samples)
        if batch is None:
            return map_samples(self.fit_sample, samples, "sequential", None, verbose, label)
        return run_batch([self], batch, max_workers, verbose, memory, label)

    def batch_of(self, samples: Any) -> Batch | None:
        """Make a batch of samples given in any form; see `as_batch`."""
        return as_batch(samples, self._sample_type)

    def _batch_of_one(self, sample: Any) -> Batch:
        if isinstance(sample, IterableSamples):
            return self.suited(sample.with_samples())
        if isinstance(sample, list | tuple) and self._is_list_of_clusters(sample):
            return self.suited(self._group_of_one(list(sample)))
        wrapped = isinstance(sample, np.ndarray | list | tuple) or is_on_device(sample)
        if not wrapped or self._sample_type is IterableSamples:
            raise TypeError(
                f"{type(self).__name__} takes {self._takes()}, found {type(sample).__name__}"
            )
        batch: Batch = self._sample_type(sample).with_samples()
        return batch

    def _takes(self) -> str:
        if self._sample_type is IterableSamples:
            return "samples of LineData or PointData"
        return f"samples of {self._sample_type.__name__}"

    def _is_list_of_clusters(self, sample: list[Any] | tuple[Any, ...]) -> bool:
        return self._takes_groups or any(isinstance(item, IterableSamples) for item in sample)

    def _group_of_one(self, members: list[Any]) -> SampleGroups:
        if not members:
            raise ValueError("sample must not be an empty list")
        wrapped = [
            item if isinstance(item, IterableSamples) else self._sample_type(item)
            for item in members
        ]
        return SampleGroups(_pack(wrapped), [[0, len(members)]])

    def suited(self, batch: Batch) -> Batch:
        """Check that a batch holds what the filter takes; join the lists in it if it must.

        Parameters
        ----------
        batch : container or SampleGroups
            The samples.

        Returns
        -------
        container or SampleGroups
            The batch, or a container in which each list of containers has become one sample.

        Raises
        ------
        TypeError
            If the samples are of another class than the filter takes.
        """
        if isinstance(batch, SampleGroups) and not self._takes_groups:
            batch = _joined(batch)
        found = batch.members if isinstance(batch, SampleGroups) else batch
        if not isinstance(found, self._sample_type):
            raise TypeError(
                f"{type(self).__name__} takes {self._takes()}, found {type(found).__name__}"
            )
        return batch


def sample_bytes(samples: IterableSamples | SampleGroups) -> np.ndarray:
    """Size of the rows of each sample (of each group of `SampleGroups`) in bytes, (S,) int64."""
    if isinstance(samples, SampleGroups):
        ends = np.concatenate([[0], np.cumsum(sample_bytes(samples.members))])
        sizes: np.ndarray = np.diff(ends[samples.groups_indices], axis=1)[:, 0]
        return sizes
    ranges = samples.row_ranges
    rows: np.ndarray = (ranges[:, 1] - ranges[:, 0]) * (8 * samples.data.shape[1])
    return rows


def as_batch(samples: Any, kind: type[IterableSamples] = IterableSamples) -> Batch | None:
    """Make a batch of samples given in any form.

    Parameters
    ----------
    samples : container, SampleGroups or sequence
        A sequence may hold containers, (N, C) arrays, or lists of containers.
    kind : type
        Container that arrays are wrapped in; they are not in `IterableSamples`.

    Returns
    -------
    container, SampleGroups or None
        None if there is no sample, or if they do not fit one batch: of several classes or widths,
        or not containers at all.
    """
    if isinstance(samples, IterableSamples | SampleGroups | VoxelSamples):
        return samples
    if not isinstance(samples, list | tuple) or not samples:
        return None
    if all(isinstance(item, list | tuple | SampleGroups) and len(item) for item in samples):
        return _as_groups([list(item) for item in samples])
    wraps = kind is not IterableSamples
    items = [kind(item) if wraps and _is_table(item) else item for item in samples]
    return _pack(items) if _fit_together(items) else None


def _as_groups(groups: list[list[Any]]) -> SampleGroups | None:
    members = [item for group in groups for item in group]
    if not _fit_together(members):
        return None
    ends = np.cumsum([len(group) for group in groups])
    sizes = np.array([len(group) for group in groups])
    return SampleGroups(_pack(members), np.stack([ends - sizes, ends], axis=1))


def _is_table(item: Any) -> bool:
    return (isinstance(item, np.ndarray) or is_on_device(item)) and item.ndim == 2


def _fit_together(items: list[Any]) -> bool:
    first = items[0]
    return isinstance(first, IterableSamples) and all(
        type(item) is type(first)
        and item.data.shape[1] == first.data.shape[1]
        and list(item.columns) == list(first.columns)
        and item.attrs.keys() == first.attrs.keys()
        for item in items
    )


def _pack(items: list[Any]) -> IterableSamples:
    """Join containers, each one sample; attributes that differ become `PerSample`."""
    singles = [item.with_samples() for item in items]
    attrs = {}
    for name, value in singles[0].attrs.items():
        values = [single.attrs.get(name) for single in singles]
        attrs[name] = value if all(_same(value, other) for other in values) else PerSample(values)
    data = concatenate(singles).data if len(singles) > 1 else singles[0].data
    packed: IterableSamples = type(items[0]).from_batch(
        data, sizes=[len(s.data) for s in singles], columns=singles[0].columns, attrs=attrs
    )
    return packed


def _same(value: Any, other: Any) -> bool:
    if value is other:
        return True
    if isinstance(value, int | float | str | bool) and isinstance(other, int | float | str | bool):
        return value == other
    return (
        isinstance(value, np.ndarray)
        and isinstance(other, np.ndarray)
        and np.array_equal(value, other)
    )


def _joined(groups: SampleGroups) -> IterableSamples:
    """Container in which all rows of each group are one sample, with the attributes of its first."""
    groups = groups[:]
    members, table = groups.members, groups.groups_indices
    empty = table[:, 1] == table[:, 0]
    if empty.any():
        raise ValueError(f"sample {int(np.argmax(empty))} is an empty list")
    rows, sizes = flatten(members.data, members.row_ranges)
    attrs = take_samples(members.attrs, table[:, 0])
    ranges = np.concatenate([[0], np.cumsum(sizes)])[table]
    sizes = ranges[:, 1] - ranges[:, 0]
    return type(members).from_batch(rows, sizes=sizes, columns=members.columns, attrs=attrs)


def as_sized(samples: Any) -> Any:
    """Make a list of samples that can be gone through only once."""
    return samples if hasattr(samples, "__len__") else list(samples)


def on_device(samples: Any, device: str | None) -> Any:
    """Bring samples to the device asked for.

    Parameters
    ----------
    samples : object
        Containers, SampleGroups, (N, C) arrays, and lists of them; anything else stays as it is.
    device : str or None
        As `gpupept.backend.resolve_device` takes it.

    Returns
    -------
    object
        The samples, those there already unchanged.
    """
    if isinstance(samples, SampleGroups):
        return samples.to(resolve_device(device, samples.members.data))
    if isinstance(samples, IterableSamples):
        return samples.to(resolve_device(device, samples.data))
    if isinstance(samples, VoxelSamples | Voxels):
        return samples.to(resolve_device(device, samples.array))
    target = resolve_device(device, samples)
    if is_on_device(samples) or (_is_table(samples) and samples.dtype.kind in "buif"):
        return to_device(samples, target)
    if isinstance(samples, list | tuple) and (device or current_backend()):
        return [on_device(item, device) for item in samples]
    return samples


def run_batch(
    filters: Sequence[BatchFilter],
    batch: Batch,
    max_workers: int | None,
    verbose: bool,
    memory: int | str | None,
    description: str,
) -> Any:
    """Run filters one after the other on a batch, chunk by chunk.

    Every chunk goes through all filters before the next one starts, so intermediate results never
    exist for more than one chunk. Where chunks begin and end never influences a result.

    Parameters
    ----------
    filters : sequence of BatchFilter
        At least one.
    batch : container or SampleGroups
        The samples.
    max_workers : int or None
        Number of threads.
    verbose : bool
        Show a progress bar.
    memory : int, str or None
        Memory budget, see `gpupept.backend.memory_budget`.
    description : str
        Label of the progress bar.

    Returns
    -------
    container or SampleGroups
        The results of all samples.
    """
    budget = min(memory_budget(batch.device, memory), LARGEST_CHUNK)
    with use_threads(max_workers), device_scope(batch.device):
        if not verbose:
            return _run_chunks(list(filters), batch, budget, lambda _: None)
        from tqdm.auto import tqdm

        with tqdm(desc=description, total=len(batch), unit="sample") as bar:
            return _run_chunks(list(filters), batch, budget, bar.update)


def _run_chunks(
    filters: list[BatchFilter], batch: Batch, budget: int, done: Callable[[int], Any]
) -> Any:
    if not filters:
        done(len(batch))
        return batch
    batch = filters[0].suited(batch)
    chunks = plan_chunks(filters[0].batch_bytes(batch), budget) or [(0, 0)]
    return concatenate(
        [
            _run_chunks(filters[1:], filters[0].fit_batch(batch.samples_view(a, b)), budget, done)
            for a, b in chunks
        ]
    )
