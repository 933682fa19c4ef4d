"""Several clusters for each of many samples."""

from __future__ import annotations

import operator
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, overload

import numpy as np

from gpupept.base.pept_object import PEPTObject
from gpupept.base.samples import custom_table

if TYPE_CHECKING:
    from gpupept.base.iterable_samples import IterableSamples


class SampleGroups(PEPTObject, Sequence[Any]):
    """A sequence with a list of containers, such as its clusters, for each of S samples.

    The containers of all samples are held together in one, so that filters treat them at once.

    Parameters
    ----------
    members : LineData or PointData
        The containers of all samples, as its samples.
    groups_indices : (S, 2) array_like of int
        Group i is ``[members[j] for j in range(*groups_indices[i])]``.

    Raises
    ------
    ValueError
        If `groups_indices` is not an (S, 2) table of samples of `members`.

    Examples
    --------
    >>> import numpy as np
    >>> import gpupept
    >>> from gpupept.base import SampleGroups
    >>> clusters = gpupept.PointData(np.zeros((10, 4)), sample_size=[4, 3, 3])
    >>> groups = SampleGroups(clusters, [[0, 2], [2, 3]])
    >>> [[len(cluster.points) for cluster in group] for group in groups]
    [[4, 3], [3]]
    """

    def __init__(self, members: IterableSamples, groups_indices: Any) -> None:
        if len(groups_indices) == 0:
            groups_indices = np.empty((0, 2), dtype=np.int64)
        table = custom_table(np.asarray(groups_indices))
        bad = (table[:, 0] < 0) | (table[:, 1] < table[:, 0]) | (table[:, 1] > len(members))
        if bad.any():
            where = int(np.argmax(bad))
            raise ValueError(
                f"groups_indices[{where}] = {table[where].tolist()} is not a range of the "
                f"{len(members)} samples of members"
            )
        self.members = members
        self.groups_indices = table

    @classmethod
    def _restored(cls, state: dict[str, Any]) -> SampleGroups:
        return cls(state["members"], state["groups_indices"])

    @property
    def device(self) -> str:
        """Device that holds the members, ``"cpu"`` or ``"cuda:N"``."""
        return self.members.device

    def to(self, device: str) -> SampleGroups:
        """Move the members to a device; returns self if they are there.

        Parameters
        ----------
        device : str
            ``"cpu"``, ``"cuda"`` or ``"cuda:N"``.

        Returns
        -------
        SampleGroups
            With its members there.
        """
        members = self.members.to(device)
        return self if members is self.members else SampleGroups(members, self.groups_indices)

    def __len__(self) -> int:
        return len(self.groups_indices)

    def __iter__(self) -> Iterator[list[Any]]:
        return (self[i] for i in range(len(self)))

    @overload
    def __getitem__(self, index: int) -> list[Any]: ...

    @overload
    def __getitem__(self, index: slice) -> SampleGroups: ...

    def __getitem__(self, index: int | slice) -> list[Any] | SampleGroups:
        if isinstance(index, slice):
            return self._slice(index)
        first, last = self.groups_indices[operator.index(index)].tolist()
        return [self.members[i] for i in range(first, last)]

    def samples_view(self, first: int, last: int) -> SampleGroups:
        """Take groups `first` to ``last - 1``, sharing rows with these."""
        return self._slice(slice(first, last))

    def _slice(self, index: slice) -> SampleGroups:
        chosen = self.groups_indices[index]
        sizes = chosen[:, 1] - chosen[:, 0]
        ends = np.cumsum(sizes)
        table = np.stack([ends - sizes, ends], axis=1)
        total = int(sizes.sum())
        first = int(chosen[0, 0]) if len(chosen) else 0
        kept = np.repeat(chosen[:, 0] - table[:, 0], sizes) + np.arange(total)
        if (kept == np.arange(first, first + total)).all():
            return SampleGroups(self.members.samples_view(first, first + total), table)
        return SampleGroups(self.members[kept], table)

    def __repr__(self) -> str:
        return (
            f"SampleGroups ({len(self)} samples, {len(self.members)} "
            f"{type(self.members).__name__} groups)"
        )
