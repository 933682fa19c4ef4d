"""How long reading takes, in the log."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager

logger = logging.getLogger("gpupept.scanners")


@contextmanager
def log_elapsed(verbose: bool) -> Iterator[None]:
    """Log the time the block took when `verbose`, unless it raises."""
    start = time.perf_counter()
    yield
    if verbose:
        logger.info("Initialised PEPT data in %.3f s.", time.perf_counter() - start)
