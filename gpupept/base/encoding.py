"""Objects as a tree of JSON values plus arrays, which is what all file formats store.

Reading such a tree creates containers, windows, filters, arrays and plain values, and nothing else:
classes are looked up by name among those of this package that derive from `PEPTObject`, and their
attributes are filled in. No function is called and no module from elsewhere is imported.
"""

from __future__ import annotations

import base64
import importlib
import re
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from gpupept.backend import is_device_array, to_host
from gpupept.base.pept_object import PEPTObject
from gpupept.base.windows import AdaptiveWindow, TimeWindow

_TAG = "$"
_PACKAGE = __name__.partition(".")[0]
_CLASS_NAME = re.compile(rf"({_PACKAGE}(?:\.[a-z][a-z0-9_]*)+):([A-Za-z][A-Za-z0-9_]*)")
_ARRAY_KINDS = "buifcSUmM"
_GROUPS: dict[str, Callable[[list[Any]], Any]] = {
    "tuple": tuple,
    "set": set,
    "frozenset": frozenset,
}


class Encoder:
    """Turns an object into a JSON tree, collecting the arrays in it.

    Attributes
    ----------
    arrays : dict of str to np.ndarray
        The arrays that the tree refers to, on the host. An array met twice is there once.
    """

    def __init__(self) -> None:
        self.arrays: dict[str, np.ndarray] = {}
        self._stored: dict[int, tuple[str, Any]] = {}  # holds the arrays, so that ids stay theirs
        self._open: set[int] = set()

    def encode(self, value: Any, name: str) -> Any:
        """Turn a value into what `json` writes.

        Parameters
        ----------
        value : object
            A container, window, filter, array, number or string, or lists, tuples, sets and dicts
            of them.
        name : str
            What the value is called, for errors and for naming arrays.

        Returns
        -------
        object
            The tree.

        Raises
        ------
        TypeError
            If the value, or one inside it, is of another type.
        ValueError
            If a value contains itself.
        """
        if value is None or type(value) in (bool, int, float, str):
            return value
        if isinstance(value, np.generic):
            return {_TAG: "scalar", "array": self._array(np.asarray(value), name)}
        if isinstance(value, np.ndarray) or is_device_array(value):
            return {_TAG: "array", "array": self._array(value, name)}
        if id(value) in self._open:
            raise ValueError(f"{name} contains itself and cannot be stored")
        self._open.add(id(value))
        try:
            return self._compound(value, name)
        finally:
            self._open.discard(id(value))

    def _compound(self, value: Any, name: str) -> Any:
        kind = type(value)
        if kind is list:
            return self._items(value, name)
        if kind.__name__ in _GROUPS and kind.__module__ == "builtins":
            return {_TAG: kind.__name__, "items": self._items(value, name)}
        if kind is dict:
            return {_TAG: "dict", "items": self._pairs(value, lambda key: f"{name}[{key!r}]")}
        if kind is bytes:
            return {_TAG: "bytes", "base64": base64.b64encode(value).decode("ascii")}
        if kind is complex:
            return {_TAG: "complex", "parts": [value.real, value.imag]}
        if kind is TimeWindow:
            return {_TAG: "TimeWindow", "window": self.encode(value.window, name)}
        if kind is AdaptiveWindow:
            return {_TAG: "AdaptiveWindow", "window": value.window, "max_elems": value.max_elems}
        if isinstance(value, PEPTObject):
            return self._object(value, name)
        raise TypeError(_refusal(name, kind))

    def _items(self, values: Any, name: str) -> list[Any]:
        return [self.encode(value, f"{name}[{i}]") for i, value in enumerate(values)]

    def _pairs(self, values: Mapping[Any, Any], name: Callable[[Any], str]) -> list[list[Any]]:
        return [[self.encode(k, f"key {k!r}"), self.encode(v, name(k))] for k, v in values.items()]

    def _object(self, value: PEPTObject, name: str) -> Any:
        class_name = stored_class_name(type(value))
        if class_name is None:
            raise TypeError(_refusal(name, type(value)))
        prefix = f"{name}." if name else ""
        state = {key: self.encode(part, prefix + key) for key, part in value._saved_state().items()}
        return {_TAG: "object", "class": class_name, "state": state}

    def _array(self, array: Any, name: str) -> str:
        if id(array) in self._stored:
            return self._stored[id(array)][0]
        host = to_host(array)
        if host.dtype.kind not in _ARRAY_KINDS:
            raise TypeError(
                f"{name or 'the array'} has dtype {host.dtype}, which cannot be stored; make it an "
                "array of numbers or text, or a list"
            )
        stem = re.sub(r"\W+", "_", name).strip("_") or "array"
        key, number = stem, 1
        while key in self.arrays:
            number += 1
            key = f"{stem}_{number}"
        self.arrays[key] = host
        self._stored[id(array)] = (key, array)
        return key


def _refusal(name: str, kind: type) -> str:
    what = (
        f"{name or 'the object'} is a {kind.__module__}.{kind.__qualname__}, which cannot be stored"
    )
    return (
        f"{what}: files hold objects of {_PACKAGE}, NumPy arrays, numbers, text and lists, tuples, "
        "sets and dicts of them; remove it first (for attributes of containers: "
        "copy(extra=False), copy(hidden=False) or del attrs[...])"
    )


def stored_class_name(kind: type) -> str | None:
    """Name under which a class is stored: its public place; None if it cannot be stored."""
    parts = kind.__module__.split(".")
    for depth in range(2, len(parts) + 1):
        name = f"{'.'.join(parts[:depth])}:{kind.__name__}"
        try:
            if find_stored_class(name) is kind:
                return name
        except ValueError:
            continue
    return None


def find_stored_class(name: str) -> type[PEPTObject]:
    """Find a class of this package by the name under which it was stored.

    Parameters
    ----------
    name : str
        ``package.module:Class``.

    Returns
    -------
    type
        A subclass of `PEPTObject` that is defined in this package.

    Raises
    ------
    ValueError
        If the name is anything else.
    """
    match = _CLASS_NAME.fullmatch(name) if isinstance(name, str) else None
    if match is not None:
        try:
            found = vars(importlib.import_module(match[1])).get(match[2])
        except ImportError as error:
            raise ValueError(f"there is no module {match[1]!r}") from error
        own = getattr(found, "__module__", "").partition(".")[0] == _PACKAGE
        if own and isinstance(found, type) and issubclass(found, PEPTObject):
            return found
    raise ValueError(f"{name!r} is not the name of a class of {_PACKAGE} that can be loaded")


class Decoder:
    """Makes the object that an `Encoder` encoded.

    Parameters
    ----------
    arrays : mapping of str to np.ndarray
        The arrays that the tree refers to.
    """

    def __init__(self, arrays: Mapping[str, np.ndarray]) -> None:
        self._arrays = arrays
        self._loaded: dict[str, np.ndarray] = {}

    def decode(self, tree: Any) -> Any:
        """Make the object.

        Parameters
        ----------
        tree : object
            What `Encoder.encode` returned.

        Returns
        -------
        object
            A copy of the object that was encoded; its arrays are on the host.

        Raises
        ------
        ValueError, TypeError, KeyError
            If the tree was not made by an `Encoder`.
        """
        if isinstance(tree, list):
            return [self.decode(item) for item in tree]
        if not isinstance(tree, dict):
            return tree
        tag = tree.get(_TAG)
        if tag in _GROUPS:
            return _GROUPS[tag](self.decode(tree["items"]))
        if tag not in _READERS:
            raise ValueError(f"unknown kind of stored value {tag!r}")
        return _READERS[tag](self, tree)

    def _array(self, tree: dict[str, Any]) -> np.ndarray:
        key = tree["array"]
        if key not in self._loaded:
            array = self._arrays[key]
            if not isinstance(array, np.ndarray) or array.dtype.kind not in _ARRAY_KINDS:
                raise ValueError(f"{key!r} is not an array of numbers or text")
            self._loaded[key] = array
        return self._loaded[key]

    def _dict(self, tree: dict[str, Any]) -> dict[Any, Any]:
        return {self.decode(key): self.decode(value) for key, value in tree["items"]}

    def _adaptive_window(self, tree: dict[str, Any]) -> AdaptiveWindow:
        return AdaptiveWindow(tree["window"], tree["max_elems"])

    def _object(self, tree: dict[str, Any]) -> PEPTObject:
        kind = find_stored_class(tree["class"])
        return kind._restored({str(key): self.decode(part) for key, part in tree["state"].items()})


_READERS: dict[Any, Callable[[Decoder, dict[str, Any]], Any]] = {
    "array": Decoder._array,
    "scalar": lambda decoder, tree: decoder._array(tree)[()],
    "dict": Decoder._dict,
    "bytes": lambda decoder, tree: base64.b64decode(tree["base64"], validate=True),
    "complex": lambda decoder, tree: complex(*map(float, tree["parts"])),
    "TimeWindow": lambda decoder, tree: TimeWindow(decoder.decode(tree["window"])),
    "AdaptiveWindow": Decoder._adaptive_window,
    "object": Decoder._object,
}
