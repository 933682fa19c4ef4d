"""One line of log when functions of this package are compiled, which takes long and happens once."""

from __future__ import annotations

import logging
import sys
from typing import Any

logger = logging.getLogger("gpupept.kernels")


class _Notice:
    """What is still to be done in this process."""

    watching = False
    due = True


def watch_compilation() -> None:
    """Have the first compilation told, once Numba is in use; what comes from its cache is not one."""
    if _Notice.watching or "numba" not in sys.modules:
        return
    _Notice.watching = True
    from numba.core import event

    class Listener(event.Listener):  # type: ignore[misc]
        def on_start(self, event: Any) -> None:
            function = getattr(event.data["dispatcher"], "py_func", None)
            if getattr(function, "__module__", "").startswith("gpupept."):
                _tell()

        def on_end(self, event: Any) -> None:
            pass

    event.register("numba:compile", Listener())


def silence() -> None:
    """Tell nothing from now on: compiling is what was asked for."""
    _Notice.due = False


def _tell() -> None:
    if _Notice.due:
        _Notice.due = False
        logger.warning(
            "compiling for this machine, once; `gpupept warmup` does all of it beforehand"
        )
