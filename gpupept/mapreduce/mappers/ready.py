"""What the ready-made mappers share."""

from __future__ import annotations

from typing import Any, ClassVar

from gpupept.mapreduce.config import Config
from gpupept.mapreduce.mapper import ImageMapper


class ReadyMapper(ImageMapper):
    """A mapper whose parameters are arguments, or fields of its configuration.

    Parameters
    ----------
    values : dict
        Fields of the configuration that were given as arguments; None leaves a field as it is.
    config, name, parentTask, log
        As of `Task`.
    """

    threadSafe: ClassVar[bool] = True
    returnsCell: ClassVar[bool] = True

    def __init__(self, values: dict[str, Any], config: Config | None = None, **task: Any) -> None:
        super().__init__(config, **task)
        self.config.update(**{name: value for name, value in values.items() if value is not None})
        self.config.validate()
