"""Attributes that differ from sample to sample."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from gpupept.backend import device_of, is_device_array, to_device, to_host
from gpupept.base.pept_object import PEPTObject


class PerSample(PEPTObject):
    """An attribute with one value for each sample of a container.

    Kept in `attrs`: taking sample i replaces it by its value i, slicing slices it, and defining the
    samples anew replaces it by the first value.

    Parameters
    ----------
    values : (S, ...) array, sequence of S values or container of S samples
        The values.

    Raises
    ------
    TypeError
        If `values` has no length.

    Examples
    --------
    >>> import numpy as np
    >>> import gpupept
    >>> from gpupept.base import PerSample
    >>> limits = PerSample(np.array([1.5, 2.5]))
    >>> lines = gpupept.LineData(np.zeros((6, 7)), sample_size=3, limit=limits)
    >>> float(lines[1].attrs["limit"])
    2.5
    """

    def __init__(self, values: Any) -> None:
        if isinstance(values, tuple):
            values = list(values)
        if not hasattr(values, "__len__") or isinstance(values, str | bytes | dict):
            raise TypeError(
                "values must be an array, a sequence or a container with one element per sample, "
                f"found {type(values).__name__}"
            )
        if is_array(values) and values.ndim == 0:
            raise TypeError("values must have one element per sample, found an array without axes")
        self.values = values

    @classmethod
    def _restored(cls, state: dict[str, Any]) -> PerSample:
        return cls(state["values"])

    def __len__(self) -> int:
        return len(self.values)

    def __getitem__(self, index: int) -> Any:
        return self.values[index]

    def __iter__(self) -> Iterator[Any]:
        return iter(self.values)

    def __repr__(self) -> str:
        return f"PerSample({type(self.values).__name__} of {len(self)} values)"

    def take(self, samples: slice | np.ndarray) -> PerSample:
        """Keep the values of some samples.

        Parameters
        ----------
        samples : slice or (K,) int64 array
            The samples, in the order wanted.

        Returns
        -------
        PerSample
            Their values.
        """
        if isinstance(self.values, list) and not isinstance(samples, slice):
            return PerSample([self.values[i] for i in samples.tolist()])
        if is_device_array(self.values) and not isinstance(samples, slice):
            samples = to_device(samples, device_of(self.values))
        return PerSample(self.values[samples])

    def to(self, device: str) -> PerSample:
        """Move the values: containers always, arrays only to the host (they are small).

        Parameters
        ----------
        device : str
            ``"cpu"``, ``"cuda"`` or ``"cuda:N"``.

        Returns
        -------
        PerSample
            With the values there.
        """
        if isinstance(self.values, list):
            return PerSample([move_value(value, device) for value in self.values])
        return PerSample(move_value(self.values, device))


def is_array(value: Any) -> bool:
    """Tell whether a value is a NumPy or CuPy array."""
    return isinstance(value, np.ndarray) or is_device_array(value)


def move_value(value: Any, device: str) -> Any:
    """Move the value of an attribute along with the data it belongs to.

    Parameters
    ----------
    value : object
        Containers and `PerSample` follow the data; CuPy arrays come to the host with it; anything
        else stays as it is.
    device : str
        ``"cpu"``, ``"cuda"`` or ``"cuda:N"``.

    Returns
    -------
    object
        The value there.
    """
    if is_device_array(value):
        return to_host(value) if device == "cpu" else to_device(value, device)
    if isinstance(value, PEPTObject) and hasattr(value, "to"):
        return value.to(device)
    return value


def take_samples(attrs: dict[str, Any], samples: slice | np.ndarray) -> dict[str, Any]:
    """Attributes for a selection of samples, in a new dict."""
    return {
        name: value.take(samples) if isinstance(value, PerSample) else value
        for name, value in attrs.items()
    }


def take_sample(attrs: dict[str, Any], sample: int) -> dict[str, Any]:
    """Attributes of one sample, in a new dict."""
    return {
        name: value[sample] if isinstance(value, PerSample) else value
        for name, value in attrs.items()
    }


def without_samples(attrs: dict[str, Any]) -> dict[str, Any]:
    """Attributes for samples defined anew: the first value of each `PerSample` that has one.

    Containers, such as the lines behind the points of each sample, are left out where there are
    several: those of the first sample would be taken for those of all.
    """
    return {
        name: value[0] if isinstance(value, PerSample) else value
        for name, value in attrs.items()
        if not isinstance(value, PerSample)
        or len(value) == 1
        or (len(value) > 1 and not hasattr(value[0], "samples_indices"))
    }
