"""Configurations: classes of typed fields with defaults, whose names and values are checked."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Self

import numpy as np


class FieldValidationError(ValueError):
    """A value that a field of a configuration does not take."""


def _described(doc: str | None, fields: Mapping[str, Field]) -> str | None:
    """Docstring of a configuration with its fields, unless it lists them itself."""
    heading = "Attributes\n----------\n"
    if doc is None or not fields or heading in inspect.cleandoc(doc):
        return doc
    return "\n\n".join([inspect.cleandoc(doc), heading + "\n".join(map(_entry, fields.values()))])


def _entry(field: Field) -> str:
    kind, default, lines = field.dtype.__name__, repr(field.default), [field.doc]
    if isinstance(field, ConfigurableField):
        kind, default = "task", field.target.__name__
    elif isinstance(field, ListField):
        kind = f"list of {kind}"
        default = default if field.default is None else repr(list(field.default))
    elif isinstance(field, ChoiceField):
        kind = f"{{{', '.join(map(repr, field.allowed))}}}"
        lines += [f"- {choice!r}: {meaning}" for choice, meaning in field.allowed.items()]
    text = "\n".join(f"    {line}" for line in lines if line)
    return f"{field.name} : {kind}, default {default}\n{text}".rstrip()


class Field:
    """One value of a configuration.

    Parameters
    ----------
    dtype : type
        int, float, bool or str. Whole numbers are taken for float, NumPy's scalars for Python's.
    default : object, optional
        Value to begin with.
    doc : str
        What it is for.
    optional : bool, default True
        Whether None is a value.
    check : callable, optional
        Tells whether a value is allowed.

    Examples
    --------
    >>> from gpupept.mapreduce import Config, Field
    >>> class Add(Config):
    ...     amount = Field(float, default=5.0, doc="What to add")
    >>> config = Add()
    >>> config.amount = 3
    >>> config.amount
    3.0
    """

    def __init__(
        self,
        dtype: type,
        default: Any = None,
        doc: str = "",
        optional: bool = True,
        check: Callable[[Any], bool] | None = None,
    ) -> None:
        self.dtype, self.default, self.optional, self.check = dtype, default, optional, check
        self.__doc__ = self.doc = doc
        self.name = ""

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    def __get__(self, config: Config | None, owner: type | None = None) -> Any:
        return self if config is None else config._values[self.name]

    def __set__(self, config: Config, value: Any) -> None:
        config._values[self.name] = self.checked(value)

    def initial(self) -> Any:
        """Value to begin with, of each configuration its own."""
        return None if self.default is None else self.checked(self.default)

    def checked(self, value: Any) -> Any:
        """Value as it is kept.

        Raises
        ------
        FieldValidationError
            If it is not one for this field.
        """
        if value is None:
            if not self.optional:
                raise self._error(value, f"a {self.dtype.__name__}")
            return None
        value = self._converted(value)
        if self.check is not None and not self.check(value):
            raise self._error(value, f"an allowed value ({self.doc})")
        return value

    def _converted(self, value: Any) -> Any:
        if isinstance(value, np.generic):
            value = value.item()
        whole = isinstance(value, int) and not isinstance(value, bool)
        if self.dtype is float and whole:
            return float(value)
        if self.dtype is object:
            return value
        if not isinstance(value, self.dtype) or (
            isinstance(value, bool) and self.dtype is not bool
        ):
            raise self._error(value, f"a {self.dtype.__name__}")
        return value

    def _error(self, value: Any, expected: str) -> FieldValidationError:
        return FieldValidationError(
            f"field {self.name!r} must be {expected}, found {value!r} of type {type(value).__name__}"
        )


class ChoiceField(Field):
    """One of several values; `allowed` maps each to what it means.

    Examples
    --------
    >>> from gpupept.mapreduce import ChoiceField, Config
    >>> class Reduce(Config):
    ...     operation = ChoiceField(str, {"sum": "add", "copy": "replace"}, default="sum")
    >>> Reduce(operation="copy").operation
    'copy'
    """

    def __init__(
        self,
        dtype: type,
        allowed: Mapping[Any, str],
        default: Any = None,
        doc: str = "",
        optional: bool = False,
    ) -> None:
        super().__init__(dtype, default, doc, optional)
        self.allowed = dict(allowed)

    def checked(self, value: Any) -> Any:
        """Value as it is kept, if it is one of those allowed."""
        value = super().checked(value)
        if value is not None and value not in self.allowed:
            raise self._error(value, f"one of {', '.join(map(repr, self.allowed))}")
        return value


class ListField(Field):
    """Several values of a type."""

    def checked(self, value: Any) -> Any:
        """Values as they are kept, in a new list."""
        if value is None:
            return super().checked(value)
        if isinstance(value, (str, bytes)) or not isinstance(value, Iterable):
            raise self._error(value, f"a list of {self.dtype.__name__}")
        values = [self._converted(item) for item in value]
        if self.check is not None and not self.check(values):
            raise self._error(value, f"an allowed list ({self.doc})")
        return values


class ConfigurableField(Field):
    """A part that is a task of its own, with a configuration that can be set from here.

    Parameters
    ----------
    target : type
        Class of the task, with a class attribute `ConfigClass`.
    doc : str
        What it is for.
    """

    def __init__(self, target: Any, doc: str = "") -> None:
        super().__init__(object, None, doc, optional=False)
        self.target = target

    def initial(self) -> Any:
        """Choice of the target, with its default configuration."""
        return Configurable(self.target)

    def __set__(self, config: Config, value: Any) -> None:
        held: Configurable = config._values[self.name]
        if isinstance(value, Configurable):
            held.retarget(value.target)
            held.value = copy.deepcopy(value.value)
        elif isinstance(value, type) and hasattr(value, "ConfigClass"):
            held.retarget(value)
        elif isinstance(value, held.target.ConfigClass):
            held.value = value
        else:
            raise self._error(
                value, f"a task class, or a {held.target.ConfigClass.__name__} for the present one"
            )


class Configurable:
    """Which task a `ConfigurableField` stands for, and the configuration it will get.

    Attributes of the configuration can be used on this object: ``config.mapper.amount = 5``.

    Attributes
    ----------
    target : type
        Class of the task.
    value : Config
        Its configuration.
    """

    def __init__(self, target: Any) -> None:
        self.__dict__["target"] = target
        self.__dict__["value"] = target.ConfigClass()

    def retarget(self, target: Any) -> None:
        """Choose another class of task, whose configuration begins with its defaults."""
        if not (isinstance(target, type) and hasattr(target, "ConfigClass")):
            raise FieldValidationError(
                f"target must be a task class with a ConfigClass, found {target!r}"
            )
        self.__dict__["target"] = target
        self.__dict__["value"] = target.ConfigClass()

    def apply(self, **kwargs: Any) -> Any:
        """Make the task; it keeps this configuration, not a copy."""
        return self.target(config=self.value, **kwargs)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or "value" not in self.__dict__:  # while being copied or unpickled
            raise AttributeError(name)
        return getattr(self.value, name)

    def __setattr__(self, name: str, value: Any) -> None:
        if name in self.__dict__:
            self.__dict__[name] = value
        else:
            setattr(self.value, name, value)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Configurable):
            return NotImplemented
        return self.target is other.target and bool(self.value == other.value)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"{self.target.__name__}: {self.value!r}"


class Config:
    """Base of configurations: a class whose attributes are fields.

    Parameters
    ----------
    **overrides
        Values of fields other than their defaults.

    Raises
    ------
    AttributeError
        If there is no field of a name.
    FieldValidationError
        If a field does not take a value.
    """

    _fields: Mapping[str, Field] = {}
    _values: dict[str, Any]

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        own = {name: field for name, field in vars(cls).items() if isinstance(field, Field)}
        inherited = {n: f for base in reversed(cls.__mro__[1:]) for n, f in _fields(base).items()}
        cls._fields = {**inherited, **own}
        cls.__doc__ = _described(cls.__dict__.get("__doc__"), cls._fields)

    def __init__(self, **overrides: Any) -> None:
        object.__setattr__(self, "_values", {n: f.initial() for n, f in self._fields.items()})
        self.setDefaults()
        self.update(**overrides)

    def setDefaults(self) -> None:
        """Change inherited defaults; for subclasses to override."""

    def update(self, **overrides: Any) -> None:
        """Set several fields."""
        for name, value in overrides.items():
            setattr(self, name, value)

    def toDict(self) -> dict[str, Any]:
        """Return the values by name; of parts, their values by name."""
        return {
            name: value.value.toDict() if isinstance(value, Configurable) else value
            for name, value in self._values.items()
        }

    def copy(self) -> Self:
        """Return a configuration of its own with the same values."""
        return copy.deepcopy(self)

    def validate(self) -> None:
        """Check every field again, and those that depend on one another in subclasses.

        Raises
        ------
        FieldValidationError
            If a value is not one of its field.
        """
        for name, field in self._fields.items():
            value = self._values[name]
            if isinstance(value, Configurable):
                value.value.validate()
            else:
                field.checked(value)

    def __setattr__(self, name: str, value: Any) -> None:
        if name not in self._fields:
            known = ", ".join(self._fields) or "none"
            raise AttributeError(f"{type(self).__name__} has no field {name!r}; it has {known}")
        self._fields[name].__set__(self, value)

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and self._values == getattr(other, "_values", None)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        values = ", ".join(f"{name}={value!r}" for name, value in self._values.items())
        return f"{type(self).__name__}({values})"

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        new = object.__new__(type(self))
        object.__setattr__(new, "_values", copy.deepcopy(self._values, memo))
        return new

    def __getstate__(self) -> dict[str, Any]:
        return self._values

    def __setstate__(self, values: dict[str, Any]) -> None:
        object.__setattr__(self, "_values", values)


def _fields(base: type) -> Mapping[str, Field]:
    return getattr(base, "_fields", {}) if issubclass(base, Config) else {}
