"""Entry point of the command: run what was asked for, and say in one line what went wrong."""

from __future__ import annotations

import contextlib
import logging
import os
import sys
import warnings
from collections.abc import Iterator, Sequence
from typing import Any

from gpupept.backend import BackendError
from gpupept.cli.arguments import make_parser

BAD_INPUT = 1
INTERRUPTED = 130

# What users, files and machines get wrong; anything else is a defect and shows its traceback.
_EXPECTED = (ValueError, OSError, ImportError, MemoryError, BackendError)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line.

    Parameters
    ----------
    arguments : sequence of str, optional
        Words after ``gpupept``; those of this process by default.

    Returns
    -------
    int
        Exit status: 0 done, 1 bad input or a device that cannot be used (with one line about it on
        standard error), 130 interrupted.

    Raises
    ------
    SystemExit
        With status 2 when the arguments cannot be understood, 0 after ``--help``.

    Examples
    --------
    >>> from gpupept.cli import main
    >>> main(["track", "absent.csv", "--separation", "712", "--out", "t.npz"])
    1
    """
    options = make_parser().parse_args(arguments)
    with _messages(options.debug):
        try:
            options.run(options)
            sys.stdout.flush()
        except KeyboardInterrupt as interrupt:
            _say(": ".join(["interrupted", *map(str, interrupt.args)]))
            return INTERRUPTED
        except BrokenPipeError:  # the reader of our output, such as `head`, has had enough
            _discard_output()
            return BAD_INPUT
        except _EXPECTED as error:
            if options.debug:
                raise
            _say(f"error: {_one_line(error)}")
            return BAD_INPUT
    return 0


def _say(message: str) -> None:
    sys.stderr.write(f"gpupept: {message}\n")


def _discard_output() -> None:
    """Point standard output nowhere, so that Python does not fail again when it flushes it."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _one_line(error: BaseException) -> str:
    if isinstance(error, OSError) and error.strerror is not None:
        places = [str(name) for name in (error.filename, error.filename2) if name is not None]
        return ": ".join([error.strerror, *places])
    if isinstance(error, MemoryError) and not str(error):
        return "not enough memory"
    return " ".join(str(error).split()) or type(error).__name__


@contextlib.contextmanager
def _messages(debug: bool) -> Iterator[None]:
    """Show warnings and the log of the package on standard error, a line each."""
    handler = _LineHandler()
    logger = logging.getLogger("gpupept")
    former = logger.level, logger.propagate
    logger.setLevel(logging.INFO if debug else logging.WARNING)
    logger.propagate = False
    logger.addHandler(handler)
    with warnings.catch_warnings():
        warnings.showwarning = _show_warning
        try:
            yield
        finally:
            logger.removeHandler(handler)
            logger.level, logger.propagate = former


class _LineHandler(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        _say(f"{record.levelname.lower()}: {' '.join(record.getMessage().split())}")


def _show_warning(message: Warning | str, *_: Any, **__: Any) -> None:
    _say(f"warning: {' '.join(str(message).split())}")
