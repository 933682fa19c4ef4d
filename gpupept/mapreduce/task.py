"""Tasks: configured pieces of work with names, parts, logs and records of time."""

from __future__ import annotations

import logging
import time
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, ClassVar

from gpupept.mapreduce.config import Config, Configurable, ConfigurableField


class Task:
    """Base of tasks.

    Parameters
    ----------
    config : Config, optional
        Configuration, of the class `ConfigClass`; kept, not copied, so that values set later count.
    name : str, optional
        Name; `_DefaultName` by default.
    parentTask : Task, optional
        Task of which this is a part.
    log : logging.Logger, optional
        Where to log.

    Attributes
    ----------
    config : Config
        The configuration.
    metadata : dict
        What the task recorded, such as the seconds of each block timed with `timer`.
    log : logging.Logger
        Its log.

    Raises
    ------
    TypeError
        If the configuration is of another class.
    """

    ConfigClass: ClassVar[type[Config]] = Config
    _DefaultName: ClassVar[str] = "task"

    def __init__(
        self,
        config: Config | None = None,
        *,
        name: str | None = None,
        parentTask: Task | None = None,
        log: logging.Logger | None = None,
    ) -> None:
        if config is None:
            config = self.ConfigClass()
        if not isinstance(config, self.ConfigClass):
            raise TypeError(
                f"config of a {type(self).__name__} must be a {self.ConfigClass.__name__}, found "
                f"{type(config).__name__}"
            )
        self.config: Any = config
        self.metadata: dict[str, Any] = {}
        self._name = self._DefaultName if name is None else name
        above = "" if parentTask is None else f"{parentTask.getFullName()}."
        self._fullName: str = above + self._name
        self._tasks: dict[str, weakref.ref[Task]] = {} if parentTask is None else parentTask._tasks
        self._tasks[self._fullName] = weakref.ref(self)
        parent = logging.getLogger("gpupept") if parentTask is None else parentTask.log
        self.log: logging.Logger = parent.getChild(self._name) if log is None else log

    def getName(self) -> str:
        """Return the name of the task."""
        return self._name

    def getFullName(self) -> str:
        """Return the names of the tasks above and of this one, with dots between."""
        return self._fullName

    def getTaskDict(self) -> dict[str, weakref.ref[Task]]:
        """Return weak references to this task and its parts, by full name."""
        below = f"{self._fullName}."
        return {
            name: task
            for name, task in self._tasks.items()
            if name == self._fullName or name.startswith(below)
        }

    def getFullMetadata(self) -> dict[str, dict[str, Any]]:
        """Return what this task and its parts recorded, by full name with colons for the dots."""
        return {
            name.replace(".", ":"): task.metadata
            for name, ref in self.getTaskDict().items()
            if (task := ref()) is not None
        }

    def emptyMetadata(self) -> None:
        """Forget what this task and its parts recorded."""
        for metadata in self.getFullMetadata().values():
            metadata.clear()

    def makeSubtask(self, name: str, **kwargs: Any) -> None:
        """Make a part, as the attribute `name`, of the task that the configuration names.

        Parameters
        ----------
        name : str
            Name of a `ConfigurableField` of the configuration.
        **kwargs
            Further arguments of the task.

        Raises
        ------
        AttributeError
            If the configuration has no such field.
        TypeError
            If the field is not a `ConfigurableField`.
        """
        field = getattr(self.config, name)
        if not isinstance(field, Configurable):
            raise TypeError(f"field {name!r} of the configuration is not a ConfigurableField")
        setattr(self, name, field.apply(name=name, parentTask=self, **kwargs))

    def _adopt(self, name: str, part: Task) -> None:
        """Make a task that exists already a part of this one."""
        for full in part.getTaskDict():
            del part._tasks[full]
        part._name, part._fullName = name, f"{self._fullName}.{name}"
        part._tasks = self._tasks
        self._tasks[part._fullName] = weakref.ref(part)
        setattr(self, name, part)

    @classmethod
    def makeField(cls, doc: str) -> ConfigurableField:
        """Return a field that makes this task a part of others."""
        return ConfigurableField(cls, doc)

    @contextmanager
    def timer(self, name: str, logLevel: int = logging.DEBUG) -> Iterator[None]:
        """Record the time of a block.

        Parameters
        ----------
        name : str
            The seconds of each time are listed in ``metadata[name + "Seconds"]``.
        logLevel : int
            Level at which the time is logged.
        """
        start = time.perf_counter()
        try:
            yield
        finally:
            seconds = time.perf_counter() - start
            self.metadata.setdefault(f"{name}Seconds", []).append(seconds)
            self.log.log(logLevel, "%s took %.6f s", name, seconds)
