"""Putting batches of samples one after the other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from gpupept.backend import array_namespace
from gpupept.base.per_sample import PerSample, is_array
from gpupept.base.samples import list_samples

if TYPE_CHECKING:
    from gpupept.base.iterable_samples import IterableSamples
    from gpupept.base.sample_groups import SampleGroups


def concatenate(batches: Sequence[Any]) -> Any:
    """Join batches, such as the results for consecutive chunks of a data set.

    Parameters
    ----------
    batches : sequence of containers, of SampleGroups or of VoxelSamples
        Not empty, all of one class, with the same number of columns and on one device.

    Returns
    -------
    container, SampleGroups or VoxelSamples
        All samples in order. Rows are those of all batches; `PerSample` attributes are joined and
        all others are those of the first batch. `sample_size` is the list of sizes if it is that in
        all batches, else None. A single batch is returned as it is.

    Raises
    ------
    ValueError
        If there are no batches or their columns differ in number.
    TypeError
        If they are not of one class.
    MixedDevicesError
        If they are on different devices.

    Examples
    --------
    >>> import numpy as np
    >>> import gpupept
    >>> from gpupept.base import concatenate
    >>> parts = [gpupept.PointData(np.zeros((n, 4))) for n in (2, 3)]
    >>> concatenate(parts).samples_indices.tolist()
    [[0, 2], [2, 5]]
    """
    from gpupept.base.sample_groups import SampleGroups
    from gpupept.base.voxel_samples import VoxelSamples

    batches = list(batches)
    _check_alike(batches)
    if len(batches) == 1:
        return batches[0]
    if isinstance(batches[0], VoxelSamples):
        return batches[0].joined(batches)
    if isinstance(batches[0], SampleGroups):
        return _join_groups(cast("list[SampleGroups]", batches))
    return _join_containers(cast("list[IterableSamples]", batches))


def _check_alike(batches: list[Any]) -> None:
    if not batches:
        raise ValueError("batches must not be empty")
    for i, batch in enumerate(batches):
        if type(batch) is not type(batches[0]):
            raise TypeError(
                f"batches[{i}] must be a {type(batches[0]).__name__} like batches[0], found "
                f"{type(batch).__name__}"
            )


def _join_groups(batches: list[SampleGroups]) -> SampleGroups:
    from gpupept.base.sample_groups import SampleGroups

    members = concatenate([batch.members for batch in batches])
    before = _offsets([len(batch.members) for batch in batches])
    tables = [batch.groups_indices + n for batch, n in zip(batches, before, strict=True)]
    return SampleGroups(members, np.concatenate(tables))


def _join_containers(batches: list[IterableSamples]) -> IterableSamples:
    first = batches[0]
    for i, batch in enumerate(batches):
        if batch.data.shape[1] != first.data.shape[1]:
            raise ValueError(
                f"batches[{i}] must have {first.data.shape[1]} columns like batches[0], found "
                f"{batch.data.shape[1]}"
            )
    parts = [batch.data for batch in batches]
    before = _offsets([len(part) for part in parts])
    table = np.concatenate([b.row_ranges + n for b, n in zip(batches, before, strict=True)])
    attrs = join_attrs([batch.attrs for batch in batches], [len(batch) for batch in batches])
    joined = first._like(array_namespace(*parts).concatenate(parts), table, attrs)
    sizes = table[:, 1] - table[:, 0]
    listed = all(isinstance(batch.sample_size, np.ndarray) for batch in batches)
    if listed and np.array_equal(list_samples(sizes), table):
        joined._set_samples(table, sizes, None)
    return joined


def _offsets(counts: list[int]) -> np.ndarray:
    return np.concatenate([[0], np.cumsum(counts[:-1], dtype=np.int64)]).astype(np.int64)


def join_attrs(attrs: Sequence[dict[str, Any]], counts: Sequence[int]) -> dict[str, Any]:
    """Attributes of containers put one after the other.

    Parameters
    ----------
    attrs : sequence of dict
        The attributes of each container.
    counts : sequence of int
        The number of samples of each.

    Returns
    -------
    dict
        The attributes of the first container; each that is a `PerSample` there has the values of
        all containers.
    """
    return {
        name: _join_values([other.get(name) for other in attrs], counts)
        if isinstance(value, PerSample)
        else value
        for name, value in attrs[0].items()
    }


def _join_values(parts: list[Any], counts: Sequence[int]) -> PerSample:
    """Put per-sample values together; a value common to a container is repeated for its samples."""
    values = [part.values if isinstance(part, PerSample) else None for part in parts]
    if all(is_array(value) for value in values):
        return PerSample(array_namespace(*values).concatenate(values))
    if all(hasattr(value, "samples_indices") for value in values):
        return PerSample(concatenate(values))
    joined: list[Any] = []
    for part, count in zip(parts, counts, strict=True):
        joined += list(part) if isinstance(part, PerSample) else [part] * count
    return PerSample(joined)
