"""A bag of named results."""

from __future__ import annotations

from typing import Any

_LONGEST = 200  # characters of an item in the text of a bag


class Struct:
    """Named values as attributes.

    Parameters
    ----------
    **items
        The values.

    Examples
    --------
    >>> from gpupept.mapreduce import Struct
    >>> found = Struct(mean=2.0)
    >>> found.mean, found.getDict()
    (2.0, {'mean': 2.0})
    """

    def __init__(self, **items: Any) -> None:
        self.__dict__.update(items)

    def __getattr__(self, name: str) -> Any:
        names = ", ".join(self.__dict__) or "nothing"
        raise AttributeError(f"Struct has no item {name!r}, it has {names}")

    def getDict(self) -> dict[str, Any]:
        """Return the items by name, in a dictionary of its own."""
        return dict(self.__dict__)

    def mergeItems(self, other: Struct, *names: str) -> None:
        """Copy items of another bag.

        Parameters
        ----------
        other : Struct
            Where they are.
        *names : str
            Which.

        Raises
        ------
        AttributeError
            If `other` has no such item.
        RuntimeError
            If this bag has one already.
        """
        for name in names:
            value = getattr(other, name)
            if name in self.__dict__:
                raise RuntimeError(f"Struct has an item {name!r} already")
            self.__dict__[name] = value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Struct) and self.__dict__ == other.__dict__

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        items = "; ".join(f"{name}={_short(value)}" for name, value in self.__dict__.items())
        return f"{type(self).__name__}({items})"


def _short(value: Any) -> str:
    """Text of a value in one line; of an array only what it is."""
    if getattr(value, "ndim", 0) and hasattr(value, "dtype"):
        shape = " x ".join(map(str, value.shape))
        return f"<{type(value).__name__} {shape}, {value.dtype}>"
    text = " ".join(repr(value).split())
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."


class SkippedCell(Struct):
    """What stands for the result of a cell that was left out: its `error` and its `box`."""
